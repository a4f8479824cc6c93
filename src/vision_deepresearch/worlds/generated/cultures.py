"""The invented peoples of generated worlds: how each builds its words. No split shares one.

The syllables of a people never spell a famous name: those they could hit by chance are barred.
"""

from dataclasses import dataclass
from typing import Literal

Split = Literal["train", "validation", "test"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Culture:
    """How one invented people builds its words."""

    name: str
    split: Split
    """Its names stand in worlds of this split only."""
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
        split="train",
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
        split="train",
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
        split="train",
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
        split="train",
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
        split="train",
        onsets=_words("q z r s j n d b m h kh az is"),
        vowels=_words("a i u aa a i é"),
        codas=_words("r m n l d z"),
        given_endings=(_words("ima ayé una ira"), _words("im uq ad il")),
        family_endings=_words("ari zadé uri ani mand"),
        town_endings=_words("abad ara uz een ash"),
        river_endings=_words("rud aj um iz"),
    ),
    Culture(
        name="lumish",
        split="validation",
        onsets=_words("l p m w j n pl gl sp t fl yl um"),
        vowels=_words("u ü o ö i e uo ie"),
        codas=_words("p t k ll mm ks ht l"),
        given_endings=(_words("ikki ulla isse aija"), _words("po kko inen us")),
        family_endings=_words("lainen pelto jokki kangas umaa"),
        town_endings=_words("lahti pori kylä suo niemi"),
        river_endings=_words("joki oja virta uoma"),
    ),
    Culture(
        name="cadwyr",
        split="validation",
        onsets=_words("c g p ll gw rh cr tr pw ff ys ed"),
        vowels=_words("w y a e ae wy o"),
        codas=_words("dd ff ch g nt rth n l"),
        given_endings=(_words("wen eth ys onwy"), _words("og yn wyr edd")),
        family_endings=_words("rhys gwyn draeth fawr llan"),
        town_endings=_words("pont aber dref goch llys"),
        river_endings=_words("fon nant wyr dwr"),
    ),
    Culture(
        name="zoltec",
        split="test",
        onsets=_words("x tl tz c ch p m t h y z qu ix"),
        vowels=_words("a o e i a oa ua"),
        codas=_words("tl c ch l n x tz"),
        given_endings=(_words("xochi tli icoa ixtla"), _words("tec otl mazin coatl")),
        family_endings=_words("tepec huatl calco tzin maxtla"),
        town_endings=_words("titlan pango mixco tlapa zingo"),
        river_endings=_words("atl apan oyac ameca"),
    ),
    Culture(
        name="obanu",
        split="test",
        onsets=_words("b d g mb nd ng k w y f gb kp ol ad"),
        vowels=_words("a o e u i a o"),
        codas=("", "", "", "m"),
        given_endings=(_words("bisi sola yemi fuke"), _words("tunde wale dayo kunle")),
        family_endings=_words("bayo wunmi ngozi dimbe lagbo"),
        town_endings=_words("kuta bomo denge jebu rindi"),
        river_endings=_words("benu gongo wari zimbe"),
    ),
)

CULTURES_OF: dict[Split, tuple[Culture, ...]] = {
    split: tuple(culture for culture in CULTURES if culture.split == split)
    for split in ("train", "validation", "test")
}
"""Which peoples name the things of worlds of a split; none stands in two."""
