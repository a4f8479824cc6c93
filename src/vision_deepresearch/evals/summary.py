"""The figures of one run under one judge: accuracy with its interval, what is not counted, what it took.

The headline divides by all valid attempts and counts as whole only if at most 2 % are invalid; the
bounds, all invalid ones wrong or all right, are always there. No item leaves the denominator silently.
"""

import statistics
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import replace

from vision_deepresearch.core.record import Record
from vision_deepresearch.evals.grading import Crop, Effort, Graded, GradedRun
from vision_deepresearch.evals.outcomes import Outcome
from vision_deepresearch.evals.statistics.attempts import majority, pass_all, pass_any
from vision_deepresearch.evals.statistics.clustered import clustered_mean, macro_mean
from vision_deepresearch.evals.statistics.shares import wilson

MAX_INVALID = 0.02
"""Share of invalid attempts up to which an accuracy is whole."""


class Accuracy(Record):
    """A share of right attempts."""

    correct: int
    valid: int
    invalid: int
    share: float | None
    """Of the valid ones; None: there are none."""
    low: float | None
    """Of the 95 % interval; None: one cluster says nothing about its spread."""
    high: float | None
    error: float | None
    """Standard error, by clusters; None: one cluster."""
    method: str
    """How the interval was made: "wilson", or "clustered t" over tasks or clusters."""
    if_invalid_wrong: float
    if_invalid_right: float

    @property
    def is_whole(self) -> bool:
        """Whether so few are invalid that the share may be printed as the result."""
        return self.invalid <= MAX_INVALID * (self.valid + self.invalid)


class Spread(Record):
    """Of one thing that attempts take."""

    p50: float
    p95: float
    mean: float


class Retrieval(Record):
    """What searching for crops of one scale gave."""

    searched: int
    found: int
    """Crops with a hit, right or wrong."""
    failed: int
    """The engine failed: such crops are not in the share."""
    right: int | None = None
    """Crops with a hit that names a gold entity; None: they are not known for all of these."""

    @property
    def share(self) -> float | None:
        """Of the crops that were looked for: how many had a hit."""
        looked = self.searched - self.failed
        return self.found / looked if looked else None

    @property
    def right_share(self) -> float | None:
        """Of the crops that were looked for: how many had a right hit."""
        looked = self.searched - self.failed
        return self.right / looked if looked and self.right is not None else None


class Summary(Record):
    """One run under one judge."""

    run: str
    mode: str
    model: str
    judge: str
    tasks: int
    attempts: int
    outcomes: dict[str, int]
    accuracy: Accuracy
    by_set: dict[str, Accuracy]
    by_stratum: dict[str, dict[str, Accuracy]]
    """Stratum, value: for example "hops", "3"."""
    pass_any: float | None
    """pass@k for k = attempts, mean over tasks with so many valid ones; None: one attempt."""
    pass_all: float | None
    """pass^k likewise."""
    majority: float | None
    """Share of tasks whose most frequent answer is right."""
    forced: float | None
    """Share of attempts whose answer was demanded at a limit."""
    extraction: dict[str, int]
    effort: dict[str, Spread]
    by_scale: dict[str, Retrieval]
    """Crops that were searched, by scale."""
    tools: dict[str, dict[str, int]]
    """Calls by tool, then by what came: ok, empty, or the kind of failure."""
    recall: Accuracy | None
    """Entity Recall; None: no task has gold entities, or nobody has decided."""
    recall_judge: str
    """Who decided it."""
    recall_open: int
    """Attempts with gold entities that nobody has decided."""
    mean_score: float | None
    """Of valid attempts, of judges that tell a score: no answer counts 0; None: the judge tells none."""
    when_attempted: float | None
    """Share of right ones among valid attempts that tried; None: the judge says of none that it did
    not, or of all."""
    flags: dict[str, int]
    """Attempts by sign that they met a copy of their question."""
    unflagged: Accuracy | None
    """Of the attempts without any such sign; None: there are no others."""
    macro: float | None
    """Unweighted mean over sets; None: there is one set."""
    macro_error: float | None
    cost_usd: float | None
    """Of all attempts; None: a price is not known."""
    cost_per_correct_usd: float | None

    def headline(self) -> str:
        """Accuracy in words."""
        found = self.accuracy
        if found.share is None:
            return f"no valid attempt of {found.invalid}"
        interval = (
            f" [{_percent(found.low)}, {_percent(found.high)}]" if found.low is not None else ""
        )
        if found.is_whole:
            return f"accuracy {_percent(found.share)} %{interval}"
        return (
            f"incomplete: {found.invalid} of {found.valid + found.invalid} attempts are invalid, the"
            f" accuracy lies between {_percent(found.if_invalid_wrong)} and"
            f" {_percent(found.if_invalid_right)} % (of the valid ones {_percent(found.share)} %{interval})"
        )

    def counts_line(self) -> str:
        """What became of the attempts."""
        return ", ".join(f"{name} {count}" for name, count in self.outcomes.items() if count)


