"""Config to objects: the one place that knows every implementation.

Also the only one that reads the environment and the date. A world and a model are named by strings; an unknown name is a user error that lists the known
ones. `open_session` puts everything of one run together and closes it again.
"""

import json
import os
import sys
import tomllib
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal, TextIO

from pydantic import Field, JsonValue, ValidationError

from vision_deepresearch.agent.limits import Limits
from vision_deepresearch.agent.loop import run as run_agent
from vision_deepresearch.agent.researcher import Researcher, adapted_to_mode
from vision_deepresearch.core.content import ImageRef
from vision_deepresearch.core.context import SpendKind
from vision_deepresearch.core.errors import ConfigError
from vision_deepresearch.core.events import Listener
from vision_deepresearch.core.mode import mode_named
from vision_deepresearch.core.protocols import (
    Judge,
    ModelClient,
    Profile,
    Sampling,
    Summariser,
    TruthSource,
    World,
)
from vision_deepresearch.core.record import Record
from vision_deepresearch.core.task import Task
from vision_deepresearch.core.trajectory import Trajectory
from vision_deepresearch.judge.rules import RuleJudge
from vision_deepresearch.media.store import FolderMediaStore
from vision_deepresearch.models.oracle import OracleModel
from vision_deepresearch.models.profiles.named import profile_named
from vision_deepresearch.models.scripted import ScriptedModel
from vision_deepresearch.models.seat import DirectorySeat, TerminalSeat
from vision_deepresearch.models.taped import TapedModel
from vision_deepresearch.store.provenance import provenance
from vision_deepresearch.store.run import RunFolder
from vision_deepresearch.store.tape import Tape, TapeMode
from vision_deepresearch.tools.summarise import LlmSummariser, PassagePicker
from vision_deepresearch.tools.toolset import ToolLimits, build_tools
from vision_deepresearch.worlds.generated.build import build_world
from vision_deepresearch.worlds.generated.spec import WorldSpec, spec_named
from vision_deepresearch.worlds.generated.world import GeneratedWorld, open_truth
from vision_deepresearch.worlds.wrappers.meter import MeteredWorld
from vision_deepresearch.worlds.wrappers.tape import TapedWorld

ProgressBar = Callable[[str, int, int], None]
"""Called with (what, done, total) on long work."""

MODELS = ("oracle", "scripted:FILE", "seat", "seat:DIR")
MIN_PAGES = 150
"""Smaller webs hold too few things that can be told apart."""
PAGES_PER_ENTITY = 1.9
"""Pages of a generated world per thing in it, about."""
WORLDS = ("generated:PRESET", "generated:PRESET@SEED", "a world folder")


class RunConfig(Record):
    """Everything that determines a run; saved with it as config.toml."""

    model: str = "oracle"
    world: str = "generated:small"
    mode: str = "cis+ts"
    profile: Literal["vdr", "native"] = "vdr"
    calls_per_turn: Literal["one", "many"] = "many"
    """Profile `vdr`: released checkpoints were trained with `one`."""
    system_prompt: str | None = None
    """Path of a checkpoint's own system prompt; replaces ours."""
    summariser: str = "passages"
    """Who reads pages for a goal: `passages` (an extract, no model) or the name of a model."""
    tape: str = Field(default="auto", pattern=r"^(off|auto|record|replay|replay-strict)(:.+)?$")
    """MODE or MODE:FILE; without a file the run folder holds the tape, its memo of outside calls."""
    python: Literal["auto", "off"] = "auto"
    """`auto` means off as long as no sandbox tier is available."""
    today: str = ""
    """ISO date the prompt states; empty: the day the run was made."""
    seed: int = 0
    """Sent with sampled model calls; sibling attempts count on from it, so that they differ."""
    concurrency: int = Field(default=4, ge=1, le=4096)
    """Trajectories at a time."""
    limits: Limits = Limits()
    sampling: Sampling = Sampling()
    tools: ToolLimits = ToolLimits()


