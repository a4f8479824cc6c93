"""Text search and page reading: layout, caps, addresses, pictures and failures."""

import asyncio
from dataclasses import dataclass

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import JsonValue
from typing_extensions import override

from tests.builders import a_picture
from tests.tools.tiny_world import (
    SITE,
    Desk,
    RecordingSummariser,
    TinyWorld,
    a_call,
    a_desk,
    a_page_of,
    text_of,
    trusted_text,
)
from vision_deepresearch.core.errors import (
    BoundaryError,
    BudgetExceededError,
    FailureKind,
    WorldError,
)
from vision_deepresearch.core.observation import Evidence, EvidenceKind, Observation
from vision_deepresearch.core.page import Page
from vision_deepresearch.core.protocols import Summariser
from vision_deepresearch.tools.limits import ToolLimits
from vision_deepresearch.tools.summarise import PassagePicker
from vision_deepresearch.tools.toolset import build_tools
from vision_deepresearch.tools.visit import web_address


async def use(
    name: str,
    world: TinyWorld,
    arguments: dict[str, JsonValue],
    *,
    desk: Desk | None = None,
    limits: ToolLimits | None = None,
    summariser: Summariser | None = None,
) -> Observation:
    desk = desk or a_desk(a_picture())
    tools = build_tools(
        [name],
        world=world,
        media=desk.media,
        summariser=summariser or PassagePicker(),
        limits=limits,
    )
    return await tools[name].run(a_call(name, **arguments), desk.context)


def text_hit(name: str, *, snippet: str = "", published: str | None = None) -> Evidence:
    return Evidence(
        kind=EvidenceKind.TEXT_HIT,
        url=f"{SITE}/{name}",
        title=f"Title {name}",
        snippet=snippet,
        published=published,
    )


def kind_of(observation: Observation) -> FailureKind | None:
    return observation.failure.kind if observation.failure else None


# ----------------------------------------------------------------------------------------- search


async def test_search_lays_out_hits_by_query() -> None:
    found = {
        "tower": [
            text_hit("a", snippet="A tower  stands.", published="1999-01-02"),
            text_hit("b"),
        ],
        "void": [],
    }
    world = TinyWorld(find_text=found.__getitem__)
    observation = await use("search", world, {"query": ["tower", "void", "tower", " "]})
    assert text_of(observation) == (
        "2 hits for: tower\n\n"
        f"1. [Title a]({SITE}/a)\nDate published: 1999-01-02\nA tower stands.\n\n"
        f"2. [Title b]({SITE}/b)"
        "\n=======\n"
        "No hits, try fewer or other words than: void"
    )
    assert [(item.rank, item.query, item.snippet) for item in observation.evidence] == [
        (0, "tower", "A tower stands."),
        (1, "tower", ""),
    ]


@pytest.mark.pitfall("P21")
async def test_ten_queries_of_many_are_run_at_the_same_time() -> None:
    world = TinyWorld(num_at_once=10)
    observation = await use("search", world, {"query": [f"q{n}" for n in range(500)]})
    assert len(world.asked) == 10
    assert any("490 skipped" in notice for notice in observation.notices)


@pytest.mark.pitfall("P22")
@pytest.mark.parametrize("num_hits", [1, 3, 5, 10])
async def test_as_many_text_hits_come_as_the_limit_says(num_hits: int) -> None:
    world = TinyWorld(find_text=lambda _: [text_hit(f"p{n}") for n in range(30)])
    limits = ToolLimits(hits_per_query=num_hits)
    observation = await use("search", world, {"query": "x"}, limits=limits)
    assert len(observation.evidence) == num_hits
    assert world.limits == [num_hits]


async def test_one_failing_query_is_told_and_all_failing_is_a_failure() -> None:
    def find(query: str) -> list[Evidence]:
        if "bad" in query:
            raise WorldError(FailureKind.RATE_LIMITED, "planted")
        return [text_hit("a")]

    world = TinyWorld(find_text=find)
    some = await use("search", world, {"query": ["good", "bad"]})
    none = await use("search", world, {"query": ["bad", "worse bad"]})
    assert kind_of(some) is None
    assert "search failed for 1 of 2 queries" in some.notices
    assert kind_of(none) is FailureKind.RATE_LIMITED
    assert "planted" not in some.model_dump_json() + none.model_dump_json()


