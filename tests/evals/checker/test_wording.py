"""Descriptions and years of questions, held against a handful of pages."""

from vision_deepresearch.core.proof import Constraint, Hop, HopKind, Proof
from vision_deepresearch.evals.checker.crawl import Library
from vision_deepresearch.evals.checker.facts import FactTable, collect
from vision_deepresearch.evals.checker.relations import Relations
from vision_deepresearch.evals.checker.route import Route
from vision_deepresearch.evals.checker.text import read_page
from vision_deepresearch.evals.checker.wording import Description, Wording, descriptions

HOME = "https://home.example/"
TOWNS = {
    "Aby": ("Karn", 1421, "Ann (1988-1996)"),
    "Bro": ("Karn", 1530, "Bo (1950-1960)"),
    "Cal": ("Mur", 1425, "Cy (1970-1980)"),
}


def a_library() -> Library:
    library = Library()
    texts = {
        name: f"# {name}\n\n| River | [{river}]({HOME}{river}) |\n| --- | --- |\n"
        f"| Charter | {year} |\n| Former mayor | [{mayor[:3].strip()}]({HOME}{mayor[:3].strip()})"
        f" {mayor[3:].strip()} |"
        for name, (river, year, mayor) in TOWNS.items()
    }
    for name in ("Karn", "Mur", "Ann", "Bo", "Cy"):
        texts[name] = f"# {name}\n\n| Sort | thing |\n| --- | --- |"
    for name, text in texts.items():
        page = read_page(text, url=HOME + name, title="", published=None, images=(), links=())
        library.pages[page.url] = page
    return library


def a_part(predicate: str, value: str, *, about: str = "Aby") -> Constraint:
    return Constraint(
        text=f"{predicate} {value}",
        predicate=predicate,
        value=value,
        candidates_without=2,
        about=about,
    )


RIVER, CHARTER = a_part("river", "Karn"), a_part("charter", "1420s")


def a_proof(*parts: Constraint) -> Proof:
    hops = (
        Hop(id="h1", kind=HopKind.LOOK, expected="Aby", pages=(HOME + "Aby",)),
        Hop(
            id="h2",
            kind=HopKind.FOLLOW,
            subject="h1",
            predicate="former_mayor",
            label="former mayor",
            expected="Ann",
        ),
    )
    return Proof(task_id="t", hops=hops, constraints=parts)


def read(proof: Proof) -> tuple[Wording, FactTable]:
    facts = collect(a_library())
    return Wording(facts=facts, relations=Relations.learn(facts, [proof])), facts


def test_a_description_fits_one_thing_and_needs_each_part() -> None:
    proof = a_proof(RIVER, CHARTER)
    wording, _ = read(proof)
    (one,) = descriptions(proof)
    assert wording.doubtful(one) is None
    assert list(wording.idle_parts(one)) == []


def test_a_description_that_fits_two_and_one_that_fits_none_are_doubtful() -> None:
    wording, _ = read(a_proof(RIVER, CHARTER))
    two = wording.doubtful(Description(about="Aby", parts=(RIVER,)))
    assert two == "the description of 'Aby' fits 'Bro' too"
    none = wording.doubtful(Description(about="Bro", parts=(RIVER, CHARTER)))
    assert none is not None
    assert none.startswith("no page states")


def test_a_part_that_narrows_nothing_is_idle() -> None:
    exact = a_part("charter", "1421")
    wording, _ = read(a_proof(RIVER, CHARTER, exact))
    found = wording.idle_parts(Description(about="Aby", parts=(RIVER, exact)))
    assert list(found) == [RIVER]


def test_a_year_must_lie_in_the_time_of_some_step() -> None:
    proof = a_proof()
    wording, facts = read(proof)
    route = Route(proof=proof, facts=facts, relations=wording.relations)
    assert list(wording.strange_years(route, "Who in 1990 was mayor of that town?")) == []
    assert list(wording.strange_years(route, "Who in 1999 was mayor of that town?")) == ["1999"]
    assert list(wording.strange_years(route, "Who was the former mayor?")) == []
