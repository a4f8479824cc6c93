"""A generated world opened from its folder: searched, read and looked at; its truth stays outside.

The folder holds manifest.json, text/, visual/, captions/ (words around pictures), perhaps vectors/,
blobs/ (pictures by content), pictures.json (which thing has which picture), tasks.jsonl, and apart from all that truth/proofs.jsonl. Pages are written
on demand from the spec in the manifest.
"""

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from urllib.parse import urldefrag

from pydantic import RootModel, ValidationError

from vision_deepresearch.core.bank import CropOrigin
from vision_deepresearch.core.content import ImageRef, Picture
from vision_deepresearch.core.errors import ConfigError, FailureKind, WorldError
from vision_deepresearch.core.observation import Evidence, EvidenceKind
from vision_deepresearch.core.page import Asset, Page, WorldManifest
from vision_deepresearch.core.proof import Proof
from vision_deepresearch.core.task import Task
from vision_deepresearch.media.store import CleanPicture, FolderMediaStore, clean
from vision_deepresearch.worlds.embedded import MAX_HITS, Looks, Recent, Threads
from vision_deepresearch.worlds.generated.article_photos import draw_photo, owner_of, photo_of
from vision_deepresearch.worlds.generated.document import Document, Line, PagePicture
from vision_deepresearch.worlds.generated.draw import reference_picture
from vision_deepresearch.worlds.generated.entities import Entity
from vision_deepresearch.worlds.generated.graph import Graph
from vision_deepresearch.worlds.generated.pages import PageSet
from vision_deepresearch.worlds.generated.plan import picture_url, pictured_at
from vision_deepresearch.worlds.generated.spec import WorldSpec
from vision_deepresearch.worlds.generated.truth import GeneratedTruth
from vision_deepresearch.worlds.index.hybrid import (
    EmbedderChoice,
    HybridIndex,
    open_looks,
    told_facts,
)
from vision_deepresearch.worlds.index.text import TextDoc, TextHit, TextIndex
from vision_deepresearch.worlds.index.visual import (
    POSSIBLE_INLIERS,
    VisualHit,
    VisualIndex,
    label_for,
)
from vision_deepresearch.worlds.pages import to_page
from vision_deepresearch.worlds.picture_words import (
    CAPTIONS,
    NO_CAPTIONS,
    PLACES,
    FoundByWords,
    PictureWords,
    caption_doc,
    page_and_place,
    spot_of,
)

FORMAT_VERSION = 1
"""Of the world folder; raise it whenever its layout changes."""
MANIFEST = "manifest.json"
TASKS = "tasks.jsonl"
PICTURES = "pictures.json"
PROOFS = "truth/proofs.jsonl"
KIND = "generated"
"""What the manifest says."""
_CACHED_TEXTS = 8192
_CACHED_PHOTOS = 64
"""Of articles, some 150 kB each."""
_REBUILD = "build it again with `vdr world build generated FOLDER`"


class PictureTable(RootModel[dict[str, ImageRef]]):
    """Which thing has which reference picture, by thing id: the content of pictures.json."""


