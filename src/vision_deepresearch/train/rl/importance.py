"""Weights for tokens that other weights have sampled. Shapes: T = trained token of one trajectory.

Three policies: behaviour b (captured while sampling), old o (the trainer's at the beginning of the
batch), current. `decoupled`: clip on current/o, times w = min(o/b, cap), without gradient.
`bypass`: o := b, clip on current/b, no weight; o is not computed at all.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from vision_deepresearch.core.record import Record

Correction = Literal["off", "token", "band", "sequence", "geometric"]
_MAX_LOG = 20.0
"""Clamp before exponentiation."""


class ImportanceSettings(Record):
    """How stale or mismatched samples are corrected."""

    regime: Literal["decoupled", "bypass"] = "decoupled"
    correction: Correction = "token"
    """Of `decoupled`. `token`: each its own ratio, cut at `cap`. `band`: ratios outside
    [`low`, `cap`] count 0. `sequence`: the product over the trajectory on every token, cut.
    `geometric`: its geometric mean."""
    cap: float = Field(default=2.0, ge=1)
    """Largest weight. Source: truncated importance sampling as in verl's `rollout_is`."""
    low: float = Field(default=0.5, gt=0, le=1)
    """Of `band`: smallest weight that counts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Weights:
    """Weights of one trajectory and what the correction saw."""

    weights: NDArray[np.float64]
    """One per token."""
    num_cut: int
    """Tokens whose weight was cut or set to 0."""
    kl: float
    """Estimate of KL(b||o) per token, k3 on b's samples: never negative; 0 without tokens."""

    @property
    def is_rejected(self) -> bool:
        """Whether nothing is left (`band` alone can do that): the row then counts as masked."""
        return bool(self.weights.size) and not self.weights.any()


def importance_weights(
    old_logprobs_T: NDArray[np.float64],
    behaviour_logprobs_T: NDArray[np.float64],
    *,
    settings: ImportanceSettings | None = None,
) -> Weights:
    """Weigh each token by how likely the trainer would have sampled it, relative to the sampler.

    Args:
        old_logprobs_T: log o, trained tokens only.
        behaviour_logprobs_T: log b, the same tokens.
        settings: None: token level, cut at 2.

    Raises:
        ValueError: lengths differ, or a number is not finite: such a trajectory must be masked.
    """
    settings = settings or ImportanceSettings()
    if old_logprobs_T.shape != behaviour_logprobs_T.shape:
        msg = f"one pair per token: got {old_logprobs_T.shape} and {behaviour_logprobs_T.shape}"
        raise ValueError(msg)
    difference_T = old_logprobs_T.astype(np.float64) - behaviour_logprobs_T.astype(np.float64)
    if not np.isfinite(difference_T).all():
        msg = "log-probabilities must be finite: mask the trajectory"
        raise ValueError(msg)
    bounded_T = difference_T.clip(-_MAX_LOG, _MAX_LOG)
    kl = float((np.exp(bounded_T) - bounded_T - 1).mean()) if difference_T.size else 0.0
    if settings.regime == "bypass" or settings.correction == "off":
        return Weights(weights=np.ones_like(difference_T), num_cut=0, kl=kl)
    ratio_T = np.exp(_log_ratio(difference_T, settings.correction).clip(-_MAX_LOG, _MAX_LOG))
    is_cut_T = ratio_T > settings.cap
    if settings.correction == "band":
        is_cut_T |= ratio_T < settings.low
        weights_T = np.where(is_cut_T, 0.0, ratio_T)
    else:
        weights_T = np.minimum(ratio_T, settings.cap)
    return Weights(weights=weights_T, num_cut=int(is_cut_T.sum()), kl=kl)


def _log_ratio(difference_T: NDArray[np.float64], correction: Correction) -> NDArray[np.float64]:
    """The ratio log o/b as the correction sees it, one per token."""
    match correction:
        case "sequence":
            return np.full_like(difference_T, difference_T.sum())
        case "geometric":
            return np.full_like(difference_T, difference_T.mean() if difference_T.size else 0.0)
        case _:
            return difference_T
