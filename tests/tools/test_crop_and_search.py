"""Crops: which pixels are searched, what is skipped, and how the result is told."""

import io
import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image as PilImage
from pydantic import JsonValue

from tests.builders import a_picture
from tests.tools.tiny_world import (
    SITE,
    Desk,
    RecordingSummariser,
    TinyWorld,
    a_call,
    a_desk,
    a_hit,
    a_page_of,
    text_of,
    trusted_text,
)
from vision_deepresearch.core.bank import CropOrigin
from vision_deepresearch.core.content import ImageRef
from vision_deepresearch.core.errors import FailureKind, WorldError
from vision_deepresearch.core.geometry import Box
from vision_deepresearch.core.observation import Evidence, EvidenceKind, Observation
from vision_deepresearch.core.protocols import Summariser
from vision_deepresearch.media.crop import cut
from vision_deepresearch.tools.limits import ToolLimits
from vision_deepresearch.tools.summarise import PassagePicker
from vision_deepresearch.tools.toolset import build_tools

APART: list[JsonValue] = [[0, 0, 200, 200], [300, 0, 500, 200], [600, 0, 800, 200]]
TOWER = a_page_of("The Tower of Orvane was built in 1801 by Mara Vell.", title="Tower")


async def crop(
    world: TinyWorld,
    desk: Desk,
    *,
    bbox: JsonValue,
    image_id: JsonValue = "img_1",
    scales: JsonValue = None,
    goal: str = "what is it",
    limits: ToolLimits | None = None,
    summariser: Summariser | None = None,
) -> Observation:
    tools = build_tools(
        ["crop_and_search"],
        world=world,
        media=desk.media,
        summariser=summariser or PassagePicker(),
        limits=limits,
    )
    arguments: dict[str, JsonValue] = {"image_id": image_id, "bbox": bbox, "goal": goal}
    if scales is not None:
        arguments["scales"] = scales
    return await tools["crop_and_search"].run(a_call("crop_and_search", **arguments), desk.context)


def pixels(data: bytes) -> np.ndarray:
    return np.asarray(PilImage.open(io.BytesIO(data)).convert("RGB"))


def pixels_of(desk: Desk, ref: ImageRef) -> np.ndarray:
    return pixels(desk.media.load(ref))


# ---------------------------------------------------------------------------------- which pixels


@pytest.mark.pitfall("P12")
async def test_a_crop_of_the_second_picture_shows_the_second_picture() -> None:
    first, second = (a_picture(width=1200, height=1100, seed=seed) for seed in (1, 2))
    desk = a_desk(first, second)
    observation = await crop(TinyWorld(), desk, bbox=[0, 0, 500, 500], image_id="img_2")
    [region] = observation.regions
    assert region.handle == "img_2"
    assert (pixels_of(desk, region.crop) == pixels(second)[:550, :600]).all()


@pytest.mark.pitfall("P12")
@pytest.mark.parametrize(
    "image_id",
    ["img_9", "/etc/passwd", "https://site.example/a.png", " img_1", "img_\uff11", "", 1, None, []],
)
async def test_anything_but_a_known_handle_is_refused_and_the_known_ones_are_named(
    image_id: JsonValue,
) -> None:
    world = TinyWorld()
    observation = await crop(world, a_desk(), bbox=APART, image_id=image_id)
    assert observation.failure is not None
    assert observation.failure.kind is FailureKind.BAD_ARGS
    assert not world.asked
    if isinstance(image_id, str):
        assert "img_1" in observation.failure.message


@pytest.mark.pitfall("P20")
async def test_the_full_box_is_the_full_picture() -> None:
    data = a_picture(width=601, height=577, seed=3)
    desk = a_desk(data)
    observation = await crop(TinyWorld(), desk, bbox=[[0, 0, 1000, 1000]])
    assert (pixels_of(desk, observation.regions[0].crop) == pixels(data)).all()


@pytest.mark.pitfall("P20")
@pytest.mark.parametrize(
    "corners",
    [[800, 900, 0, 0], [-50.0, -1e9, 800, 900], [0.0, 0.4, 799.9, 900.2], ["0", "0", "800", "900"]],
)
async def test_reversed_outlying_and_fractional_boxes_are_cut(corners: JsonValue) -> None:
    observation = await crop(TinyWorld(), a_desk(), bbox=[corners])
    assert observation.failure is None
    [region] = observation.regions
    assert region.searched.iou(Box(x0=0, y0=0, x1=0.8, y1=0.9)) > 0.99


