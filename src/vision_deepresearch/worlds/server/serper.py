"""The shape of Serper: /search, /images, /lens by POST (JSON) or GET.

Unknown keys are ignored. A JSON list of up to 100 requests gets a list of as many answers.
"""

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from datetime import date
from urllib.parse import urlsplit

from pydantic import JsonValue

from vision_deepresearch.core.observation import Evidence
from vision_deepresearch.worlds.server.desk import Desk, picture_in
from vision_deepresearch.worlds.server.incoming import Incoming, count_of, query_of, text_of
from vision_deepresearch.worlds.server.jobs import PICTURE_LIST, Job, JobKind
from vision_deepresearch.worlds.server.refusals import RefusedError
from vision_deepresearch.worlds.server.settings import DEFAULT_HITS, DEFAULT_LENS_HITS, MAX_HITS

# Not calendar.month_abbr: that follows the locale.
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_ECHOED = ("gl", "hl", "tbs", "location", "autocorrect")
_One = Callable[
    [Mapping[str, JsonValue], Incoming, Desk], Coroutine[None, None, dict[str, JsonValue]]
]


async def search(incoming: Incoming, desk: Desk) -> JsonValue:
    """Pages by words.

    Raises:
        RefusedError: no query, or no answer.
    """
    return await _each(incoming, desk, one=_search)


async def images(incoming: Incoming, desk: Desk) -> JsonValue:
    """Pictures by words.

    Raises:
        RefusedError: no query, or no answer.
    """
    return await _each(incoming, desk, one=_images)


async def _each(incoming: Incoming, desk: Desk, *, one: _One) -> JsonValue:
    """The answer to a request, or to each of a list; one that is refused spoils them all."""
    batch = incoming.body.batch
    if not batch:
        return await one(incoming.fields, incoming, desk)
    try:
        async with asyncio.TaskGroup() as group:
            answers = [group.create_task(one(fields, incoming, desk)) for fields in batch]
    except ExceptionGroup as failed:
        refused = failed.subgroup(RefusedError)
        raise failed if refused is None else refused.exceptions[0] from None
    return [answer.result() for answer in answers]


async def _search(
    fields: Mapping[str, JsonValue], incoming: Incoming, desk: Desk
) -> dict[str, JsonValue]:
    del incoming
    wanted = _Wanted(fields, desk=desk, type_="search")
    found = await desk.search(wanted.query, limit=wanted.limit)
    return {
        "searchParameters": wanted.parameters,
        "organic": [
            _organic(hit, position=wanted.start + number + 1)
            for number, hit in enumerate(found[wanted.start :])
        ],
        "peopleAlsoAsk": [],
        "relatedSearches": [],
        "credits": 1,
    }


async def _images(
    fields: Mapping[str, JsonValue], incoming: Incoming, desk: Desk
) -> dict[str, JsonValue]:
    wanted = _Wanted(fields, desk=desk, type_="images")
    job = Job(kind=JobKind.PICTURES, query=wanted.query, limit=wanted.limit)
    found = PICTURE_LIST.validate_json(await desk.answers.get(job))
    shown: list[JsonValue] = []
    for number, picture in enumerate(found[wanted.start :]):
        url = incoming.addresses.asset_url(picture.image_url)
        shown.append({
            "title": picture.title,
            "imageUrl": url,
            "imageWidth": picture.width,
            "imageHeight": picture.height,
            "thumbnailUrl": url,
            "thumbnailWidth": picture.width,
            "thumbnailHeight": picture.height,
            "source": host_of(picture.page_url),
            "domain": host_of(picture.page_url),
            "link": picture.page_url,
            "googleUrl": picture.page_url,
            "position": wanted.start + number + 1,
        })
    return {"searchParameters": wanted.parameters, "images": shown, "credits": 1}


async def lens(incoming: Incoming, desk: Desk) -> dict[str, JsonValue]:
    """Pages by a picture.

    Raises:
        RefusedError: no picture, or no answer.
    """
    fields = incoming.fields
    picture = picture_in(incoming)
    limit = count_of(fields, "num", DEFAULT_LENS_HITS, most=MAX_HITS)
    found = await desk.look(picture, limit=limit)
    parameters: dict[str, JsonValue] = {"type": "lens", "engine": "google"}
    parameters |= {name: text_of(fields, name) for name in _ECHOED if name in fields}
    return {
        "searchParameters": parameters,
        "organic": [_match(hit, incoming=incoming) for hit in found],
        "credits": 1,
    }


def error(refusal: RefusedError) -> dict[str, JsonValue]:
    """A refusal in this shape."""
    return {
        "message": refusal.message,
        "statusCode": refusal.status,
        "kind": refusal.kind.value,
    }


def host_of(url: str) -> str:
    """The host of a page, as these services name a source."""
    try:
        return (urlsplit(url).hostname or "").removeprefix("www.")
    except ValueError:
        return ""


class _Wanted:
    """What a search asks for: words, and which stretch of the list."""

    def __init__(self, fields: Mapping[str, JsonValue], *, desk: Desk, type_: str) -> None:
        self.query = query_of(fields, settings=desk.settings)
        num = count_of(fields, "num", DEFAULT_HITS, most=MAX_HITS)
        page = count_of(fields, "page", 1, most=MAX_HITS)
        self.limit = min(num * page, MAX_HITS)
        self.start = num * (page - 1)
        parameters: dict[str, JsonValue] = {"q": self.query}
        parameters |= {name: text_of(fields, name) for name in _ECHOED if name in fields}
        parameters |= {"type": type_, "num": num, "page": page, "engine": "google"}
        self.parameters = parameters


def _organic(hit: Evidence, *, position: int) -> dict[str, JsonValue]:
    shown: dict[str, JsonValue] = {
        "title": hit.title,
        "link": hit.url,
        "snippet": hit.snippet,
        "position": position,
    }
    if hit.published:
        shown["date"] = _day(hit.published)
    return shown


def _match(hit: Evidence, *, incoming: Incoming) -> dict[str, JsonValue]:
    shown: dict[str, JsonValue] = {
        "title": hit.title,
        "source": host_of(hit.url),
        "link": hit.url,
    }
    if hit.image_url is not None:
        url = incoming.addresses.asset_url(hit.image_url)
        shown |= {"imageUrl": url, "thumbnailUrl": url}
    return shown


def _day(published: str) -> str:
    """A date as this service writes it, "Nov 3, 2023"; anything else as it stands."""
    try:
        day = date.fromisoformat(published[:10])
    except ValueError:
        return published
    return f"{_MONTHS[day.month - 1]} {day.day}, {day.year}"
