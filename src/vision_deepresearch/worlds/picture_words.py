"""Pictures by words: what pages write around them, and a text tower where there is one.

Each place where a picture stands on a page is a short document: its caption (else its alternative
text, else the page's title) as the title, then the page's title and how its text begins. Only what pages show is indexed.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from vision_deepresearch.core.observation import Evidence
from vision_deepresearch.worlds.embedded import MAX_HITS, Looks
from vision_deepresearch.worlds.index.fusion import reciprocal_ranks
from vision_deepresearch.worlds.index.text import TextDoc, TextIndex

CAPTIONS = "captions"
"""The folder of the index in a world folder."""
PLACES = 4096
"""Pictures of one page that are indexed; place and page together are the id of a document."""
CONTEXT_CHARS = 240
"""Of a page's text that stand with each of its pictures."""
NO_CAPTIONS = (
    "this world was made before pictures could be searched by words: build or import it again"
)
_NEAR = 20
"""Pictures near the words that are fused with those whose captions were found."""
_MAX_FETCHED = 1000


@runtime_checkable
class SearchesPicturesByWords(Protocol):
    """A world with a search of its own for pictures."""

    @property
    def has_captions(self) -> bool:
        """False: it was made before it could, and is searched like any other world."""
        ...

    async def image_by_text(self, query: str, *, limit: int) -> list[Evidence]:
        """Pictures by words, best first: `image_url`, and the page as `url` and `title`.

        Raises:
            WorldError: the engine failed, or there is no such index.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundByWords:
    """One picture that was found."""

    key: str
    """The world's own name of the picture."""
    spot: int | None
    """The best document that tells of it; None: found by its vector alone."""
    score: float


def spot_of(page: int, place: int) -> int:
    """The id of a document."""
    return page * PLACES + place


def page_and_place(spot: int) -> tuple[int, int]:
    """The page, and the how manieth of its pictures."""
    return divmod(spot, PLACES)


def caption_doc(spot: int, *, caption: str, alt: str, page_title: str, context: str) -> TextDoc:
    """What the index counts of one place where a picture stands."""
    told = caption or alt or page_title
    rest = (alt if alt != told else "", page_title, context[:CONTEXT_CHARS])
    return TextDoc(id=spot, title=told, text="\n".join(part for part in rest if part))


class PictureWords:
    """The index of captions and the text tower, asked together."""

    def __init__(self, captions: TextIndex, *, looks: Looks) -> None:
        self._captions = captions
        self._looks = looks

    def find(
        self, query: str, limit: int, *, picture_at: Callable[[int], str | None]
    ) -> list[FoundByWords]:
        """Pictures by words, best first, each once; captions and vectors by reciprocal ranks.

        Args:
            query: words in any script; no sign has a meaning.
            limit: at most MAX_HITS.
            picture_at: the picture of a document; None: it is not kept.
        """
        limit = min(max(limit, 0), MAX_HITS)
        if not limit or not query.strip():
            return []
        told = self._told(query, limit, picture_at=picture_at)
        near = self._looks.near_words(query, _NEAR)
        if not near:
            best = [FoundByWords(key=key, spot=one[0], score=one[1]) for key, one in told.items()]
            return best[:limit]
        scores = reciprocal_ranks([list(told), near])
        order = sorted(scores, key=lambda key: -scores[key])
        return [
            FoundByWords(key=key, spot=told[key][0] if key in told else None, score=scores[key])
            for key in order[:limit]
        ]

    def _told(
        self, query: str, limit: int, *, picture_at: Callable[[int], str | None]
    ) -> dict[str, tuple[int, float]]:
        """Pictures whose captions were found, best first, with document and score."""
        fetch = 4 * limit
        while True:
            hits = self._captions.search(query, fetch)
            found: dict[str, tuple[int, float]] = {}
            for hit in hits:
                key = picture_at(hit.id)
                if key is not None:
                    found.setdefault(key, (hit.id, hit.score))
            if len(found) >= limit or len(hits) < fetch or fetch >= _MAX_FETCHED:
                return found
            fetch = min(4 * fetch, _MAX_FETCHED)
