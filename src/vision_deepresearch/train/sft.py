"""Supervised fine-tuning in this process: read, plan, step, measure, save; the same command goes on.

    trajectories -> sequences (sft_data) -> rows (packing) -> loss (forward) -> step (optimise)

Several processes take the same steps together, each with a share of the rows (peers).
Everything a step depends on is in the last checkpoint: weights, moments, random state and the
number of the step. On a CPU in float32 a resumed run is the uninterrupted one, bit for bit.
"""

import asyncio
import hashlib
import shutil
import time
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from pydantic import JsonValue

from vision_deepresearch.core.errors import ConfigError
from vision_deepresearch.models.local.loading import LoadedModel, checksum, load_local
from vision_deepresearch.store.run import RunFolder
from vision_deepresearch.train.checkpoint import (
    Checkpoints,
    TrainState,
    copy_beside,
    name_model,
    restore,
)
from vision_deepresearch.train.forward import score_tokens
from vision_deepresearch.train.loggers import Logger, open_loggers
from vision_deepresearch.train.optimise import (
    StepFigures,
    computes_in_bfloat16,
    computing,
    cross_entropy,
    make_optimizer,
    take_step,
)
from vision_deepresearch.train.packing import PackedRow, pack_row
from vision_deepresearch.train.parts import LoraModel, choose_parts, count_parts
from vision_deepresearch.train.peers import Peers
from vision_deepresearch.train.sampling import sample_replies
from vision_deepresearch.train.schedule import learning_rate
from vision_deepresearch.train.sft_data import (
    Encoder,
    Example,
    SftData,
    check_trainable,
    plan_epoch,
)
from vision_deepresearch.train.sft_settings import SftSettings
from vision_deepresearch.train.token_classes import classify

CHECKPOINTS = "checkpoints"
MERGED = "merged"
"""Of a LoRA run: the model with its adapters worked in."""
_ALONE = Peers()

