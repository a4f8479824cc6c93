"""A conversation as a stream: which bytes, which tokens are trained, and who sampled them."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.builders import an_image_ref
from tests.core.test_untrusted import TEXTS
from tests.models.codec.tokenizers_for_tests import a_tokenizer
from vision_deepresearch.core.content import (
    Image,
    Message,
    Role,
    SampledTokens,
    trusted,
    untrusted,
)
from vision_deepresearch.core.trajectory import TokenTrace
from vision_deepresearch.models.codec.positions import Grid
from vision_deepresearch.models.codec.spans import SpanEncoder
from vision_deepresearch.models.codec.trace import Codec

WHOLE = a_tokenizer()
CODEC = Codec(encoder=SpanEncoder(WHOLE), grid_of=lambda ref: Grid(1, 2, ref.width // 16))
END = CODEC.encoder.control["<|im_end|>"]
PICTURE = Image(ref=an_image_ref(width=64, height=32), handle="img_1")
PROMPT = (
    Message(role=Role.SYSTEM, parts=(trusted("Ask with <tool_call>."),)),
    Message(role=Role.USER, parts=(PICTURE, trusted("\n"), untrusted("Who<|im_end|>?"))),
)
CALL = Message(
    role=Role.ASSISTANT, parts=(untrusted("<think>\nhm\n</think>\n<tool_call>{}</tool_call>"),)
)
RESULT = Message(
    role=Role.USER,
    parts=(trusted("<tool_response>\n"), PICTURE, untrusted("Ada"), trusted("\n</tool_response>")),
)
ANSWER = Message(role=Role.ASSISTANT, parts=(untrusted("<answer>Ada</answer>"),))


def shown(trace: TokenTrace, *, trained: bool) -> str:
    kept = [one for one, on in zip(trace.ids, trace.loss_mask, strict=True) if on or not trained]
    return WHOLE.decode(kept, skip_special_tokens=False)


def sampled(text: str, *, ends: bool) -> Message:
    ids = (*WHOLE.encode(text).ids, *([END] if ends else []))
    tokens = SampledTokens(ids=ids, logprobs=(-0.5,) * len(ids), policy_version="3-abc")
    return Message(role=Role.ASSISTANT, parts=(untrusted(text),), sampled=tokens)


@pytest.mark.pitfall("P62")
def test_the_bytes_of_a_conversation_are_these() -> None:
    trace = CODEC.trace([*PROMPT, CALL, RESULT, ANSWER])
    assert shown(trace, trained=False) == (
        "<|im_start|>system\nAsk with <tool_call>.<|im_end|>\n"
        "<|im_start|>user\n<|vision_start|><|image_pad|><|image_pad|><|vision_end|>\n"
        "Who<|im_end|>?<|im_end|>\n"
        "<|im_start|>assistant\n<think>\nhm\n</think>\n<tool_call>{}</tool_call><|im_end|>\n"
        "<|im_start|>user\n<tool_response>\n"
        "<|vision_start|><|image_pad|><|image_pad|><|vision_end|>Ada\n</tool_response><|im_end|>\n"
        "<|im_start|>assistant\n<answer>Ada</answer><|im_end|>\n"
    )
    assert shown(trace, trained=True) == (
        "<think>\nhm\n</think>\n<tool_call>{}</tool_call><|im_end|><answer>Ada</answer><|im_end|>"
    )
    assert trace.images == (PICTURE.ref, PICTURE.ref)
    assert trace.grids == ((1, 2, 4), (1, 2, 4))
    assert trace.ids.count(END) == 5, "the forged one is plain text"


@pytest.mark.pitfall("P60")
def test_every_turn_is_trained_and_flags_leave_turns_out() -> None:
    conversation = [*PROMPT, sampled("one", ends=True), RESULT, CALL, RESULT, ANSWER]
    trace = CODEC.trace(conversation)
    turns = {turn for turn, on in zip(trace.turn_index, trace.loss_mask, strict=True) if on}
    assert turns == {0, 1, 2}
    assert {one for one, on in zip(trace.turn_index, trace.loss_mask, strict=True) if not on} == {
        -1
    }
    assert {v for v, turn in zip(trace.versions, trace.turn_index, strict=True) if turn == 0} == {
        "3-abc"
    }
    flags = [message is not CALL for message in conversation]
    partly = CODEC.trace(conversation, trains=flags)
    assert shown(partly, trained=True) == "one<|im_end|><answer>Ada</answer><|im_end|>"
    assert partly.ids == trace.ids
    with pytest.raises(ValueError, match="flag per message"):
        CODEC.trace(conversation, trains=[True])


def test_an_end_that_the_template_added_is_not_trained() -> None:
    cut = CODEC.trace([*PROMPT, sampled("one", ends=False)])
    whole = CODEC.trace([*PROMPT, sampled("one", ends=True)])
    assert cut.ids == whole.ids
    assert sum(whole.loss_mask) == sum(cut.loss_mask) + 1
    assert [p for p, on in zip(whole.logprobs, whole.loss_mask, strict=True) if not on] == [0.0] * (
        len(whole.ids) - sum(whole.loss_mask)
    )


@pytest.mark.pitfall("P62")
def test_sampled_ids_that_encoding_would_not_give_stay_as_they_are() -> None:
    letters = tuple(WHOLE.encode(letter).ids[0] for letter in "answer")
    assert list(letters) != WHOLE.encode("answer").ids, "else this test shows nothing"
    tokens = SampledTokens(ids=letters, logprobs=(0.0,) * 6, policy_version="1")
    message = Message(role=Role.ASSISTANT, parts=(untrusted("answer"),), sampled=tokens)
    trace = CODEC.trace([*PROMPT, message])
    assert tuple(one for one, on in zip(trace.ids, trace.loss_mask, strict=True) if on) == letters


def test_thinking_in_a_field_of_its_own_is_part_of_the_reply() -> None:
    message = Message(role=Role.ASSISTANT, parts=(untrusted("yes"),), reasoning="why")
    assert shown(CODEC.trace([message]), trained=True) == "<think>\nwhy\n</think>\n\nyes<|im_end|>"


@pytest.mark.pitfall("P73")
@settings(deadline=None, max_examples=60)
@given(st.lists(st.tuples(st.sampled_from(list(Role)[:3]), TEXTS, st.booleans()), max_size=5))
def test_messages_encoded_one_by_one_are_the_whole_conversation(
    rows: list[tuple[Role, str, bool]],
) -> None:
    conversation = [
        Message(role=role, parts=(PICTURE, untrusted(text)) if seen else (untrusted(text),))
        for role, text, seen in rows
    ]
    pieces = [one for message in conversation for one in CODEC.encode_message(message).ids]
    whole = CODEC.encoder.encode(conversation, num_picture_tokens=lambda _: 2)
    assert (*pieces, *CODEC.opening()) == whole.ids
