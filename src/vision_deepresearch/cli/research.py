"""What ask, play and demo do: one task, watched live, judged, stored, and shown as a page."""

import asyncio
import hashlib
import math
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic import JsonValue
from rich.console import Console

from vision_deepresearch.cli.consent import ask_consent
from vision_deepresearch.cli.engines import about_engines
from vision_deepresearch.cli.estimates import estimate_only
from vision_deepresearch.cli.live import LiveView, plain
from vision_deepresearch.cli.output import console, print_json, progress_bars
from vision_deepresearch.cli.report import figures, print_report
from vision_deepresearch.core.content import ImageRef
from vision_deepresearch.core.episode import Decision, Verdict, episode_of
from vision_deepresearch.core.errors import BadImageError, ConfigError
from vision_deepresearch.core.task import Task, fingerprint
from vision_deepresearch.core.trajectory import StopReason, Trajectory
from vision_deepresearch.media.decode import decode
from vision_deepresearch.media.given import load_given
from vision_deepresearch.serve.report import write_run_reports
from vision_deepresearch.serve.viewer import TraceItem, write_run_pages
from vision_deepresearch.store.run import RunFolder
from vision_deepresearch.wiring.config import (
    AskConsent,
    RunConfig,
    load_recipe,
    make_config,
    stored_today,
)
from vision_deepresearch.wiring.models import Streams
from vision_deepresearch.wiring.rl_episodes import grades
from vision_deepresearch.wiring.session import Session, open_session
from vision_deepresearch.wiring.worlds import world_folder
from vision_deepresearch.worlds.live.catalog import is_live

MakeTask = Callable[[Session], Task]
"""Makes the task once world and media store are open."""
DEMO_WORLD = "generated:tiny"
DEMO_TODAY = "2026-01-01"
"""Fixed, so that the demo of a seed is the same every day."""


def resolve(
    flags: Mapping[str, JsonValue],
    *,
    defaults: Mapping[str, JsonValue],
    recipe: Path | None,
    overrides: Sequence[str],
    out: Path | None,
    ask_consent: AskConsent | None = None,
) -> RunConfig:
    """Defaults of the command, then the recipe, then flags, then --set."""
    values = {**defaults, **(load_recipe(recipe) if recipe else {}), **flags}
    if out is not None and "today" not in values:
        values["today"] = stored_today(out)
    return make_config(values, overrides=overrides, ask_consent=ask_consent)


def ask(
    images: Sequence[Path],
    question: str,
    *,
    flags: Mapping[str, JsonValue],
    recipe: Path | None,
    overrides: Sequence[str],
    out: Path | None,
    estimate_like: Path | None,
    is_dry: bool,
    json_wanted: bool,
) -> int:
    """Research a question about the user's own pictures."""
    if not question.strip():
        msg = "a question is needed, got an empty one: say what to find out with -q"
        raise ConfigError(msg)
    pictures = [open_picture(path, target=console(json_wanted=json_wanted)) for path in images]
    folder = out or Path("runs") / f"ask-{_digest(question, pictures)}"
    config = resolve(
        flags,
        defaults={"mode": "agent+zoom"},
        recipe=recipe,
        overrides=overrides,
        out=folder,
        ask_consent=ask_consent,
    )
    if is_dry or estimate_like is not None:
        return estimate_only(
            config,
            wanted=1,
            folder=folder,
            like=estimate_like,
            is_dry=is_dry,
            json_wanted=json_wanted,
        )

    def make_task(session: Session) -> Task:
        refs = tuple(session.media.put(data) for data in pictures)
        known = _known_task(session, question, refs)
        if known is None and config.model == "oracle":
            msg = (
                "the oracle is a teacher: it researches a generated world's own questions only, "
                "and this is none of them. Use another model, for example --model seat, or take "
                "a question with `vdr world tasks`"
            )
            raise ConfigError(msg)
        return known or _asked(question, refs)

    return _research(config, make_task=make_task, folder=folder, json_wanted=json_wanted)


def play(
    number: int,
    *,
    flags: Mapping[str, JsonValue],
    seat: Path | None,
    recipe: Path | None,
    overrides: Sequence[str],
    out: Path | None,
    json_wanted: bool,
) -> int:
    """Let a person research one of the world's tasks."""
    model = "seat" if seat is None else f"seat:{seat}"
    folder = out or Path("runs") / f"play-{number}"
    config = resolve(
        {**flags, "model": model},
        defaults={"mode": "agent+zoom"},
        recipe=recipe,
        overrides=overrides,
        out=folder,
    )

    def make_task(session: Session) -> Task:
        tasks = session.source.own_tasks()
        if not 0 <= number < len(tasks):
            msg = f"this world has tasks 0 to {len(tasks) - 1}, got {number}"
            raise ConfigError(msg)
        return session.with_pictures(tasks[number])

    return _research(config, make_task=make_task, folder=folder, json_wanted=json_wanted)


