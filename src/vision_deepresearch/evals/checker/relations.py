"""What the predicates of proofs are called on the pages: found by looking, decided by majority.

A proof says "founded_by", the rows say "Founded by" - or "Director" for "led_by". The label of a
predicate is the one under which pages state what proofs claim, over all proofs at hand; a single
wrong proof is outvoted. Words shared by both break ties: an outdated page may list as "Tenant"
whom the building's own page lists as "Former tenant", and both then have a vote.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from vision_deepresearch.core.proof import Constraint, Hop, HopKind, Proof
from vision_deepresearch.evals.checker.facts import FactTable, Kind, Value, literal
from vision_deepresearch.evals.checker.text import Mention

LabelPath = tuple[str, ...]
"""Labels one after the other."""

_DECADE = re.compile(r"(\d{3})0s")
_BAND = re.compile(r"(\d+)\.\.(\d+)")
_STEM = 4
_LIKE_WORDS = 0.5
"""What shared words add to a label's votes."""
_SHARE_OF_BEST = 1 / 3
"""Of the votes of the most frequent labels; fewer are chance."""
_CLEAR = 0.5
"""Of what is told of things with a label, more than so much must be told under it."""
BACKWARDS = "^"
"""Before the predicate of a part of a description: it is told of the value, which is described."""
POSITION = "position"
"""Predicate of constraints that say where in the picture a thing is."""


@dataclass(slots=True, kw_only=True)
class Relations:
    """Labels of predicates in one world."""

    facts: FactTable
    hops: dict[tuple[str, bool], Counter[str]] = field(default_factory=dict)
    chances: dict[tuple[str, bool], Counter[str]] = field(default_factory=dict)
    """How often a label could have been voted for: what the step starts from has it."""
    paths: dict[str, Counter[LabelPath]] = field(default_factory=dict)
    path_chances: dict[str, Counter[str]] = field(default_factory=dict)
    """The same for the first label of a clause's path."""

    @classmethod
    def learn(cls, facts: FactTable, proofs: Iterable[Proof]) -> "Relations":
        """Count what the proofs claim against what pages state."""
        relations = cls(facts=facts)
        for proof in proofs:
            hops = {hop.id: hop for hop in proof.hops}
            for hop in proof.hops:
                relations._vote_hop(hop, hops)
            for constraint in clauses(proof):
                for hop in proof.hops:
                    thing = relations.thing(hop) if hop.kind is HopKind.LOOK else None
                    relations._vote_clause(constraint, thing)
            for constraint in proof.constraints:
                if constraint.about is not None:
                    relations._vote_part(constraint)
        return relations

    def label(self, hop: Hop, *, of: str | None = None) -> str | None:
        """The label of a `follow` hop; None: no proof's claim stands on any page.

        One predicate may have several labels, by what it is said of: the kind of a building, the
        medium of a work of art.

        Args:
            hop: the step.
            of: the thing it starts from, where that is known.
        """
        votes = self.hops.get(_key(hop))
        if not votes:
            return None
        words = f"{hop.predicate} {hop.label}"
        own = self.facts.labels.get(of, {}) if of is not None else {}
        chances = self.chances.get(_key(hop), Counter())
        fitting = [one for one in votes if one in own and votes[one] > _CLEAR * chances[one]]
        return max(
            fitting or votes,
            key=lambda label: (votes[label] + _likeness(label, words), _fit(label, words), label),
        )

    def backward_label(self, part: Constraint, *, of: str) -> str | None:
        """The label under which a thing leads to what a part of a description is about."""
        predicate = part.predicate.removeprefix(BACKWARDS)
        hop = Hop(id="part", kind=HopKind.FOLLOW, predicate=predicate, expected=part.about or "")
        return self.label(hop, of=of)

    def path(self, constraint: Constraint, *, of: str) -> LabelPath | None:
        """The labels of a clause for things like this one; None: no page states it of any.

        One predicate may have several labels, by what it is said of: the kind of a building, the
        medium of a work of art.
        """
        votes = self.paths.get(constraint.predicate)
        if not votes:
            return None
        parts = constraint.predicate.split("/")
        enough = _SHARE_OF_BEST * max(votes.values())
        own = self.facts.labels.get(of, {})
        chances = self.path_chances.get(constraint.predicate, Counter())
        fitting = [
            path
            for path, times in votes.items()
            if path[0] in own and times >= enough and times > _CLEAR * chances[path[0]]
        ]

        def weight(path: LabelPath) -> tuple[float, LabelPath]:
            pairs = list(zip(path, parts, strict=True))
            like = sum(_likeness(one, two) + self._share(one, two) for one, two in pairs)
            return votes[path] + like, path

        return max(fitting, key=weight, default=None)

    def _share(self, label: str, predicate: str) -> float:
        """Of the steps that follow a predicate, the share told under a label."""
        votes = self.hops.get((predicate, False))
        return votes[label] / max(votes.values()) if votes else 0.0

    def fulfils(self, thing: str, constraint: Constraint) -> bool:
        """Whether any page states of a thing what a clause says."""
        path = self.path(constraint, of=thing)
        return path is not None and self._leads(thing, path, to=constraint.value)

    def _leads(self, thing: str, path: LabelPath, *, to: str) -> bool:
        return any(matches(self.facts, value, to) for value in self._follow(thing, path))

    def thing(self, hop: Hop) -> str | None:
        """The one thing a hop claims to yield; None: no thing, or several of that name."""
        own = [url for url in hop.pages if url in self.facts.names]
        if hop.kind is HopKind.LOOK and own:
            return own[0]
        named = self.facts.named(hop.expected)
        return named[0] if len(named) == 1 else None

    def value(self, hop: Hop) -> Value:
        """What a hop claims to yield."""
        if hop.kind is HopKind.LOOK and (thing := self.thing(hop)) is not None:
            return Value(Kind.THING, thing)
        return self.facts.value_of(Mention(hop.expected))

    def _vote_hop(self, hop: Hop, hops: dict[str, Hop]) -> None:
        if hop.kind is not HopKind.FOLLOW or hop.subject not in hops:
            return
        subject = self.thing(hops[hop.subject])
        if subject is None:
            return
        value = self.value(hop)
        if hop.one_of_several:  # told by the page of the one that is led to
            if value.kind is not Kind.THING:
                return
            subject, value = value.text, Value(Kind.THING, subject)
        stating = [
            label
            for label in self.facts.labels.get(subject, ())
            if value in self.facts.values(subject, label)
        ]
        votes = self.hops.setdefault(_key(hop), Counter())
        for label in stating:
            votes[label] += 1
        self.chances.setdefault(_key(hop), Counter()).update(
            list(self.facts.labels.get(subject, ()))
        )

    def _vote_clause(self, constraint: Constraint, thing: str | None) -> None:
        length = constraint.predicate.count("/") + 1
        votes = self.paths.setdefault(constraint.predicate, Counter())
        if thing is None:
            return
        chances = self.path_chances.setdefault(constraint.predicate, Counter())
        chances.update(list(self.facts.labels.get(thing, ())))
        for path in self._paths(thing, length):
            if self._leads(thing, path, to=constraint.value):
                votes[path] += 1

    def _vote_part(self, part: Constraint) -> None:
        """A part of a description votes by the thing that it is about."""
        about = self.facts.named(part.about or "")
        if len(about) != 1:
            return
        if not part.predicate.startswith(BACKWARDS):
            self._vote_clause(part, about[0])
            return
        key = (part.predicate.removeprefix(BACKWARDS), False)
        votes = self.hops.setdefault(key, Counter())
        for start in self.facts.named(part.value):
            own = list(self.facts.labels.get(start, ()))
            self.chances.setdefault(key, Counter()).update(own)
            for label in own:
                if Value(Kind.THING, about[0]) in self.facts.values(start, label):
                    votes[label] += 1

    def _paths(self, thing: str, length: int) -> Iterator[LabelPath]:
        for label in self.facts.labels.get(thing, ()):
            if length == 1:
                yield (label,)
                continue
            tails: dict[LabelPath, None] = {}
            for value in self.facts.values(thing, label):
                if value.kind is Kind.THING and value.text != thing:
                    tails.update(dict.fromkeys(self._paths(value.text, length - 1)))
            for tail in tails:
                yield (label, *tail)

    def _follow(self, thing: str, path: LabelPath) -> set[Value]:
        here = {Value(Kind.THING, thing)}
        for label in path:
            here = {
                value
                for place in here
                if place.kind is Kind.THING
                for value in self.facts.values(place.text, label)
            }
        return here


