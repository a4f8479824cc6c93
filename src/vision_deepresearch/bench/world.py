"""What a generated world costs to build and how well its indexes find, at a size of one's choice.

Everything all-in: graph, plan, HTML of every page, text index; then reference pictures with their
index, questions with their proofs, known-item queries, crops of scenes. Times are of the processor
unless the name says wall, so that a busy machine counts little. Baselines of the same run: the same
texts added to a bare tantivy index, and searches that look at everything.
"""

import resource
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import faiss
import numpy as np
import tantivy
from pydantic import JsonValue

from vision_deepresearch.bench.world_queries import (
    LOOSE,
    TIGHT,
    KnownItem,
    drawn_scenes,
    known_items,
)
from vision_deepresearch.core.errors import ConfigError
from vision_deepresearch.core.geometry import Box
from vision_deepresearch.evals.fleet import num_cores
from vision_deepresearch.wiring.worlds import MIN_PAGES, PAGES_PER_ENTITY
from vision_deepresearch.worlds.generated.drafts import TaskDraft
from vision_deepresearch.worlds.generated.entities import SceneSpec
from vision_deepresearch.worlds.generated.graph import Graph
from vision_deepresearch.worlds.generated.pages import PageSet
from vision_deepresearch.worlds.generated.pictures import draw_pictures
from vision_deepresearch.worlds.generated.plan import PageKind
from vision_deepresearch.worlds.generated.scenes import place_scene
from vision_deepresearch.worlds.generated.spec import WorldSpec, rng_for
from vision_deepresearch.worlds.generated.tasks import make_tasks
from vision_deepresearch.worlds.generated.world import plain_text
from vision_deepresearch.worlds.index.text import TextDoc, TextIndex
from vision_deepresearch.worlds.index.visual import (
    Features,
    Pixels,
    VisualIndex,
    features,
    features_of_pixels,
)

