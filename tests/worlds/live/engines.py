"""Engines whose provider is a double, with patience cut short."""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from tests.worlds.live.double import Double
from vision_deepresearch.calls.policy import CallPolicy, CallSettings
from vision_deepresearch.core.errors import WorldError
from vision_deepresearch.worlds.live.catalog import ABOUTS, PICTURES, TEXT
from vision_deepresearch.worlds.live.image_host import ImageHost, NoHost
from vision_deepresearch.worlds.live.jina import JinaReader
from vision_deepresearch.worlds.live.jina import name_failure as jina_failure
from vision_deepresearch.worlds.live.looks import LooksEngine
from vision_deepresearch.worlds.live.wire import Wire
from vision_deepresearch.worlds.live.words import WordsEngine

KEY = "live-double-key-91c4"


async def no_wait(seconds: float) -> None:
    """Waits take no time here."""
    del seconds
    await asyncio.sleep(0)


def a_wire(
    name: str, base_url: str, *, attempts: int = 1, usd: float | None = 0.0, attempt_s: float = 5.0
) -> Wire:
    policy = CallPolicy(
        WorldError,
        rng=random.Random(0),
        settings=CallSettings(call_s=20, attempt_s=attempt_s, max_attempts=attempts),
        sleep=no_wait,
    )
    failure = jina_failure
    if name in TEXT:
        return Wire(
            name,
            base_url=base_url,
            role=ABOUTS[name].role,
            policy=policy,
            usd_per_call=usd,
            name_failure=TEXT[name].name_failure,
        )
    if name in PICTURES:
        failure = PICTURES[name].name_failure or jina_failure
    return Wire(
        name,
        base_url=base_url,
        role=ABOUTS[name].role,
        policy=policy,
        usd_per_call=usd,
        name_failure=failure,
    )


@asynccontextmanager
async def words_at(
    name: str, double: Double, *, attempts: int = 1, usd: float | None = 0.0
) -> AsyncIterator[WordsEngine]:
    wire = a_wire(name, double.url, attempts=attempts, usd=usd)
    try:
        yield WordsEngine(TEXT[name], wire=wire, key=KEY)
    finally:
        await wire.aclose()


@asynccontextmanager
async def looks_at(
    name: str, double: Double, *, host: ImageHost | None = None
) -> AsyncIterator[LooksEngine]:
    wire = a_wire(name, double.url)
    try:
        yield LooksEngine(PICTURES[name], wire=wire, key=KEY, host=host or NoHost())
    finally:
        await wire.aclose()


@asynccontextmanager
async def jina_at(
    double: Double, *, path: str = "", checks_urls: bool = True
) -> AsyncIterator[JinaReader]:
    wire = a_wire("jina", double.url + path)
    try:
        yield JinaReader(wire, key=KEY, checks_urls=checks_urls)
    finally:
        await wire.aclose()
