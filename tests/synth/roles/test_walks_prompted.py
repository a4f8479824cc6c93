"""Harder questions by a model: what is believed of its candidates, and what is not."""

from collections.abc import Sequence

import pytest
from pydantic import JsonValue

from tests.synth.roles.cases import PAGES, WHERE, Stage, asked, said, texts_of
from vision_deepresearch.core.errors import FailureKind, ModelError
from vision_deepresearch.core.proof import HopKind
from vision_deepresearch.core.task import AnswerType
from vision_deepresearch.synth.roles.vqa import Choice, Exam
from vision_deepresearch.synth.roles.vqa_prompted_validator import PromptedValidator
from vision_deepresearch.synth.roles.vqa_prompted_walks import PromptedChooser, PromptedObfuscator
from vision_deepresearch.synth.vqa_records import Candidate, Draft, Move

CHAIN: dict[str, JsonValue] = {
    "evidence": 1,
    "relation": "designed by",
    "quote": "It was designed by Ilse Tolm, the mayor's aunt.",
    "answer": "Ilse Tolm",
    "aliases": ["the mayor's aunt", "I. T. Nobody"],
    "answer_type": "name",
    "question": f"Who designed the gate {WHERE}?",
}
REPLACED: dict[str, JsonValue] = {
    "evidence": 1,
    "relation": "built in",
    "quote": "It was built in 1874.",
    "value": "1874",
    "old": f"the gate {WHERE}",
    "new": "the gate in the picture that was built in the 1870s",
}


def candidates(*ones: dict[str, JsonValue]) -> str:
    return said({"candidates": list(ones)})


async def propose(
    draft: Draft,
    stage: Stage,
    *replies: str,
    move: Move = Move.CHAIN,
    then: Sequence[Move] = (),
    count: int = 2,
) -> tuple[Candidate, ...]:
    async with asked(stage, list(replies)) as (model, server):
        found = await PromptedObfuscator(model).propose(
            draft, PAGES, stage.picture, move=move, then=then, count=count, context=stage.context
        )
        assert server.num_requests == len(replies)
    return found


def chained(stage: Stage) -> Draft:
    """The question after the chain."""
    draft = stage.draft
    return draft.model_copy(
        update={
            "question": str(CHAIN["question"]),
            "hops": (
                *draft.hops,
                draft.hops[0].model_copy(update={"id": "h2", "expected": "Ilse Tolm"}),
            ),
            "entities": ("Kvarn Gate", "Ilse Tolm"),
            "strata": {"hops": "1"},
        }
    )


async def test_a_chain_adds_a_step_with_its_page_and_its_sentence() -> None:
    stage = Stage()
    (one,) = await propose(stage.draft, stage, candidates(CHAIN), then=[Move.CHAIN])
    assert one.question == CHAIN["question"]
    assert one.gold.answers == ("Ilse Tolm", "the mayor's aunt"), "aliases stand on the page"
    assert one.gold.type is AnswerType.FREE_TEXT
    look, hop = one.hops
    assert (look.id, hop.id, hop.kind, hop.subject) == ("h1", "h2", HopKind.FOLLOW, "h1")
    assert (hop.label, hop.expected, hop.pages) == ("designed by", "Ilse Tolm", (PAGES[0].url,))
    assert one.entities == ("Kvarn Gate", "Ilse Tolm")
    assert (one.strata["hops"], one.strata["path"]) == ("1", "designed by")
    assert one.evidence == (PAGES[0].url,)
    assert one.memo["quote"] == CHAIN["quote"]
    assert one.constraints == stage.draft.constraints


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"evidence": 3}, "there are 2 pages"),
        ({"evidence": 2}, "not in page 2"),
        (
            {"evidence": 2, "quote": "The mayor was Olaf Brand.", "answer": "Olaf Brand"},
            "neither the title of page 2",
        ),
        ({"quote": "It was designed by Ilse Tolm in a dream."}, "word for word"),
        ({"answer": "Karl Tolm"}, "quoted sentence"),
        ({"answer": "Ilse Tolm", "answer_type": "date"}, "must lead on"),
        ({"question": f"Who designed the gate {WHERE}, Ilse Tolm?"}, "names 'Ilse Tolm'"),
        ({"question": f"Who designed Kvarn Gate, {WHERE}?"}, "names 'Kvarn Gate'"),
        ({"question": "Who designed the gate?"}, "lost the words"),
        ({"question": f"Name the designer of the gate {WHERE}."}, "question mark"),
        (
            {"evidence": 2, "quote": PAGES[1].text, "answer": "Old Wall's Kvarn Gate"},
            "quoted sentence",
        ),
        ({"evidence": 2, "quote": PAGES[1].text, "answer": "Kvarn Gate"}, "on the route already"),
    ],
)
async def test_what_a_chain_does_not_prove_is_told_and_asked_again(
    change: dict[str, JsonValue], told: str
) -> None:
    stage = Stage()
    async with asked(stage, [candidates({**CHAIN, **change}), candidates(CHAIN)]) as (
        model,
        server,
    ):
        (one,) = await PromptedObfuscator(model).propose(
            stage.draft,
            PAGES,
            stage.picture,
            move=Move.CHAIN,
            then=[Move.CHAIN],
            count=2,
            context=stage.context,
        )
        assert one.question == CHAIN["question"]
        assert told in texts_of(server.requests[1]).replace("\u2019", "'")


