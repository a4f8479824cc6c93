"""Pictures that a benchmark only names by address, got through the guarded fetcher into a folder."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from vision_deepresearch.core.errors import WorldError
from vision_deepresearch.evals.benchmarks.cells import name_of_address
from vision_deepresearch.evals.benchmarks.draft import BenchmarkError
from vision_deepresearch.media.decode import sniff
from vision_deepresearch.store.tables import BadRowError, TableRow, table_rows
from vision_deepresearch.wiring.benchmarks import WantedSet
from vision_deepresearch.worlds.fetch.fetcher import MAX_PICTURE_BYTES, Fetcher
from vision_deepresearch.worlds.live.wire import certificates

_FETCHES = 4
"""Pictures fetched at a time; the fetcher waits between those of one host."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FetchedPictures:
    """What came of the addresses of a set."""

    fetched: int
    there: int
    """Fetched before."""
    failed: tuple[str, ...]
    """Address and reason."""


async def fetch_pictures(
    wanted: WantedSet, into: Path, *, fetcher: Fetcher | None = None
) -> FetchedPictures:
    """Get the pictures that a set names by address; what is there is not fetched again.

    Args:
        wanted: the set.
        into: folder for them; to be named with `--images` from then on.
        fetcher: guarded; None: the open web.

    Raises:
        BenchmarkError: the set does not name its pictures by addresses.
    """
    addresses_of = wanted.source.addresses
    if addresses_of is None:
        msg = f"{wanted.source.name} does not name its pictures by addresses: leave --fetch out"
        raise BenchmarkError(msg)
    urls = _urls(wanted.tables, addresses_of)
    there = _names_in(into)
    todo = [url for url in urls if name_of_address(url) not in there]
    door = fetcher or Fetcher(ssl_context=certificates())
    at_once = asyncio.Semaphore(_FETCHES)
    failed: list[str] = []

    async def get(url: str) -> None:
        async with at_once:
            try:
                body = (await door.fetch(url, limit=MAX_PICTURE_BYTES)).body
            except WorldError as reason:
                failed.append(f"{url}: {reason}")
                return
        kind = sniff(body)
        if kind is None:
            failed.append(f"{url}: {len(body):,} bytes that are no picture")
            return
        begun = into / f".{name_of_address(url)}"
        begun.write_bytes(body)
        begun.replace(into / f"{name_of_address(url)}.{kind.lower()}")

    async with asyncio.TaskGroup() as group:
        for url in todo:
            group.create_task(get(url))
    return FetchedPictures(
        fetched=len(todo) - len(failed), there=len(urls) - len(todo), failed=tuple(failed)
    )


def _urls(tables: Sequence[Path], addresses_of: Callable[[TableRow], Sequence[str]]) -> list[str]:
    """All addresses of the rows, each once."""
    rows = (row for table in tables for row in table_rows(table))
    found = (
        url
        for row in rows
        if not isinstance(row, BadRowError)
        for url in addresses_of(row)
        if url.startswith(("http://", "https://"))
    )
    return list(dict.fromkeys(found))


def _names_in(folder: Path) -> set[str]:
    folder.mkdir(parents=True, exist_ok=True)
    return {path.stem for path in folder.iterdir()}
