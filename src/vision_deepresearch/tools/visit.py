"""Reads pages for a goal, window by window, and gives names to their pictures."""

import asyncio
import re
from collections.abc import Iterator, Sequence
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import Field, StringConstraints, field_validator

from vision_deepresearch.core.bank import ImageBank, Origin
from vision_deepresearch.core.content import Text, ToolCall, ToolSpec, trusted, untrusted
from vision_deepresearch.core.errors import BoundaryError, FailureKind
from vision_deepresearch.core.observation import Evidence, EvidenceKind, Observation
from vision_deepresearch.core.protocols import MediaStore, Summariser, ToolContext, World
from vision_deepresearch.core.record import Record
from vision_deepresearch.tools.arguments import read_arguments, unwrap_json
from vision_deepresearch.tools.failures import message_of
from vision_deepresearch.tools.layout import (
    Block,
    Outcome,
    compose,
    labelled,
    link,
    notes_of,
    one_line,
)
from vision_deepresearch.tools.limits import ToolLimits
from vision_deepresearch.tools.pictures import PictureFetcher, file_name
from vision_deepresearch.tools.reading import PageFailed, PageRead, PageReading, Wanted

NAME = "visit"
_BARE_HOST = re.compile(r"[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*\.[A-Za-z]{2,}(:[0-9]{1,5})?([/?#].*)?")
_WHAT_A_URL_IS = "a url is the address of a web page, for example https://site.example/page"
_CAPTION_CHARS = 120
_MAX_LINKS = 6
"""Links of a page that are shown: those whose words stand in what was read."""
_MIN_LINK_CHARS = 3
_NOTHING_SHOWN: dict[str, object] = {"snippet": "", "quotes": ()}
"""Of a page whose words did not fit into the result."""


class VisitArguments(Record):
    """Pages to read and what to look for."""

    url: tuple[Annotated[str, StringConstraints(strip_whitespace=True, max_length=4000)], ...] = (
        Field(min_length=1, description="Addresses of one or more pages, as found in results.")
    )
    goal: str = Field(min_length=1, max_length=2000, description="What to find out on the pages.")
    cursor: str | None = Field(
        default=None,
        max_length=40,
        description="Only to read on: the cursor that an earlier visit of this one page gave.",
    )

    @field_validator("url", mode="before")
    @classmethod
    def _one_string_is_a_list_of_one(cls, value: object) -> object:
        urls = unwrap_json(value)
        return [urls] if isinstance(urls, str) else urls

    @field_validator("cursor", mode="before")
    @classmethod
    def _a_number_is_a_cursor_too(cls, value: object) -> object:
        return str(value) if isinstance(value, int) else value


class Visit:
    """Reads pages of a world."""

    def __init__(
        self, *, world: World, media: MediaStore, summariser: Summariser, limits: ToolLimits
    ) -> None:
        self.pictures = PictureFetcher(world=world, media=media)
        """Counts the pictures tried and accepted over the life of the tool."""
        self._limits = limits
        self._reading = PageReading(
            world=world, summariser=summariser, pictures=self.pictures, limits=limits
        )
        self._spec = ToolSpec.of(
            NAME,
            description="Read pages for a goal. Gives the words of each page that bear on the goal "
            "and a summary, and names the page's pictures with handles that you can zoom into or "
            f"search. At most {limits.urls} addresses in one call.",
            arguments=VisitArguments,
        )

    @property
    def spec(self) -> ToolSpec:
        """Name, description and argument schema."""
        return self._spec

    async def run(self, call: ToolCall, context: ToolContext) -> Observation:
        """Read the pages of one call. Fails only when every page failed."""
        notices: list[str] = []
        try:
            arguments = read_arguments(VisitArguments, call=call)
            urls = self._plan(arguments, notices=notices)
        except BoundaryError as error:
            return Observation.failed(error.kind, message_of(error))
        wanted = [
            Wanted(
                url=url,
                goal=arguments.goal,
                cursor=arguments.cursor,
                num_pictures=self._limits.pictures_per_page,
            )
            for url in urls
        ]
        gate = asyncio.Semaphore(self._limits.concurrent)
        results = await self._reading.read_all(wanted, context=context.call, gate=gate)
        blocks = [
            _failed_block(page.url, failure=result)
            if isinstance(result, PageFailed)
            else _page_block(page, read=result, bank=context.bank)
            for page, result in zip(wanted, results, strict=True)
        ]
        notices.extend(_notices_of(results))
        failures = [result for result in results if isinstance(result, PageFailed)]
        failed = failures[0] if len(failures) == len(results) else None
        outcome = Outcome(
            notices=notices,
            failure=failed.kind if failed else None,
            message=f"no page could be read ({failed.words})" if failed else "",
        )
        return compose(blocks, outcome, max_chars=self._limits.result_chars)

    def _plan(self, arguments: VisitArguments, *, notices: list[str]) -> list[str]:
        """The distinct addresses, capped.

        Raises:
            BoundaryError: none is an address, or a cursor for several pages (bad_args).
        """
        urls: list[str] = []
        refused: list[str] = []
        for written in arguments.url:
            url = web_address(written)
            if url is None:
                refused.append(f"{written[:80]!r}")
            elif url not in urls:
                urls.append(url)
        if not urls:
            raise BoundaryError(
                FailureKind.BAD_ARGS, f"{_WHAT_A_URL_IS}; got {', '.join(refused[:5])}"
            )
        if arguments.cursor is not None and len(urls) > 1:
            raise BoundaryError(
                FailureKind.BAD_ARGS, "a cursor belongs to one page: visit that page alone"
            )
        if refused:
            notices.append(f"not visited: {', '.join(refused[:5])}; {_WHAT_A_URL_IS}")
        if len(urls) > self._limits.urls:
            skipped = len(urls) - self._limits.urls
            notices.append(f"{skipped} skipped: one call takes {self._limits.urls} addresses")
        return urls[: self._limits.urls]


