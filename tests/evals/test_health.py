"""What a search came across: gold entities, engine failures, copies of its own question."""

import asyncio
import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.builders import a_task, a_trajectory, a_turn, an_image_ref
from tests.evals.stored_runs import write_run
from tests.judge.doubles import SayingModel, pieces_of
from vision_deepresearch.cli.main import run as vdr
from vision_deepresearch.core.content import ToolCall
from vision_deepresearch.core.episode import Decision
from vision_deepresearch.core.errors import FailureKind
from vision_deepresearch.core.geometry import Box
from vision_deepresearch.core.observation import (
    Evidence,
    EvidenceKind,
    Failure,
    Observation,
    Region,
)
from vision_deepresearch.core.task import AnswerType, Task
from vision_deepresearch.core.trajectory import CallRecord, Trajectory
from vision_deepresearch.evals.contamination import Flag, flags_of
from vision_deepresearch.evals.grading import grade, judges_of
from vision_deepresearch.evals.report.tables import sheets
from vision_deepresearch.evals.scores import score_run
from vision_deepresearch.evals.summary import Retrieval, summarise
from vision_deepresearch.judge.entities import EntityJudge
from vision_deepresearch.store.run import RunFolder
from vision_deepresearch.worlds.blocklist import blocked_by

QUESTION = (
    "The person in the picture founded a workshop; in which town was the author of its first "
    "catalogue born, and under what name?"
)


def an_entity_task(n: int, *, entities: tuple[str, ...] | None, free: bool = False) -> Task:
    kind = AnswerType.FREE_TEXT if free else AnswerType.NAME
    task = a_task(ref=f"test/{n}", question=f"{QUESTION} ({n})", answer_type=kind)
    assert task.gold is not None
    return task.model_copy(update={"gold": task.gold.model_copy(update={"entities": entities})})


def a_search(
    task: Task,
    found: Sequence[str | FailureKind],
    *,
    answer: str = "Ostrel",
    url: str = "a.example",
) -> Trajectory:
    """One call of `search` per item: a passage that it brings, or how it fails; "" brings nothing."""
    calls = []
    for one in found:
        evidence = ()
        if isinstance(one, str) and not isinstance(one, FailureKind) and one:
            evidence = (
                Evidence(kind=EvidenceKind.TEXT_HIT, url=f"https://{url}", title="", snippet=one),
            )
        failure = Failure(kind=one, message="no") if isinstance(one, FailureKind) else None
        observation = Observation(parts=(), evidence=evidence, failure=failure)
        call = ToolCall(id="c", name="search", arguments={})
        calls.append(CallRecord(call=call, observation=observation, seconds=0.0))
    turn = a_turn().model_copy(update={"calls": tuple(calls)})
    return a_trajectory(task, answer=answer, turns=(turn,))


@pytest.mark.pitfall("P88")
async def test_recall_is_told_only_where_entities_are_known_and_synonyms_count(
    tmp_path: Path,
) -> None:
    names = ("Ida Kren", "Kren & Son")
    closed = [an_entity_task(n, entities=names) for n in range(2)]
    free = [an_entity_task(n, entities=names, free=True) for n in range(2, 4)]
    bare = an_entity_task(4, entities=None)
    runs = [
        (closed[0], a_search(closed[0], ["by IDA  KREN of Brno", "Kren & Son, makers"])),
        (closed[1], a_search(closed[1], ["Ida Krenova", "Kren & Son"])),
        (free[0], a_search(free[0], ["the elder Kren sister", "Kren & Son"])),
        (free[1], a_search(free[1], ["nothing of use"])),
        (bare, a_search(bare, ["Ida Kren"])),
    ]
    folder = await write_run(tmp_path / "run", runs, judged=True)
    summary = summarise(grade(folder))
    assert summary.recall is not None
    assert (summary.recall.correct, summary.recall.valid, summary.recall_open) == (1, 2, 2)
    assert summary.recall_judge == "entities/1"
    model = SayingModel(replies=["correct: yes", "correct: no", "correct: no"])
    judge = EntityJudge(model, policy_name="test")
    with RunFolder.read(folder) as run:
        scored = await score_run(run, judge)
        before = judges_of(run)
    assert (scored.answers, scored.correct, scored.undecided) == (4, 2, 0)
    assert len(model.asked) == 3, "where all names stand nobody is asked"
    assert all(not one.startswith("entities") for one in before), "it judges no answers"
    shown = pieces_of(model.asked[0])
    assert list(shown) == ["QUESTION", "ENTITY 1", "ENTITY 2", "FOUND"]
    summary = summarise(grade(folder))
    assert summary.recall is not None
    assert (summary.recall.valid, summary.recall_open) == (4, 0)
    assert summary.recall.correct == 2, "names, and the synonym that the model accepts"
    nothing = await write_run(tmp_path / "bare", [(bare, a_search(bare, ["x"]))], judged=True)
    assert summarise(grade(nothing)).recall is None, "n/a, not 0"
    verdict = await EntityJudge(None).judge(bare, a_search(bare, ["x"]))
    assert verdict.decision is Decision.ABSTAIN


