"""Which texts hold a claim: paraphrases that do, and near misses that must never be cited."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vision_deepresearch.agent.support_facts import read_facts
from vision_deepresearch.agent.support_match import Claim
from vision_deepresearch.agent.support_text import MAX_WINDOW_CHARS, Haystack

CRAWFORD = 'Bennie Ross "Hank" Crawford, Jr. (December 21, 1934 - January 29, 2009) was an American saxophonist.'
LONG = "The guild kept boats, ropes and sails in its long house by the harbour. " * 6

HELD = [
    # names, figures and dates in another order and form
    ("Herndon Stadium, Morris Brown College (Atlanta)",
     "It was recorded on May 28, 1959 at Herndon Stadium on the campus of Morris Brown College in Atlanta."),
    ("eight (four violins, two violas, two cellos)",
     "Eight string players performed: four violins, two cellos, and two violas."),
    ("8 musicians: 4 violins", "There were eight musicians, with four violins."),
    ("It was recorded on 28 May 1959.", "Recorded on May 28, 1959, at Herndon Stadium."),
    ("28 May 1959", "| Recorded | 1959-05-28 |"),
    ("May 1959", "Recorded on the 28th of May, 1959."),
    ("7,650 dollars", "Replacing the panes cost the production $7,650."),
    ("The damage to the building cost $7,650.", "The damage to the building came to 7,650 dollars."),
    ("It sold 1.5 million copies", "Copies: it sold 1,500,000 copies in a year."),
    ("About 250,000 people live in Garv", "Garv: two hundred and fifty thousand people live there."),
    ("The share is 12.5 %", "A share of 12.5 percent was paid."),
    ("The tower was opened by Gustave Eiffel in the year 1889.",
     "In 1889 the tower by Gustave Eiffel was opened. Another: Adolf Loos, 1910."),
    ("Mira Dovane founded the Heron Guild of Vey in 1902",
     "In 1902 the Heron Guild of Vey was founded by Mira Dovane."),
    ("Liverpool defeated Chelsea in 1999", "Chelsea was defeated by Liverpool in 1999."),
    ("Hank Crawford was born in Memphis, Tennessee.",
     'Bennie Ross "Hank" Crawford, Jr. was born in Memphis, Tennessee, to a singer.'),
    ("Soul Brothers | Skeeter Best", "| Soul Brothers | Skeeter Best | 1958 |"),
    ("The mills of Lodz were closed by Jan Novak in 1990.",
     "In 1990 Jan Nov\u00e1k closed the mills of Lodz."),
    ("Hank Crawford was not born in Chicago.", "Hank Crawford was not born in Chicago but in Memphis."),
    ("eight (four violins, two violas, two cellos)",
     "It employs an octet of musicians, comprising four violins, two cellos, and two violas.[28]"),
    ("Driving through the Daley Center lobby caused $7,650 of damage",
     "Driven through the Daley Center lobby, the car broke it.[16][17] It caused $7,650 in damages."),
    ("Skeeter Best and Kenny Burrell are credited on guitar.",
     "Skeeter Best \u2013 guitar\n\nKenny Burrell \u2013 guitar"),
    ("Herndon Stadium in Atlanta, Georgia, which belonged to Morris Brown College",
     "It was made on a rainy night in Atlanta, Georgia at Morris Brown College's Herndon Stadium."),
    ("The octet was recorded on 28 April 1966 in Studio 2.",
     "The octet was recorded on 28 April 1966, in Studio 2 at Garv; it was completed in Studio 3."),
    # a denial of something else
    ("Samuel Ward had written the music for the hymn in 1882.",
     "Samuel Ward had written the music for the hymn in 1882, though it was not published until 1892."),
    ("Memphis", "He was born not in Chicago but in Memphis."),
    ("Kermit sat on a stump", "Kermit sat on a stump. He did not sing."),
]  # fmt: skip

MISSED = [
    # another year, day or month
    ("It was recorded on 28 May 1959.", "It was recorded on May 19, 1959, with 28 songs."),
    ("It was recorded on 28 May 1959.", "It was recorded on May 28, 1958."),
    ("It was recorded on 28 May 1959.", "It was recorded on June 28, 1959."),
    ("28 May 1959", "In 1959, on May 19, at 28 Harbour Street."),
    ("Hank Crawford was born in 1935.", CRAWFORD),
    ("Hank Crawford was born in 2009.", "Hank Crawford was born in 1934 and died in 2009."),
    ("The album was released in 1957 by Atlantic Records",
     "The album, recorded in 1957, was released in 1958 by Atlantic Records."),
    ("The tower was sold in 1889 by Gustave Eiffel",
     "In 1889 the tower was opened by Gustave Eiffel, and in 1910 it was sold."),
    # another name, or the parts of two names
    ("Kenny Best and Skeeter Burrell played guitar", "Skeeter Best and Kenny Burrell played guitar."),
    ("Hank Crawford was born in Chicago.", "Hank Crawford was born in Memphis and lived in Chicago."),
    ("Frank Crawford was born in Memphis, Tennessee.", "Hank Crawford was born in Memphis, Tennessee."),
    ("The founder was Mira Dovane", "The founder of the Garv Guild, Adolf Loos, met Mira Dovane."),
    ("Herndon Stadium, Morris Brown College (Atlanta)",
     "Herndon Stadium belongs to Brown College, as Morris said in Atlanta."),
    ("Best was born in Reading in 1920", "The best was born of reading in 1920."),
    # who did what
    ("Liverpool defeated Chelsea in 1999", "Chelsea defeated Liverpool in 1999."),
    ("Hank Crawford died in Memphis, Tennessee.", "Hank Crawford was born in Memphis, Tennessee."),
    # another row of a table
    ("Soul Meeting | Skeeter Best",
     "| Soul Meeting | Kenny Burrell | 1961 |\n| Soul Brothers | Skeeter Best | 1958 |"),
    ("The Garv bridge opened in 1911", "| Ostrel bridge | opened 1911 |\n| Garv bridge | opened 1899 |"),
    # another field or item of a table or list that was run into one line
    ("Hank Crawford was born in Memphis in 2009.",
     "Hank Crawford Born: December 21, 1934 Origin: Memphis, U.S. Died: January 29, 2009 (aged 74) Genres: Soul"),
    ("Hank Crawford died in Memphis.",
     "Hank Crawford Born: December 21, 1934 Origin: Memphis, U.S. Died: January 29, 2009 (aged 74) Genres: Soul"),
    ("Hank Crawford plays tenor saxophone on Fathead",
     "Fathead. David Newman \u2013 tenor saxophone Marcus Best \u2013 trumpet Hank Crawford \u2013 baritone saxophone"),
    ("David Newman plays baritone saxophone",
     "David Newman \u2013 tenor saxophone\nHank Crawford \u2013 baritone saxophone"),
    ("Mira Dovane was recorded on the 1993 album Light Out",
     "Mira Dovane, 1975 album Ropes\nShirley Horn, 1993 album Light Out"),
    # a thing with another number
    ("The octet was recorded on 28 April 1966 in Studio 3.",
     "The octet was recorded on 28 April 1966, in Studio 2 at Garv; it was completed in Studio 3."),
    # who owns what, and words that say more
    ("Herndon Stadium, which belonged to Morris Brown College", "Herndon Stadium lies near Morris Brown College."),
    ("Morris Brown College, which belonged to Herndon Stadium", "It was at Morris Brown College's Herndon Stadium."),
    ("Kenny Burrell is the only guitarist", "Kenny Burrell is a guitarist."),
    ("It was not published in 1882 by Samuel Ward.",
     "Samuel Ward published it in 1882, though it was not sung until 1892."),
    ("Samuel Ward wrote the hymn in 1882.", "Samuel Ward wrote the hymn in 1882, though it is said that this is not true."),
    # another amount, unit, or the right figures of other things
    ("four violins and two violas", "There were two violins, four violas and a horn."),
    ("The damage cost 7,650 dollars", "The damage cost 7,560 dollars."),
    ("The damage cost 7,650 euros", "The damage cost $7,650."),
    ("The tower is 324 feet tall", "The tower is 324 m tall."),
    ("-5 degrees", "at 5 degrees"),
    ("It sold 1.5 million copies", "It sold 1.5 thousand copies."),
    ("100 people live in Garv Old Town", "In Garv Old Town live one hundred and twenty people."),
    # negation on one side
    ("Hank Crawford was born in Memphis.", "Hank Crawford was not born in Memphis."),
    ("Hank Crawford was not born in Memphis.", "Hank Crawford was born in Memphis."),
    ("Hank Crawford was born in Memphis.", "It is false that Hank Crawford was born in Memphis."),
    ("Hank Crawford was born in Memphis.", "Hank Crawford wasn't born in Memphis, Tennessee."),
    ("Memphis", "He was not born in Memphis, as some say."),
    ("Pablo Picasso", "Pablo Picasso was not the sculptor."),
    # words of two sentences
    ("Hank Crawford was born in Memphis in 1801.",
     "Hank Crawford was born in Memphis in 1800. Mira Dovane was born in Memphis in 1801."),
    ("In 1801, Hank Crawford was born.", "She died in 1801. Hank Crawford was born later."),
    ("Garv bridge", "It lies by Garv.\nBridge tolls are due."),
    # far apart
    ("Mira Dovane founded the guild in 1902", f"Mira Dovane came from Ostrel. {LONG} It was founded in 1902."),
    # too little to go by
    ("It was big in 1959", "In 1959 the town burned."),
    ("He was born there", "He was born in Ostrel there."),
    # scripts without spaces are compared word for word only
    ("他死于1931年5月3日", "他生于1931年5月3日"),
]  # fmt: skip


@pytest.mark.parametrize(("claim", "text"), HELD, ids=[f"{c} | {t[:40]}" for c, t in HELD])
def test_a_passage_holds_the_claim_in_other_words(claim: str, text: str) -> None:
    haystack = Haystack(f"Something else stands before.\n{text}\nAnd behind.")
    span = Claim(claim).find(haystack)
    assert span is not None
    assert span[1] - span[0] <= MAX_WINDOW_CHARS
    assert haystack.text[slice(*span)] in text


@pytest.mark.parametrize(("claim", "text"), MISSED, ids=[f"{c} | {t[:40]}" for c, t in MISSED])
def test_a_near_miss_is_never_cited(claim: str, text: str) -> None:
    assert Claim(claim).find(Haystack(text)) is None
    assert (
        Claim(claim).find(Haystack(f"Before it.\n\n{text}\n\nBehind it.", title="A page")) is None
    )


def test_a_name_may_stand_in_the_title_if_something_else_stands_in_the_passage() -> None:
    claim = Claim("Hank Crawford was born in Memphis, Tennessee.")
    text = "The saxophonist was born in Memphis, Tennessee, to a singer."
    assert claim.find(Haystack(text)) is None
    assert claim.find(Haystack(text, title="Hank Crawford - Wikipedia")) is not None
    assert claim.find(Haystack(text, title="David Newman")) is None
    alone = Claim("Hank Crawford and David Newman")
    assert alone.find(Haystack("Nothing of it.", title="Hank Crawford and David Newman")) is None


def test_a_person_named_in_full_once_may_go_on_by_the_last_name() -> None:
    claim = Claim("Samuel A. Ward wrote the hymn in Newark in 1882.")
    told = "He went to Newark. There Ward wrote the hymn in 1882, in Newark."
    opening = f"Samuel A. Ward played the organ. {'He rode the ferry. ' * 20}\n"
    assert claim.find(Haystack(opening + told)) is not None
    assert claim.find(Haystack(told)) is None, "who is Ward?"
    other = "Tom Ward was his brother.\n"
    assert claim.find(Haystack(opening + other + told)) is None, "which Ward?"


def test_facts_are_read_in_their_common_forms() -> None:
    facts = read_facts(
        "On 3 June 1871 the Four Tops paid US$1.5 million for twenty-one boats; 3.12 m, 12 %, 1960s, No. 5336."
    )
    assert [(date.year, date.month, date.day) for date in facts.dates] == [(1871, 6, 3)]
    assert [name.words for name in facts.names] == [("four", "tops")]
    assert [(figure.value, figure.unit) for figure in facts.figures] == [
        ("1500000", "usd"),
        ("21", None),
        ("3.12", "m"),
        ("12", "percent"),
        ("1960s", None),
        ("5336", None),
    ]


@pytest.mark.parametrize(
    "piece", ["A ", "1 ", "A. ", "two ", "May 5 ", "born ", "Cc born in 1999, and ", "| ", "not "]
)
def test_a_hostile_page_is_compared_in_bearable_time(piece: str) -> None:
    text = Haystack(piece * (60_000 // len(piece)), title=piece * 50)
    began = time.perf_counter()
    assert Claim("Aa Bb Cc was born in Ee on May 5, 1999 with two a.").find(text) is None
    assert time.perf_counter() - began < 5


NAMES = st.sampled_from(["Hank Crawford", "Mira Dovane", "Adolf Loos", "Kenny Burrell"])
TOWNS = st.sampled_from(["Memphis", "Ostrel", "Garv", "Chicago"])
YEARS = st.integers(min_value=1800, max_value=2020)
PERSONS = st.tuples(NAMES, TOWNS, YEARS, YEARS)


def told(person: tuple[str, str, int, int]) -> str:
    name, town, born, died = person
    return f"{name} was born in {town} in {born} and died in {died}."


@given(st.lists(PERSONS, min_size=1, max_size=4, unique_by=lambda one: one[0]), NAMES, TOWNS, YEARS)
def test_of_many_persons_only_what_is_told_is_held(
    people: list[tuple[str, str, int, int]], name: str, town: str, year: int
) -> None:
    text = Haystack(" ".join(told(person) for person in people))
    for one in people:
        assert Claim(f"{one[0]} was born in {one[1]} in {one[2]}.").find(text) is not None
    known = {(one[0], one[1], one[2]) for one in people}
    if (name, town, year) not in known:
        assert Claim(f"In {year}, {name} was born in {town}.").find(text) is None


@given(st.text(max_size=80), st.text(max_size=200))
def test_any_text_can_be_compared_and_a_span_is_a_piece_of_it(claim: str, text: str) -> None:
    span = Claim(claim).find(Haystack(text))
    if span is not None:
        assert 0 <= span[0] < span[1] <= len(text)
