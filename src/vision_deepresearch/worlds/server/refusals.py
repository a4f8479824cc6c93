"""Why a request is not answered: one exception, with the HTTP status its kind travels as."""

from vision_deepresearch.core.errors import FailureKind
from vision_deepresearch.worlds.server.jobs import Outcome

_STATUS = {
    FailureKind.BAD_ARGS: 400,
    FailureKind.BAD_REQUEST: 400,
    FailureKind.BAD_IMAGE: 400,
    FailureKind.AUTH: 401,
    FailureKind.BLOCKED: 403,
    FailureKind.REFUSED: 403,
    FailureKind.NOT_FOUND: 404,
    FailureKind.TAPE_MISS: 404,
    FailureKind.TOO_LARGE: 413,
    FailureKind.RATE_LIMITED: 429,
    FailureKind.UPSTREAM: 502,
    FailureKind.UNAVAILABLE: 503,
    FailureKind.TIMEOUT: 504,
}
_WAIT_S = 1


class RefusedError(Exception):
    """A request that gets no answer.

    Attributes:
        kind: the class of the failure.
        message: what was expected, what came, how to mend it; quotes no more than a little.
        status: of the HTTP response.
        retry_after_s: whole seconds after which the same request may work; None: do not repeat.
    """

    def __init__(
        self,
        kind: FailureKind,
        message: str,
        *,
        status: int | None = None,
        retry_after_s: int | None = None,
    ) -> None:
        super().__init__(kind, message)
        self.kind = kind
        self.message = message
        self.status = status or _STATUS.get(kind, 502)
        is_later = self.status in {429, 503}
        self.retry_after_s = retry_after_s or (_WAIT_S if is_later else None)


class OverloadedError(RefusedError):
    """A queue is full."""

    def __init__(self, *, lane: str, places: int, retry_after_s: int) -> None:
        super().__init__(
            FailureKind.UNAVAILABLE,
            f"all {places} places in the queue for {lane} are taken: ask again after "
            f"{retry_after_s} s, or start the server with more --workers",
            retry_after_s=retry_after_s,
        )


class EngineFailedError(RefusedError):
    """The engine misbehaved as it was told to; each service has its own way to say so."""


def bad_request(message: str) -> RefusedError:
    """A request that cannot be understood."""
    return RefusedError(FailureKind.BAD_REQUEST, message)


def refusal_of(outcome: Outcome) -> RefusedError:
    """The refusal for work that failed."""
    assert outcome.failure is not None
    wait = outcome.retry_after_s
    return RefusedError(
        outcome.failure,
        outcome.message,
        retry_after_s=None if wait is None else max(1, round(wait)),
    )
