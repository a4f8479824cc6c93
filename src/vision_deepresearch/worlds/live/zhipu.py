"""Zhipu web search: POST /paas/v4/web_search with a bearer key; queries of at most 70 characters.

Source: docs.bigmodel.cn, the page of Web Search API. Its reader and its picture search are known
from a private service's record only and are left out.
"""

from vision_deepresearch.core.errors import FailureKind
from vision_deepresearch.core.observation import Evidence
from vision_deepresearch.worlds.live.engine import About, ApiRequest, Role
from vision_deepresearch.worlds.live.found import page_hit
from vision_deepresearch.worlds.live.tolerant import Fields, day_at, objects_at, text_at, url_at
from vision_deepresearch.worlds.live.wire import code_in
from vision_deepresearch.worlds.live.words import TextProvider

_NO_MONEY = frozenset({"1113"})
"""Error code of an account in arrears, sent with 429."""


def _search(query: str, limit: int, key: str) -> ApiRequest:
    return ApiRequest(
        path="/paas/v4/web_search",
        headers={"Authorization": f"Bearer {key}"},
        body={
            "search_query": query,
            "search_engine": "search_std",
            "search_intent": False,
            "count": limit,
        },
    )


def _pages(answer: Fields, query: str) -> list[Evidence]:
    return [
        page_hit(
            url_at(item, "link"),
            title=text_at(item, "title", most=500),
            snippet=text_at(item, "content"),
            published=day_at(item, "publish_date"),
            query=query,
        )
        for item in objects_at(answer, "search_result")
    ]


def _failure(status: int, answer: Fields) -> FailureKind | None:
    return (
        FailureKind.AUTH
        if status >= 400 and code_in(answer, "error", "code") in _NO_MONEY
        else None
    )


TEXT = TextProvider(
    about=About(
        name="zhipu",
        role=Role.TEXT,
        version=1,
        base_url="https://open.bigmodel.cn/api",
        key_variable="ZHIPU_API_KEY",
        takes="words",
        max_hits=50,
        max_query_chars=70,
    ),
    request=_search,
    parse=_pages,
    lists=("search_result", "search_intent", "request_id"),
    name_failure=_failure,
)
