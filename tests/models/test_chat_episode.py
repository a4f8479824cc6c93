"""Whole episodes over the wire: the oracle behind a strict server, our loop in front of it.

Both profiles, with tools in their own field and in text; the server checks every request.
"""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.models.chat_cases import a_client
from tests.models.openai_double import Fault, OpenAiDouble, Reply
from tests.models.openai_replay import (
    pictures_of,
    plays,
    thinking_aloud,
    with_parsed_calls,
    without_stop,
)
from tests.models.openai_rules import Dialect
from tests.models.test_oracle import Case, a_case, gold
from vision_deepresearch.agent.limits import Limits
from vision_deepresearch.agent.loop import Researcher, run
from vision_deepresearch.core.errors import FailureKind
from vision_deepresearch.core.mode import mode_named
from vision_deepresearch.core.protocols import ModelClient, Profile
from vision_deepresearch.core.trajectory import StopReason, Trajectory
from vision_deepresearch.evals.runner import run_tasks
from vision_deepresearch.judge.rules import RuleJudge
from vision_deepresearch.models.endpoint import EndpointSettings, Provider
from vision_deepresearch.models.oracle import OracleModel
from vision_deepresearch.models.profiles.native import NativeProfile
from vision_deepresearch.models.profiles.vdr import VdrProfile
from vision_deepresearch.models.taped import TapedModel
from vision_deepresearch.store.run import RunFolder
from vision_deepresearch.store.tape import TapeMode
from vision_deepresearch.tools.summarise import PassagePicker
from vision_deepresearch.tools.toolset import build_tools

TOOLS_OF_AN_EPISODE = ["crop_and_search", "search", "visit", "search", "visit"]


def a_researcher(
    case: Case, model: ModelClient, *, profile: Profile, limits: Limits | None = None
) -> Researcher:
    mode = mode_named("cis+ts")
    return Researcher(
        model=model,
        profile=profile,
        tools=build_tools(mode.tools, world=case.web, media=case.media, summariser=PassagePicker()),
        mode=mode,
        today="2026-01-01",
        media=case.media,
        limits=limits or Limits(),
    )


async def play(
    profile: Profile,
    *,
    speaks: Profile,
    settings: EndpointSettings,
    dialect: Dialect = Dialect.VLLM,
    model: str = "double",
    change: Callable[[Reply], Reply] = thinking_aloud,
) -> tuple[Trajectory, Case, OpenAiDouble]:
    """One episode; `profile` is ours, `speaks` is how the model behind the wire speaks."""
    case = a_case()
    oracle = OracleModel(case.truth, speaks)
    script = plays(oracle, tasks=[case.task], change=change)
    async with (
        OpenAiDouble(script, dialect=dialect, model=model) as server,
        a_client(server, settings=settings, media=case.media) as client,
    ):
        trajectory = await run(case.task, a_researcher(case, client, profile=profile))
    return trajectory, case, server


def check(trajectory: Trajectory, case: Case, server: OpenAiDouble) -> None:
    assert server.problems == []
    assert (trajectory.stop, trajectory.answer) == (StopReason.ANSWER, gold(case))
    names = [record.call.name for turn in trajectory.turns for record in turn.calls]
    assert names == TOOLS_OF_AN_EPISODE
    assert not any(turn.fault for turn in trajectory.turns)
    assert server.num_requests == len(trajectory.turns)
    assert pictures_of(server.requests[0]) == [case.media.load(case.task.images[0])]
    assert trajectory.totals.prompt_tokens == 1000 * server.num_requests


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("tools", ["native", "text"])
@pytest.mark.parametrize("profile", [VdrProfile(), NativeProfile()], ids=["vdr", "native"])
async def test_both_profiles_with_and_without_native_calls(
    profile: Profile, tools: str, *, stream: bool
) -> None:
    settings = EndpointSettings.model_validate({"tools": tools, "stream": stream})
    has_fields = profile.sends_tool_specs and tools == "native"
    speaks = NativeProfile() if has_fields else VdrProfile()
    trajectory, case, server = await play(profile, speaks=speaks, settings=settings)
    check(trajectory, case, server)
    assert ("tools" in server.requests[0].body) == has_fields
    roles = {str(message["role"]) for message in server.requests[-1].messages}
    assert ("tool" in roles) == has_fields
    has_tool_calls = any("tool_calls" in message for message in server.requests[-1].messages)
    assert has_tool_calls == has_fields


async def test_thinking_of_a_model_that_needs_it_comes_back() -> None:
    """The oracle keeps its notes in its thoughts: it forgets what is not sent back."""
    settings = EndpointSettings(send_reasoning=True)
    trajectory, case, server = await play(
        NativeProfile(), speaks=NativeProfile(), settings=settings, change=lambda reply: reply
    )
    check(trajectory, case, server)


async def test_a_server_that_parses_the_tags_of_vdr_itself() -> None:
    trajectory, case, server = await play(
        VdrProfile(), speaks=VdrProfile(), settings=EndpointSettings(), change=with_parsed_calls
    )
    check(trajectory, case, server)
    assert "<tool_call>" in trajectory.turns[0].reply.text


