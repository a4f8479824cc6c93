"""Tavily: POST /search with a bearer key; answers carry passages of the pages.

Statuses of its own: 432 and 433, a limit of the plan or of pay-as-you-go; errors are {"detail":
{"error"}}. Source: docs.tavily.com (endpoint/search), help.tavily.com (understanding HTTP errors).
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

_PLAN_LIMITS = frozenset({432, 433})


def _search(query: str, limit: int, key: str) -> ApiRequest:
    return ApiRequest(
        path="/search",
        headers={"Authorization": f"Bearer {key}"},
        body={"query": query, "max_results": limit, "search_depth": "basic"},
    )


def _pages(answer: Fields, query: str) -> list[Evidence]:
    return [
        page_hit(
            url_at(item, "url"),
            title=text_at(item, "title", most=500),
            snippet=text_at(item, "content"),
            published=day_at(item, "published_date"),
            score=number_at(item, "score"),
            query=query,
        )
        for item in objects_at(answer, "results")
    ]


def _failure(status: int, answer: Fields) -> FailureKind | None:
    del answer
    return FailureKind.AUTH if status in _PLAN_LIMITS else None


TEXT = TextProvider(
    about=About(
        name="tavily",
        role=Role.TEXT,
        version=1,
        base_url="https://api.tavily.com",
        key_variable="TAVILY_API_KEY",
        takes="words",
        max_hits=20,
        max_query_chars=400,
    ),
    request=_search,
    parse=_pages,
    lists=("results",),
    name_failure=_failure,
)