@pytest.mark.parametrize("query", [[], "", [" "], None, 3, [3], {"q": 1}, ["x" * 2000]])
async def test_queries_without_words_are_bad_args(query: JsonValue) -> None:
    observation = await use("search", TinyWorld(), {"query": query})
    assert kind_of(observation) is FailureKind.BAD_ARGS


@given(size=st.integers(min_value=1, max_value=3000), num=st.integers(min_value=1, max_value=30))
@settings(max_examples=20, deadline=None)
async def test_no_search_result_is_longer_than_the_cap(size: int, num: int) -> None:
    hit = text_hit("u" * size, snippet="s" * size).model_copy(update={"title": "t" * size})
    world = TinyWorld(find_text=lambda _: [hit] * num)
    limits = ToolLimits(result_chars=4000, hits_per_query=30)
    observation = await use("search", world, {"query": ["a" * 900, "b"]}, limits=limits)
    assert len(text_of(observation)) <= 4000


# ------------------------------------------------------------------------------------------ visit


async def test_visit_lays_out_evidence_summary_and_pictures() -> None:
    world = TinyWorld(
        pages={
            f"{SITE}/a": a_page_of(
                "The tower was built by Mara Vell.",
                title="Tower",
                body="<time datetime='1999-01-02'></time><figure><img src=/t.png>"
                "<figcaption>The tower</figcaption></figure><img src=/gone.png>",
            )
        },
        pictures={f"{SITE}/t.png": a_picture(seed=5)},
    )
    desk = a_desk(a_picture())
    observation = await use(
        "visit", world, {"url": f"{SITE}/a", "goal": "who built the tower"}, desk=desk
    )
    assert text_of(observation) == (
        f"Page [Tower]({SITE}/a)\nGoal: who built the tower\nPublished: 1999-01-02\n"
        "Evidence in page:\nThe tower was built by Mara Vell.\nThe tower\n"
        "Pictures:\n- img_2: The tower\n\n"
        "Note: no summariser configured: evidence is an extract\n"
        "Note: 1 pictures could not be opened"
    )
    assert desk.context.bank.get("img_2").origin.url == f"{SITE}/t.png"
    [page] = observation.evidence
    assert (page.kind, page.url, page.degraded) == (EvidenceKind.PAGE, f"{SITE}/a", True)


@pytest.mark.pitfall("P25")
async def test_a_long_page_without_a_summariser_stays_short_and_holds_the_fact() -> None:
    filler = "".join(f"<p>Paragraph {n} speaks of weather.</p>" for n in range(30))
    page = a_page_of("", body=f"{filler}<p>The keeper was Ilse Brandt.</p>{filler}")
    world = TinyWorld(pages={f"{SITE}/a": page})
    observation = await use("visit", world, {"url": f"{SITE}/a", "goal": "who was the keeper"})
    assert "The keeper was Ilse Brandt." in text_of(observation)
    assert len(text_of(observation)) < 2000
    assert observation.evidence[0].degraded


async def test_a_page_is_read_on_by_cursor() -> None:
    body = "".join(f"<p>Paragraph {n} {'word ' * 40}</p>" for n in range(30))
    world = TinyWorld(pages={f"{SITE}/a": a_page_of("start", body=body)})
    goal = "paragraph 29"
    short = ToolLimits(page_chars=1)
    first = await use("visit", world, {"url": f"{SITE}/a", "goal": goal}, limits=short)
    second = await use(
        "visit", world, {"url": f"{SITE}/a", "goal": goal, "cursor": "1"}, limits=short
    )
    lost = await use("visit", world, {"url": f"{SITE}/a", "goal": goal, "cursor": 99})
    several = await use(
        "visit", world, {"url": [f"{SITE}/a", f"{SITE}/b"], "goal": goal, "cursor": "1"}
    )
    assert "More of this page: cursor 1" in text_of(first)
    assert "More of this page: cursor 2" in text_of(second)
    assert kind_of(lost) is FailureKind.BAD_ARGS
    assert "windows 0 to" in text_of(lost)
    assert kind_of(several) is FailureKind.BAD_ARGS


