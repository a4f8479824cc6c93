"""`vdr doctor`: what works here, and what to do about what does not."""

from typing import Annotated

import typer

from vision_deepresearch.cli import options


def doctor(
    model: options.Model = None,
    world: options.World = None,
    profile: options.Profile = None,
    judge: options.Judge = None,
    judge_model: options.JudgeModel = None,
    allow_self_judge: options.AllowSelfJudge = None,
    seed: options.Seed = None,
    config: options.Config = None,
    overrides: options.Set = None,
    offline: Annotated[
        bool, typer.Option("--offline", help="Ask no model; look at this machine and the world.")
    ] = False,
    json_wanted: options.Json = False,
) -> None:
    """Check this machine, the world, the model (reachable, sees, calls tools) and the judge.

    A hosted model is asked three short questions, a judge's model three more; their price is
    printed. Exit code 1 if a check failed.

    Example: vdr doctor --model http://localhost:8000/v1#Qwen3-VL-8B --world runs/wiki
    """
    from vision_deepresearch.cli import doctor_commands

    flags = options.given({
        "model": model,
        "world": world,
        "profile": profile,
        "judge": judge,
        "judge_model": judge_model,
        "allow_self_judge": allow_self_judge,
        "seed": seed,
    })
    code = doctor_commands.doctor(
        flags=flags,
        recipe=config,
        overrides=overrides or [],
        offline=offline,
        json_wanted=json_wanted,
    )
    options.finish(code)
