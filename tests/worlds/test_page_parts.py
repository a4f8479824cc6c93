"""Pages read for an index: plain text, links and pictures without the chrome of their generators."""

import time
from pathlib import Path
from urllib.parse import urljoin

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vision_deepresearch.worlds.html import absolute
from vision_deepresearch.worlds.pages import PageParts, read_parts, to_page

URL = "https://manual.example/guide/lamps.html"

CHROME = {
    "sphinx": (
        "<div class=related role=navigation><h3>Navigation</h3><ul><li>CHROME</li></ul></div>"
        "<div class=body role=main><h1>Lamps<a class=headerlink href='#lamps'>CHROME</a></h1>KEPT"
        "</div><div class=sphinxsidebar role=navigation><div class=sphinxsidebarwrapper>CHROME"
        "</div></div><div class=footer>CHROME</div>"
    ),
    "sphinx theme": (
        "<nav class=wy-nav-side>CHROME</nav><div role=main><h1>x</h1>KEPT</div>"
        "<div class='rst-footer-buttons'>CHROME</div>"
    ),
    "docbook": (
        "<div class=navheader><table><tr><th>CHROME</th></tr></table></div><div class=sect1>"
        "<h2>x</h2>KEPT</div><div class=navfooter>CHROME</div>"
    ),
    "javadoc": (
        "<div class='topNav'>CHROME</div><div class=subNav>CHROME</div><main>KEPT</main>"
        "<div class=bottomNav>CHROME</div>"
    ),
    "doxygen": (
        "<div id=titlearea>CHROME</div><div id=main-nav>CHROME</div><div id=nav-path class=navpath>"
        "CHROME</div><div class=contents>KEPT</div>"
    ),
    "mediawiki": (
        "<div id=mw-navigation>CHROME</div><div id=content>KEPT<span class=mw-editsection>CHROME"
        "</span></div><table class=navbox><tr><td>CHROME</td></tr></table><table class="
        "'vertical-navbox'><tr><td>CHROME</td></tr></table><div id=catlinks class=catlinks>CHROME"
        "</div><div class=printfooter>CHROME</div>"
    ),
    "a sidebar": "<div id=sidebar>CHROME</div><p>KEPT</p><aside class='left sidebar'>CHROME</aside>",
    "hidden words": "<p>KEPT<span style='display:none'>CHROME</span></p>",
}


def parts(body: str, *, head: str = "") -> PageParts:
    html = f"<html><head><meta charset=utf-8>{head}</head><body>{body}</body></html>"
    return read_parts(html.encode(), url=URL)


@pytest.mark.parametrize("body", CHROME.values(), ids=list(CHROME))
def test_the_chrome_of_generators_is_in_neither_reading(body: str) -> None:
    markdown = to_page(f"<meta charset=utf-8>{body}".encode(), url=URL).markdown
    for text in (parts(body).text, markdown):
        assert "KEPT" in text
        assert "CHROME" not in text


def test_contents_that_lead_to_other_pages_are_kept_and_others_not() -> None:
    away = "<div class=toc><a href='a.html'>First chapter</a> <a href='b.html'>Second</a></div>"
    here = "<div class=toc><a href='#a'>On this page</a></div>"
    seen = parts(away + here + "<p>x</p>")
    assert "First chapter" in seen.text
    assert "On this page" not in seen.text


def test_a_box_of_the_text_that_is_called_sidebar_is_kept() -> None:
    box = "<aside class=sidebar><p class=sidebar-title>History</p><p>Lit in 1871.</p></aside>"
    assert "Lit in 1871." in parts(box).text


def test_the_text_is_a_block_a_line_in_reading_order() -> None:
    seen = parts(
        "<h1>Lamps</h1><table class=infobox><tr><th>Oil</th><td>colza\n and whale</td></tr></table>"
        "<p>One <b>lamp</b><br>burns.</p><ul><li>wick<li>glass</ul><dl><dt>trim<dd>to cut</dl>"
        "<div class=thumb><img src=l.png><div class=thumbcaption>A lamp</div></div>"
    )
    assert seen.text.split("\n") == [
        "Lamps",
        "Oil: colza and whale",
        "One lamp",
        "burns.",
        "wick",
        "glass",
        "trim",
        "to cut",
        "A lamp",
    ]
    assert seen.headings == "Lamps"


def test_links_of_the_text_and_of_the_whole_page_are_told_apart() -> None:
    seen = parts(
        "<nav><a href='index.html'>Home</a></nav><p><a href='oil.html#a'>a</a>"
        "<a href='oil.html#b'>b</a><a href='#c'>c</a><a href='lamps.html#d'>d</a>"
        "<a href='mailto:x@y.example'>e</a><a href='//other.example/x'>f</a></p>"
    )
    base = "https://manual.example/guide/"
    assert seen.links == (f"{base}oil.html", "https://other.example/x")
    assert sorted(seen.all_links) == [
        f"{base}index.html",
        f"{base}lamps.html",
        f"{base}oil.html",
        f"{base}oil.html",
        "https://other.example/x",
    ]


