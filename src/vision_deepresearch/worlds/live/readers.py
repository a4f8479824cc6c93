"""A reader of somebody else as a table row, and the engine that asks it.

The address is checked by the fetcher's rules first, else our key could read someone's intranet
through the provider. What the provider's resolver makes of a name is out of our hands.
"""

from collections.abc import Callable
from dataclasses import dataclass

from pydantic import JsonValue, SecretStr

from vision_deepresearch.core.errors import FailureKind, WorldError
from vision_deepresearch.worlds.fetch.urls import RefusedUrlError, check_url
from vision_deepresearch.worlds.live.engine import About, ApiRequest, NameFailure, ReadPage
from vision_deepresearch.worlds.live.wire import Wire


@dataclass(frozen=True, slots=True, kw_only=True)
class ReaderProvider:
    """One service that reads pages."""

    about: About
    request: Callable[[str, str], ApiRequest]
    """From a page's address and the key."""
    parse: Callable[[JsonValue, str], ReadPage | None]
    """The page of an answer about an address; None: no answer of this service. Never raises."""
    name_failure: NameFailure | None = None


class ApiReader:
    """Asks one provider. A `PageEngine`."""

    def __init__(
        self, provider: ReaderProvider, *, wire: Wire, key: SecretStr, checks_urls: bool = True
    ) -> None:
        """Nothing is asked yet.

        Args:
            provider: who reads.
            wire: to it.
            key: "": none is sent.
            checks_urls: whether only public addresses may be read; off only for a reader that can
                reach nothing else, such as a served world.
        """
        self._provider = provider
        self._wire = wire
        self._key = key
        self._checks_urls = checks_urls

    @property
    def about(self) -> About:
        """What it is."""
        return self._provider.about

    async def read_page(self, url: str) -> ReadPage:
        """See `PageEngine`."""
        if self._checks_urls:
            try:
                check_url(url)
            except RefusedUrlError as refusal:
                raise WorldError(FailureKind.BLOCKED, str(refusal)) from None
        answer = await self._wire.ask(
            lambda: self._provider.request(url, self._key.get_secret_value()), what="reading a page"
        )
        page = self._provider.parse(answer, url)
        if page is None:
            raise self._wire.failure(FailureKind.UPSTREAM)
        return page