def summarise(run: GradedRun) -> Summary:
    """Count a graded run.

    Raises:
        ConfigError: several attempts or clusters, and scipy is not installed.
    """
    items = run.items
    made = [one.effort for one in items if one.effort is not None]
    # An attempt that an outage cut short says nothing about what attempts take; it did cost.
    efforts = [
        one.effort
        for one in items
        if one.effort is not None and one.outcome is not Outcome.INFRA_ERROR
    ]
    counts = Counter(one.outcome for one in items)
    accuracy = accuracy_of(items)
    costs = [effort.cost_usd for effort in made]
    macro = _macro(items)
    is_known = bool(costs) and all(one is not None for one in costs)
    cost = sum(one or 0.0 for one in costs) if is_known else None
    return Summary(
        run=str(run.path),
        mode=run.mode,
        model=run.model,
        judge=run.judge,
        tasks=len({one.task_id for one in items}),
        attempts=run.attempts,
        outcomes={outcome.value: counts[outcome] for outcome in Outcome},
        accuracy=accuracy,
        by_set={name: accuracy_of(part) for name, part in _parts(items, lambda i: i.set_name)},
        by_stratum={
            stratum: {
                value: accuracy_of(part)
                for value, part in _parts(items, lambda i, of=stratum: i.strata.get(of, ""))
                if value
            }
            for stratum in sorted({name for one in items for name in one.strata})
        },
        pass_any=_over_tasks(items, run.attempts, pass_any),
        pass_all=_over_tasks(items, run.attempts, pass_all),
        majority=_majority(items, run.attempts),
        forced=sum(e.is_forced for e in efforts) / len(efforts) if efforts else None,
        extraction=dict(Counter(e.extraction for e in efforts if e.extraction)),
        effort=_efforts(efforts),
        by_scale=_by_scale(efforts),
        tools=_tools(efforts),
        recall=_recall(items),
        recall_judge=run.recall_judge,
        recall_open=sum(one.has_entities and one.recall is None for one in items),
        mean_score=_mean_score(items),
        when_attempted=_when_attempted(items),
        flags=dict(Counter(flag.value for one in items for flag in sorted(one.flags))),
        unflagged=accuracy_of([one for one in items if not one.flags])
        if any(one.flags for one in items)
        else None,
        macro=macro[0],
        macro_error=macro[1],
        cost_usd=cost,
        cost_per_correct_usd=cost / accuracy.correct if cost and accuracy.correct else None,
    )


def accuracy_of(items: Sequence[Graded]) -> Accuracy:
    """The accuracy of some attempts: Wilson where each stands alone, else by clusters.

    Source of the cases: the project's evaluation protocol, statistics.
    """
    valid = [one for one in items if one.is_correct is not None]
    correct = sum(bool(one.is_correct) for one in valid)
    low: float | None
    high: float | None
    low, high, method = 0.0, 1.0, "none"
    error = None
    clusters = [one.cluster for one in valid]
    if valid:
        estimate = clustered_mean([float(bool(one.is_correct)) for one in valid], clusters)
        error = estimate.error
        if len(set(clusters)) == len(clusters):
            (low, high), method = wilson(correct, len(valid)), "wilson"
        else:
            interval, method = estimate.interval(), "clustered t"
            low, high = (max(0.0, interval[0]), min(1.0, interval[1])) if interval else (None, None)
    invalid = len(items) - len(valid)
    total = max(1, len(items))
    return Accuracy(
        correct=correct,
        valid=len(valid),
        invalid=invalid,
        share=correct / len(valid) if valid else None,
        low=low,
        high=high,
        error=error,
        method=method,
        if_invalid_wrong=correct / total,
        if_invalid_right=(correct + invalid) / total,
    )


def _parts(
    items: Sequence[Graded], name_of: Callable[[Graded], str]
) -> list[tuple[str, list[Graded]]]:
    parts: defaultdict[str, list[Graded]] = defaultdict(list)
    for one in items:
        parts[name_of(one)].append(one)
    return sorted(parts.items())


