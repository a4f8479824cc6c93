"""The paper's tables with our rows among them: the right sets in the right columns, and no mean of a part."""

import asyncio
import json
from pathlib import Path

import pytest

from tests.builders import a_task
from tests.evals.stored_runs import answers, write_run
from vision_deepresearch.cli.main import run as vdr
from vision_deepresearch.core.errors import ConfigError
from vision_deepresearch.core.task import Task
from vision_deepresearch.core.trajectory import Trajectory
from vision_deepresearch.evals.grading import grade
from vision_deepresearch.evals.report.paper import paper_sheets
from vision_deepresearch.evals.report.sheet import Sheet
from vision_deepresearch.evals.summary import Summary, summarise


async def a_run(folder: Path, sets: dict[str, tuple[int, int]], *, mode: str = "agent") -> Summary:
    """Per set: how many tasks are right, of how many."""
    made: list[tuple[Task, Trajectory]] = []
    for name, (right, count) in sets.items():
        tasks = [a_task(ref=f"{name}/{n}", question=f"{name} {n}?") for n in range(count)]
        made += answers(tasks, ["Ostrel"] * right + ["Brno"] * (count - right))
    return summarise(grade(await write_run(folder, made, judged=True, mode=mode)))


def row(sheet: Sheet, *begin: str) -> tuple[str, ...]:
    (found,) = [one for one in sheet.rows if one[: len(begin)] == begin]
    return found[len(begin) :]


async def test_our_runs_stand_in_the_columns_of_their_sets(tmp_path: Path) -> None:
    levels = {"bc-vl/level1": (6, 10), "bc-vl/level2": (2, 10)}
    rest = {
        "official/vdr-bench": (5, 10),
        "official/fvqa": (5, 10),
        "official/mmsearch-plus": (5, 10),
        "official/mmsearch": (5, 10),
        "official/livevqa": (5, 10),
        "hr-mmsearch/test": (0, 10),
        "vdr-bench/full": (0, 10),
        "official/livevqa-open": (0, 10),
    }
    runs = [await a_run(tmp_path / "a", levels), await a_run(tmp_path / "b", rest)]
    main, retrieval, data, *_ = paper_sheets(runs)
    mine = row(main, "ours: test", "agent")
    assert mine[:5] == ("50.0 [23.7, 76.3]",) * 5
    # Mean of 60 and 20 %; each level has variance p(1-p)/(n-1), as one cluster per task.
    half = 1.959964 * 50 * ((0.6 * 0.4 + 0.2 * 0.8) / 9) ** 0.5
    assert mine[5] == f"40.0 [{40 - half:.1f}, {40 + half:.1f}]"
    assert mine[6].startswith("48.3 [")
    assert row(main, "Vision-DeepResearch-30B-A3B", "agent")[-1] == "56.9"
    assert row(main, "WebWatcher-7B", "agent") == ("-", "-", "-", "49.1", "51.2", "20.3", "-")
    assert retrieval.head == (
        "mode",
        "paper VDR-Bench",
        "paper MMSearch-Plus",
        "paper BC-VL",
        "paper mean",
    )
    assert row(data, "+ RL") == ("37.8", "28.5", "53.7", "40.0")
    assert all("no baseline for a test" in one.note for one in (main, retrieval, data))


async def test_a_part_gives_no_mean_and_a_set_twice_is_refused(tmp_path: Path) -> None:
    wis = await a_run(tmp_path / "a", {"bc-vl/level1": (5, 10)}, mode="wis")
    main, retrieval, *_ = paper_sheets([wis])
    assert row(main, "ours: test", "wis")[-2:] == ("one level only", "-")
    assert retrieval.title.endswith("beside test")
    assert row(retrieval, "wis")[:4] == ("11.8", "10.0", "26.1", "16.0")
    assert row(retrieval, "wis")[4:] == ("-", "-", "one level only", "-")
    assert row(retrieval, "cis")[4:] == ("-",) * 4
    again = await a_run(tmp_path / "b", {"bc-vl/level1": (5, 10)}, mode="wis")
    with pytest.raises(ConfigError, match="stands in two runs"):
        paper_sheets([wis, again])
    with pytest.raises(ConfigError, match="one of base, vqa, text, fuzzy, rl"):
        paper_sheets([wis], data={"sft": wis})


async def test_one_command_makes_the_three_tables(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    runs = tmp_path / "run", tmp_path / "base"
    for one in runs:
        await a_run(one, {"vdr-bench/testmini": (3, 10)})
    command = ["eval", "report", str(runs[0]), "--data", f"base={runs[1]}"]
    assert await asyncio.to_thread(vdr, [*command, "--format", "markdown"]) == 0
    shown = capsys.readouterr().out
    assert "| ours: test | agent | 30.0 [10.8, 60.3] |" in shown
    assert (
        "| Qwen3-VL-30B-A3B-Instruct, agentic | 20.2 | 10.0 | 42.6 | 24.3 | 30.0 [10.8, 60.3] |"
        in shown
    )
    assert "### Retrieval ablation, %: Vision-DeepResearch-30B" in shown
    assert await asyncio.to_thread(vdr, command) == 0
    assert "Data ablation" in capsys.readouterr().out
    assert await asyncio.to_thread(vdr, [*command, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["data"]["base"]["accuracy"]["correct"] == 3
    assert await asyncio.to_thread(vdr, [*command, "--data", f"base={runs[0]}"]) == 2
    assert "given twice" in capsys.readouterr().err
    assert await asyncio.to_thread(vdr, [*command[:-1], "base"]) == 2
    assert "--data ROW=FOLDER" in capsys.readouterr().err
