"""Facts of the boxes that sum a page up: tables, definition lists and grids of pairs.

A box is what its class calls one (`infobox`, MediaWiki's `vcard` tables, Fandom's
`portable-infobox`), or, without a name, a table or definition list above the first section whose
rows are nothing but short labels with values. Works on a pruned tree and changes nothing.

What heads a value is its row's `th`, of two plain cells the first, a column's `th` where a row has
three cells or more, else the heading above the row; what stands beside a picture has no label.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

from lxml import etree
from lxml.html import HtmlElement

from vision_deepresearch.worlds.page_facts import (
    MAX_FACTS,
    FactKind,
    PageFact,
    plain_label,
    words_in,
)

_BOX_NAME = re.compile(r"(?:^|[\s_-])infobox", re.I)
_TABLE_NAME = re.compile(r"(?:^|\s)(?:vcard|taxobox|sinottico)(?:\s|$)", re.I)
_BOX_TAGS = ("table", "div", "aside", "section", "dl")
_HOLDS_PAGE = etree.XPath("boolean(.//main or .//article or .//h1)")
_MAX_TOP = 3
"""Boxes without a name that are looked at."""
_MAX_SHORT = 60
"""Characters of a label that a table without a name may have."""
_PAIR_TAGS = frozenset({"div", "section", "li", "p"})
_LABEL_TAGS = frozenset({"div", "span", "b", "strong", "a", "p", "h3", "h4", "dt", "label"})
_VALUE_TAGS = frozenset({"div", "span", "b", "strong", "a", "p", "dd", "ul", "em", "i", "time"})
_HAS_BLOCKS = etree.XPath("boolean(.//div or .//section or .//table or .//dl)")
_HAS_TABLE = etree.XPath("boolean(.//table)")
_IS_BOLD = etree.XPath("boolean(b or strong)")
_DEFINES_BLOCKS = etree.XPath("boolean(.//pre or .//ul or .//ol or .//dl or .//table or .//div)")


def infobox_facts(document: HtmlElement, *, base_url: str) -> Iterator[PageFact]:
    """Facts of all boxes of a page, in its order; those of named boxes first.

    Args:
        document: pruned.
        base_url: links are relative to it.

    Cost: each element of a box is visited twice; reading ends with whoever asks.
    """
    boxes = _named_boxes(document)
    for box in boxes:
        yield from _Box(base_url=base_url).facts(box)
    for box in _top_boxes(document, known=boxes):
        yield from _Box(base_url=base_url).facts(box)


def _named_boxes(document: HtmlElement) -> list[HtmlElement]:
    """The outermost boxes by their names."""
    found: dict[HtmlElement, None] = {}
    for element in document.iter(*_BOX_TAGS):
        names = element.get("class")
        if names is None:
            continue
        is_named = _BOX_NAME.search(names) or (element.tag == "table" and _TABLE_NAME.search(names))
        if not is_named or any(above in found for above in element.iterancestors()):
            continue
        if not _HOLDS_PAGE(element):
            found[element] = None
    return list(found)


def _top_boxes(document: HtmlElement, *, known: Sequence[HtmlElement]) -> Iterator[HtmlElement]:
    """Tables and lists without a name that stand above the first section and read like a box."""
    outer = {*known}
    num_seen = 0
    for element in document.iter("table", "dl", "h2"):
        if element.tag == "h2" or num_seen == _MAX_TOP:
            if element.tag == "h2" and any(above in outer for above in element.iterancestors()):
                continue  # the name of a box
            return
        if any(above in outer for above in (element, *element.iterancestors())):
            continue
        outer.add(element)
        num_seen += 1
        if _sums_up(element) if element.tag == "table" else _defines(element):
            yield element


def _sums_up(table: HtmlElement) -> bool:
    """Whether all rows of a table are labels with values, or cells that span it."""
    labels: list[str] = []
    num_alone = 0
    for number, row in enumerate(table.iter("tr")):
        cells = _cells_of(row)
        if number >= MAX_FACTS or any(map(_HAS_TABLE, cells)):
            return False
        match [cell.tag for cell in cells]:
            case ["th", "td"] | ["td", "td"]:
                label = " ".join(cells[0].text_content().split())
                is_label = cells[0].tag == "th" or _IS_BOLD(cells[0]) or label.endswith(":")
                if not is_label or not 0 < len(label) <= _MAX_SHORT:
                    return False
                labels.append(label)
            case [_]:
                num_alone += 1
            case []:
                pass
            case _:
                return False
    return len(labels) >= 2 and len(labels) == len({*labels}) and num_alone <= len(labels)


def _defines(listing: HtmlElement) -> bool:
    """Whether a definition list is short terms with short definitions."""
    labels: list[str] = []
    num_values = 0
    for child in islice(_definitions(listing), 2 * MAX_FACTS):
        if child.tag == "dt":
            labels.append(" ".join(child.text_content().split()))
        elif _DEFINES_BLOCKS(child):
            return False
        else:
            num_values += 1
    is_short = all(0 < len(label) <= _MAX_SHORT for label in labels)
    return 2 <= len(labels) <= num_values and is_short and len(labels) == len({*labels})


@dataclass(slots=True, kw_only=True)
class _Box:
    """Reads one box from top to bottom."""

    base_url: str
    heading: str = ""
    """The last row that is nothing but a heading."""
    columns: tuple[str, ...] = ()
    """Headings of the columns, if the last such row has several."""

    def facts(self, box: HtmlElement) -> Iterator[PageFact]:
        """Rows in order; those of a table in a cell behind the row of the cell."""
        stack = [(box, False)]
        while stack:
            element, is_in_row = stack.pop()
            match element.tag:
                case "table":
                    is_in_row = False
                case "caption" if not is_in_row:
                    self.heading = plain_label(self._text(element))
                case "tr" if not is_in_row:
                    yield from self._row(element)
                    is_in_row = True
                case "dl" if not is_in_row:
                    yield from self._definitions(element)
                    is_in_row = True
                case tag if tag in _PAIR_TAGS and not is_in_row and _is_pair(element):
                    yield from self._fact(self._text(element[0]), element[1], is_headed=True)
                    is_in_row = True
                case _:
                    pass
            if is_in_row and next(element.iter("table"), None) is None:
                continue  # it was read whole
            stack += [(child, is_in_row) for child in reversed(element)]

    def _row(self, row: HtmlElement) -> Iterator[PageFact]:
        cells = _cells_of(row)
        heads = [cell for cell in cells if cell.tag == "th"]
        values = [cell for cell in cells if cell.tag == "td"]
        if not values:
            labels = [plain_label(self._text(cell)) for cell in heads]
            if len(labels) == 1:
                self.heading, self.columns = labels[0] or self.heading, ()
            elif labels:
                self.columns = tuple(labels)
        elif heads:
            label = self.heading
            for cell in cells:
                if cell.tag == "th":
                    label = self._text(cell)
                else:
                    yield from self._fact(label, cell, is_headed=True)
        elif len(values) == 2 and (label := self._text(values[0])):
            told = list(self._fact(label, values[1], is_headed=True))
            yield from told or self._fact(self.heading, values[0], is_headed=False)
        else:
            has_columns = len(values) > 2 and len(self.columns) == len(values)
            heads_of = self.columns if has_columns else (self.heading,) * len(values)
            for label, cell in zip(heads_of, values, strict=True):
                yield from self._fact(label, cell, is_headed=False)

    def _definitions(self, listing: HtmlElement) -> Iterator[PageFact]:
        label = self.heading
        for child in _definitions(listing):
            if child.tag == "dt":
                label = self._text(child)
            else:
                yield from self._fact(label, child, is_headed=True)

    def _fact(self, label: str, cell: HtmlElement, *, is_headed: bool) -> Iterator[PageFact]:
        """The fact of a cell, or none where it is empty.

        Args:
            label: of the cell.
            cell: what holds the value.
            is_headed: its own row names it: a picture in it (of stars, of a flag) is a value.
        """
        told = words_in(cell, base_url=self.base_url)
        value = told.text or (told.alt if is_headed else "") or told.written
        if not value:
            return
        if not is_headed and next(cell.iter("img"), None) is not None:
            label = ""
        yield PageFact(label=plain_label(label), value=value, url=told.url, kind=FactKind.INFOBOX)

    def _text(self, element: HtmlElement) -> str:
        return words_in(element, base_url=self.base_url).text


def _cells_of(row: HtmlElement) -> list[HtmlElement]:
    return [cell for cell in row if cell.tag in {"th", "td"}]


def _definitions(listing: HtmlElement) -> Iterator[HtmlElement]:
    """Terms and definitions of a list, in groups or not."""
    for child in listing:
        if child.tag in {"dt", "dd"}:
            yield child
        elif child.tag == "div":
            yield from (one for one in child if one.tag in {"dt", "dd"})


def _is_pair(element: HtmlElement) -> bool:
    """Whether it is nothing but a label and a value: two plain children, no text of its own."""
    if len(element) != 2 or (element.text or "").strip():
        return False
    first, second = element
    if first.tag not in _LABEL_TAGS or second.tag not in _VALUE_TAGS:
        return False
    if (first.tail or "").strip() or (second.tail or "").strip():
        return False
    return not _HAS_BLOCKS(first) and not _HAS_BLOCKS(second)