def web_address(written: str) -> str | None:
    """The http(s) address meant, `https://` added to a bare host; None for paths and the rest."""
    if any(char.isspace() or char < " " for char in written):
        return None
    address = f"https://{written}" if _BARE_HOST.fullmatch(written) else written
    try:
        parts = urlsplit(address)
        is_web = parts.scheme in {"http", "https"} and bool(parts.hostname)
    except ValueError:
        return None
    return address if is_web and "\\" not in address and "@" not in parts.netloc else None


def _notices_of(results: Sequence[PageRead | PageFailed]) -> Iterator[str]:
    reads = [result for result in results if isinstance(result, PageRead)]
    if 0 < len(reads) < len(results):
        yield f"{len(results) - len(reads)} of {len(results)} pages could not be read"
    for read in reads:
        if read.summary.note:
            yield read.summary.note
    if missing := sum(read.num_missing for read in reads):
        yield f"{missing} pictures could not be opened"


def _failed_block(url: str, *, failure: PageFailed) -> Block:
    return Block(
        parts=(
            trusted("Page "),
            untrusted(one_line(url, max_chars=1000)),
            trusted("\nPage not read: "),
            untrusted(failure.words),
        )
    )


def _page_block(wanted: Wanted, *, read: PageRead, bank: ImageBank) -> Block:
    page = read.page
    head = (trusted("Page "), link(page.title, page.final_url))
    goal = labelled("Goal: ", one_line(wanted.goal, max_chars=200))
    more = labelled("More of this page: cursor ", page.cursor)
    evidence = Evidence(
        kind=EvidenceKind.PAGE,
        url=page.final_url,
        title=page.title,
        snippet="\n".join(filter(None, (read.summary.evidence, read.summary.summary))),
        published=page.published,
        query=wanted.goal,
        world_id=page.world_id,
        doc_id=page.doc_id,
        quotes=read.quotes(),
        degraded=read.summary.degraded,
    )
    return Block(
        parts=(
            *head,
            *goal,
            *labelled("Published: ", page.published),
            *notes_of(read.summary),
            *_pictures(read, bank=bank),
            *_links(read),
            *more,
        ),
        evidence=(evidence,),
        short=Block(parts=(*head, *more), evidence=(evidence.model_copy(update=_NOTHING_SHOWN),)),
    )


def _pictures(read: PageRead, *, bank: ImageBank) -> tuple[Text, ...]:
    """One line per picture: its handle and what the page says about it."""
    lines: list[Text] = []
    for picture in read.pictures:
        handle = bank.add(picture.ref, Origin(kind="fetched", url=picture.image.src))
        words = picture.image.caption or picture.image.alt or _unnamed(picture.image.src)
        lines += [trusted(f"\n- {handle}: "), untrusted(one_line(words, max_chars=_CAPTION_CHARS))]
    return (trusted("\nPictures:"), *lines) if lines else ()


def _links(read: PageRead) -> tuple[Text, ...]:
    """Where the names in what was read lead to, so that they can be followed; own site first."""
    said = f"{read.summary.evidence}\n{read.summary.summary}".casefold()
    host = urlsplit(read.page.final_url).netloc
    by_name: dict[str, str] = {}
    for target in sorted(read.page.links, key=lambda one: urlsplit(one.url).netloc != host):
        words = " ".join(target.text.split())
        if len(words) < _MIN_LINK_CHARS or target.url == read.page.final_url:
            continue
        if words not in by_name and re.search(rf"(?<!\w){re.escape(words.casefold())}(?!\w)", said):
            by_name[words] = target.url
        if len(by_name) == _MAX_LINKS:
            break
    lines = [(trusted("\n- "), link(words, url)) for words, url in by_name.items()]
    return (trusted("\nLinks:"), *(part for line in lines for part in line)) if lines else ()


def _unnamed(url: str) -> str:
    name = file_name(url)
    return f"no caption, file {name}" if name else "no caption"
