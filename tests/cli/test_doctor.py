"""The doctor: what works is said, what does not comes with what to do about it."""

import json
import random
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from pydantic import JsonValue

from tests.models.openai_double import ChatRequest, Fault, OpenAiDouble, Reply, Step, error_body
from vision_deepresearch.cli.main import run
from vision_deepresearch.core.protocols import NativeCall
from vision_deepresearch.media.testcard import draw_testcard

pytestmark = pytest.mark.usefixtures("tiny_world")


def examined(
    capsys: pytest.CaptureFixture[str], *flags: str
) -> tuple[int, dict[str, dict[str, str]]]:
    """Exit code and checks by name."""
    code = run(["doctor", "--json", *flags])
    found = json.loads(capsys.readouterr().out)
    assert found["ok"] is (code == 0)
    return code, {check["name"]: check for check in found["checks"]}


def words_of(request: ChatRequest) -> str:
    return json.dumps(request.messages)


def a_model_that_sees(number: str, *, native: bool) -> Callable[[ChatRequest], Step]:
    """Answers the three questions of the doctor and the three of a judge as a good model does."""

    def reply(request: ChatRequest) -> Step:
        said = words_of(request)
        if "image_url" in said:
            return f"The card reads {number}."
        if "heliotrope" in said:
            if native:
                call = NativeCall(id="c1", name="note", arguments='{"word": "heliotrope"}')
                return Reply(text=None, calls=(call,))
            return (
                '<think>As asked.</think><tool_call>{"name": "note", '
                '"arguments": {"word": "heliotrope"}}</tool_call>'
            )
        if "Beethoven" in said:
            good = "born in Bonn" in said
            verdict = "correct" if good else "incorrect"
            body = {"verdict": verdict, "extracted_answer": "x", "rationale": "because"}
            return json.dumps(body)
        return "ready"

    return reply


def the_number(seed: int) -> str:
    """What the doctor draws for the model: the second card of its random numbers."""
    rng = random.Random(seed)
    draw_testcard(rng)
    return draw_testcard(rng)[1]


@pytest.mark.parametrize("profile", ["vdr", "native"])
def test_a_good_model_and_a_good_judge_pass(
    profile: str, capsys: pytest.CaptureFixture[str]
) -> None:
    script = a_model_that_sees(the_number(7), native=profile == "native")
    with OpenAiDouble(script) as server:
        code, checks = examined(
            capsys,
            *("--model", server.name, "--profile", profile, "--seed", "7"),
            *("--judge", "strict", "--judge-model", server.name, "--allow-self-judge"),
        )
        assert server.problems == []
    assert code == 0
    wanted = {"model", "vision", "tool calls", "world", "world answers", "cache folder"}
    assert wanted <= {name for name, check in checks.items() if check["health"] == "ok"}
    assert sum(name.startswith("judge: ") for name in checks) == 3


def test_a_model_that_is_blind_and_calls_nothing_is_told_apart(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with OpenAiDouble(["ready", "I see a cat.", "<answer>done</answer>"]) as server:
        code, checks = examined(capsys, "--model", server.name)
    assert code == 1
    assert checks["model"]["health"] == "ok"
    assert checks["vision"]["health"] == "fail"
    assert re.search(r"the card says \d{5}", checks["vision"]["found"])
    assert "multimodal" in checks["vision"]["remedy"]
    assert checks["tool calls"]["health"] == "fail"
    assert "--profile native" in checks["tool calls"]["remedy"]


@pytest.mark.parametrize(
    ("status", "body", "said"),
    [
        (401, error_body("bad key", code="invalid_api_key"), "VDR_MODEL_KEY"),
        (404, error_body("no such model", code="model_not_found"), "model's name"),
        (400, error_body("unknown field"), "docs/endpoints.md"),
    ],
)
def test_each_failure_says_what_to_do(
    status: int, body: JsonValue, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with OpenAiDouble([Fault(status, body)], repeat_last=True) as server:
        code, checks = examined(capsys, "--model", server.name)
        assert server.num_requests == 1, "such a failure is final"
    assert code == 1
    assert checks["model"]["health"] == "fail"
    assert said in checks["model"]["remedy"]
    assert checks["vision"]["health"] == checks["tool calls"]["health"] == "skipped"


def test_a_server_that_is_not_there(capsys: pytest.CaptureFixture[str]) -> None:
    with OpenAiDouble([]) as server:
        name = server.name
    code, checks = examined(capsys, "--model", name, "--set", "endpoint.max_attempts=1")
    assert code == 1
    assert "running" in checks["model"]["remedy"]


def test_a_judge_that_waves_everything_through_is_found(
    capsys: pytest.CaptureFixture[str],
) -> None:
    lenient = json.dumps({"verdict": "correct", "extracted_answer": "x", "rationale": "fine"})
    with OpenAiDouble([lenient], repeat_last=True) as server:
        code, checks = examined(capsys, "--judge", "strict", "--judge-model", server.name)
    assert code == 1
    health = {name: check["health"] for name, check in checks.items() if "judge" in name}
    assert sorted(health.values()) == ["fail", "fail", "ok"]


def test_a_judge_that_cannot_be_asked_is_not_called_a_bad_one(
    capsys: pytest.CaptureFixture[str],
) -> None:
    refused = Fault(401, error_body("bad key", code="invalid_api_key"))
    with OpenAiDouble([refused], repeat_last=True) as server:
        code, checks = examined(capsys, "--judge", "strict", "--judge-model", server.name)
    assert code == 1
    remedies = {check["remedy"] for name, check in checks.items() if name.startswith("judge: ")}
    [remedy] = remedies
    assert "vdr doctor --model" in remedy
    assert "stronger model" not in remedy


def test_a_world_that_is_none(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    code, checks = examined(capsys, "--world", str(tmp_path))
    assert code == 1
    assert "vdr world import" in checks["world"]["remedy"]


def test_offline_asks_nobody(capsys: pytest.CaptureFixture[str]) -> None:
    with OpenAiDouble([]) as server:
        code, checks = examined(capsys, "--model", server.name, "--offline")
        assert server.num_requests == 0
    assert code == 0
    assert checks["model"]["health"] == "skipped"
