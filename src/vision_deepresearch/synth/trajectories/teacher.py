"""The expert of a trajectory: one model sees, another one reads on; the record knows only one.

The agent loop asks one `ModelClient`. This one forwards each call, as the paper's pipeline does:

    visual phase   the conversation, and an induction prompt p_v after it
    hit judge      after each visual turn: is the visual evidence enough?
    text phase     the conversation with the picture replaced by a description, and a prompt p_t

With `looks_again` the hit judge is asked before each text turn too: where a page showed a picture
that has to be looked at, the visual phase comes back, until the evidence is enough again.

What is added is added to the forwarded copy only. So the trajectory that the loop records holds
neither p_v nor p_t nor description, and the picture where it was: merged by construction.

Source: arXiv 2601.22060, section 2.2 (visual phase, text bridging, merge).
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from vision_deepresearch.core.content import (
    Conversation,
    Image,
    Message,
    Part,
    Picture,
    Role,
    ToolSpec,
    trusted,
    untrusted,
)
from vision_deepresearch.core.context import CallContext
from vision_deepresearch.core.protocols import Completion, Profile, Sampling
from vision_deepresearch.core.task import Task
from vision_deepresearch.core.trajectory import FaultKind, FormatFault
from vision_deepresearch.synth.roles.trajectories import TrajectoryRoles

_GIVEN_UP = "unknown"
_CROP = "(a crop, not shown)"
"""Stands for pictures that tools gave: their hits say what they show."""
_JUDGE_INDEX, _DESCRIBER_INDEX = 1, 2
"""Positions of the calls beside the teacher's own, so that a tape tells them apart."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Induction:
    """What each phase is told, for one call at a time."""

    visual: str
    """p_v."""
    text: str
    """p_t."""


@dataclass(slots=True)
class PhasedTeacher:
    """The expert of one trajectory. A `ModelClient`; made anew for each attempt.

    Args:
        task: with its gold, for the hit judge.
        pictures: the task's.
        roles: who plays what.
        induction: p_v and p_t.
        profile: how replies are written.
        max_visual_turns: of one visual phase; without a hit by then, the attempt is given up. Paper:
            a cap, its value unpublished; 6 is our default.
        looks_again: whether the visual phase may come back; see above. Ours.
    """

    task: Task
    pictures: Sequence[Picture]
    roles: TrajectoryRoles
    induction: Induction
    profile: Profile
    max_visual_turns: int = 6
    looks_again: bool = False
    hit_turn: int | None = field(default=None, init=False)
    """The first turn of the first text phase; None: no hit so far."""
    visual_turns: list[int] = field(default_factory=list, init=False)
    """Turns of all visual phases."""
    _sees: bool = field(default=True, init=False)
    """Whether the visual phase is on."""
    _since: int = field(default=0, init=False)
    """Its first turn."""
    description: str = field(default="", init=False)
    """Of the pictures, once the text phase began."""

    @property
    def name(self) -> str:
        """Both teachers."""
        visual, text = self.roles.visual.name, self.roles.text.name
        return visual if visual == text else f"{visual}+{text}"

    async def complete(
        self,
        conversation: Conversation,
        *,
        tools: Sequence[ToolSpec],
        sampling: Sampling,
        context: CallContext,
    ) -> Completion:
        """One turn of the phase that the conversation has come to."""
        if context.turn > 0 and (self._sees or self.looks_again):
            await self._judge(conversation, context=context)
        if not self._sees:
            return await self._read_on(
                conversation, tools=tools, sampling=sampling, context=context
            )
        if context.turn - self._since >= self.max_visual_turns:
            return self.profile.write(thought="The picture gave nothing.", answer=_GIVEN_UP)
        self.visual_turns.append(context.turn)
        prompt = Message(role=Role.USER, parts=(trusted(self.induction.visual),))
        return await self.roles.visual.complete(
            (*conversation, prompt), tools=tools, sampling=sampling, context=context
        )

    async def _judge(self, conversation: Conversation, *, context: CallContext) -> None:
        """Change the phase where the visual evidence has become enough, or is no longer."""
        at = context.at(turn=context.turn, index=_JUDGE_INDEX)
        told = without_explanations(conversation, profile=self.profile)
        is_hit = await self.roles.hit_judge.is_hit(self.task, told, context=at)
        if is_hit and self.hit_turn is None:
            self.hit_turn = context.turn
        if not is_hit and not self._sees:
            self._since = context.turn
        self._sees = not is_hit

    async def _read_on(
        self,
        conversation: Conversation,
        *,
        tools: Sequence[ToolSpec],
        sampling: Sampling,
        context: CallContext,
    ) -> Completion:
        if not self.description:
            self.description = await self.roles.describer.describe(
                self.task, self.pictures, context=context.at(turn=0, index=_DESCRIBER_INDEX)
            )
        prompt = Message(role=Role.USER, parts=(trusted(self.induction.text),))
        bridged = bridge(conversation, description=self.description)
        return await self.roles.text.complete(
            (*bridged, prompt), tools=tools, sampling=sampling, context=context
        )


def without_explanations(conversation: Conversation, *, profile: Profile) -> tuple[Message, ...]:
    """The conversation without what was said of replies that could not be used: no evidence."""
    any_fault = FormatFault(kind=FaultKind.EMPTY, message="")
    any_reply = Message(role=Role.ASSISTANT, parts=())
    opening = profile.explain(any_fault, reply=any_reply)[0].parts[0]
    return tuple(one for one in conversation if not one.parts or one.parts[0] != opening)


def bridge(conversation: Conversation, *, description: str) -> tuple[Message, ...]:
    """The conversation without pictures: the question's are described, those of tools left out.

    Reasoning, calls and observations stay word for word.
    """
    found: list[Message] = []
    has_described = False
    for message in conversation:
        parts: list[Part] = []
        for part in message.parts:
            if not isinstance(part, Image):
                parts.append(part)
            elif message.role is Role.USER and not has_described:
                parts.append(untrusted(f"(In words: {description})\n"))
                has_described = True
            else:
                parts.append(untrusted(_CROP))
        found.append(message.model_copy(update={"parts": tuple(parts)}))
    return tuple(found)
