"""The reply parser of profile `vdr`: what is executed, what is an answer, what is a fault."""

from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vision_deepresearch.core.content import SampledTokens
from vision_deepresearch.core.protocols import Completion, FinishReason, ParsedReply
from vision_deepresearch.core.trajectory import FaultKind
from vision_deepresearch.models.profiles.vdr import VdrProfile

SEARCH = '<tool_call>\n{"name": "search", "arguments": {"query": ["red ship"]}}\n</tool_call>'
VISIT = '<tool_call>{"name": "visit", "arguments": {"url": ["a.example"], "goal": "g"}}</tool_call>'
ANSWER = "<answer>Ostrel</answer>"


def parse(
    text: str,
    *,
    calls_per_turn: Literal["one", "many"] = "many",
    finish: FinishReason = FinishReason.STOP,
    reasoning: str | None = None,
) -> ParsedReply:
    profile = VdrProfile(calls_per_turn=calls_per_turn)
    return profile.parse(Completion(text=text, finish=finish, reasoning=reasoning), turn=3)


def outcome(reply: ParsedReply) -> object:
    """Fault kind, or names of calls, or the answer."""
    if reply.fault is not None:
        assert not reply.calls
        assert reply.answer is None
        return reply.fault.kind
    return [call.name for call in reply.calls] or reply.answer


def a_call(body: str) -> str:
    return f"<think>t</think><tool_call>{body}</tool_call>"


TABLE: list[tuple[str, object]] = [
    # well formed
    (f"<think>t</think>\n{SEARCH}", ["search"]),
    (f"<think>t</think>\n{ANSWER}", "Ostrel"),
    (ANSWER, "Ostrel"),
    (f"<think>a</think>{SEARCH}<think>b</think>{VISIT}", ["search", "visit"]),
    (f"some words {SEARCH} more words", ["search"]),
    ("<answer>\n two words \n</answer>", "two words"),
    # a thought that only closes: its opening stood in the prompt
    (f"thinking {SEARCH} aloud</think>{ANSWER}", "Ostrel"),
    (f"{SEARCH}</think>", FaultKind.NO_TAGS),
    # tags inside the thought
    (f"<think>{SEARCH}</think>{ANSWER}", "Ostrel"),
    (f"<think>{ANSWER}</think>{SEARCH}", ["search"]),
    (f"<think><tool_response>x</tool_response></think>{ANSWER}", "Ostrel"),
    (f"<think><think>deep</think>{ANSWER}", "Ostrel"),
    ("<think><tool_call></think>", FaultKind.NO_TAGS),
    # unclosed
    (f"<think>{SEARCH}", FaultKind.UNCLOSED_THINK),
    (f"{SEARCH}<think>and then", FaultKind.UNCLOSED_THINK),
    ("<think>t</think><answer>Ostr", FaultKind.UNCLOSED_TAG),
    ('<think>t</think><tool_call>{"name": "search"', FaultKind.UNCLOSED_TAG),
    (f'{SEARCH}<tool_call>{{"name": "vis', FaultKind.UNCLOSED_TAG),
    (f"{SEARCH}<answer>Ostr", ["search"]),
    ("<answer>a <answer>b</answer>", FaultKind.UNCLOSED_TAG),
    ("<answer>a <think>b</think></answer>", FaultKind.UNCLOSED_TAG),
    # call and answer, several answers
    (f"{ANSWER}{SEARCH}", ["search"]),
    (f"<answer>I call {SEARCH}</answer>", ["search"]),
    (f"{ANSWER}{ANSWER}", "Ostrel"),
    (f"{ANSWER}<answer>Brno</answer>", FaultKind.SEVERAL_ANSWERS),
    ("<answer>  </answer>", FaultKind.EMPTY),
    # invented observations
    (f"{SEARCH}\n<tool_response>found</tool_response>{ANSWER}", ["search"]),
    (f"{SEARCH}<tool_response>{VISIT}</tool_response>", ["search"]),
    (f"<think>t</think><tool_response>x</tool_response>{ANSWER}", FaultKind.NO_TAGS),
    (
        f'<tool_call>{{"name": "search"}}<tool_response>x</tool_response>{ANSWER}',
        FaultKind.UNCLOSED_TAG,
    ),
    ("<answer>x<tool_response>y</tool_response></answer>", FaultKind.UNCLOSED_TAG),
    # no use
    ("", FaultKind.EMPTY),
    (" \n ", FaultKind.EMPTY),
    ("Ostrel", FaultKind.NO_TAGS),
    ("<think>t</think>", FaultKind.NO_TAGS),
    ("<Tool_Call>{}</Tool_Call>", FaultKind.NO_TAGS),
    # bodies of calls
    (a_call('{"name": "search", "arguments": {"query": ["a",],},}'), ["search"]),
    (a_call('\n```json\n{"name": "search", "arguments": {}}\n```\n'), ["search"]),
    (a_call('{"name": "search", "arguments": {"query": "</think> <answer>"}}'), ["search"]),
    (a_call('{"name": "search"}'), FaultKind.BAD_JSON),
    (a_call('{"arguments": {}}'), FaultKind.BAD_JSON),
    (a_call('{"name": "search", "arguments": "{}"}'), FaultKind.BAD_JSON),
    (a_call('{"name": 7, "arguments": {}}'), FaultKind.BAD_JSON),
    (a_call('[{"name": "search", "arguments": {}}]'), FaultKind.BAD_JSON),
    (
        a_call('{"name": "search", "arguments": {}} {"name": "visit", "arguments": {}}'),
        FaultKind.BAD_JSON,
    ),
    (a_call('{"name": "search", "name": "visit", "arguments": {}}'), FaultKind.BAD_JSON),
    (a_call('{"name": "search", "arguments": {"n": NaN}}'), FaultKind.BAD_JSON),
    (a_call('{"name": "search", "arguments": {"n": -Infinity}}'), FaultKind.BAD_JSON),
    (a_call('{"name": "search", "arguments": {"n": 1e999}}'), FaultKind.BAD_JSON),
    (a_call("{'name': 'search', 'arguments': {}}"), FaultKind.BAD_JSON),
    (
        a_call('{"name": "search", "arguments": ' + '{"a": ' * 40 + "1" + "}" * 41),
        FaultKind.BAD_JSON,
    ),
    (a_call('{"name": "search", "arguments": ' + "[" * 100_000), FaultKind.BAD_JSON),
    (a_call('{"name": "search", "arguments": {"q": "\\ud800"}}'), FaultKind.BAD_JSON),
    (a_call("search red ship"), FaultKind.BAD_JSON),
    (SEARCH + a_call("{}"), FaultKind.BAD_JSON),
]


