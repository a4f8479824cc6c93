"""Pictures by words: the world's own search where it has one, else the pictures of found pages.

The second way reads the best pages of a text search and ranks the pictures on them by how many of
the query's words stand in caption, alternative text or page title. A picture whose page does not
speak of the query is not found by it; a world with an index of captions would do better.
"""

import re
import unicodedata

from vision_deepresearch.core.errors import BadImageError, FailureKind, WorldError
from vision_deepresearch.core.page import Page, PageImage
from vision_deepresearch.core.protocols import World
from vision_deepresearch.media.decode import decode
from vision_deepresearch.worlds.picture_words import SearchesPicturesByWords
from vision_deepresearch.worlds.server.jobs import FoundPicture

MAX_PAGES = 20
"""Read for one query."""
_WORD = re.compile(r"\w+")


async def find_pictures(world: World, query: str, *, limit: int) -> list[FoundPicture]:
    """Pictures that fit the words, best first, each once. Those that cannot be had are left out.

    Raises:
        WorldError: the engine failed.
    """
    found: dict[str, FoundPicture] = {}
    for image, title, url in await _candidates(world, query, limit=limit):
        if len(found) >= limit:
            break
        size = None if image.src in found else await _size(world, image)
        if size is not None:
            found[image.src] = FoundPicture(
                image_url=image.src,
                width=size[0],
                height=size[1],
                title=image.caption or image.alt or title,
                page_url=url,
                page_title=title,
            )
    return list(found.values())


async def _candidates(world: World, query: str, *, limit: int) -> list[tuple[PageImage, str, str]]:
    """Picture, title and address of its page, best first."""
    if isinstance(world, SearchesPicturesByWords) and world.has_captions:
        return [
            (PageImage(src=hit.image_url, caption=hit.snippet), hit.title, hit.url)
            for hit in await world.image_by_text(query, limit=limit)
            if hit.image_url is not None
        ]
    wanted = _words(query)
    scored: list[tuple[int, int, int, PageImage, Page]] = []
    hits = await world.search_text(query, limit=min(max(limit, 1), MAX_PAGES))
    for rank, hit in enumerate(hits):
        try:
            page = await world.read(hit.url)
        except WorldError as error:
            if error.kind is not FailureKind.NOT_FOUND:
                raise
            continue
        for place, image in enumerate(page.images):
            told = _words(f"{image.caption} {image.alt} {page.title}")
            scored.append((-len(wanted & told), rank, place, image, page))
    scored.sort(key=lambda item: item[:3])
    return [(image, page.title, page.final_url) for _, _, _, image, page in scored]


def _words(text: str) -> frozenset[str]:
    return frozenset(_WORD.findall(unicodedata.normalize("NFKC", text).casefold()))


async def _size(world: World, image: PageImage) -> tuple[int, int] | None:
    """Pixels of the file itself: what a page says may be wrong. None: there is no such picture."""
    try:
        asset = await world.asset(image.src)
        if asset.ref is not None:
            return asset.ref.width, asset.ref.height
        decoded = decode(asset.data)
    except BadImageError:
        return None
    except WorldError as error:
        if error.kind in {FailureKind.NOT_FOUND, FailureKind.BAD_IMAGE, FailureKind.BLOCKED}:
            return None
        raise
    return decoded.image.width, decoded.image.height
