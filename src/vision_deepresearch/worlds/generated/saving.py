"""Writes pages of a generated world to a folder with their pictures, for a browser and a person."""

import re
from collections.abc import Sequence
from html import escape, unescape
from itertools import islice
from pathlib import Path

from vision_deepresearch.core.errors import ConfigError
from vision_deepresearch.worlds.generated.article_photos import draw_photo, owner_of, photo_of
from vision_deepresearch.worlds.generated.draw import reference_picture
from vision_deepresearch.worlds.generated.pages import PageSet
from vision_deepresearch.worlds.generated.plan import PageRecord, pictured_at
from vision_deepresearch.worlds.generated.sites import PageKind

INDEX = "index.html"
_ADDRESS = re.compile(r'(?P<name>\b(?:href|src|data-src)=")(?P<url>https://[^"]+)"')


def kinds_named(names: str) -> tuple[PageKind, ...]:
    """Kinds of pages from names with commas between them; "all": all.

    Raises:
        ConfigError: no such kind; the message lists the known ones.
    """
    if names == "all":
        return tuple(PageKind)
    wanted = [name.strip() for name in names.split(",")]
    unknown = [name for name in wanted if name not in set(PageKind)]
    if unknown:
        msg = f"unknown kind of page {unknown[0]!r}: use all, or some of {', '.join(PageKind)}"
        raise ConfigError(msg)
    return tuple(PageKind(name) for name in dict.fromkeys(wanted))


def save_pages(
    pages: PageSet, out: Path, *, kinds: Sequence[PageKind], limit: int
) -> tuple[Path, ...]:
    """Write the first pages of each kind, their pictures, and an index of them.

    Links between saved pages lead to the files; all others keep their addresses.

    Args:
        pages: of the world.
        out: folder; made where it is missing, files of the same names are replaced.
        kinds: which kinds.
        limit: pages of each kind at most.

    Returns:
        The files of the pages, by kind.

    Cost: 11 ms for each picture, which is drawn anew.
    """
    out.mkdir(parents=True, exist_ok=True)
    chosen: dict[str, PageRecord] = {}
    for kind in kinds:
        alike = (record for record in pages.all_urls() if record.kind is kind)
        for number, record in enumerate(islice(alike, limit)):
            chosen[f"{kind.value}-{number:02d}.html"] = record
    files = {record.url: name for name, record in chosen.items()}
    for name, record in chosen.items():
        html = pages.render_html(record.url).decode()
        (out / name).write_text(_localised(pages, out, html, files=files), encoding="utf-8")
    rows = "\n".join(
        f'<li><a href="{name}">{escape(record.title)}</a>, {escape(record.site)} ({record.kind})'
        for name, record in chosen.items()
    )
    head = '<!DOCTYPE html><meta charset="utf-8"><title>Pages</title>'
    (out / INDEX).write_text(f"{head}\n<ol>\n{rows}\n</ol>\n", encoding="utf-8")
    return tuple(out / name for name in chosen)


def _localised(pages: PageSet, out: Path, html: str, *, files: dict[str, str]) -> str:
    """The page with addresses of saved pages and of pictures made names of files."""

    def local(found: re.Match[str]) -> str:
        url = unescape(found["url"])
        owner = pages.graph.entities.get(pictured_at(url) or "")
        name = files.get(url)
        article = owner_of(pages.graph, url)
        photo = photo_of(pages.graph, article) if article is not None else None
        if photo is not None:
            name = f"photo-{photo.owner}.jpg"
            path = out / name
            if not path.exists():
                path.write_bytes(draw_photo(pages.graph, photo))
        if owner is not None:
            name = f"{owner.id}.jpg"
            path = out / name
            if not path.exists():
                path.write_bytes(reference_picture(pages.graph.spec, owner))
        return f'{found["name"]}{name}"' if name is not None else found.group()

    return _ADDRESS.sub(local, html)
