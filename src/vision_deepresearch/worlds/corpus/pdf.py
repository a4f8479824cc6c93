"""A PDF as a page: its text page by page under "Page N", and the larger pictures it encloses.

Outlines, forms and annotations are not read. Everything is bounded, because files come from
strangers: size, pages, text, time. What goes beyond is refused with the reason; the file is never
read in part without saying so. PDFium can hang or crash over a file: it is called in a worker.
"""

import html
import io
import re
import time
from collections.abc import Iterator
from contextlib import closing
from typing import TYPE_CHECKING

from vision_deepresearch.core.errors import ConfigError
from vision_deepresearch.worlds.corpus.source import Enclosed
from vision_deepresearch.worlds.references import MIN_PICTURE_PX

if TYPE_CHECKING:
    from pypdfium2 import PdfDocument, PdfImage, PdfPage

MAGIC = b"%PDF-"
MAX_PDF_BYTES = 64 * 1024 * 1024
MAX_PAGES = 2000
MAX_TEXT_CHARS = 8 * 1024 * 1024
"""Of the whole document, as for other pages."""
MAX_SECONDS = 60.0
"""Looked at after each page."""
MAX_PICTURES = 100
MAX_PICTURE_PIXELS = 40_000_000
"""As for pictures from anywhere outside; looked at before one is unpacked."""
_LOOKED_AT = 1000
"""Objects of a page that are looked at for pictures."""
_MAX_TITLE = 200
_INVISIBLE = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")
_HYPHEN = re.compile("\ufffe|\u00ad\n|\x02\n?")
"""How PDFium marks a word that was broken at the end of a line."""
_BLANK_LINES = re.compile(r"\n\s*\n+")


class UnreadablePdfError(ValueError):
    """A PDF that is encrypted, broken or beyond a limit."""


def require_pdfium(path: str) -> None:
    """Refuse at once what would fail at every PDF.

    Raises:
        ConfigError: pypdfium2 is not installed.
    """
    try:
        import pypdfium2  # noqa: F401
    except ImportError as reason:
        msg = (
            f"reading {path} needs pypdfium2, which is not installed: "
            "pip install 'vision-deepresearch[pdf]'"
        )
        raise ConfigError(msg) from reason


def is_pdf(body: bytes) -> bool:
    """Whether it says so: the mark may stand behind a little rubbish."""
    return MAGIC in body[:1024]


def pdf_to_html(
    data: bytes, *, path: str, max_chars: int = MAX_TEXT_CHARS
) -> tuple[bytes, tuple[Enclosed, ...]]:
    """A PDF as HTML in UTF-8, and its pictures under the names by which the HTML shows them.

    Args:
        data: the file.
        path: of the page; its pictures are named after it.
        max_chars: of all its text.

    Raises:
        UnreadablePdfError: encrypted, broken, or beyond a limit; says which.
        ConfigError: pypdfium2 is not installed.

    Cost: about 3 ms a page of text.
    """
    if len(data) > MAX_PDF_BYTES:
        msg = f"a PDF of {len(data):,} bytes, above the limit of {MAX_PDF_BYTES:,}"
        raise UnreadablePdfError(msg)
    require_pdfium(path)
    import pypdfium2

    try:
        with closing(pypdfium2.PdfDocument(data)) as document:
            return _convert(document, path=path, max_chars=max_chars)
    except pypdfium2.PdfiumError as reason:
        is_locked = "password" in str(reason).lower()
        what = "an encrypted PDF" if is_locked else f"a broken PDF ({reason})"
        raise UnreadablePdfError(what) from reason