def demo(*, seed: int, out: Path | None, json_wanted: bool) -> int:
    """Make a small world and let the oracle research one of its questions."""
    folder = out or Path("runs") / f"demo-{seed}"
    config = make_config({
        "world": f"{DEMO_WORLD}@{seed}",
        "mode": "cis+ts",
        "today": DEMO_TODAY,
        "seed": seed,
    })

    def make_task(session: Session) -> Task:
        tasks = session.source.own_tasks()
        shown = [task for task in tasks if task.strata.get("demo") == "yes"]
        # The point of the demo: what the whole picture misses, crops find.
        missed = [task for task in shown if task.strata.get("whole_image") == "miss"]
        return session.with_pictures((missed or shown or tasks)[0])

    return _research(config, make_task=make_task, folder=folder, json_wanted=json_wanted)


def view(folder: Path, *, out: Path | None, json_wanted: bool) -> int:
    """Write trace pages of a run."""
    shown = write_view(folder, out=out)
    if json_wanted:
        print_json({"page": str(shown.page), "report": str(shown.report)})
    else:
        console().print(f"page: {shown.page}", soft_wrap=True)
        console().print(f"report: {shown.report}", soft_wrap=True)
    return 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """What was written about a run: the file of each kind to open first."""

    page: Path
    report: Path


def write_view(folder: Path, *, out: Path | None = None) -> Shown:
    """Trace pages and Markdown reports of everything a run folder holds."""
    run = RunFolder.read(folder)
    graded = grades(run)
    traces = list(run.traces())
    if graded:  # training: step by step, siblings together
        traces.sort(key=lambda one: _place(one.trajectory, graded))
    items = [
        TraceItem(
            task=task,
            trajectory=trajectory,
            verdict=verdict,
            note=graded.get(_key(trajectory), (0, ""))[1],
        )
        for task, trajectory, verdict in traces
    ]
    if not items:
        msg = f"{str(folder)!r} holds no finished trajectory yet: nothing to show"
        raise ConfigError(msg)
    target = out or folder / "view"
    return Shown(
        page=write_run_pages(target, items, load=run.load_picture),
        report=write_run_reports(target, items, media=run.media_root),
    )


def _key(trajectory: Trajectory) -> str:
    return f"{trajectory.task_id}/{trajectory.attempt}"


def _place(trajectory: Trajectory, graded: Mapping[str, tuple[int, str]]) -> tuple[float, str, int]:
    """Where an episode of training stands among the others; those no step took stand last."""
    step = graded[_key(trajectory)][0] if _key(trajectory) in graded else math.inf
    return step, trajectory.task_id, trajectory.attempt


def open_picture(path: Path, *, target: Console) -> bytes:
    """The bytes of a picture file, checked before anything is made or paid.

    Raises:
        ConfigError: no picture we accept; the message names the file.
    """
    data = load_given(path)
    try:
        decoded = decode(data)
    except BadImageError as error:
        msg = f"{str(path)!r}: {error}"
        raise ConfigError(msg) from error
    if decoded.is_animated:
        target.print(f"note     {path}: animated, its first frame is used", soft_wrap=True)
    return data


def prepare_world(name: str, *, target: Console) -> Path:
    """The folder of a world, with bars while it is built on first use."""
    with progress_bars(target) as advance:
        return world_folder(name, progress=lambda what, *count: advance(f"world: {what}", *count))


def _research(config: RunConfig, *, make_task: MakeTask, folder: Path, json_wanted: bool) -> int:
    target = console(json_wanted=json_wanted)
    task, trajectory, verdict = asyncio.run(
        _attempt(config, make_task=make_task, folder=folder, target=target)
    )
    print_report(target, trajectory, verdict)
    if trajectory.stop is StopReason.BUDGET:
        target.print(
            "note     to go on with more: --budget-usd MORE --out ANOTHER "
            f"--tape auto:{folder}/run.db (what was paid for is not asked again)",
            soft_wrap=True,
        )
    shown = write_view(folder)
    target.print(f"trace    {shown.page}", soft_wrap=True)
    target.print(f"report   {shown.report}", soft_wrap=True)
    if json_wanted:
        print_json({
            "question": task.question,
            "answer": trajectory.answer,
            "correct": verdict.decision is Decision.CORRECT if verdict else None,
            "verdict": verdict.decision.value if verdict else None,
            **figures(trajectory),
            "support": [item.model_dump(mode="json") for item in trajectory.support],
            "run": str(folder),
            "trace": str(shown.page),
            "report": str(shown.report),
        })
    return 0 if trajectory.answer is not None else 1


