"""The one agent loop: every trajectory, for a user, for data, for training, is made here.

    prompt -> [ fit -> why_stop -> complete -> parse -> why_stop -> execute -> render ]* -> support

The order matters: the length of the prompt is known before each call, a reply is judged before its
calls run, and every end goes through `why_stop`. A trajectory that failed is a record with a
`StopReason`; only bugs, real cancellation and a task whose pictures cannot be loaded raise.
"""

import asyncio
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace

from vision_deepresearch.agent.context import (
    Condense,
    ContextWindow,
    count_tool_specs,
)
from vision_deepresearch.agent.execute import execute_calls, remaining_s
from vision_deepresearch.agent.guards import CallGuard, FaultRun, is_looping, sampled_text
from vision_deepresearch.agent.limits import LoopState, Stop, why_stop
from vision_deepresearch.agent.researcher import Researcher, adapted_to_mode, check_picture
from vision_deepresearch.agent.support import find_support
from vision_deepresearch.core.answers import extract_answer
from vision_deepresearch.core.bank import ImageBank, Origin
from vision_deepresearch.core.content import Message, ToolCall, ToolSpec
from vision_deepresearch.core.context import (
    Budget,
    CallContext,
    Deadline,
    SpendKind,
    current_context,
)
from vision_deepresearch.core.errors import (
    BoundaryError,
    FailureKind,
)
from vision_deepresearch.core.events import (
    Event,
    Listener,
    ModelReplied,
    Stopped,
    TurnFinished,
    TurnStarted,
)
from vision_deepresearch.core.mode import Strategy
from vision_deepresearch.core.observation import Failure, Observation
from vision_deepresearch.core.protocols import (
    Completion,
    FinishReason,
    ParsedReply,
    Shown,
    ToolContext,
)
from vision_deepresearch.core.task import Task
from vision_deepresearch.core.trajectory import (
    CallRecord,
    ContextEdit,
    Extraction,
    FaultKind,
    FormatFault,
    Support,
    TokenTrace,
    Totals,
    Trajectory,
    Turn,
)

CROP_TOOL = "crop_and_search"
"""The tool whose rounds `Mode.min_crop_rounds` counts."""


async def run(
    task: Task,
    researcher: Researcher,
    *,
    attempt: int = 0,
    listener: Listener | None = None,
    budget: Budget | None = None,
    cancel: asyncio.Event | None = None,
    ends_in_outage: bool = False,
) -> Trajectory:
    """Research one task.

    Args:
        task: its gold answer is not looked at.
        researcher: model, profile, tools, limits.
        attempt: siblings of one task differ in it; part of the trajectory's id.
        listener: told of every step.
        budget: what may be spent, for this trajectory alone; None: as `limits` say.
        cancel: once set, the trajectory ends before its next step with stop reason `cancelled`.
        ends_in_outage: whether the same happens when a provider is down, because the attempt can
            be made again later; otherwise the model goes on with what it has.

    Returns:
        The complete trajectory, whatever happened on the way.

    Raises:
        BadImageError: a picture of the task is missing or damaged; nothing was sent.
        ConfigError: the mode needs what this loop or the task does not have.
        ExceptionGroup: a bug in a tool.
        CancelledError: the surrounding task was cancelled; no call is left running.
    """
    rollout = _Rollout(
        task,
        adapted_to_mode(researcher),
        attempt=attempt,
        listener=listener,
        budget=budget,
        cancel=cancel,
        ends_in_outage=ends_in_outage,
    )
    await rollout.begin()
    stop = await rollout.until_stop()
    if stop.reason.is_limit and rollout.limits.force_answer:
        stop = await rollout.force_answer(stop)
    return rollout.finish(stop, tokens=await rollout.trace())


@dataclass(slots=True)
class _Spent:
    """Sums over the model calls of one trajectory."""

    seconds: float = 0.0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    peak_prompt_tokens: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class _Step:
    """One model call: when it began, what it was sent, what came back."""

    context: CallContext
    edit: ContextEdit | None
    started: float
    prompt_tokens: int


