"""`vdr ask` and `vdr eval run` with a model behind the wire: both profiles, tools native or as text."""

import json
from pathlib import Path

import pytest

from tests.builders import a_picture
from tests.models.openai_double import ChatRequest, Fault, OpenAiDouble, Reply, Step, error_body
from vision_deepresearch.cli.main import run
from vision_deepresearch.core.protocols import NativeCall

BOX = [[100, 100, 600, 600]]


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    path = tmp_path / "photo.png"
    path.write_bytes(a_picture())
    return path


def a_researcher(*, as_text: bool) -> list[Step]:
    """Crops, zooms, then answers, as a model of that wire does."""
    calls = [
        ("crop_and_search", {"image_id": "img_1", "bbox": BOX, "goal": "what is it"}),
        ("zoom", {"image_id": "img_1", "bbox": [0, 0, 500, 500]}),
    ]
    steps: list[Step] = []
    for number, (name, arguments) in enumerate(calls):
        if as_text:
            call = json.dumps({"name": name, "arguments": arguments})
            steps.append(f"<think>Look closer.</think><tool_call>{call}</tool_call>")
        else:
            native = NativeCall(id=f"c{number}", name=name, arguments=json.dumps(arguments))
            steps.append(Reply(text=None, reasoning="Look closer.", calls=(native,)))
    return [*steps, "<answer>A grey card</answer>"]


def asked(picture: Path, server: OpenAiDouble, out: Path, *more: str) -> list[str]:
    return [
        *("ask", str(picture), "-q", "What is it?", "--world", "generated:tiny", "--json"),
        *("--model", server.name, "--summariser", "passages", "--out", str(out), *more),
    ]


