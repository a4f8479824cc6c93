"""`vdr ask`: research a question about pictures."""

from pathlib import Path
from typing import Annotated

import typer

from vision_deepresearch.cli import options


def ask(
    images: Annotated[list[Path], typer.Argument(help="Picture files.", show_default=False)],
    question: Annotated[str, typer.Option("--question", "-q", help="What to find out.")],
    model: options.Model = None,
    world: options.World = None,
    mode: options.Mode = None,
    profile: options.Profile = None,
    summariser: options.Summariser = None,
    judge: options.Judge = None,
    judge_model: options.JudgeModel = None,
    allow_self_judge: options.AllowSelfJudge = None,
    tape: options.Tape = None,
    python: Annotated[str | None, typer.Option(help="Python tool: auto or off.")] = None,
    budget_usd: Annotated[float | None, typer.Option(help="Stop at this price.")] = None,
    today: options.Today = None,
    seed: options.Seed = None,
    config: options.Config = None,
    overrides: options.Set = None,
    out: options.Out = None,
    dry_run: options.DryRun = False,
    like: options.Like = None,
    json_wanted: options.Json = False,
) -> None:
    """Research a question about pictures; prints answer, citations, totals and a trace page.

    Example: vdr ask scene.jpg -q "Who founded the guild of the left emblem?" --model seat
    """
    from vision_deepresearch.cli import research

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
        "python": python,
        "today": today,
        "seed": seed,
    })
    caps = [f"limits.max_usd={budget_usd}"] if budget_usd is not None else []
    code = research.ask(
        images,
        question,
        flags=flags,
        recipe=config,
        overrides=[*(overrides or []), *caps],
        out=out,
        estimate_like=like,
        is_dry=dry_run,
        json_wanted=json_wanted,
    )
    options.finish(code)
