"""`vdr eval`: run tasks into a run folder."""

from typing import Annotated

import typer

from vision_deepresearch.cli import options

app = typer.Typer(help="Run tasks into a run folder and count.", no_args_is_help=True)


@app.callback()
def _group() -> None:
    """Run tasks into a run folder and count."""


@app.command()
def run(
    tasks: Annotated[
        int | None, typer.Option(help="How many of the world's tasks; default 20, or all it has.")
    ] = None,
    attempts: Annotated[int, typer.Option(help="Attempts per task.")] = 1,
    budget_usd: Annotated[
        float | None,
        typer.Option(min=0.0, help="Stop the whole run at this price; more, and it goes on."),
    ] = None,
    concurrency: Annotated[
        int | None, typer.Option(help="Trajectories at a time; default 4.")
    ] = None,
    model: options.Model = None,
    world: options.World = None,
    mode: options.Mode = None,
    profile: options.Profile = None,
    summariser: options.Summariser = None,
    judge: options.Judge = None,
    judge_model: options.JudgeModel = None,
    allow_self_judge: options.AllowSelfJudge = None,
    tape: options.Tape = None,
    noise: options.Noise = None,
    today: options.Today = None,
    seed: options.Seed = None,
    config: options.Config = None,
    overrides: options.Set = None,
    out: options.Out = None,
    dry_run: options.DryRun = False,
    like: options.Like = None,
    json_wanted: options.Json = False,
) -> None:
    """Research a world's tasks into a run folder, judged; killed, it goes on where it was.

    Example: vdr eval run --world generated:small --tasks 100 --out runs/first
    The price before a large one: the same with --dry-run, after a few attempts or with --like RUN.
    """
    from vision_deepresearch.cli import eval_commands

    flags = options.given({
        "model": model,
        "world": world,
        "mode": mode,
        "profile": profile,
        "summariser": summariser,
        "judge": judge,
        "judge_model": judge_model,
        "allow_self_judge": allow_self_judge,
        "tape": tape,
        "today": today,
        "seed": seed,
        "concurrency": concurrency,
        "budget_usd": budget_usd,
    })
    code = eval_commands.run(
        num_tasks=tasks,
        attempts=attempts,
        flags=flags,
        noise=noise,
        recipe=config,
        overrides=overrides or [],
        out=out,
        estimate_like=like,
        is_dry=dry_run,
        json_wanted=json_wanted,
    )
    options.finish(code)
