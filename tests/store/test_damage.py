"""Bit rot: a damaged row is noticed, counted, and its work done again; never served."""

import contextlib
import random
import shutil
import sqlite3
from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.builders import a_task, a_trajectory, a_turn
from tests.store.sqlite_bytes import Use, uses_of
from vision_deepresearch.core.episode import Decision, Episode, Verdict, episode_of
from vision_deepresearch.core.errors import ConfigError, WorldError
from vision_deepresearch.store.database import StoreError
from vision_deepresearch.store.recording import Reply, Request
from vision_deepresearch.store.rows import Column, checked, is_intact
from vision_deepresearch.store.run import RunFolder
from vision_deepresearch.store.tape import Tape, TapeMode
from vision_deepresearch.store.tape_files import merge_tapes, summarise_tape

NUM = 12
FRESH = '"asked again"'


def opened(path: Path) -> AbstractAsyncContextManager[RunFolder]:
    return RunFolder.open(path, config="a = 1\n", provenance={})


def an_episode(number: int) -> Episode:
    noise = random.Random(number).randbytes(600 if number % 3 else 6000).hex()
    task = a_task(ref=f"test/{number}", question=f"Which? {number}")
    verdict = Verdict(decision=Decision.CORRECT, reason=noise[:20], judge="rules@1")
    return episode_of(task, a_trajectory(task, turns=(a_turn(reply=noise),)), verdict)


EPISODES = [an_episode(number) for number in range(NUM)]


async def ask(tape: Tape, number: int, value: str) -> Reply:
    """Ask for number; a call that is made answers `value`."""

    async def call() -> Reply:
        return Reply(value=value, blobs=(random.Random(number).randbytes(500),))

    request = Request(kind="asset", provider="test", version=1, body={"number": number})
    return (await tape.ask(request, call, error=WorldError)).reply


async def fill(folder: Path) -> None:
    async with opened(folder) as run:
        tape = run.tape()
        for number in range(NUM):
            await run.put_episode(EPISODES[number])
            await ask(tape, number, f'"{number}"')
            await run.put_reject("rejected", number, reason="bug", detail="detail")


@given(
    st.lists(
        st.one_of(st.none(), st.text(), st.binary(), st.integers(-(2**63), 2**63 - 1), st.floats()),
        min_size=1,
        max_size=4,
    ),
    st.data(),
)
def test_any_other_column_fails_the_checksum(columns: list[Column], data: st.DataObject) -> None:
    row = list(checked(columns))
    assert is_intact(row)
    position = data.draw(st.integers(0, len(row) - 2))
    others: tuple[Column, ...] = (None, "", "x", b"", b"x", 0, 1, 0.0, 1.5, str(row[position]))
    for other in others:
        if type(other) is type(row[position]) and other == row[position]:
            continue
        assert not is_intact([*row[:position], other, *row[position + 1 :]])


@pytest.mark.parametrize(
    ("table", "column", "value"),
    [
        ("attempt", "task_id", "other"),
        ("attempt", "attempt", 5),
        ("attempt", "trajectory", b"torn"),
        ("attempt", "verdict", None),
        ("attempt", "totals", "{}"),
        ("attempt", "row_check", b"12345678"),
        ("task", "payload", b"torn"),
        ("reject", "reason", "other"),
    ],
)
async def test_an_edited_row_is_counted_and_its_attempt_runs_again(
    tmp_path: Path, table: str, column: str, value: Column
) -> None:
    await fill(tmp_path)
    with contextlib.closing(sqlite3.connect(tmp_path / "run.db")) as connection:
        connection.execute(
            f"UPDATE {table} SET {column} = ? WHERE rowid = 7",  # noqa: S608 - names of this test
            (value,),
        )
        connection.commit()
    with RunFolder.read(tmp_path) as view:
        list(view.episodes())
        list(view.rejects())
        assert view.counts().damaged >= 1
    async with opened(tmp_path) as run:
        assert run.counts().damaged == 1
        assert (tmp_path / "run.db.damaged-1").exists()
        lost = {(EPISODES[number].task.id, 0) for number in range(NUM)} - run.done()
        assert len(lost) == (table == "attempt")
        for number in range(NUM):
            await run.put_episode(EPISODES[number])
        assert {episode.task.ref: episode for episode in run.episodes()} == {
            f"test/{number}": EPISODES[number] for number in range(NUM)
        }
        assert run.tape().stats.damaged == 0