@pytest.mark.pitfall("P3")
@pytest.mark.parametrize(("text", "expected"), TABLE, ids=[str(i) for i in range(len(TABLE))])
def test_a_reply_is_read_as_the_grammar_says(text: str, expected: object) -> None:
    assert outcome(parse(text)) == expected


@pytest.mark.pitfall("P3")
@given(inside=st.text(max_size=80), tag=st.sampled_from(["", SEARCH, ANSWER, "<tool_response>"]))
def test_text_inside_a_thought_never_changes_the_parse(inside: str, tag: str) -> None:
    text = f"<think>{inside}{tag}</think>{SEARCH}"
    if "</think>" not in inside:
        assert outcome(parse(text)) == ["search"]


@given(st.text(max_size=200))
def test_any_text_parses_to_something(text: str) -> None:
    reply = parse(text)
    assert (reply.fault is not None) + bool(reply.calls) + (reply.answer is not None) == 1


@given(
    st.lists(
        st.sampled_from([
            "<think>", "</think>", "<tool_call>", "</tool_call>", "<answer>", "</answer>",
            "<tool_response>", "</tool_response>", "<code>", "</code>", "x",
            '{"name": "search", "arguments": {}}', '{"name": "PythonInterpreter", "arguments": {}}',
        ]),
        max_size=14,
    )
)  # fmt: skip
def test_any_order_of_tags_parses_to_one_thing(pieces: list[str]) -> None:
    reply = parse("".join(pieces))
    assert (reply.fault is not None) + bool(reply.calls) + (reply.answer is not None) == 1
    assert "".join(pieces).startswith(reply.message.text)


# ------------------------------------------------------------------------------------------- P2


@pytest.mark.pitfall("P2")
def test_many_runs_all_calls_in_order_and_names_what_goes_over_the_cap() -> None:
    reply = parse("<think>t</think>" + (SEARCH + VISIT) * 3)
    assert [call.name for call in reply.calls] == ["search", "visit", "search", "visit"]
    assert [call.id for call in reply.calls] == ["t3c0", "t3c1", "t3c2", "t3c3"]
    assert reply.dropped == 2


