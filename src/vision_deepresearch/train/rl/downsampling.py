"""Drops some of the trajectories with a negative advantage, the same ones in every run of a seed."""

import random
from collections.abc import Sequence


def kept_rows(
    advantages_B: Sequence[float],
    episode_ids_B: Sequence[str],
    *,
    keep_negative: float,
    seed: int,
    step: int,
) -> list[bool]:
    """Which rows of a batch are trained. Shapes: B = row.

    Each negative one is kept with probability `keep_negative`, drawn from (seed, step, episode),
    so that neither order nor company of a row matters. The denominator of the loss stays the
    count before: the expected loss is that of negative advantages scaled by the probability.

    Raises:
        ValueError: no probability, or lengths differ.

    Source: the paper's successor code (probability 0.2).
    """
    if not 0 <= keep_negative <= 1:
        msg = f"keep_negative is a probability, got {keep_negative!r}: use 1.0 to keep all"
        raise ValueError(msg)
    return [
        advantage >= 0 or random.Random(f"{seed}/{step}/{name}").random() < keep_negative
        for advantage, name in zip(advantages_B, episode_ids_B, strict=True)
    ]
