"""The checker's own reader: rows, lists, sentences, and patterns learnt from pages."""

from vision_deepresearch.core.page import PageImage
from vision_deepresearch.core.proof import Hop, HopKind, Proof
from vision_deepresearch.evals.checker.crawl import Library
from vision_deepresearch.evals.checker.facts import Kind, Value, about, collect, literal
from vision_deepresearch.evals.checker.names import other_names
from vision_deepresearch.evals.checker.relations import Relations
from vision_deepresearch.evals.checker.sentences import SentenceReader
from vision_deepresearch.evals.checker.text import WebPage, plain, read_page, stands_in

HOME = "https://home.example/"


def a_page(path: str, markdown: str, *, host: str = HOME) -> WebPage:
    return read_page(
        markdown, url=host + path, title="", published=None, images=(PageImage(src="x"),), links=()
    )


def a_library(*pages: WebPage) -> Library:
    return Library(pages={page.url: page for page in pages})


def firms(count: int) -> list[WebPage]:
    """Firms with founders who have pages of their own, each told in a row and in a sentence."""
    pages: list[WebPage] = []
    for n in range(count):
        founder = f"[Ann No{n}]({HOME}p{n})"
        pages.append(
            a_page(
                f"f{n}",
                f"# Firm {n} Works\n\n| Founded by | {founder} |\n| --- | --- |\n| Founded | 18{n}0 |"
                f"\n\nThe money of {founder} made Firm {n} Works. It dates back to 18{n}0.",
            )
        )
        pages.append(a_page(f"p{n}", f"# Ann No{n}\n\n| Born | 17{n}5 |\n| --- | --- |"))
    return pages


def test_rows_lists_and_sentences_are_told_apart() -> None:
    page = a_page(
        "a",
        "# Mill\n\n| Height | 1,204 m |\n| --- | --- |\n| Twins | [A](u://a), [B](u://b) |\n\n"
        "| Name | River |\n| --- | --- |\n| [Foo](u://foo) | [Bar](u://bar#x) |\n\n"
        "- S. Gray built it. It is 12 m. It stands.\n\n![](u://pic)\n\nMill\n",
    )
    assert page.heading == "Mill"
    assert [(row.label, [value.text for value in row.values]) for row in page.rows] == [
        ("Height", ["1,204 m"]),
        ("Twins", ["A", "B"]),
    ]
    assert [(entry.subject.url, entry.label, entry.values[0].url) for entry in page.entries] == [
        ("u://foo", "River", "u://bar")
    ]
    assert page.sentences == ("S. Gray built it.", "It is 12 m.", "It stands.", "Mill")


def test_values_are_compared_by_meaning_not_by_writing() -> None:
    assert literal("4 May 1871") == literal("May 4, 1871") == literal("1871-05-04")
    assert literal("1,204 m") == literal("1204") == Value(Kind.NUMBER, "1204")
    assert literal("Glass Works") == Value(Kind.WORD, "glass works")
    assert literal("31 February 1871").kind is Kind.WORD


def test_a_name_stands_only_as_a_word_of_its_own() -> None:
    assert stands_in("Norway", "to norway.")
    assert not stands_in("No", "to norway.")
    assert plain(r"**A** \[b\] [C d](u://x)") == "A [b] C d"


def test_sentence_patterns_are_learnt_from_rows_and_read_where_no_row_stands() -> None:
    rumour = a_page(
        "t1",
        "# Anyone know more about Firm 1 Works?\n\n- Somebody swears: The money of "
        f"[Ann No4]({HOME}p4) made Firm 1 Works.",
        host="https://boards.example/",
    )
    library = a_library(*firms(6), rumour)
    facts = collect(library)
    firm = HOME + "f1"
    assert about(rumour, facts) == (firm,)
    assert facts.values(firm, "founded by") == {Value(Kind.THING, HOME + "p1")}
    reader = SentenceReader.learn(library, facts)
    reader.read_all(library)
    assert facts.values(firm, "founded by") == {
        Value(Kind.THING, HOME + "p1"),
        Value(Kind.THING, HOME + "p4"),
    }
    assert facts.values(firm, "founded") == {Value(Kind.NUMBER, "1810")}
    told = facts.sources(firm, "founded by", Value(Kind.THING, HOME + "p4"))
    assert [(source.url, source.how) for source in told] == [(rumour.url, "sentence")]


def test_a_pattern_met_once_is_not_believed() -> None:
    library = a_library(*firms(1))
    facts = collect(library)
    reader = SentenceReader.learn(library, facts)
    assert reader.label_of("The money of {V:thing} made {S}.", HOME + "f0") is None


