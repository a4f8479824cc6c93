"""Options that several commands share, with one help text each. Imports typer only.

A flag that was not given is None: defaults live in the config model and nowhere else.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer

Model = Annotated[
    str | None,
    typer.Option(
        help="Who researches: openai:NAME, gemini:NAME, anthropic:NAME, http://HOST:PORT/v1#NAME, "
        "oracle (default), local:PATH (a Qwen3-VL checkpoint), scripted:FILE, seat (terminal), "
        "seat:DIR."
    ),
]
World = Annotated[
    str | None,
    typer.Option(
        help="Where: a world folder (`vdr world import`, `vdr world build`), live:auto or "
        "live:ENGINE+ENGINE (the real web, by your keys), or generated:PRESET[@SEED], built on first use (default generated:small; doctor: generated:tiny)."
    ),
]
Mode = Annotated[
    str | None,
    typer.Option(help="What may be used: cis+ts, wis+ts, ts, cis, wis, direct, agent+zoom..."),
]
Profile = Annotated[
    str | None,
    typer.Option(
        help="How the model speaks: auto (default), vdr (XML ReAct) or native (API tools)."
    ),
]
Summariser = Annotated[
    str | None,
    typer.Option(
        help="Who reads pages: auto (default: the researcher's endpoint), passages, or a model."
    ),
]
Judge = Annotated[
    str | None,
    typer.Option(
        help="Who judges where there is a gold answer: rules (default), strict, contains."
    ),
]
JudgeModel = Annotated[
    str | None, typer.Option(help="Model of the judges strict and contains, named like --model.")
]
AllowSelfJudge = Annotated[
    bool | None,
    typer.Option("--allow-self-judge", help="Let the researcher's own model judge."),
]
Tape = Annotated[
    str | None,
    typer.Option(
        help="Recording of outside calls: off, auto (default), record, replay, replay-strict; "
        "MODE:FILE for another run's: replay:old/run.db asks nothing, auto:old/run.db only what "
        "is not there."
    ),
]
Today = Annotated[str | None, typer.Option(help="ISO date the prompt states; default: today.")]
Noise = Annotated[
    str | None,
    typer.Option(help="How badly engines behave: clean (default), realistic or hostile; @SEED."),
]
Seed = Annotated[int | None, typer.Option(help="Seed of what is made or sampled; default 0.")]
Set = Annotated[
    list[str] | None,
    typer.Option("--set", help="Override a config key, for example limits.max_turns=20."),
]
Config = Annotated[Path | None, typer.Option(help="TOML recipe; flags given win over it.")]
Out = Annotated[
    Path | None, typer.Option(help="Run folder; the same command again goes on where it was.")
]
Pictures = Annotated[
    Path | None,
    typer.Option("--images", help="One more folder in which a set's pictures are looked for."),
]
Password = Annotated[
    str | None,
    typer.Option(help="Of a set that is published encrypted; default: the published one."),
]
Embedder = Annotated[
    str | None,
    typer.Option(
        help="Of a world with vectors: transformers:PATH, onnx:PATH or off; default: VDR_EMBEDDER."
    ),
]
EmbedWith = Annotated[
    str | None,
    typer.Option(
        "--embedder", help="Also make vectors of its pictures: transformers:PATH or onnx:PATH."
    ),
]
DryRun = Annotated[
    bool, typer.Option("--dry-run", help="Say what it would cost; make and ask nothing.")
]
Like = Annotated[
    Path | None, typer.Option(help="With --dry-run: a run folder whose attempts to go by.")
]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object on stdout.")]


def given(values: Mapping[str, str | float | None]) -> dict[str, str | float]:
    """The flags that were given."""
    return {name: value for name, value in values.items() if value is not None}


def finish(code: int) -> None:
    """End the command with an exit code."""
    if code:
        raise typer.Exit(code)
