"""The policy in this process: weights that are trained and the engine that samples from them.

Shared weights: one copy, the engine stands still while they are trained. Copied weights: the
trainer has its own and hands them over, so that sampling goes on meanwhile. Either way new weights
get a number and a checksum, which every sampled token carries.
"""

import asyncio
from collections.abc import Callable

import torch

from vision_deepresearch.core.content import ImageRef
from vision_deepresearch.core.errors import TrainingStoppedError
from vision_deepresearch.core.trajectory import Trajectory
from vision_deepresearch.models.local.engine import LocalEngine, OnUpdate
from vision_deepresearch.models.local.loading import LoadedModel, checksum
from vision_deepresearch.train.checkpoint import (
    Checkpoints,
    Damage,
    TrainState,
    copy_beside,
    restore,
)
from vision_deepresearch.train.optimise import make_optimizer
from vision_deepresearch.train.rl.arrays import sample_of
from vision_deepresearch.train.rl.batch import Batch
from vision_deepresearch.train.rl.settings import RlSettings
from vision_deepresearch.train.rl.update import update_policy
from vision_deepresearch.train.samples import TrainingSample
from vision_deepresearch.train.sft_settings import OptimizerSettings


class Policy:
    """One policy, and all there is of it in RL. Its checkpoints load as `local:PATH`."""

    def __init__(
        self,
        trainer: LoadedModel,
        *,
        sampler: LoadedModel,
        engine: LocalEngine,
        settings: RlSettings,
        temperature: float,
        load: Callable[[ImageRef], bytes],
        checkpoints: Checkpoints,
        reference: LoadedModel | None = None,
    ) -> None:
        """Wrap weights; nothing is changed yet.

        Args:
            trainer: what is trained.
            sampler: what the engine samples from; the same object: shared weights.
            engine: running.
            settings: of the run.
            temperature: of sampling.
            load: gives the bytes of stored pictures.
            checkpoints: where they go.
            reference: for a KL term.
        """
        self._trainer = trainer
        self._sampler = sampler
        self._engine = engine
        self._settings = settings
        self._temperature = temperature
        self._load = load
        self._checkpoints = checkpoints
        self._reference = reference
        self._optimizer = _optimizer(trainer, settings)
        self.version = ""
        """Name of the weights that sample: number and checksum."""

    @property
    def is_shared(self) -> bool:
        """Whether the engine samples from the very weights that are trained."""
        return self._trainer.module is self._sampler.module

    def sample(self, trajectory: Trajectory, fatal_turn: int | None) -> TrainingSample:
        """Arrays of a trajectory; errors of `arrays.sample_of`."""
        return sample_of(
            trajectory,
            pictures=self._trainer.pictures,
            load=self._load,
            image_id=self._trainer.module.config.image_token_id,
            fatal_turn=fatal_turn,
        )

    async def update(self, batch: Batch, *, step: int) -> dict[str, float]:
        """Train on a batch of step `step`.

        The sampler keeps its weights until `publish`; shared ones are sampled from at once, under
        the name that `publish(step + 1)` gives them.
        """
        settings = self._settings.update
        warmup = settings.warmup_steps
        rate = settings.lr * min(1.0, (step + 1) / warmup) if warmup else settings.lr
        for group in self._optimizer.param_groups:
            group["lr"] = rate

        def work() -> dict[str, float]:
            return update_policy(
                self._trainer.module,
                batch,
                optimizer=self._optimizer,
                settings=settings,
                temperature=self._temperature,
                forbidden_ids=self._trainer.vocabulary.forbidden_ids,
                reference=self._reference.module if self._reference is not None else None,
            )

        if self.is_shared:
            async with self._engine.paused(policy=OnUpdate(self._settings.on_update)):
                told = await asyncio.to_thread(work)
                # Before anybody samples again: a token must never carry the name of older weights.
                _, name = await self._named(step + 1)
                self._engine.stamp(step + 1, label=name)
        else:
            told = await asyncio.to_thread(work)
        return told | {"lr": rate}

    async def publish(self, step: int) -> str:
        """Give the trained weights to the engine under the number `step`.

        Returns:
            Their name.

        Raises:
            TrainingStoppedError: what the engine samples from afterwards is something else.
        """
        sent, name = await self._named(step)

        def apply() -> None:
            if not self.is_shared:
                self._sampler.module.load_state_dict(self._trainer.module.state_dict())

        await self._engine.update_weights(
            step, label=name, apply=apply, policy=OnUpdate(self._settings.on_update)
        )
        if not self.is_shared and self._has_one_precision:
            got = await asyncio.to_thread(checksum, self._sampler.module)
            if got != sent:
                msg = f"weights {sent[:12]} were handed over, the engine has {got[:12]}"
                raise TrainingStoppedError(msg)
        self.version = name
        return name

    async def _named(self, step: int) -> tuple[str, str]:
        """Checksum of the trained weights, and their name under a number."""
        found = await asyncio.to_thread(checksum, self._trainer.module)
        return found, f"{step}-{found[:12]}"

    async def save(self, state: TrainState) -> None:
        """Write a checkpoint."""
        await asyncio.to_thread(
            self._checkpoints.save,
            state,
            model=self._trainer.module,
            optimizer=self._optimizer,
            beside=lambda folder: copy_beside(self._trainer.folder, folder),
        )

    def resume(self) -> tuple[TrainState | None, tuple[Damage, ...]]:
        """Put the newest whole checkpoint in, if there is one; damaged ones are named.

        Call it before anything samples.
        """
        found, damaged = self._checkpoints.newest()
        if found is None:
            return None, damaged
        state = restore(found, model=self._trainer.module, optimizer=self._optimizer)
        return state, damaged

    @property
    def _has_one_precision(self) -> bool:
        return self._trainer.module.dtype == self._sampler.module.dtype


def _optimizer(model: LoadedModel, settings: RlSettings) -> torch.optim.AdamW:
    """AdamW over what is trained; vectors are not decayed."""
    update = settings.update
    for parameter in model.module.model.visual.parameters():
        parameter.requires_grad_(update.train_vision)
    if update.recompute_layers:
        model.module.activation_checkpointing_enable()
    wanted = OptimizerSettings(
        lr=update.lr,
        min_lr=0.0,
        beta1=update.beta1,
        beta2=update.beta2,
        eps=update.eps,
        weight_decay=update.weight_decay,
    )
    return make_optimizer(model.module, wanted)
