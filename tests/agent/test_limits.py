from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vision_deepresearch.agent.limits import FaultSource, Limits, LoopState, why_stop
from vision_deepresearch.core.errors import FailureKind
from vision_deepresearch.core.observation import Failure
from vision_deepresearch.core.trajectory import StopReason

LIMITS = Limits(max_turns=5, max_context_tokens=100, deadline_s=10, max_consecutive_faults=3)

Change = Callable[[LoopState], LoopState]

# Each makes one reason hold in a quiet state; in the documented order.
CAUSES: tuple[tuple[StopReason, Change], ...] = (
    (StopReason.ANSWER, lambda state: replace(state, answer="")),
    (StopReason.CANCELLED, lambda state: replace(state, is_cancelled=True)),
    (StopReason.DEADLINE, lambda state: replace(state, elapsed_s=10.0)),
    (StopReason.BUDGET, lambda state: replace(state, is_budget_exhausted=True)),
    (
        StopReason.MODEL_ERROR,
        lambda state: replace(
            state, model_failure=Failure(kind=FailureKind.UPSTREAM, message="down")
        ),
    ),
    (
        StopReason.TOOL_FAULTS,
        lambda state: replace(state, faults_in_row=3, last_fault=FaultSource.TOOL),
    ),
    (StopReason.REPETITION, lambda state: replace(state, repetition="the same call")),
    (StopReason.TURN_LIMIT, lambda state: replace(state, num_turns=5)),
    (StopReason.CONTEXT_LIMIT, lambda state: replace(state, prompt_tokens=101)),
)


def test_a_quiet_state_goes_on() -> None:
    assert why_stop(LoopState(num_turns=4, prompt_tokens=100, elapsed_s=9.9), limits=LIMITS) is None


@given(st.sets(st.sampled_from(range(len(CAUSES))), min_size=1))
def test_the_first_cause_in_the_documented_order_is_the_reason(held: set[int]) -> None:
    state = LoopState()
    for position in held:
        state = CAUSES[position][1](state)
    stop = why_stop(state, limits=LIMITS)
    assert stop is not None
    assert stop.reason is CAUSES[min(held)][0]


def test_the_documented_order_is_the_tested_order() -> None:
    text = why_stop.__doc__ or ""
    places = [text.index(f"`{reason.value}`") for reason, _ in CAUSES]
    assert places == sorted(places)


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        (FaultSource.FORMAT, StopReason.FORMAT_FAULTS),
        (FaultSource.TOOL, StopReason.TOOL_FAULTS),
    ],
)
def test_the_last_fault_names_the_reason(source: FaultSource, reason: StopReason) -> None:
    stop = why_stop(LoopState(faults_in_row=3, last_fault=source), limits=LIMITS)
    assert stop is not None
    assert stop.reason is reason


@given(
    st.integers(0, 200),
    st.integers(0, 10),
    st.floats(0, 100),
    st.integers(1, 60),
)
def test_more_room_never_makes_it_stop_earlier(
    tokens: int, faults: int, elapsed: float, turns: int
) -> None:
    state = LoopState(
        prompt_tokens=tokens,
        faults_in_row=faults,
        elapsed_s=elapsed,
        num_turns=turns,
    )
    wider = LIMITS.model_copy(
        update={"max_turns": 50, "max_context_tokens": 1000, "deadline_s": None}
    )
    if why_stop(state, limits=LIMITS) is None:
        assert why_stop(state, limits=wider) is None


def test_a_refused_model_call_is_a_budget_stop() -> None:
    failure = Failure(kind=FailureKind.BUDGET, message="the cap of 3 model_call calls is reached")
    stop = why_stop(LoopState(model_failure=failure), limits=LIMITS)
    assert stop is not None
    assert (stop.reason, stop.detail) == (StopReason.BUDGET, failure.message)
