"""What `vdr eval` does: many tasks into a run folder, with a progress bar and a count."""

import asyncio
import statistics
import threading
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from pydantic import JsonValue
from rich.console import Console

from vision_deepresearch.cli.estimates import estimate_only
from vision_deepresearch.cli.live import plain
from vision_deepresearch.cli.output import console, print_json, progress_bars
from vision_deepresearch.cli.research import prepare_world, resolve
from vision_deepresearch.core.episode import Decision, Episode
from vision_deepresearch.core.errors import ConfigError
from vision_deepresearch.core.task import Task
from vision_deepresearch.evals.benchmarks.reading import Put
from vision_deepresearch.evals.grading import set_of
from vision_deepresearch.evals.outages import Patience
from vision_deepresearch.evals.runner import RunOutcome, run_tasks
from vision_deepresearch.store.run import RunFolder
from vision_deepresearch.store.view import Reject
from vision_deepresearch.wiring.benchmarks import (
    WantedSet,
    find_set,
    refuse_problems,
    settings_of,
)
from vision_deepresearch.wiring.config import RunConfig
from vision_deepresearch.wiring.session import open_session
from vision_deepresearch.worlds.live.catalog import is_live
from vision_deepresearch.worlds.wrappers.noise_settings import noise_named

DEFAULT_TASKS = 20
"""Or all of a smaller world."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """Public sets in place of the world's own tasks."""

    said: tuple[str, ...] = ()
    """NAME=PATH[:SUBSET] each; empty: the world's own."""
    images: Path | None = None
    password: str | None = None
    is_partial: bool = False

    def find(self) -> tuple[WantedSet, ...]:
        """The sets on disk.

        Raises:
            ConfigError: one is not there, or an option without a set.
        """
        if not self.said and (self.images or self.password or self.is_partial):
            msg = "--images, --password and --partial go with --benchmark NAME=PATH: add it"
            raise ConfigError(msg)
        return tuple(find_set(one, images=self.images, password=self.password) for one in self.said)


