import asyncio
import time
from collections.abc import Mapping, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.agent.doubles import EmptyTool, FailingTool, SlowTool, TextTool
from tests.builders import an_image_ref
from vision_deepresearch.agent.context import estimate_tokens
from vision_deepresearch.agent.execute import cut_observation, execute_calls
from vision_deepresearch.agent.limits import Limits
from vision_deepresearch.core.bank import ImageBank
from vision_deepresearch.core.content import Image, Part, Text, ToolCall, trusted, untrusted
from vision_deepresearch.core.context import Budget, CallContext, Deadline, SpendKind
from vision_deepresearch.core.errors import BudgetExceededError, FailureKind
from vision_deepresearch.core.events import CallFinished, Event
from vision_deepresearch.core.mode import mode_named
from vision_deepresearch.core.observation import Evidence, EvidenceKind, Observation
from vision_deepresearch.core.protocols import Tool, ToolContext
from vision_deepresearch.core.trajectory import CallRecord


def some_calls(*names: str) -> list[ToolCall]:
    return [
        ToolCall(id=f"t4c{place}", name=name, arguments={"query": [str(place)]})
        for place, name in enumerate(names)
    ]


async def execute(
    calls: Sequence[ToolCall],
    tools: Mapping[str, Tool],
    *,
    limits: Limits | None = None,
    deadline: Deadline | None = None,
    budget: Budget | None = None,
    events: list[Event] | None = None,
) -> tuple[CallRecord, ...]:
    context = CallContext(
        task_id="t", trajectory_id="t-a0", turn=4, deadline=deadline, budget=budget or Budget()
    )
    return await execute_calls(
        calls,
        tools=tools,
        context=ToolContext(bank=ImageBank(), call=context, mode=mode_named("ts")),
        limits=limits or Limits(),
        clock=time.monotonic,
        listener=None if events is None else events.append,
    )


async def test_calls_of_a_turn_run_at_the_same_time_and_come_home_in_order() -> None:
    slow, quick = SlowTool(0.08, busy_at=4), SlowTool(0.01, name="visit")
    calls = some_calls("search", "visit", "search", "search", "search")
    events: list[Event] = []
    started = time.monotonic()
    records = await execute(calls, {"search": slow, "visit": quick}, events=events)
    assert time.monotonic() - started < 4 * 0.08
    assert slow.peak == 4
    assert [record.call for record in records] == calls
    finished = [event.call.name for event in events if isinstance(event, CallFinished)]
    assert finished[0] == "visit"
    assert len(finished) == 5


async def test_each_call_knows_its_own_place() -> None:
    tool = SlowTool(0)
    await execute(some_calls("search", "search"), {"search": tool})
    places = [(one.turn, one.index) for one in tool.contexts if one is not None]
    assert sorted(places) == [(4, 0), (4, 1)]


async def test_a_failure_of_the_outside_is_a_typed_result_and_the_others_go_on() -> None:
    tools = {"search": FailingTool(), "visit": TextTool("visit", lambda _: "fine")}
    records = await execute(some_calls("search", "visit", "grep"), tools)
    kinds = [one.observation.failure.kind if one.observation.failure else None for one in records]
    assert kinds == [FailureKind.UPSTREAM, None, FailureKind.UNKNOWN_TOOL]
    assert "known are search, visit" in (
        records[2].observation.failure.message if records[2].observation.failure else ""
    )


@pytest.mark.parametrize("by", ["call", "trajectory"])
async def test_a_call_that_hangs_is_stopped_by_the_earliest_deadline(by: str) -> None:
    tool = SlowTool(60)
    limits = Limits(call_deadline_s=0.03 if by == "call" else 60)
    deadline = Deadline.after(60 if by == "call" else 0.03)
    records = await execute(
        some_calls("search"), {"search": tool}, limits=limits, deadline=deadline
    )
    failure = records[0].observation.failure
    assert failure is not None
    assert failure.kind is FailureKind.TIMEOUT
    assert tool.running == 0


