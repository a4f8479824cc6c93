"""A provider that is down: an attempt that can be made again stops, a user's question goes on."""

import random

import pytest

from tests.agent.doubles import a_call, a_researcher, answers, says
from tests.builders import a_task
from vision_deepresearch.agent.limits import Limits, LoopState, why_stop
from vision_deepresearch.agent.loop import run
from vision_deepresearch.calls.faults.clock import run_virtually, virtual_s
from vision_deepresearch.calls.policy import CallPolicy
from vision_deepresearch.core.bank import CropOrigin
from vision_deepresearch.core.content import Picture
from vision_deepresearch.core.errors import FailureKind, WorldError
from vision_deepresearch.core.observation import Evidence, Failure
from vision_deepresearch.core.page import Asset, Page, WorldManifest
from vision_deepresearch.core.trajectory import StopReason, Trajectory
from vision_deepresearch.models.profiles.vdr import VdrProfile
from vision_deepresearch.models.scripted import ScriptedModel
from vision_deepresearch.tools.limits import ToolLimits
from vision_deepresearch.tools.search import Search
from vision_deepresearch.worlds.wrappers.meter import MeteredWorld

VDR = VdrProfile()


class DownWorld:
    """A world whose engine answers nobody, behind the call policy."""

    def __init__(self) -> None:
        self._policy = CallPolicy(WorldError, rng=random.Random(0), clock=virtual_s)

    def manifest(self) -> WorldManifest:
        raise NotImplementedError

    async def search_text(self, query: str, *, limit: int) -> list[Evidence]:
        del query, limit

        async def attempt() -> list[Evidence]:
            raise WorldError(FailureKind.UPSTREAM, "connection refused")

        return await self._policy.call(attempt, what="text search")

    async def search_image(
        self, picture: Picture, *, limit: int, origin: CropOrigin | None = None
    ) -> list[Evidence]:
        raise NotImplementedError

    async def read(self, url: str, *, cursor: str | None = None) -> Page:
        raise NotImplementedError

    async def asset(self, url: str) -> Asset:
        raise NotImplementedError


def research(*, ends_in_outage: bool) -> Trajectory:
    script = [says(VDR, a_call(query=["lighthouse"])), answers(VDR, "1887")]
    search = Search(world=MeteredWorld(DownWorld()), limits=ToolLimits())
    researcher = a_researcher(
        ScriptedModel(script), tools={"search": search}, limits=Limits(), clock=virtual_s
    )

    async def main() -> Trajectory:
        return await run(a_task(answers=None), researcher, ends_in_outage=ends_in_outage)

    return run_virtually(main, max_s=10**4)


def test_an_attempt_that_can_be_made_again_stops_in_an_outage() -> None:
    trajectory = research(ends_in_outage=True)
    assert trajectory.stop is StopReason.CANCELLED
    assert trajectory.stop.is_infrastructure
    assert trajectory.failure is FailureKind.UPSTREAM
    assert trajectory.stop_detail.startswith("a provider is down: upstream")
    assert len(trajectory.turns) == 1
    assert trajectory.totals.seconds <= 120


def test_a_question_of_a_user_goes_on_with_what_it_has() -> None:
    trajectory = research(ends_in_outage=False)
    assert trajectory.stop is StopReason.ANSWER
    failure = trajectory.turns[0].calls[0].observation.failure
    assert failure is not None
    assert failure.kind is FailureKind.UPSTREAM


@pytest.mark.parametrize("is_the_model", [False, True])
def test_an_outage_is_the_reason_before_the_deadline_it_used_up(*, is_the_model: bool) -> None:
    outage = WorldError(FailureKind.UPSTREAM, "search is held back")
    failed = Failure(kind=FailureKind.UPSTREAM, message="down") if is_the_model else None
    state = LoopState(outage=outage, elapsed_s=99.0, model_failure=failed)
    stop = why_stop(state, limits=Limits(deadline_s=10))
    assert stop is not None
    assert stop.reason is (StopReason.MODEL_ERROR if is_the_model else StopReason.CANCELLED)
    assert stop.failure is FailureKind.UPSTREAM
