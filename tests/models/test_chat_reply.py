"""Replies of many servers, whole or in pieces, are the same `Completion`."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import JsonValue

from tests.models.openai_double import ChatRequest, Reply, body_of, chunks_of
from vision_deepresearch.core.content import ToolCall
from vision_deepresearch.core.errors import FailureKind, ModelError
from vision_deepresearch.core.protocols import Completion, FinishReason, NativeCall
from vision_deepresearch.core.trajectory import FaultKind, Usage
from vision_deepresearch.models.chat_quirks import Quirks
from vision_deepresearch.models.chat_reply import Draft, usage_of
from vision_deepresearch.models.chat_text import with_calls
from vision_deepresearch.models.endpoint import EndpointSettings
from vision_deepresearch.models.profiles.native import NativeProfile
from vision_deepresearch.models.profiles.vdr import VdrProfile

REQUEST = ChatRequest(
    number=0,
    body={"model": "m", "stream": True, "stream_options": {"include_usage": True}},
    headers={},
    raw=b"",
)
STOPS = ("<tool_response>", "</answer>")


def draft_of(*contents: object) -> Draft:
    draft = Draft()
    for content in contents:
        draft.add(content)
    return draft


def read(*contents: object, stops: tuple[str, ...] = ()) -> Completion:
    return draft_of(*contents).completion(asked_stops=stops)


def a_choice(*, finish: str | None = "stop", **message: JsonValue) -> JsonValue:
    return {"choices": [{"index": 0, "message": dict(message), "finish_reason": finish}]}


def a_delta(*, finish: str | None = None, **delta: JsonValue) -> JsonValue:
    return {"choices": [{"index": 0, "delta": dict(delta), "finish_reason": finish}]}


CALLS = (
    NativeCall(id="a", name="search", arguments='{"query": ["Zürich 🏔"]}'),
    NativeCall(id="b", name="visit", arguments="{broken"),
)


@pytest.mark.parametrize(
    "reply",
    [
        Reply(text="Hello, wörld 🏔 <answer>yes</answer>"),
        Reply(text="I look.", calls=CALLS, reasoning="so that is a lamp"),
        Reply(text=None, calls=CALLS, reasoning="hm", reasoning_key="reasoning"),
        Reply(text="cut of", finish="length"),
        Reply(text=None, refusal="no, I will not"),
        Reply(text=""),
    ],
    ids=["text", "calls", "other_key", "length", "refusal", "empty"],
)
def test_a_stream_is_the_same_as_a_whole_reply(reply: Reply) -> None:
    whole = draft_of(body_of(reply, request=REQUEST))
    pieces = draft_of(*chunks_of(reply, request=REQUEST))
    completion = whole.completion(asked_stops=())
    assert pieces.completion(asked_stops=()) == completion
    assert pieces.usage == whole.usage
    assert pieces.finish == whole.finish
    assert completion.native_calls == reply.calls
    assert completion.reasoning == reply.reasoning


def test_a_call_is_kept_as_the_string_it_is_and_the_profile_finds_the_fault() -> None:
    completion = read(body_of(Reply(calls=CALLS), request=REQUEST))
    assert completion.native_calls[1].arguments == "{broken"
    parsed = NativeProfile().parse(completion, turn=0)
    assert parsed.fault is not None
    assert (parsed.fault.kind, parsed.calls) == (FaultKind.BAD_JSON, ())


def a_piece(
    *,
    index: int | None = None,
    call_id: str | None = None,
    name: str | None = None,
    arguments: JsonValue = None,
    extra: JsonValue = None,
) -> JsonValue:
    function = {key: value for key, value in (("name", name), ("arguments", arguments)) if value}
    piece: dict[str, JsonValue] = {"function": dict(function)}
    piece |= {} if index is None else {"index": index}
    piece |= {} if call_id is None else {"id": call_id}
    piece |= {} if extra is None else {"extra_content": extra}
    return a_delta(tool_calls=[piece])


def test_calls_without_an_index_and_calls_that_are_all_number_0_are_kept_apart() -> None:
    """As some servers stream Gemini's parallel calls."""
    completion = read(
        a_piece(index=0, call_id="a", name="search", arguments='{"q": 1}'),
        a_piece(index=0, call_id="b", name="search", arguments='{"q": '),
        a_piece(index=0, arguments="2}"),
        a_piece(call_id="c", name="visit"),
        a_piece(arguments='{"q": '),
        a_piece(arguments="3}"),
        a_delta(finish="stop"),
    )
    assert [(call.id, call.arguments) for call in completion.native_calls] == [
        ("a", '{"q": 1}'),
        ("b", '{"q": 2}'),
        ("c", '{"q": 3}'),
    ]
    assert completion.finish is FinishReason.TOOL_CALLS


