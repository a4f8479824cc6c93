"""What `vdr eval` does: many tasks into a run folder, with a progress bar and a count."""

import asyncio
import statistics
from collections import Counter
from collections.abc import Mapping, Sequence
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
from vision_deepresearch.evals.outages import Patience
from vision_deepresearch.evals.runner import RunOutcome, run_tasks
from vision_deepresearch.store.view import Reject
from vision_deepresearch.wiring.config import RunConfig
from vision_deepresearch.wiring.session import open_session
from vision_deepresearch.worlds.live.catalog import is_live
from vision_deepresearch.worlds.wrappers.noise_settings import noise_named

DEFAULT_TASKS = 20
"""Or all of a smaller world."""


def run(
    *,
    num_tasks: int | None,
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
    if is_dry or estimate_like is not None:
        return estimate_only(
            config,
            wanted=(num_tasks or DEFAULT_TASKS) * attempts,
            folder=folder,
            like=estimate_like,
            is_dry=is_dry,
            json_wanted=json_wanted,
        )
    target = console(json_wanted=json_wanted)
    outcome, episodes, rejects = asyncio.run(
        _run(config, num_tasks=num_tasks, attempts=attempts, folder=folder, target=target)
    )
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
        "abstained_because": dict(_abstentions(episodes)),
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
        why = plain(f"{reject.reason}: {reject.detail}", width=300)
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


async def _run(
    config: RunConfig, *, num_tasks: int | None, attempts: int, folder: Path, target: Console
) -> tuple[RunOutcome, list[Episode], list[Reject]]:
    if not is_live(config.world):
        prepare_world(config.world, target=target)
    async with open_session(config, out=folder) as session:
        tasks = session.tasks(num_tasks or DEFAULT_TASKS)
        if num_tasks is not None and len(tasks) < num_tasks:
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
