"""Each figure against scipy, statsmodels or a worked example, to 1e-6."""

import numpy as np
import pytest
import statsmodels.api as sm
from numpy.typing import NDArray
from scipy import stats
from statsmodels.stats.contingency_tables import mcnemar
from statsmodels.stats.inter_rater import cohens_kappa
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.proportion import proportion_confint

from vision_deepresearch.evals.statistics.agreement import (
    JudgeErrors,
    corrected,
    corrected_by_rates,
    kappa,
)
from vision_deepresearch.evals.statistics.attempts import majority, pass_all, pass_any
from vision_deepresearch.evals.statistics.clustered import (
    clustered_mean,
    macro_mean,
    t_quantile,
)
from vision_deepresearch.evals.statistics.paired import Paired
from vision_deepresearch.evals.statistics.permutation import sign_flip
from vision_deepresearch.evals.statistics.power import detectable_difference
from vision_deepresearch.evals.statistics.several import holm
from vision_deepresearch.evals.statistics.shares import is_attainable, wilson

EXACT = 1e-6


@pytest.mark.pitfall("P86")
@pytest.mark.parametrize(("hits", "count"), [(63, 221), (0, 20), (189, 500), (20, 20), (1, 3)])
def test_wilson_is_that_of_statsmodels(hits: int, count: int) -> None:
    low, high = proportion_confint(hits, count, method="wilson")
    assert wilson(hits, count) == pytest.approx((low, high), abs=EXACT)


def test_wilson_has_the_values_of_the_protocol() -> None:
    assert wilson(63, 221) == pytest.approx((0.229617, 0.347863), abs=EXACT)
    assert wilson(0, 20) == pytest.approx((0, 0.161125), abs=EXACT)
    assert wilson(189, 500) == pytest.approx((0.336581, 0.421280), abs=EXACT)


def test_the_clustered_error_is_that_of_statsmodels() -> None:
    random = np.random.default_rng(1)
    groups = random.integers(0, 23, size=90)
    values = random.random(90) + 0.3 * groups
    ours = clustered_mean(values.tolist(), groups.tolist())
    # statsmodels multiplies by (n - 1) / (n - 1) for one regressor and G / (G - 1).
    fit = sm.OLS(values, np.ones(90)).fit(
        cov_type="cluster", cov_kwds={"groups": groups}, use_t=True
    )
    interval = ours.interval()
    assert interval is not None
    assert ours.error == pytest.approx(float(fit.bse[0]), abs=EXACT)
    assert interval == pytest.approx(tuple(fit.conf_int()[0]), abs=EXACT)


def test_the_clustered_error_of_a_worked_example_and_of_one_cluster() -> None:
    values = [1, 0, 0, -1, 1, 1, 0, 0]
    assert clustered_mean(values, list("aabbccdd")).error == pytest.approx(0.322749, abs=EXACT)
    assert clustered_mean(values, range(8)).error == pytest.approx(0.25, abs=EXACT)
    alone = clustered_mean(values, ["a"] * 8)
    assert (alone.error, alone.interval()) == (None, None)
    with pytest.raises(ValueError, match="one cluster per value"):
        clustered_mean([1.0], [])
    mean, error = macro_mean([clustered_mean(values, range(8))] * 4)
    assert (mean, error) == pytest.approx((0.25, 0.125), abs=EXACT)


@pytest.mark.parametrize(
    ("freedom", "wanted"), [(1, 12.706205), (5, 2.570582), (10, 2.228139), (30, 2.042272)]
)
def test_quantiles_of_t(freedom: int, wanted: float) -> None:
    assert t_quantile(freedom) == pytest.approx(wanted, abs=EXACT)


@pytest.mark.pitfall("P86")
@pytest.mark.parametrize(
    ("b", "c", "wanted"), [(12, 25, 0.047031), (0, 5, 0.0625), (0, 0, 1.0), (7, 7, 1.0)]
)
def test_mcnemar_is_that_of_statsmodels(b: int, c: int, wanted: float) -> None:
    ours = Paired(count=200, only_first=b, only_second=c).p_value()
    assert ours == pytest.approx(wanted, abs=EXACT)
    if b + c:
        theirs = vars(mcnemar([[100, b], [c, 50]], exact=True))["pvalue"]
        assert ours == pytest.approx(float(theirs), abs=EXACT)