@pytest.mark.parametrize("calls", ["one", "many"])
async def test_a_server_that_takes_stop_strings_off_and_does_not_say_which(calls: str) -> None:
    profile = VdrProfile(calls_per_turn="one") if calls == "one" else VdrProfile()
    trajectory, case, server = await play(
        profile,
        speaks=profile,
        settings=EndpointSettings(),
        change=without_stop(*profile.stop),
    )
    check(trajectory, case, server)


@pytest.mark.parametrize(
    ("provider", "dialect", "model"),
    [
        (Provider.OPENAI, Dialect.OPENAI, "gpt-5"),
        (Provider.GEMINI, Dialect.GEMINI, "gemini-3-pro"),
        (Provider.ANTHROPIC, Dialect.ANTHROPIC, "claude-sonnet-4-5"),
        (Provider.VLLM, Dialect.VLLM, "Qwen3-VL-8B"),
    ],
    ids=["openai", "gemini", "anthropic", "vllm"],
)
@pytest.mark.parametrize("profile", [VdrProfile(), NativeProfile()], ids=["vdr", "native"])
async def test_strict_providers_take_every_turn(
    profile: Profile, provider: Provider, dialect: Dialect, model: str
) -> None:
    trajectory, case, server = await play(
        profile,
        speaks=profile,
        settings=EndpointSettings(provider=provider),
        dialect=dialect,
        model=model,
    )
    check(trajectory, case, server)


@pytest.mark.parametrize("tools", ["native", "text"])
async def test_a_forced_answer_is_asked_for_without_tools(tools: str) -> None:
    case = a_case()
    settings = EndpointSettings.model_validate({"tools": tools})
    speaks = NativeProfile() if tools == "native" else VdrProfile()
    script = plays(OracleModel(case.truth, speaks), tasks=[case.task], change=thinking_aloud)
    async with (
        OpenAiDouble(script) as server,
        a_client(server, settings=settings, media=case.media) as client,
    ):
        limits = Limits(max_turns=2, force_answer=True)
        researcher = a_researcher(case, client, profile=NativeProfile(), limits=limits)
        trajectory = await run(case.task, researcher)
    assert server.problems == []
    assert (trajectory.stop, trajectory.forced) == (StopReason.TURN_LIMIT, True)
    last = server.requests[-1]
    assert "tools" not in last.body
    assert "No further tool calls" in str(last.messages[-1]["content"])
    assert "<tools>" not in str(last.messages[0]["content"])


@pytest.mark.parametrize(
    ("fault", "stop", "kind"),
    [
        (Fault(401), StopReason.MODEL_ERROR, FailureKind.AUTH),
        (
            Fault(400, {"error": {"code": "content_filter"}}),
            StopReason.REFUSED,
            FailureKind.REFUSED,
        ),
        (
            Fault(400, {"error": {"code": "context_length_exceeded"}}),
            StopReason.CONTEXT_LIMIT,
            FailureKind.TOO_LARGE,
        ),
    ],
    ids=["key", "filter", "length"],
)
async def test_an_error_ends_an_episode_with_its_reason(
    fault: Fault, stop: StopReason, kind: FailureKind
) -> None:
    case = a_case()
    async with OpenAiDouble([fault]) as server, a_client(server, media=case.media) as client:
        researcher = a_researcher(case, client, profile=VdrProfile())
        trajectory = await run(case.task, researcher)
    assert trajectory.failure is kind
    assert trajectory.stop is stop
    assert server.num_requests == 1


async def test_a_run_against_a_dying_endpoint_goes_on_where_it_stopped(tmp_path: Path) -> None:
    """Turns that were paid for come from the tape; the rest is asked of the server that is back."""
    case = a_case()
    script = plays(OracleModel(case.truth, VdrProfile()), tasks=[case.task])
    settings = EndpointSettings(max_attempts=2)

    async def go_on(server: OpenAiDouble) -> tuple[int, int]:
        async with (
            a_client(server, settings=settings, media=case.media) as client,
            RunFolder.open(tmp_path, config="", provenance={}) as folder,
        ):
            model = TapedModel(client, folder.tape(TapeMode.AUTO))
            researcher = a_researcher(case, model, profile=VdrProfile())
            outcome = await run_tasks(
                [case.task],
                run=folder,
                roll_out=lambda task, attempt: run(task, researcher, attempt=attempt),
                judge=RuleJudge(),
            )
            return outcome.done, outcome.unfinished

    async with OpenAiDouble(script, die_after=3) as server:
        assert await go_on(server) == (0, 1)
    async with OpenAiDouble(script, port=server.port) as again:
        assert await go_on(again) == (1, 0)
        assert await go_on(again) == (0, 0)
    num_turns = len(TOOLS_OF_AN_EPISODE) + 1
    assert again.num_requests == num_turns - 3, "no turn is asked for twice"
