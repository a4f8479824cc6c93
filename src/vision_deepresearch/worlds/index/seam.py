"""Where the indexes of a world end: what a text index beside us and one elsewhere both answer.

An embedded `TextIndex` is a `TextSearcher` as it is. One elsewhere is a `TextStore`: it is asked
over a network, so it is awaited, and it is filled piece by piece. Both get their terms from the
same `TermSource`, so that they count the same words; snippets are cut here, never there.
"""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol
from urllib.parse import urlsplit

from vision_deepresearch.core.errors import WorldError, boundary
from vision_deepresearch.worlds.index.text import TextDoc, TextHit, TextLayout

_LOOPBACK = {"127.0.0.1", "::1", "localhost"}


class TermSource(Protocol):
    """Turns words into what an index counts. An embedded `TextIndex` is one."""

    @property
    def layout(self) -> TextLayout:
        """How fields and words are weighed."""
        ...

    def terms(self, query: str) -> list[str]:
        """The distinct terms of a query, those that only ask left out."""
        ...

    def counted(self, text: str) -> list[str]:
        """The terms of a text in order, each as often as it stands."""
        ...


class TextSearcher(TermSource, Protocol):
    """A text index in this process: searched from a thread, safe from several."""

    def search(self, query: str, limit: int) -> list[TextHit]:
        """Pages by words, best first; equal scores by id."""
        ...

    def snippet(self, text: str, query: str) -> str:
        """The stretch of a page that says most about a query."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """One thing that an index would not take."""

    id: int
    reason: str
    """The index's own word for it and the start of its sentence, at most 200 characters."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Added:
    """What became of things that were given to an index. Names of a page count with the page."""

    num_added: int = 0
    num_known: int = 0
    """Their id was there already: what has an id stays as it is, for worlds do not change."""
    refused: tuple[Refused, ...] = ()

    def __add__(self, other: "Added") -> "Added":
        return Added(
            num_added=self.num_added + other.num_added,
            num_known=self.num_known + other.num_known,
            refused=self.refused + other.refused,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class TextStats:
    """How much can be found in a text index, as of its last refresh."""

    num_pages: int
    num_names: int
    """Other names of pages; each is a short document of its own."""
    engine: str
    """Name and version of what holds it."""


class TextStore(Protocol):
    """A text index elsewhere. Every method may be called concurrently, except `add`."""

    async def search(self, query: str, limit: int) -> list[TextHit]:
        """Pages by words, best first; equal scores by id. No sign has a meaning in a query.

        Raises:
            WorldError: the engine failed, or answered for a part of its pages only.
        """
        ...

    async def add(self, docs: Iterable[TextDoc]) -> Added:
        """Index pages; what has an id already stays. They are found after the next refresh.

        Raises:
            WorldError: the engine failed; what was added before stays, adding again goes on.
        """
        ...

    async def refresh(self) -> None:
        """Make what was added findable.

        Raises:
            WorldError: the engine failed.
        """
        ...

    async def stats(self) -> TextStats:
        """How much is in it.

        Raises:
            WorldError: the engine failed.
        """
        ...


class BesideUs:
    """An embedded index asked like one elsewhere: its searches run in threads."""

    def __init__(self, texts: TextSearcher) -> None:
        self._texts = texts

    async def search(self, query: str, limit: int) -> list[TextHit]:
        """Pages by words, best first; equal scores by id.

        Raises:
            WorldError: the engine failed.
        """
        with boundary(WorldError, "text search"):
            return await asyncio.to_thread(self._texts.search, query, limit)


def check_server(url: str, *, has_secret: bool) -> None:
    """Refuse an address that is none, holds a secret, or would show one to those between.

    Raises:
        ValueError: says which; never shows the address, for it may hold a password.
    """
    try:
        parts = urlsplit(url)
        host, is_good = parts.hostname or "", parts.scheme in {"http", "https"}
        is_good = is_good and bool(host) and parts.port != 0
        is_plain = parts.username is None and not parts.query and not parts.fragment
    except ValueError:
        parts, host, is_good, is_plain = urlsplit(""), "", False, False
    if not is_good or not is_plain:
        msg = (
            f"expected a server such as https://host:9200, got one of host {host!r} that is no "
            "plain http(s) address: leave out user, query and fragment, and give a secret as one"
        )
        raise ValueError(msg)
    if has_secret and parts.scheme == "http" and host not in _LOOPBACK:
        msg = (
            f"expected https for a server that wants a secret, got http to {host!r}: anyone "
            "between could read it; use https, or a tunnel to 127.0.0.1"
        )
        raise ValueError(msg)
