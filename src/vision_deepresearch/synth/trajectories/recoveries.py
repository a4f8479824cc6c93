"""Failed tries and the better ones right after them, read off the record alone.

A try failed if nothing of what it brought was ever used: no page that a search listed was opened
later, no name that a look brought up for a box was said later. It was recovered from if the very
next try of the same tool, put differently, brought what was then used. Going on by another way,
such as opening a page known from before, counts for nothing here.
"""

import re
from collections.abc import Iterator
from itertools import pairwise

from vision_deepresearch.core.geometry import Box
from vision_deepresearch.core.observation import EvidenceKind, Observation
from vision_deepresearch.core.trajectory import Trajectory, Turn

_SEARCH, _LOOK, _VISIT = "search", "crop_and_search", "visit"
_SAME_BOX = 0.3
"""Intersection over union from which two boxes frame one thing."""
_TRAILING_KIND = re.compile(r"\s*\([^()]*\)$")


def num_recovered_searches(trajectory: Trajectory) -> int:
    """Searches that brought nothing useful, and whose successor listed what was opened next."""
    return sum(
        _is_useless(first, turns=trajectory.turns)
        and _asked(first) != _asked(then)
        and bool(_opened(after) & (_listed(then) - _listed(first)))
        for first, then, after in _in_threes(trajectory)
        if _only(first, _SEARCH) and _only(then, _SEARCH)
    )


def num_recovered_looks(trajectory: Trajectory) -> int:
    """Boxes that brought nothing useful, and whose next, other framing brought what was named."""
    turns = trajectory.turns
    return sum(
        any(
            _names_used(first, box, turns=turns) == frozenset()
            and bool(_names_used(then, other, turns=turns))
            for box, other in _same_boxes(first, then)
        )
        for first, then in pairwise(turns)
        if _only(first, _LOOK) and _only(then, _LOOK) and _asked(first) != _asked(then)
    )


def _in_threes(trajectory: Trajectory) -> Iterator[tuple[Turn, Turn, Turn]]:
    turns = trajectory.turns
    return zip(turns, turns[1:], turns[2:], strict=False)


def _only(turn: Turn, tool: str) -> bool:
    return bool(turn.calls) and all(record.call.name == tool for record in turn.calls)


def _asked(turn: Turn) -> list[str]:
    """Words, boxes and scales of a turn's calls; a goal changes nothing of what is searched."""
    keys = ("query", "image_id", "bbox", "scales")
    return [str([record.call.arguments.get(key) for key in keys]) for record in turn.calls]


def _is_useless(turn: Turn, *, turns: tuple[Turn, ...]) -> bool:
    later = {url for one in turns[turn.index + 1 :] for url in _opened(one)}
    return not _listed(turn) & later


def _listed(turn: Turn) -> set[str]:
    """Pages among a turn's text hits."""
    return {
        evidence.url
        for record in turn.calls
        for evidence in record.observation.evidence
        if evidence.kind is EvidenceKind.TEXT_HIT
    }


def _opened(turn: Turn) -> set[str]:
    """Pages that a turn read."""
    return {
        evidence.url
        for record in turn.calls
        if record.call.name == _VISIT and record.observation.failure is None
        for evidence in record.observation.evidence
    }


def _same_boxes(first: Turn, then: Turn) -> Iterator[tuple[Box, Box]]:
    """Boxes of two looks that frame the same thing of the same picture."""
    for handle, box in _boxes(first):
        for other_handle, other in _boxes(then):
            if handle == other_handle and _overlap(box, other) >= _SAME_BOX:
                yield box, other


def _boxes(turn: Turn) -> set[tuple[str, Box]]:
    return {
        (region.handle, region.box)
        for record in turn.calls
        for region in record.observation.regions
    }


def _names_used(turn: Turn, box: Box, *, turns: tuple[Turn, ...]) -> frozenset[str]:
    """Titles that a look brought up for a box and that were said later."""
    said = " ".join(_said(one) for one in turns[turn.index + 1 :]).casefold()
    return frozenset(
        name
        for record in turn.calls
        for name in _titles(record.observation, box)
        if re.search(rf"(?<!\w){re.escape(name)}(?!\w)", said)
    )


def _titles(observation: Observation, box: Box) -> Iterator[str]:
    for evidence in observation.evidence:
        is_hit = evidence.kind is EvidenceKind.IMAGE_HIT and evidence.region is not None
        if is_hit and observation.regions[evidence.region or 0].box == box:
            name = _TRAILING_KIND.sub("", evidence.title).strip().casefold()
            if name:
                yield name


def _said(turn: Turn) -> str:
    words = [turn.thought, turn.answer or ""]
    words += [str(record.call.arguments.get("query", "")) for record in turn.calls]
    return " ".join(words)


def _overlap(first: Box, second: Box) -> float:
    wide = min(first.x1, second.x1) - max(first.x0, second.x0)
    tall = min(first.y1, second.y1) - max(first.y0, second.y0)
    if wide <= 0 or tall <= 0:
        return 0.0
    return wide * tall / (first.area + second.area - wide * tall)
