"""Exports: golden bytes, what is refused, and that nothing half-written is ever there."""

import json
import shutil
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from pydantic import JsonValue

from tests.train.export.run_sample import (
    CORRECT,
    WRONG,
    a_task,
    a_trajectory,
    a_turn,
    an_answer,
    hostile_episode,
    media_of,
    pictures,
    store,
)
from vision_deepresearch.core.content import ImageRef
from vision_deepresearch.core.episode import Episode, episode_of
from vision_deepresearch.core.errors import ConfigError
from vision_deepresearch.store.view import RunView
from vision_deepresearch.train.export.export import Exported, ExportSettings, export_run
from vision_deepresearch.train.export.formats import FORMATS

GOLDEN = Path(__file__).parent / "golden"
ROOT = Path(__file__).resolve().parents[3]


def exported(run: Path, out: Path, **settings: object) -> Exported:
    with RunView(run) as view:
        return export_run(view, out, settings=ExportSettings.model_validate(settings))


def lines(path: Path) -> list[dict[str, JsonValue]]:
    return [json.loads(line) for line in path.read_bytes().split(b"\n") if line]


def rows_in(path: Path) -> list[dict[str, object]]:
    if path.suffix == ".parquet":
        rows: list[dict[str, object]] = pq.read_table(path).to_pylist()
        return rows
    return [dict(line) for line in lines(path)]


def reasons(out: Path) -> list[str]:
    return [str(line["reason"]) for line in lines(out / "rejects.jsonl")]


def an_episode(
    number: int = 0, *, attempt: int = 0, images: Sequence[ImageRef] = (), **task: object
) -> Episode:
    question = f"Who founded {number}?"
    made = a_task(ref=f"test/{number}", question=question, images=images).model_copy(update=task)
    return episode_of(made, a_trajectory(made, [a_turn(0), an_answer(1)], attempt=attempt), CORRECT)


def without_bytes(value: object) -> object:
    """Cells as JSON; pictures, whose encoding belongs to a library, by their kind."""
    if isinstance(value, bytes):
        return f"<{value[1:4].decode()}>"
    if isinstance(value, Mapping):
        return {name: without_bytes(inner) for name, inner in value.items()}
    return [without_bytes(one) for one in value] if isinstance(value, list) else value


@pytest.mark.pitfall("P79")
@pytest.mark.parametrize("name", ["ms-swift", "sharegpt", "trl", "verl"])
def test_a_hostile_run_is_written_as_the_golden_file_has_it(name: str, tmp_path: Path) -> None:
    """To renew: delete the file and run once; then read it, marker by marker."""
    run = tmp_path / "run"
    hostile = hostile_episode(media_of(run))
    turns = [one for one in hostile.trajectory.turns if one.fault is None]
    turns = [one.model_copy(update={"index": index}) for index, one in enumerate(turns)]
    clean = episode_of(hostile.task, a_trajectory(hostile.task, turns, attempt=1), CORRECT)
    store(run, hostile, clean)
    exported(run, tmp_path / "out", format=name)
    (data,) = (tmp_path / "out" / "data").iterdir()
    written = json.dumps(without_bytes(rows_in(data)), indent=1, ensure_ascii=False) + "\n"
    golden = GOLDEN / f"{name}.json"
    if not golden.exists():
        golden.parent.mkdir(exist_ok=True)
        golden.write_text(written, "utf-8")
        pytest.fail(f"{golden.name} was not there and is written: read it")
    assert written == golden.read_text("utf-8")


def test_loss_flags_stand_at_every_reply_and_nowhere_else(tmp_path: Path) -> None:
    run = tmp_path / "run"
    store(run, hostile_episode(media_of(run)))
    exported(run, tmp_path / "out", format="ms-swift")
    (row,) = lines(tmp_path / "out" / "data" / "train-00000.jsonl")
    messages = row["messages"]
    assert isinstance(messages, list)
    told = [(one["role"], one.get("loss")) for one in messages if isinstance(one, dict)]
    assert told == [
        ("system", None),
        ("user", None),
        ("assistant", True),
        ("user", None),
        ("assistant", False),
        ("user", None),
        ("assistant", True),
    ]


