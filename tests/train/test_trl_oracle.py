"""SFT loss and gradient against TRL's trainer on the same two conversations, padded its way.

Its labels are ours and the newline behind `<|im_end|>`, which is masked here (see docs/sft.md).
Skipped where trl is not installed.
"""

import importlib
import importlib.util
import io
from pathlib import Path
from typing import TypeAlias

import numpy as np
import pytest

if any(importlib.util.find_spec(name) is None for name in ("torch", "transformers", "trl")):
    pytest.skip("needs torch, transformers and trl", allow_module_level=True)

from PIL import Image as PilImage
from transformers import AutoTokenizer
from transformers.models.qwen2_vl.image_processing_pil_qwen2_vl import Qwen2VLImageProcessorPil

from tests.builders import a_picture
from vision_deepresearch.bench.train_lesson import PictureProcessor
from vision_deepresearch.core.content import Image, Message, Role, untrusted
from vision_deepresearch.media.store import MemoryMediaStore
from vision_deepresearch.models.local.loading import LoadedModel, load_local
from vision_deepresearch.models.local.tiny import write_tiny
from vision_deepresearch.train.optimise import cross_entropy
from vision_deepresearch.train.packing import pack_row
from vision_deepresearch.train.samples import TrainingSample

Said: TypeAlias = tuple[Role, str, tuple[bytes, ...]]
USER, REPLY = Role.USER, Role.ASSISTANT
CALL = '<think>\nlook\n</think>\n<tool_call>\n{"name": "search", "arguments": {}}\n</tool_call>'
CONVERSATIONS: list[list[Said]] = [
    [
        (Role.SYSTEM, "Reason, then call a tool.", ()),
        (USER, "Who made it?", (a_picture(width=96, height=64),)),
        (REPLY, CALL, ()),
        (USER, "found these", (a_picture(width=64, height=64, seed=1), a_picture(seed=2))),
        (REPLY, "<think>\nit is\n</think>\n<answer>Ostrel</answer>", ()),
    ],
    [
        (USER, "Where is it?", (a_picture(width=128, height=96, seed=3),)),
        (REPLY, "<think>\nfrom the emblem\n</think>\n<answer>Veyra museum</answer>", ()),
    ],
]


def ours(model: LoadedModel) -> list[TrainingSample]:
    store = MemoryMediaStore()
    samples = []
    for number, said in enumerate(CONVERSATIONS):
        messages = [
            Message(
                role=role,
                parts=(*(Image(ref=store.put(one)) for one in pictures), untrusted(text)),
            )
            for role, text, pictures in said
        ]
        trace = model.codec.trace(messages)
        cuts = [model.pictures.cut(ref, store.load) for ref in trace.images]
        samples.append(
            TrainingSample(
                key=str(number),
                ids=np.array(trace.ids, np.int64),
                loss_mask=np.array(trace.loss_mask, np.bool_),
                turn_index=np.array(trace.turn_index, np.int32),
                image_id=model.module.config.image_token_id,
                pixel_values=np.concatenate([cut.pixel_values for cut in cuts]),
                grids=np.array([tuple(cut.grid) for cut in cuts], np.int64),
            )
        )
    return samples


def rows() -> list[dict[str, object]]:
    return [
        {
            "messages": [
                {
                    "role": role.value,
                    "content": [
                        *({"type": "image"} for _ in pictures),
                        {"type": "text", "text": text},
                    ],
                }
                for role, text, pictures in said
            ],
            "images": [
                PilImage.open(io.BytesIO(one)).convert("RGB")
                for _, _, pictures in said
                for one in pictures
            ],
        }
        for said in CONVERSATIONS
    ]


@pytest.mark.filterwarnings("ignore")
@pytest.mark.timeout(120)
def test_loss_and_gradient_are_those_of_trl(tmp_path: Path) -> None:
    trl = importlib.import_module("trl")
    datasets = importlib.import_module("datasets")
    folder = write_tiny(tmp_path / "model")
    model = load_local(folder, dtype="float32", device="cpu")
    tokenizer = AutoTokenizer.from_pretrained(folder)
    assert tokenizer is not None
    processor = PictureProcessor(Qwen2VLImageProcessorPil.from_pretrained(folder), tokenizer)
    templates = importlib.import_module("trl.chat_template_utils")
    processor.chat_template = templates.qwen3_vl_chat_template
    trainer = trl.SFTTrainer(
        model=model.module,
        args=trl.SFTConfig(
            output_dir=str(tmp_path / "out"),
            assistant_only_loss=True,
            max_length=None,
            use_cpu=True,
            bf16=False,
            gradient_checkpointing=False,
            report_to="none",
        ),
        train_dataset=datasets.Dataset.from_list(rows()),
        processing_class=processor,
    )
    batch = trainer.data_collator(rows())
    samples = ours(model)
    end = model.codec.encoder.control["<|im_end|>"]
    for ids, labels, sample in zip(batch["input_ids"], batch["labels"], samples, strict=True):
        assert ids[: sample.num_tokens].tolist() == sample.ids.tolist()
        labels[1:][(ids[:-1] == end) & (labels[1:] != -100)] = -100
        assert ((labels != -100)[: sample.num_tokens].numpy() == sample.loss_mask).all()
        assert (labels[sample.num_tokens :] == -100).all()
    count = sum(sample.num_supervised for sample in samples)
    model.module.eval()
    expected = trainer.compute_loss(model.module, dict(batch))
    expected.backward()
    theirs = {
        name: one.grad.clone()
        for name, one in model.module.named_parameters()
        if one.grad is not None
    }
    assert len(theirs) == len(list(model.module.parameters()))
    model.module.zero_grad()
    # TRL does not take forbidden ids out of the softmax, so they stay in here.
    found = cross_entropy(model.module, num_supervised=count)(pack_row(samples))
    found.backward()
    assert abs(float(found - expected)) <= 1e-4 * abs(float(expected))
    for name, one in model.module.named_parameters():
        assert one.grad is not None
        assert (one.grad - theirs[name]).norm() <= 1e-4 * theirs[name].norm(), name
