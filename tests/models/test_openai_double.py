"""The double of the wire is strict where servers are, and breaks where it is told to."""

import http.client
import json
from urllib.parse import urlsplit

import pytest
from pydantic import JsonValue

from tests.models.openai_double import (
    KEY,
    ChatRequest,
    Cut,
    Drop,
    Fault,
    OpenAiDouble,
    Reply,
    Script,
    Slow,
    Step,
)
from tests.models.openai_rules import Dialect, find_problem

ASK: dict[str, JsonValue] = {"model": "double", "messages": [{"role": "user", "content": "?"}]}


def post(server: OpenAiDouble, body: dict[str, JsonValue], *, key: str = "") -> tuple[int, str]:
    connection = http.client.HTTPConnection(urlsplit(server.url).netloc, timeout=5)
    try:
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        connection.request("POST", "/v1/chat/completions", json.dumps(body), headers)
        answer = connection.getresponse()
        return answer.status, answer.read().decode()
    finally:
        connection.close()


def test_it_plays_its_script_and_then_says_that_it_is_over() -> None:
    with OpenAiDouble(["one", Slow(0.01, Reply(text="two")), Fault(503, {"a": 1})]) as server:
        replies = [post(server, ASK) for _ in range(4)]
    assert [status for status, _ in replies] == [200, 200, 503, 400]
    assert '"one"' in replies[0][1]
    assert server.num_requests == 4
    assert server.problems == ["the script is over: request 4"]


def test_a_function_decides_and_streams_are_chunks() -> None:
    def step(request: ChatRequest) -> Step:
        return Reply(text=f"{request.messages[-1]['content']} and so on, at some length")

    with OpenAiDouble(step) as server:
        _, text = post(server, {**ASK, "stream": True, "stream_options": {"include_usage": True}})
    assert text.count("data: ") > 6
    assert '"usage"' in text
    assert text.endswith("data: [DONE]\n\n")


@pytest.mark.parametrize("script", [[Drop()], [Cut(Reply(text="long enough"))]])
def test_it_breaks_off(script: Script) -> None:
    with OpenAiDouble(script) as server, pytest.raises((OSError, http.client.HTTPException)):
        post(server, ASK)


def test_it_dies_and_another_takes_its_address() -> None:
    with OpenAiDouble(["x"], repeat_last=True, die_after=1) as server:
        assert post(server, ASK)[0] == 200
        for _ in range(2):
            with pytest.raises((OSError, http.client.HTTPException)):
                post(server, ASK)
        port = server.port
    with OpenAiDouble(["back"], port=port) as server:
        assert post(server, ASK)[0] == 200


def test_it_knows_its_key_and_its_model() -> None:
    with OpenAiDouble(["x"], repeat_last=True, key=KEY) as server:
        assert post(server, ASK)[0] == 401
        assert post(server, {**ASK, "model": "other"}, key=KEY)[0] == 404
        assert post(server, ASK, key=KEY)[0] == 200


PICTURE: JsonValue = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}
TOOL: JsonValue = {"type": "function", "function": {"name": "a", "parameters": {"type": "object"}}}


@pytest.mark.parametrize(
    ("body", "dialect", "said"),
    [
        ({"sampled": None}, Dialect.VLLM, "sampled"),
        ({"messages": []}, Dialect.VLLM, "at least one message"),
        ({"messages": [{"role": "user", "content": "", "handle": 1}]}, Dialect.VLLM, "handle"),
        ({"messages": [{"role": "user", "content": ""}]}, Dialect.VLLM, "non-empty"),
        ({"messages": [{"role": "user", "content": [PICTURE]}]}, Dialect.VLLM, "no image/png"),
        ({"messages": [{"role": "system", "content": [PICTURE]}]}, Dialect.VLLM, "role 'user'"),
        (
            {"messages": [{"role": "tool", "content": "x", "tool_call_id": "a"}]},
            Dialect.VLLM,
            "answers no open tool call",
        ),
        ({"stream_options": {}}, Dialect.VLLM, "stream_options"),
        ({"tools": []}, Dialect.VLLM, "at least one tool"),
        ({"model": "gpt-5", "max_tokens": 1}, Dialect.OPENAI, "max_tokens"),
        ({"include_stop_str_in_output": True}, Dialect.OPENAI, "include_stop"),
        ({"seed": 1}, Dialect.GEMINI, "seed"),
        ({"temperature": 1, "top_p": 1}, Dialect.ANTHROPIC, "top_p"),
    ],
)
def test_strict_servers_refuse(body: dict[str, JsonValue], dialect: Dialect, said: str) -> None:
    assert find_problem({**ASK, "tools": [TOOL]}, dialect=dialect) is None
    assert said in (find_problem({**ASK, **body}, dialect=dialect) or "")
