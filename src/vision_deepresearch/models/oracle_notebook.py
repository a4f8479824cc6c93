"""What the oracle has read so far and what it has tried: rebuilt from the conversation each turn.

A value enters the notebook in one of two ways only: it was read just now from a tool result that
answers the oracle's own last calls, or it stands in a note the oracle wrote into an earlier reply
after reading it so. Notes survive when context management removes the results themselves.

    h1 | shown in the picture: "Kvarn Line" (https://site.example/kvarn)
    h2 | "Kvarn Line", founded by: "Ada Brodny"
    photo/h3 | the picture without words on that page: "img_4"
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from vision_deepresearch.core.content import Conversation, Message, Role, ToolCall
from vision_deepresearch.core.proof import MATCHING, Hop, HopKind, Proof, agrees
from vision_deepresearch.core.protocols import Completion, Profile, TruthSource
from vision_deepresearch.models.oracle_reading import (
    SeenPage,
    read_hits,
    read_links,
    read_pages,
    read_regions,
    read_shown,
    responses_of,
)

_NOTE = re.compile(
    r'^(?P<hop>[^\s|]+) \| .*: (?P<value>"(?:[^"\\]|\\.)*")(?: \((?P<url>\S+)\))?$', re.MULTILINE
)
_REPAIRED = "repaired/"
"""Begins the first word of a note about a picture; what follows is its handle."""
_PHOTO = "photo/"
"""Begins the first word of a note about a picture of a page; what follows is the look at it."""
_BOX_TOLERANCE = 2.0
"""Thousandths by which a header may differ from what was asked for."""
_NAMED = re.compile(r"^image_id: (\S+)$", re.MULTILINE)
_TRAILING_KIND = re.compile(r"\s+\([^()]*\)$")
_DAY_FIRST = re.compile(r"\b(\d{1,2}) ([A-Z][a-z]+) (\d{4})\b")
_MONTH_FIRST = re.compile(r"\b([A-Z][a-z]+) (\d{1,2}), (\d{4})\b")
_ISO = re.compile(r"\b(\d{4})-(\d{2})-(\d{2})\b")
_FIGURE = re.compile(r"-?\d[\d,\u00a0\u202f]*(?:\.\d+)?")
_GROUPED = re.compile(r"(?<=\d)[,\u00a0\u202f](?=\d{3}\b)")
_MONTH_NAMES = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnReply:
    """One earlier reply of the oracle."""

    notes: tuple[tuple[str, str, str], ...]
    """Hop id, value, and the page of a thing recognised in a picture."""
    calls: tuple[ToolCall, ...]


@dataclass(slots=True, kw_only=True)
class Notebook:
    """Values read so far by hop id, and everything that was asked for."""

    values: dict[str, str] = field(default_factory=dict)
    places: dict[str, str] = field(default_factory=dict)
    """By hop id: the page that a picture search led to."""
    fresh: list[str] = field(default_factory=list)
    """Hops whose values were read from the newest results: to be noted in this reply."""
    calls: list[ToolCall] = field(default_factory=list)
    """All earlier calls."""
    num_replies: int = 0
    was_refused: bool = False
    """Whether the last reply held no call: an answer that was not accepted."""
    seen: set[str] = field(default_factory=set)
    """Urls in the newest results of searches and visits."""
    shown: dict[str, str] = field(default_factory=dict)
    """Title and words of each hit and page of the newest searches and visits, by url, in order."""
    repaired: dict[str, str] = field(default_factory=dict)
    """Handle of a question's picture -> handle of the same picture repaired."""
    fresh_repairs: list[str] = field(default_factory=list)
    """Handles of pictures whose repair was shown just now: to be noted in this reply."""
    quarters: int = 0
    """By which a repaired picture is turned clockwise."""
    photos: dict[str, str] = field(default_factory=dict)
    """By hop id: handle of the picture of a page that it looks at."""
    fresh_photos: list[str] = field(default_factory=list)
    """Hops whose picture a page showed just now: to be noted in this reply."""
    cursors: dict[str, str] = field(default_factory=dict)
    """Of pages just read that go on: url to the place of the next window."""


def read_own(text: str, *, profile: Profile) -> OwnReply:
    """Notes and calls that stand in the text of one of the oracle's own messages."""
    notes = tuple((hop, _unquote(value), url) for hop, value, url in _NOTE.findall(text))
    return OwnReply(notes=notes, calls=profile.parse(Completion(text=text), turn=0).calls)