def make_config(values: Mapping[str, JsonValue], *, overrides: Sequence[str] = ()) -> RunConfig:
    """Check values and `--set a.b=1` overrides against the schema.

    Raises:
        ConfigError: an unknown key or a value that does not fit; the message names it.
    """
    merged: dict[str, JsonValue] = dict(values)
    for override in overrides:
        _override(merged, override)
    try:
        config = RunConfig.model_validate(merged)
    except ValidationError as error:
        raise ConfigError(_explain(error)) from error
    mode_named(config.mode)
    if config.sampling.seed is not None:
        msg = f"sampling.seed is made from seed and attempt, got {config.sampling.seed}: set seed"
        raise ConfigError(msg)
    if not config.today:
        config = config.model_copy(update={"today": datetime.now(UTC).date().isoformat()})
    try:
        datetime.fromisoformat(config.today)
    except ValueError:
        msg = f"today needs an ISO date like 2026-11-23, got {config.today!r}"
        raise ConfigError(msg) from None
    return config


def load_recipe(path: Path) -> dict[str, JsonValue]:
    """Read a TOML recipe.

    Raises:
        ConfigError: no such file, or no TOML; the message says where.
    """
    try:
        return tomllib.loads(path.read_text())
    except OSError as error:
        msg = f"a recipe is a TOML file, but {str(path)!r} cannot be read: {error.strerror}"
        raise ConfigError(msg) from error
    except ValueError as error:
        msg = f"{str(path)!r} is no TOML: {error}"
        raise ConfigError(msg) from error


def stored_today(out: Path) -> str:
    """The date of an earlier run in this folder, or "" when there was none."""
    try:
        stored = tomllib.loads((out / "config.toml").read_text())
    except OSError:
        return ""
    return str(stored.get("today", ""))


def to_toml(values: Mapping[str, JsonValue], *, prefix: str = "") -> str:
    """Write plain values and nested tables as TOML; keys in the order given."""
    lines: list[str] = []
    tables: list[str] = []
    for key, value in values.items():
        if isinstance(value, dict):
            name = f"{prefix}{key}"
            tables.append(f"\n[{name}]\n" + to_toml(value, prefix=f"{name}."))
        elif value is not None:
            lines.append(f"{key} = {json.dumps(value, ensure_ascii=True)}\n")
    return "".join(lines) + "".join(tables)


def _override(merged: dict[str, JsonValue], override: str) -> None:
    key, separator, text = override.partition("=")
    if not separator or not key.strip():
        msg = f"--set needs key=value, got {override!r}: for example --set limits.max_turns=20"
        raise ConfigError(msg)
    try:
        value = tomllib.loads(f"value = {text}")["value"]
    except ValueError:
        value = text
    place = merged
    *parents, last = key.strip().split(".")
    for parent in parents:
        child = place.get(parent, {})
        if not isinstance(child, dict):
            msg = f"--set {key}: {parent!r} is a value, not a table of values"
            raise ConfigError(msg)
        place[parent] = child = dict(child)
        place = child
    place[last] = value


def _explain(error: ValidationError) -> str:
    lines = []
    for item in error.errors(include_url=False):
        key = ".".join(str(part) for part in item["loc"])
        if item["type"] == "extra_forbidden":
            parent = item["loc"][:-1]
            known = {"limits": Limits, "sampling": Sampling, "tools": ToolLimits}
            model = known.get(str(parent[0]), RunConfig) if parent else RunConfig
            lines.append(f"unknown config key {key!r}: use one of {', '.join(model.model_fields)}")
        else:
            lines.append(f"config key {key!r}: {item['msg']}, got {item['input']!r}")
    return "; ".join(lines)


# ------------------------------------------------------------------------------------------ worlds


def cache_folder() -> Path:
    """Where generated worlds are kept between runs: VDR_CACHE, or the user's cache folder."""
    own = os.environ.get("VDR_CACHE")
    if own:
        return Path(own)
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "vision-deepresearch"


