"""A test of paired differences that assumes nothing of their distribution."""

from collections import defaultdict
from collections.abc import Hashable, Sequence

import numpy as np

DRAWS = 10_000
_BATCH = 500
"""Draws at a time: bounds memory at so many times the clusters."""


def sign_flip(
    differences: Sequence[float],
    clusters: Sequence[Hashable],
    *,
    seed: int = 0,
    draws: int = DRAWS,
) -> float:
    """Two-sided p of no difference: signs of whole clusters are flipped at random.

    Args:
        differences: per task.
        clusters: of each task; a cluster's differences flip together.
        seed: the same seed, the same p.
        draws: B; the least p is 1 / (1 + B).

    Raises:
        ValueError: no task, or another number of clusters.
    """
    if not differences or len(differences) != len(clusters):
        msg = f"one cluster per difference: got {len(differences)} and {len(clusters)}"
        raise ValueError(msg)
    sums: defaultdict[Hashable, float] = defaultdict(float)
    for difference, cluster in zip(differences, clusters, strict=True):
        sums[cluster] += difference
    sums_G = np.array(list(sums.values()))  # (clusters,)
    seen = abs(sums_G.sum()) - 1e-9  # rounding must not make an equal sum a smaller one
    random = np.random.default_rng(seed)
    as_far = 0
    for start in range(0, draws, _BATCH):
        size = (min(_BATCH, draws - start), len(sums_G))
        signs_BG = random.integers(0, 2, size=size) * 2 - 1
        as_far += int((np.abs(signs_BG @ sums_G) >= seen).sum())
    return (1 + as_far) / (1 + draws)
