import hashlib
import random
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.worlds.generated.worlds_for_tests import SPEC, a_graph, some_pages
from vision_deepresearch.core.errors import ConfigError
from vision_deepresearch.core.page import Page
from vision_deepresearch.core.proof import Hop, HopKind
from vision_deepresearch.worlds.generated import furniture
from vision_deepresearch.worlds.generated.claims import Claim, Stance, had_happened
from vision_deepresearch.worlds.generated.document import Document, Line
from vision_deepresearch.worlds.generated.entities import EntityType
from vision_deepresearch.worlds.generated.furniture import num_wordings
from vision_deepresearch.worlds.generated.grammar import (
    INVERSE_REALISATIONS,
    REALISATIONS,
    alias_realisations_of,
)
from vision_deepresearch.worlds.generated.graph import Graph
from vision_deepresearch.worlds.generated.pages import PageSet
from vision_deepresearch.worlds.generated.plan import pictured_at
from vision_deepresearch.worlds.generated.relations import RELATIONS, Range
from vision_deepresearch.worlds.generated.saving import INDEX, kinds_named, save_pages
from vision_deepresearch.worlds.generated.sites import (
    DEAD_HOSTS,
    SITES,
    PageKind,
    Split,
    all_sites,
    site_of,
)
from vision_deepresearch.worlds.generated.spec import WorldSpec
from vision_deepresearch.worlds.generated.truth import GeneratedTruth
from vision_deepresearch.worlds.pages import to_page

CHROME = re.compile(
    r"cookie|consent|donate|morning letter|strange trick|licence|log in"
    r"|basket \(|to basket|/basket|\[imprint\]|/imprint"  # not "Girl with a Basket", "its imprint"
    r"|once a month|subscribe|other customers|more stories|earlier copies",
    re.I,
)
SPLITS: tuple[Split, ...] = ("train", "validation", "test")
OF_A_THING = [kind for kind in PageKind if kind.tells_of_one]


@cache
def pages_of(split: Split) -> PageSet:
    if split == "train":
        return some_pages()
    spec = SPEC.model_copy(update={"split": split, "num_entities": 200, "p_outdated": 0.1})
    return PageSet.of(Graph.of(spec))


def a_truth(split: Split = "train") -> GeneratedTruth:
    return GeneratedTruth(pages_of(split).graph, {})


@cache
def read(url: str, split: Split = "train") -> Page:
    html = pages_of(split).render_html(url)
    return to_page(html, url=url, window_chars=10**6)


def hop_for(claim: Claim) -> Hop:
    return Hop(
        id="h1",
        kind=HopKind.FOLLOW,
        subject="h0",
        predicate=claim.predicate,
        inverse=claim.inverse,
        expected="never read",
    )


def own_claims(url: str, split: Split = "train") -> list[Claim]:
    """What a page says of the thing it is about, one value per predicate."""
    pages, graph = pages_of(split), pages_of(split).graph
    subject = pages.record(url).about[0]
    return [
        claim
        for claim in pages.claims(url)
        if claim.subject == subject
        and (claim.inverse or graph.relation(subject, claim.predicate).functional)
    ]


def urls_of(kind: PageKind, split: Split = "train") -> list[str]:
    return [record.url for record in pages_of(split).all_urls() if record.kind is kind]


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


@pytest.mark.parametrize("split", SPLITS)
def test_pages_of_every_kind_read_well_and_their_chrome_is_gone(split: Split) -> None:
    pages = pages_of(split)
    assert {record.kind for record in pages.all_urls()} == set(PageKind)
    for record in pages.all_urls():
        page = read(record.url, split)
        assert not CHROME.search(page.markdown), record.url
        assert record.title in page.markdown.replace("\\", "")
        assert page.title == f"{record.title}{site_of(record.kind, split).window_suffix}"
        assert page.published == record.published
        told = {picture.image_url: picture.caption for picture in pages.pictures(record.url)}
        assert {image.src for image in page.images} == set(told)
        assert all(pictured_at(image.src) in pages.graph.entities for image in page.images)
        if record.kind in {PageKind.GALLERY, PageKind.STOCK, PageKind.LISTICLE}:
            assert {image.src: image.caption for image in page.images} == told
        for picture in told:
            assert page.markdown.count(f"]({picture})") == 1
        for row in pages.document(record.url).rows:
            assert f"| {row.label} | " in page.markdown, (record.url, row.label)
        assert "window." not in page.markdown
        assert ":root" not in page.markdown


