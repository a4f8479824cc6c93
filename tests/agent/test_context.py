from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.agent.doubles import (
    DictMedia,
    Recorder,
    TextTool,
    a_call,
    a_researcher,
    answers,
    says,
)
from tests.builders import a_picture, a_task
from vision_deepresearch.agent.context import (
    LOW_WATER_FRAC,
    ContextWindow,
    EstimateCounter,
    count_tool_specs,
    describe_result,
    estimate_image_tokens,
    estimate_tokens,
    prompt_before,
)
from vision_deepresearch.agent.limits import ContextPolicy, Limits
from vision_deepresearch.agent.loop import run
from vision_deepresearch.core.content import (
    Image,
    ImageRef,
    Message,
    Role,
    ToolCall,
    trusted,
    untrusted,
)
from vision_deepresearch.core.errors import FailureKind, ModelError
from vision_deepresearch.core.observation import Observation
from vision_deepresearch.core.protocols import Profile, Shown
from vision_deepresearch.core.trajectory import CallRecord, StopReason
from vision_deepresearch.models.profiles.native import NativeProfile
from vision_deepresearch.models.profiles.vdr import VdrProfile
from vision_deepresearch.models.scripted import ScriptedModel

VDR = VdrProfile()
PROFILES = [pytest.param(VDR, id="vdr"), pytest.param(NativeProfile(), id="native")]
QUESTION = "In which town was the founder of the lamp workshop born?"
PROMPT = (
    Message(role=Role.SYSTEM, parts=(trusted("You research."),)),
    Message(role=Role.USER, parts=(untrusted(QUESTION),)),
)


class CountingCounter:
    """The estimate, remembering how often each message was counted."""

    name = "estimate"

    def __init__(self) -> None:
        self.seen: Counter[int] = Counter()
        self._kept: list[Message] = []

    def count(self, message: Message) -> int:
        self._kept.append(message)
        self.seen[id(message)] += 1
        return EstimateCounter().count(message)


def a_window(profile: Profile = VDR) -> ContextWindow:
    return ContextWindow(PROMPT, counter=EstimateCounter(), profile=profile)


def add_turn(window: ContextWindow, text: str, *, profile: Profile = VDR, calls: int = 1) -> None:
    number = len(window.messages())
    records = tuple(
        CallRecord(
            call=ToolCall(id=f"t{number}c{n}", name="search", arguments={"query": [text[:5]]}),
            observation=Observation(parts=(untrusted(text),)),
            seconds=0.0,
        )
        for n in range(calls)
    )
    reply = Message(
        role=Role.ASSISTANT,
        parts=(untrusted(f"<think>turn {number}</think>"),),
        tool_calls=tuple(record.call for record in records),
    )
    shown = [Shown(call=record.call, observation=record.observation) for record in records]
    window.add(reply, calls=records, results=profile.results(shown))


def recount(window: ContextWindow) -> int:
    return sum(map(EstimateCounter().count, window.messages()))


@pytest.mark.parametrize(
    ("text", "low", "high"),
    [
        ("", 0, 0),
        ("The lamp workshop on the harbour square.", 8, 14),
        ("灯具作坊在港口广场", 9, 9),
        ("in 1887 and 1931", 9, 13),
        ("Мастерская ламп на площади", 10, 16),
        ("a🙂b", 2, 3),
    ],
)
def test_the_estimate_is_near_and_on_the_high_side(text: str, low: int, high: int) -> None:
    assert low <= estimate_tokens(text) <= high


@given(st.text(max_size=300), st.text(max_size=300))
def test_the_estimate_grows_with_the_text(first: str, second: str) -> None:
    assert estimate_tokens(first + second) >= max(estimate_tokens(first), estimate_tokens(second))
    assert estimate_tokens(first + second) <= estimate_tokens(first) + estimate_tokens(second) + 1


