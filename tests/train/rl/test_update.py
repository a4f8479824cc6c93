"""One update over real weights: what cancels, what a split changes, what is never applied."""

import math
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
from vision_deepresearch.train.packing import pack_row
from vision_deepresearch.train.rl.aggregation import AggregationMode
from vision_deepresearch.train.rl.batch import Batch, Row
from vision_deepresearch.train.rl.importance import ImportanceSettings
from vision_deepresearch.train.rl.settings import UpdateSettings
from vision_deepresearch.train.rl.update import update_policy
from vision_deepresearch.train.samples import TrainingSample


def sampled(
    model: PreTrainedModel, *, key: str, seed: int = 0, shift: float = 0.0
) -> TrainingSample:
    """A sequence with the log-probabilities of `model`, each moved by `shift`."""
    sample = a_sample(key=key, seed=seed)
    with torch.no_grad():
        logprobs = score_tokens(model, pack_row([sample])).logprobs.numpy()
    captured = np.zeros(sample.num_tokens, np.float32)
    captured[sample.loss_mask] = np.minimum(logprobs + shift, 0)
    return replace(sample, logprobs=captured)


def a_batch(rows: list[tuple[TrainingSample, float]], *, extra: tuple[int, ...] = ()) -> Batch:
    """Samples with their advantages; `extra`: active tokens of rows that are not trained."""
    made = tuple(Row(key=sample.key, sample=sample, advantage=a) for sample, a in rows)
    active = (*(row.sample.num_supervised for row in made), *extra)
    return Batch(rows=made, num_active=active, num_untrainable=0, num_dropped=0)


def updated(
    model: PreTrainedModel, batch: Batch, *, settings: UpdateSettings
) -> tuple[dict[str, float], list[torch.Tensor]]:
    """Figures and weights after an update by plain gradient descent."""
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    told = update_policy(
        model, batch, optimizer=optimizer, settings=settings, temperature=1.0, forbidden_ids=()
    )
    return told, [one.detach().clone() for one in model.parameters()]


LOOSE = UpdateSettings(clip_norm=1e9, row_tokens=4096)


def test_two_identical_trajectories_with_opposite_advantages_leave_no_gradient() -> None:
    model = a_model()
    before = [one.detach().clone() for one in model.parameters()]
    one, other = (sampled(model, key=key, seed=3) for key in ("a", "b"))
    alone = updated(a_model(), a_batch([(one, 1.0)]), settings=LOOSE)[0]["grad_norm"]
    assert alone > 0.01
    for row_tokens in (one.num_tokens, 4096):  # apart, and packed into one forward
        told, after = updated(
            model,
            a_batch([(one, 1.0), (other, -1.0)]),
            settings=LOOSE.model_copy(update={"row_tokens": row_tokens}),
        )
        assert told["grad_norm"] <= 1e-4 * alone
        if row_tokens < 2 * one.num_tokens:
            assert told["grad_norm"] == 0
            assert all(torch.equal(x, y) for x, y in zip(before, after, strict=True))


def test_how_rows_are_packed_changes_nothing_and_masked_rows_do_not_dilute() -> None:
    results = []
    for row_tokens, extra in ((4096, ()), (96, ()), (4096, (0, 0, 0))):
        model = a_model()
        rows = [
            (sampled(model, key=str(n), seed=n), advantage)
            for n, advantage in enumerate((1.0, -0.5, -0.5))
        ]
        settings = LOOSE.model_copy(update={"row_tokens": row_tokens})
        results.append(updated(model, a_batch(rows, extra=extra), settings=settings))
    (first, weights), *others = results
    assert first["steps_taken"] == 1
    for told, again in others:
        assert told["loss"] == pytest.approx(first["loss"], rel=1e-5)
        assert told["grad_norm"] == pytest.approx(first["grad_norm"], rel=1e-4)
        for one, other in zip(weights, again, strict=True):
            torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-6)


