"""Checks finished trajectories against the truth of their tasks, from their messages alone.

The data factory rejects by rules of its own (`synth.trajectories.checks`), which read the record of
the turns. This reads the conversation that is trained on, and shares no code with those rules.

    truth_unseen      a name or value of the route, or the answer, is said before it stood in the
                      question or in something that came back
    bridge_reference  words about the description that stood in for the picture, or the stand-in
                      itself; the picture is not where it belongs
    bad_box           a box that is not four numbers within the picture, the first corner first; a
                      picture that was never named
    bad_exchange      a reply that is not a thought with calls or an answer; calls and results that
                      do not match one by one and in order; an answer before the end, or none

Texts are compared without case, accents, punctuation and separators of thousands; dates by meaning.
"""

import itertools
import math
import re
import unicodedata
from collections import Counter
from collections.abc import Iterator, Sequence
from enum import StrEnum
from urllib.parse import unquote

from pydantic import JsonValue

from vision_deepresearch.core.content import Message
from vision_deepresearch.core.proof import HopKind, Proof
from vision_deepresearch.core.record import Record
from vision_deepresearch.core.task import Task
from vision_deepresearch.evals.checker.transcript import (
    SaidCall,
    SaidStep,
    Transcript,
    read_transcript,
)

_SIDE = 1000
"""Boxes are in thousandths of the picture."""
_HANDLE = re.compile(r"\bimg_\d+\b")
_THOUSANDS = re.compile(r"(?<=\d)[,\u00a0\u202f](?=\d{3}(?!\d))")
_TOKEN = re.compile(r"\d+(?:\.\d+)?|[^\W\d_]+")
_TRAILING = re.compile(r"\s*\([^()]*\)\s*$")
_MONTHS = [
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
]
_DATES = (
    re.compile(r"(?P<year>\d{4})-(?P<month>\d{2})-(?P<day>\d{2})"),
    re.compile(r"(?P<day>\d{1,2}) (?P<month>[A-Z][a-z]+) (?P<year>\d{4})"),
    re.compile(r"(?P<month>[A-Z][a-z]+) (?P<day>\d{1,2}), (?P<year>\d{4})"),
)
_STAND_INS = ("(in words:", "(a crop, not shown)", "of interest: a thing at", "a crowded scene,")
"""What a description put in place of pictures looks like; nowhere in a merged conversation."""
_REFERENCES = re.compile(
    r"\bdescriptions?\b|\bas described\b"
    r"|\bdescribed (?:above|below|before|earlier|here|to me|for me|picture|image|scene)\b"
    r"|\b(?:picture|image|photo|scene) (?:is|was|as|had been) described\b"
    r"|\bcaption(?:s|ing)? (?:above|below|given|provided|says|states|mentions)\b"
    r"|\bin words\b|\bput into words\b|\bverbali[sz]ed\b|\btext(?:ual)? (?:version|stand-in|form)\b"
    r"|\b(?:can ?not|can't|cannot|could not|couldn't|unable to) (?:see|view|look at|access) "
    r"(?:the|this|that|any) (?:picture|image|photo|scene)\b"
    r"|\bwithout (?:seeing|access to) (?:the|this) (?:picture|image|photo)\b"
    r"|\b(?:visual|text) phase\b|\bhit judge\b|\bas (?:told|informed) above\b",
    re.IGNORECASE,
)
_COMPANY = 3
_FAILED = re.compile(r"\[[a-z_]+\] ")
_REGION = re.compile(r"\b(img_\d+) \[\s*([\d.]+),\s*([\d.]+),\s*([\d.]+),\s*([\d.]+)\s*\]")
_NEAR = 2.0
"""Thousandths by which a result may tell a box otherwise than it was asked for."""


class Flaw(StrEnum):
    """What must not be in a trajectory that is learnt from. See the head of the file."""

    TRUTH_UNSEEN = "truth_unseen"
    BRIDGE_REFERENCE = "bridge_reference"
    BAD_BOX = "bad_box"
    BAD_EXCHANGE = "bad_exchange"


class Found(Record):
    """One flaw with its place."""

    flaw: Flaw
    turn: int
    """Number of the reply, from 0; the question is -1."""
    why: str


class TrajectoryReport(Record):
    """What is wrong with one trajectory."""

    id: str
    found: tuple[Found, ...] = ()
    num_boxes: int = 0
    """Boxes that were looked at."""
    num_truths: int = 0
    """Times that a name or value of the truth was said, rightly or not."""
    num_calls: int = 0


class CheckedTrajectories(Record):
    """Reports of many trajectories."""

    reports: tuple[TrajectoryReport, ...]

    @property
    def failures(self) -> dict[str, int]:
        """How many trajectories have each flaw, all flaws named."""
        counts = Counter(
            flaw for report in self.reports for flaw in {one.flaw for one in report.found}
        )
        return {flaw.value: counts[flaw] for flaw in Flaw}

    @property
    def num_flawed(self) -> int:
        """Trajectories with any flaw."""
        return sum(bool(report.found) for report in self.reports)


