"""HTML to what readers need: a `Page` of Markdown cut into windows, or plain parts for an index.

The order matters: charset, parse, read the head (it is pruned away), prune chrome, make urls
absolute and resolve lazy pictures, convert, cut. One pass over bytes, no network, no clock.
Source of the tool choice: lxml pruning + html-to-markdown, 0.6 ms for a 3 kB page. An importer
reads parts: converting to Markdown would be most of its time.
"""

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from urllib.parse import urlsplit

from html_to_markdown import ConversionOptions, convert
from lxml import etree
from lxml.html import HtmlElement

from vision_deepresearch.core.errors import FailureKind, WorldError
from vision_deepresearch.core.page import Page, PageImage, PageLink
from vision_deepresearch.worlds.body import NotAPageError, picture_kind
from vision_deepresearch.worlds.html import (
    Head,
    absolute,
    parse,
    prune,
    read_head,
    refresh_target,
    text_of,
)
from vision_deepresearch.worlds.infobox import infobox_facts
from vision_deepresearch.worlds.page_facts import PageFact, first_facts
from vision_deepresearch.worlds.references import (
    URL_ESCAPES,
    ShownImage,
    resolve_images,
    resolve_links,
)
from vision_deepresearch.worlds.structured_data import jsonld_facts, microdata_facts

WINDOW_CHARS = 6000
"""Characters of one window of Markdown."""

# `url_escape_style` and `base_url` of html-to-markdown 3.21 write "https%3A//": urls are made
# absolute and escaped here instead.
_OPTIONS = ConversionOptions(compact_tables=True, extract_metadata=False)

