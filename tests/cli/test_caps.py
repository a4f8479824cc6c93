"""Caps of calls and of dollars, from the command line to the provider's own count."""

import json
from pathlib import Path
from typing import Any  # noqa: TID251 - JSON as a program would read it

import pytest
from pydantic import JsonValue

from tests.builders import a_picture
from tests.models.openai_double import OpenAiDouble
from tests.worlds.live.double import Double
from vision_deepresearch.cli.main import run

TURNS = 30
QUERIES = 4
USD = 0.001


def told(capsys: pytest.CaptureFixture[str], *command: str) -> dict[str, Any]:
    capsys.readouterr()
    run([*command, "--json"])
    answer: dict[str, Any] = json.loads(capsys.readouterr().out)
    return answer


def a_script(path: Path) -> Path:
    """A model that searches for 120 different things, four at a time, and then answers."""
    lines = []
    for turn in range(TURNS):
        query = [f"thing number {turn * QUERIES + n}" for n in range(QUERIES)]
        call = json.dumps({"name": "search", "arguments": {"query": query}})
        lines.append({"text": f"<think>{turn}</think><tool_call>{call}</tool_call>"})
    lines.append({"text": "<answer>it</answer>"})
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return path


@pytest.mark.pitfall("P95")
@pytest.mark.parametrize(
    ("caps", "paid", "stop"),
    [
        (["--set", "limits.max_calls.text_search=100"], 100, "budget"),
        (["--budget-usd", "0.05"], 50, "budget"),
        ([], TURNS * QUERIES, "answer"),
    ],
)
def test_the_call_beyond_a_cap_is_refused_and_the_ledger_is_the_providers_count(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    caps: list[str],
    paid: int,
    stop: str,
) -> None:
    monkeypatch.setenv("SERPER_API_KEY", "serper-double-key")
    photo, folder = tmp_path / "photo.png", tmp_path / "run"
    photo.write_bytes(a_picture())
    hit: JsonValue = {"link": "https://pages.example/a", "title": "A", "snippet": "s"}
    with Double({"organic": [hit]}) as provider:
        command = ["ask", str(photo), "-q", "What?", "--world", "live:serper", "--profile", "vdr"]
        command += ["--model", f"scripted:{a_script(tmp_path / 'script.jsonl')}", *caps]
        command += ["--set", f"live.base_urls.serper={provider.url}", "--out", str(folder)]
        research = told(capsys, *command, "--set", f"live.prices.serper={USD}")
        num_asked = len(provider.asked)
    assert research["stop"] == stop
    assert num_asked == paid
    bill = told(capsys, "cost", str(folder))
    assert bill["recorded_usd"] == pytest.approx(paid * USD)
    assert bill["cost_usd"] == pytest.approx(paid * USD)
    assert not bill["has_unknown_cost"]
    searches = [group for group in bill["recorded"] if group["kind"] == "text_search"]
    assert [group["recordings"] for group in searches] == [paid]
    if stop == "budget" and "--budget-usd" not in caps:
        assert bill["calls"]["text_search"] == paid, "a refused call is not counted"


@pytest.mark.pitfall("P95")
def test_a_run_stops_when_its_money_is_spent_and_goes_on_with_more_paying_for_nothing_twice(
    tiny_world: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A call of the double costs a quarter of a cent; six tasks take one call each."""
    command = ["eval", "run", "--world", str(tiny_world), "--tasks", "6", "--mode", "direct"]
    command += ["--summariser", "passages", "--today", "2026-01-01", "--concurrency", "1"]
    command += ["--out", str(tmp_path / "run")]
    prices = ["--set", "endpoint.usd_per_million_prompt=2"]
    prices += ["--set", "endpoint.usd_per_million_completion=10"]
    with OpenAiDouble(["<answer>x</answer>"], repeat_last=True) as model:
        command += ["--model", model.name]
        assert run([*command, "--budget-usd", "1"]) == 2
        assert "usd_per_million_prompt" in capsys.readouterr().err
        command += prices
        for budget, num_calls in (("0.006", 3), ("0.006", 3), ("0.01", 4)):
            assert run([*command, "--budget-usd", budget]) == 75
            assert "larger --budget-usd goes on" in capsys.readouterr().err
            assert model.num_requests == num_calls
        assert run([*command, "--budget-usd", "1"]) == 0
        assert model.num_requests == 6
    bill = told(capsys, "cost", str(tmp_path / "run"))
    assert bill["trajectories"] == 6
    assert [bill["cost_usd"], bill["recorded_usd"]] == pytest.approx([6 * 0.0025] * 2)
    assert bill["paid_calls"] == 6
