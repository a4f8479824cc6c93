"""What a config says reaches the model: no key is accepted and ignored."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from vision_deepresearch.core.content import Conversation, ToolSpec
from vision_deepresearch.core.context import CallContext
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
