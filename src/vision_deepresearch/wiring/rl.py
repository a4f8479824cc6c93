"""Puts a reinforcement-learning run together: session, rollout, policy, held-out worlds, run folder."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Set
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from vision_deepresearch.agent.loop import run as run_agent
from vision_deepresearch.agent.researcher import Researcher
from vision_deepresearch.core.episode import Decision
from vision_deepresearch.core.errors import ConfigError
from vision_deepresearch.core.mode import mode_named
from vision_deepresearch.core.task import Task
from vision_deepresearch.core.trajectory import Trajectory
from vision_deepresearch.store.fingerprint import fingerprint
from vision_deepresearch.store.run import RunFolder
from vision_deepresearch.tools.summarise import PassagePicker
from vision_deepresearch.tools.toolset import build_tools
from vision_deepresearch.train.rl.loop import (
    Evaluate,
    Keeping,
    LoopState,
    packed_state,
    train,
    unpacked_state,
)
from vision_deepresearch.train.rl.rollout import Work, episode_seed, open_rollout
from vision_deepresearch.train.rl.slots import Slots
from vision_deepresearch.wiring.rl_config import RlConfig
from vision_deepresearch.wiring.rl_episodes import EpisodeStore
from vision_deepresearch.wiring.session import Session, open_session
from vision_deepresearch.wiring.worlds import ProgressBar, open_world, world_folder
from vision_deepresearch.worlds.wrappers.meter import MeteredWorld

if TYPE_CHECKING:
    from vision_deepresearch.models.local.engine import LocalEngine
    from vision_deepresearch.train.checkpoint import Checkpoints
    from vision_deepresearch.train.policy import Policy

Show = Callable[[int, Mapping[str, float]], None]


async def train_rl(
    config: RlConfig,
    *,
    out: Path,
    show: Show,
    say: Callable[[str], None],
    progress: ProgressBar | None = None,
) -> LoopState:
    """Train, or go on where the folder's last whole checkpoint stands.

    Args:
        config: everything that determines the run.
        out: the run folder.
        show: takes the figures of each step.
        say: takes what somebody should know, for example a damaged checkpoint.
        progress: called while a world is built.

    Raises:
        ConfigError: something is missing, or the folder is of another run.
        RunStoppingError: training cannot go on.
    """
    # Imported late: torch takes seconds, and the plan of a recipe needs none.
    from vision_deepresearch.models.local.client import LocalClient
    from vision_deepresearch.models.local.engine import LocalEngine
    from vision_deepresearch.train.checkpoint import Checkpoints, TrainState, name_model
    from vision_deepresearch.train.rl.engine_meter import EngineMeter

    async with AsyncExitStack() as stack:
        session = await stack.enter_async_context(
            open_session(config.run, out=out, progress=progress, more=config.own_tables)
        )
        client = session.shelf.researcher()
        assert isinstance(client, LocalClient), "make_rl_config names a local model"
        engine = client.engine
        assert isinstance(engine, LocalEngine)
        checkpoints = Checkpoints(out / "checkpoints", keep=config.rl.keep)
        policy = _policy(config, engine=engine, session=session, checkpoints=checkpoints)
        own_hash = fingerprint(config)
        state = _resumed(policy, own_hash=own_hash, out=out, say=say)
        slots = Slots(config.rl.slots, clock=session.researcher.clock)
        researcher = replace(
            session.researcher,
            model=client,
            exact=client,
            counter=client.counter,
            tools=slots.tools(session.researcher.tools),
            finds_support=False,
        )
        tasks = _tasks(config, session=session, progress=progress)

        async def save(state: LoopState) -> None:
            await policy.save(
                TrainState(
                    step=state.step,
                    cursor=packed_state(state),
                    schedule={},
                    config_hash=own_hash,
                    policy_version=policy.version,
                )
            )

        kept_episodes = EpisodeStore(session.run)

        async def tell(step: int, told: Mapping[str, float]) -> None:
            show(step, told)
            await session.run.put_metrics(step, told)

        ended = await train(
            policy,
            tasks=tasks,
            rolling=open_rollout(
                roll_out=_rolling(researcher),
                judge=slots.judge(session.judge),
                seed=config.run.seed,
                max_groups=config.rl.max_groups,
                settings=config.rl.rollout,
                masks=config.rl.masks,
                clock=researcher.clock,
                keep=kept_episodes.keep,
            ),
            settings=config.rl,
            seed=config.run.seed,
            state=state,
            keeping=Keeping(tell=tell, save=save, note=kept_episodes.note),
            meter=EngineMeter(engine).read,
            evaluate=_evaluator(
                config,
                session=session,
                researcher=researcher,
                trained={task.id for task in tasks},
                progress=progress,
            ),
        )
        name_model(out, checkpoints.path_of(ended.step))
        return ended


def _policy(
    config: RlConfig, *, engine: "LocalEngine", session: Session, checkpoints: "Checkpoints"
) -> "Policy":
    """The weights that are trained, beside those that are sampled from."""
    from vision_deepresearch.models.local.loading import load_local
    from vision_deepresearch.train.policy import Policy

    trainer, local = engine.model, config.run.local
    if config.sampler.weights == "copied":
        trainer = load_local(
            config.folder, dtype="float32", device=local.device, budget=local.pictures
        )
    has_reference = bool(config.rl.update.kl_weight)
    return Policy(
        trainer,
        sampler=engine.model,
        engine=engine,
        settings=config.rl,
        temperature=config.run.sampling.temperature,
        load=session.media.load,
        checkpoints=checkpoints,
        reference=load_local(config.folder, device=local.device) if has_reference else None,
    )


def _resumed(
    policy: "Policy", *, own_hash: str, out: Path, say: Callable[[str], None]
) -> LoopState:
    """Where the newest whole checkpoint stands; damaged ones are said.

    Raises:
        ConfigError: it is of another recipe.
    """
    kept, damaged = policy.resume()
    for one in damaged:
        say(f"a checkpoint was damaged and put aside as {one.path}: {one.reason}")
    if kept is None:
        return LoopState()
    if kept.config_hash != own_hash:
        msg = f"the checkpoints in {str(out)!r} are of another recipe: use another --out"
        raise ConfigError(msg)
    state = unpacked_state(kept.cursor)
    say(f"going on after step {state.step}")
    return state


def figures_of(folder: Path) -> dict[str, dict[int, float | None]]:
    """The figures of a run by name and step; those of evaluations begin with `held_out_`."""
    with RunFolder.read(folder) as run:
        return {name: run.metrics(name) for name in run.metric_names()}


def _rolling(researcher: Researcher) -> Callable[[Work], Awaitable[Trajectory]]:
    """The agent loop with the seed of the work; an outage ends an episode instead of blaming it."""

    async def roll_out(work: Work) -> Trajectory:
        sampling = researcher.sampling.model_copy(update={"seed": work.seed})
        return await run_agent(
            work.task,
            replace(researcher, sampling=sampling),
            attempt=work.attempt,
            ends_in_outage=True,
        )

    return roll_out


def _tasks(config: RlConfig, *, session: Session, progress: ProgressBar | None) -> list[Task]:
    """The tasks to train on, their pictures in the run's media store."""
    if config.tasks.source is None:
        tasks = session.tasks(config.tasks.num)
    else:
        source = open_world(world_folder(config.tasks.source, progress=progress))
        tasks = source.own_tasks(config.tasks.num)
        for task in tasks:
            for data in source.pictures_of(task):
                session.media.put(data)
    if not tasks:
        msg = f"{config.tasks.source or config.run.world!r} has no questions: name a world that has"
        raise ConfigError(msg)
    return tasks