@pytest.mark.parametrize("split", SPLITS)
@pytest.mark.parametrize("kind", OF_A_THING)
def test_every_claim_of_a_page_can_be_read_back_from_it(kind: PageKind, split: Split) -> None:
    """And nothing else: of what it does not claim, the reader finds no value."""
    truth, graph = a_truth(split), pages_of(split).graph
    seen: set[tuple[str, bool]] = set()
    for url in urls_of(kind, split):
        page = read(url, split)
        text = f"[{page.title}]({page.url})\n{page.markdown}"
        claims = own_claims(url, split)
        subject = pages_of(split).record(url).about[0]
        name = graph.entity(subject).name
        for claim in claims:
            value = truth.read_value(text, subject=name, hop=hop_for(claim))
            stated = {other.value for other in claims if hop_for(other) == hop_for(claim)}
            assert value in stated, (url, claim, value)
            seen.add((claim.predicate, claim.inverse))
        stated_of_it = {claim.predicate for claim in claims if not claim.inverse}
        silent = [
            r for r in graph.relations(subject) if r.functional and r.name not in stated_of_it
        ]
        if len(graph.named(name)) > 1:
            continue  # the reader tells things apart by name alone
        for relation in silent:
            hop = hop_for(Claim(subject=subject, predicate=relation.name, value=""))
            assert truth.read_value(text, subject=name, hop=hop) is None, (url, relation.name)
    functional = {(r.name, False) for r in RELATIONS.values() if r.functional}
    is_whole = kind is PageKind.ENCYCLOPEDIA and split == "train"
    assert seen
    assert not is_whole or functional <= seen


def lines_of(document: Document) -> Iterator[Line]:
    for section in document.sections:
        yield from section.paragraphs
        yield from section.items


GRAMMAR = [
    re.compile(re.sub(r"\\\{[SPsvayz]\\\}", ".+", re.escape(realisation)))
    for realisation in (
        *(one for some in REALISATIONS.values() for one in some),
        *(one for some in INVERSE_REALISATIONS.values() for one in some),
        *(one for type_ in EntityType for one in alias_realisations_of(type_)),
    )
]
A_SENTENCE_END = re.compile(r"(?<=[.!?:]) (?=[A-ZÀ-Þ0-9])")


def is_in_grammar(sentence: str) -> bool:
    return any(pattern.fullmatch(sentence) for pattern in GRAMMAR)


@pytest.mark.parametrize("split", SPLITS)
def test_what_names_a_thing_or_a_number_is_a_sentence_of_the_grammar(split: Split) -> None:
    pages = pages_of(split)
    names = {name for one in pages.graph.entities.values() for name in (one.name, *one.aliases)}
    a_name = re.compile(r"(?<!\w)(?:" + "|".join(map(re.escape, sorted(names))) + r")(?!\w)")
    checked = 0
    for record in pages.all_urls()[::2]:
        if record.kind.is_index:
            continue
        for line in lines_of(pages.document(record.url)):
            if len(line) == 1 and line[0].href is not None:
                continue  # an entry of a list of links
            text = "".join(span.text for span in line)
            rest = re.sub(r"\d+\.\d\d in the shop\.", "", text)
            for sentence in A_SENTENCE_END.split(rest):
                if re.search(r"\d", sentence) or a_name.search(sentence):
                    is_initial = len(sentence) < 4  # "S." of a short name
                    assert (
                        is_initial
                        or is_in_grammar(sentence)
                        or any(is_in_grammar(whole) for whole in _around(sentence, rest))
                    ), (record.url, sentence)
                    checked += 1
    assert checked > 500