def _key(hop: Hop) -> tuple[str, bool]:
    """Predicate, and whether its label reads from the value to the subject."""
    return hop.predicate or "", hop.inverse and not hop.one_of_several


def clauses(proof: Proof) -> list[Constraint]:
    """Constraints that say what a seen thing is like: neither where it is nor which one wins."""
    rules = {hop.rule for hop in proof.hops if hop.kind is HopKind.PICK}
    return [
        constraint
        for constraint in proof.constraints
        if constraint.predicate != POSITION and constraint.value not in rules
        if constraint.about is None
    ]


def matches(facts: FactTable, value: Value, text: str) -> bool:
    """Whether a value is what a constraint names: a thing, a word, a number, decade or range."""
    if found := _DECADE.fullmatch(text):
        is_dated = value.kind in {Kind.NUMBER, Kind.DATE}
        return is_dated and value.text[:4][:-1] == found.group(1)
    if found := _BAND.fullmatch(text):
        is_number = value.kind is Kind.NUMBER
        return is_number and int(found.group(1)) <= int(value.text) <= int(found.group(2))
    if value.kind is Kind.THING:
        return value.text in facts.named(text)
    return value == literal(text)


def share_a_stem(label: str, words: str) -> bool:
    """Whether two texts have a word in common by its first letters: "owner", "owned"."""
    return bool(_stems(words) & _stems(label))


def _stems(text: str) -> set[str]:
    return {word[:_STEM] for word in re.findall(r"[a-z]{3,}", text.casefold())}


def _fit(label: str, words: str) -> int:
    """Words of a label that a step uses too, less those it does not use."""
    own = _stems(label)
    return len(own & _stems(words)) - len(own - _stems(words))


def _likeness(label: str, words: str) -> float:
    return _LIKE_WORDS * share_a_stem(label, words)
