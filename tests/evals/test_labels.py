"""People's labels say how far a judge is to be believed."""

import random
from pathlib import Path

import pytest

from tests.builders import a_task
from tests.evals.stored_runs import answers, write_run
from vision_deepresearch.core.errors import ConfigError
from vision_deepresearch.evals.grading import grade
from vision_deepresearch.evals.labels import (
    Label,
    calibrate,
    draw_sheet,
    read_labels,
    write_sheet,
)


async def test_labels_undo_the_errors_of_a_judge(tmp_path: Path) -> None:
    """The rules call 60 of 300 right; people say that 30 of the 240 others are right as well."""
    tasks = [a_task(ref=f"test/{n}") for n in range(300)]
    chance = random.Random(3)
    hidden = {task.id for task in chance.sample(tasks[60:], 30)}
    folder = await write_run(
        tmp_path / "run", answers(tasks, ["Ostrel"] * 60 + ["Brno"] * 240), judged=True
    )
    run = grade(folder)
    sheet = draw_sheet(run, size=160)
    assert len(sheet) == 140, "80 rejected, and all 60 accepted"
    assert "verdict" not in sheet[0].model_dump()
    path = tmp_path / "sheet.jsonl"
    write_sheet(path, sheet)
    with pytest.raises(ConfigError, match="may hold labels"):
        write_sheet(path, sheet)
    with pytest.raises(ConfigError, match="no line"):
        read_labels(path)
    filled = [
        one.model_copy(update={"label": one.answer == "Ostrel" or one.task_id in hidden})
        for one in sheet
    ]
    path.write_text("".join(f"{one.model_dump_json()}\n" for one in filled))
    found = calibrate(run, read_labels(path))
    assert found.labels == 140
    assert found.judged == pytest.approx(0.2)
    assert found.corrected is not None
    assert found.corrected.low <= 0.30 <= found.corrected.high
    assert found.corrected.accuracy > 0.25
    # Unweighed, the half of rejected answers in the sheet would count too little.
    num_hidden = sum(one.task_id in hidden for one in sheet)
    assert found.sensitivity == pytest.approx(0.2 / (0.2 + 0.8 * num_hidden / 80))
    other = Label(task_id="x", attempt=0, question="?", gold=("a",), answer="a", label=True)
    with pytest.raises(ConfigError, match="drawn from this run"):
        calibrate(run, [other])
