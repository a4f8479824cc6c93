"""The stages of trajectory synthesis, in order: roll out in two phases, reword, reject.

    Assignment -> roll_out -> RolledOut -> narrate -> RolledOut -> accept -> Accepted

Source: arXiv 2601.22060, section 2.2 (visual phase, bridge, text phase, merge, rejection sampling).
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from vision_deepresearch.core.context import CallContext, SpendKind
from vision_deepresearch.core.episode import Decision
from vision_deepresearch.core.errors import FailureKind, ModelError
from vision_deepresearch.core.protocols import Judge, Profile
from vision_deepresearch.core.record import Record
from vision_deepresearch.core.trajectory import StopReason, Trajectory
from vision_deepresearch.synth.stage import (
    EachStage,
    Expected,
    Kept,
    Planned,
    Rejected,
    each_stage,
)
from vision_deepresearch.synth.trajectories.checks import find_faults
from vision_deepresearch.synth.trajectories.narrate import narrate
from vision_deepresearch.synth.trajectories.records import Accepted, Assignment, RolledOut
from vision_deepresearch.synth.trajectories.teacher import PhasedTeacher
from vision_deepresearch.synth.trajectories.verification import is_verified

MakeTeacher = Callable[[Assignment], PhasedTeacher | None]
"""The expert of one attempt; None: a text-only task, which has no visual phase."""
RollOut = Callable[[Assignment, PhasedTeacher | None, CallContext], Awaitable[Trajectory]]


_ROLL_OUT, _NARRATE, _ACCEPT = "roll_out", "narrate", "accept"

_TURNS = 20
"""Of an attempt, for the estimate. A guess: the paper says dozens of turns. Ours."""
_ON_ROLL_OUT = Expected(
    kept=0.8,
    calls={
        SpendKind.MODEL_CALL: _TURNS + 1.0,
        SpendKind.JUDGE: 3,
        SpendKind.SUMMARY: 12,
        SpendKind.IMAGE_SEARCH: 10,
        SpendKind.TEXT_SEARCH: 8,
        SpendKind.PAGE_READ: 12,
    },
    prompt_tokens=16_000,
    completion_tokens=400,
)
_ON_ACCEPT = Expected(kept=0.7, calls={SpendKind.JUDGE: 1})
PLANNED = (
    Planned(name=_ROLL_OUT, expected=_ON_ROLL_OUT),
    Planned(name=_NARRATE, expected=Expected()),
    Planned(name=_ACCEPT, expected=_ON_ACCEPT),
)
"""The stages as they are likely to go; rates of rejection and calls are guesses, ours."""


class RollOutConfig(Record):
    """What decides how attempts come out."""

    settings: str
    """Fingerprint of the run's config."""
    roles: tuple[str, ...]
    """Names of those who play them, with their prompts."""
    max_visual_turns: int


def roll_out(
    make_teacher: MakeTeacher, run: RollOut, *, config: RollOutConfig, concurrency: int
) -> EachStage:
    """Attempts by the expert; those that come to no answer are rejected."""

    async def apply(record: Assignment, context: CallContext) -> Kept[RolledOut] | Rejected:
        teacher = make_teacher(record)
        trajectory = await run(record, teacher, context)
        if trajectory.stop.is_infrastructure:
            kind = trajectory.failure or FailureKind.UPSTREAM
            raise ModelError(kind, trajectory.stop_detail)
        if trajectory.stop is StopReason.REFUSED:
            return Rejected(reason="refused", detail=trajectory.stop_detail)
        if teacher is not None and teacher.hit_turn is None:
            seen = f"no hit in {trajectory.num_turns} turns"
            return Rejected(reason="no_hit", detail=seen)
        if trajectory.stop is not StopReason.ANSWER:
            return Rejected(reason=trajectory.stop.value, detail=trajectory.stop_detail)
        hit_turn = teacher.hit_turn if teacher is not None else None
        bridge = (
            (teacher.description, teacher.induction.visual, teacher.induction.text)
            if teacher is not None
            else ()
        )
        return Kept((
            RolledOut(
                id=record.id,
                task=record.task,
                proof=record.proof,
                attempt=record.attempt,
                trajectory=_marked(trajectory, seeing=teacher.visual_turns if teacher else ()),
                hit_turn=hit_turn,
                bridge=bridge,
            ),
        ))

    return each_stage(
        apply,
        name=_ROLL_OUT,
        version=2,
        takes=Assignment,
        gives=RolledOut,
        config=config,
        concurrency=concurrency,
        expected=_ON_ROLL_OUT,
    )


