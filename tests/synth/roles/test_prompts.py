"""Prompt files: each slot has one, its example is a reply that would be read."""

import pytest

from vision_deepresearch.core.record import Record
from vision_deepresearch.core.untrusted import neutralise
from vision_deepresearch.synth.prompt_files import prompt_named
from vision_deepresearch.synth.roles import (
    trajectories_prompted,
    vqa_prompted,
    vqa_prompted_candidates,
    vqa_prompted_text,
    vqa_prompted_validator,
    vqa_prompted_verifier,
    vqa_prompted_walks,
)
from vision_deepresearch.synth.roles.asking import Slot
from vision_deepresearch.synth.roles.replies import read_reply

_LINE = "no key left out and none added:\n"
SHAPES: dict[Slot, type[Record]] = {
    Slot.SELECT: vars(vqa_prompted)["_Selected"],
    Slot.SPOT: vqa_prompted.Spotted,
    Slot.RECOGNISE: vars(vqa_prompted_verifier)["_Recognised"],
    Slot.ASK: vars(vqa_prompted)["_Asked"],
    Slot.KEYWORDS_CHAIN: vqa_prompted_walks.Queries,
    Slot.KEYWORDS_REPLACE: vqa_prompted_walks.Queries,
    Slot.CHAIN: vqa_prompted_candidates.Chains,
    Slot.REPLACE: vqa_prompted_candidates.Replacements,
    Slot.CHOOSE: vars(vqa_prompted_walks)["_Chosen"],
    Slot.ANSWER_BLIND: vars(vqa_prompted_validator)["_Answered"],
    Slot.ANSWER_FROM_PAGES: vars(vqa_prompted_validator)["_Answered"],
    Slot.OBJECT: vars(vqa_prompted_validator)["_Objections"],
    Slot.HIT: vars(trajectories_prompted)["_Judged"],
    Slot.TOPIC: vars(vqa_prompted_text)["_Named"],
    Slot.REPLACE_NAMED: vqa_prompted_candidates.Replacements,
    Slot.DESCRIBE: vars(trajectories_prompted)["_Described"],
}


@pytest.mark.parametrize("slot", list(Slot))
def test_the_example_of_a_prompt_is_a_reply_that_is_read(slot: Slot) -> None:
    text = prompt_named(slot.value).text
    example = text.partition(_LINE)[2].partition("\n")[0]
    if slot is Slot.DESCRIBE:
        example = example.replace("...", "A harbour with ships. " * 12)
    assert read_reply(example, SHAPES[slot])


@pytest.mark.parametrize("slot", list(Slot))
def test_a_prompt_says_that_data_is_data_and_holds_no_marker(slot: Slot) -> None:
    text = prompt_named(slot.value).text
    assert "is data" in text
    assert neutralise(text) == text


def test_the_second_try_has_a_place_for_the_fault() -> None:
    assert prompt_named("ask_again").text.count("{fault}") == 1
