"""Two runs on the same tasks: what differs, how surely, and what could have been found.

Pairs are made by task id; a run that shares no task with the other, or was judged by another judge, is
refused. Of each task the mean over its valid attempts counts; a task without a valid attempt in either run
is left out and told.

Tests: with one attempt each and no clusters the exact McNemar test and the interval of Agresti and Min; else
the clustered t interval and the permutation of signs of whole clusters. Several sets: Holm.
"""

import math
import statistics
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pydantic import JsonValue

from vision_deepresearch.core.errors import ConfigError
from vision_deepresearch.core.record import Record
from vision_deepresearch.evals.grading import Graded, GradedRun
from vision_deepresearch.evals.statistics.clustered import clustered_mean
from vision_deepresearch.evals.statistics.paired import Paired
from vision_deepresearch.evals.statistics.permutation import sign_flip
from vision_deepresearch.evals.statistics.power import DISCORDANT, detectable_difference
from vision_deepresearch.evals.statistics.several import holm

LEVEL = 0.05
_LEAST_TASKS = 10
"""Fewer common tasks than this support no sentence about a difference."""


class Difference(Record):
    """The second run less the first, on common tasks."""

    set_name: str
    tasks: int
    """Common ones, valid in both."""
    first: float
    second: float
    difference: float
    low: float | None
    """Of the 95 % interval; None: one cluster."""
    high: float | None
    p_value: float
    holm: float
    """Adjusted for the number of sets; of all sets together the plain one."""
    only_first: int | None
    """Right in the first run alone; None: several attempts."""
    only_second: int | None
    discordant: float
    """Share of tasks with a difference."""
    detectable: float
    """The least true difference that this many tasks show four times in five."""
    test: str

    @property
    def is_found(self) -> bool:
        """Whether a difference may be claimed."""
        return self.holm < LEVEL and self.tasks >= _LEAST_TASKS


class Comparison(Record):
    """What can be said of two runs."""

    first: str
    second: str
    judge: str
    overall: Difference
    by_set: tuple[Difference, ...]
    """Where there are several."""
    left_out: int
    """Common tasks without a valid attempt in one of the runs."""
    only_in_first: int
    """Tasks that the second run does not have."""
    only_in_second: int
    bounds: tuple[float, float]
    """The difference if what is invalid were as bad, or as good, for the second run as possible."""
    differing: dict[str, tuple[JsonValue, JsonValue]]
    """Settings and provenance that are not the same."""
    conclusion: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _Pair:
    """One task in both runs."""

    set_name: str
    cluster: str
    first: float
    second: float
    is_single: bool
    """One attempt each."""

    @property
    def difference(self) -> float:
        return self.second - self.first


def compare(first: GradedRun, second: GradedRun) -> Comparison:
    """Compare two graded runs.

    Raises:
        ConfigError: other judges, or no common task with a valid attempt in both.
    """
    if first.judge != second.judge:
        msg = (
            f"two runs are compared under one judge, got {first.judge} and {second.judge}: score "
            "both by the same (`vdr eval score RUN --judge ...`) and name it with --judge"
        )
        raise ConfigError(msg)
    ours, theirs = _by_task(first.items), _by_task(second.items)
    common = [task for task in ours if task in theirs]
    pairs = [pair for task in common if (pair := _pair(ours[task], theirs[task])) is not None]
    if not pairs:
        msg = (
            f"expected tasks with a valid attempt in both runs, {first.name!r} and {second.name!r} "
            f"have {len(common)} tasks in common and none of these: compare runs of the same tasks"
        )
        raise ConfigError(msg)
    overall = _difference("all", pairs)
    comparison = Comparison(
        first=str(first.path),
        second=str(second.path),
        judge=first.judge,
        overall=overall,
        by_set=_by_set(pairs),
        left_out=len(common) - len(pairs),
        only_in_first=len(ours) - len(common),
        only_in_second=len(theirs) - len(common),
        bounds=_bounds([ours[task] for task in common], [theirs[task] for task in common]),
        differing=_differing(first.key, second.key),
        conclusion="",
    )
    return comparison.model_copy(update={"conclusion": _conclude(comparison)})


def _by_task(items: Sequence[Graded]) -> dict[str, list[Graded]]:
    found: defaultdict[str, list[Graded]] = defaultdict(list)
    for one in items:
        found[one.task_id].append(one)
    return dict(found)


def _pair(ours: Sequence[Graded], theirs: Sequence[Graded]) -> _Pair | None:
    """Both runs' shares of right attempts; None: one of them has no valid attempt."""
    first, second = (
        [float(one.is_correct) for one in part if one.is_correct is not None]
        for part in (ours, theirs)
    )
    if not (first and second):
        return None
    return _Pair(
        set_name=ours[0].set_name,
        cluster=ours[0].cluster,
        first=statistics.fmean(first),
        second=statistics.fmean(second),
        is_single=len(ours) == len(theirs) == 1,
    )


