"""Every prompt file against every kind of bad reply: a repaired result, or one reject with its reason.

The tables name all prompt files: a new one without its case fails the last test.
"""

import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from importlib.resources import files

import pytest
from pydantic import JsonValue

from tests.builders import a_task
from tests.models.openai_double import Reply, Step
from tests.synth.player import CRITERIA
from tests.synth.roles.cases import PAGES, WHERE, Stage, asked, said, texts_of
from tests.synth.roles.test_text_prompted import (
    A_PAGE,
    A_PLACE,
    NAMED,
    PAGES_WITH_TOLM,
    RENAMED,
    topics_of,
)
from tests.synth.roles.test_trajectories_prompted import ASKED, CALLED, GAVE, SEEN
from tests.synth.roles.test_vqa_prompted import SPOTTED
from tests.synth.roles.test_walks_prompted import CHAIN, REPLACED, candidates, chained, propose
from vision_deepresearch.core.context import CallContext
from vision_deepresearch.core.protocols import ModelClient
from vision_deepresearch.synth.carry_out import carry_out
from vision_deepresearch.synth.roles.trajectories_prompted import (
    PromptedDescriber,
    PromptedHitJudge,
)
from vision_deepresearch.synth.roles.vqa import Exam
from vision_deepresearch.synth.roles.vqa_prompted import (
    PromptedQuestioner,
    PromptedSelector,
    PromptedSpotter,
)
from vision_deepresearch.synth.roles.vqa_prompted_validator import PromptedValidator
from vision_deepresearch.synth.roles.vqa_prompted_verifier import PromptedVerifier
from vision_deepresearch.synth.roles.vqa_prompted_walks import PromptedChooser, PromptedObfuscator
from vision_deepresearch.synth.stage import EachStage, Kept, each_stage
from vision_deepresearch.synth.vqa_records import Move, Photo

Ask = Callable[[Stage, ModelClient, CallContext], Awaitable[object]]


@dataclass(frozen=True)
class Case:
    """A role asked with a fixed case, and a good reply to it."""

    ask: Ask
    good: str


async def _choose(stage: Stage, model: ModelClient, context: CallContext) -> object:
    (one,) = await propose(stage.draft, stage, candidates(CHAIN))
    return await PromptedChooser(model).choose(stage.draft, [one], move=Move.CHAIN, context=context)


def _propose(
    stage: Stage, model: ModelClient, context: CallContext, move: Move
) -> Awaitable[object]:
    draft = stage.draft if move is Move.CHAIN else chained(stage)
    return PromptedObfuscator(model).propose(
        draft, PAGES, stage.picture, move=move, then=(), count=2, context=context
    )


def _keywords(stage: Stage, model: ModelClient, at: CallContext, move: Move) -> Awaitable[object]:
    return PromptedObfuscator(model).keywords(stage.draft, move=move, context=at)


VIEW: JsonValue = {"shows_same": [1], "name": "Kvarn Gate"}
QUERIES = said({"queries": ["Kvarn Gate"]})
ANSWER = said({"answer": "Ilse Tolm"})
CASES: dict[str, Case] = {
    "select_picture": Case(
        lambda s, m, at: PromptedSelector(m).select(s.photo, s.picture, context=at),
        said({"criteria": dict.fromkeys(CRITERIA, True), "reason": "A harbour."}),
    ),
    "spot_things": Case(
        lambda s, m, at: PromptedSpotter(m).spot(s.photo, s.picture, limit=3, context=at), SPOTTED
    ),
    "recognise_thing": Case(
        lambda s, m, at: PromptedVerifier(m, media=s.media).recognise(
            s.region, s.views, s.picture, context=at
        ),
        said({"views": [VIEW, VIEW], "aliases": []}),
    ),
    "ask_name": Case(
        lambda s, m, at: PromptedQuestioner(m, media=s.media).ask(s.subject, s.picture, context=at),
        said({"question": f"What is the name of the gate {WHERE}?", "where": WHERE}),
    ),
    "keywords_chain": Case(lambda s, m, at: _keywords(s, m, at, Move.CHAIN), QUERIES),
    "keywords_replace": Case(lambda s, m, at: _keywords(s, m, at, Move.REPLACE), QUERIES),
    "propose_chain": Case(lambda s, m, at: _propose(s, m, at, Move.CHAIN), candidates(CHAIN)),
    "propose_replace": Case(
        lambda s, m, at: _propose(s, m, at, Move.REPLACE), candidates(REPLACED)
    ),
    "choose_candidate": Case(_choose, said({"index": 1, "reason": "It is stated."})),
    "answer_blind": Case(
        lambda s, m, at: PromptedValidator(m).answer(Exam(draft=s.draft, picture=None), context=at),
        ANSWER,
    ),
    "answer_from_pages": Case(
        lambda s, m, at: PromptedValidator(m).answer(
            Exam(draft=s.draft, picture=None, findings=PAGES), context=at
        ),
        ANSWER,
    ),
    "object_to_question": Case(
        lambda s, m, at: PromptedValidator(m).objections(s.draft, PAGES, context=at),
        said({"objections": [{"reason": "unnatural", "detail": "Hm."}]}),
    ),
    "judge_hit": Case(
        lambda _, m, at: PromptedHitJudge(m).is_hit(a_task(), (ASKED, CALLED, GAVE), context=at),
        said({"reason": "It stands in a title.", "is_hit": True}),
    ),
    "describe_picture": Case(
        lambda s, m, at: PromptedDescriber(m).describe(a_task(), [s.picture], context=at),
        said({"description": SEEN}),
    ),
    "find_topic": Case(
        lambda _, m, at: topics_of(m).find(A_PLACE, A_PAGE, context=at),
        said({"name": "Kvarn Gate", "aliases": ["Old Gate"]}),
    ),
    "replace_named": Case(
        lambda _, m, at: PromptedObfuscator(m, is_named=True).propose(
            NAMED, PAGES_WITH_TOLM, None, move=Move.REPLACE, then=(), count=2, context=at
        ),
        candidates(RENAMED),
    ),
}
ELSEWHERE = {
    "ask_again": "every repair below",
    "visual_phase": "tests/cli/test_synth_models.py",
    "text_phase": "tests/cli/test_synth_models.py",
    "without_picture": "an addition to other prompts: tests/synth/roles/test_text_prompted.py",
    "verify_evidence": "an addition to text_phase: tests/wiring/test_trajectories_prompted.py",
}
"""Prompts that no role reads a reply to by itself, and where they are exercised."""

