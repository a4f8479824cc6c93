"""HTML to a `Page`: pruned, as Markdown with absolute links, its pictures listed, cut into windows.

The order matters: charset, parse, read the head (it is pruned away), prune chrome, make urls
absolute and resolve lazy pictures, convert, cut. One pass over bytes, no network, no clock.
Source of the tool choice: lxml pruning + html-to-markdown, 0.6 ms for a 3 kB page.
"""

import codecs
import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import urljoin, urlsplit

from html_to_markdown import ConversionOptions, convert
from lxml import etree
from lxml.html import HtmlElement, HTMLParser, document_fromstring

from vision_deepresearch.core.errors import FailureKind, WorldError
from vision_deepresearch.core.page import Page, PageImage, PageLink

WINDOW_CHARS = 6000
"""Characters of one window of Markdown."""
MIN_PICTURE_PX = 100
"""Pictures whose declared sides are all smaller are icons."""

# `url_escape_style` and `base_url` of html-to-markdown 3.21 write "https%3A//": urls are made
# absolute and escaped here instead.
_OPTIONS = ConversionOptions(compact_tables=True, extract_metadata=False)

_CODECS = {  # labels that browsers read as their superset
    "iso-8859-1": "cp1252",
    "latin1": "cp1252",
    "us-ascii": "cp1252",
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "shift_jis": "cp932",
    "euc-kr": "cp949",
    "utf-16": "utf-8",  # a label that could be read as bytes cannot be true
}
_BOMS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"))
_BOMS += ((codecs.BOM_UTF16_BE, "utf-16"),)
_META_CHARSET = re.compile(
    rb"<meta[^>]{0,200}?charset\s*=\s*[\"']?\s*([A-Za-z0-9_.:-]{2,40})", re.I
)

_DEAD_TAGS = "script style template iframe object embed svg button input select textarea nav link"
_CHROME_ROLES = frozenset({"navigation", "banner", "contentinfo", "dialog", "search"})
_CHROME_NAMES = re.compile(
    r"(?:^|[\s_-])(?:cookies?|consent|gdpr|navbox|navbar|breadcrumbs?|mw-editsection|toc"
    r"|site-(?:header|footer|nav)|newsletter|advert|ads|skip-link)(?:$|[\s_-])",
    re.I,
)
_HIDDEN_STYLE = re.compile(r"display\s*:\s*none|visibility\s*:\s*hidden", re.I)
_MAY_BE_CHROME = "//*[@class or @id or @style or @hidden or @role"
_MAY_BE_CHROME += " or self::header or self::footer or self::noscript]"
_KEEPS = "self::main or self::article or self::body or self::html or descendant::main"
_KEEPS += " or descendant::article or descendant::h1"

_LAZY_SOURCES = ("data-src", "data-original", "data-lazy-src", "src")
_LAZY_SETS = ("srcset", "data-srcset")
_DATE = re.compile(r"(?<!\d)(\d{4}-\d{2}-\d{2})(?!\d)")
_JSON_DATE = re.compile(r'"datePublished"\s*:\s*"([^"]{1,40})"')
_DATE_NAMES = frozenset((
    "article:published_time",
    "date",
    "dc.date",
    "dc.date.issued",
    "datepublished",
    "pubdate",
))
_AUTHORITY_END = re.compile(r"[/?#]")
_URL_ESCAPES = {ord(char): f"%{ord(char):02X}" for char in "() <>\"'\\`{}|^\t\n\r"}
_MARKDOWN_URL = re.compile(r"\]\(<?([^)\s>]+)")
_SENTENCE_END = re.compile(r"(?<=[.!?])\s+|(?<=[\u3002\uff01\uff1f])")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Head:
    """What must be read before the page is pruned."""

    title: str
    lang: str
    published: str | None
    base_url: str


