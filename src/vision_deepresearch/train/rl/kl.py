"""The distance to a reference policy, as an optional term of the loss. Off in the paper."""

from torch import Tensor

_MAX_LOG = 20.0
"""Clamp before exponentiation."""


def k3(logprobs_T: Tensor, reference_logprobs_T: Tensor) -> Tensor:
    """exp(d) - d - 1 with d = log reference - log current: unbiased, never negative. T = token.

    Args:
        logprobs_T: of the current weights, with gradient.
        reference_logprobs_T: of the reference, without.
    """
    difference_T = (reference_logprobs_T - logprobs_T).clamp(-_MAX_LOG, _MAX_LOG)
    return difference_T.exp() - difference_T - 1