def world_folder(name: str, *, progress: ProgressBar | None = None) -> Path:
    """The folder of a named world; a generated one is built on first use.

    Raises:
        ConfigError: no such world.
    """
    if name.startswith("generated:"):
        preset, _, seed = name.removeprefix("generated:").partition("@")
        if seed and not seed.isdecimal():
            msg = f"the seed of a generated world is a whole number, got {seed!r} in {name!r}"
            raise ConfigError(msg)
        spec = spec_named(preset, seed=int(seed or 0))
        folder = cache_folder() / "worlds" / f"{preset}-{spec.seed}-{spec.world_id()}"
        if not (folder / "manifest.json").is_file():
            build_world(spec, folder, progress=progress)
        return folder
    folder = Path(name)
    if folder.is_dir():
        return folder
    msg = (
        f"unknown world {name!r}: use one of {', '.join(WORLDS)} "
        "(`vdr world build generated` makes a folder)"
    )
    raise ConfigError(msg)


def build_generated(
    out: Path, *, pages: int, tasks: int, depth: str, seed: int, progress: ProgressBar
) -> None:
    """Build a generated world of about `pages` pages in a folder of the user's.

    Raises:
        ConfigError: the folder is not empty, or a number does not fit.
    """
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        msg = f"a world is built into a new or empty folder, {str(out)!r} is not: choose another"
        raise ConfigError(msg)
    if pages < MIN_PAGES:
        msg = f"a generated world needs at least {MIN_PAGES} pages, got {pages}"
        raise ConfigError(msg)
    try:
        spec = WorldSpec.model_validate({
            "preset": "custom",
            "seed": seed,
            "num_entities": round(pages / PAGES_PER_ENTITY),
            "num_tasks": tasks,
            "depth": depth,
        })
    except ValidationError as error:
        raise ConfigError(_explain(error)) from error
    build_world(spec, out, progress=progress)


# ------------------------------------------------------------------------------------------ models


@dataclass(frozen=True, slots=True, kw_only=True)
class Streams:
    """Where the terminal seat reads and writes."""

    source: TextIO
    sink: TextIO


def make_profile(config: RunConfig) -> Profile:
    """The profile a config names."""
    own = None
    if config.system_prompt is not None:
        try:
            own = Path(config.system_prompt).read_text()
        except OSError as error:
            msg = f"system_prompt {config.system_prompt!r} cannot be read: {error.strerror}"
            raise ConfigError(msg) from error
    return profile_named(config.profile, calls_per_turn=config.calls_per_turn, system_prompt=own)


def make_model(
    name: str,
    *,
    profile: Profile,
    truth: TruthSource | None,
    path_of: Callable[[ImageRef], Path | None],
    streams: Streams | None = None,
) -> ModelClient:
    """The model a name stands for.

    Raises:
        ConfigError: no such model, or the oracle outside a generated world.
    """
    kind, _, argument = name.partition(":")
    match kind, argument:
        case "oracle", "":
            if truth is None:
                msg = "the oracle teaches generated worlds only: use --world generated:small"
                raise ConfigError(msg)
            return OracleModel(truth, profile)
        case "scripted", file if file:
            return ScriptedModel.from_file(Path(file))
        case "seat", "":
            chosen = streams or Streams(source=sys.stdin, sink=sys.stdout)
            return TerminalSeat(profile, source=chosen.source, sink=chosen.sink, path_of=path_of)
        case "seat", folder:
            return DirectorySeat(Path(folder), profile=profile, path_of=path_of)
        case _:
            msg = f"unknown model {name!r}: use one of {', '.join(MODELS)}"
            raise ConfigError(msg)


@asynccontextmanager
async def _open_tape(setting: str, *, run: RunFolder) -> AsyncIterator[Tape]:
    """The run's own tape, closed with the run, or one in a file of its own."""
    mode, _, file = setting.partition(":")
    if file:
        async with Tape.open(Path(file), mode=TapeMode(mode)) as tape:
            yield tape
    else:
        yield run.tape(TapeMode(mode))


