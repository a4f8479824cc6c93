"""A checkpoint to start RL from: a tiny Qwen3-VL that answers in the right form, with a random name.

It is taught a dozen names; the right one is the first and a third as frequent as any other, so
that about one answer in thirty is right. All that RL can add is which of them it is.
"""

import random
from collections.abc import Sequence
from pathlib import Path

import torch

from vision_deepresearch.agent.limits import Limits
from vision_deepresearch.agent.loop import run as run_agent
from vision_deepresearch.agent.researcher import Researcher
from vision_deepresearch.core.content import Message
from vision_deepresearch.core.mode import mode_named
from vision_deepresearch.core.protocols import MediaStore
from vision_deepresearch.core.task import Task
from vision_deepresearch.models.codec.trace import Codec
from vision_deepresearch.models.local.loading import LoadedModel, load_local
from vision_deepresearch.models.local.tiny import TinySizes, write_tiny
from vision_deepresearch.models.profiles.vdr import VdrProfile
from vision_deepresearch.models.scripted import ScriptedModel
from vision_deepresearch.train.forward import score_tokens
from vision_deepresearch.train.packing import pack_row
from vision_deepresearch.train.rl.arrays import sample_of
from vision_deepresearch.train.samples import TrainingSample

SYSTEM = "Answer."
NUM_NAMES = 12


async def write_start(
    folder: Path, *, tasks: Sequence[Task], names: Sequence[str], media: MediaStore, steps: int
) -> float:
    """Write the checkpoint; returns the last loss per token."""
    text = [
        *names,
        "system user assistant image_id img_1 Question Answer. seen",
        *[t.question for t in tasks],
    ]
    write_tiny(
        folder,
        sizes=TinySizes(hidden=64, layers=2, vision_depth=2, max_picture_tokens=16),
        text=text,
    )
    loaded = load_local(folder, dtype="float32", device="cpu")
    right, *others = [
        await _taught(task, name, loaded=loaded, media=media) for task in tasks for name in names
    ]
    samples = [right, *others * 3]
    optimizer = torch.optim.AdamW(loaded.module.parameters(), lr=4e-3, weight_decay=0.0)
    rng = random.Random(0)
    loss = 0.0
    for step in range(steps):
        optimizer.param_groups[0]["lr"] = 4e-3 * min(1.0, 2 * (1 - step / steps))
        row = pack_row(rng.sample(samples, min(len(samples), 12)))
        scores = score_tokens(loaded.module, row, forbidden_ids=loaded.vocabulary.forbidden_ids)
        mean = -scores.logprobs.mean()
        optimizer.zero_grad()
        mean.backward()
        torch.nn.utils.clip_grad_norm_(loaded.module.parameters(), 1.0)
        optimizer.step()
        loss = float(mean.detach())
    loaded.module.save_pretrained(folder)
    return loss


async def _taught(
    task: Task, name: str, *, loaded: LoadedModel, media: MediaStore
) -> TrainingSample:
    """The agent's own conversation with a model that gives this name."""
    profile = VdrProfile(system_prompt=SYSTEM)
    said = profile.write(thought="seen", answer=name)
    trajectory = await run_agent(
        task,
        Researcher(
            model=ScriptedModel([said]),
            profile=profile,
            tools={},
            mode=mode_named("direct"),
            today="2026-01-01",
            media=media,
            limits=Limits(),
            finds_support=False,
        ),
    )
    messages: list[Message] = [*trajectory.prompt, trajectory.turns[0].reply]
    codec: Codec = loaded.codec
    return sample_of(
        trajectory.model_copy(update={"tokens": codec.trace(messages), "id": f"{task.id}{name}"}),
        pictures=loaded.pictures,
        load=media.load,
        image_id=loaded.module.config.image_token_id,
    )
