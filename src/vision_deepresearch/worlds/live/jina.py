"""Jina reader, hosted or one's own: POST {"url"}, JSON answer, bearer key if there is one.

The address is checked by the fetcher's rules first, else our key could read someone's intranet
through the provider. Source: the project's record of wire formats.
"""

import re
from collections.abc import Iterator

from pydantic import JsonValue

from vision_deepresearch.core.errors import FailureKind, WorldError
from vision_deepresearch.core.page import PageImage, PageLink
from vision_deepresearch.worlds.fetch.urls import RefusedUrlError, check_url
from vision_deepresearch.worlds.html import Head
from vision_deepresearch.worlds.live.engine import About, ApiRequest, ReadPage, Role
from vision_deepresearch.worlds.live.tolerant import (
    Fields,
    day_at,
    is_web_url,
    object_at,
    text_at,
    url_at,
    whole,
)
from vision_deepresearch.worlds.live.wire import Wire, code_in
from vision_deepresearch.worlds.pages import WholePage, cut_windows

_MAX_LINKS = 2000
_NUMBERED = re.compile(r"^Image \d+:?\s*")

ABOUT = About(
    name="jina",
    role=Role.READER,
    version=1,
    base_url="https://r.jina.ai",
    key_variable="JINA_API_KEY",
    needs_key=False,
    takes="address",
)


class JinaReader:
    """Asks the reader. A `PageEngine`."""

    def __init__(self, wire: Wire, *, key: str, checks_urls: bool = True) -> None:
        """Nothing is asked yet.

        Args:
            wire: to the reader.
            key: "": none is sent.
            checks_urls: whether only public addresses may be read; off only for a reader that can
                reach nothing else, such as a served world.
        """
        self._wire = wire
        self._key = key
        self._checks_urls = checks_urls

    @property
    def about(self) -> About:
        """What it is."""
        return ABOUT

    async def read_page(self, url: str) -> ReadPage:
        """See `PageEngine`."""
        if self._checks_urls:
            try:
                check_url(url)
            except RefusedUrlError as refusal:
                raise WorldError(FailureKind.BLOCKED, str(refusal)) from None
        answer = await self._wire.ask(lambda: request(url, self._key), what="reading a page")
        page = parse(answer, url=url)
        if page is None:
            raise self._wire.failure(FailureKind.UPSTREAM)
        return page


def request(url: str, key: str) -> ApiRequest:
    """How a page is asked for."""
    headers = {"X-With-Links-Summary": "true", "X-With-Images-Summary": "true"}
    if key:
        headers["Authorization"] = f"Bearer {key}"
    return ApiRequest(headers=headers, body={"url": url})


def name_failure(status: int, answer: Fields) -> FailureKind | None:
    """Its own errors: some are about the page, not about the call."""
    name = code_in(answer, "name")
    if status == 451 or "securitycompromise" in name:
        return FailureKind.BLOCKED
    if status == 422 or "targetnotfound" in name:
        return FailureKind.NOT_FOUND
    return None


def parse(answer: JsonValue, *, url: str) -> ReadPage | None:
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
