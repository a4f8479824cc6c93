"""Makes the proper names of a generated world from the syllables of invented cultures.

No name is spelled twice unless the world asks for a homonym, and none is a famous real one.
"""

import random
from collections.abc import Iterator
from dataclasses import dataclass

from vision_deepresearch.worlds.generated.entities import EntityType


@dataclass(frozen=True, slots=True, kw_only=True)
class Culture:
    """How one invented people builds its words."""

    name: str
    onsets: tuple[str, ...]
    vowels: tuple[str, ...]
    codas: tuple[str, ...]
    given_endings: tuple[tuple[str, ...], tuple[str, ...]]
    """Endings of given names: of women, of men."""
    family_endings: tuple[str, ...]
    town_endings: tuple[str, ...]
    river_endings: tuple[str, ...]


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


STOP_NAMES = frozenset(
    _words(
        "paris london rome roma oslo lima berlin vienna madrid tokyo cairo delhi milan turin verona "
        "lagos dakar quito sofia tirana minsk riga malta crete samara kano bari lille nantes mali "
        "peru iran chile cuba togo laos oman kenya ural volga rhine seine loire tiber nile indus "
        "monet manet dali goya klee miro munch rodin kant hegel marx lenin stalin gandhi mandela "
        "newton darwin tesla edison curie bohr planck gauss euler fermi turing mozart verdi wagner "
        "chopin liszt mahler dante homer plato nero cesar caesar obama trump putin nokia toyota "
        "honda sony volvo fiat seat tata adidas nike ikea lego samara varna kiel bonn siena"
    )
)
"""Real names that syllables could hit by chance, casefolded."""

CULTURES = (
    Culture(
        name="vesk",
        onsets=_words("v t k st br dr gr kv sk tr m n r l h"),
        vowels=_words("a e i o u a e o"),
        codas=_words("r l n rk lv nd sk st m"),
        given_endings=(_words("a ina eva il"), _words("en ar ok im")),
        family_endings=_words("sk ovar enko dal rik"),
        town_endings=_words("grad mark holt vik sund"),
        river_endings=_words("va ka na ra"),
    ),
    Culture(
        name="oreline",
        onsets=_words("l m r s f c v b d al el or am is"),
        vowels=_words("a e i o ia ea au"),
        codas=_words("n r l s nt"),
        given_endings=(_words("ette ine elle ira"), _words("eau ien or eon")),
        family_endings=_words("mont aville enne ois ard"),
        town_endings=_words("ville ac eaux court mer"),
        river_endings=_words("onne ise euse ande"),
    ),
    Culture(
        name="tahiro",
        onsets=_words("k s t n h m y r w sh ts ch"),
        vowels=_words("a i u e o a o u"),
        codas=("", "", "", "n"),
        given_endings=(_words("ne mie ka yo"), _words("to ro shi ki")),
        family_endings=_words("mura zane hoka dashi numo"),
        town_endings=_words("saki zuma hara dake nobe"),
        river_endings=_words("gami zawa rui noki"),
    ),
    Culture(
        name="halden",
        onsets=_words("h b f g d w th l r n ed os al br"),
        vowels=_words("a e i o u y ea"),
        codas=_words("r l n ld rn st m ck d"),
        given_endings=(_words("wyn eth hild rid"), _words("ric bert mund win")),
        family_endings=_words("worthy stead marsh combe hurst"),
        town_endings=_words("ford ham bury mouth wick"),
        river_endings=_words("burn wen dle tam"),
    ),
    Culture(
        name="iqaran",
        onsets=_words("q z r s j n d b m h kh az is"),
        vowels=_words("a i u aa a i é"),
        codas=_words("r m n l d z"),
        given_endings=(_words("ima ayé una ira"), _words("im uq ad il")),
        family_endings=_words("ari zadé uri ani mand"),
        town_endings=_words("abad ara uz een ash"),
        river_endings=_words("rud aj um iz"),
    ),
)

_ADJECTIVES = _words(
    "Silver Amber Quiet Northern Scarlet Hollow Patient Golden Drifting Wandering Pale Crooked "
    "Copper Distant Velvet Restless Emerald Hidden Broken Gentle Burning Frozen Violet Ivory "
    "Sleepless Crimson Weathered Azure Lonely Radiant Tidal Ashen Humble Fearless Merry Sable"
)
_CREATURES = _words(
    "Heron Petrel Otter Kestrel Lantern Meridian Compass Swallow Tern Dolphin Osprey Curlew "
    "Albatross Gannet Plover Marten Falcon Beacon Mariner Voyager Pilgrim Sparrow Dunlin Skua"
)
_SUBJECTS = _words(
    "Ferryman Orchard Harbour Weavers Staircase Lighthouse Gardener Carnival Bridge Clockmaker "
    "Fishwives Window Procession Mill Astronomer Vineyard Courtyard Choir Snowfield Bakers "
    "Cartographer Beekeeper Viaduct Sisters Glassblower Causeway Quarry Watchtower Regatta Moth"
)
_ORGANISATION_NOUNS = {
    "shipyard": ("Shipyard", "Shipbuilding Works", "Slipways"),
    "brewery": ("Brewery", "Brewing Company"),
    "publishing house": ("Press", "Publishing House"),
    "academy": ("Academy", "College"),
    "conservatory": ("Conservatory", "School of Music"),
    "institute": ("Institute", "Polytechnic"),
    "trading house": ("Trading House", "Merchants"),
    "glassworks": ("Glassworks", "Glass Company"),
    "railway company": ("Railway", "Light Railway"),
    "football club": ("Rovers", "Athletic Club"),
    "bank": ("Savings Bank", "Mutual Bank"),
    "instrument maker": ("Instruments", "Organ Works"),
}
_BUILDING_NOUNS = {
    "museum": ("Museum", "Collection House"),
    "gallery": ("Gallery", "Kunsthall"),
    "theatre": ("Theatre", "Playhouse"),
    "town hall": ("Hall", "Guildhall"),
    "library": ("Library", "Reading Rooms"),
    "observatory": ("Observatory",),
    "tower": ("Tower", "Campanile"),
    "palace": ("Palace", "Manor"),
}
_EVENT_NOUNS = {
    "regatta": ("Regatta", "Rowing Week"),
    "fair": ("Spring Fair", "Book Fair"),
    "festival": ("Lantern Festival", "Song Festival"),
    "biennale": ("Biennale", "Print Triennial"),
    "marathon": ("Marathon", "Hill Race"),
}

