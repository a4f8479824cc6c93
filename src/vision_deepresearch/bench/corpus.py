"""What importing a corpus costs, against the least one could do with the same pages.

The least: parse with lxml, take the text, add it to a full-text index. The import also prunes the
chrome, keeps bodies, links and pictures in a database it can resume from, and cuts words for any
script. Both run in turns on the same files; times are of the processor, so that a busy machine
counts little.
"""

import asyncio
import resource
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from itertools import islice
from pathlib import Path
from urllib.parse import urlsplit

import tantivy
from lxml.etree import ParserError
from lxml.html import document_fromstring
from pydantic import JsonValue

from vision_deepresearch.core.errors import ConfigError
from vision_deepresearch.worlds.corpus.build import ImportReport, import_source
from vision_deepresearch.worlds.corpus.database import CorpusDatabase
from vision_deepresearch.worlds.corpus.folder import FolderSource
from vision_deepresearch.worlds.corpus.source import Markup, PageEntry
from vision_deepresearch.worlds.corpus.world import DATABASE, CorpusWorld
from vision_deepresearch.worlds.generated.graph import Graph
from vision_deepresearch.worlds.generated.pages import PageSet
from vision_deepresearch.worlds.generated.spec import spec_named
from vision_deepresearch.worlds.index.text import TextIndex

Progress = Callable[[str, int, int], None]
"""Called with (what, done, total)."""
_QUICK_ENTRIES = 1200
_QUERIES = 100
_WORDS = 8
_HITS = 10


async def bench_corpus(
    *,
    source: Path | None = None,
    jobs: int | None = None,
    quick: bool = False,
    progress: Progress | None = None,
) -> dict[str, JsonValue]:
    """Import a folder and measure it.

    Args:
        source: folder of HTML; None: the pages of a generated world, written as files first.
        jobs: measure with so many worker processes too, in turns with none.
        quick: one round of at most 1,200 entries instead of three rounds of all.
        progress: told about each round.

    Returns:
        The object of `vdr bench`: `pages_per_s` per second of one core, `pages_per_s_wall` as the
        clock saw it, `mb` of HTML, `text_p50_ms` of the index alone and `search_p50_ms` with
        snippets, `memory_mb` at most, `pages_per_s_wall_jobs` with workers; ratio `bare`: the import's time by that of bare parsing and indexing; `jobs`: wall time with workers by that
        without.

    Raises:
        ConfigError: no folder, or no pages in it.
    """
    rounds = 1 if quick else 3
    limit = _QUICK_ENTRIES if quick else None
    with tempfile.TemporaryDirectory(prefix="vdr-bench-") as work:
        folder = source or _write_generated(Path(work) / "pages", small=quick)
        out, report = Path(work) / "world-0", None
        bare_s: list[float] = []
        import_s: list[float] = []
        wall_s: list[float] = []
        jobs_s: list[float] = []
        for number in range(rounds):
            if progress is not None:
                progress("rounds", number, rounds)
            bare_s.append(await asyncio.to_thread(_bare_seconds, folder, Path(work), limit))
            out = Path(work) / f"world-{number}"
            wall, cpu = time.perf_counter(), time.process_time()
            report = await asyncio.to_thread(
                lambda to=out: import_source(FolderSource(folder), to, limit=limit)
            )
            import_s.append(time.process_time() - cpu)
            wall_s.append(time.perf_counter() - wall)
            if jobs is not None:
                jobs_s.append(
                    await asyncio.to_thread(_jobs_seconds, folder, Path(work), limit, jobs)
                )
        if progress is not None:
            progress("rounds", rounds, rounds)
        assert report is not None, "there is a round"
        world = CorpusWorld.open(out)
        text_ms, search_ms = await _query_ms(world)
        world.close()
        num_bytes = sum(len(page.body) for page in _pages(folder, limit=limit))
    cpu_s, bare = statistics.median(import_s), statistics.median(bare_s)
    pages = report.counts["pages"]
    return {
        "name": "corpus",
        "settings": {
            "jobs": jobs or 1,
            "source": "generated pages" if source is None else source.name,
            "rounds": rounds,
            "entries": report.counts["entries"],
        },
        "figures": {
            "pages": pages,
            "mb": round(num_bytes / 1e6, 2),
            "pages_per_s": round(pages / cpu_s, 1),
            "pages_per_s_wall": round(pages / statistics.median(wall_s), 1),
            "best_pages_per_s_wall": round(pages / min(wall_s), 1),
            **_with_jobs(jobs_s, pages=pages),
            "memory_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1),
            "text_p50_ms": text_ms,
            "search_p50_ms": search_ms,
            **_phases(report),
        },
        "baseline": {"bare_pages_per_s": round(pages / bare, 1)},
        "ratios": {
            "bare": round(cpu_s / bare, 2),
            **({"jobs": round(min(jobs_s) / min(wall_s), 2)} if jobs_s else {}),
        },
    }


