import asyncio
from collections import Counter

import pytest

from tests.agent.doubles import (
    DictMedia,
    EmptyTool,
    FailingTool,
    FakeClock,
    Recorder,
    ReplayingModel,
    SilentModel,
    SlowTool,
    TextTool,
    a_call,
    a_researcher,
    answers,
    says,
)
from tests.builders import a_picture, a_task
from vision_deepresearch.agent.limits import Limits
from vision_deepresearch.agent.loop import run
from vision_deepresearch.core.content import ToolCall
from vision_deepresearch.core.context import Budget, SpendKind, current_context
from vision_deepresearch.core.errors import (
    BadImageError,
    ConfigError,
    FailureKind,
    ModelError,
)
from vision_deepresearch.core.events import (
    CallFinished,
    Event,
    ModelReplied,
    Stopped,
    TurnFinished,
    TurnStarted,
)
from vision_deepresearch.core.integrity import PromptIntegrityError
from vision_deepresearch.core.protocols import Completion, FinishReason, NativeCall, Sampling
from vision_deepresearch.core.trajectory import (
    FREE,
    Extraction,
    FaultKind,
    StopReason,
    SupportKind,
    Trajectory,
    Usage,
)
from vision_deepresearch.models.profiles.native import NativeProfile
from vision_deepresearch.models.profiles.vdr import VdrProfile
from vision_deepresearch.models.scripted import ScriptedModel

VDR = VdrProfile()
LONG = "I should look at the picture again, because the sign is not clear. " * 150
TASK = a_task(answers=None)


def searches(*queries: str) -> list[Completion]:
    return [says(VDR, a_call(query=[query])) for query in queries]


async def test_a_search_then_an_answer_makes_a_complete_record() -> None:
    tool = TextTool("search", lambda _: "The founder was born in Ostrel in 1887.")
    model = Recorder(ScriptedModel([*searches("founder"), answers(VDR, "Ostrel")]))
    researcher = a_researcher(model, tools={"search": tool})
    trajectory = await run(TASK, researcher, attempt=2)
    assert trajectory.id == f"{TASK.id[:16]}-a2"
    assert (trajectory.stop, trajectory.answer) == (StopReason.ANSWER, "Ostrel")
    assert (trajectory.forced, trajectory.extraction) == (False, Extraction.TAG)
    assert [turn.index for turn in trajectory.turns] == [0, 1]
    assert trajectory.turns[0].calls[0].call.id == "t0c0"
    assert trajectory.turns[1].results == ()
    assert trajectory.totals.calls == {SpendKind.MODEL_CALL: 2}
    assert [one.kind for one in trajectory.support] == [SupportKind.PASSAGE]
    assert model.prompts[0] == trajectory.prompt
    first = trajectory.turns[0]
    assert model.prompts[1] == (*trajectory.prompt, first.reply, *first.results)
    assert "<think>" in first.reply.text
    assert {context.trajectory_id for context in model.contexts} == {trajectory.id}
    assert [context.turn for context in model.contexts] == [0, 1]
    assert Trajectory.model_validate_json(trajectory.model_dump_json()) == trajectory


async def test_sampling_carries_the_stop_strings_and_the_reply_limit() -> None:
    model = Recorder(ScriptedModel([answers(VDR, "x")]))
    await run(TASK, a_researcher(model, limits=Limits(max_reply_tokens=99)))
    assert model.samplings == [Sampling(max_tokens=99, stop=VDR.stop)]


@pytest.mark.pitfall("P2")
async def test_many_calls_run_and_the_number_over_the_cap_is_told() -> None:
    tool = TextTool("search", lambda call: str(call.arguments["query"]))
    calls = [a_call(query=[f"q{n}"]) for n in range(6)]
    researcher = a_researcher([says(VDR, *calls), answers(VDR, "x")], tools={"search": tool})
    turn = (await run(TASK, researcher)).turns[0]
    assert [one.call.arguments["query"] for one in turn.calls] == [["q0"], ["q1"], ["q2"], ["q3"]]
    text = "".join(message.text for message in turn.results)
    assert [text.index(f"q{n}") for n in range(4)] == sorted(text.index(f"q{n}") for n in range(4))
    assert text.count("<tool_response>") == 4
    assert "2 further tool calls were not run" in text


