"""The tables of a report on our own runs."""

from collections.abc import Sequence

from vision_deepresearch.core.mode import MODES
from vision_deepresearch.evals.contamination import Flag
from vision_deepresearch.evals.report.published import ABLATION, ABLATION_SETS, WARNING
from vision_deepresearch.evals.report.sheet import NONE, Sheet, percent, with_interval
from vision_deepresearch.evals.statistics.shares import Z_95
from vision_deepresearch.evals.summary import Spread, Summary

STRATA = ("set", "level", "difficulty", "hops", "area", "domain", "category", "language", "answer")
"""What tasks are divided by where nobody asked for something else."""
_INCOMPLETE = (
    "incomplete: more than 2 % of the attempts are invalid, so bounds stand in place of a figure"
)


def in_order(summaries: Sequence[Summary]) -> list[Summary]:
    """By mode, as the paper's table goes, then as given."""
    modes = list(MODES)
    return sorted(
        summaries, key=lambda one: modes.index(one.mode) if one.mode in MODES else len(modes)
    )


def sheets(summaries: Sequence[Summary], *, by: Sequence[str] = STRATA) -> list[Sheet]:
    """The tables of a report; of a kind that would be empty there is none.

    Args:
        summaries: of runs under one judge.
        by: strata of the tasks that get a table each.
    """
    ordered = in_order(summaries)
    made = [_ablation(ordered), _outcomes(ordered), _effort(ordered)]
    if any(one.tools for one in ordered):
        made.append(_tools(ordered))
    sets = sorted({name for one in ordered for name in one.by_set})
    if len(sets) > 1:
        made.append(_sets(ordered, sets))
    made += _strata(ordered, by)
    if any(one.by_scale for one in ordered):
        made.append(_scales(ordered))
    if any(one.attempts > 1 for one in ordered):
        made.append(_attempts(ordered))
    if any(one.recall is not None or one.recall_open for one in ordered):
        made.append(_recall(ordered))
    if any(one.mean_score is not None or one.when_attempted is not None for one in ordered):
        made.append(_scores(ordered))
    return [*made, _probes(ordered), _flags(ordered)]


def _ablation(summaries: Sequence[Summary]) -> Sheet:
    rows = tuple(
        (
            one.mode,
            one.model,
            str(one.accuracy.valid + one.accuracy.invalid),
            with_interval(one.accuracy),
            *(_figures(ABLATION[one.mode]) if one.mode in ABLATION else [NONE] * 4),
        )
        for one in summaries
    )
    is_whole = all(one.accuracy.is_whole for one in summaries)
    heads = (*(f"paper {name}" for name in ABLATION_SETS), "paper mean")
    return Sheet(
        title="Accuracy by mode, % [95 %]",
        head=("mode", "model", "n", "accuracy", *heads),
        rows=rows,
        note=(WARNING if any(one.mode in ABLATION for one in summaries) else "")
        + ("" if is_whole else f" {_INCOMPLETE}."),
    )


def _outcomes(summaries: Sequence[Summary]) -> Sheet:
    names = [n for n in summaries[0].outcomes if any(one.outcomes[n] for one in summaries)]
    return Sheet(
        title="What became of the attempts",
        head=("run", *(name.replace("_", " ") for name in names), "if invalid wrong", "if right"),
        rows=tuple(
            (
                _name(one),
                *(str(one.outcomes[name]) for name in names),
                percent(one.accuracy.if_invalid_wrong),
                percent(one.accuracy.if_invalid_right),
            )
            for one in summaries
        ),
    )


def _effort(summaries: Sequence[Summary]) -> Sheet:
    names = ("turns", "calls", "engine_requests", "tokens", "seconds", "cost_usd")
    return Sheet(
        title="What an attempt took: median / 95th percentile",
        head=("run", *(name.replace("_", " ") for name in names), "$ per correct", "forced %"),
        rows=tuple(
            (
                _name(one),
                *(_spread(one.effort.get(name)) for name in names),
                NONE if one.cost_per_correct_usd is None else f"{one.cost_per_correct_usd:.3g}",
                percent(one.forced),
            )
            for one in summaries
        ),
        note="Costs stand only where every price is known.",
    )


def _sets(summaries: Sequence[Summary], names: Sequence[str]) -> Sheet:
    return Sheet(
        title="Accuracy by set, % [95 %]",
        head=("run", *names, "mean of sets"),
        rows=tuple(
            (
                _name(one),
                *(with_interval(one.by_set[n]) if n in one.by_set else NONE for n in names),
                _macro(one),
            )
            for one in summaries
        ),
    )


def _strata(summaries: Sequence[Summary], by: Sequence[str]) -> list[Sheet]:
    made = []
    for stratum in by:
        values = sorted(
            {v for one in summaries for v in one.by_stratum.get(stratum, {})},
            key=lambda value: (not value.isdigit(), int(value) if value.isdigit() else 0, value),
        )
        if len(values) < 2:
            continue  # says what the first table says
        rows = tuple(
            (
                _name(one),
                *(
                    with_interval(one.by_stratum[stratum][value])
                    if value in one.by_stratum.get(stratum, {})
                    else NONE
                    for value in values
                ),
            )
            for one in summaries
        )
        made.append(
            Sheet(title=f"Accuracy by {stratum}, % [95 %]", head=("run", *values), rows=rows)
        )
    return made


