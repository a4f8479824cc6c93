"""PDF files as pages: words page by page, pictures, and what is refused with which reason."""

import random
import zlib
from contextlib import closing
from pathlib import Path

import pytest

from tests.worlds.corpus.pdf_files import write_pdf
from tests.worlds.corpus.warc_files import Fetch, write_warc
from vision_deepresearch.worlds.corpus import pdf
from vision_deepresearch.worlds.corpus.build import import_source
from vision_deepresearch.worlds.corpus.folder import FolderSource
from vision_deepresearch.worlds.corpus.pdf import UnreadablePdfError, pdf_to_html
from vision_deepresearch.worlds.corpus.reader import Reader, ReadPage
from vision_deepresearch.worlds.corpus.source import Markup, PageEntry
from vision_deepresearch.worlds.corpus.warc import WarcSource
from vision_deepresearch.worlds.corpus.workers import Crew, Lost
from vision_deepresearch.worlds.corpus.world import CorpusWorld

PAGES = ["Harbour report\nThe lamp was lit in 1871.", "Colza oil & wicks <cost> more."]


def html_of(data: bytes) -> str:
    return pdf_to_html(data, path="a/report.pdf")[0].decode()


def test_words_stand_page_by_page_under_their_numbers() -> None:
    html = html_of(write_pdf(PAGES, title="Report of 1871", date="18710304"))
    assert "<title>Report of 1871</title>" in html
    assert 'content="1871-03-04"' in html
    assert html.index("<h2>Page 1</h2>") < html.index("lit in 1871")
    assert html.index("lit in 1871") < html.index("<h2>Page 2</h2>")
    assert "&lt;cost&gt;" in html


def test_without_metadata_the_first_line_is_the_title() -> None:
    assert "<title>Harbour report</title>" in html_of(write_pdf(PAGES))
    assert "<title>Harbour report</title>" in html_of(write_pdf(PAGES, title="report_v2.docx"))


@pytest.mark.parametrize("kind", ["folder", "warc"])
def test_a_pdf_is_a_page_of_a_world_with_its_pictures(tmp_path: Path, kind: str) -> None:
    data = write_pdf(PAGES, picture_px=(160, 120))
    if kind == "folder":
        (tmp_path / "docs").mkdir()
        (tmp_path / "docs" / "report.pdf").write_bytes(data)
        (tmp_path / "docs" / "index.html").write_text("<h1>All</h1><a href=report.pdf>it</a>")
        source, url = FolderSource(tmp_path / "docs"), "https://docs.example/report.pdf"
    else:
        url = "https://port.test/papers/report"
        fetch = Fetch(url=url, body=data, content_type="application/pdf")
        source = WarcSource(write_warc(tmp_path / "c.warc.gz", [fetch]))
    with closing(source):
        report = import_source(source, tmp_path / "world")
    assert (report.counts["pictures"], report.counts["skipped"]) == (1, 0)
    world = CorpusWorld.open(tmp_path / "world")
    found = world._read(url, None)
    assert "## Page 2" in found.markdown
    assert [one.src for one in found.images] == [f"{url}.page1-1.png"]
    assert world._asset(found.images[0].src).data.startswith(b"\x89PNG")
    assert world._search("colza wicks", 3)[0].url == url
    world.close()


def test_a_long_pdf_is_read_in_windows_that_begin_at_pages(tmp_path: Path) -> None:
    (tmp_path / "docs").mkdir()
    words = "\n".join("The keeper wrote a line of the log of the harbour lamp." for _ in range(40))
    (tmp_path / "docs" / "log.pdf").write_bytes(write_pdf([words] * 12))
    import_source(FolderSource(tmp_path / "docs"), tmp_path / "world")
    world = CorpusWorld.open(tmp_path / "world")
    first = world._read("https://docs.example/log.pdf", None)
    assert first.cursor == "1"
    second = world._read("https://docs.example/log.pdf", first.cursor)
    assert second.markdown.startswith("## Page ")
    world.close()


