"""Tables of other people: every known shape loads, bad rows are listed, nothing is mended in silence."""

import base64
import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.builders import a_picture
from tests.train.export.test_export import exported, lines
from tests.train.export.test_round_trip import imported
from vision_deepresearch.core.content import Role
from vision_deepresearch.core.errors import ConfigError
from vision_deepresearch.core.trajectory import StopReason
from vision_deepresearch.media.store import FolderMediaStore
from vision_deepresearch.store.view import RunView

PICTURES = [a_picture(width=5 + number, height=4, seed=number) for number in range(3)]
SFT = [
    {"role": "system", "content": "sys"},
    {"role": "user", "content": "<image>Who is this?<image>"},
    {
        "role": "assistant",
        "content": '<think>\nsee\n</think>\n<tool_call>\n{"name": "search", "arguments": '
        '{"query": ["x"]}}\n</tool_call>',
    },
    {"role": "user", "content": "<tool_response>\nfound <image>\n</tool_response>"},
    {"role": "assistant", "content": "<think>\nok\n</think>\n<answer>Ada</answer>"},
]


def write_lines(path: Path, *rows: object) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    return path


def places(data: bytes) -> dict[str, int]:
    return {str(place): one for place, one in enumerate(data)}


@pytest.mark.parametrize("form", ["bytes", "struct", "numbers", "signed", "places", "base64"])
def test_the_released_sft_shape_loads_whatever_its_bytes_are(form: str, tmp_path: Path) -> None:
    """`messages` + `images` in parquet; mappings of places become structs with nulls there."""
    forms = {
        "bytes": (pa.list_(pa.binary()), list(PICTURES)),
        "struct": (
            pa.list_(pa.struct([("bytes", pa.binary()), ("path", pa.string())])),
            [{"bytes": one, "path": None} for one in PICTURES],
        ),
        "numbers": (pa.list_(pa.list_(pa.int64())), [list(one) for one in PICTURES]),
        "signed": (
            pa.list_(pa.list_(pa.int8())),
            [[b - 256 if b > 127 else b for b in one] for one in PICTURES],
        ),
        "places": (
            pa.list_(pa.struct([(str(p), pa.uint8()) for p in range(max(map(len, PICTURES)))])),
            [places(one) for one in PICTURES],
        ),
        "base64": (
            pa.list_(pa.string()),
            [base64.b64encode(one).decode() for one in PICTURES],
        ),
    }
    kind, cells = forms[form]
    table = pa.table({"messages": [SFT], "images": pa.array([cells], kind)})
    pq.write_table(table, tmp_path / "sft.parquet")
    done = imported(tmp_path / "run", tmp_path / "sft.parquet")
    assert (done.tasks, done.attempts, done.rejected) == (1, 1, {})
    with RunView(tmp_path / "run") as view:
        (trace,) = view.traces()
        media = FolderMediaStore(view.media_root)
        shown = [image.ref for m in trace.trajectory.prompt for image in m.images]
        shown += [i.ref for m in trace.trajectory.turns[0].results for i in m.images]
        assert shown == [media.put(one) for one in PICTURES]
        assert trace.task.images == tuple(shown[:2])
    assert trace.task.question == "Who is this?"
    assert trace.task.kind == "verified"
    first, last = trace.trajectory.turns
    assert (first.thought, first.calls[0].call.name, last.answer) == ("see", "search", "Ada")
    assert trace.trajectory.stop is StopReason.ANSWER
    assert trace.trajectory.answer == "Ada"


@pytest.mark.parametrize("column", ["image", "images"])
def test_the_released_rl_shape_loads(column: str, tmp_path: Path) -> None:
    """`question, answer, image` singular; train and test count their ids from 0 both."""
    for name in ("train", "test"):
        rows = [
            {
                "id": n,
                "question": f"{name} {n}?",
                "answer": "Ada",
                "level": 2,
                column: places(PICTURES[n]),
            }
            for n in range(2)
        ]
        write_lines(tmp_path / f"{name}.jsonl", *rows)
    done = imported(tmp_path / "run", tmp_path, dataset="toy", licence="MIT")
    assert (done.tasks, done.attempts, done.rejected) == (4, 0, {})
    with RunView(tmp_path / "run") as view:
        tasks = list(view.tasks())
    assert sorted(task.ref for task in tasks) == [
        "toy/test/0",
        "toy/test/1",
        "toy/train/0",
        "toy/train/1",
    ]
    assert {task.split for task in tasks if task.ref.startswith("toy/test")} == {"test"}
    task = next(task for task in tasks if task.ref == "toy/train/1")
    assert task.gold is not None
    assert (task.gold.answers, task.split, task.licence) == (("Ada",), "train", "MIT")
    assert task.provenance == {"dataset": "toy", "file": "train.jsonl", "row": "1"}


