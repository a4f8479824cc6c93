"""The teacher of generated worlds: knows what to look for, and answers only what it has read.

From the proof of a task it takes boxes, predicates, the order of hops and the urls of pages: what
to look for and when to stop looking. It never looks at the values a proof expects. Each name,
number and date it uses was read from a tool result, so with results blanked or shuffled it answers
"unknown". Stateless: a reply is a function of the conversation, hence a resumed run repeats it.
"""

from collections.abc import Callable, Sequence
from functools import lru_cache

from vision_deepresearch.core.content import Conversation, Message, Role, ToolSpec
from vision_deepresearch.core.context import CallContext
from vision_deepresearch.core.proof import Proof
from vision_deepresearch.core.protocols import Completion, Profile, Sampling, TruthSource
from vision_deepresearch.media.repair import Repair, quarters_of
from vision_deepresearch.models.oracle_habits import Habits, Ways
from vision_deepresearch.models.oracle_notebook import (
    OwnReply,
    given_handles,
    open_notebook,
    read_own,
)
from vision_deepresearch.models.oracle_plan import UNKNOWN, Planner, Situation
from vision_deepresearch.models.profiles.offered import is_answer_demanded, offered_tools

_CACHED_REPLIES = 8192
"""Own replies kept parsed: pure text work, so that a long conversation is not read again."""


RepairsOf = Callable[[str], Sequence[Repair]]


def _no_repairs(task_id: str) -> tuple[Repair, ...]:  # noqa: ARG001 - the same for all
    return ()


class OracleModel:
    """A model client that researches as the proof suggests. Cost: about 1 ms per turn.

    Args:
        truth: proofs, and the reader of values in text.
        profile: how replies are written.
        scales: of the crops; the first two are tried at once, the rest for what was not found.
        max_turns: turns it plans for; with many hops left it follows several per turn.
        habits: what it does beside the straight way; None: nothing.
        repairs: by task id: what it does to a damaged picture whose crops gave nothing, where the
            tool `zoom` can; None: nothing.
    """

    def __init__(
        self,
        truth: TruthSource,
        profile: Profile,
        *,
        scales: Sequence[float] = (1.0, 1.5, 2.5),
        max_turns: int = 50,
        habits: Habits | None = None,
        repairs: RepairsOf | None = None,
    ) -> None:
        self._truth = truth
        self._profile = profile
        self._scales = tuple(scales)
        self._max_turns = max_turns
        self._habits = habits or Habits()
        self._repairs = repairs or _no_repairs

        @lru_cache(maxsize=_CACHED_REPLIES)
        def read(text: str) -> OwnReply:
            return read_own(text, profile=profile)

        self._read_text = read

    @property
    def name(self) -> str:
        """Always `oracle`."""
        return "oracle"

    async def complete(
        self,
        conversation: Conversation,
        *,
        tools: Sequence[ToolSpec],
        sampling: Sampling,  # noqa: ARG002 - the oracle does not sample
        context: CallContext,
    ) -> Completion:
        """Read the newest results, note what they say, and do the next thing or answer."""
        proof = self._truth.proof(context.task_id)
        if proof is None:
            thought = "I have no way to research this question: it is not from a generated world."
            return self._profile.write(thought=thought, answer=UNKNOWN)
        planner = self._planner(
            conversation,
            tools=tools,
            proof=proof,
            ways=self._habits.of(context.trajectory_id),
            repairs=tuple(self._repairs(context.task_id)),
        )
        is_demanded = is_answer_demanded(conversation, profile=self._profile)
        step = planner.give_answer() if is_demanded else planner.next_step()
        return self._profile.write(thought=step.thought, calls=step.calls, answer=step.answer)

    def _planner(
        self,
        conversation: Conversation,
        *,
        tools: Sequence[ToolSpec],
        proof: Proof,
        ways: Ways,
        repairs: tuple[Repair, ...],
    ) -> Planner:
        offered = offered_tools(conversation, tools, profile=self._profile)
        names = frozenset(tool.name for tool in offered)
        own = [
            self._read_own(message) for message in conversation if message.role is Role.ASSISTANT
        ]
        book = open_notebook(
            conversation,
            own=own,
            proof=proof,
            truth=self._truth,
            can_visit="visit" in names,
            quarters=quarters_of(repairs),
        )
        question = next((m.text for m in conversation if m.role is Role.USER), "")
        return Planner(
            Situation(
                book=book,
                proof=proof,
                truth=self._truth,
                tools=names,
                handles=given_handles(conversation),
                scales=self._scales,
                turns_left=self._max_turns - book.num_replies,
                question=question.rpartition("Question: ")[2],
                ways=ways,
                repairs=repairs,
            )
        )

    def _read_own(self, message: Message) -> OwnReply:
        read = self._read_text(f"{message.reasoning or ''}\n{message.text}")
        if not message.tool_calls:
            return read
        return OwnReply(notes=read.notes, calls=message.tool_calls)