def run(
    *,
    num_tasks: int | None,
    chosen: Chosen,
    attempts: int,
    flags: Mapping[str, JsonValue],
    noise: str | None,
    recipe: Path | None,
    overrides: Sequence[str],
    out: Path | None,
    estimate_like: Path | None,
    is_dry: bool,
    json_wanted: bool,
) -> int:
    """Roll out and judge the world's tasks; print counts."""
    if attempts < 1 or (num_tasks is not None and num_tasks < 1):
        msg = f"--tasks and --attempts need at least 1, got {num_tasks} and {attempts}"
        raise ConfigError(msg)
    folder = out or Path("runs") / "eval"
    knobs = _knobs(noise)
    config = resolve(flags, defaults={}, recipe=recipe, overrides=[*knobs, *overrides], out=folder)
    wanted = chosen.find()
    if is_dry or estimate_like is not None:
        counts = _counts(wanted, num_tasks) if wanted else {"": num_tasks or DEFAULT_TASKS}
        return estimate_only(
            config,
            wanted=sum(counts.values()) * attempts,
            sets={name: count * attempts for name, count in counts.items()} if wanted else None,
            folder=folder,
            like=estimate_like,
            is_dry=is_dry,
            json_wanted=json_wanted,
        )
    target = console(json_wanted=json_wanted)
    outcome, episodes, rejects = asyncio.run(
        _run(
            config,
            wanted=wanted,
            is_partial=chosen.is_partial,
            num_tasks=num_tasks,
            attempts=attempts,
            folder=folder,
            target=target,
        )
    )
    is_hidden = any(one.is_protected for one in wanted)
    hidden = Counter({"protected": _abstentions(episodes).total()})
    decisions = Counter(episode.verdict.decision for episode in episodes)
    stops = Counter(episode.trajectory.stop.value for episode in episodes)
    summary = {
        "run": str(folder),
        "mode": config.mode,
        "model": config.model,
        "episodes": len(episodes),
        "correct": decisions[Decision.CORRECT],
        "incorrect": decisions[Decision.INCORRECT],
        "abstain": decisions[Decision.ABSTAIN],
        "judges": dict(Counter(episode.verdict.judge for episode in episodes)),
        "abstained_because": dict(+hidden if is_hidden else _abstentions(episodes)),
        "stops": dict(stops),
        "done_now": outcome.done,
        "skipped": outcome.skipped,
        "rejected": len(rejects),
        "unfinished": outcome.unfinished,
        "redone": outcome.redone,
        "halted": outcome.halted,
        "engine_requests": sum(item.trajectory.num_engine_requests for item in episodes),
        "per_episode": {
            "turns": _spread([item.trajectory.num_turns for item in episodes]),
            "new_engine_requests": _spread([
                item.trajectory.num_new_engine_requests for item in episodes
            ]),
            "peak_prompt_tokens": _spread([
                item.trajectory.peak_prompt_tokens for item in episodes
            ]),
        },
    }
    if json_wanted:
        print_json(summary)
    else:
        for name, value in summary.items():
            target.print(f"{name:16} {_inline(value)}", soft_wrap=True)
        _tell_abstentions(target, episodes, folder=folder)
        if episodes:
            target.print(f"look at it with  vdr view {folder}", soft_wrap=True)
    for reject in rejects:
        detail = "protected" if is_hidden else reject.detail
        why = plain(f"{reject.reason}: {detail}", width=300)
        target.print(f"rejected         task {reject.task_id[:12]} {why}", soft_wrap=True)
    if outcome.halted:
        target.print(
            f"stopped early: {plain(outcome.halted, width=300)}. Mend it (`vdr doctor` says how) and "
            "run the same command again",
            soft_wrap=True,
        )
    if outcome.unfinished:
        target.print(
            f"{outcome.unfinished} attempts were ended from outside (a model that failed): they are"
            " kept; the same command makes them again",
            soft_wrap=True,
        )
    return 1 if rejects or outcome.unfinished else 0


def _abstentions(episodes: Sequence[Episode]) -> Counter[str]:
    """Why no verdict was given, and how often."""
    return Counter(
        episode.verdict.reason
        for episode in episodes
        if episode.verdict.decision is Decision.ABSTAIN
    )


def _tell_abstentions(target: Console, episodes: Sequence[Episode], *, folder: Path) -> None:
    """An abstention is kept: say how to have the same answers judged again."""
    if _abstentions(episodes):
        target.print(
            "abstentions are kept and not asked again in this folder. To judge the same answers "
            f"anew, mend the judge (`vdr doctor` looks closer) or name another, and add --tape auto:{folder}/run.db "
            "--out ANOTHER: nothing else is asked again",
            soft_wrap=True,
        )


def _inline(value: object) -> str:
    """A value on one line; of a table its entries."""
    if isinstance(value, dict):
        shown = (
            f"{name} ({_inline(item)})" if isinstance(item, dict) else f"{name} {_inline(item)}"
            for name, item in value.items()
        )
        return ", ".join(shown) or "none"
    return "-" if value is None or value == "" else plain(str(value), width=600)


def _knobs(noise: str | None) -> list[str]:
    """PRESET[@SEED] as settings.

    Raises:
        ConfigError: no such preset, or no whole number.
    """
    if noise is None:
        return []
    _, seed = noise_named(noise)
    return [f"noise.preset={noise.partition('@')[0]}", f"noise.seed={seed}"]


def _spread(values: list[int]) -> dict[str, int | float | None]:
    """Least, median and most; None where there is nothing."""
    if not values:
        return {"min": None, "median": None, "max": None}
    return {"min": min(values), "median": statistics.median(values), "max": max(values)}


def _counts(wanted: Sequence[WantedSet], num_tasks: int | None) -> dict[str, int]:
    """Questions by set; no picture is looked at."""
    counts: dict[str, int] = {}
    for one in wanted:
        for task in one.read(put=None, limit=num_tasks).tasks:
            counts[set_of(task)] = counts.get(set_of(task), 0) + 1
    return counts


