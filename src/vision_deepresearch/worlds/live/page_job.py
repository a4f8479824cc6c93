"""A body from the web becomes a page: here, or in a process that parses for ours.

What crosses from there is JSON that is checked here; a page that was refused crosses as its reason.
"""

import encodings
import importlib
import pkgutil
import re
from collections.abc import Mapping

from pydantic import TypeAdapter, ValidationError

from vision_deepresearch.core.errors import FailureKind, WorldError
from vision_deepresearch.core.record import Record
from vision_deepresearch.worlds.corpus.pdf import UnreadablePdfError, pdf_to_html
from vision_deepresearch.worlds.pages import WholePage, read_whole

JOB = "vision_deepresearch.worlds.live.page_job:page_of"
"""Where a parsing process finds the function."""
_PDF_FIGURE = re.compile(rb'<p><img src="[^"]*"></p>')
_WARMING = b"<html><title>t</title><table><tr><td>x</table><dl><dt>a<dd>b</dl><p>c <a href=/>d</a>"
_OF_ANOTHER_SYSTEM = frozenset({"mbcs", "oem"})


class _Answer(Record):
    """One of the two."""

    refusal: str = ""
    page: WholePage | None = None


_ANSWER = TypeAdapter(_Answer)


def read_body(body: bytes, *, url: str, charset: str | None, reads_pdf: bool) -> WholePage:
    """Read a body in this process.

    Args:
        body: as served, unpacked.
        url: where it came from.
        charset: as HTTP says.
        reads_pdf: whether the words of PDF files are read (extra `pdf`).

    Raises:
        WorldError: no page (bad_args).
    """
    if body.startswith(b"%PDF-"):
        if not reads_pdf:
            msg = "the page is a PDF file, which is not read here"
            raise WorldError(FailureKind.BAD_ARGS, msg)
        body, charset = pdf_words(body, url), "utf-8"
    return read_whole(body, url=url, charset=charset)


def pdf_words(body: bytes, url: str) -> bytes:
    """The words of a PDF as HTML; its pictures have no address and are left out.

    Raises:
        WorldError: encrypted, broken, or beyond a limit (bad_args).
    """
    try:
        words, _ = pdf_to_html(body, path=url)
    except UnreadablePdfError as reason:
        raise WorldError(FailureKind.BAD_ARGS, f"the page is {reason}") from None
    return _PDF_FIGURE.sub(b"", words)


def warm() -> None:
    """Do once what needs files: every charset's codec, a page, and PDFium if it is installed."""
    for found in pkgutil.iter_modules(encodings.__path__):
        if found.name not in _OF_ANOTHER_SYSTEM:
            importlib.import_module(f"encodings.{found.name}")
    read_whole(_WARMING, url="https://page.example/")
    try:
        importlib.import_module("pypdfium2.raw")
    except ImportError:
        return


def page_of(data: bytes, about: Mapping[str, object]) -> bytes:
    """A body as a page, in JSON, or why it is none. Runs in a child.

    Args:
        data: the body.
        about: `url`, `charset` and `reads_pdf` as in `read_body`.
    """
    charset = about["charset"]
    try:
        page = read_body(
            data,
            url=str(about["url"]),
            charset=charset if isinstance(charset, str) else None,
            reads_pdf=about["reads_pdf"] is True,
        )
        answer = _Answer(page=page)
    except WorldError as reason:
        answer = _Answer(refusal=reason.message)
    return _ANSWER.dump_json(answer)


def page_told(answer: bytes) -> WholePage:
    """What `page_of` said, checked.

    Raises:
        WorldError: the body was no page (bad_args), or this is no answer (upstream).
    """
    try:
        told = _ANSWER.validate_json(answer)
    except ValidationError:
        told = _Answer()
    if told.page is not None:
        return told.page
    if told.refusal:
        raise WorldError(FailureKind.BAD_ARGS, told.refusal)
    raise WorldError(FailureKind.UPSTREAM, "the parser gave no page")