def test_holm_is_that_of_statsmodels() -> None:
    given = [0.01, 0.04, 0.03, 0.20]
    assert holm(given) == pytest.approx([0.04, 0.09, 0.09, 0.20], abs=EXACT)
    drawn = np.random.default_rng(2).random(17).tolist()
    assert holm(drawn) == pytest.approx(multipletests(drawn, method="holm")[1], abs=EXACT)
    assert holm([]) == []


def test_attempts_by_hand_and_by_counting() -> None:
    assert pass_any(3, 8, k=2) == pytest.approx(0.642857, abs=EXACT)
    assert pass_all(3, 8, k=2) == pytest.approx(0.107143, abs=EXACT)
    assert pass_any(1, 1, k=2) is None
    none, both = (float(stats.hypergeom.pmf(k, 8, 3, 2)) for k in (0, 2))
    assert pass_any(3, 8, k=2) == pytest.approx(1 - none, abs=EXACT)
    assert pass_all(3, 8, k=2) == pytest.approx(both, abs=EXACT)
    assert majority(["Brno", "Ostrava", None, " brno. ", ""]) == 0
    assert majority(["Ostrava", "Brno"]) == 0
    assert majority([None, " "]) is None


def test_power_agreement_and_attainability_have_the_values_of_the_protocol() -> None:
    wanted = {171: 9.6, 221: 8.4, 300: 7.2, 399: 6.3, 500: 5.6, 2000: 2.8}
    for count, points in wanted.items():
        assert 100 * detectable_difference(count) == pytest.approx(points, abs=0.05)
    pairs = list(zip(map(int, "11001011"), map(int, "10001111"), strict=True))
    answers = [(bool(a), bool(b)) for a, b in pairs]
    assert kappa(answers) == pytest.approx(0.466667, abs=EXACT)
    table = np.zeros((2, 2))
    for a, b in pairs:
        table[a, b] += 1
    theirs = float(cohens_kappa(table)["kappa"])
    assert kappa(answers) == pytest.approx(theirs, abs=EXACT)
    assert kappa([(True, True)] * 5) is None
    assert is_attainable(37.8, count=500)
    assert not is_attainable(16.3, count=500)
    assert not is_attainable(74.2, count=300)


def test_accuracy_without_the_errors_of_the_judge() -> None:
    found = corrected_by_rates(0.62, count=300, rates=(0.92, 0.95), labels=(60, 60))
    assert found is not None
    assert (found.accuracy, found.low, found.high) == pytest.approx(
        (0.655172, 0.570698, 0.739647), abs=EXACT
    )
    few = JudgeErrors(num_right=60, num_wrong=60, accepted_right=60, rejected_wrong=60)
    assert few.sensitivity == few.specificity == pytest.approx(1 - 0.5 / 60)
    useless = JudgeErrors(num_right=10, num_wrong=10, accepted_right=5, rejected_wrong=5)
    assert corrected(0.5, count=300, errors=useless) is None
    unlabelled = JudgeErrors(num_right=0, num_wrong=0, accepted_right=0, rejected_wrong=0)
    assert corrected(0.5, count=300, errors=unlabelled) is None


def test_flipped_signs_agree_with_the_exact_permutation_of_scipy() -> None:
    differences = [0.5, -0.25, 1.0, 0.75, 0.25, 0.5, -0.5, 1.0, 0.25, 0.0]

    def mean_difference(
        first: NDArray[np.float64], second: NDArray[np.float64], axis: int
    ) -> NDArray[np.float64]:
        return (first - second).mean(axis=axis)

    exact = stats.permutation_test(
        (np.array(differences), np.zeros(10)),
        mean_difference,
        permutation_type="samples",
        n_resamples=np.inf,
        vectorized=True,
    ).pvalue
    assert sign_flip(differences, range(10)) == pytest.approx(exact, abs=0.01)
    assert sign_flip(differences, range(10)) == sign_flip(differences, range(10))
    # One cluster can only be flipped as a whole: nothing is known.
    assert sign_flip(differences, ["a"] * 10) == 1.0