def write_note(hop: Hop, *, book: Notebook) -> str:
    """A line that says what was read for a hop; `read_own` reads it back."""
    value = _quote(book.values[hop.id])
    if hop.kind is HopKind.LOOK:
        return f"{hop.id} | shown in the picture: {value} ({book.places[hop.id]})"
    return f"{hop.id} | {_quote(book.values[hop.subject or ''])}, {hop.label}: {value}"


def write_repair(handle: str, *, book: Notebook) -> str:
    """A line that says under which handle a picture is repaired."""
    return f"{_REPAIRED}{handle} | the whole repaired: {_quote(book.repaired[handle])}"


def write_photo(hop_id: str, *, book: Notebook) -> str:
    """A line that says under which handle the picture of a page goes."""
    return (
        f"{_PHOTO}{hop_id} | the picture without words on that page: {_quote(book.photos[hop_id])}"
    )


def photo_noted(hop_id: str) -> bool:
    """Whether the first word of a note says that it is about a picture of a page."""
    return hop_id.startswith(_PHOTO)


def write_confirmation(hop: Hop, *, subject: str, value: str, url: str) -> str:
    """The same for a value that another page has too; told from a first reading by its address."""
    return f"{hop.id} | {_quote(subject)}, {hop.label}: {_quote(value)} ({url})"


def states(text: str, value: str) -> bool:
    """Whether a text has a value as words of their own, however figures in it are grouped.

    >>> states("It has 12,400 seats.", "12400"), states("Kvarnby", "Kvarn")
    (True, False)
    """
    return re.search(rf"(?<!\w){re.escape(_flat(value))}(?!\w)", _flat(text)) is not None


def open_notebook(
    conversation: Conversation,
    *,
    own: Sequence[OwnReply],
    proof: Proof,
    truth: TruthSource,
    can_visit: bool,
    quarters: int = 0,
) -> Notebook:
    """Take the notes of all own replies, then read the results that came after the last one.

    Args:
        conversation: as sent.
        own: its assistant messages as `read_own` gives them, in order.
        proof: says which hops there are and which pages they need; its expected values are not
            looked at.
        truth: reads values out of text.
        can_visit: whether pages can be read; if not, the words below hits are read instead.
        quarters: by which the repair of this question's pictures turns them clockwise.
    """
    book = Notebook(num_replies=len(own), quarters=quarters)
    known = {hop.id for hop in proof.hops}
    book.values |= _given(conversation, proof=proof)
    for reply in own:
        book.values |= {hop: value for hop, value, _ in reply.notes if hop in known}
        book.repaired |= {
            hop.removeprefix(_REPAIRED): handle
            for hop, handle, _ in reply.notes
            if hop.startswith(_REPAIRED)
        }
        book.photos |= {
            hop.removeprefix(_PHOTO): handle for hop, handle, _ in reply.notes if photo_noted(hop)
        }
        book.places |= {hop: url for hop, _, url in reply.notes if hop in known and url}
        book.calls += reply.calls
    pick_all(book.values, proof=proof)  # what is read next may be about the one that was picked
    if own:
        book.was_refused = not own[-1].calls
        responses = responses_of(_newest(conversation))
        reader = _Reader(book, proof=proof, truth=truth, handles=given_handles(conversation))
        reader.read(own[-1].calls, responses, can_visit=can_visit)
    pick_all(book.values, proof=proof)
    return book


def _given(conversation: Conversation, *, proof: Proof) -> dict[str, str]:
    """Values that stand in the question itself, by hop."""
    question = next((m.text for m in conversation if m.role is Role.USER), "").casefold()
    return {
        hop.id: hop.text
        for hop in proof.hops
        if hop.kind is HopKind.GIVEN and hop.text and hop.shown.casefold() in question
    }


