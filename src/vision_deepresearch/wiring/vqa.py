"""VQA synthesis put together: a recipe becomes stages over a run folder, and is closed again."""

import asyncio
import os
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Literal

from pydantic import Field, JsonValue

from vision_deepresearch.core.context import SpendKind
from vision_deepresearch.core.errors import ConfigError
from vision_deepresearch.core.page import WorldManifest
from vision_deepresearch.core.protocols import Executor, Sampling, TruthSource, World
from vision_deepresearch.media.store import FolderMediaStore
from vision_deepresearch.models.endpoint import EndpointSettings, secret_keys
from vision_deepresearch.models.taped import TapedModel
from vision_deepresearch.store.provenance import provenance
from vision_deepresearch.store.redact import Redactor
from vision_deepresearch.store.run import RunFolder
from vision_deepresearch.store.tape import Tape
from vision_deepresearch.synth.carry_out import LocalExecutor
from vision_deepresearch.synth.roles.vqa import VqaRoles
from vision_deepresearch.synth.roles.vqa_prompted import prompted_text_roles, prompted_vqa_roles
from vision_deepresearch.synth.roles.vqa_truth import truth_roles, truth_text_roles
from vision_deepresearch.synth.roles.vqa_truth_given import KnownQuestions
from vision_deepresearch.synth.stage import EachStage, Item, Stage
from vision_deepresearch.synth.vqa.dataset import VqaDataset
from vision_deepresearch.synth.vqa.means import Means
from vision_deepresearch.synth.vqa.settings import VqaSettings
from vision_deepresearch.synth.vqa.stages import vqa_stages
from vision_deepresearch.synth.vqa.text import text_stages
from vision_deepresearch.synth.vqa.verified import verified_stages
from vision_deepresearch.synth.vqa_records import Move
from vision_deepresearch.synth.workplace import MakeStages
from vision_deepresearch.wiring.config import (
    AskConsent,
    checked,
    make_config,
    recipe_values,
    refuse_unpriced,
    to_toml,
)
from vision_deepresearch.wiring.given_rows import count_rows, read_sets
from vision_deepresearch.wiring.live import live_environment, live_secrets
from vision_deepresearch.wiring.models import ModelShelf
from vision_deepresearch.wiring.secrets import environment_secrets
from vision_deepresearch.wiring.session import open_live_source, open_tape
from vision_deepresearch.wiring.spreading import (
    local_executor,
    ray_executor,
    refuse_ray_for_models,
)
from vision_deepresearch.wiring.topic_places import first_places
from vision_deepresearch.wiring.unopened import UnopenedWorld
from vision_deepresearch.wiring.worlds import (
    OpenedWorld,
    ProgressBar,
    open_world,
    require_world,
    world_folder,
)
from vision_deepresearch.worlds.generated.truth import GeneratedTruth
from vision_deepresearch.worlds.live.catalog import is_live
from vision_deepresearch.worlds.live.settings import LiveSettings
from vision_deepresearch.worlds.live.world import CONSENT
from vision_deepresearch.worlds.wrappers.meter import MeteredWorld
from vision_deepresearch.worlds.wrappers.tape import TapedWorld

_NUM_PICTURES = 250
COPIES = "given"
"""Folder of a run: the pictures of existing sets as they came."""
_NEEDED_MODE = "cis+ts"
"""Of a live world: its engines must be able to do as much."""
_TEXT_MODE = "ts"
"""The same where nothing is looked at."""
TRUTH = "truth"
"""The name of the model that is no model: what a generated world knows."""