KINDS: dict[EntityType, tuple[str, ...]] = {
    EntityType.ORGANISATION: tuple(_ORGANISATION_NOUNS),
    EntityType.BUILDING: tuple(_BUILDING_NOUNS),
    EntityType.ARTWORK: ("oil painting", "poster", "fresco", "tapestry", "woodcut", "mosaic"),
    EntityType.VESSEL: ("ferry", "cargo ship", "research vessel", "schooner", "icebreaker"),
    EntityType.EVENT: tuple(_EVENT_NOUNS),
}
"""What things of a type are called in a word or two."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Name:
    """A canonical name and what else the thing is called."""

    canonical: str
    aliases: tuple[str, ...] = ()


_MAX_ATTEMPTS = 10_000
_PLAIN_ATTEMPTS = 100
"""Then words grow by a syllable: a culture has some 10,000 roots, large worlds use them up."""
_NONE_LEFT = "expected a free name, found none left: ask for fewer pages"


def _attempts() -> Iterator[int]:
    """By how many syllables the next word shall be longer."""
    return (int(attempt >= _PLAIN_ATTEMPTS) for attempt in range(_MAX_ATTEMPTS))


class NameMaker:
    """Hands out names, each spelled once. The order of requests matters, so one graph owns one."""

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng
        self._taken: set[str] = set()

    def person(self, *, is_woman: bool) -> Name:
        """A given and a family name; the alias has the initial only."""
        culture = self._rng.choice(CULTURES)
        for longer in _attempts():
            given = self._word(culture, 1, culture.given_endings[0 if is_woman else 1])
            syllables = self._rng.choice((1, 1, 2)) + longer
            family = self._word(culture, syllables, culture.family_endings)
            if self._take(f"{given} {family}"):
                alias = f"{given[0]}. {family}"
                aliases = (alias,) if self._take(alias) else ()
                return Name(canonical=f"{given} {family}", aliases=aliases)
        raise ValueError(_NONE_LEFT)

    def settlement(self) -> Name:
        """A town; some have a second name from another culture."""
        name = self._root(self._rng.choice(CULTURES), ending="town")
        if self._rng.random() < 0.25:
            return Name(
                canonical=name, aliases=(self._root(self._rng.choice(CULTURES), ending="town"),)
            )
        return Name(canonical=name)

    def river(self) -> Name:
        """A river, also known by its bare name."""
        root = self._root(self._rng.choice(CULTURES), ending="river")
        return Name(canonical=f"River {root}", aliases=(root,))

    def region(self) -> str:
        """A province."""
        culture = self._rng.choice(CULTURES)
        while True:
            name = self._word(culture, 2, ("ia", "land", "mark"))
            if self._take(name):
                return name

    def organisation(self, kind: str) -> Name:
        """An organisation, for example "Quelmar Glassworks"."""
        return self._compound(_ORGANISATION_NOUNS[kind])

    def building(self, kind: str) -> Name:
        """A building, for example "Ostrel Playhouse"."""
        return self._compound(_BUILDING_NOUNS[kind])

    def event(self, kind: str) -> Name:
        """A recurring event, for example "Harune Lantern Festival"."""
        return self._compound(_EVENT_NOUNS[kind])

    def artwork(self) -> Name:
        """A title, for example "The Patient Clockmaker"."""
        return self._title(_SUBJECTS, prefix="The ", alias_prefix="")

    def vessel(self) -> Name:
        """A ship, for example "Copper Petrel", also with its prefix."""
        return self._title(_CREATURES, prefix="", alias_prefix="MV ")

    def _title(self, nouns: tuple[str, ...], *, prefix: str, alias_prefix: str) -> Name:
        for attempt in range(_MAX_ATTEMPTS):
            core = f"{self._rng.choice(_ADJECTIVES)} {self._rng.choice(nouns)}"
            if attempt >= 8:  # the plain titles run out in big worlds
                core += f" of {self._word(self._rng.choice(CULTURES), 2, ())}"
            if self._take(prefix + core):
                alias = alias_prefix + core
                return Name(canonical=prefix + core, aliases=(alias,) if self._take(alias) else ())
        raise ValueError(_NONE_LEFT)

    def _compound(self, nouns: tuple[str, ...]) -> Name:
        culture = self._rng.choice(CULTURES)
        for longer in _attempts():
            root = self._word(culture, 2 + longer, ())
            name = f"{root} {self._rng.choice(nouns)}"
            # The bare root is taken too: no other thing may be confused with a part of this name.
            if self._take(root):
                self._take(name)
                return Name(canonical=name)
        raise ValueError(_NONE_LEFT)

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