def test_interleaved_calls_are_told_apart_by_index() -> None:
    completion = read(
        a_piece(index=0, call_id="a", name="f", arguments='{"q"'),
        a_piece(index=1, call_id="b", name="g", arguments='{"r"'),
        a_piece(index=0, arguments=": 1}"),
        a_piece(index=1, arguments=": 2}"),
    )
    assert [call.arguments for call in completion.native_calls] == ['{"q": 1}', '{"r": 2}']


def test_arguments_that_came_as_an_object_are_written_out() -> None:
    function: JsonValue = {"name": "f", "arguments": {"q": ["ü"]}}
    completion = read(a_choice(content=None, tool_calls=[{"id": "a", "function": function}]))
    assert completion.native_calls[0].arguments == '{"q": ["ü"]}'


def test_signatures_are_kept_beside_the_call_or_alone() -> None:
    signed: JsonValue = {"google": {"thought_signature": "s"}}
    beside = draft_of(a_piece(index=0, call_id="a", name="f", extra=signed))
    alone = draft_of(a_piece(index=0, call_id="a", name="f"), a_delta(extra_content=signed))
    assert beside.calls_with_signatures() == alone.calls_with_signatures() == [("a", signed)]


def test_halves_of_characters_meet_again_and_lone_ones_are_replaced() -> None:
    first, second = "\ud83c", "\udfd4"
    completion = read(a_delta(content=f"a{first}"), a_delta(content=f"{second}b{first}"))
    assert completion.text == "a🏔b\ufffd"
    completion.model_dump_json()


def test_halves_of_characters_in_ids_and_names_can_be_stored() -> None:
    signed: JsonValue = {"google": {"thought_signature": "c2ln"}}
    draft = draft_of(
        a_piece(index=0, call_id="a\ud800", name="f\udfff", extra=signed), {"model": "m\ud800"}
    )
    completion = draft.completion(asked_stops=())
    completion.model_dump_json()
    assert completion.native_calls[0].id == "a\ufffd"
    assert draft.calls_with_signatures() == [("a\ufffd", signed)], "found again by the id we keep"


def test_absurd_counts_are_no_counts() -> None:
    draft = draft_of({"usage": {"prompt_tokens": 10**400, "completion_tokens": 5}})
    settings = EndpointSettings(usd_per_million_prompt=1.0, usd_per_million_completion=2.0)
    usage = usage_of(draft, settings=settings, quirks=Quirks())
    assert (usage.prompt_tokens, usage.completion_tokens) == (0, 5)


def test_content_may_be_parts() -> None:
    parts: JsonValue = [{"type": "text", "text": "yes"}, {"type": "other"}, "odd"]
    assert read(a_choice(content=parts)).text == "yes"


@pytest.mark.parametrize(
    "content",
    [{}, {"choices": []}, {"choices": None}, {"choices": "x"}, [], None, "x", 7],
    ids=range(8),
)
def test_no_choice_is_the_endpoints_failure(content: object) -> None:
    with pytest.raises(ModelError) as failed:
        read(content)
    assert failed.value.kind is FailureKind.UPSTREAM


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=6,
)


@given(
    message=st.fixed_dictionaries(
        {}, optional=dict.fromkeys(("content", "tool_calls", "reasoning", "refusal"), _JSON)
    ),
    finish=_JSON,
    usage=_JSON,
)
def test_any_choice_is_a_completion(message: object, finish: object, usage: object) -> None:
    content = {"choices": [{"message": message, "finish_reason": finish}], "usage": usage}
    draft = draft_of(json.loads(json.dumps(content)))
    if draft.finish in {"abort", "error"}:
        return
    draft.completion(asked_stops=STOPS)
    usage_of(draft, settings=EndpointSettings(), quirks=Quirks())


# -------------------------------------------------------------------------------------- the end


