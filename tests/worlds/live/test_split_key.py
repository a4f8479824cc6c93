"""A key that comes back in parts, over several redirects, is in nothing that a run stores."""

import asyncio
import contextlib
import sqlite3
import zlib
from pathlib import Path

import pytest

from tests.worlds.fetch.site import Handler, LoopbackDoor, a_reply, a_site
from vision_deepresearch.core.errors import WorldError
from vision_deepresearch.store.redact import REDACTED, Redactor
from vision_deepresearch.store.run import RunFolder
from vision_deepresearch.store.schema import TABLES
from vision_deepresearch.worlds.live.web import WebReader
from vision_deepresearch.worlds.live.world import LiveWorld, Parts
from vision_deepresearch.worlds.wrappers.tape import TapedWorld

KEY = "cnry77-aQ0bQ1cQ2dQ3eQ4fQ5gQ6hQ7iQ8jQ9kZ"
LEAST = 16
"""Characters in a row that are taken for the key."""


def in_percent(text: str) -> str:
    """Every character of it, those too that need not be."""
    return "".join(f"%{ord(letter):02X}" for letter in text)


HALVES = KEY[:20], KEY[20:]
SPLITS = {
    "halves": HALVES,
    "three": (KEY[:16], KEY[10:28], KEY[22:]),
    "percent": tuple(map(in_percent, HALVES)),
    "one plain, one percent twice": (HALVES[0], in_percent(HALVES[1]).replace("%", "%25")),
    "some of it percent": (KEY[:9] + in_percent(KEY[9:14]) + KEY[14:20], HALVES[1]),
}


def leading_on(parts: tuple[str, ...], *, ends: bool) -> Handler:
    """A site whose every answer leads to a place with the next part; the last tells all of them."""

    async def handle(path: str, writer: asyncio.StreamWriter) -> None:
        if path == "/robots.txt":
            writer.write(a_reply(status="404 Not Found"))
            return
        hop = int(path[1])
        if hop < len(parts):
            place = f"/{hop + 1}/{parts[hop]}?state={parts[hop]}#{parts[hop]}"
            told = f"<a href='{place}'>moved".encode()
            writer.write(a_reply(told, status="302 Found", Location=place, X_Part=parts[hop]))
            return
        told = "".join(f"<p>part <a href='/{part}'>{part}</a></p>" for part in (*parts, path))
        writer.write(a_reply(told.encode(), status="200 OK" if ends else "500 Broken"))

    return handle


def everything_stored(folder: Path) -> str:
    """All of a run folder, databases unpacked too."""
    told = [path.read_bytes() for path in folder.rglob("*") if path.is_file()]
    with contextlib.closing(sqlite3.connect(folder / "run.db")) as connection:
        for table in TABLES:
            for row in connection.execute(table.scan):
                for value in row:
                    told.append(value if isinstance(value, bytes) else str(value).encode())
                    with contextlib.suppress(zlib.error, TypeError):
                        told.append(zlib.decompress(value))
    return b"\n".join(told).decode("utf-8", "replace")


@pytest.mark.pitfall("P93")
@pytest.mark.parametrize("ends", [True, False], ids=["answers", "fails"])
@pytest.mark.parametrize("parts", SPLITS.values(), ids=SPLITS)
async def test_a_key_split_over_redirects_is_stored_nowhere(
    parts: tuple[str, ...], *, ends: bool, tmp_path: Path
) -> None:
    async with (
        a_site(leading_on(parts, ends=ends)) as site,
        RunFolder.open(tmp_path, config="", provenance={}, redactor=Redactor([KEY])) as run,
    ):
        door = LoopbackDoor(site)
        fetcher = door.fetcher()
        live = LiveWorld("live:test", Parts(readers=[WebReader(fetcher)]), fetcher=fetcher)
        said = ""
        try:
            said = (await TapedWorld(live, run.tape()).read(door.url("/0/"))).model_dump_json()
        except WorldError as failure:
            said = str(failure)
        assert len([path for path in site.paths if path != "/robots.txt"]) == len(parts) + 1
    stored = everything_stored(tmp_path)
    assert (REDACTED in said) == ends
    assert (REDACTED in stored) == ends
    for part in (*parts, *HALVES):
        assert part not in said
        assert part not in stored


@pytest.mark.pitfall("P93")
def test_pieces_are_found_from_sixteen_characters_on() -> None:
    """Shorter ones are not: a run of a key so short may be an ordinary word."""
    redactor = Redactor([KEY])
    for start in range(len(KEY) - LEAST + 1):
        piece = KEY[start : start + LEAST]
        for told in (piece, in_percent(piece), piece[:5] + in_percent(piece[5:])):
            assert redactor.line(f"%20x/{told}!%41") == f"%20x/{REDACTED}!%41"
    short = KEY[: LEAST - 1]
    assert redactor.line(short) == short
    assert Redactor([KEY[:23]]).line(KEY[:22]) == KEY[:22], "no pieces of keys below 24"
