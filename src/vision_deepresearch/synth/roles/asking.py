"""Asks a model to play a role: prompt, case, strict reading, one more try that quotes the fault.

What a reply costs: a refusal, or a reply that cannot be used even after the fault was quoted, costs
the record (`ModelError`, refused or bad_reply); an outage travels on as it is and is tried again by
the engine. Each call has a place of its own on the tape.
"""

from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum
from typing import TypeVar

from vision_deepresearch.core.content import Message, Role, trusted, untrusted
from vision_deepresearch.core.context import CallContext, SpendKind
from vision_deepresearch.core.errors import FailureKind, ModelError
from vision_deepresearch.core.protocols import Completion, FinishReason, ModelClient, Sampling
from vision_deepresearch.core.record import Record
from vision_deepresearch.core.untrusted import neutralise
from vision_deepresearch.synth.prompt_files import Prompt, prompt_named
from vision_deepresearch.synth.roles.layout import Piece, lay_out
from vision_deepresearch.synth.roles.replies import UnfitReplyError, read_reply

VERSION = 1
"""Raised when the same reply would be read as something else; a part of every role's name."""
MAX_ASKS = 2
"""The first time, and once more with the fault quoted. Our default."""
_MAX_TOKENS = 2_048
_QUOTED_CHARS = 4_000
"""Of a reply that is shown to the model again."""

ReplyT = TypeVar("ReplyT", bound=Record)
ResultT = TypeVar("ResultT")


class Slot(StrEnum):
    """What is asked; its position is a part of the place of a call on the tape: only append."""

    SELECT = "select_picture"
    SPOT = "spot_things"
    RECOGNISE = "recognise_thing"
    ASK = "ask_name"
    KEYWORDS_CHAIN = "keywords_chain"
    KEYWORDS_REPLACE = "keywords_replace"
    CHAIN = "propose_chain"
    REPLACE = "propose_replace"
    CHOOSE = "choose_candidate"
    ANSWER_BLIND = "answer_blind"
    ANSWER_FROM_PAGES = "answer_from_pages"
    OBJECT = "object_to_question"
    HIT = "judge_hit"
    DESCRIBE = "describe_picture"
    TOPIC = "find_topic"
    REPLACE_NAMED = "replace_named"


_PLACES = {slot: place for place, slot in enumerate(Slot)}
_SLOTS = 64
"""Room for slots: more of them move no call to another place."""


class Asker:
    """One prompt put to one model."""

    def __init__(
        self,
        model: ModelClient,
        slot: Slot,
        *,
        temperature: float = 0.0,
        max_tokens: int = _MAX_TOKENS,
        spend: SpendKind = SpendKind.MODEL_CALL,
        addition: str | None = None,
    ) -> None:
        """Read the prompt, which is named as the slot.

        Args:
            model: wrapped in a tape by who wants replies to be kept, under the same `spend`.
            slot: what is asked.
            temperature: of sampling.
            max_tokens: of a reply.
            spend: under which kind calls are counted.
            addition: name of a prompt that is told after the slot's own; None: nothing is.
        """
        self._model = model
        self._slot = slot
        self._prompt = prompt_named(slot.value)
        self._addition = prompt_named(addition) if addition is not None else None
        self._again = prompt_named("ask_again")
        self._sampling = Sampling(temperature=temperature, max_tokens=max_tokens)
        self._spend = spend

    @property
    def name(self) -> str:
        """Model, prompts and version, for example "openai:x+spot_things@3f0c9a1b+..."."""
        prompts = [self._prompt, *([self._addition] if self._addition else []), self._again]
        return "+".join([self._model.name, *(one.label for one in prompts), f"v{VERSION}"])

    async def ask(
        self,
        pieces: Sequence[Piece],
        *,
        shape: type[ReplyT],
        read: Callable[[ReplyT, bool], ResultT],
        context: CallContext,
        fill: Mapping[str, str] | None = None,
        seed: int | None = None,
    ) -> ResultT:
        """Ask, and ask once more where the reply cannot be used.

        Args:
            pieces: what the model is shown.
            shape: of the reply.
            read: makes the result; raises `UnfitReplyError`. Told whether this was the last try, in
                which it may keep what is right of a list.
            context: the caller; two calls at the same context need different slots.
            fill: numbers of the prompt, by the word in braces.
            seed: of sampling.

        Raises:
            ModelError: the model refused, gave nothing usable, or failed.
        """
        sampling = self._sampling.model_copy(
            update={"seed": seed, "reply_schema": shape.model_json_schema()}
        )
        instructions = _filled(self._prompt, fill or {})
        if self._addition is not None:
            instructions += f"\n\n{self._addition.text}"
        conversation = [
            Message(role=Role.SYSTEM, parts=(trusted(instructions),)),
            lay_out(pieces),
        ]
        fault = ""
        for number in range(MAX_ASKS):
            at = self._place(context, number)
            completion = await self._complete(conversation, sampling=sampling, context=at)
            try:
                return read(self._read(completion, shape), number == MAX_ASKS - 1)
            except UnfitReplyError as unfit:
                fault = str(unfit)
            conversation += self._asked_again(completion, fault=fault)
        msg = f"{self._slot.value}: {MAX_ASKS} replies could not be used; the last: {fault}"
        raise ModelError(FailureKind.BAD_REPLY, msg)

    def _place(self, context: CallContext, number: int) -> CallContext:
        """Where a call stands on the tape: no two of a record stand at the same place."""
        index = (context.index * _SLOTS + _PLACES[self._slot] + 1) * MAX_ASKS + number
        return context.at(turn=context.turn, index=index)

    def _read(self, completion: Completion, shape: type[ReplyT]) -> ReplyT:
        if completion.finish is FinishReason.CONTENT_FILTER:
            msg = f"{self._slot.value}: the model would not answer"
            raise ModelError(FailureKind.REFUSED, msg)
        if completion.finish is FinishReason.LENGTH:
            msg = f"the reply was cut after {self._sampling.max_tokens:,} tokens: be brief"
            raise UnfitReplyError(msg)
        return read_reply(completion.text, shape)

    async def _complete(
        self, conversation: Sequence[Message], *, sampling: Sampling, context: CallContext
    ) -> Completion:
        context.budget.reserve(self._spend)
        completion = await self._model.complete(
            tuple(conversation), tools=(), sampling=sampling, context=context
        )
        context.budget.add_cost(completion.usage.cost_usd)
        return completion

    def _asked_again(self, completion: Completion, *, fault: str) -> list[Message]:
        before, _, after = self._again.text.partition("{fault}")
        said = neutralise(completion.text, max_chars=_QUOTED_CHARS)
        parts = (trusted(before), untrusted(neutralise(fault, max_chars=1_000)), trusted(after))
        return [
            Message(role=Role.ASSISTANT, parts=(untrusted(said),)),
            Message(role=Role.USER, parts=parts),
        ]


def _filled(prompt: Prompt, fill: Mapping[str, str]) -> str:
    text = prompt.text
    for word, value in fill.items():
        assert f"{{{word}}}" in text, f"{prompt.name} has no place for {word}"
        text = text.replace(f"{{{word}}}", value)
    return text