async def test_a_crop_of_a_crop_tells_the_world_where_it_comes_from() -> None:
    world, desk = TinyWorld(), a_desk()
    first = await crop(world, desk, bbox=[[0, 0, 500, 500]])
    await crop(world, desk, bbox=[[500, 500, 1000, 1000]], image_id=first.regions[0].crop_handle)
    given_picture = desk.context.bank.get("img_1").ref.sha256
    assert world.origins[1].sha256 == given_picture
    assert world.origins[1].box.iou(Box(x0=0.25, y0=0.25, x1=0.5, y1=0.5)) > 0.99


async def test_each_box_is_searched_at_each_scale_about_its_centre() -> None:
    world, desk = TinyWorld(), a_desk(a_picture(width=700, height=660))
    observation = await crop(
        world, desk, bbox=[[400, 400, 600, 600], [0, 0, 100, 100]], scales=[1, 2.5]
    )
    found = [(region.scale, region.searched.thousandths()) for region in observation.regions]
    assert found == [
        (1.0, (400, 400, 600, 600)),
        (2.5, (250, 250, 750, 750)),
        (1.0, (0, 0, 100, 100)),
        (2.5, (0, 0, 175, 175)),
    ]
    handles = [region.crop_handle for region in observation.regions]
    assert handles == ["img_2", "img_3", "img_4", "img_5"]
    assert "img_1 [400, 400, 600, 600] at scale 2.5, crop img_3: no hits" in text_of(observation)


# ------------------------------------------------------------------------------ caps and doubles


@pytest.mark.pitfall("P21")
async def test_of_500_boxes_8_are_searched_and_492_are_named_as_skipped() -> None:
    world = TinyWorld()
    boxes: list[JsonValue] = [
        [x * 40, y * 50, x * 40 + 30, y * 50 + 30] for y in range(20) for x in range(25)
    ]
    desk = a_desk(a_picture(width=1700, height=400))
    observation = await crop(world, desk, bbox=boxes)
    assert world.asked == ["image"] * 8
    assert any("492 skipped" in notice for notice in observation.notices)
    assert "492 skipped" in text_of(observation)


@pytest.mark.pitfall("P21")
async def test_ten_thousand_boxes_cost_no_more_than_eight() -> None:
    desk = a_desk(a_picture())
    started = time.process_time()
    observation = await crop(TinyWorld(), desk, bbox=[[0, 0, 500, 500]] * 10_000)
    assert time.process_time() - started < 1.5
    assert len(observation.regions) == 1
    assert any("9992 skipped" in notice for notice in observation.notices)


@pytest.mark.pitfall("P21")
@given(
    num_hits=st.integers(min_value=1, max_value=10),
    size=st.integers(min_value=1, max_value=4000),
    cap=st.integers(min_value=2000, max_value=6000),
)
@settings(max_examples=15, deadline=None)
async def test_no_result_is_longer_than_the_cap(num_hits: int, size: int, cap: int) -> None:
    hits = [a_hit(f"p{number}" + "u" * size) for number in range(num_hits)]
    world = TinyWorld(
        find_image=lambda _: hits,
        pages={hit.url: a_page_of("word " * 50, title="T" * size) for hit in hits[::2]},
    )
    limits = ToolLimits(hits_per_region=num_hits, result_chars=cap)
    bbox: list[JsonValue] = [*APART, [0, 0, 0, 0], [2000, 0, 3000, 9]]
    observation = await crop(world, a_desk(a_picture()), bbox=bbox, limits=limits, goal="g" * size)
    assert len(text_of(observation)) <= cap
    shown = text_of(observation)
    assert all(item.snippet.split("\n")[0] in shown for item in observation.evidence)


async def test_what_does_not_fit_loses_its_evidence_too() -> None:
    hits = [a_hit(f"p{number}") for number in range(10)]
    world = TinyWorld(
        find_image=lambda _: hits,
        pages={hit.url: a_page_of(f"fact{at} " * 100) for at, hit in enumerate(hits)},
    )
    limits = ToolLimits(hits_per_region=10, result_chars=3000)
    observation = await crop(world, a_desk(), bbox=APART[:1], limits=limits, goal="fact9")
    pages = [item for item in observation.evidence if item.kind is EvidenceKind.PAGE]
    assert 0 < len(pages) < 10
    assert any("result is full" in notice for notice in observation.notices)


@pytest.mark.pitfall("P22")
@pytest.mark.parametrize("num_hits", [1, 3, 5, 10])
async def test_as_many_hits_come_as_the_limit_says(num_hits: int) -> None:
    world = TinyWorld(find_image=lambda _: [a_hit(f"p{number}") for number in range(20)])
    limits = ToolLimits(hits_per_region=num_hits)
    observation = await crop(world, a_desk(), bbox=APART[:1], limits=limits)
    assert [item.rank for item in observation.evidence] == list(range(num_hits))
    assert observation.regions[0].hits == num_hits


