"""A local model as a `ModelClient`: conversation in, reply with its sampled tokens out.

A trajectory's stream only grows: each message is encoded once, replies keep the ids that were
sampled. Where a reply would go on with an observation it invents, it is cut between two ids.
"""

import asyncio
import hashlib
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from vision_deepresearch.core.content import (
    Conversation,
    ImageRef,
    Message,
    Picture,
    Role,
    SampledTokens,
    TokenStop,
    ToolSpec,
)
from vision_deepresearch.core.context import CallContext
from vision_deepresearch.core.errors import BadImageError, FailureKind, ModelError
from vision_deepresearch.core.protocols import (
    Completion,
    FinishReason,
    Sampling,
    TokenCounter,
    TokenEngine,
)
from vision_deepresearch.core.trajectory import TokenTrace, Usage
from vision_deepresearch.models.chat_text import TEXT_STOP, as_text, with_calls
from vision_deepresearch.models.codec.trace import Codec, shown_images
from vision_deepresearch.models.codec.vocabulary import Vocabulary
from vision_deepresearch.models.local.sampling import derived_seed
from vision_deepresearch.models.profiles.tags import scan

_MAX_STREAMS = 4_096
"""Streams remembered; trajectories that never ended (cancelled ones) are forgotten in this order."""


@dataclass(slots=True)
class _Stream:
    """What one trajectory's tokens are so far. Mutable."""

    messages: list[Message] = field(default_factory=list)
    ids: list[npt.NDArray[np.int32]] = field(default_factory=list)
    """Per message."""
    said: npt.NDArray[np.int32] = field(default_factory=lambda: np.zeros(0, dtype=np.int32))
    """The last prompt and the reply to it: what the next prompt begins with."""
    is_broken: bool = False
    """Whether a prompt did not go on from what was said, as when old results are dropped."""