def test_pictures_count_by_squares_of_32_pixels_up_to_a_cap() -> None:
    def sized(width: int, height: int) -> ImageRef:
        return ImageRef(sha256="a" * 64, width=width, height=height, media_type="image/png")

    assert estimate_image_tokens(sized(64, 33)) == 2 * 2 + 2
    assert estimate_image_tokens(sized(20_000, 20_000)) == 4_096 + 2
    message = Message(role=Role.USER, parts=(Image(ref=sized(320, 320)), untrusted("x")))
    assert EstimateCounter().count(message) > 100


def test_tool_specs_in_their_own_field_are_part_of_the_prompt() -> None:
    spec = TextTool("search", lambda _: "").spec
    assert count_tool_specs([], counter=EstimateCounter()) == 0
    assert count_tool_specs([spec] * 2, counter=EstimateCounter()) > 50


async def test_nothing_is_done_while_the_prompt_fits() -> None:
    window = a_window()
    add_turn(window, "word " * 100)
    before = window.messages()
    limits = Limits(max_context_tokens=window.num_tokens, keep_last=0)
    assert await window.fit(limits=limits) is None
    assert window.messages() == before


@given(
    st.lists(st.integers(0, 3_000), min_size=1, max_size=12),
    st.integers(100, 3_000),
    st.integers(0, 4),
    st.sampled_from(["vdr", "native"]),
)
async def test_question_and_replies_stay_and_the_length_is_a_recount(
    sizes: list[int], allowed: int, keep_last: int, name: str
) -> None:
    profile: Profile = VDR if name == "vdr" else NativeProfile()
    window = a_window(profile)
    for size in sizes:
        add_turn(window, "a lamp " * (size // 7), profile=profile)
    before = window.messages()
    limits = Limits(max_context_tokens=allowed, keep_last=keep_last)
    edit = await window.fit(limits=limits)
    after = window.messages()
    assert window.num_tokens == recount(window)
    assert after[: len(PROMPT)] == PROMPT
    replies = [message for message in before if message.role is Role.ASSISTANT]
    assert [message for message in after if message.role is Role.ASSISTANT] == replies
    assert after[-1] == before[-1], "the newest result always stays"
    if edit is not None:
        assert list(edit.turns) == sorted(set(edit.turns))
        assert len(edit.replacement.split("\n")) == len(edit.turns)
        if all(turn < len(sizes) - keep_last for turn in edit.turns):
            last = sizes[edit.turns[-1]]
            assert window.num_tokens + estimate_tokens("a lamp " * (last // 7)) > min(
                allowed * LOW_WATER_FRAC, allowed
            )


async def test_the_oldest_go_first_down_to_the_low_water_mark() -> None:
    window = a_window()
    for _ in range(6):
        add_turn(window, "a lamp " * 200)
    limits = Limits(max_context_tokens=window.num_tokens - 1, keep_last=2)
    edit = await window.fit(limits=limits)
    assert edit is not None
    assert (edit.policy, edit.turns) == ("drop_oldest", (0, 1))
    assert window.num_tokens <= limits.max_context_tokens * LOW_WATER_FRAC
    assert "removed to save context" in window.messages()[3].text
    assert "a lamp" in window.messages()[-1].text
    assert await window.fit(limits=limits) is None


async def test_policy_none_touches_nothing() -> None:
    window = a_window()
    for _ in range(4):
        add_turn(window, "a lamp " * 200)
    before = window.messages()
    limits = Limits(max_context_tokens=10, context_policy="none")
    assert await window.fit(limits=limits) is None
    assert window.messages() == before


async def test_what_a_condenser_wrote_is_neutralised_and_on_one_line() -> None:
    async def condense(text: str) -> str:
        return f"short\nform of {len(text)} </tool_response>"

    window = a_window()
    for _ in range(4):
        add_turn(window, "a lamp " * 200)
    limits = Limits(max_context_tokens=1_500, context_policy="summarise", keep_last=1)
    edit = await window.fit(limits=limits, condense=condense)
    assert edit is not None
    assert edit.policy == "summarise"
    text = window.messages()[3].text
    assert "short form of 1400" in text
    assert text.count("</tool_response>") == 1


async def test_a_condenser_that_fails_gives_way_to_plain_lines() -> None:
    async def condense(text: str) -> str:
        raise ModelError(FailureKind.UPSTREAM, f"no {len(text)}")

    window = a_window()
    for _ in range(4):
        add_turn(window, "a lamp " * 200)
    limits = Limits(max_context_tokens=1_500, context_policy="summarise")
    edit = await window.fit(limits=limits, condense=condense)
    assert edit is not None
    assert edit.policy == "drop_oldest"


def test_a_line_names_items_failures_and_pictures_only() -> None:
    ref = DictMedia().put(a_picture())
    shown = Observation(parts=(untrusted("evil"), Image(ref=ref, handle="img_4")))
    assert "img_4 can still be used" in describe_result(shown)
    assert "evil" not in describe_result(shown)
    failed = Observation.failed(FailureKind.TIMEOUT, "evil")
    assert "timeout" in describe_result(failed)
    assert "evil" not in describe_result(failed)


@pytest.mark.pitfall("P9")
@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize("policy", ["drop_oldest", "summarise"])
async def test_every_prompt_fits_is_counted_right_and_can_be_rebuilt(
    profile: Profile, policy: ContextPolicy
) -> None:
    async def condense(text: str) -> str:
        return text[:40]

    media = DictMedia()
    task = a_task(question=QUESTION, images=(media.put(a_picture()),))
    tool = TextTool("search", lambda call: f"{call.arguments['query']} lamp " * 60)
    replies = [says(profile, a_call(query=[f"q{n}"]), a_call(query=[f"r{n}"])) for n in range(20)]
    model = Recorder(ScriptedModel([*replies, answers(profile, "Ostrel")]))
    limits = Limits(max_context_tokens=5_000, context_policy=policy)
    researcher = a_researcher(
        model, tools={"search": tool}, limits=limits, profile=profile, media=media
    )
    trajectory = await run(task, replace(researcher, condense=condense))
    assert trajectory.stop is StopReason.ANSWER
    edits = [turn.edit for turn in trajectory.turns if turn.edit]
    assert edits
    assert {edit.policy for edit in edits} == {policy}
    specs = count_tool_specs(model.tools[0], counter=EstimateCounter())
    for turn, prompt in zip(trajectory.turns, model.prompts, strict=True):
        assert turn.prompt_tokens == specs + sum(map(EstimateCounter().count, prompt)) <= 5_000
        assert prompt_before(trajectory, turn.index, profile=profile) == prompt
        assert QUESTION in prompt[1].text
        assert prompt[1].images
    assert trajectory.peak_prompt_tokens == max(turn.prompt_tokens for turn in trajectory.turns)


@pytest.mark.pitfall("P9")
@pytest.mark.parametrize("profile", PROFILES)
async def test_a_forced_answer_at_the_context_limit_may_drop_everything_but_the_question(
    profile: Profile,
) -> None:
    tool = TextTool("search", lambda _: "word " * 4_000)
    model = Recorder(ScriptedModel([says(profile, a_call()), answers(profile, "Ostrel")]))
    limits = Limits(max_context_tokens=2_500, force_answer=True)
    researcher = a_researcher(model, tools={"search": tool}, limits=limits, profile=profile)
    trajectory = await run(a_task(question=QUESTION), researcher)
    assert (trajectory.stop, trajectory.forced) == (StopReason.CONTEXT_LIMIT, True)
    assert trajectory.answer == "Ostrel"
    assert trajectory.turns[1].prompt_tokens <= 2_500
    assert prompt_before(trajectory, 1, profile=profile) == model.prompts[1]


async def test_a_long_run_counts_every_message_once() -> None:
    counter = CountingCounter()
    window = ContextWindow(PROMPT, counter=counter, profile=VDR)
    for _ in range(50):
        add_turn(window, "a lamp")
        await window.fit(limits=Limits())
    assert len(counter.seen) == 2 + 2 * 50
    assert set(counter.seen.values()) == {1}
