"""What the oracle does next: look at what is not recognised yet, then follow one hop at a time.

Order: answer when the last hop is read; crops of all looks that are open, in batches and scale by
scale; for each hop a search, then a visit of a page that states it; other words when that fails; a
comparison of what could be read; "unknown".
"""

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import takewhile

from pydantic import JsonValue

from vision_deepresearch.core.content import ToolCall
from vision_deepresearch.core.proof import MATCHING, Hop, HopKind, Proof
from vision_deepresearch.core.protocols import TruthSource
from vision_deepresearch.media.repair import Repair
from vision_deepresearch.models.oracle_habits import Ways
from vision_deepresearch.models.oracle_notebook import (
    Notebook,
    box_of,
    handle_of,
    pick_partly,
    was_cropped,
    write_note,
    write_photo,
    write_repair,
)
from vision_deepresearch.models.oracle_verify import next_check

UNKNOWN = "unknown"
MAX_TRIES = 6
"""Searches and visits for one hop."""
_LAST_SCALES = (0.8, 1.25)
"""When nothing else helped: without the rim, and with a little of it."""
_MAX_REGIONS = 16
"""Boxes times scales of one call: more would not fit into one result."""
_FEW_LOOKS = 8
"""With more things to look at there is no turn for a second round: all scales come at once."""
_MAX_TOGETHER = 4
"""Hops followed in one turn when turns run short."""
_MAX_ALIKE = 5
"""Pages read in one turn to choose between the things they are about."""
_SPARE_TURNS = 5
_MAX_QUERY_CHARS = 200
_LAST_TURNS = 2
"""Too few for one more look."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """What to say in one turn."""

    thought: str
    calls: tuple[ToolCall, ...] = ()
    answer: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Situation:
    """All that a decision depends on."""

    book: Notebook
    proof: Proof
    truth: TruthSource
    """Reads values out of text."""
    tools: frozenset[str]
    handles: Mapping[int, str]
    """Names of the question's pictures by position."""
    scales: Sequence[float]
    turns_left: int
    question: str
    ways: Ways
    """What is done beside the straight way."""
    repairs: Sequence[Repair] = ()
    """Of the question's pictures, where their crops give nothing."""


