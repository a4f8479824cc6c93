"""`--dry-run`: an estimate that goes by a measured run, asks nobody and makes nothing."""

import json
from pathlib import Path
from typing import Any  # noqa: TID251 - JSON as a program would read it

import pytest

from tests.builders import a_picture
from tests.cli.replayed import close_the_network
from tests.models.openai_double import OpenAiDouble
from tests.worlds.live.double import Double
from vision_deepresearch.cli.main import run

PRICES = ["--set", "endpoint.usd_per_million_prompt=2", "--set"]
PRICES += ["endpoint.usd_per_million_completion=10"]
SEARCH = {"name": "search", "arguments": {"query": ["a", "b", "c"]}}


def told(capsys: pytest.CaptureFixture[str], *command: str) -> dict[str, Any]:
    capsys.readouterr()
    assert run([*command, "--json"]) == 0
    answer: dict[str, Any] = json.loads(capsys.readouterr().out)
    return answer


def test_an_estimate_by_a_measured_run_is_what_the_next_one_costs(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SERPER_API_KEY", "serper-double-key")
    photo, first = tmp_path / "photo.png", tmp_path / "first"
    photo.write_bytes(a_picture())
    steps = [f"<think>.</think><tool_call>{json.dumps(SEARCH)}</tool_call>", "<answer>x</answer>"]
    with Double({"organic": []}) as provider, OpenAiDouble(steps) as model:
        command = ["ask", str(photo), "-q", "What?", "--world", "live:serper", *PRICES]
        command += ["--model", model.name, "--set", f"live.base_urls.serper={provider.url}"]
        done = told(capsys, *command, "--out", str(first))
    assert done["cost_usd"] == pytest.approx(3 * 0.001 + (2 * 1000 * 2 + 2 * 50 * 10) / 1e6)
    close_the_network(monkeypatch)
    out = tmp_path / "next"
    dry = [*command, "--dry-run", "--out", str(out)]
    told_now = told(capsys, *dry, "--like", str(first))
    assert told_now["expected_usd"] == pytest.approx(done["cost_usd"])
    assert told_now["attempts"] == 1
    calls = {line["kind"]: line["per_attempt"] for line in told_now["lines"]}
    assert (calls["text_search"], calls["model_call"]) == (3, 2)
    blind = told(capsys, *dry)
    assert blind["expected_usd"] is None
    assert "no earlier run" in blind["basis"]
    assert blind["at_most_usd"] is None
    capped = told(capsys, *dry, "--budget-usd", "0.5")
    assert capped["at_most_usd"] == 0.5
    assert not out.exists()
    assert told(capsys, *command, "--dry-run", "--out", str(first))["attempts"] == 0
    assert run([*dry, "--like", str(first)]) == 0
    assert "expected      $0.01" in capsys.readouterr().out
    assert run([*command, "--like", str(first)]) == 2
    assert "--dry-run" in capsys.readouterr().err


def test_many_attempts_cost_many_times_one_and_an_unknown_price_is_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["eval", "run", "--tasks", "50", "--attempts", "2", "--dry-run"]
    command += ["--out", str(tmp_path / "run")]
    free = told(capsys, *command, "--model", "oracle")
    assert (free["attempts"], free["expected_usd"]) == (100, 0)
    unknown = told(capsys, *command, "--model", "http://localhost:1/v1#m")
    assert unknown["expected_usd"] is None
    assert any("usd_per_million_prompt" in line["price"] for line in unknown["lines"])
    assert not (tmp_path / "run").exists()
    assert run([*command, "--like", str(tmp_path)]) == 2
    assert "run folder" in capsys.readouterr().err
