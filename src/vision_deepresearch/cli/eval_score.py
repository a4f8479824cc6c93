"""What `vdr eval score` does: verdicts of one or more judges on answers that are stored already."""

import asyncio
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from rich.console import Console

from vision_deepresearch.cli.live import plain
from vision_deepresearch.cli.output import console, print_json, progress_bars
from vision_deepresearch.core.errors import ConfigError
from vision_deepresearch.core.trajectory import Trajectory
from vision_deepresearch.evals.grading import grade
from vision_deepresearch.evals.labels import calibrate, draw_sheet, read_labels, write_sheet
from vision_deepresearch.evals.predictions import MODE, read_predictions
from vision_deepresearch.evals.scores import Scored, is_recall, score_run
from vision_deepresearch.evals.summary import Summary, summarise
from vision_deepresearch.store.run import RunFolder
from vision_deepresearch.wiring.scoring import open_judges, open_predictions


def score(
    run: Path,
    *,
    judges: Sequence[str],
    judge_model: str | None,
    allow_self: bool,
    budget_usd: float | None,
    judge_prompt: Path | None,
    predictions: Path | None,
    system: str | None,
    mode: str | None,
    out: Path | None,
    sheet: Path | None,
    labels: Path | None,
    overrides: Sequence[str],
    json_wanted: bool,
) -> int:
    """Judge stored answers, or those of a file; print one line per judge."""
    if (predictions is None) != (out is None):
        msg = (
            "--predictions FILE and --out FOLDER go together: the answers are kept in a run folder"
        )
        raise ConfigError(msg)
    if predictions is None and (system is not None or mode is not None):
        msg = "--system and --mode go with --predictions FILE: the answers of a run have theirs"
        raise ConfigError(msg)
    target = console(json_wanted=json_wanted)
    bad: list[dict[str, object]] = []
    if predictions is not None and out is not None:
        name = system or predictions.stem
        bad = asyncio.run(_take_in(run, predictions, out=out, system=name, mode=mode or MODE))
        run = out
    scored = asyncio.run(
        _score(
            run,
            judges=judges,
            judge_model=judge_model,
            allow_self=allow_self,
            overrides=overrides,
            budget_usd=budget_usd,
            prompt=judge_prompt,
            target=target,
        )
    )
    found = {
        one.judge: summarise(grade(run, judge=one.judge))
        for one in scored
        if not is_recall(one.judge)
    }
    result: dict[str, object] = {
        "run": str(run),
        "tools_run": 0,
        "bad_lines": bad,
        "judges": [
            {
                **(found[one.judge].model_dump(mode="json") if one.judge in found else {}),
                **asdict(one),
            }
            for one in scored
        ],
    }
    if (sheet is not None or labels is not None) and not found:
        msg = "a sheet and labels are about answers: name a judge of answers with --judge first"
        raise ConfigError(msg)
    if sheet is not None:
        drawn = draw_sheet(grade(run, judge=next(iter(found))))
        write_sheet(sheet, drawn)
        result["sheet"] = {"path": str(sheet), "answers": len(drawn)}
    if labels is not None:
        filled = read_labels(labels)
        result["calibration"] = [
            calibrate(grade(run, judge=judge), filled).model_dump(mode="json") for judge in found
        ]
    if json_wanted:
        print_json(result)
    else:
        for one in scored:
            _tell(target, one, found.get(one.judge))
        _tell_rest(target, result)
    return 1 if bad or any(one.undecided or one.halted for one in scored) else 0


def _tell(target: Console, scored: Scored, summary: Summary | None) -> None:
    target.print(f"judge {scored.judge}", soft_wrap=True)
    head = "Entity Recall" if summary is None else summary.headline()
    what = "trajectories" if summary is None else "answers"
    target.print(
        f"  {head}; {scored.correct} correct, {scored.incorrect} incorrect, "
        f"{scored.undecided} undecided of {scored.answers} {what}, {scored.judged_now} judged now",
        soft_wrap=True,
    )
    if summary is not None:
        target.print(f"  {summary.counts_line()}", soft_wrap=True)
    if scored.halted:
        why = plain(scored.halted, width=300)
        target.print(
            f"  stopped early: {why}. Mend it (`vdr doctor` says how) and run the same command again",
            soft_wrap=True,
        )
    elif scored.undecided:
        target.print("  the same command asks again about what is undecided", soft_wrap=True)


def _tell_rest(target: Console, result: dict[str, object]) -> None:
    """Bad lines, the sheet and the calibration."""
    for name in ("bad_lines", "sheet", "calibration"):
        value = result.get(name)
        for one in value if isinstance(value, list) else [value]:
            if isinstance(one, dict):
                shown = ", ".join(f"{key} {item}" for key, item in one.items())
                target.print(f"{name.replace('_', ' ')}: {plain(shown, width=600)}", soft_wrap=True)


async def _take_in(
    run: Path, file: Path, *, out: Path, system: str, mode: str
) -> list[dict[str, object]]:
    """Put the answers of another system into a run folder; returns the lines that were of no use."""
    with RunFolder.read(run) as view:
        tasks = list(view.tasks())
    found = read_predictions(file, tasks=tasks, system=system, mode=mode)
    async with open_predictions(out, system=system, mode=mode) as folder:
        done = {(one.task_id, one.attempt): one for one in folder.trajectories()}
        for task in tasks:
            await folder.put_task(task)
        by_id = {task.id: task for task in tasks}
        for trajectory in found.trajectories:
            _refuse_other(done.get((trajectory.task_id, trajectory.attempt)), trajectory, out=out)
            if trajectory.stop.is_infrastructure:
                await folder.put_outage(by_id[trajectory.task_id], trajectory)
            else:
                await folder.put_trajectory(trajectory)
    return [{"line": one.number, "reason": one.reason} for one in found.bad]


def _refuse_other(there: Trajectory | None, now: Trajectory, *, out: Path) -> None:
    """A changed file must not be mixed with what was read before: kept rows would win in silence."""
    if there is not None and there.answer != now.answer:
        msg = (
            f"{str(out)!r} holds another answer to task {now.task_id[:12]} attempt {now.attempt}: "
            "the predictions were changed, name another --out"
        )
        raise ConfigError(msg)


async def _score(
    run: Path,
    *,
    judges: Sequence[str],
    judge_model: str | None,
    allow_self: bool,
    overrides: Sequence[str],
    budget_usd: float | None,
    prompt: Path | None,
    target: Console,
) -> list[Scored]:
    scored: list[Scored] = []
    async with open_judges(
        run,
        names=judges,
        judge_model=judge_model,
        allow_self=allow_self,
        overrides=overrides,
        budget_usd=budget_usd,
        prompt=prompt,
    ) as opened:
        with RunFolder.read(run) as view, progress_bars(target) as advance:
            for judge in opened:

                def told(done: int, total: int, judge_id: str = judge.profile_id) -> None:
                    advance(judge_id, done, total)

                scored.append(await score_run(view, judge, on_score=told))
    return scored
