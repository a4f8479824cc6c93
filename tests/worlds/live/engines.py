"""Engines whose provider is a double, with patience cut short."""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from pydantic import SecretStr

from tests.worlds.live.double import Double
from vision_deepresearch.calls.policy import CallPolicy, CallSettings
from vision_deepresearch.core.errors import WorldError
from vision_deepresearch.store.redact import Redactor
from vision_deepresearch.worlds.live.catalog import ABOUTS, API_READERS, PICTURES, TEXT
from vision_deepresearch.worlds.live.image_host import ImageHost, NoHost
from vision_deepresearch.worlds.live.looks import LooksEngine
from vision_deepresearch.worlds.live.readers import ApiReader
from vision_deepresearch.worlds.live.wire import Wire
from vision_deepresearch.worlds.live.words import WordsEngine

KEY = "live-double-key-91c4"


async def no_wait(seconds: float) -> None:
    """Waits take no time here."""
    del seconds
    await asyncio.sleep(0)


def a_wire(
    name: str,
    base_url: str,
    *,
    attempts: int = 1,
    usd: float | None = 0.0,
    attempt_s: float = 5.0,
    redactor: Redactor | None = None,
) -> Wire:
    policy = CallPolicy(
        WorldError,
        rng=random.Random(0),
        settings=CallSettings(call_s=20, attempt_s=attempt_s, max_attempts=attempts),
        sleep=no_wait,
    )
    provider = {**TEXT, **PICTURES, **API_READERS}[name]
    return Wire(
        name,
        base_url=base_url,
        role=ABOUTS[name].role,
        policy=policy,
        usd_per_call=usd,
        name_failure=provider.name_failure,
        redactor=redactor,
    )


@asynccontextmanager
async def words_at(
    name: str, double: Double, *, attempts: int = 1, usd: float | None = 0.0
) -> AsyncIterator[WordsEngine]:
    wire = a_wire(name, double.url, attempts=attempts, usd=usd)
    try:
        yield WordsEngine(TEXT[name], wire=wire, key=SecretStr(KEY))
    finally:
        await wire.aclose()


@asynccontextmanager
async def looks_at(
    name: str, double: Double, *, host: ImageHost | None = None
) -> AsyncIterator[LooksEngine]:
    wire = a_wire(name, double.url)
    try:
        yield LooksEngine(PICTURES[name], wire=wire, key=SecretStr(KEY), host=host or NoHost())
    finally:
        await wire.aclose()


@asynccontextmanager
async def reader_at(
    double: Double, *, name: str = "jina", path: str = "", checks_urls: bool = True
) -> AsyncIterator[ApiReader]:
    wire = a_wire(name, double.url + path)
    try:
        yield ApiReader(API_READERS[name], wire=wire, key=SecretStr(KEY), checks_urls=checks_urls)
    finally:
        await wire.aclose()
