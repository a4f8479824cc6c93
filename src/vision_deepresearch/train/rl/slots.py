"""How many calls of each class of resource run at a time, over all episodes together.

One bound per class, so that slow page reads never hold up crops or the judge. A call that waits
for its slot and then misses its deadline says nothing about the policy: an outage, no failed call.
"""

import asyncio
import os
from collections.abc import Callable, Mapping
from enum import StrEnum

from pydantic import Field
from typing_extensions import override

from vision_deepresearch.calls.limiter import Limiter
from vision_deepresearch.core.content import ToolCall, ToolSpec
from vision_deepresearch.core.episode import Verdict
from vision_deepresearch.core.errors import ConfigError, FailureKind, WorldError
from vision_deepresearch.core.observation import Observation
from vision_deepresearch.core.protocols import (
    Judge,
    Tool,
    ToolContext,
)
from vision_deepresearch.core.record import Record
from vision_deepresearch.core.task import Task
from vision_deepresearch.core.trajectory import Trajectory


class Resource(StrEnum):
    """What a call needs most."""

    CROP = "crop"
    SEARCH = "search"
    READ = "read"
    PYTHON = "python"
    JUDGE = "judge"


class SlotSettings(Record):
    """Calls at a time per class; the defaults are ours, the paper has one pool of 2,048 threads."""

    crop: int = Field(default=64, ge=1)
    """Crop and image searches, zooms."""
    search: int = Field(default=64, ge=1)
    read: int = Field(default=128, ge=1)
    """Page visits, with what reads the pages for their goal."""
    python: int = Field(default_factory=lambda: os.cpu_count() or 1, ge=1)
    """Model-written programs; by default one per core."""
    judge: int = Field(default=32, ge=1)


_OF_TOOL = {
    "crop_and_search": Resource.CROP,
    "image_search": Resource.CROP,
    "zoom": Resource.CROP,
    "search": Resource.SEARCH,
    "visit": Resource.READ,
    "python": Resource.PYTHON,
}
_MARGIN_S = 0.05
"""A call gives up so long before its deadline: then it is heard why."""
_BLAMELESS_FRAC = 0.1
"""A call that missed its deadline after more than this share of its time in our queue."""


class Slots:
    """The slots of one rollout. Belongs to one event loop."""

    def __init__(self, settings: SlotSettings, *, clock: Callable[[], float]) -> None:
        self._limiters = {
            one: Limiter(clock=clock, limit=size, max_limit=size)
            for one, size in (
                (Resource.CROP, settings.crop),
                (Resource.SEARCH, settings.search),
                (Resource.READ, settings.read),
                (Resource.PYTHON, settings.python),
                (Resource.JUDGE, settings.judge),
            )
        }

    def tools(self, tools: Mapping[str, Tool]) -> dict[str, Tool]:
        """The same tools, each behind the slots of its class.

        Raises:
            ConfigError: a tool of no known class: nothing would bound it.
        """
        for name in tools:
            if name not in _OF_TOOL:
                msg = f"tool {name!r} has no class of resource: name one in train.rl.slots"
                raise ConfigError(msg)
        return {
            name: _SlottedTool(tool, self._limiters[_OF_TOOL[name]]) for name, tool in tools.items()
        }

    def judge(self, judge: Judge) -> Judge:
        """The same judge behind its slots."""
        return _SlottedJudge(judge, self._limiters[Resource.JUDGE])

    def num_running(self) -> dict[Resource, int]:
        """Calls under way."""
        return {one: limiter.num_running for one, limiter in self._limiters.items()}


class _SlottedTool(Tool):
    """A tool that waits for a slot; the earliest deadline is served first."""

    def __init__(self, tool: Tool, limiter: Limiter) -> None:
        self._tool = tool
        self._limiter = limiter

    @property
    @override
    def spec(self) -> ToolSpec:
        return self._tool.spec

    @override
    async def run(self, call: ToolCall, context: ToolContext) -> Observation:
        deadline = context.call.deadline
        if deadline is None:
            async with self._limiter.slot():
                return await self._tool.run(call, context)
        left_s = deadline.remaining_s
        queued_s = left_s
        try:
            async with (
                asyncio.timeout(max(0.0, left_s - _MARGIN_S)),
                self._limiter.slot(until_s=deadline.at_s),
            ):
                queued_s = left_s - deadline.remaining_s
                return await self._tool.run(call, context)
        except TimeoutError as reason:
            late = WorldError(FailureKind.TIMEOUT, f"{call.name} took too long")
            # Without the wait it might have been done in time: whose fault it is nobody can say.
            if queued_s > _BLAMELESS_FRAC * left_s:
                late.is_outage = True
                context.call.outage.note(late)
            raise late from reason


class _SlottedJudge(Judge):
    """A judge that waits for a slot."""

    def __init__(self, judge: Judge, limiter: Limiter) -> None:
        self._judge = judge
        self._limiter = limiter

    @property
    @override
    def profile_id(self) -> str:
        return self._judge.profile_id

    @override
    async def judge(self, task: Task, trajectory: Trajectory) -> Verdict:
        async with self._limiter.slot():
            return await self._judge.judge(task, trajectory)
