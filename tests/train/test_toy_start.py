"""What the structured start copies of names it has never seen, without one training step."""

import random
from pathlib import Path

import pytest
import torch
from tokenizers import Tokenizer
from transformers import Qwen3VLForConditionalGeneration

from vision_deepresearch.core.errors import ConfigError
from vision_deepresearch.models.local.tiny import TinySizes, write_tiny
from vision_deepresearch.train.toy_start import TOY, write_structured
from vision_deepresearch.worlds.generated.names import NameMaker
from vision_deepresearch.worlds.generated.sites import Split

NOTES = 24
"""Lines of a context, of which one is asked for."""


def _names(split: Split, *, seed: int, count: int) -> list[str]:
    maker = NameMaker(random.Random(seed), split=split)
    makes = (lambda: maker.person(is_woman=True), maker.settlement, maker.river)
    return [makes[at % 3]().canonical for at in range(count)]


def _share_copied(folder: Path, *, cases: int) -> float:
    """Teacher-forced share of the tokens of a name that come after its cue, all names unseen."""
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    module = Qwen3VLForConditionalGeneration.from_pretrained(folder).eval()
    rng = random.Random(5)
    right = tokens = 0
    for case in range(cases):
        made = _names("test", seed=100 + case, count=2 * NOTES)
        cues, names = made[:NOTES], made[NOTES:]
        notes = [
            f"[{at}] Page of {cue}: {name}. Read it.\n"
            for at, (cue, name) in enumerate(zip(cues, names, strict=True))
        ]
        asked = rng.randrange(NOTES)
        before = tokenizer.encode("".join(notes) + f"<think>\n{cues[asked]}:").ids
        said = tokenizer.encode(f" {names[asked]}.").ids
        with torch.no_grad():
            logits = module(input_ids=torch.tensor([before + said])).logits[0]
        found = logits[len(before) - 1 : -1].argmax(-1).tolist()
        right += sum(one == other for one, other in zip(found, said, strict=True))
        tokens += len(said)
    return right / tokens


@pytest.fixture(scope="module")
def text() -> list[str]:
    return [f"[1] Page of {name}: {name}. Read it." for name in _names("train", seed=1, count=300)]


def test_most_tokens_of_never_seen_names_are_copied_without_a_training_step(
    tmp_path: Path, text: list[str]
) -> None:
    """Random weights of the same size do not: the structure does it, not the test."""
    structured = write_structured(tmp_path / "structured", text=text)
    plain = write_tiny(tmp_path / "plain", text=text, sizes=TOY)
    assert _share_copied(structured, cases=10) > 0.75
    assert _share_copied(plain, cases=10) < 0.2


def test_what_cannot_hold_the_structure_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="set num_experts to 0"):
        write_structured(tmp_path, text=["a"], sizes=TinySizes(num_experts=4))
    with pytest.raises(ConfigError, match="raise head_width"):
        write_structured(tmp_path, text=["a"], sizes=TinySizes(hidden=256, head_width=32))
