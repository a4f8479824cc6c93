"""The engine: who shares what, who waits for whom, and what is refused."""

import asyncio
import io
import math
import random
import threading
from collections.abc import Sequence

import pytest

pytest.importorskip("torch")
pytest.importorskip("transformers")
import torch
from PIL import Image as PilImage
from PIL import ImageOps

from tests.models.local.tiny_policy import (
    MEDIA,
    PICTURES,
    TinyPolicy,
    a_context,
    a_model,
    a_policy,
    a_prompt,
    a_rollout,
)
from vision_deepresearch.core.content import (
    Conversation,
    Image,
    Message,
    Role,
    SampledTokens,
    TokenStop,
    trusted,
    untrusted,
)
from vision_deepresearch.core.errors import FailureKind, ModelError
from vision_deepresearch.core.protocols import (
    Completion,
    FinishReason,
    Sampling,
)
from vision_deepresearch.models.local.client import LocalClient
from vision_deepresearch.models.local.engine import LocalEngine, OnUpdate
from vision_deepresearch.models.local.sampling import pick
from vision_deepresearch.models.profiles.vdr import VdrProfile

MODEL = a_model()
PROMPT = a_prompt(random.Random(4))


def ids_of(conversation: Conversation) -> list[int]:
    pieces = [one for message in conversation for one in MODEL.codec.encode_message(message).ids]
    return [*pieces, *MODEL.codec.opening()]


async def asked(
    engine: LocalEngine,
    name: str = "a",
    *,
    conversation: Conversation = PROMPT,
    max_tokens: int = 8,
    stop: tuple[str, ...] = (),
    seed: int = 1,
) -> SampledTokens:
    images = [MEDIA.picture(image.ref) for message in conversation for image in message.images]
    return await engine.generate(
        name,
        prompt_ids=ids_of(conversation),
        images=images,
        sampling=Sampling(max_tokens=max_tokens, seed=seed, stop=stop),
    )


async def sampling(engine: LocalEngine, *, least: int = 1) -> None:
    """Wait until the engine's thread has sampled so many tokens; it tells nobody."""
    while engine.counts.sampled_tokens < least:  # noqa: ASYNC110 - a count of another thread
        await asyncio.sleep(0.001)


async def test_siblings_feed_their_prompt_once() -> None:
    async with LocalEngine(MODEL) as engine, asyncio.TaskGroup() as group:
        tasks = [
            group.create_task(asked(engine, f"s{seed}", seed=seed, max_tokens=30))
            for seed in range(6)
        ]
        await asyncio.wait(tasks)
        counts = engine.counts
    length = len(ids_of(PROMPT))
    assert counts.prefilled_tokens == length + 5, "the last token of each sibling's, for its logits"
    assert counts.reused_tokens == 5 * (length - 1)
    assert len({task.result().ids for task in tasks}) == 6


async def test_a_sample_is_the_same_alone_and_among_others() -> None:
    async with LocalEngine(MODEL) as engine:
        alone = await asked(engine, "a", seed=5)
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(asked(engine, f"b{n}", seed=n)) for n in range(8)]
    assert tasks[5].result().ids == alone.ids
    assert tasks[5].result().logprobs == pytest.approx(alone.logprobs, abs=1e-5)


@pytest.mark.pitfall("P61")
async def test_another_picture_of_the_same_size_is_not_taken_for_the_cached_one() -> None:
    first = Image(ref=PICTURES[0])
    twin = MEDIA.put(_mirrored(MEDIA.load(PICTURES[0])))
    async with LocalEngine(MODEL) as engine:
        one = await asked(engine, conversation=_question(first))
        other = await asked(engine, conversation=_question(Image(ref=twin)))
        fresh = await asked(engine, "new", conversation=_question(Image(ref=twin)))
    assert ids_of(_question(first)) == ids_of(_question(Image(ref=twin)))
    assert other.logprobs == pytest.approx(fresh.logprobs, abs=1e-5)
    assert other.logprobs != pytest.approx(one.logprobs, abs=1e-4)