@pytest.mark.pitfall("P90")
def test_equal_ids_of_two_files_are_two_tasks_and_a_picture_is_in_one_split(tmp_path: Path) -> None:
    rows = [
        {"id": 0, "question": f"q{n}?", "answer": "a", "image": list(PICTURES[n % 3])}
        for n in range(12)
    ]
    write_lines(tmp_path / "a.jsonl", *rows)
    write_lines(tmp_path / "b.jsonl", {"id": 0, "question": "other?", "answer": "a"})
    imported(tmp_path / "run", tmp_path, test_frac=0.5)
    with RunView(tmp_path / "run") as view:
        tasks = list(view.tasks())
    assert len({task.id for task in tasks}) == len({task.ref for task in tasks}) == 13
    by_split = {
        split: {task.cluster for task in tasks if task.split == split}
        for split in ("train", "test")
    }
    assert by_split["train"]
    assert by_split["test"]
    assert not by_split["train"] & by_split["test"]


@pytest.mark.pitfall("P84")
def test_unknown_columns_are_kept_and_an_empty_gold_is_one_reject(tmp_path: Path) -> None:
    write_lines(
        tmp_path / "set.jsonl",
        {"question": "a?", "answer": "x", "wiki": {"page": [1, None]}, "score": 0.5},
        {"question": "b?", "answer": "  "},
        {"question": "c?", "answer": ["y", "z"]},
    )
    done = imported(tmp_path / "run", tmp_path / "set.jsonl")
    assert (done.rows, done.tasks, done.rejected) == (3, 2, {"answer": 1})
    with RunView(tmp_path / "run") as view:
        first, third = view.tasks()
        (reject,) = view.rejects()
    assert first.extra == {"wiki": {"page": [1, None]}, "score": 0.5}
    assert third.gold is not None
    assert third.gold.answers == ("y", "z")
    assert (reject.task_id, reject.reason) == ("set.jsonl#1", "answer")


BAD_ROWS = {
    "placeholders": {"messages": SFT, "images": [list(PICTURES[0])]},
    "picture": {"question": "q?", "answer": "a", "image": [1, 2, 3]},
    "question": {"question": " <image> ", "answer": "a"},
    "columns": {"text": "only text"},
    "role": {"messages": [{"role": "tool_call", "content": "{}"}]},
    "messages": {"messages": [{"role": "user", "content": None}]},
    "sides": {"messages": [{"role": "user", "content": "q?"}]},
    "loss": {"messages": [*SFT[:2], {"role": "assistant", "content": "a", "loss": 0.5}]},
    "text": {"question": "half \ud800?", "answer": "a"},
    "schema": {"task": {"id": "x"}, "trajectory": None, "verdict": None},
}


@pytest.mark.parametrize("reason", BAD_ROWS)
def test_a_bad_row_is_a_reject_with_its_reason_and_the_others_go_on(
    reason: str, tmp_path: Path
) -> None:
    good = {"question": "fine?", "answer": "a", "image": list(PICTURES[0])}
    write_lines(tmp_path / "set.jsonl", BAD_ROWS[reason], good)
    done = imported(tmp_path / "run", tmp_path / "set.jsonl")
    assert done.rejected == {reason: 1}
    assert done.tasks == 1
    assert done.examples[0].startswith(f"set.jsonl#0: {reason}: ")


