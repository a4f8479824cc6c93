"""The shape of SearXNG: GET or form POST /search, or /, with format=json."""

from collections.abc import Mapping
from urllib.parse import urlsplit

from pydantic import JsonValue

from vision_deepresearch.core.errors import FailureKind
from vision_deepresearch.core.observation import Evidence
from vision_deepresearch.worlds.server.desk import Desk
from vision_deepresearch.worlds.server.incoming import Incoming, count_of, query_of, text_of
from vision_deepresearch.worlds.server.jobs import PICTURE_LIST, FoundPicture, Job, JobKind
from vision_deepresearch.worlds.server.refusals import EngineFailedError, RefusedError
from vision_deepresearch.worlds.server.serper import host_of
from vision_deepresearch.worlds.server.settings import DEFAULT_HITS, MAX_HITS

_ENGINE = "vdr"
_FAILED = {
    FailureKind.RATE_LIMITED: "Suspended: too many requests",
    FailureKind.TIMEOUT: "timeout",
}
"""How a failure of an engine is named; any other is an HTTP error."""


def is_meant(incoming: Incoming) -> bool:
    """Whether a request to /search or / speaks SearXNG, and not Serper.

    By POST a form does, or words in the address; by GET all but those that show a key of Serper's.
    """
    if incoming.method == "POST":
        is_json = bool(incoming.body.json or incoming.body.batch)
        return not is_json and (bool(incoming.body.form) or "q" in incoming.query)
    return is_meant_by_get(incoming.query, incoming.headers)


def is_meant_by_get(query: Mapping[str, str], headers: Mapping[str, str]) -> bool:
    """The same, before a request is read."""
    return "format" in query or not ("apiKey" in query or "x-api-key" in headers)


async def search(incoming: Incoming, desk: Desk) -> dict[str, JsonValue]:
    """Pages, or with categories=images pictures, by words.

    Raises:
        RefusedError: another format, no query, or no answer.
    """
    fields: dict[str, JsonValue] = {**incoming.query, **incoming.body.form}
    form = text_of(fields, "format", "html").strip().lower()
    if form != "json":
        msg = f"this server answers format=json only, got {form[:40]!r}: add format=json"
        raise RefusedError(FailureKind.BLOCKED, msg)
    query = query_of(fields, settings=desk.settings)
    page = count_of(fields, "pageno", 1, most=MAX_HITS)
    start = DEFAULT_HITS * (page - 1)
    limit = min(DEFAULT_HITS * page, MAX_HITS)
    categories = text_of(fields, "categories", "general").lower().split(",")
    is_images = "images" in [name.strip() for name in categories]
    failed: list[JsonValue] = []
    results: list[JsonValue] = []
    try:
        if is_images:
            results = await _pictures(query, incoming, desk, start=start, limit=limit)
        else:
            hits = await desk.search(query, limit=limit)
            shown = enumerate(hits[start:], start=start + 1)
            results = [_page(hit, position=number) for number, hit in shown]
    except EngineFailedError as failure:  # a metasearch engine answers without the engine
        failed = [[_ENGINE, _FAILED.get(failure.kind, "HTTP error")]]
    return {
        "query": query,
        "number_of_results": len(results),
        "results": results,
        "answers": [],
        "corrections": [],
        "infoboxes": [],
        "suggestions": [],
        "unresponsive_engines": failed,
    }


async def _pictures(
    query: str, incoming: Incoming, desk: Desk, *, start: int, limit: int
) -> list[JsonValue]:
    job = Job(kind=JobKind.PICTURES, query=query, limit=limit)
    pictures = PICTURE_LIST.validate_json(await desk.answers.get(job))
    return [
        _picture(picture, position=number, incoming=incoming)
        for number, picture in enumerate(pictures[start:], start=start + 1)
    ]


def error(refusal: RefusedError) -> dict[str, JsonValue]:
    """A refusal in this shape."""
    return {"error": refusal.message, "kind": refusal.kind.value}


def _page(hit: Evidence, *, position: int) -> dict[str, JsonValue]:
    return {
        **_common(hit.url, title=hit.title, content=hit.snippet, position=position),
        "category": "general",
        "template": "default.html",
        "publishedDate": hit.published,
        "score": hit.score if hit.score is not None else 1.0 / position,
    }


def _picture(picture: FoundPicture, *, position: int, incoming: Incoming) -> dict[str, JsonValue]:
    url = incoming.addresses.asset_url(picture.image_url)
    return {
        **_common(
            picture.page_url, title=picture.title, content=picture.page_title, position=position
        ),
        "category": "images",
        "template": "images.html",
        "publishedDate": None,
        "score": 1.0 / position,
        "img_src": url,
        "thumbnail_src": url,
        "resolution": f"{picture.width} x {picture.height}",
        "source": host_of(picture.page_url),
    }


def _common(url: str, *, title: str, content: str, position: int) -> dict[str, JsonValue]:
    try:
        parts = urlsplit(url)
        parsed: list[JsonValue] = [
            parts.scheme,
            parts.netloc,
            parts.path,
            "",
            parts.query,
            parts.fragment,
        ]
    except ValueError:
        parsed = ["", "", url, "", "", ""]
    return {
        "url": url,
        "title": title,
        "content": content,
        "engine": _ENGINE,
        "engines": [_ENGINE],
        "positions": [position],
        "parsed_url": parsed,
    }
