"""Real clients behind a proxy that spoils sockets: every spoiling is a typed failure, none hangs.

Rows P40: what is done to the answer, what both clients make of it, and how often they ask.
"""

import asyncio

import pytest

from tests.models.chat_cases import a_client, ask
from tests.models.openai_double import KEY, OpenAiDouble, Reply
from tests.worlds.live.double import Answer, Double
from tests.worlds.live.engines import a_wire
from vision_deepresearch.calls.faults.proxy import FaultProxy, Spoiling, open_proxy
from vision_deepresearch.core.errors import BoundaryError, FailureKind
from vision_deepresearch.models.endpoint import EndpointSettings
from vision_deepresearch.worlds.live.engine import ApiRequest

ASK = ApiRequest(method="POST", path="/search", body={"q": "lamp"})
FOUND = Answer(body={"results": [{"title": "The lamp", "url": "https://a.example/1"}] * 5})
ATTEMPTS = 3
WORKS = (Spoiling.NONE, Spoiling.DELAY, Spoiling.DRIP, Spoiling.HINTS)
KINDS = {
    Spoiling.STALL: FailureKind.TIMEOUT,
    Spoiling.HANG: FailureKind.TIMEOUT,
    Spoiling.RESET: FailureKind.UPSTREAM,
    Spoiling.TRUNCATE: FailureKind.UPSTREAM,
    Spoiling.GARBLE: FailureKind.UPSTREAM,
    Spoiling.WRONG_LENGTH: FailureKind.UPSTREAM,
    Spoiling.NO_HTTP: FailureKind.UPSTREAM,
    Spoiling.ERROR: FailureKind.UPSTREAM,
    Spoiling.UNAVAILABLE: FailureKind.UPSTREAM,
    Spoiling.LIMITED: FailureKind.RATE_LIMITED,
}


def test_every_spoiling_has_its_row() -> None:
    assert set(WORKS) | set(KINDS) == set(Spoiling)


async def engine_through(proxy: FaultProxy, *, attempts: int = ATTEMPTS) -> None:
    wire = a_wire("searxng", proxy.url, attempts=attempts, attempt_s=0.4)
    try:
        answer = await wire.ask(lambda: ASK, what="text search")
        assert answer == FOUND.body
    finally:
        await wire.aclose()


async def model_through(proxy: FaultProxy, *, attempts: int = ATTEMPTS) -> None:
    settings = EndpointSettings(max_attempts=attempts, attempt_s=0.4, call_s=20)
    async with a_client(f"{proxy.url}/v1#double", settings=settings) as client:
        assert (await ask(client)).text == "A lamp."


@pytest.mark.pitfall("P40")
@pytest.mark.parametrize("spoiling", list(Spoiling))
async def test_an_engine_makes_a_typed_failure_of_every_spoiling(spoiling: Spoiling) -> None:
    with Double(FOUND) as engine:
        port = int(engine.url.rpartition(":")[2])
        async with open_proxy(port=port, weights={spoiling: 1}) as proxy:
            if spoiling in WORKS:
                await engine_through(proxy)
            else:
                with pytest.raises(BoundaryError) as raised:
                    await engine_through(proxy)
                assert raised.value.kind is KINDS[spoiling]
                assert raised.value.is_outage, "nobody was answered"
            assert proxy.done[spoiling] == (1 if spoiling in WORKS else ATTEMPTS)


@pytest.mark.pitfall("P40")
@pytest.mark.parametrize("spoiling", list(Spoiling))
async def test_a_model_client_makes_the_same_of_it(spoiling: Spoiling) -> None:
    with OpenAiDouble([Reply(text="A lamp.")] * ATTEMPTS, key=KEY) as server:
        async with open_proxy(port=server.port, weights={spoiling: 1}) as proxy:
            if spoiling in WORKS:
                await model_through(proxy)
            else:
                with pytest.raises(BoundaryError) as raised:
                    await model_through(proxy)
                assert raised.value.kind is KINDS[spoiling]
            assert proxy.done[spoiling] == (1 if spoiling in WORKS else ATTEMPTS)


