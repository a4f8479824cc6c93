"""Captured log-probs are those of training; versions count weights; what is saved comes back."""

import asyncio
import json
import sys
from itertools import product
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("transformers")
import torch

from tests.models.local.tiny_policy import (
    MEDIA,
    PICTURES,
    TinyPolicy,
    a_context,
    a_model,
    a_policy,
    a_rollout,
    num_sampled,
    teacher_forced,
)
from vision_deepresearch.core.content import Conversation
from vision_deepresearch.core.errors import TrainingStoppedError
from vision_deepresearch.core.trajectory import TokenTrace
from vision_deepresearch.models.local.engine import LocalEngine
from vision_deepresearch.models.local.loading import LoadedModel, checksum, load_local
from vision_deepresearch.train.checkpoint import Checkpoints, TrainState
from vision_deepresearch.train.policy import Policy
from vision_deepresearch.train.rl.batch import Batch, Row
from vision_deepresearch.train.rl.settings import RlSettings
from vision_deepresearch.train.samples import TrainingSample
from vision_deepresearch.train.traced import sample_of_trace

EXACT = 1e-5
SHARED_ROWS = 32


async def rollouts(policy: TinyPolicy, count: int) -> list[Conversation]:
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(a_rollout(policy, f"t{one}")) for one in range(count)]
    return [task.result() for task in tasks]


def trace_of(policy: TinyPolicy, conversation: Conversation, name: str) -> TokenTrace:
    trace = policy.client.trace(conversation, tools=(), context=a_context(name))
    assert trace is not None
    return trace


def worst_difference(policy: TinyPolicy, traces: list[TokenTrace]) -> float:
    """Largest difference between a captured and a teacher-forced log-prob."""
    worst = 0.0
    with torch.no_grad():
        for trace in traces:
            captured = [p for p, on in zip(trace.logprobs, trace.loss_mask, strict=True) if on]
            forced = teacher_forced(policy.model, trace, temperature=0.7)
            difference = (forced - torch.tensor(captured)).abs().max()
            assert difference.isfinite()
            worst = max(worst, float(difference))
    return worst


async def differences(kind: str, *, batched: int, single: int) -> dict[str, float]:
    """By how trajectories were sampled, the worst difference of a log-probability.

    Args:
        kind: of the model.
        batched: trajectories that share forward calls.
        single: trajectories one at a time.
    """
    worst: dict[str, float] = {}
    told: list[list[Conversation]] = []
    for rows, cache_gb in product((SHARED_ROWS, 1), (1.0, 0.0)):
        count = batched if rows > 1 else single
        async with a_policy(kind, rows=rows, cache_gb=cache_gb) as policy:
            found = await rollouts(policy, count)
            counts = policy.engine.counts
            traces = [trace_of(policy, one, f"t{k}") for k, one in enumerate(found)]
        assert len(traces) == count
        assert sum(len(trace.images) for trace in traces) > count, "pictures were in it"
        assert counts.sampled_tokens >= sum(map(num_sampled, found)) > 5 * count
        assert (counts.reused_tokens > counts.prefilled_tokens / 2) == (cache_gb > 0)
        mean_batch = counts.decode_rows / counts.decode_calls
        assert mean_batch > SHARED_ROWS / 4 if rows > 1 else mean_batch == 1
        name = f"{'batched' if rows > 1 else 'single'}, {'kept' if cache_gb else 'no'} keys"
        worst[name] = worst_difference(policy, traces)
        told.append(found)
    for found in told[1:]:
        pairs = zip(found, told[0], strict=False)
        same = [ours == theirs for ours, theirs in ((texts(a), texts(b)) for a, b in pairs)]
        assert sum(same) >= 0.9 * len(same), "a sample depends on who is beside it"
    return worst


@pytest.mark.timeout(120)
@pytest.mark.pitfall("P62")
@pytest.mark.pitfall("P76")
@pytest.mark.parametrize("kind", ["dense", "moe"])
async def test_captured_logprobs_are_exact(kind: str) -> None:
    """Batched and one at a time, with keys and values kept between turns and without."""
    worst = await differences(kind, batched=32, single=6)
    assert max(worst.values()) <= EXACT, worst


@pytest.mark.slow
@pytest.mark.timeout(3000)
@pytest.mark.parametrize("kind", ["dense", "moe"])
async def test_captured_logprobs_are_exact_over_a_hundred_trajectories_each(kind: str) -> None:
    worst = await differences(kind, batched=100, single=100)
    sys.stdout.write(f"\n{kind}: {json.dumps(worst)}\n")
    assert max(worst.values()) <= EXACT, worst


def texts(conversation: Conversation) -> list[str]:
    return [one.text for one in conversation if one.sampled]


@pytest.mark.timeout(60)
async def test_bfloat16_stays_within_its_bound() -> None:
    async with a_policy(dtype="bfloat16", opinion=1.0) as policy:
        found = await rollouts(policy, 8)
        traces = [trace_of(policy, one, f"t{k}") for k, one in enumerate(found)]
        assert {one.dtype for one in policy.model.module.parameters()} == {torch.bfloat16}
    assert worst_difference(policy, traces) <= 0.02


