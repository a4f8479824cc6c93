"""What a provider is to us: what it can, how it is asked, and the three kinds of engines.

A provider's file builds requests, parses answers and names its errors; nothing else. The door to
the network is `wire`, how several are used together stands in `chains`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Literal, Protocol

from pydantic import JsonValue

from vision_deepresearch.core.content import Picture
from vision_deepresearch.core.errors import FailureKind
from vision_deepresearch.core.observation import Evidence
from vision_deepresearch.worlds.live.tolerant import Fields
from vision_deepresearch.worlds.pages import WholePage


class Role(StrEnum):
    """What an engine is asked for."""

    TEXT = "text"
    PICTURE = "picture"
    READER = "reader"


@dataclass(frozen=True, slots=True, kw_only=True)
class About:
    """What an engine is and can: its capability flags."""

    name: str
    """As users name it, for example "serper"."""
    role: Role
    version: int
    """Of our adapter; raised when the meaning of requests or replies changes."""
    base_url: str
    """Of the service; "" where each user has an own one."""
    key_variable: str
    """Environment variable of its key; "" if it takes none."""
    needs_key: bool = True
    takes: Literal["words", "bytes", "url", "address"]
    """`bytes` and `url`: how a picture is handed over; `address`: of a page."""
    max_hits: int = 10
    """Of one request: more are not asked for."""
    max_query_chars: int = 2000
    """Longer queries are cut at a word."""
    max_query_words: int = 400
    price: str = ""
    """Its row in prices.toml; "": its name."""
    base_variable: str = ""
    """Environment variable of its address, where each user has an own one."""
    only_by_name: bool = False
    """`live:auto` leaves it out: its format is known from client code alone."""

    @property
    def price_name(self) -> str:
        """Which row of the price table counts."""
        return self.price or self.name


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiRequest:
    """One request to a provider; the secret is in headers or params and nowhere in a message."""

    method: Literal["GET", "POST"] = "POST"
    path: str = ""
    """Behind the base address."""
    params: Mapping[str, str] = field(default_factory=dict, repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    body: dict[str, JsonValue] | None = field(default=None, repr=False)


NameFailure = Callable[[int, Fields], FailureKind | None]
"""A provider's own meaning of a status and the error it came with; None: the common one."""


class TextEngine(Protocol):
    """Finds pages by words."""

    @property
    def about(self) -> About:
        """What it is."""
        ...

    async def search_text(self, query: str, *, limit: int) -> list[Evidence]:
        """Best first; [] is a result.

        Raises:
            WorldError: the provider failed.
        """
        ...


class PictureEngine(Protocol):
    """Finds pages by a picture."""

    @property
    def about(self) -> About:
        """What it is."""
        ...

    async def search_picture(self, picture: Picture, *, limit: int) -> list[Evidence]:
        """Best first; [] is a result.

        Raises:
            WorldError: the provider failed, or the picture cannot be handed over.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadPage:
    """A page as a reader gave it."""

    final_url: str
    page: WholePage


class PageEngine(Protocol):
    """Reads pages."""

    @property
    def about(self) -> About:
        """What it is."""
        ...

    async def read_page(self, url: str) -> ReadPage:
        """The whole page.

        Raises:
            WorldError: not found, blocked, unreadable...
        """
        ...


def cut_query(query: str, *, about: About) -> str:
    """The query on one line, cut at a word where the provider takes no longer ones."""
    words = " ".join(query.split()[: about.max_query_words])
    if len(words) <= about.max_query_chars:
        return words
    return words[: about.max_query_chars + 1].rsplit(" ", 1)[0][: about.max_query_chars]
