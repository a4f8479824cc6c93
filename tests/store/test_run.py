"""Run folders: stored once, resumed by the same command, refused with a reason."""

import asyncio
import contextlib
import os
import sqlite3
import subprocess
import sys
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import pytest

from tests.builders import a_task, a_trajectory, a_turn, an_image_ref
from vision_deepresearch.core.content import ImageRef, Message, Role, SampledTokens
from vision_deepresearch.core.context import SpendKind
from vision_deepresearch.core.episode import Decision, Episode, Verdict, episode_of
from vision_deepresearch.core.errors import ConfigError
from vision_deepresearch.core.trajectory import Totals, Turn
from vision_deepresearch.store.database import StoreError
from vision_deepresearch.store.run import RunFolder

ROOT = Path(__file__).resolve().parents[2]
CONFIG = 'model = "oracle"\n[limits]\nmax_turns = 50\n'
CORRECT = Verdict(decision=Decision.CORRECT, reason="equal", judge="rules@1")
WRONG = Verdict(decision=Decision.INCORRECT, reason="not equal", judge="rules@1")


def opened(path: Path, config: str = CONFIG) -> AbstractAsyncContextManager[RunFolder]:
    return RunFolder.open(path, config=config, provenance={"versions": {"x": "1"}})


def an_episode(number: int = 0, *, attempt: int = 0) -> Episode:
    task = a_task(ref=f"test/{number}")
    return episode_of(task, a_trajectory(task, attempt=attempt), CORRECT)


async def test_what_was_put_comes_back_equal_and_in_order(tmp_path: Path) -> None:
    episodes = [an_episode(number) for number in range(200)]
    async with opened(tmp_path / "run") as run:
        for episode in episodes:
            await run.put_episode(episode)
        assert list(run.episodes()) == episodes
    view = RunFolder.read(tmp_path / "run")
    assert list(view.episodes()) == episodes
    assert list(view.tasks()) == [episode.task for episode in episodes]
    assert list(view.trajectories()) == [episode.trajectory for episode in episodes]
    assert view.done() == {(episode.task.id, 0) for episode in episodes}
    view.close()


async def test_infinite_logprobs_and_odd_characters_survive(tmp_path: Path) -> None:
    sampled = SampledTokens(ids=(1, 2), logprobs=(float("-inf"), -0.1), policy_version="w1")
    text = "\x00 zero \u2028 line \U0001f600 \ufeff 漢字"
    turn = Turn(
        index=0,
        reply=Message(role=Role.ASSISTANT, parts=a_turn(reply=text).reply.parts, sampled=sampled),
    )
    task = a_task(question=text)
    async with opened(tmp_path / "run") as run:
        await run.put_task(task)
        await run.put_trajectory(a_trajectory(task, turns=(turn,)))
        trace = run.trace(task.id, 0)
    assert trace is not None
    assert trace.task == task
    assert trace.trajectory.turns == (turn,)
    assert trace.verdict is None


@pytest.mark.pitfall("P83")
async def test_an_attempt_is_stored_once_and_the_first_one_stays(tmp_path: Path) -> None:
    task = a_task()
    first = a_trajectory(task, answer="Ostrel")
    async with opened(tmp_path / "run") as run:
        await run.put_episode(episode_of(task, first, CORRECT))
        await run.put_episode(episode_of(task, first, WRONG))
        await run.put_episode(episode_of(task, a_trajectory(task, answer="Other"), WRONG))
        assert [episode.verdict for episode in run.episodes()] == [CORRECT]
        assert [trajectory.answer for trajectory in run.trajectories()] == ["Ostrel"]
        await run.put_episode(episode_of(task, a_trajectory(task, attempt=1), WRONG))
        assert run.done() == {(task.id, 0), (task.id, 1)}


async def test_an_unjudged_attempt_gets_its_verdict_later(tmp_path: Path) -> None:
    task, other = a_task(ref="test/0"), a_task(ref="test/1")
    async with opened(tmp_path / "run") as run:
        for one in (task, other):
            await run.put_task(one)
            await run.put_trajectory(a_trajectory(one))
        await run.put_verdict(task.id, 0, WRONG)
        await run.put_verdict(task.id, 0, CORRECT)
        # A verdict on another trajectory of the attempt must not stick to the stored one.
        await run.put_episode(episode_of(other, a_trajectory(other, answer="Other"), CORRECT))
        assert run.counts().judged == 1
        await run.put_episode(episode_of(other, a_trajectory(other), CORRECT))
        assert [episode.verdict for episode in run.episodes()] == [WRONG, CORRECT]
        with pytest.raises(ConfigError, match="roll out"):
            await run.put_verdict(task.id, 7, CORRECT)


