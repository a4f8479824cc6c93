"""Figures over trajectories that were accepted: lengths, calls, variety, recoveries."""

import re
import statistics
from collections import Counter
from collections.abc import Iterator, Sequence

from pydantic import JsonValue

from vision_deepresearch.core.content import ToolCall
from vision_deepresearch.core.observation import EvidenceKind
from vision_deepresearch.core.trajectory import Trajectory
from vision_deepresearch.store.view import StoredItem
from vision_deepresearch.synth.trajectories.records import RolledOut
from vision_deepresearch.synth.trajectories.recoveries import (
    num_recovered_looks,
    num_recovered_searches,
)

_NAME = re.compile(
    r"\b[A-ZÀ-Þ][\w'\u2019-]*(?:\s+(?:(?:of|the|and|de)\s+)*[A-ZÀ-Þ0-9][\w'\u2019-]*)*"
)
_NUMBER = re.compile(r"\d[\d,.]*")
_QUOTED = re.compile(r'"[^"]*"')
_SENTENCE = re.compile(r"(?<=[.!?:])\s+")


def figures(records: Sequence[RolledOut]) -> dict[str, JsonValue]:
    """The object of `vdr synth stats --json` for trajectories."""
    found = [record.trajectory for record in records]
    turns = [turn for one in found for turn in one.turns]
    calls = [record for turn in turns for record in turn.calls]
    crops = [record.call for record in calls if record.call.name == "crop_and_search"]
    skeletons = Counter(skeleton(turn.thought) for turn in turns)
    paths = Counter(
        (record.task.strata.get("path", ""), *_tools(record.trajectory)) for record in records
    )
    hits = [record.hit_turn for record in records if record.hit_turn is not None]
    by_search = {one.id for one in found if num_recovered_searches(one)}
    by_look = {one.id for one in found if num_recovered_looks(one)}
    scales: dict[str, JsonValue] = {}
    scales |= sorted(Counter(scale for call in crops for scale in _scales(call)).items())
    return {
        "trajectories": len(found),
        "turns": spread([one.num_turns for one in found]),
        "engine_requests": spread([one.num_engine_requests for one in found]),
        "distinct_engine_requests": spread([num_distinct_requests(one) for one in found]),
        "calls_per_trajectory": {
            name: round(count / max(1, len(found)), 2)
            for name, count in sorted(Counter(one.call.name for one in calls).items())
        },
        "boxes_per_crop_call": spread([_length(call.arguments.get("bbox")) for call in crops]),
        "scales_per_crop_call": spread([
            _length(call.arguments.get("scales")) or 1 for call in crops
        ]),
        "scales": scales,
        "peak_prompt_tokens": spread([one.peak_prompt_tokens for one in found]),
        "billed_prompt_tokens": spread([one.totals.prompt_tokens for one in found]),
        "billed_completion_tokens": spread([one.totals.completion_tokens for one in found]),
        "hit_turn": spread(hits),
        "with_recovery_frac": _share(len(by_search | by_look), len(found)),
        "with_recovered_search_frac": _share(len(by_search), len(found)),
        "with_recovered_look_frac": _share(len(by_look), len(found)),
        "commonest_path_and_tools_frac": _share(max(paths.values(), default=0), len(found)),
        "commonest_thought_frac": _share(max(skeletons.values(), default=0), len(turns)),
        "commonest_thoughts": [text for text, _ in skeletons.most_common(3)],
        "thoughts": len(turns),
    }


def pass_rates(
    attempts: Sequence[StoredItem], accepted: Sequence[RolledOut]
) -> dict[str, JsonValue]:
    """How often a question was passed: accepted attempts of those that were made.

    Args:
        attempts: what the first stage did with each attempt, rejects included.
        accepted: those that came through all stages.
    """
    passed = {record.id for record in accepted}
    by_question: dict[str, list[bool]] = {}
    for one in attempts:
        question = one.record.rpartition("-a")[0] or one.record
        by_question.setdefault(question, []).append(one.record in passed)
    rates = [sum(outcomes) / len(outcomes) for outcomes in by_question.values()]
    return {
        "questions": len(rates),
        "attempts": len(attempts),
        "accepted": len(passed),
        "attempt_pass_frac": _share(len(passed), len(attempts)),
        "question_pass_rate": spread([round(rate, 4) for rate in rates]),
        "never": sum(rate == 0 for rate in rates),
        "sometimes": sum(0 < rate < 1 for rate in rates),
        "always": sum(rate == 1 for rate in rates),
    }


def num_distinct_requests(trajectory: Trajectory) -> int:
    """Queries, cut-out regions and pages that the engine was asked for, each counted once."""
    asked: set[tuple[object, ...]] = set()
    for turn in trajectory.turns:
        for record in turn.calls:
            queries = record.call.arguments.get("query")
            asked |= {("query", one) for one in queries} if isinstance(queries, list) else set()
            asked |= {("region", one.handle, one.searched) for one in record.observation.regions}
            cursor = str(record.call.arguments.get("cursor"))
            asked |= {
                ("page", one.url, cursor)
                for one in record.observation.evidence
                if one.kind is EvidenceKind.PAGE
            }
    return len(asked)


def skeleton(thought: str) -> str:
    """A thought without its names, numbers and quotations.

    >>> skeleton('So what I cropped is New Edicneast Library. Query: "New Edicneast Library".')
    'so what i cropped is _. query: _.'
    """
    text = _QUOTED.sub("_", thought)
    sentences = [
        sentence[:1].lower() + sentence[1:] if _starts_plainly(sentence) else sentence
        for sentence in _SENTENCE.split(text)
    ]
    text = _NUMBER.sub("#", _NAME.sub("_", " ".join(sentences)))
    return " ".join(text.casefold().split())


def spread(values: Sequence[float]) -> dict[str, JsonValue]:
    """Least, median, mean and most; empty where there is nothing."""
    if not values:
        return {}
    return {
        "min": min(values),
        "median": statistics.median(values),
        "mean": round(statistics.mean(values), 2),
        "max": max(values),
    }


def _tools(trajectory: Trajectory) -> Iterator[str]:
    for turn in trajectory.turns:
        yield "+".join(record.call.name for record in turn.calls) or "answer"


def _scales(call: ToolCall) -> Iterator[str]:
    """Scales of a crop call, as text; a call that names none is searched at 1."""
    given = call.arguments.get("scales")
    for scale in given if isinstance(given, list) and given else [1.0]:
        yield str(float(scale)) if isinstance(scale, int | float) else str(scale)


def _starts_plainly(sentence: str) -> bool:
    """Whether a sentence's first word has its capital from standing first."""
    words = sentence.split()
    return len(words) > 1 and words[1][:1].islower()


def _length(value: object) -> int:
    return len(value) if isinstance(value, list) else 0


def _share(part: int, whole: int) -> float | None:
    return round(part / whole, 4) if whole else None
