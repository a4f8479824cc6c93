"""Workers that hang or die, queues that are full, equal jobs at one time, worlds that do not open."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import pytest

from tests.builders import a_picture
from tests.worlds.server import odd_worlds
from vision_deepresearch.core.errors import ConfigError, FailureKind
from vision_deepresearch.core.page import Page
from vision_deepresearch.core.protocols import World
from vision_deepresearch.worlds.server.answers import Answers
from vision_deepresearch.worlds.server.jobs import EVIDENCE_LIST, Job, JobKind, Lane
from vision_deepresearch.worlds.server.pool import WorkerPool
from vision_deepresearch.worlds.server.refusals import OverloadedError, RefusedError
from vision_deepresearch.worlds.server.settings import Settings

ONE_WORKER = Settings(workers=1)


@asynccontextmanager
async def a_pool(
    open_world: Callable[[], World] = odd_worlds.open_odd, *, settings: Settings = ONE_WORKER
) -> AsyncIterator[tuple[WorkerPool, Answers]]:
    pool = WorkerPool(open_world, settings=settings)
    try:
        await pool.start()
        yield pool, Answers(pool, settings=settings)
    finally:
        await pool.close()


def search(query: str) -> Job:
    return Job(kind=JobKind.SEARCH, query=query, limit=5)


async def titles(answers: Answers, query: str) -> list[str]:
    found = EVIDENCE_LIST.validate_json(await answers.get(search(query)))
    return [hit.title for hit in found]


async def test_a_worker_that_dies_or_hangs_is_replaced_and_its_job_fails_with_a_type() -> None:
    async with a_pool(settings=Settings(workers=1, job_timeout_s=0.5)) as (pool, answers):
        assert await titles(answers, "one") == ["one"]
        with pytest.raises(RefusedError) as died:
            await answers.get(search("die"))
        assert (died.value.kind, died.value.status) == (FailureKind.UPSTREAM, 502)
        assert await titles(answers, "two") == ["two"]
        with pytest.raises(RefusedError) as hung:
            await answers.get(search("hang"))
        assert (hung.value.kind, hung.value.status) == (FailureKind.TIMEOUT, 504)
        assert await titles(answers, "three") == ["three"]
        assert (pool.num_replaced, pool.num_alive) == (2, 1)


async def test_failures_of_the_world_keep_their_kind(tmp_path: Path) -> None:
    log = tmp_path / "log"
    async with a_pool(partial(odd_worlds.open_odd, log)) as (_, answers):
        for _ in range(2):
            with pytest.raises(RefusedError) as limited:
                await answers.get(search("limit"))
            assert (limited.value.status, limited.value.retry_after_s) == (429, 7)
            with pytest.raises(RefusedError) as broken:
                await answers.get(search("break"))
            assert (broken.value.status, broken.value.message) == (
                502,
                "search failed: ZeroDivisionError",
            )
        with pytest.raises(RefusedError) as missing:
            await answers.get(Job(kind=JobKind.ASSET, urls=("https://a.example/b",)))
        assert missing.value.status == 404
    assert log.read_text().split() == ["limit", "break"] * 2, "a passing failure is not kept"


async def test_equal_jobs_at_one_time_are_done_once_whoever_goes_away(tmp_path: Path) -> None:
    log = tmp_path / "log"
    async with a_pool(partial(odd_worlds.open_odd, log)) as (_, answers):
        first = asyncio.create_task(titles(answers, "sleep 0.2"))
        others = [asyncio.create_task(titles(answers, "sleep 0.2")) for _ in range(7)]
        await asyncio.sleep(0.05)
        first.cancel()
        assert [await task for task in others] == [["sleep 0.2"]] * 7
        assert await titles(answers, "sleep 0.2") == ["sleep 0.2"]
        assert (answers.num_asked, answers.num_joined, answers.num_hits) == (1, 7, 1)
    assert log.read_text() == "sleep 0.2\n"


async def test_a_full_queue_refuses_at_once_and_says_when_to_come_again() -> None:
    async with a_pool(settings=Settings(workers=1, max_waiting_words=3, max_waiting_looks=1)) as (
        pool,
        answers,
    ):
        busy = asyncio.create_task(titles(answers, "sleep 0.3"))
        await asyncio.sleep(0.05)
        waiting = [asyncio.create_task(titles(answers, f"q{number}")) for number in range(3)]
        await asyncio.sleep(0.01)
        began = time.monotonic()
        with pytest.raises(OverloadedError) as full:
            await answers.get(search("one too many"))
        assert time.monotonic() - began < 0.1
        assert (full.value.status, full.value.retry_after_s) == (503, 1)
        assert pool.num_waiting(Lane.WORDS) == 3
        look = asyncio.create_task(answers.get(Job(kind=JobKind.LOOK, limit=1), a_picture()))
        assert await busy == ["sleep 0.3"]
        assert [await task for task in waiting] == [["q0"], ["q1"], ["q2"]]
        assert await look, "the other lane has places of its own"


async def test_a_job_that_waited_too_long_is_refused_and_not_worked_for(tmp_path: Path) -> None:
    log = tmp_path / "log"
    settings = Settings(workers=1, max_wait_s=0.2)
    async with a_pool(partial(odd_worlds.open_odd, log), settings=settings) as (pool, answers):
        busy = asyncio.create_task(titles(answers, "sleep 0.5"))
        await asyncio.sleep(0.05)
        with pytest.raises(RefusedError) as late:
            await titles(answers, "late")
        assert (late.value.status, late.value.retry_after_s) == (503, 1)
        assert await busy == ["sleep 0.5"], "who was begun in time is answered"
        assert await titles(answers, "later") == ["later"]
        assert pool.num_late == 1
    assert log.read_text().splitlines() == ["sleep 0.5", "later"]


async def test_slow_looks_do_not_starve_quick_searches() -> None:
    async with a_pool(settings=Settings(workers=1, max_waiting_looks=40)) as (_, answers):
        async with asyncio.TaskGroup() as group:
            looks = [
                group.create_task(
                    answers.get(Job(kind=JobKind.LOOK, limit=1), a_picture(seed=seed))
                )
                for seed in range(30)
            ]
            await asyncio.sleep(0.1)
            searches = [group.create_task(titles(answers, f"w{number}")) for number in range(30)]
            done_first = [await task for task in searches]
            num_looked = sum(task.done() for task in looks)
        assert len(done_first) == 30
        assert num_looked < 20, "30 looks of 50 ms were all done before 30 quick searches"


async def test_the_memory_of_answers_is_bounded() -> None:
    async with a_pool(settings=Settings(workers=1, cache_bytes=20_000)) as (_, answers):
        for number in range(60):
            await titles(answers, f"query {number}")
        assert 0 < answers.kept_bytes <= 20_000
        asked = answers.num_asked
        await titles(answers, "query 59")
        assert answers.num_asked == asked
        await titles(answers, "query 0")
        assert answers.num_asked == asked + 1


async def test_a_long_page_is_read_whole_up_to_a_bound_and_says_so() -> None:
    async with a_pool() as (_, answers):
        job = Job(kind=JobKind.READ, urls=("https://a.example/long",))
        page = Page.model_validate_json(await answers.get(job))
        assert page.truncated
        assert page.cursor is None
        assert page.markdown.split("\n\n") == [f"part {number}" for number in range(64)]


@pytest.mark.parametrize(
    ("open_world", "told"),
    [(odd_worlds.open_none, "expected a world here"), (odd_worlds.open_dying, "exit code 3")],
)
async def test_a_world_that_does_not_open_is_told(
    open_world: Callable[[], World], told: str
) -> None:
    with pytest.raises(ConfigError, match=told):
        async with a_pool(open_world, settings=Settings(workers=2)):
            pass


async def test_closing_answers_those_who_wait() -> None:
    async with a_pool() as (pool, answers):
        tasks = [asyncio.create_task(answers.get(search(f"sleep 5 {n}"))) for n in range(3)]
        await asyncio.sleep(0.1)
        began = time.monotonic()
        await pool.close()
        for task in tasks:
            with pytest.raises(RefusedError) as stopped:
                await task
            assert stopped.value.status == 503
        assert time.monotonic() - began < 1.5
