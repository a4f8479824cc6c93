"""A corpus world opened from its folder: real pages and pictures, searched, read and looked at.

The folder is whole in itself: manifest.json (written last), world.db (pages, aliases, links,
pictures), text/, visual/, captions/ (words around pictures), perhaps vectors/, blobs/ (pictures by
content), import.json (the report). The source it was
made from is not needed, and nothing outside the folder is ever asked.
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Self

from pydantic import ValidationError

from vision_deepresearch.core.bank import CropOrigin
from vision_deepresearch.core.content import Picture
from vision_deepresearch.core.errors import ConfigError, FailureKind, WorldError
from vision_deepresearch.core.observation import Evidence, EvidenceKind
from vision_deepresearch.core.page import Asset, Page, WorldManifest
from vision_deepresearch.core.record import Record
from vision_deepresearch.media.store import FolderMediaStore
from vision_deepresearch.worlds.corpus.database import (
    INDEX_SUFFIXES,
    CorpusDatabase,
    PageInfo,
    ShowingPage,
)
from vision_deepresearch.worlds.corpus.urls import Addresses
from vision_deepresearch.worlds.embedded import MAX_HITS, Looks, Recent, Threads
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
from vision_deepresearch.worlds.page_facts import FactKind, PageFact, plain_label, plain_value
from vision_deepresearch.worlds.pages import WholePage, read_whole
from vision_deepresearch.worlds.picture_words import (
    CAPTIONS,
    NO_CAPTIONS,
    FoundByWords,
    PictureWords,
    page_and_place,
)

FORMAT_VERSION = 1
"""Of the world folder; raise it whenever its layout changes."""
MANIFEST = "manifest.json"
DATABASE = "world.db"
REPORT = "import.json"
KIND = "corpus"
"""What the manifest says."""
MAX_PAGES_PER_PICTURE = 2
"""A picture that stands on many pages must not fill the list: other pictures need room."""
_OPEN_TRIES = 5
_CACHED_PAGES = 32
_CACHED_TEXTS = 1024
_AGAIN = "import it again with `vdr world import SOURCE FOLDER`"
_ANEW = "delete the folder and import again with `vdr world import SOURCE FOLDER`"


class FoundFact(Record):
    """A label and a value with the page that states them."""

    page_url: str
    page_title: str
    label: str
    """As the page writes it; "" for what stands in an infobox without a label."""
    value: str
    url: str | None
    """Where the value's first link leads, in this world or not."""
    kind: FactKind