class GeneratedWorld:
    """One generated world. A `World`; every method may be called concurrently."""

    def __init__(
        self,
        *,
        folder: Path,
        manifest: WorldManifest,
        pages: PageSet,
        texts: TextIndex,
        visuals: VisualIndex | HybridIndex,
        captions: TextIndex | None,
        pictures: dict[str, ImageRef],
    ) -> None:
        self._manifest = manifest
        self._pages = pages
        self._texts = texts
        self._looks = Looks(visuals)
        self._words = PictureWords(captions, looks=self._looks) if captions is not None else None
        self._threads = Threads()
        self._pictures = pictures
        self._folder = folder
        self._blobs = FolderMediaStore(folder / "blobs")
        self._records = pages.all_urls()
        self._bodies: Recent[int, str] = Recent(_CACHED_TEXTS)
        self._spots: Recent[int, PagePicture] = Recent(_CACHED_TEXTS)
        self._photos: Recent[str, CleanPicture] = Recent(_CACHED_PHOTOS)

    @classmethod
    def open(cls, folder: Path, *, embedder: EmbedderChoice = None) -> "GeneratedWorld":
        """Open a world folder.

        Args:
            folder: where it lies.
            embedder: the one its vectors were made by, where it has some; "off": not used.

        Raises:
            ConfigError: no world there, one of another version, or a damaged one, or one that
                wants another embedder; says how to mend.
        """
        manifest, spec = _read_manifest(folder)
        try:
            pictures = PictureTable.model_validate_json((folder / PICTURES).read_bytes()).root
        except (OSError, ValidationError) as reason:
            msg = f"the world folder {str(folder)!r} is damaged ({PICTURES}): {_REBUILD}"
            raise ConfigError(msg) from reason
        facts = manifest.vector_index
        visuals = open_looks(
            folder, facts=facts, visuals=VisualIndex.open(folder / "visual"), embedder=embedder
        )
        told = told_facts(facts, embedder=embedder)
        return cls(
            folder=folder,
            manifest=manifest.model_copy(update={"vector_index": told}),
            pages=PageSet.of(Graph.of(spec)),
            texts=TextIndex.open(folder / "text"),
            visuals=visuals,
            captions=TextIndex.open(folder / CAPTIONS) if manifest.caption_index else None,
            pictures=pictures,
        )

    def manifest(self) -> WorldManifest:
        """What this world is."""
        return self._manifest

    @property
    def folder(self) -> Path:
        """Where it lies."""
        return self._folder

    @property
    def pages(self) -> PageSet:
        """What it is made of, its truth included: for what plays its engine, never for a tool."""
        return self._pages

    # ---------------------------------------------------------------------------------- searches

    async def search_image(
        self, picture: Picture, *, limit: int, origin: CropOrigin | None = None
    ) -> list[Evidence]:
        """Pages that show what a picture shows: each thing's article, then where else it is shown.

        The list is filled up with pictures that merely look similar; the label says so. `origin`
        is not used: this world really looks.

        Raises:
            WorldError: the bytes are no picture (bad_image).
        """
        del origin
        hits = await self._threads.run("image search", lambda: self._looks.find(picture, limit))
        return self.evidence_of(hits, limit=limit)

    async def search_text(self, query: str, *, limit: int) -> list[Evidence]:
        """Pages by words, best first.

        Raises:
            WorldError: the engine failed.
        """
        return await self._threads.run("text search", lambda: self._search(query, limit))

    @property
    def has_captions(self) -> bool:
        """Whether it has an index of the words around its pictures."""
        return self._words is not None

    async def image_by_text(self, query: str, *, limit: int) -> list[Evidence]:
        """Pictures by the words that pages write around them, best first, each once.

        Raises:
            WorldError: the engine failed, or this world was made before there was such an index.
        """
        return await self._threads.run("picture search", lambda: self._by_words(query, limit))

    async def read(self, url: str, *, cursor: str | None = None) -> Page:
        """A window of a page.

        Raises:
            WorldError: this world has no such page (not_found) or window (bad_args).
        """
        address = urldefrag(url.strip()).url
        number = self._pages.number(address)
        if number is None:
            is_picture = self._shown_at(address) is not None or self._photo_at(address) is not None
            what = "a picture, no page," if is_picture else "no page"
            raise WorldError(FailureKind.NOT_FOUND, f"this world has {what} at {url[:200]!r}")
        html = await self._threads.run("page read", lambda: self._pages.render_html(address))
        return to_page(
            html,
            url=url,
            final_url=address,
            world_id=self._manifest.world_id,
            doc_id=str(number),
            cursor=cursor,
        )

    async def asset(self, url: str) -> Asset:
        """A reference picture, or the photo of an article.

        Raises:
            WorldError: this world has no such picture (not_found).
        """
        address = urldefrag(url.strip()).url
        owner, article = self._shown_at(address), self._photo_at(address)
        if owner is not None:
            kept = await self._threads.run("picture read", lambda: self._picture_of(owner))
        elif article is not None:
            kept = await self._threads.run("photo read", lambda: self._photo_of(article))
        else:
            raise WorldError(FailureKind.NOT_FOUND, f"this world has no picture at {url[:200]!r}")
        return Asset(url=url, data=kept.data, ref=kept.ref)

    def _shown_at(self, address: str) -> Entity | None:
        """The thing whose picture has that address."""
        owner = self._pages.graph.entities.get(pictured_at(address) or "")
        return owner if owner is not None and owner.type.carries_picture else None

    def _photo_at(self, address: str) -> str | None:
        """The thing on whose article the photo of that address stands."""
        return owner_of(self._pages.graph, address)

    def _photo_of(self, owner: str) -> CleanPicture:
        """The photo on a thing's article; drawn once, as it is asked for again soon."""
        kept = self._photos.get(owner)
        if kept is None:
            graph = self._pages.graph
            photo = photo_of(graph, owner)
            assert photo is not None, "an address leads to photos that there are"
            kept = self._photos.put(owner, clean(draw_photo(graph, photo)))
        return kept

    def _picture_of(self, owner: Entity) -> CleanPicture:
        """A kept picture, or one drawn now: a world may keep fewer than it shows."""
        ref = self._pictures.get(owner.id)
        if ref is None:
            return clean(reference_picture(self._pages.graph.spec, owner))
        return CleanPicture(ref=ref, data=self._blobs.load(ref))

    def reference_pictures(self) -> Iterator[tuple[str, bytes]]:
        """The pictures that image search knows, in the order of its index."""
        for owner, ref in self._pictures.items():
            yield owner, self._blobs.load(ref)

    # ------------------------------------------------------------------------- an index elsewhere

    @property
    def texts(self) -> TextIndex:
        """Its own text index."""
        return self._texts

    def text_docs(self) -> Iterator[TextDoc]:
        """What its text index counts, page by page, written anew."""
        for number, record in enumerate(self._records):
            text = plain_text(self._pages.document(record.url))
            yield TextDoc(id=number, title=record.title, text=text)

    async def text_evidence(self, hits: Sequence[TextHit], *, query: str) -> list[Evidence]:
        """Pages that were found by words, whoever found them.

        Raises:
            WorldError: a hit is no page of this world.
        """
        return await self._threads.run("text search", lambda: self._text_evidence(hits, query))

    def page_addresses(self) -> Iterator[str]:
        """Of every page."""
        return (record.url for record in self._pages.all_urls())

    # ------------------------------------------------------------------------------------- tasks

    def tasks(self, limit: int | None = None) -> list[Task]:
        """The world's own questions, the first `limit` of them.

        Raises:
            ConfigError: the file is damaged.
        """
        path = self._folder / TASKS
        try:
            lines = path.read_text(encoding="utf-8").splitlines()
            return [Task.model_validate_json(line) for line in lines[:limit]]
        except (OSError, ValidationError) as reason:
            msg = f"the world folder {str(self._folder)!r} is damaged ({TASKS}): {_REBUILD}"
            raise ConfigError(msg) from reason

    def task_pictures(self, task: Task) -> list[bytes]:
        """The pictures of one of its questions, in order.

        Raises:
            ConfigError: the question is not from this world.
        """
        try:
            return [self._blobs.load(ref) for ref in task.images]
        except KeyError as reason:
            msg = f"task {task.ref!r} has a picture that is not in {str(self._folder)!r}"
            raise ConfigError(msg) from reason

    # ---------------------------------------------------------------------------------- evidence

    def evidence_of(self, hits: Iterable[VisualHit], *, limit: int) -> list[Evidence]:
        """Pictures that were found, whoever found them, as the pages that show them."""
        found = islice((item for hit in hits for item in self._image_evidence(hit)), max(limit, 0))
        return [item.model_copy(update={"rank": rank}) for rank, item in enumerate(found)]

    def _image_evidence(self, hit: VisualHit) -> Iterator[Evidence]:
        """The article of the thing shown, and for good matches one more page with the picture."""
        shown = self._pages.pages_showing(hit.image_id)  # the article is the first page about it
        for url, caption in islice(shown, 2 if hit.inliers >= POSSIBLE_INLIERS else 1):
            yield Evidence(
                kind=EvidenceKind.IMAGE_HIT,
                url=url,
                title=self._pages.record(url).title,
                snippet=caption,
                published=self._pages.record(url).published,
                image_url=picture_url(hit.image_id, split=self._pages.graph.spec.site_split),
                score=float(hit.inliers),
                label=label_for(hit.inliers),
                world_id=self._manifest.world_id,
                doc_id=str(self._pages.number(url)),
            )

    def _by_words(self, query: str, limit: int) -> list[Evidence]:
        if self._words is None:
            raise WorldError(FailureKind.UNAVAILABLE, NO_CAPTIONS)
        found: list[Evidence] = []
        for rank, one in enumerate(self._words.find(query, limit, picture_at=self._owner_at)):
            url, caption = self._shown_as(one)
            found.append(
                Evidence(
                    kind=EvidenceKind.IMAGE_HIT,
                    url=url,
                    title=self._pages.record(url).title,
                    snippet=caption,
                    published=self._pages.record(url).published,
                    image_url=picture_url(one.key),
                    score=one.score,
                    rank=rank,
                    query=query,
                    world_id=self._manifest.world_id,
                    doc_id=str(self._pages.number(url)),
                )
            )
        return found

    def _owner_at(self, spot: int) -> str:
        return self._placed(spot).entity_id

    def _placed(self, spot: int) -> PagePicture:
        known = self._spots.get(spot)
        if known is None:
            number, place = page_and_place(spot)
            picture = self._pages.document(self._records[number].url).all_pictures[place]
            known = self._spots.put(spot, picture)
        return known

    def _shown_as(self, one: FoundByWords) -> tuple[str, str]:
        """Address and caption of the page that told of a picture, or of the first that shows it."""
        if one.spot is None:
            return next(self._pages.pages_showing(one.key))
        return self._records[page_and_place(one.spot)[0]].url, self._placed(one.spot).caption

    def _search(self, query: str, limit: int) -> list[Evidence]:
        return self._text_evidence(self._texts.search(query, min(limit, MAX_HITS)), query)

    def _text_evidence(self, hits: Iterable[TextHit], query: str) -> list[Evidence]:
        found: list[Evidence] = []
        for rank, hit in enumerate(hits):
            record = self._records[hit.id]
            found.append(
                Evidence(
                    kind=EvidenceKind.TEXT_HIT,
                    url=record.url,
                    title=record.title,
                    snippet=self._texts.snippet(self._body(hit.id), query),
                    published=record.published,
                    score=hit.score,
                    rank=rank,
                    query=query,
                    world_id=self._manifest.world_id,
                    doc_id=str(hit.id),
                )
            )
        return found

    def _body(self, number: int) -> str:
        known = self._bodies.get(number)
        if known is None:
            text = plain_text(self._pages.document(self._records[number].url))
            known = self._bodies.put(number, text)
        return known