def test_rows_that_count_without_being_trained_stay_in_the_denominator() -> None:
    losses = []
    for extra in ((), (5,)):
        model = a_model()
        told, _ = updated(
            model, a_batch([(sampled(model, key="a"), 1.0)], extra=extra), settings=LOOSE
        )
        losses.append(told["loss"])
    assert losses[1] == pytest.approx(losses[0] / 2)


@pytest.mark.parametrize("mode", ["seq-mean-token-sum", "token-mean"])
def test_a_row_that_the_correction_rejects_is_in_no_denominator(mode: str) -> None:
    """The step is that of a batch in which the row never was."""
    band = ImportanceSettings(correction="band")
    settings = LOOSE.model_copy(update={"importance": band, "aggregation": mode})
    made = []
    for with_stale in (False, True):
        model = a_model()
        rows = [(sampled(model, key="a"), 1.0)]
        if with_stale:
            rows.append((sampled(model, key="b", seed=1, shift=-5.0), 1.0))
        made.append(updated(model, a_batch(rows), settings=settings))
    (alone, weights), (beside, same) = made
    assert (alone["rejected_rows"], beside["rejected_rows"]) == (0, 1)
    assert beside["grad_norm"] == pytest.approx(alone["grad_norm"], rel=1e-4)
    for one, other in zip(weights, same, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-6)


@pytest.mark.pitfall("P69")
@pytest.mark.parametrize(("shift", "weight"), [(0.0, 1.0), (-0.5, math.exp(0.5)), (-2.0, 2.0)])
def test_a_stale_sampler_is_corrected_as_computed_by_hand(shift: float, weight: float) -> None:
    """The trainer finds every token exp(-shift) times as likely as who sampled it; cut at 2."""
    model = a_model()
    told, _ = updated(model, a_batch([(sampled(model, key="a", shift=shift), 1.0)]), settings=LOOSE)
    assert told["importance_mean"] == pytest.approx(weight, rel=1e-4)
    assert told["importance_cut_frac"] == float(shift == -2.0)
    assert told["clip_low_frac"] == told["clip_high_frac"] == 0.0
    assert told["sampler_kl"] == pytest.approx(math.exp(-shift) + shift - 1, abs=1e-4)
    fresh = a_model()
    bypass = LOOSE.model_copy(update={"importance": ImportanceSettings(regime="bypass")})
    told, _ = updated(
        fresh, a_batch([(sampled(fresh, key="a", shift=shift), 1.0)]), settings=bypass
    )
    assert told["importance_mean"] == 1.0
    assert told["clip_high_frac"] == float(shift < 0), "the ratio itself is stale"


def test_several_updates_per_batch_move_away_from_the_old_policy() -> None:
    model = a_model()
    rows = [(sampled(model, key=str(n), seed=n), (-1.0) ** n) for n in range(4)]
    longest = max(sample.num_tokens for sample, _ in rows)
    settings = LOOSE.model_copy(update={"updates_per_batch": 4, "row_tokens": longest})
    told, _ = updated(model, a_batch(rows), settings=settings)
    assert told["steps_taken"] >= 2
    assert told["importance_mean"] == pytest.approx(1.0, abs=1e-4), "of the batch's beginning"
    assert told["clip_high_frac"] + told["clip_low_frac"] > 0


@pytest.mark.parametrize("is_packed", [True, False])
@pytest.mark.parametrize("aggregation", ["seq-mean-token-sum", "token-mean", "seq-mean-token-mean"])
def test_a_rejected_row_counts_as_if_it_were_not_there(
    aggregation: AggregationMode,
    is_packed: bool,  # noqa: FBT001 - a parameter of pytest
) -> None:
    """Also one found in the last forward, when the first gradients are there already."""
    found = []
    for has_rejected in (True, False):
        model = a_model()
        rows = [
            (sampled(model, key=str(n), seed=n), advantage)
            for n, advantage in enumerate((2.0, -0.5))
        ]
        if has_rejected:
            rows.append((sampled(model, key="far", seed=7, shift=-5.0), 1.0))
            rows.append((sampled(model, key="beyond", seed=8, shift=-6.0), -1.0))
        settings = LOOSE.model_copy(
            update={
                "aggregation": aggregation,
                "importance": ImportanceSettings(correction="band"),
                "row_tokens": 4096 if is_packed else max(one.num_tokens for one, _ in rows),
            }
        )
        found.append(updated(model, a_batch(rows, extra=(9,)), settings=settings))
    (told, weights), (expected, others) = found
    assert (told["rejected_rows"], expected["rejected_rows"]) == (2, 0)
    assert told["loss"] == pytest.approx(expected["loss"], rel=1e-4)
    assert told["grad_norm"] == pytest.approx(expected["grad_norm"], rel=1e-4)
    for one, other in zip(weights, others, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-6)