Progress = Callable[[str, int, int], None]
"""Called with (what, done, total)."""
MIN_PICTURES = 20
_RANKS = 10
_HEAP_BYTES = 1_000_000_000
_LARGE_PAGES = 180_000
"""From here on a world counts as one of 200,000 pages."""
_SCANNED_QUERIES = 20
"""Queries of the baselines that look at everything: slow, and alike."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sizes:
    """How much is measured."""

    pages: int
    pictures: int
    questions: int
    queries: int
    """Known-item queries; as many crops of each kind; as many pages written alone."""


FULL = Sizes(pages=20_000, pictures=5_000, questions=2_000, queries=2_000)
QUICK = Sizes(pages=2_000, pictures=300, questions=150, queries=300)


def bench_world(
    *,
    pages: int | None = None,
    pictures: int | None = None,
    seed: int = 0,
    quick: bool = False,
    progress: Progress | None = None,
) -> dict[str, JsonValue]:
    """Build a world in a temporary folder and measure it.

    Args:
        pages: about how many; default 20,000, quick 2,000.
        pictures: that image search knows; default 5,000 or all there are, quick 300.
        seed: of the world.
        quick: small sizes and 300 queries per figure instead of 2,000.
        progress: called on the way.

    Returns:
        The object of `vdr bench world --json`.

    Raises:
        ConfigError: too few pages or pictures.
    """
    usual = QUICK if quick else FULL
    sizes = Sizes(
        pages=usual.pages if pages is None else pages,
        pictures=usual.pictures if pictures is None else pictures,
        questions=usual.questions,
        queries=usual.queries,
    )
    if sizes.pages < MIN_PAGES or sizes.pictures < MIN_PICTURES:
        msg = (
            f"expected at least {MIN_PAGES} pages and {MIN_PICTURES} pictures, got "
            f"{sizes.pages} and {sizes.pictures}: ask for more"
        )
        raise ConfigError(msg)
    spec = WorldSpec(
        preset="bench",
        seed=seed,
        num_entities=round(sizes.pages / PAGES_PER_ENTITY),
        num_tasks=sizes.questions,
        num_pictures=sizes.pictures,
    )
    with tempfile.TemporaryDirectory() as folder:
        return _Bench(spec, Path(folder), sizes, progress or _silent).run(quick=quick)


def _silent(what: str, done: int, total: int) -> None:
    """Nobody watches."""


class _Bench:
    """One world under measurement."""

    def __init__(self, spec: WorldSpec, folder: Path, sizes: Sizes, progress: Progress) -> None:
        self._spec = spec
        self._folder = folder
        self._sizes = sizes
        self._progress = progress
        self._figures: dict[str, JsonValue] = {}
        self._baseline: dict[str, JsonValue] = {}

    def run(self, *, quick: bool) -> dict[str, JsonValue]:
        """Every part in turn."""
        pages, texts = self._pages()
        self._single_pages(pages)
        visuals, codes = self._pictures(pages.graph)
        self._questions(pages, texts)
        items = self._text_queries(pages, texts)
        self._crops(pages, visuals, codes)
        self._open_again()
        self._figures |= {
            "peak_mb": _peak_mb(resource.RUSAGE_SELF),
            "peak_of_a_drawing_process_mb": _peak_mb(resource.RUSAGE_CHILDREN),
            "disk_mb": _megabytes(self._folder),
        }
        self._text_baselines(pages, texts, items[:_SCANNED_QUERIES])
        figures, baseline = self._figures, self._baseline
        figures["holds"] = self._holds(pages)
        return {
            "name": "world",
            "settings": {
                "pages_asked": self._sizes.pages,
                "pages": len(pages.all_urls()),
                "things": len(pages.graph.entities),
                "pictures": len(pages.graph.known_by_sight()),
                "questions": self._sizes.questions,
                "queries_per_figure": self._sizes.queries,
                "seed": self._spec.seed,
                "world_id": self._spec.world_id(),
                "jobs": num_cores(),
                "quick": quick,
            },
            "figures": figures,
            "baseline": baseline,
            "ratios": {
                "bare_tantivy": _ratio(
                    figures["pages_indexed_per_s"], baseline["bare_tantivy_pages_per_s"]
                ),
                "text_scan": _ratio(baseline["text_scan_ms"], figures["text_p50_ms"]),
                "visual_scan": _ratio(baseline["visual_scan_ms"], figures["visual_query_ms"]),
            },
        }

    # ---------------------------------------------------------------------------------- building

    def _pages(self) -> tuple[PageSet, TextIndex]:
        """Graph, plan, HTML of every page and text index, in one go."""
        start = time.process_time()
        pages = PageSet.of(Graph.of(self._spec))
        planned_s = time.process_time() - start
        html_bytes = text_bytes = 0
        written_s = 0.0
        records = pages.all_urls()

        def written() -> Iterator[TextDoc]:
            nonlocal html_bytes, text_bytes, written_s
            for number, record in enumerate(records):
                start = time.thread_time()  # of this thread: the engine's own works beside it
                html_bytes += len(pages.render_html(record.url))
                text = plain_text(pages.document(record.url))
                written_s += time.thread_time() - start
                text_bytes += len(text)
                yield TextDoc(id=number, title=record.title, text=text)
                if number % 500 == 0:
                    self._progress("pages", number, len(records))

        start = time.process_time()
        texts = TextIndex.build(self._folder / "text", written())
        indexed_s = time.process_time() - start - written_s
        self._figures |= {
            "pages_per_s": round(len(records) / (planned_s + written_s + indexed_s)),
            "pages_written_per_s": round(len(records) / written_s),
            "pages_indexed_per_s": round(len(records) / indexed_s),
            "graph_and_plan_s": round(planned_s, 2),
            "html_kb_per_page": round(html_bytes / len(records) / 1e3, 2),
            "text_mb": round(text_bytes / 1e6, 1),
            "text_index_mb": _megabytes(self._folder / "text"),
        }
        return pages, texts

    def _single_pages(self, pages: PageSet) -> None:
        """Pages written alone and out of order; every list, the longest pages there are, besides."""
        records = pages.all_urls()
        rng = rng_for(self._spec.root, "bench-pages", 0)
        chosen = [rng.choice(records).url for _ in range(self._sizes.queries)]
        lists = [record.url for record in records if record.kind is PageKind.LIST]
        times = [_cpu(lambda url=url: pages.render_html(url)) for url in chosen]
        of_lists = [_cpu(lambda url=url: pages.render_html(url)) for url in lists]
        by_kind: dict[str, list[float]] = {}
        for url, seconds in zip([*chosen, *lists], [*times, *of_lists], strict=True):
            by_kind.setdefault(pages.record(url).kind.value, []).append(seconds)
        self._figures["page_ms_by_kind"] = {
            kind: {
                "n": len(some),
                "p50": _ms(statistics.median(some)),
                "p99": _ms(_quantile(some, 0.99)),
                "max": _ms(max(some)),
            }
            for kind, some in sorted(by_kind.items())
        }
        self._figures |= {
            "page_p50_ms": _ms(statistics.median(times)),
            "page_p99_ms": _ms(_quantile(times, 0.99)),
            "list_page_p50_ms": _ms(statistics.median(of_lists)),
            "list_page_p99_ms": _ms(_quantile(of_lists, 0.99)),
        }

    def _pictures(self, graph: Graph) -> tuple[VisualIndex, Pixels]:
        known, jobs = graph.known_by_sight(), num_cores()
        before, start = _children_cpu_s(), time.perf_counter()
        own = time.process_time()
        found: list[tuple[str, Features]] = []
        drawn = draw_pictures(self._spec, known, blobs=self._folder / "blobs", jobs=jobs)
        for number, picture in enumerate(drawn):
            found.append((picture.owner, picture.features))
            self._progress("pictures", number, len(known))
        wall_s = time.perf_counter() - start
        cpu_s = time.process_time() - own + _children_cpu_s() - before
        start = time.process_time()
        visuals = VisualIndex.build_from_features(self._folder / "visual", found)
        index_s = time.process_time() - start
        self._figures |= {
            "reference_images_per_s": round(jobs * len(known) / cpu_s, 1),
            "reference_images_per_s_wall": round(len(known) / wall_s, 1),
            "reference_image_ms": _ms(cpu_s / len(known)),
            "visual_index_s": round(index_s, 2),
            "visual_index_mb": _megabytes(self._folder / "visual"),
            "pictures_mb": _megabytes(self._folder / "blobs"),
        }
        return visuals, np.concatenate([one.codes for _, one in found])

    # --------------------------------------------------------------------------------- questions

    def _questions(self, pages: PageSet, texts: TextIndex) -> None:
        """Drafted, proved on graph and claims, every page reached through the real text index."""
        spec, graph, records = self._spec, pages.graph, pages.all_urls()
        placed: list[str] = []  # scenes, an attempt each
        searched: set[str] = set()

        def place(scene: SceneSpec) -> Mapping[str, Box]:
            placed.append(scene.id)
            return place_scene(spec, scene, graph.entities)

        def is_reachable(query: str, url: str) -> bool:
            searched.add(placed[-1])
            return any(records[hit.id].url == url for hit in texts.search(query, _RANKS))

        def accepted() -> list[TaskDraft]:
            made = make_tasks(
                spec,
                graph,
                pages,
                limit=self._sizes.questions,
                place=place,
                reachable=is_reachable,
            )
            drafts: list[TaskDraft] = []
            for draft in made:
                drafts.append(draft)
                self._progress("questions", len(drafts), self._sizes.questions)
            return drafts

        start = time.process_time()
        drafts = accepted()
        seconds = time.process_time() - start
        # A scene's id ends in the number of attempts refused before it.
        attempts = sum(int(draft.scene.id.rsplit("-", 1)[1]) + 1 for draft in drafts)
        self._figures |= {
            "questions_per_s": round(len(drafts) / seconds, 1),
            "question_attempts_per_s": round(attempts / seconds, 1),
            "acceptance": round(len(drafts) / attempts, 3),
            "question_funnel": {
                "attempts": attempts,
                "scene_composed": len(set(placed)),
                "one_answer_no_leak_no_shortcut": len(searched),
                "all_pages_reachable": len(drafts),
            },
        }

    # ----------------------------------------------------------------------------------- queries

    def _text_queries(self, pages: PageSet, texts: TextIndex) -> list[KnownItem]:
        items = known_items(pages, count=self._sizes.queries)
        times: list[float] = []
        ranks: dict[str, list[int | None]] = {}
        for item in items:
            start = time.thread_time()
            hits = texts.search(item.query, _RANKS)
            times.append(time.thread_time() - start)
            rank = next((place for place, hit in enumerate(hits) if hit.id == item.page), None)
            ranks.setdefault(item.kind, []).append(rank)
        every = [rank for kind in ranks.values() for rank in kind]
        self._figures |= {
            "text_p50_ms": _ms(statistics.median(times)),
            "text_p95_ms": _ms(_quantile(times, 0.95)),
            "text_hit1": _within(every, 1),
            "text_hit10": _within(every, _RANKS),
        }
        for kind, some in sorted(ranks.items()):
            self._figures[f"text_hit10_{kind}"] = _within(some, _RANKS)
        return items

    def _text_baselines(self, pages: PageSet, texts: TextIndex, items: Sequence[KnownItem]) -> None:
        """The same texts, ready in memory: added to a bare index, and looked through one by one."""
        bodies = [
            f"{record.title} {plain_text(pages.document(record.url))}"
            for record in pages.all_urls()
        ]
        bare_s = _cpu(lambda: _index_barely(self._folder / "bare", bodies))
        folded = [body.casefold() for body in bodies]
        scan_s = [_cpu(lambda item=item: _scan(folded, texts.terms(item.query))) for item in items]
        self._baseline["bare_tantivy_pages_per_s"] = round(len(bodies) / bare_s)
        self._baseline["text_scan_ms"] = _ms(statistics.mean(scan_s))

    def _open_again(self) -> None:
        """What a process pays that opens the world: graph and plan, both indexes mapped."""
        start = time.process_time()
        PageSet.of(Graph.of(self._spec))
        TextIndex.open(self._folder / "text")
        VisualIndex.open(self._folder / "visual")
        self._figures["open_s"] = round(time.process_time() - start, 2)

    def _holds(self, pages: PageSet) -> dict[str, JsonValue]:
        """The targets; those of a size only where the world has it."""

        def figure(name: str) -> float:
            value = self._figures[name]
            assert isinstance(value, int | float), "a figure"
            return value

        holds: dict[str, JsonValue] = {
            "build >= 900 pages/s and core": figure("pages_per_s") >= 900,
            "any page < 5 ms (p99)": figure("page_p99_ms") < 5,
            "any list page < 5 ms (p99)": figure("list_page_p99_ms") < 5,
            "reference pictures >= 100/s by the clock": (
                figure("reference_images_per_s_wall") >= 100
            ),
            ">= 2,000 queries per figure": self._sizes.queries >= FULL.queries,
        }
        if len(pages.all_urls()) >= _LARGE_PAGES:
            holds["text p50 <= 4 ms"] = figure("text_p50_ms") <= 4
            holds["text hit@10 >= .78"] = figure("text_hit10") >= 0.78
        if len(pages.graph.known_by_sight()) >= FULL.pictures:
            holds["tight recall@3 >= .85"] = figure("visual_tight_r3") >= 0.85
            holds["loose recall@3 >= .80"] = figure("visual_loose_r3") >= 0.80
            holds["full scene @10 <= .25"] = figure("visual_full_r10") <= 0.25
            holds["picture query <= 75 ms"] = figure("visual_query_ms") <= 75
        return holds

    def _crops(
        self,
        pages: PageSet,
        visuals: VisualIndex,
        codes: Pixels,
    ) -> None:
        num_scenes = -(-self._sizes.queries // 5)
        tight: list[int | None] = []
        loose: list[int | None] = []
        full: list[int | None] = []
        times: list[float] = []
        scan_s: list[float] = []
        everything = faiss.IndexBinaryFlat(codes.shape[1] * 8)
        everything.add(np.ascontiguousarray(codes))

        def look(query: Callable[[], Features], things: Sequence[str]) -> list[int | None]:
            start = time.thread_time()
            hits = visuals.search_features(query(), _RANKS)
            times.append(time.thread_time() - start)
            places = {hit.image_id: place for place, hit in enumerate(hits)}
            return [places.get(thing) for thing in things]

        for number, scene in enumerate(drawn_scenes(pages, count=num_scenes)):
            full += look(lambda scene=scene: features(scene.data), list(scene.boxes))
            for thing, box in scene.boxes.items():
                for scale, ranks in ((TIGHT, tight), (LOOSE, loose)):
                    part = scene.part(box.scaled(scale))
                    ranks.extend(look(lambda part=part: features_of_pixels(part), [thing]))
            if number < _SCANNED_QUERIES:
                query = features(scene.data).codes
                scan_s.append(_cpu(lambda query=query: everything.search(query, 8)))
            self._progress("scenes", number, num_scenes)
        self._figures |= {
            "visual_tight_r3": _within(tight, 3),
            "visual_loose_r3": _within(loose, 3),
            "visual_full_r10": _within(full, _RANKS),
            "visual_query_ms": _ms(statistics.mean(times)),
            "visual_query_p95_ms": _ms(_quantile(times, 0.95)),
        }
        self._baseline["visual_scan_ms"] = _ms(statistics.mean(scan_s))


def _index_barely(folder: Path, bodies: Sequence[str]) -> None:
    """The least one can do with texts: one field, the engine's own words, no rules."""
    folder.mkdir()
    schema = tantivy.SchemaBuilder().add_text_field("all", stored=False).build()
    index = tantivy.Index(schema, path=str(folder), reuse=False)
    writer = index.writer(heap_size=_HEAP_BYTES, num_threads=1)
    for body in bodies:
        writer.add_document(tantivy.Document(all=body))
    writer.commit()
    writer.wait_merging_threads()


def _scan(bodies: Sequence[str], words: Sequence[str]) -> None:
    """The ten texts that hold the most of the words."""
    scores = [sum(word in body for word in words) for body in bodies]
    np.argsort(-np.array(scores), kind="stable")[:_RANKS]


def _children_cpu_s() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _peak_mb(who: int) -> int:
    peak = resource.getrusage(who).ru_maxrss
    return round(peak / (1024 if sys.platform == "linux" else 1024**2))


def _cpu(work: Callable[[], object]) -> float:
    start = time.process_time()
    work()
    return time.process_time() - start


def _ms(seconds: float) -> float:
    return round(seconds * 1e3, 3)


def _quantile(times: Sequence[float], share: float) -> float:
    return sorted(times)[min(len(times) - 1, int(len(times) * share))]


def _within(ranks: Sequence[int | None], count: int) -> float:
    return round(sum(rank is not None and rank < count for rank in ranks) / len(ranks), 3)


def _megabytes(folder: Path) -> float:
    used = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    return round(used / 1e6, 1)


def _ratio(one: JsonValue, other: JsonValue) -> float:
    assert isinstance(one, int | float), "a figure"
    assert isinstance(other, int | float), "a figure"
    return round(one / other, 2) if other else 0.0