@pytest.mark.pitfall("P38")
async def test_a_flipped_recording_is_a_miss_and_is_recorded_again(tmp_path: Path) -> None:
    await fill(tmp_path)
    with contextlib.closing(sqlite3.connect(tmp_path / "run.db")) as connection:
        connection.execute("UPDATE call SET payload = ? WHERE rowid = 1", (b"torn",))
        connection.execute("UPDATE blob SET data = ? WHERE rowid = 2", (b"other",))
        connection.execute("DELETE FROM blob WHERE rowid = 3")
        connection.commit()
    async with opened(tmp_path) as run:
        tape = run.tape()
        values = [(await ask(tape, number, FRESH)).value for number in range(5)]
        assert values == [FRESH, FRESH, FRESH, '"3"', '"4"']
        assert tape.stats.damaged == 3
        assert [(await ask(tape, number, "0")).value for number in range(3)] == [FRESH] * 3


async def finish(folder: Path) -> bool:
    """Do what a resumed run would do; returns whether damage was noticed."""
    async with opened(folder) as run:
        was_damaged = run.counts().damaged > 0
        for episode in run.episodes():
            number = int(episode.task.ref.split("/")[1])
            assert episode == EPISODES[number], "served wrong data"
        done = {task_id for task_id, _ in run.done() if task_id != "rejected"}
        assert done <= {episode.task.id for episode in EPISODES}
        tape = run.tape()
        for number in range(NUM):
            reply = await ask(tape, number, FRESH)
            assert reply.value in {f'"{number}"', FRESH}, "served wrong data"
            assert reply.blobs == (random.Random(number).randbytes(500),)
        for episode in EPISODES:
            await run.put_episode(episode)
        refs = sorted(episode.task.ref for episode in run.episodes())
        assert refs == sorted(f"test/{number}" for number in range(NUM)), "lost or doubled"
        return was_damaged or tape.stats.damaged > 0


async def check_after_flip(folder: Path) -> str:
    """Open a damaged folder, and a second time when the first ends in a typed error."""
    for _ in range(2):
        try:
            return "mended" if await finish(folder) else "unnoticed, harmless"
        except (StoreError, ConfigError):
            continue
    return "refused"


def targets(path: Path) -> list[list[int]]:
    """Bytes that hold content, in equal shares: per table its rows, and its keys in the index."""
    uses = uses_of(path)
    return [places for use in (Use.ROW, Use.KEY) for places in uses[use].values()]


def flipped(folder: Path, place: int, rng: random.Random, *, name: str = "run.db") -> None:
    """Flip one bit of a byte of a file in the folder."""
    data = bytearray((folder / name).read_bytes())
    data[place] ^= 1 << rng.randrange(8)
    (folder / name).write_bytes(data)


async def flip_many(folder: Path, *, num_flips: int, seed: int) -> dict[tuple[Use, str], int]:
    """Flip one bit of the file at a time, anywhere; outcomes by what the byte was for."""
    rng = random.Random(seed)
    await fill(folder / "whole")
    uses = {
        place: use
        for use, tables in uses_of(folder / "whole" / "run.db").items()
        for places in tables.values()
        for place in places
    }
    outcomes: dict[tuple[Use, str], int] = {}
    for number in range(num_flips):
        copy = folder / str(number)
        shutil.copytree(folder / "whole", copy)
        place = rng.randrange(len(uses))
        flipped(copy, place, rng)
        outcome = uses[place], await check_after_flip(copy)
        outcomes[outcome] = outcomes.get(outcome, 0) + 1
        shutil.rmtree(copy)
    return outcomes


