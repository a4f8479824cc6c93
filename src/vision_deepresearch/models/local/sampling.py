"""From logits to a token and its log-probability; training takes the same softmax.

Forbidden ids are out of the softmax on both sides, else the ratio of a policy to itself is not 1.
Shapes: B = row, V = id of the vocabulary.
"""

import hashlib
from collections.abc import Sequence

import torch


def policy_logprobs(
    logits_BV: torch.Tensor, *, temperature: float | torch.Tensor, forbidden: torch.Tensor
) -> torch.Tensor:
    """Log-probabilities in float32 at a temperature, forbidden ids at -inf.

    Args:
        logits_BV: in any precision.
        temperature: above 0; a tensor has one per row, (B, 1).
        forbidden: (V,) true where an id may not be sampled.
    """
    scaled = logits_BV.float() / temperature
    return torch.log_softmax(scaled.masked_fill(forbidden, float("-inf")), dim=-1)


def pick(
    logits_BV: torch.Tensor,
    *,
    temperatures: Sequence[float],
    top_p: Sequence[float],
    uniforms: Sequence[float],
    forbidden: torch.Tensor,
) -> tuple[list[int], list[float]]:
    """Sample one id per row.

    Args:
        logits_BV: of the next token.
        temperatures: per row; 0 takes the likeliest id and gives its log-probability at 1.
        top_p: per row; below 1 the tail is left out in sampling. The log-probability is that of the
            whole policy all the same, so training needs 1.
        uniforms: per row, in [0, 1): which part of the distribution is hit. A row's sample does not
            depend on who is sampled beside it.
        forbidden: (V,) true where an id may not be sampled.

    Returns:
        Ids, and their log-probabilities.
    """
    device = logits_BV.device
    scale = [[one if one > 0 else 1.0] for one in temperatures]
    logprobs_BV = policy_logprobs(
        logits_BV, temperature=torch.tensor(scale, device=device), forbidden=forbidden
    )
    probs_BV = logprobs_BV.double().exp()
    if any(one < 1.0 for one in top_p):
        probs_BV = _without_tail(probs_BV, torch.tensor(top_p, device=device).double()[:, None])
    heights_BV = probs_BV.cumsum(dim=-1)
    marks = torch.tensor(uniforms, dtype=torch.float64, device=device)[:, None] * heights_BV[:, -1:]
    ids_B = torch.searchsorted(heights_BV, marks, right=True)[:, 0]
    likeliest_B = logprobs_BV.argmax(dim=-1)
    is_greedy = torch.tensor([one <= 0 for one in temperatures], device=device)
    ids_B = torch.where(is_greedy | (ids_B >= logits_BV.shape[-1]), likeliest_B, ids_B)
    chosen = logprobs_BV.gather(-1, ids_B[:, None])[:, 0]
    return ids_B.tolist(), chosen.tolist()


def derived_seed(*parts: str | int | None) -> int:
    """A seed from what names a sample: run seed, task, attempt, turn; never from arrival order."""
    text = "\x1f".join(map(str, parts))
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big")


def _without_tail(probs_BV: torch.Tensor, top_p_B1: torch.Tensor) -> torch.Tensor:
    """Only the likeliest ids that together reach `top_p`; at least one."""
    ordered, places = probs_BV.sort(dim=-1, descending=True)
    before = ordered.cumsum(dim=-1) - ordered
    return probs_BV.scatter(-1, places, ordered.masked_fill(before >= top_p_B1, 0.0))
