"""Three fixed cases that tell whether a judge judges: one right, one wrong, one list of candidates.

The golds are free text and the answers equal none of them, so that a judge with a model really
asks it. Cost: three calls of the judge's model.
"""

import asyncio

from vision_deepresearch.core.content import Message, Role, untrusted
from vision_deepresearch.core.episode import Decision, Verdict
from vision_deepresearch.core.protocols import Judge
from vision_deepresearch.core.record import Record
from vision_deepresearch.core.task import AnswerType, Gold, Task, fingerprint
from vision_deepresearch.core.trajectory import StopReason, Trajectory

_QUESTION = "Which composer is honoured by the monument in the picture?"
_GOLD = Gold(answers=("Ludwig van Beethoven",), type=AnswerType.FREE_TEXT)
_ANSWERS = {
    "right in other words": "The monument honours Beethoven, the composer born in Bonn in 1770.",
    "wrong": "The monument honours Johannes Brahms.",
    "list of candidates": "It may be Joseph Haydn, Wolfgang Amadeus Mozart, Ludwig van Beethoven "
    "or Franz Schubert.",
}
_RIGHT = "right in other words"
_LIST = "list of candidates"


class SanityCase(Record):
    """One case and what the judge made of it."""

    name: str
    answer: str
    expected: Decision
    verdict: Verdict

    @property
    def is_ok(self) -> bool:
        """Whether the judge said what any judge of its profile should say."""
        return self.verdict.decision is self.expected


async def sanity(judge: Judge) -> list[SanityCase]:
    """Judge the three cases at the same time.

    A judge of the profile `contains` should accept the list of candidates, any other reject it. An
    abstention is never ok: its reason says why the judge could not decide.
    """
    lenient = judge.profile_id.partition("/")[0] == "contains"
    expected = dict.fromkeys(_ANSWERS, Decision.INCORRECT)
    expected[_RIGHT] = Decision.CORRECT
    expected[_LIST] = Decision.CORRECT if lenient else Decision.INCORRECT

    async def run(name: str) -> SanityCase:
        task = _task(name)
        verdict = await judge.judge(task, _trajectory(task, answer=_ANSWERS[name]))
        return SanityCase(
            name=name, answer=_ANSWERS[name], expected=expected[name], verdict=verdict
        )

    async with asyncio.TaskGroup() as group:
        cases = [group.create_task(run(name)) for name in _ANSWERS]
    return [case.result() for case in cases]


def _task(name: str) -> Task:
    ref = f"sanity/{name}"
    return Task(
        id=fingerprint(ref=ref, question=_QUESTION, images=(), gold=_GOLD),
        ref=ref,
        kind="verified",
        question=_QUESTION,
        gold=_GOLD,
    )


def _trajectory(task: Task, *, answer: str) -> Trajectory:
    return Trajectory(
        id=f"{task.id[:16]}-a0",
        task_id=task.id,
        model="sanity",
        profile="vdr",
        mode="direct",
        today="2026-01-01",
        prompt=(Message(role=Role.USER, parts=(untrusted(task.question),)),),
        turns=(),
        stop=StopReason.ANSWER,
        answer=answer,
    )
