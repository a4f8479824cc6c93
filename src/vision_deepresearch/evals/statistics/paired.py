"""The difference of two shares counted on the same tasks, one attempt each.

Closed forms only: the same counts give the same figures, nothing is drawn.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass

from vision_deepresearch.evals.statistics.shares import Z_95

_EXACT_BELOW = 2_000
"""Discordant pairs up to which the test is exact; beyond, the normal approximation is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Paired:
    """Two conditions on the same tasks."""

    count: int
    """Tasks done under both."""
    only_first: int
    """Right under the first condition alone."""
    only_second: int

    @classmethod
    def of(cls, pairs: Iterable[tuple[bool, bool]]) -> "Paired":
        """Count (right under the first, right under the second) per task."""
        known = list(pairs)
        return cls(
            count=len(known),
            only_first=sum(one and not other for one, other in known),
            only_second=sum(other and not one for one, other in known),
        )

    @property
    def difference(self) -> float:
        """Share of the second less that of the first."""
        return (self.only_second - self.only_first) / self.count if self.count else 0.0

    def interval(self) -> tuple[float, float]:
        """The 95 % interval of the difference.

        Source: Agresti and Min 2005 (Wald with half a pair added to each of the four cells).
        """
        count = self.count + 2
        first, second = self.only_first + 0.5, self.only_second + 0.5
        middle = (second - first) / count
        half = Z_95 * math.sqrt(first + second - (second - first) ** 2 / count) / count
        return max(-1.0, middle - half), min(1.0, middle + half)

    def p_value(self) -> float:
        """Two-sided McNemar test of no difference: exact, or approximate for very many pairs."""
        total, least = self.only_first + self.only_second, min(self.only_first, self.only_second)
        if total == 0:
            return 1.0
        if total >= _EXACT_BELOW:
            z = (abs(self.only_first - self.only_second) - 1) / math.sqrt(total)
            return math.erfc(max(z, 0.0) / math.sqrt(2))
        tail = sum(math.comb(total, k) for k in range(least + 1))
        return min(1.0, 2 * tail / 2**total)
