"""A trajectory of 64,000 tokens and 50 turns with pictures goes through a step whole."""

import resource
import sys
import time

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("transformers")

import torch

from tests.train.sequences import a_sample
from tests.train.tiny import a_model
from vision_deepresearch.train.optimise import cross_entropy, make_optimizer, take_step
from vision_deepresearch.train.packing import pack_row
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
    moved = [name for name, one in model.named_parameters() if not torch.equal(one, before[name])]
    # Some norms of the vision tower get less than a rounding of 1: random text hardly needs sight.
    assert len(moved) > 0.9 * len(before)
    assert "model.visual.patch_embed.proj.weight" in moved
    assert len(np.unique(sample.turn_index[sample.loss_mask])) == 50
