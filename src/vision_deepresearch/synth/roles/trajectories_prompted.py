"""The roles of trajectory synthesis played by models. Only the hit judge is shown the gold answer."""

import re
from collections.abc import Sequence
from typing import Annotated

from pydantic import AfterValidator, Field

from vision_deepresearch.core.content import Conversation, Message, Picture, Role
from vision_deepresearch.core.context import CallContext, SpendKind
from vision_deepresearch.core.errors import FailureKind, ModelError
from vision_deepresearch.core.protocols import ModelClient
from vision_deepresearch.core.record import Record
from vision_deepresearch.core.task import AnswerType, Task
from vision_deepresearch.synth.roles.asking import Asker, Slot
from vision_deepresearch.synth.roles.layout import Piece, Shown, Words
from vision_deepresearch.synth.roles.replies import Line, Prose, UnfitReplyError, stands_in
from vision_deepresearch.synth.roles.trajectories import TrajectoryRoles

_MAX_RESULTS_CHARS = 24_000
"""Of what tools gave, the latest."""
_LEAST_CHARS = 120
"""Of a description."""
_LEAST_NAME_CHARS = 4
"""Shorter names are words too."""
_QUOTED = re.compile(r"\"[^\"]{1,200}\"|\u201c[^\u201d]{1,200}\u201d")
"""Writing that can be read in a picture."""


def prompted_trajectory_roles(
    visual: ModelClient,
    text: ModelClient,
    judge: ModelClient,
    *,
    describer: ModelClient | None = None,
) -> TrajectoryRoles:
    """All roles, played by models, each wrapped in a tape by who wants replies to be kept.

    Args:
        visual: researches by crops; sees pictures.
        text: researches by search and pages.
        judge: says whether the visual evidence is enough; sees the gold answer. Its calls are
            counted as `SpendKind.JUDGE`.
        describer: puts the picture into words; sees pictures. Its calls are counted as
            `SpendKind.SUMMARY`: they fall within a call of the teacher, whose price a replay of
            theirs must not hide. None: `visual`.
    """
    return TrajectoryRoles(
        visual=visual,
        text=text,
        hit_judge=PromptedHitJudge(judge),
        describer=PromptedDescriber(describer or visual),
    )


class _Judged(Record):
    reason: Line
    is_hit: bool


class PromptedHitJudge:
    """Lenient: enough to go on is a hit; see `HitJudge`."""

    def __init__(self, model: ModelClient) -> None:
        self._asker = Asker(model, Slot.HIT, max_tokens=512, spend=SpendKind.JUDGE)

    @property
    def name(self) -> str:
        """Who decides and by which prompt."""
        return self._asker.name

    async def is_hit(self, task: Task, conversation: Conversation, *, context: CallContext) -> bool:
        """See `HitJudge`. Where no tool gave anything yet nobody is asked.

        Raises:
            ModelError: a task without gold (bad_args), or see `Asker.ask`.
        """
        if task.gold is None:
            msg = f"a hit is judged by the gold answer, task {task.ref!r} has none"
            raise ModelError(FailureKind.BAD_ARGS, msg)
        results = "\n\n".join(message.text for message in _results(conversation))
        if not results.strip():
            return False
        pieces: list[Piece] = [
            Words("QUESTION", task.question),
            Words("TRUE ANSWER", "\n".join(task.gold.answers)),
        ]
        if task.gold.entities:
            pieces.append(Words("NAMES ON THE WAY", "\n".join(task.gold.entities)))
        latest = results[-_MAX_RESULTS_CHARS:]
        pieces.append(Words("EVIDENCE", latest, max_chars=_MAX_RESULTS_CHARS))

        def read(reply: _Judged, _: bool) -> bool:  # noqa: FBT001 - see Asker.ask
            return reply.is_hit

        return await self._asker.ask(pieces, shape=_Judged, read=read, context=context)


def _results(conversation: Conversation) -> list[Message]:
    """Messages that tools gave: those after the first reply that are nobody's reply."""
    first = next(
        (place for place, one in enumerate(conversation) if one.role is Role.ASSISTANT),
        len(conversation),
    )
    return [one for one in conversation[first:] if one.role is not Role.ASSISTANT]


def _long_enough(text: str) -> str:
    if len(text) < _LEAST_CHARS:
        msg = f"{len(text)} characters, at least {_LEAST_CHARS} are needed"
        raise ValueError(msg)
    return text


class _Described(Record):
    description: Annotated[Prose, Field(max_length=6_000), AfterValidator(_long_enough)]


class PromptedDescriber:
    """Describes what is seen and names nothing that is not written there; see `Describer`."""

    def __init__(self, model: ModelClient) -> None:
        self._asker = Asker(model, Slot.DESCRIBE, spend=SpendKind.SUMMARY)

    @property
    def name(self) -> str:
        """Who describes and by which prompt."""
        return self._asker.name

    async def describe(
        self, task: Task, pictures: Sequence[Picture], *, context: CallContext
    ) -> str:
        """See `Describer`. The gold is not shown; a description that names it is not taken."""
        pieces: list[Piece] = [Words("QUESTION", task.question)]
        pieces += [
            Shown(f"PICTURE {number}", picture) for number, picture in enumerate(pictures, start=1)
        ]
        secrets = _names(task)

        def read(reply: _Described, _: bool) -> str:  # noqa: FBT001 - see Asker.ask
            guessed = _QUOTED.sub(" ", reply.description)
            if any(stands_in(name, guessed) for name in secrets):
                # Which name it is would be told by saying it.
                msg = "the description guesses a name that cannot be read in the picture"
                raise UnfitReplyError(msg)
            return reply.description

        return await self._asker.ask(pieces, shape=_Described, read=read, context=context)


def _names(task: Task) -> tuple[str, ...]:
    """Names of the gold; an answer that is a word, a number or a date may well be seen."""
    if task.gold is None:
        return ()
    answers = task.gold.answers if task.gold.type is AnswerType.NAME else ()
    names = (*answers, *(task.gold.entities or ()))
    return tuple(name for name in names if len(name) >= _LEAST_NAME_CHARS)
