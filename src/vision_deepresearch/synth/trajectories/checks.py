"""What is wrong with a trajectory as an example to learn from: process checks, whatever its answer.

They read the record only: prompt, replies, calls, what tools gave. Nothing here knows how the
trajectory was made, so that they hold for any teacher and for stored runs.
"""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from vision_deepresearch.core.proof import HopKind, Proof
from vision_deepresearch.core.protocols import Completion, Profile
from vision_deepresearch.core.task import Task
from vision_deepresearch.core.trajectory import Trajectory, Turn

MAX_BAD_FRAC = 0.2
"""Of turns: failed or unreadable ones. Our default."""
_MAX_REPEATS = 2
"""Times that the same call may be made."""
_CROP_TOOLS = frozenset({"crop_and_search", "zoom", "image_search"})
_BRIDGE = re.compile(
    r"\bin words\b|\bdescription\b|\bdescribed (?:above|to me)\b|\bcan(?:not|'t) see the (?:picture|image)",
    re.IGNORECASE,
)
_COMPANY = 3
"""Words beside a mention by which it is told to be the question's own."""
_SHINGLE = 6
"""Words in a row of the bridge that would be a quotation of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """Something that must not be learnt."""

    reason: str
    """One word, for counting."""
    detail: str = ""
    turn: int | None = None


def find_faults(
    task: Task,
    trajectory: Trajectory,
    *,
    profile: Profile,
    proof: Proof | None = None,
    bridge: Sequence[str] = (),
) -> tuple[Fault, ...]:
    """All faults, in the order of the checks.

    Args:
        task: with its gold.
        trajectory: complete.
        profile: that wrote its replies.
        proof: of generated tasks: names that must be read before they are said.
        bridge: texts that were only lent to the teacher: description and phase prompts.
    """
    return (
        *_ill_formed(trajectory, profile=profile),
        *_unseen(task, trajectory, proof=proof),
        *_unled(task, trajectory),
        *_bridged(trajectory, question=task.question, bridge=bridge),
        *_off_picture(task, trajectory),
        *_photos_unused(trajectory, proof=proof),
        *_wasteful(trajectory),
    )


# ---------------------------------------------------------------------------------------- format


def _ill_formed(trajectory: Trajectory, *, profile: Profile) -> Iterator[Fault]:
    """Replies that the profile does not read as what was done, and calls without an answer."""
    for turn in trajectory.turns:
        if turn.fault is not None:
            continue  # it was told so; counted as a bad turn
        parsed = profile.parse(
            Completion(text=turn.reply.text, reasoning=turn.reply.reasoning), turn=turn.index
        )
        calls = turn.reply.tool_calls or parsed.calls
        said = [(call.name, call.arguments) for call in calls]
        done = [(record.call.name, record.call.arguments) for record in turn.calls]
        if said != done or (not calls and parsed.answer != turn.answer):
            yield Fault(
                reason="orphan_call", detail=f"{len(said)} said, {len(done)} done", turn=turn.index
            )
        if not turn.thought.strip():
            yield Fault(reason="no_thought", turn=turn.index)
    last = trajectory.turns[-1] if trajectory.turns else None
    if last is None or last.answer is None:
        yield Fault(reason="no_answer", detail=trajectory.stop.value)


# ----------------------------------------------------------------------------------------- leaks


def _unseen(task: Task, trajectory: Trajectory, *, proof: Proof | None) -> Iterator[Fault]:
    """Names and values of the truth that are said before they were seen."""
    secrets = set(task.gold.answers if task.gold is not None else ())
    for hop in proof.hops if proof is not None else ():
        if hop.kind is not HopKind.GIVEN:
            secrets |= {hop.expected, *hop.aliases}
    patterns = {secret: _word(secret) for secret in sorted(secrets) if len(secret) > 1}
    seen = _folded(message.text for message in trajectory.prompt)
    for turn in trajectory.turns:
        said = _said(turn)
        for secret, pattern in patterns.items():
            if pattern.search(said) and not pattern.search(seen):
                yield Fault(reason="truth_leak", detail=secret, turn=turn.index)
        seen += _folded(message.text for message in turn.results)


def _unled(task: Task, trajectory: Trajectory) -> Iterator[Fault]:
    """Pages that are opened without anything that led to them."""
    seen = task.question + "\n".join(message.text for message in trajectory.prompt)
    for turn in trajectory.turns:
        for record in turn.calls:
            urls = record.call.arguments.get("url") if record.call.name == "visit" else None
            for url in urls if isinstance(urls, list) else []:
                if isinstance(url, str) and url not in seen:
                    yield Fault(reason="url_leak", detail=url, turn=turn.index)
        seen += "\n".join(message.text for message in turn.results)


def _bridged(trajectory: Trajectory, *, question: str, bridge: Sequence[str]) -> Iterator[Fault]:
    """Words that only the teacher's second half was given."""
    lent = {shingle for text in bridge for shingle in _shingles(text)}
    for turn in trajectory.turns:
        said = f"{turn.thought}\n{turn.answer or ''}"
        quoted = next((one for one in _shingles(said) if one in lent), None)
        detail = " ".join(quoted) if quoted is not None else _mention(turn.thought, question)
        if detail is not None:
            yield Fault(reason="bridge_left", detail=detail, turn=turn.index)


