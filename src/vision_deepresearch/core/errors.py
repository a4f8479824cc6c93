"""Errors of three kinds: the user's, the outside's, and our own bugs.

    ConfigError(ValueError)      the user can mend it; the command ends with exit code 2
    BoundaryError(Exception)     something outside our process failed; typed by FailureKind
        ModelError               a model endpoint
        WorldError               a search engine or a page
        SandboxError             the Python sandbox
        JudgeError               a judge
        BudgetExceededError           a cap of dollars or calls was reached
        PromptIntegrityError          a prompt holds a marker that no template placed (core.integrity)
    BadImageError(ValueError)         bytes that are no picture we accept
    RunStoppingError(Exception)       nothing of the run can go on: a full disk, a strict replay's miss
        TrainingStoppedError          no step of training gives an update any more

A bug is an `assert` or an ordinary exception and travels on. Messages have three parts: what was
expected, what came, how to mend it.
"""

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum

from typing_extensions import override

DISK_ERRORS = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO})
"""Of an `OSError`: our own disk is full or broken. No network and no program of a model says so."""


_NO_DISK = DISK_ERRORS | {errno.EROFS}
"""A disk that breaks is made read-only by the system."""


class FailureKind(StrEnum):
    """Why something outside failed. Never inferred from text."""

    BAD_ARGS = "bad_args"
    """The call does not fit the tool's schema."""
    UNKNOWN_TOOL = "unknown_tool"
    NOT_FOUND = "not_found"
    BLOCKED = "blocked"
    """Refused by a guard: an address, a robots rule, a policy."""
    RATE_LIMITED = "rate_limited"
    TIMEOUT = "timeout"
    AUTH = "auth"
    BAD_REQUEST = "bad_request"
    UPSTREAM = "upstream"
    """The other side failed: 5xx, a torn body, a reply that is not what it should be."""
    TOO_LARGE = "too_large"
    """The request does not fit the other side: context length, size of the body."""
    REFUSED = "refused"
    """A model's provider would not answer this: a content filter."""
    BAD_REPLY = "bad_reply"
    """A model answered, and not in a way that can be used, even when it was told what was wrong."""
    TAPE_MISS = "tape_miss"
    """A replay was asked for something that was never recorded."""
    BAD_IMAGE = "bad_image"
    GUEST_ERROR = "guest_error"
    """Model-written code raised."""
    UNAVAILABLE = "unavailable"
    """Switched off here, for example Python without a sandbox."""
    BUDGET = "budget"
    PROMPT_INTEGRITY = "prompt_integrity"
    """A prompt holds a marker that no template of ours placed, so it was not sent."""

    @property
    def is_retryable(self) -> bool:
        """Whether the same call may work a little later."""
        return self in {FailureKind.RATE_LIMITED, FailureKind.TIMEOUT, FailureKind.UPSTREAM}

    @property
    def is_settled(self) -> bool:
        """Whether no later call to the same place can work before somebody mends the setting.

        A bad request is none of these: another request may be a good one.
        """
        return self in {FailureKind.AUTH, FailureKind.NOT_FOUND}


class ConfigError(ValueError):
    """The user asked for something that cannot be; the message says how to mend it."""


class BadImageError(ValueError):
    """Bytes that are not a picture we accept; the message says why."""


class RunStoppingError(Exception):
    """Not one call but the whole run has to stop; no seam turns it into a failed call.

    Raised where our own records cannot be written, or a strict replay has none: going on would
    give results that look like the outside's fault.
    """


class TrainingStoppedError(RunStoppingError, RuntimeError):
    """Training can teach nothing any more, or its weights are not what they should be."""


class BoundaryError(Exception):
    """Something outside our process failed.

    Attributes:
        kind: the class of the failure.
        message: short text that may be shown to a model; provider bodies belong in the log.
        retry_after_s: seconds the other side asked us to wait, if it did.
        is_outage: whether the other side answered nobody, so that this says nothing about the
            call; set by the call policy.
    """

    def __init__(
        self, kind: FailureKind, message: str, *, retry_after_s: float | None = None
    ) -> None:
        super().__init__(kind, message)
        self.kind = kind
        self.message = message
        self.retry_after_s = retry_after_s
        self.is_outage = False

    @override
    def __str__(self) -> str:
        return f"{self.kind.value}: {self.message}"


class ModelError(BoundaryError):
    """A model endpoint failed."""


class WorldError(BoundaryError):
    """A search engine or a page failed."""


class SandboxError(BoundaryError):
    """The Python sandbox cannot run."""


class JudgeError(BoundaryError):
    """A judge could not be asked."""


class BudgetExceededError(BoundaryError):
    """A cap of dollars or calls was reached; the trajectory ends with StopReason.BUDGET."""

    def __init__(self, message: str) -> None:
        super().__init__(FailureKind.BUDGET, message)


@contextmanager
def boundary(error: type[BoundaryError], what: str) -> Iterator[None]:
    """Turn whatever an implementation raises into the typed error of its seam.

    Args:
        error: the seam's error class (`WorldError`, `ModelError`...).
        what: what was being done, for the message, for example "text search".

    Raises:
        BoundaryError: `error` for any ordinary exception; boundary errors pass unchanged.
        RunStoppingError: passes unchanged.
        OSError: our own disk is full or broken: not the outside's fault.
    """
    try:
        yield
    except (BoundaryError, RunStoppingError):
        raise
    except TimeoutError as reason:
        raise error(FailureKind.TIMEOUT, f"{what} took too long") from reason
    except Exception as reason:
        if isinstance(reason, OSError) and reason.errno in DISK_ERRORS:
            raise
        raise error(FailureKind.UPSTREAM, f"{what} failed: {type(reason).__name__}") from reason


def stops_the_run(bug: BaseException) -> bool:
    """Whether an error is no fault of one record: a strict replay that misses, a disk that refuses."""
    if isinstance(bug, BaseExceptionGroup):
        return any(stops_the_run(inner) for inner in bug.exceptions)
    is_disk = isinstance(bug, OSError) and bug.errno in _NO_DISK
    return is_disk or isinstance(bug, RunStoppingError)


def in_words(bug: BaseException) -> str:
    """An error by its type and message; those of a group one after the other."""
    if isinstance(bug, BaseExceptionGroup):
        return "; ".join(in_words(inner) for inner in bug.exceptions)
    return f"{type(bug).__name__}: {bug}"
