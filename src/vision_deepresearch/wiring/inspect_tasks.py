"""Tasks of inspect_ai: a world's questions, our agent as the solver, our judge as the scorer.

Needs the extra `inspect`. Everything a run is stays in a run folder of ours as well, so that a second
`inspect eval` of the same folder pays for nothing twice.

Example: inspect eval vision_deepresearch/world -T world=generated:tiny -T mode=cis+ts -T out=runs/x --model openai/gpt-5
"""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from inspect_ai import Task as InspectTask
from inspect_ai import task
from inspect_ai.dataset import MemoryDataset, Sample
from inspect_ai.model import ChatMessageUser, ContentImage, ContentText, ModelOutput, get_model
from inspect_ai.scorer import Score, Scorer, Target, accuracy, scorer, stderr
from inspect_ai.solver import Generate, Solver, TaskState, solver
from pydantic import JsonValue

from vision_deepresearch.core.episode import Decision, Verdict, episode_of
from vision_deepresearch.core.task import Task
from vision_deepresearch.media.store import MemoryMediaStore
from vision_deepresearch.models.inspect_client import INSPECT, messages_of, picture_uri
from vision_deepresearch.wiring.config import RunConfig, make_config
from vision_deepresearch.wiring.session import Session, open_session
from vision_deepresearch.wiring.worlds import open_world, world_folder

_VERDICT = "vdr_verdict"


@task
def world(
    world: str = "generated:tiny",
    mode: str = "cis+ts",
    tasks: int = 20,
    model: str | None = None,
    judge: str = "rules",
    judge_model: str | None = None,
    out: str = "runs/inspect",
    today: str = "",
) -> InspectTask:
    """A world's own questions.

    Args:
        world: as `vdr eval run --world`: a folder or generated:PRESET.
        mode: what the agent may use.
        tasks: how many questions.
        model: one of ours such as oracle; None: the one that `inspect eval --model` names.
        judge: rules, or a judge profile.
        judge_model: of a profile.
        out: run folder of ours.
        today: ISO date the prompt states.
    """
    values: dict[str, JsonValue] = {
        "model": model or f"{INSPECT}:{get_model()}",
        "world": world,
        "mode": mode,
        "profile": "vdr",
        "summariser": "passages",
        "judge": judge,
        "judge_model": judge_model,
        "today": today,
    }
    config = make_config(values)
    shared = _Shared(config=config, out=Path(out))
    samples = _samples(config, tasks)
    return InspectTask(
        dataset=MemoryDataset(samples, name=world),
        solver=researcher(shared),
        scorer=verdict(),
        name=f"vdr/{mode}",
    )


@solver
def researcher(shared: "_Shared") -> Solver:
    """Our agent loop; the attempt is the epoch."""

    async def solve(state: TaskState, generate: Generate) -> TaskState:
        del generate
        about = Task.model_validate_json(str(state.metadata["vdr_task"]))
        attempt = state.epoch - 1
        async with shared.session() as session:
            trajectory = await session.roll_out(session.with_pictures(about), attempt)
            found = await session.judge.judge(about, trajectory)
            if trajectory.stop.is_infrastructure:
                await session.run.put_outage(about, trajectory)
            elif (about.id, attempt) not in session.run.done():
                await session.run.put_task(about)
                await session.run.put_episode(episode_of(about, trajectory, found))
            conversation = list(trajectory.prompt)
            for turn in trajectory.turns:
                conversation += [turn.reply, *turn.results]
            state.messages = list(messages_of(conversation, media=session.media))
        state.output = ModelOutput.from_content(trajectory.model, trajectory.answer or "")
        state.metadata |= {"stop": trajectory.stop.value, "turns": trajectory.num_turns}
        state.store.set(_VERDICT, found.model_dump(mode="json"))
        return state

    return solve


@scorer(metrics=[accuracy(), stderr()])
def verdict() -> Scorer:
    """Our judge's verdict; an abstention is unscored."""

    async def score(state: TaskState, target: Target) -> Score:
        del target
        found = Verdict.model_validate(state.store.get(_VERDICT))
        answer = state.output.completion
        if found.decision is Decision.ABSTAIN:
            return Score.unscored(reason="judge_error", answer=answer, explanation=found.reason)
        return Score(
            value="C" if found.decision is Decision.CORRECT else "I",
            answer=answer,
            explanation=f"{found.judge}: {found.reason}",
        )

    return score


@dataclass(slots=True, kw_only=True)
class _Shared:
    """One session for all samples that run at a time; opened and closed by one task of its own."""

    config: RunConfig
    out: Path
    _users: int = 0
    _opened: "asyncio.Future[Session] | None" = None
    _over: asyncio.Event = field(default_factory=asyncio.Event)
    _keeper: "asyncio.Task[None] | None" = None

    @asynccontextmanager
    async def session(self) -> AsyncIterator[Session]:
        """The open session; the first user opens it, the last closes it."""
        if self._users == 0 and self._keeper is not None:
            await self._keeper
        if self._keeper is None or self._keeper.done():
            self._opened = asyncio.get_running_loop().create_future()
            self._over = asyncio.Event()
            self._keeper = asyncio.create_task(self._keep(self._opened, self._over))
        self._users += 1
        try:
            assert self._opened is not None, "made above"
            await asyncio.wait({self._opened, self._keeper}, return_when=asyncio.FIRST_COMPLETED)
            if not self._opened.done():
                await self._keeper  # it could not be opened: this says why
            yield self._opened.result()
        finally:
            self._users -= 1
            if self._users == 0:
                self._over.set()

    async def _keep(self, opened: "asyncio.Future[Session]", over: asyncio.Event) -> None:
        async with open_session(self.config, out=self.out) as session:
            opened.set_result(session)
            await over.wait()


def _samples(config: RunConfig, limit: int) -> list[Sample]:
    source = open_world(world_folder(config.world), embedder=config.embedder)
    media = MemoryMediaStore()
    samples = []
    for one in source.own_tasks(limit):
        for data in source.pictures_of(one):
            media.put(data)
        pictures = [ContentImage(image=picture_uri(ref, media=media)) for ref in one.images]
        samples.append(
            Sample(
                id=one.ref,
                input=[ChatMessageUser(content=[*pictures, ContentText(text=one.question)])],
                target=list(one.gold.answers) if one.gold else "",
                metadata={"vdr_task": json.dumps(one.model_dump(mode="json")), **one.strata},
            )
        )
    return samples
