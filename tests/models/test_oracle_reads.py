"""The oracle's answers come from what it reads: tampered observations leave it with nothing."""

import random
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from vision_deepresearch.core.content import Text, ToolCall, ToolSpec
from vision_deepresearch.core.episode import Decision
from vision_deepresearch.core.observation import Observation
from vision_deepresearch.core.protocols import Tool, ToolContext
from vision_deepresearch.core.task import Task
from vision_deepresearch.wiring.config import make_config
from vision_deepresearch.wiring.session import Session, open_session

Tamper = Callable[[Observation], Observation]


class TamperedTool:
    """Runs the real tool and changes what it gave back."""

    def __init__(self, tool: Tool, tamper: Tamper) -> None:
        self._tool = tool
        self._tamper = tamper

    @property
    def spec(self) -> ToolSpec:
        return self._tool.spec

    async def run(self, call: ToolCall, context: ToolContext) -> Observation:
        return self._tamper(await self._tool.run(call, context))


def rewritten(observation: Observation, change: Callable[[str], str]) -> Observation:
    parts = tuple(
        part.model_copy(update={"text": change(part.text)}) if isinstance(part, Text) else part
        for part in observation.parts
    )
    return observation.model_copy(update={"parts": parts})


def blanked(observation: Observation) -> Observation:
    return rewritten(observation, lambda _: "")


def with_foreign_text_blanked(observation: Observation) -> Observation:
    """Our own labels stay; everything that was found is gone."""
    parts = tuple(
        part.model_copy(update={"text": ""})
        if isinstance(part, Text) and not part.trusted
        else part
        for part in observation.parts
    )
    return observation.model_copy(update={"parts": parts})


def shuffled(rng: random.Random) -> Tamper:
    """The words of the whole observation in any order."""

    def tamper(observation: Observation) -> Observation:
        texts = [part for part in observation.parts if isinstance(part, Text)]
        words = " ".join(part.text for part in texts).split()
        rng.shuffle(words)
        return observation.model_copy(
            update={"parts": (Text(text=" ".join(words), trusted=False),)}
        )

    return tamper


TAMPERINGS: dict[str, Callable[[], Tamper]] = {
    "blanked": lambda: blanked,
    "foreign text blanked": lambda: with_foreign_text_blanked,
    "words shuffled": lambda: shuffled(random.Random(1)),
}


async def count_correct(world: str, folder: Path, *, num_tasks: int, tamper: Tamper | None) -> int:
    config = make_config({"world": world, "mode": "cis+ts", "tape": "off", "today": "2026-01-01"})
    async with open_session(config, out=folder / "run") as session:
        tools = session.researcher.tools
        if tamper is not None:
            tools = {name: TamperedTool(tool, tamper) for name, tool in tools.items()}
        tampered = replace(session, researcher=replace(session.researcher, tools=tools))
        tasks = session.tasks(num_tasks)
        assert len(tasks) == num_tasks
        return sum([await is_correct(tampered, task) for task in tasks])


async def is_correct(session: Session, task: Task) -> bool:
    trajectory = await session.roll_out(task, 0)
    verdict = await session.judge.judge(task, trajectory)
    return verdict.decision is Decision.CORRECT


async def test_untouched_observations_give_right_answers(tiny_world: Path, tmp_path: Path) -> None:
    assert await count_correct(str(tiny_world), tmp_path, num_tasks=12, tamper=None) >= 11


@pytest.mark.parametrize("name", TAMPERINGS)
async def test_tampered_observations_give_none(name: str, tiny_world: Path, tmp_path: Path) -> None:
    tamper = TAMPERINGS[name]()
    assert await count_correct(str(tiny_world), tmp_path, num_tasks=12, tamper=tamper) == 0


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.usefixtures("world_cache")
@pytest.mark.parametrize("name", TAMPERINGS)
async def test_tampered_observations_give_none_of_a_hundred(name: str, tmp_path: Path) -> None:
    tamper = TAMPERINGS[name]()
    correct = await count_correct("generated:small", tmp_path, num_tasks=100, tamper=tamper)
    assert correct == 0
