"""From losses of tokens to one number, as a weight per token. Shapes: B = row (one trajectory).

Loss of the batch = sum over rows and tokens of weight_B * loss. The weights are made once for the
whole optimiser batch, so cutting it into micro-batches or spreading it over ranks changes nothing.
"""

from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray

AggregationMode = Literal[
    "seq-mean-token-sum", "token-mean", "seq-mean-token-mean", "seq-mean-token-sum-norm"
]


def token_weights(
    num_active_B: Sequence[int] | NDArray[np.int64],
    *,
    mode: AggregationMode = "seq-mean-token-sum",
    horizon: int | None = None,
) -> NDArray[np.float64]:
    """What one active token of each row weighs.

    Args:
        num_active_B: trained tokens of every row of the whole optimiser batch; 0: fully masked.
            Rows that were dropped after they had been counted stay in it, see `downsampling`.
        mode: how rows and tokens are averaged. `seq-mean-token-sum` (the paper's) weighs long
            trajectories more; `-norm` is the same divided by a constant `horizon`.
        horizon: tokens; of `seq-mean-token-sum-norm` only.

    Returns:
        float64, one weight per row; 0 for fully masked rows, which are in no denominator.

    Raises:
        ValueError: a negative number, or `horizon` missing or given in vain.

    Departs from verl's trainer, which divides by the nominal batch: there masked rows dilute the
    step.
    """
    active_B = np.asarray(num_active_B, dtype=np.int64)
    if active_B.size and active_B.min() < 0:
        msg = f"a row has at least 0 trained tokens, got {active_B.min()}"
        raise ValueError(msg)
    if (mode == "seq-mean-token-sum-norm") != (horizon is not None):
        msg = f"a horizon belongs to seq-mean-token-sum-norm and to it alone, got {horizon!r} for {mode!r}"
        raise ValueError(msg)
    if horizon is not None and horizon < 1:
        msg = f"a horizon is at least one token, got {horizon}"
        raise ValueError(msg)
    weights_B = np.zeros(active_B.shape, dtype=np.float64)
    is_active_B = active_B > 0
    num_rows = int(is_active_B.sum())
    if not num_rows:
        return weights_B
    match mode:
        case "seq-mean-token-sum":
            weights_B[is_active_B] = 1 / num_rows
        case "seq-mean-token-sum-norm":
            weights_B[is_active_B] = 1 / (num_rows * (horizon or 1))
        case "token-mean":
            weights_B[is_active_B] = 1 / int(active_B.sum())
        case "seq-mean-token-mean":
            weights_B[is_active_B] = 1 / (num_rows * active_B[is_active_B])
    return weights_B