def _evaluator(
    config: RlConfig,
    *,
    session: Session,
    researcher: Researcher,
    trained: Set[str],
    progress: ProgressBar | None,
) -> Evaluate | None:
    """Measures the current weights on the held-out world, with the same seeds every time."""
    name = config.held_out.world
    if name is None or not config.rl.evaluate_every:
        return None
    source = open_world(world_folder(name, progress=progress))
    about, own = source.world.manifest(), session.about
    if about.kind == own.kind == "generated" and about.seed == own.seed:
        msg = (
            f"held_out.world {name!r} has the seed of the training world, {own.seed}: name "
            "another one, so that no name or picture was trained on"
        )
        raise ConfigError(msg)
    tasks = source.own_tasks(config.held_out.tasks)
    if shared := [task for task in tasks if task.id in trained]:
        msg = f"{len(shared)} held-out tasks are trained on: name another held_out.world"
        raise ConfigError(msg)
    for task in tasks:
        for data in source.pictures_of(task):
            session.media.put(data)
    there = replace(
        researcher,
        tools=build_tools(
            mode_named(config.run.mode).tools,
            world=MeteredWorld(source.world),
            media=session.media,
            summariser=PassagePicker(),
            limits=config.run.tools,
            sandbox=session.sandbox.sandbox,
        ),
    )
    roll_out = _rolling(there)
    places = asyncio.Semaphore(config.rl.rollout.episodes_in_flight)

    async def attempt(task: Task) -> dict[str, float]:
        seed = episode_seed(config.run.seed, task_id=f"held out {task.id}", attempt=0)
        async with places:
            trajectory = await roll_out(Work(task=task, group=0, attempt=0, seed=seed))
        verdict = await session.judge.judge(task, trajectory)
        return {
            "accuracy": float(verdict.decision is Decision.CORRECT),
            "decided_frac": float(verdict.decision is not Decision.ABSTAIN),
            "answered_frac": float(trajectory.answer is not None),
            "turns_mean": float(trajectory.num_turns),
            "tool_calls_mean": float(trajectory.tool_counts.total()),
        }

    async def evaluate(step: int) -> dict[str, float]:
        del step
        async with asyncio.TaskGroup() as group:
            running = [group.create_task(attempt(task)) for task in tasks]
        rows = [one.result() for one in running]
        found = {name: sum(row[name] for row in rows) / len(rows) for name in rows[0]}
        return found | {"tasks": float(len(rows))}

    return evaluate
