"""The text index of a world on an OpenSearch or Elasticsearch server.

The server counts our terms: texts are cut, folded and stemmed here and sent with single spaces
between, and its analyser only splits at spaces. Layout and weights are those of the embedded index
(better of title and all, plus a part of the other), so that both rank alike.

An index belongs to one world. Its mapping carries a note of which one, of how terms are made, and
of whether it is complete; one that does not fit, or was not filled to the end, is not opened.
"""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import asynccontextmanager

from pydantic import JsonValue, ValidationError

from vision_deepresearch.calls.policy import CallPolicy
from vision_deepresearch.core.errors import ConfigError, FailureKind, WorldError
from vision_deepresearch.core.record import Record
from vision_deepresearch.worlds.index.opensearch_bulk import Line, batches, send_batch
from vision_deepresearch.worlds.index.opensearch_wire import Body, OpenSearchPlace, OpenSearchWire
from vision_deepresearch.worlds.index.seam import Added, TermSource, TextStats
from vision_deepresearch.worlds.index.text import (
    TEXT_INDEX_VERSION,
    TIE_BREAKS,
    TextDoc,
    TextHit,
    presegmented_doc,
    weighed,
)

MAX_LIMIT = 9_000
"""Hits of one search at most: the servers look no deeper than 10,000."""
_WINDOW = 10_000
_EXTRA = 32
"""Hits fetched beyond the limit, so that equal scores at the cut are all seen."""
_SCORE_DIGITS = 6
_PROBE = "The painters' cafés of 1871, naïve; O'Neil's 東京タワー and the Lighthouses running"
"""Analysed when an index is made and when it is opened: another stemmer gives other terms."""
_NOTE = "vdr"


class IndexNote(Record):
    """What the mapping of an index says about it, under `_meta.vdr`."""

    version: str
    """Of the layout; see `TEXT_INDEX_VERSION`."""
    analyser: str
    """Hash of layout, weights and the terms of a probe."""
    world_id: str
    content: str
    """Hash of the pages, as the embedded index of the world states it."""
    complete: bool = False
    """Whether every page was added."""