@pytest.mark.pitfall("P2")
async def test_one_call_per_turn_runs_the_first_and_says_so() -> None:
    profile = VdrProfile(calls_per_turn="one")
    tool = TextTool("search", lambda _: "found")
    calls = [a_call(query=[f"q{n}"]) for n in range(3)]
    researcher = a_researcher(
        [says(VDR, *calls), answers(VDR, "x")], tools={"search": tool}, profile=profile
    )
    turn = (await run(TASK, researcher)).turns[0]
    assert [call.arguments["query"] for call in tool.seen] == [["q0"]]
    assert len(turn.calls) == 1
    assert "2 further" in turn.results[0].text


@pytest.mark.pitfall("P5")
async def test_an_always_failing_tool_ends_after_three_turns() -> None:
    researcher = a_researcher(
        [says(VDR, a_call())], tools={"search": FailingTool()}, repeat_last=True
    )
    trajectory = await run(TASK, researcher)
    assert (trajectory.stop, trajectory.num_turns) == (StopReason.TOOL_FAULTS, 3)
    kinds = {
        one.observation.failure.kind
        for t in trajectory.turns
        for one in t.calls
        if one.observation.failure
    }
    assert kinds == {FailureKind.UPSTREAM}


@pytest.mark.pitfall("P5")
async def test_an_unknown_tool_ends_after_three_turns_and_the_known_ones_are_told() -> None:
    researcher = a_researcher([says(VDR, a_call("grep"))], repeat_last=True)
    trajectory = await run(TASK, researcher)
    assert (trajectory.stop, trajectory.num_turns) == (StopReason.TOOL_FAULTS, 3)
    assert "known are search" in trajectory.turns[0].results[0].text


@pytest.mark.pitfall("P5")
async def test_ten_searches_without_hits_are_no_fault() -> None:
    script = [*searches(*[f"q{n}" for n in range(10)]), answers(VDR, "x")]
    trajectory = await run(TASK, a_researcher(script, tools={"search": EmptyTool()}))
    assert (trajectory.stop, trajectory.num_turns) == (StopReason.ANSWER, 11)


@pytest.mark.pitfall("P6")
async def test_a_page_that_quotes_error_markers_is_no_failure() -> None:
    markers = (
        "[upstream] [Error] [Timeout] error: tool failed. Invalid. call_server failed; "
        "Bbox [1,2,3,4]: Image cropping failed; unknown_tool; Traceback"
    )
    script = [*searches("a", "b", "c", "d"), answers(VDR, "x")]
    tool = TextTool("search", lambda _: markers)
    trajectory = await run(TASK, a_researcher(script, tools={"search": tool}))
    assert trajectory.stop is StopReason.ANSWER
    assert not any(turn.is_bad for turn in trajectory.turns)


@pytest.mark.pitfall("P7")
async def test_a_looping_thought_before_a_valid_call_stops_before_the_call_runs() -> None:
    tool = TextTool("search", lambda _: "found")
    researcher = a_researcher(
        [says(VDR, a_call(), thought=LONG), answers(VDR, "x")], tools={"search": tool}
    )
    trajectory = await run(TASK, researcher)
    assert (trajectory.stop, trajectory.num_turns) == (StopReason.REPETITION, 1)
    assert tool.seen == []
    assert trajectory.turns[0].calls == ()


@pytest.mark.pitfall("P7")
async def test_the_same_call_three_turns_in_a_row_stops() -> None:
    trajectory = await run(TASK, a_researcher([says(VDR, a_call())], repeat_last=True))
    assert (trajectory.stop, trajectory.num_turns) == (StopReason.REPETITION, 3)
    assert "'search'" in trajectory.stop_detail


@pytest.mark.pitfall("P8")
async def test_cut_calls_are_never_run_and_are_told_as_truncated() -> None:
    tool = TextTool("search", lambda _: "found")
    cut = says(VDR, a_call()).model_copy(update={"finish": FinishReason.LENGTH})
    trajectory = await run(TASK, a_researcher([cut], tools={"search": tool}, repeat_last=True))
    assert tool.seen == []
    assert [turn.fault.kind for turn in trajectory.turns if turn.fault] == [FaultKind.TRUNCATED] * 3
    assert trajectory.stop is StopReason.FORMAT_FAULTS
    assert trajectory.turns[0].results


