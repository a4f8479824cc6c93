"""Packed rows against padded batches: the same sequences, the same loss, forward and backward.

Sequences are random tokens with pictures in the lengths of toy trajectories: a question, then a
drawn number of turns. The baseline is what trainers do without packing: batches as they come,
padded to their longest, with an attention mask; its logits too exist for supervised tokens only.
Rounds alternate and are timed by this process's processor time, so that other programs do not count.
Behind it the RL step against TRL's, see `bench.train_rl`.
"""

import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch
from pydantic import JsonValue
from transformers import PreTrainedModel

from vision_deepresearch.bench.train_rl import bench_rl
from vision_deepresearch.models.local.loading import load_local
from vision_deepresearch.models.local.tiny import write_tiny
from vision_deepresearch.train.optimise import cross_entropy
from vision_deepresearch.train.packing import PackedRow, pack_row, plan_rows
from vision_deepresearch.train.samples import TrainingSample, join_pictures, no_pictures

_QUESTION = 40
"""Tokens before the first reply."""
_MEAN_TURNS, _SPREAD, _MOST_TURNS = 1.2, 0.6, 10
"""Turns are lognormal about e^1.2 = 3.3, as in toy worlds of one to four hops."""
_REPLY, _RESULTS = 30, 40
"""Tokens of a reply and of what it brought, about."""
_BATCH = 16
_ROW_TOKENS = 1_024
_CHECK = 1e-4
"""Losses of both ways agree to this share."""


def bench_train(*, quick: bool = False, seed: int = 0) -> dict[str, JsonValue]:
    """Measure SFT throughput, and the RL step against TRL's where that is installed.

    Args:
        quick: fewer sequences and rounds.
        seed: of the sequences.

    Returns:
        The object of `vdr bench train --json`: rates in real tokens per second of processor time.
    """
    rounds, num_batches = (2, 2) if quick else (5, 4)
    with tempfile.TemporaryDirectory() as folder:
        loaded = load_local(write_tiny(Path(folder) / "model"), dtype="float32", device="cpu")
    model = loaded.module.train()
    samples = _sequences(num_batches * _BATCH, seed=seed, image_id=model.config.image_token_id)
    batches = [samples[at : at + _BATCH] for at in range(0, len(samples), _BATCH)]
    lengths = [sample.num_tokens for sample in samples]

    def packed() -> float:
        total = 0.0
        for batch in batches:
            count = sum(sample.num_supervised for sample in batch)
            plan = plan_rows([one.num_tokens for one in batch], row_tokens=_ROW_TOKENS)
            rows = [*plan.rows, *((index,) for index in plan.too_long)]
            total += _packed_step(model, [pack_row([batch[i] for i in row]) for row in rows], count)
        return total

    def padded() -> float:
        return sum(_padded_step(model, batch) for batch in batches)

    def alone() -> float:
        total = 0.0
        for batch in batches:
            count = sum(sample.num_supervised for sample in batch)
            total += _packed_step(model, [pack_row([one]) for one in batch], count)
        return total

    ways: dict[str, Callable[[], float]] = {"packed": packed, "padded": padded, "one_by_one": alone}
    losses = {name: way() for name, way in ways.items()}
    for name, loss in losses.items():
        if abs(loss - losses["packed"]) > _CHECK * abs(loss):
            msg = f"{name} and packed rows were expected to have one loss, got {losses}"
            raise RuntimeError(msg)
    took: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(rounds):
        for name, way in ways.items():
            began = time.process_time()
            way()
            took[name].append(time.process_time() - began)
    rates = {name: sum(lengths) / statistics.median(found) for name, found in took.items()}
    slots = sum(max(one.num_tokens for one in batch) * len(batch) for batch in batches)
    beside_trl = bench_rl(quick=quick)
    return {
        "name": "train",
        "settings": {
            "sequences": len(samples),
            "batch": _BATCH,
            "row_tokens": _ROW_TOKENS,
            "rounds": rounds,
            "tokens": {
                "mean": round(statistics.mean(lengths), 1),
                "least": min(lengths),
                "most": max(lengths),
            },
            "parameters": sum(one.numel() for one in model.parameters()),
            "threads": torch.get_num_threads(),
        },
        "figures": {
            "sft_tokens_per_s": round(rates["packed"], 1),
            "loss": round(losses["packed"] / len(batches), 4),
            "padding_share": round(1 - sum(lengths) / slots, 3),
        },
        "baseline": {
            "padded_tokens_per_s": round(rates["padded"], 1),
            "one_by_one_tokens_per_s": round(rates["one_by_one"], 1),
        },
        "ratios": {
            "padded": round(rates["packed"] / rates["padded"], 2),
            "one_by_one": round(rates["packed"] / rates["one_by_one"], 2),
            **({} if beside_trl is None else {"trl_grpo": beside_trl["ratio"]}),
        },
        "trl_grpo": beside_trl or "not measured: needs the extra oracle (trl, datasets)",
    }