class VqaConfig(VqaSettings):
    """Everything that determines a set of questions; saved with it as config.toml."""

    kind: Literal["vqa"] = "vqa"
    world: str = "generated:small"
    embedder: str | None = None
    """Of a world with vectors; see `RunConfig.embedder`."""
    model: str = TRUTH
    """Who plays the roles: `truth` (generated worlds), or a model."""
    about: Literal["pictures", "pages"] = "pictures"
    """What is asked about; `pages`: questions without a picture, by walks over the world's pages."""
    sets: tuple[str, ...] = ()
    """Files of existing questions about pictures: then these are filtered, and none are made."""
    num_pictures: int | None = Field(default=None, ge=1)
    """Pictures, or things with pages, to begin with; of existing sets: rows of each. None: 250; all rows."""
    seed: int = 0
    concurrency: int = Field(default=4, ge=1, le=4096)
    """Records at a time, in each process."""
    tape: str = Field(default="auto", pattern=r"^(off|auto|record|replay|replay-strict)(:.+)?$")
    """See `RunConfig.tape`. The truth and its world cost nothing: they are not recorded."""
    max_usd: float | None = Field(default=None, gt=0)
    """Dollars for the whole run."""
    sampling: Sampling = Sampling()
    endpoint: EndpointSettings = EndpointSettings()
    """How the model is spoken to, and what it costs."""
    live: LiveSettings = LiveSettings()
    """Of a world `live:...`."""
    judge_model: str | None = None
    """Who chooses, answers without evidence and objects; None: the model itself."""
    judge_endpoint: EndpointSettings | None = None
    images: str | None = None
    """Folder of your pictures, for a model to ask about; the truth draws its own. Of existing sets:
    where the files lie that they name."""
    topics: str | None = None
    """With `pages` and a model: file of what to begin at, a line each, an address or words to search
    for. None: pages of the world itself, drawn by the seed; a world that cannot list them needs it."""
    licence: str = ""
    """Of these pictures, or pages; kept with every question."""

    @property
    def looks_at_pages(self) -> bool:
        """Whether questions may lead through pictures of pages: an option."""
        return any(Move.LOOK in plan for plan in self.obfuscate.plans)


def make_vqa_config(
    values: Mapping[str, JsonValue],
    *,
    overrides: Sequence[str] = (),
    ask_consent: AskConsent | None = None,
) -> VqaConfig:
    """Check values and `--set a.b=1` overrides against the schema.

    Args:
        values: plain tables.
        overrides: of single values.
        ask_consent: see `make_config`.

    Raises:
        ConfigError: an unknown key or a value that does not fit, or a live world without pictures
            to search by or without consent; the message names it.
    """
    merged = recipe_values(values, overrides=overrides, kind="vqa", command="vdr synth vqa")
    if "degrade" in merged:
        msg = (
            "[degrade] damages pictures where they are researched; questions are found solvable by "
            "pictures as they are: put the table into the recipe of `vdr synth trajectories`"
        )
        raise ConfigError(msg)
    config = checked(VqaConfig, merged)
    if config.about == "pages" and (config.sets or config.images is not None):
        msg = 'about = "pages" asks without pictures: leave sets (--from) and images out'
        raise ConfigError(msg)
    if config.topics is not None and (config.about != "pages" or config.model == TRUTH):
        msg = 'topics are for about = "pages" with a model: leave them out, or set both'
        raise ConfigError(msg)
    if config.looks_at_pages and (config.about == "pages" or config.sets):
        msg = (
            "a move 'look' belongs to questions made about pictures: leave it out of obfuscate.plans, "
            'or about = "pages" and sets (--from) out'
        )
        raise ConfigError(msg)
    if config.looks_at_pages and config.model != TRUTH:
        msg = (
            f"the move 'look' of obfuscate.plans is made by the truth of a generated world so far, not "
            f"by {config.model!r}: leave it out, or set model = {TRUTH!r}"
        )
        raise ConfigError(msg)
    if config.max_usd is not None and config.model != TRUTH:
        roles = [("endpoint", config.model, config.endpoint)]
        if config.judge_model is not None:
            own = config.judge_endpoint or EndpointSettings()
            roles.append(("judge_endpoint", config.judge_model, own))
        refuse_unpriced(roles, max_usd=config.max_usd)
    return _resolved(config, ask_consent=ask_consent) if is_live(config.world) else config