@pytest.mark.parametrize(
    ("text", "stop", "expected"),
    [
        ("<think>a</think><answer>yes", None, "<think>a</think><answer>yes</answer>"),
        ("<answer>yes", "</answer>", "<answer>yes</answer>"),
        ("<answer>yes</answer>", "</answer>", "<answer>yes</answer>"),
        ("<answer>yes</answer>", None, "<answer>yes</answer>"),
        ("<answer>yes</answer> and more", None, "<answer>yes</answer>"),
        ("<answer>yes</answer>\n", None, "<answer>yes</answer>"),
        ("a <tool_response>invented", None, "a <tool_response>"),
        ("a ", "<tool_response>", "a <tool_response>"),
        ("plain", None, "plain"),
        ("plain", "another", "plain"),
        ("<think>an <answer> comes", None, "<think>an <answer> comes"),
        ("<answer>a <b>bold", None, "<answer>a <b>bold"),
    ],
)
def test_a_reply_ends_behind_the_first_stop_string(
    text: str, stop: str | None, expected: str
) -> None:
    """Whether the server left it, took it off and said which, took it off, or knows no stops."""
    draft = draft_of(a_choice(content=text))
    draft.stop = stop
    assert draft.completion(asked_stops=STOPS).text == expected


@pytest.mark.parametrize("key", ["stop_reason", "matched_stop"])
def test_the_servers_word_for_the_stop_is_read(key: str) -> None:
    choice: JsonValue = {
        "choices": [{"message": {"content": "x"}, "finish_reason": "stop", key: "</answer>"}]
    }
    assert read(choice, stops=STOPS).text == "x</answer>"
    number: JsonValue = {
        "choices": [{"message": {"content": "x"}, "finish_reason": "stop", key: 151645}]
    }
    assert read(number, stops=STOPS).text == "x"


def test_what_was_cut_at_the_limit_is_not_mended() -> None:
    completion = read(a_choice(content="<answer>ye", finish="length"), stops=STOPS)
    assert (completion.text, completion.finish) == ("<answer>ye", FinishReason.LENGTH)


def test_a_single_call_that_the_server_stopped_is_whole_again() -> None:
    profile = VdrProfile(calls_per_turn="one")
    call = ToolCall(id="t0c0", name="search", arguments={"query": ["a < b"]})
    text = profile.write(thought="hm", calls=[call]).text
    cut = text[: text.index("</tool_call>")]
    parsed = profile.parse(read(a_choice(content=cut), stops=profile.stop), turn=0)
    assert parsed.calls == (call,)


# -------------------------------------------------------------------------------- calls in text


def in_text(text: str, **changes: object) -> Completion:
    return with_calls(Completion(text=text).model_copy(update=changes))


def a_block(body: str) -> str:
    return f"<tool_call>\n{body}\n</tool_call>"


GOOD = '{"name": "search", "arguments": {"query": ["a"]}}'


def test_blocks_in_text_become_calls() -> None:
    completion = in_text(
        f"<think>{a_block(GOOD)}</think>I search.\n{a_block(GOOD)}\n{a_block(GOOD)}"
    )
    assert [call.name for call in completion.native_calls] == ["search", "search"]
    assert completion.text == f"<think>{a_block(GOOD)}</think>I search."
    assert completion.finish is FinishReason.TOOL_CALLS
    parsed = NativeProfile().parse(completion, turn=3)
    assert [call.id for call in parsed.calls] == ["t3c0", "t3c1"]


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        (a_block("{broken"), FaultKind.BAD_JSON),
        (a_block('["search"]'), FaultKind.BAD_JSON),
        (a_block('{"query": ["a"]}'), FaultKind.BAD_JSON),
        (a_block('{"name": "search", "arguments": "a"}'), FaultKind.BAD_JSON),
        (a_block('{"name": "search", "arguments": {}, "x": 1}'), FaultKind.BAD_JSON),
        (f"{a_block(GOOD)}\n<tool_call>{GOOD}", FaultKind.UNCLOSED_TAG),
        (f"<tool_call>{GOOD}", FaultKind.UNCLOSED_TAG),
        (f"<think>{a_block(GOOD)}", FaultKind.UNCLOSED_THINK),
        ("", FaultKind.EMPTY),
    ],
)
def test_blocks_that_are_no_calls_are_faults(text: str, kind: FaultKind) -> None:
    parsed = NativeProfile().parse(in_text(text), turn=0)
    assert parsed.calls == ()
    assert parsed.fault is not None
    assert parsed.fault.kind is kind


@pytest.mark.pitfall("P4")
def test_an_invented_result_is_cut_off() -> None:
    text = f"{a_block(GOOD)}\n<tool_response>\nnothing\n</tool_response>\n<answer>x</answer>"
    completion = in_text(text)
    assert (len(completion.native_calls), completion.text) == (1, "")


@pytest.mark.pitfall("P8")
def test_calls_of_a_reply_cut_at_the_limit_do_not_run() -> None:
    parsed = NativeProfile().parse(in_text(a_block(GOOD), finish=FinishReason.LENGTH), turn=0)
    assert parsed.calls == ()
    assert parsed.fault is not None
    assert parsed.fault.kind is FaultKind.TRUNCATED