@pytest.mark.parametrize("policy", list(OnUpdate))
async def test_new_weights_come_between_two_tokens(policy: OnUpdate) -> None:
    async with LocalEngine(MODEL) as engine:
        open_reply = asyncio.create_task(asked(engine, max_tokens=120))
        await sampling(engine)
        seen: list[int] = []
        await engine.update_weights(
            1, apply=lambda: seen.append(engine.counts.sampled_tokens), policy=policy
        )
        reply = await open_reply
        later = await asked(engine, "later")
    assert later.version_min == later.version_max == 1
    match policy:
        case OnUpdate.WAIT:
            assert (reply.version_min, reply.version_max, len(reply.ids)) == (0, 0, seen[0])
        case OnUpdate.RESUME:
            assert (reply.version_min, reply.version_max) == (0, 1)
            assert len(reply.ids) > seen[0]
        case OnUpdate.ABORT:
            assert reply.stop is TokenStop.ABORTED
            assert (reply.version_max, len(reply.ids)) == (0, seen[0])


async def test_a_reply_goes_on_under_new_keys_and_values_as_if_nothing_had_been() -> None:
    """Resumed under the same weights: the same ids."""
    async with LocalEngine(MODEL) as engine:
        whole = await asked(engine, "whole", max_tokens=60)
        torn = asyncio.create_task(asked(engine, "torn", max_tokens=60))
        before = engine.counts.sampled_tokens
        await sampling(engine, least=before + 3)
        await engine.update_weights(1, policy=OnUpdate.RESUME)
        found = await torn
    assert found.ids == whole.ids
    assert found.logprobs == pytest.approx(whole.logprobs, abs=1e-5)


async def test_weights_that_cannot_be_put_in_leave_the_old_ones() -> None:
    def broken() -> None:
        msg = "no such file"
        raise ValueError(msg)

    async with LocalEngine(MODEL, version=3) as engine:
        with pytest.raises(ValueError, match="no such file"):
            await engine.update_weights(4, apply=broken)
        assert (await asked(engine)).version_max == 3


async def test_a_caller_that_goes_away_frees_its_row_and_hurts_nobody() -> None:
    async with LocalEngine(MODEL, max_rows=1) as engine:
        long = asyncio.create_task(asked(engine, "long", max_tokens=4_000))
        await sampling(engine)
        short = asyncio.create_task(asked(engine, "short"))
        await asyncio.sleep(0.01)
        long.cancel()
        assert len((await short).ids) > 0
        with pytest.raises(asyncio.CancelledError):
            await long


async def test_what_does_not_fit_is_refused_with_its_reason() -> None:
    async with LocalEngine(MODEL) as engine:
        with pytest.raises(ModelError) as failed:
            await engine.generate(
                "a", prompt_ids=[5] * 65_536, images=(), sampling=Sampling(max_tokens=1)
            )
        assert failed.value.kind is FailureKind.TOO_LARGE
        with pytest.raises(ModelError, match="placeholders") as failed:
            await engine.generate(
                "a",
                prompt_ids=ids_of(_question(Image(ref=PICTURES[0]))),
                images=(),
                sampling=Sampling(max_tokens=1),
            )
        assert failed.value.kind is FailureKind.BAD_REQUEST
    with pytest.raises(ModelError, match="not running"):
        await asked(engine)


async def test_open_replies_of_a_closed_engine_fail() -> None:
    engine = LocalEngine(MODEL)
    engine.start()
    open_reply = asyncio.create_task(asked(engine, max_tokens=4_000))
    await sampling(engine)
    await engine.aclose()
    with pytest.raises(ModelError, match="closed"):
        await open_reply


