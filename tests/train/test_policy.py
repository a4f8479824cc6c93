"""Captured log-probs are those of training; versions count weights; what is saved comes back."""

import asyncio
from pathlib import Path

import pytest

pytest.importorskip("torch")
pytest.importorskip("transformers")
import torch

from tests.models.local.tiny_policy import (
    MEDIA,
    PICTURES,
    a_context,
    a_policy,
    a_rollout,
    num_sampled,
)
from vision_deepresearch.core.content import Conversation
from vision_deepresearch.core.errors import ConfigError
from vision_deepresearch.core.trajectory import TokenTrace
from vision_deepresearch.train.policy import Policy

EXACT = 1e-5


async def rollouts(policy: Policy, count: int) -> list[Conversation]:
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(a_rollout(policy, f"t{one}")) for one in range(count)]
    return [task.result() for task in tasks]


def trace_of(policy: Policy, conversation: Conversation, name: str) -> TokenTrace:
    trace = policy.client.trace(conversation, tools=(), context=a_context(name))
    assert trace is not None
    return trace


def worst_difference(policy: Policy, traces: list[TokenTrace]) -> float:
    """Largest difference between a captured and a teacher-forced log-prob."""
    worst = 0.0
    with torch.no_grad():
        for trace in traces:
            captured = [p for p, on in zip(trace.logprobs, trace.loss_mask, strict=True) if on]
            forced = policy.logprobs(trace, temperature=0.7)
            difference = (forced - torch.tensor(captured)).abs().max()
            assert difference.isfinite()
            worst = max(worst, float(difference))
    return worst


@pytest.mark.timeout(120)
@pytest.mark.pitfall("P62")
@pytest.mark.pitfall("P76")
async def test_captured_logprobs_are_exact_over_a_hundred_trajectories() -> None:
    """Batched and one at a time, with keys and values kept between turns and without."""
    told: dict[tuple[int, float], list[Conversation]] = {}
    for rows, cache_gb in [(32, 1.0), (32, 0.0), (1, 1.0), (1, 0.0)]:
        count = 100 if rows > 1 else 25
        async with a_policy(rows=rows, cache_gb=cache_gb) as policy:
            found = await rollouts(policy, count)
            counts = policy.engine.counts
            traces = [trace_of(policy, one, f"t{k}") for k, one in enumerate(found)]
        assert worst_difference(policy, traces) <= EXACT
        assert sum(len(trace.images) for trace in traces) > count, "pictures were in it"
        assert counts.sampled_tokens >= sum(map(num_sampled, found)) > 5 * count
        assert (counts.reused_tokens > counts.prefilled_tokens / 2) == (cache_gb > 0)
        mean_batch = counts.decode_rows / counts.decode_calls
        assert mean_batch > 8 if rows > 1 else mean_batch == 1
        told[rows, cache_gb] = found
    for found in told.values():
        pairs = zip(found, told[32, 1.0], strict=False)
        same = [ours == theirs for ours, theirs in ((texts(a), texts(b)) for a, b in pairs)]
        assert sum(same) >= 0.9 * len(same), "a sample depends on who is beside it"


def texts(conversation: Conversation) -> list[str]:
    return [one.text for one in conversation if one.sampled]


@pytest.mark.timeout(60)
async def test_a_mixture_of_experts_is_exact_too() -> None:
    async with a_policy("moe") as policy:
        found = await rollouts(policy, 8)
        traces = [trace_of(policy, one, f"t{k}") for k, one in enumerate(found)]
    assert worst_difference(policy, traces) <= EXACT


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
        seen = policy.logprobs(trace, temperature=1.0)
        ref = trace.images[0]
        other = next(one for one in PICTURES if one.sha256 != ref.sha256)
        cut = policy.model.pictures.cut(ref, MEDIA.load)
        swapped = cut.pixel_values[::-1].copy()
        held = policy.model.pictures._cached[ref.sha256]
        policy.model.pictures._cached[ref.sha256] = type(cut)(pixel_values=swapped, grid=cut.grid)
        assert (policy.logprobs(trace, temperature=1.0) - seen).abs().max() > 1e-3
        policy.model.pictures._cached[ref.sha256] = held
    for images, grids in [(trace.images[1:], trace.grids[1:]), ((*trace.images, other), ())]:
        broken = trace.model_copy(update={"images": images, "grids": grids})
        with pytest.raises(ValueError, match="placeholders"):
            policy.logprobs(broken, temperature=1.0)
    turned = trace.model_copy(update={"grids": tuple((t, w, h) for t, h, w in trace.grids)})
    with pytest.raises(ValueError, match="picture budget"):
        policy.logprobs(turned, temperature=1.0)


async def spoil(policy: Policy) -> None:
    """An update that changes a weight and then fails."""
    async with policy.update() as module:
        with torch.no_grad():
            module.lm_head.weight.add_(0.1)
        msg = "half-way"
        raise RuntimeError(msg)


async def test_the_version_counts_weights_and_old_samples_keep_theirs() -> None:
    async with a_policy() as policy:
        before = policy.checksum
        first = await a_rollout(policy, "a", turns=1)
        async with policy.update() as module:
            pass
        assert (policy.version, policy.checksum) == (0, before), "nothing changed"
        async with policy.update() as module:
            with torch.no_grad():
                module.lm_head.weight.add_(0.1)
        assert policy.version == 1
        second = await a_rollout(policy, "a", turns=1)
        with pytest.raises(RuntimeError, match="half-way"):
            await spoil(policy)
        assert policy.version == 2, "weights that nobody named would answer under an old name"
    versions = [one.sampled.policy_version for one in (first[-1], second[-1]) if one.sampled]
    assert versions[0] == f"0-{before[:12]}"
    assert versions[1].startswith("1-")
    assert policy.client.name.endswith(f"@{policy.label}")


async def test_what_is_saved_comes_back_and_damage_is_seen(tmp_path: Path) -> None:
    policy = a_policy()
    policy.version = 7
    policy.save(tmp_path / "out" / "p7")
    again = Policy.load(tmp_path / "out" / "p7", load=MEDIA.load)
    assert (again.version, again.checksum) == (7, policy.checksum)
    assert again.label == policy.label
    assert [one.name for one in (tmp_path / "out").iterdir()] == ["p7"]
    with pytest.raises(ConfigError, match="not there yet"):
        policy.save(tmp_path / "out" / "p7")
    stamp = tmp_path / "out" / "p7" / "policy.json"
    stamp.write_text(stamp.read_text().replace(policy.checksum[:6], "000000"))
    with pytest.raises(ConfigError, match="checksum"):
        Policy.load(tmp_path / "out" / "p7", load=MEDIA.load)
