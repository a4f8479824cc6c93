"""Runs the calls of one turn at the same time and brings every result home, in call order.

What the outside does wrong becomes a typed failed `Observation`; what we do wrong (an ordinary
exception of a tool) travels on as an `ExceptionGroup`.
"""

import asyncio
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from typing_extensions import override

from vision_deepresearch.agent.context import estimate_tokens
from vision_deepresearch.agent.limits import Limits
from vision_deepresearch.core.content import Part, Text, ToolCall, trusted
from vision_deepresearch.core.context import (
    Budget,
    CallContext,
    Deadline,
    SpendKind,
    current_context,
)
from vision_deepresearch.core.errors import BoundaryError, FailureKind
from vision_deepresearch.core.events import CallFinished, Listener
from vision_deepresearch.core.observation import Observation
from vision_deepresearch.core.protocols import Tool, ToolContext
from vision_deepresearch.core.trajectory import CallRecord


@dataclass(slots=True, kw_only=True)
class CallTab(Budget):
    """What one call spends: passed on to the trajectory's budget, which decides; kept apart here.

    Calls of a turn run at the same time, so a difference of the shared sum would mix them up.
    """

    account: Budget = field(default_factory=Budget)
    """The budget of the trajectory."""

    @override
    def reserve(self, kind: SpendKind) -> None:
        self.account.reserve(kind)
        self.counts[kind] += 1

    @override
    def add_cost(self, usd: float | None) -> None:
        self.account.add_cost(usd)
        Budget.add_cost(self, usd)

    @override
    def pay(self, usd: float | None) -> None:
        self.account.pay(usd)
        Budget.add_cost(self, usd)

    @override
    def note_replay(self, kind: SpendKind) -> None:
        self.account.note_replay(kind)
        self.replayed[kind] += 1


async def execute_calls(
    calls: Sequence[ToolCall],
    *,
    tools: Mapping[str, Tool],
    context: ToolContext,
    limits: Limits,
    clock: Callable[[], float],
    listener: Listener | None = None,
) -> tuple[CallRecord, ...]:
    """Execute the calls of one turn concurrently.

    Args:
        calls: in the order they were written.
        tools: the enabled ones, by canonical name.
        context: of the turn; its deadline bounds every call, besides `limits.call_deadline_s`.
        limits: deadlines and caps of results.
        clock: for durations.
        listener: told of every finished call, in the order they finish.

    Returns:
        One record per call, in call order. A failed call is a record with a failed observation.
        Pictures that the calls brought are in the bank, numbered alike however long each call took.

    Raises:
        ExceptionGroup: a tool raised something other than `BoundaryError` or `TimeoutError`: a
            bug. The other calls are cancelled.
    """
    max_tokens = limits.max_results_tokens // max(1, len(calls))
    branches = context.bank.branches(len(calls))

    async def run_one(index: int, call: ToolCall) -> CallRecord:
        tab = CallTab(account=context.call.budget)
        own = replace(context.call, index=index, budget=tab)
        own = own.until(Deadline.after(limits.call_deadline_s, clock=clock))
        started = clock()
        observation = cut_observation(
            await _run_call(
                call, tools=tools, context=replace(context, call=own, bank=branches[index])
            ),
            max_chars=limits.max_result_chars,
            max_tokens=max_tokens,
        )
        seconds = clock() - started
        if listener is not None:
            listener(
                CallFinished(
                    trajectory_id=own.trajectory_id,
                    turn=own.turn,
                    call=call,
                    observation=observation,
                    seconds=seconds,
                )
            )
        return CallRecord(
            call=call, observation=observation, seconds=seconds, cost_usd=tab.spent_usd
        )

    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(run_one(index, call)) for index, call in enumerate(calls)]
    context.bank.join(branches)
    return tuple(task.result() for task in tasks)


async def _run_call(
    call: ToolCall, *, tools: Mapping[str, Tool], context: ToolContext
) -> Observation:
    """Run one call under its deadline; the context variable is this task's own copy."""
    tool = tools.get(call.name)
    if tool is None:
        known = ", ".join(sorted(tools)) or "none"
        return Observation.failed(
            FailureKind.UNKNOWN_TOOL, f"unknown tool {call.name[:80]!r}: known are {known}"
        )
    current_context.set(context.call)
    try:
        async with asyncio.timeout(remaining_s(context.call)):
            return await tool.run(call, context)
    except BoundaryError as error:
        return Observation.failed(error.kind, error.message)
    except TimeoutError:
        return Observation.failed(
            FailureKind.TIMEOUT, f"{call.name} took too long and was stopped: try a smaller request"
        )


def remaining_s(context: CallContext) -> float | None:
    """Seconds a call may still take; None: no deadline."""
    return None if context.deadline is None else context.deadline.remaining_s


def cut_observation(observation: Observation, *, max_chars: int, max_tokens: int) -> Observation:
    """Show the beginning of an over-long observation, with a mark that says how much is missing.

    Only untrusted text is cut inside; a trusted part is shown whole or not at all, so that a frame
    of ours never ends half-way. Everything behind the cut, pictures too, is left out. Evidence is
    kept: it is what the world gave, not what was shown.
    """
    text = "".join(part.text for part in observation.parts if isinstance(part, Text))
    tokens = estimate_tokens(text) if len(text) > max_tokens else 0
    if tokens > max_tokens:
        max_chars = min(max_chars, math.floor(len(text) * max_tokens / tokens))
    if len(text) <= max_chars:
        return observation
    kept: list[Part] = []
    room = max_chars
    for part in observation.parts:
        if isinstance(part, Text):
            if len(part.text) > room:
                if not part.trusted:
                    kept.append(part.model_copy(update={"text": part.text[:room]}))
                    room = 0
                break
            room -= len(part.text)
        kept.append(part)
    shown = sum(len(part.text) for part in kept if isinstance(part, Text))
    notice = f"cut here: {len(text) - shown} of {len(text)} characters left out"
    return observation.model_copy(
        update={
            "parts": (*kept, trusted(f"\n[{notice}]")),
            "notices": (*observation.notices, notice),
        }
    )
