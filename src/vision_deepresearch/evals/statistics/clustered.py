"""Means of values that come in clusters: attempts at one task, questions about one picture.

Values within a cluster resemble each other, so the number of clusters and not that of values says
how much is known. Source: Miller, arXiv 2411.00640.
"""

import math
from collections import defaultdict
from collections.abc import Hashable, Sequence
from dataclasses import dataclass

from vision_deepresearch.core.errors import ConfigError


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """A mean and how far it can be trusted."""

    mean: float
    count: int
    """Values."""
    clusters: int
    error: float | None
    """Standard error; None: one cluster says nothing about the spread between clusters."""

    def interval(self) -> tuple[float, float] | None:
        """The 95 % interval: Student's t with one degree of freedom less than there are clusters.

        None where there is no standard error. Not clipped: a caller with shares clips.

        Raises:
            ConfigError: scipy is not installed.
        """
        if self.error is None:
            return None
        half = t_quantile(self.clusters - 1) * self.error
        return self.mean - half, self.mean + half


def clustered_mean(values: Sequence[float], clusters: Sequence[Hashable]) -> Estimate:
    """The mean of all values, its error by clusters.

    Args:
        values: at least one.
        clusters: the cluster of each value, in the same order.

    Raises:
        ValueError: no value, or another number of clusters than of values.
    """
    if not values or len(values) != len(clusters):
        msg = f"one cluster per value and a value at least: got {len(values)} and {len(clusters)}"
        raise ValueError(msg)
    mean = math.fsum(values) / len(values)
    sums: defaultdict[Hashable, list[float]] = defaultdict(list)
    for value, cluster in zip(values, clusters, strict=True):
        sums[cluster].append(value - mean)
    num = len(sums)
    error = None
    if num > 1:
        squares = math.fsum(math.fsum(part) ** 2 for part in sums.values())
        error = math.sqrt(num / (num - 1) * squares) / len(values)
    return Estimate(mean=mean, count=len(values), clusters=num, error=error)


def macro_mean(estimates: Sequence[Estimate]) -> tuple[float, float | None]:
    """The unweighted mean over sets and its standard error; None: a set has none.

    Raises:
        ValueError: no set.
    """
    if not estimates:
        msg = "a mean over sets needs at least one set, got none"
        raise ValueError(msg)
    errors = [one.error for one in estimates]
    mean = math.fsum(one.mean for one in estimates) / len(estimates)
    if any(error is None for error in errors):
        return mean, None
    return mean, math.sqrt(math.fsum((e or 0.0) ** 2 for e in errors)) / len(estimates)


def t_quantile(freedom: int, probability: float = 0.975) -> float:
    """The quantile of Student's t with so many degrees of freedom.

    Raises:
        ConfigError: scipy is not installed.
    """
    try:
        from scipy.special import stdtrit
    except ImportError as reason:
        msg = (
            "intervals over attempts or clusters need scipy, which is not installed: "
            "pip install 'vision-deepresearch[eval]'"
        )
        raise ConfigError(msg) from reason
    return float(stdtrit(freedom, probability))