def _around(sentence: str, text: str) -> Iterator[str]:
    """The sentence with what stands before it: an initial in a name ends like a sentence."""
    pieces = A_SENTENCE_END.split(text)
    position = pieces.index(sentence)
    for start in range(max(0, position - 2), position + 1):
        for end in range(position + 1, min(len(pieces), position + 3) + 1):
            yield " ".join(pieces[start:end])


@pytest.mark.parametrize("split", SPLITS)
def test_links_lead_to_pages_or_to_sites_that_are_gone(split: Split) -> None:
    pages = pages_of(split)
    dead = 0
    for record in pages.all_urls():
        document = pages.document(record.url)
        lines = [*lines_of(document), *(row.cell for row in document.rows)]
        lines += [cell for section in document.sections for row in section.table for cell in row]
        spans = [*(span for line in lines for span in line), *document.related, *document.pager]
        for span in spans:
            assert span.href is None or pages.number(span.href) is not None, (record.url, span)
        for span in document.sources:
            assert span.href is not None
            is_dead = urlsplit(span.href).netloc in DEAD_HOSTS
            assert is_dead or pages.number(span.href) is not None
            dead += is_dead
    assert dead
    assert not {site.host for site in all_sites()} & set(DEAD_HOSTS)


def test_splits_share_no_site_and_no_structure_of_pages() -> None:
    for what in ("name", "host", "motto"):
        told = [getattr(site, what) for site in all_sites()]
        assert len(set(told)) == len(told)
    for role in range(len(SITES["train"])):
        looks = [SITES[split][role].look for split in SPLITS]
        assert len({look.shell for look in looks}) == 3
        assert len({look.paper + look.accent for look in looks}) == 3
    shapes = set()
    for split in SPLITS:
        html = pages_of(split).render_html(urls_of(PageKind.ENCYCLOPEDIA, split)[0]).decode()
        body = html[html.index("<body") :]
        shapes.add(tuple(re.findall(r"<(?!a |li|p|span)(\w+)", body))[:12])
    assert len(shapes) == 3


def test_phrases_of_furniture_can_be_said_in_twenty_ways() -> None:
    titles = {name for name in vars(furniture) if name.endswith(("TITLES", "HEADLINES", "THREADS"))}
    phrases = {
        name: value
        for name, value in vars(furniture).items()
        if isinstance(value, tuple) and value and isinstance(value[0], tuple)
        if name not in titles
    }
    assert len(phrases) > 20
    few = {name: num for name, phrase in phrases.items() if (num := num_wordings(phrase)) < 20}
    assert few == {}
    assert all(num_wordings(phrase) >= 15 for phrase in furniture.BRIDGES.values())


def test_sites_are_as_wrong_as_the_table_says() -> None:
    spec = WorldSpec(preset="test", seed=1, num_entities=4000, num_tasks=1)
    records = PageSet.of(Graph.of(spec)).all_urls()
    for kind in OF_A_THING:
        pages = [record for record in records if record.kind is kind]
        share = sum(bool(record.wrong) for record in pages) / len(pages)
        wanted = 1 - site_of(kind, "train").reliability
        assert share <= wanted + 0.04
        assert share >= wanted / 3 - 0.01  # not everything changes
    stances = {(r.kind, stance) for r in records for _, stance in r.wrong}
    assert (PageKind.FORUM, Stance.RUMOUR) in stances
    assert (PageKind.MIRROR, Stance.CONTRADICTORY) in stances
    assert (PageKind.ARCHIVE, Stance.OUTDATED) in stances
    faultless = spec.model_copy(update={"p_outdated": 0.0, "num_entities": 400})
    assert not any(record.wrong for record in PageSet.of(Graph.of(faultless)).all_urls())


