"""The routes of a world server, and what happens to every request on its way: key, limits, errors.

Whatever comes in gets an answer of its shape or a typed refusal in that shape. Nothing here opens a
connection to anywhere, and no route reaches what a generated world knows about its tasks: workers
hold a `World`, which has no truth.
"""

import hashlib
from collections.abc import Awaitable, Callable
from dataclasses import replace

from pydantic import JsonValue
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from vision_deepresearch.core.errors import FailureKind
from vision_deepresearch.core.page import WorldManifest
from vision_deepresearch.media.decode import sniff
from vision_deepresearch.worlds.server import reader, scraper, searxng, serper, vision
from vision_deepresearch.worlds.server.addresses import (
    ASSETS,
    MAX_URL_CHARS,
    asset_spellings,
    too_long,
)
from vision_deepresearch.worlds.server.answers import Answers
from vision_deepresearch.worlds.server.desk import Desk, manifest_for_clients
from vision_deepresearch.worlds.server.door import Answer, Door, Service, json_response
from vision_deepresearch.worlds.server.incoming import Incoming
from vision_deepresearch.worlds.server.jobs import Job, JobKind, Lane
from vision_deepresearch.worlds.server.metrics import CONTENT_TYPE, peak_memory_bytes
from vision_deepresearch.worlds.server.pool import WorkerPool
from vision_deepresearch.worlds.server.refusals import RefusedError
from vision_deepresearch.worlds.server.settings import Settings

_INDEX = """A world, served. See docs/serving-worlds.md.

POST /search /images /lens       Serper; POST / with {"url"}: its scraper
GET  /search?format=json         SearXNG (or a form by POST; / is the same)
GET  /r/<url>   POST /r          Jina reader
POST /v1/images:annotate         Google Vision, web detection
GET  /assets/<url>  /manifest  /healthz  /metrics
"""


def make_app(pool: WorkerPool, *, manifest: WorldManifest, settings: Settings) -> Starlette:
    """The application. `pool` must have been started; it stays the caller's to close."""
    answers = Answers(pool, settings=settings, world_seed=manifest.seed or 0)
    desk = Desk(answers=answers, settings=settings, manifest=manifest)
    door = Door(settings=settings)
    gauges = _gauges_of(pool, answers=answers, door=door)

    async def show_manifest(_: Incoming, desk: Desk) -> Response:
        return json_response(manifest_for_clients(desk.manifest, noise=settings.noise_name))

    async def show_metrics(_: Incoming, __: Desk) -> Response:
        return Response(door.metrics.text(gauges()), media_type=CONTENT_TYPE)

    async def healthz(_: Request) -> Response:
        alive = pool.num_alive
        about: dict[str, JsonValue] = {"status": "ok" if alive else "no worker is alive"}
        about |= {"workers": settings.workers, "alive": alive}
        return json_response(about, status=200 if alive else 503)

    own = {
        "manifest": Service(name="manifest", answer=show_manifest, error=serper.error),
        "metrics": Service(name="metrics", answer=show_metrics, error=serper.error),
    }
    services = {**_SERVICES, **{("GET", f"/{name}"): service for name, service in own.items()}}
    routes = [
        Route(path, door.endpoint(service, desk=desk), methods=[method])
        for (method, path), service in services.items()
    ]
    return Starlette(
        routes=[*routes, Route("/healthz", healthz)],
        exception_handlers={HTTPException: _no_such_route},
    )


async def _search(incoming: Incoming, desk: Desk) -> Response:
    is_searxng = searxng.is_meant(incoming)
    return json_response(await (searxng if is_searxng else serper).search(incoming, desk))


async def _root(incoming: Incoming, desk: Desk) -> Response:
    """What stands at the root of SearXNG and of Serper's scraper; else a few words about us."""
    if incoming.method == "POST" and not searxng.is_meant(incoming):
        return json_response(await scraper.scrape(incoming, desk))
    if "q" in incoming.query or incoming.body.form:
        return json_response(await searxng.search(incoming, desk))
    return PlainTextResponse(_INDEX)


def _shape(call: Callable[[Incoming, Desk], Awaitable[JsonValue]]) -> Answer:
    async def answer(incoming: Incoming, desk: Desk) -> Response:
        return json_response(await call(incoming, desk))

    return answer