class _Rollout:
    """One trajectory in the making."""

    def __init__(
        self,
        task: Task,
        researcher: Researcher,
        *,
        attempt: int,
        listener: Listener | None,
        budget: Budget | None,
        cancel: asyncio.Event | None,
        ends_in_outage: bool,
    ) -> None:
        self._who = researcher
        self.limits = researcher.limits
        self._task = task
        self._listener = listener
        self._cancel = cancel
        self._ends_in_outage = ends_in_outage
        self._budget = budget or Budget(
            max_usd=self.limits.max_usd, max_calls=dict(self.limits.max_calls)
        )
        self._clock = researcher.clock
        self._started = self._clock()
        self._context = CallContext(
            task_id=task.id,
            trajectory_id=f"{task.id[:16]}-a{attempt}",
            attempt=attempt,
            budget=self._budget,
            deadline=self._deadline(self.limits.deadline_s),
        )
        self._specs = tuple(tool.spec for tool in researcher.tools.values())
        self._sampling = researcher.sampling.model_copy(
            update={
                "stop": (*researcher.sampling.stop, *researcher.profile.stop),
                "max_tokens": min(researcher.sampling.max_tokens, self.limits.max_reply_tokens),
            }
        )
        self._bank = ImageBank()
        self._turns: list[Turn] = []
        self._faults = FaultRun()
        self._call_guard = CallGuard(self.limits)
        self._repeated_call = ""
        """Known once the turn is complete: whether the call failed is looked at first."""
        self._spent = _Spent()
        self._pending_edit: ContextEdit | None = None
        """Made for a call that was never sent."""
        self._open_calls: tuple[ToolCall, ...] = ()
        """Calls of the last reply that were not run because the trajectory stopped."""
        self._answer: str | None = None
        self._extraction: Extraction | None = None
        self._forced = False
        self._prompt: tuple[Message, ...] = ()
        self._window: ContextWindow

    # ------------------------------------------------------------------------------------- begin

    async def begin(self) -> None:
        """Load the pictures and write the prompt."""
        task = self._task
        if not self._who.mode.lends_pictures:
            task = task.model_copy(update={"images": ()})
        handles = []
        for ref in task.images:
            await asyncio.to_thread(check_picture, ref, media=self._who.media)
            handles.append(self._bank.add(ref, Origin(kind="given")))
        profile = self._who.profile
        self._prompt = profile.prompt(
            task,
            handles=handles,
            tools=self._specs,
            mode=self._who.mode,
            today=self._who.today,
        )
        self._window = ContextWindow(
            self._prompt,
            counter=self._who.counter,
            profile=profile,
            fixed_tokens=count_tool_specs(self._sent_specs, counter=self._who.counter),
        )

    @property
    def _sent_specs(self) -> Sequence[ToolSpec]:
        """Tools that travel in the API's own field."""
        return self._specs if self._who.profile.sends_tool_specs else ()

    # -------------------------------------------------------------------------------------- turns

    async def until_stop(self) -> Stop:
        """Make turns until one function says that it is enough."""
        while True:
            stop = self._why_stop() or await self._make_turn()
            if stop is not None:
                return stop

    def _why_stop(
        self,
        *,
        answer: str | None = None,
        failure: Failure | None = None,
        repetition: str = "",
        prompt_tokens: int | None = None,
    ) -> Stop | None:
        state = LoopState(
            num_turns=len(self._turns),
            elapsed_s=self._clock() - self._started,
            answer=answer,
            is_cancelled=self._cancel is not None and self._cancel.is_set(),
            is_budget_exhausted=self._budget.is_exhausted,
            outage=self._context.outage.failure if self._ends_in_outage else None,
            model_failure=failure,
            faults_in_row=self._faults.length,
            last_fault=self._faults.last,
            repetition=repetition or self._repeated_call,
            prompt_tokens=prompt_tokens,
        )
        return why_stop(state, limits=self.limits)

    async def _make_turn(self) -> Stop | None:
        """One turn; a stop if the trajectory ends before or within it."""
        context = self._turn_context()
        self._pending_edit = await self._fit(context)
        stop = self._why_stop(prompt_tokens=self._window.num_tokens)
        if stop is not None:
            return stop
        step = self._begin_step(context)
        completion = await self._complete(step, tools=self._sent_specs)
        if isinstance(completion, Failure):
            stop = self._why_stop(failure=completion)
            assert stop is not None, "a failed model call always ends the trajectory"
            return stop
        model_seconds = self._clock() - step.started
        parsed = self._accept(self._who.profile.parse(completion, turn=step.context.turn))
        self._emit_reply(step, parsed)
        stop = self._why_stop(answer=parsed.answer, repetition=self._find_loop(completion))
        calls: tuple[CallRecord, ...] = ()
        results: tuple[Message, ...] = ()
        if stop is not None:
            self._open_calls = parsed.calls
            self._answer = parsed.answer
        elif parsed.fault is not None:
            results = self._who.profile.explain(parsed.fault, reply=parsed.message)
        else:
            calls = await self._execute(parsed.calls, context=step.context)
            shown = [Shown(call=one.call, observation=one.observation) for one in calls]
            results = self._who.profile.results(shown, dropped=parsed.dropped)
        self._record(
            step,
            parsed,
            completion=completion,
            calls=calls,
            results=results,
            model_seconds=model_seconds,
        )
        return stop

    def _turn_context(self) -> CallContext:
        context = self._context.at(turn=len(self._turns))
        deadline = self._deadline(self.limits.turn_deadline_s)
        return context if deadline is None else context.until(deadline)

    def _deadline(self, seconds: float | None) -> Deadline | None:
        return None if seconds is None else Deadline.after(seconds, clock=self._clock)

    async def _fit(
        self, context: CallContext, *, reserve_tokens: int = 0, keep_newest: bool = True
    ) -> ContextEdit | None:
        condense = self._who.condense
        if condense is not None:
            condense = _bounded(
                condense, context=context, call_deadline_s=self.limits.call_deadline_s
            )
        return await self._window.fit(
            limits=self.limits,
            condense=condense,
            reserve_tokens=reserve_tokens,
            keep_newest=keep_newest,
        )

    def _begin_step(self, context: CallContext) -> _Step:
        step = _Step(
            context=context,
            edit=self._pending_edit,
            started=self._clock(),
            prompt_tokens=self._window.num_tokens,
        )
        self._spent.peak_prompt_tokens = max(self._spent.peak_prompt_tokens, step.prompt_tokens)
        self._emit(
            TurnStarted(
                trajectory_id=context.trajectory_id,
                turn=context.turn,
                prompt_tokens=step.prompt_tokens,
            )
        )
        return step

    async def _complete(self, step: _Step, *, tools: Sequence[ToolSpec]) -> Completion | Failure:
        """One model call, paid for and under its deadline; what goes wrong outside is a failure."""
        budget, context = self._budget, step.context
        replayed = budget.replayed[SpendKind.MODEL_CALL]
        token = current_context.set(context)
        try:
            budget.reserve(SpendKind.MODEL_CALL)
            async with asyncio.timeout(remaining_s(context)):
                completion = await self._who.model.complete(
                    self._window.messages(), tools=tools, sampling=self._sampling, context=context
                )
        except BoundaryError as error:
            context.outage.note(error)
            return Failure(kind=error.kind, message=error.message)
        except TimeoutError:
            return Failure(kind=FailureKind.TIMEOUT, message="the model call took too long")
        finally:
            current_context.reset(token)
            self._spent.seconds += self._clock() - step.started
        usage = completion.usage
        self._spent.prompt_tokens += usage.prompt_tokens
        self._spent.completion_tokens += usage.completion_tokens
        was_replayed = budget.replayed[SpendKind.MODEL_CALL] > replayed
        if not was_replayed:
            budget.add_cost(usage.cost_usd)
        if completion.finish is FinishReason.CONTENT_FILTER:
            return Failure(kind=FailureKind.REFUSED, message="the provider's filter cut the reply")
        return completion

    def _accept(self, parsed: ParsedReply) -> ParsedReply:
        """Apply the mode's own rules to a parsed reply."""
        mode = self._who.mode
        if mode.strategy is Strategy.SINGLE:
            return _taken_as_answer(parsed)
        rounds = self._num_crop_rounds() if mode.min_crop_rounds else 0
        if parsed.answer is None or rounds >= mode.min_crop_rounds:
            return parsed
        fault = FormatFault(
            kind=FaultKind.TOO_EARLY,
            message=(
                f"an answer is accepted after {mode.min_crop_rounds} rounds of {CROP_TOOL}, "
                f"{rounds} were made: look at further regions of the picture first"
            ),
        )
        return replace(parsed, answer=None, fault=fault)

    def _num_crop_rounds(self) -> int:
        """Turns with a crop search that worked."""
        return sum(
            any(one.call.name == CROP_TOOL and not one.observation.failure for one in turn.calls)
            for turn in self._turns
        )

    def _find_loop(self, completion: Completion) -> str:
        text = sampled_text(completion)
        if not is_looping(text, limits=self.limits):
            return ""
        return f"the reply of {len(text)} characters repeats itself"

    async def _execute(
        self, calls: Sequence[ToolCall], *, context: CallContext
    ) -> tuple[CallRecord, ...]:
        return await execute_calls(
            calls,
            tools=self._who.tools,
            context=ToolContext(bank=self._bank, call=context, mode=self._who.mode),
            limits=self.limits,
            clock=self._clock,
            listener=self._listener,
        )

    def _record(
        self,
        step: _Step,
        parsed: ParsedReply,
        *,
        completion: Completion,
        calls: tuple[CallRecord, ...],
        results: tuple[Message, ...],
        model_seconds: float,
    ) -> None:
        """Complete the turn: from here on it is part of the trajectory and of the next prompt."""
        turn = Turn(
            index=step.context.turn,
            reply=parsed.message,
            thought=parsed.thought,
            calls=calls,
            answer=parsed.answer,
            fault=parsed.fault,
            results=results,
            edit=step.edit,
            usage=completion.usage,
            prompt_tokens=step.prompt_tokens,
            model_seconds=model_seconds,
            seconds=self._clock() - step.started,
            started_s=step.started - self._started,
        )
        self._pending_edit = None
        self._turns.append(turn)
        self._faults = self._faults.after(turn)
        self._repeated_call = self._call_guard.note([one.call for one in calls])
        self._window.add(parsed.message, calls=calls, results=results)
        self._emit(TurnFinished(trajectory_id=step.context.trajectory_id, turn=turn))

    # -------------------------------------------------------------------------------------- force

    async def force_answer(self, stop: Stop) -> Stop:
        """Ask once for the answer, without tools. The stop reason stays the limit that was hit."""
        profile = self._who.profile
        context = self._turn_context()
        demand = profile.demand_answer()
        self._say(self._owed_results(stop))
        demand_tokens = sum(map(self._who.counter.count, demand))
        before = self._pending_edit
        edit = await self._fit(context, reserve_tokens=demand_tokens, keep_newest=False)
        self._pending_edit = _joined(before, edit)
        has_room = self._window.num_tokens + demand_tokens <= self.limits.max_context_tokens
        if not has_room or (before and edit and self._pending_edit is None):
            return replace(stop, detail=f"{stop.detail}; no room to ask for an answer")
        self._say(demand)
        step = self._begin_step(context)
        completion = await self._complete(step, tools=())
        if isinstance(completion, Failure):
            detail = f"{stop.detail}; asked for an answer: {completion.message}"
            return replace(stop, detail=detail)
        model_seconds = self._clock() - step.started
        parsed = _taken_as_answer(profile.parse(completion, turn=step.context.turn))
        self._forced = True
        self._answer = parsed.answer
        self._emit_reply(step, replace(parsed, calls=()))
        self._record(
            step, parsed, completion=completion, calls=(), results=(), model_seconds=model_seconds
        )
        return stop

    def _owed_results(self, stop: Stop) -> tuple[Message, ...]:
        """What the last reply was not told because the trajectory stopped behind it."""
        last = self._turns[-1] if self._turns else None
        if last is None or last.results:
            return ()
        if last.fault is not None:
            return self._who.profile.explain(last.fault, reply=last.reply)
        refusal = Observation.failed(FailureKind.UNAVAILABLE, f"not run: {stop.detail}")
        shown = [Shown(call=call, observation=refusal) for call in self._open_calls]
        return self._who.profile.results(shown)

    def _say(self, messages: tuple[Message, ...]) -> None:
        """Add to what the model was told after its last turn."""
        self._window.extend_last(messages)
        if self._turns:
            last = self._turns[-1]
            self._turns[-1] = last.model_copy(update={"results": (*last.results, *messages)})
        else:
            self._prompt += messages

    # ------------------------------------------------------------------------------------- finish

    async def trace(self) -> TokenTrace | None:
        """The token stream up to the last reply; None: the model has none, or it did not only grow.

        Whatever context management replaced is no longer what earlier replies were sampled from.
        """
        exact = self._who.exact
        if exact is None or not self._turns or any(turn.edit for turn in self._turns):
            return None
        conversation = [*self._prompt]
        for turn in self._turns:
            conversation += [turn.reply, *turn.results]
        del conversation[len(conversation) - len(self._turns[-1].results) :]
        return await asyncio.to_thread(
            exact.trace, conversation, tools=self._sent_specs, context=self._context
        )

    def finish(self, stop: Stop, *, tokens: TokenTrace | None = None) -> Trajectory:
        """Put the record together."""
        extraction: Extraction | None = None
        if self._answer is not None:
            extraction = extract_answer(self._turns[-1].reply.text).extraction
        system = "".join(m.text for m in self._prompt if m.role == "system")
        trajectory = Trajectory(
            id=self._context.trajectory_id,
            task_id=self._task.id,
            attempt=self._context.attempt,
            model=self._who.model.name,
            profile=self._who.profile.name,
            mode=self._who.mode.name,
            today=self._who.today,
            prompt=self._prompt,
            prompt_hash=hashlib.sha256(system.encode("utf-8", "surrogatepass")).hexdigest(),
            turns=tuple(self._turns),
            bank=self._bank.entries,
            stop=stop.reason,
            stop_detail=stop.detail,
            failure=stop.failure,
            forced=self._forced,
            answer=self._answer,
            extraction=extraction,
            support=self._support(),
            totals=self._totals(),
            tokens=tokens,
            peak_prompt_tokens=self._spent.peak_prompt_tokens,
            counted_by=self._who.counter.name,
        )
        self._emit(Stopped(trajectory_id=trajectory.id, stop=stop.reason, trajectory=trajectory))
        return trajectory

    def _support(self) -> tuple[Support, ...]:
        """What backs each claim of the answer."""
        if not self._who.finds_support:
            return ()
        return find_support(
            self._answer,
            turns=self._turns,
            bank=self._bank.entries,
            question=self._task.question,
        )

    def _totals(self) -> Totals:
        return Totals(
            seconds=self._clock() - self._started,
            model_seconds=self._spent.seconds,
            cost_usd=self._budget.spent_usd,
            has_unknown_cost=self._budget.has_unknown_cost,
            prompt_tokens=self._spent.prompt_tokens,
            completion_tokens=self._spent.completion_tokens,
            # Calls of a turn run at the same time: a replay may count them in another order.
            calls=dict(sorted(self._budget.counts.items())),
            replayed=dict(sorted(self._budget.replayed.items())),
        )

    def _emit_reply(self, step: _Step, parsed: ParsedReply) -> None:
        self._emit(
            ModelReplied(
                trajectory_id=step.context.trajectory_id,
                turn=step.context.turn,
                thought=parsed.thought,
                calls=parsed.calls,
            )
        )

    def _emit(self, event: Event) -> None:
        if self._listener is not None:
            self._listener(event)


