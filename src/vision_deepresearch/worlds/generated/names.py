"""Makes the proper names of a generated world from the syllables of invented peoples.

No name is spelled twice unless the world asks for a homonym, and none is a famous real one.
"""

import random
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache

from vision_deepresearch.worlds.generated.cultures import (
    CULTURES_OF,
    STOP_NAMES,
    Culture,
    Split,
)
from vision_deepresearch.worlds.generated.entities import EntityType
from vision_deepresearch.worlds.generated.name_words import (
    ARTWORK_PATTERNS,
    AWARD_NOUNS,
    AWARD_PATTERNS,
    BOOK_PATTERNS,
    BUILDING_NOUNS,
    BUILDING_PATTERNS,
    EPITHET_ENDINGS,
    EVENT_NOUNS,
    EVENT_PATTERNS,
    GENUS_ENDINGS,
    ORGANISATION_NOUNS,
    ORGANISATION_PATTERNS,
    PRODUCT_NOUNS,
    PRODUCT_PATTERNS,
    SPECIES_NOUNS,
    SPECIES_PATTERNS,
    VEHICLE_PATTERNS,
    VESSEL_PATTERNS,
    VESSEL_PREFIXES,
    WORDS,
)

KINDS: dict[EntityType, tuple[str, ...]] = {
    EntityType.ORGANISATION: tuple(ORGANISATION_NOUNS),
    EntityType.BUILDING: tuple(BUILDING_NOUNS),
    EntityType.ARTWORK: ("oil painting", "poster", "fresco", "tapestry", "woodcut", "mosaic"),
    EntityType.VESSEL: tuple(VESSEL_PREFIXES),
    EntityType.EVENT: tuple(EVENT_NOUNS),
    EntityType.PRODUCT: tuple(PRODUCT_NOUNS),
    EntityType.SPECIES: tuple(SPECIES_NOUNS),
    EntityType.BOOK: tuple(BOOK_PATTERNS),
    EntityType.VEHICLE: tuple(VEHICLE_PATTERNS),
    EntityType.AWARD: tuple(AWARD_NOUNS),
}
"""What things of a type are called in a word or two."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Name:
    """A canonical name and what else the thing is called."""

    canonical: str
    aliases: tuple[str, ...] = ()


_MAX_ATTEMPTS = 10_000
_PATTERN_ATTEMPTS = 8
"""Then only patterns with a new word are tried: the others run out in large worlds."""
_PLAIN_ATTEMPTS = 100
"""Then words grow by a syllable: a people has some 10,000 roots, large worlds use them up."""
_NONE_LEFT = "expected a free name, found none left: ask for fewer pages"
_NO_NOUNS: tuple[str, ...] = ()
_BEFORE_TOWN = ("Port", "Upper", "Lower", "New", "Old", "Saint", "Castle", "Little")


def _attempts() -> Iterator[int]:
    """By how many syllables the next word shall be longer."""
    return (int(attempt >= _PLAIN_ATTEMPTS) for attempt in range(_MAX_ATTEMPTS))


class NameMaker:
    """Hands out names, each spelled once. The order of requests matters, so one graph owns one.

    Args:
        rng: where all choices come from.
        split: of the world; its peoples name everything.
    """

    def __init__(self, rng: random.Random, *, split: Split = "train") -> None:
        self._rng = rng
        self._cultures = CULTURES_OF[split]
        self._taken: set[str] = set()
        self._lent: dict[str, list[str]] = {"family": [], "town": [], "river": []}
        """Names in use that may stand in the name of one other thing."""

    def person(self, *, is_woman: bool) -> Name:
        """A given name, perhaps two, and a family name; the initial and family name as alias."""
        rng = self._rng
        for longer in _attempts():
            culture = rng.choice(self._cultures)
            given = self._given(culture, is_woman=is_woman)
            family = self._word(culture, rng.choice((1, 1, 2)) + longer, culture.family_endings)
            middle = f" {self._given(culture, is_woman=is_woman)}" if rng.random() < 0.1 else ""
            if self._take(f"{given}{middle} {family}"):
                self._lent["family"].append(family)
                alias = f"{given[0]}. {family}"
                aliases = (alias,) if self._take(alias) else ()
                return Name(canonical=f"{given}{middle} {family}", aliases=aliases)
        raise ValueError(_NONE_LEFT)

    def settlement(self) -> Name:
        """A town; some have a second name from another people, some a word before it."""
        rng = self._rng
        root = self._root(rng.choice(self._cultures), ending="town")
        self._lent["town"].append(root)
        draw = rng.random()
        if draw < 0.14:
            name = f"{rng.choice(_BEFORE_TOWN)} {root}"
            if self._take(name):
                return Name(canonical=name, aliases=(root,))
        if draw < 0.36:
            return Name(
                canonical=root, aliases=(self._root(rng.choice(self._cultures), ending="town"),)
            )
        return Name(canonical=root)

    def river(self) -> Name:
        """A river, also known by its bare name."""
        root = self._root(self._rng.choice(self._cultures), ending="river")
        self._lent["river"].append(root)
        return Name(canonical=f"River {root}", aliases=(root,))

    def region(self) -> str:
        """A province."""
        culture = self._rng.choice(self._cultures)
        while True:
            name = self._word(culture, 2, ("ia", "land", "mark"))
            if self._take(name):
                return name

    def of_kind(self, type_: EntityType, kind: str) -> Name:
        """A name that tells the kind of a thing; for types with `KINDS` but works of art."""
        maker = {
            EntityType.ORGANISATION: self.organisation,
            EntityType.BUILDING: self.building,
            EntityType.EVENT: self.event,
            EntityType.VESSEL: self.vessel,
            EntityType.PRODUCT: self.product,
            EntityType.SPECIES: self.species,
            EntityType.BOOK: self.book,
            EntityType.VEHICLE: self.vehicle,
            EntityType.AWARD: self.award,
        }[type_]
        return maker(kind)

    def organisation(self, kind: str) -> Name:
        """An organisation, for example "Quelmar Glassworks"."""
        return self._named(ORGANISATION_PATTERNS, ORGANISATION_NOUNS[kind], p_short=0.3)

    def building(self, kind: str) -> Name:
        """A building, for example "Ostrel Playhouse"."""
        return self._named(BUILDING_PATTERNS, BUILDING_NOUNS[kind], p_short=0.15)

    def event(self, kind: str) -> Name:
        """A recurring event, for example "Harune Lantern Festival"."""
        return self._named(EVENT_PATTERNS, EVENT_NOUNS[kind], p_short=0.1)

    def artwork(self) -> Name:
        """A title, for example "The Patient Clockmaker"; without its article as alias."""
        name, _ = self._compose(ARTWORK_PATTERNS, _NO_NOUNS)
        short = name.removeprefix("The ")
        aliases = (short,) if short != name and self._take(short) else ()
        return Name(canonical=name, aliases=aliases)

    def vessel(self, kind: str) -> Name:
        """A ship, for example "Copper Petrel", also with its prefix."""
        name, _ = self._compose(VESSEL_PATTERNS, _NO_NOUNS)
        alias = f"{VESSEL_PREFIXES[kind]} {name}"
        return Name(canonical=name, aliases=(alias,) if self._take(alias) else ())

    def product(self, kind: str) -> Name:
        """A brand, for example "Quelmar's Best"."""
        return self._named(PRODUCT_PATTERNS, PRODUCT_NOUNS[kind], p_short=0.5)

    def species(self, kind: str) -> Name:
        """A folk name, for example "Harune Finch", and a learned one, "Vardornis keletensis"."""
        name, _ = self._compose(SPECIES_PATTERNS, SPECIES_NOUNS[kind])
        rng = self._rng
        for longer in _attempts():
            stem = self._word(rng.choice(self._cultures), 1 + longer, ())
            genus = stem.rstrip("aeiouyé") + rng.choice(GENUS_ENDINGS)
            epithet = self._word(rng.choice(self._cultures), 1 + longer, ()).rstrip("aeiouyé")
            learned = f"{genus} {epithet.lower()}{rng.choice(EPITHET_ENDINGS)}"
            if self._take(learned):
                return Name(canonical=name, aliases=(learned,))
        raise ValueError(_NONE_LEFT)

    def book(self, kind: str) -> Name:
        """A title of its kind, for example "A Winter in Ostrel" for a novel."""
        name, _ = self._compose(BOOK_PATTERNS[kind], _NO_NOUNS)
        short = name.removeprefix("The ")
        aliases = (short,) if short != name and self._take(short) else ()
        return Name(canonical=name, aliases=aliases)

    def vehicle(self, kind: str) -> Name:
        """A locomotive, tram, airship or coach, for example "Duke of Ostrel"."""
        return self._named(VEHICLE_PATTERNS[kind], _NO_NOUNS, p_short=0.4)

    def award(self, kind: str) -> Name:
        """An award, for example "Harworthy Medal for Chemistry"."""
        return self._named(AWARD_PATTERNS, AWARD_NOUNS[kind], p_short=0.3)

    def _named(self, patterns: Sequence[str], nouns: tuple[str, ...], *, p_short: float) -> Name:
        """A name by a pattern; its new word, which no other thing has, may stand for it alone."""
        name, root = self._compose(patterns, nouns)
        has_short = root not in {None, name} and self._rng.random() < p_short
        return Name(canonical=name, aliases=(root,) if root and has_short else ())

    def _compose(self, patterns: Sequence[str], nouns: tuple[str, ...]) -> tuple[str, str | None]:
        """A free name, and the new word in it, if there is one."""
        rng = self._rng
        lent = self._lent
        for attempt in range(_MAX_ATTEMPTS):
            if attempt == _PATTERN_ATTEMPTS:
                patterns = tuple(pattern for pattern in patterns if "{root}" in pattern)
            pieces = list(_pieces(rng.choice(patterns)))
            root: str | None = None
            for place in range(1, len(pieces), 2):
                hole = pieces[place]
                words = nouns if hole == "noun" else WORDS.get(hole, ())
                if lent.get(hole):
                    pieces[place] = self._lend(lent[hole])
                elif words:
                    word = rng.choice(words)
                    pieces[place] = rng.choice(words) if word in pieces else word
                else:  # a new word, also where nobody in the world has a name to lend yet
                    longer = int(attempt >= _PLAIN_ATTEMPTS)
                    root = self._word(rng.choice(self._cultures), 2 + longer, ())
                    pieces[place] = root
            name = "".join(pieces)
            # The new word is taken too: no other thing may be confused with a part of this name.
            if root is not None and not self._is_free(root):
                continue
            if self._take(name):
                if root is not None:
                    self._take(root)
                return name, root
        raise ValueError(_NONE_LEFT)

    def _lend(self, names: list[str]) -> str:
        """One of the names; each is lent once, so that no name stands in a dozen others."""
        place = self._rng.randrange(len(names))
        names[place], names[-1] = names[-1], names[place]
        return names.pop()

    def _given(self, culture: Culture, *, is_woman: bool) -> str:
        return self._word(
            culture, self._rng.choice((1, 1, 2)), culture.given_endings[0 if is_woman else 1]
        )

    def _root(self, culture: Culture, *, ending: str) -> str:
        endings = culture.town_endings if ending == "town" else culture.river_endings
        for longer in _attempts():
            name = self._word(culture, self._rng.choice((1, 1, 2)) + longer, endings)
            if self._take(name):
                return name
        raise ValueError(_NONE_LEFT)

    def _word(self, culture: Culture, syllables: int, endings: tuple[str, ...]) -> str:
        rng = self._rng
        while True:
            stem = rng.choice(culture.onsets) + rng.choice(culture.vowels)
            for _ in range(syllables - 1):
                stem += rng.choice(culture.codas)[:1]
                stem += rng.choice(culture.onsets) + rng.choice(culture.vowels)
            # A vowel before a vowel wants one consonant between; other endings a coda or none.
            ending = rng.choice(endings or culture.codas)
            if endings:
                coda = rng.choice(culture.codas)
                stem += coda[:1] if ending[0] not in "aeiouyé" else coda
            word = stem + ending
            if 4 <= len(word) <= 13 and word not in STOP_NAMES:
                return word[0].upper() + word[1:]

    def _take(self, name: str) -> bool:
        key = name.casefold()
        if key in self._taken or key in STOP_NAMES:
            return False
        self._taken.add(key)
        return True

    def _is_free(self, name: str) -> bool:
        key = name.casefold()
        return key not in self._taken and key not in STOP_NAMES


@cache
def _pieces(pattern: str) -> tuple[str, ...]:
    """Text and the names of holes in turn, text first."""
    return tuple(re.split(r"\{(\w+)\}", pattern))
