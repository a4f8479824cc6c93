"""The policy loss against its table, a float64 reference, and what two equal rows must give."""

import math

import pytest

pytest.importorskip("torch")

import torch
from hypothesis import given
from hypothesis import strategies as st

from vision_deepresearch.train.rl.kl import k3
from vision_deepresearch.train.rl.loss import policy_losses
from vision_deepresearch.train.rl.settings import ClipSettings


def reference(ratio: float, advantage: float) -> float:
    """The definition, in float64."""
    clip = min(max(ratio, 1 - 0.2), 1 + 0.28)
    loss = max(-advantage * ratio, -advantage * clip)
    return min(loss, -advantage * 3.0) if advantage < 0 else loss


@pytest.mark.parametrize(
    ("ratio", "up", "down"),
    [
        (0.5, (-0.5, -0.5), (0.8, 0.0)),
        (0.9, (-0.9, -0.9), (0.9, 0.9)),
        (1.25, (-1.25, -1.25), (1.25, 1.25)),
        (1.5, (-1.28, 0.0), (1.5, 1.5)),
        (5.0, (-1.28, 0.0), (3.0, 0.0)),
    ],
)
def test_the_worked_table(ratio: float, up: tuple[float, float], down: tuple[float, float]) -> None:
    """Each cell: the loss, and its derivative by the log-probability."""
    for advantage, expected in ((1.0, up), (-1.0, down)):
        logprobs = torch.tensor([math.log(ratio)], dtype=torch.float64, requires_grad=True)
        made = policy_losses(
            logprobs,
            torch.zeros(1, dtype=torch.float64),
            advantages_T=torch.tensor([advantage], dtype=torch.float64),
        )
        made.losses.sum().backward()
        assert logprobs.grad is not None
        assert (made.losses.item(), logprobs.grad.item()) == pytest.approx(expected, abs=1e-12)


@given(
    st.lists(st.tuples(st.floats(-3, 3), st.floats(-2, 2)), min_size=1, max_size=20),
)
def test_any_token_equals_the_reference(tokens: list[tuple[float, float]]) -> None:
    made = policy_losses(
        torch.tensor([log for log, _ in tokens], dtype=torch.float64),
        torch.zeros(len(tokens), dtype=torch.float64),
        advantages_T=torch.tensor([advantage for _, advantage in tokens], dtype=torch.float64),
    )
    expected = [reference(math.exp(log), advantage) for log, advantage in tokens]
    assert made.losses.tolist() == pytest.approx(expected, rel=1e-12, abs=1e-15)


@pytest.mark.pitfall("P69")
def test_on_policy_nothing_is_clipped_and_off_policy_the_shares_are_counted() -> None:
    logprobs = torch.tensor([-1.0, -2.0, -0.5, -3.0])
    advantages = torch.tensor([1.0, 1.0, -1.0, -1.0])
    same = policy_losses(logprobs, logprobs, advantages_T=advantages)
    assert (same.low_frac, same.high_frac, same.dual_frac) == (0.0, 0.0, 0.0)
    moved = policy_losses(
        torch.tensor([1.5, 1.0, 0.5, 5.0]).log(), torch.zeros(4), advantages_T=advantages
    )
    assert (moved.low_frac, moved.high_frac, moved.dual_frac) == (0.25, 0.25, 0.25)


def test_a_ratio_beyond_float32_stays_finite() -> None:
    logprobs = torch.tensor([0.0, -400.0], requires_grad=True)
    made = policy_losses(
        logprobs, torch.tensor([-400.0, 0.0]), advantages_T=torch.tensor([-1.0, -1.0])
    )
    made.losses.sum().backward()
    assert torch.isfinite(made.losses).all()
    assert logprobs.grad is not None
    assert torch.isfinite(logprobs.grad).all()


def test_equal_rows_with_opposite_advantages_cancel_exactly() -> None:
    """Of the gradient nothing is left: no term hides that does not scale with the advantage."""
    logprobs = torch.tensor([-0.3, -1.2, -0.7], requires_grad=True)
    old = logprobs.detach()
    loss = sum(
        policy_losses(logprobs, old, advantages_T=torch.full((3,), a)).losses.sum() * 0.5
        for a in (1.0, -1.0)
    )
    assert isinstance(loss, torch.Tensor)
    loss.backward()
    assert logprobs.grad is not None
    assert logprobs.grad.norm() == 0


def test_bounds_that_make_no_sense_are_refused() -> None:
    for wrong in ({"low": 1.0}, {"high": -0.1}, {"dual": 1.0}, {"clip": 0.2}):
        with pytest.raises(ValueError, match="validation error"):
            ClipSettings.model_validate(wrong)


@pytest.mark.parametrize(("difference", "expected"), [(0.1, 0.005171), (-0.1, 0.004837), (0, 0)])
def test_k3_is_the_worked_number(difference: float, expected: float) -> None:
    current = torch.zeros(1, dtype=torch.float64, requires_grad=True)
    distance = k3(current, torch.full((1,), difference, dtype=torch.float64))
    assert distance.item() == pytest.approx(expected, abs=1e-6)
    distance.sum().backward()
    assert current.grad is not None
    assert current.grad.item() == pytest.approx(1 - math.exp(difference), abs=1e-12)