def _mention(thought: str, question: str) -> str | None:
    """Talk of a description, unless it is the question's own ("the year of the first description").

    The question's own is what stands there with three words of its company, on one side at least:
    the word alone would excuse talk of the picture's description wherever a question has the word.
    """
    asked = f" {' '.join(_words(question))} "
    for found in _BRIDGE.finditer(thought):
        core = _words(found.group())
        before, after = _words(thought[: found.start()]), _words(thought[found.end() :])
        own = [[*before[-_COMPANY:], *core]] if len(before) >= _COMPANY else []
        own += [[*core, *after[:_COMPANY]]] if len(after) >= _COMPANY else []
        if not any(f" {' '.join(words)} " in asked for words in own):
            return found.group()
    return None


def _said(turn: Turn) -> str:
    """What a reply says: thought, words of calls, answer; no coordinates."""
    words = [turn.thought, turn.answer or ""]
    for record in turn.calls:
        for key, value in record.call.arguments.items():
            if key in {"query", "goal", "url", "code"}:
                words += [str(one) for one in value] if isinstance(value, list) else [str(value)]
    return _folded(words)


def _word(secret: str) -> re.Pattern[str]:
    return re.compile(rf"(?<!\w){re.escape(' '.join(secret.casefold().split()))}(?!\w)")


def _folded(texts: Iterator[str] | Sequence[str]) -> str:
    return " ".join(" ".join(texts).casefold().split()) + " "


def _shingles(text: str) -> Iterator[tuple[str, ...]]:
    words = _words(text)
    for start in range(len(words) - _SHINGLE + 1):
        yield tuple(words[start : start + _SHINGLE])


def _words(text: str) -> list[str]:
    return re.findall(r"\w+", text.casefold())


# --------------------------------------------------------------------------------------- pictures


def _off_picture(task: Task, trajectory: Trajectory) -> Iterator[Fault]:
    """Boxes outside the picture; a picture that was never looked at closely."""
    num_looks = 0
    for turn in trajectory.turns:
        for record in turn.calls:
            if record.call.name not in _CROP_TOOLS:
                continue
            num_looks += record.observation.failure is None
            boxes = record.call.arguments.get("bbox")
            listed = boxes if isinstance(boxes, list) else []
            is_flat = bool(listed) and all(isinstance(one, int | float) for one in listed)
            for box in [listed] if is_flat else listed:  # `zoom` takes one box
                if not _is_inside(box):
                    yield Fault(reason="box_outside", detail=str(box), turn=turn.index)
    if task.images and not num_looks:
        yield Fault(reason="picture_unused")


def _photos_unused(trajectory: Trajectory, *, proof: Proof | None) -> Iterator[Fault]:
    """Pictures of pages on the route that were never searched by a crop, once a page named them."""
    for hop in proof.photos if proof is not None else ():
        assert hop.photo is not None, "looks at pictures of pages have one"
        name = re.escape(hop.photo.url.rpartition("/")[2])
        pattern = re.compile(rf"^- (img_\d+): .*{name}$", re.MULTILINE)
        handles: set[str] = set()
        is_used = False
        for turn in trajectory.turns:
            for record in turn.calls:
                is_its = record.call.arguments.get("image_id") in handles
                is_search = record.call.name == "crop_and_search"
                is_used |= is_its and is_search and record.observation.failure is None
            for message in turn.results:
                handles |= set(pattern.findall(message.text))
        if not is_used:
            yield Fault(reason="page_picture_unused", detail=hop.photo.page)


def _is_inside(box: object) -> bool:
    if not isinstance(box, list) or len(box) != 4:
        return False
    corners = [corner for corner in box if isinstance(corner, int | float)]
    if len(corners) != 4 or not all(0 <= corner <= 1000 for corner in corners):
        return False
    x0, y0, x1, y1 = corners
    return x0 < x1 and y0 < y1


# ------------------------------------------------------------------------------------------ waste


def _wasteful(trajectory: Trajectory) -> Iterator[Fault]:
    """Too many bad turns; the same call over and over."""
    num_bad = sum(turn.is_bad for turn in trajectory.turns)
    if num_bad > MAX_BAD_FRAC * max(1, len(trajectory.turns)):
        yield Fault(reason="too_many_errors", detail=f"{num_bad} of {len(trajectory.turns)} turns")
    calls = Counter(
        (record.call.name, repr(sorted(record.call.arguments.items())))
        for turn in trajectory.turns
        for record in turn.calls
    )
    for (name, _), count in calls.items():
        if count > _MAX_REPEATS:
            yield Fault(reason="repetition", detail=f"{name} {count} times")
