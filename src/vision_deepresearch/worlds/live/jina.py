"""Jina reader, hosted or one's own: POST {"url"}, JSON answer, bearer key if there is one.

A page that answered with an error comes with status 200 and a warning: "Target URL returned error
404". Source: jina.ai/reader; github.com/jina-ai/reader@0612fa0, services/errors.ts (names and
statuses) and services/snapshot-formatter.ts (fields).
"""

import re
from collections.abc import Iterator

from pydantic import JsonValue

from vision_deepresearch.core.errors import FailureKind
from vision_deepresearch.core.page import PageImage, PageLink
from vision_deepresearch.worlds.html import Head
from vision_deepresearch.worlds.live.engine import About, ApiRequest, ReadPage, Role
from vision_deepresearch.worlds.live.readers import ReaderProvider
from vision_deepresearch.worlds.live.tolerant import (
    Fields,
    day_at,
    is_web_url,
    object_at,
    text_at,
    url_at,
    whole,
)
from vision_deepresearch.worlds.live.wire import code_in
from vision_deepresearch.worlds.pages import WholePage, cut_windows

_MAX_LINKS = 2000
_TARGET_ERROR = re.compile(r"target url returned error ([45][0-9]{2})\b", re.I | re.ASCII)
_NUMBERED = re.compile(r"^Image \d+:?\s*")


def _read(url: str, key: str) -> ApiRequest:
    headers = {"X-With-Links-Summary": "true", "X-With-Images-Summary": "true"}
    if key:
        headers["Authorization"] = f"Bearer {key}"
    return ApiRequest(headers=headers, body={"url": url})


def _failure(status: int, answer: Fields) -> FailureKind | None:
    """Its own errors: some are about the page, not about the call."""
    if status == 200:
        return _of_the_page(text_at(object_at(dict(answer), "data"), "warning"))
    name = code_in(answer, "name")
    if status == 451 or "securitycompromise" in name:
        return FailureKind.BLOCKED
    if status == 422 or "targetnotfound" in name:
        return FailureKind.NOT_FOUND
    return FailureKind.UPSTREAM if status == 409 else None


def _of_the_page(warning: str) -> FailureKind | None:
    """What the page's own server answered, where that was an error."""
    found = _TARGET_ERROR.search(warning)
    if found is None:
        return None
    status = int(found[1])
    if status in {404, 410}:
        return FailureKind.NOT_FOUND
    return FailureKind.BLOCKED if status < 500 else FailureKind.UPSTREAM


def parse(answer: JsonValue, url: str) -> ReadPage | None:
    """The page of an answer; None: it is no answer of this service. Never raises."""
    data = object_at(answer, "data")
    content = data.get("content")
    if not isinstance(content, str):
        return None
    markdown = whole(content)
    final_url = url_at(data, "url") or url
    page = WholePage(
        head=Head(
            title=text_at(data, "title", most=500),
            lang="",
            published=day_at(data, "publishedTime"),
            base_url=final_url,
        ),
        markdown=markdown,
        windows=tuple(cut_windows(markdown)) or ("",),
        images=tuple(_images(data.get("images"))),
        links=tuple(PageLink(url=link, text=text) for text, link in _pairs(data.get("links"))),
    )
    return ReadPage(final_url=final_url, page=page)


def _images(value: JsonValue) -> Iterator[PageImage]:
    for text, src in _pairs(value):
        yield PageImage(src=src, alt=_NUMBERED.sub("", text, count=1))


def _pairs(value: JsonValue) -> Iterator[tuple[str, str]]:
    """Text and address, from an object of them or from a list of pairs."""
    found: list[tuple[JsonValue, JsonValue]] = []
    if isinstance(value, dict):
        found = list(value.items())
    elif isinstance(value, list):
        found = [(pair[0], pair[1]) for pair in value if isinstance(pair, list) and len(pair) == 2]
    for text, url in found[:_MAX_LINKS]:
        if isinstance(text, str) and isinstance(url, str) and is_web_url(url):
            yield " ".join(whole(text).split())[:500], url


READER = ReaderProvider(
    about=About(
        name="jina",
        role=Role.READER,
        version=2,
        base_url="https://r.jina.ai",
        key_variable="JINA_API_KEY",
        needs_key=False,
        takes="address",
    ),
    request=_read,
    parse=parse,
    name_failure=_failure,
)