class Planner:
    """Decides one turn."""

    def __init__(self, situation: Situation) -> None:
        self._now = situation
        self._book = situation.book
        self._hops = {hop.id: hop for hop in situation.proof.hops}
        self._goal = situation.proof.hops[-1]
        self._needed = self._ancestors()
        self._searched = {
            query
            for call in self._book.calls
            if call.name == "search"
            for query in _texts(call.arguments.get("query"))
        }
        self._visited = Counter(
            (url, str(call.arguments.get("goal")))
            for call in self._book.calls
            if call.name == "visit"
            for url in _texts(call.arguments.get("url"))
        )
        self._settle_for_less()
        self._open = self._still_open()

    def next_step(self) -> Step:
        """The next thing to do, with the notes of what was just read."""
        if self._goal.id in self._book.values and self._book.was_refused:
            again = self._look_again()
            if again is not None:
                return again
        if self._goal.id in self._book.values:
            return self._confirm() or self._answer(self._book.values[self._goal.id])
        if self._is_viable(self._goal):
            step = self._look() or self._follow()
            if step is not None:
                return step
        if not self._can_see and not self._book.calls and "search" in self._now.tools:
            return self._search_blindly()
        return self.give_answer()

    def give_answer(self) -> Step:
        """Answer now, from what was read."""
        value = self._book.values.get(self._goal.id) or self._best_guess()
        return self._answer(value) if value else self._give_up()

    # ------------------------------------------------------------------------------------- answer

    def _answer(self, value: str) -> Step:
        return self._say(f"That settles it: the answer is {value}.", answer=value)

    def _confirm(self) -> Step | None:
        """One more search for the candidate, where that is asked for."""
        is_wanted = self._now.ways.habits.verifies and {"search", "visit"} <= self._now.tools
        if not is_wanted or self._now.turns_left <= _LAST_TURNS:
            return None
        check = next_check(self._book, self._now.proof, truth=self._now.truth)
        if check is None:
            return None
        if check.calls:
            return self._say(check.text, calls=check.calls)
        value = self._book.values[self._goal.id]
        return self._say(f"{check.text}\nThe answer is {value}.", answer=value)

    def _give_up(self) -> Step:
        missing = next((hop for hop in self._needed if hop.id not in self._book.values), None)
        what = f" ({missing.label or 'what the picture shows'})" if missing else ""
        return self._say(f"I could not find what is needed{what}.", answer=UNKNOWN)

    def _best_guess(self) -> str | None:
        """A comparison of the values read so far."""
        if self._goal.kind is not HopKind.PICK:
            return None
        return pick_partly(self._book.values, hop=self._goal, proof=self._now.proof)

    # --------------------------------------------------------------------------------------- look

    @property
    def _can_see(self) -> bool:
        has_eyes = bool(self._now.tools & {"crop_and_search", "image_search"})
        return has_eyes and bool(self._now.handles)

    def _rounds(self) -> list[tuple[float, ...]]:
        """Scales of the first, second and third try."""
        num_looks = sum(hop.kind is HopKind.LOOK for hop in self._needed)
        num_first = 2 if num_looks <= _FEW_LOOKS else len(self._now.scales)
        first, rest = tuple(self._now.scales[:num_first]), tuple(self._now.scales[num_first:])
        rounds = [scales for scales in (first, rest, _LAST_SCALES) if scales]
        return self._now.ways.rounds(rounds) if num_looks <= _FEW_LOOKS else rounds

    def _num_looks(self, hop: Hop) -> int:
        if "crop_and_search" in self._now.tools:
            view, quarters = self._view(hop), self._quarters(hop)
            return sum(
                was_cropped(hop, call, handle=view, quarters=quarters) for call in self._book.calls
            )
        handle = self._handle(hop)
        return sum(
            call.name == "image_search" and call.arguments.get("image_id") == handle
            for call in self._book.calls
        )

    def _handle(self, hop: Hop) -> str | None:
        """The picture that a look is at, the question's or a page's; None: not known by now."""
        return handle_of(hop, book=self._book, handles=self._now.handles)

    def _view(self, hop: Hop) -> str | None:
        """The handle under which a look's picture is looked at: repaired, once it is."""
        handle = self._handle(hop)
        return self._book.repaired.get(handle, handle) if handle is not None else None

    def _quarters(self, hop: Hop) -> int:
        """By how many quarters the picture looked at is turned against the one of the proof."""
        return self._book.quarters if self._handle(hop) in self._book.repaired else 0

    def _repair(self, waiting: Sequence[Hop]) -> Step | None:
        """A picture made better whose crops gave nothing; once for each picture."""
        if not self._now.repairs or not {"zoom", "crop_and_search"} <= self._now.tools:
            return None
        asked = {
            call.arguments.get("image_id")
            for call in self._book.calls
            if call.name == "zoom" and call.arguments.get("repair")
        }
        for hop in waiting:
            if hop.photo is not None:
                continue  # a page's picture is as the page has it
            handle = self._now.handles[hop.image]
            if self._num_looks(hop) and handle not in asked:
                call = _call(
                    "zoom",
                    image_id=handle,
                    bbox=[0, 0, 1000, 1000],
                    repair=[repair.value for repair in self._now.repairs],
                )
                return self._say(f"{handle} is damaged; I repair it first.", calls=(call,))
        return None

    def _see_whole(self, waiting: Sequence[Hop]) -> Step | None:
        """A page's picture shown, before anything of it is framed; once for each picture."""
        if not {"zoom", "crop_and_search"} <= self._now.tools:
            return None
        shown = {call.arguments.get("image_id") for call in self._book.calls if call.name == "zoom"}
        for hop in waiting:
            handle = self._handle(hop)
            if hop.photo is not None and handle not in shown:
                call = _call("zoom", image_id=handle, bbox=[0, 0, 1000, 1000])
                return self._say(f"{handle} was named, not shown; I look at it.", calls=(call,))
        return None

    def _can_look(self, hop: Hop) -> bool:
        if not self._can_see or self._handle(hop) is None or hop.box is None:
            return False
        num_rounds = len(self._rounds()) if "crop_and_search" in self._now.tools else 1
        return self._num_looks(hop) < num_rounds

    def _look(self) -> Step | None:
        waiting = [
            hop
            for hop in self._open
            if hop.kind is HopKind.LOOK and hop.id not in self._book.values and self._can_look(hop)
        ]
        if not waiting:
            return None
        step = self._repair(waiting) or self._see_whole(waiting)
        if step is not None:
            return step
        tried = min(self._num_looks(hop) for hop in waiting)
        first = next(hop for hop in waiting if self._num_looks(hop) == tried)
        handle = self._handle(first)
        assert handle is not None, "what can be looked at has a handle"
        batch = [
            hop for hop in waiting if self._handle(hop) == handle and self._num_looks(hop) == tried
        ]
        if "crop_and_search" not in self._now.tools:
            call = _call("image_search", image_id=handle, goal=self._look_goal(waiting))
            return self._say(f"I search with the whole picture {handle}.", calls=(call,))
        view, quarters = self._view(first) or handle, self._quarters(first)
        scales = self._rounds()[tried]
        batch = batch[: max(1, _MAX_REGIONS // len(scales))]
        is_first = tried == 0 and view == handle
        beside = self._beside(batch, scales=scales) if is_first else []
        what = "One thing" if len(batch) == 1 else f"{len(batch)} things"
        how = "tight and looser" if tried == 0 else "again with other crops"
        return self._say(
            f"{what} in {view} may lead on; I search {how}.",
            calls=(
                _crop(
                    [*(box_of(hop, quarters=quarters) for hop in batch), *beside],
                    handle=view,
                    scales=scales,
                    goal=self._look_goal(batch),
                    says_place=self._place() is not None,
                ),
            ),
        )

    def _beside(self, batch: Sequence[Hop], *, scales: Sequence[float]) -> list[tuple[float, ...]]:
        """Boxes that are looked at as well, where the call has room for them; thousandths."""
        room = _MAX_REGIONS // len(scales) - len(batch)
        known = [hop.box for hop in batch if hop.box is not None]
        photo = next((hop.id for hop in batch if hop.photo is not None), "")
        beside = self._now.ways.beside(known, photo=photo)[: max(0, room)]
        return [tuple(float(corner) for corner in box.thousandths()) for box in beside]

    def _look_again(self) -> Step | None:
        """One more crop round where an answer was refused as too early."""
        looks = [hop for hop in self._needed if hop.kind is HopKind.LOOK and hop.box is not None]
        looks = [hop for hop in looks if self._handle(hop) is not None]
        if "crop_and_search" not in self._now.tools or not looks:
            return None
        first = looks[0]
        handle = self._handle(first)
        assert handle is not None, "looks without a picture were left out"
        batch = [hop for hop in looks if self._handle(hop) == handle][:_MAX_REGIONS]
        rounds = self._rounds()
        scales = rounds[self._num_looks(first) % len(rounds)]
        quarters = self._quarters(first)
        return self._say(
            "I check the crops once more before I answer.",
            calls=(
                _crop(
                    [
                        box_of(hop, quarters=quarters)
                        for hop in batch[: _MAX_REGIONS // len(scales)]
                    ],
                    handle=self._view(first) or handle,
                    scales=scales,
                    goal=self._look_goal(batch),
                    says_place=self._place() is not None,
                ),
            ),
        )

    def _place(self) -> str | None:
        """By which place the question tells the thing, where that is to be said."""
        if not self._now.ways.habits.says_place:
            return None
        places = [one.value for one in self._now.proof.constraints if one.predicate == "position"]
        return places[0] if len(places) == 1 else None

    def _look_goal(self, batch: Sequence[Hop]) -> str:
        """What pages behind the pictures are read for; all there is where none can be visited."""
        goal = "identify what is shown"
        place = self._place()
        if place is not None:
            return f"{goal} at {place}"
        if "visit" in self._now.tools:
            return goal
        looks = {hop.id for hop in batch}
        labels = [hop.label for hop in self._needed if hop.subject in looks]
        return "; ".join([goal, *dict.fromkeys(labels)])

    # ------------------------------------------------------------------------------------- follow

    def _follow(self) -> Step | None:
        waiting = [hop for hop in self._open if self._can_follow(hop)]
        together = self._num_together()
        pages = [(hop, url) for hop in waiting if (url := self._page_to_read(hop))]
        if pages:
            chosen = pages[: max(together, self._num_alike([hop for hop, _ in pages]))]
            calls = tuple(self._visit(hop, url) for hop, url in chosen)
            what = "; ".join(self._wanted(hop) for hop, _ in chosen)
            return self._say(f"A page found should say it. I read it for: {what}.", calls=calls)
        if "search" not in self._now.tools:
            return None
        asked = [(hop, query) for hop in waiting if (query := self._next_query(hop))]
        if not asked:
            return None
        chosen_queries = asked[:together]
        queries: list[JsonValue] = [query for _, query in chosen_queries]
        if together > 1:
            # Turns run short, so a second wording comes along instead of a second try.
            queries += [
                other for hop, query in chosen_queries if (other := self._reworded(hop, query))
            ]
        what = "; ".join(self._wanted(hop) for hop, _ in chosen_queries)
        is_retry = any(self._num_tries(hop) for hop, _ in chosen_queries)
        start = "Not found yet, so I reword it" if is_retry else "Next I need"
        return self._say(f"{start}: {what}.", calls=(_call("search", query=queries),))

    def _num_alike(self, hops: Sequence[Hop]) -> int:
        """How many of the first hops ask for several things of one kind: they are read together."""
        first = hops[0]
        if not first.one_of_several:
            return 1
        key = (first.subject, first.predicate)
        alike = takewhile(lambda hop: (hop.subject, hop.predicate) == key, hops)
        return min(_MAX_ALIKE, sum(1 for _ in alike))

    def _can_follow(self, hop: Hop) -> bool:
        return (
            (hop.kind is HopKind.FOLLOW or self._wants_photo(hop))
            and hop.id not in self._book.values
            and self._subject(hop) is not None
            and self._has_tries(hop)
        )

    def _wants_photo(self, hop: Hop) -> bool:
        """Whether a look is at a picture of a page that was not opened yet."""
        return hop.photo is not None and self._handle(hop) is None and self._can_see

    def _sources(self, hop: Hop) -> tuple[str, ...]:
        """Pages to open for a hop: those that state its value, or the one with its picture."""
        return hop.pages if hop.photo is None else (hop.photo.page,)

    def _has_tries(self, hop: Hop) -> bool:
        if self._subject(hop) is None:
            return True
        has_next = self._next_query(hop) is not None or self._page_to_read(hop) is not None
        return has_next and self._num_tries(hop) < MAX_TRIES

    def _num_together(self) -> int:
        """Hops to follow in this turn, so that all fit into the turns left; most often 1."""
        num_open = sum(
            hop.kind is HopKind.FOLLOW and hop.id not in self._book.values for hop in self._open
        )
        room = max(1, self._now.turns_left - _SPARE_TURNS)
        return min(_MAX_TOGETHER, max(1, math.ceil(2 * num_open / room)))

    def _subject(self, hop: Hop) -> str | None:
        return self._book.values.get(hop.subject or "")

    def _wanted(self, hop: Hop) -> str:
        return f"{self._subject(hop)} - {hop.label}"

    def _queries(self, hop: Hop) -> list[str]:
        """Wordings of the search for a hop, the plainest first."""
        name = self._subject(hop) or ""
        label = _label(hop)
        words = [clause.text for clause in self._now.proof.constraints]
        vague = self._vague_query(hop)
        queries = [f"{name} {label}", name, f"{label} {name} history", f'"{name}"']
        if vague is not None:
            queries.insert(0, vague)
        queries += [f"{name} {text}"[:_MAX_QUERY_CHARS] for text in words[:2]]
        return list(dict.fromkeys(query.strip() for query in queries))

    def _next_query(self, hop: Hop) -> str | None:
        if "search" not in self._now.tools:
            return None
        return next((query for query in self._queries(hop) if query not in self._searched), None)

    def _reworded(self, hop: Hop, query: str) -> str | None:
        """Another wording of a query that was not searched for either."""
        others = (one for one in self._queries(hop) if one != query)
        return next((one for one in others if one not in self._searched), None)

    def _page_to_read(self, hop: Hop) -> str | None:
        """A page of this hop that was not read for it yet.

        The newest results lead to it, or, where a search did not help, the picture did.
        """
        if "visit" not in self._now.tools:
            return None
        place = self._book.places.get(hop.subject or "")
        for url in self._sources(hop):
            is_led_to = url in self._book.seen or url in self._book.cursors
            if url == place and self._falls_back(hop):
                is_led_to = True
            num_goals = len(self._goals(hop)) + (url in self._book.cursors)
            if is_led_to and self._num_visits(hop, url) < num_goals:
                return url
        return None

    def _falls_back(self, hop: Hop) -> bool:
        """Whether the page that the picture led to is opened without a hit that lists it."""
        if self._now.ways.goes_straight(hop.id):
            return True
        tries = self._num_tries(hop)
        vague = self._vague_query(hop)
        if tries == 1 and vague in self._searched and self._next_query(hop) is not None:
            return self._now.ways.goes_back(hop.id)
        return tries > 0 or "search" not in self._now.tools

    def _vague_query(self, hop: Hop) -> str | None:
        return self._now.ways.vague_query(hop.id, label=_label(hop), question=self._now.question)

    def _goals(self, hop: Hop) -> tuple[str, ...]:
        name = self._subject(hop)
        if hop.photo is not None:
            return (f"{name}: the pictures on the page", f"pictures ({name})")
        if hop.one_of_several:
            # The page is about the thing itself: what decides between the things is on it too.
            more = [other.label for other in self._needed if other.subject == hop.id]
            return ("; ".join([f"{name}: {hop.label}", *more]), f"{hop.label} {name}")
        return (f"{name}: {hop.label}", f"{hop.label} ({(hop.predicate or '').replace('_', ' ')})")

    def _num_visits(self, hop: Hop, url: str) -> int:
        return sum(self._visited[url, goal] for goal in self._goals(hop))

    def _visit(self, hop: Hop, url: str) -> ToolCall:
        goals = self._goals(hop)
        goal = goals[min(self._num_visits(hop, url), len(goals) - 1)]
        cursor = self._book.cursors.get(url)
        if cursor is not None:
            return _call("visit", url=[url], goal=goals[0], cursor=cursor)
        return _call("visit", url=[url], goal=goal)

    def _num_tries(self, hop: Hop) -> int:
        if self._subject(hop) is None:
            return 0
        searches = sum(query in self._searched for query in self._queries(hop))
        return searches + sum(self._num_visits(hop, url) for url in self._sources(hop))

    def _search_blindly(self) -> Step:
        query = " ".join(self._now.question.split())[:_MAX_QUERY_CHARS]
        return self._say(
            "I cannot look at the picture closely; perhaps the words of the question lead on.",
            calls=(_call("search", query=[query]),),
        )

    # ------------------------------------------------------------------------------------- shared

    def _ancestors(self) -> list[Hop]:
        """Hops the goal depends on, itself included, in the order of the proof."""
        found: set[str] = set()
        todo = [self._goal.id]
        while todo:
            hop = self._hops[todo.pop()]
            if hop.id not in found:
                found.add(hop.id)
                todo += _parents(hop)
        return [hop for hop in self._now.proof.hops if hop.id in found]

    def _still_open(self) -> list[Hop]:
        """Those of them that something not known yet depends on.

        The rest of a choice that is made need not be read.
        """
        found: set[str] = set()
        todo = [self._goal.id]
        while todo:
            hop = self._hops[todo.pop()]
            if hop.id not in found and hop.id not in self._book.values:
                found.add(hop.id)
                todo += _parents(hop)
        return [hop for hop in self._needed if hop.id in found]

    def _settle_for_less(self) -> None:
        """Compare what could be read, where nothing more can be."""
        for hop in self._needed:
            if hop.kind is HopKind.PICK and not self._is_viable(hop):
                picked = pick_partly(self._book.values, hop=hop, proof=self._now.proof)
                if picked is not None:
                    self._book.values[hop.id] = picked

    def _is_viable(self, hop: Hop) -> bool:
        """Whether the value is known or may still be found."""
        if hop.id in self._book.values:
            return True
        match hop.kind:
            case HopKind.LOOK:
                return self._can_look(hop) or (self._wants_photo(hop) and self._can_reach(hop))
            case HopKind.FOLLOW:
                return self._can_reach(hop)
            case HopKind.GIVEN:
                return False
            case HopKind.PICK if hop.rule == MATCHING:
                is_wanted_known = hop.like is not None and self._is_viable(self._hops[hop.like])
                return is_wanted_known and any(
                    value not in self._book.values and self._is_viable(self._hops[value])
                    for value in (hop.like or "", *hop.over)
                )
            case HopKind.PICK:
                return any(
                    over not in self._book.values and self._is_viable(self._hops[over])
                    for over in hop.over
                )

    def _can_reach(self, hop: Hop) -> bool:
        """Whether a page for a hop may still be found: by its subject, which may be known."""
        subject = self._hops[hop.subject] if hop.subject else None
        return subject is not None and self._is_viable(subject) and self._has_tries(hop)

    def _say(
        self, text: str, *, calls: tuple[ToolCall, ...] = (), answer: str | None = None
    ) -> Step:
        return Step(thought="\n".join([*self._notes(), text]), calls=calls, answer=answer)

    def _notes(self) -> Iterator[str]:
        for handle in self._book.fresh_repairs:
            yield write_repair(handle, book=self._book)
        for hop_id in self._book.fresh_photos:
            yield write_photo(hop_id, book=self._book)
        for hop_id in self._book.fresh:
            yield write_note(self._hops[hop_id], book=self._book)


def _parents(hop: Hop) -> list[str]:
    others = [one for one in (hop.subject, hop.like) if one]
    return [*hop.over, *hop.among, *others]


def _label(hop: Hop) -> str:
    return hop.label or (hop.predicate or "").replace("_", " ")


def _texts(value: object) -> list[str]:
    return [item for item in value if isinstance(item, str)] if isinstance(value, list) else []


def _call(name: str, **arguments: JsonValue) -> ToolCall:
    return ToolCall(id=name, name=name, arguments=arguments)


def _crop(
    boxes: Sequence[tuple[float, ...]],
    *,
    handle: str,
    scales: Sequence[float],
    goal: str,
    says_place: bool = False,
) -> ToolCall:
    """A crop; where its goal says the place, that stands before the box."""
    corners: list[JsonValue] = [[int(corner) for corner in box] for box in boxes]
    told: dict[str, JsonValue] = {"bbox": corners, "goal": goal}
    if says_place:
        told = {"goal": goal, "bbox": corners}
    return _call("crop_and_search", image_id=handle, **told, scales=list[JsonValue](scales))