async def test_calls_are_counted_by_what_came_and_crops_by_what_was_right(tmp_path: Path) -> None:
    task = an_entity_task(0, entities=("Ida Kren",))
    made = a_search(task, ["a passage", "", FailureKind.UPSTREAM, FailureKind.BLOCKED])
    box = Box(x0=0.1, y0=0.1, x1=0.4, y1=0.4)
    regions = tuple(
        Region(
            handle="img_1", box=box, scale=scale, searched=box, crop=an_image_ref(),
            crop_handle="img_2", hits=hits, failure=failure,
        )
        for scale, hits, failure in [
            (1.0, 1, None), (1.0, 1, None), (1.5, 0, None), (1.5, 0, FailureKind.TIMEOUT),
        ]
    )  # fmt: skip
    titles = ["Ida Kren in her shop", "Another person"]
    evidence = tuple(
        Evidence(kind=EvidenceKind.IMAGE_HIT, url="https://a.example/", title=title, region=index)
        for index, title in enumerate(titles)
    )
    call = ToolCall(id="c", name="crop_and_search", arguments={})
    observation = Observation(parts=(), evidence=evidence, regions=regions)
    turn = a_turn(index=1).model_copy(
        update={"calls": (CallRecord(call=call, observation=observation, seconds=0.0),)}
    )
    made = made.model_copy(update={"turns": (*made.turns, turn)})
    summary = summarise(grade(await write_run(tmp_path / "run", [(task, made)], judged=True)))
    assert summary.tools == {
        "crop_and_search": {"ok": 1},
        "search": {"blocked": 1, "empty": 1, "ok": 1, "upstream": 1},
    }
    assert summary.by_scale == {
        "1": Retrieval(searched=2, found=2, failed=0, right=1),
        "1.5": Retrieval(searched=2, found=0, failed=1, right=0),
    }
    assert summary.by_scale["1"].right_share == 0.5
    assert "Tool calls by what came of them" in {one.title for one in sheets([summary])}


@pytest.mark.pitfall("P87")
@pytest.mark.parametrize(
    ("passage", "answer", "flags"),
    [
        (f"Dataset card. {QUESTION.upper()} A: see below.", "Ostrel", {Flag.QUESTION}),
        (f"{QUESTION}\nanswer: Ostrel", "Ostrel", {Flag.QUESTION, Flag.ANSWERED_QUESTION}),
        ("in which town was the author of its first book? Ostrel.", "x", {Flag.ANSWERED_QUESTION}),
        ("in which town was the author of its first book? Ostrelka.", "x", set()),
        ("in which town was the author of its first book? " + "x " * 200 + "Ostrel", "x", set()),
        ("The author of the catalogue was born in Ostrel.", "Ostrel", set()),
        ("unique-canary-7f", "Ostrel", {Flag.CANARY}),
    ],
)
def test_a_copy_of_the_question_is_flagged_and_ordinary_pages_are_not(
    passage: str, answer: str, flags: set[Flag]
) -> None:
    task = an_entity_task(0, entities=None).model_copy(update={"canary": "unique-canary-7f"})
    assert flags_of(task, a_search(task, [passage], answer=answer)) == flags


@pytest.mark.pitfall("P87")
async def test_accuracy_stands_with_and_without_flagged_attempts(tmp_path: Path) -> None:
    tasks = [an_entity_task(n, entities=None) for n in range(4)]
    runs = [
        (tasks[0], a_search(tasks[0], [tasks[0].question])),
        (tasks[1], a_search(tasks[1], ["a page"], url="huggingface.co/datasets/x/y?z=1#")),
        (tasks[2], a_search(tasks[2], ["a page"], answer="Brno")),
        (tasks[3], a_search(tasks[3], ["a page"])),
    ]
    summary = summarise(grade(await write_run(tmp_path / "run", runs, judged=True)))
    assert summary.flags == {"blocklist": 1, "question": 1}
    assert (summary.accuracy.correct, summary.accuracy.valid) == (3, 4)
    assert summary.unflagged is not None
    assert (summary.unflagged.correct, summary.unflagged.valid) == (1, 2)


@pytest.mark.parametrize(
    ("url", "is_blocked"),
    [
        ("https://huggingface.co/datasets/Osilly/VDR-Bench", True),
        ("http://www.HuggingFace.co//datasets/a", True),
        ("https://huggingface.co/Osilly/model", False),
        ("https://github.com/Osilly/Vision-DeepResearch/blob/main/README.md", True),
        ("https://github.com/osilly/vision-deepresearch-fork", False),
        ("https://arxiv.org/pdf/2601.22060v3", True),
        ("https://mirror.example/read?paper=2601.22060", True),
        ("https://arxiv.org/abs/12601.22060", False),
        ("https://arxiv.org/abs/2601.220601", False),
        ("https://en.wikipedia.org/wiki/Ostrava", False),
        ("no address", False),
    ],
)
def test_the_blocklist_knows_where_benchmarks_lie(url: str, is_blocked: bool) -> None:  # noqa: FBT001
    assert (blocked_by(url) is not None) is is_blocked


async def test_the_command_scores_recall_beside_answers(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    task = an_entity_task(0, entities=("Ida Kren",))
    folder = await write_run(tmp_path / "run", [(task, a_search(task, ["Ida Kren"]))], judged=True)
    command = ["eval", "score", str(folder), "--judge", "entities", "--judge", "f1", "--json"]
    assert await asyncio.to_thread(vdr, command) == 0
    recall, answers = json.loads(capsys.readouterr().out)["judges"]
    assert (recall["judge"], recall["correct"], recall["answers"]) == ("entities/1", 1, 1)
    assert (answers["judge"], answers["mean_score"]) == ("f1/1", 1.0)
    assert answers["recall"]["share"] == 1.0
    alone = [*command[:3], "--judge", "entities", "--sheet", str(tmp_path / "s.jsonl")]
    assert await asyncio.to_thread(vdr, alone) == 2
    assert "about answers" in capsys.readouterr().err