@pytest.mark.pitfall("P13")
def test_a_picture_that_does_not_decode_costs_its_row(tmp_path: Path) -> None:
    cut = PICTURES[0][: len(PICTURES[0]) // 2]
    write_lines(tmp_path / "set.jsonl", {"question": "q?", "answer": "a", "image": list(cut)})
    assert imported(tmp_path / "run", tmp_path / "set.jsonl").rejected == {"picture": 1}


def test_damaged_lines_and_files_are_told_apart(tmp_path: Path) -> None:
    path = write_lines(tmp_path / "set.jsonl", {"question": "q?", "answer": "a"})
    path.write_bytes(b'{"question": \n' + path.read_bytes() + b"[1]\n\n")
    assert imported(tmp_path / "run", path).rejected == {"damaged": 2}
    for name, content in (("x.parquet", b"PAR1"), ("x.json", b"{"), ("x.xlsx", b"a,b")):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(ConfigError, match=name):
            imported(tmp_path / "other", tmp_path / name)
    with pytest.raises(ConfigError, match="there are none"):
        imported(tmp_path / "other", tmp_path / "nowhere")


def test_conversations_about_one_question_are_its_attempts_and_copies_are_rejects(
    tmp_path: Path,
) -> None:
    asked = {"role": "user", "content": "q?"}
    rows = [
        {"messages": [asked, {"role": "assistant", "content": f"<answer>{n}</answer>"}]}
        for n in (1, 2, 1)
    ]
    write_lines(tmp_path / "set.jsonl", *rows)
    done = imported(tmp_path / "run", tmp_path / "set.jsonl")
    assert (done.tasks, done.attempts, done.rejected) == (1, 2, {"duplicate": 1})


def test_sharegpt_and_trl_and_json_lists_load(tmp_path: Path) -> None:
    turns = [
        {"from": "human", "value": "<image>q?"},
        {"from": "gpt", "value": "<answer>a</answer>"},
    ]
    path = tmp_path / "pictures" / "one.png"
    path.parent.mkdir()
    path.write_bytes(PICTURES[0])
    share = {"conversations": turns, "system": "S", "images": ["pictures/one.png"]}
    (tmp_path / "share.json").write_text(json.dumps([share]))
    blocks = [
        {
            "role": "user",
            "content": [{"type": "image"}, {"type": "text", "text": "literal <image>?"}],
        },
        {"role": "assistant", "content": [{"type": "text", "text": "<answer>a</answer>"}]},
    ]
    write_lines(tmp_path / "trl.jsonl", {"messages": blocks, "images": [list(PICTURES[1])]})
    done = imported(tmp_path / "run", tmp_path)
    assert (done.attempts, done.rejected) == (2, {})
    exported(tmp_path / "run", tmp_path / "out", format="sharegpt", only="all")
    rows = lines(tmp_path / "out" / "data" / "train-00000.jsonl")
    literal = [{"from": "human", "value": "<image>literal \u2039image>?"}, turns[1]]
    assert sorted(map(json.dumps, (row["conversations"] for row in rows))) == sorted(
        map(json.dumps, (turns, literal))
    )


def test_a_file_outside_the_tables_folder_is_never_read(tmp_path: Path) -> None:
    (tmp_path / "private.png").write_bytes(PICTURES[0])
    folder = tmp_path / "set"
    folder.mkdir()
    for number, name in enumerate(("../private.png", str(tmp_path / "private.png"))):
        path = write_lines(folder / f"{number}.jsonl", {"question": "q?", "image": name})
        assert imported(tmp_path / f"run{number}", path).rejected == {"picture": 1}


def test_the_same_command_again_changes_nothing_and_another_is_refused(tmp_path: Path) -> None:
    rows = [{"question": f"q{n}?", "answer": "a"} for n in range(150)]
    path = write_lines(tmp_path / "set.jsonl", *rows, {"text": "bad"})
    first = imported(tmp_path / "run", path)
    assert imported(tmp_path / "run", path) == first
    with RunView(tmp_path / "run") as view:
        assert view.counts().tasks == 150
        assert view.counts().rejects == 1
    with pytest.raises(ConfigError, match="another config"):
        imported(tmp_path / "run", path, split="test")


def test_a_limit_reads_so_many_rows(tmp_path: Path) -> None:
    rows = [{"question": f"q{n}?", "answer": "a"} for n in range(150)]
    path = write_lines(tmp_path / "set.jsonl", *rows)
    done = imported(tmp_path / "run", path, limit=70)
    assert (done.rows, done.tasks) == (70, 70)


def test_what_was_imported_has_no_template_text(tmp_path: Path) -> None:
    path = write_lines(
        tmp_path / "set.jsonl", {"messages": [SFT[0], {"role": "user", "content": "q"}, SFT[4]]}
    )
    imported(tmp_path / "run", path)
    with RunView(tmp_path / "run") as view:
        (trajectory,) = view.trajectories()
    assert [m.role for m in trajectory.prompt] == [Role.SYSTEM, Role.USER]
    parts = [p for m in trajectory.prompt for p in m.parts]
    assert [part.trusted for part in parts if part.kind == "text"] == [False, False]