async def _run(
    config: RunConfig,
    *,
    wanted: Sequence[WantedSet],
    is_partial: bool,
    num_tasks: int | None,
    attempts: int,
    folder: Path,
    target: Console,
) -> tuple[RunOutcome, list[Episode], list[Reject]]:
    if not is_live(config.world):
        prepare_world(config.world, target=target)
    more = settings_of(wanted, is_partial=is_partial) if wanted else {}
    protects = any(one.is_protected for one in wanted)
    async with open_session(config, out=folder, more=more, protects=protects) as session:
        if wanted:
            ended = threading.Event()
            try:
                tasks = await asyncio.to_thread(
                    _read,
                    wanted,
                    session.media.put,
                    num_tasks=num_tasks,
                    is_partial=is_partial,
                    target=target,
                    ended=ended,
                )
            finally:
                ended.set()  # stopped by the user: the thread must not read on
            _refuse_changed(tasks, session.run)
        else:
            tasks = session.tasks(num_tasks or DEFAULT_TASKS)
        if not wanted and num_tasks is not None and len(tasks) < num_tasks:
            msg = f"this world has {len(tasks)} tasks, {num_tasks} were asked for: use --tasks"
            raise ConfigError(msg)
        total = len(tasks) * attempts
        with progress_bars(target) as advance:
            num_done = min(total, len(session.run.done()))
            advance("episodes", num_done, total)

            def advance_episodes(_: Episode) -> None:
                nonlocal num_done
                num_done += 1
                advance("episodes", num_done, total)

            outcome = await run_tasks(
                tasks,
                run=session.run,
                roll_out=partial(session.roll_out, ends_in_outage=config.outage_wait_s > 0),
                last_try=session.roll_out,
                patience=Patience(wait_s=config.outage_wait_s),
                judge=session.judge,
                attempts=attempts,
                concurrency=config.concurrency,
                on_episode=advance_episodes,
            )
        return outcome, list(session.run.episodes()), list(session.run.rejects())


def _read(
    wanted: Sequence[WantedSet],
    put: Put,
    *,
    num_tasks: int | None,
    is_partial: bool,
    target: Console,
    ended: threading.Event,
) -> list[Task]:
    """The tasks of the sets, one set after the other; `ended`: nobody waits for them any more.

    Raises:
        InterruptedError: nobody waits.
        ConfigError: a set is not as published and this was not allowed, or gives no task.
    """
    tasks: list[Task] = []
    with progress_bars(target) as advance:
        for one in wanted:

            def told(rows: int, what: str = one.label, size: int = one.size) -> None:
                if ended.is_set():
                    raise InterruptedError
                advance(f"reading {what}", rows, max(rows + 1, size))

            found = one.read(put=put, limit=num_tasks, on_row=told)
            is_whole = num_tasks is None
            if not is_partial:
                refuse_problems(one, found, is_whole=is_whole)
            for problem in one.problems(found, is_whole=is_whole):
                line = plain(f"{one.label} is not as published: {problem}", width=300)
                target.print(line, soft_wrap=True)
            if not found.tasks:
                msg = (
                    f"{one.label} gives no question: look at `vdr eval sets {one.source.name} PATH`"
                )
                raise ConfigError(msg)
            tasks += found.tasks
    return tasks


def _refuse_changed(tasks: Sequence[Task], run: RunFolder) -> None:
    """Refuse to mix questions whose pictures were changed with what a run made of the old ones.

    Raises:
        ConfigError: one was; tables are compared before the run is opened.
    """
    ids = {task.ref: task.id for task in tasks}
    changed = [task.ref for task in run.tasks() if ids.get(task.ref, task.id) != task.id]
    if changed:
        msg = (
            f"the run holds other pictures of {len(changed)} questions ({changed[0]}...): put them "
            "back, or name another --out"
        )
        raise ConfigError(msg)
