"""Bytes of a page become a tree: charset, parse, what its head says, and the chrome taken out.

Shared by the reader (`pages`) and the importer of corpora: both see the same page. No network, no
clock. Names of chrome are those of MediaWiki, Kiwix, Sphinx, DocBook, AsciiDoc, javadoc, doxygen
and of ordinary sites.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum, auto
from functools import lru_cache
from itertools import islice
from urllib.parse import urljoin, urlsplit

from lxml import etree
from lxml.html import HtmlElement, document_fromstring

from vision_deepresearch.worlds.body import as_html

GONE, BARE = "vdr-gone", "vdr-bare"
"""Names of elements that will be taken out with, or without, what is in them: all at once, because
one by one each moves the text behind it, which takes minutes for 100,000 of them."""
_UNREAD = re.compile(
    rb"<(script|style|template|svg|select|textarea)\b.*?(?:</\1\s*>|\Z)", re.I | re.S
)
_NESTING = re.compile(
    rb"</?(?!(?:html|head|title|meta|base|body|a|p|br|hr|img)[\s/>])[a-z][^<>]*>", re.I
)
"""Tags that can lie in each other without end."""
_INLINE = re.compile(
    rb"</?(?:b|i|u|s|em|strong|font|span|small|big|sup|sub|code|tt|abbr|cite|q)[\s/>]", re.I
)

_DEAD_TAGS = "script style template iframe object embed svg button input select textarea nav link"
_CHROME_ROLES = frozenset({"navigation", "banner", "contentinfo", "dialog", "search"})
_CHROME_NAMES = re.compile(
    r"(?:^|[\s_-])(?:cookies?|consent|gdpr|navbox|navbar|breadcrumbs?|mw-editsection"
    r"|site-(?:header|footer|nav)|newsletter|advert|ads|skip-link"
    # MediaWiki's skins, Kiwix
    r"|mw-(?:navigation|panel|head|jump-link|indicators)|catlinks|printfooter|sitenotice|sitesub"
    r"|jump-to-nav|zim-footer"
    # Sphinx and its themes
    r"|headerlink|sphinxsidebar(?:wrapper)?|related|rst-footer-buttons|wy-nav-(?:side|top)"
    r"|prev-next-area|prev-next-footer|mobile-header"
    # DocBook, AsciiDoc, javadoc, doxygen, SQLite's own
    r"|navheader|navfooter|topnav|bottomnav|subnav|skipnav|fixednav|nav-path|navpath|main-nav"
    r"|side-nav|titlearea|msearch\w+|mainmenu|submenu|mobilemenu|searchmenu|fancy_toc|tagline)"
    r"(?:$|[\s_-])",
    re.I,
)
_CONTENTS_NAMES = re.compile(r"(?:^|[\s_-])toc(?:$|[\s_-])", re.I)
_SIDEBAR_NAMES = re.compile(r"(?:^|[\s_-])sidebar(?:$|[\s_-])", re.I)
_FOOTER_NAMES = re.compile(r"(?:^|\s)(?:footer|page-footer)(?:$|\s)", re.I)
_HIDDEN_STYLE = re.compile(r"display\s*:\s*none|visibility\s*:\s*hidden", re.I)
_MAY_BE_CHROME = (
    "div section aside table ul ol p form header footer noscript main article dl h1 h2 h3 figure"
    " td tr li dd details body"
)
_KEEPS = "self::main or self::article or self::body or self::html or descendant::main"
_KEEPS += " or descendant::article or descendant::h1"
_IS_KEPT = etree.XPath(f"boolean({_KEEPS})")
_IS_INSIDE = etree.XPath(f"boolean({_KEEPS} or ancestor::main or ancestor::article)")
_LEADS_AWAY = etree.XPath("count(.//a[@href][not(starts-with(@href, '#'))])")
_STAYS_HERE = etree.XPath("count(.//a[starts-with(@href, '#')])")
_HAS_OWN_TITLE = etree.XPath("boolean(.//p[contains(@class, 'sidebar-title')])")

_KIWIX_MARK = "This article is issued from"
_LICENSED = re.compile(r"\blicen[sc]ed under\b|\bavailable under the\b", re.I)
MAX_LICENCE_CHARS = 600

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
_MAX_CLIMB = 8
_MAX_TITLES = 100
"""Titles and headings looked at for one that says something."""
_REFRESH = re.compile(r"^\s*[\d.]+\s*[;,]\s*(?:url\s*=\s*)?[\"']?\s*([^\"'\s]+)", re.I)
_PLAIN = re.compile(r"(?:/|(?:\.\./)*)[^\s:?#./;][^\s:;?#]*(?:#[^\s:?#/]+)?\Z")
"""Links to a file beside, below or above the page, as nearly all are written."""


class _Names(Enum):
    """What the names of an element say it is."""

    CHROME = auto()
    CONTENTS = auto()
    SIDEBAR = auto()
    PLAIN = auto()


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """What must be read before the page is pruned."""

    title: str
    lang: str
    published: str | None
    """ISO date."""
    base_url: str
    """What relative links are relative to."""


# ---------------------------------------------------------------------------------------- parse


def parse(html: bytes, *, charset: str | None = None) -> HtmlElement | None:
    """The document tree, or None where there is nothing to read.

    Args:
        html: the body as served.
        charset: as HTTP says; a byte order mark beats it, it beats `<meta>`.

    Raises:
        NotAPageError: no text: a picture, an archive, a PDF.
    """
    clean = as_html(html, charset=charset)
    try:
        parser = _parser()
        document = document_fromstring(clean, parser=parser)
        if _is_too_deep(parser):
            del document  # before there is a second one
            document = document_fromstring(_flattened(clean), parser=_parser())
    except etree.ParserError:  # nothing but white space and comments
        return None
    _open_frames(document)
    return document


def _parser() -> etree.HTMLParser:
    """A parser whose elements are all of one class: choosing one for each is a fifth of the time."""
    parser = etree.HTMLParser(encoding="utf-8")
    parser.set_element_class_lookup(etree.ElementDefaultClassLookup(element=HtmlElement))
    return parser


def _is_too_deep(parser: etree.HTMLParser) -> bool:
    """Whether libxml2 gave the rest of a page up."""
    last = parser.error_log.last_error
    return last is not None and last.type == etree.ErrorTypes.ERR_RESOURCE_LIMIT


def _flattened(html: bytes) -> bytes:
    """A page without the tags that nest: nothing is lost but the layout.

    Pages that forget to close a tag in each of 300 paragraphs are that deep.
    """

    def without_nesting(tag: re.Match[bytes]) -> bytes:
        return b"" if _INLINE.match(tag.group()) else b"<p>"

    return _NESTING.sub(without_nesting, _UNREAD.sub(b"", html))


def _open_frames(document: HtmlElement) -> None:
    """Make links of frames: a frameset has no words of its own."""
    frameset = document.find("frameset")
    if frameset is None:
        return
    body = etree.SubElement(document, "body")
    for frame in frameset.iter("frame"):
        source = frame.get("src", "").strip()
        if source:
            link = etree.SubElement(etree.SubElement(body, "p"), "a", href=source)
            link.text = frame.get("title") or frame.get("name") or source
    frameset.drop_tree()


# ----------------------------------------------------------------------------------------- head


def read_head(document: HtmlElement, *, final_url: str) -> Head:
    """Read title, language, date and base of a page that was not pruned yet."""
    base = final_url
    for element in document.iter("base"):
        if element.get("href"):  # one that names only a target says nothing of links
            base = absolute(element.get("href"), base_url=final_url) or base
            break
    lang = document.get("lang") or document.get("{http://www.w3.org/XML/1998/namespace}lang") or ""
    return Head(
        title=_title_of(document),
        lang=lang.strip()[:35],
        published=_published_of(document),
        base_url=base,
    )


def refresh_target(html: bytes, *, url: str) -> str | None:
    """Where a page without words sends its reader at once, as an absolute url; else None."""
    document = parse(html)
    if document is None:
        return None
    for element in document.iter("meta"):
        if (element.get("http-equiv") or "").lower() == "refresh":
            found = _REFRESH.match(element.get("content") or "")
            return absolute(found.group(1), base_url=url) if found else None
    return None


def _title_of(document: HtmlElement) -> str:
    for element in islice(document.iter("title", "h1"), _MAX_TITLES):
        title = text_of(element)
        if title and not any(_is_unseen(above) for above in (element, *element.iterancestors())):
            return title[:300]
    return ""


def _is_unseen(element: HtmlElement) -> bool:
    """Whether its words are hidden, or are the name of a drawing."""
    is_hidden = "hidden" in element.attrib or _HIDDEN_STYLE.search(element.get("style", ""))
    return element.tag == "svg" or bool(is_hidden)


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


def prune(document: HtmlElement, *, html: bytes) -> str:
    """Take out what a reader does not read: code, chrome, cookie walls, hidden things.

    Args:
        document: the tree; changed.
        html: what it was parsed from.

    Returns:
        What the page says about its licence, with the urls of that block in brackets; "" where it
        says nothing.
    """
    etree.strip_elements(
        document, etree.Comment, etree.ProcessingInstruction, *_DEAD_TAGS.split(), with_tail=False
    )
    licence = _take_kiwix_block(document) if _KIWIX_MARK.encode() in html else ""
    # Plain loops: XPath takes ten times as long over the thousands of spans of code listings.
    # Only what goes is kept hold of: an object for each element of a page takes megabytes.
    for element in [one for one in document.iter("span", "a") if _is_inline_chrome(one)]:
        element.drop_tree()
    for element in list(document.iter(*_MAY_BE_CHROME.split())):
        if _is_chrome(element) and element.getparent() is not None:
            if not licence and _is_footer(element):
                licence = _licence_in(element)
            element.tag = GONE
    etree.strip_elements(document, GONE, with_tail=False)
    return licence


def _is_inline_chrome(element: HtmlElement) -> bool:
    names, style = element.get("class"), element.get("style")
    is_chrome = names is not None and _class_of_names(names) is _Names.CHROME
    return is_chrome or (style is not None and bool(_HIDDEN_STYLE.search(style)))


def _take_kiwix_block(document: HtmlElement) -> str:
    """The notice that Kiwix puts behind every article."""
    for element in reversed(list(document.iter("div", "p", "footer"))):
        if text_of(element).startswith(_KIWIX_MARK):
            licence = _licence_in(element)
            element.drop_tree()
            return licence
    return ""


def _licence_in(element: HtmlElement) -> str:
    words = text_of(element)
    if not words.startswith(_KIWIX_MARK) and not _LICENSED.search(words):
        return ""
    urls = [link.get("href") or "" for link in element.iter("a")]
    shown = " ".join(f"<{url}>" for url in urls if url.startswith("http"))
    return f"{words[:MAX_LICENCE_CHARS]} {shown}".strip()[: 2 * MAX_LICENCE_CHARS]


def _is_chrome(element: HtmlElement) -> bool:
    tag = element.tag
    if tag == "noscript":
        return not any(True for _ in element.iter("img"))
    if tag == "header" or _is_footer(element):
        return not _IS_INSIDE(element)  # a site's: outside the content, without its heading
    attributes = element.keys()
    return bool(attributes) and _is_named_chrome(element, attributes) and not _IS_KEPT(element)


def _is_named_chrome(element: HtmlElement, attributes: Sequence[str]) -> bool:
    if "hidden" in attributes or _HIDDEN_STYLE.search(element.get("style", "")):
        return True
    if "role" in attributes and element.get("role") in _CHROME_ROLES:
        return True
    found = _class_of_names(element.get("class", ""))
    if found is _Names.PLAIN and "id" in attributes and element.tag != "body":
        found = _class_of_names(element.get("id", ""))
    match found:
        case _Names.PLAIN:
            return False
        case _Names.CHROME:
            return True
        case _Names.CONTENTS:  # one that leads to other pages is what the page is about
            if any(_is_contents(above) for above in islice(element.iterancestors(), _MAX_CLIMB)):
                return False  # part of one that was looked at
            return _LEADS_AWAY(element) <= _STAYS_HERE(element)
        case _Names.SIDEBAR:  # Sphinx writes boxes of the text under this name
            return not _HAS_OWN_TITLE(element)


def _is_contents(element: HtmlElement) -> bool:
    names = element.get("class", ""), element.get("id", "")
    return any(_class_of_names(name) is _Names.CONTENTS for name in names)


def _is_footer(element: HtmlElement) -> bool:
    return element.tag == "footer" or bool(_FOOTER_NAMES.search(element.get("class", "")))


@lru_cache(maxsize=8192)
def _class_of_names(names: str) -> _Names:
    """What the classes or the id of an element say: the same few return all over a site."""
    if _CHROME_NAMES.search(names):
        return _Names.CHROME
    if _CONTENTS_NAMES.search(names):
        return _Names.CONTENTS
    return _Names.SIDEBAR if _SIDEBAR_NAMES.search(names) else _Names.PLAIN


# ----------------------------------------------------------------------------------------- urls


def absolute(url: str | None, *, base_url: str) -> str | None:
    """The http(s) url meant, or None for anything else: data, scripts, mail, torn urls."""
    if not url or not (url := url.strip()) or url.startswith("#"):
        return None
    if _PLAIN.match(url) and "//" not in url and "/." not in url.lstrip("./"):
        # What urljoin would say of most links, at a tenth of its cost.
        origin, folders = _place_of(base_url)
        if origin and url.startswith("/"):
            return origin + url
        if origin:
            rest = url.replace("../", "")
            ups = (len(url) - len(rest)) // 3
            return "/".join((origin, *folders[: max(0, len(folders) - ups)], rest))
    try:
        joined = urljoin(base_url, url)
        parts = urlsplit(joined)
    except ValueError:
        return None
    is_web = parts.scheme in {"http", "https"} and parts.netloc
    return joined if is_web and "@" not in parts.netloc else None  # no names and passwords


@lru_cache(maxsize=256)
def _place_of(base_url: str) -> tuple[str, tuple[str, ...]]:
    """Scheme with host, and the folders a page lies in; "" where only the standard way is safe."""
    try:
        parts = urlsplit(base_url)
    except ValueError:
        return "", ()
    folders = parts.path.split("/")[1:-1]
    is_plain = all(folder and not folder.startswith(".") for folder in folders)
    if parts.scheme not in {"http", "https"} or not parts.netloc or not is_plain:
        return "", ()
    return f"{parts.scheme}://{parts.netloc}", tuple(folders)


def text_of(element: HtmlElement) -> str:
    """The words below an element, white space folded."""
    return " ".join(element.text_content().split())