FAULTS: dict[str, Callable[[str], Step]] = {
    "empty": lambda _: "",
    "nothing": lambda _: Reply(text=None),
    "refusal in words": lambda _: "I'm sorry, but I can't help with that.",
    "overlong": lambda good: good + " " * 30_000,
    "cut": lambda good: Reply(text=good[:20], finish="length"),
    "torn": lambda good: good[:-1],
    "no object": lambda _: '["things"]',
    "two objects": lambda good: good + '\n{"other": 1}',
    "unknown key": lambda good: said({**json.loads(good), "note": "x"}),
    "no keys": lambda _: "{}",
    "wrong types": lambda good: said({key: {"a": 1} for key in json.loads(good)}),
}
REFUSALS = (Reply(text=None, refusal="No."), Reply(text="", finish="content_filter"))


def _stage(case: Case, stage: Stage, model: ModelClient, made: list[object]) -> EachStage:
    async def apply(photo: Photo, context: CallContext) -> Kept[Photo]:
        made.append(await case.ask(stage, model, context))
        return Kept((photo,))

    return each_stage(apply, name="ask", takes=Photo, gives=Photo)


async def _play(case: Case, *steps: Step) -> tuple[list[object], str, int, str]:
    """What came of it: result, reason of a reject, requests, the last request's words."""
    stage, made = Stage(), list[object]()
    async with asked(stage, list(steps)) as (model, server):
        done = await carry_out(
            _stage(case, stage, model, made), stage.photo, budget=stage.context.budget
        )
        assert not done.outage
        assert bool(done.made) != bool(done.reason)
        return made, done.reason, server.num_requests, texts_of(server.requests[-1])


@pytest.mark.parametrize("name", list(CASES))
async def test_a_bad_reply_is_repaired_or_costs_one_record(name: str) -> None:
    case = CASES[name]
    (whole,), *_ = await _play(case, case.good)
    kinds = list(FAULTS)
    for place, kind in enumerate(kinds):
        bad = FAULTS[kind](case.good)
        made, reason, num, told = await _play(case, bad, case.good)
        assert (made, reason, num) == ([whole], "", 2), kind
        assert "Your reply could not be used: " in told, kind
        if place % 2 == 0:  # the other kinds come as the second reply
            worse = FAULTS[kinds[place - 1]](case.good)
            made, reason, num, _ = await _play(case, bad, worse)
            assert (made, reason, num) == ([], "bad_reply", 2), kind


@pytest.mark.parametrize("name", list(CASES))
async def test_a_refusal_costs_one_record_at_once(name: str) -> None:
    for refusal in REFUSALS:
        made, reason, num, _ = await _play(CASES[name], refusal)
        assert (made, reason, num) == ([], "refused", 1)


def test_every_prompt_file_has_its_case() -> None:
    folder = files("vision_deepresearch.synth") / "prompts"
    there = {one.name.removesuffix(".md") for one in folder.iterdir() if one.name.endswith(".md")}
    assert there == {*CASES, *ELSEWHERE}, "give the new prompt a case in one of the tables"