@pytest.mark.pitfall("P61")
async def test_another_picture_or_none_changes_what_the_policy_thinks() -> None:
    async with a_policy() as policy:
        found = await rollouts(policy, 8)
        traces = [trace_of(policy, one, f"t{k}") for k, one in enumerate(found)]
    trace = next(one for one in traces if one.images)
    with torch.no_grad():
        seen = teacher_forced(policy.model, trace, temperature=1.0)
        ref = trace.images[0]
        other = next(one for one in PICTURES if one.sha256 != ref.sha256)
        cut = policy.model.pictures.cut(ref, MEDIA.load)
        swapped = cut.pixel_values[::-1].copy()
        held = policy.model.pictures._cached[ref.sha256]
        policy.model.pictures._cached[ref.sha256] = type(cut)(pixel_values=swapped, grid=cut.grid)
        assert (teacher_forced(policy.model, trace, temperature=1.0) - seen).abs().max() > 1e-3
        policy.model.pictures._cached[ref.sha256] = held
    for images, grids in [(trace.images[1:], trace.grids[1:]), ((*trace.images, other), ())]:
        broken = trace.model_copy(update={"images": images, "grids": grids})
        with pytest.raises(ValueError, match="placeholders"):
            teacher_forced(policy.model, broken, temperature=1.0)
    turned = trace.model_copy(update={"grids": tuple((t, w, h) for t, h, w in trace.grids)})
    with pytest.raises(ValueError, match="picture budget"):
        teacher_forced(policy.model, turned, temperature=1.0)


def trainable(trainer: LoadedModel, engine: LocalEngine, root: Path, *, lr: float = 1e-2) -> Policy:
    """The policy that RL trains, over an engine that runs."""
    return Policy(
        trainer,
        sampler=engine.model,
        engine=engine,
        settings=RlSettings.model_validate({"sft_checkpoint": "x", "update": {"lr": lr}}),
        temperature=0.7,
        load=MEDIA.load,
        checkpoints=Checkpoints(root / "checkpoints"),
    )


def a_batch(sample: TrainingSample) -> Batch:
    """One row that was right."""
    return Batch(
        rows=(Row(key=sample.key, sample=sample, advantage=1.0),),
        num_active=(sample.num_supervised,),
        num_untrainable=0,
        num_dropped=0,
    )


def sample_of(model: LoadedModel, trace: TokenTrace) -> TrainingSample:
    return sample_of_trace(
        trace,
        key="a",
        mask=np.asarray(trace.loss_mask, np.bool_),
        pictures=model.pictures,
        load=MEDIA.load,
        image_id=model.module.config.image_token_id,
    )


@pytest.mark.parametrize("weights", ["shared", "copied"])
async def test_an_update_samples_under_a_name_of_its_own_and_is_saved(
    weights: str, tmp_path: Path
) -> None:
    """Old samples keep the name of the weights they are from; a checkpoint gives those back."""
    async with a_policy() as tiny:
        is_shared = weights == "shared"
        trainer = tiny.model if is_shared else a_model()
        policy = trainable(trainer, tiny.engine, tmp_path)
        assert policy.is_shared == is_shared
        first_name = await policy.publish(0)
        assert first_name == f"0-{checksum(trainer.module)[:12]}"
        first = await a_rollout(tiny, "a", turns=2)
        trace = trace_of(tiny, first, "a")
        told = await policy.update(a_batch(sample_of(trainer, trace)), step=0)
        assert told["steps_taken"] == 1
        assert told["sampler_logprob_error_max"] <= EXACT
        between = await a_rollout(tiny, "b", turns=1)
        second_name = await policy.publish(1)
        second = await a_rollout(tiny, "c", turns=1)
        assert checksum(tiny.model.module) == checksum(trainer.module)
        await policy.save(
            TrainState(
                step=1, cursor={}, schedule={}, config_hash="c", policy_version=policy.version
            )
        )
    said = [
        one.sampled.policy_version for one in (first[2], between[-1], second[-1]) if one.sampled
    ]
    # Copied weights sample on until they are handed over, shared ones are others at once.
    assert said == [first_name, second_name if is_shared else first_name, second_name]
    assert first_name.partition("-")[2] != second_name.partition("-")[2]
    saved = load_local(tmp_path / "checkpoints" / "step-00000001", dtype="float32")
    assert f"1-{checksum(saved.module)[:12]}" == second_name
    again = trainable(a_model(), LocalEngine(a_model()), tmp_path)
    state, damaged = again.resume()
    assert state is not None
    assert (state.policy_version, damaged) == (second_name, ())


async def test_weights_that_did_not_arrive_end_the_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever samples from others than were handed over would be trained as if it had not."""

    def lost(_: object) -> None:
        """A hand-over that moves nothing."""

    async with a_policy() as tiny:
        trainer = a_model()
        policy = trainable(trainer, tiny.engine, tmp_path)
        await policy.publish(0)
        monkeypatch.setattr(tiny.model.module, "load_state_dict", lost)
        with torch.no_grad():
            next(trainer.module.parameters()).add_(0.1)
        with pytest.raises(TrainingStoppedError, match="were handed over"):
            await policy.publish(1)
