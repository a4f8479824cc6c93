"""Facts of pages: every form they are written in, what is no fact, and pages that mean harm."""

import json
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vision_deepresearch.worlds.page_facts import (
    MAX_FACTS,
    MAX_LABEL_CHARS,
    MAX_VALUE_CHARS,
    FactKind,
    PageFact,
    plain_label,
    plain_value,
)
from vision_deepresearch.worlds.pages import read_parts

URL = "https://manual.example/guide/lamps.html"


def facts_of(body: str, *, head: str = "") -> tuple[PageFact, ...]:
    html = f"<!doctype html><html><head><title>T</title>{head}</head><body>{body}</body></html>"
    return read_parts(html.encode("utf-8", "surrogatepass"), url=URL).facts


def pairs_of(body: str, *, head: str = "") -> list[tuple[str, str]]:
    return [(fact.label, fact.value) for fact in facts_of(body, head=head)]


def rows(*cells: str) -> str:
    return "".join(f"<tr>{row}</tr>" for row in cells)


BORN = [("Born", "1801"), ("Seat", "Lower Town")]
FORMS = {
    "mediawiki": "<table class='infobox vcard'>"
    + rows(
        "<th colspan=2>Orvane</th>",
        "<th>Born<sup class=reference><a href='#c'>[2]</a></sup></th><td>1801</td>",
        "<th scope=row>Seat:</th><td>Lower <b>Town</b></td>",
    )
    + "</table>",
    "vcard": "<table class=vcard>"
    + rows("<th>Born</th><td>1801</td>", "<th>Seat</th><td>Lower Town[3]</td>")
    + "</table>",
    "bold cells": "<table class=infobox_v2>"
    + rows("<td><b>Born</b></td><td>1801</td>", "<td>• Seat</td><td>Lower&nbsp;\n Town</td>")
    + "</table>",
    "fandom": "<aside class='portable-infobox'><h2 class=pi-title>Orvane</h2><section>"
    "<div class=pi-item><h3 class=pi-data-label>Born</h3><div class=pi-data-value>1801</div></div>"
    "<div class=pi-item><h3>Seat</h3><div>Lower<br>Town</div></div></section></aside>",
    "grid": "<div class=infobox><figure><img src=a.png></figure><div class=pair>"
    "<span class=label>Born</span> <span>1801</span></div><div><span>Seat</span>"
    "<span>Lower Town</span></div></div>",
    "definitions": "<div class=infobox><dl><dt>Born</dt><dd>1801</dd><dt>Seat</dt>"
    "<dd>Lower Town</dd></dl></div>",
    "definition groups": "<dl class=infobox><div><dt>Born</dt><dd>1801</dd></div><div><dt>Seat</dt>"
    "<dd>Lower Town</dd></div></dl>",
    "table without a name": "<h1>O</h1><table>"
    + rows(
        "<td colspan=2><img src=a.png></td>",
        "<th>Born</th><td>1801</td>",
        "<th>Seat</th><td>Lower Town</td>",
    )
    + "</table><h2>More</h2>",
    "table with colons": "<table>"
    + rows("<td>Born:</td><td>1801</td>", "<td>Seat:</td><td>Lower Town</td>")
    + "</table>",
    "list without a name": "<h1>O</h1><dl><dt>Born<dd>1801<dt>Seat<dd>Lower Town</dl><h2>More</h2>",
    "microdata": "<div itemscope itemtype='https://schema.org/Person'><b itemprop=Born>1801</b>"
    "<p>at <i itemprop='https://terms.example/#Seat'>Lower Town</i></p></div>",
    "jsonld": '<script type="application/ld+json">{"@type": "Person", "@id": "x", "Born": 1801,'
    ' "Seat": "Lower Town", "gone": null}</script>',
}


@pytest.mark.parametrize("form", FORMS)
def test_the_same_facts_are_read_from_every_form(form: str) -> None:
    found = [(label, value) for label, value in pairs_of(FORMS[form]) if label]
    assert found == BORN