async def test_weights_of_no_number_fail_the_reply_and_not_the_engine() -> None:
    model = a_model()
    async with LocalEngine(model) as engine:
        weight = model.module.model.language_model.norm.weight

        def spoil() -> None:
            with torch.no_grad():
                weight.fill_(float("nan"))

        await engine.update_weights(1, apply=spoil)
        with pytest.raises(ModelError, match="finite"):
            await asked(engine)
        assert engine.counts.failed == 1


@pytest.mark.pitfall("P77")
def test_forbidden_ids_are_never_picked_however_likely() -> None:
    logits = torch.zeros(4, MODEL.vocabulary.num_ids)
    forbidden = torch.zeros(MODEL.vocabulary.num_ids, dtype=torch.bool)
    forbidden[list(MODEL.vocabulary.forbidden_ids)] = True
    logits[:, forbidden] = 50.0
    for mark in ("<|image_pad|>", "<|video_pad|>", "<|vision_start|>", "<|im_start|>"):
        assert forbidden[MODEL.codec.encoder.control[mark]]
    assert not forbidden[MODEL.codec.encoder.control["<|im_end|>"]]
    for place in range(200):
        ids, logprobs = pick(
            logits,
            temperatures=[0.0, 0.7, 1.0, 2.0],
            top_p=[1.0, 0.5, 1.0, 1.0],
            uniforms=[place / 200] * 4,
            forbidden=forbidden,
        )
        assert not forbidden[ids].any()
        num_free = int((~forbidden).sum())
        assert logprobs == pytest.approx([-math.log(num_free)] * 4, abs=1e-5)


def test_samples_have_the_probabilities_they_should_have() -> None:
    logits = torch.tensor([[0.0, 1.0, 2.0, 3.0]]).repeat(1, 1)
    expected = torch.softmax(logits[0] / 0.7, dim=-1)
    forbidden = torch.zeros(4, dtype=torch.bool)
    count = [0] * 4
    for place in range(4_000):
        ids, _ = pick(
            logits, temperatures=[0.7], top_p=[1.0], uniforms=[place / 4_000], forbidden=forbidden
        )
        count[ids[0]] += 1
    assert [one / 4_000 for one in count] == pytest.approx(expected.tolist(), abs=1e-3)


@pytest.mark.pitfall("P73")
async def test_a_long_trajectory_encodes_and_feeds_each_token_once() -> None:
    threads: set[int] = set()

    def note(*_: object) -> None:
        threads.add(threading.get_ident())

    async with a_policy() as policy:
        policy.model.module.model.register_forward_pre_hook(note)
        conversation = await a_rollout(policy, "long", turns=20, max_tokens=6)
        counts, encoded = policy.engine.counts, policy.client.num_encoded
        trace = policy.client.trace(conversation, tools=(), context=a_context("long"))
    assert trace is not None
    assert encoded == len(conversation) - 1, "each message once"
    assert counts.prefilled_tokens <= len(trace.ids), "each token of prompts once"
    assert len(threads) == 1, "one thread has all forward calls"
    assert threading.get_ident() not in threads, "and it is not the event loop's"


@pytest.mark.pitfall("P74")
async def test_a_trajectory_has_one_id_and_a_reader_of_pages_another() -> None:
    class Recorder:
        """Passes requests on and keeps their ids."""

        def __init__(self, engine: LocalEngine) -> None:
            self.engine = engine
            self.ids: list[str] = []

        async def generate(self, request_id: str, **rest: object) -> SampledTokens:
            self.ids.append(request_id)
            return await self.engine.generate(request_id, **rest)  # pyrefly: ignore

        def forget(self, request_id: str) -> None:
            self.engine.forget(request_id)

    policy = a_policy()
    recorder = Recorder(policy.engine)
    policy.client = LocalClient(
        recorder,
        codec=policy.model.codec,
        vocabulary=policy.model.vocabulary,
        load=MEDIA.load,
        name=lambda: "x",
    )
    async with policy:
        conversation = await a_rollout(policy, "one", turns=4)
        summary = [Message(role=Role.USER, parts=(untrusted("read this page"),))]
        await _say(policy, summary, turn=2)
        trace = policy.client.trace(conversation, tools=(), context=a_context("one"))
    assert len(set(recorder.ids[:4])) == 1
    assert recorder.ids[4] != recorder.ids[0]
    assert trace is not None, "the reader of pages did not break the trajectory's stream"


