import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.builders import an_image_ref
from vision_deepresearch.agent.support import MAX_PASSAGE_CHARS, find_support
from vision_deepresearch.core.bank import BankEntry, Origin
from vision_deepresearch.core.content import Message, Role, ToolCall, trusted, untrusted
from vision_deepresearch.core.errors import FailureKind
from vision_deepresearch.core.geometry import Box
from vision_deepresearch.core.observation import Evidence, EvidenceKind, Observation, Quote, Region
from vision_deepresearch.core.trajectory import (
    CallRecord,
    Support,
    SupportKind,
    SupportSource,
    Turn,
)

BOX = Box(x0=0.25, y0=0.25, x1=0.5, y1=0.5)


def a_turn(*found: Evidence, index: int = 0, shown: str | None = None, crop: bool = False) -> Turn:
    """A turn with one result that shows titles and snippets, or `shown` instead."""
    text = shown
    if text is None:
        text = "\n\n".join(f"[{one.title}]({one.url})\n{one.snippet}" for one in found)
    region = Region(
        handle="img_1", box=BOX, scale=1.0, searched=BOX, crop=an_image_ref(), crop_handle="img_2"
    )
    observation = Observation(
        parts=(trusted("results\n"), untrusted(text)),
        evidence=found,
        regions=(region,) if crop else (),
    )
    call = ToolCall(id="t0c0", name="crop_and_search", arguments={"image_id": "img_1"})
    return Turn(
        index=index,
        reply=Message(role=Role.ASSISTANT, parts=()),
        calls=(CallRecord(call=call, observation=observation, seconds=0.0),),
    )


def a_page(snippet: str, *, url: str = "https://a.example", title: str = "A page") -> Evidence:
    return Evidence(kind=EvidenceKind.PAGE, url=url, title=title, snippet=snippet)


def the_support(answer: str, *turns: Turn) -> Support:
    (one,) = find_support(answer, turns=turns)
    return one


def test_a_passage_is_the_words_around_the_answer_with_its_source() -> None:
    text = f"{'Earlier things. ' * 40}The founder was born in OSTREL in 1887.{' Later.' * 60}"
    one = the_support("Ostrel", a_turn(a_page("nothing")), a_turn(a_page(text), index=1))
    assert (one.kind, one.url, one.title, one.turn) == (
        SupportKind.PASSAGE,
        "https://a.example",
        "A page",
        1,
    )
    assert one.passage is not None
    assert "born in OSTREL in 1887" in one.passage
    assert len(one.passage) <= MAX_PASSAGE_CHARS
    assert one.passage in text
    assert not one.passage[0].isspace()


@pytest.mark.parametrize(
    ("answer", "text", "is_held"),
    [
        ("No", "A town in Norway.", False),
        ("Art", "The Artist left.", False),
        ("12", "in 2012", False),
        ("12", "about 3.12 m", False),
        ("12", "about 12.5 m", False),
        ("12", "there were 12.", True),
        ("1.75", "1 75", False),
        ("1.75 m", "It is 1.75 m long.", True),
        ("-5", "at 5 degrees", False),
        ("-5", "at -5 degrees", True),
        ("Saint-Malo", "in saint malo", True),
        ("Łódź", "the mills of Łódź", True),
        ("大阪", "本社は大阪市にある", True),
        ("서울", "그는 서울에서 태어났다", True),
        ("「大阪」", "本社は大阪市にある", True),
        ("**Ostrel**.", "born in Ostrel", True),
        ("???", "what ???", False),
    ],
)
def test_words_are_matched_whole_and_scripts_without_spaces_inside(
    answer: str,
    text: str,
    is_held: bool,  # noqa: FBT001 - a table
) -> None:
    found = find_support(answer, turns=[a_turn(a_page(text))])
    assert any(one.kind is SupportKind.PASSAGE for one in found) is is_held


def a_hit(snippet: str, *, url: str = "https://hit.example", title: str = "T") -> Evidence:
    return Evidence(kind=EvidenceKind.TEXT_HIT, url=url, title=title, snippet=snippet)