def test_a_pronoun_is_no_subject_where_a_thing_is_named() -> None:
    stray = a_page("t", f"# Firm 0 Works\n\nIt was [Ann No2]({HOME}p2) who built Firm 2 Works.")
    facts = collect(a_library(*firms(3)))
    reader = SentenceReader.learn(a_library(*firms(3)), facts)
    readings = list(reader.readings(stray, reader.parse(stray.sentences[0])))
    assert {things for things, _, _ in readings} == {(HOME + "f2",)}


def test_other_names_are_read_however_they_are_told() -> None:
    learned = ("Alola isensis", "Shunia grenata", "Linel breda", "Fyrnis chunca")
    pages = {
        f"{HOME}s{n}": (
            a_page(f"s{n}", f"# Moth {n}\n\nIn Latin, the Moth {n} is {words}."),
            f"Moth {n}",
        )
        for n, words in enumerate(learned)
    }
    ship = a_page("v", "# Merry Gull\n\nMerry Gull is entered in the lists as RV Merry Gull.")
    ann = a_page("a", "# Ann No Berg\n\nHer letters are signed A. Berg. She was born in Region Q.")
    pages |= {HOME + "v": (ship, "Merry Gull"), HOME + "a": (ann, "Ann No Berg")}
    found = other_names(pages, known=["region q"])
    assert found.pop(HOME + "v") == ("RV Merry Gull",)
    assert found.pop(HOME + "a") == ("A. Berg",)
    assert found == {f"{HOME}s{n}": (words,) for n, words in enumerate(learned)}


def test_what_two_things_alone_are_called_by_a_sentence_is_no_name() -> None:
    pages = {
        f"{HOME}s{n}": (a_page(f"s{n}", f"# Moth {n}\n\nMoth {n} met {who}."), f"Moth {n}")
        for n, who in enumerate(("Xan", "Yul"))
    }
    assert other_names(pages, known=[]) == {}


def test_years_of_a_value_are_read_from_its_row() -> None:
    page = a_page(
        "t",
        f"# Town\n\n| Mayor | [Ann]({HOME}p1) (since 1996) |\n| --- | --- |\n"
        f"| Former mayor | [Bo]({HOME}p2) (1988-1996) |\n| Twin | [Cy]({HOME}p3), [Di]({HOME}p4) |",
    )
    assert [[value.period for value in row.values] for row in page.rows] == [
        [(1996, None)],
        [(1988, 1996)],
        [None, None],
    ]


def test_labels_that_say_the_same_from_both_sides_are_found() -> None:
    pages = firms(5)
    backward = [
        a_page(
            f"p{n}",
            f"# Ann No{n}\n\n| Founder of | [Firm {n} Works]({HOME}f{n}) |\n| --- | --- |",
        )
        for n in range(5)
    ]
    facts = collect(a_library(*pages[::2], *backward))
    assert facts.reverse == {"founder of": "founded by", "founded by": "founder of"}
    facts.statements.pop((HOME + "f3", "founded by"))
    assert facts.values(HOME + "f3", "founded by") == {Value(Kind.THING, HOME + "p3")}


def test_of_two_labels_with_a_vote_each_the_one_that_a_step_words_is_taken() -> None:
    """An outdated record lists as tenant whom the building's own page lists as a former one."""
    hall, old, new = f"{HOME}hall", f"{HOME}old", f"{HOME}new"
    facts = collect(
        a_library(
            a_page(
                "hall",
                f"# Hall\n\n| Tenant | [New Firm]({new}) (since 1992) |\n| --- | --- |\n"
                f"| Former tenant | [Old Firm]({old}) (1989-1992) |",
            ),
            a_page("old", "# Old Firm\n\n| Founded | 1870 |\n| --- | --- |"),
            a_page("new", "# New Firm\n\n| Founded | 1988 |\n| --- | --- |"),
            a_page(
                "item",
                f"# [Hall]({hall})\n\n| Tenant | [Old Firm]({old}) |\n| --- | --- |",
                host="https://catalogue.example/",
            ),
        )
    )
    assert facts.values(hall, "tenant") == {Value(Kind.THING, old), Value(Kind.THING, new)}

    def label(predicate: str, words: str) -> str | None:
        look = Hop(id="h1", kind=HopKind.LOOK, pages=(hall,), expected="Hall")
        step = Hop(
            id="h2",
            kind=HopKind.FOLLOW,
            subject="h1",
            predicate=predicate,
            label=words,
            expected="Old Firm",
        )
        proof = Proof(task_id="t", hops=(look, step))
        return Relations.learn(facts, [proof]).label(step, of=hall)

    assert label("former_home_of", "former tenant, before the present one") == "former tenant"
    assert label("home_of", "tenant") == "tenant", "so that its second value is seen"
