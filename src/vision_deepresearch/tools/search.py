"""Full-text search with several queries at the same time."""

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Annotated

from pydantic import Field, StringConstraints, field_validator

from vision_deepresearch.core.content import Text, ToolCall, ToolSpec, trusted, untrusted
from vision_deepresearch.core.errors import BoundaryError, FailureKind, WorldError, boundary
from vision_deepresearch.core.observation import Evidence, EvidenceKind, Observation
from vision_deepresearch.core.protocols import ToolContext, World
from vision_deepresearch.core.record import Record
from vision_deepresearch.tools.arguments import read_arguments, unwrap_json
from vision_deepresearch.tools.failures import message_of, words_for
from vision_deepresearch.tools.layout import (
    HIT_SEPARATOR,
    QUERY_SEPARATOR,
    Block,
    Outcome,
    compose,
    labelled,
    link,
    one_line,
)
from vision_deepresearch.tools.limits import ToolLimits

NAME = "search"


class SearchArguments(Record):
    """What to search for."""

    query: tuple[Annotated[str, StringConstraints(strip_whitespace=True, max_length=1000)], ...] = (
        Field(
            min_length=1,
            description="One or more queries; put different wordings into one call.",
        )
    )

    @field_validator("query", mode="before")
    @classmethod
    def _one_string_is_a_list_of_one(cls, value: object) -> object:
        queries = unwrap_json(value)
        return [queries] if isinstance(queries, str) else queries


@dataclass(frozen=True, slots=True, kw_only=True)
class _Result:
    """One query and what it found."""

    query: str
    hits: tuple[Evidence, ...] = ()
    failure: FailureKind | None = None


class Search:
    """Searches the text of a world."""

    def __init__(self, *, world: World, limits: ToolLimits) -> None:
        self._world = world
        self._limits = limits
        self._spec = ToolSpec.of(
            NAME,
            description="Search pages by words. Gives titles, addresses and snippets; read a page "
            f"with visit. At most {limits.queries} queries in one call.",
            arguments=SearchArguments,
        )

    @property
    def spec(self) -> ToolSpec:
        """Name, description and argument schema."""
        return self._spec

    async def run(self, call: ToolCall, context: ToolContext) -> Observation:
        """Run all queries of one call. Fails only when every query failed."""
        del context  # the caller travels in `current_context`
        notices: list[str] = []
        try:
            queries = self._plan(read_arguments(SearchArguments, call=call), notices=notices)
        except BoundaryError as error:
            return Observation.failed(error.kind, message_of(error))
        gate = asyncio.Semaphore(self._limits.concurrent)
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(self._search(query, gate=gate)) for query in queries]
        results = [task.result() for task in tasks]
        failures = [result.failure for result in results if result.failure is not None]
        if 0 < len(failures) < len(results):
            notices.append(f"search failed for {len(failures)} of {len(results)} queries")
        failed = failures[0] if len(failures) == len(results) else None
        outcome = Outcome(
            notices=notices,
            failure=failed,
            message=f"search failed ({words_for(failed)})" if failed else "",
        )
        blocks = _blocks(results, snippet_chars=self._limits.snippet_chars)
        return compose(blocks, outcome, max_chars=self._limits.result_chars)

    def _plan(self, arguments: SearchArguments, *, notices: list[str]) -> list[str]:
        """The distinct queries, capped.

        Raises:
            BoundaryError: there is none (bad_args).
        """
        queries = list(dict.fromkeys(query for query in arguments.query if query))
        if not queries:
            raise BoundaryError(FailureKind.BAD_ARGS, f"{NAME} needs at least one query with words")
        skipped = len(queries) - self._limits.queries
        if skipped > 0:
            notices.append(f"{skipped} skipped: one call takes {self._limits.queries} queries")
        return queries[: self._limits.queries]

    async def _search(self, query: str, *, gate: asyncio.Semaphore) -> _Result:
        limit = self._limits.hits_per_query
        try:
            async with gate:
                with boundary(WorldError, "text search"):
                    hits = await self._world.search_text(query, limit=limit)
        except BoundaryError as error:
            return _Result(query=query, failure=error.kind)
        return _Result(query=query, hits=tuple(hits[:limit]))


def _blocks(results: Sequence[_Result], *, snippet_chars: int) -> Iterator[Block]:
    """The first hit of a query carries the query's header, so that neither stands alone."""
    for result in results:
        header = _header(result)
        if not result.hits:
            yield Block(parts=header, joint=QUERY_SEPARATOR)
        for rank, hit in enumerate(result.hits):
            opening = (*header, trusted("\n\n")) if rank == 0 else ()
            head = (*opening, trusted(f"{rank + 1}. "), link(hit.title, hit.url))
            snippet = one_line(hit.snippet, max_chars=snippet_chars)
            evidence = hit.model_copy(
                update={"kind": EvidenceKind.TEXT_HIT, "rank": rank, "query": result.query}
            )
            yield Block(
                parts=(
                    *head,
                    *labelled("Date published: ", hit.published),
                    *labelled("", snippet),
                ),
                evidence=(evidence.model_copy(update={"snippet": snippet}),),
                joint=HIT_SEPARATOR if rank else QUERY_SEPARATOR,
                short=Block(parts=head, evidence=(evidence.model_copy(update={"snippet": ""}),)),
            )


def _header(result: _Result) -> tuple[Text, ...]:
    if result.failure is not None:
        words = f"Search failed ({words_for(result.failure)}) for: "
    elif not result.hits:
        words = "No hits, try fewer or other words than: "
    else:
        words = "1 hit for: " if len(result.hits) == 1 else f"{len(result.hits)} hits for: "
    return (trusted(words), untrusted(one_line(result.query, max_chars=300)))
