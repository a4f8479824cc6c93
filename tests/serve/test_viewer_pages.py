"""What a trace page and the table of a run say about a trajectory."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import html

from tests.serve.trace_sample import PASSAGE, Sample, a_cited_item, a_sample
from vision_deepresearch.core.bank import BankEntry, ImageBank, Origin
from vision_deepresearch.core.content import Image, ImageRef, ToolCall
from vision_deepresearch.core.episode import Decision, Verdict
from vision_deepresearch.core.geometry import Box
from vision_deepresearch.core.observation import Observation, Region
from vision_deepresearch.core.trajectory import CallRecord, StopReason
from vision_deepresearch.serve.viewer import STOPS, write_run_pages, write_trace_page
from vision_deepresearch.serve.viewer_boxes import Atlas
from vision_deepresearch.serve.viewer_data import TraceItem


@pytest.fixture(scope="module")
def sample() -> Sample:
    return a_sample()


@pytest.fixture(scope="module")
def page(sample: Sample, tmp_path_factory: pytest.TempPathFactory) -> html.HtmlElement:
    path = write_trace_page(
        tmp_path_factory.mktemp("trace") / "page.html", sample.item, load=sample.load
    )
    return html.fromstring(path.read_bytes())


def texts(page: html.HtmlElement, path: str) -> list[str]:
    return [" ".join(element.text_content().split()) for element in page.xpath(path)]


def test_every_crop_is_drawn_on_the_given_picture_under_its_box_number(
    page: html.HtmlElement,
) -> None:
    labels = texts(page, "//figure//*[contains(@class,'box ')]")
    assert sorted(labels) == ["1", "1\u00d71.6", "2", "2\u00d71.4"]
    rings = texts(page, "//figure//*[contains(@class,' ring')]")
    assert sorted(rings) == ["1\u00d71.6", "2\u00d71.4"]


def test_a_box_stands_where_it_was_searched(page: html.HtmlElement) -> None:
    (line,) = page.xpath("//figure//a[@href='#r1']//rect[@class='line']")
    corners = [line.get(name) for name in ("x", "y", "width", "height")]
    assert corners == ["8.00%", "16.00%", "22.00%", "34.00%"]


def test_each_drawn_box_leads_to_the_card_of_its_crop(page: html.HtmlElement) -> None:
    targets = page.xpath("//figure//a/@href")
    cards = [f"#{name}" for name in page.xpath("//section[contains(@class,'region')]/@id")]
    assert sorted(targets) == sorted(cards) == ["#r1", "#r2", "#r3", "#r4"]


def test_the_chain_runs_from_the_crop_to_the_passage(page: html.HtmlElement) -> None:
    links = texts(page, "//*[@id='claim1']//li")
    kinds = [text.split()[0] for text in links]
    assert kinds == ["crop", "hit", "page", "query", "page", "passage"]
    assert PASSAGE in links[-1]
    assert "box 1" in links[0]


def test_an_unsupported_claim_is_marked_as_such(page: html.HtmlElement) -> None:
    (claim,) = texts(page, "//*[@id='claim3']")
    assert "unsupported" in claim
    assert "nothing that was read says this in so many words" in claim
    assert page.xpath("//a[@href='#claim3' and contains(@class,'bad')]")
    assert not page.xpath("//a[@href='#claim1' and contains(@class,'bad')]")


def test_citations_stand_behind_the_words_they_support(page: html.HtmlElement) -> None:
    (answer,) = texts(page, "//*[contains(@class,'answer-text')]")
    assert answer == "Ostrel1; the guild2 was founded in 19023."


def test_a_citation_leads_to_the_quote_with_its_place_or_to_the_picture_with_its_box(
    sample: Sample, tmp_path: Path
) -> None:
    path = write_trace_page(tmp_path / "page.html", a_cited_item(sample), load=sample.load)
    page = html.fromstring(path.read_bytes())
    assert page.xpath("//*[contains(@class,'answer-text')]//a/@href") == [
        f"#claim{number}" for number in (1, 2, 3, 4, 5)
    ]
    (quote,) = texts(page, "//*[@id='claim1']//li[contains(@class,'is-passage')]")
    assert PASSAGE in quote
    assert "words of the page, characters 1,240 to 1,309" in quote
    (line,) = page.xpath("//*[@id='claim2']//*[@class='marked']//rect[@class='line']")
    corners = [line.get(name) for name in ("x", "y", "width", "height")]
    assert corners == ["8.00%", "16.00%", "22.00%", "34.00%"]
    assert texts(page, "//*[@id='claim2']//figcaption") == ["img_1 [80, 160, 300, 500]"]
    assert "only a model's summary says so" in texts(page, "//*[@id='claim3']//li")[-1]
    assert not page.xpath("//*[@id='claim1']//*[contains(@class,'warn')]")
    assert "price unknown" in texts(page, "//*[@class='facts']//dd")


def test_a_claim_of_several_passages_shows_all_and_what_none_of_them_holds(
    sample: Sample, tmp_path: Path
) -> None:
    path = write_trace_page(tmp_path / "page.html", a_cited_item(sample), load=sample.load)
    page = html.fromstring(path.read_bytes())
    assert texts(page, "//*[@id='claim5']//blockquote") == [
        "The Heron Guild made ropes.",
        "Its house stood in Marrow Bay.",
        "Heron Guild",
    ]
    assert texts(page, "//*[@id='claim5']//figcaption") == ["img_1 [80, 160, 300, 500]"]
    assert texts(page, "//*[@id='claim5']//*[@class='not-found']") == [
        'not found in what was read: "only"'
    ]
    assert "backed in part" in texts(page, "//*[@id='claim5']//h3")[0]
    crops = texts(page, "//*[@id='claim5']//li[contains(@class,'is-crop')]")
    assert ["box 1" in crop for crop in crops[-1:]] == [True], "the crop is that of the marked box"
    assert page.xpath("//a[@href='#claim5' and contains(@class,'partly')]")


def test_the_header_tells_figures_and_identity(page: html.HtmlElement) -> None:
    facts = dict(
        zip(
            texts(page, "//*[@class='facts']//dt"),
            texts(page, "//*[@class='facts']//dd[1]"),
            strict=True,
        )
    )
    assert facts["turns"] == "5"
    assert facts["boxes"] == "2"
    assert facts["engine requests"] == "10"
    assert facts["tokens"] == "22,352"
    assert facts["cost"] == "$0.0132"
    (meta,) = texts(page, "//*[@class='meta']")
    assert "oracle@1" in meta
    assert "generated-7f3a" in meta


def test_faults_failures_and_edits_are_shown(page: html.HtmlElement) -> None:
    badges = texts(page, "//main//*[contains(@class,'badge bad')]")
    assert badges == ["timeout", "bad_json", "unavailable"]
    notices = " | ".join(texts(page, "//*[contains(@class,'notice')]"))
    assert "python is switched off here" in notices
    assert "the results of turn 1 were replaced by: [left out]" in notices


def test_raw_messages_tell_our_words_from_foreign_ones(page: html.HtmlElement) -> None:
    told = page.xpath("//*[@id='t1']//details[.//summary[contains(.,'told')]]")[0]
    assert texts(told, ".//*[@class='raw']/span[@class='ours']") == [
        "<tool_response>",
        "</tool_response>",
    ]
    assert "box 1 at scale 1.0" in texts(told, ".//*[@class='raw']/span[@class='theirs']")[0]


def test_a_picture_is_embedded_once_however_often_it_is_shown(page: html.HtmlElement) -> None:
    ids = page.xpath("//image/@id")
    used = page.xpath("//use/@href")
    assert len(ids) == len(set(ids))
    assert {f"#{name}" for name in ids} == set(used)
    assert len(used) > len(ids)


def test_a_page_without_pictures_is_whole_all_the_same(sample: Sample, tmp_path: Path) -> None:
    path = write_trace_page(tmp_path / "page.html", sample.item, load=lambda _: None)
    page = html.fromstring(path.read_bytes())
    assert not page.xpath("//image")
    assert len(page.xpath("//*[contains(@class,'gone')]")) > 8
    assert len(page.xpath("//figure//a")) == 4


def test_a_lost_crop_is_cut_from_the_picture_it_belongs_to(sample: Sample, tmp_path: Path) -> None:
    scene = sample.item.task.images[0]

    def load(ref: ImageRef) -> bytes | None:
        return sample.load(ref) if ref == scene else None

    path = write_trace_page(tmp_path / "page.html", sample.item, load=load)
    crop = html.fromstring(path.read_bytes()).xpath("//*[@id='r1']//svg")[0]
    assert crop.xpath(".//use/@href") == ["#p1"]
    assert crop.get("viewbox") == "76.80 102.40 211.20 217.60"


def with_observation(sample: Sample, name: str, observation: Observation) -> TraceItem:
    """The sample, its last turn calling a tool that gave this."""
    call = CallRecord(
        call=ToolCall(id="t4c0", name=name, arguments={}), observation=observation, seconds=0.1
    )
    trajectory = sample.item.trajectory
    last = trajectory.turns[-1].model_copy(update={"calls": (call,)})
    return TraceItem(
        task=sample.item.task,
        trajectory=trajectory.model_copy(update={"turns": (*trajectory.turns[:-1], last)}),
    )


def test_a_search_of_the_whole_picture_is_no_box(sample: Sample, tmp_path: Path) -> None:
    scene = sample.item.task.images[0]
    whole = Region(
        handle="img_1",
        box=Box.full(),
        scale=1.0,
        searched=Box.full(),
        crop=scene,
        crop_handle="img_1",
    )
    item = with_observation(sample, "image_search", Observation(parts=(), regions=(whole,)))
    page = html.fromstring(
        write_trace_page(tmp_path / "page.html", item, load=sample.load).read_bytes()
    )
    assert len(page.xpath("//figure//a")) == 4
    assert "whole" in texts(page, "//*[@id='r5']")[0]
    assert "2" in texts(page, "//*[@class='facts']/div[3]/dd[1]")


def test_a_region_that_was_only_looked_at_is_drawn_too(sample: Sample, tmp_path: Path) -> None:
    entry = sample.item.trajectory.bank[3]
    looked = Observation(parts=(Image(ref=entry.ref, handle=entry.handle),))
    zoomed = with_observation(sample, "zoom", looked)
    page = html.fromstring(
        write_trace_page(tmp_path / "page.html", zoomed, load=sample.load).read_bytes()
    )
    drawn = page.xpath("//figure//a[@data-turn='5']")
    assert len(drawn) == 1
    assert page.xpath("//*[@data-show='5']")
    assert page.xpath("//*[@id='t5']//*[@class='gallery']//use")


def test_bytes_that_are_no_picture_are_not_embedded(sample: Sample, tmp_path: Path) -> None:
    svg = b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>"
    path = write_trace_page(tmp_path / "page.html", sample.item, load=lambda _: svg)
    assert "data:" not in path.read_text().split("</style>")[1]


def test_the_same_records_give_the_same_page(sample: Sample, tmp_path: Path) -> None:
    pages = [
        write_trace_page(tmp_path / name, sample.item, load=sample.load) for name in ("a", "b")
    ]
    assert pages[0].read_bytes() == pages[1].read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a", "b"]


def test_an_answer_without_support_is_warned_of(sample: Sample, tmp_path: Path) -> None:
    trajectory = sample.item.trajectory.model_copy(update={"support": ()})
    item = TraceItem(task=sample.item.task, trajectory=trajectory)
    text = write_trace_page(tmp_path / "page.html", item, load=sample.load).read_text()
    assert "No support is on record for this answer." in text
    assert "unjudged" in text


@pytest.mark.parametrize("stop", [reason for reason in StopReason if reason.is_anomalous])
def test_a_trajectory_without_turns_or_answer_says_why(
    stop: StopReason, sample: Sample, tmp_path: Path
) -> None:
    nothing = {"turns": (), "bank": (), "answer": None, "support": (), "stop": stop}
    trajectory = sample.item.trajectory.model_copy(update=nothing)
    item = TraceItem(task=sample.item.task, trajectory=trajectory)
    page = html.fromstring(
        write_trace_page(tmp_path / "page.html", item, load=sample.load).read_bytes()
    )
    assert texts(page, "//*[contains(@class,'answer-text')]") == [f"No answer: {STOPS[stop]}."]
    assert len(page.xpath("//figure//use")) == 1


def test_a_protected_task_shows_its_name_and_figures_only(sample: Sample, tmp_path: Path) -> None:
    task = sample.item.task.model_copy(update={"protected": True})
    item = TraceItem(task=task, trajectory=sample.item.trajectory, verdict=sample.item.verdict)
    index = write_run_pages(tmp_path, [item, item], load=sample.load)
    for path in (index, tmp_path / "traces" / "0001.html"):
        text = path.read_text()
        assert task.ref in text
        for secret in ("banner", "Ostrel", "Heron", "data:image"):
            assert secret not in text, secret


def test_the_table_of_a_run_leads_to_every_page(sample: Sample, tmp_path: Path) -> None:
    wrong = Verdict(decision=Decision.INCORRECT, reason="another town", judge="rules/1")
    items = [
        sample.item,
        TraceItem(task=sample.item.task, trajectory=sample.item.trajectory, verdict=wrong),
        TraceItem(task=sample.item.task, trajectory=sample.item.trajectory),
    ]
    index = write_run_pages(tmp_path, iter(items), load=sample.load)

    page = html.fromstring(index.read_bytes())
    rows = page.xpath("//tbody/tr")
    assert [row.get("data-verdict") for row in rows] == ["correct", "incorrect", "unjudged"]
    links = [tmp_path / href for href in page.xpath("//tbody//a/@href")]
    assert len(links) == 3
    assert all(path.is_file() for path in links)
    assert texts(page, "//p[@class='badges']/span") == [
        "3 trajectories",
        "1 correct",
        "1 incorrect",
        "1 unjudged",
    ]
    middle = html.fromstring(links[1].read_bytes())
    assert middle.xpath("//nav[@class='places']/a/@href") == [
        "../index.html",
        "0001.html",
        "0003.html",
    ]
    assert len(page.xpath("//image")) == 1


def test_a_run_of_one_is_one_page(sample: Sample, tmp_path: Path) -> None:
    index = write_run_pages(tmp_path, [sample.item], load=sample.load)
    assert [path.name for path in tmp_path.rglob("*")] == ["index.html"]
    assert html.fromstring(index.read_bytes()).xpath("//figure//a")


def test_an_empty_run_has_a_page_that_says_so(tmp_path: Path) -> None:
    index = write_run_pages(tmp_path, [], load=lambda _: None)
    assert "holds no trajectory yet" in index.read_text()


fractions = st.floats(min_value=0.0, max_value=0.9)


def a_box(left: float, top: float, width: float, height: float) -> Box:
    """Sizes are fractions of what is left of the picture."""
    return Box(x0=left, y0=top, x1=left + width * (1 - left), y1=top + height * (1 - top))


sizes = st.floats(min_value=0.05, max_value=1.0)
boxes = st.builds(a_box, fractions, fractions, sizes, sizes)


@given(st.lists(boxes, min_size=1, max_size=4), boxes)
def test_a_crop_of_crops_lies_inside_every_picture_it_was_cut_from(
    chain: list[Box], last: Box
) -> None:
    ref = ImageRef(sha256="a" * 64, width=100, height=80, media_type="image/png")
    bank = ImageBank()
    handle = bank.add(ref, Origin(kind="given"))
    for number, box in enumerate(chain):
        crop = ref.model_copy(update={"sha256": f"{number:064x}"})
        handle = bank.add(crop, Origin(kind="crop", handle=handle, box=box))
    root = Atlas(bank.entries).root(handle, last)

    assert root is not None
    assert root.entry.handle == "img_1"
    outer, edge = chain[0], 1e-9
    assert outer.x0 - edge <= root.box.x0 < root.box.x1 <= outer.x1 + edge
    assert outer.y0 - edge <= root.box.y0 < root.box.y1 <= outer.y1 + edge
    expected = last.width
    for box in chain:
        expected *= box.width
    assert root.box.width == pytest.approx(expected)


def test_a_bank_that_runs_in_circles_draws_nothing() -> None:
    ref = ImageRef(sha256="a" * 64, width=100, height=80, media_type="image/png")
    entries = [
        BankEntry(handle=handle, ref=ref, origin=Origin(kind="crop", handle=other, box=Box.full()))
        for handle, other in (("img_1", "img_2"), ("img_2", "img_1"))
    ]
    assert Atlas(entries).root("img_1", Box.full()) is None
