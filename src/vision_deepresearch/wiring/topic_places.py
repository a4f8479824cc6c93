"""Where questions without a picture begin when a model asks them: a file of the user's, or the world."""

import hashlib
import heapq
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol, runtime_checkable

from vision_deepresearch.core.errors import ConfigError
from vision_deepresearch.core.protocols import World

_MAX_CHARS = 2_000


@runtime_checkable
class _ListsPages(Protocol):
    def page_addresses(self) -> Iterator[str]:
        """Of every page."""
        ...


def first_places(world: World, limit: int, *, topics: str | None, seed: int) -> list[str]:
    """The first so many places: of the file in its order, of a world as the seed draws them.

    Args:
        world: opened as it is, without wrappers.
        limit: places at most.
        topics: a text file with one a line, an address or words to search for; `#` begins a remark.
        seed: of the draw; another number of pages changes which others are drawn as little as can be.

    Raises:
        ConfigError: no such file, nothing in it, or a world that does not list its pages.
    """
    if topics is not None:
        return _lines_of(Path(topics))[:limit]
    if not isinstance(world, _ListsPages):
        msg = (
            f"{world.manifest().name!r} cannot list its pages: say what to begin at by a file with an "
            "address or a name on each line, --set topics=FILE"
        )
        raise ConfigError(msg)
    return heapq.nsmallest(limit, world.page_addresses(), key=lambda url: _draw(seed, url))


def _lines_of(path: Path) -> list[str]:
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        msg = f"topics needs a text file in UTF-8, {str(path)!r} cannot be read: {error}"
        raise ConfigError(msg) from error
    lines = [" ".join(line.split()) for line in text.splitlines()]
    lines = list(dict.fromkeys(line for line in lines if line and not line.startswith("#")))
    long = next((line for line in lines if len(line) > _MAX_CHARS), None)
    if long is not None or not lines:
        found = f"a line of {len(long):,} characters" if long is not None else "none"
        msg = f"topics needs lines with an address or a name each, {str(path)!r} has {found}"
        raise ConfigError(msg)
    return lines


def _draw(seed: int, url: str) -> bytes:
    return hashlib.sha256(f"{seed}\0{url}".encode()).digest()
