"""What determines a reinforcement-learning run: a run's settings, those of training, held-out tasks."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal

from pydantic import Field, JsonValue

from vision_deepresearch.core.errors import ConfigError
from vision_deepresearch.core.record import Record
from vision_deepresearch.train.memory import sizes_of
from vision_deepresearch.train.rl.settings import RlSettings
from vision_deepresearch.wiring.config import RunConfig, checked, make_config, recipe_values
from vision_deepresearch.worlds.live.catalog import is_live

KIND = "rl"
"""Of a recipe. Its keys outside the tables below are a run's, as `vdr eval run` takes them."""
_OPTIMIZER_BYTES = 16
"""Per trained parameter: float32 weight, gradient and two moments."""


class TasksSettings(Record):
    """Which tasks are trained on."""

    source: str | None = None
    """A world with questions of its own, named like `world`: for worlds that have none, as the live
    web; None: the training world's own."""
    num: int | None = Field(default=None, ge=1)
    """The first so many; None: all."""


class HeldOutSettings(Record):
    """What is measured every `rl.evaluate_every` steps."""

    world: str | None = None
    """Another one than the training world; None: nothing is measured."""
    tasks: int = Field(default=64, ge=1)
    """Its first so many."""


class SamplerSettings(Record):
    """Who samples."""

    weights: Literal["shared", "copied"] = "shared"
    """`shared`: one copy in float32, sampling rests while it is trained. `copied`: the sampler has
    its own (in the precision of `local.dtype`), sampling goes on meanwhile, and memory holds both."""


class RlConfig(Record):
    """Everything that determines a run; saved with it as config.toml."""

    run: RunConfig
    rl: RlSettings
    tasks: TasksSettings = TasksSettings()
    held_out: HeldOutSettings = HeldOutSettings()
    sampler: SamplerSettings = SamplerSettings()

    @property
    def folder(self) -> Path:
        """Of the weights to start from."""
        return Path(self.rl.start).expanduser()

    @property
    def own_tables(self) -> dict[str, JsonValue]:
        """What is saved beside the run's settings."""
        return {
            "kind": KIND,
            "rl": self.rl.model_dump(mode="json", exclude_none=True),
            "tasks": self.tasks.model_dump(mode="json", exclude_none=True),
            "held_out": self.held_out.model_dump(mode="json", exclude_none=True),
            "sampler": self.sampler.model_dump(mode="json"),
        }


def make_rl_config(values: Mapping[str, JsonValue], *, overrides: Sequence[str] = ()) -> RlConfig:
    """Check a recipe's values and `--set a.b=1` overrides against the schema.

    Raises:
        ConfigError: an unknown key, a value that does not fit, or settings under which what is
            sampled is not what is trained.
    """
    merged = recipe_values(values, overrides=overrides, kind=KIND, command="vdr rl")
    rl = checked(RlSettings, merged.pop("rl", {}), table="rl")
    tasks = checked(TasksSettings, merged.pop("tasks", {}), table="tasks")
    held_out = checked(HeldOutSettings, merged.pop("held_out", {}), table="held_out")
    sampler = checked(SamplerSettings, merged.pop("sampler", {}), table="sampler")
    if "model" in merged:
        msg = (
            f"the model of a recipe of kind {KIND!r} is rl.sft_checkpoint, got model = "
            f"{merged['model']!r}: leave it out"
        )
        raise ConfigError(msg)
    merged["model"] = f"local:{rl.start}"
    limits = merged.get("limits", {})
    if isinstance(limits, dict):
        merged["limits"] = {"context_policy": "none", **limits}
    local = merged.get("local", {})
    if isinstance(local, dict) and sampler.weights == "shared" and "dtype" not in local:
        merged["local"] = local | {"dtype": "float32"}
    config = RlConfig(
        run=make_config(merged), rl=rl, tasks=tasks, held_out=held_out, sampler=sampler
    )
    _check(config)
    return config


