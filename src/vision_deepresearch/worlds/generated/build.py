"""Builds the folder of a generated world: pages, indexes, pictures, and tasks that can be solved.

Everything is made in a folder beside the target, the manifest last; then the folder is renamed. A
build that died leaves nothing that opens.
"""

import json
import shutil
import tempfile
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TextIO

import cv2
import numpy as np

from vision_deepresearch.core.content import ImageRef
from vision_deepresearch.core.errors import ConfigError
from vision_deepresearch.core.geometry import Box
from vision_deepresearch.core.page import WorldManifest
from vision_deepresearch.core.proof import HopKind, Proof
from vision_deepresearch.core.record import Record
from vision_deepresearch.core.task import Task
from vision_deepresearch.media.store import FolderMediaStore
from vision_deepresearch.worlds.generated.checks import blind_reader_finds
from vision_deepresearch.worlds.generated.drafts import TaskDraft
from vision_deepresearch.worlds.generated.funnel import Funnel, Reject
from vision_deepresearch.worlds.generated.graph import Graph
from vision_deepresearch.worlds.generated.pages import PageSet
from vision_deepresearch.worlds.generated.pictures import draw_pictures
from vision_deepresearch.worlds.generated.plan import PageRecord
from vision_deepresearch.worlds.generated.routes import Routes
from vision_deepresearch.worlds.generated.scenes import Scene, place_scene, render_scene
from vision_deepresearch.worlds.generated.spec import WorldSpec
from vision_deepresearch.worlds.generated.tasks import make_tasks
from vision_deepresearch.worlds.generated.world import (
    FORMAT_VERSION,
    KIND,
    MANIFEST,
    PICTURES,
    PROOFS,
    TASKS,
    PictureTable,
    caption_docs,
    plain_text,
)
from vision_deepresearch.worlds.index.hybrid import VECTORS
from vision_deepresearch.worlds.index.text import TextDoc, TextIndex
from vision_deepresearch.worlds.index.visual import (
    Features,
    Pixels,
    VisualIndex,
    features,
    features_of_pixels,
)
from vision_deepresearch.worlds.picture_words import CAPTIONS

Progress = Callable[[str, int, int], None]
"""Called with (what, done, total)."""
SOLVING_SCALES = (1.0, 1.5)
"""A thing is solvable when a crop at one of these finds its article among the first three."""
_SOLVING_RANK = 3
_WHOLE_RANK = 10
_REACHABLE_RANK = 10
_VISIBLE_FRAC = 0.95
"""A thing of which less is seen counts as partly hidden."""
_LICENCES = ("pages and pictures are generated: CC0-1.0",)
_REPORT_EVERY = 10


