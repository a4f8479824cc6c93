"""`vdr rl`: reinforcement learning from a recipe."""

from pathlib import Path
from typing import Annotated

import typer

from vision_deepresearch.cli import options


def rl(
    recipe: Annotated[
        Path, typer.Argument(help="A recipe of kind rl, for example recipes/toy/rl.toml.")
    ],
    start: Annotated[
        str | None, typer.Option(help="Checkpoint to start from, in place of rl.sft_checkpoint.")
    ] = None,
    steps: Annotated[int | None, typer.Option(min=1, help="In place of rl.steps.")] = None,
    world: options.World = None,
    tape: options.Tape = None,
    seed: options.Seed = None,
    overrides: options.Set = None,
    out: options.Out = None,
    dry_run: Annotated[
        bool,
        typer.Option("--dry-run", help="Print the plan and the memory it needs; load nothing."),
    ] = False,
    json_wanted: options.Json = False,
) -> None:
    """Train a policy by its own rollouts; killed, the same command goes on from its checkpoint.

    Example: vdr rl recipes/toy/rl.toml --start runs/sft/checkpoints/step-00000500 --out runs/rl
    """
    from vision_deepresearch.cli import rl_commands

    code = rl_commands.rl(
        recipe,
        start=start,
        steps=steps,
        flags=options.given({"world": world, "tape": tape, "seed": seed}),
        overrides=overrides or [],
        out=out,
        is_dry=dry_run,
        json_wanted=json_wanted,
    )
    options.finish(code)