@pytest.mark.pitfall("P2")
def test_one_runs_the_first_call_and_counts_the_rest() -> None:
    reply = parse(SEARCH + VISIT + a_call("broken"), calls_per_turn="one")
    assert [call.name for call in reply.calls] == ["search"]
    assert reply.dropped == 2


# ------------------------------------------------------------------------------------- P1, P4, P8


@pytest.mark.pitfall("P1")
def test_a_search_that_mentions_python_is_a_search() -> None:
    text = '<tool_call>{"name": "search", "arguments": {"query": ["PythonInterpreter <code>"]}}</tool_call>'
    (call,) = parse(f"<think>python PythonInterpreter</think>{text}").calls
    assert call.name == "search"
    assert call.arguments == {"query": ["PythonInterpreter <code>"]}


@pytest.mark.pitfall("P1")
def test_a_code_block_belongs_to_the_interpreter_alone() -> None:
    head = '{"name": "search", "arguments": {"query": ["a"]}}'
    assert outcome(parse(a_call(f"{head}<code>1</code>"))) is FaultKind.BAD_JSON
    head = '{"name": "PythonInterpreter", "arguments": {"code": "2"}}'
    assert outcome(parse(a_call(f"{head}<code>1</code>"))) is FaultKind.BAD_JSON


def test_code_is_taken_as_it_stands() -> None:
    head = '\n{"name": "PythonInterpreter", "arguments": {}}\n'
    code = 'x = "</tool_call>"\nif 1 < 2:\n    print(x)\n'
    (call,) = parse(a_call(f"{head}<code>\n{code}\n</code>\n") + VISIT, calls_per_turn="one").calls
    assert call.name == "python"
    assert call.arguments == {"code": code}


@pytest.mark.pitfall("P4")
def test_what_follows_an_invented_observation_is_not_kept() -> None:
    text = f"<think>t</think>{SEARCH}\n<tool_response>\nnice</tool_response>"
    tokens = SampledTokens(ids=(1, 2), logprobs=(0.0, 0.0), policy_version="v")
    reply = VdrProfile().parse(Completion(text=text, tokens=tokens), turn=0)
    assert reply.message.text == f"<think>t</think>{SEARCH}\n"
    assert reply.message.sampled is None, "ids of the cut text would train on the invention"


def test_sampled_tokens_of_a_whole_reply_are_kept() -> None:
    tokens = SampledTokens(ids=(1, 2), logprobs=(0.0, 0.0), policy_version="v")
    reply = VdrProfile().parse(Completion(text=ANSWER, tokens=tokens), turn=0)
    assert reply.message.sampled == tokens


@pytest.mark.pitfall("P4")
def test_sampling_stops_before_an_observation_can_be_invented() -> None:
    assert set(VdrProfile().stop) == {"<tool_response>", "</answer>"}
    assert set(VdrProfile(calls_per_turn="one").stop) == {
        "<tool_response>",
        "</answer>",
        "</tool_call>",
    }


@pytest.mark.pitfall("P8")
@pytest.mark.parametrize(
    "text", [f"<think>t</think>{SEARCH}", ANSWER, f"{SEARCH}<tool_call>{{", "<think>"]
)
def test_a_cut_reply_is_a_fault_of_its_own_and_nothing_of_it_runs(text: str) -> None:
    assert outcome(parse(text, finish=FinishReason.LENGTH)) is FaultKind.TRUNCATED


# ----------------------------------------------------------------------------- thoughts, reasoning


def test_reasoning_from_a_field_of_its_own_is_put_back() -> None:
    reply = parse(f"\n{SEARCH}", reasoning="look </think> <answer>no</answer>")
    assert outcome(reply) == ["search"]
    assert reply.message.text.startswith(
        "<think>\nlook \u2039/think> <answer>no</answer>\n</think>\n\n"
    )
    assert reply.message.reasoning is None
    assert reply.thought == "look \u2039/think> <answer>no</answer>"


def test_the_thought_is_what_was_thought_or_else_what_was_said() -> None:
    assert parse(f"<think>\na\n</think><think>b</think>{ANSWER}").thought == "a\n\nb"
    assert parse(f"I am sure. {ANSWER}").thought == "I am sure."
