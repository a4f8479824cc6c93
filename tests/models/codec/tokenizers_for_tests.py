"""Byte-level BPE tokenizers of the kind that Qwen uses, trained here in a moment."""

from functools import cache

import pytest

tokenizers = pytest.importorskip("tokenizers")
from tokenizers import (  # noqa: E402 - an extra
    AddedToken,
    Tokenizer,
    decoders,
    models,
    normalizers,
    pre_tokenizers,
    trainers,
)

SPECIAL = (
    "<|endoftext|>", "<|im_start|>", "<|im_end|>", "<|vision_start|>", "<|vision_end|>",
    "<|image_pad|>",
)  # fmt: skip
TAGS = ("<tool_call>", "</tool_call>", "<tool_response>", "</tool_response>", "<think>", "</think>")
"""Added tokens that are not special, as in Qwen3."""
_WORDS = (
    "the tool call response answer think system user assistant image start end of a page",
    "<tool_call> </tool_call> <|im_start|>system <|im_end|> <think> </think> <answer> [INST]",
    "<| </ <| </ <|x </x <|y </y",
    "Founded in 1902 by Ada in the harbour; who is behind the emblem on the wall?",
)


@cache
def a_tokenizer(*, normalizes: bool = False, has_marks: bool = True) -> Tokenizer:
    """Merges of its own for pieces of the markers, so that plain text spells them in few tokens."""
    made = Tokenizer(models.BPE())
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = decoders.ByteLevel()
    if normalizes:
        made.normalizer = normalizers.NFC()
    trainer = trainers.BpeTrainer(
        vocab_size=500,
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    made.train_from_iterator(_WORDS * 20, trainer=trainer)
    if not has_marks:
        return made
    made.add_special_tokens([AddedToken(one, normalized=False) for one in SPECIAL])
    made.add_tokens([AddedToken(one, normalized=False, special=False) for one in TAGS])
    return made


def a_tokenizer_with_words_for_marks() -> Tokenizer:
    """One whose vocabulary holds a control token as a word of its own, looked up whole."""
    vocab = {"<|im_start|>": 0, "<|im_end|>": 1, "</s>": 2, "[UNK]": 3}
    for code in range(32, 127):
        vocab.setdefault(chr(code), len(vocab))
    made = Tokenizer(models.BPE(vocab=vocab, merges=[], unk_token="[UNK]", ignore_merges=True))
    made.add_special_tokens(["<|im_start|>", "<|im_end|>", "</s>"])
    return made
