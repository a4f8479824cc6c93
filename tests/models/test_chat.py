"""The chat client: one way out, one key in one header, every attempt through the call policy."""

import asyncio
import json
import logging
import random
import threading
import time

import pytest
from typing_extensions import override

from tests.builders import a_picture
from tests.models.chat_cases import CONTEXT, HELLO, Waits, a_client, an_endpoint, ask
from tests.models.openai_double import (
    KEY,
    ChatRequest,
    Drop,
    Fault,
    OpenAiDouble,
    Raw,
    Reply,
    Slow,
    Step,
)
from tests.models.openai_replay import pictures_of
from tests.models.openai_rules import Dialect
from vision_deepresearch.core.content import (
    Image,
    ImageRef,
    Message,
    Role,
    ToolCall,
    ToolSpec,
    trusted,
    untrusted,
)
from vision_deepresearch.core.context import CallContext, Deadline
from vision_deepresearch.core.errors import FailureKind, ModelError
from vision_deepresearch.core.protocols import NativeCall, Sampling
from vision_deepresearch.media.store import MemoryMediaStore
from vision_deepresearch.models.chat import ChatModel
from vision_deepresearch.models.endpoint import Endpoint, EndpointSettings, Provider

SEARCH = ToolSpec(
    name="search",
    description="Search.",
    parameters={"type": "object", "properties": {"query": {"type": "string"}}},
)


@pytest.mark.parametrize("stream", [False, True])
async def test_a_reply_with_everything(*, stream: bool) -> None:
    call = NativeCall(id="call_1", name="search", arguments='{"query": "ü"}')
    reply = Reply(text="I search.", calls=(call,), reasoning="hm")
    settings = EndpointSettings(
        stream=stream, usd_per_million_prompt=1.0, usd_per_million_completion=2.0
    )
    async with (
        OpenAiDouble([reply], key=KEY) as server,
        a_client(server, settings=settings) as client,
    ):
        completion = await ask(client, tools=[SEARCH])
        assert client.name == server.name
    assert (completion.text, completion.reasoning) == ("I search.", "hm")
    assert completion.native_calls == (call,)
    assert completion.usage.cost_usd == pytest.approx(0.0011)
    assert completion.usage.cached_tokens == 400
    assert completion.model == "double-0001"
    assert not server.problems
    assert server.requests[0].is_stream == stream


@pytest.mark.pitfall("P16")
async def test_pictures_arrive_as_the_bytes_that_are_stored() -> None:
    media = MemoryMediaStore()
    refs = [media.put(a_picture(seed=1)), media.put(a_picture(seed=2, fmt="JPEG"))]
    parts = (Image(ref=refs[0]), trusted("and"), Image(ref=refs[1]))
    async with OpenAiDouble(["seen"]) as server, a_client(server, media=media) as client:
        await ask(client, [Message(role=Role.USER, parts=parts)])
    assert pictures_of(server.requests[0]) == [media.load(ref) for ref in refs]


async def test_a_picture_that_is_gone_is_not_asked_about() -> None:
    ref = MemoryMediaStore().put(a_picture())
    message = Message(role=Role.USER, parts=(Image(ref=ref),))
    async with OpenAiDouble([]) as server, a_client(server) as client:
        with pytest.raises(ModelError) as failed:
            await ask(client, [message])
    assert (failed.value.kind, server.num_requests) == (FailureKind.BAD_IMAGE, 0)


class CountingStore(MemoryMediaStore):
    """Counts how often a picture was loaded."""

    num_loads = 0

    @override
    def load(self, ref: ImageRef) -> bytes:
        self.num_loads += 1
        return super().load(ref)


async def test_calls_that_wait_for_their_turn_hold_no_pictures() -> None:
    media = CountingStore()
    message = Message(role=Role.USER, parts=(Image(ref=media.put(a_picture())),))
    loads: list[int] = []

    def script(_: ChatRequest) -> Step:
        loads.append(media.num_loads)
        return "seen"

    settings = EndpointSettings(concurrency=1)
    async with (
        OpenAiDouble(script) as server,
        a_client(server, settings=settings, media=media) as client,
        asyncio.TaskGroup() as group,
    ):
        for _ in range(4):
            group.create_task(ask(client, [message]))
    assert loads == [1, 2, 3, 4]