class OpenSearchTexts:
    """One world's text index on a server; a `TextStore`. Get one by `reading` or `filling`."""

    def __init__(self, place: OpenSearchPlace, *, wire: OpenSearchWire, terms: TermSource) -> None:
        self._place = place
        self._wire = wire
        self._terms = terms
        self._root = f"/{place.index}"
        self._note: IndexNote | None = None

    @property
    def is_complete(self) -> bool:
        """Whether every page of the world was added."""
        return self._note is not None and self._note.complete

    # ------------------------------------------------------------------------------------ search

    async def search(self, query: str, limit: int) -> list[TextHit]:
        """Pages by words, best first; equal scores by id. No sign has a meaning in a query.

        Scores are the server's: of the same order as the embedded index's, not of the same size.

        Raises:
            WorldError: more than MAX_LIMIT hits were asked for (bad_args), the server failed, or
                answered for a part of its shards only.
        """
        if limit > MAX_LIMIT:
            msg = f"expected a limit of at most {MAX_LIMIT} hits, got {limit}: ask for fewer"
            raise WorldError(FailureKind.BAD_ARGS, msg)
        terms = self._terms.terms(query)
        if not terms or limit < 1:
            return []
        best: dict[int, float] = {}
        offset, size = 0, limit + _EXTRA
        while True:
            found = await self._page(terms, offset=offset, size=size)
            for hit in found:
                best.setdefault(hit.id, hit.score)  # found by a name too: the better counts
            offset += len(found)
            ranked = sorted((-score, number) for number, score in best.items())
            is_settled = len(ranked) >= limit and found and found[-1].score < -ranked[limit - 1][0]
            if is_settled or len(found) < size or offset >= _WINDOW:
                break
            size = min(size * 3, _WINDOW - offset)
        return [TextHit(id=number, score=-score) for score, number in ranked[:limit]]

    async def _page(self, terms: list[str], *, offset: int, size: int) -> list[TextHit]:
        reply = await self._wire.ask(
            "POST",
            f"{self._root}/_search",
            what="text search",
            body=_search_body(terms, TIE_BREAKS[self._terms.layout], offset=offset, size=size),
            params={
                "search_type": "dfs_query_then_fetch",  # else each shard weighs words by itself
                "preference": _NOTE,  # else two copies of a shard may take turns
                "allow_partial_search_results": "false",
            },
        )
        return _read_hits(reply)

    # -------------------------------------------------------------------------------------- fill

    async def add(self, docs: Iterable[TextDoc]) -> Added:
        """Index pages in bounded requests; what has an id already stays.

        Memory: one request. Cost: about .4 ms of CPU per page of 225 words, in a thread.

        Raises:
            WorldError: the server failed; adding the same again goes on where it stopped.
        """
        requests = batches(
            self._lines(docs), max_docs=self._place.bulk_docs, max_bytes=self._place.bulk_bytes
        )
        total = Added()
        while (batch := await asyncio.to_thread(next, requests, None)) is not None:
            total += await send_batch(batch, wire=self._wire, path=f"{self._root}/_bulk")
        return total

    def _lines(self, docs: Iterable[TextDoc]) -> Iterator[Line]:
        for doc in docs:
            for number, one in enumerate(weighed(presegmented_doc(doc))):
                yield Line(
                    key=f"{doc.id}.{number}" if number else str(doc.id),
                    page=doc.id,
                    is_page=number == 0,
                    source={
                        "id": doc.id,
                        "is_page": number == 0,
                        "title": " ".join(self._terms.counted(one.title)),
                        "all": " ".join(self._terms.counted(one.everything)),
                    },
                )

    async def refresh(self) -> None:
        """Make what was added findable.

        Raises:
            WorldError: the server failed.
        """
        reply = await self._wire.ask("POST", f"{self._root}/_refresh", what="refreshing the index")
        _check_shards(reply, "refreshing the index")

    async def stats(self) -> TextStats:
        """How much can be found.

        Raises:
            WorldError: the server failed.
        """
        about = (await self._wire.ask("GET", "/", what="asking the server's version")).get(
            "version"
        )
        version = about if isinstance(about, dict) else {}
        name = version.get("distribution", "elasticsearch")
        return TextStats(
            num_pages=await self._count(is_page=True),
            num_names=await self._count(is_page=False),
            engine=f"{name} {version.get('number', 'of unknown version')}",
        )

    async def _count(self, *, is_page: bool) -> int:
        reply = await self._wire.ask(
            "POST",
            f"{self._root}/_count",
            what="counting pages",
            body={"query": {"bool": {"filter": [{"term": {"is_page": is_page}}]}}},
        )
        _check_shards(reply, "counting pages")
        count = reply.get("count")
        if not isinstance(count, int):
            raise WorldError(FailureKind.UPSTREAM, "counting pages failed: the answer has no count")
        return count

    async def seal(self) -> None:
        """Note that every page was added, and let nobody write any more.

        Raises:
            WorldError: the server failed.
        """
        assert self._note is not None, "the index was prepared by `filling`"
        done = self._note.model_copy(update={"complete": True})
        await self._wire.ask(
            "PUT", f"{self._root}/_mapping", what="sealing the index", body={"_meta": _meta(done)}
        )
        await self._wire.ask(
            "PUT",
            f"{self._root}/_settings",
            what="sealing the index",
            body={"index": {"blocks": {"write": True}}},
        )
        self._note = done

    # ------------------------------------------------------------------------------ open, create

    async def load_note(self) -> IndexNote | None:
        """The note of the index; None where there is no index.

        Raises:
            ConfigError: the index is none of ours.
            WorldError: the server failed.
        """
        try:
            reply = await self._wire.ask("GET", self._root, what="opening the index")
        except WorldError as failure:
            if failure.kind is FailureKind.NOT_FOUND:
                return None
            raise
        return _read_note(reply, self._place.index)

    async def create(self, note: IndexNote) -> None:
        """Make the index where there is none; one of the same world is taken as it is.

        Raises:
            ConfigError: the index is there and holds something else.
            WorldError: the server failed.
        """
        known = await self.load_note()
        if known is None:
            body = _index_body(note, shards=self._place.shards, replicas=self._place.replicas)
            try:
                await self._wire.ask("PUT", self._root, what="making the index", body=body)
            except WorldError as failure:
                # Somebody was faster, or an answer was lost on the way: then it is there now.
                if failure.kind is not FailureKind.BAD_REQUEST:
                    raise
                known = await self.load_note()
                if known is None:
                    raise
        self._take(note if known is None else known, world_id=note.world_id, content=note.content)

    async def require_complete(self, *, world_id: str, content: str) -> None:
        """Take an index that is there for reading.

        Raises:
            ConfigError: none, one that was not filled to the end, or one of something else.
            WorldError: the server failed.
        """
        note = await self.load_note()
        if note is None or not note.complete:
            state = "is not there" if note is None else "was not filled to the end"
            msg = (
                f"expected the complete index {self._place.index!r} on the search server, it "
                f"{state}: fill it with `vdr world push WORLD --to {self._place.url}/"
                f"{self._place.index}`"
            )
            raise ConfigError(msg)
        self._take(note, world_id=world_id, content=content)

    def _take(self, note: IndexNote, *, world_id: str, content: str) -> None:
        expected = (TEXT_INDEX_VERSION, analyser_of(self._terms))
        if (note.version, note.analyser) != expected:
            msg = (
                f"the index {self._place.index!r} counts words in another way (version "
                f"{note.version!r}, analyser {note.analyser}; here {expected[0]!r}, {expected[1]}): "
                "push the world into a new index"
            )
            raise ConfigError(msg)
        if (note.world_id, note.content) != (world_id, content):
            msg = (
                f"the index {self._place.index!r} holds world {note.world_id} with content "
                f"{note.content}, expected {world_id} with {content}: name another index"
            )
            raise ConfigError(msg)
        self._note = note