Show = Callable[[str, int, int], None]
Tell = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class SftResult:
    """What a run came to."""

    steps: int
    checkpoint: Path
    """The last one; `local:PATH` loads it."""
    figures: dict[str, float]
    """Of the last measurements."""
    left_out: dict[str, int]
    """Attempts that were not trained on, by reason."""
    skipped_steps: int
    """Of this and earlier openings: loss or gradient was no number."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SftInputs:
    """What is read before the first step."""

    model: LoadedModel
    data: SftData
    encoder: Encoder
    plan: tuple[tuple[tuple[int, ...], ...], ...]
    """Per step its rows, per row its sequences; all epochs, cut to `max_steps`."""

    def facts(self) -> dict[str, JsonValue]:
        """What determines the run besides its settings, for provenance. Cost: reads all weights."""
        return {
            "weights": checksum(self.model.module),
            "data": self.data.digest,
            "picture_px": list(self.model.pictures.budget_px),
        }


class NoNumberError(ConfigError):
    """Loss or gradient stayed no number, step after step."""


def read_inputs(
    settings: SftSettings,
    model_folder: Path,
    *,
    folders: Sequence[Path],
    held_out: Sequence[Path],
    show: Show,
) -> SftInputs:
    """Load the model and make all sequences.

    Args:
        settings: of the run.
        model_folder: where the checkpoint to start from is.
        folders: run folders to train on.
        held_out: run folders to measure by.
        show: told of progress.

    Raises:
        ConfigError: no such model, no run folder, or nothing to train on.
    """
    # Weights and moments are float32 whatever the precision of the computation.
    model = load_local(
        model_folder, dtype="float32", device=settings.device, budget=settings.pictures
    )
    encoder = Encoder(
        model.codec,
        pictures=model.pictures,
        image_id=model.module.config.image_token_id,
        max_tokens=min(settings.max_tokens, model.max_positions),
    )
    data = SftData()
    for folder in folders:
        encoder.read(
            folder,
            into=data,
            held_out_frac=settings.held_out_frac,
            only_correct=settings.only_correct,
            show=show,
        )
    for folder in held_out:
        encoder.read(
            folder,
            into=data,
            held_out_frac=0.0,
            only_correct=settings.only_correct,
            is_held_out=True,
            show=show,
        )
    check_trainable(data)
    if held_out and not data.held_out:
        msg = (
            f"held_out names {', '.join(map(str, held_out))}, and nothing of it can be measured by: "
            "give runs that hold trajectories, or leave held_out away"
        )
        raise ConfigError(msg)
    lengths = [one.num_tokens for one in data.train]
    plan = [
        step
        for epoch in range(settings.epochs)
        for step in plan_epoch(lengths, batch=settings.batch, seed=settings.seed, epoch=epoch)
    ][: settings.max_steps]
    return SftInputs(model=model, data=data, encoder=encoder, plan=tuple(map(tuple, plan)))


async def train_sft(
    settings: SftSettings,
    inputs: SftInputs,
    *,
    out: Path,
    config: str,
    provenance: Mapping[str, JsonValue],
    show: Show,
    tell: Tell,
    peers: Peers = _ALONE,
) -> SftResult:
    """Train, or go on with a run that was stopped.

    Of several processes all train, and the first alone opens the folder, measures time and writes.

    Args:
        settings: of the run.
        inputs: what was read for them.
        out: run folder.
        config: the resolved recipe, TOML.
        provenance: kept with the run.
        show: told of progress.
        tell: told what a person should know.
        peers: the processes that train together.

    Raises:
        ConfigError: the folder is another run's, or its data changed.
        NoNumberError: too many steps in a row were no numbers.
        TrainingStoppedError: processes differ in weights or data, or one is gone.
    """
    _check_alike(settings, inputs, peers=peers)
    if not peers.is_first:
        trainer = _Trainer(settings, inputs, out=out, config=config, tell=tell, peers=peers)
        return await trainer.run(None, loggers=(), show=show)
    async with RunFolder.open(out, config=config, provenance=provenance) as run:
        trainer = _Trainer(settings, inputs, out=out, config=config, tell=tell, peers=peers)
        loggers = open_loggers(settings.loggers, folder=out, config=settings.model_dump())
        try:
            return await trainer.run(run, loggers=loggers, show=show)
        finally:
            for logger in loggers:
                logger.close()


def _check_alike(settings: SftSettings, inputs: SftInputs, *, peers: Peers) -> None:
    if peers.size == 1:
        return
    if settings.lora is not None and settings.lora.dropout:
        msg = (
            "lora.dropout draws from random numbers that only the first process saves: set it to 0, "
            "or train in one process"
        )
        raise ConfigError(msg)
    peers.agree_on(checksum(inputs.model.module), what="the weights to start from")
    peers.agree_on(inputs.data.digest, what="what is trained on")


class _Trainer:
    """The loop; what it changes is the model, the optimizer and the counts here."""

    def __init__(
        self,
        settings: SftSettings,
        inputs: SftInputs,
        *,
        out: Path,
        config: str,
        tell: Tell,
        peers: Peers,
    ) -> None:
        self._peers = peers
        self._settings = settings
        self._inputs = inputs
        self._out = out
        self._tell = tell
        self._model = inputs.model.module
        torch.manual_seed(settings.seed)
        self._lora: LoraModel | None = choose_parts(self._model, settings)
        if settings.recompute_layers:
            self._model.activation_checkpointing_enable()
        self._optimizer = make_optimizer(self._model, settings.optimizer)
        self._checkpoints = Checkpoints(out / CHECKPOINTS, keep=settings.keep)
        digest = hashlib.sha256(f"{config}\n{inputs.data.digest}".encode())
        self._config_hash = digest.hexdigest()[:16]
        self._is_bfloat16 = computes_in_bfloat16(settings.precision, self._model.device)
        self._step = 0
        self._saved = -1
        """Step of the newest checkpoint."""
        self._skipped = 0
        self._bad_in_a_row = 0

    async def run(
        self, run: RunFolder | None, *, loggers: Sequence[Logger], show: Show
    ) -> SftResult:
        """All steps that are still to be taken; `run` is None in all processes but the first."""
        await asyncio.to_thread(self._resume)
        plan = self._inputs.plan
        figures: dict[str, float] = {}
        if self._step == 0 and self._inputs.data.held_out:
            figures |= await self._log(run, loggers, await asyncio.to_thread(self._measure))
        while self._step < len(plan):
            began = time.perf_counter()
            work = asyncio.ensure_future(asyncio.to_thread(self._take, plan[self._step]))
            try:
                found = await asyncio.shield(work)
            except asyncio.CancelledError:
                await work  # the thread goes on anyway: its step is kept
                self._save()  # asks nothing of the other processes, which wait for the next step
                raise
            figures |= await self._log(run, loggers, found | _speed(found, began))
            show("steps", self._step, len(plan))
            figures |= await self._look_around(run, loggers)
        if self._saved != self._step:
            await asyncio.to_thread(self._save)
        checkpoint = self._merged() or self._checkpoints.path_of(self._step)
        if self._peers.is_first:
            name_model(self._out, checkpoint)
        return SftResult(
            steps=self._step,
            checkpoint=checkpoint,
            figures=figures,
            left_out=dict(self._inputs.data.left_out),
            skipped_steps=self._skipped,
        )

    async def _look_around(
        self, run: RunFolder | None, loggers: Sequence[Logger]
    ) -> dict[str, float]:
        """Measurements, samples and checkpoints that are due after a step."""
        settings = self._settings
        figures: dict[str, float] = {}
        is_last = self._step == len(self._inputs.plan)
        if self._inputs.data.held_out and (is_last or self._step % settings.evaluate_every == 0):
            figures = await self._log(run, loggers, await asyncio.to_thread(self._measure))
        if (
            run is not None
            and settings.sample_every
            and (is_last or self._step % settings.sample_every == 0)
        ):
            examples = (self._inputs.data.held_out or self._inputs.data.train)[: settings.samples]
            await sample_replies(
                self._inputs.model,
                examples,
                run=run,
                step=self._step,
                max_tokens=settings.sample_tokens,
                tell=self._tell,
            )
        if is_last or self._step % settings.checkpoint_every == 0:
            if self._peers.size > 1:
                weights = await asyncio.to_thread(checksum, self._model)
                self._peers.agree_on(weights, what=f"the weights after step {self._step}")
            await asyncio.to_thread(self._save)
        return figures

    async def _log(
        self, run: RunFolder | None, loggers: Sequence[Logger], values: Mapping[str, float]
    ) -> dict[str, float]:
        if run is not None:
            await run.put_metrics(self._step, values)
        for logger in loggers:
            logger.log(self._step, values)
        return dict(values)

    def _take(self, rows: Sequence[tuple[int, ...]]) -> dict[str, float]:
        """One step."""
        data = self._inputs.data.train
        rows = [row for row in rows if any(data[index].num_supervised for index in row)]
        num_supervised = sum(data[index].num_supervised for row in rows for index in row)
        num_tokens = [sum(data[index].num_tokens for index in row) for row in rows]
        packed = [self._row(rows[index]) for index in self._peers.share_of(num_tokens)]
        lr = learning_rate(
            self._step,
            num_steps=len(self._inputs.plan),
            peak=self._settings.optimizer.lr,
            floor=self._settings.optimizer.min_lr,
            warmup_frac=self._settings.optimizer.warmup_frac,
        )
        self._model.train()
        found = take_step(
            packed,
            loss_of=cross_entropy(
                self._model,
                num_supervised=num_supervised,
                forbidden_ids=self._inputs.model.vocabulary.forbidden_ids,
                is_bfloat16=self._is_bfloat16,
            ),
            optimizer=self._optimizer,
            lr=lr,
            clip_norm=self._settings.optimizer.clip_norm,
            peers=self._peers,
        )
        self._model.eval()
        self._step += 1
        self._guard(found)
        return {
            "train/loss": found.loss,
            "train/grad_norm": found.grad_norm,
            "train/lr": lr,
            "train/tokens": float(sum(num_tokens)),
            "train/supervised_tokens": float(num_supervised),
            "train/rows": float(len(rows)),
            "train/skipped_steps": float(self._skipped),
        }

    def _guard(self, found: StepFigures) -> None:
        """Count a step that was not taken; stop after too many in a row."""
        if found.is_taken:
            self._bad_in_a_row = 0
            return
        self._skipped += 1
        self._bad_in_a_row += 1
        self._tell(
            f"step {self._step} was skipped: loss {found.loss:g}, gradient {found.grad_norm:g}"
        )
        if self._bad_in_a_row >= self._settings.max_bad_steps:
            msg = (
                f"loss or gradient was no number {self._bad_in_a_row} steps in a row, up to step "
                f"{self._step}: lower optimizer.lr or look at the data; the weights are those "
                "before, and the last checkpoint is good"
            )
            raise NoNumberError(msg)

    def _row(self, indices: Sequence[int]) -> PackedRow:
        examples = self._inputs.data.train
        return pack_row([self._inputs.encoder.sample(examples[index]) for index in indices])

    def _measure(self) -> dict[str, float]:
        """Mean loss of held-out tokens, and by what they are for; nats per token."""
        self._model.eval()
        examples = self._inputs.data.held_out[: self._settings.max_held_out]
        mine = self._peers.share_of([one.num_tokens for one in examples])
        own = {index: self._losses(examples[index]) for index in mine}
        every = {index: told for part in self._peers.gathered(own) for index, told in part.items()}
        sums: dict[str, list[float]] = defaultdict(list)
        for index in sorted(every):
            for name, losses in every[index].items():
                sums[name] += losses
        return {f"held_out/{name}": float(np.mean(values)) for name, values in sums.items()}

    def _losses(self, example: Example) -> dict[str, list[float]]:
        """Losses of the supervised tokens of a sequence, all and by what they are for."""
        sample = self._inputs.encoder.sample(example)
        vocabulary = self._inputs.model.vocabulary
        with torch.no_grad(), computing(self._model.device, is_bfloat16=self._is_bfloat16):
            found = score_tokens(
                self._model, pack_row([sample]), forbidden_ids=vocabulary.forbidden_ids
            )
        losses = (-found.logprobs).tolist()
        told: dict[str, list[float]] = defaultdict(list)
        told["loss"] += losses
        turns = sample.turn_index[sample.loss_mask]
        ids = sample.ids[sample.loss_mask]
        for turn in np.unique(turns):
            places = np.flatnonzero(turns == turn)
            kinds = classify(ids[places].tolist(), text_of=vocabulary.text)
            for place, kind in zip(places, kinds, strict=True):
                told[f"loss/{kind}"].append(losses[place])
        return told

    # ------------------------------------------------------------------------------- checkpoints

    def _resume(self) -> None:
        newest = self._checkpoints.newest() if self._peers.is_first else None
        shared = self._peers.from_first(newest)
        assert shared is not None
        found, damaged = shared
        for one in damaged:
            self._tell(f"checkpoint put aside as {one.path.name}: {one.reason}")
        if found is None:
            return
        if found.state.config_hash != self._config_hash:
            msg = (
                f"{str(self._out)!r} was trained on other data or settings up to step "
                f"{found.state.step}: put them back, or give another folder"
            )
            raise ConfigError(msg)
        restore(found, model=self._model, optimizer=self._optimizer)
        self._step = self._saved = found.state.step
        skipped, bad = found.state.cursor["skipped"], found.state.cursor["bad_in_a_row"]
        assert isinstance(skipped, int)
        assert isinstance(bad, int)
        self._skipped, self._bad_in_a_row = skipped, bad
        self._tell(f"goes on from step {self._step} of {len(self._inputs.plan)}")

    def _save(self) -> None:
        """Write a checkpoint, if this is the process that writes."""
        self._saved = self._step
        if not self._peers.is_first:
            return
        self._checkpoints.save(
            TrainState(
                step=self._step,
                cursor={"skipped": self._skipped, "bad_in_a_row": self._bad_in_a_row},
                schedule={"num_steps": len(self._inputs.plan)},
                config_hash=self._config_hash,
                policy_version=f"{self._out.name}@{self._step}",
            ),
            model=self._model,
            optimizer=self._optimizer,
            beside=lambda folder: copy_beside(self._inputs.model.folder, folder),
        )

    def _merged(self) -> Path | None:
        """Of a finished LoRA run: the whole model, which `local:PATH` loads."""
        if self._lora is None or not self._peers.is_first:
            return None
        target = self._out / MERGED
        shutil.rmtree(target, ignore_errors=True)
        self._lora.merge().save_pretrained(target)
        copy_beside(self._inputs.model.folder, target)
        return target


def plan_figures(settings: SftSettings, inputs: SftInputs) -> dict[str, JsonValue]:
    """What a run would do, for `--dry-run`."""
    data = inputs.data
    lengths = sorted(one.num_tokens for one in data.train)
    rows = [row for step in inputs.plan for row in step]
    tokens = [sum(data.train[index].num_tokens for index in row) for row in rows]
    return {
        "steps": len(inputs.plan),
        "trajectories": len(data.train),
        "held_out": len(data.held_out),
        "left_out": dict(data.left_out),
        "tokens": sum(lengths),
        "supervised_tokens": data.num_supervised,
        "longest": lengths[-1],
        "median": lengths[len(lengths) // 2],
        "rows": len(rows),
        "row_fill": round(sum(tokens) / (len(rows) * max(settings.batch.row_tokens, 1)), 3),
        "longest_row": max(tokens),
        **count_parts(inputs.model.module, settings),
    }


def _speed(found: Mapping[str, float], began: float) -> dict[str, float]:
    seconds = time.perf_counter() - began
    return {"train/step_s": seconds, "train/tokens_per_s": found["train/tokens"] / seconds}
