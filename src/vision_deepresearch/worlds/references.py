"""Pictures and links of a page: real sources, captions, absolute urls.

Works on a pruned tree and changes it: lazy pictures get their source, links become absolute, what
is no picture or link for a reader is taken out.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

from lxml import etree
from lxml.html import HtmlElement

from vision_deepresearch.core.page import PageImage, PageLink
from vision_deepresearch.worlds.html import BARE, GONE, absolute, text_of

MIN_PICTURE_PX = 100
"""Pictures whose declared sides are all smaller are icons."""
MAX_CAPTION_CHARS = 1000
_MAX_CLIMB = 8
"""Elements around a picture that are searched for its caption."""
URL_ESCAPES = {ord(char): f"%{ord(char):02X}" for char in "() <>\"'\\`{}|^\t\n\r"}
"""What a url in Markdown must not hold as it is."""

_LAZY_SOURCES = ("data-src", "data-original", "data-lazy-src", "src")
_LAZY_SETS = ("srcset", "data-srcset")
_CAPTIONS = etree.XPath(".//*[contains(@class, 'caption') or contains(@class, 'gallerytext')]")


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownImage:
    """A picture as it stands on a page."""

    image: PageImage
    in_infobox: bool
    """It stands for what the page is about."""


def resolve_images(document: HtmlElement, *, base_url: str) -> Iterator[ShownImage]:
    """List the pictures once each and give every `img` its real, absolute source."""
    seen: set[str] = set()
    captions = _Captions()
    for element in list(document.iter("img")):
        source = _source_of(element, base_url=base_url)
        width, height = _pixels(element.get("width")), _pixels(element.get("height"))
        sides = [side for side in (width, height) if side is not None]
        if source is None or (sides and max(sides) < MIN_PICTURE_PX):
            element.tag = GONE
            continue
        if source in seen and element.xpath("boolean(ancestor::noscript)"):
            element.tag = GONE  # the copy for readers without scripts
            continue
        alt = " ".join((element.get("alt") or "").split())
        box = _infobox_of(element)
        caption = "" if source in seen else captions.of(element, is_in_infobox=box is not None)
        # Nothing but src and alt: a title or an open bracket would break the Markdown.
        element.attrib.clear()
        element.set("src", source.translate(URL_ESCAPES))
        element.set("alt", alt.replace("[", "(").replace("]", ")"))
        if source in seen:
            continue
        seen.add(source)
        image = PageImage(src=source, alt=alt, caption=caption, width=width, height=height)
        yield ShownImage(image=image, in_infobox=box is not None)
    for element in list(document.iter("noscript", "picture", "figcaption")):
        element.tag = "p" if element.tag == "figcaption" else "span"
    if next(document.iter(GONE), None) is not None:
        etree.strip_elements(document, GONE, with_tail=False)
    if next(document.iter("source"), None) is not None:
        etree.strip_tags(document, "source")  # the parser may have put the picture into it


def _source_of(element: HtmlElement, *, base_url: str) -> str | None:
    """The url of the picture meant: lazy attributes first, then `src`, then the largest of a set."""
    for name in _LAZY_SOURCES:
        if source := absolute(element.get(name), base_url=base_url):
            return source
    holders = [element]
    for picture in element.iterancestors("picture"):
        holders += picture.iter("source")
    for holder in holders:
        for name in _LAZY_SETS:
            if source := absolute(_largest(holder.get(name) or ""), base_url=base_url):
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


def _infobox_of(element: HtmlElement) -> HtmlElement | None:
    """The outermost infobox a picture stands in."""
    found = None
    for ancestor in element.iterancestors("table", "div", "aside"):
        if "infobox" in (ancestor.get("class") or ""):
            found = ancestor
    return found


class _Captions:
    """Finds the words beside pictures; remembers what it saw, for pages of thousands of pictures."""

    def __init__(self) -> None:
        self._crowded: set[HtmlElement] = set()
        self._of_figures: dict[HtmlElement, HtmlElement | None] = {}

    def of(self, element: HtmlElement, *, is_in_infobox: bool) -> str:
        """The caption of the picture's figure, or of its thumb or cell, or its title."""
        near = islice(element.iterancestors("figure", "div", "li", "td"), _MAX_CLIMB)
        for ancestor in near:
            if ancestor.tag == "figure":
                if ancestor not in self._of_figures:
                    self._of_figures[ancestor] = ancestor.find(".//figcaption")
                found = self._of_figures[ancestor]
            elif self._is_crowded(ancestor):
                break
            else:
                captions = _CAPTIONS(ancestor)
                found = captions[0] if captions else None
                if found is None and is_in_infobox and ancestor.tag == "td":
                    found = ancestor  # an infobox writes the words below, without a name
            if found is not None:
                return text_of(found)[:MAX_CAPTION_CHARS]
        return element.get("title") or ""

    def _is_crowded(self, element: HtmlElement) -> bool:
        """Whether more than one picture stands in it."""
        if element in self._crowded:
            return True
        if len(list(islice(element.iter("img"), 2))) > 1:
            self._crowded.add(element)
        return element in self._crowded


def resolve_links(document: HtmlElement, *, base_url: str) -> Iterator[PageLink]:
    """List the links to other pages once each; make them absolute, unwrap all others."""
    page = base_url.partition("#")[0]
    seen: set[str] = set()
    for element in document.iter("a"):  # no list: it would hold an object for each at once
        target = absolute(element.get("href"), base_url=base_url)
        if target is None or target.partition("#")[0] == page:
            element.tag = BARE
            continue
        element.set("href", target.translate(URL_ESCAPES))
        if "title" in element.attrib:
            del element.attrib["title"]
        if target in seen:
            continue
        seen.add(target)
        alts = (image.get("alt") or "" for image in element.iter("img"))
        yield PageLink(url=target, text=text_of(element) or " ".join(alts).strip())
    etree.strip_tags(document, BARE)


def _pixels(declared: str | None) -> int | None:
    found = re.match(r"\s*(\d{1,5})(?![\d%])", declared or "")
    return int(found.group(1)) if found else None