@asynccontextmanager
async def reading(
    place: OpenSearchPlace, *, terms: TermSource, policy: CallPolicy, world_id: str, content: str
) -> AsyncIterator[OpenSearchTexts]:
    """The complete index of a world, to be searched.

    Args:
        place: where it is.
        terms: the world's own embedded index, or anything that makes the same terms.
        policy: how the server is called; one per server.
        world_id: of the world's manifest.
        content: `text_index["content"]` of the world's manifest.

    Raises:
        ConfigError: see `OpenSearchTexts.require_complete`.
        WorldError: the server failed.
    """
    async with OpenSearchWire(place, policy=policy) as wire:
        texts = OpenSearchTexts(place, wire=wire, terms=terms)
        await texts.require_complete(world_id=world_id, content=content)
        yield texts


@asynccontextmanager
async def filling(
    place: OpenSearchPlace, *, terms: TermSource, policy: CallPolicy, world_id: str, content: str
) -> AsyncIterator[OpenSearchTexts]:
    """The index of a world, made if it is not there, to be added to; arguments as of `reading`.

    Raises:
        ConfigError: the index holds something else.
        WorldError: the server failed.
    """
    note = IndexNote(
        version=TEXT_INDEX_VERSION,
        analyser=analyser_of(terms),
        world_id=world_id,
        content=content,
    )
    async with OpenSearchWire(place, policy=policy) as wire:
        texts = OpenSearchTexts(place, wire=wire, terms=terms)
        await texts.create(note)
        yield texts


