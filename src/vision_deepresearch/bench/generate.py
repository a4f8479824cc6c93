"""How fast the local engine samples, against `transformers.generate` on the same weights.

Trajectories of several turns, pictures in the question and in every other result, one random tiny
Qwen3-VL. The baselines do what one does without an engine: `generate` once per turn over the whole
history, one trajectory at a time or all of them in one padded batch. They are given ready ids,
patches cut beforehand and the same forbidden ids; they keep no log-probs. The one-by-one baseline
runs a few of the trajectories, for a rate needs no more. Rounds alternate; ratios are medians; those
that end in `_cpu` are of processor time, which a busy machine leaves as it is.
"""

import asyncio
import io
import random
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image as PilImage
from pydantic import JsonValue

from vision_deepresearch.core.content import (
    Conversation,
    Image,
    ImageRef,
    Message,
    Role,
    SampledTokens,
    trusted,
    untrusted,
)
from vision_deepresearch.core.context import CallContext
from vision_deepresearch.core.protocols import Sampling
from vision_deepresearch.media.store import MemoryMediaStore
from vision_deepresearch.models.codec.trace import shown_images
from vision_deepresearch.models.local.client import LocalClient
from vision_deepresearch.models.local.engine import LocalEngine
from vision_deepresearch.models.local.loading import LoadedModel, load_local
from vision_deepresearch.models.local.tiny import write_tiny

