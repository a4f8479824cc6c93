"""Checkpoints that are whole or not there, and from which training goes on bit for bit.

    checkpoints/step-00000120/
      config.json model.safetensors ...   the model, as `local:PATH` loads it
      adapter.safetensors                 of LoRA in their place: what is trained, and nothing else
      optimizer.safetensors               moments by parameter, and the state of random generators
      state.json                          step, cursor, schedule, config hash, policy version
      manifest.json                       size and checksum of every other file; written last

A save writes a folder under another name, forces it to disk and renames it: a kill at any moment
leaves the old checkpoints, or those and the new one. A checkpoint that is damaged is put aside and
said, and the one before it is used. No pickle anywhere.
"""

import json
import os
import random
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import xxhash
from pydantic import JsonValue, ValidationError
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from transformers import PreTrainedModel
from transformers.utils import logging

from vision_deepresearch.core.errors import ConfigError
from vision_deepresearch.core.record import Record

MODEL = "model"
"""In a run folder: link to the weights a finished run ended with."""
MANIFEST = "manifest.json"
STATE = "state.json"
OPTIMIZER = "optimizer.safetensors"
ADAPTER = "adapter.safetensors"
_BESIDE = (
    "tokenizer.json",
    "tokenizer_config.json",
    "preprocessor_config.json",
    "processor_config.json",
    "chat_template.jinja",
    "special_tokens_map.json",
    "vocab.json",
    "merges.txt",
)
"""Files of a checkpoint that training does not change."""
_PREFIX = "step-"
_UNFINISHED = ".saving-"
_DAMAGED = "damaged-"
_CHUNK = 1 << 22


class TrainState(Record):
    """Where training stands; everything but tensors."""

    schema_version: int = 1
    step: int
    """Optimizer steps taken."""
    cursor: dict[str, JsonValue]
    """Where the data stands, as the trainer wrote it."""
    schedule: dict[str, JsonValue]
    """Of the learning rate."""
    config_hash: str
    """Of the recipe: a checkpoint of another one is not resumed."""
    policy_version: str
    """Of these weights; RL stamps it on what they sample."""


class Random(Record):
    """Random generators of Python and numpy, for libraries that draw from the global ones."""

    python_version: int
    python_state: tuple[int, ...]
    python_gauss: float | None
    numpy_kind: str
    numpy_place: int
    numpy_has_gauss: int
    numpy_gauss: float


class _Stored(Record):
    """Content of state.json."""

    state: TrainState
    groups: tuple[dict[str, JsonValue], ...]
    """Parameter groups of the optimizer."""
    scalars: dict[str, dict[str, float | int | bool | None]]
    """What the optimizer keeps per parameter that is no tensor."""
    random: Random