def _packed_step(model: PreTrainedModel, rows: Sequence[PackedRow], count: int) -> float:
    """Loss of a batch, with its gradient."""
    model.zero_grad(set_to_none=True)
    loss_of = cross_entropy(model, num_supervised=count)
    total = 0.0
    for row in rows:
        loss = loss_of(row)
        loss.backward()
        total += float(loss.detach())
    return total


def _padded_step(model: PreTrainedModel, batch: Sequence[TrainingSample]) -> float:
    """The same loss over one padded batch."""
    model.zero_grad(set_to_none=True)
    longest = max(sample.num_tokens for sample in batch)
    shape = (len(batch), longest)
    ids, mask = np.zeros(shape, np.int64), np.zeros(shape, np.int64)
    is_trained = np.zeros(shape, np.bool_)
    places = np.zeros((3, *shape), np.int64)
    for row, sample in enumerate(batch):
        end = sample.num_tokens
        ids[row, :end], mask[row, :end] = sample.ids, 1
        is_trained[row, :end] = sample.loss_mask
        places[:, row, :end] = pack_row([sample]).positions[1:, 0]
    pixel_values, grids = join_pictures(batch)
    output = model.base_model(
        input_ids=torch.from_numpy(ids),
        attention_mask=torch.from_numpy(mask),
        position_ids=torch.from_numpy(places),
        pixel_values=torch.from_numpy(pixel_values),
        image_grid_thw=torch.from_numpy(grids),
        mm_token_type_ids=torch.from_numpy((ids == batch[0].image_id).astype(np.int64)),
        use_cache=False,
    )
    rows, columns = (torch.from_numpy(one) for one in np.nonzero(is_trained))
    head = model.get_output_embeddings()
    assert head is not None, "a model with a language head"
    logits = head(output.last_hidden_state[rows, columns - 1]).float()
    loss = torch.nn.functional.cross_entropy(logits, torch.from_numpy(ids)[rows, columns])
    loss.backward()
    return float(loss.detach())


def _sequences(num: int, *, seed: int, image_id: int) -> list[TrainingSample]:
    """Random text of ids below 250 in the shape of toy trajectories; two pictures in each third."""
    rng = np.random.default_rng(seed)
    samples = []
    for number in range(num):
        turns = int(np.clip(round(rng.lognormal(_MEAN_TURNS, _SPREAD)), 1, _MOST_TURNS))
        ids: list[int] = []
        turn_index: list[int] = []

        def add(count: int, turn: int, ids: list[int] = ids, of: list[int] = turn_index) -> None:
            ids += rng.integers(0, 250, count).tolist()
            of += [turn] * count

        pixel_values, grids = no_pictures()
        add(_QUESTION, -1)
        if number % 3 == 0:
            grids = np.array([[1, 4, 4], [1, 4, 6]], np.int64)
            pixel_values = rng.normal(size=(40, 1536)).astype(np.float32)
            for tokens in (4, 6):
                ids += [image_id] * tokens
                turn_index += [-1] * tokens
                add(1, -1)
        for turn in range(turns):
            add(int(rng.integers(_REPLY // 2, 2 * _REPLY)), turn)
            add(int(rng.integers(_RESULTS // 2, 2 * _RESULTS)), -1)
        of_turn = np.array(turn_index, np.int32)
        samples.append(
            TrainingSample(
                key=str(number),
                ids=np.array(ids, np.int64),
                loss_mask=of_turn >= 0,
                turn_index=of_turn,
                image_id=image_id,
                pixel_values=pixel_values,
                grids=grids,
            )
        )
    return samples
