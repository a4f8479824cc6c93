"""Holds what a question says besides its route against the pages: descriptions, and years.

A name may be replaced by a description ("the town that lies on the Karn and received its charter in
the 1420s"): it must fit one thing, and need each of its parts. A year ("who was mayor in 1990") must
lie within the time for which a row states the value.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from vision_deepresearch.core.proof import MATCHING, Constraint, HopKind, Proof
from vision_deepresearch.evals.checker.facts import FactTable, Kind, Value
from vision_deepresearch.evals.checker.relations import BACKWARDS, Relations, share_a_stem
from vision_deepresearch.evals.checker.route import Route

_YEAR = re.compile(r"\b[12]\d{3}\b")
_FORMER = re.compile(r"\bformer\b")
_NEAR = 25
"""Characters on either side of a year in which the words stand that say whose year it is."""
_ALIKE = 0.5
"""Of the fewer labels of two things of one kind, so many are shared."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Description:
    """What stands in a question in place of a name."""

    about: str
    """The name."""
    parts: tuple[Constraint, ...]


def descriptions(proof: Proof) -> Iterator[Description]:
    """Descriptions of things that are neither seen nor chosen between."""
    chosen = {hop.expected for hop in proof.hops if hop.rule == MATCHING}
    parts: dict[str, list[Constraint]] = {}
    for constraint in proof.constraints:
        if constraint.about is not None and constraint.about not in chosen:
            parts.setdefault(constraint.about, []).append(constraint)
    for about, those in parts.items():
        yield Description(about=about, parts=tuple(those))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Period:
    """When a step's value held."""

    label: str
    since: int
    until: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Wording:
    """The words of one question before what all pages say."""

    facts: FactTable
    relations: Relations

    def doubtful(self, one: Description) -> str | None:
        """Why a description does not fit its thing, and that alone; None: it does."""
        named = self.facts.named(one.about)
        if len(named) != 1:
            return f"{len(named)} things are called {one.about!r}, which is described"
        fitting = self._fitting(one.parts, like=named[0])
        if named[0] not in fitting:
            said = " and ".join(part.text for part in one.parts)
            return f"no page states {said!r} of {one.about!r}"
        others = [thing for thing in fitting if thing != named[0]]
        if others:
            rival = self.facts.names.get(others[0], others[0])
            return f"the description of {one.about!r} fits {rival!r} too"
        return None

    def idle_parts(self, one: Description) -> Iterator[Constraint]:
        """Parts without which a description fits nothing more."""
        named = self.facts.named(one.about)
        if len(one.parts) < 2 or len(named) != 1:
            return
        for part in one.parts:
            others = [other for other in one.parts if other is not part]
            if len(self._fitting(others, like=named[0])) < 2:
                yield part

    def _fitting(self, parts: Sequence[Constraint], *, like: str) -> list[str]:
        """Things of a kind that fulfil all the parts by some page's word."""
        return [
            thing
            for thing in self.facts.names
            if all(self._fulfils(thing, part) for part in parts)
            if thing == like or self._are_alike(thing, like)
        ]

    def _fulfils(self, thing: str, part: Constraint) -> bool:
        if not part.predicate.startswith(BACKWARDS):
            return self.relations.fulfils(thing, part)
        return any(
            Value(Kind.THING, thing) in self.facts.values(start, label)
            for start in self.facts.named(part.value)
            if (label := self.relations.backward_label(part, of=start)) is not None
        )

    def _are_alike(self, one: str, other: str) -> bool:
        mine, theirs = self.facts.labels.get(one, {}), self.facts.labels.get(other, {})
        fewer = min(len(mine), len(theirs))
        return fewer > 0 and sum(label in theirs for label in mine) >= _ALIKE * fewer

    def strange_years(self, route: Route, question: str) -> Iterator[str]:
        """Years that a question names and at which no step's value held."""
        proof = route.proof
        said = question
        for text in (
            *(constraint.text for constraint in proof.constraints),
            *(hop.shown for hop in proof.hops if hop.kind is HopKind.GIVEN),
        ):
            said = said.replace(text, " ")
        years = list(_YEAR.finditer(said))
        periods = list(self._periods(route)) if years else []
        # A year is asked for where something has ended; what still holds needs none.
        ended = [one for one in periods if one.until is not None] or periods
        for found in years:
            near = said[max(0, found.start() - _NEAR) : found.end() + _NEAR]
            meant = [
                one for one in ended if share_a_stem(_FORMER.sub("", one.label), near)
            ] or ended
            year = int(found.group())
            if not any(one.since <= year <= (one.until or year) for one in meant):
                yield found.group()

    def _periods(self, route: Route) -> Iterator[_Period]:
        """Years for which the values of steps are stated."""
        hops = route.hops
        for hop in route.proof.hops:
            subject = hops.get(hop.subject or "")
            thing = self.relations.thing(subject) if subject is not None else None
            label = self.relations.label(hop, of=thing) if hop.kind is HopKind.FOLLOW else None
            if thing is not None and label is not None:
                key = (thing, label, self.relations.value(hop))
                for since, until in self.facts.periods.get(key, ()):
                    yield _Period(label=label, since=since, until=until)
