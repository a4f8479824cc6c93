"""The bridge to inspect_ai: its own reader opens our logs, its own runner runs our agent.

Skipped without the extra `inspect`, whose packages do not fit beside the pinned ones.
"""

import asyncio
import importlib
import json
from pathlib import Path
from typing import Any  # noqa: TID251 - inspect_ai is untyped where it is not installed

import pytest

from tests.builders import a_picture, a_task, a_trajectory
from tests.evals.stored_runs import write_run
from vision_deepresearch.cli.main import run as vdr
from vision_deepresearch.core.content import Image, Message, Role, untrusted
from vision_deepresearch.core.trajectory import StopReason
from vision_deepresearch.media.store import FolderMediaStore
from vision_deepresearch.store.run import RunFolder

inspect_ai = pytest.importorskip("inspect_ai", reason="the extra inspect is not installed")
inspect_log = importlib.import_module("inspect_ai.log")
inspect_model = importlib.import_module("inspect_ai.model")
pytestmark = [
    pytest.mark.filterwarnings("ignore"),
    pytest.mark.timeout(240),
]


async def test_a_run_opens_in_inspect_s_own_reader_with_pictures_and_scores(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    data = a_picture()
    ref = FolderMediaStore(folder / "media").put(data)
    tasks = [a_task(ref=f"test/{n}", images=(ref,)) for n in range(4)]
    tasks[3] = tasks[3].model_copy(update={"protected": True, "question": "secret question"})
    shown = Message(role=Role.USER, parts=(Image(ref=ref, handle="img_1"), untrusted("Where?")))
    texts = ["Ostrel", "Brno", None, "Ostrel"]
    made = []
    for task, text in zip(tasks, texts, strict=True):
        stop = StopReason.ANSWER if text else StopReason.MODEL_ERROR
        trajectory = a_trajectory(task, answer=text, stop=stop)
        made.append((task, trajectory.model_copy(update={"prompt": (shown,)})))
    await write_run(folder, made, judged=True)
    score = ["eval", "score", str(folder), "--judge", "em"]
    assert await asyncio.to_thread(vdr, score) == 0
    out = tmp_path / "run.eval"
    assert await asyncio.to_thread(vdr, ["export", str(folder), "--format", "inspect"]) == 0
    log = await asyncio.to_thread(inspect_log.read_eval_log, str(out), resolve_attachments=True)
    assert log.status == "success"
    assert [one.name for one in log.results.scores] == ["rules/1", "em/1"]
    first = log.results.scores[0]
    assert first.metrics["accuracy"].value == 0.5
    assert (first.scored_samples, first.unscored_samples) == (2, 1)
    samples = {one.id: one for one in log.samples}
    assert set(samples) == {"test/0", "test/1", "test/2"}, "the protected task is not written"
    assert samples["test/0"].scores["rules/1"].value == "C"
    assert samples["test/1"].scores["em/1"].value == "I"
    assert samples["test/2"].scores["rules/1"].value != samples["test/2"].scores["rules/1"].value
    assert samples["test/2"].scores["rules/1"].reason == "infra_error"
    pictures = [one.image for one in samples["test/0"].messages[0].content if one.type == "image"]
    assert len(pictures) == 1
    assert pictures[0].startswith("data:image/png;base64,")
    assert samples["test/0"].input[0].content[0].image == pictures[0]
    assert b"secret" not in out.read_bytes()
    bad = ["export", str(folder), "--format", "inspect", "--only", "correct"]
    assert await asyncio.to_thread(vdr, bad) == 2


def test_inspect_runs_our_agent_with_its_own_model_and_a_second_time_for_nothing(
    tiny_world: Path, tmp_path: Path
) -> None:
    inspect_tasks = importlib.import_module("vision_deepresearch.wiring.inspect_tasks")
    asked: list[list[Any]] = []

    def reply(messages: list[Any], tools: object, choice: object, config: object) -> Any:  # noqa: ANN401 - an output of theirs
        del tools, choice, config
        asked.append(messages)
        output = inspect_model.ModelOutput.from_content(
            "mockllm/model", "<think>x</think><answer>Brno</answer>"
        )
        output.usage = inspect_model.ModelUsage(input_tokens=10, output_tokens=5, total_tokens=15)
        return output

    def run(name: str) -> Any:  # noqa: ANN401 - a log of theirs
        model = inspect_model.get_model("mockllm/model", custom_outputs=reply, memoize=False)
        made = inspect_ai.eval(
            inspect_tasks.world(
                world=str(tiny_world), tasks=2, model="inspect:mockllm/model", mode="direct",
                out=str(tmp_path / "run"), today="2026-01-01",
            ),
            model=model,
            epochs=2,
            log_dir=str(tmp_path / name),
            display="none",
            score_display=False,
        )  # fmt: skip
        return made[0]

    log = run("first")
    assert log.status == "success", log.error
    assert len(log.samples) == 4
    assert log.results.scores[0].metrics["accuracy"].value == 0.0
    assert len(asked) == 4
    assert any(one.type == "image" for one in asked[0][-1].content), "it sees the picture"
    with RunFolder.read(tmp_path / "run") as view:
        assert len(list(view.episodes())) == 4
        assert json.loads(json.dumps(view.provenance))["model"] == "inspect:mockllm/model"
    assert run("second").status == "success"
    assert len(asked) == 4, "what was asked is on the tape of the run folder"
