"""Everything of one run, put together and closed again."""

import os
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from pydantic import JsonValue

from vision_deepresearch.agent.loop import run as run_agent
from vision_deepresearch.agent.researcher import Researcher, adapted_to_mode
from vision_deepresearch.core.context import Budget, SpendKind
from vision_deepresearch.core.errors import ConfigError
from vision_deepresearch.core.events import Listener
from vision_deepresearch.core.mode import mode_named
from vision_deepresearch.core.page import WorldManifest
from vision_deepresearch.core.protocols import Judge, ModelClient, Summariser, TokenExact, World
from vision_deepresearch.core.purse import Purse, PursedBudget
from vision_deepresearch.core.task import Task
from vision_deepresearch.core.trajectory import Trajectory
from vision_deepresearch.media.store import FolderMediaStore
from vision_deepresearch.models.endpoint import secret_keys
from vision_deepresearch.models.taped import TapedModel
from vision_deepresearch.sandbox.taped import KIND as PYTHON
from vision_deepresearch.sandbox.taped import TapedSandbox
from vision_deepresearch.store.provenance import provenance
from vision_deepresearch.store.redact import Redactor
from vision_deepresearch.store.run import RunFolder
from vision_deepresearch.store.tape import Tape, TapeMode
from vision_deepresearch.tools.summarise import LlmSummariser, PassagePicker
from vision_deepresearch.tools.toolset import build_tools
from vision_deepresearch.wiring.config import RunConfig, to_toml
from vision_deepresearch.wiring.judges import make_judge
from vision_deepresearch.wiring.live import (
    live_environment,
    live_notes,
    live_secrets,
    open_live,
)
from vision_deepresearch.wiring.models import ModelShelf, Streams, make_profile
from vision_deepresearch.wiring.sandbox import OpenedSandbox, open_sandbox
from vision_deepresearch.wiring.secrets import environment_secrets
from vision_deepresearch.wiring.worlds import OpenedWorld, ProgressBar, open_world, world_folder
from vision_deepresearch.worlds.generated.older import OlderPages
from vision_deepresearch.worlds.generated.simulator import SimulatedWorld
from vision_deepresearch.worlds.live.catalog import is_live
from vision_deepresearch.worlds.live.settings import LiveSettings
from vision_deepresearch.worlds.wrappers.meter import MeteredWorld
from vision_deepresearch.worlds.wrappers.noise import NoisyWorld
from vision_deepresearch.worlds.wrappers.tape import TapedWorld


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """Everything one run needs, put together."""

    config: RunConfig
    world: World
    source: OpenedWorld
    """The world itself, without recorder and meter: for its tasks and pictures."""
    media: FolderMediaStore
    researcher: Researcher
    judge: Judge
    run: RunFolder
    sandbox: OpenedSandbox
    purse: Purse | None
    """What the whole run may spend; None: no cap."""
    shelf: ModelShelf
    """Models by name, for roles beside the researcher's."""
    tape: Tape
    """Of the run: what models say is kept on it."""

    async def roll_out(
        self,
        task: Task,
        attempt: int,
        *,
        listener: Listener | None = None,
        ends_in_outage: bool = False,
    ) -> Trajectory:
        """One attempt at a task; see `agent.loop.run`."""
        sampling = self.researcher.sampling.model_copy(update={"seed": self.config.seed + attempt})
        researcher = replace(self.researcher, sampling=sampling)
        return await run_agent(
            task,
            researcher,
            attempt=attempt,
            listener=listener,
            budget=self._budget(),
            ends_in_outage=ends_in_outage,
        )

    def _budget(self) -> Budget | None:
        """Of one trajectory, paid from the run's purse; None: as the limits say."""
        if self.purse is None:
            return None
        limits = self.config.limits
        return PursedBudget(
            purse=self.purse, max_usd=limits.max_usd, max_calls=dict(limits.max_calls)
        )

    @property
    def about(self) -> WorldManifest:
        """What the world is."""
        return self.source.world.manifest()

    def tasks(self, limit: int | None = None) -> list[Task]:
        """The world's own tasks, their pictures put into the run's media store.

        Raises:
            ConfigError: a world without questions of its own.
        """
        return [self.with_pictures(task) for task in self.source.own_tasks(limit)]

    def with_pictures(self, task: Task) -> Task:
        """A task of the world, its pictures put into the run's media store."""
        for data in self.source.pictures_of(task):
            self.media.put(data)
        return task


