"""The trainable policy: samples through the engine, gives log-probs with gradient, changes weights.

Version and checksum change together, and only when the weights do: every sampled token says which
weights it is from. Shape: N = trained token of a stream.
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
from vision_deepresearch.models.local.client import LocalClient
from vision_deepresearch.models.local.engine import LocalEngine, OnUpdate
from vision_deepresearch.models.local.loading import LoadedModel, Module, checksum, load_local
from vision_deepresearch.models.local.settings import LocalSettings
from vision_deepresearch.train.forward import score_tokens
from vision_deepresearch.train.packing import pack_row
from vision_deepresearch.train.traced import sample_of_trace

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
            SampleError: see `sample_of_trace` (P61).
            BadImageError: a picture is damaged.
        """
        module = self.model.module
        sample = sample_of_trace(
            trace,
            key="trace",
            mask=np.asarray(trace.loss_mask, np.bool_),
            pictures=self.model.pictures,
            load=self._load,
            image_id=module.config.image_token_id,
        )
        return score_tokens(
            module,
            pack_row([sample]),
            temperature=temperature,
            forbidden_ids=self.model.vocabulary.forbidden_ids,
        ).logprobs

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