def to_page(
    html: bytes,
    *,
    url: str,
    final_url: str | None = None,
    world_id: str = "",
    doc_id: str = "",
    cursor: str | None = None,
    window_chars: int = WINDOW_CHARS,
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

    Raises:
        WorldError: no such window (bad_args).
    """
    final_url = final_url or url
    document = _parse(html)
    if document is None:
        head = _Head(title="", lang="", published=None, base_url=final_url)
        markdown, images, links = "", (), ()
    else:
        head = _read_head(document, final_url=final_url)
        _prune(document)
        _tabulate(document)
        images = tuple(_resolve_images(document, base_url=head.base_url))
        links = tuple(_resolve_links(document, base_url=head.base_url))
        markdown = _markdown_of(document)
    windows = cut_windows(markdown, window_chars=window_chars)
    index = _window_index(cursor, num_windows=len(windows))
    is_last = index == len(windows) - 1
    # What conversion lost (pictures of nested tables) is listed with the first window.
    here = _urls_in(windows[index])
    elsewhere = _urls_in(markdown) - here

    def stands_here(target: str) -> bool:
        written = target.translate(_URL_ESCAPES)
        return written in here or (index == 0 and written not in elsewhere)

    return Page(
        url=url,
        final_url=final_url,
        title=head.title,
        lang=head.lang,
        published=head.published,
        markdown=windows[index],
        images=tuple(image for image in images if stands_here(image.src)),
        links=tuple(link for link in links if stands_here(link.url)),
        cursor=None if is_last else str(index + 1),
        truncated=not is_last,
        content_hash=hashlib.sha256(markdown.encode("utf-8", "surrogatepass")).hexdigest(),
        world_id=world_id,
        doc_id=doc_id,
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


# ---------------------------------------------------------------------------------------- parse


def _parse(html: bytes) -> HtmlElement | None:
    """The document tree, or None where there is nothing to read."""
    text = html.decode(_codec_of(html), "replace").replace("\x00", "")
    try:
        return document_fromstring(
            text.encode("utf-8", "replace"), parser=HTMLParser(encoding="utf-8")
        )
    except etree.ParserError:  # nothing but white space and comments
        return None


def _codec_of(html: bytes) -> str:
    """Python's name of the charset: byte order mark, then `<meta>`, then UTF-8."""
    for mark, codec in _BOMS:
        if html.startswith(mark):
            return codec
    found = _META_CHARSET.search(html[:1024])
    label = found.group(1).decode("ascii").lower() if found else "utf-8"
    label = _CODECS.get(label, label)
    try:
        is_text = codecs.lookup(label).name not in {"utf-7", "utf-16", "utf-32", "idna", "punycode"}
        b"".decode(label)  # refuses codecs that are not from bytes to text
    except LookupError:
        return "utf-8"
    return label if is_text else "utf-8"


# ----------------------------------------------------------------------------------------- head


def _read_head(document: HtmlElement, *, final_url: str) -> _Head:
    base = final_url
    for element in document.iter("base"):
        base = _absolute(element.get("href"), base_url=final_url) or base
        break
    lang = document.get("lang") or document.get("{http://www.w3.org/XML/1998/namespace}lang") or ""
    return _Head(
        title=_title_of(document),
        lang=lang.strip()[:35],
        published=_published_of(document),
        base_url=base,
    )


def _title_of(document: HtmlElement) -> str:
    for element in document.iter("title", "h1"):
        title = _text_of(element)
        if title:
            return title[:300]
    return ""


def _published_of(document: HtmlElement) -> str | None:
    """The date the page states for itself, as YYYY-MM-DD."""
    for element in document.iter("meta"):
        name = element.get("property") or element.get("name") or element.get("itemprop") or ""
        if name.lower() in _DATE_NAMES and (found := _DATE.search(element.get("content") or "")):
            return found.group(1)
    for element in document.iter("script"):
        if "ld+json" in (element.get("type") or ""):
            stated = _JSON_DATE.search(element.text or "")
            if stated and (found := _DATE.search(stated.group(1))):
                return found.group(1)
    for element in document.iter("time"):
        if found := _DATE.search(element.get("datetime") or ""):
            return found.group(1)
    return None


# ---------------------------------------------------------------------------------------- prune


def _prune(document: HtmlElement) -> None:
    """Take out what a reader does not read: code, chrome, cookie walls, hidden things."""
    for element in list(document.iter(*_DEAD_TAGS.split(), etree.Comment, etree.PI)):
        if element.getparent() is not None:
            element.drop_tree()
    for element in document.xpath(_MAY_BE_CHROME):
        if element.getparent() is not None and _is_chrome(element):
            element.drop_tree()


def _is_chrome(element: HtmlElement) -> bool:
    attributes = element.attrib
    if element.tag == "noscript":
        return not any(True for _ in element.iter("img"))
    if "hidden" in attributes or _HIDDEN_STYLE.search(attributes.get("style", "")):
        return not element.xpath(_KEEPS)
    if element.tag in {"header", "footer"} and _is_page_level(element):
        return True
    if attributes.get("role", "") in _CHROME_ROLES:
        return not element.xpath(_KEEPS)
    names = f"{attributes.get('class', '')} {attributes.get('id', '')}"
    return bool(_CHROME_NAMES.search(names)) and not element.xpath(_KEEPS)


def _is_page_level(element: HtmlElement) -> bool:
    """Whether a header or footer belongs to the site: outside the content, without its heading."""
    return not element.xpath(f"{_KEEPS} or ancestor::main or ancestor::article")


def _tabulate(document: HtmlElement) -> None:
    """Make tables of definition lists and of infoboxes built from `div`: a row is one fact."""
    for listing in list(document.iter("dl")):
        listing.tag = "table"
        row = None
        for child in list(listing):
            if child.tag == "dt" or row is None:
                row = etree.SubElement(listing, "tr")
            child.tag = "th" if child.tag == "dt" else "td"
            row.append(child)
    for box in document.xpath("//div[contains(@class, 'infobox') and not(ancestor::table)]"):
        for row in [div for div in box.iter("div") if _is_pair(div)]:
            table = etree.Element("table")
            row.addprevious(table)
            table.append(row)
            row.tag = "tr"
            for cell in row:
                cell.tag = "td"


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


# ----------------------------------------------------------------------------- pictures and links


def _resolve_images(document: HtmlElement, *, base_url: str) -> Iterator[PageImage]:
    """List the pictures once each and give every `img` its real, absolute source."""
    seen: set[str] = set()
    for element in list(document.iter("img")):
        source = _source_of(element, base_url=base_url)
        width, height = _pixels(element.get("width")), _pixels(element.get("height"))
        sides = [side for side in (width, height) if side is not None]
        if source is None or (sides and max(sides) < MIN_PICTURE_PX):
            element.drop_tree()
            continue
        if source in seen and element.xpath("boolean(ancestor::noscript)"):
            element.drop_tree()  # the copy for readers without scripts
            continue
        alt = " ".join((element.get("alt") or "").split())
        caption = "" if source in seen else _caption_of(element)
        # Nothing but src and alt: a title or an open bracket would break the Markdown.
        element.attrib.clear()
        element.set("src", source.translate(_URL_ESCAPES))
        element.set("alt", alt.replace("[", "(").replace("]", ")"))
        if source in seen:
            continue
        seen.add(source)
        yield PageImage(
            src=source,
            alt=alt,
            caption=caption,
            width=width,
            height=height,
        )
    for element in list(document.iter("noscript", "picture", "figcaption")):
        element.tag = "p" if element.tag == "figcaption" else "span"
    for element in list(document.iter("source")):
        element.drop_tag()  # the parser may have put the picture into it


def _source_of(element: HtmlElement, *, base_url: str) -> str | None:
    """The url of the picture meant: lazy attributes first, then `src`, then the largest of a set."""
    for name in _LAZY_SOURCES:
        if source := _absolute(element.get(name), base_url=base_url):
            return source
    holders = [element]
    for picture in element.iterancestors("picture"):
        holders += picture.iter("source")
    for holder in holders:
        for name in _LAZY_SETS:
            if source := _absolute(_largest(holder.get(name) or ""), base_url=base_url):
                return source
    return None


def _largest(srcset: str) -> str | None:
    """The candidate of a `srcset` with the largest width or density."""
    best, best_size = None, -1.0
    for candidate in re.finditer(r"([^\s,]\S*[^\s,])(?:\s+([0-9.]+)[wx])?\s*(?:,|$)", srcset):
        size = float(candidate.group(2)) if _is_number(candidate.group(2)) else 1.0
        if size > best_size:
            best, best_size = candidate.group(1), size
    return best


def _is_number(text: str | None) -> bool:
    return text is not None and re.fullmatch(r"[0-9]+(\.[0-9]+)?", text) is not None


def _caption_of(element: HtmlElement) -> str:
    """The words beside a picture: its figure's caption, or the caption of its thumb or cell."""
    for ancestor in element.iterancestors("figure", "div", "td"):
        if ancestor.tag == "figure":
            found = ancestor.find(".//figcaption")
        elif len(ancestor.xpath(".//img")) > 1:
            return element.get("title") or ""
        else:
            captions = ancestor.xpath(
                ".//*[contains(@class, 'thumbcaption') or contains(@class, 'caption')"
                " or contains(@class, 'gallerytext')]"
            )
            found = captions[0] if captions else None
        if found is not None:
            return _text_of(found)
    return element.get("title") or ""


def _resolve_links(document: HtmlElement, *, base_url: str) -> Iterator[PageLink]:
    """List the links to other pages once each; make them absolute, unwrap all others."""
    page = base_url.partition("#")[0]
    seen: set[str] = set()
    for element in list(document.iter("a")):
        target = _absolute(element.get("href"), base_url=base_url)
        if target is None or target.partition("#")[0] == page:
            element.drop_tag()
            continue
        element.set("href", target.translate(_URL_ESCAPES))
        if "title" in element.attrib:
            del element.attrib["title"]
        if target in seen:
            continue
        seen.add(target)
        alts = (image.get("alt") or "" for image in element.iter("img"))
        yield PageLink(url=target, text=_text_of(element) or " ".join(alts).strip())


def _absolute(url: str | None, *, base_url: str) -> str | None:
    """The http(s) url meant, or None for anything else: data, scripts, mail, torn urls."""
    if not url or not (url := url.strip()) or url.startswith("#"):
        return None
    try:
        is_rooted = url.startswith("/") and not url.startswith("//") and "/." not in url
        if is_rooted and base_url.startswith("http"):
            # What urljoin would say of most links, at a tenth of its cost.
            scheme, _, rest = base_url.partition("://")
            return f"{scheme}://{_AUTHORITY_END.split(rest, maxsplit=1)[0]}{url}"
        joined = urljoin(base_url, url)
        parts = urlsplit(joined)
    except ValueError:
        return None
    return joined if parts.scheme in {"http", "https"} and parts.netloc else None


def _pixels(declared: str | None) -> int | None:
    found = re.match(r"\s*(\d{1,5})(?![\d%])", declared or "")
    return int(found.group(1)) if found else None


def _text_of(element: HtmlElement) -> str:
    return " ".join(element.text_content().split())


# -------------------------------------------------------------------------------------- markdown


def _markdown_of(document: HtmlElement) -> str:
    body = document.find("body")
    root = document if body is None else body
    html = etree.tostring(root, encoding="unicode", method="html")
    return (convert(html, _OPTIONS).content or "").strip()


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
            *full, held = [sentence[at : at + limit] for at in range(0, len(sentence), limit)] or [
                ""
            ]
            yield from full
    if held:
        yield held


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
