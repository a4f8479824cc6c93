r"""Reads the one JSON object that a role's reply is to be, strictly; a fault is said in words.

Tolerated: thinking before it, fences and prose around it. Not tolerated: no object or several
different ones, a torn one, a key twice, keys unknown or missing, values of another type or out of
range, texts with control markers. Nobody guesses: who asked quotes the fault and asks once more.
"""

import json
import re
from typing import Annotated, TypeVar

from pydantic import AfterValidator, Field, JsonValue, TypeAdapter, ValidationError

from vision_deepresearch.core.answers import without_thinking
from vision_deepresearch.core.record import Record
from vision_deepresearch.core.untrusted import neutralise

MAX_REPLY_CHARS = 24_000
"""A longer reply is not read."""
_BEGUN = re.compile(r"\{\s*+(?:[\"'\u201c\u2018]|\w++\s*+:)")
"""Opens an object, not a word in braces."""
_OBJECT: TypeAdapter[dict[str, JsonValue]] = TypeAdapter(dict[str, JsonValue])
_TOLD_FAULTS = 3
_SHOWN_CHARS = 80

ReplyT = TypeVar("ReplyT", bound=Record)


class UnfitReplyError(ValueError):
    """A reply that cannot be used; the message tells the model why."""


def _harmless(text: str) -> str:
    """One line of words.

    Raises:
        ValueError: nothing but spaces, or markers of a prompt in it.
    """
    line = " ".join(text.split())
    if not line:
        msg = "empty text"
        raise ValueError(msg)
    if neutralise(line) != line:
        msg = "control characters or markers in a text"
        raise ValueError(msg)
    return line


Line = Annotated[str, Field(max_length=1_200), AfterValidator(_harmless)]
"""A sentence or two; spaces are made single."""
Name = Annotated[str, Field(max_length=160), AfterValidator(_harmless)]
"""A name, a value, a few words."""
Prose = Annotated[str, Field(max_length=8_000), AfterValidator(_harmless)]


def read_reply(text: str, shape: type[ReplyT]) -> ReplyT:
    """The object of a reply. Cost: linear in the reply.

    Raises:
        UnfitReplyError: see the module.
    """
    if not text.strip():
        msg = "the reply was empty"
        raise UnfitReplyError(msg)
    if len(text) > MAX_REPLY_CHARS:
        msg = f"the reply has {len(text):,} characters, at most {MAX_REPLY_CHARS:,} are read"
        raise UnfitReplyError(msg)
    # Thinking does not open with an object: a tag in one is quoted, and its text is refused below.
    found = _objects(text if text.lstrip().startswith("{") else without_thinking(text))
    distinct = [one for place, one in enumerate(found) if one not in found[:place]]
    if not distinct:
        msg = "the reply holds no JSON object"
        raise UnfitReplyError(msg)
    if len(distinct) > 1:
        msg = f"the reply holds {len(distinct)} different JSON objects, one was asked for"
        raise UnfitReplyError(msg)
    try:
        return shape.model_validate_json(json.dumps(distinct[0]), strict=True)
    except ValidationError as error:
        raise UnfitReplyError(_words_of(error)) from error


def _objects(text: str) -> list[dict[str, JsonValue]]:
    """The outermost JSON objects, in order.

    Raises:
        UnfitReplyError: one is begun and does not end, or has a key twice.
    """
    decoder = json.JSONDecoder(
        strict=False, object_pairs_hook=_without_doubles, parse_constant=_no_number
    )
    found: list[dict[str, JsonValue]] = []
    at = text.find("{")
    while at >= 0:
        try:
            value, end = decoder.raw_decode(text, at)
            found.append(_OBJECT.validate_python(value))
        except UnfitReplyError:
            raise
        except (ValueError, RecursionError) as error:
            if _BEGUN.match(text, at):
                msg = f"the JSON object cannot be read: {_short(str(error))}"
                raise UnfitReplyError(msg) from error
            end = at + 1
        at = text.find("{", end)
    return found


def _without_doubles(pairs: list[tuple[str, object]]) -> dict[str, object]:
    fields = dict(pairs)
    if len(fields) != len(pairs):
        msg = "an object has the same key twice"
        raise UnfitReplyError(msg)
    return fields


def _no_number(word: str) -> object:
    msg = f"{word} is no JSON"
    raise UnfitReplyError(msg)


def _words_of(error: ValidationError) -> str:
    """The first faults, each with its place."""
    told = [
        f"{'.'.join(str(step) for step in one['loc']) or 'the object'}: {one['msg']}"
        for one in error.errors(include_url=False, include_context=False, include_input=False)
    ]
    more = f"; and {len(told) - _TOLD_FAULTS} more" if len(told) > _TOLD_FAULTS else ""
    return "; ".join(told[:_TOLD_FAULTS]) + more


def _short(text: str) -> str:
    return text if len(text) <= _SHOWN_CHARS else f"{text[:_SHOWN_CHARS]}..."


def stands_in(name: str, text: str) -> bool:
    """Whether a name stands in a text as words of their own, whatever the case and the spaces."""
    words = _plain(name)
    return bool(words) and bool(re.search(rf"(?<!\w){re.escape(words)}(?!\w)", _plain(text)))


def _plain(text: str) -> str:
    return " ".join(re.sub(r"[*_\\`]", "", text).split()).casefold()
