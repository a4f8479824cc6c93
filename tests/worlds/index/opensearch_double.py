"""A search server on loopback that speaks the part of OpenSearch's and Elasticsearch's API we use.

    with OpenSearchDouble() as server:
        ... OpenSearchPlace(url=server.url, index="mine") ...
    assert not server.surprises

It really indexes and scores (BM25 as Lucene does it, see `opensearch_bm25.py`), per shard, and is
as strict as the real ones where that matters: fields the mapping does not know, parameters the API
does not know, a bulk body without its last newline, a window that is too deep, a second index of
the same name, writes to a blocked index, a missing or wrong secret. What was added is found after
a refresh only.

Faults are planted: `faults` are answers given instead of the next ones to a path that ends so;
`busy_lines` lines of coming bulk requests are put off with 429; `poisoned` ids are refused with
400; `dead_shards` shards do not answer. `requests` keeps what came.
"""

import json
import ssl
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Self
from urllib.parse import parse_qsl, urlsplit
from zlib import crc32

from pydantic import JsonValue
from typing_extensions import override

from tests.worlds.index.opensearch_bm25 import QueryError, Scorer, Shard, Source

_FIELD_OPTIONS = {"type", "analyzer", "index_options", "similarity"}
_TYPES = {"text": str, "long": int, "boolean": bool, "keyword": str}
_SEARCH_KEYS = {"query", "from", "size", "sort", "track_scores", "track_total_hits", "_source"}
_PARAMS = {
    "_search": {"search_type", "preference", "allow_partial_search_results"},
    "_bulk": {"refresh"},
}


@dataclass(frozen=True, kw_only=True)
class Asked:
    """One request as it came."""

    method: str
    path: str
    params: Mapping[str, str]
    headers: Mapping[str, str]
    """Names in lower case."""
    body: bytes


@dataclass(frozen=True, kw_only=True)
class Fault:
    """An answer instead of the real one."""

    path: str
    """How the path ends."""
    status: int
    body: bytes = b'{"error":{"type":"planted_exception","reason":"planted"},"status":0}'
    headers: Mapping[str, str] = field(default_factory=dict)
    is_done: bool = False
    """Whether the request is carried out before, as when only the answer is lost."""


class _RefusedError(Exception):
    def __init__(self, status: int, kind: str, reason: str) -> None:
        super().__init__(reason)
        self.status = status
        self.kind = kind
        self.reason = reason


@dataclass(kw_only=True)
class _Index:
    name: str
    settings: dict[str, JsonValue]
    mappings: dict[str, JsonValue]
    types: dict[str, str]
    shards: list[Shard]
    window: int
    known: set[str] = field(default_factory=set)
    waiting: list[tuple[str, Source]] = field(default_factory=list)
    """Added and not refreshed yet."""
    is_blocked: bool = False


