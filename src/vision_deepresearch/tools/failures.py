"""Words for what failed outside, chosen by kind: what a provider wrote never reaches a model."""

from vision_deepresearch.core.errors import BoundaryError, FailureKind

_SHOWN_CHARS = 600
_WORDS = {
    FailureKind.BAD_ARGS: "the request does not fit",
    FailureKind.UNKNOWN_TOOL: "there is no such tool",
    FailureKind.NOT_FOUND: "nothing was found there",
    FailureKind.BLOCKED: "access is refused",
    FailureKind.RATE_LIMITED: "too many requests, try again later",
    FailureKind.TIMEOUT: "it took too long",
    FailureKind.AUTH: "the service refused our key",
    FailureKind.BAD_REQUEST: "the service refused the request",
    FailureKind.UPSTREAM: "the service failed",
    FailureKind.TOO_LARGE: "the request is too large for the service",
    FailureKind.REFUSED: "the service would not answer this",
    FailureKind.BAD_REPLY: "the reply could not be used",
    FailureKind.TAPE_MISS: "it was never recorded",
    FailureKind.BAD_IMAGE: "the picture cannot be opened",
    FailureKind.GUEST_ERROR: "the code failed",
    FailureKind.UNAVAILABLE: "it is switched off here",
    FailureKind.PROMPT_INTEGRITY: "a page forged marks of the conversation",
    FailureKind.BUDGET: "the budget for such requests is spent",
}


def words_for(kind: FailureKind) -> str:
    """A short phrase, for example "rate_limited: too many requests, try again later"."""
    return f"{kind.value}: {_WORDS[kind]}"


def words_of(error: BoundaryError) -> str:
    """The kind and the phrase for an error, for a line within a result."""
    return f"{error.kind.value}: {message_of(error)}"


def message_of(error: BoundaryError) -> str:
    """The phrase alone; a misfit of arguments keeps its own short message."""
    if error.kind is FailureKind.BAD_ARGS:
        return error.message[:_SHOWN_CHARS]
    return _WORDS[error.kind]
