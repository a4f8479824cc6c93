"""The difficulty filter: k attempts at each question by a policy; kept is what 0 < pass@k < 1.

    Trial -> attempt -> Measured -> select -> Measured -> finish -> Finished

An attempt counts as right or wrong where a judge decided so; what the policy ran into by itself (its
turns are over, its replies cannot be read) is wrong. Undecided, and so in neither count: abstentions,
refusals of a provider, deadlines. An outage decides nothing: the question is tried again.

Source: pass@4 in (0, 1) as in the released code of arXiv 2608.03979; of arXiv 2601.22060 only the
number of RL tasks is known. Two decided attempts at the least: ours.
"""

from collections.abc import Awaitable, Callable

from pydantic import Field

from vision_deepresearch.core.context import CallContext, SpendKind
from vision_deepresearch.core.episode import Decision
from vision_deepresearch.core.errors import FailureKind, ModelError
from vision_deepresearch.core.proof import Proof
from vision_deepresearch.core.protocols import Judge
from vision_deepresearch.core.record import Record
from vision_deepresearch.core.task import Task
from vision_deepresearch.core.trajectory import StopReason, Trajectory
from vision_deepresearch.synth.stage import EachStage, Expected, Item, Kept, Rejected, each_stage
from vision_deepresearch.synth.vqa_records import Finished

RollOut = Callable[[Task, int, CallContext], Awaitable[Trajectory]]
"""(task, number of the attempt, context) -> an attempt by the policy."""

_UNDECIDED = frozenset({StopReason.REFUSED, StopReason.DEADLINE, StopReason.BUDGET})


class Trial(Item):
    """A question to be tried."""

    task: Task
    proof: Proof | None = None


class Measured(Trial):
    """What became of its attempts, which add up to k."""

    num_right: int = Field(ge=0)
    num_wrong: int = Field(ge=0)
    num_masked: int = Field(default=0, ge=0)
    """Undecided."""
    stops: dict[str, int] = {}
    """How the attempts ended, by stop reason."""

    @property
    def num_decided(self) -> int:
        """Right and wrong."""
        return self.num_right + self.num_wrong

    @property
    def told(self) -> str:
        """For example "2/4"; of undecided attempts nothing is said."""
        return f"{self.num_right}/{self.num_decided}"


class AttemptConfig(Record):
    """What decides how attempts come out."""

    settings: str
    """Fingerprint of the run's config."""
    policy: str
    judge: str
    attempts: int


class SelectConfig(Record):
    """When a question is kept."""

    min_decided: int = Field(default=2, ge=2)
    """Fewer decided attempts say nothing."""


def attempt(run: RollOut, judge: Judge, *, config: AttemptConfig, concurrency: int) -> EachStage:
    """All attempts at a question, one after the other."""

    async def apply(trial: Trial, context: CallContext) -> Kept[Measured] | Rejected:
        counts = dict.fromkeys(Decision, 0)
        stops: dict[str, int] = {}
        for number in range(config.attempts):
            trajectory = await run(trial.task, number, context)
            if trajectory.stop.is_infrastructure:
                kind = trajectory.failure or FailureKind.UPSTREAM
                raise ModelError(kind, trajectory.stop_detail)
            stops[trajectory.stop.value] = stops.get(trajectory.stop.value, 0) + 1
            counts[await _decided(judge, trial.task, trajectory)] += 1
        measured = Measured(
            id=trial.id,
            task=trial.task,
            proof=trial.proof,
            num_right=counts[Decision.CORRECT],
            num_wrong=counts[Decision.INCORRECT],
            num_masked=counts[Decision.ABSTAIN],
            stops=dict(sorted(stops.items())),
        )
        return Kept((measured,))

    return each_stage(
        apply,
        name="attempt",
        takes=Trial,
        gives=Measured,
        config=config,
        concurrency=concurrency,
        expected=Expected(
            calls={
                SpendKind.MODEL_CALL: 8.0 * config.attempts,
                SpendKind.TEXT_SEARCH: 3.0 * config.attempts,
                SpendKind.PAGE_READ: 3.0 * config.attempts,
                SpendKind.IMAGE_SEARCH: 4.0 * config.attempts,
            },
            prompt_tokens=12_000,
            completion_tokens=300,
        ),
    )


async def _decided(judge: Judge, task: Task, trajectory: Trajectory) -> Decision:
    """Right, wrong, or neither.

    Raises:
        ModelError: the judge's model could not be asked.
    """
    if trajectory.stop in _UNDECIDED:
        return Decision.ABSTAIN
    verdict = await judge.judge(task, trajectory)
    if verdict.failure is not None:
        raise ModelError(verdict.failure, verdict.reason)
    return verdict.decision


def select(config: SelectConfig) -> EachStage:
    """Neither always right nor always wrong."""

    async def apply(measured: Measured, _: CallContext) -> Kept[Measured] | Rejected:
        told = f"{measured.told} right, {measured.num_masked} undecided"
        if measured.num_decided < config.min_decided:
            return Rejected(reason="masked", detail=told)
        if measured.num_wrong == 0:
            return Rejected(reason="all_right", detail=told)
        if measured.num_right == 0:
            return Rejected(reason="all_wrong", detail=told)
        return Kept((measured,))

    return each_stage(
        apply,
        name="select",
        takes=Measured,
        gives=Measured,
        config=config,
        expected=Expected(kept=0.4),
    )


def finish(policy: str) -> EachStage:
    """The same task, and how often it was solved."""

    async def apply(measured: Measured, _: CallContext) -> Kept[Finished]:
        task = measured.task
        strata = {**task.strata, "pass_rate": measured.told}
        told = {**task.provenance, "pass_rate_of": policy}
        kept = task.model_copy(update={"strata": strata, "provenance": told})
        return Kept((Finished(id=measured.id, task=kept, proof=measured.proof),))

    return each_stage(
        apply, name="finish", takes=Measured, gives=Finished, config=_Policy(name=policy)
    )


class _Policy(Record):
    name: str


def difficulty_stages(
    run: RollOut,
    judge: Judge,
    *,
    config: AttemptConfig,
    chosen: SelectConfig,
    concurrency: int,
) -> tuple[EachStage, ...]:
    """The stages, in order."""
    return (
        attempt(run, judge, config=config, concurrency=concurrency),
        select(chosen),
        finish(config.policy),
    )
