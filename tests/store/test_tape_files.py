"""Tapes as files: nothing is lost in a merge but what is older, damaged rows are told and left out."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from vision_deepresearch.core.errors import ConfigError, FailureKind, WorldError
from vision_deepresearch.store.recording import Reply, Request
from vision_deepresearch.store.tape import Tape, TapeMode
from vision_deepresearch.store.tape_files import (
    find_recording,
    merge_tapes,
    read_recordings,
    summarise_tape,
)


def asked(query: str, kind: str = "text_search") -> Request:
    return Request(kind=kind, provider="w1", version=1, body={"query": query})


async def record(path: Path, answers: dict[str, Reply], *, at_s: float = 1000.0) -> None:
    async with Tape.open(path, mode=TapeMode.RECORD, clock=lambda: at_s) as tape:
        for query, reply in answers.items():

            async def call(reply: Reply = reply) -> Reply:
                if reply.value == "gone":
                    raise WorldError(FailureKind.NOT_FOUND, "no such page")
                return reply

            try:
                await tape.ask(asked(query), call, error=WorldError)
            except WorldError:
                assert reply.value == "gone"


def files_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


async def replayed(path: Path, query: str) -> Reply:
    async def never() -> Reply:
        raise AssertionError

    async with Tape.open(path, mode=TapeMode.REPLAY) as tape:
        return (await tape.ask(asked(query), never, error=WorldError)).reply


async def test_a_merge_holds_every_recording_and_the_newest_of_equal_ones(tmp_path: Path) -> None:
    one, two, target = tmp_path / "one", tmp_path / "two", tmp_path / "all"
    await record(one, {"a": Reply(value='"old"'), "b": Reply(value='"b"', blobs=(b"pic",))})
    await record(two, {"a": Reply(value='"new"'), "c": Reply(value="gone")}, at_s=2000.0)
    done = await merge_tapes(target, [two, one])
    assert (done.taken, done.older, done.damaged) == (3, 1, 0)
    assert [name for name in files_in(tmp_path) if "all" in name] == ["all"]  # one file to hand on
    assert (await replayed(target, "a")).value == '"new"'
    assert (await replayed(target, "b")).blobs == (b"pic",)
    with pytest.raises(WorldError):
        await replayed(target, "c")
    again = await merge_tapes(target, [one, two])
    assert (again.taken, again.older) == (0, 4)


async def test_damage_is_told_and_never_copied(tmp_path: Path) -> None:
    one, target = tmp_path / "one", tmp_path / "all"
    await record(one, {"a": Reply(value='"a"'), "b": Reply(value='"b"')})
    with closing(sqlite3.connect(one)) as connection, connection:
        connection.execute("UPDATE call SET latency_s = latency_s + 1 WHERE rowid = 1")
    assert summarise_tape(one).damaged == 1
    done = await merge_tapes(target, [one])
    assert (done.taken, done.damaged) == (1, 1)
    assert [one.text for one in read_recordings(target)] == [asked("b").canonical()]


async def test_a_summary_counts_by_kind_with_prices(tmp_path: Path) -> None:
    path = tmp_path / "tape"
    answers = {
        "a": Reply(value='"a"', cost_usd=0.5),
        "b": Reply(value="[]", is_empty=True),
        "c": Reply(value="gone"),
    }
    await record(path, answers)
    (group,) = summarise_tape(path).groups
    assert (group.recordings, group.failures, group.empty, group.unpriced) == (3, 1, 1, 2)
    assert group.cost_usd == 0.5


async def test_a_recording_is_found_by_the_beginning_of_its_key(tmp_path: Path) -> None:
    path = tmp_path / "tape"
    await record(path, {"a": Reply(value='"a"'), "b": Reply(value='"b"')})
    first = next(read_recordings(path))
    assert find_recording(path, first.key.hex()[:10]).text == first.text
    for start in ("", "zz"):
        with pytest.raises(ConfigError):
            find_recording(path, start)


async def test_what_is_no_tape_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "tape"
    await record(path, {"a": Reply(value='"a"')})
    with pytest.raises(ConfigError):
        await merge_tapes(path, [path])
    with pytest.raises(ConfigError):
        await merge_tapes(tmp_path / "new", [path, tmp_path / "none"])
    assert not (tmp_path / "new").exists()
