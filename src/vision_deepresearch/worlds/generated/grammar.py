"""The sentences in which pages state facts.

A realisation is a sentence with holes. `{S}` is the subject at its head, by name or pronoun;
`{P}` the same in the possessive; `{s}` the subject by name inside the sentence; `{v}` the value;
`{a}` the article before it. `truth` reads the same table backwards, so a sentence that states a
fact must stand here and nowhere else.
"""

from vision_deepresearch.worlds.generated.entities import EntityType
from vision_deepresearch.worlds.generated.relations import (
    ARTWORK,
    BUILDING,
    EVENT,
    ORGANISATION,
    PERSON,
    RIVER,
    SETTLEMENT,
    VESSEL,
)

_KIND = (
    "{S} is {a} {v}.",
    "{S} is best described as {a} {v}.",
    "Most guides list {s} as {a} {v}.",
    "{S} is known first of all as {a} {v}.",
    "Records of the province class {s} as {a} {v}.",
    "{S} counts as {a} {v}.",
)

REALISATIONS: dict[tuple[EntityType, str], tuple[str, ...]] = {
    (ORGANISATION, "kind"): _KIND,
    (ORGANISATION, "founded_by"): (
        "{S} was founded by {v}.",
        "{P} founder was {v}.",
        "It was {v} who founded {s}.",
        "{S} owes its existence to {v}, who founded it with borrowed money.",
        "The founder of {s} was {v}.",
        "{S} was set up by {v} in two rented rooms.",
        "{v} founded {s} after a long search for partners.",
        "{S} was brought into being by {v}.",
    ),
    (ORGANISATION, "founded_in"): (
        "{S} was founded in {v}.",
        "{S} dates back to {v}.",
        "The founding deed of {s} was signed in {v}.",
        "{S} has existed since {v}.",
        "{P} history begins in {v}.",
        "The year {v} saw the foundation of {s}.",
    ),
    (ORGANISATION, "headquartered_in"): (
        "{S} has its headquarters in {v}.",
        "{P} head office is in {v}.",
        "{S} is based in {v}.",
        "The main seat of {s} is in {v}.",
        "{S} is run from {v}.",
        "{v} is home to the headquarters of {s}.",
        "{S} keeps its offices in {v}.",
    ),
    (ORGANISATION, "employees"): (
        "{S} employs {v} people.",
        "{P} staff numbers {v}.",
        "Around the year, {v} people work for {s}.",
        "{S} has {v} employees.",
        "The payroll of {s} lists {v} names.",
        "{S} gives work to {v} people.",
    ),
    (ORGANISATION, "led_by"): (
        "{S} is headed by {v}.",
        "{P} director is {v}.",
        "The director of {s} is {v}.",
        "{S} is led today by {v}.",
        "{v} stands at the head of {s}.",
        "At present {s} is run by {v}.",
    ),
    (PERSON, "occupation"): _KIND,
    (PERSON, "born_in"): (
        "{S} was born in {v}.",
        "{P} birthplace is {v}.",
        "{S} came into the world in {v}.",
        "{S} was a native of {v}.",
        "The parish books of {v} record the birth of {s}.",
        "{v} was the birthplace of {s}.",
        "{P} cradle stood in {v}.",
    ),
    (PERSON, "birth_year"): (
        "{S} was born in {v}.",
        "{P} year of birth is {v}.",
        "In {v} the birth of {s} was entered in the register.",
        "{S} was a child of the year {v}.",
        "The birth of {s} fell in the year {v}.",
        "{S} was born in the winter of {v}.",
    ),
    (PERSON, "death_year"): (
        "{S} died in {v}.",
        "{P} death came in {v}.",
        "{S} lived until {v}.",
        "The death of {s} in {v} was widely mourned.",
        "In {v} the papers reported the death of {s}.",
        "{S} passed away in {v}.",
    ),
    (PERSON, "educated_at"): (
        "{S} was educated at {v}.",
        "{S} studied at {v}.",
        "{P} alma mater is {v}.",
        "{v} counts {s} among its former pupils.",
        "{S} took a degree at {v}.",
        "{S} spent four years as a student at {v}.",
        "The years of study of {s} were spent at {v}.",
    ),
    (PERSON, "spouse"): (
        "{S} was married to {v}.",
        "{P} spouse was {v}.",
        "{S} shared a household with {v}, to whom the marriage brought two children.",
        "The marriage of {s} and {v} lasted for decades.",
        "{S} found a partner for life in {v}.",
        "{v} was the spouse of {s}.",
    ),
    (BUILDING, "kind"): _KIND,
    (BUILDING, "designed_by"): (
        "{S} was designed by {v}.",
        "{P} architect was {v}.",
        "The plans for {s} were drawn by {v}.",
        "{S} is a work of {v}.",
        "{v} drew the plans of {s}.",
        "{S} was built to a design by {v}.",
        "The architect of {s} was {v}.",
    ),
    (BUILDING, "stands_in"): (
        "{S} stands in {v}.",
        "{S} is a landmark of {v}.",
        "{S} can be found in the centre of {v}.",
        "The skyline of {v} would not be the same without {s}.",
        "{P} address is in {v}.",
        "{S} rises above the roofs of {v}.",
        "Visitors to {v} rarely miss {s}.",
    ),
    (BUILDING, "completed_in"): (
        "{S} was completed in {v}.",
        "{P} completion came in {v}.",
        "Work on {s} ended in {v}.",
        "{S} opened its doors in {v}.",
        "The last stone of {s} was laid in {v}.",
        "{S} has stood here since {v}.",
    ),
    (BUILDING, "height"): (
        "{S} is {v} high.",
        "{P} height is {v}.",
        "{S} reaches a height of {v}.",
        "At {v}, {s} can be seen from afar.",
        "{S} measures {v} from the pavement to the ridge.",
        "Surveyors give the height of {s} as {v}.",
    ),
    (BUILDING, "commissioned_by"): (
        "{S} was commissioned by {v}.",
        "{v} commissioned {s}.",
        "{S} was paid for by {v}.",
        "The commission for {s} came from {v}.",
        "{S} was built at the expense of {v}.",
        "{P} patron was {v}.",
    ),
    (ARTWORK, "kind"): _KIND,
    (ARTWORK, "created_by"): (
        "{S} was made by {v}.",
        "{S} is a work by {v}.",
        "{P} author is {v}.",
        "The artist behind {s} is {v}.",
        "{v} created {s}.",
        "{S} came from the hand of {v}.",
        "{S} bears the signature of {v}.",
    ),
    (ARTWORK, "created_in"): (
        "{S} was made in {v}.",
        "{S} dates from {v}.",
        "The date on the back of {s} reads {v}.",
        "{S} was finished in {v}.",
        "{P} year of origin is {v}.",
        "The first sketch and the last stroke of {s} both belong to {v}.",
    ),
    (ARTWORK, "held_by"): (
        "{S} hangs in {v}.",
        "{S} is kept in {v}.",
        "{P} present home is {v}.",
        "{v} holds {s}.",
        "Visitors can see {s} in {v}.",
        "{S} belongs to the collection of {v}.",
    ),
    (ARTWORK, "depicts"): (
        "{S} shows {v}.",
        "{S} depicts {v}.",
        "{P} subject is {v} at dawn.",
        "The scene of {s} is set in {v}.",
        "In {s} one recognises {v}.",
        "{S} is a view of {v}.",
    ),
    (VESSEL, "kind"): _KIND,
    (VESSEL, "built_by"): (
        "{S} was built by {v}.",
        "{P} builder was {v}.",
        "{S} came off the slip at {v}.",
        "{v} built {s}.",
        "The yard that built {s} was {v}.",
        "{S} was ordered from {v}.",
        "The keel of {s} was laid by {v}.",
    ),
    (VESSEL, "launched_on"): (
        "{S} was launched on {v}.",
        "{P} launch took place on {v}.",
        "On {v}, {s} touched water for the first time.",
        "The launch of {s} followed on {v}.",
        "{S} left the slip on {v}.",
        "A crowd watched the launch of {s} on {v}.",
    ),
    (VESSEL, "home_port"): (
        "{S} sails out of {v}.",
        "{P} home port is {v}.",
        "{S} is registered in {v}.",
        "The name on the stern of {s} is that of the port of {v}.",
        "{v} is the home port of {s}.",
        "{S} winters at the quay of {v}.",
    ),
    (VESSEL, "christened_by"): (
        "{S} was christened by {v}.",
        "{P} godparent was {v}.",
        "{v} christened {s}.",
        "The bottle against the bow of {s} was thrown by {v}.",
        "{S} received its name from {v}.",
        "At the christening of {s} the honours were done by {v}.",
    ),
    (VESSEL, "length"): (
        "{S} is {v} long.",
        "{P} length is {v}.",
        "{S} measures {v} from bow to stern.",
        "With {v} of length, {s} just fits the lock.",
        "{S} has a length of {v}.",
        "The register gives the length of {s} as {v}.",
    ),
    (SETTLEMENT, "region"): (
        "{S} is a town in {v}.",
        "{S} is a town in the province of {v}.",
        "{S} lies in the region of {v}.",
        "{S} belongs to the region of {v}.",
        "On the map, {s} is found in {v}.",
        "{S} is one of the towns of {v}.",
    ),
    (SETTLEMENT, "lies_on"): (
        "{S} lies on the banks of the {v}.",
        "{S} grew up at a bend of the {v}.",
        "{P} river is the {v}.",
        "The {v} flows through {s}.",
        "{S} straddles the {v}.",
        "The bridges of {s} cross the {v}.",
    ),
    (SETTLEMENT, "population"): (
        "{S} has {v} inhabitants.",
        "{P} population is {v}.",
        "The last count gave {s} {v} inhabitants.",
        "{S} is home to {v} people.",
        "Some {v} people live in {s}.",
        "{S} has a population of {v}.",
    ),
    (SETTLEMENT, "mayor"): (
        "{P} mayor is {v}.",
        "The mayor of {s} is {v}.",
        "{S} is governed by mayor {v}.",
        "The town hall of {s} is led by {v}.",
        "{v} is the mayor of {s}.",
        "{S} elected {v} as its mayor.",
    ),
    (SETTLEMENT, "chartered_in"): (
        "{S} received its town charter in {v}.",
        "{P} town charter dates from {v}.",
        "The charter of {s} was sealed in {v}.",
        "{S} has held town rights since {v}.",
        "In {v}, {s} was granted a charter.",
        "{S} became a town in {v}.",
    ),
    (SETTLEMENT, "twinned_with"): (
        "{S} is twinned with {v}.",
        "{P} twin town is {v}.",
        "A twinning treaty links {s} with {v}.",
        "{S} keeps a partnership with {v}.",
        "Pupils from {s} travel to its twin town {v} every year.",
        "{S} exchanges choirs with its twin {v}.",
    ),
    (EVENT, "kind"): _KIND,
    (EVENT, "takes_place_in"): (
        "{S} takes place in {v}.",
        "{S} is held in {v}.",
        "{P} venue is {v}.",
        "{v} hosts {s}.",
        "{S} draws its crowds to {v}.",
        "The stage of {s} is {v}.",
    ),
    (EVENT, "first_held_in"): (
        "{S} was first held in {v}.",
        "{P} first edition took place in {v}.",
        "{S} goes back to {v}.",
        "The first edition of {s} fell in {v}.",
        "{S} was born as an idea and held for the first time in {v}.",
        "In {v}, {s} opened for the first time.",
    ),
    (EVENT, "initiated_by"): (
        "{S} was started by {v}.",
        "{P} initiator was {v}.",
        "{S} goes back to an idea of {v}.",
        "{v} started {s}.",
        "The initiator of {s} was {v}.",
        "{S} was called into life by {v}.",
    ),
    (EVENT, "sponsor"): (
        "{S} is sponsored by {v}.",
        "{P} sponsor is {v}.",
        "{v} sponsors {s}.",
        "The prizes of {s} are paid for by {v}.",
        "{S} has its bills paid by {v}.",
        "The chief sponsor of {s} is {v}.",
    ),
    (RIVER, "river_length"): (
        "{S} is {v} long.",
        "{P} length is {v}.",
        "From spring to mouth, {s} measures {v}.",
        "{S} runs for {v}.",
        "{S} has a course of {v}.",
        "Geographers give the length of {s} as {v}.",
    ),
    (RIVER, "flows_into"): (
        "{S} flows into the {v}.",
        "{P} waters join the {v}.",
        "{S} ends in the {v}.",
        "The {v} takes up the waters of {s}.",
        "{S} is a tributary of the {v}.",
        "{S} meets the {v} below a weir.",
    ),
}