@pytest.mark.parametrize("name", ["sharegpt", "llama-factory", "trl"])
def test_a_format_without_flags_refuses_rows_that_need_them(name: str, tmp_path: Path) -> None:
    run = tmp_path / "run"
    store(run, hostile_episode(media_of(run)), an_episode(1))
    done = exported(run, tmp_path / "out", format=name)
    assert (done.num_lines, done.num_refused) == (1, 1)
    assert reasons(tmp_path / "out") == ["needs_flags"]


@pytest.mark.pitfall("P78")
@pytest.mark.parametrize("count", [0, 1, 3])
@pytest.mark.parametrize("name", [one for one in FORMATS if one not in {"jsonl", "parquet"}])
def test_every_training_format_carries_all_pictures(name: str, count: int, tmp_path: Path) -> None:
    run = tmp_path / "run"
    task = a_task(images=pictures(media_of(run), count))
    store(run, episode_of(task, a_trajectory(task, [an_answer(0)]), CORRECT))
    exported(run, tmp_path / "out", format=name)
    (data,) = (tmp_path / "out" / "data").iterdir()
    (row,) = rows_in(data)
    images = row.pop("images")
    assert isinstance(images, list)
    assert len(images) == count
    placeholder = '"type": "image"' if name == "trl" else "<image>"
    assert json.dumps(row).count(placeholder) == count
    for shown in images:
        path = tmp_path / "out" / str(shown)
        data_of = shown["bytes"] if isinstance(shown, dict) else path.read_bytes()
        assert isinstance(data_of, bytes)
        assert data_of.startswith(b"\x89PNG")


def test_a_damaged_or_missing_picture_refuses_its_row(tmp_path: Path) -> None:
    run = tmp_path / "run"
    one, two, three = pictures(media_of(run), 3)
    episodes = [
        episode_of(task, a_trajectory(task, [an_answer(0)]), CORRECT)
        for number, ref in enumerate((one, two, three))
        for task in [a_task(ref=f"test/{number}", images=[ref])]
    ]
    store(run, *episodes)
    path = run / "media" / one.sha256[:2] / one.sha256[2:]
    path.write_bytes(path.read_bytes()[:60])
    (run / "media" / two.sha256[:2] / two.sha256[2:]).unlink()
    for name in FORMATS:
        done = exported(run, tmp_path / name, format=name)
        assert (done.num_lines, reasons(tmp_path / name)) == (1, ["picture", "picture"]), name


def test_a_picture_with_other_pixels_than_its_address_refuses_its_row(tmp_path: Path) -> None:
    run = tmp_path / "run"
    one, two = pictures(media_of(run), 2)
    task = a_task(images=[one])
    store(run, episode_of(task, a_trajectory(task, [an_answer(0)]), CORRECT))
    shutil.copy(
        run / "media" / two.sha256[:2] / two.sha256[2:],
        run / "media" / one.sha256[:2] / one.sha256[2:],
    )
    assert exported(run, tmp_path / "out", format="ms-swift").num_lines == 0
    assert reasons(tmp_path / "out") == ["picture"]


@pytest.mark.parametrize("name", list(FORMATS))
def test_no_word_of_a_protected_task_leaves_the_run(name: str, tmp_path: Path) -> None:
    run = tmp_path / "run"
    secret = an_episode(7, protected=True)
    store(run, secret, an_episode(1), tasks=[a_task(question="zebra?", protected=True)])
    exported(run, tmp_path / "out", format=name, only="all")
    assert "protected" in reasons(tmp_path / "out")
    for path in (tmp_path / "out").rglob("*"):
        if path.is_file():
            data = path.read_bytes()
            assert b"founded 7" not in data, path.name
            assert b"zebra" not in data, path.name