def analyser_of(terms: TermSource) -> str:
    """A short hash of how texts become terms and how fields are weighed."""
    parts = (terms.layout.value, TIE_BREAKS[terms.layout], terms.counted(_PROBE))
    return hashlib.sha256(repr(parts).encode()).hexdigest()[:16]


def _search_body(terms: list[str], tie_break: float, *, offset: int, size: int) -> Body:
    words = " ".join(terms)
    return {
        "query": {
            "dis_max": {
                "tie_breaker": tie_break,
                "queries": [
                    {"match": {"title": {"query": words}}},
                    {"match": {"all": {"query": words}}},
                ],
            }
        },
        "from": offset,
        "size": size,
        "sort": [{"_score": {"order": "desc"}}, {"id": {"order": "asc"}}],
        "track_scores": True,
        "track_total_hits": False,
        "_source": False,
    }


def _index_body(note: IndexNote, *, shards: int, replicas: int) -> Body:
    words: Body = {
        "type": "text",
        "analyzer": "whitespace",  # the terms are ours
        "index_options": "freqs",  # no positions: nothing asks for phrases
        "similarity": "vdr_bm25",
    }
    return {
        "settings": {
            "index": {
                "number_of_shards": shards,
                "number_of_replicas": replicas,
                "max_result_window": _WINDOW,
                "similarity": {"vdr_bm25": {"type": "BM25", "k1": 1.2, "b": 0.75}},
            }
        },
        "mappings": {
            "dynamic": "strict",
            "_source": {"enabled": False},  # pages lie in the world; here only words are counted
            "_meta": _meta(note),
            "properties": {
                "id": {"type": "long"},
                "is_page": {"type": "boolean"},
                "title": words,
                "all": words,
            },
        },
    }


def _meta(note: IndexNote) -> Body:
    return {_NOTE: note.model_dump()}


def _read_note(reply: Body, index: str) -> IndexNote:
    """The note in the answer to `GET /index`; an alias answers with the name of its index."""
    found: JsonValue = next(iter(reply.values())) if len(reply) == 1 else None
    for key in ("mappings", "_meta", _NOTE):
        found = found.get(key) if isinstance(found, dict) else None
    try:
        return IndexNote.model_validate(found)
    except ValidationError as reason:
        msg = (
            f"expected an index that `vdr world push` made, {index!r} is there and is none: name "
            "another index"
        )
        raise ConfigError(msg) from reason


def _read_hits(reply: Body) -> list[TextHit]:
    """Pages in the order of the answer.

    Raises:
        WorldError: the answer is for a part of the pages only, or none of the kind.
    """
    _check_shards(reply, "text search")
    if reply.get("timed_out") is not False:
        raise WorldError(FailureKind.TIMEOUT, "text search: the search server ran out of time")
    outer = reply.get("hits")
    hits = outer.get("hits") if isinstance(outer, dict) else None
    found: list[TextHit] = []
    for hit in hits if isinstance(hits, list) else [None]:
        score = hit.get("_score") if isinstance(hit, dict) else None
        keys = hit.get("sort") if isinstance(hit, dict) else None
        number = keys[1] if isinstance(keys, list) and len(keys) == 2 else None
        if not isinstance(score, int | float) or not isinstance(number, int) or number < 0:
            msg = "text search failed: the answer holds no hits of the expected form"
            raise WorldError(FailureKind.UPSTREAM, msg)
        found.append(TextHit(id=number, score=round(float(score), _SCORE_DIGITS)))
    return found


def _check_shards(reply: Body, what: str) -> None:
    """An answer that leaves out a part of the index is a failure, not a shorter list."""
    shards = reply.get("_shards")
    failed = shards.get("failed") if isinstance(shards, dict) else None
    if failed != 0:
        told = "does not tell of its shards" if failed is None else f"lacks {failed} shards"
        raise WorldError(FailureKind.UPSTREAM, f"{what} failed: the answer {told}")