@pytest.mark.parametrize("is_streamed", [False, True])
@pytest.mark.parametrize(
    ("profile", "tools"), [("vdr", "native"), ("native", "native"), ("native", "text")]
)
@pytest.mark.usefixtures("tiny_world")
def test_a_whole_loop_over_the_wire(
    *,
    profile: str,
    tools: str,
    is_streamed: bool,
    picture: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    script = a_researcher(as_text=profile == "vdr" or tools == "text")
    with OpenAiDouble(script) as server:
        more = ["--profile", profile, "--set", f"endpoint.tools={tools}"]
        more += ["--set", f"endpoint.stream={str(is_streamed).lower()}"]
        assert run(asked(picture, server, tmp_path / "run", *more)) == 0
        assert server.problems == []
        assert server.num_requests == 3
        has_tools = ["tools" in request.body for request in server.requests]
    found = json.loads(capsys.readouterr().out)
    assert found["answer"] == "A grey card"
    assert found["calls"] == {"crop_and_search": 1, "zoom": 1}
    assert (found["turns"], found["boxes"], found["stop"]) == (3, 1, "answer")
    assert has_tools == [profile == "native" and tools == "native"] * 3
    assert Path(found["trace"]).is_file()


@pytest.mark.usefixtures("tiny_world")
def test_the_endpoint_reads_pages_too_and_sees_the_crop(
    picture: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    crops: list[int] = []
    research = iter(a_researcher(as_text=True))

    def script(request: ChatRequest) -> Step:
        said = json.dumps(request.messages)
        if '\\"rational\\"' in said:
            crops.append(said.count("image_url"))
            return json.dumps({"rational": "r", "evidence": "", "summary": "Nothing about it."})
        return next(research)

    with OpenAiDouble(script) as server:
        arguments = asked(picture, server, tmp_path / "run")
        arguments[arguments.index("--summariser") + 1] = "auto"
        assert run([*arguments, "--profile", "vdr"]) == 0
        assert server.problems == []
    assert json.loads(capsys.readouterr().out)["answer"] == "A grey card"
    assert crops, "no page was read by the model"
    assert min(crops) >= 2, "the crop or the matched picture is missing"


@pytest.mark.usefixtures("tiny_world")
def test_a_run_against_a_dying_endpoint_goes_on_where_it_was(
    picture: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "run"
    quick = ["--profile", "vdr", "--set", "endpoint.max_attempts=1"]
    script = a_researcher(as_text=True)
    with OpenAiDouble(script, die_after=2) as dying:
        assert run(asked(picture, dying, out, *quick)) == 1
        assert dying.num_requests == 3 or dying.num_requests == 2
        port = dying.port
    first = json.loads(capsys.readouterr().out)
    assert (first["stop"], first["answer"]) == ("model_error", None)
    with OpenAiDouble(script[2:], port=port) as back:
        assert run(asked(picture, back, out, *quick)) == 0
        assert back.num_requests == 1, "what was paid for is not asked again"
    assert json.loads(capsys.readouterr().out)["answer"] == "A grey card"


@pytest.mark.usefixtures("tiny_world")
def test_a_wrong_key_ends_an_eval_run_at_once_and_names_the_way_out(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    refused = Fault(401, error_body("no", code="invalid_api_key"))
    with OpenAiDouble([refused], repeat_last=True) as server:
        flags = ["--model", server.name, "--world", "generated:tiny", "--concurrency", "1"]
        assert run(["eval", "run", *flags, "--out", str(tmp_path / "run"), "--json"]) == 1
        assert server.num_requests == 1
    said = capsys.readouterr()
    assert "auth" in json.loads(said.out)["halted"]
    assert "vdr doctor" in said.err


def test_a_cap_of_dollars_needs_prices(
    picture: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with OpenAiDouble([]) as server:
        arguments = asked(picture, server, tmp_path / "run", "--budget-usd", "1")
        assert run(arguments) == 2
        assert server.num_requests == 0
    assert "usd_per_million_prompt" in capsys.readouterr().err


@pytest.mark.usefixtures("tiny_world")
def test_a_judge_that_is_the_researcher_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with OpenAiDouble([]) as server:
        flags = ["--model", server.name, "--judge", "strict", "--judge-model", server.name]
        out = str(tmp_path / "run")
        assert run(["eval", "run", "--world", "generated:tiny", "--out", out, *flags]) == 2
        assert server.num_requests == 0
    assert "--allow-self-judge" in capsys.readouterr().err


def test_a_hosted_model_without_its_key_names_the_variable(
    picture: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    out = str(tmp_path / "run")
    flags = ["--model", "openai:gpt-5", "--world", "generated:tiny", "--out", out]
    assert run(["ask", str(picture), "-q", "What?", *flags]) == 2
    assert "OPENAI_API_KEY" in capsys.readouterr().err


@pytest.mark.usefixtures("tiny_world")
def test_a_judge_with_a_wrong_key_ends_the_run_and_the_same_command_judges_later(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = ["eval", "run", "--world", "generated:tiny", "--tasks", "2", "--judge", "contains"]
    asked += ["--concurrency", "1", "--out", str(tmp_path / "run")]
    refused = Fault(401, error_body("bad key", code="invalid_api_key"))
    with OpenAiDouble(["<answer>Nobody</answer>"], repeat_last=True) as model:
        asked += ["--model", model.name]
        with OpenAiDouble([refused], repeat_last=True) as judge:
            assert run([*asked, "--judge-model", judge.name]) == 1
            assert judge.num_requests == 1, "the second answer would be judged in vain"
            port = judge.port
        assert "the judge could not be asked (auth)" in capsys.readouterr().out
        num_before = model.num_requests
        with OpenAiDouble(["correct: no"], repeat_last=True, port=port) as judge:
            assert run([*asked, "--judge-model", judge.name, "--json"]) == 0
        found = json.loads(capsys.readouterr().out)
        assert (found["incorrect"], found["abstain"], found["unfinished"]) == (2, 0, 0)
        assert model.num_requests == num_before + 1, "the first answer came from the tape"


@pytest.mark.usefixtures("tiny_world")
def test_a_spent_budget_says_how_to_go_on_without_paying_twice(
    picture: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    prices = ("prompt=2", "completion=10")
    flags = [part for one in prices for part in ("--set", f"endpoint.usd_per_million_{one}")]
    with OpenAiDouble(a_researcher(as_text=True)) as server:
        first = asked(picture, server, tmp_path / "first", *flags, "--budget-usd", "0.001")
        assert run(first) == 1
        said = capsys.readouterr()
        assert f"--tape auto:{tmp_path / 'first'}/run.db" in " ".join(said.err.split())
        assert json.loads(said.out)["stop"] == "budget"
        num_before = server.num_requests
        tape = ("--tape", f"auto:{tmp_path / 'first'}/run.db", "--budget-usd", "1")
        assert run(asked(picture, server, tmp_path / "second", *flags, *tape)) == 0
        assert json.loads(capsys.readouterr().out)["answer"] == "A grey card"
        assert (num_before, server.num_requests) == (1, 3)