def _resolved(config: VqaConfig, *, ask_consent: AskConsent | None) -> VqaConfig:
    """Say which engines `live:...` means here, as for any run."""
    if config.model == TRUTH:
        msg = f"the truth plays in generated worlds only, not in {config.world!r}: name a model"
        raise ConfigError(msg)
    needed = _TEXT_MODE if config.about == "pages" else _NEEDED_MODE
    run = make_config(
        {
            "world": config.world,
            "live": config.live.model_dump(mode="json", exclude_unset=True),
            "model": config.model,
            "endpoint": config.endpoint.model_dump(mode="json"),
            "summariser": "passages",
            "mode": needed,
            "tape": config.tape,
            "budget_usd": config.max_usd,
        },
        ask_consent=ask_consent,
    )
    if run.mode != needed and not config.sets:
        msg = (
            f"things in pictures are verified by picture search, {run.world!r} has none: name an "
            f"engine, for example live:serper+google_vision, and agree with --set {CONSENT}=true"
        )
        raise ConfigError(msg)
    return config.model_copy(update={"world": run.world, "live": run.live})


@dataclass(frozen=True, slots=True, kw_only=True)
class VqaRun:
    """Everything one run of VQA synthesis needs."""

    config: VqaConfig
    about: WorldManifest
    stages: tuple[Stage, ...]
    sources: tuple[Item, ...]
    run: RunFolder
    executor: Executor


@asynccontextmanager
async def open_vqa(
    config: VqaConfig,
    *,
    out: Path,
    jobs: int | None = 1,
    ray: str | None = None,
    progress: ProgressBar | None = None,
) -> AsyncIterator[VqaRun]:
    """Open world, roles and run folder; close them again.

    Args:
        config: what is made.
        out: the run folder.
        jobs: processes, or workers of the cluster; None: one, or one per processor there.
        ray: address of a cluster; None: this machine alone.
        progress: of a world that has to be built.

    Raises:
        ConfigError: an unknown name, a world that cannot play the roles, a folder of another run,
            a cluster that is not there or does not reach what it needs.
    """
    if config.model != TRUTH:
        refuse_ray_for_models(ray, model=config.model)
    redactor = Redactor([
        *secret_keys(os.environ),
        *live_secrets(live_environment()),
        *environment_secrets(),
    ])
    async with AsyncExitStack() as stack:
        source = _open_source(config, stack=stack, progress=progress)
        about = source.world.manifest()
        told = provenance(
            seeds={"run": config.seed, "world": about.seed or 0},
            world=about,
            model=config.model,
            extra={"jobs": jobs, "ray": ray},
        )
        # How a run is carried out is no part of what it is: a resumed run may change it.
        carried_out = {"concurrency", "tape", *(() if is_live(config.world) else ("live",))}
        kept = config.model_dump(mode="json", exclude_none=True, exclude=carried_out)
        run = await stack.enter_async_context(
            RunFolder.open(out, config=to_toml(kept), provenance=told, redactor=redactor)
        )
        tape = None
        if config.model != TRUTH:
            opened = open_tape(config.tape, run=run, redactor=redactor)
            tape = await stack.enter_async_context(opened)
        means = _means(config, source, out=out, tape=tape, stack=stack)
        stages = _stages(config, means, source, out=out)
        yield VqaRun(
            config=config,
            about=about,
            stages=stages,
            sources=await asyncio.to_thread(_sources, config, means, out=out),
            run=run,
            executor=await _executor(
                config, stages, out=out, jobs=jobs, ray=ray, about=about, stack=stack
            ),
        )


def stages_for(config: VqaConfig, *, out: Path) -> tuple[Stage, ...]:
    """The stages alone, for what they expect; nothing is written.

    Raises:
        ConfigError: see `open_vqa`.
    """
    # Nothing is asked of these stages' models, so that nothing is there to be closed.
    stack = AsyncExitStack()
    source = _open_source(config, stack=stack)
    means = _means(config, source, out=out, tape=None, stack=stack)
    return _stages(config, means, source, out=out)


def planned_stages(config: VqaConfig, *, out: Path) -> tuple[Stage, ...]:
    """The stages for what they expect, before a run; where models play no world is opened.

    Raises:
        ConfigError: see `open_vqa`; folders and worlds of the user's need not be there yet.
    """
    if config.model == TRUTH:
        return stages_for(config, out=out)
    source = OpenedWorld(world=UnopenedWorld(config.world))
    anywhere = config.model_copy(update={"images": str(Path.cwd())})
    means = _means(anywhere, source, out=out, tape=None, stack=AsyncExitStack())
    return _stages(config, means, source, out=out)


