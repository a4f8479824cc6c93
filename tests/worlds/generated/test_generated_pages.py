import random
import re
from collections import Counter
from functools import cache

import pytest

from tests.worlds.generated.worlds_for_tests import SPEC, a_graph, some_pages
from vision_deepresearch.core.page import Page
from vision_deepresearch.core.proof import Hop, HopKind
from vision_deepresearch.worlds.generated.claims import Claim, Stance
from vision_deepresearch.worlds.generated.grammar import INVERSE_REALISATIONS, REALISATIONS
from vision_deepresearch.worlds.generated.graph import Graph
from vision_deepresearch.worlds.generated.pages import PageSet
from vision_deepresearch.worlds.generated.plan import PageKind
from vision_deepresearch.worlds.generated.relations import RELATIONS
from vision_deepresearch.worlds.generated.truth import GeneratedTruth
from vision_deepresearch.worlds.pages import to_page

CHROME = re.compile(r"cookie|consent|donate|morning letter|strange trick|licence|log in", re.I)


def a_truth() -> GeneratedTruth:
    return GeneratedTruth(a_graph(), {})


@cache
def read(url: str) -> Page:
    return to_page(some_pages().render_html(url), url=url)


def hop_for(claim: Claim) -> Hop:
    return Hop(
        id="h1",
        kind=HopKind.FOLLOW,
        subject="h0",
        predicate=claim.predicate,
        inverse=claim.inverse,
        expected="never read",
    )


def own_claims(url: str) -> list[Claim]:
    """What a page says of the thing it is about, one value per predicate."""
    pages, graph = some_pages(), a_graph()
    subject = pages.record(url).about[0]
    return [
        claim
        for claim in pages.claims(url)
        if claim.subject == subject
        and (claim.inverse or graph.relation(subject, claim.predicate).functional)
    ]


def urls_of(kind: PageKind) -> list[str]:
    return [record.url for record in some_pages().all_urls() if record.kind is kind]


def test_a_page_made_alone_equals_the_page_made_in_order() -> None:
    records = some_pages().all_urls()
    in_order = [some_pages().render_html(record.url) for record in records]
    shuffled = list(range(len(records)))
    random.Random(2).shuffle(shuffled)
    again = PageSet.of(Graph.of(SPEC))
    assert again.all_urls() == records
    assert all(again.render_html(records[n].url) == in_order[n] for n in shuffled)


def test_there_is_an_article_for_each_thing_and_secondary_pages_of_every_kind() -> None:
    records = some_pages().all_urls()
    kinds = Counter(record.kind for record in records)
    assert kinds[PageKind.ENCYCLOPEDIA] == SPEC.num_entities
    assert set(kinds) == set(PageKind)
    assert 1.5 <= len(records) / SPEC.num_entities <= 2.1
    assert len({record.url for record in records}) == len(records)
    assert all(re.match(r"https://[a-z.-]+\.example/", record.url) for record in records)


def test_pages_read_well_and_their_chrome_is_gone() -> None:
    for record in some_pages().all_urls():
        page = read(record.url)
        assert not CHROME.search(page.markdown), record.url
        assert record.title in page.markdown
        assert page.published == record.published
        told = {picture.image_url for picture in some_pages().pictures(record.url)}
        assert {image.src for image in page.images} == told


@pytest.mark.parametrize("kind", [PageKind.ENCYCLOPEDIA, PageKind.MIRROR, PageKind.CATALOGUE])
def test_every_claim_of_a_page_can_be_read_back_from_it(kind: PageKind) -> None:
    truth, graph = a_truth(), a_graph()
    seen: set[tuple[str, bool]] = set()
    for url in urls_of(kind):
        page = read(url)
        text = f"[{page.title}]({page.url})\n{page.markdown}"
        claims = own_claims(url)
        for claim in claims:
            name = graph.entity(claim.subject).name
            value = truth.read_value(text, subject=name, hop=hop_for(claim))
            stated = {other.value for other in claims if hop_for(other) == hop_for(claim)}
            assert value in stated, (url, claim, value)
            seen.add((claim.predicate, claim.inverse))
    functional = {(r.name, False) for r in RELATIONS.values() if r.functional}
    assert kind is not PageKind.ENCYCLOPEDIA or functional <= seen


def test_every_claim_of_an_article_stands_in_its_prose_too() -> None:
    truth, graph = a_truth(), a_graph()
    for url in urls_of(PageKind.ENCYCLOPEDIA)[::3]:
        page = read(url)
        prose = "\n".join(line for line in page.markdown.split("\n") if not line.startswith("|"))
        for claim in own_claims(url):
            name = graph.entity(claim.subject).name
            value = truth.read_value(
                f"[{page.title}]({url})\n{prose}", subject=name, hop=hop_for(claim)
            )
            claims = [c.value for c in own_claims(url) if hop_for(c) == hop_for(claim)]
            assert value in claims, (url, claim, value)