_HASHING = """
import hashlib
from vision_deepresearch.worlds.generated.graph import Graph
from vision_deepresearch.worlds.generated.pages import PageSet
from vision_deepresearch.worlds.generated.spec import WorldSpec
spec = WorldSpec(preset="test", seed=7, split="test", num_entities=120, num_tasks=1)
pages = PageSet.of(Graph.of(spec))
whole = hashlib.sha256()
for record in pages.all_urls():
    whole.update(record.url.encode() + pages.render_html(record.url))
print(whole.hexdigest())
"""


def test_another_process_writes_the_same_bytes() -> None:
    spec = WorldSpec(preset="test", seed=7, split="test", num_entities=120, num_tasks=1)
    pages = PageSet.of(Graph.of(spec))
    whole = hashlib.sha256()
    for record in pages.all_urls():
        whole.update(record.url.encode() + pages.render_html(record.url))
    command = [sys.executable, "-c", _HASHING]
    other = subprocess.run(
        command, capture_output=True, text=True, check=True, env={"PYTHONPATH": ":".join(sys.path)}
    )
    assert other.stdout.strip() == whole.hexdigest()


def test_pages_are_saved_with_their_pictures_for_a_browser(tmp_path: Path) -> None:
    kinds = kinds_named("encyclopedia, gallery")
    files = save_pages(pages_of("test"), tmp_path, kinds=kinds, limit=2)
    assert [file.name for file in files] == [
        "encyclopedia-00.html",
        "encyclopedia-01.html",
        "gallery-00.html",
        "gallery-01.html",
    ]
    album = files[2].read_text(encoding="utf-8")
    shown = re.findall(r'<img src="([^"]+)"', album)
    assert len(shown) == 6
    assert all((tmp_path / name).read_bytes()[:2] == b"\xff\xd8" for name in shown)
    index = (tmp_path / INDEX).read_text(encoding="utf-8")
    assert all(file.name in index for file in files)
    with pytest.raises(ConfigError, match="unknown kind of page 'wiki'"):
        kinds_named("news,wiki")


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
    for kind in (kind for kind in PageKind if kind.is_titled_by_thing):
        for url in urls_of(kind)[:40]:
            page = read(url)
            name = graph.entity(pages.record(url).about[0]).name
            assert truth.read_value(f"[{page.title}]({url})\n", subject="", hop=look) == name
            assert (
                truth.read_value(f"[{pages.record(url).title}]({url})\n", subject="", hop=look)
                == name
            )
    for kind in (kind for kind in PageKind if not kind.is_titled_by_thing):
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


A_LARGER_SPEC = WorldSpec(preset="test", seed=11, num_entities=1000, num_tasks=1)


def test_a_dated_page_tells_nothing_that_happened_after_its_day() -> None:
    graph = Graph.of(A_LARGER_SPEC)
    pages = PageSet.of(graph)
    dated = [record for record in pages.all_urls() if record.published is not None]
    assert len(dated) > 300
    num_claims = 0
    for record in dated:
        day = int((record.published or "")[:4])
        for claim in pages.claims(record.url):
            num_claims += 1
            if claim.inverse:
                facts = [
                    fact
                    for start in graph.subjects(claim.subject, claim.predicate)
                    for fact in graph.facts_of(start, claim.predicate)
                    if graph.entity(start).name == claim.value
                ]
                assert all(had_happened(graph, f, published=record.published) for f in facts)
                continue
            relation = graph.relation(claim.subject, claim.predicate)
            if relation.range in {Range.YEAR, Range.DATE}:
                assert max(map(int, re.findall(r"\d{4}", claim.value))) <= day, (record.url, claim)
            for fact in graph.facts_of(claim.subject, claim.predicate):
                if claim.stance is Stance.TRUE:
                    assert all(y is None or y <= day for y in (fact.since, fact.until)), claim
    assert num_claims > 1000


def test_a_third_of_the_articles_at_most_speaks_of_another_thing() -> None:
    urls = urls_of(PageKind.ENCYCLOPEDIA)
    other = [
        url
        for url in urls
        if {claim.subject for claim in some_pages().claims(url)}
        - {some_pages().record(url).about[0]}
    ]
    assert 0.1 < len(other) / len(urls) <= 1 / 3
