"""Reads the summariser's JSON out of whatever a model wrote around it.

Tolerated: thinking before it, fences, prose around, trailing commas, raw newlines in strings,
Python quotes, a list around it, keys in other case. Not tolerated: an object without evidence or
summary, a cut one, plain prose: those give None and the caller decides.
"""

import ast
import json
import re
from collections.abc import Iterator

from pydantic import JsonValue, TypeAdapter

from vision_deepresearch.core.record import Record

_THOUGHT = re.compile(r"^.*?</think>", re.DOTALL)
_FENCED = re.compile(r"```[A-Za-z0-9]*\s*(.*?)```", re.DOTALL)
_TRAILING_COMMA = re.compile(r",(\s*[}\]])")
_MAX_CHARS = 40_000
_JSON: TypeAdapter[JsonValue] = TypeAdapter(JsonValue)


class PageNotes(Record):
    """What a model noted about a page; its reasoning is dropped."""

    evidence: str
    summary: str


def read_notes(reply: str) -> PageNotes | None:
    """The notes in a reply, or None where there are none to be read."""
    text = _THOUGHT.sub("", reply[:_MAX_CHARS], count=1) if "</think>" in reply else reply
    for candidate in _candidates(text[:_MAX_CHARS].strip()):
        notes = _notes_of(_parsed(candidate))
        if notes is not None:
            return notes
    return None


def _candidates(text: str) -> Iterator[str]:
    """Spellings of the object, the most literal first."""
    yield text
    for fenced in _FENCED.findall(text):
        yield fenced.strip()
    start, end = text.find("{"), text.rfind("}")
    if 0 <= start < end:
        yield text[start : end + 1]
    if start >= 0 and (first := _first_object(text, start=start)):
        yield first


def _first_object(text: str, *, start: int) -> str | None:
    """The first balanced object; quotes are respected."""
    depth, is_quoted, is_escaped = 0, False, False
    for at in range(start, len(text)):
        char = text[at]
        if is_escaped:
            is_escaped = False
        elif char == "\\":
            is_escaped = is_quoted
        elif char == '"':
            is_quoted = not is_quoted
        elif not is_quoted and char in "{}":
            depth += 1 if char == "{" else -1
            if depth == 0:
                return text[start : at + 1]
    return None


def _parsed(text: str) -> JsonValue:
    for spelling in (text, _TRAILING_COMMA.sub(r"\1", text)):
        try:
            return json.loads(spelling, strict=False)
        except (ValueError, RecursionError):
            continue
    try:
        return _JSON.validate_python(ast.literal_eval(text))
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        return None


def _notes_of(value: JsonValue) -> PageNotes | None:
    if isinstance(value, list) and len(value) == 1:
        value = value[0]
    if not isinstance(value, dict):
        return None
    fields = {key.strip().casefold(): content for key, content in value.items()}
    if not fields.keys() & {"evidence", "summary"}:
        return None
    notes = PageNotes(
        evidence=_text_of(fields.get("evidence")), summary=_text_of(fields.get("summary"))
    )
    return notes if notes.evidence or notes.summary else None


def _text_of(value: JsonValue) -> str:
    if value is None:
        return ""
    if isinstance(value, list):
        return "\n".join(filter(None, (_text_of(item) for item in value)))
    return value.strip() if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
