"""What `vdr synth vqa` and `vdr synth stats` do: a recipe becomes questions in a run folder."""

import asyncio
from collections.abc import Mapping, Sequence
from pathlib import Path

from pydantic import JsonValue
from rich.console import Console

from vision_deepresearch.cli.consent import ask_consent
from vision_deepresearch.cli.output import console, print_json, progress_bars
from vision_deepresearch.cli.research import prepare_world
from vision_deepresearch.cli.synth_funnel import estimate_table, funnel_table, yields_table
from vision_deepresearch.core.errors import ConfigError
from vision_deepresearch.evals.fleet import num_cores
from vision_deepresearch.serve.gallery import Card, write_gallery
from vision_deepresearch.store.run import RunFolder
from vision_deepresearch.synth.estimate import estimate
from vision_deepresearch.synth.funnel import totals
from vision_deepresearch.synth.pipeline import Made, run_pipeline
from vision_deepresearch.synth.vqa.dataset import funnel_of, open_vqa_dataset, yields_per_set
from vision_deepresearch.synth.vqa.statistics import statistics_of
from vision_deepresearch.synth.vqa_records import Finished
from vision_deepresearch.wiring.config import load_recipe
from vision_deepresearch.wiring.vqa import (
    TRUTH,
    VqaConfig,
    VqaRun,
    make_vqa_config,
    num_records,
    open_vqa,
    planned_stages,
)
from vision_deepresearch.worlds.live.catalog import is_live

_NUM_SHOWN = 10
"""Questions on the page."""


def vqa(
    recipe: Path,
    *,
    sets: Sequence[Path],
    flags: Mapping[str, JsonValue],
    overrides: Sequence[str],
    out: Path | None,
    jobs: int | None,
    ray: str | None,
    dry_run: bool,
    json_wanted: bool,
) -> int:
    """Run all stages, print the funnel, write the page."""
    values: dict[str, JsonValue] = {**load_recipe(recipe), **flags}
    if sets:
        values["sets"] = [str(one) for one in sets]
    config = make_vqa_config(values, overrides=overrides, ask_consent=ask_consent)
    folder = out or Path("runs") / "vqa"
    target = console(json_wanted=json_wanted)
    if not is_live(config.world) and (config.model == TRUTH or not dry_run):
        prepare_world(config.world, target=target)
    if dry_run:
        return _estimate(config, folder=folder, target=target, json_wanted=json_wanted)
    jobs = jobs or (None if ray else num_cores())
    made = asyncio.run(_run(config, folder=folder, jobs=jobs, ray=ray, target=target))
    finished = [one for one in made.records if isinstance(one, Finished)]
    page = _page(finished, folder=folder) if made.is_whole else None
    with RunFolder.read(folder) as run:
        yields = yields_per_set(run)
    if json_wanted:
        print_json({
            "run": str(folder),
            "tasks": len(finished),
            **({"sets": yields} if yields else {}),
            "halted": made.halted,
            "page": str(page) if page else None,
            "funnel": [row.model_dump(mode="json") for row in made.funnel],
            "all": totals(made.funnel).model_dump(mode="json"),
        })
    else:
        target.print(funnel_table(made.funnel))
        if yields:
            target.print(yields_table(yields))
        target.print(f"{len(finished):,} questions in {folder}", soft_wrap=True)
        if page is not None:
            target.print(f"look at ten of them: {page}", soft_wrap=True)
    if made.halted:
        target.print(f"stopped early: {made.halted}; the same command goes on", soft_wrap=True)
    return 1 if made.halted else 0


async def _run(
    config: VqaConfig, *, folder: Path, jobs: int | None, ray: str | None, target: Console
) -> Made:
    with progress_bars(target) as advance:
        async with open_vqa(config, out=folder, jobs=jobs, ray=ray) as opened:
            made = await run_pipeline(
                opened.stages,
                opened.sources,
                run=opened.run,
                executor=opened.executor,
                cap_usd=config.max_usd,
                progress=advance,
            )
            await _put_tasks(opened, made)
    return made


async def _put_tasks(opened: VqaRun, made: Made) -> None:
    """What reads run folders finds the questions as those of any run."""
    for one in made.records:
        if isinstance(one, Finished):
            await opened.run.put_task(one.task)


def _page(finished: Sequence[Finished], *, folder: Path) -> Path:
    """Ten questions from all over the set."""
    step = max(1, len(finished) // _NUM_SHOWN)
    cards = [
        Card(
            task=one.task,
            proof=one.proof,
            rounds=tuple(
                f"{done.move.value}: {done.question}"
                for done in one.rounds
                if done.chosen is not None
            ),
            seed_question=one.seed_question,
        )
        for one in finished[::step][:_NUM_SHOWN]
    ]
    with RunFolder.read(folder) as run:
        return write_gallery(folder / "questions.html", cards, load=run.load_picture)


def _estimate(config: VqaConfig, *, folder: Path, target: Console, json_wanted: bool) -> int:
    # Stages are made to be asked for what they expect; no folder is written.
    stages = planned_stages(config, out=folder)
    rows = list(
        estimate(
            stages,
            num_records(config),
            asks_model=config.model != TRUTH,
            usd_per_million_prompt=config.endpoint.usd_per_million_prompt,
            usd_per_million_completion=config.endpoint.usd_per_million_completion,
        )
    )
    if json_wanted:
        print_json({"expected": [row.model_dump(mode="json") for row in rows]})
    else:
        target.print(estimate_table(rows))
    return 0


def stats(folder: Path, *, json_wanted: bool) -> None:
    """Figures of a finished run, or the funnel of one that is not."""
    with RunFolder.read(folder) as run:
        rows, yields = list(funnel_of(run)), yields_per_set(run)
    if not rows:
        msg = f"{str(folder)!r} is no run of the data factory: give the --out of `vdr synth`"
        raise ConfigError(msg)
    try:
        told = statistics_of(open_vqa_dataset(folder).finished).model_dump(mode="json")
    except ConfigError:
        told = None
    if json_wanted:
        print_json({
            "run": str(folder),
            "questions": told,
            **({"sets": yields} if yields else {}),
            "funnel": [row.model_dump(mode="json") for row in rows],
        })
        return
    target = console()
    target.print(funnel_table(rows))
    if yields:
        target.print(yields_table(yields))
    if told is None:
        target.print("not finished: the same `vdr synth` command goes on", soft_wrap=True)
        return
    for name, value in told.items():
        target.print(f"{name:22} {value}", soft_wrap=True)