INVERSE_REALISATIONS: dict[str, tuple[str, ...]] = {
    "founded_by": (
        "{S} was the founder of {v}.",
        "{S} founded {v}.",
        "{S} is remembered as the founder of {v}.",
        "{P} great enterprise was the founding of {v}.",
        "Without {s} there would be no {v}.",
        "{S} gave the money and the name to {v}.",
    ),
    "led_by": (
        "{S} is the director of {v}.",
        "{S} directs {v}.",
        "{S} stands at the head of {v}.",
        "{P} present post is that of director of {v}.",
        "{S} runs {v}.",
        "Since the last election {s} has been director of {v}.",
    ),
    "designed_by": (
        "{S} was the architect of {v}.",
        "{S} designed {v}.",
        "{P} best known design is {v}.",
        "{S} drew the plans of {v}.",
        "As an architect {s} left behind {v}.",
        "{S} put years of work into the design of {v}.",
    ),
    "created_by": (
        "{S} was the creator of {v}.",
        "{S} is the author of {v}.",
        "{P} best known work is {v}.",
        "{S} signed {v}.",
        "Art history remembers {s} for {v}.",
        "{S} worked for a year on {v}.",
    ),
    "christened_by": (
        "{S} was godparent of the ship {v}.",
        "{S} once christened the ship {v}.",
        "The ship {v} had {s} for a godparent.",
        "{S} broke the bottle on the bow of {v}.",
        "{P} day at the shipyard was the christening of {v}.",
        "To her crew, {v} will always be the ship that {s} named.",
    ),
    "mayor": (
        "{S} is the mayor of {v}.",
        "{S} governs {v} as its mayor.",
        "{P} office is that of mayor of {v}.",
        "The voters of {v} made {s} their mayor.",
        "{S} was sworn in as mayor of {v}.",
        "{S} leads the town hall of {v}.",
    ),
    "initiated_by": (
        "{S} was the initiator of {v}.",
        "{S} started {v}.",
        "{S} had the idea for {v}.",
        "{P} legacy is {v}.",
        "The first programme of {v} was written by {s}.",
        "{S} called {v} into life.",
    ),
}
"""Sentences that state a relation from its value back to the subject, on the value's page."""

POSSESSIVES = {"She": "Her", "He": "His", "It": "Its"}


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


def can_use_pronoun(realisation: str) -> bool:
    """Whether the subject stands at the head, where a pronoun reads well."""
    return "{S}" in realisation or "{P}" in realisation


def article_before(word: str) -> str:
    """The indefinite article."""
    return "an" if word[:1].lower() in "aeiou" else "a"
