"""What `vdr sft` does: a recipe is resolved, then planned, trained here, or handed to a cluster stack."""

import asyncio
import os
import shlex
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import JsonValue

from vision_deepresearch.cli.output import ShowProgress, console, print_json, progress_bars
from vision_deepresearch.core.errors import ConfigError
from vision_deepresearch.store.provenance import provenance
from vision_deepresearch.train.loggers import check_loggers
from vision_deepresearch.train.memory import estimate_memory, known_estimate, layers_of
from vision_deepresearch.train.ms_swift import swift_command, swift_environment
from vision_deepresearch.train.sft_settings import SftSettings
from vision_deepresearch.wiring.config import load_recipe
from vision_deepresearch.wiring.processes import (
    launched,
    leave_interrupts_to_the_first,
    start_processes,
)
from vision_deepresearch.wiring.sft_config import (
    check_extra,
    make_sft_config,
    model_folder,
    run_folders,
    sft_toml,
)

if TYPE_CHECKING:
    from vision_deepresearch.train.peers import Peers
    from vision_deepresearch.train.sft import SftInputs


def sft(
    recipe: Path,
    *,
    model: str | None,
    data: Sequence[str],
    overrides: Sequence[str],
    out: Path | None,
    dry_run: bool,
    processes: int,
    json_wanted: bool,
) -> int:
    """Train as the recipe says."""
    values = load_recipe(recipe)
    if model is not None:
        values["model"] = model
    if data:
        values["data"] = list(data)
    settings = make_sft_config(values, overrides=overrides)
    folder = out or Path("runs") / "sft"
    place = launched()
    if processes > 1 and place is not None:
        msg = (
            f"--processes {processes} was given to one of {place.size} processes that are started "
            "already: leave it out"
        )
        raise ConfigError(msg)
    if settings.backend == "ms-swift":
        if processes > 1 or place is not None:
            msg = "backend 'ms-swift' starts its own processes: set parallel.gpus_per_node"
            raise ConfigError(msg)
        return _swift(settings, folder=folder, dry_run=dry_run, json_wanted=json_wanted)
    check_extra()
    check_loggers(settings.loggers)
    if dry_run:
        with tempfile.TemporaryDirectory() as beside:
            return _plan(settings, beside=Path(beside), json_wanted=json_wanted)
    if processes > 1:
        words = ["sft", str(recipe), "--out", str(folder)]
        words += ["--model", model] if model is not None else []
        words += [word for one in data for word in ("--data", one)]
        words += [word for one in overrides for word in ("--set", one)]
        words += ["--json"] if json_wanted else []
        return start_processes(words, num=processes)
    if place is None:
        return _train(settings, folder=folder, json_wanted=json_wanted)
    from vision_deepresearch.train.peers import joined

    leave_interrupts_to_the_first(place)
    with joined(
        rank=place.rank, size=place.size, local_rank=place.local_rank, device=settings.device
    ) as peers:
        return _train(settings, folder=folder, json_wanted=json_wanted, peers=peers)


def _plan(settings: SftSettings, *, beside: Path, json_wanted: bool) -> int:
    """Say what would be done. A model that is not here is estimated by its name."""
    if not Path(settings.model).is_dir() and (known := known_estimate(settings)):
        return _told(settings, plan=None, memory=known, json_wanted=json_wanted)
    from vision_deepresearch.train.sft import plan_figures

    target = console(json_wanted=json_wanted)
    with progress_bars(target) as show:
        inputs = _read(settings, beside=beside, show=show)
    plan = plan_figures(settings, inputs)
    hidden, layers, mlp, vocabulary = layers_of(inputs.model.folder)
    state, longest = plan["state_bytes"], plan["longest_row"]
    assert isinstance(state, int)
    assert isinstance(longest, int)
    memory = estimate_memory(
        settings,
        state_bytes=state,
        hidden=hidden,
        layers=layers,
        mlp=mlp,
        vocabulary=vocabulary,
        row_tokens=longest,
    )
    return _told(settings, plan=plan, memory=memory, json_wanted=json_wanted)


