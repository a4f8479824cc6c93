"""Reads the JSON object of a call: strictly, or after two harmless repairs, or not at all.

Strict means: one object, no key twice, no NaN or Infinity, at most 32 levels. The repairs are a
single code fence around the object and commas before a closing bracket; nothing that could change
what is asked for.
"""

import json
import math
import re

from pydantic import JsonValue, TypeAdapter, ValidationError

MAX_DEPTH = 32
"""Levels of nesting; deeper text is refused before it is parsed."""

_FENCE = re.compile(r"\A\s*```(?:json)?[ \t]*\n(?P<body>.*?)\n?\s*```\s*\Z", re.DOTALL)
_PIECE = re.compile(r'"(?:[^"\\]|\\.)*"|,(?=\s*[}\]])|[{}\[\]]', re.DOTALL)
_SURROGATE = re.compile("[\ud800-\udfff]")
_OBJECT: TypeAdapter[dict[str, JsonValue]] = TypeAdapter(dict[str, JsonValue])


class UnreadableJsonError(ValueError):
    """Text that is not the JSON object we accept; the message says why, without quoting it."""


def read_object(text: str) -> dict[str, JsonValue]:
    """Parse one JSON object.

    Raises:
        UnreadableJsonError: it is none, or it is ambiguous.
    """
    try:
        return _parse(text)
    except UnreadableJsonError:
        repaired = _repair(text)
        if repaired == text:
            raise
        return _parse(repaired)


def _parse(text: str) -> dict[str, JsonValue]:
    _check_depth(text)
    try:
        value: object = json.loads(
            text,
            object_pairs_hook=_unique,
            parse_constant=_refuse_constant,
            parse_float=_finite,
        )
        found = _OBJECT.validate_python(value)
    except json.JSONDecodeError as error:
        msg = f"{error.msg} at character {error.pos}"
        raise UnreadableJsonError(msg) from error
    except ValidationError as error:
        msg = "it is not an object of plain JSON values"
        raise UnreadableJsonError(msg) from error
    except UnreadableJsonError:
        raise
    except ValueError as error:  # an integer of thousands of digits
        msg = "a number is too long"
        raise UnreadableJsonError(msg) from error
    if "\\u" in text and _SURROGATE.search(json.dumps(found, ensure_ascii=False)):
        msg = "it holds half of a surrogate pair, which is no character"
        raise UnreadableJsonError(msg)
    return found


def _check_depth(text: str) -> None:
    depth = 0
    for piece in _PIECE.finditer(text):
        first = text[piece.start()]
        if first in "{[":
            depth += 1
            if depth > MAX_DEPTH:
                msg = f"it is nested more than {MAX_DEPTH} levels deep"
                raise UnreadableJsonError(msg)
        elif first in "}]":
            depth -= 1


def _repair(text: str) -> str:
    fenced = _FENCE.match(text)
    body = fenced["body"] if fenced else text
    return _PIECE.sub(lambda piece: "" if piece[0] == "," else piece[0], body)


def _unique(pairs: list[tuple[str, JsonValue]]) -> dict[str, JsonValue]:
    found = dict(pairs)
    if len(found) != len(pairs):
        msg = "a key stands there twice"
        raise UnreadableJsonError(msg)
    return found


def _refuse_constant(name: str) -> float:
    msg = f"{name} is no JSON number"
    raise UnreadableJsonError(msg)


def _finite(digits: str) -> float:
    value = float(digits)
    if not math.isfinite(value):
        msg = "a number is too large"
        raise UnreadableJsonError(msg)
    return value