@pytest.mark.parametrize(
    "body",
    [
        "<table><tr><th>keeper<th>years<tr><td>Ada<td>1871<tr><td>Bo<td>1890</table>",
        "<h2>Part</h2><table><tr><th>Born<td>1<tr><th>Seat<td>2</table>",
        "<table><tr><td>some prose in a column<td>and in another<tr><td>a<td>b</table>",
        "<table><tr><th>Born<td>1<tr><th>Born<td>2</table>",
        "<dl><dt>run()<dd><p>a</p><pre>b</pre><dt>stop()<dd>c</dl>",
        "<dl><dt>alone<dd>one</dl>",
        "<nav><table class=infobox><tr><th>a<td>b</table></nav>",
        "<table class=infobox style='display:none'><tr><th>a<td>b</table>",
        "<div class=has-infobox><main><table><tr><td>a<td>b<td>c</table></main></div>",
        "<table class=infobox><tr><th>a<td>  <br><tr><td></table>",
        "<p itemprop=''>x</p><p itemprop=a> </p>",
        '<ol itemscope itemtype="https://schema.org/BreadcrumbList"><li itemprop=name>x</ol>',
        '<script type="application/ld+json">{"@type": "BreadcrumbList", "name": "x"}</script>',
        '<script type="application/ld+json">{"name": torn</script>',
        "<script>{'name': 'x'}</script>",
    ],
)
def test_what_is_no_fact_gives_none(body: str) -> None:
    assert facts_of(body) == ()


def test_links_lists_pictures_and_headings_are_told_apart() -> None:
    found = facts_of(
        "<table class=infobox><caption>Orvane</caption>"
        + rows(
            "<td colspan=2><img src=a.png>The town in 1871</td>",
            "<th>Rivers</th><td><ul><li>Tern</li><li>Old Ouse</li></ul></td>",
            "<th>Twin</th><td><a href='#note'>[1]</a><a href='../b.html#x'>Brae</a> and"
            " <a href=c.html>Cad</a></td>",
            "<th>Stars</th><td><img src=s.png alt='4 of 5'></td>",
            "<th>Source</th><td>[7]</td>",
            "<th colspan=3>Chronology</th>",
            "<td>Before</td><td></td><td>Behind</td>",
            "<th>Year</th><th>Souls</th><th>Houses</th>",
            "<td>1801</td><td>12</td><td>3</td>",
            "<th>Nested</th><td>own<table><tr><th>Inner<td>word</table></td>",
        )
        + "</table>"
    )
    assert [(one.label, one.value, one.url) for one in found] == [
        ("", "The town in 1871", None),
        ("Rivers", "Tern, Old Ouse", None),
        ("Twin", "Brae and Cad", "https://manual.example/b.html#x"),
        ("Stars", "4 of 5", None),
        ("Source", "[7]", None),
        ("Chronology", "Before", None),
        ("Chronology", "Behind", None),
        ("Year", "1801", None),
        ("Souls", "12", None),
        ("Houses", "3", None),
        ("Nested", "own", None),
        ("Inner", "word", None),
    ]


def test_microdata_is_read_as_its_standard_says() -> None:
    body = (
        "<article itemscope itemtype='https://schema.org/Book'><h1 itemprop='name headline'>Lamps</h1>"
        "<meta itemprop=isbn content=123><link itemprop=url href=/lamps>"
        "<time itemprop=datePublished datetime=1871-05-04>last spring</time>"
        "<data itemprop=pages value=96>few</data><img itemprop=image src=../l.png>"
        "<p itemprop=author itemscope itemtype='https://schema.org/Person'>by <a itemprop=name"
        " href=ada.html>Ada Holm</a></p></article>"
    )
    found = facts_of(body)
    assert {one.kind for one in found} == {FactKind.MICRODATA}
    assert [(one.label, one.value, one.url) for one in found] == [
        ("name", "Lamps", None),
        ("headline", "Lamps", None),
        ("isbn", "123", None),
        ("url", "https://manual.example/lamps", "https://manual.example/lamps"),
        ("datePublished", "1871-05-04", None),
        ("pages", "96", None),
        ("image", "https://manual.example/l.png", "https://manual.example/l.png"),
        ("author.name", "Ada Holm", "https://manual.example/guide/ada.html"),
    ]


def test_jsonld_is_read_through_graphs_lists_and_things_in_things() -> None:
    data = {
        "@context": "https://schema.org",
        "@graph": [
            {"@type": "WebSite", "name": "chrome"},
            {
                "@type": ["Book"],
                "name": {"@value": "Lamps\ud800\u0000", "@language": "en"},
                "free": True,
                "price": 1.50,
                "author": [{"name": "Ada"}, {"name": "Bo", "url": "https://bo.example/"}],
                "genre": ["manual", "history", "manual"],
            },
        ],
    }
    text = json.dumps(data).replace("1.5", "1.50")
    head = f'<script type="application/ld+json">{text}</script>'
    assert [(one.label, one.value, one.url) for one in facts_of("", head=head)] == [
        ("name", "Lamps", None),
        ("free", "true", None),
        ("price", "1.50", None),
        ("author.name", "Ada", None),
        ("author.name", "Bo", None),
        ("author.url", "https://bo.example/", "https://bo.example/"),
        ("genre", "manual", None),
        ("genre", "history", None),
    ]