class _Reader:
    """Reads the newest results into a notebook."""

    def __init__(
        self, book: Notebook, *, proof: Proof, truth: TruthSource, handles: Mapping[int, str]
    ) -> None:
        self._book = book
        self._proof = proof
        self._truth = truth
        self._handles = handles

    def read(self, calls: Sequence[ToolCall], responses: Sequence[str], *, can_visit: bool) -> None:
        for call, text in zip(calls, responses, strict=False):
            match call.name:
                case "crop_and_search" | "image_search":
                    self._look(call, text)
                case "zoom":
                    self._see_repaired(call, text)
                case "visit":
                    self._book.seen |= read_links(text)
                    self._book.shown |= {
                        page.url: f"{page.title}\n{page.body}" for page in read_pages(text)
                    }
                    self._visit(call, text)
                case _:
                    self._book.seen |= read_links(text)
                    self._book.shown |= {
                        hit.url: f"{hit.title}\n{hit.text}" for hit in read_hits(text)
                    }
            if call.name != "visit" and not can_visit:
                self._read_below_hits(text)

    def _see_repaired(self, call: ToolCall, text: str) -> None:
        """The new handle of a whole picture that a repair was asked for."""
        source = call.arguments.get("image_id")
        handle = read_shown(text)
        if call.arguments.get("repair") and isinstance(source, str) and handle is not None:
            self._book.repaired[source] = handle
            self._book.fresh_repairs.append(source)

    def _look(self, call: ToolCall, text: str) -> None:
        """A look is resolved when a hit leads to the page of the thing: its title is the name."""
        handle = call.arguments.get("image_id")
        asked = _boxes(call.arguments.get("bbox"))
        regions = [region for region in read_regions(text) if region.handle == handle]
        is_whole = call.name == "image_search"
        answered = [region for region in regions if any(_is_near(region.box, box) for box in asked)]
        hits = read_hits(text) if is_whole else [hit for one in answered for hit in one.hits]
        titles = {hit.url: hit.title for hit in reversed(hits)}
        for hop in self._proof.hops:
            given = handle_of(hop, book=self._book, handles=self._handles)
            is_repaired = given is not None and self._book.repaired.get(given) == handle
            is_here = hop.kind is HopKind.LOOK and (given == handle or is_repaired)
            if not is_here or hop.id in self._book.values:
                continue
            place = box_of(hop, quarters=self._book.quarters if is_repaired else 0)
            if not is_whole and not any(_is_near(place, box) for box in asked):
                continue
            for url in hop.pages:
                headline = _as_article(titles[url], url) if url in titles else ""
                name = self._truth.read_value(headline, subject="", hop=hop) if headline else None
                if name:
                    self._book.places[hop.id] = url
                    self._note(hop, name.strip())
                    break

    def _visit(self, call: ToolCall, text: str) -> None:
        asked = _strings(call.arguments.get("url"))
        for page in read_pages(text):
            if page.url not in asked:
                continue
            if page.cursor is not None:
                self._book.cursors[page.url] = page.cursor
            self._note_photos(page)
            self._read_values(_as_article(page.title, page.url, page.body), url=page.url)

    def _note_photos(self, page: SeenPage) -> None:
        """The handle of the picture that a look is at, known by the name of its file."""
        for hop in self._proof.photos:
            is_open = hop.id not in self._book.photos and hop.subject in self._book.values
            if not is_open or hop.photo is None or hop.photo.page != page.url:
                continue
            name = hop.photo.url.rpartition("/")[2]
            for handle, words in page.pictures:
                if words.endswith(name):
                    self._book.photos[hop.id] = handle
                    self._book.fresh_photos.append(hop.id)

    def _read_below_hits(self, text: str) -> None:
        """Without pages of their own, the words below a hit are all there is to read."""
        for hit in read_hits(text):
            self._read_values(_as_article(hit.title, hit.url, hit.text), url=hit.url)

    def _read_values(self, text: str, *, url: str) -> None:
        for hop in self._proof.hops:
            subject = self._book.values.get(hop.subject or "")
            is_open = hop.kind is HopKind.FOLLOW and hop.id not in self._book.values
            if not is_open or subject is None or url not in hop.pages:
                continue
            for name in (subject, _TRAILING_KIND.sub("", subject)):
                value = self._truth.read_value(text, subject=name, hop=hop)
                if value:
                    self._note(hop, value.strip())
                    break

    def _note(self, hop: Hop, value: str) -> None:
        if value:
            self._book.values[hop.id] = value
            self._book.fresh.append(hop.id)


def given_handles(conversation: Conversation) -> dict[int, str]:
    """Names of the question's pictures by their position; from its words where they are left out."""
    question = next((one for one in conversation if one.role is Role.USER), None)
    if question is None:
        return {}
    shown = {
        position: image.handle
        for position, image in enumerate(question.images)
        if image.handle is not None
    }
    return shown or dict(enumerate(_NAMED.findall(question.text)))


def handle_of(hop: Hop, *, book: Notebook, handles: Mapping[int, str]) -> str | None:
    """The picture that a look is at; None: none that is known by now."""
    return handles.get(hop.image) if hop.photo is None else book.photos.get(hop.id)


