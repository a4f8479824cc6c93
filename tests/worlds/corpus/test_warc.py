"""WARC files as a source: what counts for an address, what is unpacked, what damage costs."""

import gzip
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.worlds.corpus.folders import page, picture
from tests.worlds.corpus.warc_files import (
    Fetch,
    chunked,
    deflated,
    members,
    raw_record,
    write_warc,
)
from vision_deepresearch.core.errors import ConfigError
from vision_deepresearch.core.page import Page
from vision_deepresearch.worlds.corpus.build import import_source
from vision_deepresearch.worlds.corpus.source import (
    AliasEntry,
    BadEntry,
    Entry,
    OtherEntry,
    PageEntry,
    PictureEntry,
)
from vision_deepresearch.worlds.corpus.urls import WEB_ROOT, Addresses, web_path
from vision_deepresearch.worlds.corpus.warc import WarcSource
from vision_deepresearch.worlds.corpus.warc_records import BadRecord, scan
from vision_deepresearch.worlds.corpus.world import CorpusWorld

SITE = "http://www.harbour.test"


def entries_of(file: Path) -> dict[str, Entry]:
    with closing(WarcSource(file)) as source:
        return {entry.path: entry for entry in source.entries()}


def body_of(entry: Entry) -> bytes:
    assert isinstance(entry, PageEntry)
    return entry.body


def text(words: str) -> bytes:
    return page(words.split()[0], f"<p>{words}</p>").encode()


@pytest.mark.parametrize("packed", [True, False])
def test_a_crawl_becomes_a_world_under_its_own_addresses(tmp_path: Path, *, packed: bool) -> None:
    lamp = page("Lamp", "<p>The lamp of Port Ellis.</p><img src='/img/lamp.png' alt='a lamp'>")
    crawl = [
        Fetch(url=f"{SITE}/", body=b"<h1>Home</h1><a href='/lamp?id=3&lang=en'>lamp</a>"),
        Fetch(url=f"{SITE}/lamp?id=3&lang=en", body=lamp.encode()),
        Fetch(url=f"{SITE}/img/lamp.png", body=picture(1), content_type="image/png"),
        Fetch(url=f"{SITE}/old", status="301 Moved", http={"Location": "/lamp?id=3&lang=en"}),
        Fetch(url=f"{SITE}/gone", status="404 Not Found", body=b"<h1>No</h1>"),
        Fetch(url=f"{SITE}/site.css", content_type="text/css", body=b"p {}"),
        Fetch(url="urn:note", kind="resource", body=b"note", content_type="text/plain"),
        Fetch(
            url="https://keepers.test/notes",
            kind="resource",
            body=b"<h1>Notes</h1><a href='http://www.harbour.test/old'>x</a>"
            b"<a href='http://elsewhere.test/'>y</a><a href='/none'>z</a>",
        ),
    ]
    file = write_warc(tmp_path / "crawl.warc", crawl, packed=packed)
    with closing(WarcSource(file)) as source:
        report = import_source(source, tmp_path / "world")
    assert report.base_url == WEB_ROOT
    counts = report.counts
    assert (counts["pages"], counts["aliases"], counts["pictures"]) == (3, 1, 1)
    assert (counts["links"], counts["dead_links"], counts["external_links"]) == (2, 1, 1)
    assert counts["entries: status 404"] == 1
    assert [one.reason for one in report.skipped] == ["no address of the web: 'urn:note'"]
    world = CorpusWorld.open(tmp_path / "world")
    for url in (
        "http://www.harbour.test/lamp?id=3&lang=en",
        "https://WWW.harbour.test:443/lamp?id=3&lang=en#top",
        "https://www.harbour.test/old",
    ):
        found: Page = world._read(url, None)
        assert found.title == "Lamp"
        assert found.final_url == "https://www.harbour.test/lamp?id=3&lang=en"
    assert [one.src for one in found.images] == ["https://www.harbour.test/img/lamp.png"]
    assert world._asset(found.images[0].src).ref is not None
    hit = world._search("lamp of Port Ellis", 3)[0]
    assert hit.url == "https://www.harbour.test/lamp?id=3&lang=en"
    world.close()


