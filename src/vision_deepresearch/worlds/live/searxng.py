"""SearXNG, a metasearch server of one's own: GET /search?format=json, no key.

A 403 means that its settings.yml does not list json under search.formats. Source:
docs.searxng.org/dev/search_api.html.
"""

from vision_deepresearch.core.errors import FailureKind
from vision_deepresearch.core.observation import Evidence
from vision_deepresearch.worlds.live.engine import About, ApiRequest, Role
from vision_deepresearch.worlds.live.found import page_hit
from vision_deepresearch.worlds.live.tolerant import (
    Fields,
    day_at,
    number_at,
    objects_at,
    text_at,
    url_at,
)
from vision_deepresearch.worlds.live.words import TextProvider


def _search(query: str, limit: int, key: str) -> ApiRequest:
    del limit, key  # it has pages of its own size, and no keys
    params = {"q": query, "format": "json", "categories": "general"}
    return ApiRequest(method="GET", path="/search", params=params)


def _pages(answer: Fields, query: str) -> list[Evidence]:
    return [
        page_hit(
            url_at(item, "url"),
            title=text_at(item, "title", most=500),
            snippet=text_at(item, "content"),
            published=day_at(item, "publishedDate"),
            score=number_at(item, "score"),
            query=query,
        )
        for item in objects_at(answer, "results")
    ]


def _failure(status: int, answer: Fields) -> FailureKind | None:
    del answer
    return FailureKind.UNAVAILABLE if status == 403 else None


TEXT = TextProvider(
    about=About(
        name="searxng",
        role=Role.TEXT,
        version=1,
        base_url="",
        key_variable="",
        needs_key=False,
        takes="words",
        base_variable="SEARXNG_URL",
    ),
    request=_search,
    parse=_pages,
    lists=("results",),
    name_failure=_failure,
)