def plan(config: RlConfig) -> dict[str, JsonValue]:
    """What the run would do and need, without loading anything.

    Cost: reads the checkpoint's config and the sizes of its files where it is there.
    """
    rl = config.rl
    billions = _parameters_b(rl)
    group = rl.rollout.group_size
    memory: dict[str, JsonValue] = {"parameters_b": billions}
    if billions is not None:
        copies = _OPTIMIZER_BYTES + (0 if config.sampler.weights == "shared" else 2)
        if rl.update.kl_weight:
            copies += 2
        logits_gb = min(rl.update.row_tokens, 1024) * 152_000 * 4 * 2 / 1e9
        memory |= {
            "weights_and_optimizer_gb": round(billions * copies, 3),
            "logits_gb": round(logits_gb, 3),
            "kv_cache_gb": config.run.local.cache_gb,
            "without": "activations: with rl.update.recompute_layers about 2 bytes per token, layer "
            "and hidden unit of a row",
        }
    return {
        "start": rl.start,
        "start_is_there": Path(rl.start).expanduser().is_dir(),
        "world": config.run.world,
        "mode": config.run.mode,
        "held_out": config.held_out.world,
        "steps": rl.steps,
        "episodes_per_step": rl.batch_tasks * group,
        "episodes": rl.steps * rl.batch_tasks * group,
        "episodes_in_flight": rl.rollout.episodes_in_flight,
        "updates": rl.steps * rl.update.updates_per_batch,
        "groups_under_way_at_most": rl.max_groups,
        "memory": memory,
    }


def _check(config: RlConfig) -> None:
    run = config.run
    if config.sampler.weights == "shared" and run.local.dtype != "float32":
        msg = (
            f"weights that are trained are float32, got local.dtype = {run.local.dtype!r}: in it a "
            'step as small as those of RL rounds to none. Set sampler.weights = "copied", or '
            'local.dtype = "float32"'
        )
        raise ConfigError(msg)
    if run.sampling.top_p != 1.0 or run.sampling.temperature <= 0:
        msg = (
            f"RL needs sampling.top_p = 1 and a temperature above 0, got {run.sampling.top_p:g} and "
            f"{run.sampling.temperature:g}: else captured log-probabilities are not the policy's"
        )
        raise ConfigError(msg)
    if run.limits.context_policy != "none":
        msg = (
            f"limits.context_policy {run.limits.context_policy!r} rewrites what was said: a token "
            "stream that is trained only grows. Leave it out, or set it to 'none'"
        )
        raise ConfigError(msg)
    if run.limits.max_context_tokens + run.limits.max_reply_tokens > config.rl.update.row_tokens:
        msg = (
            f"a trajectory may have {run.limits.max_context_tokens} tokens and a reply of "
            f"{run.limits.max_reply_tokens}, a row of training {config.rl.update.row_tokens}: raise "
            "rl.update.row_tokens or lower limits.max_context_tokens"
        )
        raise ConfigError(msg)
    if is_live(run.world) and config.tasks.source is None:
        msg = (
            f"{run.world!r} has no questions to train on: name a world that has, such as --set "
            "tasks.source=generated:tiny"
        )
        raise ConfigError(msg)
    if run.budget_usd is not None:
        msg = "budget_usd is not watched in RL: leave it out, and use limits.max_usd per trajectory"
        raise ConfigError(msg)
    if config.held_out.world is not None and config.held_out.world == run.world:
        msg = (
            f"held_out.world is the training world {run.world!r}: name another seed or split, such "
            "as generated:small/validation@1"
        )
        raise ConfigError(msg)


def _parameters_b(rl: RlSettings) -> float | None:
    """Billions of parameters: by the size of the safetensors, or of a model known by name."""
    folder = Path(rl.start).expanduser()
    num_bytes = sum(path.stat().st_size for path in folder.glob("*.safetensors"))
    try:
        kind = json.loads((folder / "config.json").read_text("utf-8")).get("dtype", "float32")
    except (OSError, ValueError):
        known = sizes_of(rl.known_as or rl.start)
        return None if known is None else (known.language + known.vision + known.aligner) / 1e9
    return round(num_bytes / (2 if kind in {"bfloat16", "float16"} else 4) / 1e9, 6)
