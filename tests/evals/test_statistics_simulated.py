"""Intervals hold what they say, and tests find what is there: by simulation."""

import numpy as np
import pytest

from vision_deepresearch.evals.statistics.agreement import JudgeErrors, corrected
from vision_deepresearch.evals.statistics.clustered import clustered_mean
from vision_deepresearch.evals.statistics.paired import Paired
from vision_deepresearch.evals.statistics.shares import wilson

RUNS = 1_000
TASKS = 500


@pytest.mark.pitfall("P86")
@pytest.mark.parametrize(("points", "least", "most"), [(0.06, 0.80, 1.0), (0.0, 0.0, 0.05)])
def test_a_planted_difference_is_found_and_none_is_not(
    points: float, least: float, most: float
) -> None:
    random = np.random.default_rng(11)
    shares = [(0.20 - points) / 2, (0.20 + points) / 2, 0.80]
    claimed = covered = 0
    for first, second, _ in random.multinomial(TASKS, shares, size=RUNS):
        paired = Paired(count=TASKS, only_first=int(first), only_second=int(second))
        claimed += paired.p_value() < 0.05
        low, high = paired.interval()
        covered += low <= points <= high
    assert least <= claimed / RUNS <= most
    assert covered / RUNS >= 0.94


def test_wilson_covers_on_average_over_shares() -> None:
    random = np.random.default_rng(5)
    covered = 0
    for _ in range(4 * RUNS):
        share = random.uniform(0.05, 0.95)
        low, high = wilson(int(random.binomial(221, share)), 221)
        covered += low <= share <= high
    assert covered / (4 * RUNS) >= 0.94


def test_clusters_cover_where_pretending_independence_does_not() -> None:
    random = np.random.default_rng(6)
    covered = naive = 0
    clusters = [n // 4 for n in range(240)]
    for _ in range(RUNS):
        # Four attempts at each of sixty tasks of very different difficulty; their mean is a half.
        ease_G = random.beta(0.7, 0.7, size=60)
        values = (random.random(240) < np.repeat(ease_G, 4)).astype(float).tolist()
        interval = clustered_mean(values, clusters).interval()
        assert interval is not None
        covered += interval[0] <= 0.5 <= interval[1]
        apart = clustered_mean(values, range(240)).interval()
        assert apart is not None
        naive += apart[0] <= 0.5 <= apart[1]
    assert covered / RUNS >= 0.94
    assert naive / RUNS < 0.85


def test_the_corrected_accuracy_covers_where_the_judges_does_not() -> None:
    random = np.random.default_rng(7)
    covered = raw = 0
    for _ in range(2 * RUNS):
        right = random.binomial(300, 0.7)
        accepted = random.binomial(right, 0.92) + random.binomial(300 - right, 0.05)
        errors = JudgeErrors(
            num_right=60,
            num_wrong=60,
            accepted_right=int(random.binomial(60, 0.92)),
            rejected_wrong=int(random.binomial(60, 0.95)),
        )
        found = corrected(accepted / 300, count=300, errors=errors)
        assert found is not None
        covered += found.low <= 0.7 <= found.high
        low, high = wilson(int(accepted), 300)
        raw += low <= 0.7 <= high
    assert covered / (2 * RUNS) >= 0.94
    assert raw < covered