class _Manifest(Record):
    """Content of manifest.json: xxh3 of 128 bits, and bytes, per file."""

    files: dict[str, tuple[str, int]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A whole checkpoint."""

    path: Path
    state: TrainState


@dataclass(frozen=True, slots=True, kw_only=True)
class Damage:
    """A checkpoint that cannot be used."""

    path: Path
    """Where it was put aside."""
    reason: str


class Checkpoints:
    """The checkpoints of one run. One writer at a time: the run folder's lock sees to that."""

    def __init__(self, root: Path, *, keep: int = 2) -> None:
        """Use a folder; it is made at the first save.

        Args:
            root: of all checkpoints.
            keep: newest ones that stay; at least 2, so that a damaged one has a predecessor.

        Raises:
            ConfigError: fewer than 2 would be kept.
        """
        if keep < 2:
            msg = f"at least 2 checkpoints are kept, so that one may be damaged, got {keep}"
            raise ConfigError(msg)
        self.root = root
        self._keep = keep

    def save(
        self,
        state: TrainState,
        *,
        model: PreTrainedModel,
        optimizer: torch.optim.Optimizer | None = None,
        beside: Callable[[Path], None] | None = None,
    ) -> Path:
        """Write a checkpoint; returns when it is on disk under its name.

        Args:
            state: where training stands.
            model: its weights, as they are.
            optimizer: None: weights only, nothing can go on from there bit for bit.
            beside: puts more files into the folder, such as the tokenizer.

        Raises:
            OSError: the disk is full or broken; the checkpoints before are untouched.

        Cost: weights and moments once to disk; no copy in memory.
        """
        self.root.mkdir(parents=True, exist_ok=True)
        self._clear_unfinished()
        fresh = self.root / f"{_UNFINISHED}{state.step:08d}"
        fresh.mkdir()
        if adapter := _adapter(model):
            save_file(
                {name: one.detach().contiguous() for name, one in adapter.items()}, fresh / ADAPTER
            )
        else:
            _be_quiet()
            model.save_pretrained(fresh)
        if beside is not None:
            beside(fresh)
        tensors, scalars, groups = _optimizer_state(optimizer)
        save_file(tensors | _torch_random(), fresh / OPTIMIZER)
        stored = _Stored(state=state, groups=groups, scalars=scalars, random=_random())
        (fresh / STATE).write_text(stored.model_dump_json(indent=1), encoding="utf-8")
        files = {str(path.relative_to(fresh)): _checksum(path) for path in _files(fresh)}
        (fresh / MANIFEST).write_text(_Manifest(files=files).model_dump_json(indent=1))
        for path in _files(fresh):
            _force(path)
        for folder in (fresh, *(path for path in fresh.rglob("*") if path.is_dir())):
            _force(folder)
        target = self.path_of(state.step)
        if (
            target.exists()
        ):  # of an earlier try at the same step; these weights are the same or newer
            self._put_aside(target)
        fresh.rename(target)
        _force(self.root)
        self._prune()
        return target

    def path_of(self, step: int) -> Path:
        """Where the checkpoint of a step is, if it is there."""
        return self.root / f"{_PREFIX}{step:08d}"

    def steps(self) -> list[int]:
        """Steps that have a checkpoint, rising; none of them verified."""
        found = self.root.glob(f"{_PREFIX}[0-9]*")
        return sorted(int(path.name.removeprefix(_PREFIX)) for path in found)

    def newest(self) -> tuple[Found | None, tuple[Damage, ...]]:
        """The newest whole checkpoint, and the newer ones that were damaged and put aside.

        Cost: reads every byte of the checkpoint.
        """
        damaged: list[Damage] = []
        for step in reversed(self.steps()):
            path = self.path_of(step)
            reason = verify(path)
            if not reason:
                return Found(path=path, state=_stored(path).state), tuple(damaged)
            damaged.append(Damage(path=self._put_aside(path), reason=reason))
        return None, tuple(damaged)

    def _put_aside(self, path: Path) -> Path:
        number = 1
        while (aside := self.root / f"{_DAMAGED}{path.name}-{number}").exists():
            number += 1
        path.rename(aside)
        _force(self.root)
        return aside

    def _prune(self) -> None:
        """Remove what is older than the newest few; what was put aside stays for people to look at."""
        for step in self.steps()[: -self._keep]:
            # Renamed first: half a removed checkpoint must not look like a damaged one.
            doomed = self.root / f"{_UNFINISHED}old-{step:08d}"
            self.path_of(step).rename(doomed)
            shutil.rmtree(doomed)

    def _clear_unfinished(self) -> None:
        for path in self.root.glob(f"{_UNFINISHED}*"):
            shutil.rmtree(path)


def name_model(run: Path, weights: Path) -> Path:
    """Let `model` in a run folder be the weights a run ended with, whatever their step.

    Args:
        run: the run's folder.
        weights: a folder of it.

    Returns:
        The link; it replaces an earlier one at once.
    """
    link, fresh = run / MODEL, run / f".{MODEL}-{os.getpid()}"
    fresh.unlink(missing_ok=True)
    fresh.symlink_to(weights.relative_to(run), target_is_directory=True)
    if link.is_dir() and not link.is_symlink():
        shutil.rmtree(link)  # the run was copied, and what the link named with it
    fresh.replace(link)
    return link


def copy_beside(source: Path, target: Path) -> None:
    """Copy what a checkpoint has besides weights and configuration: tokenizer, pictures."""
    for name in _BESIDE:
        if (source / name).is_file():
            shutil.copyfile(source / name, target / name)


def verify(path: Path) -> str:
    """Why a checkpoint cannot be used; empty: every byte is what was written."""
    try:
        manifest = _Manifest.model_validate_json((path / MANIFEST).read_bytes())
        for name, (checksum, size) in manifest.files.items():
            found = _checksum(path / name)
            if found != (checksum, size):
                return f"{name} has {found[1]} bytes and is not what was written"
        _stored(path)
    except FileNotFoundError as reason:
        return f"{Path(str(reason.filename)).name} is missing"
    except (OSError, ValidationError) as reason:
        return f"it cannot be read: {str(reason).splitlines()[0]}"
    return ""


def restore(
    found: Found, *, model: PreTrainedModel, optimizer: torch.optim.Optimizer | None = None
) -> TrainState:
    """Put a verified checkpoint into a model and an optimizer that are there, and random state.

    Args:
        found: from `Checkpoints.newest`.
        model: of the same architecture; its weights are replaced.
        optimizer: over the same parameters in the same order.

    Raises:
        ConfigError: it is of another architecture, or has no state for this optimizer.

    Cost: a second copy of the weights while they are read.
    """
    stored = _stored(found.path)
    try:
        tensors = load_file(found.path / OPTIMIZER)
    except SafetensorError as reason:
        msg = f"{found.path / OPTIMIZER} cannot be read ({reason}): remove the checkpoint"
        raise ConfigError(msg) from reason
    if (found.path / ADAPTER).is_file():
        _restore_adapter(model, found.path)
    else:
        load_weights(model, found.path)
    if optimizer is not None:
        _restore_optimizer(optimizer, stored=stored, tensors=tensors, path=found.path)
    _restore_random(stored.random, tensors)
    return stored.state


def load_weights(model: PreTrainedModel, folder: Path) -> None:
    """Replace a model's weights by those of a checkpoint folder.

    Raises:
        ConfigError: they are of another architecture.
    """
    _be_quiet()
    fresh = type(model).from_pretrained(folder, dtype=model.dtype, local_files_only=True)
    try:
        model.load_state_dict(fresh.state_dict())
    except RuntimeError as reason:
        msg = (
            f"the weights in {str(folder)!r} do not fit this model: {str(reason).splitlines()[-1]}"
            ". Start from the model the run was started from"
        )
        raise ConfigError(msg) from reason


def _be_quiet() -> None:
    """Show no bars of transformers.

    They share a lock with forked processes: one that is killed while it holds it stops all others.
    """
    logging.disable_progress_bar()


def _adapter(model: PreTrainedModel) -> dict[str, torch.nn.Parameter]:
    """The trained weights of a model with LoRA adapters in it; empty: it has none."""
    trained = {name: one for name, one in model.named_parameters() if one.requires_grad}
    return trained if any(".lora_" in name for name in trained) else {}


def _restore_adapter(model: PreTrainedModel, path: Path) -> None:
    kept = load_file(path / ADAPTER)
    own = _adapter(model)
    if own.keys() != kept.keys():
        msg = f"{str(path)!r} holds other adapters than this model has: use the run's own recipe"
        raise ConfigError(msg)
    with torch.no_grad():
        for name, one in own.items():
            one.copy_(kept[name])


def _optimizer_state(
    optimizer: torch.optim.Optimizer | None,
) -> tuple[
    dict[str, torch.Tensor],
    dict[str, dict[str, float | int | bool | None]],
    tuple[dict[str, JsonValue], ...],
]:
    """Tensors, other values, and groups of an optimizer."""
    if optimizer is None:
        return {}, {}, ()
    told = optimizer.state_dict()
    tensors: dict[str, torch.Tensor] = {}
    scalars: dict[str, dict[str, float | int | bool | None]] = {}
    for index, state in told["state"].items():
        for name, value in state.items():
            if isinstance(value, torch.Tensor):
                tensors[f"state.{index}.{name}"] = value.detach().contiguous()
            else:
                scalars.setdefault(str(index), {})[name] = value
    groups = json.loads(json.dumps(told["param_groups"]))
    return tensors, scalars, tuple(groups)


def _restore_optimizer(
    optimizer: torch.optim.Optimizer,
    *,
    stored: _Stored,
    tensors: Mapping[str, torch.Tensor],
    path: Path,
) -> None:
    state: dict[int, dict[str, object]] = {
        int(index): dict(values) for index, values in stored.scalars.items()
    }
    for name, tensor in tensors.items():
        kind, _, rest = name.partition(".")
        if kind == "state":
            index, _, key = rest.partition(".")
            state.setdefault(int(index), {})[key] = tensor
    own = optimizer.state_dict()["param_groups"]
    expected = [len(group["params"]) for group in own]
    there = [_num_parameters(group) for group in stored.groups]
    if expected != there:
        msg = (
            f"{str(path)!r} holds an optimizer of {there} parameters, this one has {expected}: "
            "resume with the recipe the run was started with"
        )
        raise ConfigError(msg)
    # JSON made a list of the one tuple.
    groups = [
        {
            key: tuple(value) if isinstance(value, list) and key == "betas" else value
            for key, value in kept.items()
        }
        for kept in stored.groups
    ]
    optimizer.load_state_dict({"state": state, "param_groups": groups})


def _num_parameters(group: Mapping[str, JsonValue]) -> int:
    parameters = group["params"]
    assert isinstance(parameters, list), parameters
    return len(parameters)


def _random() -> Random:
    version, state, gauss = random.getstate()
    legacy = np.random.get_state(legacy=False)  # noqa: NPY002 - libraries draw from it
    return Random(
        python_version=version,
        python_state=tuple(state),
        python_gauss=gauss,
        numpy_kind=str(legacy["bit_generator"]),
        numpy_place=int(legacy["state"]["pos"]),
        numpy_has_gauss=int(legacy["has_gauss"]),
        numpy_gauss=float(legacy["gauss"]),
    )


def _torch_random() -> dict[str, torch.Tensor]:
    legacy = np.random.get_state(legacy=False)  # noqa: NPY002 - libraries draw from it
    keys = np.asarray(legacy["state"]["key"], np.uint32).astype(np.int64)
    found = {"random.cpu": torch.get_rng_state(), "random.numpy": torch.from_numpy(keys)}
    if torch.cuda.is_available():
        states = torch.cuda.get_rng_state_all()
        found |= {f"random.cuda.{index}": one for index, one in enumerate(states)}
    return found


def _restore_random(stored: Random, tensors: Mapping[str, torch.Tensor]) -> None:
    random.setstate((stored.python_version, stored.python_state, stored.python_gauss))
    np.random.set_state({  # noqa: NPY002 - libraries draw from it
        "bit_generator": stored.numpy_kind,
        "state": {
            "key": tensors["random.numpy"].numpy().astype(np.uint32),
            "pos": stored.numpy_place,
        },
        "has_gauss": stored.numpy_has_gauss,
        "gauss": stored.numpy_gauss,
    })
    torch.set_rng_state(tensors["random.cpu"])
    if torch.cuda.is_available():
        count = sum(name.startswith("random.cuda.") for name in tensors)
        if count == torch.cuda.device_count():
            torch.cuda.set_rng_state_all([tensors[f"random.cuda.{one}"] for one in range(count)])


def _stored(path: Path) -> _Stored:
    return _Stored.model_validate_json((path / STATE).read_bytes())


def _files(folder: Path) -> Sequence[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def _checksum(path: Path) -> tuple[str, int]:
    hasher = xxhash.xxh3_128()
    size = 0
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            hasher.update(chunk)
            size += len(chunk)
    return hasher.hexdigest(), size


def _force(path: Path) -> None:
    """Have a file or a folder's entries on disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
