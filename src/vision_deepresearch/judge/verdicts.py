r"""Reads a judge's reply: a JSON verdict, or lines `correct: yes|no`, or nothing.

Order: thinking is dropped (unclosed: to the end); a reply that opens with a verdict line is read by
its lines, for an object further down is a quotation of the answer; else JSON objects with `verdict`
or `correct` decide, if all of them agree; else all lines that begin with `correct:` and yes or no,
if they agree. Anything else is undecided, and nobody guesses: no substring, no first match, no
default.

Source: the project's evaluation protocol, parsing a verdict.
"""

import json
import re
from collections.abc import Iterator, Sequence

from pydantic import JsonValue, TypeAdapter

from vision_deepresearch.core.answers import without_thinking
from vision_deepresearch.core.episode import Decision
from vision_deepresearch.core.record import Record

_MAX_CHARS = 40_000
_LINE = re.compile(
    # The first colon of the line is the one meant, so both runs are possessive and linear.
    # "or" behind the word is the template told in words, like "/" and "|".
    r"^[^\w\n]*+correct[^\w\n:]*+:[^\w]*+(yes|no)\b(?!\s*(?:[/|]|or\b))",
    re.MULTILINE | re.IGNORECASE,
)
_BEGUN = re.compile(r"\{\s*+(?:[\"'\u201c\u2018]|\w++\s*+:)")
"""Opens an object, not a word in braces."""
_DECISIONS = {
    "correct": Decision.CORRECT,
    "incorrect": Decision.INCORRECT,
    "not_attempted": Decision.INCORRECT,
}
_YES_NO = {"yes": Decision.CORRECT, "no": Decision.INCORRECT}
_KEY = re.compile(r"[\"'](?:verdict|correct)[\"']\s*+:", re.IGNORECASE)
"""Outside of any object: one was ended too early, by a quotation with its quotation marks."""
_KEYS = {"verdict", "correct"}
_THINK = re.compile(r"</?think\b", re.IGNORECASE)
_OBJECT: TypeAdapter[dict[str, JsonValue]] = TypeAdapter(dict[str, JsonValue])


class Ruling(Record):
    """What a judge's reply decides."""

    decision: Decision
    """Correct or incorrect; a reply that decides nothing is None instead of a ruling."""
    is_attempted: bool = True
    """False: the judge found no answer; the decision is then incorrect."""
    extracted_answer: str = ""
    rationale: str = ""
    score: float | None = None
    """Part that is right, 0 to 1; None: the reply tells none."""


class _TornError(ValueError):
    """An object is begun that is no verdict."""


def read_verdict(reply: str) -> Ruling | None:
    """The ruling of a reply, or None where it is undecided. Cost: linear in the reply."""
    whole = reply[:_MAX_CHARS].strip()
    tag = _THINK.search(whole)
    if whole.startswith("{") and tag:
        # Thinking does not open with an object: the tag is quoted, and may stand in a torn object.
        alone = _only_object(whole)
        return _ruling_of(alone) if alone else None
    ruling = _read(without_thinking(whole).strip())
    if tag and _LINE.match(whole):
        # A tag behind a verdict line is quoted as well and must not hide that line.
        before = _read(whole[: tag.start()])
        if before is None or ruling is None or before.decision is not ruling.decision:
            return None
    return ruling


def _read(said: str) -> Ruling | None:
    if _LINE.match(said):
        return _by_lines(said)
    try:
        objects = list(_objects(said))
    except _TornError:
        return None
    return _by_objects(objects) if objects else _by_lines(said)


def _by_objects(objects: Sequence[dict[str, JsonValue]]) -> Ruling | None:
    """The first ruling, if all say the same."""
    rulings = [_ruling_of(fields) for fields in objects]
    said = {(one.decision, one.is_attempted) if one else None for one in rulings}
    return rulings[0] if len(said) == 1 else None


def _by_lines(text: str) -> Ruling | None:
    """The ruling of all verdict lines, if they say the same; what follows the first is why."""
    lines = list(_LINE.finditer(text))
    words = {line[1].lower() for line in lines}
    if len(words) != 1:
        return None
    rationale = text[lines[0].end() :].strip()
    return Ruling(decision=_YES_NO[words.pop()], rationale=rationale or text)


def _only_object(text: str) -> dict[str, JsonValue] | None:
    """The object that the text is from its first to its last character; tags in it are quoted."""
    decoder = json.JSONDecoder(strict=False, object_pairs_hook=_without_doubles)
    try:
        found, end = decoder.raw_decode(text)
        fields = _lowered(_OBJECT.validate_python(found))
    except (ValueError, RecursionError):
        return None
    return fields if end == len(text) and fields.keys() & _KEYS else None


def _objects(text: str) -> Iterator[dict[str, JsonValue]]:
    """The outermost JSON objects, all of which hold a verdict.

    Raises:
        _TornError: an object cannot be read or holds no verdict. What stands inside it or behind
            it may be words of the answer that was judged, and is not looked at.
    """
    decoder = json.JSONDecoder(strict=False, object_pairs_hook=_without_doubles)
    at = text.find("{")
    while at >= 0:
        try:
            found, end = decoder.raw_decode(text, at)
            fields = _lowered(_OBJECT.validate_python(found))
        except (ValueError, RecursionError) as error:
            if isinstance(error, _TornError) or _BEGUN.match(text, at):
                raise _TornError from error
            end = at + 1
        else:
            if fields.keys() & _KEYS:
                yield fields
            elif fields:
                raise _TornError
        at = text.find("{", end)
        if _KEY.search(text, end, at if at >= 0 else len(text)):
            raise _TornError


def _lowered(fields: dict[str, JsonValue]) -> dict[str, JsonValue]:
    return {key.strip().casefold(): value for key, value in fields.items()}


def _without_doubles(pairs: list[tuple[str, object]]) -> dict[str, object]:
    fields = dict(pairs)
    if len(fields) != len(pairs):
        raise _TornError
    return fields


def _ruling_of(fields: dict[str, JsonValue]) -> Ruling | None:
    """The ruling of one object; None where its values are no verdict or contradict each other."""
    rulings: set[Decision | None] = set()
    verdict = ""
    if "verdict" in fields:
        verdict = _word(fields["verdict"])
        rulings.add(_DECISIONS.get(verdict))
    if "correct" in fields:
        correct = fields["correct"]
        said = ("yes" if correct else "no") if isinstance(correct, bool) else _word(correct)
        rulings.add(_YES_NO.get(said))
    decision = rulings.pop() if len(rulings) == 1 else None
    if decision is None:
        return None
    rationale = fields.get("rationale", fields.get("reasoning"))
    extracted = fields.get("extracted_answer", fields.get("extracted_final_answer"))
    return Ruling(
        decision=decision,
        is_attempted=verdict != "not_attempted",
        extracted_answer=extracted.strip() if isinstance(extracted, str) else "",
        rationale=rationale.strip() if isinstance(rationale, str) else "",
    )


def _word(value: JsonValue) -> str:
    return value.strip().casefold().replace(" ", "_") if isinstance(value, str) else ""