def open_truth(folder: Path) -> GeneratedTruth:
    """What the world knows about its tasks; keep it away from everything a model can reach.

    Raises:
        ConfigError: see `GeneratedWorld.open`.
    """
    _, spec = _read_manifest(folder)
    try:
        lines = (folder / PROOFS).read_text(encoding="utf-8").splitlines()
        proofs = [Proof.model_validate_json(line) for line in lines]
    except (OSError, ValidationError) as reason:
        msg = f"the world folder {str(folder)!r} is damaged ({PROOFS}): {_REBUILD}"
        raise ConfigError(msg) from reason
    return GeneratedTruth(Graph.of(spec), {proof.task_id: proof for proof in proofs})


def plain_text(document: Document) -> str:
    """A page's words without markup: what the index counts and snippets are cut from."""
    lines: list[str] = [document.notice] if document.notice else []
    lines += [f"{row.label}: {_flat(row.cell)}." for row in document.rows]
    for section in document.sections:
        lines += [words for words in (section.heading, section.byline) if words]
        lines += [_flat(line) for line in (*section.paragraphs, *section.items)]
        lines += [", ".join(_flat(cell) for cell in row) for row in section.table]
    lines += [picture.caption for picture in document.all_pictures]
    return "\n".join(lines)


def caption_docs(number: int, document: Document) -> Iterator[TextDoc]:
    """What the index of captions counts of a page's pictures: their captions, as shown."""
    lead = next((_flat(line) for part in document.sections for line in part.paragraphs), "")
    for place, picture in enumerate(document.all_pictures[:PLACES]):
        yield caption_doc(
            spot_of(number, place),
            caption=picture.caption,
            alt="",
            page_title=document.title,
            context=lead,
        )