def check_trajectory(
    id_: str, messages: Sequence[Message], *, task: Task, proof: Proof
) -> TrajectoryReport:
    """Check one finished conversation.

    Args:
        id_: for the report.
        messages: system prompt, question, replies and results, in order.
        task: with its gold.
        proof: of the task: what must be read before it is said.
    """
    transcript = read_transcript(messages)
    truths = _truths(task, proof)
    steps = transcript.steps
    return TrajectoryReport(
        id=id_,
        found=(
            *_unseen(transcript, truths),
            *_references(transcript, task),
            *_boxes(transcript),
            *_exchanges(steps),
        ),
        num_boxes=sum(
            1 if call.name == "zoom" else len(boxes)
            for step in steps
            for call in step.calls
            if isinstance(boxes := call.arguments.get("bbox"), list)
        ),
        num_truths=sum(
            any(_stands(form, _plain(step.said())) for form in forms)
            for step in steps
            for forms in truths.values()
        ),
        num_calls=sum(len(step.calls) for step in steps),
    )


# ------------------------------------------------------------------------------------------ truth


def _truths(task: Task, proof: Proof) -> dict[str, tuple[str, ...]]:
    """What must be read first: as written, and all ways to write just that, plain."""
    names = list(task.gold.answers) if task.gold is not None else []
    for hop in proof.hops:
        if hop.kind is not HopKind.GIVEN:
            names += [hop.expected, *hop.aliases]
    names += [_TRAILING.sub("", name) for name in names]
    return {name: forms for name in dict.fromkeys(names) if any(forms := _forms(name))}


def _forms(name: str) -> tuple[str, ...]:
    for pattern in _DATES:
        if (found := pattern.fullmatch(name.strip())) is not None:
            day, year = int(found["day"]), found["year"]
            month = _month(found["month"])
            if month is not None:
                iso = f"{year} {month:02} {day:02}"
                return (
                    iso,
                    f"{day} {_MONTHS[month - 1]} {year}",
                    f"{_MONTHS[month - 1]} {day} {year}",
                )
    return (_plain(name).strip(),)


def _month(text: str) -> int | None:
    if text.isdecimal():
        return int(text) if 1 <= int(text) <= len(_MONTHS) else None
    return next((n for n, month in enumerate(_MONTHS, 1) if month == text.casefold()), None)


def _unseen(transcript: Transcript, truths: dict[str, tuple[str, ...]]) -> Iterator[Found]:
    seen = _plain(transcript.question)
    for step in transcript.steps:
        said = _plain(step.said())
        for name, forms in truths.items():
            is_said = any(_stands(form, said) for form in forms)
            if is_said and not any(_stands(form, seen) for form in forms):
                why = f"{name!r} is said and was not shown before"
                yield Found(flaw=Flaw.TRUTH_UNSEEN, turn=step.index, why=why)
        answer = _forms(step.answer) if step.answer is not None else ()
        if any(answer) and not any(_stands(form, seen) for form in answer):
            why = f"the answer {step.answer!r} was not shown before"
            yield Found(flaw=Flaw.TRUTH_UNSEEN, turn=step.index, why=why)
        seen += _plain(step.shown)


def _plain(text: str) -> str:
    """Words and numbers alone, a blank on both sides of each."""
    bare = unicodedata.normalize("NFKD", unquote(_HANDLE.sub("handle", text)))
    bare = "".join(char for char in bare if not unicodedata.combining(char)).casefold()
    return " ".join(["", *_TOKEN.findall(_THOUSANDS.sub("", bare)), ""])


def _stands(form: str, text: str) -> bool:
    return bool(form) and f" {form} " in text


# ----------------------------------------------------------------------------------------- bridge


def _references(transcript: Transcript, task: Task) -> Iterator[Found]:
    if transcript.num_pictures != len(task.images):
        why = f"the question shows {transcript.num_pictures} of {len(task.images)} pictures"
        yield Found(flaw=Flaw.BRIDGE_REFERENCE, turn=-1, why=why)
    texts = [(-1, transcript.question), *((step.index, step.shown) for step in transcript.steps)]
    texts += [(step.index, step.said()) for step in transcript.steps]
    for turn, text in texts:
        for stand_in in _STAND_INS:
            if stand_in in text.casefold():
                why = f"{stand_in!r} stands there"
                yield Found(flaw=Flaw.BRIDGE_REFERENCE, turn=turn, why=why)
    asked = _plain(transcript.question)
    for step in transcript.steps:
        said = step.said()
        for found in _REFERENCES.finditer(said):
            if not _is_repeated(said, found, asked):
                why = f"speaks of {found[0]!r}"
                yield Found(flaw=Flaw.BRIDGE_REFERENCE, turn=step.index, why=why)


