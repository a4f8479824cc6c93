"""What providers of the OpenAI chat format do differently, as data.

Fields that a model refuses are left out, never guessed at: a request without a temperature works
everywhere. Sources are listed in docs/endpoints.md.
"""

import re
from dataclasses import dataclass, replace
from typing import Literal

from vision_deepresearch.models.endpoint import EndpointSettings, Provider

_OPENAI_THINKS = re.compile(r"(o\d|gpt-[5-9](?!.*chat))")
_GEMINI_THINKS = re.compile(r"gemini-(2\.5|[3-9])")
_GEMINI_SIGNS = re.compile(r"gemini-(?![12](\.|-))")
_CLAUDE_TAKES_TEMPERATURE = re.compile(r"claude-(3|[a-z]+-4(-[0-6])?(-\d{8})?$)")
_HIDDEN_THINKING_TOKENS = 16_384


@dataclass(frozen=True, slots=True, kw_only=True)
class Quirks:
    """How to speak to one model at one provider."""

    length_key: Literal["max_tokens", "max_completion_tokens"] = "max_tokens"
    refused: frozenset[str] = frozenset()
    """Of `temperature`, `top_p`, `seed`, `stop`, `max_tokens`, `reasoning_effort`."""
    max_stops: int | None = None
    """Stop strings in one request."""
    max_temperature: float | None = None
    takes_one_sampler: bool = False
    """`temperature` or `top_p`, not both."""
    keeps_stop: str | None = None
    """A field that makes the server leave the stop string in the reply."""
    is_schema_narrow: bool = False
    """Tool schemas in the OpenAPI subset only."""
    takes_reply_schema: bool = False
    """`response_format` with a JSON schema."""
    signs_calls: bool = False
    """A call must come back with the signature it was given."""
    hides_thinking_tokens: bool = False
    """Thinking is missing in `completion_tokens` but counts in `total_tokens`."""
    thinking_tokens: int = 0
    max_pictures: int | None = None
    max_request_bytes: int | None = None
    max_picture_px: int | None = None
    max_picture_bytes: int | None = None


def quirks_of(provider: Provider, *, model: str, settings: EndpointSettings) -> Quirks:
    """The habits of a model, with what the user set on top."""
    known = _known(provider, model=model)
    return replace(
        known,
        refused=known.refused | frozenset(settings.omit),
        thinking_tokens=(
            known.thinking_tokens if settings.thinking_tokens is None else settings.thinking_tokens
        ),
        takes_reply_schema=(
            known.takes_reply_schema if settings.reply_schema is None else settings.reply_schema
        ),
        max_pictures=settings.max_pictures or known.max_pictures,
        max_request_bytes=settings.max_request_bytes or known.max_request_bytes,
        max_picture_px=settings.max_picture_px or known.max_picture_px,
        max_picture_bytes=settings.max_picture_bytes or known.max_picture_bytes,
    )


def _known(provider: Provider, *, model: str) -> Quirks:
    match provider:
        case Provider.OPENAI:
            thinks = _OPENAI_THINKS.match(model) is not None
            refused = {"temperature", "top_p", "seed", "stop"} if thinks else set[str]()
            return Quirks(
                length_key="max_completion_tokens",
                refused=frozenset(refused),
                max_stops=4,
                takes_reply_schema=True,
                thinking_tokens=_HIDDEN_THINKING_TOKENS if thinks else 0,
                max_pictures=500,
                max_request_bytes=48_000_000,
            )
        case Provider.GEMINI:
            thinks = _GEMINI_THINKS.match(model) is not None
            return Quirks(
                refused=frozenset({"seed"}),
                max_stops=5,
                is_schema_narrow=True,
                takes_reply_schema=True,
                signs_calls=_GEMINI_SIGNS.match(model) is not None,
                hides_thinking_tokens=True,
                thinking_tokens=_HIDDEN_THINKING_TOKENS if thinks else 0,
                max_request_bytes=19_000_000,
            )
        case Provider.ANTHROPIC:
            refused = {"seed", "reasoning_effort"}
            if not _CLAUDE_TAKES_TEMPERATURE.match(model):
                refused |= {"temperature", "top_p"}
            return Quirks(
                refused=frozenset(refused),
                max_temperature=1.0,
                takes_one_sampler=True,
                max_pictures=100,
                max_request_bytes=30_000_000,
                max_picture_px=2000,
                max_picture_bytes=3_900_000,
            )
        case Provider.VLLM:
            return Quirks(keeps_stop="include_stop_str_in_output", takes_reply_schema=True)
        case Provider.SGLANG:
            return Quirks(keeps_stop="no_stop_trim", takes_reply_schema=True)
        case Provider.OTHER:
            return Quirks()