def test_the_latest_good_fetch_counts(tmp_path: Path) -> None:
    def at(day: int, words: str, status: str = "200 OK") -> Fetch:
        date = f"2024-03-{day:02}T00:00:00Z"
        return Fetch(url=f"{SITE}/a", body=text(words), status=status, date=date)

    crawl = [at(2, "second"), at(5, "fifth"), at(3, "third"), at(9, "error", "500 Error")]
    crawl.append(Fetch(url="https://www.harbour.test/a#part", body=text("same"), date="2024-03-01"))
    source = WarcSource(write_warc(tmp_path / "crawl.warc.gz", crawl))
    found = list(source.entries())
    source.close()
    assert len(found) == 1
    assert b"fifth" in body_of(found[0])
    assert source.about().facts["records_older_or_repeated"] == "4"
    assert source.about().date == "2024-03-09"


def test_a_revisit_is_another_name_of_what_it_repeats(tmp_path: Path) -> None:
    first = Fetch(url=f"{SITE}/a", body=text("alpha"))
    told = {"WARC-Refers-To-Target-URI": f"{SITE}/a"}
    by_digest = {"WARC-Payload-Digest": "sha1:SAME"}
    crawl = [
        first,
        Fetch(url=f"{SITE}/b", kind="revisit", headers=told),
        Fetch(url=f"{SITE}/a", kind="revisit", headers=told, date="2025-01-01T00:00:00Z"),
        Fetch(url=f"{SITE}/c", body=text("gamma"), headers=by_digest),
        Fetch(url=f"{SITE}/d", kind="revisit", headers=by_digest),
        Fetch(url=f"{SITE}/e", kind="revisit", headers={"WARC-Payload-Digest": "sha1:NONE"}),
    ]
    found = entries_of(write_warc(tmp_path / "crawl.warc.gz", crawl))
    aliases = {e.path[-1]: e.target[-1] for e in found.values() if isinstance(e, AliasEntry)}
    assert aliases == {"b": "a", "d": "c"}
    assert sum(isinstance(e, PageEntry) for e in found.values()) == 2


def test_bodies_are_joined_and_unpacked(tmp_path: Path) -> None:
    plain = text("unpacked words")
    sent = {
        "chunks": Fetch(
            url=f"{SITE}/chunks", body=chunked(plain), http={"Transfer-Encoding": "chunked"}
        ),
        "both": Fetch(
            url=f"{SITE}/both",
            body=chunked(gzip.compress(plain)),
            http={"Transfer-Encoding": "chunked", "Content-Encoding": "gzip"},
        ),
        "deflate": Fetch(
            url=f"{SITE}/deflate", body=deflated(plain), http={"Content-Encoding": "deflate"}
        ),
        "bare": Fetch(
            url=f"{SITE}/bare",
            body=deflated(plain, bare=True),
            http={"Content-Encoding": "deflate"},
        ),
        # crawlers that unpack bodies often leave the headers
        "left": Fetch(
            url=f"{SITE}/left",
            body=plain,
            http={"Transfer-Encoding": "chunked", "Content-Encoding": "gzip"},
        ),
        "brotli": Fetch(url=f"{SITE}/brotli", body=b"\x0b\x02", http={"Content-Encoding": "br"}),
        "torn": Fetch(
            url=f"{SITE}/torn",
            body=gzip.compress(plain)[:-9],
            http={"Content-Encoding": "gzip"},
        ),
        "bomb": Fetch(
            url=f"{SITE}/bomb",
            body=gzip.compress(b"0" * 80_000_000, 1),
            http={"Content-Encoding": "gzip"},
        ),
    }
    found = entries_of(write_warc(tmp_path / "crawl.warc.gz", list(sent.values())))
    for name in ("chunks", "both", "deflate", "bare", "left"):
        assert body_of(found[f"www.harbour.test/{name}"]) == plain, name
    reasons = {e.path[17:]: e.reason for e in found.values() if isinstance(e, BadEntry)}
    assert "packed as 'br'" in reasons["brotli"]
    assert "cut off" in reasons["torn"]
    assert "above the limit" in reasons["bomb"]


