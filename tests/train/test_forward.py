"""The training forward: packed is unpacked, every turn learns, pictures count."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("transformers")

import torch
from transformers import PreTrainedModel

from tests.train.sequences import a_sample
from tests.train.tiny import a_model
from vision_deepresearch.train.forward import score_tokens
from vision_deepresearch.train.packing import PackedRow, pack_row
from vision_deepresearch.train.samples import TrainingSample

SAMPLES = [
    a_sample(key=str(seed), seed=seed, turns=2 + seed, pictures=pictures)
    for seed, pictures in enumerate([2, 0, 3])
]


def gradient(model: PreTrainedModel, rows: Sequence[PackedRow]) -> dict[str, torch.Tensor]:
    model.zero_grad()
    for row in rows:
        (-score_tokens(model, row).logprobs.sum()).backward()
    return {
        name: one.grad.clone() for name, one in model.named_parameters() if one.grad is not None
    }


@pytest.mark.parametrize("kind", ["dense", "moe"])
def test_a_packed_row_scores_and_learns_as_its_sequences_alone(kind: str) -> None:
    model = a_model(is_moe=kind == "moe")
    alone = [pack_row([sample]) for sample in SAMPLES]
    row = pack_row(SAMPLES)
    apart = torch.cat([score_tokens(model, one).logprobs for one in alone])
    assert (score_tokens(model, row).logprobs - apart).abs().max() < 1e-5
    packed, unpacked = gradient(model, [row]), gradient(model, alone)
    assert packed.keys() == unpacked.keys()
    assert len(packed) == len(list(model.parameters()))
    for name, one in unpacked.items():
        assert (packed[name] - one).norm() <= 1e-4 * one.norm() + 1e-6, name


def test_sequences_of_a_row_do_not_see_each_other_by_either_way() -> None:
    # The way of transformers itself: a block mask out of four rows of positions.
    model = a_model()
    row = pack_row(SAMPLES)
    with torch.no_grad():
        logits = model(
            input_ids=torch.tensor(row.ids)[None],
            position_ids=torch.tensor(row.positions),
            pixel_values=torch.tensor(row.pixel_values),
            image_grid_thw=torch.tensor(row.grids),
            use_cache=False,
            logits_to_keep=torch.tensor(row.supervised - 1),
        ).logits[0]
        expected = logits.log_softmax(-1).gather(1, torch.tensor(row.ids[row.supervised])[:, None])
        assert (score_tokens(model, row).logprobs - expected[:, 0]).abs().max() < 1e-5
        changed = replace(SAMPLES[0], ids=_other_text(SAMPLES[0]))
        again = score_tokens(model, pack_row([changed, *SAMPLES[1:]])).logprobs
    own = SAMPLES[0].num_supervised
    assert (again[own:] - score_tokens(model, row).logprobs[own:]).abs().max() < 1e-6
    assert (again[:own] - score_tokens(model, row).logprobs[:own]).abs().max() > 1e-3


@pytest.mark.pitfall("P60")
def test_every_turn_gets_a_gradient_and_nothing_else_does() -> None:
    # The logits' own gradient: non-zero where a supervised token is predicted, zero elsewhere.
    sample = SAMPLES[2]
    model = a_model()
    states: list[torch.Tensor] = []

    def keep(_module: object, _inputs: object, output: torch.Tensor) -> None:
        output.retain_grad()
        states.append(output)

    hook = model.get_submodule("model.language_model.norm").register_forward_hook(keep)
    (-score_tokens(model, pack_row([sample])).logprobs.sum()).backward()
    hook.remove()
    assert states[0].grad is not None
    moved = (states[0].grad[0].abs().sum(-1) > 0).numpy()
    assert (np.flatnonzero(moved) == np.flatnonzero(sample.loss_mask) - 1).all()
    assert {int(turn) for turn in sample.turn_index[1:][moved[:-1]]} == set(range(4))


@pytest.mark.pitfall("P60")
@pytest.mark.parametrize("turn", range(3))
def test_the_loss_looks_at_each_turn_s_tokens(turn: int) -> None:
    # Perturbed: another last word of a turn changes the score of that word, and of no earlier one.
    sample = a_sample(turns=3)
    model = a_model()
    place = int(np.flatnonzero(sample.turn_index == turn)[-1])
    ids = sample.ids.copy()
    ids[place] = 8 + (ids[place] - 7) % 56
    at = int((np.flatnonzero(sample.loss_mask) == place).argmax())
    with torch.no_grad():
        before = score_tokens(model, pack_row([sample])).logprobs
        after = score_tokens(model, pack_row([replace(sample, ids=ids)])).logprobs
    assert (before[:at] == after[:at]).all()
    assert before[at] != after[at]


@pytest.mark.pitfall("P61")
def test_another_picture_changes_the_loss_and_a_missing_one_is_refused() -> None:
    model = a_model()
    sample = a_sample(turns=3, pictures=2)
    with torch.no_grad():
        seen = score_tokens(model, pack_row([sample])).logprobs
        blank = replace(sample, pixel_values=np.zeros_like(sample.pixel_values))
        unseen = score_tokens(model, pack_row([blank])).logprobs
    assert (seen - unseen).abs().max() > 1e-4
    row = pack_row([sample])
    with pytest.raises(ValueError, match="no picture may be lost"):
        score_tokens(model, replace(row, grids=row.grids[:1]))


@pytest.mark.pitfall("P77")
def test_forbidden_ids_have_no_share_and_temperature_divides() -> None:
    model = a_model()
    sample = a_sample(turns=2)
    row = pack_row([sample])
    absent = [one for one in range(8, 64) if one not in set(sample.ids.tolist())][:3]
    with torch.no_grad():
        logits = model(
            input_ids=torch.tensor(row.ids)[None],
            position_ids=torch.tensor(row.positions),
            pixel_values=torch.tensor(row.pixel_values),
            image_grid_thw=torch.tensor(row.grids),
            use_cache=False,
        ).logits[0, row.supervised - 1]
        logits[:, absent] = -torch.inf
        every = (logits.double() / 0.7).log_softmax(-1)
        expected = every.gather(1, torch.tensor(row.ids[row.supervised])[:, None])[:, 0]
        entropy = -(every.exp() * every.clamp_min(-1e9)).sum(-1)
        found = score_tokens(model, row, temperature=0.7, forbidden_ids=absent, with_entropy=True)
    assert (found.logprobs - expected).abs().max() < 1e-5
    assert found.entropy is not None
    assert (found.entropy - entropy).abs().max() < 1e-4
    with pytest.raises(ValueError, match="forbidden ids"):
        score_tokens(model, row, forbidden_ids=[int(row.ids[row.supervised[0]])])


def test_recomputed_layers_give_the_very_same_gradient() -> None:
    model = a_model()
    row = pack_row(SAMPLES)
    plain = gradient(model.train(), [row])
    model.activation_checkpointing_enable()
    again = gradient(model, [row])
    assert all(torch.equal(again[name], one) for name, one in plain.items())


def _other_text(sample: TrainingSample) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    ids = sample.ids.copy()
    ids[ids >= 8] = 8 + (ids[ids >= 8] - 8 + 1) % 56
    return ids