async def flip_content(folder: Path, *, num_flips: int, seed: int) -> dict[str, int]:
    """Flip one bit of what is stored at a time."""
    rng = random.Random(seed)
    await fill(folder / "whole")
    shares = targets(folder / "whole" / "run.db")
    outcomes: dict[str, int] = {}
    for number in range(num_flips):
        copy = folder / str(number)
        shutil.copytree(folder / "whole", copy)
        flipped(copy, rng.choice(shares[number % len(shares)]), rng)
        outcome = await check_after_flip(copy)
        outcomes[outcome] = outcomes.get(outcome, 0) + 1
        shutil.rmtree(copy)
    return outcomes


async def flip_tape(folder: Path, *, num_flips: int, seed: int) -> dict[str, int]:
    """Flip one bit at a time of what a tape of its own holds; look at it, then replay it."""
    rng = random.Random(seed)
    await fill(folder / "whole")
    await merge_tapes(folder / "whole.tape", [folder / "whole" / "run.db"])
    whole = summarise_tape(folder / "whole.tape")
    assert whole.damaged == 0
    assert sum(group.recordings for group in whole.groups) == NUM
    shares = targets(folder / "whole.tape")
    outcomes: dict[str, int] = {}
    for number in range(num_flips):
        shutil.copyfile(folder / "whole.tape", folder / "one.tape")
        flipped(folder, rng.choice(shares[number % len(shares)]), rng, name="one.tape")
        try:
            outcome = "told" if summarise_tape(folder / "one.tape").damaged else "unnoticed"
            async with Tape.open(folder / "one.tape", mode=TapeMode.REPLAY) as tape:
                for asked in range(NUM):
                    with contextlib.suppress(WorldError):
                        reply = await ask(tape, asked, FRESH)
                        assert reply.value == f'"{asked}"', "served wrong data"
                        assert reply.blobs == (random.Random(asked).randbytes(500),)
        except (StoreError, ConfigError):
            outcome = "refused"
        outcomes[outcome] = outcomes.get(outcome, 0) + 1
    return outcomes


def told(capsys: pytest.CaptureFixture[str], what: str, outcomes: Mapping[str, int]) -> None:
    with capsys.disabled():
        counts = ", ".join(f"{name}: {count}" for name, count in sorted(outcomes.items()))
        print(f"\n{what}: {counts}")  # noqa: T201 - the figures that these proofs are run for


async def test_no_flipped_bit_is_served(tmp_path: Path) -> None:
    outcomes = await flip_many(tmp_path, num_flips=80, seed=3)
    assert sum(count for (_, outcome), count in outcomes.items() if outcome == "mended") > 20


@pytest.mark.pitfall("P38")
async def test_every_flip_in_what_is_stored_is_noticed(tmp_path: Path) -> None:
    assert "unnoticed, harmless" not in await flip_content(tmp_path, num_flips=48, seed=5)


async def test_every_flip_in_what_a_tape_holds_is_told(tmp_path: Path) -> None:
    assert "unnoticed" not in await flip_tape(tmp_path, num_flips=48, seed=6)


@pytest.mark.slow
@pytest.mark.timeout(600)
async def test_no_flipped_bit_of_two_thousand_is_served(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    outcomes = await flip_many(tmp_path, num_flips=2000, seed=4)
    told(capsys, "2000 flips anywhere", {f"{use} {how}": n for (use, how), n in outcomes.items()})
    assert sum(count for (_, outcome), count in outcomes.items() if outcome == "mended") > 700
    for use in (Use.ROW, Use.KEY):
        assert outcomes[use, "mended"] > 10
        assert (use, "unnoticed, harmless") not in outcomes


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.pitfall("P38")
async def test_a_thousand_flips_in_what_is_stored_are_noticed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    outcomes = await flip_content(tmp_path / "run", num_flips=1000, seed=7)
    told(capsys, "1000 flips in rows and keys of a run", outcomes)
    assert "unnoticed, harmless" not in outcomes
    outcomes = await flip_tape(tmp_path, num_flips=1000, seed=8)
    told(capsys, "1000 flips in rows and keys of a tape", outcomes)
    assert "unnoticed" not in outcomes