def _told(
    settings: SftSettings,
    *,
    plan: Mapping[str, JsonValue] | None,
    memory: Mapping[str, JsonValue],
    json_wanted: bool,
    command: str | None = None,
) -> int:
    if json_wanted:
        print_json({
            "settings": settings.model_dump(mode="json"),
            "plan": plan,
            "memory": memory,
            "command": command,
        })
        return 0
    target = console()
    target.print(sft_toml(settings), soft_wrap=True)
    for name, values in (("plan", plan), ("memory, estimated", memory)):
        if values is not None:
            target.print(name)
            for key, value in values.items():
                shown = f"{value:,}" if isinstance(value, int) else value
                target.print(f"  {key:20} {shown}", soft_wrap=True)
    if command is not None:
        target.print(f"command\n{command}", soft_wrap=True)
    return 0


def _read(
    settings: SftSettings, *, beside: Path, show: ShowProgress, peers: "Peers | None" = None
) -> "SftInputs":
    """Load the model and all data. What is made for it is made by the first process alone."""
    from vision_deepresearch.train.sft import read_inputs

    found: tuple[list[Path], list[Path], Path] | None = None
    if peers is None or peers.is_first:
        folders = run_folders(settings.data, beside=beside)
        held_out = run_folders(settings.held_out, beside=beside / "held_out")
        model = model_folder(settings.model, beside=beside, data=folders)
        found = (folders, held_out, model)
    if peers is not None:
        found = peers.from_first(found)
    assert found is not None
    folders, held_out, model = found
    return read_inputs(settings, model, folders=folders, held_out=held_out, show=show)


def _train(
    settings: SftSettings, *, folder: Path, json_wanted: bool, peers: "Peers | None" = None
) -> int:
    from vision_deepresearch.train.peers import Peers
    from vision_deepresearch.train.sft import train_sft

    peers = peers or Peers()
    target = console(json_wanted=json_wanted, is_silent=not peers.is_first)
    with progress_bars(target) as show:
        beside = folder.with_name(f"{folder.name}-data")
        inputs = _read(settings, beside=beside, show=show, peers=peers)
        for reason, count in inputs.data.left_out.most_common():
            target.print(f"left out: {count} {reason}", soft_wrap=True)
        about = provenance(
            seeds={"run": settings.seed},
            model=settings.model,
            extra=inputs.facts(),
        )
        result = asyncio.run(
            train_sft(
                settings,
                inputs,
                out=folder,
                config=sft_toml(settings),
                provenance=about,
                show=show,
                tell=lambda text: target.print(text, soft_wrap=True),
                peers=peers,
            )
        )
    if not peers.is_first:
        return 0
    if json_wanted:
        print_json({
            "run": str(folder),
            "steps": result.steps,
            "checkpoint": str(result.checkpoint),
            "figures": result.figures,
            "left_out": result.left_out,
            "skipped_steps": result.skipped_steps,
        })
        return 0
    for name, value in result.figures.items():
        target.print(f"{name:28} {value:.6g}", soft_wrap=True)
    target.print(
        f"{result.steps:,} steps; the model is in {result.checkpoint}\n"
        f"use it with  vdr ask ... --model local:{result.checkpoint}",
        soft_wrap=True,
    )
    return 0


def _swift(settings: SftSettings, *, folder: Path, dry_run: bool, json_wanted: bool) -> int:
    """Show the command, or become it."""
    dataset = folder.with_name(f"{folder.name}-data") / "ms-swift"
    words = swift_command(settings, dataset=dataset / "data" / "train-00000.jsonl", out=folder)
    variables = swift_environment(settings)
    if dry_run:
        shown = " ".join([
            *(f"{name}={value}" for name, value in variables.items()),
            shlex.join(words),
        ])
        return _told(
            settings,
            plan=None,
            memory=known_estimate(settings),
            json_wanted=json_wanted,
            command=shown,
        )
    program = shutil.which(words[0])
    if program is None:
        msg = (
            "backend 'ms-swift' runs the program `megatron` of ms-swift 4.6, which is not on the "
            "path: install it in an environment of its own, or see the command with --dry-run"
        )
        raise ConfigError(msg)
    if not dataset.is_dir():
        names = " ".join(settings.data)
        msg = (
            f"ms-swift trains on files: first vdr export {names} --format ms-swift --out {dataset}"
        )
        raise ConfigError(msg)
    for name, value in variables.items():
        os.environ.setdefault(name, value)
    os.execv(program, list(words))  # noqa: S606 - the program takes this command's place, no shell
    return 0