async def _attempt(
    config: RunConfig, *, make_task: MakeTask, folder: Path, target: Console
) -> tuple[Task, Trajectory, Verdict | None]:
    if not is_live(config.world):
        prepare_world(config.world, target=target)
    # With --json the terminal seat talks on stderr: stdout carries nothing but the object.
    streams = Streams(source=sys.stdin, sink=sys.stderr if target.stderr else sys.stdout)
    async with open_session(config, out=folder, streams=streams) as session:
        task = make_task(session)
        _introduce(target, session, task)
        stored = session.run.trace(task.id, 0)
        if stored is not None:
            target.print("already researched: this is the stored trajectory", soft_wrap=True)
            return stored
        if config.model == "seat":
            # Who sits in the seat is shown everything there; a live view would write over it.
            trajectory = await session.roll_out(task, 0)
        else:
            live = LiveView(target)
            with live.watching():
                trajectory = await session.roll_out(task, 0, listener=live.listen)
        for line in about_engines(session.source.world):
            target.print(line, soft_wrap=True)
        if trajectory.stop.is_infrastructure:
            await session.run.put_outage(task, trajectory)
            _tell_outage(target, trajectory)
            return task, trajectory, None
        await session.run.put_task(task)
        if task.gold is None:
            await session.run.put_trajectory(trajectory)
            return task, trajectory, None
        verdict = await session.judge.judge(task, trajectory)
        await session.run.put_episode(episode_of(task, trajectory, verdict))
        return task, trajectory, verdict


def _tell_outage(target: Console, trajectory: Trajectory) -> None:
    """Why it was ended from outside, and that nothing is lost."""
    if trajectory.stop is StopReason.MODEL_ERROR:
        why = plain(trajectory.stop_detail, width=600)
        target.print(
            f"failed   {why}\n         mend it (`vdr doctor` looks closer) and run the same "
            "command: it goes on where it was",
            soft_wrap=True,
        )
    else:
        target.print("ended from outside: the same command tries again", soft_wrap=True)


def _introduce(target: Console, session: Session, task: Task) -> None:
    config = session.config
    about = session.about
    size = (
        "the real web"
        if about.kind == "live"
        else f"{about.counts.get('pages', 0)} pages, {about.counts.get('pictures', 0)} pictures"
    )
    target.print(
        f"world    {about.name}: {size}; researcher {session.researcher.model.name}, "
        f"mode {config.mode}",
        soft_wrap=True,
    )
    for note in session.source.notes:
        target.print(f"note     {note}", soft_wrap=True)
    if "python" in session.researcher.mode.tools:
        target.print(_about_python(session), soft_wrap=True)
    for index, ref in enumerate(task.images, start=1):
        path = session.media.path_of(ref)
        target.print(f"img_{index}    {path} ({ref.width}x{ref.height})", soft_wrap=True)
    target.print(f"question {plain(task.question, width=2000)}", soft_wrap=True)
    if config.model.startswith("seat:"):
        inbox = Path(config.model.removeprefix("seat:"))
        target.print(
            f"seat     each request-NNNN.json below {inbox} waits for a reply-NNNN.json beside it, "
            'like {"thought": "...", "calls": [{"name": "search", "arguments": {"query": ["..."]}}]} '
            'or {"answer": "..."}; error-NNNN.json says what is wrong with a reply',
            soft_wrap=True,
        )


def _known_task(session: Session, question: str, refs: tuple[ImageRef, ...]) -> Task | None:
    """The world's own task with this picture and question: it can be judged."""
    if session.source.generated is None:
        return None
    for task in session.source.own_tasks():
        if task.question == question.strip() and task.images == refs:
            return task
    return None


def _asked(question: str, refs: tuple[ImageRef, ...]) -> Task:
    ref = "ask"
    return Task(
        id=fingerprint(ref=ref, question=question, images=refs, gold=None),
        ref=ref,
        kind="ask",
        question=question,
        images=refs,
    )


def _digest(question: str, pictures: Sequence[bytes]) -> str:
    content = hashlib.sha256(question.encode("utf-8", "surrogatepass"))
    for data in pictures:
        content.update(hashlib.sha256(data).digest())
    return content.hexdigest()[:10]


def _about_python(session: Session) -> str:
    box = session.sandbox
    if box.tier == "tape":
        return "python   results of model-written code come from the recording"
    if box.sandbox is not None:
        return f"python   model-written code runs in sandbox tier {box.tier}"
    reasons = "; ".join(box.probes) or "switched off by --set python=off"
    return f"note     python is off: {reasons}"