async def test_boxes_that_nearly_coincide_are_searched_once() -> None:
    world = TinyWorld()
    observation = await crop(
        world,
        a_desk(),
        bbox=[[100, 100, 300, 300], [102, 100, 302, 300], [0, 0, 1000, 1000]],
        scales=[1.0, 4.0],
    )
    searched = [(region.box.thousandths(), region.scale) for region in observation.regions]
    assert searched == [
        ((100, 100, 300, 300), 1.0),
        ((100, 100, 300, 300), 4.0),
        ((0, 0, 1000, 1000), 1.0),
    ]
    assert len(world.asked) == 3
    assert "box 2 at scale 1 is nearly box 1 at scale 1: searched once" in observation.notices
    assert "box 3 at scale 4 is nearly box 3 at scale 1: searched once" in observation.notices


async def test_crops_with_the_same_pixels_are_searched_once() -> None:
    buffer = io.BytesIO()
    PilImage.new("RGB", (400, 400), (9, 9, 9)).save(buffer, "PNG")
    world = TinyWorld()
    observation = await crop(world, a_desk(buffer.getvalue()), bbox=APART)
    assert len(world.asked) == len(observation.regions) == 1
    assert sum("looks the same" in notice for notice in observation.notices) == 2


async def test_a_box_outside_fails_alone_and_says_why() -> None:
    world = TinyWorld()
    observation = await crop(
        world, a_desk(), bbox=[[1200, 0, 1300, 50], [0, 0, 500, 500], [1, 2, 3], [5, 5, 5, 9]]
    )
    assert observation.failure is None
    assert len(observation.regions) == 1
    told = "\n".join(observation.notices)
    assert "box 1 [1200.0, 0.0, 1300.0, 50.0] covers no part" in told
    assert "box 3 [1.0, 2.0, 3.0] has 3 numbers" in told
    assert "box 4" in told


@pytest.mark.parametrize(
    "bbox",
    [
        [[1200, 0, 1300, 50]],
        [],
        [[]],
        "here",
        [["a", 1, 2, 3]],
        None,
        [[float("nan"), 0, 1, 1]],
        {},
    ],
)
async def test_a_call_without_a_usable_box_is_bad_args(bbox: JsonValue) -> None:
    world = TinyWorld()
    observation = await crop(world, a_desk(), bbox=bbox)
    assert observation.failure is not None
    assert observation.failure.kind is FailureKind.BAD_ARGS
    assert not world.asked


@pytest.mark.parametrize("bbox", [[0, 0, 500, 500], "[0, 0, 500, 500]", "[[0, 0, 500, 500]]"])
async def test_a_flat_box_and_a_box_in_a_string_are_tolerated(bbox: JsonValue) -> None:
    observation = await crop(TinyWorld(), a_desk(), bbox=bbox)
    assert [region.box.thousandths() for region in observation.regions] == [(0, 0, 500, 500)]


@pytest.mark.parametrize("scales", [[0], [0.1], [9], [1, 2, 3, 4], [], "big", [float("inf")]])
async def test_scales_out_of_range_are_bad_args(scales: JsonValue) -> None:
    observation = await crop(TinyWorld(), a_desk(), bbox=APART, scales=scales)
    assert observation.failure is not None
    assert observation.failure.kind is FailureKind.BAD_ARGS
    assert "scales" in observation.failure.message


# -------------------------------------------------------------------------------- hits and pages


def tower_world(*, at_once: int = 1) -> TinyWorld:
    return TinyWorld(
        find_image=lambda origin: (
            [a_hit("tower", image="t.png"), a_hit("other", label="possible")]
            if origin.box.x0 < 0.5
            else [a_hit("junk", label="visually similar")]
        ),
        pages={
            f"{SITE}/tower": TOWER,
            f"{SITE}/other": a_page_of("Other towers stand elsewhere.", title="Other"),
            f"{SITE}/junk": a_page_of("Junk for sale.", title="Junk"),
        },
        pictures={f"{SITE}/t.png": a_picture(seed=9)},
        num_at_once=at_once,
    )