def _scales(summaries: Sequence[Summary]) -> Sheet:
    rows = tuple(
        (
            _name(one),
            scale,
            str(found.searched),
            str(found.failed),
            percent(found.share),
            percent(found.right_share),
        )
        for one in summaries
        for scale, found in one.by_scale.items()
    )
    return Sheet(
        title="Searched crops by scale",
        head=("run", "scale", "searched", "engine failed", "with a hit, %", "with a right hit, %"),
        rows=rows,
        note="A hit is any page that was found; a right one names a gold entity of the task.",
    )


def _tools(summaries: Sequence[Summary]) -> Sheet:
    """Calls by tool and by what came of them; the failures are columns of their own."""
    kinds = {came for one in summaries for counts in one.tools.values() for came in counts}
    failures = sorted(kinds - {"ok", "empty"})
    return Sheet(
        title="Tool calls by what came of them",
        head=(
            "run",
            "tool",
            "calls",
            "ok",
            "empty",
            *(name.replace("_", " ") for name in failures),
        ),
        rows=tuple(
            (
                _name(one),
                tool,
                str(sum(counts.values())),
                *(str(counts.get(name, 0)) for name in ("ok", "empty", *failures)),
            )
            for one in summaries
            for tool, counts in one.tools.items()
        ),
        note="Empty: the engine answered and had nothing.",
    )


def _recall(summaries: Sequence[Summary]) -> Sheet:
    rows = tuple(
        (
            _name(one),
            "n/a" if one.recall is None else with_interval(one.recall),
            "n/a" if one.recall is None else str(one.recall.valid),
            str(one.recall_open),
            one.recall_judge or NONE,
        )
        for one in summaries
    )
    return Sheet(
        title="Entity Recall, % [95 %]",
        head=("run", "recall", "n", "undecided", "decided by"),
        rows=rows,
        note="Trajectories that came across all gold entities of their task. Undecided: names are missing "
        "that may have synonyms; `vdr eval score --judge entities --judge-model ...` asks.",
    )


def _scores(summaries: Sequence[Summary]) -> Sheet:
    return Sheet(
        title="More of this judge, %",
        head=("run", "mean score", "right when attempted"),
        rows=tuple(
            (_name(one), percent(one.mean_score), percent(one.when_attempted)) for one in summaries
        ),
        note="Score: the part of an answer that is right; attempts without an answer count 0.",
    )


PROBES = ("direct-blind", "direct-caption", "direct")
"""Modes that tell what is answered from memory, from a caption, and from the picture alone."""


def _probes(summaries: Sequence[Summary]) -> Sheet:
    """What is answered without searching, beside the best of the modes that search."""
    models = list(dict.fromkeys(one.model for one in summaries))
    rows = []
    for model in models:
        own = [one for one in summaries if one.model == model]
        names = sorted({name for one in own for name in one.by_set})
        for name in names:
            found = {one.mode: one.by_set[name] for one in own if name in one.by_set}
            searching = [
                (acc.share or 0.0, mode) for mode, acc in found.items() if mode not in PROBES
            ]
            best = max(searching, default=(0.0, ""))[1]
            rows.append((
                model,
                name,
                *(with_interval(found[one]) if one in found else "not run" for one in PROBES),
                with_interval(found[best]) if best else "not run",
                best or NONE,
            ))
    return Sheet(
        title="What is answered without searching, % [95 %]",
        head=("model", "set", *PROBES, "best with search", "mode"),
        rows=tuple(rows),
        note="What direct-blind and direct-caption answer needs no picture: it is in the model's memory or in "
        "the words. The gain of a mode over direct is `vdr eval compare`'s to tell, task by task.",
    )


def _flags(summaries: Sequence[Summary]) -> Sheet:
    names = [flag.value for flag in Flag]
    return Sheet(
        title="Copies of the question among what was found",
        head=("run", *(name.replace("_", " ") for name in names), "all, %", "without these, %"),
        rows=tuple(
            (
                _name(one),
                *(str(one.flags.get(name, 0)) for name in names),
                with_interval(one.accuracy),
                NONE if one.unflagged is None else with_interval(one.unflagged),
            )
            for one in summaries
        ),
        note="Attempts whose results held 13 words of the question in a row, the benchmark's canary, 8 such "
        "words near a gold answer, or an address where benchmarks lie.",
    )


def _attempts(summaries: Sequence[Summary]) -> Sheet:
    return Sheet(
        title="Several attempts, %",
        head=("run", "k", "avg@k", "pass@k", "pass^k", "majority"),
        rows=tuple(
            (
                _name(one),
                str(one.attempts),
                with_interval(one.accuracy),
                percent(one.pass_any),
                percent(one.pass_all),
                percent(one.majority),
            )
            for one in summaries
        ),
    )


def _name(one: Summary) -> str:
    folder = one.run.rstrip("/").rpartition("/")[2]
    return one.mode if folder == one.mode else f"{one.mode} ({folder})"


def _macro(one: Summary) -> str:
    if one.macro is None:
        return NONE
    error = "" if one.macro_error is None else f" ± {100 * Z_95 * one.macro_error:.1f}"
    return f"{percent(one.macro)}{error}"


def _spread(found: Spread | None) -> str:
    return NONE if found is None else f"{found.p50:.4g} / {found.p95:.4g}"


def _figures(values: Sequence[float]) -> list[str]:
    return [f"{value:.1f}" for value in values]
