"""What a config says reaches the model: no key is accepted and ignored."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from vision_deepresearch.core.content import Conversation, ToolSpec
from vision_deepresearch.core.context import CallContext
from vision_deepresearch.core.errors import ConfigError
from vision_deepresearch.core.protocols import Completion, Sampling
from vision_deepresearch.wiring.config import make_config
from vision_deepresearch.wiring.session import open_session


class SeedRecorder:
    """Answers at once and keeps the seeds it was sent."""

    name = "seeds"

    def __init__(self) -> None:
        self.seeds: list[int | None] = []

    async def complete(
        self,
        conversation: Conversation,
        *,
        tools: Sequence[ToolSpec],
        sampling: Sampling,
        context: CallContext,
    ) -> Completion:
        del conversation, tools, context
        self.seeds.append(sampling.seed)
        return Completion(text="<think>x</think><answer>y</answer>")


async def test_the_seed_reaches_the_model_and_siblings_differ(
    tiny_world: Path, tmp_path: Path
) -> None:
    model = SeedRecorder()
    config = make_config({"world": str(tiny_world), "seed": 7})
    async with open_session(config, out=tmp_path / "run") as session:
        seeded = replace(session, researcher=replace(session.researcher, model=model))
        task = session.tasks(1)[0]
        for attempt in range(2):
            await seeded.roll_out(task, attempt)
    assert model.seeds == [7, 8]


async def test_a_noisy_engine_is_asked_for_by_name_and_told_in_the_provenance(
    tiny_world: Path, tmp_path: Path
) -> None:
    config = make_config({
        "world": str(tiny_world),
        "noise": {"preset": "hostile", "seed": 3},
    })
    async with open_session(config, out=tmp_path / "run") as session:
        found = await session.world.search_text("town", limit=10)
        clean = await session.source.world.search_text("town", limit=10)
        assert session.world.manifest().world_id != session.source.world.manifest().world_id
    assert {item.url for item in found} != {item.url for item in clean} or found != clean
    assert '"noise": 3' in (tmp_path / "run" / "provenance.json").read_text()


def test_unknown_noise_lists_the_known() -> None:
    with pytest.raises(ConfigError, match="realistic"):
        make_config({"noise": {"preset": "horrible"}})
