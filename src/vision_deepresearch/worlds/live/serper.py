"""Serper: Google's results for words (POST /search) and for a picture by its url (POST /lens).

Key in X-API-KEY. Out of credit is a 400 that says so. There is no public reference; source: the
project's record of wire formats and public client code (which sends `/lens` a url alone, and reads
matches from `organic`, `visualMatches` or `visual_matches`).
"""

from vision_deepresearch.core.errors import FailureKind
from vision_deepresearch.core.observation import Evidence
from vision_deepresearch.worlds.live.engine import About, ApiRequest, Role
from vision_deepresearch.worlds.live.found import page_hit, picture_hit
from vision_deepresearch.worlds.live.looks import PictureProvider
from vision_deepresearch.worlds.live.tolerant import Fields, day_at, objects_at, text_at, url_at
from vision_deepresearch.worlds.live.wire import code_in
from vision_deepresearch.worlds.live.words import TextProvider

_BASE = "https://google.serper.dev"


def _search(query: str, limit: int, key: str) -> ApiRequest:
    return ApiRequest(path="/search", headers={"X-API-KEY": key}, body={"q": query, "num": limit})


def _pages(answer: Fields, query: str) -> list[Evidence]:
    return [
        page_hit(
            url_at(item, "link"),
            title=text_at(item, "title", most=500),
            snippet=text_at(item, "snippet"),
            published=day_at(item, "date"),
            query=query,
        )
        for item in objects_at(answer, "organic")
    ]


def _lens(url: str, limit: int, key: str) -> ApiRequest:
    del limit  # it returns what it has
    return ApiRequest(path="/lens", headers={"X-API-KEY": key}, body={"url": url})


def _matches(answer: Fields) -> list[Evidence]:
    return [
        picture_hit(
            url_at(item, "link"),
            title=text_at(item, "title", most=500),
            image_url=url_at(item, "imageUrl", "thumbnailUrl"),
        )
        for item in objects_at(answer, "organic", "visualMatches", "visual_matches")
    ]


def _failure(status: int, answer: Fields) -> FailureKind | None:
    said = code_in(answer, "message")
    if status >= 400 and "credits" in said:
        return FailureKind.AUTH
    return None


TEXT = TextProvider(
    about=About(
        name="serper",
        role=Role.TEXT,
        version=1,
        base_url=_BASE,
        key_variable="SERPER_API_KEY",
        takes="words",
    ),
    request=_search,
    parse=_pages,
    lists=("organic", "searchParameters", "credits"),
    name_failure=_failure,
)
PICTURE = PictureProvider(
    about=About(
        name="serper_lens",
        role=Role.PICTURE,
        version=2,
        base_url=_BASE,
        key_variable="SERPER_API_KEY",
        takes="url",
        max_hits=50,
    ),
    request=_lens,
    parse=_matches,
    lists=("organic", "visualMatches", "visual_matches", "searchParameters", "credits"),
    name_failure=_failure,
)
