"""Walks the route of a question over what the pages state, wherever that leads.

The proof says which steps there are; where they lead is read from the fact table, all stated
values at once, so that a second claim gives a second end.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from vision_deepresearch.core.proof import MATCHING, Hop, HopKind, Proof
from vision_deepresearch.core.task import Gold
from vision_deepresearch.evals.checker.facts import FactTable, Kind, Value
from vision_deepresearch.evals.checker.relations import Relations, matches
from vision_deepresearch.evals.checker.text import Mention

_PREFERS_LESS = frozenset({"earliest", "smallest"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """One proof over one fact table."""

    proof: Proof
    facts: FactTable
    relations: Relations
    only: frozenset[str] | None = None
    """Believe these pages alone: where the question asks for what they say."""

    @property
    def hops(self) -> dict[str, Hop]:
        """By id."""
        return {hop.id: hop for hop in self.proof.hops}

    @property
    def looks(self) -> list[Hop]:
        """Hops at the picture, in order."""
        return [hop for hop in self.proof.hops if hop.kind is HopKind.LOOK]

    @property
    def picks(self) -> list[Hop]:
        """Comparisons, in order."""
        return [hop for hop in self.proof.hops if hop.kind is HopKind.PICK]

    @property
    def last(self) -> Hop:
        """The hop that yields the answer."""
        return self.proof.hops[-1]

    def claimed(self) -> dict[str, str]:
        """The thing of each look, as the proof has it; looks whose thing is unknown are left out."""
        found = {hop.id: self.relations.thing(hop) for hop in self.looks}
        return {hop_id: thing for hop_id, thing in found.items() if thing is not None}

    def answers(self, seen: Mapping[str, str], *, undecided: Iterable[str] = ()) -> set[Value]:
        """Every end of the route by some page's word.

        Args:
            seen: the thing of each look.
            undecided: comparisons that are left out: all that was compared goes on.
        """
        return self.yields(seen, undecided=undecided).get(self.last.id, set())

    def yields(
        self, seen: Mapping[str, str], *, undecided: Iterable[str] = ()
    ) -> dict[str, set[Value]]:
        """What each hop yields; nothing for a hop that leads nowhere."""
        open_picks = frozenset(undecided)
        found: dict[str, set[Value]] = {}
        for hop in self.proof.hops:
            match hop.kind:
                case HopKind.LOOK:
                    thing = seen.get(hop.id)
                    found[hop.id] = {Value(Kind.THING, thing)} if thing is not None else set()
                case HopKind.GIVEN:
                    found[hop.id] = {self.facts.value_of(Mention(hop.text or ""))}
                case HopKind.FOLLOW:
                    found[hop.id] = self._follow(hop, found)
                case HopKind.PICK if hop.rule == MATCHING:
                    found[hop.id] = self._match(hop, found, is_open=hop.id in open_picks)
                case HopKind.PICK:
                    found[hop.id] = self._pick(hop, found, is_open=hop.id in open_picks)
        return found

    def ends_from(self, things: Iterable[str], *, like: Hop) -> set[Value]:
        """Ends of the route if the look `like` showed any of these things, the others as claimed.

        Things from which the route leads nowhere add nothing.
        """
        claimed = self.claimed()
        ends: set[Value] = set()
        for thing in things:
            if not any(thing == other for key, other in claimed.items() if key != like.id):
                ends |= self.answers({**claimed, like.id: thing})
        return ends

    def beginners(self) -> list[str]:
        """All things of the world from which the route could begin: they have its first label."""
        labels: dict[str, None] = {}
        backwards: dict[str, None] = {}
        for hop in self.proof.hops:
            origin = self._origin(hop)
            is_first = origin.kind is HopKind.LOOK or (
                origin.kind is HopKind.PICK and origin.rule != MATCHING
            )
            of = self.relations.thing(origin)
            label = self.relations.label(hop, of=of) if hop.kind is HopKind.FOLLOW else None
            if is_first and label is not None:
                (backwards if hop.one_of_several else labels).setdefault(label)
        forth = [
            thing
            for thing, own in self.facts.labels.items()
            if any(label in own for label in labels)
        ]
        back = [
            value.text
            for label, value in self.facts.by_value
            if label in backwards and value.kind is Kind.THING
        ]
        return list(dict.fromkeys([*forth, *back]))

    def path_to_answer(self) -> list[Hop]:
        """`follow` hops from a look to the answer along the winners of comparisons, in order."""
        hops = self.hops
        path: list[Hop] = []
        here: Hop | None = self.last
        while here is not None and here.kind not in {HopKind.LOOK, HopKind.GIVEN}:
            if here.kind is HopKind.FOLLOW:
                path.append(here)
                here = hops.get(here.subject or "")
            else:
                won = [hops[over] for over in here.over if over in hops]
                subjects = [hops[hop.subject] for hop in won if hop.subject in hops]
                subjects = [hops[one] for one in here.among if one in hops] or subjects
                here = next((hop for hop in subjects if hop.expected == here.expected), None)
        return path[::-1]

    def gold(self, gold: Gold) -> set[Value]:
        """The gold in the form in which values are compared."""
        return {self.facts.value_of(Mention(answer)) for answer in gold.answers}

    def _origin(self, hop: Hop) -> Hop:
        return self.hops.get(hop.subject or "", hop)

    def _follow(self, hop: Hop, found: Mapping[str, set[Value]]) -> set[Value]:
        subjects = found.get(hop.subject or "", set())
        if hop.one_of_several:
            label = self.relations.label(hop)
            return {
                Value(Kind.THING, thing)
                for subject in subjects
                for thing in (self.facts.by_value.get((label, subject), ()) if label else ())
            }
        return {
            value
            for subject in subjects
            if subject.kind is Kind.THING
            if (label := self.relations.label(hop, of=subject.text)) is not None
            for value in self.facts.values(subject.text, label, only=self.only)
        }

    def conditional(self) -> frozenset[str]:
        """Ids of hops that speak of things still to be chosen between: they may have many values."""
        return frozenset(
            one
            for pick in self.picks
            for over, thing in zip(pick.over, pick.among, strict=False)
            for one in [thing, *(hop.id for hop in self._between(thing, over))]
        )

    def _between(self, thing: str, over: str) -> list[Hop]:
        """Hops from one of the things chosen between to what decides, in order."""
        hops = self.hops
        path: list[Hop] = []
        here: str | None = over
        while here is not None and here != thing and here in hops:
            path.append(hops[here])
            here = hops[here].subject
        return path[::-1]

    def _match(self, hop: Hop, found: Mapping[str, set[Value]], *, is_open: bool) -> set[Value]:
        """Things that may be meant: by some page's word they have the value wanted."""
        chosen: set[Value] = set()
        for one, here in self._deciding(hop, found):
            if is_open or any(self._is_wanted(value, hop, found) for value in here):
                chosen.add(one)
        return chosen

    def denying(self, hop: Hop, found: Mapping[str, set[Value]]) -> set[Value]:
        """Values by which what is chosen would not be: some page states them of it."""
        picked = found.get(hop.id, set())
        return {
            value
            for one, here in self._deciding(hop, found)
            if one in picked
            for value in here
            if not self._is_wanted(value, hop, found)
        }

    def _deciding(
        self, hop: Hop, found: Mapping[str, set[Value]]
    ) -> Iterator[tuple[Value, set[Value]]]:
        """Things chosen between, and what is stated of each."""
        for over, thing in zip(hop.over, hop.among, strict=True):
            for one in found.get(thing, ()):
                here = {one}
                for step in self._between(thing, over):
                    here = self._follow(step, {step.subject or "": here})
                yield one, here

    def _is_wanted(self, value: Value, hop: Hop, found: Mapping[str, set[Value]]) -> bool:
        wanted = self.hops.get(hop.like or "")
        if wanted is None:
            return False
        if wanted.text is not None:
            return matches(self.facts, value, wanted.text)
        return value in found.get(wanted.id, ())

    def _pick(self, hop: Hop, found: Mapping[str, set[Value]], *, is_open: bool) -> set[Value]:
        """Subjects that some choice among the stated values makes the winner."""
        hops = self.hops
        groups: list[list[tuple[int, Value]]] = []
        for over in hop.over:
            compared = hops[over]
            subjects = found.get(compared.subject or "", set())
            groups.append([
                (rank, subject)
                for subject in subjects
                for value in self._follow(compared, {compared.subject or "": {subject}})
                if (rank := value.rank) is not None
            ])
        if is_open:
            return {subject for group in groups for _, subject in group}
        if not all(groups):
            return set()
        sign = 1 if hop.rule in _PREFERS_LESS else -1
        # A contestant can win unless some group is better whatever is believed of it.
        worst = [max(sign * rank for rank, _ in group) for group in groups]
        return {
            subject
            for number, group in enumerate(groups)
            for rank, subject in group
            if all(sign * rank <= bar for other, bar in enumerate(worst) if other != number)
        }