async def test_of_a_last_try_the_candidates_that_hold_are_kept() -> None:
    stage = Stage()
    bad = {**CHAIN, "quote": "It was never built."}
    both = candidates(bad, CHAIN)
    (one,) = await propose(stage.draft, stage, both, both)
    assert one.question == CHAIN["question"]
    with pytest.raises(ModelError) as error:
        await propose(stage.draft, stage, candidates(bad), candidates(bad))
    assert error.value.kind is FailureKind.BAD_REPLY


async def test_each_candidate_is_from_a_page_of_its_own() -> None:
    stage = Stage()
    twice = candidates(CHAIN, {**CHAIN, "question": f"By whom was the gate {WHERE} designed?"})
    assert len(await propose(stage.draft, stage, twice, twice)) == 1
    assert len(await propose(stage.draft, stage, twice, count=3)) == 2, "two pages, three wanted"


async def test_nothing_to_propose_is_a_result() -> None:
    stage = Stage()
    assert await propose(stage.draft, stage, candidates()) == ()
    assert await propose(stage.draft, stage, move=Move.REPLACE) == (), "nothing follows yet"


async def test_a_replacement_says_the_thing_by_a_fact_and_keeps_the_answer() -> None:
    stage = Stage()
    draft = chained(stage)
    (one,) = await propose(draft, stage, candidates(REPLACED), move=Move.REPLACE)
    assert one.question == "Who designed the gate in the picture that was built in the 1870s?"
    assert one.gold == draft.gold
    assert [hop.id for hop in one.hops] == ["h1", "c1", "h2"]
    assert (one.hops[1].label, one.hops[1].expected) == ("built in", "1874")
    (condition,) = one.constraints
    assert (condition.value, condition.candidates_without) == ("1874", 2)
    assert condition.text in one.question


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"value": "1875"}, "quoted sentence"),
        ({"old": "the tower"}, "exactly once"),
        ({"old": "e"}, "exactly once"),
        ({"new": f"the gate {WHERE}"}, "no new question"),
        ({"new": "the Old Gate"}, "names 'Old Gate'"),
        ({"evidence": 2}, "not in page 2"),
    ],
)
async def test_what_a_replacement_does_not_prove(change: dict[str, JsonValue], told: str) -> None:
    stage = Stage()
    bad = candidates({**REPLACED, **change})
    with pytest.raises(ModelError, match=told):
        await propose(chained(stage), stage, bad, bad, move=Move.REPLACE)


async def test_keywords_are_about_what_is_looked_for() -> None:
    stage = Stage()
    queries = said({"queries": ["Kvarn Gate", "Kvarn Gate", "Kvarn Gate architect"]})
    async with asked(stage, [queries, said({"queries": []}), queries]) as (model, server):
        obfuscator = PromptedObfuscator(model)
        found = await obfuscator.keywords(stage.draft, move=Move.CHAIN, context=stage.context)
        assert found == ("Kvarn Gate", "Kvarn Gate architect")
        await obfuscator.keywords(stage.draft, move=Move.REPLACE, context=stage.context)
        assert server.num_requests == 3, "no query is no reply"


async def test_the_chooser_takes_one_or_none() -> None:
    stage = Stage()
    ones = await propose(stage.draft, stage, candidates(CHAIN))
    replies = [
        said({"index": 1, "reason": "It is stated."}),
        said({"index": None, "reason": "Contrived."}),
        said({"index": 0, "reason": "?"}),
        said({"index": 2, "reason": "?"}),
    ]
    async with asked(stage, replies) as (model, server):
        chooser = PromptedChooser(model)

        async def choose() -> Choice:
            return await chooser.choose(stage.draft, ones, move=Move.CHAIN, context=stage.context)

        assert (await choose()).index == 0
        assert str(CHAIN["quote"]) in texts_of(server.requests[0])
        assert (await choose()).index is None
        with pytest.raises(ModelError, match="there are 1 candidates"):
            await choose()


async def test_a_respondent_sees_the_question_and_never_its_proof() -> None:
    stage = Stage()
    replies = [said({"answer": None}), said({"answer": "Ilse Tolm"})]
    async with asked(stage, replies) as (model, server):
        validator = PromptedValidator(model)
        blind = Exam(draft=chained(stage), picture=None, sample=4)
        assert await validator.answer(blind, context=stage.context) is None
        seeing = Exam(draft=chained(stage), picture=stage.picture, findings=PAGES)
        assert await validator.answer(seeing, context=stage.context) == "Ilse Tolm"
        first, second = (texts_of(request) for request in server.requests)
        assert server.requests[0].body["seed"] == 4
    assert "Ilse" not in first.partition("Case ")[2]
    assert "Kvarn" not in first
    assert "designed by Ilse Tolm" in second
    assert "BEGIN ROUTE" not in second


async def test_objections_are_of_four_kinds() -> None:
    stage = Stage()
    good = said({"objections": [{"reason": "not_unique", "detail": "Two gates stand there."}]})
    odd = said({"objections": [{"reason": "boring", "detail": "Hm."}]})
    async with asked(stage, [odd, good, said({"objections": []})]) as (model, server):
        validator = PromptedValidator(model)
        (one,) = await validator.objections(chained(stage), PAGES, context=stage.context)
        assert (one.reason, one.detail) == ("not_unique", "Two gates stand there.")
        assert "BEGIN ROUTE" in texts_of(server.requests[0])
        assert await validator.objections(stage.draft, (), context=stage.context) == ()
