"""`vdr eval`: run tasks into a run folder, judge, compare and report."""

from pathlib import Path
from typing import Annotated

import typer

from vision_deepresearch.cli import options

app = typer.Typer(
    help="Run tasks into a run folder; judge, compare and report.", no_args_is_help=True
)


@app.callback()
def _group() -> None:
    """Run tasks into a run folder; judge, compare and report."""


@app.command()
def run(
    tasks: Annotated[
        int | None,
        typer.Option(
            help="How many of the world's tasks, default 20; with --benchmark of each set, default all."
        ),
    ] = None,
    benchmark: Annotated[
        list[str] | None,
        typer.Option(
            help="NAME=PATH[:SUBSET], a public set in place of the world's own tasks; may be given "
            "again. `vdr eval sets` lists them."
        ),
    ] = None,
    images: options.Pictures = None,
    password: options.Password = None,
    partial: Annotated[
        bool, typer.Option("--partial", help="Run a set that has bad rows or another size.")
    ] = False,
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
    A benchmark: vdr eval run --benchmark bc-vl=data/bc-vl --world live:auto --out runs/bc-vl
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
        chosen=eval_commands.Chosen(
            said=tuple(benchmark or ()), images=images, password=password, is_partial=partial
        ),
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


@app.command()
def sets(
    name: Annotated[
        str | None, typer.Argument(help="Of a benchmark; none: all are listed.")
    ] = None,
    path: Annotated[
        str | None,
        typer.Argument(help="Your copy, PATH[:SUBSET]: every row and picture of it is read."),
    ] = None,
    images: options.Pictures = None,
    password: options.Password = None,
    manifest: Annotated[
        Path | None,
        typer.Option(help="Write ids and hashes of what was read, to be named as a SUBSET."),
    ] = None,
    fetch: Annotated[
        Path | None,
        typer.Option(
            help="First get the pictures that the set names by address into this folder (guarded; "
            "what is there is kept), and look for pictures there."
        ),
    ] = None,
    json_wanted: options.Json = False,
) -> None:
    """What public sets can be read and where to get them; with PATH: whether a copy is whole.

    Example: vdr eval sets mmsearch-plus data/MMSearch-Plus:single
    """
    from vision_deepresearch.cli import eval_sets

    code = eval_sets.sets(
        name,
        path,
        images=images,
        password=password,
        manifest=manifest,
        fetch=fetch,
        json_wanted=json_wanted,
    )
    options.finish(code)


@app.command()
def score(
    run: Annotated[Path, typer.Argument(help="Run folder with the answers, or with the tasks.")],
    judge: Annotated[
        list[str] | None,
        typer.Option(
            help="rules (default), em, f1, gaia; with a model strict, contains, hle-json, "
            "simpleqa-abc, checklist, emulate-2026-05. Several: --judge A --judge B."
        ),
    ] = None,
    judge_model: options.JudgeModel = None,
    allow_self_judge: options.AllowSelfJudge = None,
    judge_prompt: Annotated[
        Path | None, typer.Option(help="Of emulate-2026-05: file with the released prompt.")
    ] = None,
    budget_usd: Annotated[
        float | None,
        typer.Option(min=0.0, help="Stop judging at this price, earlier commands included."),
    ] = None,
    predictions: Annotated[
        Path | None,
        typer.Option(
            help="Answers of another system to the run's tasks, as JSON lines, or the released "
            "runner's episodes.jsonl."
        ),
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="With --predictions: run folder that keeps them.")
    ] = None,
    system: Annotated[
        str | None,
        typer.Option(help="With --predictions: name of that system; default: the file's."),
    ] = None,
    mode: Annotated[
        str | None, typer.Option(help="With --predictions: mode they were made in, for reports.")
    ] = None,
    sheet: Annotated[
        Path | None,
        typer.Option(help="Write answers for people to label, drawn by the first judge."),
    ] = None,
    labels: Annotated[
        Path | None,
        typer.Option(help="A labelled sheet: print how far each judge is to be believed."),
    ] = None,
    overrides: options.Set = None,
    json_wanted: options.Json = False,
) -> None:
    """Judge stored answers by any judge, at any time; no tool and no researcher is run.

    Example: vdr eval score runs/first --judge strict --judge contains --judge-model openai:gpt-5
    """
    from vision_deepresearch.cli import eval_score

    code = eval_score.score(
        run,
        judges=judge or ["rules"],
        judge_model=judge_model,
        allow_self=bool(allow_self_judge),
        budget_usd=budget_usd,
        judge_prompt=judge_prompt,
        predictions=predictions,
        system=system,
        mode=mode,
        out=out,
        sheet=sheet,
        labels=labels,
        overrides=overrides or [],
        json_wanted=json_wanted,
    )
    options.finish(code)


