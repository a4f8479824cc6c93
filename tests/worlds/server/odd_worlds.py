"""Worlds that misbehave on demand, for the workers: each query says what shall happen."""

import asyncio
import os
import time
from pathlib import Path

from vision_deepresearch.core.bank import CropOrigin
from vision_deepresearch.core.content import Picture
from vision_deepresearch.core.errors import ConfigError, FailureKind, WorldError
from vision_deepresearch.core.observation import Evidence, EvidenceKind
from vision_deepresearch.core.page import Asset, Page, WorldManifest


class OddWorld:
    """Answers "sleep 0.2", "die", "break", "limit" as they say, and anything else with one hit."""

    def __init__(self, log: Path | None = None, *, kind: str = "corpus") -> None:
        self._log = log
        self._kind = kind

    def manifest(self) -> WorldManifest:
        return WorldManifest(world_id="odd", kind=self._kind, name="odd", format_version=1)

    async def search_image(
        self, picture: Picture, *, limit: int, origin: CropOrigin | None = None
    ) -> list[Evidence]:
        del origin
        await asyncio.sleep(0.05)
        return await self.search_text(picture.ref.sha256, limit=limit)

    async def search_text(self, query: str, *, limit: int) -> list[Evidence]:
        if self._log is not None:
            with self._log.open("a") as file:
                file.write(f"{query}\n")
        verb, _, argument = query.partition(" ")
        if verb == "sleep":
            await asyncio.sleep(float(argument.split()[0]))
        elif verb == "hang":
            time.sleep(60)  # noqa: ASYNC251 - a native call that does not come back
        elif verb == "die":
            os._exit(9)
        elif verb == "break":
            raise ZeroDivisionError
        elif verb == "limit":
            raise WorldError(FailureKind.RATE_LIMITED, "later", retry_after_s=7.2)
        hit = Evidence(kind=EvidenceKind.TEXT_HIT, url="https://a.example/x", title=query, rank=0)
        return [hit][:limit]

    async def read(self, url: str, *, cursor: str | None = None) -> Page:
        """A page of 70 windows."""
        number = int(cursor or 0)
        after = str(number + 1) if number < 69 else None
        return Page(url=url, final_url=url, title="long", markdown=f"part {number}", cursor=after)

    async def asset(self, url: str) -> Asset:
        raise WorldError(FailureKind.NOT_FOUND, f"no picture at {url}")


def open_odd(log: Path | None = None) -> OddWorld:
    return OddWorld(log)


def open_live() -> OddWorld:
    return OddWorld(kind="live")


def open_slowly() -> OddWorld:
    time.sleep(30)
    return OddWorld()


def open_none() -> OddWorld:
    msg = "expected a world here, got none: build one"
    raise ConfigError(msg)


def open_dying() -> OddWorld:
    os._exit(3)
