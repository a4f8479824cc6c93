"""The trainable policy: samples through the engine, gives log-probs with gradient, changes weights.

Version and checksum change together, and only when the weights do: every sampled token says which
weights it is from. Shapes: N = trained token of a stream, T = token.
"""

import asyncio
import contextlib
import json
import os
import shutil
import tempfile
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Self

import numpy as np
import torch

from vision_deepresearch.core.content import ImageRef
from vision_deepresearch.core.errors import ConfigError
from vision_deepresearch.core.trajectory import TokenTrace
from vision_deepresearch.models.codec.pictures import SETTINGS_FILES
from vision_deepresearch.models.codec.positions import Grid, positions
from vision_deepresearch.models.local.client import LocalClient
from vision_deepresearch.models.local.engine import LocalEngine, OnUpdate
from vision_deepresearch.models.local.loading import LoadedModel, Module, checksum, load_local
from vision_deepresearch.models.local.sampling import policy_logprobs
from vision_deepresearch.models.local.settings import LocalSettings

_STAMP_FILE = "policy.json"
_CODEC_FILES = ("tokenizer.json", "tokenizer_config.json", "chat_template.jinja", *SETTINGS_FILES)
"""Of a checkpoint, beside its weights: what turns conversations into its inputs."""


class Policy:
    """Weights in training. `client` is its `ModelClient`; use it within `async with policy`."""

    def __init__(
        self,
        model: LoadedModel,
        *,
        load: Callable[[ImageRef], bytes],
        settings: LocalSettings | None = None,
        version: int = 0,
    ) -> None:
        """Wrap a loaded model.

        Args:
            model: whose weights will change.
            load: gives the bytes of stored pictures.
            settings: of the engine.
            version: number of the weights as they are.
        """
        settings = settings or LocalSettings()
        self.model = model
        self.version = version
        self.checksum = checksum(model.module)
        self._load = load
        self.engine = LocalEngine(
            model,
            max_rows=settings.max_rows,
            cache_bytes=int(settings.cache_gb * 2**30),
            version=version,
            label=self.label,
        )
        self.client = LocalClient(
            self.engine,
            codec=model.codec,
            vocabulary=model.vocabulary,
            load=load,
            name=lambda: f"local:{model.folder.name}@{self.label}",
        )
        device = next(model.module.parameters()).device
        self.forbidden = torch.zeros(model.vocabulary.num_ids, dtype=torch.bool, device=device)
        """(V,) true where an id may neither be sampled nor stand in the softmax of training."""
        self.forbidden[list(model.vocabulary.forbidden_ids)] = True

    @classmethod
    def load(
        cls,
        folder: Path,
        *,
        load: Callable[[ImageRef], bytes],
        settings: LocalSettings | None = None,
    ) -> Self:
        """Load what `save` wrote, or any checkpoint as version 0.

        Raises:
            ConfigError: as `load_local`, or the weights are not those that were saved.
        """
        settings = settings or LocalSettings()
        model = load_local(
            folder, dtype=settings.dtype, device=settings.device, budget=settings.pictures
        )
        stamp = folder / _STAMP_FILE
        if not stamp.is_file():
            return cls(model, load=load, settings=settings)
        try:
            told = json.loads(stamp.read_text("utf-8"))
            version, expected = int(told["version"]), str(told["checksum"])
        except (ValueError, KeyError, TypeError) as error:
            msg = f"{stamp} is damaged ({type(error).__name__}): take another checkpoint"
            raise ConfigError(msg) from error
        policy = cls(model, load=load, settings=settings, version=version)
        if policy.checksum != expected:
            msg = (
                f"weights with checksum {expected[:12]} were expected in {folder}, got "
                f"{policy.checksum[:12]}: the checkpoint is damaged or was loaded in another dtype"
            )
            raise ConfigError(msg)
        return policy

    @property
    def label(self) -> str:
        """Names the weights: number and checksum."""
        return f"{self.version}-{self.checksum[:12]}"

    async def __aenter__(self) -> Self:
        self.engine.start()
        return self

    async def __aexit__(self, *reason: object) -> None:
        await self.engine.aclose()

    def logprobs(self, trace: TokenTrace, *, temperature: float) -> torch.Tensor:
        """Log-probs of the trained tokens, teacher-forced over the whole stream with its pictures.

        Equal to the captured ones under the same weights: to 1e-5 in float32, 0.02 in bfloat16.
        Gradient flows unless it is switched off. A float32 master of bfloat16 weights is not made
        here.

        Args:
            trace: its `loss_mask` says which tokens.
            temperature: of the sampling.

        Returns:
            (N,) in float32.

        Raises:
            ValueError: the placeholders are not those of the pictures (P61).
            BadImageError: a picture is damaged.
        """
        module = self.model.module
        device = self.forbidden.device
        ids_T = np.asarray(trace.ids, dtype=np.int64)
        is_picture_T = ids_T == module.config.image_token_id
        cut = [self.model.pictures.cut(ref, self._load) for ref in trace.images]
        grids = [one.grid for one in cut]
        if trace.grids and [Grid(*one) for one in trace.grids] != grids:
            msg = "pictures are cut otherwise than when they were sampled: keep one picture budget"
            raise ValueError(msg)
        positions_3T = positions(is_picture_T, grids)
        inputs: dict[str, torch.Tensor] = {}
        if cut:
            pixels = np.concatenate([one.pixel_values for one in cut])
            inputs = {
                "pixel_values": torch.from_numpy(pixels).to(device),
                "image_grid_thw": torch.tensor([list(grid) for grid in grids], device=device),
                "mm_token_type_ids": torch.from_numpy(is_picture_T)[None].int().to(device),
            }
        hidden_1T = module.model(
            input_ids=torch.from_numpy(ids_T)[None].to(device),
            position_ids=torch.from_numpy(positions_3T)[:, None].to(device),
            use_cache=False,
            **inputs,
        ).last_hidden_state
        trained_N = np.flatnonzero(np.asarray(trace.loss_mask))
        if len(trained_N) and trained_N[0] == 0:
            msg = "a trained token needs one before it, got a stream that begins with one"
            raise ValueError(msg)
        # Logits are made for trained tokens alone: 64,000 x 152,000 of them would take 39 GB.
        logits_NV = module.lm_head(hidden_1T[0, torch.from_numpy(trained_N - 1).to(device)])
        logprobs_NV = policy_logprobs(logits_NV, temperature=temperature, forbidden=self.forbidden)
        targets_N1 = torch.from_numpy(ids_T[trained_N])[:, None].to(device)
        return logprobs_NV.gather(-1, targets_N1)[:, 0]

    @contextlib.asynccontextmanager
    async def update(self, *, policy: OnUpdate = OnUpdate.WAIT) -> AsyncIterator[Module]:
        """Change the weights: sampling stands still, and goes on under a new version.

        The version counts on if the weights changed, also when the body failed half-way.

        Args:
            policy: what becomes of replies that are being sampled.
        """
        module = self.model.module
        async with self.engine.paused(policy=policy):
            try:
                yield module
            finally:
                module.eval()
                found = await asyncio.to_thread(checksum, module)
                if found != self.checksum:
                    self.version, self.checksum = self.version + 1, found
                    self.engine.stamp(self.version, label=self.label)

    def save(self, folder: Path) -> None:
        """Write a checkpoint that `local:PATH`, `load` and transformers read, whole or not at all.

        Raises:
            ConfigError: the folder is there already.
        """
        if folder.exists():
            msg = f"a folder that is not there yet was expected, got {folder}"
            raise ConfigError(msg)
        folder.parent.mkdir(parents=True, exist_ok=True)
        fresh = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
        try:
            self.model.module.save_pretrained(fresh)
            for name in _CODEC_FILES:
                if (self.model.folder / name).is_file():
                    shutil.copyfile(self.model.folder / name, fresh / name)
            stamp = {"version": self.version, "checksum": self.checksum}
            (fresh / _STAMP_FILE).write_text(json.dumps(stamp) + "\n", "utf-8")
            for path in (*fresh.iterdir(), fresh):
                _sync(path)
            fresh.rename(folder)
            _sync(folder.parent)
        finally:
            shutil.rmtree(fresh, ignore_errors=True)


def _sync(path: Path) -> None:
    """Wait until a file or folder is on the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