async def _read(incoming: Incoming, desk: Desk) -> Response:
    page = await reader.read(incoming, desk)
    return Response(page.content, media_type=page.media_type)


async def _asset(incoming: Incoming, desk: Desk) -> Response:
    """A picture of the world; it never changes, so clients may keep it."""
    urls = asset_spellings(incoming.raw_path.removeprefix(ASSETS), query=incoming.raw_query)
    if max(map(len, urls)) > MAX_URL_CHARS:
        raise too_long(urls[0])
    data = await desk.answers.get(Job(kind=JobKind.ASSET, urls=urls))
    kind = sniff(data)
    headers = {
        "ETag": f'"{hashlib.sha256(data).hexdigest()[:32]}"',
        "Cache-Control": "public, max-age=31536000, immutable",
        "X-Content-Type-Options": "nosniff",
    }
    if incoming.headers.get("if-none-match", "") == headers["ETag"]:
        return Response(status_code=304, headers=headers)
    media_type = f"image/{kind.lower()}" if kind else "application/octet-stream"
    return Response(data, media_type=media_type, headers=headers)


_GONE = {FailureKind.UPSTREAM: 500}
"""How Serper fails."""
_SERPER = Service(
    name="search",
    answer=_search,
    error=serper.error,
    takes_batch=True,
    denied=403,
    failures=_GONE,
)
_IMAGES = replace(_SERPER, name="images", answer=_shape(serper.images))
_LENS = replace(
    _SERPER, name="lens", answer=_shape(serper.lens), lane=Lane.LOOKS, takes_batch=False
)
_ROOT = replace(_SERPER, name="root", answer=_root, takes_batch=False)
_VISION = Service(
    name="vision",
    answer=_shape(vision.annotate),
    error=vision.error,
    lane=Lane.LOOKS,
    denied=403,
    failures={FailureKind.UPSTREAM: 503},
)
_READER = Service(
    name="read",
    answer=_read,
    error=reader.error,
    failures={FailureKind.UPSTREAM: 422, FailureKind.TIMEOUT: 422},
)
_SERVICES = {
    ("GET", "/search"): _SERPER,
    ("POST", "/search"): _SERPER,
    ("GET", "/images"): _IMAGES,
    ("POST", "/images"): _IMAGES,
    ("GET", "/lens"): _LENS,
    ("POST", "/lens"): _LENS,
    ("GET", "/"): _ROOT,
    ("POST", "/"): _ROOT,
    ("POST", "/v1/images:annotate"): _VISION,
    ("GET", "/r/{url:path}"): _READER,
    ("POST", "/r"): _READER,
    ("POST", "/r/"): _READER,
    ("GET", "/assets/{url:path}"): Service(name="assets", answer=_asset, error=serper.error),
}


async def _no_such_route(_: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    kind = FailureKind.NOT_FOUND if error.status_code == 404 else FailureKind.BAD_REQUEST
    refusal = RefusedError(
        kind, f"no such route ({error.detail}): GET / lists them", status=error.status_code
    )
    return json_response(serper.error(refusal), status=refusal.status, headers=error.headers)


def _gauges_of(pool: WorkerPool, *, answers: Answers, door: Door) -> Callable[[], dict[str, float]]:
    def gauges() -> dict[str, float]:
        values: dict[str, float] = {
            "vdr_workers_alive": pool.num_alive,
            "vdr_workers_replaced_total": pool.num_replaced,
            "vdr_jobs_late_total": pool.num_late,
            "vdr_cache_bytes": answers.kept_bytes,
            "vdr_cache_hits_total": answers.num_hits,
            "vdr_flights_joined_total": answers.num_joined,
            "vdr_jobs_asked_total": answers.num_asked,
            "vdr_body_bytes_held": door.room.held,
            "vdr_refusals_paused": door.num_paused,
            "vdr_engine_failures_total": answers.misbehaviour.num_failed,
            "vdr_peak_memory_bytes": peak_memory_bytes(),
        }
        for lane in Lane:
            values[f'vdr_jobs_waiting{{lane="{lane}"}}'] = pool.num_waiting(lane)
        for lane in Lane:
            values[f'vdr_jobs_done_total{{lane="{lane}"}}'] = pool.num_done[lane]
        for lane in Lane:
            values[f'vdr_job_seconds_total{{lane="{lane}"}}'] = pool.busy_s[lane]
        return values

    return gauges