class CorpusWorld:
    """One corpus. A `World`; every method may be called concurrently."""

    def __init__(
        self,
        *,
        folder: Path,
        manifest: WorldManifest,
        database: CorpusDatabase,
        texts: TextIndex,
        visuals: VisualIndex | HybridIndex,
        captions: TextIndex | None,
    ) -> None:
        self._folder = folder
        self._manifest = manifest
        self._database = database
        self._texts = texts
        self._looks = Looks(visuals)
        self._words = PictureWords(captions, looks=self._looks) if captions is not None else None
        self._threads = Threads()
        self._blobs = FolderMediaStore(folder / "blobs")
        self._addresses = Addresses(str(manifest.spec["base_url"]))
        self._whole: Recent[int, WholePage] = Recent(_CACHED_PAGES)
        self._bodies: Recent[int, str] = Recent(_CACHED_TEXTS)

    @classmethod
    def open(cls, folder: Path, *, embedder: EmbedderChoice = None) -> Self:
        """Open a world folder.

        Args:
            folder: where it lies.
            embedder: the one its vectors were made by, where it has some; "off": not used.

        Raises:
            ConfigError: no world there, an unfinished one, one of another version, or a damaged
                one, or one that wants another embedder; says how to mend.
        """
        for _ in range(_OPEN_TRIES):
            manifest = read_manifest(folder)
            texts = TextIndex.open(folder / "text")
            visuals = VisualIndex.open(folder / "visual")
            database = CorpusDatabase.open(folder / DATABASE)
            if read_manifest(folder).world_id == manifest.world_id:
                break
            database.close()  # the world was replaced by a larger one in between
        else:
            msg = f"the world in {str(folder)!r} is replaced again and again: open it later"
            raise ConfigError(msg)
        if texts.facts != manifest.text_index or visuals.facts != manifest.visual_index:
            database.close()
            msg = f"the indexes in {str(folder)!r} are not those of its {MANIFEST}: {_ANEW}"
            raise ConfigError(msg)
        vectors = manifest.vector_index
        looks = open_looks(folder, facts=vectors, visuals=visuals, embedder=embedder)
        told = told_facts(vectors, embedder=embedder)
        return cls(
            folder=folder,
            manifest=manifest.model_copy(update={"vector_index": told}),
            database=database,
            texts=texts,
            visuals=looks,
            captions=TextIndex.open(folder / CAPTIONS) if manifest.caption_index else None,
        )

    def close(self) -> None:
        """Let go of the database."""
        self._database.close()

    def manifest(self) -> WorldManifest:
        """What this world is."""
        return self._manifest

    @property
    def folder(self) -> Path:
        """Where it lies."""
        return self._folder

    # ---------------------------------------------------------------------------------- searches

    async def search_image(
        self, picture: Picture, *, limit: int, origin: CropOrigin | None = None
    ) -> list[Evidence]:
        """Pages on which a picture stands, for the pictures that resemble one, best first.

        The page whose infobox holds the picture comes first; a good match gives a second page. The
        list is filled up with pictures that merely look similar; the label says so.

        Raises:
            WorldError: the bytes are no picture (bad_image).
        """
        del origin  # this world really looks
        return await self._threads.run("image search", lambda: self._look(picture, limit))

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
        """A window of a page; aliases, fragments and other spellings of its address lead to it.

        Raises:
            WorldError: this world has no such page (not_found) or window (bad_args).
        """
        return await self._threads.run("page read", lambda: self._read(url, cursor))

    async def asset(self, url: str) -> Asset:
        """A picture that stands on a page.

        Raises:
            WorldError: this world has no such picture (not_found).
        """
        return await self._threads.run("picture read", lambda: self._asset(url))

    async def facts(self, url: str) -> list[FoundFact]:
        """What the infobox, microdata and JSON-LD of a page state, in its order.

        Raises:
            WorldError: this world has no such page (not_found).
        """
        return await self._threads.run("facts of a page", lambda: self._facts(url))

    async def find_facts(self, label: str, value: str = "", *, limit: int = 10) -> list[FoundFact]:
        """Facts by label and value, in the order of the world's pages; [] where there are none.

        Args:
            label: the whole label; letter case, footnote marks and a colon do not count.
            value: what the value holds somewhere, whatever its letter case; "": any value.
            limit: facts to give at most.

        Raises:
            WorldError: a label that says nothing (bad_args).
        """
        return await self._threads.run("facts by label", lambda: self._found(label, value, limit))

    def reference_pictures(self) -> Iterator[tuple[str, bytes]]:
        """The pictures that image search knows, in the order of its index."""
        with closing(CorpusDatabase.open(self._folder / DATABASE)) as database:
            for ref in database.kept_pictures():
                yield ref.sha256, self._blobs.load(ref)

    def page_addresses(self) -> Iterator[str]:
        """Of every page, over a connection of its own."""
        with closing(CorpusDatabase.open(self._folder / DATABASE)) as database:
            yield from map(self._addresses.url_of, database.page_paths())

    # ------------------------------------------------------------------------- an index elsewhere

    @property
    def texts(self) -> TextIndex:
        """Its own text index."""
        return self._texts

    def text_docs(self) -> Iterator[TextDoc]:
        """What its text index counts, page by page, over a connection of its own."""
        with closing(CorpusDatabase.open(self._folder / DATABASE)) as database:
            yield from database.texts()

    async def text_evidence(self, hits: Sequence[TextHit], *, query: str) -> list[Evidence]:
        """Pages that were found by words, whoever found them.

        Raises:
            WorldError: a hit is no page of this world.
        """
        return await self._threads.run("text search", lambda: self._text_evidence(hits, query))

    # ------------------------------------------------------------------------------- in a thread

    def _look(self, picture: Picture, limit: int) -> list[Evidence]:
        found: list[Evidence] = []
        for hit in self._looks.find(picture, limit):
            found += self._image_evidence(hit)
        return [item.model_copy(update={"rank": rank}) for rank, item in enumerate(found[:limit])]

    def _image_evidence(self, hit: VisualHit) -> Iterator[Evidence]:
        room = MAX_PAGES_PER_PICTURE if hit.inliers >= POSSIBLE_INLIERS else 1
        for showing in self._database.pages_showing(hit.image_id, room):
            yield self._evidence_of(showing, hit)

    def _evidence_of(self, showing: ShowingPage, hit: VisualHit) -> Evidence:
        page = showing.page
        return Evidence(
            kind=EvidenceKind.IMAGE_HIT,
            url=self._addresses.url_of(page.path),
            title=page.title,
            snippet=showing.caption or showing.alt,
            published=page.published,
            image_url=self._addresses.url_of(showing.picture_path),
            score=float(hit.inliers),
            label=label_for(hit.inliers),
            world_id=self._manifest.world_id,
            doc_id=str(page.id),
        )

    def _by_words(self, query: str, limit: int) -> list[Evidence]:
        if self._words is None:
            raise WorldError(FailureKind.UNAVAILABLE, NO_CAPTIONS)
        found: list[Evidence] = []
        for rank, one in enumerate(self._words.find(query, limit, picture_at=self._hash_at)):
            showing = self._shown_as(one)
            found.append(
                Evidence(
                    kind=EvidenceKind.IMAGE_HIT,
                    url=self._addresses.url_of(showing.page.path),
                    title=showing.page.title,
                    snippet=showing.caption or showing.alt,
                    published=showing.page.published,
                    image_url=self._addresses.url_of(showing.picture_path),
                    score=one.score,
                    rank=rank,
                    query=query,
                    world_id=self._manifest.world_id,
                    doc_id=str(showing.page.id),
                )
            )
        return found

    def _hash_at(self, spot: int) -> str | None:
        shown = self._database.shown_at(*page_and_place(spot))
        return None if shown is None else shown[0]

    def _shown_as(self, one: FoundByWords) -> ShowingPage:
        """The page that told of a picture, or the first of those that show it."""
        if one.spot is not None:
            shown = self._database.shown_at(*page_and_place(one.spot))
            assert shown is not None, "it was found there"
            return shown[1]
        return self._database.pages_showing(one.key, 1)[0]

    def _search(self, query: str, limit: int) -> list[Evidence]:
        return self._text_evidence(self._texts.search(query, min(limit, MAX_HITS)), query)

    def _text_evidence(self, hits: Iterable[TextHit], query: str) -> list[Evidence]:
        found: list[Evidence] = []
        for rank, hit in enumerate(hits):
            page = self._database.page(hit.id)
            found.append(
                Evidence(
                    kind=EvidenceKind.TEXT_HIT,
                    url=self._addresses.url_of(page.path),
                    title=page.title,
                    snippet=self._texts.snippet(self._text(hit.id), query),
                    published=page.published,
                    score=hit.score,
                    rank=rank,
                    query=query,
                    world_id=self._manifest.world_id,
                    doc_id=str(hit.id),
                )
            )
        return found

    def _read(self, url: str, cursor: str | None) -> Page:
        info = self._find(url)
        if info is None:
            is_picture = any(
                self._database.picture(path) is not None for path in self._addresses.paths_of(url)
            )
            what = "a picture, no page," if is_picture else "no page"
            raise WorldError(FailureKind.NOT_FOUND, f"this world has {what} at {url[:200]!r}")
        address = self._addresses.url_of(info.path)
        whole = self._whole.get(info.id)
        if whole is None:
            whole = read_whole(self._database.body(info.id), url=address)
            whole = self._whole.put(info.id, whole)
        page = whole.window(
            cursor,
            url=url,
            final_url=address,
            world_id=self._manifest.world_id,
            doc_id=str(info.id),
        )
        return page.model_copy(
            update={
                "title": info.title,
                "lang": info.lang,
                "images": tuple(one for one in page.images if self._keeps(one.src)),
            }
        )

    def _facts(self, url: str) -> list[FoundFact]:
        info = self._find(url)
        if info is None:
            raise WorldError(FailureKind.NOT_FOUND, f"this world has no page at {url[:200]!r}")
        return [self._fact_of(info, fact) for fact in self._database.facts(info.id)]

    def _found(self, label: str, value: str, limit: int) -> list[FoundFact]:
        if not (plain := plain_label(label)):
            msg = f"expected a label such as 'Born', got {label[:200]!r}: write it as pages do"
            raise WorldError(FailureKind.BAD_ARGS, msg)
        found = self._database.find_facts(plain, plain_value(value), limit)
        return [self._fact_of(info, fact) for info, fact in found]

    def _fact_of(self, info: PageInfo, fact: PageFact) -> FoundFact:
        return FoundFact(
            page_url=self._addresses.url_of(info.path),
            page_title=info.title,
            label=fact.label,
            value=fact.value,
            url=fact.url,
            kind=fact.kind,
        )

    def _find(self, url: str) -> PageInfo | None:
        """The page an address means; the address of a folder means its index."""
        for path in self._addresses.paths_of(url):
            is_root = path == ""
            main = self._manifest.spec.get("main_path") if is_root else None
            for candidate in (main, path, *(path + suffix for suffix in INDEX_SUFFIXES)):
                if candidate and (info := self._database.find_page(str(candidate))) is not None:
                    return info
        return None

    def _keeps(self, url: str) -> bool:
        path = self._addresses.path_of(url)
        return path is not None and self._database.picture(path) is not None

    def _asset(self, url: str) -> Asset:
        for path in self._addresses.paths_of(url):
            if (ref := self._database.picture(path)) is not None:
                return Asset(url=url, data=self._blobs.load(ref), ref=ref)
        raise WorldError(FailureKind.NOT_FOUND, f"this world has no picture at {url[:200]!r}")

    def _text(self, number: int) -> str:
        known = self._bodies.get(number)
        return known if known is not None else self._bodies.put(number, self._database.text(number))


def read_manifest(folder: Path) -> WorldManifest:
    """The manifest of a complete corpus world.

    Raises:
        ConfigError: none, an unfinished one, or one of another kind or version.
    """
    path = folder / MANIFEST
    if not path.is_file():
        state = "an import that is not finished" if (folder / DATABASE).is_file() else "no world"
        msg = f"expected a world folder with {MANIFEST}, {str(folder)!r} holds {state}: {_AGAIN}"
        raise ConfigError(msg)
    try:
        manifest = WorldManifest.model_validate_json(path.read_bytes())
    except (OSError, ValidationError) as reason:
        msg = f"{str(path)!r} is no manifest of a world: {_ANEW}"
        raise ConfigError(msg) from reason
    if manifest.kind != KIND or manifest.format_version != FORMAT_VERSION:
        msg = (
            f"expected a {KIND} world of format {FORMAT_VERSION}, {str(folder)!r} is a "
            f"{manifest.kind} world of format {manifest.format_version}: {_ANEW}"
        )
        raise ConfigError(msg)
    if not isinstance(manifest.spec.get("base_url"), str):
        msg = f"{str(path)!r} names no base url: {_ANEW}"
        raise ConfigError(msg)
    return manifest