def _convert(
    document: "PdfDocument", *, path: str, max_chars: int
) -> tuple[bytes, tuple[Enclosed, ...]]:
    num_pages = len(document)
    if num_pages > MAX_PAGES:
        msg = f"a PDF of {num_pages:,} pages, above the limit of {MAX_PAGES:,}"
        raise UnreadablePdfError(msg)
    started, size = time.monotonic(), 0
    parts: list[str] = []
    pictures: list[Enclosed] = []
    first = ""
    for number in range(num_pages):
        with closing(document[number]) as page:
            text = _text_of(page)
            shown = list(
                _pictures_of(page, path=path, number=number, room=MAX_PICTURES - len(pictures))
            )
        size += len(text)
        if size > max_chars:
            msg = f"a PDF of more than {max_chars:,} characters"
            raise UnreadablePdfError(msg)
        if time.monotonic() - started > MAX_SECONDS:
            msg = f"a PDF that takes more than {MAX_SECONDS:g} s"
            raise UnreadablePdfError(msg)
        first = first or next((line for line in text.split("\n") if line.strip()), "")
        pictures += shown
        parts.append(_section(number, text, shown))
    title = _title_of(document) or first
    title = html.escape(" ".join(title.split())[:_MAX_TITLE])
    head = f"<meta charset=utf-8>{_date_of(document)}<title>{title}</title>"
    page_html = f"<!doctype html><html><head>{head}</head><body>{''.join(parts)}</body></html>"
    return page_html.encode("utf-8", "replace"), tuple(pictures)


def _section(number: int, text: str, shown: list[Enclosed]) -> str:
    blocks = (block.strip() for block in _BLANK_LINES.split(text))
    words = "".join(f"<p>{html.escape(block)}</p>" for block in blocks if block)
    figures = "".join(f'<p><img src="{html.escape(_name(one.path))}"></p>' for one in shown)
    return f"<h2>Page {number + 1}</h2>{words}{figures}"


def _name(path: str) -> str:
    return path.rpartition("/")[2].replace("%", "%25").replace("?", "%3F").replace("#", "%23")


def _text_of(page: "PdfPage") -> str:
    with closing(page.get_textpage()) as words:
        text = words.get_text_bounded()
    text = _HYPHEN.sub("", text.replace("\r\n", "\n"))
    return _INVISIBLE.sub("", text)


def _title_of(document: "PdfDocument") -> str:
    title = document.get_metadata_value("Title") or ""
    # Word processors write the name of their file there.
    return (
        "" if title.lower().endswith((".doc", ".docx", ".dvi", ".tex", ".indd", ".qxd")) else title
    )


def _date_of(document: "PdfDocument") -> str:
    found = re.match(r"D:(\d{4})(\d\d)(\d\d)", document.get_metadata_value("CreationDate") or "")
    return f'<meta name=date content="{"-".join(found.groups())}">' if found else ""


def _pictures_of(page: "PdfPage", *, path: str, number: int, room: int) -> Iterator[Enclosed]:
    """The pictures of a page that are large enough, as PNG."""
    from pypdfium2 import PdfImage, PdfiumError
    from pypdfium2.raw import FPDF_PAGEOBJ_IMAGE

    count = 0
    for looked, found in enumerate(page.get_objects(filter=[FPDF_PAGEOBJ_IMAGE], max_depth=4)):
        if looked >= _LOOKED_AT or count >= room:
            return
        try:
            data = _png_of(found) if isinstance(found, PdfImage) else None
        except (PdfiumError, ValueError, OSError):
            continue  # a picture that cannot be unpacked: the words are read
        if data is not None:
            count += 1
            # A name without a folder of its own: it is written relative to the page.
            yield Enclosed(path=f"{path}.page{number + 1}-{count}.png", data=data)


def _png_of(found: "PdfImage") -> bytes | None:
    width, height = found.get_px_size()
    if min(width, height) < MIN_PICTURE_PX or width * height > MAX_PICTURE_PIXELS:
        return None
    data = io.BytesIO()
    with closing(found.get_bitmap(render=False)) as bitmap:
        bitmap.to_pil().convert("RGB").save(data, "PNG", compress_level=1)
    return data.getvalue()