def num_records(config: VqaConfig) -> int:
    """How many records a run begins with at most; nothing is written.

    Raises:
        ConfigError: a set that cannot be read.
    """
    if config.sets:
        return count_rows([Path(one) for one in config.sets], limit=config.num_pictures)
    return config.num_pictures or _NUM_PICTURES


def _stages(
    config: VqaConfig, means: Means, source: OpenedWorld, *, out: Path
) -> tuple[Stage, ...]:
    if config.about == "pages":
        return text_stages(means, config, seed=config.seed)
    if not config.sets:
        return vqa_stages(means, config, seed=config.seed)
    known = _known(source) if config.model == TRUTH else None
    return verified_stages(
        means, config, copies=out / COPIES, proof_of=known.proof if known is not None else None
    )


def _sources(config: VqaConfig, means: Means, *, out: Path) -> tuple[Item, ...]:
    """What the first stage takes."""
    if means.roles.topics is not None:
        return means.roles.topics.sources(config.num_pictures or _NUM_PICTURES)
    if not config.sets:
        assert means.roles.collector is not None, "its stages were made"
        return means.roles.collector.sources(config.num_pictures or _NUM_PICTURES)
    given = read_sets(
        [Path(one) for one in config.sets],
        copies=out / COPIES,
        pictures=Path(config.images) if config.images is not None else None,
        limit=config.num_pictures,
        licence=config.licence,
    )
    return tuple(given.rows)


def _known(source: OpenedWorld) -> KnownQuestions:
    assert source.truth is not None, "the truth was found to play here"
    return KnownQuestions(source.own_tasks(), source.truth)


async def _executor(
    config: VqaConfig,
    stages: Sequence[Stage],
    *,
    out: Path,
    jobs: int | None,
    ray: str | None,
    about: WorldManifest,
    stack: AsyncExitStack,
) -> Executor:
    """Several where the truth plays: with a model one waits for others, not for the CPU."""
    if config.model != TRUTH:
        return LocalExecutor(_each(stages))
    if ray is None:
        make_stages = partial(_stages_of, config.model_dump_json(), str(out))
        return local_executor(_each(stages), make_stages, jobs=jobs or 1, stack=stack)
    there = _make_there(config, out=out, world_id=about.world_id)
    return await ray_executor(ray, there, out=out, jobs=jobs, stack=stack)


def _stages_of(config: str, out: str) -> Sequence[EachStage]:
    """The stages in a process of their own."""
    return _each(stages_for(VqaConfig.model_validate_json(config), out=Path(out)))


def _make_there(config: VqaConfig, *, out: Path, world_id: str) -> MakeStages:
    """Makes the stages on another machine: every path absolute."""
    chosen = config.selection
    files = tuple(str(Path(one).absolute()) for one in chosen.benchmarks)
    world, evolution = world_folder(config.world).absolute(), config.evolution
    if evolution is not None:
        run = str(Path(evolution.run).absolute())
        evolution = evolution.model_copy(update={"run": run})
    there = config.model_copy(
        update={
            "world": str(world),
            "evolution": evolution,
            "selection": chosen.model_copy(update={"benchmarks": files}),
        }
    )
    return partial(_stages_there, there.model_dump_json(), str(out.absolute()), world_id)


def _stages_there(config: str, out: str, world_id: str) -> Sequence[EachStage]:
    """The stages on a machine of a cluster."""
    require_world(Path(VqaConfig.model_validate_json(config).world), world_id=world_id)
    return _stages_of(config, out)


def _each(stages: Sequence[Stage]) -> list[EachStage]:
    return [stage for stage in stages if isinstance(stage, EachStage)]


def _open_source(
    config: VqaConfig, *, stack: AsyncExitStack, progress: ProgressBar | None = None
) -> OpenedWorld:
    if is_live(config.world):
        return open_live_source(
            config.world, config.live, tape=config.tape, seed=config.seed, stack=stack
        )
    return open_world(world_folder(config.world, progress=progress), embedder=config.embedder)