def box_of(hop: Hop, *, quarters: int = 0) -> tuple[float, ...]:
    """The wire form of a look's box, in the picture turned clockwise by so many quarters."""
    if hop.box is None:
        return ()
    return tuple(float(corner) for corner in hop.box.turned(quarters).thousandths())


def was_cropped(hop: Hop, call: ToolCall, *, handle: str | None, quarters: int = 0) -> bool:
    """Whether a call searched this look's box in a picture; `quarters` as in `box_of`."""
    if call.name != "crop_and_search" or call.arguments.get("image_id") != handle:
        return False
    place = box_of(hop, quarters=quarters)
    return any(_is_near(place, box) for box in _boxes(call.arguments.get("bbox")))


def pick_partly(values: Mapping[str, str], *, hop: Hop, proof: Proof) -> str | None:
    """The subject with the extreme value among those that were read; None: fewer than two were.

    Where values are wanted instead: the one whose value was read and agrees.
    """
    if hop.rule == MATCHING:
        return _matching(values, hop=hop)
    hops = {other.id: other for other in proof.hops}
    found = [
        (key, values[subject])
        for over in hop.over
        if over in values
        and (key := sort_key(values[over])) is not None
        and (subject := hops[over].subject) is not None
        and subject in values
    ]
    if len(found) < 2:
        return None
    wants_least = hop.rule in {"earliest", "smallest"}
    best = min(found, key=_first) if wants_least else max(found, key=_first)
    return best[1]


def _matching(values: Mapping[str, str], *, hop: Hop) -> str | None:
    wanted = values.get(hop.like or "")
    if wanted is None:
        return None
    for over, thing in zip(hop.over, hop.among, strict=True):
        if over in values and thing in values and agrees(values[over], wanted):
            return values[thing]
    return None


def sort_key(value: str) -> tuple[float, int, int] | None:
    """Order of dates, years and figures with separators and units; None: no figure in it."""
    if found := _ISO.search(value):
        return (float(found[1]), int(found[2]), int(found[3]))
    if (found := _DAY_FIRST.search(value)) and (month := _month(found[2])):
        return (float(found[3]), month, int(found[1]))
    if (found := _MONTH_FIRST.search(value)) and (month := _month(found[1])):
        return (float(found[3]), month, int(found[2]))
    if found := _FIGURE.search(value):
        return (float(re.sub(r"[^\d.-]", "", found[0])), 0, 0)
    return None


def _first(pair: tuple[tuple[float, int, int], str]) -> tuple[float, int, int]:
    return pair[0]


def _month(name: str) -> int:
    """1 to 12; 0: no month."""
    short = name[:3]
    return _MONTH_NAMES.index(short) + 1 if short in _MONTH_NAMES else 0


def pick_all(values: dict[str, str], *, proof: Proof) -> None:
    """Resolve the comparisons all of whose values were read, and the choices that one value makes."""
    for hop in proof.hops:
        is_choice = hop.rule == MATCHING
        if hop.kind is HopKind.PICK and (is_choice or all(over in values for over in hop.over)):
            picked = pick_partly(values, hop=hop, proof=proof)
            if picked is not None:
                values[hop.id] = picked


def _newest(conversation: Conversation) -> Sequence[Message]:
    """Messages after the last reply."""
    start = len(conversation)
    while start and conversation[start - 1].role is not Role.ASSISTANT:
        start -= 1
    return conversation[start:]


def _boxes(value: object) -> list[tuple[float, ...]]:
    if not isinstance(value, list):
        return []
    return [tuple(box) for box in value if isinstance(box, list)]


def _strings(value: object) -> list[str]:
    if isinstance(value, str):
        return [value]
    return [item for item in value if isinstance(item, str)] if isinstance(value, list) else []


def _is_near(box: Sequence[float], other: Sequence[float]) -> bool:
    return len(box) == len(other) == 4 and all(
        abs(one - two) <= _BOX_TOLERANCE for one, two in zip(box, other, strict=True)
    )


def _as_article(title: str, url: str, body: str = "") -> str:
    """Words under the headline they were shown under."""
    return f"[{title}]({url})\n{body}"


def _flat(text: str) -> str:
    return _GROUPED.sub("", " ".join(text.split()).casefold())


def _quote(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def _unquote(text: str) -> str:
    try:
        return str(json.loads(text))
    except json.JSONDecodeError:
        return text.strip('"')
