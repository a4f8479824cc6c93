"""Hits as evidence: what every provider's parser ends in."""

from collections.abc import Iterable, Iterator

from vision_deepresearch.core.observation import Evidence, EvidenceKind


def page_hit(
    url: str,
    *,
    title: str,
    snippet: str,
    query: str,
    published: str | None = None,
    score: float | None = None,
) -> Evidence:
    """A page found by words."""
    return Evidence(
        kind=EvidenceKind.TEXT_HIT,
        url=url,
        title=title,
        snippet=snippet,
        published=published,
        score=score,
        query=query,
    )


def picture_hit(
    url: str,
    *,
    title: str,
    snippet: str = "",
    image_url: str | None = None,
    label: str | None = None,
) -> Evidence:
    """A page found by a picture."""
    return Evidence(
        kind=EvidenceKind.IMAGE_HIT,
        url=url,
        title=title,
        snippet=snippet,
        image_url=image_url or None,
        label=label,
    )


def ranked(hits: Iterable[Evidence], *, limit: int) -> list[Evidence]:
    """The first hits with their ranks; one without an address, or named before, is left out."""
    return [
        hit.model_copy(update={"rank": rank})
        for rank, hit in zip(range(limit), _distinct(hits), strict=False)
    ]


def _distinct(hits: Iterable[Evidence]) -> Iterator[Evidence]:
    seen: set[str] = set()
    for hit in hits:
        if hit.url and hit.url not in seen:
            seen.add(hit.url)
            yield hit