def test_small_pictures_of_a_pdf_are_left_out() -> None:
    assert pdf_to_html(write_pdf(PAGES, picture_px=(99, 400)), path="a.pdf")[1] == ()


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (write_pdf(PAGES, locked=True), "encrypted"),
        (b"%PDF-1.4\nnothing more", "broken"),
        (write_pdf(PAGES, declared=10_000), "10,000 pages"),
        (b"%PDF-1.4" + b"0" * (pdf.MAX_PDF_BYTES + 1), "above the limit"),
    ],
    ids=["locked", "broken", "pages", "bytes"],
)
def test_what_cannot_be_read_is_refused_with_the_reason(data: bytes, words: str) -> None:
    with pytest.raises(UnreadablePdfError, match=words):
        html_of(data)


def test_a_picture_that_would_fill_the_memory_is_passed_over() -> None:
    data = write_pdf(PAGES, picture_px=(120, 120))
    huge = data.replace(b"/Width 120 /Height 120", b"/Width 90000 /Height 90000")
    html, pictures = pdf_to_html(huge, path="a.pdf")
    assert pictures == ()
    assert b"lit in 1871" in html


def test_more_text_than_a_page_may_have_is_refused() -> None:
    with pytest.raises(UnreadablePdfError, match="more than 30 characters"):
        pdf_to_html(write_pdf(PAGES), path="a.pdf", max_chars=30)


def bomb() -> bytes:
    """A file of 120 kB whose one page is 120 MB of drawing: PDFium takes a minute over it."""
    packed = zlib.compress(b"q " * 60_000_000, 9)
    head, _, rest = write_pdf(["only words"]).partition(b"stream\n")
    tail = rest[rest.index(b"\nendstream") :]
    head = head[: head.rindex(b"/Length")] + f"/Length {len(packed)} >>\n".encode()
    return head + b"stream\n" + packed + tail


def test_a_stream_that_unpacks_without_end_is_given_up_even_with_one_job(tmp_path: Path) -> None:
    tasks = [
        PageEntry(index=n, path=f"{n}.pdf", title="", body=body, markup=Markup.PDF)
        for n, body in enumerate([write_pdf(PAGES), bomb(), write_pdf(PAGES)])
    ]
    reader = Reader(blobs=tmp_path, base_url="https://x.example/", language="")
    with Crew[int](reader, jobs=1, max_task_s=2.5) as crew:
        found = [answer for _, answer in crew.answers((one.index, one) for one in tasks)]
    assert [type(one) for one in found] == [ReadPage, Lost, ReadPage]


def test_bad_pdfs_do_not_stop_an_import(tmp_path: Path) -> None:
    docs = tmp_path / "docs"
    docs.mkdir()
    (docs / "good.pdf").write_bytes(write_pdf(PAGES))
    (docs / "locked.pdf").write_bytes(write_pdf(PAGES, locked=True))
    (docs / "cut.pdf").write_bytes(b"%PDF-1.7\n")
    (docs / "page.pdf").write_text("<p>a web page that calls itself a PDF</p>")
    (docs / "empty.pdf").write_bytes(b"")
    report = import_source(FolderSource(docs), tmp_path / "world")
    assert report.counts["pages"] == 1
    assert {one.path: one.reason.partition(" (")[0] for one in report.skipped} == {
        "cut.pdf": "cannot be parsed: a broken PDF",
        "empty.pdf": "empty",
        "locked.pdf": "cannot be parsed: an encrypted PDF",
        "page.pdf": "its bytes are no PDF",
    }


def test_damaged_bytes_end_in_a_page_or_a_reason() -> None:
    whole = write_pdf(PAGES, title="T", picture_px=(120, 120))
    rng = random.Random(7)
    for _ in range(40):
        torn = bytearray(whole)
        for _ in range(rng.randint(1, 30)):
            torn[rng.randrange(8, len(torn))] = rng.randrange(256)
        try:
            html = pdf_to_html(bytes(torn), path="x.pdf")[0]
        except UnreadablePdfError:
            continue
        assert b"<html>" in html
