"""Pages and pictures of the web are parsed in a sealed process, with the results of this one."""

from collections.abc import Callable, Iterator

import pytest
from PIL import Image
from pydantic import JsonValue

from tests.bad_inputs import Recipe, Row, encoded, rows
from tests.builders import a_picture
from tests.worlds.corpus.pdf_files import write_pdf
from tests.worlds.live.double import Answer, Double
from tests.worlds.live.test_live_world import a_fetcher
from vision_deepresearch.core.errors import BadImageError, FailureKind, WorldError
from vision_deepresearch.media import pixels
from vision_deepresearch.media.decode import decode
from vision_deepresearch.media.store import clean
from vision_deepresearch.sandbox.parsing import Parsed, ParseLimits, ParseWorkers
from vision_deepresearch.worlds.live import page_job
from vision_deepresearch.worlds.live.parsers import ParsersApart, ParsersHere
from vision_deepresearch.worlds.live.web import WebReader
from vision_deepresearch.worlds.live.world import LiveWorld, Parts
from vision_deepresearch.worlds.pages import WholePage

URL = "https://www.ropewalk.org/a/b.html"
MIB = 1 << 20
ROOM_BYTES = 32 * MIB
"""Beyond what a call's input is allowed to cost."""


@pytest.fixture(scope="module")
def apart() -> Iterator[ParsersApart]:
    made = ParsersApart(reads_pdf=True, limits=ParseLimits(hosts=1))
    yield made
    made.close()


@pytest.fixture(scope="module")
def apart_for_pages() -> Iterator[ParsersApart]:
    """One that was given nothing large before: memory left over from that would be used again unseen."""
    made = ParsersApart(reads_pdf=True, limits=ParseLimits(hosts=1))
    yield made
    made.close()


def told(read: Callable[[], WholePage]) -> WholePage | tuple[FailureKind, str]:
    try:
        return read()
    except WorldError as reason:
        return reason.kind, reason.message


def measured(apart: ParsersApart, job: str, data: bytes, **about: JsonValue) -> tuple[Parsed, int]:
    """A call, and the memory it took beyond one with next to nothing to do: its libraries' code."""
    nothing = b"<p>x</p>" if job == "page" else b""
    idle = apart._workers.run(job, nothing, about)
    parsed = apart._workers.run(job, data, about)
    return parsed, parsed.max_rss - idle.max_rss


@pytest.mark.pitfall("P42")
@pytest.mark.pitfall("P43")
@pytest.mark.parametrize("row", rows("pages"), ids=lambda row: row.id)
def test_the_table_of_pages_is_obeyed_within_its_bounds_and_as_here(
    row: Row, apart_for_pages: ParsersApart
) -> None:
    assert isinstance(row.input, dict)
    body = Recipe.model_validate(row.input["body"]).built()
    charset = row.input.get("charset")
    parsed, over = measured(
        apart_for_pages, "page", body, url=URL, charset=charset, reads_pdf=row.klass != "type_lie"
    )
    assert parsed.cpu_s < 1
    assert over < ROOM_BYTES + len(body)
    answer = told(lambda: page_job.page_told(parsed.data))
    here = ParsersHere()
    assert charset is None or isinstance(charset, str)
    assert answer == told(lambda: here.read(body, url=URL, charset=charset))
    if isinstance(answer, tuple):
        assert row.verdict in {"refuse", "bounded"}
        assert answer[0] is FailureKind.BAD_ARGS
        return
    assert row.verdict in {"page", "bounded"}
    seen = " ".join([
        answer.markdown,
        *(link.url for link in answer.links),
        *(one.src for one in answer.images),
    ])
    includes, gone = row.expect.get("includes", []), row.expect.get("gone", [])
    assert isinstance(includes, list)
    assert isinstance(gone, list)
    assert all(str(words) in seen for words in includes)
    assert not any(str(words) in seen for words in gone)


@pytest.mark.pitfall("P42")
@pytest.mark.parametrize("row", rows("images"), ids=lambda row: row.id)
def test_the_tables_of_pictures_are_obeyed_within_their_bounds(
    row: Row, apart: ParsersApart
) -> None:
    data = row.recipe.built()
    parsed, over = measured(apart, "picture", data)
    assert parsed.cpu_s < 1
    if row.verdict == "block":
        assert over < ROOM_BYTES + len(data)
        with pytest.raises(BadImageError):
            pixels.png_of_pixels(parsed.data)
        return
    png = pixels.png_of_pixels(parsed.data)
    image = decode(png).image
    assert list(image.size) == row.expect["size"]
    assert over < ROOM_BYTES + len(data) + 4 * 3 * image.width * image.height