def test_a_row_under_a_title_is_enough_and_counts_for_that_title_only() -> None:
    graph, truth = a_graph(), a_truth()
    organisation = next(
        claim.subject
        for url in urls_of(PageKind.ENCYCLOPEDIA)
        for claim in own_claims(url)
        if claim.predicate == "founded_by" and not claim.inverse
    )
    name = graph.entity(organisation).name
    founder = graph.value(organisation, "founded_by")
    claim = Claim(subject=organisation, predicate="founded_by", value="")
    url = some_pages().article(organisation)
    for header in (f"[{name} - Orbipedia]({url})", f"# {name}", f"[1] [{name}]({url})", url):
        text = f"{header}\nEvidence in page:\n| Founded by | {founder} |\n"
        assert truth.read_value(text, subject=name, hop=hop_for(claim)) == founder
        assert truth.read_value(text, subject="Someone Else", hop=hop_for(claim)) is None
    assert truth.read_value("", subject=name, hop=hop_for(claim)) is None
    assert truth.read_value(f"# {name}\n| Founded by | |", subject=name, hop=hop_for(claim)) is None
    two = f"# {name}\n| Type | bank |\n=======\n# Other\n| Founded by | Nobody Known |"
    assert truth.read_value(two, subject=name, hop=hop_for(claim)) is None


def test_the_reader_says_what_the_text_says_and_not_what_is_true() -> None:
    graph, truth = a_graph(), a_truth()
    bank = graph.of_type(next(t for t in RELATIONS if t[1] == "founded_by")[0])[0]
    claim = Claim(subject=bank.id, predicate="founded_by", value="")
    text = f"# {bank.name}\nIts founder was Ada Wrongly."
    assert truth.read_value(text, subject=bank.name, hop=hop_for(claim)) == "Ada Wrongly"


def test_shuffled_words_say_nothing() -> None:
    truth, graph = a_truth(), a_graph()
    rng = random.Random(5)
    for url in urls_of(PageKind.ENCYCLOPEDIA)[:60]:
        page = read(url)
        words = page.markdown.split()
        rng.shuffle(words)
        text = f"[{page.title}]({url})\n{' '.join(words)}"
        for claim in own_claims(url):
            name = graph.entity(claim.subject).name
            assert truth.read_value(text, subject=name, hop=hop_for(claim)) is None


def test_a_look_reads_the_name_from_the_title_of_an_article() -> None:
    truth, pages, graph = a_truth(), some_pages(), a_graph()
    look = Hop(id="h1", kind=HopKind.LOOK, expected="never read")
    for kind in (PageKind.ENCYCLOPEDIA, PageKind.CATALOGUE, PageKind.MIRROR):
        for url in urls_of(kind)[:40]:
            page = read(url)
            name = graph.entity(pages.record(url).about[0]).name
            assert truth.read_value(f"[{page.title}]({url})\n", subject="", hop=look) == name
            assert (
                truth.read_value(f"[{pages.record(url).title}]({url})\n", subject="", hop=look)
                == name
            )
    for kind in (PageKind.GALLERY, PageKind.LIST, PageKind.DISAMBIGUATION, PageKind.NEWS):
        for url in urls_of(kind)[:10]:
            page = read(url)
            assert truth.read_value(f"[{page.title}]({url})\n", subject="", hop=look) is None


def test_every_relation_can_be_said_in_six_ways() -> None:
    assert set(REALISATIONS) == set(RELATIONS)
    assert set(INVERSE_REALISATIONS) == {r.name for r in RELATIONS.values() if r.inverse_label}
    for realisations in (*REALISATIONS.values(), *INVERSE_REALISATIONS.values()):
        assert len(set(realisations)) >= 6
        assert all("{v}" in realisation for realisation in realisations)
        assert all(re.search(r"\{[SPs]\}", realisation) for realisation in realisations)


def test_what_a_page_gets_wrong_is_known_as_disputed() -> None:
    graph, pages = a_graph(), some_pages()
    found = 0
    for record in pages.all_urls():
        for claim in pages.claims(record.url):
            if claim.inverse:
                continue
            truths = {
                graph.write(fact, style=style)
                for fact in graph.facts_of(claim.subject, claim.predicate)
                for style in range(3)
            }
            is_true = claim.value in truths
            assert is_true or claim.key in pages.disputed, (record.url, claim)
            assert is_true == (claim.stance is Stance.TRUE)
            found += not is_true
    assert found > 3