_MARKDOWN_URL = re.compile(r"\]\(<?([^)\s>]+)")
_SENTENCE_END = re.compile(r"(?<=[.!?])\s+|(?<=[\u3002\uff01\uff1f])")
_BREAK = "\u2029"
"""Put between blocks of a page before its plain text is read."""
_BLOCK_TAGS = (
    "p div section article main aside header footer h1 h2 h3 h4 h5 h6 ul ol li dl dt dd table"
    " caption tr pre blockquote figure figcaption hr br address details summary form"
)
_OUTER_INFOBOXES = (
    "//div[contains(@class, 'infobox') and not(ancestor::table)"
    " and not(ancestor::div[contains(@class, 'infobox')])]"
)
_HAS_BLOCKS = etree.XPath(
    "boolean(dd[pre or ul or ol or dl or table or div or count(p) > 1] or dd/*/pre)"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class PageParts:
    """What an index needs of a page, without Markdown."""

    title: str
    lang: str
    published: str | None
    """ISO date as the page states it."""
    text: str
    """Plain text of the pruned page in reading order, a block a line; cells and captions too."""
    headings: str
    """Words of the headings, in order."""
    images: tuple[ShownImage, ...]
    """Pictures a reader sees, once each; icons by declared size are left out."""
    links: tuple[str, ...]
    """Absolute urls of other pages and files that stand in the text, once each, no fragments."""
    all_links: tuple[str, ...]
    """Those of the whole page, its navigation and links to itself too, as often as they stand."""
    licence: str
    """What the page says of its licence, with the urls it gives; "" if nothing."""
    facts: tuple[PageFact, ...]
    """Labels with values: of infoboxes first, then microdata, then JSON-LD; once each."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WholePage:
    """A page converted once, from which any window can be given."""

    head: Head
    markdown: str
    windows: tuple[str, ...]
    images: tuple[PageImage, ...]
    links: tuple[PageLink, ...]

    def window(
        self,
        cursor: str | None,
        *,
        url: str,
        final_url: str | None = None,
        world_id: str = "",
        doc_id: str = "",
    ) -> Page:
        """One window, as `to_page` gives it.

        Raises:
            WorldError: no such window (bad_args).
        """
        index = _window_index(cursor, num_windows=len(self.windows))
        is_last = index == len(self.windows) - 1
        # What conversion lost (pictures of nested tables) is listed with the first window.
        here = _urls_in(self.windows[index])
        elsewhere = _urls_in(self.markdown) - here

        def stands_here(target: str) -> bool:
            written = target.translate(URL_ESCAPES)
            return written in here or (index == 0 and written not in elsewhere)

        text = self.markdown.encode("utf-8", "surrogatepass")
        return Page(
            url=url,
            final_url=final_url or url,
            title=self.head.title,
            lang=self.head.lang,
            published=self.head.published,
            markdown=self.windows[index],
            images=tuple(image for image in self.images if stands_here(image.src)),
            links=tuple(link for link in self.links if stands_here(link.url)),
            cursor=None if is_last else str(index + 1),
            truncated=not is_last,
            content_hash=hashlib.sha256(text).hexdigest(),
            world_id=world_id,
            doc_id=doc_id,
        )


def to_page(
    html: bytes,
    *,
    url: str,
    final_url: str | None = None,
    world_id: str = "",
    doc_id: str = "",
    cursor: str | None = None,
    window_chars: int = WINDOW_CHARS,
    charset: str | None = None,
) -> Page:
    """Read a page.

    Args:
        html: the body as served; bytes, so that the page's own charset counts.
        url: as asked for.
        final_url: after redirects; relative links are resolved against it.
        world_id: of the world that serves it.
        doc_id: of the page within its world.
        cursor: window to give, as a former `Page.cursor` said; None: the first.
        window_chars: aim for the length of a window, in characters.
        charset: as the HTTP header says; a byte order mark beats it, it beats `<meta>`.

    Raises:
        WorldError: no such window, or no text (bad_args).

    Cost: linear in the bytes; up to 8 s and 0.6 GB for 8 MiB of nothing but tags.
    """
    whole = read_whole(html, url=final_url or url, window_chars=window_chars, charset=charset)
    return whole.window(cursor, url=url, final_url=final_url, world_id=world_id, doc_id=doc_id)


def read_whole(
    html: bytes, *, url: str, window_chars: int = WINDOW_CHARS, charset: str | None = None
) -> WholePage:
    """Convert a page, to give several windows of it.

    Args:
        html: the body as served.
        url: relative links are resolved against it.
        window_chars: aim for the length of a window, in characters.
        charset: as the HTTP header says.

    Raises:
        WorldError: no text: an archive, a PDF (bad_args, as no later call can work).
    """
    if picture_kind(html) is not None:
        return _page_of_picture(url)
    try:
        document = parse(html, charset=charset)
    except NotAPageError as reason:
        raise WorldError(FailureKind.BAD_ARGS, str(reason)) from None
    if document is None:
        head = Head(title="", lang="", published=None, base_url=url)
        return WholePage(head=head, markdown="", windows=("",), images=(), links=())
    head = read_head(document, final_url=url)
    prune(document, html=html)
    _tabulate(document)
    images = tuple(shown.image for shown in resolve_images(document, base_url=head.base_url))
    links = tuple(resolve_links(document, base_url=head.base_url))
    pruned = _html_of(document)
    del document  # as large as what the converter makes of the same page: not both at a time
    markdown = (convert(pruned, _OPTIONS).content or "").strip()
    if not markdown and (target := refresh_target(html, url=head.base_url)) is not None:
        links = (PageLink(url=target, text=target),)
        markdown = f"[{target}]({target.translate(URL_ESCAPES)})"
    windows = tuple(cut_windows(markdown, window_chars=window_chars))
    return WholePage(head=head, markdown=markdown, windows=windows, images=images, links=links)


def _page_of_picture(url: str) -> WholePage:
    """A page of nothing but the picture that its address turned out to be."""
    head = Head(title=urlsplit(url).path.rpartition("/")[2], lang="", published=None, base_url=url)
    markdown = f"![]({url.translate(URL_ESCAPES)})"
    images = (PageImage(src=url),)
    return WholePage(head=head, markdown=markdown, windows=(markdown,), images=images, links=())


def read_parts(html: bytes, *, url: str, charset: str | None = None) -> PageParts:
    """Read what an index needs of a page, in about 2 ms for 30 kB.

    Args:
        html: the body as served.
        url: of the page; relative links are resolved against it.
        charset: as the HTTP header says.

    Raises:
        NotAPageError: no text: a picture, an archive, a PDF.
    """
    document = parse(html, charset=charset)
    if document is None:
        return PageParts(
            title="",
            lang="",
            published=None,
            text="",
            headings="",
            images=(),
            links=(),
            all_links=(),
            licence="",
            facts=(),
        )
    head = read_head(document, final_url=url)
    known: dict[str, str] = {}
    all_links = _targets(document, base_url=head.base_url, known=known)
    # Those for machines stand where no reader looks.
    base = head.base_url
    stated = first_facts(
        chain(
            microdata_facts(document, html=html, base_url=base),
            jsonld_facts(document, base_url=base),
        )
    )
    licence = prune(document, html=html)
    facts = first_facts(chain(infobox_facts(document, base_url=base), stated))
    page = url.partition("#")[0]
    links = dict.fromkeys(_targets(document, base_url=head.base_url, known=known))
    return PageParts(
        title=head.title,
        lang=head.lang,
        published=head.published,
        images=tuple(resolve_images(document, base_url=head.base_url)),
        links=tuple(link for link in links if link != page),
        all_links=tuple(all_links),
        headings=" ".join(" ".join(map(text_of, document.iter("h1", "h2", "h3", "h4"))).split()),
        text=_plain_text(document),
        licence=licence,
        facts=facts,
    )


def _targets(document: HtmlElement, *, base_url: str, known: dict[str, str]) -> list[str]:
    """Where the links lead, without fragments; links that are nothing but a fragment left out.

    Args:
        document: the page.
        base_url: links are relative to it.
        known: what was found for an `href` before; added to.
    """
    found: list[str] = []
    for element in document.iter("a"):
        href = element.get("href", "")
        if href not in known:
            known[href] = (absolute(href, base_url=base_url) or "").partition("#")[0]
        if known[href]:
            found.append(known[href])
    return found


def _plain_text(document: HtmlElement) -> str:
    """A block a line, white space folded; the cells of a row follow each other on one line."""
    body = document.find("body")
    root = document if body is None else body
    for element in root.iter(*_BLOCK_TAGS.split()):
        element.tail = f"{_BREAK}{element.tail or ''}"
        element.text = f"{_BREAK}{element.text or ''}"
    for cell in root.iter("th", "td"):
        mark = ":" if cell.tag == "th" and _leads_row(cell) else ""
        cell.tail = f"{mark} {cell.tail or ''}"
    text = etree.tostring(root, method="text", encoding="unicode", with_tail=False)
    lines = (" ".join(block.split()) for block in text.split(_BREAK))
    return "\n".join(line for line in lines if line)


def _leads_row(cell: HtmlElement) -> bool:
    after = cell.getnext()
    return after is not None and after.tag == "td"


def _tabulate(document: HtmlElement) -> None:
    """Make tables of short definition lists and of infoboxes built from `div`: a row is one fact."""
    for listing in list(document.iter("dl")):
        if _HAS_BLOCKS(listing):
            _spell_out(listing)
            continue
        listing.tag = "table"
        row = None
        for child in list(listing):
            if child.tag == "dt" or row is None:
                row = etree.SubElement(listing, "tr")
            child.tag = "th" if child.tag == "dt" else "td"
            row.append(child)
    for box in document.xpath(_OUTER_INFOBOXES):
        for row in [div for div in box.iter("div") if _is_pair(div)]:
            table = etree.Element("table")
            row.addprevious(table)
            table.append(row)
            row.tag = "tr"
            for cell in row:
                cell.tag = "td"


def _spell_out(listing: HtmlElement) -> None:
    """Make paragraphs of a definition list whose definitions are longer than a cell."""
    listing.tag = "div"
    for child in listing:
        if child.tag == "dt":
            child.tag = "p"
        elif child.tag == "dd":
            child.tag = "div"


def _is_pair(element: HtmlElement) -> bool:
    """Whether it is a key and a value: two plain children and no text of its own."""
    if len(element) != 2 or (element.text or "").strip():
        return False
    if any((child.tail or "").strip() for child in element):
        return False
    return all(
        child.tag in {"div", "span", "b", "strong", "a", "p"} and not len(child.xpath(".//div"))
        for child in element
    )


def cut_windows(markdown: str, *, window_chars: int = WINDOW_CHARS) -> list[str]:
    """Cut Markdown at headings or paragraphs into windows of about `window_chars`; at least one.

    A window may be cut early, from half its length on, where a heading begins. Nothing is lost:
    the windows hold all characters but the blank lines between them.
    """
    windows: list[str] = []
    held: list[str] = []
    size = 0
    for block in _blocks(markdown, limit=window_chars):
        is_full = size + len(block) > window_chars
        is_heading_late = block.startswith("#") and size > window_chars // 2
        if held and (is_full or is_heading_late):
            windows.append("\n\n".join(held))
            held.clear()
            size = 0
        held.append(block)
        size += len(block) + 2
    if held or not windows:
        windows.append("\n\n".join(held))
    return windows


# -------------------------------------------------------------------------------------- markdown


def _html_of(document: HtmlElement) -> str:
    body = document.find("body")
    root = document if body is None else body
    root.attrib.clear()  # scripts show pages whose body is hidden until they ran
    return etree.tostring(root, encoding="unicode", method="html")


def _blocks(markdown: str, *, limit: int) -> Iterator[str]:
    """Paragraphs, headings, tables; longer ones are cut at lines, then sentences, then anywhere."""
    for block in re.split(r"\n\s*\n", markdown):
        if block.strip():
            yield from _pieces(block.strip("\n"), limit=limit)


def _pieces(block: str, *, limit: int) -> Iterator[str]:
    if len(block) <= limit:
        yield block
        return
    held = ""
    for line in block.split("\n"):
        for sentence in _SENTENCE_END.split(line) if len(line) > limit else [line]:
            joined = f"{held}\n{sentence}" if held else sentence
            if len(joined) <= limit:
                held = joined
                continue
            if held:
                yield held
            *full, held = _chunks(sentence, limit=limit)
            yield from full
    if held:
        yield held


def _chunks(text: str, *, limit: int) -> Iterator[str]:
    """Cut words without sentences: between two links or words where there are such, else anywhere."""
    start = 0
    while len(text) - start > limit:
        middle, end = start + limit // 2, start + limit
        best = max(text.rfind(mark, middle, end) for mark in (")![", ")[", " "))
        cut = end if best < 0 else best + 1
        yield text[start:cut]
        start = cut
    yield text[start:]


def _window_index(cursor: str | None, *, num_windows: int) -> int:
    if cursor is None:
        return 0
    if re.fullmatch(r"[0-9]{1,6}", cursor, re.ASCII) and int(cursor) < num_windows:
        return int(cursor)
    raise WorldError(
        FailureKind.BAD_ARGS,
        f"unknown cursor {cursor[:40]!r}: this page has the windows 0 to {num_windows - 1}",
    )


def _urls_in(markdown: str) -> frozenset[str]:
    """The urls of links and pictures, as escaped in Markdown."""
    return frozenset(_MARKDOWN_URL.findall(markdown))
