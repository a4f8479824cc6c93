"""Tokens are classed by what their text is for."""

from collections.abc import Sequence

from vision_deepresearch.train.token_classes import classify

CALL = (
    '<think>the mark</think>\n<tool_call>{"name": "crop_and_search", "arguments": {"bbox": '
    '[[10, 200]], "goal": "find it"}}</tool_call><|im_end|>'
)
ANSWER = "<think>so</think><answer>Veyra</answer><|im_end|>"


def spell(ids: Sequence[int]) -> str:
    return "".join(map(chr, ids))


def text_of_class(reply: str, kind: str) -> str:
    kinds = classify([ord(one) for one in reply], text_of=spell)
    return "".join(one for one, found in zip(reply, kinds, strict=True) if found == kind)


def test_each_character_of_a_reply_has_its_class() -> None:
    assert text_of_class(CALL, "thought") == "the mark"
    assert text_of_class(CALL, "coordinates") == "10200"
    assert text_of_class(CALL, "query") == "find it"
    assert text_of_class(CALL, "other") == "\n"
    assert text_of_class(CALL, "protocol").startswith('<think></think><tool_call>{"name"')
    assert text_of_class(ANSWER, "answer_first") == "V"
    assert text_of_class(ANSWER, "answer") == "eyra"
    assert text_of_class("<think>never closed", "thought") == "never closed"