@pytest.mark.pitfall("P90")
def test_what_a_test_task_shows_is_not_trained_on(tmp_path: Path) -> None:
    run = tmp_path / "run"
    one, two = pictures(media_of(run), 2)
    tasks = [
        a_task(ref="a", images=[one], question="Who?", split="test"),
        a_task(ref="b", images=[one], question="What?"),
        a_task(ref="c", images=[two], question="Who?"),
        a_task(ref="d", question="Which town?", split="test"),
        a_task(ref="e", question="which town"),
        a_task(ref="f", images=[two], question="Where?", split="test", cluster="x"),
        a_task(ref="g", question="Why?", cluster="x"),
    ]
    episodes = [episode_of(task, a_trajectory(task, [an_answer(0)]), CORRECT) for task in tasks]
    store(run, *episodes)
    out = tmp_path / "out"
    exported(run, out, format="ms-swift")
    assert reasons(out) == ["test_overlap"] * 4
    assert b"town" not in (out / "rejects.jsonl").read_bytes()
    assert sorted(path.name for path in (out / "data").iterdir()) == ["test-00000.jsonl"]
    assert exported(run, tmp_path / "all", format="jsonl").num_refused == 0


def test_questions_of_a_benchmark_are_not_trained_on(tmp_path: Path) -> None:
    run = store(tmp_path / "run", an_episode(1, kind="benchmark"))
    exported(run, tmp_path / "out", format="ms-swift")
    assert reasons(tmp_path / "out") == ["benchmark"]


def test_only_and_mode_choose_and_what_is_left_out_is_counted(tmp_path: Path) -> None:
    good, bad = an_episode(1), an_episode(2)
    bad = episode_of(bad.task, bad.trajectory, WRONG)
    run = store(tmp_path / "run", good, bad)
    done = exported(run, tmp_path / "a", format="ms-swift")
    counts = done.figures["run"]
    assert isinstance(counts, dict)
    assert (done.num_lines, counts["not_wanted"]) == (1, 1)
    assert exported(run, tmp_path / "b", format="ms-swift", only="all").num_lines == 2
    assert exported(run, tmp_path / "c", format="ms-swift", mode="agent").num_lines == 0
    assert exported(run, tmp_path / "d", format="verl", only="correct").num_lines == 1
    assert exported(run, tmp_path / "e", format="verl").num_lines == 2


def test_shards_hold_at_most_so_many_lines_and_llama_factory_knows_each(tmp_path: Path) -> None:
    run = store(tmp_path / "run", *(an_episode(number) for number in range(5)))
    exported(run, tmp_path / "out", format="llama-factory", shard_size=2)
    files = sorted((tmp_path / "out" / "data").iterdir())
    assert [len(lines(path)) for path in files] == [2, 2, 1]
    info = json.loads((tmp_path / "out" / "dataset_info.json").read_bytes())
    assert [one["file_name"] for one in info.values()] == [f"data/{path.name}" for path in files]


def tree(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


@pytest.mark.parametrize("name", list(FORMATS))
def test_the_order_in_which_a_run_was_made_changes_no_byte(name: str, tmp_path: Path) -> None:
    episodes = [an_episode(number, attempt=attempt) for number in range(4) for attempt in range(2)]
    first = store(tmp_path / "a", *episodes)
    second = store(tmp_path / "b", *reversed(episodes))
    exported(first, tmp_path / "x", format=name)
    exported(second, tmp_path / "y", format=name)
    assert tree(tmp_path / "x") == tree(tmp_path / "y")


def test_the_same_export_again_leaves_all_as_it_is_and_another_is_refused(tmp_path: Path) -> None:
    run, out = store(tmp_path / "run", an_episode(1)), tmp_path / "out"
    exported(run, out, format="ms-swift")
    before = tree(out)
    exported(run, out, format="ms-swift")
    assert tree(out) == before
    with pytest.raises(ConfigError, match="another export"):
        exported(run, out, format="jsonl")
    assert tree(out) == before
    (out / "data" / "train-00000.jsonl").write_text("changed")
    with pytest.raises(ConfigError, match="another export"):
        exported(run, out, format="ms-swift")


def test_what_is_no_export_is_not_touched(tmp_path: Path) -> None:
    run, out = store(tmp_path / "run", an_episode(1)), tmp_path / "out"
    out.mkdir()
    (out / "mine.txt").write_text("mine")
    with pytest.raises(ConfigError, match="choose another place"):
        exported(run, out, format="jsonl")
    assert tree(out) == {"mine.txt": b"mine"}


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"format": "swift"}, "unknown format 'swift': use one of jsonl"),
        ({"format": "ms-swift", "images": "embedded"}, "ms-swift keeps pictures as files"),
        ({"format": "verl", "images": "files"}, "verl keeps pictures as embedded"),
        ({"format": "jsonl", "shard_size": 0}, "raise --shard-size"),
    ],
    ids=str,
)
def test_settings_that_cannot_be_are_refused(
    settings: dict[str, object], words: str, tmp_path: Path
) -> None:
    run = store(tmp_path / "run", an_episode(1))
    with pytest.raises(ConfigError, match=words):
        exported(run, tmp_path / "out", **settings)
    assert not (tmp_path / "out").exists()