def test_log_probabilities_that_are_no_numbers_change_nothing() -> None:
    model = a_model()
    sample = sampled(model, key="a")
    with torch.no_grad():
        model.get_output_embeddings().weight[9, 0] = torch.nan  # type: ignore[union-attr,operator]
    told, after = updated(model, a_batch([(sample, 1.0)]), settings=LOOSE)
    assert (told["bad_logprob_rows"], told["steps_taken"]) == (1, 0)
    assert sum(int(torch.isnan(one).sum()) for one in after) == 1


def test_layers_are_computed_again_though_the_model_is_in_evaluation_mode() -> None:
    """transformers recomputes in training mode alone, which would also switch dropout on."""
    found: list[tuple[dict[str, float], list[torch.Tensor]]] = []
    calls: list[int] = []
    for is_recomputed in (False, True):
        model = a_model()
        if is_recomputed:
            model.activation_checkpointing_enable()
        seen: list[bool] = []

        def see(module: torch.nn.Module, *_: object, seen: list[bool] = seen) -> None:
            seen.append(module.training)

        model.get_submodule("model.language_model.layers.0.mlp").register_forward_pre_hook(see)
        found.append(updated(model, a_batch([(sampled(model, key="a"), 1.0)]), settings=LOOSE))
        calls.append(len(seen))
        assert not any(seen), "nothing inside a layer is in training mode"
        assert not any(module.training for module in model.modules())
    assert calls[1] == calls[0] + 1
    (told, weights), (again, others) = found
    assert told["loss"] == again["loss"]
    for one, other in zip(weights, others, strict=True):
        assert torch.equal(one, other)


def test_a_step_computed_in_bfloat16_is_nearly_the_same_over_float32_weights() -> None:
    norms = []
    for precision in ("float32", "bfloat16"):
        model = a_model()
        batch = a_batch([(sampled(model, key="a"), 1.0), (sampled(model, key="b", seed=1), -1.0)])
        settings = LOOSE.model_copy(update={"precision": precision})
        told, weights = updated(model, batch, settings=settings)
        assert {one.dtype for one in weights} == {torch.float32}
        assert told["steps_taken"] == 1
        norms.append(told["grad_norm"])
        is_rounded = told["sampler_logprob_error_max"] > 1e-4
        assert is_rounded == (precision == "bfloat16")
        assert told["sampler_logprob_error_max"] <= 0.02
    assert norms[1] == pytest.approx(norms[0], rel=0.05)
    assert norms[1] != norms[0]


def test_a_gradient_that_is_no_number_is_not_applied() -> None:
    model = a_model()
    before = [one.detach().clone() for one in model.parameters()]
    rows = [(sampled(model, key="a"), math.inf), (sampled(model, key="b", seed=1), 1.0)]
    told, after = updated(model, a_batch(rows), settings=LOOSE)
    assert (told["bad_gradient_steps"], told["steps_taken"]) == (1, 0)
    assert all(torch.equal(x, y) for x, y in zip(before, after, strict=True))


@pytest.mark.pitfall("P63")
def test_a_trajectory_that_fits_no_row_is_said_and_never_cut() -> None:
    model = a_model()
    with pytest.raises(ValueError, match="row_tokens"):
        updated(
            model,
            a_batch([(sampled(model, key="a"), 1.0)]),
            settings=LOOSE.model_copy(update={"row_tokens": 8}),
        )