_TEMPERATURE = 0.7
_WORDS = [
    "harbour",
    "clock",
    "tower",
    "emblem",
    "founded",
    "museum",
    "river",
    "bridge",
    "painter",
    "school",
    "letter",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sizes:
    """How much is sampled."""

    trajectories: int = 16
    turns: int = 8
    reply_tokens: int = 64
    """At most; a reply may end earlier."""
    alone: int = 4
    """Trajectories of the one-by-one baseline."""
    rounds: int = 3
    system_words: int = 200
    result_words: int = 40


QUICK = Sizes(alone=1, rounds=1, reply_tokens=32, system_words=80, result_words=24)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Rate:
    tokens: int
    seconds: float
    cpu_s: float

    @property
    def per_s(self) -> float:
        return self.tokens / self.seconds

    @property
    def per_cpu_s(self) -> float:
        return self.tokens / self.cpu_s


class _Script:
    """What is said to the model: the same for every way of sampling."""

    def __init__(self, sizes: Sizes) -> None:
        self.sizes = sizes
        self.media = MemoryMediaStore()
        self._pictures = [self.media.put(_picture(seed)) for seed in range(8)]

    def opening(self, number: int) -> list[Message]:
        """System message, and a question with a picture."""
        rng = random.Random(f"opening {number}")
        system = " ".join(_WORDS[place % len(_WORDS)] for place in range(self.sizes.system_words))
        question = (self._image(rng), trusted("\n"), untrusted(f"Who founded it, {number}?"))
        return [
            Message(role=Role.SYSTEM, parts=(trusted(system),)),
            Message(role=Role.USER, parts=question),
        ]

    def result(self, number: int, turn: int) -> Message:
        """What a tool gave back, every other time with a picture."""
        rng = random.Random(f"result {number} {turn}")
        pictures = (self._image(rng),) if turn % 2 else ()
        words = untrusted(" ".join(rng.choices(_WORDS, k=self.sizes.result_words)))
        parts = (trusted("<tool_response>\n"), *pictures, words, trusted("\n</tool_response>"))
        return Message(role=Role.USER, parts=parts)

    def _image(self, rng: random.Random) -> Image:
        return Image(ref=rng.choice(self._pictures))


async def bench_generate(
    *, quick: bool = False, sizes: Sizes | None = None
) -> dict[str, JsonValue]:
    """Measure the engine and both baselines, in turn."""
    sizes = sizes or (QUICK if quick else Sizes())
    with tempfile.TemporaryDirectory() as folder:
        model = load_local(write_tiny(Path(folder) / "tiny"))
    script = _Script(sizes)
    ours: list[_Rate] = []
    batched: list[_Rate] = []
    alone: list[_Rate] = []
    await _engine(model, script, turns=1)  # first calls of torch and of every allocator
    for _ in range(sizes.rounds):
        ours.append(await _timed(lambda: _engine(model, script, turns=sizes.turns)))
        batched.append(
            await _timed(lambda: _baseline(model, script, sizes.trajectories, one=False))
        )
        alone.append(await _timed(lambda: _baseline(model, script, sizes.alone, one=True)))

    def ratios(name: str, others: Sequence[_Rate]) -> dict[str, JsonValue]:
        pairs = list(zip(ours, others, strict=True))
        clock = statistics.median(mine.per_s / other.per_s for mine, other in pairs)
        cpu = statistics.median(mine.per_cpu_s / other.per_cpu_s for mine, other in pairs)
        return {name: round(clock, 2), f"{name}_cpu": round(cpu, 2)}

    return {
        "name": "generate",
        "settings": {
            "trajectories": sizes.trajectories,
            "turns": sizes.turns,
            "reply_tokens": sizes.reply_tokens,
            "rounds": sizes.rounds,
            "parameters": sum(weight.numel() for weight in model.module.parameters()),
            "threads": torch.get_num_threads(),
        },
        "figures": {
            "tokens_per_s": _median(ours),
            "sampled_tokens": sum(rate.tokens for rate in ours),
        },
        "baseline": {
            "transformers_generate_tokens_per_s": _median(alone),
            "transformers_generate_batched_tokens_per_s": _median(batched),
        },
        "ratios": {
            **ratios("transformers_generate", alone),
            **ratios("transformers_generate_batched", batched),
        },
    }


def _median(rates: Sequence[_Rate]) -> float:
    return round(statistics.median(rate.per_s for rate in rates), 1)


async def _timed(work: Callable[[], Awaitable[int]]) -> _Rate:
    started, started_cpu = time.perf_counter(), time.process_time()
    tokens = await work()
    return _Rate(
        tokens=tokens,
        seconds=time.perf_counter() - started,
        cpu_s=time.process_time() - started_cpu,
    )


# ---------------------------------------------------------------------------------------- engine


async def _engine(model: LoadedModel, script: _Script, *, turns: int) -> int:
    """All trajectories at once, each at its own pace; returns the sampled tokens."""
    async with LocalEngine(model, max_rows=script.sizes.trajectories) as engine:
        client = LocalClient(
            engine,
            codec=model.codec,
            vocabulary=model.vocabulary,
            load=script.media.load,
            name=lambda: "bench",
        )
        async with asyncio.TaskGroup() as group:
            for number in range(script.sizes.trajectories):
                group.create_task(_trajectory(client, script, number, turns=turns))
        return engine.counts.sampled_tokens


async def _trajectory(client: LocalClient, script: _Script, number: int, *, turns: int) -> None:
    conversation = script.opening(number)
    name = f"t{number}"
    for turn in range(turns):
        completion = await client.complete(
            conversation,
            tools=(),
            sampling=Sampling(temperature=_TEMPERATURE, max_tokens=script.sizes.reply_tokens),
            context=CallContext(task_id=name, trajectory_id=name, turn=turn),
        )
        parts = (untrusted(completion.text),)
        reply = Message(role=Role.ASSISTANT, parts=parts, sampled=completion.tokens)
        conversation += [reply, script.result(number, turn)]


# ------------------------------------------------------------------------------------- baselines


async def _baseline(model: LoadedModel, script: _Script, count: int, *, one: bool) -> int:
    """`generate` once per turn over whole histories; returns the sampled tokens."""
    total = 0
    groups = [[number] for number in range(count)] if one else [list(range(count))]
    for numbers in groups:
        conversations = [script.opening(number) for number in numbers]
        for turn in range(script.sizes.turns):
            replies = _generate(model, script, conversations)
            for place, ids in enumerate(replies):
                total += len(ids)
                tokens = SampledTokens(ids=ids, logprobs=(0.0,) * len(ids), policy_version="")
                reply = Message(role=Role.ASSISTANT, parts=(), sampled=tokens)
                conversations[place] += [reply, script.result(numbers[place], turn)]
    return total


def _generate(
    model: LoadedModel, script: _Script, conversations: Sequence[Conversation]
) -> list[tuple[int, ...]]:
    """One reply to each conversation, by transformers."""
    encoder, module = model.codec.encoder, model.module
    end, blank = encoder.control["<|im_end|>"], encoder.control["<|endoftext|>"]
    rows = [
        [
            *(one for message in conversation for one in model.codec.encode_message(message).ids),
            *model.codec.opening(),
        ]
        for conversation in conversations
    ]
    longest = max(map(len, rows))
    ids = torch.full((len(rows), longest), blank)
    mask = torch.zeros_like(ids)
    for place, row in enumerate(rows):
        ids[place, longest - len(row) :] = torch.tensor(row)
        mask[place, longest - len(row) :] = 1
    refs: list[ImageRef] = [
        image.ref
        for conversation in conversations
        for message in conversation
        for image in shown_images(message)
    ]
    cut = [model.pictures.cut(ref, script.media.load) for ref in refs]
    with torch.inference_mode():
        made = module.generate(
            input_ids=ids,
            attention_mask=mask,
            pixel_values=torch.from_numpy(np.concatenate([one.pixel_values for one in cut])),
            image_grid_thw=torch.tensor([list(one.grid) for one in cut]),
            mm_token_type_ids=(ids == module.config.image_token_id).int(),
            do_sample=True,
            temperature=_TEMPERATURE,
            top_k=0,
            top_p=1.0,
            max_new_tokens=script.sizes.reply_tokens,
            suppress_tokens=list(model.vocabulary.forbidden_ids),
            eos_token_id=end,
            pad_token_id=blank,
        )
    assert isinstance(made, torch.Tensor)
    replies: list[tuple[int, ...]] = []
    for row in made[:, longest:].tolist():
        stop = row.index(end) + 1 if end in row else len(row)
        replies.append(tuple(row[:stop]))
    return replies


def _picture(seed: int) -> bytes:
    rng = np.random.default_rng(seed)
    pixels = rng.integers(0, 256, (96 + 32 * (seed % 3), 128, 3), dtype=np.uint8)
    buffer = io.BytesIO()
    PilImage.fromarray(pixels).save(buffer, "PNG")
    return buffer.getvalue()
