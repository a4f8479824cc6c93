"""The mixture put together: run folders are read, records chosen, and stored as run folders again."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from pydantic import JsonValue

from vision_deepresearch.core.content import Image, ImageRef
from vision_deepresearch.core.episode import Decision, Episode
from vision_deepresearch.core.errors import BadImageError, ConfigError
from vision_deepresearch.core.task import Task
from vision_deepresearch.media.store import FolderMediaStore
from vision_deepresearch.store.fingerprint import fingerprint
from vision_deepresearch.store.provenance import provenance
from vision_deepresearch.store.redact import Redactor
from vision_deepresearch.store.run import RunFolder
from vision_deepresearch.store.view import RunView
from vision_deepresearch.synth.mixture import (
    Candidate,
    Chosen,
    MixtureSettings,
    PartReport,
    PartSettings,
    SetReport,
    SetSettings,
    apportion,
    choose,
)
from vision_deepresearch.synth.vqa.dataset import latest_stages, open_vqa_dataset
from vision_deepresearch.wiring.config import checked, recipe_values, to_toml
from vision_deepresearch.wiring.secrets import environment_secrets

_DATABASE = "run.db"


def make_mixture_config(
    values: Mapping[str, JsonValue], *, overrides: Sequence[str] = ()
) -> MixtureSettings:
    """Check a recipe's values and `--set a.b=1` overrides against the schema.

    Raises:
        ConfigError: an unknown key or a value that does not fit; the message names it.
    """
    merged = recipe_values(values, overrides=overrides, kind="mixture", command="vdr synth mix")
    return checked(MixtureSettings, merged)


def look(settings: MixtureSettings) -> tuple[SetReport, ...]:
    """What is wanted and what is there, without choosing; runs that are not there offer nothing."""
    found: list[SetReport] = []
    for one in settings.sets:
        offered = {
            part.name: len(_offered(part, one)) if _is_run(part) else 0 for part in one.parts
        }
        total = one.total or 0
        asked = apportion(total, [part.share for part in one.parts])
        parts = tuple(
            PartReport(name=part.name, run=part.run, offered=offered[part.name], wanted=wanted)
            for part, wanted in zip(one.parts, asked, strict=True)
        )
        missing = [part.run for part in one.parts if not _is_run(part)]
        told = f"not made yet: {', '.join(dict.fromkeys(missing))}" if missing else ""
        report = SetReport(
            name=one.name,
            holds=one.holds,
            total_wanted=one.total,
            total=total,
            parts=parts,
            shortfall=told,
        )
        found.append(report)
    return tuple(found)


async def mix(settings: MixtureSettings, *, out: Path) -> tuple[SetReport, ...]:
    """Choose and store; the same command again finds its own and leaves it.

    Raises:
        ConfigError: a run that is not there or not finished, a shortfall, or another mixture there.
    """
    chosen: list[Chosen] = []
    used: frozenset[str] = frozenset()
    for one in settings.sets:
        offered = {part.name: _offered(part, one) for part in one.parts}
        made = choose(
            one,
            offered,
            seed=settings.seed,
            on_shortfall=settings.on_shortfall,
            used=used if settings.is_apart else frozenset(),
        )
        used |= {record.content for records in made.taken.values() for record in records}
        chosen.append(made)
    for one, made in zip(settings.sets, chosen, strict=True):
        await _store(one, made, settings=settings, out=out / one.name)
    return tuple(made.report for made in chosen)


# ------------------------------------------------------------------------------------ what is there


def _is_run(part: PartSettings) -> bool:
    return (Path(part.run) / _DATABASE).is_file()


def _offered(part: PartSettings, wanted: SetSettings) -> list[Candidate]:
    """The records of a run that would do.

    Raises:
        ConfigError: no such run, one that is not finished, or one that holds something else.
    """
    folder = Path(part.run)
    if not _is_run(part):
        msg = f"part {part.name!r} of set {wanted.name!r} needs a finished run at {part.run!r}: there is none"
        raise ConfigError(msg)
    if wanted.holds == "tasks":
        tasks = [task for task in open_vqa_dataset(folder).tasks if _is_usable(task)]
        return [Candidate(task_id=task.id, attempt=0, content=_content(task)) for task in tasks]
    with RunFolder.read(folder) as run:
        _refuse_unfinished(run, folder)
        found = [
            Candidate(
                task_id=one.task.id, attempt=one.trajectory.attempt, content=_content(one.task)
            )
            for one in run.episodes()
            if _is_right(one)
        ]
    if not found:
        msg = (
            f"part {part.name!r} of set {wanted.name!r}: {part.run!r} holds no attempt that was judged "
            "right: give the --out of `vdr synth trajectories`"
        )
        raise ConfigError(msg)
    return found


def _is_right(one: Episode) -> bool:
    return one.verdict.decision is Decision.CORRECT and _is_usable(one.task)


def _is_usable(task: Task) -> bool:
    """Nothing that is kept for tests, or must not be written down."""
    return task.gold is not None and task.kind != "benchmark" and not task.protected


def _refuse_unfinished(run: RunView, folder: Path) -> None:
    latest = latest_stages(run)
    if "accept" not in latest:
        return  # another kind of run with judged attempts
    before = sum(not item.reason for item in run.items(latest.get("narrate", "")))
    if sum(1 for _ in run.items(latest["accept"])) < before:
        msg = f"{str(folder)!r} is not finished: the same `vdr synth trajectories` goes on"
        raise ConfigError(msg)


def _content(task: Task) -> str:
    words = " ".join(task.question.casefold().split())
    told = "\n".join([words, *(ref.sha256 for ref in task.images)])
    return hashlib.sha256(told.encode("utf-8", "surrogatepass")).hexdigest()


# ------------------------------------------------------------------------------------ what is stored


async def _store(one: SetSettings, made: Chosen, *, settings: MixtureSettings, out: Path) -> None:
    told = one.model_dump(mode="json", exclude_none=True)
    keys = {name: [record.key for record in records] for name, records in made.taken.items()}
    config = to_toml({
        "kind": settings.kind,
        "seed": settings.seed,
        "on_shortfall": settings.on_shortfall,
        "is_apart": settings.is_apart,
        # Other records than before are another mixture, which another folder is for.
        "records": fingerprint(keys),
        "sets": [told],
    })
    about = provenance(
        seeds={"run": settings.seed},
        extra={"mixture": made.report.model_dump(mode="json")},
    )
    redactor = Redactor(environment_secrets())
    media = FolderMediaStore(out / "media")
    async with RunFolder.open(out, config=config, provenance=about, redactor=redactor) as run:
        for part in one.parts:
            await _copy(part, one, {record.key for record in made.taken[part.name]}, run, media)


async def _copy(
    part: PartSettings,
    one: SetSettings,
    wanted: set[str],
    run: RunFolder,
    media: FolderMediaStore,
) -> None:
    """Records, their pictures, and where they are from."""
    theirs = FolderMediaStore(Path(part.run) / "media")

    def marked(task: Task) -> Task:
        for ref in task.images:
            try:
                media.put(theirs.load(ref))
            except (BadImageError, KeyError) as reason:
                msg = f"a question of {part.run!r} has a picture that cannot be copied: {reason}"
                raise ConfigError(msg) from reason
        origin = {"mixture_part": part.name, "mixture_run": Path(part.run).name}
        return task.model_copy(update={"provenance": {**task.provenance, **origin}})

    if one.holds == "tasks":
        for task in open_vqa_dataset(Path(part.run)).tasks:
            if f"{task.id}/0" in wanted:
                await run.put_task(marked(task))
        return
    with RunFolder.read(Path(part.run)) as source:
        for episode in source.episodes():
            if f"{episode.task.id}/{episode.trajectory.attempt}" in wanted:
                for ref in _seen(episode):
                    data = source.load_picture(ref)
                    if data is not None:
                        media.put(data)
                await run.put_episode(episode.model_copy(update={"task": marked(episode.task)}))


def _seen(episode: Episode) -> Iterator[ImageRef]:
    """Every picture of an attempt: those of its bank, and those that messages show."""
    trajectory = episode.trajectory
    refs = [entry.ref for entry in trajectory.bank]
    messages = [*trajectory.prompt, *(one for turn in trajectory.turns for one in turn.results)]
    refs += [part.ref for message in messages for part in message.parts if isinstance(part, Image)]
    yield from dict.fromkeys(refs)