@pytest.mark.pitfall("P40")
@pytest.mark.parametrize(
    ("status", "kind", "attempts"),
    [
        (400, FailureKind.BAD_REQUEST, 1),
        (401, FailureKind.AUTH, 1),
        (403, FailureKind.AUTH, 1),
        (408, FailureKind.TIMEOUT, ATTEMPTS),
        (413, FailureKind.TOO_LARGE, 1),
        (422, FailureKind.BAD_REQUEST, 1),
        (429, FailureKind.RATE_LIMITED, ATTEMPTS),
        (500, FailureKind.UPSTREAM, ATTEMPTS),
        (502, FailureKind.UPSTREAM, ATTEMPTS),
        (503, FailureKind.UPSTREAM, ATTEMPTS),
        (504, FailureKind.TIMEOUT, ATTEMPTS),
    ],
)
@pytest.mark.parametrize("name", ["serper", "brave", "serper_lens"])
async def test_a_status_is_retried_or_not_alike_by_every_tool(
    name: str, status: int, kind: FailureKind, attempts: int
) -> None:
    with Double(Answer(status=status, body={})) as engine:
        wire = a_wire(name, engine.url, attempts=ATTEMPTS)
        try:
            with pytest.raises(BoundaryError) as raised:
                await wire.ask(lambda: ASK, what="search")
        finally:
            await wire.aclose()
        assert (raised.value.kind, len(engine.asked)) == (kind, attempts)


async def test_three_in_ten_connections_spoiled_in_every_way_are_survived() -> None:
    weights = {Spoiling.NONE: 0.7, **dict.fromkeys(KINDS, 0.03)}
    with Double(FOUND) as engine:
        port = int(engine.url.rpartition(":")[2])
        async with open_proxy(port=port, weights=weights, seed=3) as proxy:
            async with asyncio.TaskGroup() as group:
                for _ in range(40):
                    group.create_task(engine_through(proxy, attempts=9))
            # A late read may be asked twice, so that more than 40 were answered.
            assert proxy.done.total() > proxy.done[Spoiling.NONE] >= 40


@pytest.mark.pitfall("P75")
async def test_a_reader_that_stalls_does_not_delay_the_judges_model() -> None:
    with (
        OpenAiDouble([Reply(text="A lamp.")] * ATTEMPTS, key=KEY) as server,
        Double(FOUND) as reader,
    ):
        port = int(reader.url.rpartition(":")[2])
        async with (
            open_proxy(port=port, weights={Spoiling.STALL: 1}) as stalled,
            open_proxy(port=server.port, weights={Spoiling.NONE: 1}) as clear,
            asyncio.TaskGroup() as group,
        ):
            wire = a_wire("jina", stalled.url, attempt_s=30)
            pages = [group.create_task(wire.ask(lambda: ASK, what="reading")) for _ in range(100)]
            async with asyncio.timeout(10):
                while stalled.done.total() < 8:  # noqa: ASYNC110 - a count of the proxy, no event
                    await asyncio.sleep(0.01)
            await model_through(clear)
            assert not any(page.done() for page in pages), "all pages still wait"
            assert stalled.done.total() == 8, "a provider that stalls has its own few slots"
            for page in pages:
                page.cancel()
            await asyncio.wait(pages)
            await wire.aclose()


async def test_a_closed_proxy_leaves_no_task() -> None:
    before = len(asyncio.all_tasks())
    with Double(FOUND) as engine:
        port = int(engine.url.rpartition(":")[2])
        async with open_proxy(port=port, weights={Spoiling.HANG: 1}) as proxy:
            with pytest.raises(BoundaryError):
                await engine_through(proxy, attempts=1)
    assert len(asyncio.all_tasks()) == before


async def test_one_seed_spoils_one_way() -> None:
    weights = dict.fromkeys(Spoiling, 1.0)
    drawn = []
    for seed in (5, 5, 6):
        async with open_proxy(port=9, weights=weights, seed=seed) as proxy:
            drawn.append([proxy.draw() for _ in range(50)])
    assert drawn[0] == drawn[1] != drawn[2]