@pytest.mark.pitfall("P21")
async def test_the_first_five_pages_are_read_at_the_same_time() -> None:
    world = TinyWorld(num_at_once=5, pages={f"{SITE}/{n}": a_page_of(f"n{n}") for n in range(9)})
    urls: list[JsonValue] = [f"{SITE}/{n}" for n in range(9)]
    observation = await use("visit", world, {"url": urls, "goal": "n"})
    assert [item.url for item in observation.evidence] == urls[:5]
    assert any("4 skipped" in notice for notice in observation.notices)


async def test_a_dead_page_is_told_beside_the_others_and_alone_is_a_failure() -> None:
    world = TinyWorld(pages={f"{SITE}/a": a_page_of("alive")})
    some = await use("visit", world, {"url": [f"{SITE}/gone", f"{SITE}/a"], "goal": "x"})
    none = await use("visit", world, {"url": [f"{SITE}/gone"], "goal": "x"})
    assert kind_of(some) is None
    assert "Page not read: not_found" in text_of(some)
    assert "alive" in text_of(some)
    assert kind_of(none) is FailureKind.NOT_FOUND


@pytest.mark.parametrize(
    ("written", "address"),
    [
        ("https://site.example/a?b=1#c", "https://site.example/a?b=1#c"),
        ("site.example", "https://site.example"),
        ("www.site.example/a/b", "https://www.site.example/a/b"),
        ("site.example:8080/x", "https://site.example:8080/x"),
        ("/etc/passwd", None),
        ("file:///etc/passwd", None),
        ("C:\\windows\\win.ini", None),
        ("./page.html", None),
        ("../a", None),
        ("~/.ssh/id", None),
        ("data/page", None),
        ("img_1", None),
        ("javascript:alert(1)", None),
        ("data:text/html,x", None),
        ("ftp://site.example/a", None),
        ("http:///etc/passwd", None),
        ("https://user:pass@site.example/", None),
        ("http://[torn", None),
        ("https://site.example/a b", None),
        ("", None),
    ],
)
def test_an_address_is_http_and_a_bare_host_gets_a_scheme(
    written: str, address: str | None
) -> None:
    assert web_address(written) == address


async def test_paths_are_refused_and_the_message_says_what_a_url_is() -> None:
    world = TinyWorld(pages={f"{SITE}/a": a_page_of("alive")})
    refused = await use("visit", world, {"url": ["/etc/passwd", "img_1"], "goal": "x"})
    mixed = await use("visit", world, {"url": ["/etc/passwd", f"{SITE}/a"], "goal": "x"})
    assert kind_of(refused) is FailureKind.BAD_ARGS
    assert "https://site.example/page" in text_of(refused)
    assert kind_of(mixed) is None
    assert any("/etc/passwd" in notice for notice in mixed.notices)
    assert [what for what in world.asked if "etc" in what] == []


@pytest.mark.pitfall("P19")
async def test_a_summariser_that_sees_gets_the_pages_pictures() -> None:
    world = TinyWorld(
        pages={f"{SITE}/a": a_page_of("x", body="<img src=/1.png><img src=/2.png>")},
        pictures={
            f"{SITE}/1.png": a_picture(width=32, height=32, seed=1),
            f"{SITE}/2.png": a_picture(width=31, height=90, seed=2),
        },
    )
    reader = RecordingSummariser()
    await use("visit", world, {"url": f"{SITE}/a", "goal": "x"}, summariser=reader)
    [request] = reader.requests
    assert [picture.ref.width for picture in request.page_images] == [32]


@given(words=st.text(max_size=30))
@settings(max_examples=25, deadline=None)
async def test_words_of_pages_hits_and_calls_are_never_trusted(words: str) -> None:
    evil = f"EVIL{words}"
    html = evil.replace("<", "&lt;").replace("\x00", "").encode("utf-8", "replace").decode()
    hit = text_hit("EVIL", snippet=evil, published=evil).model_copy(update={"title": evil})
    page = a_page_of(html, title=html, body=f"<img src=/1.png alt='EVIL'><p>{html}</p>")
    world = TinyWorld(
        find_text=lambda _: [hit],
        pages={f"{SITE}/EVIL": page},
        pictures={f"{SITE}/1.png": a_picture()},
    )
    observations = [
        await use("search", world, {"query": [evil, "x"]}),
        await use("search", TinyWorld(), {"query": [evil]}),
        await use("visit", world, {"url": [f"{SITE}/EVIL", f"{SITE}/EVIL2", evil], "goal": evil}),
        await use("visit", world, {"url": evil + "/", "goal": evil}),
        await use("visit", world, {"url": SITE, "goal": "g", evil: evil}),
    ]
    for observation in observations:
        assert "EVIL" in text_of(observation)
        assert "EVIL" not in trusted_text(observation.parts)