@app.command()
def label(
    run: Annotated[Path, typer.Argument(help="Run folder that a judge has judged.")],
    judge: Annotated[
        str | None,
        typer.Option(help="Id of the judge that is looked at, or its beginning."),
    ] = None,
    sheet: Annotated[
        Path | None,
        typer.Option(
            help="File of the labels, drawn if it is not there; default RUN/labels.jsonl."
        ),
    ] = None,
    size: Annotated[
        int | None, typer.Option(min=2, help="Answers of a new sheet; default 200.")
    ] = None,
    seed: options.Seed = None,
    json_wanted: options.Json = False,
) -> None:
    """Say of stored answers, one key each, whether they are right: what is the judge worth?

    Half of them the judge accepts, half it rejects; which is not shown. Every key is saved, the same
    command goes on. Keys: y right, n wrong, s later, b back, q stop.

    Example: vdr eval label runs/first --judge strict
    """
    from vision_deepresearch.cli import eval_label

    code = eval_label.label(
        run, judge=judge, sheet=sheet, size=size, seed=seed or 0, json_wanted=json_wanted
    )
    options.finish(code)


@app.command()
def compare(
    first: Annotated[Path, typer.Argument(help="Run folder.")],
    second: Annotated[Path, typer.Argument(help="Run folder of the same tasks.")],
    judge: Annotated[
        str | None,
        typer.Option(help="Id of the judge, or its beginning; default: one that both have."),
    ] = None,
    json_wanted: options.Json = False,
) -> None:
    """Compare two runs task by task, and say what can and cannot be concluded.

    Example: vdr eval compare runs/wis runs/cis-ts
    """
    from vision_deepresearch.cli import eval_compare

    options.finish(eval_compare.compare(first, second, judge=judge, json_wanted=json_wanted))


@app.command()
def report(
    runs: Annotated[list[Path], typer.Argument(help="Run folders, for example one per mode.")],
    judge: Annotated[
        str | None,
        typer.Option(help="Id of the judge, or its beginning; default: one that all have."),
    ] = None,
    by: Annotated[
        list[str] | None,
        typer.Option(
            help="A stratum that gets a table, in place of hops, level, area...; several."
        ),
    ] = None,
    form: Annotated[
        str,
        typer.Option("--format", help="text (default), markdown, latex, html (one page) or json."),
    ] = "text",
    out: Annotated[Path | None, typer.Option(help="File to write; default: print it.")] = None,
    published: Annotated[
        bool,
        typer.Option(
            "--published",
            help="In text too: the paper's tables, our rows among them; --data shows them as well.",
        ),
    ] = False,
    data: Annotated[
        list[str] | None,
        typer.Option(
            help="ROW=FOLDER: a run that is a row of the paper's data ablation: base, vqa, text, "
            "fuzzy or rl; several."
        ),
    ] = None,
    json_wanted: options.Json = False,
) -> None:
    """Tables and plots of runs: accuracy by mode with intervals, what it took, the paper's beside it.

    Example: vdr eval report runs/direct runs/wis runs/cis-ts --format html --out report.html
    """
    from vision_deepresearch.cli import eval_report
    from vision_deepresearch.core.errors import ConfigError

    forms: dict[str, eval_report.Form] = {
        "text": "text",
        "markdown": "markdown",
        "latex": "latex",
        "html": "html",
        "json": "json",
    }
    chosen = forms.get("json" if json_wanted else form)
    if chosen is None:
        msg = f"a report is one of {', '.join(forms)}, got {form!r}: use --format with one of them"
        raise ConfigError(msg)
    code = eval_report.report(
        runs,
        judge=judge,
        by=by or [],
        form=chosen,
        out=out,
        is_long=published,
        data=data or [],
    )
    options.finish(code)
