"""Recorder and meter around a world: asked once, replayed exactly, counted before it is paid for."""

import asyncio
from collections import Counter
from pathlib import Path

import pytest
from typing_extensions import override

from tests.builders import a_picture, an_image_ref
from vision_deepresearch.core.bank import CropOrigin
from vision_deepresearch.core.content import ImageRef, Picture
from vision_deepresearch.core.context import Budget, CallContext, SpendKind, current_context
from vision_deepresearch.core.errors import BudgetExceededError, FailureKind, WorldError
from vision_deepresearch.core.geometry import Box
from vision_deepresearch.core.observation import Evidence, EvidenceKind
from vision_deepresearch.core.page import Asset, Page, PageImage, WorldManifest
from vision_deepresearch.core.protocols import World
from vision_deepresearch.store.tape import Tape, TapeMode
from vision_deepresearch.worlds.wrappers.meter import MeteredWorld
from vision_deepresearch.worlds.wrappers.tape import TapedWorld


class SmallWorld(World):
    """Answers everything and counts what it was asked."""

    def __init__(self, world_id: str = "w1") -> None:
        self.world_id = world_id
        self.asked: Counter[str] = Counter()

    @override
    def manifest(self) -> WorldManifest:
        return WorldManifest(
            world_id=self.world_id, kind="generated", name="small", format_version=1
        )

    @override
    async def search_image(
        self, picture: Picture, *, limit: int, origin: CropOrigin | None = None
    ) -> list[Evidence]:
        self.asked["search_image"] += 1
        return self._hits(EvidenceKind.IMAGE_HIT, picture.ref.sha256[:4], limit)

    @override
    async def search_text(self, query: str, *, limit: int) -> list[Evidence]:
        self.asked["search_text"] += 1
        return self._hits(EvidenceKind.TEXT_HIT, query, 0 if query == "nothing" else limit)

    @override
    async def read(self, url: str, *, cursor: str | None = None) -> Page:
        self.asked["read"] += 1
        if "gone" in url:
            raise WorldError(FailureKind.NOT_FOUND, "no such page")
        picture = PageImage(src=url + "/a.png", width=3)
        return Page(
            url=url, final_url=url, title="T\u2028", markdown=f"# {cursor}", images=(picture,)
        )

    @override
    async def asset(self, url: str) -> Asset:
        self.asked["asset"] += 1
        return Asset(url=url, data=a_picture(seed=len(url)), ref=an_image_ref())

    def _hits(self, kind: EvidenceKind, word: str, count: int) -> list[Evidence]:
        return [
            Evidence(kind=kind, url=f"https://a.example/{n}", title=word, score=0.1 + n, rank=n)
            for n in range(count)
        ]


def a_query(digit: str = "a", path: str = "one.jpg") -> Picture:
    """A picture to search with, from whatever file."""
    ref: ImageRef = an_image_ref(digit=digit)
    return Picture(ref=ref, load=path.encode)


async def ask_everything(world: World) -> list[object]:
    origin = CropOrigin(sha256="a" * 64, box=Box.full())
    answers: list[object] = [
        await world.search_image(a_query(), limit=3),
        await world.search_image(a_query(), limit=3, origin=origin),
        await world.search_text("old bridge", limit=2),
        await world.search_text("nothing", limit=2),
        await world.read("https://a.example/1"),
        await world.read("https://a.example/1", cursor="2"),
        await world.asset("https://a.example/a.png"),
    ]
    with pytest.raises(WorldError) as raised:
        await world.read("https://a.example/gone")
    return [*answers, (type(raised.value), raised.value.kind, raised.value.message)]


@pytest.mark.pitfall("P37")
async def test_a_recorded_session_replays_equal_without_the_world(tmp_path: Path) -> None:
    source = SmallWorld()
    plain = await ask_everything(source)
    async with Tape.open(tmp_path / "tape.db") as tape:
        recorded = await ask_everything(TapedWorld(source, tape))
        assert source.asked.total() == 16
        again = await ask_everything(TapedWorld(source, tape))
    untouched = SmallWorld()
    async with Tape.open(tmp_path / "tape.db", mode=TapeMode.REPLAY_STRICT) as tape:
        replayed = await ask_everything(TapedWorld(untouched, tape))
    assert plain == recorded == again == replayed
    assert source.asked.total() == 16
    assert untouched.asked.total() == 0


@pytest.mark.pitfall("P32")
async def test_a_picture_is_known_by_content_and_its_bytes_are_not_needed(tmp_path: Path) -> None:
    def unreadable() -> bytes:
        raise AssertionError("the bytes were read")

    source = SmallWorld()
    async with Tape.open(tmp_path / "tape.db") as tape:
        world = TapedWorld(source, tape)
        await world.search_image(a_query(path="one.jpg"), limit=3)
        again = Picture(ref=a_query().ref, load=unreadable)
        await world.search_image(again, limit=3)
    assert source.asked["search_image"] == 1


@pytest.mark.pitfall("P31")
@pytest.mark.pitfall("P33")
async def test_every_part_of_a_question_tells_questions_apart(tmp_path: Path) -> None:
    source, other = SmallWorld("w1"), SmallWorld("w2")
    half = CropOrigin(sha256="a" * 64, box=Box(x0=0, y0=0, x1=0.5, y1=1))
    whole = CropOrigin(sha256="a" * 64, box=Box.full())
    async with Tape.open(tmp_path / "tape.db") as tape:
        world = TapedWorld(source, tape)
        await world.search_image(a_query("a", "1.jpg"), limit=3)
        await world.search_image(a_query("b", "1.jpg"), limit=3)
        await world.search_image(a_query("a"), limit=4)
        await world.search_image(a_query("a"), limit=3, origin=half)
        await world.search_image(a_query("a"), limit=3, origin=whole)
        await world.search_text("a", limit=3)
        await world.search_text("b", limit=3)
        await world.search_text("a", limit=4)
        await world.read("a")
        await world.read("a", cursor="1")
        await world.asset("a")
        assert source.asked.total() == 11
        await TapedWorld(other, tape).search_text("a", limit=3)
        assert other.asked.total() == 1
        await world.search_text("  a\n", limit=3)
        assert source.asked.total() == 11, "spaces do not make another question"


@pytest.mark.pitfall("P95")
async def test_calls_are_reserved_before_they_are_made_and_replays_are_told_apart(
    tmp_path: Path,
) -> None:
    source = SmallWorld()
    budget = Budget(max_calls={SpendKind.TEXT_SEARCH: 100})
    current_context.set(CallContext(task_id="t", trajectory_id="t-0", budget=budget))
    async with Tape.open(tmp_path / "tape.db") as tape:
        world = MeteredWorld(TapedWorld(source, tape))
        assert world.manifest() == source.manifest()
        async with asyncio.TaskGroup() as group:
            for number in range(100):
                group.create_task(world.search_text(f"query {number % 60}", limit=1))
        with pytest.raises(BudgetExceededError):
            await world.search_text("query 100", limit=1)
        await world.read("a")
        await world.asset("a")
        await world.search_image(a_query(), limit=1)
    assert budget.counts[SpendKind.TEXT_SEARCH] == 100
    assert budget.replayed[SpendKind.TEXT_SEARCH] == 40
    assert budget.is_exhausted
    assert (budget.counts - budget.replayed).total() == source.asked.total() == 63


async def test_a_query_by_hand_needs_no_context(tmp_path: Path) -> None:
    async with Tape.open(tmp_path / "tape.db") as tape:
        world = MeteredWorld(TapedWorld(SmallWorld(), tape))
        await world.search_text("a", limit=1)
        await world.search_text("a", limit=1)
