"""What becomes of one call to a misbehaving engine: how long it takes, and whether it fails.

Pure functions of settings, seeds and the call; a call is a request and the place of its repetition.
"""

import math
from dataclasses import dataclass

from vision_deepresearch.core.errors import FailureKind
from vision_deepresearch.worlds.wrappers.noise_draws import Draws
from vision_deepresearch.worlds.wrappers.noise_settings import NoiseSettings

_WORDS = {
    FailureKind.RATE_LIMITED: "the engine takes no more requests now",
    FailureKind.UPSTREAM: "the engine failed",
    FailureKind.TIMEOUT: "the engine did not answer",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class CallFate:
    """What happens to one call."""

    wait_s: float
    """Before it fails or is answered."""
    is_tail: bool = False
    """Whether the wait is one of the long tail."""
    failure: FailureKind | None = None
    """rate_limited, upstream or timeout."""
    retry_after_s: float | None = None

    @property
    def words(self) -> str:
        """What a failed call is told."""
        return "" if self.failure is None else _WORDS[self.failure]


def fate_of(settings: NoiseSettings, draws: Draws, *, call: tuple[str | int, ...]) -> CallFate:
    """Draw what becomes of a call. Cost: some microseconds."""
    failure = _failure(settings, draws, call)
    if failure is FailureKind.TIMEOUT:
        return CallFate(wait_s=settings.timeout_s, failure=failure)
    is_tail = settings.waits and draws.happens(settings.p_tail, "tail", *call)
    wait_s = _latency_s(settings, draws, call, is_tail=is_tail) if settings.waits else 0.0
    is_limited = failure is FailureKind.RATE_LIMITED
    return CallFate(
        wait_s=wait_s,
        is_tail=is_tail,
        failure=failure,
        retry_after_s=settings.retry_after_s if is_limited else None,
    )


def _failure(
    settings: NoiseSettings, draws: Draws, call: tuple[str | int, ...]
) -> FailureKind | None:
    chances = (settings.p_rate_limited, settings.p_upstream, settings.p_timeout)
    drawn, reached = draws.uniform("failure", *call), 0.0
    for chance, kind in zip(chances, _WORDS, strict=True):
        reached += chance
        if drawn < reached:
            return kind
    return None


def _latency_s(
    settings: NoiseSettings, draws: Draws, call: tuple[str | int, ...], *, is_tail: bool
) -> float:
    seconds = settings.latency_median_s
    if settings.latency_sigma:
        seconds *= math.exp(settings.latency_sigma * draws.normal("latency", *call))
    if is_tail:
        seconds *= settings.tail_factor
    return min(seconds, settings.latency_max_s)