class OpenSearchDouble:
    """The server; one thread per connection, one request at a time."""

    def __init__(
        self,
        *,
        authorization: str | None = None,
        distribution: str | None = "opensearch",
        certificate: tuple[Path, Path] | None = None,
    ) -> None:
        """Bind a port; `certificate`: files of certificate and key, to speak TLS."""
        self.authorization = authorization
        self.distribution = distribution
        self.faults: list[Fault] = []
        self.busy_lines = 0
        self.poisoned: frozenset[str] = frozenset()
        self.dead_shards = 0
        self.requests: list[Asked] = []
        self.surprises: list[str] = []
        """Bugs of the double itself."""
        self.indexes: dict[str, _Index] = {}
        self._lock = threading.Lock()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = True
        self._scheme = "http"
        if certificate is not None:
            self._scheme = "https"
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*certificate)
            self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))

    @property
    def url(self) -> str:
        return f"{self._scheme}://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def bulk_sizes(self) -> list[tuple[int, int]]:
        """Documents and bytes of every bulk request that came."""
        bodies = [asked.body for asked in self.requests if asked.path.endswith("/_bulk")]
        return [(body.count(b"\n") // 2, len(body)) for body in bodies]

    # --------------------------------------------------------------------------------- answering

    def answer(self, asked: Asked) -> tuple[int, bytes, Mapping[str, str]]:
        with self._lock:
            self.requests.append(asked)
            fault = next((one for one in self.faults if asked.path.endswith(one.path)), None)
            if fault is not None:
                self.faults.remove(fault)
                if fault.is_done:
                    self._route(asked)
                return fault.status, fault.body, fault.headers
            try:
                status, body = self._route(asked)
            except _RefusedError as refusal:
                status = refusal.status
                body = _error(status, refusal.kind, refusal.reason)
            except QueryError as refusal:
                status, body = 400, _error(400, refusal.kind, refusal.reason)
            return status, json.dumps(body).encode(), {}

    def _route(self, asked: Asked) -> tuple[int, JsonValue]:
        if self.authorization and asked.headers.get("authorization") != self.authorization:
            raise _RefusedError(401, "security_exception", "missing authentication credentials")
        parts = asked.path.strip("/").split("/")
        verb = parts[1] if len(parts) == 2 else ""
        for name in asked.params:
            if name not in _PARAMS.get(verb, set()):
                reason = f"request [{asked.path}] contains unrecognized parameter: [{name}]"
                raise _RefusedError(400, "illegal_argument_exception", reason)
        match asked.method, parts[0], verb:
            case "GET", "", "":
                version = {"number": "3.1.0", "distribution": self.distribution}
                return 200, {"version": {k: v for k, v in version.items() if v is not None}}
            case "PUT", name, "":
                return self._create(name, _object(asked))
            case "GET", name, "":
                index = self._index(name)
                both: JsonValue = {"mappings": index.mappings, "settings": index.settings}
                return 200, {index.name: both}
            case "PUT", name, "_mapping":
                self._index(name).mappings.update(_object(asked))
                return 200, {"acknowledged": True}
            case "PUT", name, "_settings":
                return self._set(self._index(name), _object(asked))
            case "POST", name, _:
                return self._route_post(self._index(name), verb, asked)
        raise _no_handler(asked)

    def _route_post(self, index: _Index, verb: str, asked: Asked) -> tuple[int, JsonValue]:
        match verb:
            case "_bulk":
                return self._bulk(index, asked)
            case "_refresh":
                return self._refresh(index)
            case "_count":
                return self._count(index, _object(asked))
            case "_search":
                return self._search(index, _object(asked), asked.params)
        raise _no_handler(asked)

    def _index(self, name: str) -> _Index:
        if name not in self.indexes:
            raise _RefusedError(404, "index_not_found_exception", f"no such index [{name}]")
        return self.indexes[name]

    def _create(self, name: str, body: dict[str, JsonValue]) -> tuple[int, JsonValue]:
        if name in self.indexes:
            reason = f"index [{name}] already exists"
            raise _RefusedError(400, "resource_already_exists_exception", reason)
        if name != name.lower() or name.startswith(("_", "-", "+")):
            reason = f"Invalid index name [{name}], must be lowercase"
            raise _RefusedError(400, "invalid_index_name_exception", reason)
        if unknown := set(body) - {"settings", "mappings", "aliases"}:
            raise _RefusedError(400, "parse_exception", f"unknown key [{unknown.pop()}]")
        settings = _at(body, "settings", "index")
        mappings = _at(body, "mappings")
        properties = _at(mappings, "properties")
        types = {name: _field_type(name, options, settings) for name, options in properties.items()}
        bm25 = _at(settings, "similarity", "vdr_bm25")
        shards = [
            Shard(
                k1=_number(bm25.get("k1"), 1.2),
                b=_number(bm25.get("b"), 0.75),
                text_fields=frozenset(name for name, kind in types.items() if kind == "text"),
            )
            for _ in range(int(_number(settings.get("number_of_shards"), 1)))
        ]
        self.indexes[name] = _Index(
            name=name,
            settings={"index": settings},
            mappings=mappings,
            types=types,
            shards=shards,
            window=int(_number(settings.get("max_result_window"), 10_000)),
        )
        return 200, {"acknowledged": True, "shards_acknowledged": True, "index": name}

    def _set(self, index: _Index, body: dict[str, JsonValue]) -> tuple[int, JsonValue]:
        index.is_blocked = _at(body, "index", "blocks").get("write") is True
        return 200, {"acknowledged": True}

    def _bulk(self, index: _Index, asked: Asked) -> tuple[int, JsonValue]:
        if asked.headers.get("content-type") not in {"application/x-ndjson", "application/json"}:
            raise _RefusedError(406, "media_type_header_exception", "Content-Type is not supported")
        if not asked.body.endswith(b"\n"):
            reason = "The bulk request must be terminated by a newline [\\n]"
            raise _RefusedError(400, "illegal_argument_exception", reason)
        lines = asked.body.decode().split("\n")[:-1]
        items: list[JsonValue] = []
        is_faulty = False
        for action_line, source_line in zip(lines[::2], lines[1::2], strict=True):
            action, about = next(iter(json.loads(action_line).items()))
            outcome = self._write(index, action, about["_id"], source_line)
            is_faulty = is_faulty or "error" in outcome
            items.append({action: outcome})
        return 200, {"took": 1, "errors": is_faulty, "items": items}

    def _write(self, index: _Index, action: str, key: str, line: str) -> dict[str, JsonValue]:
        said: dict[str, JsonValue] = {"_index": index.name, "_id": key}
        if self.busy_lines > 0:
            self.busy_lines -= 1
            return said | _item(429, "es_rejected_execution_exception", "rejected execution")
        if index.is_blocked:
            reason = f"index [{index.name}] blocked by: [FORBIDDEN/8/index write (api)];"
            return said | _item(403, "cluster_block_exception", reason)
        source: Source = json.loads(line)
        for name, value in source.items():
            if name not in index.types:
                reason = f"mapping set to strict, dynamic introduction of [{name}] is not allowed"
                return said | _item(400, "strict_dynamic_mapping_exception", reason)
            if not isinstance(value, _TYPES[index.types[name]]):
                reason = f"failed to parse field [{name}] of type [{index.types[name]}]"
                return said | _item(400, "mapper_parsing_exception", reason)
        if key in self.poisoned:
            return said | _item(400, "mapper_parsing_exception", "failed to parse")
        if action == "create" and key in index.known:
            reason = f"[{key}]: version conflict, document already exists (current version [1])"
            return said | _item(409, "version_conflict_engine_exception", reason)
        if action != "create":
            return said | _item(400, "unsupported", "the double knows create actions only")
        index.known.add(key)
        index.waiting.append((key, source))
        return said | {"status": 201, "result": "created", "_version": 1}

    def _refresh(self, index: _Index) -> tuple[int, JsonValue]:
        for key, source in index.waiting:
            index.shards[crc32(key.encode()) % len(index.shards)].add(key, source)
        index.waiting = []
        return 200, {"_shards": self._shards(index)}

    def _count(self, index: _Index, body: dict[str, JsonValue]) -> tuple[int, JsonValue]:
        if set(body) - {"query"}:
            raise _RefusedError(400, "parsing_exception", "request does not support this key")
        counts = [
            len(Scorer(shard=shard, over=[shard], types=index.types).run(body.get("query")))
            for shard in index.shards
        ]
        return 200, {"count": sum(counts), "_shards": self._shards(index)}

    def _search(
        self, index: _Index, body: dict[str, JsonValue], params: Mapping[str, str]
    ) -> tuple[int, JsonValue]:
        for name in body:
            if name not in _SEARCH_KEYS:
                raise _RefusedError(
                    400, "parsing_exception", f"Unknown key for a VALUE in [{name}]."
                )
        offset, size = _number(body.get("from"), 0), _number(body.get("size"), 10)
        if offset + size > index.window:
            reason = f"Result window is too large, from + size must be <= [{index.window}]"
            raise _RefusedError(400, "illegal_argument_exception", reason)
        if self.dead_shards and params.get("allow_partial_search_results") == "false":
            raise _RefusedError(503, "search_phase_execution_exception", "all shards failed")
        is_dfs = params.get("search_type") == "dfs_query_then_fetch"
        alive = index.shards[self.dead_shards :]
        found: list[tuple[tuple[float | str, ...], str, float, Source]] = []
        for shard in alive:
            scorer = Scorer(shard=shard, over=alive if is_dfs else [shard], types=index.types)
            for key, score in scorer.run(body.get("query")).items():
                source = shard.docs[key]
                found.append((_sort_key(body, index, score, source), key, score, source))
        found.sort(key=lambda one: one[0])
        hits: list[JsonValue] = [
            {
                "_index": index.name,
                "_id": key,
                "_score": score if body.get("track_scores") is True else None,
                "sort": [score, source.get("id")],
            }
            for _, key, score, source in found[int(offset) : int(offset + size)]
        ]
        shards = self._shards(index)
        return 200, {"took": 1, "timed_out": False, "_shards": shards, "hits": {"hits": hits}}

    def _shards(self, index: _Index) -> JsonValue:
        total = len(index.shards)
        return {"total": total, "successful": total - self.dead_shards, "failed": self.dead_shards}


def _sort_key(
    body: dict[str, JsonValue], index: _Index, score: float, source: Source
) -> tuple[float | str, ...]:
    """Only the orders by score and by a mapped field are known."""
    keys: list[float | str] = []
    wanted = body.get("sort")
    for one in wanted if isinstance(wanted, list) else [{"_score": {"order": "desc"}}]:
        assert isinstance(one, dict)
        name, how = next(iter(one.items()))
        sign = -1 if isinstance(how, dict) and how.get("order") == "desc" else 1
        if name == "_score":
            keys.append(sign * score)
        elif index.types.get(name) != "long":
            raise _RefusedError(
                400, "query_shard_exception", f"No mapping found for [{name}] in order to sort on"
            )
        else:
            keys.append(sign * _number(source.get(name), 0))
    return tuple(keys)


def _field_type(name: str, options: JsonValue, settings: dict[str, JsonValue]) -> str:
    fields = options if isinstance(options, dict) else {}
    if unknown := set(fields) - _FIELD_OPTIONS:
        reason = f"unknown parameter [{unknown.pop()}] on mapper [{name}]"
        raise _RefusedError(400, "mapper_parsing_exception", reason)
    kind = str(fields.get("type"))
    if kind not in _TYPES:
        reason = f"No handler for type [{kind}] declared on field [{name}]"
        raise _RefusedError(400, "mapper_parsing_exception", reason)
    if kind == "text" and fields.get("analyzer") != "whitespace":
        raise _RefusedError(400, "mapper_parsing_exception", "the double splits at spaces only")
    similarity = fields.get("similarity")
    if similarity is not None and str(similarity) not in _at(settings, "similarity"):
        reason = f"Unknown Similarity type [{similarity}] for field [{name}]"
        raise _RefusedError(400, "mapper_parsing_exception", reason)
    return kind


def _no_handler(asked: Asked) -> _RefusedError:
    reason = f"no handler found for uri [{asked.path}] and method [{asked.method}]"
    return _RefusedError(400, "illegal_argument_exception", reason)


def _item(status: int, kind: str, reason: str) -> dict[str, JsonValue]:
    return {"status": status, "error": {"type": kind, "reason": reason}}


def _error(status: int, kind: str, reason: str) -> JsonValue:
    cause: JsonValue = {"type": kind, "reason": reason}
    return {"error": {"root_cause": [cause], "type": kind, "reason": reason}, "status": status}


def _object(asked: Asked) -> dict[str, JsonValue]:
    if asked.headers.get("content-type") != "application/json":
        raise _RefusedError(406, "media_type_header_exception", "Content-Type is not supported")
    body = json.loads(asked.body)
    assert isinstance(body, dict)
    return body


def _at(body: dict[str, JsonValue], *keys: str) -> dict[str, JsonValue]:
    """The object some steps down; an empty one where there is none."""
    here: JsonValue = body
    for key in keys:
        here = here.get(key) if isinstance(here, dict) else None
    return here if isinstance(here, dict) else {}


def _number(value: JsonValue, default: float) -> float:
    return value if isinstance(value, int | float) else default


def _handler(double: OpenSearchDouble) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = -1  # head and body in one packet, else every answer waits for an ACK

        def _serve(self) -> None:
            parts = urlsplit(self.path)
            wanted = int(self.headers.get("Content-Length") or 0)
            body = self.rfile.read(wanted)
            if len(body) < wanted:  # a late call was asked twice, and this one is not wanted now
                self.close_connection = True
                return
            asked = Asked(
                method=self.command,
                path=parts.path,
                params=dict(parse_qsl(parts.query)),
                headers={name.lower(): value for name, value in self.headers.items()},
                body=body,
            )
            try:
                status, answer, headers = double.answer(asked)
            except Exception as reason:
                double.surprises.append(repr(reason))
                raise
            self.send_response(status)
            for name, value in {"Content-Type": "application/json", **headers}.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        do_GET = _serve  # noqa: N815 - the names the standard library calls
        do_PUT = _serve  # noqa: N815
        do_POST = _serve  # noqa: N815

        @override
        def log_message(self, format: str, *args: object) -> None:
            """Tests are quiet."""

    return Handler
