"""The checks of one question, each on what the pages and the picture say.

The proof is a claim to be verified: its steps are walked over the fact table, its pages are read,
its boxes are looked at. Each check gives a list of faults; none means that it passes.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import permutations

from vision_deepresearch.core.errors import WorldError
from vision_deepresearch.core.geometry import Box
from vision_deepresearch.core.proof import MATCHING, Constraint, Hop, HopKind, Proof
from vision_deepresearch.core.protocols import World
from vision_deepresearch.core.task import Gold, Task
from vision_deepresearch.evals.checker.crawl import Library, patiently
from vision_deepresearch.evals.checker.facts import FactTable, Kind, Value, about
from vision_deepresearch.evals.checker.photos import PagePictures
from vision_deepresearch.evals.checker.places import is_beaten
from vision_deepresearch.evals.checker.relations import POSITION, Relations, clauses
from vision_deepresearch.evals.checker.report import Check
from vision_deepresearch.evals.checker.route import Route
from vision_deepresearch.evals.checker.sight import FIRST_THINGS, NUM_GRIDS, Seen, Sight
from vision_deepresearch.evals.checker.text import stands_in
from vision_deepresearch.evals.checker.wording import Wording, descriptions

FOUND_RANK = 10
"""A page is found when it is among so many first hits of some plausible query."""
_BLIND_HITS = 5
"""Hits a reader without eyes opens."""
_USUAL_GRIDS = 1
"""To see what is surely there; finer windows are laid only while a condition seems idle."""
_AS_OF = ("as of ", "according to ")
"""Words by which a question says whose word it wants."""


@dataclass(slots=True, kw_only=True)
class Findings:
    """What one check found."""

    faults: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    """What speaks for it, told when there is no fault."""

    def why(self) -> str:
        """One sentence."""
        return "; ".join(self.faults or self.notes or ["nothing to object to"])


@dataclass(slots=True, kw_only=True)
class Examination:
    """One question, its proof and its pictures, before one world."""

    world: World
    library: Library
    facts: FactTable
    relations: Relations
    task: Task
    proof: Proof
    sights: Sequence[Sight]
    pictures: PagePictures
    seen_on: Mapping[str, Sight]
    """By id of a look at a picture of a page: that picture."""

    @property
    def gold(self) -> Gold:
        """The gold; tasks without one are refused before."""
        assert self.task.gold is not None, "a task without gold is not examined"
        return self.task.gold

    @property
    def route(self) -> Route:
        """The proof over what all pages say, or over its own pages where the question asks so."""
        asks_a_page = any(words in self.task.question.casefold() for words in _AS_OF)
        return Route(
            proof=self.proof,
            facts=self.facts,
            relations=self.relations,
            only=frozenset(self.proof.pages) if asks_a_page else None,
        )

    def sight_of(self, hop: Hop) -> Sight | None:
        """The picture a look is at; None: the task, or the page, has no such picture."""
        if hop.photo is not None:
            return self.seen_on.get(hop.id)
        return self.sights[hop.image] if hop.image < len(self.sights) else None

    async def examine(self, check: Check) -> Findings:
        """Make one check."""
        match check:
            case Check.UNIQUE:
                return await self.unique()
            case Check.REACHABLE:
                return await self.reachable()
            case Check.NO_SHORTCUT:
                return await self.no_shortcut()
            case Check.NO_LEAK:
                return self.no_leak()
            case Check.BLIND_FAILS:
                return await self.blind_fails()
            case Check.WHOLE_IMAGE_FAILS:
                return await self.whole_image_fails()
            case Check.SOLVABLE:
                return await self.solvable()

    # ------------------------------------------------------------------------------- 1 unique

    async def unique(self) -> Findings:
        """Exactly one answer by any page's word, and it is the gold."""
        found = Findings()
        route = self.route
        seen = route.claimed()
        for look in route.looks:
            self._name_is_one(look, found)
        yields = route.yields(seen)
        for hop in self.proof.hops:
            self._one_value(hop, yields.get(hop.id, set()), found)
        answers = yields.get(route.last.id, set())
        gold = route.gold(self.gold)
        if answers and not answers & gold:
            found.faults.append(
                f"the pages lead to {self._show(answers)}, the gold is {self.gold.answers[0]!r}"
            )
        for value in answers & gold:
            if value.kind is Kind.THING and len(self.facts.named(self.facts.show(value))) > 1:
                found.faults.append(f"several things are called {self.facts.show(value)!r}")
        question = self.task.question.casefold()
        for constraint in self.proof.constraints:
            if constraint.text.casefold() not in question:
                found.faults.append(f"{constraint.text!r} does not stand in the question")
        wording = Wording(facts=self.facts, relations=self.relations)
        for one in descriptions(self.proof):
            if (doubt := wording.doubtful(one)) is not None:
                found.faults.append(doubt)
        found.faults.extend(
            f"the question speaks of {year}, and no step's value is stated for that year"
            for year in wording.strange_years(route, self.task.question)
        )
        self._one_on_the_page(found)
        await self._one_in_the_picture(route, found)
        if not found.faults:
            found.notes.append(f"all statements lead to {self._show(answers)} alone")
        return found

    def _name_is_one(self, look: Hop, found: Findings) -> None:
        if self.relations.thing(look) is None:
            found.faults.append(f"no page is about the thing {look.expected!r} that {look.id} sees")
        elif len(self.facts.named(look.expected)) > 1:
            found.faults.append(f"several things are called {look.expected!r} ({look.id})")

    def _one_value(self, hop: Hop, values: set[Value], found: Findings) -> None:
        if hop.kind in {HopKind.LOOK, HopKind.GIVEN}:
            return
        if hop.id in self.route.conditional() and values:
            return  # several things are still open here; the choice between them is checked
        if not values:
            found.faults.append(f"no page states what {hop.id} ({hop.label or hop.rule}) yields")
        elif len(values) > 1:
            found.faults.append(
                f"pages state {len(values)} values for {hop.id} ({hop.label or hop.rule}): "
                f"{self._show(values)}{self._told_by(hop, values)}"
            )
        elif values != {self.relations.value(hop)}:
            found.faults.append(
                f"pages state {self._show(values)} for {hop.id}, the proof {hop.expected!r}"
            )
        elif hop.rule == MATCHING:
            denying = self.route.denying(hop, self.route.yields(self.route.claimed()))
            if denying:
                found.faults.append(
                    f"some page says {self._show(denying)} of {hop.expected!r}, which {hop.id} picks"
                )

    def _told_by(self, hop: Hop, values: set[Value]) -> str:
        """The pages that state what the proof does not."""
        subject = self.relations.thing(self.route.hops[hop.subject]) if hop.subject else None
        label = self.relations.label(hop, of=subject) if hop.kind is HopKind.FOLLOW else None
        if label is None or subject is None:
            return ""
        strange = values - {self.relations.value(hop)}
        urls = dict.fromkeys(
            source.url
            for value in sorted(strange)
            for source in self.facts.sources(subject, label, value)
        )
        return f" (see {', '.join(list(urls)[:3])})" if urls else ""

    def _one_on_the_page(self, found: Findings) -> None:
        """A picture of a page is the only one there without words, and the one of the proof."""
        for hop in self.proof.photos:
            assert hop.photo is not None, "looks at pictures of pages have one"
            urls = [one.src for one in self.pictures.wordless(hop.photo.page)]
            if urls != [hop.photo.url]:
                found.faults.append(
                    f"{hop.id}: {hop.photo.page} shows {len(urls)} pictures without words, "
                    f"not {hop.photo.url} alone"
                )

    async def _one_in_the_picture(self, route: Route, found: Findings) -> None:
        """Nothing else in the picture is what a clause or a place says."""
        anchors = route.claimed()
        for constraint in clauses(self.proof):
            for look in route.looks:
                thing = anchors.get(look.id)
                if thing and not self.relations.fulfils(thing, constraint):
                    found.faults.append(f"no page states {constraint.text!r} of {look.expected!r}")
                for rival, is_sure in (await self._others(look, grids=_USUAL_GRIDS)).items():
                    if is_sure.is_sure and self.relations.fulfils(rival, constraint):
                        found.faults.append(
                            f"{self.facts.names.get(rival, rival)!r} in the picture fulfils "
                            f"{constraint.text!r} too"
                        )
        for look, constraint in self._placed(route):
            await self._is_there(look, constraint, found)

    async def _is_there(self, look: Hop, constraint: Constraint, found: Findings) -> None:
        """Whether another thing of the picture is clearly more where a place is said to be."""
        sight, thing = self.sight_of(look), self.route.claimed().get(look.id)
        if sight is None or look.box is None or thing is None:
            return
        things = await sight.things(grids=_USUAL_GRIDS)
        own = things.get(thing)
        fitted = await sight.place_within(own.image_url, [look.box]) if own else None
        here = fitted or look.box
        for rival, seen in things.items():
            if rival == thing or not seen.is_sure:
                continue
            there = await sight.place_within(seen.image_url, seen.windows)
            if there is not None and is_beaten(constraint.value, here, there):
                found.faults.append(
                    f"{self.facts.names.get(rival, rival)!r} is more {constraint.value!r} in the "
                    f"picture than {look.expected!r}"
                )

    # ---------------------------------------------------------------------------- 2 reachable

    async def reachable(self) -> Findings:
        """Each step has a live page that states it and can be found."""
        found = Findings()
        hops = self.route.hops
        at: dict[str, list[str]] = {}
        ways: dict[str, int] = {}
        for hop in self.proof.hops:
            match hop.kind:
                case HopKind.LOOK:
                    before = at.get(hop.subject or "", [])
                    lost = await self._page_of_photo(hop, before=before)
                    pages, way = lost or await self._pages_of_look(hop), "picture"
                case HopKind.GIVEN:
                    continue
                case HopKind.PICK:
                    at[hop.id] = [url for over in hop.over for url in at.get(over, ())]
                    at[hop.id] += [
                        url for over in hop.over for url in at.get(hops[over].subject or "", ())
                    ]
                    continue
                case HopKind.FOLLOW:
                    pages, way = await self._pages_of_step(
                        hop, before=at.get(hop.subject or "", [])
                    )
            if isinstance(pages, str):
                found.faults.append(f"{hop.id} ({hop.label or 'look'}): {pages}")
                continue
            at[hop.id] = pages
            ways[way] = ways.get(way, 0) + 1
        if not found.faults:
            shown = ", ".join(f"{count} by {way}" for way, count in sorted(ways.items()))
            found.notes.append(f"every step has a live page that is found: {shown}")
        return found

    async def _page_of_photo(self, hop: Hop, *, before: list[str]) -> str:
        """Why nobody comes to the page with the picture that is looked at; "": somebody does."""
        if hop.photo is None:
            return ""
        url, subject = hop.photo.page, self.route.hops.get(hop.subject or "")
        if not await self._is_live(url):
            return f"the page {url} with its picture cannot be read"
        hits = await self._search(subject.expected) if subject is not None else []
        linked = {link for one in before if (page := self.library.page(one)) for link in page.links}
        is_found = url in hits or url in before or url in linked
        return "" if is_found else f"no search or link leads to {url} with its picture"

    async def _pages_of_look(self, hop: Hop) -> list[str] | str:
        live = [url for url in hop.pages if await self._is_live(url)]
        if not live:
            return f"none of its {len(hop.pages)} pages can be read"
        sight = self.sight_of(hop)
        if sight is None or hop.box is None:
            return "there is no picture to look at"
        thing = self.relations.thing(hop)
        scale = await sight.finds(thing, hop.box) if thing is not None else None
        if scale is None:
            return f"no crop of its box finds {hop.expected!r}"
        # Only what the search lists is at hand, not what the proof names.
        shown = await sight.look(hop.box.scaled(scale))
        listed = dict.fromkeys(url for one in shown if one.thing == thing for url in one.urls)
        return [url for url in listed if await self._is_live(url)]

    async def _pages_of_step(self, hop: Hop, *, before: list[str]) -> tuple[list[str] | str, str]:
        live = [url for url in hop.pages if await self._is_live(url)]
        if not live:
            return f"none of its {len(hop.pages)} pages can be read", ""
        stating = self._stating(hop, live)
        if not stating:
            return f"none of its live pages states {hop.expected!r}", ""
        subject = self.route.hops.get(hop.subject or "")
        name = subject.expected if subject is not None else ""
        label = self.relations.label(hop) or hop.label
        for query in dict.fromkeys((f"{name} {hop.label}", name, f"{name} {label}")):
            hits = await self._search(query)
            reached = [url for url in stating if url in hits]
            if reached:
                return reached, "search"
        linked = {link for url in before if (page := self.library.page(url)) for link in page.links}
        reached = [url for url in stating if url in linked or url in before]
        return (reached, "link") if reached else ("no search or link leads to its pages", "")

    def _stating(self, hop: Hop, urls: list[str]) -> list[str]:
        subject = self.route.hops.get(hop.subject or "")
        thing = self.relations.thing(subject) if subject is not None else None
        label = self.relations.label(hop, of=None if hop.one_of_several else thing)
        if label is None or thing is None:
            return []
        value = self.relations.value(hop)
        if hop.one_of_several and value.kind is Kind.THING:
            thing, value = value.text, Value(Kind.THING, thing)
        sources = self.facts.sources(thing, label, value)
        stated = {source.url for source in sources}
        return [url for url in urls if url in stated]

    async def _is_live(self, url: str) -> bool:
        try:
            await patiently(lambda: self.world.read(url))
        except WorldError:
            return False
        return True

    async def _search(self, query: str) -> list[str]:
        hits = await patiently(lambda: self.world.search_text(query, limit=FOUND_RANK))
        return [hit.url for hit in hits]

    # -------------------------------------------------------------------------- 3 no shortcut

    async def no_shortcut(self) -> Findings:
        """Without picture, last step or any one condition the answer is open; page one is silent.

        A question that is asked without a picture needs none.
        """
        found = Findings()
        route, has_picture = self.route, bool(self.task.images)
        if has_picture:
            self._without_picture(route, found)
        self._without_last_hop(route, found)
        self._on_first_page(route, found)
        self._without_page_pictures(route, found)
        self._more_than_a_place(route, found)
        if not found.faults:  # looking is dear, and the verdict is clear
            await self._without_conditions(route, found)
        for constraint in self.proof.constraints:
            self._without_comparison(route, constraint, found)
        wording = Wording(facts=self.facts, relations=self.relations)
        found.faults.extend(
            f"{part.text!r} is idle: without it the description fits {one.about!r} alone"
            for one in descriptions(self.proof)
            for part in wording.idle_parts(one)
        )
        if has_picture and not route.looks:
            found.faults.append("no step looks at a picture")
        elif has_picture and not self.proof.constraints:
            found.faults.append("nothing in the question says which thing of the picture is meant")
        if not found.faults:
            what = "picture, last step" if has_picture else "last step"
            found.notes.append(f"without {what} or any condition several answers are left")
        return found

    async def _without_conditions(self, route: Route, found: Findings) -> None:
        """Each place and each clause dropped in turn."""
        for look, constraint in self._placed(route):
            await self._still_open(route, look, constraint, others=[], found=found)
        for constraint in clauses(self.proof):
            others = [one for one in clauses(self.proof) if one is not constraint]
            for look in route.looks:
                await self._still_open(route, look, constraint, others=others, found=found)

    def _without_picture(self, route: Route, found: Findings) -> None:
        things = [
            thing for thing in route.beginners() if self._fulfils_all(thing, clauses(self.proof))
        ]
        ends = _ends_of_each(route, things)
        if len(ends) < 2:
            found.faults.append(
                f"the picture is not needed: of all things only {self._names(things)} fit, "
                f"which leaves {self._show(ends)}"
            )

    def _without_last_hop(self, route: Route, found: Findings) -> None:
        """The last step must move, and what it starts from must have more to tell."""
        gold = route.gold(self.gold)
        deciding = route.conditional()
        earlier = {
            value
            for hop_id, values in route.yields(route.claimed()).items()
            if hop_id != route.last.id and self._is_before_answer(route, hop_id)
            for value in values
            # A figure by which things are chosen between may be the answer's by chance.
            if hop_id not in deciding or value.kind is Kind.THING
        }
        if earlier & gold:
            found.faults.append(
                f"the last step is idle: {self._show(earlier & gold)} comes earlier"
            )
        if route.last.kind is not HopKind.FOLLOW or route.last.subject is None:
            return
        starts = route.yields(route.claimed()).get(route.last.subject, set())
        open_values = {
            value
            for start in starts
            for label in self.facts.labels.get(start.text, ())
            for value in self.facts.values(start.text, label)
        }
        for start in starts:
            open_values |= {Value(Kind.THING, thing) for thing in self.facts.pointing_at(start)}
        if len(open_values) < 2:
            found.faults.append(
                "the last step is idle: nothing else is told of what it starts from"
            )

    def _is_before_answer(self, route: Route, hop_id: str) -> bool:
        """Whether a hop stands before the answer; the compared winner itself may be it."""
        if route.last.kind is HopKind.FOLLOW:
            return True
        hop = route.hops[hop_id]
        return hop.kind is HopKind.FOLLOW and not hop.one_of_several

    def _on_first_page(self, route: Route, found: Findings) -> None:
        num_steps = len(route.path_to_answer())
        if num_steps + len(self.proof.photos) < 2:
            return
        forms = {*self.gold.answers, *_written(self.gold)}
        named = [hop for hop in self.proof.hops if hop.kind is HopKind.GIVEN and hop.pages]
        for look in (*route.looks, *named):
            if look.photo is not None and num_steps < 2:
                continue  # the last step is read from its page
            thing = route.claimed().get(look.id)
            page = self.library.page(thing or "")
            if page is None:
                continue
            told = sorted(form for form in forms if stands_in(form, page.words))
            if told:
                found.faults.append(f"the first page about {look.expected!r} tells {told[0]!r}")

    def _without_page_pictures(self, route: Route, found: Findings) -> None:
        """With the picture taken from a page, neither its words nor its links lead on."""
        claimed, gold = route.claimed(), route.gold(self.gold)
        for hop in self.proof.photos:
            page = self.library.page(hop.photo.page) if hop.photo is not None else None
            if page is None:
                continue
            forms = {hop.expected, *hop.aliases, *self.gold.answers, *_written(self.gold)}
            told = sorted(form for form in forms if stands_in(form, page.words))
            if told:
                found.faults.append(f"the picture of {hop.id} is idle: its page tells {told[0]!r}")
        last = self.proof.photos[-1:]
        for hop in last:
            page = self.library.page(hop.photo.page) if hop.photo is not None else None
            linked = [url for url in page.links if url in self.facts.names] if page else []
            ends = [route.answers({**claimed, hop.id: thing}) for thing in dict.fromkeys(linked)]
            guesses = {value for values in ends for value in values}
            if guesses and guesses <= gold:
                found.faults.append(f"the picture of {hop.id} is idle: links of its page lead on")

    async def _ends(self, route: Route, things: Sequence[str], *, like: Hop) -> set[Value]:
        """Ends of the route if the look `like` showed any of these things.

        Where later looks are at pictures of pages, those of the pages then reached are looked at.
        """
        after = self.proof.hops.index(like)
        later = [hop for hop in self.proof.photos if self.proof.hops.index(hop) > after]
        if not later:
            return route.ends_from(things, like=like)
        claimed = route.claimed()
        others = {thing for key, thing in claimed.items() if key != like.id}
        ends: set[Value] = set()
        for thing in things:
            if thing not in others:
                ends |= await self._answers_by_sight(route, {**claimed, like.id: thing}, later)
        return ends

    async def _answers_by_sight(
        self, route: Route, seen: Mapping[str, str], later: Sequence[Hop]
    ) -> set[Value]:
        ways = [dict(seen)]
        for hop in later:
            ways = [
                {**way, hop.id: thing}
                for way in ways
                for subject in sorted(route.yields(way).get(hop.subject or "", ()))
                if subject.kind is Kind.THING
                for thing in await self._shown_at(subject.text, hop)
            ]
        return {value for way in ways for value in route.answers(way)}

    async def _shown_at(self, page: str, like: Hop) -> list[str]:
        """Things that the picture of a page shows where the look `like` finds its own in its own."""
        own = self.route.hops[like.id].photo
        if own is not None and own.page == page:
            return [thing for key, thing in self.route.claimed().items() if key == like.id]
        sight = await self.pictures.sight(page)
        place = next((one for look, one in self._placed(self.route) if look.id == like.id), None)
        if sight is None or place is None:
            return []
        stands: dict[str, Box] = {}
        for thing, seen in (await sight.things(grids=_USUAL_GRIDS)).items():
            there = await sight.place_within(seen.image_url, seen.windows)
            if seen.is_sure and there is not None:
                stands[thing] = there
        return [
            thing
            for thing, here in stands.items()
            if not any(is_beaten(place.value, here, there) for there in stands.values())
        ]

    async def _still_open(
        self,
        route: Route,
        look: Hop,
        constraint: Constraint,
        *,
        others: Sequence[Constraint],
        found: Findings,
    ) -> None:
        """Whether other things of the picture give other answers once a condition is dropped."""
        claimed = route.claimed()
        own = claimed.get(look.id)
        ends: set[Value] = set()
        for grids in range(1, NUM_GRIDS + 1):
            seen = await self._others(look, grids=grids)
            rivals = [
                thing
                for thing in seen
                if thing not in claimed.values() and self._fulfils_all(thing, others)
                # In the finest windows chance finds something, but not twice.
                if grids < NUM_GRIDS or len(seen[thing].windows) > 1
            ]
            ends = await self._ends(route, [*rivals, *([own] if own else [])], like=look)
            if len(ends) > 1:
                return
        found.faults.append(
            f"{constraint.text!r} is idle: without it only {self._show(ends)} is left "
            f"among what the picture shows"
        )

    def _fulfils_all(self, thing: str, constraints: Iterable[Constraint]) -> bool:
        return all(self.relations.fulfils(thing, one) for one in constraints)

    def _more_than_a_place(self, route: Route, found: Findings) -> None:
        """A place singles a thing out alone: whatever else is said of the thing is idle."""
        placed = self._placed(route)
        for look in route.looks:
            places = [place for other, place in placed if other.id == look.id]
            more = [*places[1:], *(clauses(self.proof) if places else [])]
            found.faults.extend(
                f"{one.text!r} is idle: {places[0].text!r} alone says which thing is meant"
                for one in more
            )

    def _without_comparison(self, route: Route, constraint: Constraint, found: Findings) -> None:
        for pick in route.picks:
            if pick.rule == MATCHING:
                is_its = constraint.about == pick.expected
                if is_its and len(route.answers(route.claimed(), undecided=[pick.id])) < 2:
                    found.faults.append(
                        f"{constraint.text!r} is idle: one thing is left without it"
                    )
                continue
            compared = [route.hops[over] for over in pick.over]
            if constraint.value != pick.rule or not any(
                hop.predicate == constraint.predicate for hop in compared
            ):
                continue
            ends = route.answers(route.claimed(), undecided=[pick.id])
            if len(ends) < 2 and not self._decides_later(route, pick):
                found.faults.append(
                    f"{constraint.text!r} is idle: without it only {self._show(ends)} is left"
                )

    def _decides_later(self, route: Route, pick: Hop) -> bool:
        """Whether another comparison follows that may hide what this one decides."""
        after = route.proof.hops[route.proof.hops.index(pick) + 1 :]
        yields = route.yields(route.claimed(), undecided=[pick.id])
        return any(hop.kind is HopKind.PICK for hop in after) and len(yields[pick.id]) > 1

    # ----------------------------------------------------------------------------- 4 no leak

    def no_leak(self) -> Findings:
        """Neither a name of the route nor the answer stands in the question."""
        found = Findings()
        names: dict[str, str] = {}
        chosen = {one for pick in self.route.picks for one in pick.among}
        named = self.route.conditional() - chosen
        for hop in self.proof.hops:
            if hop.kind is HopKind.GIVEN or hop.id in named:
                continue  # a condition may name what it speaks of
            # What the proof calls a thing is held against it, though no page was seen to.
            for alias in hop.aliases:
                names.setdefault(alias.casefold(), f"{alias!r}, a name of the route")
            if (thing := self.relations.thing(hop)) is not None:
                for name, things in self.facts.things.items():
                    if thing in things:
                        names[name] = f"the name {hop.expected!r} of the route"
            elif hop.kind is not HopKind.FOLLOW or hop is self.route.last:
                names[hop.expected.casefold()] = f"{hop.expected!r} of the route"
        for answer in (*self.gold.answers, *_written(self.gold)):
            names[answer.casefold()] = f"the answer {answer!r}"
        question = self.task.question.casefold()
        for name, what in names.items():
            if stands_in(name, question):
                found.faults.append(f"the question tells {what}")
        if not found.faults:
            found.notes.append(f"none of {len(names)} names and forms stands in the question")
        return found

    # ------------------------------------------------------------------------- 5, 6 baselines

    async def blind_fails(self) -> Findings:
        """A reader without eyes takes the last relation from the best page for the question."""
        found = Findings()
        route = self.route
        last = route.last if route.last.kind is HopKind.FOLLOW else None
        guess: set[Value] = set()
        for url in (await self._search(self.task.question))[:_BLIND_HITS]:
            page = self.library.page(url)
            for thing in about(page, self.facts) if page is not None else ():
                label = self.relations.label(last, of=thing) if last is not None else None
                guess = guess or (
                    self.facts.values(thing, label) if label else {Value(Kind.THING, thing)}
                )
        if guess and guess <= route.gold(self.gold):
            found.faults.append(f"searching the question's own words gives {self._show(guess)}")
        else:
            found.notes.append(f"searching the question's own words gives {self._show(guess)}")
        return found

    async def whole_image_fails(self) -> Findings:
        """Going on from what the uncropped picture finds first does not give the answer."""
        found = Findings()
        route = self.route
        looks = [look for look in route.looks if look.photo is None]
        if not looks or len(looks) > FIRST_THINGS or not self.sights:
            found.notes.append(f"{len(looks)} things must be told apart: no whole picture does")
            return found
        hits = await self.sights[0].look(Box.full())
        first = [hit.thing for hit in hits if hit.thing is not None][: len(looks)]
        guesses: set[Value] = set()
        more: dict[str, str] = {}
        for hop_id, sight in self.seen_on.items():
            hits = await sight.look(Box.full())
            best = next((hit.thing for hit in hits if hit.thing is not None), None)
            more |= {hop_id: best} if best is not None else {}
        for order in permutations(first, len(looks)):
            seen = dict(zip((look.id for look in looks), order, strict=True))
            guesses |= route.answers({**more, **seen})
        shown = f"the whole picture leads to {self._show(guesses)}"
        if guesses and guesses <= route.gold(self.gold):
            found.faults.append(shown)
        else:
            found.notes.append(shown)
        return found

    # ---------------------------------------------------------------------------- 7 solvable

    async def solvable(self) -> Findings:
        """A crop around each box finds its thing at some scale."""
        found = Findings()
        scales: list[str] = []
        for look in self.route.looks:
            sight, thing = self.sight_of(look), self.relations.thing(look)
            if sight is None or look.box is None or thing is None:
                found.faults.append(f"{look.id} has no box in a picture, or no thing")
                continue
            scale = await sight.finds(thing, look.box)
            if scale is None:
                found.faults.append(f"no crop around the box of {look.id} finds {look.expected!r}")
            else:
                scales.append(f"{scale:g}")
        if not found.faults:
            found.notes.append(f"found at scale {', '.join(scales)}")
        return found

    # -------------------------------------------------------------------------------- shared

    def _placed(self, route: Route) -> list[tuple[Hop, Constraint]]:
        """Looks and the constraints that say where they are, in the order of both."""
        places = [one for one in self.proof.constraints if one.predicate == POSITION]
        looks = route.looks * len(places) if len(route.looks) == 1 else route.looks
        return list(zip(looks, places, strict=False))

    async def _others(self, look: Hop, *, grids: int) -> dict[str, Seen]:
        """Things that the look's picture shows besides its own."""
        sight = self.sight_of(look)
        own = self.route.claimed().get(look.id)
        things = await sight.things(grids=grids) if sight is not None else {}
        return {thing: seen for thing, seen in things.items() if thing != own}

    def _show(self, values: Iterable[Value]) -> str:
        return self._list(sorted(repr(self.facts.show(value)) for value in values))

    def _names(self, things: Iterable[str]) -> str:
        return self._list(sorted(repr(self.facts.names.get(thing, thing)) for thing in things))

    def _list(self, shown: list[str]) -> str:
        more = f" and {len(shown) - 4} more" if len(shown) > 4 else ""
        return (", ".join(shown[:4]) + more) or "nothing"


def _ends_of_each(route: Route, things: Sequence[str]) -> set[Value]:
    """Ends of the route from any of these things; what only the picture decides is left open."""
    ends: set[Value] = set()
    # What is wanted stands in the question, unless the picture shows it.
    seen = {look.id for look in route.looks}
    picks = [pick.id for pick in route.picks if pick.rule != MATCHING or pick.like in seen]
    for thing in things:
        everywhere = dict.fromkeys((look.id for look in route.looks), thing)
        ends |= route.answers(everywhere, undecided=picks)
        if len(ends) > 1:
            break
    return ends


def _written(gold: Gold) -> list[str]:
    """Other ways to write a whole number."""
    return [f"{int(answer):,}" for answer in gold.answers if answer.isdecimal()]