class LocalClient:
    """Speaks for one checkpoint. Serves any number of trajectories at once."""

    def __init__(
        self,
        engine: TokenEngine,
        *,
        codec: Codec,
        vocabulary: Vocabulary,
        load: Callable[[ImageRef], bytes],
        name: Callable[[], str],
    ) -> None:
        """Wrap an engine.

        Args:
            engine: samples.
            codec: of its checkpoint.
            vocabulary: of the same.
            load: gives the bytes of stored pictures.
            name: for records; it names the weights as they are.
        """
        self._engine = engine
        self._codec = codec
        self._vocabulary = vocabulary
        self._load = load
        self._name = name
        self._opening = np.asarray(codec.opening(), dtype=np.int32)
        self._end = codec.encoder.control[codec.encoder.marks.end]
        self._streams: OrderedDict[tuple[str, bytes], _Stream] = OrderedDict()
        self.num_encoded = 0
        """Messages that were encoded: grows with the messages, not with the turns (P73)."""

    @property
    def name(self) -> str:
        """Checkpoint and weights as they are now."""
        return self._name()

    @property
    def engine(self) -> TokenEngine:
        """What samples: training gives it new weights."""
        return self._engine

    @property
    def counter(self) -> TokenCounter:
        """Counts messages with this checkpoint's tokenizer."""
        return CodecCounter(self._codec)

    async def complete(
        self,
        conversation: Conversation,
        *,
        tools: Sequence[ToolSpec],
        sampling: Sampling,
        context: CallContext,
    ) -> Completion:
        """Sample the next reply.

        Raises:
            ModelError: the prompt does not fit, a picture cannot be shown, or the engine failed.
            PromptIntegrityError: the prompt holds a control token that no template placed.
        """
        messages = _plain(conversation, tools=tools)
        try:
            stream, prompt = await asyncio.to_thread(self._extend, messages, context)
        except BadImageError as error:
            raise ModelError(FailureKind.BAD_IMAGE, str(error)) from error
        seed = derived_seed(
            sampling.seed, context.task_id, context.attempt, context.turn, context.index
        )
        stop = (*sampling.stop, TEXT_STOP) if tools else sampling.stop
        tokens = await self._engine.generate(
            _request_id(context, messages),
            prompt_ids=prompt.tolist(),
            images=[
                self._picture(one.ref) for message in messages for one in shown_images(message)
            ],
            sampling=sampling.model_copy(update={"seed": seed, "stop": stop}),
        )
        tokens, text = self._without_inventions(tokens)
        stream.said = np.concatenate([prompt, np.asarray(tokens.ids, dtype=np.int32)])
        completion = Completion(
            text=text,
            finish=_FINISH[tokens.stop or TokenStop.ABORTED],
            usage=Usage(prompt_tokens=len(prompt), completion_tokens=len(tokens.ids), cost_usd=0.0),
            tokens=tokens,
            model=self.name,
        )
        return with_calls(completion) if tools else completion

    def trace(
        self, conversation: Conversation, *, tools: Sequence[ToolSpec], context: CallContext
    ) -> TokenTrace | None:
        """The token stream of a trajectory that is over; what was kept for it is freed.

        Returns:
            None: the stream did not only grow, so it is not what the replies were sampled from.
        """
        messages = _plain(conversation, tools=tools)
        if not messages:
            return None
        stream = self._streams.pop(_key(context, messages), None)
        self._engine.forget(_request_id(context, messages))
        trace = self._codec.trace(messages)
        if stream is None:  # every reply was replayed
            return trace
        said = stream.said
        is_same = np.array_equal(np.asarray(trace.ids[: len(said)], dtype=np.int32), said)
        return trace if is_same and not stream.is_broken else None

    def _extend(
        self, messages: Sequence[Message], context: CallContext
    ) -> tuple[_Stream, npt.NDArray[np.int32]]:
        """Encode what is new; returns the trajectory's stream and the prompt. Runs in a thread."""
        key = _key(context, messages)
        if context.turn == 0:
            self._streams.pop(key, None)
        stream = self._streams.setdefault(key, _Stream())
        self._streams.move_to_end(key)
        same = 0
        for old, new in zip(stream.messages, messages, strict=False):
            if old is not new and old != new:
                break
            same += 1
        del stream.messages[same:], stream.ids[same:]
        for message in messages[same:]:
            encoded = self._codec.encode_message(message).ids
            stream.messages.append(message)
            stream.ids.append(np.asarray(encoded, dtype=np.int32))
            self.num_encoded += 1
        prompt = np.concatenate([*stream.ids, self._opening])
        if not np.array_equal(prompt[: len(stream.said)], stream.said):
            stream.is_broken = True
        while len(self._streams) > _MAX_STREAMS:
            self._streams.popitem(last=False)
        return stream, prompt

    def _without_inventions(self, tokens: SampledTokens) -> tuple[SampledTokens, str]:
        """A reply up to the first observation it invents, cut between two ids, and its text.

        The profile would cut the text there; ids that went on would no longer stand for it.
        """
        ids = list(tokens.ids)
        text = self._text(ids)
        kept = scan(text).kept
        while text != kept:
            while not kept.startswith(self._text(ids)):
                ids.pop()
            text = self._text(ids)
            kept = scan(text).kept
        if len(ids) == len(tokens.ids):
            return tokens, text
        update = {
            "ids": tuple(ids),
            "logprobs": tokens.logprobs[: len(ids)],
            "stop": TokenStop.STOP_ID,
        }
        return tokens.model_copy(update=update), text

    def _text(self, ids: Sequence[int]) -> str:
        """Text of a reply, the end of its turn left out."""
        return self._vocabulary.text(ids[:-1] if ids and ids[-1] == self._end else ids)

    def _picture(self, ref: ImageRef) -> Picture:
        return Picture(ref=ref, load=lambda: self._load(ref))


class CodecCounter:
    """A `TokenCounter` that encodes: exact, pictures included."""

    def __init__(self, codec: Codec) -> None:
        self._codec = codec

    @property
    def name(self) -> str:
        """The word that stands in `Trajectory.counted_by`."""
        return "tokenizer"

    def count(self, message: Message) -> int:
        """Tokens of the message; 0 for one that cannot be encoded, which the model call refuses."""
        try:
            plain = _plain([message], tools=())
            return sum(len(self._codec.encode_message(one).ids) for one in plain)
        except BadImageError:
            return 0


_FINISH = {
    TokenStop.EOS: FinishReason.STOP,
    TokenStop.STOP_ID: FinishReason.STOP,
    TokenStop.LENGTH: FinishReason.LENGTH,
    TokenStop.ABORTED: FinishReason.LENGTH,
}


def _plain(conversation: Conversation, *, tools: Sequence[ToolSpec]) -> Sequence[Message]:
    """Messages of text and pictures: tool roles and call fields, where there are any, as text."""
    has_calls = any(one.role is Role.TOOL or one.tool_calls for one in conversation)
    return as_text(conversation, tools=tools) if tools or has_calls else conversation


def _key(context: CallContext, messages: Sequence[Message]) -> tuple[str, bytes]:
    """A trajectory's own stream: a model that also reads pages for it has another first message."""
    first = messages[0].model_dump_json().encode() if messages else b""
    return context.trajectory_id, hashlib.sha256(first).digest()[:8]


def _request_id(context: CallContext, messages: Sequence[Message]) -> str:
    name, first = _key(context, messages)
    return f"{name}/{first.hex()}"
