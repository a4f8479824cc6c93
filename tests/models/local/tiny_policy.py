"""A tiny policy with opinions, and trajectories with pictures sampled from it."""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from tempfile import mkdtemp
from typing import Self

import pytest

pytest.importorskip("torch")
pytest.importorskip("transformers")
import numpy as np
import torch

from tests.builders import a_picture
from vision_deepresearch.core.content import (
    Conversation,
    Image,
    ImageRef,
    Message,
    Role,
    trusted,
    untrusted,
)
from vision_deepresearch.core.context import CallContext
from vision_deepresearch.core.protocols import Sampling
from vision_deepresearch.core.trajectory import TokenTrace
from vision_deepresearch.media.store import MemoryMediaStore
from vision_deepresearch.models.local.client import LocalClient
from vision_deepresearch.models.local.engine import LocalEngine
from vision_deepresearch.models.local.loading import LoadedModel, load_local
from vision_deepresearch.models.local.tiny import MOE, TinySizes, write_tiny
from vision_deepresearch.train.forward import score_tokens
from vision_deepresearch.train.packing import pack_row
from vision_deepresearch.train.traced import sample_of_trace

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


@dataclass(slots=True, kw_only=True)
class TinyPolicy:
    """Weights with the engine and the client that sample from them; use it within `async with`."""

    model: LoadedModel
    engine: LocalEngine
    client: LocalClient

    async def __aenter__(self) -> Self:
        self.engine.start()
        return self

    async def __aexit__(self, *reason: object) -> None:
        await self.engine.aclose()


def a_policy(
    kind: str = "dense",
    *,
    rows: int = 32,
    cache_gb: float = 1.0,
    dtype: str = "float32",
    opinion: float = 3.0,
) -> TinyPolicy:
    model = a_model(kind, dtype=dtype, opinion=opinion)
    engine = LocalEngine(model, max_rows=rows, cache_bytes=int(cache_gb * 2**30))
    return TinyPolicy(model=model, engine=engine, client=a_client(engine))


def a_client(engine: LocalEngine) -> LocalClient:
    model = engine.model
    return LocalClient(
        engine,
        codec=model.codec,
        vocabulary=model.vocabulary,
        load=MEDIA.load,
        name=lambda: f"local:{model.folder.name}",
    )


def teacher_forced(
    model: LoadedModel,
    trace: TokenTrace,
    *,
    temperature: float,
    load: Callable[[ImageRef], bytes] = MEDIA.load,
) -> torch.Tensor:
    """(N,) log-probs of the trained tokens of a stream, by the forward that trains."""
    sample = sample_of_trace(
        trace,
        key="trace",
        mask=np.asarray(trace.loss_mask, np.bool_),
        pictures=model.pictures,
        load=load,
        image_id=model.module.config.image_token_id,
    )
    return score_tokens(
        model.module,
        pack_row([sample]),
        temperature=temperature,
        forbidden_ids=model.vocabulary.forbidden_ids,
    ).logprobs


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
    policy: TinyPolicy, name: str, *, turns: int = 3, max_tokens: int = 12, temperature: float = 0.7
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
