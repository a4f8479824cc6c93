"""The language of pages: which sentences state a relation, and how their holes are filled.

A realisation is a sentence with holes. `{S}` is the subject at its head, by name or pronoun;
`{P}` the same in the possessive; `{s}` the subject by name inside the sentence; `{v}` the value;
`{a}` the article before it; `{y}` and `{z}` the years from and to which it held. `reading` reads
the same tables backwards, so a sentence that states a fact must stand in them and nowhere else.
"""

from collections.abc import Sequence

from vision_deepresearch.worlds.generated.entities import Entity, EntityType
from vision_deepresearch.worlds.generated.facts import Fact
from vision_deepresearch.worlds.generated.relations import AWARD, EVENT, RIVER, SPECIES
from vision_deepresearch.worlds.generated.sentences.aliases import ALIASES, ALIASES_OF
from vision_deepresearch.worlds.generated.sentences.goods import GOODS
from vision_deepresearch.worlds.generated.sentences.organisations import ORGANISATIONS
from vision_deepresearch.worlds.generated.sentences.persons import INVERSES, PERSONS
from vision_deepresearch.worlds.generated.sentences.places import PLACES
from vision_deepresearch.worlds.generated.sentences.works import WORKS

REALISATIONS: dict[tuple[EntityType, str], tuple[str, ...]] = {
    **PERSONS,
    **PLACES,
    **ORGANISATIONS,
    **WORKS,
    **GOODS,
}
"""By domain and name of the relation."""
INVERSE_REALISATIONS = INVERSES
"""Sentences that state a relation from its value back to the subject, on the value's page."""

POSSESSIVES = {"She": "Her", "He": "His", "It": "Its"}
WITH_ARTICLE = frozenset({RIVER, SPECIES, AWARD, EVENT})
"""Types whose names want "the" in a sentence: the River Quelva, the Harune Finch."""


def realisations_of(
    domain: EntityType, predicate: str, *, inverse: bool = False
) -> tuple[str, ...]:
    """The sentences for one relation, none where it is not stated in prose.

    Args:
        domain: type of the relation's own subject, also when read backwards.
        predicate: the relation's name.
        inverse: whether `{s}` is the relation's value and `{v}` its subject.
    """
    if inverse:
        return INVERSE_REALISATIONS.get(predicate, ())
    return REALISATIONS[domain, predicate]


def alias_realisations_of(type_: EntityType) -> tuple[str, ...]:
    """The sentences that say that a thing of that type is also called `{v}`."""
    return ALIASES_OF.get(type_, ALIASES)


def can_use_pronoun(realisation: str) -> bool:
    """Whether the subject stands at the head, where a pronoun reads well."""
    return realisation.startswith(("{S}", "{P}"))


def usable(realisations: Sequence[str], *, subject: Entity, pronoun: bool) -> Sequence[str]:
    """Those of the sentences that read well about a subject.

    Args:
        realisations: of one relation, or of other names.
        subject: no second possessive is put behind a name like "Quelmar's Best".
        pronoun: whether the subject shall be a pronoun.
    """
    if pronoun:
        return [one for one in realisations if can_use_pronoun(one)]
    if "'" in subject.name:
        return [one for one in realisations if not one.startswith("{P}")]
    return realisations


def fill(
    realisation: str,
    *,
    subject: Entity,
    value: str,
    pronoun: bool = False,
    name: str = "",
    fact: Fact | None = None,
) -> str:
    """The sentence with all holes filled but `{v}`, which may become a link.

    Args:
        realisation: from the tables.
        subject: what the sentence is about.
        value: as it will be written; decides on the article.
        pronoun: whether the subject is a pronoun; wants `can_use_pronoun`.
        name: by which the subject goes here; "": its canonical one.
        fact: what is stated; sentences about what held before want it for the years.
    """
    is_learned = subject.type is SPECIES and name not in {"", subject.name}
    inside = name if is_learned else with_article(name or subject.name, subject.type)
    head = subject.pronoun if pronoun else f"{inside[0].upper()}{inside[1:]}"
    owner = POSSESSIVES[subject.pronoun] if pronoun else possessive(head)
    text = realisation.replace("{a}", _article_in(realisation, value))
    text = text.replace("{S}", head).replace("{P}", owner).replace("{s}", inside)
    if fact is not None and fact.since is not None and fact.until is not None:
        text = text.replace("{y}", str(fact.since)).replace("{z}", str(fact.until))
    return text


def with_article(name: str, type_: EntityType) -> str:
    """The name as it stands inside a sentence, for example "the River Quelva"."""
    return f"the {name}" if type_ in WITH_ARTICLE else name


def possessive(name: str) -> str:
    """For example "Quelmar's" and "Rovers'"."""
    return f"{name}'" if name.endswith("s") else f"{name}'s"


def article_before(word: str) -> str:
    """The indefinite article."""
    return "an" if word[:1].lower() in "aeiou" else "a"


def _article_in(realisation: str, value: str) -> str:
    """The article for what stands behind it: the value, or a word between."""
    _, _, after = realisation.partition("{a} ")
    return article_before(value if after.startswith("{v}") else after)