async def test_the_layout_names_regions_hits_matches_and_evidence() -> None:
    desk = a_desk()
    observation = await crop(tower_world(), desk, bbox=APART[:1], goal="who built the tower")
    assert text_of(observation) == (
        "Region 1: img_1 [0, 0, 200, 200] at scale 1, crop img_2: 2 hits\n\n"
        f"[1] [Title tower]({SITE}/tower)\n"
        "Match: match (score 54), picture img_3\n"
        "Its file: t.png\n"
        "Evidence in page:\nThe Tower of Orvane was built in 1801 by Mara Vell."
        "\n\n=======\n\n"
        f"[2] [Title other]({SITE}/other)\n"
        "Match: possible (score 7)\n"
        "Evidence in page:\nOther towers stand elsewhere.\n\n"
        "Note: no summariser configured: evidence is an extract"
    )
    assert desk.context.bank.get("img_3").origin.url == f"{SITE}/t.png"


async def test_evidence_can_be_graded_without_parsing_text() -> None:
    desk = a_desk()
    observation = await crop(tower_world(), desk, bbox=APART[:1], goal="who built the tower")
    hit, page = observation.evidence[:2]
    assert (hit.kind, hit.region, hit.rank, hit.label) == (EvidenceKind.IMAGE_HIT, 0, 0, "match")
    assert hit.handle == "img_3"
    assert hit.image == desk.context.bank.get("img_3").ref
    assert (page.kind, page.region, page.rank, page.url) == (
        EvidenceKind.PAGE,
        0,
        0,
        f"{SITE}/tower",
    )
    assert "built in 1801 by Mara Vell" in page.snippet
    assert (page.query, page.degraded, page.doc_id) == (
        "who built the tower",
        True,
        f"{SITE}/tower",
    )


async def test_a_page_that_several_regions_found_is_read_once_and_pointed_at() -> None:
    world = tower_world()
    observation = await crop(world, a_desk(), bbox=APART[:2], goal="who built the tower")
    assert world.asked.count(f"read {SITE}/tower") == 1
    assert world.asked.count(f"asset {SITE}/t.png") == 1
    text = text_of(observation)
    assert text.count("Mara Vell") == 1
    assert "Same page as [1]: see there." in text
    assert [region.hits for region in observation.regions] == [2, 2]


async def test_weak_hits_are_read_only_where_nothing_better_is() -> None:
    weak = [a_hit(f"w{number}", label="visually similar") for number in range(3)]
    world = TinyWorld(
        find_image=lambda origin: [a_hit("tower"), *weak[:2]] if origin.box.x0 < 0.25 else weak,
        pages={f"{SITE}/{name}": TOWER for name in ("tower", "w0", "w1", "w2")},
    )
    await crop(world, a_desk(), bbox=APART[:1])
    assert [what for what in world.asked if what.startswith("read")] == [f"read {SITE}/tower"]
    world.asked.clear()
    await crop(world, a_desk(), bbox=APART[1:2])
    assert [what for what in world.asked if what.startswith("read")] == [f"read {SITE}/w0"]


async def test_searches_and_reads_of_a_call_run_at_the_same_time() -> None:
    world = tower_world(at_once=3)
    observation = await crop(world, a_desk(), bbox=APART)
    assert observation.failure is None
    assert world.waiting == {"image": 3, "read": 3}


async def test_one_failing_search_is_told_beside_the_others() -> None:
    def find(origin: CropOrigin) -> list[Evidence]:
        if origin.box.x0 > 0.25:
            raise WorldError(FailureKind.RATE_LIMITED, "quota of project 1234 is used up")
        return [a_hit("tower")]

    world = TinyWorld(find_image=find, pages={f"{SITE}/tower": TOWER})
    observation = await crop(world, a_desk(), bbox=APART[:2])
    assert observation.failure is None
    assert [region.failure for region in observation.regions] == [None, FailureKind.RATE_LIMITED]
    assert "image search failed for 1 of 2 regions" in observation.notices
    assert "Image search failed (rate_limited: too many requests" in text_of(observation)


async def test_when_every_search_fails_the_call_fails_and_keeps_its_regions() -> None:
    def find(_: CropOrigin) -> list[Evidence]:
        raise WorldError(FailureKind.TIMEOUT, "slow")

    observation = await crop(TinyWorld(find_image=find), a_desk(), bbox=APART[:2])
    assert observation.failure is not None
    assert observation.failure.kind is FailureKind.TIMEOUT
    assert len(observation.regions) == 2
    assert "img_2" in text_of(observation)


async def test_a_page_that_cannot_be_read_leaves_its_hit() -> None:
    world = TinyWorld(find_image=lambda _: [a_hit("gone", snippet="a tower")])
    observation = await crop(world, a_desk(), bbox=APART[:1])
    assert observation.failure is None
    assert "Page not read: not_found: nothing was found there\na tower" in text_of(observation)
    assert [item.snippet for item in observation.evidence] == ["a tower"]


