"""A local model in the real loop over a generated world: every trajectory has its token stream."""

import asyncio
from pathlib import Path

import pytest

pytest.importorskip("torch")
pytest.importorskip("transformers")
import torch
from pydantic import JsonValue

from tests.models.local.tiny_policy import a_checkpoint, teacher_forced
from vision_deepresearch.core.errors import ConfigError
from vision_deepresearch.core.trajectory import StopReason, TokenTrace, Trajectory
from vision_deepresearch.media.store import FolderMediaStore
from vision_deepresearch.models.codec.trace import TEACHER_VERSION
from vision_deepresearch.models.local.loading import LoadedModel, load_local
from vision_deepresearch.wiring.config import make_config
from vision_deepresearch.wiring.session import open_session

EXACT = 1e-5


def trained_text(trace: TokenTrace, model: LoadedModel) -> str:
    kept = [one for one, on in zip(trace.ids, trace.loss_mask, strict=True) if on]
    return model.vocabulary.text(kept)


@pytest.mark.timeout(120)
async def test_a_local_model_researches_and_its_stream_is_exact(
    tiny_world: Path, tmp_path: Path
) -> None:
    name = f"local:{a_checkpoint()}"
    limits: dict[str, JsonValue] = {
        "max_reply_tokens": 24,
        "max_turns": 3,
        "force_answer": True,
    }
    values: dict[str, JsonValue] = {
        "model": name,
        "world": str(tiny_world),
        "limits": limits,
        "mode": "cis+ts",
    }
    async with open_session(make_config(values), out=tmp_path / "run") as session:
        task = session.tasks(1)[0]
        async with asyncio.TaskGroup() as group:
            made = [group.create_task(session.roll_out(task, attempt)) for attempt in range(3)]
    found = [one.result() for one in made]
    media = FolderMediaStore(tmp_path / "run" / "media")
    model = load_local(a_checkpoint())
    assert {one.counted_by for one in found} == {"tokenizer"}
    for trajectory in found:
        assert trajectory.stop in {StopReason.FORMAT_FAULTS, StopReason.TURN_LIMIT}
        _check(trajectory, model, media)
    assert len({one.tokens.ids for one in found if one.tokens}) == 3, "siblings differ"


def _check(trajectory: Trajectory, model: LoadedModel, media: FolderMediaStore) -> None:
    trace = trajectory.tokens
    assert trace is not None
    assert [ref.sha256 for ref in trace.images] == [one.ref.sha256 for one in trajectory.bank]
    replies = [turn.reply.sampled for turn in trajectory.turns]
    assert all(replies)
    sampled = [one for reply in replies if reply for one in reply.ids]
    assert sampled == [one for one, on in zip(trace.ids, trace.loss_mask, strict=True) if on], (
        "the mask is exactly the sampled turns"
    )
    last = trajectory.turns[-1]
    assert last.prompt_tokens == len(trace.ids) - _tail(trace)
    with torch.no_grad():
        forced = teacher_forced(model, trace, temperature=0.7, load=media.load)
    captured = [p for p, on in zip(trace.logprobs, trace.loss_mask, strict=True) if on]
    assert (forced - torch.tensor(captured)).abs().max() <= EXACT


def _tail(trace: TokenTrace) -> int:
    """Tokens behind the last prompt, what opens the reply included, as the counter sees it not."""
    last = max(trace.turn_index)
    first = trace.turn_index.index(last)
    opening = 3  # <|im_start|>, assistant, line feed
    return len(trace.ids) - first + opening


@pytest.mark.timeout(60)
async def test_a_teachers_trajectory_becomes_a_stream_by_the_same_codec(
    tiny_world: Path, tmp_path: Path
) -> None:
    config = make_config({"world": str(tiny_world), "mode": "cis+ts"})
    async with open_session(config, out=tmp_path / "run") as session:
        found = await session.roll_out(session.tasks(1)[0], 0)
    assert found.stop is StopReason.ANSWER
    assert found.tokens is None, "the oracle samples no tokens"
    media = FolderMediaStore(tmp_path / "run" / "media")
    model = load_local(a_checkpoint())
    conversation = [*found.prompt]
    for turn in found.turns:
        conversation += [turn.reply, *turn.results]
    trace = model.codec.trace(conversation)
    assert trained_text(trace, model) == "".join(
        f"{turn.reply.text}<|im_end|>" for turn in found.turns
    )
    assert {one for one in trace.versions if one} == {TEACHER_VERSION}
    assert len(trace.images) == sum(len(message.images) for message in conversation) >= 1
    with torch.no_grad():
        forced = teacher_forced(model, trace, temperature=1.0, load=media.load)
    assert forced.isfinite().all(), "a teacher says nothing that a policy must not say"


async def test_a_path_without_a_checkpoint_is_said_at_once(
    tiny_world: Path, tmp_path: Path
) -> None:
    config = make_config({"world": str(tiny_world), "model": f"local:{tmp_path}"})
    with pytest.raises(ConfigError, match=r"config\.json"):
        async with open_session(config, out=tmp_path / "run"):
            pass


async def test_settings_of_local_models_reach_them(tiny_world: Path, tmp_path: Path) -> None:
    values: dict[str, JsonValue] = {
        "world": str(tiny_world),
        "model": f"local:{a_checkpoint()}",
        "local": {"pictures": {"min_tokens": 1, "max_tokens": 4}, "max_rows": 2},
        "limits": {"max_reply_tokens": 4, "max_turns": 1},
    }
    async with open_session(make_config(values), out=tmp_path) as session:
        found = await session.roll_out(session.tasks(1)[0], 0)
    assert found.tokens is not None
    assert all(rows * columns <= 16 for _, rows, columns in found.tokens.grids)
