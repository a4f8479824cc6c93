"""What a comparison could have found: the smallest difference that it sees four times in five."""

import math
from statistics import NormalDist

DISCORDANT = 0.20
"""Share of tasks that exactly one of two systems gets right, where none was counted."""


def detectable_difference(count: int, *, discordant: float = DISCORDANT) -> float:
    """The true difference that a paired test at 5 % finds in 80 % of cases; a fraction.

    Args:
        count: common tasks, at least one.
        discordant: share of them that exactly one of the two gets right.

    Raises:
        ValueError: no task, or no share.
    """
    if count < 1 or not 0 <= discordant <= 1:
        msg = f"expected tasks and a share of 0 to 1, got {count} and {discordant}"
        raise ValueError(msg)
    normal = NormalDist()
    return (normal.inv_cdf(0.975) + normal.inv_cdf(0.80)) * math.sqrt(discordant / count)