def _means(
    config: VqaConfig,
    source: OpenedWorld,
    *,
    out: Path,
    tape: Tape | None,
    stack: AsyncExitStack,
) -> Means:
    """What the stages work with; with a tape every call to world and models is made once only."""
    world: World = MeteredWorld(source.world if tape is None else TapedWorld(source.world, tape))
    media = FolderMediaStore(out / "media")
    if config.model == TRUTH:
        roles = _played_by_truth(config, source)
    else:
        roles = _played_by_models(
            config, world=world, media=media, tape=tape, stack=stack, source=source
        )
    return Means(world=world, media=media, roles=roles, concurrency=config.concurrency)


def _played_by_truth(config: VqaConfig, source: OpenedWorld) -> VqaRoles:
    """The truth plays, on pictures of its own world.

    Raises:
        ConfigError: a world that has none, or settings that are a model's.
    """
    has_folder = config.images is not None and not config.sets
    if has_folder or config.judge_model is not None:
        msg = f"model {TRUTH!r} draws its own pictures and asks nobody: leave images and judge_model out"
        raise ConfigError(msg)
    if source.generated is None:
        about = source.world.manifest()
        msg = f"the truth plays in generated worlds only, {about.name!r} is a {about.kind} world"
        raise ConfigError(msg)
    pages = source.generated.pages
    if config.looks_at_pages and not pages.graph.spec.article_photos:
        msg = (
            f"the move 'look' of obfuscate.plans needs pages with pictures that no words tell of, "
            f"{source.world.manifest().name!r} has none: use generated:illustrated"
        )
        raise ConfigError(msg)
    if config.about == "pages":
        return truth_text_roles(pages)
    roles = truth_roles(pages)
    return replace(roles, selector=_known(source)) if config.sets else roles


def _played_by_models(
    config: VqaConfig,
    *,
    world: World,
    media: FolderMediaStore,
    tape: Tape | None,
    stack: AsyncExitStack,
    source: OpenedWorld,
) -> VqaRoles:
    """Models play, on the user's pictures or the world's pages.

    Raises:
        ConfigError: no such model, folder or file, or none named.
    """
    folder = config.images or (str(Path(config.sets[0]).parent) if config.sets else None)
    if folder is None and config.about == "pictures":
        msg = (
            f"model {config.model!r} asks about your pictures: name their folder, --set images=DIR"
        )
        raise ConfigError(msg)
    run = make_config({
        "model": config.model,
        "summariser": "passages",
        "seed": config.seed,
        "endpoint": config.endpoint.model_dump(mode="json"),
    })
    shelf = ModelShelf(run, media=media, stack=stack, path_of=media.path_of)
    model = shelf.named(config.model, config.endpoint, role="model")
    judge = shelf.named(
        config.judge_model or config.model,
        config.judge_endpoint if config.judge_model else config.endpoint,
        role="judge_model",
    )
    if tape is not None:
        model, judge = TapedModel(model, tape), TapedModel(judge, tape, spend=SpendKind.JUDGE)
    if config.about == "pages":
        places = partial(first_places, source.world, topics=config.topics, seed=config.seed)
        return prompted_text_roles(
            model, judge, media=media, places=places, search=world, licence=config.licence
        )
    assert folder is not None, "refused above"
    return prompted_vqa_roles(
        model,
        judge,
        media=media,
        images=Path(folder),
        licence=config.licence,
        reader=world,
    )


def truth_of_dataset(source: OpenedWorld, dataset: VqaDataset) -> TruthSource:
    """What a generated world knows about the questions that a run made of it; for the oracle alone.

    Raises:
        ConfigError: another world than the one they were made of, or one that knows nothing.
    """
    world_id = source.world.manifest().world_id
    strange = any(task.provenance.get("world") != world_id for task in dataset.tasks)
    if source.generated is None or strange:
        msg = (
            f"the questions in {str(dataset.path)!r} were made of another world than "
            f"{source.world.manifest().name!r}: use the one that their config.toml names"
        )
        raise ConfigError(msg)
    return GeneratedTruth(source.generated.pages.graph, dataset.proofs)
