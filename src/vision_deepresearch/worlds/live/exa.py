"""Exa: POST /search with x-api-key; the text of each hit comes with it and is cut to a snippet.

Out of credit is a 402; a 403 may be about the query alone (PROHIBITED_CONTENT). Errors are
{"requestId", "error", "tag"}. Source: exa.ai/docs/reference/search and .../reference/error-codes.
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
from vision_deepresearch.worlds.live.wire import code_in
from vision_deepresearch.worlds.live.words import TextProvider

_SNIPPET_CHARS = 800
"""A hit's text is the page from its start: more of it is read with `visit`."""


def _search(query: str, limit: int, key: str) -> ApiRequest:
    return ApiRequest(
        path="/search",
        headers={"x-api-key": key},
        body={
            "query": query,
            "numResults": limit,
            "type": "auto",
            "contents": {"text": {"maxCharacters": _SNIPPET_CHARS}},
        },
    )


def _pages(answer: Fields, query: str) -> list[Evidence]:
    return [
        page_hit(
            url_at(item, "url"),
            title=text_at(item, "title", most=500),
            snippet=text_at(item, "text", "summary", most=_SNIPPET_CHARS),
            published=day_at(item, "publishedDate"),
            score=number_at(item, "score"),
            query=query,
        )
        for item in objects_at(answer, "results")
    ]


def _failure(status: int, answer: Fields) -> FailureKind | None:
    # Not the key's fault: another query may be answered.
    is_refused = status == 403 and "prohibited" in code_in(answer, "tag")
    return FailureKind.BLOCKED if is_refused else None


TEXT = TextProvider(
    about=About(
        name="exa",
        role=Role.TEXT,
        version=1,
        base_url="https://api.exa.ai",
        key_variable="EXA_API_KEY",
        takes="words",
    ),
    request=_search,
    parse=_pages,
    lists=("results",),
    name_failure=_failure,
)
