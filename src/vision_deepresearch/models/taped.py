"""A model whose replies are kept on a tape: a resumed attempt gets the same samples, for nothing.

A sample belongs to one place: task, attempt, turn and index are part of its key, beside the
conversation, the tools and the sampling. Siblings of a group never share one.
"""

import hashlib
import weakref
from collections.abc import Sequence

from pydantic import JsonValue

from vision_deepresearch.core.content import Conversation, ToolSpec
from vision_deepresearch.core.context import CallContext, SpendKind
from vision_deepresearch.core.errors import ModelError
from vision_deepresearch.core.integrity import PromptGuard
from vision_deepresearch.core.protocols import Completion, ModelClient, Sampling
from vision_deepresearch.core.record import Record
from vision_deepresearch.store.recording import Reply, Request
from vision_deepresearch.store.rows import exact_json
from vision_deepresearch.store.tape import Tape

VERSION = 2
"""Of requests and replies below; raised when either changes its meaning."""


class TapedModel:
    """Wraps a model client."""

    def __init__(
        self, model: ModelClient, tape: Tape, *, spend: SpendKind = SpendKind.MODEL_CALL
    ) -> None:
        """Wrap a client.

        Args:
            model: the client.
            tape: where replies are kept.
            spend: under which kind replays are noted; who calls the model reserves that kind.
        """
        self._model = model
        self._tape = tape
        self._spend = spend
        self.guard = PromptGuard()
        """Has looked at every prompt that was sent or replayed."""
        self._digests = _Digests()

    @property
    def name(self) -> str:
        """As the wrapped client."""
        return self._model.name

    async def complete(
        self,
        conversation: Conversation,
        *,
        tools: Sequence[ToolSpec],
        sampling: Sampling,
        context: CallContext,
    ) -> Completion:
        """As the wrapped client, or exactly the reply it gave at this place before, at no cost.

        Raises:
            ModelError: the endpoint failed, or nothing is recorded in a replay (tape_miss).
            PromptIntegrityError: the prompt holds a forged marker; nobody was asked.
        """
        self.guard.check(conversation)

        async def call() -> Reply:
            completion = await self._model.complete(
                conversation, tools=tools, sampling=sampling, context=context
            )
            return Reply(value=exact_json(completion), cost_usd=completion.usage.cost_usd)

        request = Request(
            kind=self._spend.value,
            provider=self._model.name,
            version=VERSION,
            body={
                "conversation": self._digests.of(conversation),
                "tools": self._digests.of(tools),
                "sampling": _written(sampling),
            },
            sample=f"{context.task_id}/{context.attempt}/{context.turn}/{context.index}",
        )
        answer = await self._tape.ask(request, call, error=ModelError)
        completion = Completion.model_validate_json(answer.reply.value)
        if not answer.is_replayed:
            return completion
        context.budget.note_replay(self._spend)
        free = completion.usage.model_copy(update={"cost_usd": 0.0})
        return completion.model_copy(update={"usage": free})


class _Digests:
    """Digests of messages and tools, each made once while the record lives.

    Every turn sends the whole conversation again: hashing it anew would cost the square of its
    length. Records are frozen, so the same object is the same message.
    """

    def __init__(self) -> None:
        self._known: dict[int, tuple[weakref.ref[Record], bytes]] = {}

    def of(self, records: Sequence[Record]) -> str:
        """The same for equal records in the same order; 64 hex."""
        return hashlib.sha256(b"".join(map(self._of_one, records))).hexdigest()

    def _of_one(self, record: Record) -> bytes:
        address = id(record)
        known = self._known.get(address)
        if known is not None and known[0]() is record:
            return known[1]
        digest = hashlib.sha256(record.model_dump_json().encode()).digest()
        # The entry goes with the record, before its address can belong to another.
        gone = weakref.ref(record, lambda _: self._known.pop(address, None))
        self._known[address] = (gone, digest)
        return digest


def _written(sampling: Sampling) -> dict[str, JsonValue]:
    """As it always was: what came later is written where it is set, so that old tapes hold."""
    later = {"reply_schema"} if sampling.reply_schema is None else set[str]()
    return sampling.model_dump(mode="json", exclude=later)