@asynccontextmanager
async def open_session(
    config: RunConfig,
    *,
    out: Path,
    progress: ProgressBar | None = None,
    streams: Streams | None = None,
    more: Mapping[str, JsonValue] | None = None,
    offers_repair: bool = False,
    protects: bool = False,
) -> AsyncIterator[Session]:
    """Open world, model, tools and run folder; close them again.

    Args:
        config: everything that determines the run.
        out: the run folder.
        progress: called while a world is built.
        streams: of the terminal seat.
        more: tables of settings beside a run's that are saved with it.
        offers_repair: whether `zoom` can repair pictures; the table that asks for it is in `more`.
        protects: whether tasks may be protected, so that what is recorded of them is sealed.

    Raises:
        ConfigError: an unknown name, a world of another version, a folder of another run.
    """
    media = FolderMediaStore(out / "media")
    settings = _settings(config, more)
    redactor = Redactor([
        *secret_keys(os.environ),
        *live_secrets(live_environment()),
        *environment_secrets(),
    ])
    async with AsyncExitStack() as stack:
        source = _open_source(config, stack=stack, progress=progress)
        about_world = source.world.manifest()
        shelf = ModelShelf(
            config,
            media=media,
            stack=stack,
            truth=source.truth,
            path_of=media.path_of,
            streams=streams,
        )
        model, reader = shelf.researcher(), shelf.summariser()
        mode = mode_named(config.mode)
        box = await open_sandbox(config, mode=mode, stack=stack)
        named = make_judge(config, shelf=shelf, tape=None)
        about = provenance(
            seeds={
                "run": config.seed,
                "world": about_world.seed or 0,
                "noise": config.noise.seed,
            },
            world=about_world,
            model=model.name,
            judge=named.profile_id,
            today=config.today,
            extra={
                "tape": config.tape,
                "concurrency": config.concurrency,
                "sandbox": {"tier": box.tier, "probes": list(box.probes)},
            },
        )
        run = await stack.enter_async_context(
            RunFolder.open(out, config=settings, provenance=about, redactor=redactor)
        )
        tape = await stack.enter_async_context(
            open_tape(config.tape, run=run, redactor=redactor, seals=protects)
        )
        purse = _purse(config, run=run, tape=tape)
        world = MeteredWorld(_noisy(TapedWorld(_engine(source, config), tape), source, config))
        researcher = Researcher(
            model=TapedModel(model, tape),
            profile=make_profile(config),
            tools=build_tools(
                mode.tools,
                world=world,
                media=media,
                summariser=_make_summariser(reader, tape=tape),
                limits=config.tools,
                sandbox=_taped_sandbox(box, config, tape=tape),
                offers_repair=offers_repair,
            ),
            mode=mode,
            limits=config.limits,
            sampling=config.sampling,
            today=config.today,
            media=media,
        )
        if isinstance(model, TokenExact):
            researcher = replace(researcher, exact=model, counter=model.counter)
        adapted_to_mode(researcher)  # refuse a mode that cannot run before anything is made
        yield Session(
            config=config,
            world=world,
            source=source,
            media=media,
            researcher=researcher,
            judge=make_judge(
                config,
                shelf=shelf,
                tape=tape,
                budget=PursedBudget(purse=purse) if purse is not None else None,
            ),
            run=run,
            sandbox=box,
            purse=purse,
            shelf=shelf,
            tape=tape,
        )