def test_what_a_body_is_its_bytes_say(tmp_path: Path) -> None:
    crawl = [
        Fetch(url=f"{SITE}/p", body=picture(1)),
        Fetch(url=f"{SITE}/n", body=text("words"), content_type="application/octet-stream"),
        Fetch(url=f"{SITE}/z", body=b"\x00\x01", content_type="application/octet-stream"),
        Fetch(url=f"{SITE}/t", body=b"bare words", content_type="text/plain"),
        Fetch(url=f"{SITE}/e", body=b" "),
        Fetch(url=f"{SITE}/m", body=b"<meta http-equiv=refresh content='0;url=/t'>"),
    ]
    found = entries_of(write_warc(tmp_path / "crawl.warc.gz", crawl))
    kinds = {path[17:]: type(entry) for path, entry in found.items()}
    assert kinds == {
        "p": PictureEntry,
        "n": PageEntry,
        "z": OtherEntry,
        "t": PageEntry,
        "e": BadEntry,
        "m": AliasEntry,
    }


def test_the_charset_of_http_reaches_the_reader(tmp_path: Path) -> None:
    words = "Фонарь погас в порту"
    crawl = [
        Fetch(
            url=f"{SITE}/ru",
            body=f"<p>{words}</p>".encode("iso8859-5"),
            content_type="text/html; charset=ISO-8859-5",
        )
    ]
    with closing(WarcSource(write_warc(tmp_path / "c.warc", crawl))) as source:
        import_source(source, tmp_path / "world")
    world = CorpusWorld.open(tmp_path / "world")
    assert world._read(f"{SITE}/ru", None).markdown == words
    assert world._search("Фонарь", 3)[0].snippet == words
    world.close()


# ---------------------------------------------------------------------------------------- damage


def three(*, packed: bool) -> list[bytes]:
    return [raw_record(f"{SITE}/{n}", text(f"word{n}"), packed=packed) for n in range(3)]


def read(tmp_path: Path, data: bytes) -> tuple[list[str], list[str]]:
    """Pages that were found, and the reasons of what was not."""
    file = tmp_path / "x.warc.gz"
    file.write_bytes(data)
    found = entries_of(file)
    pages = sorted(path[-1] for path, entry in found.items() if isinstance(entry, PageEntry))
    return pages, [entry.reason for entry in found.values() if isinstance(entry, BadEntry)]


@pytest.mark.parametrize("packed", [True, False])
def test_a_cut_off_last_record_costs_itself(tmp_path: Path, *, packed: bool) -> None:
    data = b"".join(three(packed=packed))
    for cut in (5, 20, 60):
        pages, reasons = read(tmp_path, data[:-cut])
        assert pages == ["0", "1"]
        assert len(reasons) == 1
        assert reasons[0].startswith("damaged: ")


@pytest.mark.parametrize("packed", [True, False])
@pytest.mark.parametrize("length", [0, 60, 400, 10**6, 10**17, -5, "many", ""])
def test_a_length_that_lies_costs_its_record_alone(
    tmp_path: Path, length: int | str, *, packed: bool
) -> None:
    whole = three(packed=packed)
    lying = raw_record(f"{SITE}/9", text("lying"), length=length, packed=packed)
    pages, reasons = read(tmp_path, b"".join([whole[0], lying, *whole[1:]]))
    assert pages == ["0", "1", "2"]
    assert len(reasons) == 1


@pytest.mark.parametrize("packed", [True, False])
def test_rubbish_between_records_is_passed_over(tmp_path: Path, *, packed: bool) -> None:
    whole = three(packed=packed)
    pages, reasons = read(tmp_path, whole[0] + b"\x1f\x8b\x08 WARC/1.0 rubbish" * 9 + whole[1])
    assert pages == ["0", "1"]
    assert reasons


