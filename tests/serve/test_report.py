"""The Markdown report: what it says, and that nobody else's words are active in it."""

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from markdown_it.token import Token

from tests.serve.test_viewer_inert import MARK, ROWS
from tests.serve.trace_sample import GUILD, PASSAGE, a_cited_item, a_sample
from vision_deepresearch.core.trajectory import StopReason
from vision_deepresearch.media.store import FolderMediaStore
from vision_deepresearch.serve.markdown import code, inert, link, quoted
from vision_deepresearch.serve.report import write_report, write_run_reports
from vision_deepresearch.serve.viewer import write_trace_page
from vision_deepresearch.serve.viewer_data import TraceItem

MARKDOWN_ROWS = {
    "reference": f"[x]: javascript:{MARK}\n[x]",
    "image reference": "![x][y]\n\n[y]: https://evil.org/x.png",
    "autolink": "<https://evil.org/x> <javascript:alert(1)>",
    "bare link": "https://evil.org/x www.evil.org mailto:a@evil.org a@evil.org",
    "fence": "```html\n<script>1</script>\n```\n~~~\nx\n~~~",
    "heading": "# evil\nevil\n===\nevil\n---\n",
    "quote end": "\n\n<b>evil</b>\n\n- [ ] x",
    "table": "| a | b |\n|---|---|\n| <b>1</b> | 2 |",
    "half escape": "\\[x\\](https://evil.org) \\\\[x](https://evil.org)",
    "backticks": "`` ` `` ``` <b>x</b>",
    "html comment": "<!-- --> <![CDATA[x]]> <?php ?> &lt;b&gt; &#60;",
    "list": "1. a\n2) b\n- c\n+ d\n* e\n    code",
    "emphasis": "**b** _i_ ~~s~~ $x$ ^1 [^1]",
    "our own marks": "\ue0001\ue001 [1]",
}


def rendered(text: str) -> list[Token]:
    """All tokens of a text read as CommonMark, with links made of bare addresses."""
    tokens: list[Token] = []
    for token in MarkdownIt("commonmark").enable(["table", "strikethrough"]).parse(text):
        tokens += [token, *(token.children or [])]
    return tokens


def check_inert(text: str, *, pictures: int = 0) -> None:
    tokens = rendered(text)
    kinds = [token.type for token in tokens]
    assert not {"html_block", "html_inline", "fence", "code_block", "table_open", "hr"} & set(kinds)
    assert not {"em_open", "s_open"} & set(kinds)
    assert kinds.count("image") == pictures
    for token in tokens:
        if token.type == "link_open":
            assert token.attrs["href"] == GUILD
    headings = [
        tokens[at + 1].content for at, token in enumerate(tokens) if token.type == "heading_open"
    ]
    assert headings == [
        "Research report",
        "Answer",
        "Sources",
        "How it was found",
        "Figures",
        "What did not work as it should",
    ]
    # Readers that make links of bare addresses look for these outside of code.
    bare = re.sub(r"`[^`]*`|\]\([^)]*\)", "", text)
    assert not re.search(r"https?://|www\.\w|mailto:\w", bare)


@pytest.mark.parametrize("name", ROWS | MARKDOWN_ROWS)
def test_a_hostile_text_in_every_field_stays_text(name: str, tmp_path: Path) -> None:
    words = (ROWS | MARKDOWN_ROWS)[name]
    text = write_report(tmp_path / "report.md", a_sample(words=words).item).read_text()
    check_inert(text)
    for number in (1, 2, 3):
        assert text.count(f"\\[{number}\\]") + text.count(f"\\[{number}, unsupported\\]") >= 1


@given(st.text(max_size=200))
def test_any_text_is_literal_wherever_it_stands(text: str) -> None:
    for line in (inert(text), f"1. {inert(text)}", f"- a {inert(text)} b", quoted(text)):
        kinds = {token.type for token in rendered(line)}
        assert not kinds & {"html_inline", "html_block", "link_open", "image", "code_inline"}
        assert not kinds & {"heading_open", "fence", "em_open", "strong_open", "table_open", "hr"}
    shown = [token.content for token in rendered(inert(text)) if token.type == "inline"]
    assert len(shown) <= 1
    spans = [token for token in rendered(f"x {code(text)}") if token.type == "code_inline"]
    assert len(spans) <= 1


@given(st.text(max_size=40), st.text(max_size=60))
def test_any_link_is_one_link_or_text(title: str, rest: str) -> None:
    tokens = rendered(link(title, f"https://en.wikipedia.org/wiki/{rest}"))
    hrefs = [str(token.attrs["href"]) for token in tokens if token.type == "link_open"]
    assert len(hrefs) <= 1
    assert all(href.startswith("https://en.wikipedia.org/wiki/") for href in hrefs)


def test_brackets_of_an_address_do_not_end_the_link() -> None:
    assert link("A [b]", "https://e.org/H_(x)") == "[A \\[b\\]](https://e.org/H_%28x%29)"
    assert link("A", "javascript:alert(1)") == "A (`javascript:alert(1)`)"