def build_world(
    spec: WorldSpec, folder: Path, *, progress: Progress | None = None, jobs: int = 1
) -> None:
    """Build a world into a folder that is new, empty or holds an unfinished build.

    Args:
        spec: what to build.
        folder: where; its parent is created.
        progress: told about each stage.
        jobs: processes that draw pictures; with more than one, the program's main module must be
            importable without side effects. The world is the same.

    Raises:
        ConfigError: the folder holds something else, the spec is too small for its tasks, or a
            process was killed.

    Cost: about 0.4 ms of CPU per page, 11 ms per pictured thing and 130 ms per task; see
    docs/world-costs.md.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        _refuse_unless_ours(folder)
    folder.parent.mkdir(parents=True, exist_ok=True)
    was_complete = (folder / MANIFEST).is_file()
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=f".{folder.name}-") as work:
        target = Path(work) / "world"
        target.mkdir()
        _Builder(spec=spec, folder=target, progress=progress or _silent, jobs=jobs).build()
        if (folder / MANIFEST).is_file() and not was_complete:
            return  # another process was faster and made the same
        if folder.exists():
            shutil.rmtree(folder)
        target.rename(folder)


def _silent(what: str, done: int, total: int) -> None:
    """Nobody watches."""


def _refuse_unless_ours(folder: Path) -> None:
    """Only what a build makes may be replaced by a build."""
    ours = {MANIFEST, PICTURES, TASKS, "text", "visual", "blobs", "truth", CAPTIONS, VECTORS}
    strange = sorted(path.name for path in folder.iterdir() if path.name not in ours)
    if strange:
        msg = (
            f"expected a new, empty or world folder, {str(folder)!r} holds {strange[0]!r}: "
            "choose another folder"
        )
        raise ConfigError(msg)


@dataclass(slots=True, kw_only=True)
class _Builder:
    """One build in its working folder."""

    spec: WorldSpec
    folder: Path
    progress: Progress
    jobs: int
    funnel: Funnel = field(default_factory=Funnel)
    """What became of all attempts at a task; each refused one was made anew."""

    def build(self) -> None:
        """All stages in order; the manifest is written last."""
        try:
            graph = Graph.of(self.spec)
        except ValueError as reason:  # no free names are left
            raise ConfigError(str(reason)) from reason
        pages = PageSet.of(graph)
        blobs = FolderMediaStore(self.folder / "blobs")
        with tempfile.TemporaryFile("w+", encoding="utf-8", dir=self.folder) as aside:
            texts = TextIndex.build(self.folder / "text", self._texts(pages, aside=aside))
            captions = TextIndex.build(self.folder / CAPTIONS, _kept_docs(aside))
        refs: dict[str, ImageRef] = {}
        visuals = VisualIndex.build_from_features(
            self.folder / "visual", self._references(graph, refs=refs)
        )
        (self.folder / PICTURES).write_text(
            PictureTable(root=refs).model_dump_json(), encoding="utf-8"
        )
        tasks, proofs = self._tasks(graph, pages, texts=texts, visuals=visuals, blobs=blobs)
        _write_lines(self.folder / TASKS, tasks)
        _write_lines(self.folder / PROOFS, proofs)
        manifest = WorldManifest(
            world_id=self.spec.world_id(),
            kind=KIND,
            name=self.spec.name,
            format_version=FORMAT_VERSION,
            seed=self.spec.seed,
            counts={
                "entities": len(graph.entities),
                "pages": len(pages.all_urls()),
                "pictures": len(refs),
                "tasks": len(tasks),
                **self.funnel.counts(),
            },
            licences=_LICENCES,
            text_index=texts.facts,
            visual_index=visuals.facts,
            caption_index=captions.facts,
            spec=self.spec.model_dump(exclude_none=True),
        )
        (self.folder / MANIFEST).write_text(manifest.model_dump_json(indent=1), encoding="utf-8")

    def _texts(self, pages: PageSet, *, aside: TextIO) -> Iterator[TextDoc]:
        """The pages' words; on the way the words around pictures are written aside, for later.

        So that each page is written once, and a large world's captions wait on disk.
        """
        records = pages.all_urls()
        for number, record in enumerate(records):
            if number % 100 == 0:
                self.progress("pages", number, len(records))
            document = pages.document(record.url)
            for doc in caption_docs(number, document):
                aside.write(json.dumps([doc.id, doc.title, doc.text]) + "\n")
            yield TextDoc(id=number, title=record.title, text=plain_text(document))
        self.progress("pages", len(records), len(records))

    def _references(
        self, graph: Graph, *, refs: dict[str, ImageRef]
    ) -> Iterator[tuple[str, Features]]:
        """Key points of the reference pictures, which are stored on the way; `refs` is filled."""
        known = graph.known_by_sight()
        drawn = draw_pictures(self.spec, known, blobs=self.folder / "blobs", jobs=self.jobs)
        for number, picture in enumerate(drawn):
            if number % _REPORT_EVERY == 0:
                self.progress("pictures", number, len(known))
            refs[picture.owner] = picture.ref
            yield picture.owner, picture.features
        self.progress("pictures", len(known), len(known))

    def _tasks(
        self,
        graph: Graph,
        pages: PageSet,
        *,
        texts: TextIndex,
        visuals: VisualIndex,
        blobs: FolderMediaStore,
    ) -> tuple[list[Task], list[Proof]]:
        """Draft tasks and draw their scenes; what cannot be found there is drafted anew."""
        wanted = self.spec.num_tasks
        things = {pages.article(entity.id): entity.id for entity in graph.pictured()}
        drawn: dict[str, _Drawn] = {}
        index = _TextReader(texts, pages.all_urls())
        routes = Routes(graph=graph, pages=pages)

        def is_fair(draft: TaskDraft) -> bool:
            """Checks 5 and 6: the simple readers fail, and a crop finds what is asked about."""
            if blind_reader_finds(routes, draft, search=index.urls):
                self.funnel.reject(Reject.BLIND)
                return False
            scene = render_scene(self.spec, draft.scene, graph.entities)
            strata = _look_at(scene, _anchors(draft, things), visuals=visuals)
            if strata is None:
                self.funnel.reject(Reject.NOT_SOLVABLE)
                return False
            if self.spec.whole_image_filter and strata["whole_image"] == "hit":
                self.funnel.reject(Reject.WHOLE_IMAGE)
                return False
            drawn[draft.scene.id] = _Drawn(ref=blobs.put(scene.data), strata=strata)
            return True

        drafts = make_tasks(
            self.spec,
            graph,
            pages,
            limit=wanted,
            place=lambda scene: place_scene(self.spec, scene, graph.entities),
            reachable=index.is_reachable,
            accept=is_fair,
            funnel=self.funnel,
        )
        tasks: list[Task] = []
        proofs: list[Proof] = []
        self.progress("tasks", 0, wanted)
        try:
            for draft in drafts:
                picture = drawn[draft.scene.id]
                task = draft.task(images=(picture.ref,), world_id=self.spec.world_id())
                strata = {**task.strata, **picture.strata}
                tasks.append(task.model_copy(update={"strata": strata}))
                proofs.append(draft.proof(task.id))
                self.progress("tasks", len(tasks), wanted)
        except ValueError as reason:
            raise ConfigError(str(reason)) from reason
        return tasks, proofs


def _kept_docs(aside: TextIO) -> Iterator[TextDoc]:
    """What `_texts` wrote aside."""
    aside.seek(0)
    for line in aside:
        number, title, text = json.loads(line)
        yield TextDoc(id=number, title=title, text=text)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Drawn:
    """The stored scene of an accepted draft, and what looking at it adds to the strata."""

    ref: ImageRef
    strata: dict[str, str]


@dataclass(frozen=True, slots=True)
class _TextReader:
    """What the text index gives."""

    texts: TextIndex
    records: tuple[PageRecord, ...]

    def is_reachable(self, query: str, url: str) -> bool:
        """Whether the page is among the first ten hits."""
        return url in self.urls(query)

    def urls(self, query: str) -> list[str]:
        """Addresses of the first ten hits, best first."""
        return [self.records[hit.id].url for hit in self.texts.search(query, _REACHABLE_RANK)]


class _Eye:
    """One scene, looked at through the visual index."""

    def __init__(self, visuals: VisualIndex, data: bytes) -> None:
        self._visuals = visuals
        self._data = data
        grey = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_GRAYSCALE)
        assert grey is not None
        self._grey: Pixels = np.asarray(grey, np.uint8)

    def scale_of(self, thing: str, box: Box) -> float | None:
        """The tightest of the solving scales at which a crop finds the thing; None: at none."""
        return next(
            (scale for scale in SOLVING_SCALES if self._crop_finds(thing, box.scaled(scale))), None
        )

    def _crop_finds(self, thing: str, box: Box) -> bool:
        height, width = self._grey.shape
        left, top, right, bottom = box.pixels(width=width, height=height)
        part = features_of_pixels(np.ascontiguousarray(self._grey[top:bottom, left:right]))
        hits = self._visuals.search_features(part, _SOLVING_RANK)
        return any(hit.image_id == thing for hit in hits)

    def finds_whole(self, things: Collection[str]) -> bool:
        """Whether the whole picture already finds all of these things."""
        hits = self._visuals.search_features(features(self._data), _WHOLE_RANK)
        return set(things) <= {hit.image_id for hit in hits}


def _anchors(draft: TaskDraft, things: Mapping[str, str]) -> dict[str, Box]:
    """Things the proof looks at, with their boxes, in order."""
    found: dict[str, Box] = {}
    for hop in draft.hops:
        if hop.kind is HopKind.LOOK and hop.box is not None:
            owner = next(things[url] for url in hop.pages if url in things)
            found[owner] = hop.box
    assert found, f"a draft without a look: {draft.ref}"
    return found


def _look_at(
    scene: Scene, anchors: Mapping[str, Box], *, visuals: VisualIndex
) -> dict[str, str] | None:
    """Strata that the pixels decide; None: a crop around one of the anchors does not find it."""
    eye = _Eye(visuals, scene.data)
    scales = [eye.scale_of(anchor, box) for anchor, box in anchors.items()]
    found = [scale for scale in scales if scale is not None]
    if len(found) < len(scales):
        return None
    visible_frac = min(scene.visibility[anchor] for anchor in anchors)
    return {
        "whole_image": "hit" if eye.finds_whole(anchors) else "miss",
        "hidden": "partly" if visible_frac < _VISIBLE_FRAC else "no",
        "visible": str(round(100 * visible_frac)),
        "scale": f"{max(found):g}",
    }


def _write_lines(path: Path, records: Iterable[Record]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    text = "".join(record.model_dump_json() + "\n" for record in records)
    path.write_text(text, encoding="utf-8")
