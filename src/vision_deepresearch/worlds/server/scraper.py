"""The shape of Serper's scraper (scrape.serper.dev): POST / with the address of a page."""

from pydantic import JsonValue

from vision_deepresearch.worlds.server.addresses import page_spellings
from vision_deepresearch.worlds.server.desk import Desk
from vision_deepresearch.worlds.server.incoming import Incoming, text_of
from vision_deepresearch.worlds.server.reader import Pictures, plain
from vision_deepresearch.worlds.server.refusals import bad_request

_CREDITS = 2


async def scrape(incoming: Incoming, desk: Desk) -> dict[str, JsonValue]:
    """A page as text and, with `includeMarkdown`, as Markdown.

    Raises:
        RefusedError: no address, or no such page.
    """
    fields = incoming.fields
    url = text_of(fields, "url").strip()
    if not url:
        msg = "the address of a page was expected in `url`, got none"
        raise bad_request(msg)
    page = await desk.read(page_spellings(url))
    shown: dict[str, JsonValue] = {"text": plain(page.markdown)}
    if fields.get("includeMarkdown") in {True, "true"}:
        shown["markdown"] = Pictures(page, incoming=incoming).placed(page.markdown)
    metadata: dict[str, JsonValue] = {"title": page.title}
    if page.published:
        metadata["article:published_time"] = page.published
    return {**shown, "metadata": metadata, "credits": _CREDITS}
