"""A tiny policy with opinions, and trajectories with pictures sampled from it."""

import random
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from tempfile import mkdtemp

import pytest

pytest.importorskip("torch")
pytest.importorskip("transformers")
import torch

from tests.builders import a_picture
from vision_deepresearch.core.content import (
    Conversation,
    Image,
    Message,
    Role,
    trusted,
    untrusted,
)
from vision_deepresearch.core.context import CallContext
from vision_deepresearch.core.protocols import Sampling
from vision_deepresearch.media.store import MemoryMediaStore
from vision_deepresearch.models.local.loading import LoadedModel, load_local
from vision_deepresearch.models.local.settings import LocalSettings
from vision_deepresearch.models.local.tiny import MOE, TinySizes, write_tiny
from vision_deepresearch.train.policy import Policy

DENSE = TinySizes(hidden=64, layers=2, vision_depth=2, vision_hidden=32)
MEDIA = MemoryMediaStore()
PICTURES = tuple(
    MEDIA.put(a_picture(width=40 + 24 * seed, height=150 - 16 * seed, seed=seed))
    for seed in range(6)
)


@cache
def a_checkpoint(kind: str = "dense") -> Path:
    """A folder, made once per session."""
    return write_tiny(Path(mkdtemp()) / kind, sizes=MOE if kind == "moe" else DENSE)


def a_model(kind: str = "dense", *, dtype: str = "float32", opinion: float = 3.0) -> LoadedModel:
    """Weights three times as large as they are drawn, so that what is before a token matters."""
    model = load_local(a_checkpoint(kind), dtype=dtype)
    with torch.no_grad():
        for weight in model.module.parameters():
            if weight.ndim > 1:
                weight.mul_(opinion)
    return model


def a_policy(
    kind: str = "dense",
    *,
    rows: int = 32,
    cache_gb: float = 1.0,
    dtype: str = "float32",
    opinion: float = 3.0,
) -> Policy:
    settings = LocalSettings(max_rows=rows, cache_gb=cache_gb)
    model = a_model(kind, dtype=dtype, opinion=opinion)
    return Policy(model, load=MEDIA.load, settings=settings)


def a_context(name: str, *, turn: int = 0, attempt: int = 0) -> CallContext:
    return CallContext(task_id=name, trajectory_id=f"{name}-a{attempt}", attempt=attempt, turn=turn)


def a_prompt(rng: random.Random) -> list[Message]:
    """A system message and a question with up to two pictures."""
    pictures = [Image(ref=rng.choice(PICTURES)) for _ in range(rng.randrange(3))]
    return [
        Message(role=Role.SYSTEM, parts=(trusted("Answer. " * rng.randrange(1, 5)),)),
        Message(role=Role.USER, parts=(*pictures, untrusted(f"Who, {rng.random()}?"))),
    ]


def a_result(rng: random.Random) -> Message:
    """What a tool gave back, with up to two pictures in it."""
    pictures = [Image(ref=rng.choice(PICTURES)) for _ in range(rng.choice((0, 1, 1, 2)))]
    around = trusted("<tool_response>\n"), trusted("\n</tool_response>")
    said = untrusted("found " * rng.randrange(8))
    return Message(role=Role.USER, parts=(around[0], *pictures, said, around[1]))


async def a_rollout(
    policy: Policy, name: str, *, turns: int = 3, max_tokens: int = 12, temperature: float = 0.7
) -> Sequence[Message]:
    """A conversation whose replies the policy sampled; its shape depends on the name alone."""
    rng = random.Random(name)
    conversation = a_prompt(rng)
    for turn in range(turns):
        completion = await policy.client.complete(
            conversation,
            tools=(),
            sampling=Sampling(
                temperature=temperature,
                max_tokens=rng.randrange(1, max_tokens + 1),
                stop=("</answer>", "<tool_response>"),
            ),
            context=a_context(name, turn=turn),
        )
        reply = Message(
            role=Role.ASSISTANT, parts=(untrusted(completion.text),), sampled=completion.tokens
        )
        conversation += [reply, a_result(rng)]
    return conversation[:-1]


def num_sampled(conversation: Conversation) -> int:
    return sum(len(one.sampled.ids) for one in conversation if one.sampled)