def _settings(config: RunConfig, more: Mapping[str, JsonValue] | None) -> str:
    """What of a run is saved with it, TOML."""
    # How a run is carried out is no part of what it is: a resumed run may change it.
    own = config.model_dump(
        mode="json",
        exclude_none=True,
        exclude={
            "budget_usd",
            "concurrency",
            "outage_wait_s",
            "tape",
            *(() if is_live(config.world) else ("live",)),
            *(() if config.model.startswith("local:") else ("local",)),
        },
    )
    return to_toml({**own, **(more or {})})


def _purse(config: RunConfig, *, run: RunFolder, tape: Tape) -> Purse | None:
    """What the run may still spend. Earlier sessions count, lost attempts where they are recorded."""
    if config.budget_usd is None:
        return None
    is_own = tape.path.parent == run.path
    spent_usd = tape.spent_usd() if is_own else run.ledger().cost_usd
    return Purse(max_usd=config.budget_usd, spent_usd=spent_usd)


def _open_source(
    config: RunConfig, *, stack: AsyncExitStack, progress: ProgressBar | None
) -> OpenedWorld:
    """The world a config names: live engines, or a folder."""
    if not is_live(config.world):
        folder = world_folder(config.world, progress=progress)
        return open_world(folder, embedder=config.embedder)
    return open_live_source(
        config.world, config.live, tape=config.tape, seed=config.seed, stack=stack
    )


def open_live_source(
    name: str, settings: LiveSettings, *, tape: str, seed: int, stack: AsyncExitStack
) -> OpenedWorld:
    """Live engines, closed with the stack; a replay needs no keys.

    Raises:
        ConfigError: see `open_live`.
    """
    is_replay = TapeMode(tape.partition(":")[0]).is_replay
    live = open_live(name, settings, seed=seed, needs_keys=not is_replay)
    stack.push_async_callback(live.aclose)
    return OpenedWorld(world=live, notes=live_notes(live, name))


def _taped_sandbox(box: OpenedSandbox, config: RunConfig, *, tape: Tape) -> TapedSandbox | None:
    """The sandbox behind the tape. A replay needs none where the recorded run had one."""
    is_recorded = tape.mode.is_replay and config.python != "off" and tape.holds(PYTHON)
    if box.sandbox is None and not is_recorded:
        return None
    return TapedSandbox(box.sandbox, tape)


def _engine(source: OpenedWorld, config: RunConfig) -> World:
    """The world itself, or a generated one whose picture search does not look.

    Raises:
        ConfigError: a simulated search for a world that knows no boxes.
    """
    if not config.noise.simulate_images:
        return source.world
    if source.generated is None:
        msg = (
            f"simulated picture search needs a generated world, got {config.world!r}: leave "
            "noise.simulate_images off"
        )
        raise ConfigError(msg)
    return SimulatedWorld.of(source.generated)


def _noisy(world: World, source: OpenedWorld, config: RunConfig) -> World:
    """The world behind an engine that misbehaves; outside the tape, so that recordings stay clean."""
    settings = config.noise.settings
    if settings.is_clean:
        return world
    return NoisyWorld(
        world,
        settings,
        world_seed=source.world.manifest().seed or 0,
        noise_seed=config.noise.seed,
        older=OlderPages(source.generated) if source.generated is not None else None,
    )


@asynccontextmanager
async def open_tape(
    setting: str, *, run: RunFolder, redactor: Redactor | None = None, seals: bool = False
) -> AsyncIterator[Tape]:
    """The run's own tape, closed with the run, or one in a file of its own."""
    mode, _, file = setting.partition(":")
    if file:
        async with Tape.open(
            Path(file), mode=TapeMode(mode), redactor=redactor, seals=seals
        ) as tape:
            yield tape
    else:
        yield run.tape(TapeMode(mode), seals=seals)


def _make_summariser(model: ModelClient | None, *, tape: Tape) -> Summariser:
    if model is None:
        return PassagePicker()
    return LlmSummariser(TapedModel(model, tape, spend=SpendKind.SUMMARY))