def test_a_report_says_what_was_found_where_and_what_was_not(tmp_path: Path) -> None:
    sample = a_sample()
    media = FolderMediaStore(tmp_path / "run" / "media")
    for ref in sample.item.task.images:
        media.put(sample.media.load(ref))
    item = a_cited_item(sample)
    path = write_report(
        tmp_path / "run" / "view" / "report.md", item, media=tmp_path / "run" / "media"
    )
    text = path.read_text()
    check_inert(text, pictures=1)
    (picture,) = [token for token in rendered(text) if token.type == "image"]
    assert (path.parent / str(picture.attrs["src"])).is_file()

    flat = " ".join(text.split())
    assert "\\*\\*Ostrel\\*\\*. \\[1\\] The emblem" in flat
    assert "Marrow Bay. \\[3\\] The guild was founded in 1902. \\[4, unsupported\\]" in flat
    assert (
        f"[Mira Dovane]({GUILD}), `{GUILD}`, words of the page, characters 1,240 to 1,309" in flat
    )
    assert f"> {PASSAGE}" in flat
    assert "picture img\\_1 \\[80, 160, 300, 500\\], Heron Guild" in flat
    assert "title or caption of the matched picture, turn 1" in flat
    assert "**only a model's summary says so, not the page's own words**" in flat
    assert (
        "4. The guild was founded in 1902. **unsupported**: nothing that was read says this" in flat
    )
    assert "Marrow Bay. \\[5, in part\\]" in flat
    parts = flat[flat.index("5. Only the Heron Guild") :]
    assert '**backed in part**: not found in what was read: "only"' in parts
    assert "> The Heron Guild made ropes." in parts
    assert "> Its house stood in Marrow Bay." in parts
    assert "picture img\\_1 \\[80, 160, 300, 500\\]" in parts
    assert "Verdict: **correct**" in flat
    assert "img\\_1 \\[80, 160, 300, 500\\] at \u00d71, \u00d71.6" in flat
    assert "`python` failed (unavailable)" in flat
    assert "- cost: price unknown" in flat
    assert "- model: oracle\\@1" in flat
    assert "- world: generated-7f3a" in flat
    assert "- a page was read as an extract, without a summary" in flat
    assert "a reply could not be used: bad\\_json" in flat
    assert "the search of a crop failed: timeout" in flat


def test_a_report_without_an_answer_says_why(tmp_path: Path) -> None:
    trajectory = a_sample().item.trajectory.model_copy(
        update={"answer": None, "support": (), "stop": StopReason.REFUSED, "stop_detail": "filter"}
    )
    item = TraceItem(task=a_sample().item.task, trajectory=trajectory)
    text = write_report(tmp_path / "report.md", item).read_text()
    assert "No answer: the research ended with refused (filter)." in text
    assert "- stopped by refused: filter" in text


def test_a_protected_task_shows_its_name_and_figures_only(tmp_path: Path) -> None:
    sample = a_sample()
    task = sample.item.task.model_copy(update={"protected": True})
    item = TraceItem(task=task, trajectory=sample.item.trajectory, verdict=sample.item.verdict)
    write_run_reports(tmp_path, [item, item])
    for path in (tmp_path / "report.md", tmp_path / "reports" / "0002.md"):
        text = path.read_text()
        assert "demo/4" in text
        assert not re.search("banner|Ostrel|Heron", text)


def test_reports_of_a_run_are_listed(tmp_path: Path) -> None:
    sample = a_sample()
    assert (
        write_run_reports(tmp_path / "one", [sample.item])
        .read_text()
        .startswith("# Research report\n")
    )
    path = write_run_reports(
        tmp_path / "many", iter([sample.item, a_cited_item(sample), sample.item])
    )
    links = [
        str(token.attrs["href"])
        for token in rendered(path.read_text())
        if token.type == "link_open"
    ]
    assert links == [f"reports/000{number}.md" for number in (1, 2, 3)]
    assert all((path.parent / one).is_file() for one in links)
    assert "no trajectory yet" in write_run_reports(tmp_path / "none", []).read_text()


def test_the_same_records_give_the_same_report(tmp_path: Path) -> None:
    item = a_sample().item
    first, second = (write_report(tmp_path / name, item).read_bytes() for name in ("a.md", "b.md"))
    assert first == second
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.md", "b.md"]


SECRETS = [
    "sk-proj-" + "Ab3" * 12,
    "AIza" + "Sy0_-" * 7,
    "ghp_" + "a1B2" * 9,
    "hf_" + "aBc1" * 9,
    "xoxb-1234567890-abc",
    "AKIA" + "ABCD1234" * 2,
    '"api_key": "planted-value-1"',
    "https://a.org/x?api_key=planted-value-2",
    "Authorization: Bearer planted.value.number.3",
]


@pytest.mark.parametrize("secret", SECRETS)
def test_a_credential_is_shown_neither_in_pages_nor_in_reports(secret: str, tmp_path: Path) -> None:
    sample = a_sample(words=f" {secret} ")
    text = write_report(tmp_path / "report.md", sample.item).read_text()
    text += write_trace_page(tmp_path / "page.html", sample.item, load=lambda _: None).read_text()
    value = re.sub(r'^.*(?:"api_key": "|api_key=|Bearer )', "", secret).rstrip('"')
    assert value not in text
    assert value not in text.replace("\\", "")
    assert "[redacted]" in text