def test_pictures_know_their_caption_and_whether_they_stand_for_the_page() -> None:
    seen = parts(
        "<table class='infobox vcard'><tr><td><img src=a.png><br>Ada in 1871</td></tr></table>"
        "<div class=thumb><img src=b.png><div class=thumbcaption>A lamp</div></div>"
        "<table class=navbox><tr><td><img src=c.png></td></tr></table><img src=d.png width=16>"
    )
    assert [(one.image.src[-5:], one.image.caption, one.in_infobox) for one in seen.images] == [
        ("a.png", "Ada in 1871", True),
        ("b.png", "A lamp", False),
    ]


def test_the_licence_goes_to_provenance_and_not_into_the_text() -> None:
    kiwix = (
        "<p>Words.</p><div><div>This article is issued from <a href='http://e.example/w?oldid=7'>"
        "Wikipedia</a>. The text is available under the <a href='http://creativecommons.org/"
        "licenses/by-sa/3.0/'>Creative Commons</a> licence.</div></div>"
    )
    seen = parts(kiwix)
    assert seen.text == "Words."
    assert seen.licence.startswith("This article is issued from Wikipedia")
    assert "<http://creativecommons.org/licenses/by-sa/3.0/>" in seen.licence
    assert "<http://e.example/w?oldid=7>" in seen.licence
    assert "issued" not in to_page(kiwix.encode(), url=URL).markdown
    footer = "<main>x</main><div class=footer>This page is licensed under the PSF licence.</div>"
    assert parts(footer).licence == "This page is licensed under the PSF licence."
    assert parts("<p>x</p><footer>Made by us</footer>").licence == ""


def test_long_definitions_stay_readable_and_short_ones_are_a_table() -> None:
    long = "<dl><dt>split(s)</dt><dd><p>Splits.</p><pre>a = 1\nb = 2</pre></dd></dl>"
    short = "<dl><dt>Seat</dt><dd>Orvane</dd></dl>"
    markdown = to_page(f"{long}<p>x</p>{short}".encode(), url=URL).markdown
    assert "```\na = 1\nb = 2\n```" in markdown
    assert "| Seat | Orvane |" in markdown


@pytest.mark.parametrize(
    ("body", "charset", "text"),
    [
        ("Größe".encode("cp1252"), "iso-8859-1", "Größe"),
        (b"<meta charset=utf-8>" + "日本".encode("shift_jis"), "Shift_JIS", "日本"),
        (b"\xef\xbb\xbf" + "日本".encode(), "iso-8859-1", "日本"),
        (b"<meta charset=shift_jis>" + "日本".encode("shift_jis"), None, "日本"),
        ("日本".encode(), '"UTF-8"', "日本"),
        (b"<meta charset=shift_jis>" + "日本".encode("shift_jis"), "no-such-charset", "日本"),
    ],
)
def test_the_charset_of_http_beats_meta_and_a_mark_beats_both(
    body: bytes, charset: str | None, text: str
) -> None:
    assert read_parts(body, url=URL, charset=charset).text == text
    assert to_page(body, url=URL, charset=charset).markdown == text


@given(
    st.text(alphabet="ab/.?#:;=% \u00e9", max_size=12),
    st.sampled_from([
        "https://h.example/a/b/c.html",
        "https://h.example/",
        "http://h.example:81/x/y/",
        "https://h.example/a//b",
        "https://h.example/a/../b/c",
        "https://h.example/p?q=/x/y",
    ]),
)
def test_the_short_way_to_an_absolute_url_is_the_standard_one(href: str, base: str) -> None:
    try:
        wanted = urljoin(base, href.strip())
    except ValueError:
        wanted = ""
    found = absolute(href, base_url=base)
    if found is not None:
        assert found == wanted


@pytest.mark.parametrize("data", [b"", b"   ", b"<!-- -->", b"\x00\x00", b"<br>"])
def test_nothing_to_read_is_an_empty_page(data: bytes) -> None:
    seen = read_parts(data, url=URL)
    assert (seen.text, seen.links, seen.images) == ("", (), ())


def test_a_page_of_documentation_takes_a_few_milliseconds() -> None:
    """Loose: about 2 ms where nothing else runs; a loop over the page twice for a link is more."""
    row = (
        "<dt class=sig>lamp.<span class=pre>trim</span>(<em>wick</em>)</dt><dd><p>Trims the <a"
        " class='reference internal' href='../wick.html#w'><code>wick</code></a> of a lamp.</p></dd>"
    )
    html = f"<html><body><div class=body role=main><h1>x</h1><dl>{row * 160}</dl></div></body>"
    data = html.encode()
    assert len(data) > 25_000
    best = 1.0
    for _ in range(10):
        started = time.process_time()
        read_parts(data, url=URL)
        best = min(best, time.process_time() - started)
    assert best < 0.03


def test_no_module_of_corpora_needs_libzim_to_be_imported() -> None:
    """The world reads its own folder; only `zim.py` knows the GPL library."""
    corpus = Path(__file__).resolve().parents[2] / "src/vision_deepresearch/worlds/corpus"
    users = {file.name for file in corpus.glob("*.py") if "import libzim" in file.read_text()}
    users |= {file.name for file in corpus.glob("*.py") if "from libzim" in file.read_text()}
    assert users <= {"zim.py"}
