"""Engines together: fallback, merging, consent, costs, recordings; what is missing is told."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from pydantic import SecretStr

from tests.builders import a_picture
from tests.worlds.corpus.pdf_files import write_pdf
from tests.worlds.live.double import Answer, Double
from tests.worlds.live.engines import a_wire, words_at
from tests.worlds.live.test_contracts import a_look
from vision_deepresearch.core.content import Picture
from vision_deepresearch.core.context import Budget, CallContext, SpendKind, current_context
from vision_deepresearch.core.errors import BudgetExceededError, FailureKind, WorldError
from vision_deepresearch.core.observation import Evidence
from vision_deepresearch.store.prices import price_table
from vision_deepresearch.store.tape import Tape, TapeMode
from vision_deepresearch.worlds.fetch.fetcher import Fetcher
from vision_deepresearch.worlds.fetch.politeness import Politeness
from vision_deepresearch.worlds.live.catalog import ABOUTS, TEXT, found_in, wanted_by
from vision_deepresearch.worlds.live.engine import About, ReadPage, TextEngine
from vision_deepresearch.worlds.live.found import page_hit, picture_hit
from vision_deepresearch.worlds.live.jina import parse
from vision_deepresearch.worlds.live.parsers import ParsersHere
from vision_deepresearch.worlds.live.paying import price_of
from vision_deepresearch.worlds.live.web import WebReader
from vision_deepresearch.worlds.live.wire import certificates
from vision_deepresearch.worlds.live.words import WordsEngine
from vision_deepresearch.worlds.live.world import LiveWorld, Parts
from vision_deepresearch.worlds.wrappers.meter import MeteredWorld
from vision_deepresearch.worlds.wrappers.tape import TapedWorld


@dataclass
class Said:
    """An engine of every role that gives one thing, or fails."""

    name: str
    urls: Sequence[str] = ()
    fails: FailureKind | None = None
    asked: list[str] = field(default_factory=list)

    @property
    def about(self) -> About:
        return ABOUTS[self.name]

    async def search_text(self, query: str, *, limit: int) -> list[Evidence]:
        self._note(query)
        return [page_hit(url, title=url, snippet="", query=query) for url in self.urls][:limit]

    async def search_picture(self, picture: Picture, *, limit: int) -> list[Evidence]:
        self._note(picture.ref.sha256)
        return [picture_hit(url, title=url) for url in self.urls][:limit]

    async def read_page(self, url: str) -> ReadPage:
        self._note(url)
        content = "# A\n\n" + "\n\n".join(f"{number} " + "word " * 200 for number in range(40))
        found = parse({"data": {"title": "A", "content": content}}, url)
        assert found is not None
        return found

    def _note(self, asked: str) -> None:
        self.asked.append(asked)
        if self.fails is not None:
            raise WorldError(self.fails, f"{self.name} fails")


def a_world(parts: Parts) -> LiveWorld:
    return LiveWorld("live:test", parts, fetcher=Fetcher(ssl_context=certificates()))


async def test_the_next_engine_is_asked_when_one_fails_and_not_when_it_finds_nothing() -> None:
    broken = Said("serper", fails=FailureKind.AUTH)
    empty, full = Said("brave"), Said("tavily", urls=["https://a.org/"])
    assert await a_world(Parts(text=[broken, empty, full])).search_text("x", limit=3) == []
    assert (len(broken.asked), len(empty.asked), len(full.asked)) == (1, 1, 0)
    world = a_world(Parts(text=[broken, Said("exa", fails=FailureKind.TIMEOUT)]))
    with pytest.raises(WorldError) as caught:
        await world.search_text("x", limit=3)
    assert caught.value.kind is FailureKind.AUTH


async def test_merged_engines_are_all_asked_and_one_may_fail() -> None:
    one = Said("serper", urls=["https://a.org/", "https://b.org/"])
    two = Said("brave", urls=["https://b.org/", "https://c.org/"])
    broken = Said("exa", fails=FailureKind.UPSTREAM)
    world = a_world(Parts(text=[broken, one, two], merges_text=True))
    hits = await world.search_text("x", limit=2)
    assert [hit.url for hit in hits] == ["https://b.org/", "https://a.org/"]
    assert all(hit.world_id == world.manifest().world_id for hit in hits)
    with pytest.raises(WorldError):
        await a_world(Parts(text=[broken, broken], merges_text=True)).search_text("x", limit=2)


async def test_what_is_not_there_is_a_typed_failure() -> None:
    world = a_world(Parts(readers=[Said("web")]))
    for call in (world.search_text("x", limit=1), world.search_image(a_look(), limit=1)):
        with pytest.raises(WorldError) as caught:
            await call
        assert caught.value.kind is FailureKind.UNAVAILABLE


@pytest.mark.pitfall("P29")
async def test_no_picture_leaves_without_consent() -> None:
    engine = Said("google_vision", urls=["https://a.org/"])
    with pytest.raises(WorldError) as caught:
        await a_world(Parts(pictures=[engine])).search_image(a_look(), limit=1)
    assert caught.value.kind is FailureKind.BLOCKED
    assert "live.upload_pictures" in caught.value.message
    assert engine.asked == []
    agreed = a_world(Parts(pictures=[engine], may_upload=True))
    assert len(await agreed.search_image(a_look(), limit=1)) == 1


async def test_a_page_is_fetched_once_for_all_its_windows() -> None:
    reader = Said("jina")
    world = a_world(Parts(readers=[reader]))
    first = await world.read("https://a.org/x")
    assert first.cursor is not None
    second = await world.read("https://a.org/x", cursor=first.cursor)
    assert second.markdown != first.markdown
    assert len(reader.asked) == 1


async def test_a_refused_page_is_not_read_through_somebody_else() -> None:
    for kind in (FailureKind.BLOCKED, FailureKind.NOT_FOUND):
        other = Said("jina")
        with pytest.raises(WorldError) as caught:
            await a_world(Parts(readers=[Said("web", fails=kind), other])).read("https://a.org/")
        assert caught.value.kind is kind
        assert other.asked == []
    other = Said("jina")
    world = a_world(Parts(readers=[Said("web", fails=FailureKind.TIMEOUT), other]))
    assert (await world.read("https://a.org/")).title == "A"


def test_the_id_says_which_engines_answer() -> None:
    def id_of(*names: str, **more: str) -> str:
        text: list[TextEngine] = [Said(name) for name in names]
        return a_world(Parts(text=text, settings=more)).manifest().world_id

    ids = {id_of("serper"), id_of("brave"), id_of("serper", "brave"), id_of("brave", "serper")}
    assert len(ids | {id_of("serper", serper="http://127.0.0.1:1")}) == 5
    assert id_of("serper") == id_of("serper")


# ---------------------------------------------------------------------------------- costs


def a_context(max_usd: float | None = None) -> CallContext:
    return CallContext(task_id="t", trajectory_id="t/0", budget=Budget(max_usd=max_usd))


async def test_each_answer_is_charged_and_a_failed_call_is_not() -> None:
    context = a_context()
    token = current_context.set(context)
    try:
        with Double(Answer(status=401, body={}), {"results": []}) as double:
            async with words_at("tavily", double, usd=0.25) as engine:
                with pytest.raises(WorldError):
                    await engine.search_text("x", limit=1)
                assert context.budget.spent_usd == 0
            async with words_at("tavily", double, usd=0.25) as engine:
                await engine.search_text("x", limit=1)
            assert context.budget.spent_usd == 0.25
            async with words_at("tavily", double, usd=None) as engine:
                await engine.search_text("x", limit=1)
    finally:
        current_context.reset(token)
    assert context.budget.has_unknown_cost


@pytest.mark.pitfall("P95")
async def test_calls_at_the_same_time_never_pass_the_cap_together() -> None:
    context = a_context(max_usd=1.0)
    token = current_context.set(context)
    try:
        with Double({"results": []}) as double:
            async with words_at("tavily", double, usd=0.3) as engine, asyncio.TaskGroup() as group:
                tasks = [group.create_task(_outcome(engine, str(n))) for n in range(10)]
            outcomes = [task.result() for task in tasks]
    finally:
        current_context.reset(token)
    assert outcomes.count("paid") == len(double.asked) == 3
    assert outcomes.count("refused") == 7
    assert context.budget.spent_usd == pytest.approx(0.9)
    assert context.budget.is_exhausted


async def test_a_cap_reached_while_merging_keeps_what_was_found() -> None:
    context = a_context(max_usd=0.5)
    token = current_context.set(context)
    try:
        with Double({"results": [{"url": "https://a.org/", "title": "A"}]}) as double:
            async with (
                words_at("tavily", double, usd=0.3) as one,
                words_at("exa", double, usd=0.3) as two,
            ):
                world = a_world(Parts(text=[one, two], merges_text=True))
                assert len(await world.search_text("x", limit=3)) == 1
                with pytest.raises(BudgetExceededError):
                    await world.search_text("y", limit=3)
    finally:
        current_context.reset(token)
    assert len(double.asked) == 1


async def _outcome(engine: WordsEngine, query: str) -> str:
    try:
        await engine.search_text(query, limit=1)
    except BudgetExceededError:
        return "refused"
    return "paid"


async def test_a_recorded_call_keeps_its_price_and_costs_nothing_again(tmp_path: Path) -> None:
    path = tmp_path / "tape.db"
    with Double({"results": [{"url": "https://a.org/", "title": "A"}]}) as double:
        wire = a_wire("tavily", double.url, usd=0.25)
        engine = WordsEngine(TEXT["tavily"], wire=wire, key=SecretStr("k"))
        live = a_world(Parts(text=[engine]))
        hits = []
        for mode in (TapeMode.AUTO, TapeMode.AUTO, TapeMode.REPLAY):
            context = a_context(max_usd=1)
            token = current_context.set(context)
            async with Tape.open(path, mode=mode) as tape:
                world = MeteredWorld(TapedWorld(live, tape))
                hits.append(await world.search_text("x  y", limit=3))
                assert tape.spent_usd() == 0.25
            current_context.reset(token)
        assert context.budget.spent_usd == 0
        assert context.budget.replayed[SpendKind.TEXT_SEARCH] == 1
        await wire.aclose()
    assert hits[0] == hits[1] == hits[2]
    assert len(double.asked) == 1


def test_every_engine_has_a_row_in_the_table_of_prices_and_unknown_is_not_zero() -> None:
    table = price_table().engine
    assert set(table) == {about.price_name for about in ABOUTS.values()}
    assert all(row.source for row in table.values())
    assert price_of("google_vision", own={}) is None
    assert price_of("google_vision", own={"google_vision": 0.1}) == 0.1
    assert price_of("web", own={}) == 0


# ---------------------------------------------------------------------------------- names


def test_auto_takes_what_there_are_keys_for() -> None:
    assert found_in({}, may_upload=True, has_host=True) is None
    keys = {"SERPER_API_KEY": "k", "GOOGLE_VISION_API_KEY": "k", "JINA_API_KEY": "k"}
    told = found_in(keys, may_upload=True, has_host=False)
    assert told is not None
    assert told.name() == "live:serper+google_vision+web+jina"
    assert told == wanted_by(told.name())
    without = found_in(keys, may_upload=False, has_host=True)
    assert without is not None
    assert without.pictures == ()
    with_host = found_in(keys, may_upload=True, has_host=True)
    assert with_host is not None
    assert with_host.pictures == ("google_vision", "serper_lens")


# ---------------------------------------------------------------------------------- our own reading


class OnePlace:
    """Resolves every name to loopback."""

    async def resolve(self, host: str, port: int) -> Sequence[str]:
        del host, port
        return ("127.0.0.1",)


def a_fetcher(double: Double) -> Fetcher:
    port = int(double.url.rpartition(":")[2])
    return Fetcher(
        resolver=OnePlace(),
        is_allowed=lambda _: True,
        politeness=Politeness(pause_s=0, heeds_robots=False),
        ports=frozenset({port}),
    )


async def test_pages_are_fetched_and_converted_here() -> None:
    html = (
        b"<html><head><title>Ropewalk</title></head><body><h1>Ropewalk</h1><p>Founded in <b>1902"
        b"</b> by <a href='/ada'>Ada</a>.</p><img src='hall.jpg' alt='the hall'></body></html>"
    )
    page = Answer(raw=html, headers={"Content-Type": "text/html; charset=utf-8"})
    with Double(page) as double:
        url = double.url.replace("127.0.0.1", "www.ropewalk.org")
        world = LiveWorld(
            "live:web", Parts(readers=[WebReader(a_fetcher(double))]), fetcher=a_fetcher(double)
        )
        read = await world.read(f"{url}/about")
    assert read.title == "Ropewalk"
    assert "Founded in **1902**" in read.markdown
    assert read.images[0].src == f"{url}/hall.jpg"
    assert read.links[0].url == f"{url}/ada"


async def test_a_pdf_is_refused_or_given_to_who_reads_it() -> None:
    with Double(Answer(raw=write_pdf(["Founded in 1902."]))) as double:
        url = double.url.replace("127.0.0.1", "www.ropewalk.org") + "/a.pdf"
        with pytest.raises(WorldError) as caught:
            await WebReader(a_fetcher(double)).read_page(url)
        assert caught.value.kind is FailureKind.UNAVAILABLE
        reader = WebReader(a_fetcher(double), parsers=ParsersHere(reads_pdf=True))
        assert "Founded in 1902." in (await reader.read_page(url)).page.markdown


async def test_pictures_are_fetched_by_the_guarded_fetcher() -> None:
    picture = a_picture()
    with Double(Answer(raw=picture)) as double:
        world = LiveWorld("live:web", Parts(), fetcher=a_fetcher(double))
        url = double.url.replace("127.0.0.1", "www.ropewalk.org") + "/a.png"
        assert (await world.asset(url)).data == picture
        with pytest.raises(WorldError) as caught:
            await LiveWorld("live:web", Parts(), fetcher=Fetcher()).asset(f"{double.url}/a.png")
        assert caught.value.kind is FailureKind.BLOCKED
