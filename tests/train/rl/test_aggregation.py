"""How token losses become one number: worked values, masked rows, micro-batches."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vision_deepresearch.train.rl.aggregation import AggregationMode, token_weights

MODES: tuple[AggregationMode, ...] = ("seq-mean-token-sum", "token-mean", "seq-mean-token-mean")


def loss(rows: list[list[float]], mode: AggregationMode, horizon: int | None = None) -> float:
    weights = token_weights([len(row) for row in rows], mode=mode, horizon=horizon)
    return float(sum(weight * sum(row) for weight, row in zip(weights, rows, strict=True)))


def reference(rows: list[list[float]], mode: AggregationMode) -> float:
    rows = [row for row in rows if row]
    if not rows:
        return 0.0
    match mode:
        case "token-mean":
            return sum(map(sum, rows)) / sum(map(len, rows))
        case "seq-mean-token-mean":
            return sum(sum(row) / len(row) for row in rows) / len(rows)
        case _:
            return sum(map(sum, rows)) / len(rows)


@pytest.mark.pitfall("P70")
@pytest.mark.parametrize(
    ("mode", "expected"),
    [("seq-mean-token-sum", 2.5), ("token-mean", 1.25), ("seq-mean-token-mean", 1.5)],
)
def test_the_worked_values_and_a_masked_row_changes_nothing(
    mode: AggregationMode, expected: float
) -> None:
    rows = [[1.0, 1.0, 1.0], [2.0]]
    assert loss(rows, mode) == pytest.approx(expected)
    assert loss([*rows, []], mode) == loss(rows, mode)


def test_a_constant_horizon() -> None:
    rows = [[1.0, 1.0, 1.0], [2.0]]
    assert loss(rows, "seq-mean-token-sum-norm", 10) == pytest.approx(0.25)
    for mode, horizon in (("seq-mean-token-sum-norm", None), ("token-mean", 10)):
        with pytest.raises(ValueError, match="horizon"):
            token_weights([1], mode=mode, horizon=horizon)  # type: ignore[arg-type]


@pytest.mark.pitfall("P64")
def test_padding_a_batch_of_five_to_eight_changes_no_weight() -> None:
    real = [4, 1, 7, 3, 2]
    for mode in MODES:
        padded = token_weights([*real, 0, 0, 0], mode=mode)
        assert padded[:5].tolist() == token_weights(real, mode=mode).tolist()
        assert not padded[5:].any()


@given(
    st.lists(st.lists(st.floats(-5, 5), max_size=6), min_size=1, max_size=8),
    st.sampled_from(MODES),
)
def test_any_batch_equals_the_reference(rows: list[list[float]], mode: AggregationMode) -> None:
    assert loss(rows, mode) == pytest.approx(reference(rows, mode), abs=1e-9)
