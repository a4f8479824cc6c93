"""What pages of a generated world said earlier: the same pages with values that changed since.

Only what can change does (a number of employees, a captain); pages about one thing have older
copies, lists and albums have none. The copy says in its first line that it is one.
"""

from dataclasses import replace
from urllib.parse import urldefrag

from vision_deepresearch.core.errors import WorldError, boundary
from vision_deepresearch.core.page import Page
from vision_deepresearch.worlds.generated.claims import Stance, older_value
from vision_deepresearch.worlds.generated.pages import PageSet
from vision_deepresearch.worlds.generated.plan import PageKind, PageRecord
from vision_deepresearch.worlds.generated.world import GeneratedWorld
from vision_deepresearch.worlds.pages import to_page

NOTICE = "This is an older copy of the page: what it says may have changed since."
_OF_ONE_THING = frozenset({
    PageKind.ENCYCLOPEDIA,
    PageKind.CATALOGUE,
    PageKind.NEWS,
    PageKind.MIRROR,
})


class OlderPages:
    """Older copies of a world's pages; each can be made alone, and is always the same."""

    def __init__(self, world: GeneratedWorld) -> None:
        self._pages = world.pages
        self._world_id = world.manifest().world_id
        self._numbers = {record.url: n for n, record in enumerate(world.pages.all_urls())}

    async def read_older(self, url: str, *, cursor: str | None = None) -> Page | None:
        """A window of an older copy; None: no such page, or nothing on it ever changed.

        Its `doc_id` ends in "~older", so that it is not graded as the page of today.

        Raises:
            WorldError: no such window (bad_args).
        """
        address = urldefrag(url.strip()).url
        if address not in self._numbers:
            return None
        record = self._pages.record(address)
        older = self._older(record)
        if older is None:
            return None
        with boundary(WorldError, "page read"):
            page = to_page(
                PageSet(self._pages.graph, records=(older,)).render_html(address),
                url=url,
                final_url=address,
                world_id=self._world_id,
                doc_id=f"{self._numbers[address]}~older",
                cursor=cursor,
            )
        if cursor is not None:
            return page
        return page.model_copy(update={"markdown": f"*{NOTICE}*\n\n{page.markdown}"})

    def _older(self, record: PageRecord) -> PageRecord | None:
        """The page with older values for what changed; it keeps what it already gets wrong."""
        if record.kind not in _OF_ONE_THING:
            return None
        graph, subject = self._pages.graph, record.about[0]
        wrong = {fact.predicate for fact, _ in record.wrong}
        earlier = [
            (was, Stance.OUTDATED)
            for fact in graph.facts(subject)
            if graph.relation(subject, fact.predicate).changes and fact.predicate not in wrong
            if (was := older_value(graph, fact, key="older")) != fact
        ]
        return replace(record, wrong=(*record.wrong, *earlier)) if earlier else None
