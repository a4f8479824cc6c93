"""Intervals of shares. Closed forms only: the same counts give the same figures, nothing is drawn."""

import math
from statistics import NormalDist

Z_95 = NormalDist().inv_cdf(0.975)
"""Of the normal distribution, for 95 %."""


def wilson(hits: int, count: int) -> tuple[float, float]:
    """The 95 % interval of a share; of no trials at all: anything.

    Source: Wilson 1927.
    """
    if count == 0:
        return 0.0, 1.0
    share = hits / count
    middle = share + Z_95 * Z_95 / (2 * count)
    half = Z_95 * math.sqrt(share * (1 - share) / count + Z_95 * Z_95 / (4 * count * count))
    scale = 1 + Z_95 * Z_95 / count
    low = 0.0 if hits == 0 else max(0.0, (middle - half) / scale)
    high = 1.0 if hits == count else min(1.0, (middle + half) / scale)
    return low, high


def is_attainable(percent: float, *, count: int, digits: int = 1) -> bool:
    """Whether a published percentage is some k of `count`, rounded or truncated to its digits.

    Args:
        percent: 0 to 100, as printed.
        count: tasks.
        digits: behind the point.
    """
    unit = 10**digits
    wanted = round(percent * unit)
    around = round(percent * count / 100)
    return any(
        wanted in {round(100 * unit * k / count), 100 * unit * k // count}
        for k in range(max(0, around - 1), min(count, around + 1) + 1)
    )
