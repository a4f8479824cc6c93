import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vision_deepresearch.agent.guards import (
    CallGuard,
    FaultRun,
    call_key,
    distinct_frac,
    is_looping,
    sampled_text,
)
from vision_deepresearch.agent.limits import FaultSource, Limits
from vision_deepresearch.core.content import Message, Role, ToolCall
from vision_deepresearch.core.errors import FailureKind
from vision_deepresearch.core.observation import Observation
from vision_deepresearch.core.protocols import Completion, NativeCall
from vision_deepresearch.core.trajectory import CallRecord, FaultKind, FormatFault, Turn

LIMITS = Limits()


def a_long(sentence: str, *, chars: int = 9_000) -> str:
    return (sentence * (chars // len(sentence) + 1))[:chars]


@pytest.mark.pitfall("P7")
@pytest.mark.parametrize(
    "sentence",
    [
        "我需要再看一遍这张图片，因为招牌上的文字不清楚。",  # noqa: RUF001 - Chinese comma
        "يجب أن أنظر إلى الصورة مرة أخرى لأن اللافتة غير واضحة. ",
        "I should look at the picture again, because the sign is not clear. ",
    ],
)
def test_a_loop_in_any_script_fires(sentence: str) -> None:
    assert is_looping(a_long(sentence), limits=LIMITS)
    assert not is_looping(a_long(sentence, chars=7_999), limits=LIMITS)


@pytest.mark.pitfall("P7")
def test_long_tables_code_and_prose_do_not_fire() -> None:
    rng = random.Random(7)
    table = "| year | town | lamps | price |\n|------|------|-------|-------|\n" + "".join(
        f"| {1800 + row} | town {rng.randrange(9999)} | {rng.randrange(10**6)} | "
        f"{rng.random():.3f} |\n"
        for row in range(300)
    )
    code = "".join(
        f"def step_{n}(rows):\n    total_{n} = sum(row[{n}] * {rng.randrange(999)} for row in rows)"
        f"\n    return total_{n} / {n + 1}\n\n\n"
        for n in range(120)
    )
    words = ["lamp", "harbour", "brother", "north", "square", "fire", "glass", "trade", "river"]
    prose = " ".join(rng.choice(words) + rng.choice(["", "s", "ed"]) for _ in range(2_000))
    for text in (table, code, prose):
        assert len(text) > LIMITS.repetition_min_chars
        assert not is_looping(text, limits=LIMITS)


def test_thinking_and_native_arguments_are_part_of_what_was_sampled() -> None:
    completion = Completion(
        text="b",
        reasoning="a",
        native_calls=(NativeCall(id="1", name="search", arguments='{"q": 1}'),),
    )
    assert sampled_text(completion) == 'ab{"q": 1}'


@given(st.text(max_size=200))
def test_the_distinct_share_is_a_share(text: str) -> None:
    assert 0 < distinct_frac(text) <= 1


def test_the_end_of_a_huge_text_is_tested() -> None:
    rng = random.Random(1)
    varied = "".join(chr(rng.randrange(97, 123)) for _ in range(300_000))
    assert is_looping(varied + "again and again " * 15_000, limits=LIMITS)


def a_search(query: str, *, call_id: str = "t0c0") -> ToolCall:
    return ToolCall(id=call_id, name="search", arguments={"query": [query], "n": 1})


def test_the_key_of_a_call_ignores_id_and_order_of_arguments() -> None:
    other = ToolCall(id="x", name="search", arguments={"n": 1, "query": ["a"]})
    assert call_key(a_search("a")) == call_key(other)
    assert call_key(a_search("a")) != call_key(a_search("b"))


@pytest.mark.pitfall("P7")
def test_the_identical_call_three_turns_in_a_row_fires() -> None:
    guard = CallGuard(LIMITS)
    assert guard.note([a_search("a")]) == ""
    assert guard.note([a_search("b"), a_search("a")]) == ""
    assert "search" in guard.note([a_search("a", call_id="t2c0")])


def test_a_turn_without_the_call_begins_the_count_again() -> None:
    guard = CallGuard(LIMITS)
    twice = [a_search("a")]
    assert [guard.note(calls) for calls in (twice, twice, twice[:0], twice, twice)] == [""] * 5


def test_the_same_call_twice_in_one_turn_counts_once() -> None:
    guard = CallGuard(LIMITS)
    assert guard.note([a_search("a")] * 3) == ""


def a_turn(*kinds: FailureKind | None, fault: bool = False) -> Turn:
    calls = tuple(
        CallRecord(
            call=a_search(str(n)),
            observation=Observation.failed(kind, "no") if kind else Observation(parts=()),
            seconds=0.0,
        )
        for n, kind in enumerate(kinds)
    )
    return Turn(
        index=0,
        reply=Message(role=Role.ASSISTANT, parts=()),
        calls=calls,
        fault=FormatFault(kind=FaultKind.NO_TAGS, message="no") if fault else None,
    )


@pytest.mark.pitfall("P5")
def test_a_fault_run_counts_tool_faults_and_ends_with_a_call_that_worked() -> None:
    run = FaultRun()
    run = run.after(a_turn(FailureKind.UPSTREAM, FailureKind.TIMEOUT))
    assert (run.length, run.last) == (1, FaultSource.TOOL)
    run = run.after(a_turn(fault=True))
    assert (run.length, run.last) == (2, FaultSource.FORMAT)
    assert run.after(a_turn(FailureKind.UPSTREAM, None)) == FaultRun()