def _taken_as_answer(parsed: ParsedReply) -> ParsedReply:
    """A reply to "answer now": text without a tag is the answer itself, calls are not run.

    A reply that is cut, broken or empty stays a fault.
    """
    is_untagged = parsed.fault is not None and parsed.fault.kind is FaultKind.NO_TAGS
    if parsed.answer is not None or not is_untagged:
        return parsed
    found = extract_answer(parsed.message.text)
    return replace(parsed, answer=found.answer, fault=None) if found.answer else parsed


def _bounded(condense: Condense, *, context: CallContext, call_deadline_s: float) -> Condense:
    """The same function under the deadline of a call and with the caller known to it."""

    async def bounded(text: str) -> str:
        remaining = remaining_s(context)
        limit = call_deadline_s if remaining is None else min(call_deadline_s, remaining)
        token = current_context.set(context)
        try:
            async with asyncio.timeout(limit):
                return await condense(text)
        finally:
            current_context.reset(token)

    return bounded


def _joined(first: ContextEdit | None, second: ContextEdit | None) -> ContextEdit | None:
    """Two edits before one call as one; None if they cannot be one, being of two policies."""
    if first is None or second is None:
        return first or second
    if first.policy != second.policy:
        return None
    return ContextEdit(
        policy=first.policy,
        turns=first.turns + second.turns,
        replacement=f"{first.replacement}\n{second.replacement}",
    )