def _with_jobs(seconds: list[float], *, pages: int) -> dict[str, JsonValue]:
    if not seconds:
        return {}
    return {
        "pages_per_s_wall_jobs": round(pages / statistics.median(seconds), 1),
        "best_pages_per_s_wall_jobs": round(pages / min(seconds), 1),
    }


def _jobs_seconds(folder: Path, work: Path, limit: int | None, jobs: int) -> float:
    """Wall time of an import with worker processes."""
    started = time.perf_counter()
    with tempfile.TemporaryDirectory(dir=work) as place:
        import_source(FolderSource(folder), Path(place) / "world", limit=limit, jobs=jobs)
    return time.perf_counter() - started


def _phases(report: ImportReport) -> dict[str, JsonValue]:
    """Processor seconds of the last round by phase."""
    return {f"{phase}_cpu_s": seconds for phase, seconds in report.cpu_seconds.items()}


def _pages(folder: Path, *, limit: int | None) -> Iterator[PageEntry]:
    """The HTML pages an import reads."""
    for entry in islice(FolderSource(folder).entries(), limit):
        if isinstance(entry, PageEntry) and entry.markup is Markup.HTML:
            yield entry


def _bare_seconds(folder: Path, work: Path, limit: int | None) -> float:
    """Processor time of parsing and indexing, reading included.

    Raises:
        ConfigError: no pages.
    """
    started = time.process_time()
    schema = tantivy.SchemaBuilder().add_text_field("text", stored=False).build()
    with tempfile.TemporaryDirectory(dir=work) as place:
        index = tantivy.Index(schema, path=place)
        writer = index.writer(heap_size=200_000_000, num_threads=1)
        count = 0
        for page in _pages(folder, limit=limit):
            try:
                text = document_fromstring(page.body).text_content()
            except (ParserError, ValueError):
                continue
            writer.add_document(tantivy.Document(text=text))
            count += 1
        writer.commit()
        writer.wait_merging_threads()
    if not count:
        msg = f"expected a folder of HTML pages, {str(folder)!r} has none: give another one"
        raise ConfigError(msg)
    return time.process_time() - started


def _write_generated(folder: Path, *, small: bool) -> Path:
    """The pages of a generated world as files."""
    pages = PageSet.of(Graph.of(spec_named("small" if small else "medium")))
    for record in pages.all_urls():
        parts = urlsplit(record.url)
        file = folder / f"{parts.netloc}{parts.path}".rstrip("/")
        file = file.with_name(f"{file.name}.html")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(pages.render_html(record.url))
    return folder


async def _query_ms(world: CorpusWorld) -> tuple[float, float]:
    """Median milliseconds of a query of eight words, in the index and with snippets."""
    index = TextIndex.open(world.folder / "text")
    queries = _queries(world.folder)
    alone: list[float] = []
    whole: list[float] = []
    for query in queries:
        started = time.perf_counter()
        index.search(query, _HITS)
        alone.append(time.perf_counter() - started)
        started = time.perf_counter()
        await world.search_text(query, limit=_HITS)
        whole.append(time.perf_counter() - started)
    medians = [round(statistics.median(times) * 1000, 3) for times in (alone, whole)]
    return medians[0], medians[1]


def _queries(folder: Path) -> list[str]:
    """Eight words in a row from the middle of pages spread over the world."""
    with closing(CorpusDatabase.open(folder / DATABASE)) as database:
        texts = [doc.text.split() for doc in database.texts()]
    step = max(1, len(texts) // _QUERIES)
    return [" ".join(words[len(words) // 2 :][:_WORDS]) for words in texts[::step] if words]
