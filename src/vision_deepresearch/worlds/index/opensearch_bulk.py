"""Fills an index by `_bulk`: bounded requests, an answer for every line, refusals sent again.

A bulk request may succeed as a whole while some of its lines fail. Lines the server was too busy
for go again, alone; lines it cannot take are listed; a line whose id is there already counts as
known. Lines are `create` actions, so sending one twice - after a torn answer, or in a second run -
changes nothing.
"""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from pydantic import JsonValue

from vision_deepresearch.core.errors import FailureKind, WorldError
from vision_deepresearch.worlds.index.opensearch_wire import OpenSearchWire, reason_of
from vision_deepresearch.worlds.index.seam import Added, Refused

_ITEM_FAULTS = (400, 404, 413)
"""Lines that will never be taken; 429 and 5xx are tried again, 409 is known already."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One document to be created."""

    key: str
    """Its id in the index."""
    page: int
    """The page it belongs to."""
    is_page: bool
    """Not another name of one."""
    source: dict[str, JsonValue]

    def encoded(self) -> bytes:
        """Action and document, two lines of JSON."""
        action = {"create": {"_id": self.key}}
        both = (json.dumps(action), json.dumps(self.source, ensure_ascii=False))
        return "".join(f"{one}\n" for one in both).encode("utf-8", "replace")


@dataclass(frozen=True, slots=True)
class _Ready:
    line: Line
    data: bytes


def batches(
    lines: Iterable[Line], *, max_docs: int, max_bytes: int
) -> Iterator[list[tuple[Line, bytes]]]:
    """Lines in requests of bounded size; a line that is larger alone goes alone."""
    batch: list[tuple[Line, bytes]] = []
    size = 0
    for line in lines:
        data = line.encoded()
        if batch and (len(batch) >= max_docs or size + len(data) > max_bytes):
            yield batch
            batch = batch[:0]  # a new list: the one handed out is not ours any more
            size = 0
        batch.append((line, data))
        size += len(data)
    if batch:
        yield batch


class _Sending:
    """One batch on its way; what is settled does not go again."""

    def __init__(self, batch: list[tuple[Line, bytes]], *, wire: OpenSearchWire, path: str) -> None:
        self._waiting = [_Ready(line, data) for line, data in batch]
        self._wire = wire
        self._path = path
        self._added: dict[int, None] = {}
        self._known: dict[int, None] = {}
        self._refused: dict[int, Refused] = {}

    async def attempt(self) -> Added:
        """Send what waits; raise where some of it has to wait longer."""
        content = b"".join(ready.data for ready in self._waiting)
        reply = await self._wire.once("POST", self._path, what="adding pages", lines=content)
        outcomes = _outcomes(reply, [ready.line.key for ready in self._waiting])
        again: list[_Ready] = []
        worst = 0
        for ready, (status, error) in zip(self._waiting, outcomes, strict=True):
            line = ready.line
            if status in {200, 201}:
                if line.is_page:
                    self._added[line.page] = None
            elif status == 409:
                if line.is_page:
                    self._known[line.page] = None
            elif status in _ITEM_FAULTS:
                self._refused[line.page] = Refused(id=line.page, reason=reason_of(error))
            else:
                again.append(ready)
                worst = max(worst, status)
        self._waiting = again
        if again:
            busy = worst == 429
            kind = FailureKind.RATE_LIMITED if busy else _item_kind(worst)
            msg = f"adding pages: the search server put off {len(again)} of them ({worst})"
            raise WorldError(kind, msg)
        return Added(
            num_added=sum(page not in self._refused for page in self._added),
            num_known=sum(page not in self._refused for page in self._known),
            refused=tuple(self._refused.values()),
        )


def _item_kind(status: int) -> FailureKind:
    if status in {401, 403}:
        return FailureKind.AUTH
    return FailureKind.UPSTREAM if status >= 500 else FailureKind.BAD_REQUEST


async def send_batch(batch: list[tuple[Line, bytes]], *, wire: OpenSearchWire, path: str) -> Added:
    """Send one batch until every line is settled.

    Raises:
        WorldError: the server failed for longer than the policy waits.
    """
    return await wire.policy.call(
        _Sending(batch, wire=wire, path=path).attempt, what="adding pages"
    )


def _outcomes(reply: dict[str, JsonValue], keys: list[str]) -> list[tuple[int, JsonValue]]:
    """Status and error of every line, in the order they were sent.

    Raises:
        WorldError: the answer does not speak of exactly these lines.
    """
    items = reply.get("items")
    found: list[tuple[int, JsonValue]] = []
    for item in items if isinstance(items, list) else []:
        result = item.get("create") if isinstance(item, dict) else None
        if not isinstance(result, dict):
            break
        status, key = result.get("status"), result.get("_id")
        if not isinstance(status, int) or len(found) >= len(keys) or key != keys[len(found)]:
            break
        found.append((status, result.get("error")))
    if len(found) != len(keys):
        msg = (
            f"adding pages: an answer for {len(keys)} lines was expected, it tells of {len(found)}"
        )
        raise WorldError(FailureKind.UPSTREAM, msg)
    return found