async def test_a_history_that_was_changed_gives_no_trace() -> None:
    async with a_policy() as policy:
        conversation = list(await a_rollout(policy, "one", turns=2))
        conversation[1] = Message(role=Role.USER, parts=(untrusted("something else"),))
        completion = await _say(policy, conversation[:-1], turn=2)
        assert completion.tokens is not None
        assert policy.client.trace(conversation, tools=(), context=a_context("one")) is None


@pytest.mark.pitfall("P4")
async def test_a_reply_that_invents_an_observation_is_cut_between_two_ids() -> None:
    encoder = MODEL.codec.encoder
    tail = "<tool_call>\n{}\n</tool_call>\n<tool_response>\nfake"
    scripted = {
        "as a tag": [*MODEL.tokenizer.encode("x " + tail).ids],
        "spelt out": encoder.encode_untrusted("x " + tail),
        "at once": [encoder.control["<tool_response>"]],
    }

    class Parrot:
        """An engine that says what it was told to."""

        def __init__(self, ids: Sequence[int]) -> None:
            self.said = SampledTokens(
                ids=tuple(ids), logprobs=(-1.0,) * len(ids), policy_version="0", stop=TokenStop.EOS
            )

        async def generate(self, request_id: str, **rest: object) -> SampledTokens:
            del request_id, rest
            return self.said

        def forget(self, request_id: str) -> None:
            del request_id

    for name, ids in scripted.items():
        client = LocalClient(
            Parrot(ids),
            codec=MODEL.codec,
            vocabulary=MODEL.vocabulary,
            load=MEDIA.load,
            name=lambda: "parrot",
        )
        completion = await client.complete(
            PROMPT, tools=(), sampling=Sampling(), context=a_context(name)
        )
        assert completion.tokens is not None
        assert "<tool_response>" not in completion.text
        assert completion.text == ("" if name == "at once" else "x <tool_call>\n{}\n</tool_call>\n")
        assert MODEL.vocabulary.text(completion.tokens.ids) == completion.text
        assert completion.finish is FinishReason.STOP
        parsed = VdrProfile().parse(completion, turn=0)
        assert parsed.message.sampled == completion.tokens, "the profile has nothing left to cut"


async def test_a_stop_string_ends_the_reply_behind_it() -> None:
    async with LocalEngine(MODEL) as engine:
        whole = await asked(engine, "a", max_tokens=30)
        text = MODEL.vocabulary.text(whole.ids)
        stop = text[4:7]
        cut = await asked(engine, "b", max_tokens=30, stop=(stop, "never"))
    shown = MODEL.vocabulary.text(cut.ids)
    assert cut.stop is TokenStop.STOP_ID
    assert whole.ids[: len(cut.ids)] == cut.ids
    assert stop in shown
    assert stop not in MODEL.vocabulary.text(cut.ids[:-1])


async def _say(policy: TinyPolicy, conversation: Conversation, *, turn: int) -> Completion:
    return await policy.client.complete(
        conversation,
        tools=(),
        sampling=Sampling(max_tokens=4),
        context=a_context("one", turn=turn),
    )


def _question(image: Image) -> list[Message]:
    return [Message(role=Role.USER, parts=(image, trusted("\n"), untrusted("What is it?")))]


def _mirrored(data: bytes) -> bytes:
    out = io.BytesIO()
    ImageOps.mirror(PilImage.open(io.BytesIO(data))).save(out, "PNG")
    return out.getvalue()