def test_flipped_bits_in_a_packed_record_cost_it_alone(tmp_path: Path) -> None:
    file = write_warc(
        tmp_path / "c.warc.gz", [Fetch(url=f"{SITE}/{n}", body=text(f"w{n}")) for n in range(4)]
    )
    parts = members(file)
    torn = bytearray(parts[2])
    for at in range(30, len(torn) - 10, 7):
        torn[at] ^= 0x3C
    pages, reasons = read(tmp_path, b"".join([*parts[:2], bytes(torn), *parts[3:]]))
    assert pages == ["0", "2", "3"]
    assert len(reasons) == 1


def test_lines_and_headers_without_end_are_given_up_early(tmp_path: Path) -> None:
    endless = gzip.compress(b"WARC/1.0\r\nWARC-Type: " + b"x" * 100_000_000, 1)
    http = gzip.compress(
        b"WARC/1.0\r\nWARC-Type: response\r\nWARC-Target-URI: http://a.test/\r\n"
        b"Content-Type: application/http; msgtype=response\r\nContent-Length: 30000000\r\n\r\n"
        b"HTTP/1.1 200 OK\r\nX: " + b"y" * 30_000_000,
        1,
    )
    started = time.process_time()
    pages, reasons = read(tmp_path, b"".join([endless, http, *three(packed=True)]))
    assert pages == ["0", "1", "2"]
    assert len(reasons) == 2
    assert all("no end in 65,536 bytes" in reason for reason in reasons)
    assert time.process_time() - started < 3


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "is empty"),
        (b"<html>not found</html>", "a web page"),
        (b"PK\x03\x04", "something else"),
        (b"\x28\xb5\x2f\xfd....", "zstd -d"),
        (gzip.compress(b"".join(three(packed=False))), "warcio recompress"),
    ],
)
def test_what_cannot_be_read_as_a_warc_says_how_to_mend_it(
    tmp_path: Path, data: bytes, words: str
) -> None:
    file = tmp_path / "x.warc.gz"
    file.write_bytes(data)
    with pytest.raises(ConfigError, match=words):
        WarcSource(file)


def test_a_base_url_is_refused_for_pages_with_addresses(tmp_path: Path) -> None:
    file = write_warc(tmp_path / "c.warc.gz", [Fetch(url=f"{SITE}/a", body=text("alpha"))])
    with pytest.raises(ConfigError, match="keep the addresses"):
        import_source(WarcSource(file), tmp_path / "w", base_url="https://x.example/")


def mutated() -> Iterator[bytes]:
    yield b"".join(three(packed=True))
    yield b"".join(three(packed=False))


@settings(max_examples=60, deadline=None)
@given(
    data=st.sampled_from(list(mutated())),
    places=st.lists(st.tuples(st.floats(0, 1), st.integers(0, 255)), max_size=6),
    cut=st.floats(0, 1),
)
def test_any_damage_ends_in_records_or_reasons(
    tmp_path_factory: pytest.TempPathFactory,
    data: bytes,
    places: list[tuple[float, int]],
    cut: float,
) -> None:
    torn = bytearray(data)
    for where, byte in places:
        torn[int(where * (len(torn) - 1))] = byte
    kept = bytes(torn[: max(1, int(cut * len(torn)))])
    file = tmp_path_factory.mktemp("torn") / "x.warc"
    file.write_bytes(kept)
    try:
        with file.open("rb") as opened:
            found = list(scan(opened, size=len(kept), name="x"))
    except ConfigError:
        return
    offsets = [one.offset for one in found]
    assert offsets == sorted(set(offsets))
    assert all(one.reason for one in found if isinstance(one, BadRecord))


@given(st.text(max_size=30), st.text(max_size=12))
def test_an_address_of_the_web_leads_back_to_its_page(path: str, query: str) -> None:
    url = f"https://a.test/{path}" + (f"?{query}" if query else "")
    found = web_path(url)
    if found is not None:
        assert found in set(Addresses(WEB_ROOT).paths_of(Addresses(WEB_ROOT).url_of(found)))
