"""Zhipu: words (POST /paas/v4/web_search), pages (/paas/v4/reader), pictures by url (/image_search).

Bearer key; queries of at most 70 characters. Source: docs.bigmodel.cn/api-reference, tool API, web
search and web reader. The picture search answers at an address of its own with the bare key; it has
no public reference and is known from client code (Osilly/Vision-DeepResearch, crop_and_search_tool).
"""

import re
from collections.abc import Iterator

from pydantic import JsonValue

from vision_deepresearch.core.errors import FailureKind
from vision_deepresearch.core.observation import Evidence
from vision_deepresearch.core.page import PageImage, PageLink
from vision_deepresearch.worlds.html import Head
from vision_deepresearch.worlds.live.engine import About, ApiRequest, ReadPage, Role
from vision_deepresearch.worlds.live.found import page_hit, picture_hit
from vision_deepresearch.worlds.live.looks import PictureProvider
from vision_deepresearch.worlds.live.readers import ReaderProvider
from vision_deepresearch.worlds.live.tolerant import (
    Fields,
    day_at,
    is_web_url,
    object_at,
    objects_at,
    text_at,
    url_at,
    whole,
)
from vision_deepresearch.worlds.live.wire import code_in
from vision_deepresearch.worlds.live.words import TextProvider
from vision_deepresearch.worlds.pages import WholePage, cut_windows

_NO_MONEY = frozenset({"1113"})
"""Error code of an account in arrears, sent with 429."""
_MAX_LINKS = 2000
_LINK = re.compile(r"(!?)\[([^\[\]\n]{0,500})\]\((https?://[^\s()<>]{1,2000})[)\s]")


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


def _read(url: str, key: str) -> ApiRequest:
    return ApiRequest(
        path="/paas/v4/reader",
        headers={"Authorization": f"Bearer {key}"},
        body={"url": url, "return_format": "markdown", "retain_images": True},
    )


def _page(answer: JsonValue, url: str) -> ReadPage | None:
    result = object_at(answer, "reader_result")
    content = result.get("content")
    if not isinstance(content, str):
        return None
    markdown = whole(content)
    final_url = url_at(result, "url") or url
    pairs = list(_links(markdown))
    page = WholePage(
        head=Head(
            title=text_at(result, "title", most=500), lang="", published=None, base_url=final_url
        ),
        markdown=markdown,
        windows=tuple(cut_windows(markdown)) or ("",),
        images=tuple(PageImage(src=to, alt=text) for is_image, text, to in pairs if is_image),
        links=tuple(PageLink(url=to, text=text) for is_image, text, to in pairs if not is_image),
    )
    return ReadPage(final_url=final_url, page=page)


def _links(markdown: str) -> Iterator[tuple[bool, str, str]]:
    """Whether it is a picture, text and address of each link: the answer lists none apart."""
    for number, found in enumerate(_LINK.finditer(markdown)):
        if number == _MAX_LINKS:
            return
        if is_web_url(found[3]):
            yield bool(found[1]), " ".join(found[2].split()), found[3]


def _look(url: str, limit: int, key: str) -> ApiRequest:
    del limit  # it returns what it has
    return ApiRequest(
        path="/paas/v4/image_search", headers={"Authorization": key}, body={"url": url}
    )


def _looks(answer: Fields) -> list[Evidence]:
    return [
        picture_hit(
            url_at(item, "link"),
            title=text_at(item, "title", most=500),
            image_url=url_at(item, "image_url", "thumbnail_url"),
        )
        for item in objects_at(answer, "search_result")
    ]


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
READER = ReaderProvider(
    about=About(
        name="zhipu_reader",
        role=Role.READER,
        version=1,
        base_url="https://open.bigmodel.cn/api",
        key_variable="ZHIPU_API_KEY",
        takes="address",
    ),
    request=_read,
    parse=_page,
    name_failure=_failure,
)
PICTURE = PictureProvider(
    about=About(
        name="zhipu_lens",
        role=Role.PICTURE,
        version=1,
        base_url="https://search-svip.bigmodel.cn/api",
        key_variable="ZHIPU_API_KEY",
        takes="url",
        max_hits=50,
        only_by_name=True,
    ),
    request=_look,
    parse=_looks,
    lists=("search_result", "request_id"),
    name_failure=_failure,
)