@pytest.mark.parametrize("fmt", ["JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF"])
def test_a_picture_that_comes_back_is_the_same_picture_in_a_file_of_ours(
    fmt: str, apart: ParsersApart
) -> None:
    data = a_picture(fmt=fmt)
    png = apart.clean_picture(data)
    assert png != data
    assert clean(png).ref.sha256 == clean(data).ref.sha256


def test_no_byte_of_a_senders_file_comes_back(apart: ParsersApart) -> None:
    data = encoded(Image.new("RGB", (8, 8)), "JPEG", comment=b"CANARY") + b"CANARY"
    assert b"CANARY" not in apart.clean_picture(data)


def test_a_pdf_is_read_apart_too(apart: ParsersApart) -> None:
    data = write_pdf(["Founded in 1902."], picture_px=(200, 200))
    page = apart.read(data, url=URL, charset=None)
    assert page == ParsersHere(reads_pdf=True).read(data, url=URL, charset=None)
    assert "Founded in 1902." in page.markdown
    with pytest.raises(WorldError) as caught:
        apart.read(b"%PDF-1.7 torn", url=URL, charset=None)
    assert caught.value.kind is FailureKind.BAD_ARGS


@pytest.mark.parametrize(
    ("limits", "words"),
    [
        (ParseLimits(wall_s=0.2), "takes too long to read"),
        (ParseLimits(memory_bytes=24 * MIB), "(takes too much memory|broke its reader)"),
        (ParseLimits(output_bytes=1000), "unpacks to too much"),
    ],
)
def test_a_page_beyond_a_limit_is_a_failure_that_is_not_tried_again(
    limits: ParseLimits, words: str
) -> None:
    body = b"<table><tr><td>x<b>y</b></td></tr>" * 100_000
    parsers = ParsersApart(limits=limits)
    try:
        with pytest.raises(WorldError, match=words) as caught:
            parsers.read(body, url=URL, charset=None)
        assert not caught.value.kind.is_retryable
    finally:
        parsers.close()


def test_where_no_parser_starts_nothing_is_parsed_and_the_failure_says_so() -> None:
    parsers = ParsersApart()
    broken = {"page": "no.such:job", "picture": "no.such:job"}
    parsers._workers = ParseWorkers(broken, limits=ParseLimits(hosts=1))
    for parse in (
        lambda: parsers.read(b"<p>x", url=URL, charset=None),
        lambda: parsers.clean_picture(a_picture()),
    ):
        with pytest.raises(WorldError, match="does not start") as caught:
            parse()
        assert caught.value.kind is FailureKind.UNAVAILABLE


def test_a_picture_beyond_a_limit_is_no_picture() -> None:
    parsers = ParsersApart(limits=ParseLimits(output_bytes=1000))
    try:
        with pytest.raises(WorldError, match="unpacks to too much") as caught:
            parsers.clean_picture(a_picture())
        assert caught.value.kind is FailureKind.BAD_IMAGE
    finally:
        parsers.close()


@pytest.mark.parametrize(
    "framed",
    [
        b"",
        b"\xff\xff\xff\xff",
        b"\x00\x00\x00\x02{}",
        b"\x00\x00\x00\x17" + b'{"width":1,"height":1} ' + b"12",
        b"\x00\x00\x00\x17" + b'{"width":1,"height":1} ' + b"1234",
        b"\x00\x00\x00\x27" + b'{"width":16384,"height":16384}         ' + b"1234",
        b"\x00\x00\x00\x1e" + b'{"width":1,"height":1,"x":"y"}' + b"123",
    ],
)
def test_a_decoder_that_lies_is_not_believed(framed: bytes) -> None:
    with pytest.raises(BadImageError, match="got something else"):
        pixels.png_of_pixels(framed)


@pytest.mark.parametrize("answer", [b"", b"{}", b"[]", b'{"page": {"head": 1}}', b"\xff"])
def test_a_parser_that_lies_is_not_believed(answer: bytes) -> None:
    with pytest.raises(WorldError, match="gave no page"):
        page_job.page_told(answer)


async def test_what_a_live_world_fetches_goes_through_the_parsers(apart: ParsersApart) -> None:
    picture = encoded(Image.new("RGB", (64, 64), (9, 99, 199)), "JPEG", comment=b"CANARY")
    with Double(Answer(raw=b"<p>Founded in 1902.</p>"), Answer(raw=picture)) as double:
        site = double.url.replace("127.0.0.1", "www.ropewalk.org")
        fetcher = a_fetcher(double)
        readers = [WebReader(fetcher, parsers=apart)]
        world = LiveWorld("live:web", Parts(readers=readers), fetcher=fetcher, parsers=apart)
        assert (await world.read(f"{site}/a")).markdown == "Founded in 1902."
        asset = await world.asset(f"{site}/a.jpg")
    assert asset.data.startswith(b"\x89PNG")
    assert b"CANARY" not in asset.data