class PaidTool:
    """Pays a dollar for each of its calls, after the others have paid too."""

    spec = EmptyTool.spec

    async def run(self, call: ToolCall, context: ToolContext) -> Observation:
        context.call.budget.reserve(SpendKind.TEXT_SEARCH)
        context.call.budget.add_cost(1.0 + context.call.index)
        await asyncio.sleep(0.01)
        return Observation(parts=(untrusted(call.id),))


async def test_costs_are_kept_apart_per_call_and_summed_in_the_budget() -> None:
    budget = Budget()
    records = await execute(some_calls("search", "search"), {"search": PaidTool()}, budget=budget)
    assert [record.cost_usd for record in records] == [1.0, 2.0]
    assert budget.spent_usd == 3.0
    assert budget.counts == {SpendKind.TEXT_SEARCH: 2}


async def test_a_call_over_the_cap_is_a_budget_failure() -> None:
    budget = Budget(max_calls={SpendKind.TEXT_SEARCH: 1})
    records = await execute(some_calls("search", "search"), {"search": PaidTool()}, budget=budget)
    kinds = [one.observation.failure.kind if one.observation.failure else None for one in records]
    assert kinds == [None, FailureKind.BUDGET]
    assert budget.is_exhausted
    with pytest.raises(BudgetExceededError):
        budget.reserve(SpendKind.TEXT_SEARCH)


async def test_a_bug_cancels_the_other_calls_and_travels_on() -> None:
    def bug(_: ToolCall) -> str:
        raise KeyError

    slow = SlowTool(60)
    with pytest.raises(ExceptionGroup):
        await execute(
            some_calls("search", "visit"), {"search": slow, "visit": TextTool("visit", bug)}
        )
    assert slow.running == 0


async def test_all_results_of_a_turn_share_one_cap_of_tokens() -> None:
    tool = TextTool("search", lambda _: "灯" * 9_000)
    limits = Limits(max_results_tokens=10_000)
    records = await execute(some_calls("search", "search"), {"search": tool}, limits=limits)
    for record in records:
        text = "".join(p.text for p in record.observation.parts if isinstance(p, Text))
        assert 4_500 < estimate_tokens(text) < 5_100
        assert record.observation.notices == ("cut here: 4000 of 9000 characters left out",)


PARTS = st.lists(
    st.one_of(
        st.builds(trusted, st.text(max_size=30)),
        st.builds(untrusted, st.text(max_size=200)),
        st.just(Image(ref=an_image_ref(), handle="img_2")),
    ),
    max_size=12,
)


@given(PARTS, st.integers(1, 400), st.integers(1, 400))
def test_a_cut_shows_a_beginning_and_never_half_a_trusted_part(
    parts: list[Part], max_chars: int, max_tokens: int
) -> None:
    whole = Observation(parts=tuple(parts))
    cut = cut_observation(whole, max_chars=max_chars, max_tokens=max_tokens)
    full = "".join(part.text for part in parts if isinstance(part, Text))
    if cut is whole:
        assert len(full) <= max_chars
        assert estimate_tokens(full) <= max_tokens
        return
    *kept, mark = cut.parts
    shown = "".join(part.text for part in kept if isinstance(part, Text))
    assert len(shown) <= max_chars
    assert full.startswith(shown)
    assert all(
        part == before
        for part, before in zip(kept, parts, strict=False)
        if isinstance(part, Image) or part.trusted
    )
    assert isinstance(mark, Text)
    assert mark.trusted
    assert f"{len(full) - len(shown)} of {len(full)} characters" in mark.text


def test_a_cut_keeps_the_evidence() -> None:
    hit = Evidence(kind=EvidenceKind.PAGE, url="https://a.example", title="A", snippet="x")
    whole = Observation(parts=(untrusted("a" * 500),), evidence=(hit,))
    assert cut_observation(whole, max_chars=200, max_tokens=999).evidence == (hit,)
