"""Questions without a picture by a model: what is believed of a topic and of a step before the start."""

import pytest
from pydantic import JsonValue

from tests.synth.roles.cases import PAGES, Stage, asked, said, texts_of
from tests.synth.roles.test_walks_prompted import CHAIN, candidates
from vision_deepresearch.core.errors import ModelError
from vision_deepresearch.core.observation import Evidence, EvidenceKind
from vision_deepresearch.core.page import Page, PageLink
from vision_deepresearch.core.proof import Hop, HopKind
from vision_deepresearch.core.protocols import ModelClient
from vision_deepresearch.core.task import Gold
from vision_deepresearch.synth.prompt_files import prompt_named
from vision_deepresearch.synth.roles.vqa_prompted_text import WITHOUT_PICTURE, PromptedTopics
from vision_deepresearch.synth.roles.vqa_prompted_validator import PromptedValidator
from vision_deepresearch.synth.roles.vqa_prompted_walks import PromptedChooser, PromptedObfuscator
from vision_deepresearch.synth.vqa_records import Candidate, Draft, Finding, Move, Source, Topic

A_PLACE = Source(id="t1", ref="Kvarn Gate")
A_PAGE = Page(
    url=PAGES[0].url,
    final_url=PAGES[0].url,
    title="Kvarn Gate - A Wiki",
    markdown="Kvarn Gate, also Old Gate, was designed by Ilse Tolm.",
)
TOLM = Finding(
    query="",
    url="https://a.example/tolm",
    title="Ilse Tolm - A Wiki",
    text="The only gate by Ilse Tolm is Kvarn Gate. Olaf Brand was her nephew.",
)
SEED = Draft(
    id="t1.0",
    subject=Topic(id="t1", name="Kvarn Gate", aliases=("Old Gate",), page=PAGES[0].url),
    seed_question="Which thing is called Kvarn Gate?",
    question="Which thing is called Kvarn Gate?",
    gold=Gold(answers=("Kvarn Gate", "Old Gate")),
    hops=(Hop(id="h1", kind=HopKind.GIVEN, expected="Kvarn Gate", pages=(PAGES[0].url,)),),
    strata={"hops": "0", "shape": "seed"},
)
NAMED = SEED.model_copy(
    update={
        "question": "When did the arch that Kvarn Gate replaced fall?",
        "gold": Gold(answers=("1871",)),
        "hops": (
            *SEED.hops,
            Hop(id="h2", kind=HopKind.FOLLOW, subject="h1", expected="Stone Arch"),
            Hop(id="h3", kind=HopKind.FOLLOW, subject="h2", expected="1871"),
        ),
        "entities": ("Stone Arch",),
        "strata": {"hops": "2", "path": "replaced > fell in"},
    }
)
RENAMED: dict[str, JsonValue] = {
    "evidence": 1,
    "relation": "designer of",
    "quote": "It was designed by Ilse Tolm, the mayor's aunt.",
    "value": "Ilse Tolm",
    "old": "Kvarn Gate",
    "new": "the gate designed by Ilse Tolm",
}
LINKING = PAGES[0].model_copy(update={"links": (PageLink(url=TOLM.url, text="Ilse Tolm"),)})
PAGES_WITH_TOLM = (LINKING, PAGES[1], TOLM)


class Words:
    """A search that knows one page by its name."""

    async def search_text(self, query: str, *, limit: int) -> list[Evidence]:
        hit = Evidence(kind=EvidenceKind.TEXT_HIT, url=PAGES[0].url, title=PAGES[0].title)
        return [hit][:limit] if query == PAGES[0].title else []


def topics_of(model: ModelClient) -> PromptedTopics:
    places = ["Kvarn Gate", "https://x.example/", "Kvarn Gate", "nothing"]
    return PromptedTopics(model, places=lambda n: places[:n], search=Words(), licence="CC0-1.0")


async def rename(*replies: str) -> tuple[Candidate, ...]:
    stage = Stage()
    async with asked(stage, list(replies)) as (model, server):
        found = await PromptedObfuscator(model, is_named=True).propose(
            NAMED,
            PAGES_WITH_TOLM,
            None,
            move=Move.REPLACE,
            then=(),
            count=2,
            context=stage.context,
        )
        assert server.num_requests == len(replies)
    return found


async def test_places_are_addresses_or_words_each_once() -> None:
    stage = Stage()
    async with asked(stage, []) as (model, _):
        topics = topics_of(model)
        first, address, nothing = topics.sources(4)
        assert len(topics.sources(1)) == 1
        assert await topics.address(first) == PAGES[0].url
        assert await topics.address(address) == "https://x.example/"
        assert await topics.address(nothing) is None


