"""Checks a call's arguments against the model that its tool's schema is compiled from.

One source for what the model is told and what is accepted: a call that does not fit gets a
message that says what was expected, never a guess.
"""

import json
from typing import TypeVar

from pydantic import ValidationError

from vision_deepresearch.core.content import ToolCall
from vision_deepresearch.core.errors import BoundaryError, FailureKind
from vision_deepresearch.core.record import Record

A = TypeVar("A", bound=Record)
_SHOWN_ERRORS = 3
_SHOWN_CHARS = 60


def read_arguments(arguments: type[A], *, call: ToolCall) -> A:
    """The call's arguments as a record.

    Raises:
        BoundaryError: they do not fit (bad_args); the message names each misfit and the shape.
    """
    try:
        return arguments.model_validate(call.arguments)
    except ValidationError as misfit:
        found = misfit.errors(include_url=False, include_context=False)
    told = "; ".join(
        f"{_place(error['loc'])}: {_words(error['type'], error['msg'])}, got {_shown(error['input'])}"
        for error in found[:_SHOWN_ERRORS]
    )
    more = f" (and {len(found) - _SHOWN_ERRORS} more)" if len(found) > _SHOWN_ERRORS else ""
    shape = ", ".join(
        name if field.is_required() else f"{name}?"
        for name, field in arguments.model_fields.items()
    )
    raise BoundaryError(
        FailureKind.BAD_ARGS, f"{call.name} takes {{{shape}}}; mend {told}{more}"
    ) from None


def unwrap_json(value: object) -> object:
    """A list that was written as a string of JSON, as some models do; anything else unchanged."""
    if isinstance(value, str) and value.lstrip().startswith("["):
        try:
            return json.loads(value)
        except ValueError:
            return value
    return value


def _place(location: tuple[int | str, ...]) -> str:
    return ".".join(str(step) for step in location) or "the arguments"


def _words(kind: str, message: str) -> str:
    match kind:
        case "extra_forbidden":
            return "no such argument"
        case "missing":
            return "is required"
        case _:
            return message.removeprefix("Value error, ")


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= _SHOWN_CHARS else f"{text[:_SHOWN_CHARS]}..."