def _is_repeated(said: str, found: re.Match[str], asked: str) -> bool:
    """Whether it is the question that is repeated: three words before or behind agree with it too."""
    before = _plain(said[: found.start()]).split()[-_COMPANY:]
    behind = _plain(said[found.end() :]).split()[:_COMPANY]
    middle = _plain(found[0]).split()
    return (len(before) == _COMPANY and _stands(" ".join(before + middle), asked)) or (
        len(behind) == _COMPANY and _stands(" ".join(middle + behind), asked)
    )


# ------------------------------------------------------------------------------------------ boxes


def _boxes(transcript: Transcript) -> Iterator[Found]:
    known = set(_HANDLE.findall(transcript.question))
    for step in transcript.steps:
        for call in step.calls:
            for why in _faults_of_boxes(call, known=known):
                yield Found(flaw=Flaw.BAD_BOX, turn=step.index, why=why)
        known |= set(_HANDLE.findall(step.shown))


def _faults_of_boxes(call: SaidCall, *, known: set[str]) -> Iterator[str]:
    handle = call.arguments.get("image_id")
    if handle is not None and handle not in known:
        yield f"{handle!r} names no picture that was shown"
    if "bbox" not in call.arguments and not call.name.startswith("crop"):
        return
    boxes = call.arguments.get("bbox")
    if call.name == "zoom":
        boxes = [boxes]  # this tool takes one
    if not isinstance(boxes, list) or not boxes:
        yield f"{boxes!r} is no list of boxes"
        return
    yield from (f"{box!r} is no box within the picture" for box in boxes if not _is_box(box))


def _is_box(value: JsonValue) -> bool:
    if not isinstance(value, list) or len(value) != 4:
        return False
    corners = [
        float(corner)
        for corner in value
        if isinstance(corner, int | float) and not isinstance(corner, bool)
    ]
    if len(corners) != 4 or not all(math.isfinite(corner) for corner in corners):
        return False
    left, top, right, bottom = corners
    return 0 <= left < right <= _SIDE and 0 <= top < bottom <= _SIDE


# -------------------------------------------------------------------------------------- exchanges


def _exchanges(steps: Sequence[SaidStep]) -> Iterator[Found]:
    for step, then in itertools.zip_longest(steps, steps[1:]):
        for why in _faults_of_step(step, is_last=then is None):
            yield Found(flaw=Flaw.BAD_EXCHANGE, turn=step.index, why=why)
    if not steps:
        yield Found(flaw=Flaw.BAD_EXCHANGE, turn=-1, why="there is no reply")


def _faults_of_step(step: SaidStep, *, is_last: bool) -> Iterator[str]:
    if not step.is_readable:
        yield "not a thought with calls or an answer"
    elif not step.thought.strip():
        yield "no thought"
    if (step.answer is not None) is not is_last:
        yield "ends without an answer" if is_last else "answers before the end"
    if is_last and step.shown.strip():
        yield "something comes back after the end"
    if len(step.responses) != len(step.calls):
        yield f"{len(step.calls)} calls, {len(step.responses)} results"
    for number, (call, response) in enumerate(zip(step.calls, step.responses, strict=False)):
        if not _is_of(call, response):
            yield f"result {number} is not of its call of {call.name}"


def _is_of(call: SaidCall, response: str) -> bool:
    """Whether a result is that of a call: it names what was asked for, or says what failed."""
    if _FAILED.match(response):
        return True
    asked = list(call.texts())
    match call.name:
        case "search":
            queries = call.arguments.get("query")
            wanted = [queries] if isinstance(queries, str) else list(_texts_of(queries))
            return all(_stands(_plain(query).strip(), _plain(response)) for query in wanted)
        case "visit":
            urls = call.arguments.get("url")
            wanted = [urls] if isinstance(urls, str) else list(_texts_of(urls))
            return all(url in response for url in wanted)
        case "crop_and_search":
            regions = _REGION.findall(response)
            boxes = list(_numbers_of(call.arguments.get("bbox")))
            return bool(regions) and all(
                handle in asked and any(_is_near(corners, box) for box in boxes)
                for handle, *corners in regions
            )
        case _:
            return True


def _texts_of(value: JsonValue) -> Iterator[str]:
    if isinstance(value, list):
        yield from (one for one in value if isinstance(one, str))


def _numbers_of(value: JsonValue) -> Iterator[list[float]]:
    for box in value if isinstance(value, list) else []:
        if isinstance(box, list):
            yield [float(one) for one in box if isinstance(one, int | float)]


def _is_near(corners: Sequence[str], box: Sequence[float]) -> bool:
    return len(corners) == len(box) and all(
        abs(float(one) - two) <= _NEAR for one, two in zip(corners, box, strict=True)
    )