async def test_rejects_keep_their_reason_and_count_as_done(tmp_path: Path) -> None:
    async with opened(tmp_path / "run") as run:
        await run.put_reject("t", 3, reason="bug", detail="torn \ud800 text")
        (reject,) = run.rejects()
        assert (reject.task_id, reject.attempt, reject.reason) == ("t", 3, "bug")
        assert reject.detail == "torn \\ud800 text"
        assert run.done() == {("t", 3)}


async def test_the_ledger_sums_what_the_trajectories_cost(tmp_path: Path) -> None:
    totals = Totals(
        cost_usd=0.5,
        prompt_tokens=10,
        calls={SpendKind.TEXT_SEARCH: 3, SpendKind.MODEL_CALL: 2},
        replayed={SpendKind.TEXT_SEARCH: 1},
    )
    async with opened(tmp_path / "run") as run:
        for number in range(4):
            task = a_task(ref=f"test/{number}")
            trajectory = a_trajectory(task).model_copy(update={"totals": totals})
            await run.put_episode(episode_of(task, trajectory, CORRECT))
        ledger = run.ledger()
    assert ledger.trajectories == 4
    assert ledger.calls == {SpendKind.TEXT_SEARCH: 12, SpendKind.MODEL_CALL: 8}
    assert ledger.num_paid == 16
    assert (ledger.cost_usd, ledger.prompt_tokens) == (2.0, 40)


async def test_the_same_command_resumes_and_adds_what_differs_in_provenance(
    tmp_path: Path,
) -> None:
    for versions in ("1", "1", "2", "2"):
        async with RunFolder.open(
            tmp_path / "run", config=CONFIG, provenance={"versions": {"x": versions}}
        ) as run:
            await run.put_episode(an_episode())
            assert run.counts().attempts == 1
            provenance = run.provenance
    assert provenance == {"versions": {"x": "1"}, "resumed": [{"versions": {"x": "2"}}]}


async def test_spelling_of_the_config_does_not_matter_but_values_do(tmp_path: Path) -> None:
    async with opened(tmp_path / "run") as run:
        await run.put_task(a_task())
    async with opened(tmp_path / "run", "limits = {max_turns=50}\nmodel='oracle'") as run:
        assert run.config == CONFIG
    changed = 'model = "oracle"\nseed = 1\n[limits]\nmax_turns = 9\n'
    with pytest.raises(ConfigError) as refused:
        async with opened(tmp_path / "run", changed):
            pass
    assert "limits.max_turns is 50 there and 9 now" in str(refused.value)
    assert "seed is 'not set' there and 1 now" in str(refused.value)
    assert "model" not in str(refused.value).split("config:")[1]


async def test_a_config_that_nothing_was_stored_under_binds_nobody(tmp_path: Path) -> None:
    async with opened(tmp_path / "run"):
        pass
    changed = 'model = "seat"\n'
    async with opened(tmp_path / "run", changed) as run:
        assert run.config == changed
        await run.put_task(a_task())
    with pytest.raises(ConfigError, match="model is 'seat' there"):
        async with opened(tmp_path / "run"):
            pass


async def test_a_folder_of_something_else_is_refused_and_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("mine")
    with pytest.raises(ConfigError, match=r"thesis\.txt"):
        async with opened(tmp_path):
            pass
    assert os.listdir(tmp_path) == ["thesis.txt"]  # noqa: PTH208 - async code, as ASYNC240 asks
    with pytest.raises(ConfigError, match="found a file"):
        async with opened(tmp_path / "thesis.txt"):
            pass
    with pytest.raises(ConfigError, match="cannot write"):
        async with opened(tmp_path / "thesis.txt" / "run"):
            pass
    with pytest.raises(ConfigError, match="expected a run folder"):
        RunFolder.read(tmp_path)


async def test_a_folder_with_pictures_only_is_taken(tmp_path: Path) -> None:
    (tmp_path / "run" / "media" / "ab").mkdir(parents=True)
    async with opened(tmp_path / "run") as run:
        await run.put_episode(an_episode())


async def test_another_schema_version_or_file_is_refused(tmp_path: Path) -> None:
    async with opened(tmp_path / "run"):
        pass
    with contextlib.closing(sqlite3.connect(tmp_path / "run" / "run.db")) as connection:
        connection.execute("PRAGMA user_version = 99")
    with pytest.raises(ConfigError, match="schema version 99"):
        async with opened(tmp_path / "run"):
            pass
    with pytest.raises(ConfigError, match="schema version 99"):
        RunFolder.read(tmp_path / "run")
    with contextlib.closing(sqlite3.connect(tmp_path / "run" / "run.db")) as connection:
        connection.execute("PRAGMA application_id = 7")
    with pytest.raises(ConfigError, match="none of vdr's"):
        async with opened(tmp_path / "run"):
            pass


