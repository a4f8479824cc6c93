"""A process that holds the world open and does the work of the CPU, one job at a time.

It is spawned, never forked: native libraries are opened here. It ends when its pipe closes, so
nothing is left behind however the server ends.
"""

import asyncio
import signal
from collections.abc import Callable
from multiprocessing.connection import Connection

from vision_deepresearch.core.content import Picture
from vision_deepresearch.core.errors import (
    BadImageError,
    BoundaryError,
    ConfigError,
    FailureKind,
    WorldError,
    boundary,
)
from vision_deepresearch.core.page import Page
from vision_deepresearch.core.protocols import World
from vision_deepresearch.media.store import clean
from vision_deepresearch.worlds.server.by_words import find_pictures
from vision_deepresearch.worlds.server.jobs import (
    EVIDENCE_LIST,
    PICTURE_LIST,
    Job,
    JobKind,
    Outcome,
    Reply,
    pack,
    unpack_job,
)

OpenWorld = Callable[[], World]
"""Opens the world; must be importable by name, for it crosses to a new process."""
MAX_WINDOWS = 64
"""Of one page, about half a million characters."""


def run_worker(connection: Connection, open_world: OpenWorld) -> None:
    """Open the world, say so, then answer jobs until the pipe closes."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the group; the server decides
    try:
        world = open_world()
    except (ConfigError, OSError) as reason:
        connection.send_bytes(pack(Outcome(failure=FailureKind.UNAVAILABLE, message=str(reason))))
        return
    connection.send_bytes(pack(Outcome(), world.manifest().model_dump_json().encode()))
    with asyncio.Runner() as runner:  # the one loop of this process
        runner.run(_answer_jobs(connection, world))


async def _answer_jobs(connection: Connection, world: World) -> None:
    """Block on the pipe between jobs: there is nothing else this loop could do meanwhile."""
    while True:
        try:
            job, blob = unpack_job(connection.recv_bytes())
        except (EOFError, OSError):
            return
        reply = await perform(job, blob, world=world)
        try:
            connection.send_bytes(pack(reply.outcome, reply.body))
        except OSError:
            return


async def perform(job: Job, blob: bytes, *, world: World) -> Reply:
    """Do one job; what fails becomes a typed outcome."""
    try:
        with boundary(WorldError, job.kind.value):
            return Reply(outcome=Outcome(), body=await _content(job, blob, world=world))
    except BoundaryError as error:
        outcome = Outcome(
            failure=error.kind, message=error.message, retry_after_s=error.retry_after_s
        )
        return Reply(outcome=outcome)


async def _content(job: Job, blob: bytes, *, world: World) -> bytes:
    match job.kind:
        case JobKind.SEARCH:
            return EVIDENCE_LIST.dump_json(await world.search_text(job.query, limit=job.limit))
        case JobKind.PICTURES:
            return PICTURE_LIST.dump_json(await find_pictures(world, job.query, limit=job.limit))
        case JobKind.LOOK:
            data = blob if blob else await _asset(world, job.urls)
            found = await world.search_image(_picture(data), limit=job.limit)
            return EVIDENCE_LIST.dump_json(found)
        case JobKind.READ:
            return (await _whole_page(world, job.urls)).model_dump_json().encode()
        case JobKind.ASSET:
            return await _asset(world, job.urls)


def _picture(data: bytes) -> Picture:
    """Decode and clean what a client sent; its type is what its bytes say, not what it said."""
    try:
        picture = clean(data)
    except BadImageError as reason:
        raise WorldError(FailureKind.BAD_IMAGE, str(reason)) from reason
    return Picture(ref=picture.ref, load=lambda: picture.data)


async def _asset(world: World, urls: tuple[str, ...]) -> bytes:
    for url in urls[:-1]:
        try:
            return (await world.asset(url)).data
        except WorldError as error:
            if error.kind is not FailureKind.NOT_FOUND:
                raise
    return (await world.asset(urls[-1])).data


async def _whole_page(world: World, urls: tuple[str, ...]) -> Page:
    """All windows of a page as one; `truncated` says that some were left out."""
    first = await _first_window(world, urls)
    windows = [first]
    while (cursor := windows[-1].cursor) is not None and len(windows) < MAX_WINDOWS:
        windows.append(await world.read(first.url, cursor=cursor))
    images = {image.src: image for window in windows for image in window.images}
    links = {(link.url, link.text): link for window in windows for link in window.links}
    return first.model_copy(
        update={
            "markdown": "\n\n".join(window.markdown for window in windows),
            "images": tuple(images.values()),
            "links": tuple(links.values()),
            "cursor": None,
            "truncated": windows[-1].cursor is not None,
        }
    )


async def _first_window(world: World, urls: tuple[str, ...]) -> Page:
    for url in urls[:-1]:
        try:
            return await world.read(url)
        except WorldError as error:
            if error.kind is not FailureKind.NOT_FOUND:
                raise
    return await world.read(urls[-1])