async def test_a_topic_is_named_as_its_title_names_it() -> None:
    stage = Stage()
    good = said({"name": "Kvarn Gate", "aliases": ["Old Gate", "Gate of Nobody"]})
    wrong = said({"name": "Stone Arch", "aliases": []})
    async with asked(stage, [wrong, good, said({"name": None, "aliases": []})]) as (model, server):
        topic = await topics_of(model).find(A_PLACE, A_PAGE, context=stage.context)
        assert topic is not None
        assert (topic.name, topic.aliases) == ("Kvarn Gate", ("Old Gate",))
        assert "does not stand in the title" in texts_of(server.requests[1])
        assert await topics_of(model).find(A_PLACE, A_PAGE, context=stage.context) is None


async def test_the_first_chain_asks_of_what_is_named() -> None:
    stage = Stage()
    good = {**CHAIN, "question": "Who designed Kvarn Gate?"}
    nameless = {**CHAIN, "question": "Who designed the gate?"}
    async with asked(stage, [candidates(nameless), candidates(good)]) as (model, server):
        (one,) = await PromptedObfuscator(model, is_named=True).propose(
            SEED, PAGES, None, move=Move.CHAIN, then=(), count=2, context=stage.context
        )
        assert "lost the words 'Kvarn Gate'" in texts_of(server.requests[1]).replace("\u2019", "'")
        assert prompt_named(WITHOUT_PICTURE).text in texts_of(server.requests[0])
    assert one.question == good["question"]
    assert one.entities == ("Ilse Tolm",)
    assert [hop.expected for hop in one.hops] == ["Kvarn Gate", "Ilse Tolm"]


async def test_what_was_named_is_said_by_a_thing_that_has_a_page() -> None:
    from_link = RENAMED
    from_title = {
        **RENAMED,
        "evidence": 3,
        "quote": "The only gate by Ilse Tolm is Kvarn Gate.",
        "new": "the only gate by Ilse Tolm",
    }
    both = await rename(candidates(from_link, from_title))
    assert [one.question for one in both] == [
        "When did the arch that the gate designed by Ilse Tolm replaced fall?",
        "When did the arch that the only gate by Ilse Tolm replaced fall?",
    ]
    for one in both:
        given, led_to, *rest = one.hops
        assert (given.kind, given.expected, given.pages) == (
            HopKind.GIVEN,
            "Ilse Tolm",
            (TOLM.url,),
        )
        assert (led_to.id, led_to.kind, led_to.subject) == ("h1", HopKind.FOLLOW, given.id)
        assert (led_to.label, led_to.expected) == ("designer of", "Kvarn Gate")
        assert rest == list(NAMED.hops[1:])
        assert one.gold == NAMED.gold
        assert one.entities == ("Kvarn Gate", "Stone Arch")
        assert (one.strata["hops"], one.strata["obfuscation"]) == ("3", "1")
        assert one.strata["path"] == "designer of > replaced > fell in"


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"quote": "It was designed by nobody."}, "word for word"),
        ({"value": "Karl Tolm", "new": "the gate of Karl Tolm"}, "names 'Karl Tolm'"),
        ({"evidence": 2, "quote": "The mayor was Olaf Brand."}, "names 'Kvarn Gate'"),
        ({"value": "Kvarn", "new": "the gate in Kvarn"}, "on the route already"),
        ({"old": "the arch"}, "old must hold 'Kvarn Gate'"),
        ({"new": "the gate of the mayor's aunt"}, "new must hold 'Ilse Tolm'"),
        ({"new": "Kvarn Gate by Ilse Tolm"}, "the question names 'Kvarn Gate'"),
        ({"new": "the Old Gate by Ilse Tolm"}, "the question names 'Old Gate'"),
        ({"new": "the Stone Arch by Ilse Tolm"}, "the question names 'Stone Arch'"),
        (
            {
                "evidence": 2,
                "quote": "Kvarn Gate replaced the Stone Arch in the old wall.",
                "value": "the old wall",
                "new": "the gate in the old wall",
            },
            "has no page of its own",
        ),
    ],
)
async def test_what_a_step_before_the_start_does_not_prove(
    change: dict[str, JsonValue], told: str
) -> None:
    bad = candidates({**RENAMED, **change})
    with pytest.raises(ModelError, match=told):
        await rename(bad, bad)


async def test_who_chooses_and_objects_is_told_that_there_is_no_picture() -> None:
    stage = Stage()
    (one,) = await rename(candidates(RENAMED))
    replies = [said({"index": 1, "reason": "Good."}), said({"objections": []})]
    async with asked(stage, replies) as (model, server):
        chooser = PromptedChooser(model, is_named=True)
        await chooser.choose(NAMED, [one], move=Move.REPLACE, context=stage.context)
        validator = PromptedValidator(model, is_named=True)
        await validator.objections(NAMED, PAGES, context=stage.context)
        told = prompt_named(WITHOUT_PICTURE)
        assert all(told.text in texts_of(request) for request in server.requests)
        assert chooser.name.count(told.label) == validator.name.count(told.label) == 1
        assert told.label not in PromptedChooser(model).name
