"""A tokenizer of phrases: short for the protocol, the same spelling of a name everywhere, lossless."""

import random
from functools import cache

import pytest

pytest.importorskip("tokenizers")

from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer

from vision_deepresearch.core.errors import ConfigError
from vision_deepresearch.train.toy_tokenizer import phrase_tokenizer
from vision_deepresearch.worlds.generated.names import NameMaker
from vision_deepresearch.worlds.generated.sites import Split

CALL = '{"name": "visit", "arguments": {"url": ["https://www.site.example/wiki/'


def _texts(split: Split, *, worlds: int, each: int) -> dict[str, list[str]]:
    made: dict[str, list[str]] = {}
    for world in range(worlds):
        names = NameMaker(random.Random(world), split=split)
        towns = [names.settlement().canonical for _ in range(each)]
        made[str(world)] = [
            f'Page of {town}: {town}. Read it.<tool_call>\n{CALL}{town}"]}}}}\n</tool_call>'
            for town in towns
        ]
    return made


@cache
def _made() -> Tokenizer:
    return phrase_tokenizer(_texts("train", worlds=4, each=60))


def _ids(text: str) -> list[int]:
    return _made().encode(text, add_special_tokens=False).ids


@given(st.text())
def test_any_text_comes_back(text: str) -> None:
    assert _made().decode(_ids(text), skip_special_tokens=False) == text


def test_a_phrase_is_one_token_and_a_name_is_not() -> None:
    assert len(_ids(f"\n{CALL}")) == 1
    for texts in _texts("test", worlds=3, each=10).values():
        town = texts[0].split(": ")[1].split(".")[0]
        assert len(_ids(town)) > 1


def test_a_name_has_the_same_ids_behind_a_space_and_behind_a_quote() -> None:
    for texts in _texts("test", worlds=3, each=10).values():
        for text in texts:
            town = text.split(": ")[1].split(".")[0]
            spelled = _ids(town)
            for before in (" ", '"', "\n"):
                assert _ids(before + town)[-len(spelled) :] == spelled


def test_a_phrase_is_not_found_within_a_word() -> None:
    made = phrase_tokenizer({str(n): ["of the town "] * 40 for n in range(3)}, min_count=10)
    assert len(made.encode("of the town ").ids) == 1
    assert made.encode("xof the town ").ids[-1] != made.encode("of the town ").ids[-1]


def test_too_few_worlds_are_refused() -> None:
    with pytest.raises(ConfigError, match="at least three worlds, got 2"):
        phrase_tokenizer({"a": ["x"], "b": ["x"]})
