"""Facts that pages state for machines: HTML microdata and JSON-LD, scalar properties alone.

A property of a thing within a thing is labelled by its way: `author.name`. Names stay as they are
written (`datePublished`), a vocabulary's address before them is cut off. What only describes the
site around a page (its trail of links, its search box) is left out. Works on a tree that was not
pruned yet, as these things stand where no reader looks, and changes nothing.

Source: HTML Living Standard, 5.2 "Encoding microdata"; JSON-LD 1.1 without remote contexts.
"""

import json
from collections.abc import Iterator
from itertools import islice

from lxml import etree
from lxml.html import HtmlElement

from vision_deepresearch.worlds.page_facts import (
    MAX_FACTS,
    FactKind,
    PageFact,
    link_to,
    plain_label,
    plain_value,
    words_in,
)

MAX_SCRIPT_CHARS = 1_000_000
"""A longer script of JSON-LD is not read."""
_MAX_SCRIPTS = 20
_MAX_DEPTH = 4
"""Things within things."""
_MAX_CLIMB = 300
"""libxml2 gives up at 256."""
_PROPERTIES = etree.XPath("//*[@itemprop]")
_OF_THE_SITE = frozenset({
    "BreadcrumbList",
    "ListItem",
    "SearchAction",
    "SiteNavigationElement",
    "WPFooter",
    "WPHeader",
    "WPSideBar",
    "WebSite",
})
_LINKS = {"a": "href", "area": "href", "link": "href"}
_SOURCES = {
    "img": "src",
    "audio": "src",
    "video": "src",
    "embed": "src",
    "iframe": "src",
    "source": "src",
    "track": "src",
    "object": "data",
}


# ------------------------------------------------------------------------------------- microdata


def microdata_facts(document: HtmlElement, *, html: bytes, base_url: str) -> Iterator[PageFact]:
    """Facts of elements with `itemprop`, in the order of the page.

    Args:
        document: not pruned.
        html: what it was parsed from: most pages have none, and finding that in a tree is slow.
        base_url: links are relative to it.
    """
    if b"itemprop" not in html.lower() and b"\x00" not in html:  # UTF-16 spells it otherwise
        return
    for element in _PROPERTIES(document):
        if "itemscope" in element.attrib:
            continue
        way = _way_to(element)
        if way is None:
            continue
        value, url = _value_of(element, base_url=base_url)
        if not value:
            continue
        for name in element.get("itemprop", "").split():
            label = plain_label(".".join((*way, _short(name))))
            if label:
                yield PageFact(label=label, value=value, url=url, kind=FactKind.MICRODATA)


def _way_to(element: HtmlElement) -> tuple[str, ...] | None:
    """Names of the properties that hold the thing of a property; None: of the site, or too deep."""
    way: list[str] = []
    for above in islice(element.iterancestors(), _MAX_CLIMB):
        if "itemscope" not in above.attrib:
            continue
        if any(_short(kind) in _OF_THE_SITE for kind in above.get("itemtype", "").split()):
            return None
        names = above.get("itemprop", "").split()
        if not names:
            break
        way.append(_short(names[0]))
    return tuple(reversed(way)) if len(way) < _MAX_DEPTH else None


def _value_of(element: HtmlElement, *, base_url: str) -> tuple[str, str | None]:
    """The value of a property, and where it leads."""
    if "content" in element.attrib:
        content = element.get("content", "")
        return plain_value(content), _url_in(content, base_url=base_url)
    if element.tag in _SOURCES:
        url = link_to(element.get(_SOURCES[element.tag]), base_url=base_url)
        return plain_value(url or ""), url
    if element.tag == "time" and element.get("datetime"):
        return plain_value(element.get("datetime", "")), None
    if element.tag in {"data", "meter"} and element.get("value"):
        return plain_value(element.get("value", "")), None
    told = words_in(element, base_url=base_url)
    if element.tag in _LINKS:
        url = link_to(element.get(_LINKS[element.tag]), base_url=base_url)
        return told.text or plain_value(url or ""), url
    return told.text, told.url


# --------------------------------------------------------------------------------------- JSON-LD


def jsonld_facts(document: HtmlElement, *, base_url: str) -> Iterator[PageFact]:
    """Facts of the scripts of JSON-LD, in their order; a script that is no JSON gives none.

    Args:
        document: not pruned.
        base_url: links are relative to it.
    """
    scripts = (one for one in document.iter("script") if "ld+json" in one.get("type", "").lower())
    for script in islice(scripts, _MAX_SCRIPTS):
        text = script.text or ""
        if len(text) > MAX_SCRIPT_CHARS:
            continue
        try:
            # Numbers stay as they are written.
            data = json.loads(text, parse_float=str, parse_int=str, parse_constant=str)
        except (ValueError, RecursionError):
            continue
        for way, value in islice(_scalars(data), 2 * MAX_FACTS):
            label, plain = plain_label(".".join(way)), plain_value(value)
            if label and plain:
                url = _url_in(value, base_url=base_url)
                yield PageFact(label=label, value=plain, url=url, kind=FactKind.JSONLD)


def _scalars(data: object, way: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], str]]:
    """Words, numbers and truth values with the names that lead to them; lists item by item."""
    match data:
        case bool():
            yield way, "true" if data else "false"
        case str():
            yield way, data
        case list():
            for item in data:
                if not isinstance(item, list):
                    yield from _scalars(item, way)
        case dict() if len(way) < _MAX_DEPTH and not _is_of_the_site(data):
            if "@value" in data:
                yield from _scalars(data["@value"], way)
                return
            for name, value in data.items():
                if name == "@graph":
                    yield from _scalars(value, way)
                elif isinstance(name, str) and not name.startswith("@"):
                    yield from _scalars(value, (*way, _short(name)))
        case _:
            pass


def _is_of_the_site(thing: dict[object, object]) -> bool:
    kinds = thing.get("@type")
    names = kinds if isinstance(kinds, list) else [kinds]
    return any(isinstance(name, str) and _short(name) in _OF_THE_SITE for name in names)


def _short(name: str) -> str:
    """A name without the address of its vocabulary: `https://schema.org/name` is `name`."""
    return name.rstrip("/# ").replace("#", "/").rpartition("/")[2] if "://" in name else name


def _url_in(value: str, *, base_url: str) -> str | None:
    """The value itself where it is an address."""
    plain = value.strip()
    is_address = plain.startswith(("http://", "https://")) and not any(map(str.isspace, plain))
    return link_to(plain, base_url=base_url) if is_address else None