async def test_nothing_found_is_a_result() -> None:
    observation = await crop(TinyWorld(), a_desk(), bbox=APART[:1])
    assert observation.failure is None
    assert text_of(observation).endswith("no hits")


@pytest.mark.pitfall("P27")
@pytest.mark.parametrize("is_typed", [True, False])
async def test_what_a_provider_wrote_never_reaches_the_model(is_typed: bool) -> None:  # noqa: FBT001 - parametrized
    body = "<html>500 key=sk-planted http://10.0.0.7/internal</html>"

    def fail(*_: object) -> list[Evidence]:
        if is_typed:
            raise WorldError(FailureKind.UPSTREAM, body)
        raise RuntimeError(body)

    def half(origin: CropOrigin) -> list[Evidence]:
        return [a_hit("tower")] if origin.box.x0 < 0.25 else fail()

    for find in (fail, half):
        observation = await crop(TinyWorld(find_image=find), a_desk(), bbox=APART)
        shown = observation.model_dump_json()
        assert "planted" not in shown
        assert "10.0.0.7" not in shown
        assert FailureKind.UPSTREAM in {region.failure for region in observation.regions}


# ------------------------------------------------------------------------------ the summariser's eye


@pytest.mark.pitfall("P19")
async def test_a_summariser_that_sees_gets_the_crop_the_previews_and_the_pages_pictures() -> None:
    small = a_picture(width=40, height=33, seed=21)
    world = TinyWorld(
        find_image=lambda origin: [a_hit("tower", image="p1.png" if origin.box.x0 else "p2.png")],
        pages={f"{SITE}/tower": a_page_of("x", body="<img src=/in1.png><img src=/in2.png>")},
        pictures={
            f"{SITE}/p1.png": a_picture(seed=11),
            f"{SITE}/p2.png": small,
            f"{SITE}/in1.png": a_picture(seed=13, fmt="JPEG"),
            f"{SITE}/in2.png": a_picture(seed=14),
        },
    )
    desk, reader = a_desk(), RecordingSummariser()
    observation = await crop(world, desk, bbox=APART[:2], summariser=reader)
    [request] = reader.requests
    assert request.query_image is not None
    assert request.query_image.ref == observation.regions[0].crop
    assert len(small) < 15_000
    assert [pixels(picture.load()).shape[:2] for picture in request.previews] == [
        (33, 40),
        (64, 96),
    ]
    assert [picture.load()[:4] for picture in request.page_images] == [
        b"\xff\xd8\xff\xe0",
        b"\x89PNG",
    ]
    assert (
        pixels(request.query_image.load()) == pixels_of(desk, observation.regions[0].crop)
    ).all()


@pytest.mark.pitfall("P19")
async def test_pictures_that_never_open_are_noticed() -> None:
    world = TinyWorld(
        find_image=lambda _: [a_hit("tower", image="p1.png")],
        pages={f"{SITE}/tower": TOWER},
        pictures={f"{SITE}/p1.png": b"<html>not a picture</html>"},
    )
    observation = await crop(world, a_desk(), bbox=APART[:1])
    assert "none of 1 matched pictures could be opened" in observation.notices
    assert observation.failure is None


# ------------------------------------------------------------------------------------------ trust


@given(words=st.text(min_size=0, max_size=30))
@settings(max_examples=25, deadline=None)
async def test_words_of_the_world_and_of_the_model_are_never_trusted(words: str) -> None:
    evil = f"EVIL{words}"
    hit = a_hit("tower").model_copy(
        update={"title": evil, "label": evil, "snippet": evil, "published": evil}
    )
    gone = hit.model_copy(update={"url": f"{SITE}/EVIL gone"})
    html = evil.replace("<", "&lt;").replace("\x00", "")
    page = a_page_of(f"{html} built", title=html).decode("utf-8", "replace").encode()
    world = TinyWorld(find_image=lambda _: [hit, gone], pages={f"{SITE}/tower": page})
    observation = await crop(world, a_desk(a_picture()), bbox=APART[:1], goal=f"{evil} built")
    assert "EVIL" in text_of(observation)
    assert "EVIL" not in trusted_text(observation.parts)
    failed = await crop(world, a_desk(a_picture()), bbox=APART, image_id=evil)
    assert "EVIL" not in trusted_text(failed.parts)


def test_cut_is_what_the_tool_searches() -> None:
    data = a_picture(width=900, height=800, seed=4)
    box = Box.from_thousandths([100, 100, 800, 900])
    assert pixels(cut(data, box)).shape == (640, 630, 3)
