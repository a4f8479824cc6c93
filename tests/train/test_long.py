"""A trajectory of 64,000 tokens and 50 turns with pictures goes through a step whole."""

import resource
import sys
import time
from dataclasses import replace
from typing import Literal

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("transformers")

import torch

from tests.train.sequences import a_sample
from tests.train.tiny import a_model
from vision_deepresearch.train.forward import score_tokens
from vision_deepresearch.train.optimise import computing, cross_entropy, make_optimizer, take_step
from vision_deepresearch.train.packing import pack_row
from vision_deepresearch.train.rl.batch import Batch, Row
from vision_deepresearch.train.rl.settings import UpdateSettings
from vision_deepresearch.train.rl.update import update_policy
from vision_deepresearch.train.sft_settings import OptimizerSettings


@pytest.mark.slow
@pytest.mark.timeout(3000)
@pytest.mark.parametrize("kind", ["dense", "moe"])
@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_sixty_four_thousand_tokens_take_one_step(kind: str, precision: str) -> None:
    sample = a_sample(turns=50, pictures=25, reply=400, results=2206, seed=3)
    assert sample.num_tokens >= 64_000
    model = a_model(is_moe=kind == "moe", max_tokens=70_000, heads=1).train()
    model.activation_checkpointing_enable()
    optimizer = make_optimizer(model, OptimizerSettings(lr=1e-3))
    row = pack_row([sample])
    before = {name: one.detach().clone() for name, one in model.named_parameters()}
    began = time.perf_counter()
    found = take_step(
        [row],
        loss_of=cross_entropy(
            model, num_supervised=row.num_supervised, is_bfloat16=precision == "bfloat16"
        ),
        optimizer=optimizer,
        lr=1e-3,
        clip_norm=1.0,
    )
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    sys.stdout.write(
        f"\n{kind} {precision}: {row.num_tokens} tokens, {row.num_supervised} supervised, "
        f"{sample.num_pictures} pictures, loss {found.loss:.4f}, "
        f"{time.perf_counter() - began:.0f} s, peak {peak_mb:.0f} MB of the process\n"
    )
    assert found.is_taken
    assert np.isfinite(found.loss)
    assert 3.5 < found.loss < 5.0, "a random model over 64 ids is near ln 64 = 4.16"
    # The last deepstack merger adds to the hidden states after the last of this model's two layers, at
    # the places of pictures, and no supervised token is predicted from those: its gradient is 0. Its
    # matrices decay; its vectors do not, so they are all that stays as it was.
    merger = "model.visual.deepstack_merger_list.1"
    stayed = {name for name, one in model.named_parameters() if torch.equal(one, before[name])}
    assert stayed == {
        f"{merger}.{name}"
        for name in ("norm.weight", "norm.bias", "linear_fc1.bias", "linear_fc2.bias")
    }
    assert len(np.unique(sample.turn_index[sample.loss_mask])) == 50


@pytest.mark.slow
@pytest.mark.timeout(3000)
@pytest.mark.parametrize("kind", ["dense", "moe"])
@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_sixty_four_thousand_tokens_take_one_rl_step(
    kind: str, precision: Literal["float32", "bfloat16"]
) -> None:
    """Two siblings of that length, one right and one wrong, in forwards of their own."""
    model = a_model(is_moe=kind == "moe", max_tokens=70_000, heads=1)
    model.activation_checkpointing_enable()
    rows = []
    for key, advantage in (("right", 1.0), ("wrong", -1.0)):
        sample = a_sample(key=key, turns=50, pictures=25, reply=400, results=2206, seed=3)
        assert sample.num_tokens >= 64_000
        ids = sample.ids.copy()
        ids[sample.loss_mask] = np.roll(ids[sample.loss_mask], advantage < 0)
        sample = replace(sample, ids=ids)
        with torch.no_grad(), computing(model.device, is_bfloat16=precision == "bfloat16"):
            logprobs = score_tokens(model, pack_row([sample])).logprobs.numpy()
        captured = np.zeros(sample.num_tokens, np.float32)
        captured[sample.loss_mask] = logprobs
        sample = replace(sample, logprobs=captured)
        rows.append(Row(key=key, sample=sample, advantage=advantage))
    batch = Batch(
        rows=tuple(rows),
        num_active=tuple(row.sample.num_supervised for row in rows),
        num_untrainable=0,
        num_dropped=0,
    )
    before = {name: one.detach().clone() for name, one in model.named_parameters()}
    began = time.perf_counter()
    told = update_policy(
        model,
        batch,
        optimizer=torch.optim.AdamW(model.parameters(), lr=1e-3, weight_decay=0),
        settings=UpdateSettings(row_tokens=70_000, precision=precision),
        temperature=1.0,
        forbidden_ids=(),
    )
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    sys.stdout.write(
        f"\nrl {kind} {precision}: 2 x {rows[0].sample.num_tokens} tokens, "
        f"{told['trained_tokens']:.0f} trained, 2 x {rows[0].sample.num_pictures} pictures, gradient "
        f"{told['grad_norm']:.3g}, {time.perf_counter() - began:.0f} s, peak {peak_mb:.0f} MB of the "
        "process\n"
    )
    assert told["steps_taken"] == 1
    assert told["trained_tokens"] == sum(row.sample.num_supervised for row in rows), (
        "nothing is cut"
    )
    assert told["bad_logprob_rows"] == told["rejected_rows"] == 0
    assert all(np.isfinite(value) for value in told.values())
    assert told["grad_norm"] > 0
    assert told["sampler_logprob_error_max"] <= (1e-5 if precision == "float32" else 0.02)
    assert all(bool(torch.isfinite(one).all()) for one in model.parameters())
    moved = [name for name, one in model.named_parameters() if not torch.equal(one, before[name])]
    assert "model.visual.patch_embed.proj.weight" in moved
