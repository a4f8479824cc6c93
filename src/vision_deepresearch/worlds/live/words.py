"""A text provider as a table row: how it is asked, how its answer is read, what its errors mean."""

from collections.abc import Callable
from dataclasses import dataclass

from pydantic import JsonValue, SecretStr

from vision_deepresearch.core.errors import FailureKind
from vision_deepresearch.core.observation import Evidence
from vision_deepresearch.worlds.live.engine import About, ApiRequest, NameFailure, cut_query
from vision_deepresearch.worlds.live.found import ranked
from vision_deepresearch.worlds.live.tolerant import Fields
from vision_deepresearch.worlds.live.wire import Wire


@dataclass(frozen=True, slots=True, kw_only=True)
class TextProvider:
    """One service that finds pages by words."""

    about: About
    request: Callable[[str, int, str], ApiRequest]
    """From query, number of hits and key."""
    parse: Callable[[Fields, str], list[Evidence]]
    """Hits of an answer to a query, in its order; never raises."""
    lists: tuple[str, ...]
    """An answer has at least one of these keys; one without is no answer of this service."""
    name_failure: NameFailure | None = None


class WordsEngine:
    """Asks one provider. A `TextEngine`."""

    def __init__(self, provider: TextProvider, *, wire: Wire, key: SecretStr) -> None:
        self._provider = provider
        self._wire = wire
        self._key = key

    @property
    def about(self) -> About:
        """What it is."""
        return self._provider.about

    async def search_text(self, query: str, *, limit: int) -> list[Evidence]:
        """See `TextEngine`."""
        about = self._provider.about
        words = cut_query(query, about=about)
        count = max(1, min(limit, about.max_hits))
        answer = await self._wire.ask(
            lambda: self._provider.request(words, count, self._key.get_secret_value()),
            what="text search",
        )
        hits = read_answer(self._provider, answer, query=query)
        if hits is None:
            raise self._wire.failure(FailureKind.UPSTREAM)
        return ranked(hits, limit=limit)


def read_answer(provider: TextProvider, answer: JsonValue, *, query: str) -> list[Evidence] | None:
    """Hits of an answer; None: it is no answer of this service."""
    if not isinstance(answer, dict) or not any(name in answer for name in provider.lists):
        return None
    return provider.parse(answer, query)