@pytest.mark.pitfall("P9")
async def test_a_prompt_that_cannot_fit_stops_without_a_model_call() -> None:
    model = Recorder(ScriptedModel(searches("a", "b", "c")))
    tool = TextTool("search", lambda _: "word " * 4_000)
    limits = Limits(max_context_tokens=2_500)
    trajectory = await run(TASK, a_researcher(model, tools={"search": tool}, limits=limits))
    assert trajectory.stop is StopReason.CONTEXT_LIMIT
    assert len(model.prompts) == trajectory.num_turns == 1
    assert trajectory.totals.calls[SpendKind.MODEL_CALL] == 1


@pytest.mark.pitfall("P10")
@pytest.mark.parametrize("reply", ["It is Ostrel.", "<answer>It is Ostrel.</answer>"])
async def test_a_forced_answer_keeps_the_limit_as_its_reason(reply: str) -> None:
    script = [*searches("a", "b"), Completion(text=reply)]
    free = await run(TASK, a_researcher(script, limits=Limits(max_turns=2)))
    model = Recorder(ScriptedModel(script))
    forced = await run(TASK, a_researcher(model, limits=Limits(max_turns=2, force_answer=True)))
    assert (free.stop, free.forced, free.answer) == (StopReason.TURN_LIMIT, False, None)
    assert (forced.stop, forced.forced, forced.answer) == (
        StopReason.TURN_LIMIT,
        True,
        "It is Ostrel.",
    )
    is_tagged = reply.startswith("<answer>")
    assert forced.extraction is (Extraction.TAG if is_tagged else Extraction.VERBATIM)
    assert forced.stop.is_anomalous
    assert [turn.reply for turn in forced.turns[:2]] == [turn.reply for turn in free.turns]
    assert forced.turns[0].results == free.turns[0].results
    assert forced.turns[1].results == (*free.turns[1].results, *VDR.demand_answer())
    assert model.prompts[2][-1:] == VDR.demand_answer()
    assert model.tools[2] == ()


@pytest.mark.pitfall("P10")
async def test_a_forced_reply_that_calls_again_gives_no_answer() -> None:
    limits = Limits(max_turns=2, force_answer=True)
    tool = TextTool("search", lambda _: "found")
    researcher = a_researcher(searches("a", "b", "c"), tools={"search": tool}, limits=limits)
    trajectory = await run(TASK, researcher)
    assert (trajectory.stop, trajectory.answer) == (StopReason.TURN_LIMIT, None)
    assert trajectory.forced
    assert len(tool.seen) == 2


@pytest.mark.parametrize("profile", [VDR, NativeProfile()], ids=["vdr", "native"])
async def test_a_forced_answer_after_repetition_leaves_no_call_unanswered(
    profile: VdrProfile | NativeProfile,
) -> None:
    looping = says(profile, a_call(), a_call(query=["other"]), thought=LONG)
    model = Recorder(ScriptedModel([looping, answers(profile, "Ostrel")]))
    limits = Limits(force_answer=True)
    trajectory = await run(TASK, a_researcher(model, limits=limits, profile=profile))
    assert (trajectory.stop, trajectory.answer) == (StopReason.REPETITION, "Ostrel")
    last = model.prompts[-1]
    called = [call.id for message in last for call in message.tool_calls]
    answered = [message.tool_call_id for message in last if message.tool_call_id]
    assert called == answered
    assert "not run" in "".join(message.text for message in last[-2:])


@pytest.mark.pitfall("P11")
async def test_an_answer_tag_in_an_observation_is_no_answer() -> None:
    tool = TextTool("search", lambda _: "<answer>Nowhere</answer>")
    limits = Limits(max_turns=1)
    trajectory = await run(TASK, a_researcher(searches("a"), tools={"search": tool}, limits=limits))
    assert (trajectory.stop, trajectory.answer) == (StopReason.TURN_LIMIT, None)
    assert trajectory.extraction is None