def test_the_pages_own_words_go_first_and_a_models_words_last() -> None:
    text = "She was born in Ostrel."
    quote = Quote(text="She was **born** in [Ostrel](/o).", start=40, end=73, cursor="2")
    quoted = a_page(text, url="https://quoted.example").model_copy(update={"quotes": (quote,)})
    extract = a_page(text, url="https://extract.example").model_copy(update={"degraded": True})
    summary = a_page(text, url="https://summary.example")
    image = Evidence(kind=EvidenceKind.IMAGE_HIT, url="https://image.example", title="Ostrel")
    turns = [a_turn(one) for one in (image, summary, a_hit(text), extract, quoted)]
    found = [the_support("Ostrel", *turns[:number]) for number in (5, 4, 3, 2, 1)]
    assert [(one.source, one.url) for one in found] == [
        (SupportSource.PAGE, "https://quoted.example"),
        (SupportSource.EXTRACT, "https://extract.example"),
        (SupportSource.SNIPPET, "https://hit.example"),
        (SupportSource.SUMMARY, "https://summary.example"),
        (SupportSource.CAPTION, "https://image.example"),
    ]
    assert [one.quote for one in found] == [quote, None, None, None, None]


def test_later_goes_before_earlier() -> None:
    early, late = (a_page("in Ostrel", url=f"https://{name}.example") for name in ("early", "late"))
    turns = (a_turn(early), a_turn(late, index=1))
    assert the_support("Ostrel", *turns).url == "https://late.example"


def test_a_quote_is_passed_on_as_the_evidence_shows_it() -> None:
    quote = Quote(text='["Hank" Crawford](/h) was born in _Memphis_[3].', start=0, end=48)
    shown = 'Earlier. "Hank" Crawford was born in Memphis. He died in 2009.\nA summary: Memphis.'
    page = a_page(shown).model_copy(update={"quotes": (quote,)})
    one = the_support("Hank Crawford was born in Memphis.", a_turn(page))
    assert one.quote == quote
    assert one.passage == '"Hank" Crawford was born in Memphis.'
    assert the_support("He died in 2009.", a_turn(page)).quote is None
    assert the_support("He died in 2009.", a_turn(page)).source is SupportSource.SUMMARY


def test_a_quote_that_was_cut_away_backs_nothing() -> None:
    quote = Quote(text="She was born in Ostrel.", start=0, end=23)
    page = a_page("She was born in Ostrel.").model_copy(update={"quotes": (quote,)})
    assert the_support("Ostrel", a_turn(page, shown="...")).kind is SupportKind.UNSUPPORTED


@pytest.mark.parametrize("label", ["match", "possible", "visually similar", None])
def test_what_a_picture_shows_is_backed_by_the_match_of_its_box(label: str | None) -> None:
    hit = Evidence(
        kind=EvidenceKind.IMAGE_HIT,
        url="https://p.example",
        title="Heron Guild of Vey - emblem register",
        region=0,
        label=label,
    )
    one = the_support(
        "The emblem on the banner is that of the Heron Guild of Vey.", a_turn(hit, crop=True)
    )
    if label == "visually similar":
        assert one.kind is SupportKind.UNSUPPORTED
    else:
        assert (one.kind, one.handle, one.box) == (SupportKind.PICTURE, "img_1", BOX)
        assert (one.url, one.source) == ("https://p.example", SupportSource.CAPTION)
    for wrong in (
        "The emblem on the banner is not that of the Heron Guild of Vey.",
        "The emblem on the banner is that of the Otter Guild of Vey.",
        "The emblem of the Heron Guild of Vey was drawn in 1902.",
        "The Heron Guild of Vey was founded by rope makers.",
    ):
        assert the_support(wrong, a_turn(hit, crop=True)).kind is SupportKind.UNSUPPORTED


def test_a_picture_that_matches_supports_with_its_box() -> None:
    hit = Evidence(
        kind=EvidenceKind.IMAGE_HIT, url="https://p.example", title="Ostrel tower", region=0
    )
    one = the_support("Ostrel tower", a_turn(hit, crop=True))
    assert (one.kind, one.handle, one.box) == (SupportKind.PICTURE, "img_1", BOX)


def test_a_whole_image_hit_names_the_picture_that_was_asked_with() -> None:
    hit = Evidence(kind=EvidenceKind.IMAGE_HIT, url="https://p.example", title="Ostrel tower")
    bank = [BankEntry(handle="img_1", ref=an_image_ref(), origin=Origin(kind="given"))]
    (one,) = find_support("Ostrel tower", turns=[a_turn(hit)], bank=bank)
    assert (one.handle, one.box) == ("img_1", None)
    (one,) = find_support("Ostrel tower", turns=[a_turn(hit)])
    assert one.handle is None


