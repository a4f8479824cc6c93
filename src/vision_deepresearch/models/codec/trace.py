"""A conversation as the token stream that training takes: ids, what is trained, who sampled it.

One function for SFT and RL: a turn the policy sampled keeps its ids; a turn of a teacher is encoded
once, here, by the same template (`codec.spans`), and is trained with the end mark behind it.

    sampled turn    loss on every sampled id; an end mark that the template added has none
    teacher's turn  loss on its text, its tags and its `<|im_end|>`; none where its flag says so
    all else        system, user, observations, pictures, template: no loss

Shapes: T = token.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from vision_deepresearch.core.content import Conversation, Image, ImageRef, Message, Role, untrusted
from vision_deepresearch.core.trajectory import TokenTrace
from vision_deepresearch.models.codec.positions import Grid
from vision_deepresearch.models.codec.spans import EncodedPrompt, SpanEncoder, SpanKind

TEACHER_VERSION = "teacher"
"""Policy version of tokens that no policy sampled."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Codec:
    """How conversations become tokens for one checkpoint: the one place that decides it."""

    encoder: SpanEncoder
    grid_of: Callable[[ImageRef], Grid]
    """How a picture is cut; see `codec.pictures`."""

    def encode_message(self, message: Message) -> EncodedPrompt:
        """A message with its marks. The stream is the messages' ids one after another.

        Each begins with a mark of the template, an added token, so no id depends on what stands
        before it: a message is encoded once however long its conversation grows (P73).

        Raises:
            PromptIntegrityError: it forges a control id.
            BadImageError: a picture that cannot be cut.
        """
        return self.encoder.encode(
            [_with_reasoning(message)],
            num_picture_tokens=self._num_tokens,
            opens_reply=False,
        )

    def opening(self) -> tuple[int, ...]:
        """What stands before a reply."""
        return self.encoder.encode([], num_picture_tokens=self._num_tokens).ids

    def trace(
        self, conversation: Conversation, *, trains: Sequence[bool] | None = None
    ) -> TokenTrace:
        """The stream of a whole conversation.

        Args:
            conversation: prompt, replies and results, in order.
            trains: per message, whether a reply is trained; None: all are.

        Raises:
            PromptIntegrityError: a control id that nobody placed.
            BadImageError: a picture that cannot be cut.
            ValueError: as many flags as messages were expected.
        """
        flags = [True] * len(conversation) if trains is None else list(trains)
        if len(flags) != len(conversation):
            msg = f"one flag per message was expected, got {len(flags)} for {len(conversation)}"
            raise ValueError(msg)
        draft = _Draft()
        end = self.encoder.control[self.encoder.marks.end]
        for message, flag in zip(conversation, flags, strict=True):
            encoded = self.encode_message(message)
            if message.role is Role.ASSISTANT:
                draft.add_reply(encoded, message, end=end, trains=flag)
            else:
                draft.add(encoded.ids)
        images = [image.ref for message in conversation for image in shown_images(message)]
        return TokenTrace(
            ids=tuple(draft.ids),
            loss_mask=tuple(draft.loss_mask),
            logprobs=tuple(draft.logprobs),
            versions=tuple(draft.versions),
            turn_index=tuple(draft.turn_index),
            images=tuple(images),
            grids=tuple(self.grid_of(ref) for ref in images),
        )

    def _num_tokens(self, image: Image) -> int:
        return self.grid_of(image.ref).num_tokens()


class _Draft:
    """A stream in the making; the lists grow together."""

    def __init__(self) -> None:
        self.ids: list[int] = []
        self.loss_mask: list[bool] = []
        self.logprobs: list[float] = []
        self.versions: list[str | None] = []
        self.turn_index: list[int] = []
        self._num_turns = 0

    def add(self, ids: Sequence[int], *, turn: int = -1) -> None:
        """Tokens without loss."""
        self.ids += ids
        self.loss_mask += [False] * len(ids)
        self.logprobs += [0.0] * len(ids)
        self.versions += [None] * len(ids)
        self.turn_index += [turn] * len(ids)

    def add_reply(
        self, encoded: EncodedPrompt, message: Message, *, end: int, trains: bool
    ) -> None:
        """A turn; its ids up to the end mark carry the turn's number."""
        turn, self._num_turns = self._num_turns, self._num_turns + 1
        start = len(self.ids)
        self.add(encoded.ids)
        sampled = message.sampled
        for span in encoded.spans:
            if span.kind not in {SpanKind.SAMPLED, SpanKind.REPLY}:
                continue
            first, last = start + span.start, start + span.end
            if sampled is None and self.ids[last] == end:
                last += 1
            length = last - first
            self.turn_index[first:last] = [turn] * length
            self.loss_mask[first:last] = [trains] * length
            version = TEACHER_VERSION if sampled is None else sampled.policy_version
            self.versions[first:last] = [version] * length
            if sampled is not None and trains:
                self.logprobs[first:last] = sampled.logprobs


def shown_images(message: Message) -> tuple[Image, ...]:
    """The pictures of a message that its ids hold; a reply that was sampled holds none."""
    return () if message.sampled is not None else message.images


def _with_reasoning(message: Message) -> Message:
    """Thinking from a field of its own put into its tags, as the template has it."""
    if message.reasoning is None or message.sampled is not None:
        return message
    thought = untrusted(f"<think>\n{message.reasoning}\n</think>\n\n")
    return message.model_copy(update={"parts": (thought, *message.parts), "reasoning": None})