def _marked(trajectory: Trajectory, *, seeing: Sequence[int]) -> Trajectory:
    """The trajectory with the phase of each turn."""
    turns = tuple(
        turn.model_copy(update={"phase": "vision" if turn.index in seeing else "text"})
        for turn in trajectory.turns
    )
    return trajectory.model_copy(update={"turns": turns})


def reword(profile: Profile) -> EachStage:
    """The oracle's notes become a researcher's thoughts; other teachers' are left as they are."""

    async def apply(record: RolledOut, _: CallContext) -> Kept[RolledOut]:
        if record.proof is None or record.trajectory.model != "oracle":
            return Kept((record,))
        told = narrate(record.trajectory, record.proof, profile=profile, seed=record.trajectory.id)
        return Kept((record.model_copy(update={"trajectory": told}),))

    return each_stage(apply, name=_NARRATE, version=2, takes=RolledOut, gives=RolledOut)


def accept(
    judge: Judge, profile: Profile, *, verifies: bool = False, concurrency: int
) -> EachStage:
    """Only right answers by faultless ways are kept; where asked for, only confirmed ones."""

    async def apply(record: RolledOut, context: CallContext) -> Kept[Accepted] | Rejected:
        del context
        verdict = await judge.judge(record.task, record.trajectory)
        if verdict.failure is not None:
            raise ModelError(verdict.failure, verdict.reason)
        if verdict.decision is not Decision.CORRECT:
            return Rejected(reason=f"answer_{verdict.decision.value}", detail=verdict.reason)
        faults = find_faults(
            record.task,
            record.trajectory,
            profile=profile,
            proof=record.proof,
            bridge=record.bridge,
        )
        if faults:
            first = faults[0]
            where = f" (turn {first.turn})" if first.turn is not None else ""
            return Rejected(reason=first.reason, detail=f"{first.detail}{where}")
        if verifies and not is_verified(record.task, record.trajectory, proof=record.proof):
            return Rejected(reason="not_verified", detail="no second page was found that says so")
        return Kept((Accepted.model_validate({**dict(record), "verdict": verdict}),))

    return each_stage(
        apply,
        name=_ACCEPT,
        version=2,
        takes=RolledOut,
        gives=Accepted,
        config=VerifiedBy(profile_id=judge.profile_id)
        if verifies
        else JudgedBy(profile_id=judge.profile_id),
        concurrency=concurrency,
        expected=_ON_ACCEPT,
    )


class JudgedBy(Record):
    """Which judge, which version."""

    profile_id: str


class VerifiedBy(JudgedBy):
    """The same, and `verification.is_verified` in this version."""

    verification: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Crew:
    """All that the stages need."""

    make_teacher: MakeTeacher
    roll_out: RollOut
    judge: Judge
    profile: Profile
    config: RollOutConfig
    concurrency: int
    verifies: bool = False
    """Whether answers must have been confirmed."""


def trajectory_stages(crew: Crew) -> tuple[EachStage, ...]:
    """The stages, in order."""
    return (
        roll_out(
            crew.make_teacher, crew.roll_out, config=crew.config, concurrency=crew.concurrency
        ),
        reword(crew.profile),
        accept(crew.judge, crew.profile, verifies=crew.verifies, concurrency=crew.concurrency),
    )
