"""How far a judge is to be believed: agreement with people, and accuracy corrected for its errors.

Source of the correction: Lee et al., arXiv 2511.21140 (Rogan and Gladen 1978).
"""

import math
from collections.abc import Sequence

from vision_deepresearch.core.record import Record
from vision_deepresearch.evals.statistics.shares import Z_95


class JudgeErrors(Record):
    """What people's labels say about a judge."""

    num_right: int
    """Answers that people call right."""
    num_wrong: int
    accepted_right: int
    """Of the right ones: how many the judge accepts."""
    rejected_wrong: int
    """Of the wrong ones: how many the judge rejects."""

    @property
    def sensitivity(self) -> float:
        """q1 = P(judge says right | right), kept below 1 as far as so few labels can tell."""
        return _capped(self.accepted_right, self.num_right)

    @property
    def specificity(self) -> float:
        """q0 = P(judge says wrong | wrong), kept below 1 likewise."""
        return _capped(self.rejected_wrong, self.num_wrong)


class Corrected(Record):
    """An accuracy as it would be without the judge's errors."""

    accuracy: float
    low: float
    high: float


def corrected(accuracy: float, *, count: int, errors: JudgeErrors) -> Corrected | None:
    """The accuracy that a judge with these errors would show as `accuracy`, with its 95 % interval.

    None: there are no labels of one kind, or the judge is no better than chance: nothing can be said.

    Args:
        accuracy: share that the judge accepted.
        count: judged answers.
        errors: from people's labels.
    """
    if not (errors.num_right and errors.num_wrong and count):
        return None
    return corrected_by_rates(
        accuracy,
        count=count,
        rates=(errors.sensitivity, errors.specificity),
        labels=(errors.num_right, errors.num_wrong),
    )


def corrected_by_rates(
    accuracy: float, *, count: int, rates: tuple[float, float], labels: tuple[int, int]
) -> Corrected | None:
    """As `corrected`, for known rates.

    Args:
        accuracy: share that the judge accepted.
        count: judged answers.
        rates: sensitivity q1 and specificity q0.
        labels: from how many right and how many wrong answers they were found.
    """
    q1, q0 = rates
    better = q0 + q1 - 1
    if better <= 0:
        return None
    share = min(1.0, max(0.0, (accuracy + q0 - 1) / better))
    variance = (
        accuracy * (1 - accuracy) / count
        + (1 - share) ** 2 * q0 * (1 - q0) / labels[1]
        + share**2 * q1 * (1 - q1) / labels[0]
    ) / better**2
    half = Z_95 * math.sqrt(variance)
    return Corrected(accuracy=share, low=max(0.0, share - half), high=min(1.0, share + half))


def kappa(pairs: Sequence[tuple[bool, bool]]) -> float | None:
    """Cohen's kappa of two raters; None: one of them, or both, always says the same.

    Source: Cohen 1960.
    """
    if not pairs:
        return None
    count = len(pairs)
    first, second = (sum(pair[n] for pair in pairs) / count for n in (0, 1))
    by_chance = first * second + (1 - first) * (1 - second)
    if math.isclose(by_chance, 1.0):
        return None
    agreed = sum(one == other for one, other in pairs) / count
    return (agreed - by_chance) / (1 - by_chance)


def _capped(hits: int, count: int) -> float:
    return min(hits / count, 1 - 0.5 / count) if count else 0.0
