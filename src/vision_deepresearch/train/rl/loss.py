"""The policy loss of each token: clip-higher with a dual clip. Shapes: T = trained token.

The paper makes one update per batch, so the ratio is about 1 and the clip hardly acts: the shares
of clipped tokens are returned to be logged. It acts with several updates per batch.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from vision_deepresearch.train.rl.settings import ClipSettings


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenLosses:
    """Losses and what the clip did."""

    losses: Tensor
    """One per token, with gradient."""
    low_frac: float
    """Share of tokens with A < 0 that the lower bound cut."""
    high_frac: float
    """Share of tokens with A > 0 that the upper bound cut."""
    dual_frac: float
    """Share of tokens that the dual clip cut."""


def policy_losses(
    logprobs_T: Tensor,
    old_logprobs_T: Tensor,
    *,
    advantages_T: Tensor,
    settings: ClipSettings | None = None,
) -> TokenLosses:
    """max(-A ratio, -A clip(ratio)), for A < 0 at most -A `dual`; ratio = exp(logp - old).

    Args:
        logprobs_T: of the current weights, with gradient.
        old_logprobs_T: of the weights at the beginning of the batch (or of the sampler), without.
        advantages_T: one per token.
        settings: bounds; None: the paper's.

    Source: verl 0.9.1, policy loss `vanilla`, from which it differs nowhere.
    """
    settings = settings or ClipSettings()
    bound = settings.max_log_ratio
    ratio_T = (logprobs_T - old_logprobs_T).clamp(-bound, bound).exp()
    free_T = -advantages_T * ratio_T
    clipped_T = -advantages_T * ratio_T.clamp(1 - settings.low, 1 + settings.high)
    kept_T = torch.maximum(free_T, clipped_T)
    is_negative_T = advantages_T < 0
    capped_T = torch.minimum(kept_T, -advantages_T * settings.dual)
    with torch.no_grad():
        is_cut_T = clipped_T > free_T
        is_dual_T = is_negative_T & (kept_T > capped_T)
    return TokenLosses(
        losses=torch.where(is_negative_T, capped_T, kept_T),
        low_frac=_frac(is_cut_T & is_negative_T),
        high_frac=_frac(is_cut_T & ~is_negative_T),
        dual_frac=_frac(is_dual_T),
    )


def _frac(is_so_T: Tensor) -> float:
    return float(is_so_T.float().mean()) if is_so_T.numel() else 0.0
