"""Several tests at once: of twenty sets without a difference, one looks significant by luck."""

from collections.abc import Sequence


def holm(p_values: Sequence[float]) -> list[float]:
    """Step-down adjusted p values, in the given order; each holds for all tests together.

    Source: Holm 1979.
    """
    order = sorted(range(len(p_values)), key=lambda n: p_values[n])
    adjusted = [0.0] * len(p_values)
    highest = 0.0
    for rank, n in enumerate(order):
        highest = max(highest, min(1.0, (len(order) - rank) * p_values[n]))
        adjusted[n] = highest
    return adjusted
