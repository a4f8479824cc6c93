"""What `vdr rl` does: plans, trains, and prints a line per step."""

import asyncio
from collections.abc import Mapping, Sequence
from pathlib import Path

from pydantic import JsonValue

from vision_deepresearch.cli.output import console, print_json
from vision_deepresearch.cli.research import prepare_world
from vision_deepresearch.core.errors import ConfigError
from vision_deepresearch.wiring.config import load_recipe, stored_today
from vision_deepresearch.wiring.rl import figures_of, train_rl
from vision_deepresearch.wiring.rl_config import make_rl_config, plan
from vision_deepresearch.worlds.live.catalog import is_live

_SHOWN = (
    "reward_mean",
    "accuracy_mean",
    "valid_frac",
    "groups_informative",
    "grad_norm",
    "turns_mean",
    "tool_calls_mean",
    "seconds_rollout",
    "seconds_update",
)


def rl(
    recipe: Path,
    *,
    start: str | None,
    steps: int | None,
    flags: Mapping[str, JsonValue],
    overrides: Sequence[str],
    out: Path | None,
    is_dry: bool,
    json_wanted: bool,
) -> int:
    """Train from a recipe, or say what that would take; `flags` go before its own values."""
    values = {**load_recipe(recipe), **flags}
    table = values.get("rl", {})
    if not isinstance(table, dict):
        msg = f"'rl' is a table of a recipe, got {table!r}: see docs/reinforcement-learning.md"
        raise ConfigError(msg)
    own: dict[str, JsonValue] = dict(table)
    if start is not None:
        key = "base_model" if own.get("allow_base") else "sft_checkpoint"
        own = {
            name: one for name, one in own.items() if name not in {"sft_checkpoint", "base_model"}
        }
        own[key] = start
    if steps is not None:
        own["steps"] = steps
    values["rl"] = own
    folder = out or Path("runs") / "rl"
    if not values.get("today") and (today := stored_today(folder)):
        values["today"] = today
    config = make_rl_config(values, overrides=overrides)
    target = console(json_wanted=json_wanted)
    if is_dry:
        print_json({"recipe": str(recipe), "plan": plan(config), "rl": config.rl.model_dump()})
        return 0
    if not is_live(config.run.world):
        prepare_world(config.run.world, target=target)

    def show(step: int, told: Mapping[str, float]) -> None:
        held_out = [name for name in told if name.startswith("held_out_")]
        shown = held_out or [name for name in _SHOWN if name in told]
        text = "  ".join(f"{name.removesuffix('_mean')} {told[name]:.3g}" for name in shown)
        target.print(f"step {step:5}  {text}", soft_wrap=True)
        if told.get("masked_alarm"):
            share = 1 - told["valid_frac"]
            target.print(f"step {step:5}  {share:.0%} of the episodes are masked", soft_wrap=True)

    state = asyncio.run(
        train_rl(config, out=folder, show=show, say=lambda text: target.print(text, soft_wrap=True))
    )
    if json_wanted:
        print_json({
            "run": str(folder),
            "steps": state.step,
            "figures": figures_of(folder),
        })
    else:
        target.print(
            f"{state.step} steps; the weights are in {folder / 'checkpoints'}, and load as "
            "local:PATH",
            soft_wrap=True,
        )
    return 0