def _by_set(pairs: Sequence[_Pair]) -> tuple[Difference, ...]:
    names = sorted({pair.set_name for pair in pairs})
    if len(names) < 2:
        return ()
    found = [_difference(name, [pair for pair in pairs if pair.set_name == name]) for name in names]
    adjusted = holm([one.p_value for one in found])
    return tuple(one.model_copy(update={"holm": p}) for one, p in zip(found, adjusted, strict=True))


def _difference(name: str, pairs: Sequence[_Pair]) -> Difference:
    clusters = [pair.cluster for pair in pairs]
    differences = [pair.difference for pair in pairs]
    is_plain = all(pair.is_single for pair in pairs) and len(set(clusters)) == len(clusters)
    low: float | None
    high: float | None
    if is_plain:
        paired = Paired.of((pair.first > 0, pair.second > 0) for pair in pairs)
        low, high = paired.interval()
        p_value, test = paired.p_value(), "exact McNemar"
        counts = (paired.only_first, paired.only_second)
    else:
        interval = clustered_mean(differences, clusters).interval()
        low, high = interval or (None, None)
        p_value, test = sign_flip(differences, clusters), "sign flips of clusters"
        counts = (None, None)
    # The mean square plays the part of the discordant share where differences are fractions.
    discordant = math.fsum(one * one for one in differences) / len(differences)
    return Difference(
        set_name=name,
        tasks=len(pairs),
        first=statistics.fmean(pair.first for pair in pairs),
        second=statistics.fmean(pair.second for pair in pairs),
        difference=statistics.fmean(differences),
        low=low,
        high=high,
        p_value=p_value,
        holm=p_value,
        only_first=counts[0],
        only_second=counts[1],
        discordant=discordant,
        detectable=detectable_difference(
            len(set(clusters)), discordant=discordant if discordant > 0 else DISCORDANT
        ),
        test=test,
    )


def _bounds(
    ours: Sequence[Sequence[Graded]], theirs: Sequence[Sequence[Graded]]
) -> tuple[float, float]:
    """The least and the largest difference that invalid attempts leave possible."""

    def mean(parts: Sequence[Sequence[Graded]], *, invalid: bool) -> float:
        return statistics.fmean(
            statistics.fmean(invalid if one.is_correct is None else one.is_correct for one in part)
            for part in parts
        )

    least = mean(theirs, invalid=False) - mean(ours, invalid=True)
    return least, mean(theirs, invalid=True) - mean(ours, invalid=False)


def _differing(
    first: Mapping[str, JsonValue], second: Mapping[str, JsonValue]
) -> dict[str, tuple[JsonValue, JsonValue]]:
    return {
        name: (first.get(name), second.get(name))
        for name in sorted({*first, *second})
        if first.get(name) != second.get(name)
    }


def _conclude(found: Comparison) -> str:
    """One paragraph: what can be concluded, and what cannot."""
    one = found.overall
    points = 100 * one.difference
    interval = (
        f" (95 % interval {100 * one.low:+.1f} to {100 * one.high:+.1f})"
        if one.low is not None and one.high is not None
        else ""
    )
    told = (
        f"On {one.tasks} common tasks the second run is right {100 * one.second:.1f} % of the time,"
        f" the first {100 * one.first:.1f} %: {points:+.1f} points{interval}, p = {one.p_value:.3g}."
    )
    if one.is_found:
        better = "second" if one.difference > 0 else "first"
        said = f"The {better} run is better on these tasks."
        if found.bounds[0] <= 0 <= found.bounds[1]:
            said = (
                f"The {better} run is better on the tasks that are valid in both, but the attempts "
                "that are not could turn that round: make or score them again first."
            )
    elif one.tasks < _LEAST_TASKS:
        said = f"Fewer than {_LEAST_TASKS} common tasks: nothing can be concluded."
    else:
        said = (
            "The two are not distinguishable by this comparison. That does not show that they are "
            f"equal: true differences under about {100 * one.detectable:.1f} points are likely to be "
            "missed with so many tasks."
        )
    sets = [item.set_name for item in found.by_set if item.is_found]
    if found.by_set:
        said += (
            f" Set by set (Holm over {len(found.by_set)}), a difference is found on "
            f"{', '.join(sets) if sets else 'none'}."
        )
    # The model's name is a setting and stands in the provenance once more.
    settings = sum(
        name != "model" and not name.startswith(("versions.", "revision"))
        for name in found.differing
    )
    if settings > 1:
        said += f" {settings} settings differ, so the difference cannot be put down to one of them."
    if found.left_out:
        said += f" {found.left_out} common tasks without a valid attempt in one run are left out."
    return f"{told} {said}"