def _over_tasks(
    items: Sequence[Graded], attempts: int, rate: Callable[..., float | None]
) -> float | None:
    """Mean over tasks of a rate of k = `attempts`; None for one attempt, or where no task has k."""
    if attempts < 2:
        return None
    found = []
    for _, part in _parts(items, lambda i: i.task_id):
        valid = [one for one in part if one.is_correct is not None]
        value = rate(sum(bool(one.is_correct) for one in valid), len(valid), k=attempts)
        if value is not None:
            found.append(value)
    return statistics.fmean(found) if found else None


def _majority(items: Sequence[Graded], attempts: int) -> float | None:
    if attempts < 2:
        return None
    right = []
    for _, part in _parts(items, lambda i: i.task_id):
        valid = sorted(
            (one for one in part if one.is_correct is not None), key=lambda one: one.attempt
        )
        if valid:
            chosen = majority([one.answer for one in valid])
            right.append(chosen is not None and bool(valid[chosen].is_correct))
    return statistics.fmean(right) if right else None


def _macro(items: Sequence[Graded]) -> tuple[float | None, float | None]:
    """Mean over sets and its standard error; nothing where there is one set, or one without a figure."""
    estimates = []
    for _, part in _parts(items, lambda i: i.set_name):
        valid = [one for one in part if one.is_correct is not None]
        if not valid:
            return None, None
        values = [float(bool(one.is_correct)) for one in valid]
        estimates.append(clustered_mean(values, [one.cluster for one in valid]))
    return macro_mean(estimates) if len(estimates) > 1 else (None, None)


def _by_scale(efforts: Sequence[Effort]) -> dict[str, Retrieval]:
    crops: defaultdict[float, list[Crop]] = defaultdict(list)
    for effort in efforts:
        for crop in effort.crops:
            crops[crop.scale].append(crop)
    return {f"{scale:g}": _retrieval(of) for scale, of in sorted(crops.items())}


def _retrieval(crops: Sequence[Crop]) -> Retrieval:
    found = [crop.found for crop in crops]
    right = [crop.is_right for crop in crops]
    return Retrieval(
        searched=len(crops),
        found=found.count(True),
        failed=found.count(None),
        right=None if None in right else right.count(True),
    )


def _tools(efforts: Sequence[Effort]) -> dict[str, dict[str, int]]:
    counts: Counter[tuple[str, str]] = Counter()
    for effort in efforts:
        counts.update(effort.tools)
    made: dict[str, dict[str, int]] = {}
    for (tool, came), number in sorted(counts.items()):
        made.setdefault(tool, {})[came] = number
    return made


def _recall(items: Sequence[Graded]) -> Accuracy | None:
    """Over the attempts that somebody decided."""
    decided = [replace(one, is_correct=one.recall) for one in items if one.recall is not None]
    return accuracy_of(decided) if decided else None


def _mean_score(items: Sequence[Graded]) -> float | None:
    valid = [one for one in items if one.is_correct is not None]
    if all(one.score is None for one in valid):
        return None
    return statistics.fmean(one.score or 0.0 for one in valid)


def _when_attempted(items: Sequence[Graded]) -> float | None:
    valid = [one for one in items if one.is_correct is not None]
    tried = [one for one in valid if one.is_attempted and one.outcome is Outcome.ANSWERED]
    if all(one.is_attempted for one in valid) or not tried:
        return None
    return sum(bool(one.is_correct) for one in tried) / len(tried)


def _efforts(efforts: Sequence[Effort]) -> dict[str, Spread]:
    if not efforts:
        return {}
    columns: dict[str, list[float]] = {
        "turns": [e.turns for e in efforts],
        "calls": [e.calls for e in efforts],
        "engine_requests": [e.engine_requests for e in efforts],
        "tokens": [e.tokens for e in efforts],
        "seconds": [e.seconds for e in efforts],
    }
    costs = [e.cost_usd for e in efforts if e.cost_usd is not None]
    if len(costs) == len(efforts):
        columns["cost_usd"] = costs
    return {name: _spread(values) for name, values in columns.items()}


def _spread(values: Sequence[float]) -> Spread:
    ordered = sorted(values)
    return Spread(
        p50=statistics.median(ordered),
        p95=ordered[min(len(ordered) - 1, int(0.95 * len(ordered)))],
        mean=statistics.fmean(ordered),
    )


def _percent(share: float | None) -> str:
    return "?" if share is None else f"{100 * share:.1f}"
