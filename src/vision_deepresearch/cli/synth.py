"""`vdr synth`: the data factory."""

from pathlib import Path
from typing import Annotated

import typer

from vision_deepresearch.cli import options

app = typer.Typer(help="Make training data, every item with its proof.", no_args_is_help=True)

Recipe = Annotated[Path, typer.Argument(help="TOML recipe, for example recipes/toy/vqa.toml.")]
Limit = Annotated[int | None, typer.Option(min=1, help="Begin with so many records only.")]
Attempts = Annotated[int | None, typer.Option(min=1, help="Attempts per question.")]
Questions = Annotated[
    Path | None,
    typer.Option(help="Folder of a finished vdr synth vqa; default: as the recipe says."),
]
DryRun = Annotated[
    bool, typer.Option("--dry-run", help="Say what it would do and cost; do nothing.")
]
Jobs = Annotated[
    int | None,
    typer.Option(
        min=1, help="Processes where no model is asked; default: one per core, here or of --ray."
    ),
]
Ray = Annotated[
    str | None,
    typer.Option(
        metavar="ADDRESS",
        help="Spread the work over a Ray cluster: local (starts one here), auto, or HOST:PORT.",
    ),
]
Player = Annotated[
    str | None,
    typer.Option(help="Who plays the roles: truth (generated worlds, default), or a model."),
]

Teacher = Annotated[
    str | None,
    typer.Option(
        help="Who teaches: oracle (generated worlds), or a model for all roles; "
        "--set trajectories.judge_model=M and the like part them."
    ),
]


Sets = Annotated[
    list[Path] | None,
    typer.Option(
        "--from",
        help="Existing questions about pictures to filter instead of making some: FVQA, InfoSeek or "
        "plain tables, parquet or JSON lines; may stand several times.",
    ),
]


@app.callback()
def _group() -> None:
    """Make training data, every item with its proof."""


@app.command()
def vqa(
    recipe: Recipe,
    sets: Sets = None,
    limit: Limit = None,
    dry_run: DryRun = False,
    jobs: Jobs = None,
    ray: Ray = None,
    model: Player = None,
    world: options.World = None,
    seed: options.Seed = None,
    overrides: options.Set = None,
    out: options.Out = None,
    json_wanted: options.Json = False,
) -> None:
    """Make questions about pictures, with answers and proofs; killed, it goes on where it was.

    Example: vdr synth vqa recipes/toy/vqa.toml --out runs/vqa
    """
    from vision_deepresearch.cli import synth_vqa

    flags = options.given({
        "model": model,
        "world": world,
        "seed": seed,
        "num_pictures": limit,
    })
    options.finish(
        synth_vqa.vqa(
            recipe,
            sets=sets or [],
            flags=flags,
            overrides=overrides or [],
            out=out,
            jobs=jobs,
            ray=ray,
            dry_run=dry_run,
            json_wanted=json_wanted,
        )
    )


@app.command()
def trajectories(
    recipe: Recipe,
    questions: Questions = None,
    limit: Limit = None,
    attempts: Attempts = None,
    dry_run: DryRun = False,
    jobs: Jobs = None,
    ray: Ray = None,
    model: Teacher = None,
    world: options.World = None,
    seed: options.Seed = None,
    overrides: options.Set = None,
    out: options.Out = None,
    json_wanted: options.Json = False,
) -> None:
    """Have experts research the questions, and keep what is right and faultless.

    Example: vdr synth trajectories recipes/toy/trajectories.toml --out runs/trajectories
    """
    from vision_deepresearch.cli import synth_trajectories

    flags = options.given({"model": model, "world": world, "seed": seed})
    own = options.given({
        "questions": str(questions) if questions is not None else None,
        "tasks": limit,
        "attempts": attempts,
    })
    options.finish(
        synth_trajectories.trajectories(
            recipe,
            flags=flags,
            own=own,
            overrides=overrides or [],
            out=out,
            jobs=jobs,
            dry_run=dry_run,
            ray=ray,
            json_wanted=json_wanted,
        )
    )


@app.command()
def difficulty(
    recipe: Recipe,
    questions: Questions = None,
    limit: Limit = None,
    attempts: Attempts = None,
    jobs: Jobs = None,
    model: options.Model = None,
    world: options.World = None,
    seed: options.Seed = None,
    overrides: options.Set = None,
    out: options.Out = None,
    json_wanted: options.Json = False,
) -> None:
    """Keep the questions that a policy solves now and then, in k attempts: 0 < pass@k < 1.

    Example: vdr synth difficulty recipes/toy/difficulty.toml --questions runs/vqa --out runs/rl
    """
    from vision_deepresearch.cli import synth_difficulty

    flags = options.given({"model": model, "world": world, "seed": seed})
    own = options.given({
        "questions": str(questions) if questions is not None else None,
        "tasks": limit,
        "attempts": attempts,
    })
    options.finish(
        synth_difficulty.difficulty(
            recipe,
            flags=flags,
            own=own,
            overrides=overrides or [],
            out=out,
            jobs=jobs,
            json_wanted=json_wanted,
        )
    )


@app.command()
def mix(
    recipe: Recipe,
    dry_run: DryRun = False,
    seed: options.Seed = None,
    overrides: options.Set = None,
    out: options.Out = None,
    json_wanted: options.Json = False,
) -> None:
    """Mix finished runs by ratios into data sets, each a run folder that vdr export takes.

    Example: vdr synth mix recipes/toy/mixture.toml --out runs/mixture
    """
    from vision_deepresearch.cli import synth_mixture

    flags = options.given({"seed": seed})
    options.finish(
        synth_mixture.mix(
            recipe,
            flags=flags,
            overrides=overrides or [],
            out=out,
            dry_run=dry_run,
            json_wanted=json_wanted,
        )
    )


@app.command()
def stats(
    run: Annotated[Path, typer.Argument(help="A run folder.")], json_wanted: options.Json = False
) -> None:
    """Count what a run made, and why it rejected. Example: vdr synth stats runs/vqa --json."""
    from vision_deepresearch.cli import synth_trajectories, synth_vqa

    if synth_trajectories.is_one(run):
        synth_trajectories.stats(run, json_wanted=json_wanted)
    else:
        synth_vqa.stats(run, json_wanted=json_wanted)
