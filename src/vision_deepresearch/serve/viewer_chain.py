"""How each claim of the answer hangs together: picture, crop, hit, page, passage.

A trajectory records what backs a claim; the way there is read off the evidence, backwards: a page
was opened because a hit named its address; an image hit belongs to the crop that found it; a text
hit belongs to a query, and the query follows from the page found earlier whose title it names.
Where no such step is on record the chain simply starts later.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from vision_deepresearch.agent.claims import plain_claim
from vision_deepresearch.core.geometry import Box
from vision_deepresearch.core.observation import Evidence, EvidenceKind
from vision_deepresearch.core.trajectory import Backing, Support, Trajectory
from vision_deepresearch.serve.citations import (
    NO_SUPPORT,
    corners,
    is_doubtful,
    is_picture,
    is_supported,
    not_found,
    place_in_page,
    whose_words,
)
from vision_deepresearch.serve.viewer_data import CallCard, RegionCard, TraceView
from vision_deepresearch.serve.viewer_pictures import CROP_SIDE, SCENE_SIDE, Figure, Shelf
from vision_deepresearch.serve.viewer_text import safe_href

MAX_STEPS = 8
"""Pages on one chain; more would be a loop or a story nobody reads."""
MIN_NAME = 4
"""Characters a title needs before its occurrence in a query means something."""

_TITLE_TAIL = re.compile(r"\s+[-\u2013\u2014|\u00b7]\s+.*$", re.DOTALL)


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """One step of a chain."""

    kind: str
    """picture, crop, query, hit, page (one that was read) or passage."""
    title: str
    detail: str = ""
    picture: Figure | None = None
    number: int | None = None
    """Of the box, for a crop."""
    anchor: str | None = None
    """Where on the page it is shown in full, for example "t3"."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Marked:
    """A whole picture with one box on it, in percent of the picture, for example "12.50%"."""

    picture: Figure
    left: str
    top: str
    width: str
    height: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """One passage or picture that backs a claim, and the way there."""

    url: str | None
    href: str | None
    marked: Marked | None
    """Of a picture: the whole of it with the box."""
    corners: str
    """Handle and box in thousandths."""
    whose: str
    """Whose words the passage is."""
    is_doubtful: bool
    """They are not the page's own, or the page was not read."""
    place: str
    """Where they stand in the page."""
    box_number: int | None
    links: tuple[Link, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """A claim of the answer and what backs it."""

    number: int
    text: str
    """As it stands in the answer."""
    plain: str
    """Without markup."""
    kind: str
    is_supported: bool
    """Or at least a part of it."""
    not_found: str
    """What is not backed, in words; "" if all is."""
    box_number: int | None
    """Of the first proof that is a searched box."""
    proofs: tuple[Proof, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Seen:
    """A piece of evidence and where it turned up."""

    evidence: Evidence
    turn: int
    region: RegionCard | None


def trace_claims(view: TraceView, *, shelf: Shelf) -> tuple[Claim, ...]:
    """Every claim with its chain, in the order of the record."""
    trajectory = view.item.trajectory
    seen = _all_seen(trajectory, view)
    return tuple(
        _claim(support, number, seen=seen, view=view, shelf=shelf)
        for number, support in enumerate(trajectory.support, 1)
    )


def _all_seen(trajectory: Trajectory, view: TraceView) -> list[_Seen]:
    seen: list[_Seen] = []
    for turn, card in zip(trajectory.turns, view.turns, strict=True):
        for record, call in zip(turn.calls, card.calls, strict=True):
            seen += [
                _Seen(evidence=item, turn=card.number, region=_region_of(item, call))
                for item in record.observation.evidence
            ]
    return seen


def _region_of(item: Evidence, call: CallCard) -> RegionCard | None:
    if item.region is None or not 0 <= item.region < len(call.regions):
        return None
    return call.regions[item.region]


def _claim(
    support: Support, number: int, *, seen: Sequence[_Seen], view: TraceView, shelf: Shelf
) -> Claim:
    proofs: list[Proof] = []
    shown: set[str | None] = set()
    for backing in support.backings:
        proofs.append(
            _proof(backing, seen=seen, view=view, shelf=shelf, is_way_shown=backing.url in shown)
        )
        shown.add(backing.url)
    return Claim(
        number=number,
        text=support.claim,
        plain=plain_claim(support.claim) or support.claim,
        kind=support.kind.value,
        is_supported=is_supported(support),
        not_found=not_found(support) if is_supported(support) else NO_SUPPORT,
        box_number=next((one.box_number for one in proofs if one.box_number), None),
        proofs=tuple(proofs),
    )


def _proof(
    backing: Backing, *, seen: Sequence[_Seen], view: TraceView, shelf: Shelf, is_way_shown: bool
) -> Proof:
    """What one backing shows; the way to a page is told once per claim."""
    numbers = {turn.index: place for place, turn in enumerate(view.item.trajectory.turns, 1)}
    turn = numbers.get(backing.turn) if backing.turn is not None else None
    picture, box_number = _support_picture(backing, view=view, shelf=shelf)
    links: list[Link] = []
    if not (is_way_shown and backing.passage):
        links = _links(backing, turn=turn, seen=seen)
    if not links and picture is not None and not is_way_shown:
        name = f"box {box_number} of {backing.handle}" if box_number else backing.handle or ""
        links = [Link(kind="picture", title=name, picture=picture, number=box_number)]
    if backing.passage:
        links.append(Link(kind="passage", title=backing.passage, anchor=_anchor(turn)))
    return Proof(
        url=backing.url,
        href=safe_href(backing.url) if backing.url else None,
        marked=_marked(backing, view=view, shelf=shelf),
        corners=corners(backing),
        whose=whose_words(backing),
        is_doubtful=is_doubtful(backing),
        place=place_in_page(backing.quote),
        box_number=box_number,
        links=tuple(links),
    )


def _support_picture(
    support: Backing, *, view: TraceView, shelf: Shelf
) -> tuple[Figure | None, int | None]:
    """The picture of a claim, cut to its box, and the number of that box if it was searched."""
    bank = {entry.handle: entry for entry in view.item.trajectory.bank}
    entry = bank.get(support.handle) if support.handle else None
    if entry is None:
        return None, None
    alt = f"picture {entry.handle} that backs the claim"
    cards = [region for turn in view.turns for call in turn.calls for region in call.regions]
    if support.box is None:
        number = next((card.number for card in cards if card.handle == entry.handle), None)
        return shelf.show(entry.ref, side=CROP_SIDE, alt=alt), number
    wanted = (entry.handle, support.box)
    number = next((card.number for card in cards if (card.source, card.box) == wanted), None)
    return shelf.show_part(entry.ref, support.box, side=CROP_SIDE, alt=alt), number


def _marked(support: Backing, *, view: TraceView, shelf: Shelf) -> Marked | None:
    """The picture that backs a claim, whole, with its box; None if it is no picture or has none."""
    box = support.box
    if not is_picture(support) or box is None:
        return None
    bank = {entry.handle: entry for entry in view.item.trajectory.bank}
    entry = bank.get(support.handle or "")
    if entry is None:
        return None
    alt = f"{entry.handle} with the box that backs the claim"
    return Marked(
        picture=shelf.show(entry.ref, side=SCENE_SIDE, alt=alt),
        left=f"{box.x0:.2%}",
        top=f"{box.y0:.2%}",
        width=f"{box.width:.2%}",
        height=f"{box.height:.2%}",
    )


def _links(support: Backing, *, turn: int | None, seen: Sequence[_Seen]) -> list[Link]:
    """The chain up to the page that backs the claim, that page included."""
    if support.url is None:
        return []
    if is_picture(support):
        crop = (support.handle, support.box)
        hits = [one for one in seen if one.evidence.url == support.url and one.region]
        own = next((hit for hit in hits if _crop_of(hit) == crop), None)
        if own is not None:
            return _visual_links(own)
    before = turn if turn is not None else max((item.turn for item in seen), default=0)
    return _way_to(support.url, title=support.title, before=before, seen=seen)


def _way_to(url: str, *, title: str | None, before: int, seen: Sequence[_Seen]) -> list[Link]:
    """Links from the picture to the page `url`, found no later than turn `before`."""
    links: list[Link] = []
    visited: set[str] = set()
    while len(visited) < MAX_STEPS and url not in visited:
        visited.add(url)
        known = [item for item in seen if item.evidence.url == url and item.turn <= before]
        read = next((item for item in known if item.evidence.kind is EvidenceKind.PAGE), None)
        first = _first_hit(known)
        is_visual = first is not None and first.evidence.kind is EvidenceKind.IMAGE_HIT
        if read is not None or not is_visual:
            name = title or (known[0].evidence.title if known else "") or url
            kind, turn = ("page", read.turn) if read else ("hit", first.turn if first else None)
            links.insert(0, Link(kind=kind, title=name, detail=url, anchor=_anchor(turn)))
        if first is None:
            break
        if is_visual:
            links[:0] = _visual_links(first)
            break
        query = first.evidence.query or ""
        rank = first.evidence.rank
        place = f"hit {rank + 1} of turn {first.turn}" if rank is not None else ""
        links.insert(0, Link(kind="query", title=query, detail=place, anchor=_anchor(first.turn)))
        source = _named_in(query, before=first.turn, seen=seen)
        if source is None:
            break
        url, title, before = source.evidence.url, source.evidence.title, first.turn
    return links


def _crop_of(hit: _Seen) -> tuple[str, Box] | None:
    """Picture and box of the crop by which something was found."""
    is_image = hit.evidence.kind is EvidenceKind.IMAGE_HIT
    return (hit.region.source, hit.region.box) if hit.region and is_image else None


def _first_hit(known: Sequence[_Seen]) -> _Seen | None:
    """The hit that led to a page: of a crop if there is one, else the earliest of any kind."""
    hits = [item for item in known if item.evidence.kind is not EvidenceKind.PAGE]
    visual = [item for item in hits if item.evidence.kind is EvidenceKind.IMAGE_HIT]
    best = [item for item in visual if item.evidence.label == "match"]
    return next(iter(best or visual or hits), None)


def _visual_links(hit: _Seen) -> list[Link]:
    evidence = hit.evidence
    words = [evidence.label or "hit"]
    if evidence.score is not None:
        words.append(f"score {evidence.score:.3g}")
    cards = hit.region.hits if hit.region else ()
    picture = next((card.picture for card in cards if card.url == evidence.url), None)
    found = Link(
        kind="hit",
        title=evidence.title,
        detail=", ".join(words),
        picture=picture,
        anchor=_anchor(hit.turn),
    )
    if hit.region is None:
        return [Link(kind="picture", title="whole picture", anchor=_anchor(hit.turn)), found]
    if hit.region.number is None:
        whole = Link(
            kind="picture",
            title=f"all of {hit.region.source}",
            picture=hit.region.picture,
            anchor=f"r{hit.region.id}",
        )
        return [whole, found]
    crop = Link(
        kind="crop",
        title=f"box {hit.region.number}{' ' + hit.region.scale if hit.region.scale else ''}",
        detail=f"cut from {hit.region.source}",
        picture=hit.region.picture,
        number=hit.region.number,
        anchor=f"r{hit.region.id}",
    )
    return [crop, found]


def _named_in(query: str, *, before: int, seen: Sequence[_Seen]) -> _Seen | None:
    """What was found earlier and is named in the query; the longest name wins, then the newest."""
    folded = query.casefold()
    best: _Seen | None = None
    best_key = (0, 0)
    for item in seen:
        name = _TITLE_TAIL.sub("", item.evidence.title).strip().casefold()
        if item.turn >= before or len(name) < MIN_NAME or name not in folded:
            continue
        key = (len(name), item.turn)
        if key > best_key:
            best, best_key = item, key
    return best


def _anchor(turn: int | None) -> str | None:
    return f"t{turn}" if turn is not None else None
