"""Steps: how a batch is cut changes nothing, and what is no number changes nothing either."""

import math
from collections.abc import Callable, Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

pytest.importorskip("torch")
pytest.importorskip("transformers")

import torch

from tests.train.sequences import a_sample
from tests.train.tiny import a_model
from vision_deepresearch.core.errors import ConfigError
from vision_deepresearch.train.optimise import StepFigures, cross_entropy, make_optimizer, take_step
from vision_deepresearch.train.packing import PackedRow, pack_row, pad_rows
from vision_deepresearch.train.schedule import learning_rate
from vision_deepresearch.train.sft_data import plan_epoch
from vision_deepresearch.train.sft_settings import BatchSettings, OptimizerSettings

SAMPLES = [a_sample(key=str(seed), seed=seed, turns=1 + seed % 3) for seed in range(5)]


def stepped(
    rows: Sequence[PackedRow], spoil: Callable[[torch.Tensor], torch.Tensor] = lambda loss: loss
) -> tuple[dict[str, torch.Tensor], StepFigures, torch.optim.Optimizer]:
    """Weights of a tiny model after one step over rows, its figures, and the optimizer."""
    model = a_model()
    optimizer = make_optimizer(model, OptimizerSettings(lr=1e-3))
    loss = cross_entropy(model, num_supervised=sum(row.num_supervised for row in rows))
    found = take_step(
        rows,
        loss_of=lambda row: spoil(loss(row)),
        optimizer=optimizer,
        lr=1e-3,
        clip_norm=1.0,
    )
    return model.state_dict(), found, optimizer


@pytest.mark.pitfall("P64")
@pytest.mark.pitfall("P70")
def test_packed_unpacked_and_padded_batches_take_the_same_step() -> None:
    alone = [pack_row([one]) for one in SAMPLES]
    weights, found, _ = stepped(alone)
    _, expected, _ = stepped([pack_row(SAMPLES)])
    padded_weights, padded, _ = stepped(pad_rows(alone, multiple=8))
    assert padded == found
    assert all(torch.equal(weights[name], one) for name, one in padded_weights.items())
    assert math.isclose(found.loss, expected.loss, rel_tol=1e-5)
    assert math.isclose(found.grad_norm, expected.grad_norm, rel_tol=1e-4)


def without_root(loss: torch.Tensor) -> torch.Tensor:
    """0, with a gradient that is no number."""
    return (loss - loss.detach()).sqrt()


def nan(loss: torch.Tensor) -> torch.Tensor:
    return loss * math.nan


def infinite(loss: torch.Tensor) -> torch.Tensor:
    return loss * math.inf


@pytest.mark.parametrize("spoil", [nan, infinite, without_root])
def test_a_step_that_is_no_number_changes_nothing(
    spoil: Callable[[torch.Tensor], torch.Tensor],
) -> None:
    weights, found, optimizer = stepped([pack_row(SAMPLES)], spoil)
    assert not found.is_taken
    assert all(torch.equal(one, weights[name]) for name, one in a_model().state_dict().items())
    assert not optimizer.state


def test_the_rate_warms_up_peaks_and_ends_at_its_floor() -> None:
    rates = [
        learning_rate(step, num_steps=100, peak=2e-5, floor=5e-7, warmup_frac=0.05)
        for step in range(100)
    ]
    assert rates[0] == 2e-5 / 5
    assert rates[4] == rates[5] == 2e-5
    assert rates[-1] == pytest.approx(5e-7)
    assert all(np.diff(rates[5:]) < 0)
    middle = learning_rate(52, num_steps=100, peak=2e-5, floor=5e-7, warmup_frac=0.05)
    assert middle == pytest.approx((2e-5 + 5e-7) / 2)


@given(
    st.lists(st.integers(1, 300), min_size=1, max_size=50),
    st.sampled_from(["trajectories", "rows"]),
    st.integers(1, 9),
    st.booleans(),
)
def test_an_epoch_looks_at_every_sequence_once(
    lengths: list[int],
    unit: str,
    size: int,
    is_packed: bool,  # noqa: FBT001 - hypothesis draws it
) -> None:
    batch = BatchSettings.model_validate({
        "size": size,
        "unit": unit,
        "row_tokens": 128,
        "is_packed": is_packed,
    })
    plan = plan_epoch(lengths, batch=batch, seed=1, epoch=0)
    seen = [index for step in plan for row in step for index in row]
    assert sorted(seen) == list(range(len(lengths)))
    assert plan == plan_epoch(lengths, batch=batch, seed=1, epoch=0)
    for step in plan:
        held = step if unit == "rows" else [index for row in step for index in row]
        assert 1 <= len(held) <= size
        assert all(len(row) == 1 or sum(lengths[one] for one in row) <= 128 for row in step)


def test_slow_parameters_move_by_a_part_of_the_step() -> None:
    """AdamW's first step has the size of the rate, whatever the gradient."""
    model = a_model()
    before = {name: one.detach().clone() for name, one in model.named_parameters()}
    settings = OptimizerSettings(lr=1e-3, weight_decay=0.0, slow=r"layers\.0\.", slow_factor=0.1)
    optimizer = make_optimizer(model, settings)
    row = pack_row(SAMPLES)
    loss = cross_entropy(model, num_supervised=row.num_supervised)
    take_step([row], loss_of=loss, optimizer=optimizer, lr=1e-3, clip_norm=1.0)
    moved = {
        name: float((one.detach() - before[name]).abs().max())
        for name, one in model.named_parameters()
        if "language_model" in name and "weight" in name
    }
    slow = [one for name, one in moved.items() if "layers.0." in name]
    fast = [one for name, one in moved.items() if "layers.0." not in name]
    assert max(slow) == pytest.approx(1e-4, rel=1e-2)
    assert min(fast) == pytest.approx(1e-3, rel=1e-2)


def test_a_pattern_that_is_none_or_fits_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="no regular expression"):
        OptimizerSettings(slow="(")
    with pytest.raises(ConfigError, match="found in no name"):
        make_optimizer(a_model(), OptimizerSettings(slow=r"layers\.77\."))