def test_what_was_cut_away_supports_nothing() -> None:
    page = a_page("The founder was born in Ostrel.")
    assert the_support("Ostrel", a_turn(page, shown="The founder was")).kind is (
        SupportKind.UNSUPPORTED
    )
    partly = the_support("Ostrel", a_turn(page, shown="born in Ostrel."))
    assert partly.passage == "Ostrel"


def test_our_own_words_support_nothing() -> None:
    assert the_support("results", a_turn(a_page("x"))).kind is SupportKind.UNSUPPORTED


def test_text_without_evidence_supports_without_a_source() -> None:
    one = the_support("Ostrel", a_turn(shown="stdout: Ostrel"))
    assert (one.kind, one.url, one.passage) == (SupportKind.PASSAGE, None, "stdout: Ostrel")


@pytest.mark.parametrize(
    "observation",
    [
        Observation(parts=(trusted("No hits, try other words than: "), untrusted("Ostrel town"))),
        Observation(parts=(trusted("3 hits for: "), untrusted("Ostrel town and its ..."))),
        Observation.failed(FailureKind.BAD_ARGS, "unknown image_id 'Ostrel'"),
        Observation(
            parts=(trusted("Note: "), untrusted("not visited: 'Ostrel'")),
            notices=("not visited: 'Ostrel'",),
        ),
    ],
    ids=["query", "cut-query", "failure", "notice"],
)
def test_the_models_own_words_repeated_by_a_result_support_nothing(
    observation: Observation,
) -> None:
    query = "Ostrel  town and its mills, founded by whom and when"
    call = ToolCall(id="t0c0", name="search", arguments={"query": [query], "limits": {"n": 1}})
    turn = Turn(
        index=0,
        reply=Message(role=Role.ASSISTANT, parts=()),
        calls=(CallRecord(call=call, observation=observation, seconds=0.0),),
    )
    assert the_support("Ostrel", turn).kind is SupportKind.UNSUPPORTED


def test_a_sentence_is_held_by_a_passage_with_all_its_names_and_figures() -> None:
    page = a_page("In 1889 the tower by Gustave Eiffel was opened. Another: Adolf Loos, 1910.")
    answer = (
        "The tower was opened by Gustave Eiffel in the year 1889. "
        "It was then sold to Adolf Loos in the autumn of 1911."
    )
    first, second = find_support(answer, turns=[a_turn(page)])
    assert first.kind is SupportKind.PASSAGE
    assert second.kind is SupportKind.UNSUPPORTED


def test_no_answer_has_no_support() -> None:
    assert find_support(None, turns=[]) == ()
    assert find_support("  ", turns=[]) == ()
    assert find_support("I could not find the town on any page.", turns=[]) == ()
    assert the_support("Ostrel").kind is SupportKind.UNSUPPORTED


WORDS = st.lists(st.sampled_from(["Ostrel", "Lamp", "1887", "大阪", "a", "the.", "\n", "x-y"]))


@given(st.lists(WORDS, min_size=1, max_size=4), WORDS)
def test_a_passage_is_always_a_piece_of_something_observed(
    snippets: list[list[str]], answer: list[str]
) -> None:
    turns = [a_turn(a_page(" ".join(words)), index=index) for index, words in enumerate(snippets)]
    observed = [" ".join(words) for words in snippets] + ["A page"]
    observed += [
        part.text
        for turn in turns
        for part in turn.calls[0].observation.parts
        if part.kind == "text"
    ]
    for one in find_support(" ".join(answer), turns=turns):
        if one.kind is SupportKind.UNSUPPORTED:
            assert one.passage is None
        else:
            assert one.passage
            assert any(one.passage in text for text in observed)


def test_a_passage_is_whole_sentences_where_they_fit() -> None:
    text = (
        "Panes were put in for the normal glass.[16][17] The speeding car caused $7,650 in damages "
        "to the building.[16] Interior shots of the elevator were made in a sound stage."
    )
    support = the_support("The speeding car caused $7,650 in damages.", a_turn(a_page(text)))
    assert support.passage == "The speeding car caused $7,650 in damages to the building."