def test_an_error_on_the_way_leaves_nothing(tmp_path: Path) -> None:
    run = store(tmp_path / "run", an_episode(1), an_episode(2))

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    settings = ExportSettings(format="parquet")
    with RunView(run) as view, pytest.raises(KeyboardInterrupt):
        export_run(view, tmp_path / "out", settings=settings, show=interrupt)
    assert [path.name for path in tmp_path.iterdir()] == ["run"]


_KILLED = """
import os, signal, sys
from pathlib import Path
sys.path.insert(0, sys.argv[3])
from vision_deepresearch.store.view import RunView
from vision_deepresearch.train.export.export import ExportSettings, export_run
def die(what, done, total):
    if done == 3:
        os.kill(os.getpid(), signal.SIGKILL)
with RunView(Path(sys.argv[1])) as view:
    export_run(view, Path(sys.argv[2]), settings=ExportSettings(format="ms-swift"), show=die)
"""


@pytest.mark.pitfall("P83")
def test_a_kill_on_the_way_leaves_no_export_and_the_next_one_is_whole(tmp_path: Path) -> None:
    run, out = store(tmp_path / "run", *map(an_episode, range(4))), tmp_path / "out"
    ended = subprocess.run(
        [sys.executable, "-c", _KILLED, str(run), str(out), str(ROOT / "src")], check=False
    )
    assert ended.returncode == -signal.SIGKILL
    assert (tmp_path / ".out.new" / "data").is_dir()
    assert not out.exists()
    exported(run, out, format="ms-swift")
    exported(run, tmp_path / "undisturbed", format="ms-swift")
    assert tree(out) == tree(tmp_path / "undisturbed")
    assert not (tmp_path / ".out.new").exists()


def test_the_card_counts_and_names_where_it_comes_from(tmp_path: Path) -> None:
    run = tmp_path / "run"
    bad = an_episode(2)
    store(
        run,
        hostile_episode(media_of(run)),
        episode_of(bad.task, bad.trajectory, WRONG),
        an_episode(3, protected=True),
        an_episode(4, licence="CC0-1.0"),
    )
    done = exported(run, tmp_path / "out", format="ms-swift")
    assert done.figures == {
        "run": {
            "attempts": 4,
            "correct": 3,
            "judged": 4,
            "not_wanted": 1,
            "outages": 0,
            "rejects": 0,
            "tasks": 4,
            "unreadable": 0,
        },
        "lines": {"train": 2},
        "written": {
            "over_64k_tokens": 0,
            "pictures": 4,
            "replies": 5,
            "replies_trained": 4,
            "turns": 5,
        },
        "masked_replies": {"fault": 1},
        "refused": {"protected": 1},
        "rejected_by_the_run": {},
        "about": {
            "decision": {"correct": 2},
            "judge": {"rules/1": 2},
            "kind": {"fuzzy": 2},
            "licence": {"CC0-1.0": 1, "not stated": 1},
            "mode": {"cis+ts": 2},
            "model": {"oracle": 2},
            "profile": {"vdr": 2},
            "prompt": {"ab" * 32: 2},
            "source": {"world w1": 2},
            "stop": {"answer": 2},
        },
    }
    text = (tmp_path / "out" / "README.md").read_text("utf-8")
    for words in ("| CC0-1.0 | 1 |", "| protected | 1 |", "| " + "ab" * 32 + " | 2 |", "oracle"):
        assert words in text