def _flat(line: Line) -> str:
    return "".join(span.text for span in line)


def _read_manifest(folder: Path) -> tuple[WorldManifest, WorldSpec]:
    path = folder / MANIFEST
    if not path.is_file():
        msg = f"expected a world folder with {MANIFEST}, got {str(folder)!r}: {_REBUILD}"
        raise ConfigError(msg)
    try:
        manifest = WorldManifest.model_validate_json(path.read_bytes())
    except ValidationError as reason:
        msg = f"{str(path)!r} is no manifest of a world: {_REBUILD}"
        raise ConfigError(msg) from reason
    if manifest.kind != KIND or manifest.format_version != FORMAT_VERSION:
        msg = (
            f"expected a {KIND} world of format {FORMAT_VERSION}, {str(folder)!r} is a "
            f"{manifest.kind} world of format {manifest.format_version}: {_REBUILD}"
        )
        raise ConfigError(msg)
    try:
        spec = WorldSpec.model_validate(manifest.spec)
    except ValidationError as reason:
        msg = f"the spec in {str(path)!r} does not fit this program: {_REBUILD}"
        raise ConfigError(msg) from reason
    if spec.world_id() != manifest.world_id:
        msg = (
            f"the world in {str(folder)!r} was made by another version of the generator "
            f"({manifest.world_id}, this one makes {spec.world_id()}): {_REBUILD}"
        )
        raise ConfigError(msg)
    return manifest, spec
