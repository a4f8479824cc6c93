"""A run with an endpoint that researches and reads pages is replayed without any connection."""

import json
from pathlib import Path

import pytest

from tests.builders import a_picture
from tests.cli.replayed import close_the_network, what_happened
from tests.models.openai_double import ChatRequest, OpenAiDouble, Step
from vision_deepresearch.cli.main import run


@pytest.mark.pitfall("P37")
def test_a_strict_replay_of_an_endpoint_goes_nowhere_and_differs_in_nothing(
    tiny_world: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    picture = tmp_path / "photo.png"
    picture.write_bytes(a_picture())
    assert run(["world", "search", str(tiny_world), "town", "--limit", "2", "--json"]) == 0
    one, two = (hit["url"] for hit in json.loads(capsys.readouterr().out)["hits"])
    visit = {"url": [one, f"{one}#history", two], "goal": "which town"}
    crop = {"image_id": "img_1", "bbox": [[100, 100, 600, 600]], "goal": "what is it"}
    calls = [{"name": "visit", "arguments": visit}, {"name": "crop_and_search", "arguments": crop}]
    blocks = "".join(f"<tool_call>{json.dumps(call)}</tool_call>" for call in calls)
    research = iter([f"<think>Both.</think>{blocks}", "<answer>A town</answer>"])
    num_read = 0

    def script(request: ChatRequest) -> Step:
        nonlocal num_read
        if "rational" not in json.dumps(request.messages):
            return next(research)
        num_read += 1
        if num_read == 1:
            return "No object here."  # asked again
        return json.dumps({"rational": "r", "evidence": "", "summary": f"Reading {num_read}."})

    with OpenAiDouble(script) as server:
        first, again = tmp_path / "first", tmp_path / "again"
        command = ["ask", str(picture), "-q", "Which?", "--world", str(tiny_world), "--json"]
        command += ["--model", server.name, "--today", "2026-01-01", "--out"]
        assert run([*command, str(first)]) == 0
        assert server.problems == []
        num_requests = server.num_requests

    close_the_network(monkeypatch)
    tape = f"replay-strict:{first / 'run.db'}"
    assert run([*command, str(again), "--tape", tape]) == 0
    assert num_read >= 4
    assert server.num_requests == num_requests
    assert what_happened(again) == what_happened(first)