# ----------------------------------------------------------------------------------------- usage


PRICES = {"usd_per_million_prompt": 2.0, "usd_per_million_completion": 8.0}


def test_costs_are_known_with_both_prices_only() -> None:
    draft = draft_of(body_of(Reply(text="x"), request=REQUEST))
    full = EndpointSettings.model_validate({**PRICES, "usd_per_million_cached": 0.5})
    tokens = Usage(prompt_tokens=1000, cached_tokens=400, completion_tokens=50)
    expected = (600 * 2.0 + 400 * 0.5 + 50 * 8.0) / 1e6
    assert usage_of(draft, settings=full, quirks=Quirks()) == tokens.model_copy(
        update={"cost_usd": pytest.approx(expected)}
    )
    no_cache_price = EndpointSettings.model_validate(PRICES)
    cost = usage_of(draft, settings=no_cache_price, quirks=Quirks()).cost_usd
    assert cost == pytest.approx((1000 * 2.0 + 50 * 8.0) / 1e6)
    for key in PRICES:
        half = EndpointSettings.model_validate({key: 1.0})
        assert usage_of(draft, settings=half, quirks=Quirks()) == tokens
    free = EndpointSettings.model_validate(dict.fromkeys(PRICES, 0.0))
    assert usage_of(draft, settings=free, quirks=Quirks()).cost_usd == 0.0


@pytest.mark.parametrize("usage", [None, {}, {"prompt_tokens": "7"}, {"prompt_tokens": -1}])
def test_costs_of_tokens_that_were_not_told_are_not_0(usage: dict[str, JsonValue] | None) -> None:
    draft = draft_of(body_of(Reply(text="x", usage=usage), request=REQUEST))
    settings = EndpointSettings.model_validate(PRICES)
    assert usage_of(draft, settings=settings, quirks=Quirks()) == Usage()


def test_hidden_thinking_is_counted_where_only_the_total_tells() -> None:
    usage: dict[str, JsonValue] = {
        "prompt_tokens": 21,
        "completion_tokens": 3,
        "total_tokens": 81,
    }
    draft = draft_of(body_of(Reply(text="x", usage=usage), request=REQUEST))
    settings = EndpointSettings()
    for hides, tokens in ((True, 60), (False, 3)):
        quirks = Quirks(hides_thinking_tokens=hides)
        assert usage_of(draft, settings=settings, quirks=quirks).completion_tokens == tokens


# ------------------------------------------------------------------- calls for the other profile


def test_calls_that_a_server_took_out_of_the_text_are_calls_of_vdr_too() -> None:
    """As a server with a tool parser sends a reply of profile `vdr`."""
    profile = VdrProfile()
    completion = Completion(
        text="I search.",
        reasoning="hm <think> hm",
        native_calls=(
            NativeCall(id="x", name="search", arguments='{"query": ["</tool_call> <b>"]}'),
            NativeCall(id="y", name="visit", arguments=""),
        ),
        finish=FinishReason.TOOL_CALLS,
    )
    parsed = profile.parse(completion, turn=2)
    assert parsed.fault is None
    assert [(call.id, call.name) for call in parsed.calls] == [
        ("t2c0", "search"),
        ("t2c1", "visit"),
    ]
    assert parsed.calls[0].arguments == {"query": ["</tool_call> <b>"]}
    again = profile.parse(Completion(text=parsed.message.text), turn=2)
    assert again.calls == parsed.calls, "the history holds them as the model wrote them"
    assert parsed.message.tool_calls == ()


def test_a_call_of_vdr_with_bad_arguments_is_a_fault_wherever_it_stood() -> None:
    bad = '{"query": ["a"]}, "name": "visit"'
    for arguments in ("{broken", "[1]", '"x"', bad, '{"a": 1}</tool_call>'):
        completion = Completion(
            text="", native_calls=(NativeCall(id="x", name="search", arguments=arguments),)
        )
        parsed = VdrProfile().parse(completion, turn=0)
        assert parsed.calls == ()
        assert parsed.fault is not None
        assert parsed.fault.kind is FaultKind.BAD_JSON


def test_calls_in_the_text_win_over_those_beside_it() -> None:
    completion = Completion(
        text=a_block(GOOD), native_calls=(NativeCall(id="x", name="visit", arguments="{}"),)
    )
    assert [call.name for call in VdrProfile().parse(completion, turn=0).calls] == ["search"]
