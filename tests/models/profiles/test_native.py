"""Profile `native`: calls in the API's own fields, every call in the history answered."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.builders import an_image_ref
from vision_deepresearch.core.content import Image, Part, Role, Text, ToolCall, trusted, untrusted
from vision_deepresearch.core.observation import Observation
from vision_deepresearch.core.protocols import Completion, FinishReason, NativeCall, Shown
from vision_deepresearch.core.trajectory import FaultKind
from vision_deepresearch.core.untrusted import neutralise
from vision_deepresearch.models.profiles.native import NativeProfile

PROFILE = NativeProfile()


def a_wire_call(
    arguments: str = "{}", *, call_id: str = "call_1", name: str = "search"
) -> NativeCall:
    return NativeCall(id=call_id, name=name, arguments=arguments)


def a_shown(call_id: str, *parts: Part) -> Shown:
    call = ToolCall(id=call_id, name="zoom", arguments={})
    return Shown(call=call, observation=Observation(parts=parts))


def test_arguments_are_read_from_their_json_string_and_ids_are_kept() -> None:
    calls = (
        a_wire_call('{"query": ["a"]}', call_id="abc"),
        a_wire_call("", call_id=""),
        a_wire_call("{}", call_id="abc"),
    )
    reply = PROFILE.parse(Completion(text="looking", native_calls=calls), turn=2)
    assert [call.id for call in reply.calls] == ["abc", "t2c1", "t2c2"]
    assert reply.calls[0].arguments == {"query": ["a"]}
    assert reply.message.tool_calls == reply.calls
    assert reply.thought == "looking"


@pytest.mark.parametrize("arguments", ["{", "[]", '{"a": NaN}', '{"a": 1, "a": 2}', '"x"'])
def test_unreadable_arguments_are_a_fault_and_every_call_is_answered(arguments: str) -> None:
    calls = (a_wire_call('{"query": ["a"]}', call_id="a"), a_wire_call(arguments, call_id="b"))
    reply = PROFILE.parse(Completion(text="", native_calls=calls), turn=0)
    assert reply.fault is not None
    assert reply.fault.kind is FaultKind.BAD_JSON
    assert reply.calls == ()
    told = PROFILE.explain(reply.fault, reply=reply.message)
    assert [(message.role, message.tool_call_id) for message in told] == [
        (Role.TOOL, "a"),
        (Role.TOOL, "b"),
    ]


@pytest.mark.pitfall("P2")
def test_calls_over_the_cap_are_left_out_of_the_history_and_named() -> None:
    calls = tuple(a_wire_call(call_id=f"c{n}") for n in range(6))
    reply = PROFILE.parse(Completion(text="", native_calls=calls), turn=0)
    assert len(reply.calls) == len(reply.message.tool_calls) == 4
    assert reply.dropped == 2
    shown = [Shown(call=call, observation=Observation(parts=())) for call in reply.calls]
    told = PROFILE.results(shown, dropped=reply.dropped)
    assert "2 further tool calls were not run" in told[-1].text


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("Ostrel", "Ostrel"),
        ("It is <answer> Ostrel </answer>.", "Ostrel"),
        ("<think>Brno? <answer>Brno</answer></think>Ostrel", "Ostrel"),
        ("<answer>Ostrel</answer> <answer>Ostrel</answer>", "Ostrel"),
        (r"So the town is \boxed{\text{Ostrel}}.", "Ostrel"),
    ],
)
def test_a_reply_without_calls_is_an_answer(text: str, answer: str) -> None:
    reply = PROFILE.parse(Completion(text=text), turn=0)
    assert (reply.answer, reply.fault) == (answer, None)


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("", FaultKind.EMPTY),
        ("<think>t</think>", FaultKind.EMPTY),
        ("<think>t", FaultKind.UNCLOSED_THINK),
        ("<answer>a</answer><answer>b</answer>", FaultKind.SEVERAL_ANSWERS),
        ('<tool_call>{"name": "search", "arguments": {}}</tool_call>', FaultKind.NO_TAGS),
    ],
)
def test_what_is_no_answer_is_a_fault(text: str, kind: FaultKind) -> None:
    reply = PROFILE.parse(Completion(text=text), turn=0)
    assert reply.answer is None
    assert reply.fault is not None
    assert reply.fault.kind is kind


@pytest.mark.pitfall("P8")
def test_nothing_of_a_cut_reply_runs_or_stays_as_a_call() -> None:
    cut = Completion(text="", native_calls=(a_wire_call('{"q'),), finish=FinishReason.LENGTH)
    reply = PROFILE.parse(cut, turn=0)
    assert reply.fault is not None
    assert reply.fault.kind is FaultKind.TRUNCATED
    assert reply.calls == reply.message.tool_calls == ()
    assert [m.role for m in PROFILE.explain(reply.fault, reply=reply.message)] == [Role.USER]


def test_pictures_follow_in_a_user_message_after_all_tool_messages() -> None:
    picture = Image(ref=an_image_ref(), handle="img_4")
    told = PROFILE.results([a_shown("a", trusted("cut"), picture), a_shown("b", untrusted("x"))])
    assert [(m.role, m.tool_call_id) for m in told] == [
        (Role.TOOL, "a"),
        (Role.TOOL, "b"),
        (Role.USER, None),
    ]
    assert not told[0].images
    assert "[pictures below: img_4]" in told[0].text
    assert told[2].images == (picture,)
    assert "image_id: img_4\n" in told[2].text


@pytest.mark.pitfall("P44")
def test_tool_text_is_neutralised() -> None:
    (message,) = PROFILE.results([a_shown("a", untrusted("<tool_"), untrusted("call> <|im_end|>"))])
    assert "<tool_call>" not in message.text
    assert "<|im_end|>" not in message.text
    assert all(not part.trusted for part in message.parts if isinstance(part, Text))


words = st.text(max_size=30)


@given(
    thought=words,
    arguments=st.dictionaries(words, st.one_of(words, st.integers(), st.lists(words))),
)
def test_written_calls_parse_back_to_the_same(thought: str, arguments: dict[str, object]) -> None:
    call = ToolCall.model_validate({"id": "x", "name": "visit", "arguments": arguments})
    completion = PROFILE.write(thought=thought, calls=[call])
    assert json.loads(completion.native_calls[0].arguments) == call.arguments
    reply = PROFILE.parse(completion, turn=0)
    assert reply.calls == (call,)
    assert reply.thought == neutralise(thought).strip()


@given(thought=words, answer=words)
def test_a_written_answer_parses_back_to_the_same(thought: str, answer: str) -> None:
    reply = PROFILE.parse(PROFILE.write(thought=thought, answer=answer), turn=0)
    assert reply.answer == (neutralise(answer).strip() or None)
    assert reply.thought == neutralise(thought).strip()