def test_boxes_come_before_what_is_for_machines() -> None:
    body = f"{FORMS['jsonld']}{FORMS['microdata']}{FORMS['vcard']}"
    kinds = [one.kind for one in facts_of(body)]
    assert kinds == [FactKind.INFOBOX] * 2 + [FactKind.MICRODATA] * 2 + [FactKind.JSONLD] * 2


def test_a_page_in_another_charset_states_the_same() -> None:
    html = f"<html><head><title>T</title></head><body>{FORMS['microdata']}ä</body></html>"
    found = read_parts(b"\xff\xfe" + html.encode("utf-16-le"), url=URL).facts
    assert [(one.label, one.value) for one in found] == BORN


HOSTILE = {
    "rows": "<table class=infobox>"
    + "".join(f"<tr><th>key {number}<td>value {number}" for number in range(10_000)),
    "nested tables": "<table class=infobox><tr><th>a<td>b" * 120,
    "nested boxes": "<div class=infobox><div><b>k</b><i>v</i></div>" * 240,
    "a huge cell": f"<table class=infobox><tr><th>{'k ' * 200_000}<td>{'word ' * 200_000}",
    "a cell of tags": f"<table class=infobox><tr><th>k<td>{'<b>x</b>' * 10_000}",
    "a word without end": f"<table class=infobox><tr><th>k<td>{'x' * 1_000_000}",
    "a row of cells": f"<table class=infobox><tr>{'<td>x</td>' * 5_000}",
    "many boxes": "<table class=infobox><tr><th>k<td>v</table>" * 2_000,
    "tables without a name": "<table><tr><th>k<td>v<tr><th>l<td>w</table>" * 2_000,
    "definitions": "<dl>" + "<dt>k<dd>v" * 2_000,
    "properties": "<p itemprop='a b c'>x</p>" * 2_000,
    "deep things": "<div itemscope itemprop=a>" * 200 + "<b itemprop=c>x</b>" * 500,
    "deep JSON": f'<script type="application/ld+json">{"[" * 100_000}</script>',
    "long JSON": f'<script type="application/ld+json">{json.dumps(list(range(150_000)))}</script>',
    "things in JSON": '<script type="application/ld+json">'
    + json.dumps({f"k{number}": {"a": {"b": {"c": {"d": 1}}}} for number in range(4_000)})
    + "</script>",
}


@pytest.mark.parametrize("page", HOSTILE)
def test_pages_that_mean_harm_are_bounded(page: str) -> None:
    since = time.process_time()
    found = facts_of(HOSTILE[page])
    assert time.process_time() - since < 4
    assert len(found) <= MAX_FACTS
    assert len(found) == len({*found})
    assert all(0 < len(one.value) <= MAX_VALUE_CHARS for one in found)
    assert all(len(one.label) <= MAX_LABEL_CHARS for one in found)


def test_the_first_facts_of_ten_thousand_rows_are_kept_in_order() -> None:
    found = pairs_of(HOSTILE["rows"])
    assert len(found) == MAX_FACTS
    assert found[-1] == (f"key {MAX_FACTS - 1}", f"value {MAX_FACTS - 1}")


@given(st.text(max_size=300))
def test_labels_and_values_are_plain_and_stay_so(text: str) -> None:
    label, value = plain_label(text), plain_value(text)
    assert plain_label(label) == label
    assert plain_value(value) == value
    for plain in (label, value):
        assert " ".join(plain.split()) == plain
        assert "\x00" not in plain.encode().decode()  # a file can hold it


PIECES = st.sampled_from([
    "<table class=infobox>", "</table>", "<tr>", "<th>", "<td>", "</td>", "<dl>", "<dt>", "<dd>",
    "<div>", "</div>", "<div class=infobox>", "<b>k</b>", "<i>v</i>", "word", "[1]", "<br>", "<li>",
    "<a href=x.html>", "</a>", "<p itemprop=a>", "<div itemscope>", "<caption>", "<h2>", "<img alt=i>",
    '<script type="application/ld+json">', '{"a": 1}', "</script>", "&#xd800;", "&nbsp;", "<!--", "-->",
])  # fmt: skip


@given(st.lists(PIECES, max_size=40))
def test_any_markup_gives_facts_that_can_be_kept_and_the_same_again(pieces: list[str]) -> None:
    body = "".join(pieces)
    found = facts_of(body)
    assert found == facts_of(body)
    for one in found:
        assert one.value.strip() == one.value != ""
        assert plain_label(one.label) == one.label
        assert one.url is None or one.url.startswith("https://manual.example/")
