"""A page of a source becomes a row: its parts with paths instead of urls.

Markdown and PDF become HTML, and a charset that only HTTP told is made part of the page.
"""

import codecs
import hashlib
import html
import re
from collections import Counter
from dataclasses import dataclass
from typing import assert_never

from markdown_it import MarkdownIt

from vision_deepresearch.worlds.charset import as_utf8, codec_of
from vision_deepresearch.worlds.corpus.database import LinkRow, PageRow, ShownRow, packed
from vision_deepresearch.worlds.corpus.pdf import pdf_to_html
from vision_deepresearch.worlds.corpus.source import Enclosed, Markup, PageEntry
from vision_deepresearch.worlds.corpus.urls import Addresses
from vision_deepresearch.worlds.pages import read_parts

_FRONT_MATTER = re.compile(r"\A---[ \t]*\n(.*?\n)(?:---|\.\.\.)[ \t]*(?:\n|\Z)", re.S)
_FRONT_LINE = re.compile(r"^(title|date|lang|language)[ \t]*:[ \t]*(.*?)[ \t]*$", re.M | re.I)
_FIRST_HEADING = re.compile(r"^#{1,2}[ \t]+(.+?)[ \t]*#*$|^(\S.*)\n=+[ \t]*$", re.M)
_ISO_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")
_MARKDOWN = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])


@dataclass(frozen=True, slots=True, kw_only=True)
class Extracted:
    """A page for the database, and the pictures that came with it."""

    row: PageRow
    enclosed: tuple[Enclosed, ...]


def source_hash(entry: PageEntry) -> bytes:
    """Of all that a source says of a page, in 16 bytes."""
    digest = hashlib.sha256(f"{entry.markup}\x00{entry.charset}\x00{entry.title}\x00".encode())
    digest.update(hashlib.sha256(entry.body).digest())
    for one in entry.pictures:
        digest.update(f"{one.path}\x00".encode("utf-8", "replace"))
        digest.update(hashlib.sha256(one.data).digest())
    return digest.digest()[:16]


def extract_page(entry: PageEntry, *, addresses: Addresses, language: str = "") -> Extracted:
    """Read a page for the database. Cost: about 2 ms for 30 kB of HTML.

    Args:
        entry: as the source gives it.
        addresses: of the world that is made.
        language: of the source, for pages that say nothing.

    Raises:
        ValueError: no page that can be read, and what parsers raise.
    """
    body, enclosed = _as_html(entry)
    parts = read_parts(body, url=addresses.url_of(entry.path))
    in_text = set(parts.links)
    links: dict[str, LinkRow] = {}
    external: Counter[str] = Counter()
    for link, times in Counter(parts.all_links).items():
        path = addresses.path_of(link)
        if path is None:
            external[link] = times
        else:
            before = links.get(path, LinkRow(path=path, times=0, in_text=False))
            links[path] = LinkRow(
                path=path,
                times=before.times + times,
                in_text=before.in_text or link in in_text,
            )
    shown: list[ShownRow] = []
    for one in parts.images:
        path = addresses.path_of(one.image.src)
        if path is not None:
            image = one.image
            shown.append(
                ShownRow(path=path, caption=image.caption, alt=image.alt, in_infobox=one.in_infobox)
            )
    title = entry.title or parts.title or _name_of(entry.path)
    named = f"{title}\x00{parts.text}".encode("utf-8", "replace")
    row = PageRow(
        id=entry.index,
        path=entry.path,
        title=title,
        lang=parts.lang or language,
        published=parts.published,
        licence=parts.licence,
        hash=hashlib.sha256(body).hexdigest(),
        source_hash=source_hash(entry),
        body=packed(body),
        text=packed(parts.text.encode("utf-8", "replace")),
        text_hash=hashlib.sha256(named).digest()[:16],
        headings=parts.headings,
        num_external=len(in_text & external.keys()),
        num_external_written=external.total(),
        links=tuple(links.values()),
        shown=tuple(shown),
        facts=parts.facts,
    )
    return Extracted(row=row, enclosed=enclosed)


def _as_html(entry: PageEntry) -> tuple[bytes, tuple[Enclosed, ...]]:
    match entry.markup:
        case Markup.MARKDOWN:
            return markdown_to_html(entry.body), entry.pictures
        case Markup.PDF:
            body, enclosed = pdf_to_html(entry.body, path=entry.path)
            return body, (*entry.pictures, *enclosed)
        case Markup.HTML:
            return _with_charset(entry.body, charset=entry.charset), entry.pictures
        case _:
            assert_never(entry.markup)


def _with_charset(body: bytes, *, charset: str | None) -> bytes:
    """The page as it was served, or as UTF-8 with a mark where HTTP alone knew its charset."""
    if charset is None:
        return body
    codec = codec_of(body, charset=charset)
    if codec == codec_of(body):
        return body
    return codecs.BOM_UTF8 + as_utf8(body, codec=codec)


def markdown_to_html(source: bytes) -> bytes:
    """A Markdown file as a page: GFM tables, inline HTML, title and date of a front matter."""
    text = source.decode(codec_of(source), "replace").replace("\x00", "").replace("\r\n", "\n")
    facts: dict[str, str] = {}
    if found := _FRONT_MATTER.match(text):
        facts = {
            match.group(1).lower(): match.group(2).strip("\"'")
            for match in _FRONT_LINE.finditer(found.group(1))
        }
        text = text[found.end() :]
    title = facts.get("title", "")
    if not title and (heading := _FIRST_HEADING.search(text)):
        title = re.sub(r"[*_`]|\[([^\]]*)\]\([^)]*\)", r"\1", heading.group(1) or heading.group(2))
    lang = facts.get("lang") or facts.get("language") or ""
    date = _ISO_DATE.search(facts.get("date", ""))
    head = f"<title>{html.escape(title)}</title>" if title else ""
    head += f'<meta name="date" content="{date.group()}">' if date else ""
    page = (
        f'<!doctype html><html lang="{html.escape(lang)}"><head><meta charset="utf-8">{head}</head>'
        f"<body>{_MARKDOWN.render(text)}</body></html>"
    )
    return page.encode("utf-8", "replace")


def _name_of(path: str) -> str:
    """The last part of a path as words: a page must be called something."""
    name = path.rstrip("/").rpartition("/")[2]
    stem = name.rpartition(".")[0] or name
    return stem.replace("_", " ").strip() or path
