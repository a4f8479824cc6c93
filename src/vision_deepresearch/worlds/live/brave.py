"""Brave Search: GET /res/v1/web/search, key in X-Subscription-Token, at most 20 hits a call.

A wrong key is a 422, not a 401; a missing one a 422 that names the header; a key of another product
a 404. Errors stand in `error`, in older examples in a list `errors`. Source: the reference at
api-dashboard.search.brave.com (web search, response and errors) and public client code.
"""

from collections.abc import Iterator

from vision_deepresearch.core.errors import FailureKind
from vision_deepresearch.core.observation import Evidence
from vision_deepresearch.worlds.live.engine import About, ApiRequest, Role
from vision_deepresearch.worlds.live.found import page_hit
from vision_deepresearch.worlds.live.tolerant import (
    Fields,
    day_at,
    object_at,
    objects_at,
    text_at,
    url_at,
)
from vision_deepresearch.worlds.live.wire import code_in
from vision_deepresearch.worlds.live.words import TextProvider


def _search(query: str, limit: int, key: str) -> ApiRequest:
    return ApiRequest(
        method="GET",
        path="/res/v1/web/search",
        params={"q": query, "count": str(limit)},
        headers={"X-Subscription-Token": key},
    )


def _pages(answer: Fields, query: str) -> list[Evidence]:
    return [
        page_hit(
            url_at(item, "url"),
            title=text_at(item, "title", most=500),
            snippet=text_at(item, "description"),
            published=day_at(item, "page_age", "age"),
            query=query,
        )
        for item in objects_at(object_at(dict(answer), "web"), "results")
    ]


def _failure(status: int, answer: Fields) -> FailureKind | None:
    for error in _errors(answer):
        code = code_in(error, "code")
        if status in {404, 422} and code.startswith("subscription_"):
            return FailureKind.AUTH
        if status == 422 and "x-subscription-token" in str(error.get("meta")).lower():
            return FailureKind.AUTH
        if status == 429 and "quota" in code:
            return FailureKind.AUTH
    return None


def _errors(answer: Fields) -> Iterator[Fields]:
    yield object_at(dict(answer), "error")
    yield from objects_at(answer, "errors")


TEXT = TextProvider(
    about=About(
        name="brave",
        role=Role.TEXT,
        version=1,
        base_url="https://api.search.brave.com",
        key_variable="BRAVE_API_KEY",
        takes="words",
        max_hits=20,
        max_query_chars=400,
        max_query_words=50,
    ),
    request=_search,
    parse=_pages,
    lists=("web", "query", "type"),  # without hits there is no `web`
    name_failure=_failure,
)
