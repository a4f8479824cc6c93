"""A conversation as token ids, span by span: text from outside never becomes a control id.

    trusted text, marks of the chat template   the tokenizer with its added tokens
    text from outside                          the same tokenizer without them: plain text always
    what the policy sampled                    its ids as they were, never decoded and encoded again
    a reply without sampled ids                plain text but for the tags of our protocol
    a picture                                  a run of its placeholder id

Afterwards control ids are counted in the result and, apart from that, in what was to be placed; a
difference refuses the prompt. Knows no torch: a `tokenizers.Tokenizer` is enough.
Source: measured with tokenizers 0.23.3; `encode_special_tokens` leaves `<tool_call>` a control id.
"""

import json
import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

from vision_deepresearch.core.content import Conversation, Image, Message, Role, Text
from vision_deepresearch.core.errors import ConfigError
from vision_deepresearch.core.integrity import PromptIntegrityError

if TYPE_CHECKING:
    from tokenizers import Tokenizer

REPLY_TAGS = ("<think>", "</think>", "<tool_call>", "</tool_call>")
"""Of our protocol: in a reply that nobody sampled here they are the model's own."""
_SURROGATES = re.compile("[\ud800-\udfff]")


class SpanKind(StrEnum):
    """Where a run of ids comes from."""

    TEMPLATE = "template"
    UNTRUSTED = "untrusted"
    SAMPLED = "sampled"
    REPLY = "reply"
    PICTURE = "picture"


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatMarks:
    """The marks of a chat template of the ChatML family (Qwen and others)."""

    start: str = "<|im_start|>"
    end: str = "<|im_end|>"
    vision_start: str = "<|vision_start|>"
    vision_end: str = "<|vision_end|>"
    picture: str = "<|image_pad|>"
    """One of its ids stands for each token of a picture."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """A run of ids: `ids[start:end]` of its prompt."""

    kind: SpanKind
    start: int
    end: int


@dataclass(frozen=True, slots=True, kw_only=True)
class EncodedPrompt:
    """A prompt as ids, and where each came from. The spans cover the ids without a gap."""

    ids: tuple[int, ...]
    spans: tuple[Span, ...]


@dataclass(slots=True)
class _Draft:
    """A prompt in the making, with what is to be placed counted beside it."""

    ids: list[int] = field(default_factory=list)
    spans: list[Span] = field(default_factory=list)
    placed: Counter[int] = field(default_factory=Counter)
    template: str = ""
    """Trusted text that is not encoded yet: neighbours are encoded as one, as in a whole prompt."""

    def add(self, kind: SpanKind, ids: list[int]) -> None:
        if ids:
            start = len(self.ids)
            self.ids += ids
            self.spans.append(Span(kind=kind, start=start, end=len(self.ids)))


class SpanEncoder:
    """Encodes with one tokenizer. Cost: as encoding plain text, twice the memory of its tables."""

    def __init__(self, tokenizer: "Tokenizer", *, marks: ChatMarks | None = None) -> None:
        """Take the tokenizer apart.

        Args:
            tokenizer: with its added tokens; of a transformers tokenizer its `backend_tokenizer`.
            marks: of its chat template.

        Raises:
            ConfigError: the marks are no added tokens of this tokenizer.
        """
        self._whole = tokenizer
        self.marks = marks or ChatMarks()
        """Of the chat template."""
        spec = json.loads(tokenizer.to_str())
        added = spec["added_tokens"]
        self.control: dict[str, int] = {one["content"]: one["id"] for one in added}
        """Every added token by its text: control tokens and tags, special or not."""
        self._control_ids = frozenset(self.control.values())
        self._special = {one["id"] for one in added if one["special"]}
        self._plain = type(tokenizer).from_str(json.dumps(spec | {"added_tokens": []}))
        literals = sorted(self.control, key=len, reverse=True)
        self._literal = re.compile("|".join(map(re.escape, literals)) or r"(?!)")
        tags = [tag for tag in REPLY_TAGS if tag in self.control]
        self._tag = re.compile("(" + "|".join(map(re.escape, tags)) + ")" if tags else r"(?!)")
        for mark in (self.marks.start, self.marks.end):
            if mark not in self.control:
                msg = (
                    f"a tokenizer with the added token {mark!r} was expected, got one with "
                    f"{len(added)} others: name the marks of its chat template"
                )
                raise ConfigError(msg)

    @property
    def forbidden_ids(self) -> frozenset[int]:
        """Ids a policy must never sample: special tokens but the end of its turn."""
        return frozenset(self._special - {self.control[self.marks.end]})

    def encode_untrusted(self, text: str) -> list[int]:
        """Text from outside as plain text, whatever it spells; lone surrogates become U+FFFD.

        Raises:
            PromptIntegrityError: this tokenizer makes a control id of plain text even so.
        """
        text = _SURROGATES.sub("\ufffd", text)
        ids = self._encode(self._plain, text)
        if self._control_in(ids):
            # A vocabulary may hold a literal as a word of its own: no part of it is one.
            ids = [one for half in self._halves(text) for one in self._encode(self._plain, half)]
        if forged := self._control_in(ids):
            raise PromptIntegrityError(forged.total())
        return ids

    def encode(
        self,
        conversation: Conversation,
        *,
        num_picture_tokens: Callable[[Image], int],
        opens_reply: bool = True,
    ) -> EncodedPrompt:
        """A conversation as ids.

        Args:
            conversation: without tool roles and call fields (see `models.chat_text.as_text`).
            num_picture_tokens: how many ids a picture takes, as its processor says.
            opens_reply: whether the beginning of the assistant's next message follows.

        Raises:
            PromptIntegrityError: a control id stands there that nobody placed, or one is missing.
            ValueError: a message with tool calls or of role `tool`.
        """
        draft = _Draft()
        for message in conversation:
            self._add_message(draft, message, num_picture_tokens=num_picture_tokens)
        if opens_reply:
            draft.template += f"{self.marks.start}{Role.ASSISTANT.value}\n"
        self._add(draft, SpanKind.TEMPLATE, [])
        self._check(draft)
        return EncodedPrompt(ids=tuple(draft.ids), spans=tuple(draft.spans))

    def _add_message(
        self, draft: _Draft, message: Message, *, num_picture_tokens: Callable[[Image], int]
    ) -> None:
        if message.role is Role.TOOL or message.tool_calls:
            msg = (
                f"messages of text and pictures were expected, got role {message.role.value!r} with "
                f"{len(message.tool_calls)} tool calls: turn them into text with chat_text.as_text"
            )
            raise ValueError(msg)
        draft.template += f"{self.marks.start}{message.role.value}\n"
        if message.sampled is not None:
            self._add_sampled(draft, list(message.sampled.ids))
            return
        for part in _joined(message):
            if isinstance(part, Image):
                self._add_picture(draft, num_picture_tokens(part))
            elif part.trusted:
                draft.template += part.text
            elif message.role is Role.ASSISTANT:
                self._add_reply(draft, part.text)
            else:
                self._add(draft, SpanKind.UNTRUSTED, self.encode_untrusted(part.text))
        draft.template += f"{self.marks.end}\n"

    def _add(self, draft: _Draft, kind: SpanKind, ids: list[int]) -> None:
        """The template so far, then these."""
        text, draft.template = draft.template, ""
        draft.placed.update(self.control[found[0]] for found in self._literal.finditer(text))
        draft.add(SpanKind.TEMPLATE, self._encode(self._whole, text))
        draft.add(kind, ids)

    def _add_sampled(self, draft: _Draft, ids: list[int]) -> None:
        """The ids, and the end of the turn where the policy was stopped before it said so."""
        draft.placed.update(one for one in ids if one in self._control_ids)
        self._add(draft, SpanKind.SAMPLED, ids)
        has_end = bool(ids) and ids[-1] == self.control[self.marks.end]
        draft.template += "\n" if has_end else f"{self.marks.end}\n"

    def _add_reply(self, draft: _Draft, text: str) -> None:
        ids: list[int] = []
        for piece in self._tag.split(text):
            if piece in REPLY_TAGS and piece in self.control:
                ids.append(self.control[piece])
                draft.placed[self.control[piece]] += 1
            else:
                ids += self.encode_untrusted(piece)
        self._add(draft, SpanKind.REPLY, ids)

    def _add_picture(self, draft: _Draft, num_tokens: int) -> None:
        marks = self.marks
        draft.template += marks.vision_start
        pad = self.control[marks.picture]
        draft.placed[pad] += num_tokens
        self._add(draft, SpanKind.PICTURE, [pad] * num_tokens)
        draft.template += marks.vision_end

    def _check(self, draft: _Draft) -> None:
        found = self._control_in(draft.ids)
        if found != +draft.placed:
            difference = (found - draft.placed) + (draft.placed - found)
            raise PromptIntegrityError(difference.total())

    def _control_in(self, ids: list[int]) -> Counter[int]:
        return Counter(one for one in ids if one in self._control_ids)

    def _halves(self, text: str) -> Iterator[str]:
        """The text cut behind the first character of every literal."""
        at = 0
        for found in self._literal.finditer(text):
            cut = found.start() + 1
            yield text[at:cut]
            at = cut
        yield text[at:]

    @staticmethod
    def _encode(tokenizer: "Tokenizer", text: str) -> list[int]:
        ids: list[int] = tokenizer.encode(text, add_special_tokens=False).ids
        return ids


def _joined(message: Message) -> Iterator[Text | Image]:
    """The parts, neighbouring runs of one trust as one: no id depends on how text was cut up."""
    held: list[str] = []
    trust = False
    for part in message.parts:
        if held and (isinstance(part, Image) or part.trusted != trust):
            yield Text(text="".join(held), trusted=trust)
            held.clear()
        if isinstance(part, Image):
            yield part
        else:
            held.append(part.text)
            trust = part.trusted
    if held:
        yield Text(text="".join(held), trusted=trust)