@pytest.mark.pitfall("P13")
async def test_a_missing_or_damaged_picture_rejects_the_task_before_anything_is_sent() -> None:
    media = DictMedia()
    ref = media.put(a_picture())
    task = a_task(images=(ref,))
    model = Recorder(ScriptedModel([answers(VDR, "x")]))
    researcher = a_researcher(model, media=media)
    assert (await run(task, researcher)).answer == "x"
    kept = media.pictures[ref.sha256]
    for damaged in (kept[: len(kept) // 2], b"", b"no picture", a_picture(seed=5)):
        media.pictures[ref.sha256] = damaged
        with pytest.raises(BadImageError):
            await run(task, researcher)
    media.pictures.clear()
    with pytest.raises(BadImageError, match="media store"):
        await run(task, researcher)
    assert len(model.prompts) == 1


async def test_the_blind_mode_sends_no_picture_and_needs_none() -> None:
    model = Recorder(ScriptedModel([answers(VDR, "x")]))
    task = a_task(images=(DictMedia().put(a_picture()),))
    trajectory = await run(task, a_researcher(model, mode="direct-blind"))
    assert not any(message.images for message in model.prompts[0])
    assert trajectory.bank == ()


async def test_pictures_get_handles_in_order() -> None:
    media = DictMedia()
    refs = tuple(media.put(a_picture(seed=seed)) for seed in range(2))
    researcher = a_researcher([answers(VDR, "x")], media=media)
    trajectory = await run(a_task(images=refs), researcher)
    assert [(entry.handle, entry.ref) for entry in trajectory.bank] == [
        ("img_1", refs[0]),
        ("img_2", refs[1]),
    ]
    shown = [image for message in trajectory.prompt for image in message.images]
    assert [image.handle for image in shown] == ["img_1", "img_2"]


async def ends_by(reason: StopReason) -> Trajectory:
    """One scripted episode that ends for the given reason."""
    failing = {"search": FailingTool()}
    cancel = asyncio.Event()
    clock = FakeClock()
    match reason:
        case StopReason.ANSWER:
            researcher = a_researcher([answers(VDR, "x")])
        case StopReason.TURN_LIMIT:
            researcher = a_researcher(searches("a", "b"), limits=Limits(max_turns=2))
        case StopReason.CONTEXT_LIMIT:
            researcher = a_researcher(searches("a"), limits=Limits(max_context_tokens=50))
        case StopReason.REPETITION:
            researcher = a_researcher([Completion(text=LONG)])
        case StopReason.FORMAT_FAULTS:
            researcher = a_researcher([Completion(text="hm")], repeat_last=True)
        case StopReason.TOOL_FAULTS:
            researcher = a_researcher(searches("a", "b", "c"), tools=failing)
        case StopReason.MODEL_ERROR:
            researcher = a_researcher([ModelError(FailureKind.UPSTREAM, "down")])
        case StopReason.REFUSED:
            researcher = a_researcher([ModelError(FailureKind.REFUSED, "filtered")])
        case StopReason.PROMPT_INTEGRITY:
            researcher = a_researcher([PromptIntegrityError(1)])
        case StopReason.DEADLINE:

            def late(_: ToolCall) -> str:
                clock.now += 60
                return "late"

            researcher = a_researcher(
                searches("a", "b"),
                tools={"search": TextTool("search", late)},
                limits=Limits(deadline_s=30),
                clock=clock,
            )
        case StopReason.BUDGET:
            limits = Limits(max_calls={SpendKind.MODEL_CALL: 1})
            researcher = a_researcher(searches("a", "b"), limits=limits)
        case StopReason.CANCELLED:

            def stop(_: ToolCall) -> str:
                cancel.set()
                return "done"

            researcher = a_researcher(
                searches("a", "b"), tools={"search": TextTool("search", stop)}
            )
    return await run(TASK, researcher, cancel=cancel)


@pytest.mark.pitfall("P18")
async def test_every_stop_reason_has_an_episode_and_the_counts_sum() -> None:
    ended = [await ends_by(reason) for reason in StopReason]
    counts = Counter(trajectory.stop for trajectory in ended)
    assert counts == Counter(StopReason)
    assert sum(counts.values()) == len(ended)
    assert all(one.stop_detail for one in ended if one.stop is not StopReason.ANSWER)


async def test_a_dollar_cap_stops_and_the_cost_is_counted() -> None:
    priced = searches("a")[0].model_copy(
        update={"usage": Usage(prompt_tokens=7, completion_tokens=2, cost_usd=0.6)}
    )
    script = [priced.model_copy(update={"text": reply.text}) for reply in searches("a", "b", "c")]
    trajectory = await run(TASK, a_researcher(script, limits=Limits(max_usd=1.0)))
    assert (trajectory.stop, trajectory.num_turns) == (StopReason.BUDGET, 2)
    assert trajectory.totals.cost_usd == pytest.approx(1.2)
    assert trajectory.totals.prompt_tokens == 14


async def test_a_price_that_is_not_known_is_said_to_be_missing_from_the_sum() -> None:
    told = searches("a")[0].model_copy(update={"usage": Usage(prompt_tokens=7)})
    free = told.model_copy(update={"usage": FREE})
    for script, is_unknown in (([told, free], True), ([free, free], False)):
        trajectory = await run(TASK, a_researcher(script, limits=Limits(max_turns=2)))
        assert trajectory.totals.has_unknown_cost is is_unknown


async def test_a_replayed_call_costs_nothing() -> None:
    budget = Budget()
    researcher = a_researcher(ReplayingModel())
    trajectory = await run(TASK, researcher, budget=budget)
    assert trajectory.totals.cost_usd == budget.spent_usd == 0
    assert not trajectory.totals.has_unknown_cost
    assert trajectory.totals.replayed == {SpendKind.MODEL_CALL: 1}
    assert current_context.get() is None


async def test_a_prompt_too_large_for_the_endpoint_is_the_context_limit() -> None:
    failing = a_researcher([ModelError(FailureKind.TOO_LARGE, "9,000 tokens at most")])
    trajectory = await run(TASK, failing)
    assert trajectory.stop is StopReason.CONTEXT_LIMIT
    assert trajectory.failure is FailureKind.TOO_LARGE


async def test_a_filtered_reply_is_an_outcome_and_no_outage() -> None:
    reply = Completion(text="", finish=FinishReason.CONTENT_FILTER)
    trajectory = await run(TASK, a_researcher([reply]))
    assert trajectory.stop is StopReason.REFUSED
    assert not trajectory.stop.is_infrastructure
    assert trajectory.failure is FailureKind.REFUSED
    assert "filter" in trajectory.stop_detail


async def test_a_model_that_never_answers_is_stopped_by_the_deadline() -> None:
    limits = Limits(deadline_s=0.05)
    trajectory = await run(TASK, a_researcher(SilentModel(), limits=limits))
    assert trajectory.stop is StopReason.DEADLINE
    limits = Limits(turn_deadline_s=0.05)
    trajectory = await run(TASK, a_researcher(SilentModel(), limits=limits))
    assert trajectory.stop is StopReason.MODEL_ERROR
    assert "timeout" in trajectory.stop_detail


async def test_visual_forcing_refuses_an_early_answer_and_says_how_to_go_on() -> None:
    crops = TextTool("crop_and_search", lambda _: "a lamp")
    crop = [says(VDR, a_call("crop_and_search", query=[f"c{n}"])) for n in range(2)]
    script = [
        answers(VDR, "early"),
        crop[0],
        answers(VDR, "early"),
        crop[1],
        answers(VDR, "late"),
    ]
    researcher = a_researcher(script, tools={"crop_and_search": crops}, mode="cis+ts+mvf")
    trajectory = await run(TASK, researcher)
    assert trajectory.answer == "late"
    faults = [turn.fault.kind if turn.fault else None for turn in trajectory.turns]
    assert faults == [FaultKind.TOO_EARLY, None, FaultKind.TOO_EARLY, None, None]
    assert "1 were made" in trajectory.turns[2].results[0].text
    assert trajectory.turns[0].answer is None


async def test_failed_crops_are_no_crop_rounds() -> None:
    crop = says(VDR, a_call("crop_and_search"))
    script = [crop, crop, answers(VDR, "early")]
    researcher = a_researcher(script, tools={"crop_and_search": FailingTool()}, mode="cis+ts+mvf")
    trajectory = await run(TASK, researcher)
    assert trajectory.turns[2].fault is not None
    assert trajectory.stop is StopReason.FORMAT_FAULTS


async def test_direct_mode_makes_one_call_and_takes_an_untagged_reply() -> None:
    model = Recorder(ScriptedModel([Completion(text="Ostrel")], repeat_last=True))
    trajectory = await run(TASK, a_researcher(model, mode="direct"))
    assert (trajectory.stop, trajectory.answer) == (StopReason.ANSWER, "Ostrel")
    assert trajectory.extraction is Extraction.VERBATIM
    assert len(model.prompts) == 1
    assert "search" not in model.prompts[0][0].text
    empty = await run(TASK, a_researcher([Completion(text=" ")], mode="direct"))
    assert (empty.stop, empty.num_turns) == (StopReason.FORMAT_FAULTS, 1)


async def test_a_mode_the_loop_cannot_do_is_refused() -> None:
    with pytest.raises(ConfigError, match="retrieval"):
        await run(TASK, a_researcher([], mode="rag"))
    with pytest.raises(ConfigError, match="caption"):
        await run(TASK, a_researcher([], mode="ts-caption"))
    with pytest.raises(ConfigError, match="crop_and_search"):
        await run(TASK, a_researcher([], mode="cis"))


async def test_tools_outside_the_mode_are_unknown() -> None:
    tools = {name: TextTool(name, lambda _: "found") for name in ("search", "zoom")}
    script = [says(VDR, a_call("zoom")), answers(VDR, "x")]
    trajectory = await run(TASK, a_researcher(script, tools=tools))
    failure = trajectory.turns[0].calls[0].observation.failure
    assert failure is not None
    assert failure.kind is FailureKind.UNKNOWN_TOOL
    assert tools["zoom"].seen == []


async def test_events_tell_the_whole_story_in_order() -> None:
    events: list[Event] = []
    script = [*searches("a"), answers(VDR, "x")]
    trajectory = await run(TASK, a_researcher(script), listener=events.append)
    assert [type(event) for event in events] == [
        TurnStarted,
        ModelReplied,
        CallFinished,
        TurnFinished,
        TurnStarted,
        ModelReplied,
        TurnFinished,
        Stopped,
    ]
    last = events[-1]
    assert isinstance(last, Stopped)
    assert last.trajectory is trajectory


async def test_cancellation_travels_on_and_leaves_no_task() -> None:
    tool = SlowTool(3600, busy_at=4)
    calls = [a_call(query=[str(n)]) for n in range(4)]
    researcher = a_researcher([says(VDR, *calls)], tools={"search": tool})
    task = asyncio.ensure_future(run(TASK, researcher))
    await tool.is_busy.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert tool.running == 0
    assert asyncio.all_tasks() == {asyncio.current_task()}
    assert current_context.get() is None


async def test_a_bug_in_a_tool_travels_on() -> None:
    def bug(_: ToolCall) -> str:
        raise ZeroDivisionError

    researcher = a_researcher(searches("a"), tools={"search": TextTool("search", bug)})
    with pytest.raises(ExceptionGroup) as caught:
        await run(TASK, researcher)
    assert caught.group_contains(ZeroDivisionError)


async def test_native_replies_run_through_the_same_loop() -> None:
    native = NativeProfile()
    call = NativeCall(id="call_7", name="search", arguments='{"query": ["lamp"]}')
    reply = Completion(text="", native_calls=(call,), finish=FinishReason.TOOL_CALLS)
    model = Recorder(ScriptedModel([reply, answers(native, "Ostrel")]))
    trajectory = await run(TASK, a_researcher(model, profile=native))
    assert (trajectory.answer, trajectory.num_turns) == ("Ostrel", 2)
    assert [spec.name for spec in model.tools[0]] == ["search"]
    assert model.prompts[1][-1].tool_call_id == "call_7"


async def test_two_runs_of_one_script_differ_in_nothing_but_time() -> None:
    clock = FakeClock()
    researcher = a_researcher(searches("a", "b"), limits=Limits(max_turns=2), clock=clock)
    assert await run(TASK, researcher, attempt=1) != await run(TASK, researcher, attempt=2)
    model = ScriptedModel([answers(VDR, "x")], repeat_last=True)
    researcher = a_researcher(model, clock=clock)
    assert await run(TASK, researcher) == await run(TASK, researcher)