async def test_a_lost_or_broken_config_is_named(tmp_path: Path) -> None:
    async with opened(tmp_path / "run"):
        pass
    (tmp_path / "run" / "config.toml").write_text("= broken")
    with pytest.raises(ConfigError, match=r"config\.toml' cannot be read"):
        async with opened(tmp_path / "run"):
            pass
    (tmp_path / "run" / "config.toml").unlink()
    with pytest.raises(ConfigError, match=r"no config\.toml"):
        async with opened(tmp_path / "run"):
            pass


async def test_a_second_writer_is_refused_and_readers_are_not(tmp_path: Path) -> None:
    async with opened(tmp_path / "run") as run:
        with pytest.raises(ConfigError, match="being written by process"):
            async with opened(tmp_path / "run"):
                pass
        await run.put_episode(an_episode())
        with RunFolder.read(tmp_path / "run") as view:
            assert len(list(view.episodes())) == 1
    async with opened(tmp_path / "run"):
        pass


async def test_readers_see_rows_that_come_while_they_iterate(tmp_path: Path) -> None:
    async with opened(tmp_path / "run") as run:
        await run.put_episode(an_episode(0))
        episodes = run.episodes()
        assert next(episodes).task.ref == "test/0"
        for number in range(1, 70):
            await run.put_episode(an_episode(number))
        assert len(list(episodes)) == 69


async def test_a_thousand_puts_at_once_are_all_there_in_few_commits(tmp_path: Path) -> None:
    async with opened(tmp_path / "run") as run:
        async with asyncio.TaskGroup() as group:
            for number in range(1000):
                group.create_task(run.put_episode(an_episode(number)))
        assert run.counts().attempts == 1000


async def test_a_cancelled_put_hurts_nobody(tmp_path: Path) -> None:
    async with opened(tmp_path / "run") as run:
        put = asyncio.create_task(run.put_episode(an_episode(0)))
        await asyncio.sleep(0)
        put.cancel()
        await asyncio.wait([put])
        await run.put_episode(an_episode(1))
        assert "test/1" in {episode.task.ref for episode in run.episodes()}


async def test_a_closed_folder_takes_nothing_more(tmp_path: Path) -> None:
    async with opened(tmp_path / "run") as run:
        pass
    with pytest.raises(StoreError, match="closed"):
        await run.put_episode(an_episode())


@pytest.mark.pitfall("P35")
def test_two_event_loops_in_one_process_work(tmp_path: Path) -> None:
    async def add(number: int) -> int:
        async with opened(tmp_path / "run") as run:
            await run.put_episode(an_episode(number))
            return run.counts().attempts

    for number in (0, 1):
        with asyncio.Runner() as runner:
            assert runner.run(add(number)) == number + 1


def test_pictures_are_found_by_content(tmp_path: Path) -> None:
    ref: ImageRef = an_image_ref(digit="c")

    async def main() -> None:
        async with opened(tmp_path / "run") as run:
            (run.media_root / "cc").mkdir()
            (run.media_root / "cc" / ("c" * 62)).write_bytes(b"picture")
            assert run.load_picture(ref) == b"picture"
            assert run.load_picture(an_image_ref(digit="d")) is None

    with asyncio.Runner() as runner:
        runner.run(main())


FULL_DISK = """
import asyncio, resource, sys
from pathlib import Path
from tests.store.test_run import an_episode, opened
from vision_deepresearch.store.database import StoreError

async def main():
    stored = 0
    async with opened(Path(sys.argv[1])) as run:
        resource.setrlimit(resource.RLIMIT_FSIZE, (400_000, 400_000))
        try:
            for number in range(5000):
                await run.put_episode(an_episode(number))
                stored += 1
        except StoreError as error:
            assert isinstance(error, OSError)
            print(stored, error)

with asyncio.Runner() as runner:
    runner.run(main())
"""


async def test_a_full_disk_is_a_typed_error_and_loses_nothing_acknowledged(
    tmp_path: Path,
) -> None:
    """A file size limit of a child process stands for the full disk."""
    folder = tmp_path / "run"
    done = await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-c", FULL_DISK, str(folder)],
        capture_output=True,
        text=True,
        cwd=ROOT,
        check=True,
    )
    stored = int(done.stdout.split()[0])
    assert 0 < stored < 5000
    assert "run the same command again" in done.stdout
    async with opened(folder) as run:
        assert len(list(run.episodes())) >= stored
        await run.put_episode(an_episode(9999))