def _summarising_model(
    name: str, *, profile: Profile, media: FolderMediaStore, streams: Streams | None
) -> ModelClient | None:
    """Who reads pages for a goal; None: nobody, passages are picked."""
    if name == "passages":
        return None
    if name == "oracle":
        msg = "the oracle cannot summarise pages: use summariser 'passages' or another model"
        raise ConfigError(msg)
    return make_model(name, profile=profile, truth=None, path_of=media.path_of, streams=streams)


def _make_summariser(model: ModelClient | None, *, tape: Tape) -> Summariser:
    if model is None:
        return PassagePicker()
    return LlmSummariser(TapedModel(model, tape, spend=SpendKind.SUMMARY))


# ----------------------------------------------------------------------------------------- session


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """Everything one run needs, put together."""

    config: RunConfig
    world: World
    source: GeneratedWorld
    """The world itself, without recorder and meter: for its tasks and pictures."""
    media: FolderMediaStore
    researcher: Researcher
    judge: Judge
    run: RunFolder

    async def roll_out(
        self, task: Task, attempt: int, *, listener: Listener | None = None
    ) -> Trajectory:
        """One attempt at a task."""
        sampling = self.researcher.sampling.model_copy(update={"seed": self.config.seed + attempt})
        researcher = replace(self.researcher, sampling=sampling)
        return await run_agent(task, researcher, attempt=attempt, listener=listener)

    def tasks(self, limit: int | None = None) -> list[Task]:
        """The world's own tasks, their pictures put into the run's media store."""
        return [self.with_pictures(task) for task in self.source.tasks(limit)]

    def with_pictures(self, task: Task) -> Task:
        """A task of the world, its pictures put into the run's media store."""
        for data in self.source.task_pictures(task):
            self.media.put(data)
        return task


@asynccontextmanager
async def open_session(
    config: RunConfig,
    *,
    out: Path,
    progress: ProgressBar | None = None,
    streams: Streams | None = None,
) -> AsyncIterator[Session]:
    """Open world, model, tools and run folder; close them again.

    Raises:
        ConfigError: an unknown name, a world of another version, a folder of another run.
    """
    folder = world_folder(config.world, progress=progress)
    source = GeneratedWorld.open(folder)
    truth = open_truth(folder)
    profile = make_profile(config)
    media = FolderMediaStore(out / "media")
    model = make_model(
        config.model, profile=profile, truth=truth, path_of=media.path_of, streams=streams
    )
    reader = _summarising_model(config.summariser, profile=profile, media=media, streams=streams)
    judge = RuleJudge()
    about = provenance(
        seeds={"run": config.seed, "world": source.manifest().seed or 0},
        world=source.manifest(),
        model=model.name,
        judge=judge.profile_id,
        today=config.today,
        extra={"tape": config.tape, "concurrency": config.concurrency},
    )
    # How a run is carried out is no part of what it is: a resumed run may change it.
    settings = to_toml(
        config.model_dump(mode="json", exclude_none=True, exclude={"concurrency", "tape"})
    )
    async with AsyncExitStack() as stack:
        run = await stack.enter_async_context(
            RunFolder.open(out, config=settings, provenance=about)
        )
        tape = await stack.enter_async_context(_open_tape(config.tape, run=run))
        world = MeteredWorld(TapedWorld(source, tape))
        mode = mode_named(config.mode)
        researcher = Researcher(
            model=TapedModel(model, tape),
            profile=profile,
            tools=build_tools(
                mode.tools,
                world=world,
                media=media,
                summariser=_make_summariser(reader, tape=tape),
                limits=config.tools,
            ),
            mode=mode,
            limits=config.limits,
            sampling=config.sampling,
            today=config.today,
            media=media,
        )
        adapted_to_mode(researcher)  # refuse a mode that cannot run before anything is made
        yield Session(
            config=config,
            world=world,
            source=source,
            media=media,
            researcher=researcher,
            judge=judge,
            run=run,
        )