async def test_a_goal_is_met_deep_in_a_long_page_and_its_words_have_their_place() -> None:
    body = "".join(f"<p>Paragraph {n} {'word ' * 40}</p>" for n in range(30))
    page = a_page_of("start", body=f"{body}<p>The <b>keeper</b> was <a href=/i>Ilse</a>.</p>")
    world = TinyWorld(pages={f"{SITE}/a": page})
    arguments: dict[str, JsonValue] = {"url": f"{SITE}/a", "goal": "who was the keeper"}
    observation = await use("visit", world, arguments)
    [evidence] = observation.evidence
    assert "Ilse" in evidence.snippet
    assert "More of this page" not in text_of(observation)
    [quote] = [quote for quote in evidence.quotes if "Ilse" in quote.text]
    assert quote.cursor is not None
    window = await world.read(f"{SITE}/a", cursor=quote.cursor)
    assert window.markdown[quote.start : quote.end] == quote.text


async def test_names_in_what_was_read_come_with_their_links() -> None:
    body = "<p>Hank <a href=/crawford>Crawford</a> played; so did <a href=/x>Ed</a>.</p>"
    page = a_page_of("x", body=f"{body}<p>An <a href=/other>unrelated</a> word.</p>" * 3)
    world = TinyWorld(pages={f"{SITE}/a": page})
    observation = await use("visit", world, {"url": f"{SITE}/a", "goal": "who played"})
    said = text_of(observation)
    assert said.count(f"- [Crawford]({SITE}/crawford)") == 1
    assert "[Ed]" not in said.partition("Links:")[2], "too short to be told from any word"


async def test_a_page_is_read_as_far_as_the_limit_and_goes_on_behind_it() -> None:
    body = "".join(f"<p>Paragraph {n} {'word ' * 40}</p>" for n in range(30))
    world = TinyWorld(pages={f"{SITE}/a": a_page_of("start", body=body)})
    whole, cursor = "", None
    for _ in range(20):
        arguments: dict[str, JsonValue] = {"url": f"{SITE}/a", "goal": "word", "cursor": cursor}
        observation = await use("visit", world, arguments, limits=ToolLimits(page_chars=3_000))
        whole += text_of(observation)
        if "More of this page: cursor " not in text_of(observation):
            break
        cursor = text_of(observation).partition("More of this page: cursor ")[2].split()[0]
    assert cursor is not None
    last = await use("visit", world, {"url": f"{SITE}/a", "goal": "paragraph 29", "cursor": cursor})
    assert "Paragraph 29" in text_of(last)


@dataclass(kw_only=True)
class StoppingWorld(TinyWorld):
    """Gives one window of a page, and then something else for ever."""

    then: str | BoundaryError = ""
    num_reads: int = 0

    @override
    async def read(self, url: str, *, cursor: str | None = None) -> Page:
        self.num_reads += 1
        if cursor is not None and isinstance(self.then, BoundaryError):
            raise self.then
        text = "The keeper was Ilse." if cursor is None else str(self.then)
        number = self.num_reads
        await asyncio.sleep(0)
        return Page(url=url, final_url=url, title="T", markdown=text, cursor=str(number))


@pytest.mark.parametrize(
    "failure",
    [
        BudgetExceededError("the cap of 1 page_read calls is reached"),
        WorldError(FailureKind.UPSTREAM, "gone"),
    ],
)
async def test_what_was_read_is_kept_when_reading_ahead_fails(failure: BoundaryError) -> None:
    world = StoppingWorld(then=failure)
    observation = await use("visit", world, {"url": f"{SITE}/a", "goal": "who was the keeper"})
    assert "Ilse" in text_of(observation)
    assert "cursor 1" in text_of(observation), "the rest is there to be asked for"


@pytest.mark.timeout(5)
async def test_a_page_of_endless_empty_windows_is_left() -> None:
    world = StoppingWorld(then="")
    observation = await use("visit", world, {"url": f"{SITE}/a", "goal": "who was the keeper"})
    assert "Ilse" in text_of(observation)
    assert world.num_reads == 2