# ------------------------------------------------------------------------------ what leaves us


async def test_only_our_key_and_nothing_of_the_environment_is_sent(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("OPENAI_API_KEY", "OPENAI_ADMIN_KEY", "OPENAI_ORG_ID", "OPENAI_PROJECT_ID"):
        monkeypatch.setenv(name, f"stolen-{name}")
    monkeypatch.setenv("OPENAI_CUSTOM_HEADERS", "Authorization: Bearer stolen\nX-Team: stolen")
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:9/stolen")
    async with OpenAiDouble(["a"], key=KEY) as server, a_client(server) as client:
        await ask(client)
    headers = server.requests[0].headers
    assert headers["authorization"] == f"Bearer {KEY}"
    assert "stolen" not in repr(headers)
    assert set(headers) <= {
        "host",
        "accept",
        "accept-encoding",
        "connection",
        "content-type",
        "content-length",
        "user-agent",
        "authorization",
    }


async def test_without_a_key_none_is_sent() -> None:
    async with OpenAiDouble(["a"]) as server:
        endpoint = Endpoint(
            name=server.name,
            base_url=f"{server.url}/",
            model=server.model,
            provider=Provider.OTHER,
            key=None,
        )
        client = ChatModel(
            endpoint,
            settings=EndpointSettings(),
            load=MemoryMediaStore().load,
            rng=random.Random(0),
        )
        await ask(client)
        await client.aclose()
    assert "authorization" not in server.requests[0].headers


async def test_a_redirect_is_not_followed_with_the_key() -> None:
    async with OpenAiDouble([]) as other:
        away = Fault(302, b"", {"Location": f"{other.url}/chat/completions"})
        async with OpenAiDouble([away]) as server, a_client(server) as client:
            with pytest.raises(ModelError) as failed:
                await ask(client)
    assert (failed.value.kind, other.num_requests) == (FailureKind.NOT_FOUND, 0)


async def test_the_key_stands_in_no_log_and_no_message(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    async with (
        OpenAiDouble([Fault(401, {"error": {"message": f"Incorrect key {KEY}"}})]) as server,
        a_client(server) as client,
    ):
        with pytest.raises(ModelError) as failed:
            await ask(client)
        assert KEY not in repr(client)
    assert KEY not in caplog.text
    assert KEY not in str(failed.value)
    assert failed.value.__cause__ is None
    assert failed.value.__suppress_context__
    assert KEY not in repr(an_endpoint("http://h/v1#m"))


# --------------------------------------------------------------------------------- the policy


@pytest.mark.pitfall("P39")
async def test_attempts_are_counted_and_waits_grow() -> None:
    waits = Waits()
    settings = EndpointSettings(max_attempts=5)
    async with (
        OpenAiDouble([Fault(500)], repeat_last=True) as server,
        a_client(server, settings=settings, waits=waits) as client,
    ):
        with pytest.raises(ModelError):
            await ask(client)
    assert server.num_requests == 5
    assert len(waits.seconds) == 4
    assert all(0 <= wait <= 0.5 * 2**number for number, wait in enumerate(waits.seconds))


async def test_failures_in_between_are_not_seen() -> None:
    script: list[Step] = [Fault(503), Drop(), Fault(429), "done"]
    async with OpenAiDouble(script) as server, a_client(server) as client:
        assert (await ask(client)).text == "done"
    assert server.num_requests == 4


async def test_the_callers_deadline_bounds_everything() -> None:
    context = CONTEXT.until(Deadline.after(0.3))
    async with OpenAiDouble([Slow(30, "late")]) as server, a_client(server) as client:
        started = time.monotonic()
        with pytest.raises(ModelError) as failed:
            await client.complete(HELLO, tools=(), sampling=Sampling(), context=context)
        assert time.monotonic() - started < 3
    assert failed.value.kind is FailureKind.TIMEOUT


async def test_a_cancelled_call_leaves_nothing_behind() -> None:
    arrived = threading.Event()

    def step(request: ChatRequest) -> Step:
        arrived.set()
        return Slow(30, "late") if request.number == 0 else "next"

    async with OpenAiDouble(step) as server, a_client(server) as client:
        task = asyncio.create_task(ask(client))
        assert await asyncio.to_thread(arrived.wait, 10)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert (await ask(client)).text == "next"


async def test_no_more_calls_run_at_a_time_than_are_allowed() -> None:
    running, peak = 0, 0

    def step(request: ChatRequest) -> Step:
        nonlocal running, peak
        del request
        running += 1
        peak = max(peak, running)
        time.sleep(0.05)
        running -= 1
        return "x"

    settings = EndpointSettings(concurrency=2)
    async with (
        OpenAiDouble(step) as server,
        a_client(server, settings=settings) as client,
        asyncio.TaskGroup() as group,
    ):
        for _ in range(6):
            group.create_task(ask(client))
    assert (server.num_requests, peak) == (6, 2)


async def test_a_dead_endpoint_that_comes_back_is_used_again() -> None:
    async with (
        OpenAiDouble(["one"], repeat_last=True, die_after=1) as server,
        a_client(server, settings=EndpointSettings(max_attempts=2)) as client,
    ):
        assert (await ask(client)).text == "one"
        with pytest.raises(ModelError) as failed:
            await ask(client)
        assert failed.value.kind is FailureKind.UPSTREAM
        async with OpenAiDouble(["two"], port=server.port):
            assert (await ask(client)).text == "two"


async def test_a_closed_client_may_be_used_again_and_closed_twice() -> None:
    async with OpenAiDouble(["a", "b"]) as server, a_client(server) as client:
        await client.aclose()
        assert (await ask(client)).text == "a"
        await client.aclose()
        await client.aclose()
        assert (await ask(client)).text == "b"


# ----------------------------------------------------------------------------------- text form


async def test_tools_in_text_form() -> None:
    said = 'I search. <tool_call>\n{"name": "search", "arguments": {"query": "a"}}\n</tool_call>'
    settings = EndpointSettings(tools="text")
    async with OpenAiDouble([said]) as server, a_client(server, settings=settings) as client:
        completion = await ask(client, tools=[SEARCH])
    assert [call.name for call in completion.native_calls] == ["search"]
    assert completion.text == "I search."
    body = server.requests[0].body
    assert "tools" not in body
    assert body["stop"] == ["<tool_response>"]
    assert '"name": "search"' in str(server.requests[0].messages[0]["content"])


async def test_without_tools_the_text_stays_text() -> None:
    """Profile `vdr` reads its calls itself."""
    said = '<tool_call>\n{"name": "search", "arguments": {}}\n</tool_call>'
    settings = EndpointSettings(tools="text")
    async with OpenAiDouble([said]) as server, a_client(server, settings=settings) as client:
        completion = await ask(client)
    assert (completion.text, completion.native_calls) == (said, ())
    assert server.requests[0].body["messages"] == [{"role": "user", "content": "hello"}]


# ---------------------------------------------------------------------------------- signatures


async def test_signatures_come_back_in_their_own_trajectory_only() -> None:
    call = {
        "id": "c1",
        "type": "function",
        "function": {"name": "search", "arguments": "{}"},
        "extra_content": {"google": {"thought_signature": "signed"}},
    }
    body = json.dumps({"choices": [{"message": {"tool_calls": [call]}}]}).encode()
    seen: list[str] = []

    def step(request: ChatRequest) -> Step:
        seen.append(request.raw.decode())
        return Raw(body)

    history = [
        *HELLO,
        Message(
            role=Role.ASSISTANT,
            parts=(),
            tool_calls=(ToolCall(id="c1", name="search", arguments={}),),
        ),
        Message(role=Role.TOOL, parts=(untrusted("x"),), tool_call_id="c1"),
    ]
    async with OpenAiDouble(step, model="gemini-3-pro", dialect=Dialect.GEMINI) as server:
        settings = EndpointSettings(provider=Provider.GEMINI)
        async with a_client(server, settings=settings) as client:
            await ask(client, tools=[SEARCH])
            await ask(client, history, tools=[SEARCH])
            other = CallContext(task_id="u", trajectory_id="u-a0")
            await client.complete(history, tools=(), sampling=Sampling(), context=other)
    assert "signed" in seen[1]
    assert "skip_thought_signature_validator" in seen[2]
    assert not server.problems
