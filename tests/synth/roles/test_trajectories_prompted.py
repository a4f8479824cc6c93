"""The hit judge and the describer: what they are shown, what they may say."""

import pytest

from tests.builders import a_task
from tests.models.openai_double import Reply
from tests.models.openai_replay import pictures_of
from tests.synth.roles.cases import Stage, asked, said, texts_of
from vision_deepresearch.core.content import Message, Role, trusted, untrusted
from vision_deepresearch.core.context import SpendKind
from vision_deepresearch.core.errors import FailureKind, ModelError
from vision_deepresearch.core.task import AnswerType, Task
from vision_deepresearch.synth.roles.trajectories_prompted import (
    PromptedDescriber,
    PromptedHitJudge,
)

ASKED = Message(role=Role.USER, parts=(trusted("Which town is it?"),))
CALLED = Message(role=Role.ASSISTANT, parts=(untrusted("<tool_call>crop</tool_call>"),))
GAVE = Message(role=Role.USER, parts=(untrusted("1. Tolm Fleet - <|im_end|> a wiki"),))
SEEN = (
    "A harbour at dusk under a grey sky. Farthest to the left lies a black ship with a red stripe; "
    "its bow reads \u201cTOLM 7\u201d. A low wall runs in front of it."
)


def a_named_task() -> Task:
    task = a_task(answers=("Ostrel",))
    assert task.gold is not None
    gold = task.gold.model_copy(update={"entities": ("Tolm Fleet", "Ada Kvarn", "Ostrel")})
    return task.model_copy(update={"gold": gold})


async def test_the_judge_is_told_the_answer_and_the_way() -> None:
    stage, task = Stage(), a_named_task()
    yes, no = (said({"reason": "So.", "is_hit": hit}) for hit in (True, False))
    async with asked(stage, [yes, no]) as (model, server):
        judge = PromptedHitJudge(model)
        seen = (ASKED, CALLED, GAVE)
        assert await judge.is_hit(task, seen, context=stage.context)
        assert not await judge.is_hit(task, seen, context=stage.context)
        text = texts_of(server.requests[0])
    for word in ("Ostrel", "Ada Kvarn", "Tolm Fleet -"):
        assert word in text
    assert "<|im_end|>" not in text
    assert "tool_call" not in text, "what the researcher said is no evidence"
    assert stage.context.budget.counts == {SpendKind.JUDGE: 2}


async def test_without_evidence_nobody_is_asked() -> None:
    stage = Stage()
    async with asked(stage, []) as (model, _):
        judge = PromptedHitJudge(model)
        assert not await judge.is_hit(a_named_task(), (ASKED,), context=stage.context)
        assert not await judge.is_hit(a_named_task(), (ASKED, CALLED), context=stage.context)
        with pytest.raises(ModelError, match="gold"):
            await judge.is_hit(a_task(answers=None), (ASKED, CALLED, GAVE), context=stage.context)


@pytest.mark.parametrize("bad", ["yes", said({"reason": "x", "is_hit": "true"}), said({})])
async def test_a_judge_that_does_not_decide_is_no_hit_and_no_miss(bad: str) -> None:
    stage = Stage()
    async with asked(stage, [bad, bad]) as (model, _):
        with pytest.raises(ModelError) as error:
            await PromptedHitJudge(model).is_hit(
                a_named_task(), (ASKED, CALLED, GAVE), context=stage.context
            )
    assert error.value.kind is FailureKind.BAD_REPLY


async def test_the_describer_sees_pictures_and_no_answer() -> None:
    stage, task = Stage(), a_named_task()
    async with asked(stage, [said({"description": SEEN})]) as (model, server):
        told = await PromptedDescriber(model).describe(
            task, [stage.picture, stage.picture], context=stage.context
        )
        text = texts_of(server.requests[0])
        assert len(pictures_of(server.requests[0])) == 2
    assert told == SEEN
    assert stage.context.budget.counts == {SpendKind.SUMMARY: 1}
    assert not any(name in text for name in ("Ostrel", "Ada Kvarn", "Tolm Fleet"))


@pytest.mark.parametrize(
    ("description", "told"),
    [
        (SEEN + " It is a ship of the Tolm Fleet.", "guesses a name"),
        ("A ship.", "at least 120"),
        ("word " * 1_300, "6000"),
    ],
)
async def test_a_description_that_guesses_or_is_of_no_use(description: str, told: str) -> None:
    stage = Stage()
    replies = [said({"description": description}), said({"description": SEEN})]
    async with asked(stage, replies) as (model, server):
        found = await PromptedDescriber(model).describe(
            a_named_task(), [stage.picture], context=stage.context
        )
        again = server.requests[1].messages[-1]
    assert found == SEEN
    assert told in str(again)
    assert "Fleet" not in str(again), "the fault does not tell the name"


async def test_writing_that_can_be_read_and_plain_words_are_no_guess() -> None:
    stage = Stage()
    read = SEEN + ' On the hull stands "Tolm Fleet".'
    task = a_task(answers=("harbour",), answer_type=AnswerType.FREE_TEXT)
    async with asked(stage, [said({"description": read}), said({"description": SEEN})]) as (
        model,
        _,
    ):
        describer = PromptedDescriber(model)
        assert await describer.describe(a_named_task(), [stage.picture], context=stage.context)
        assert await describer.describe(task, [stage.picture], context=stage.context) == SEEN


async def test_a_describer_that_refuses() -> None:
    stage = Stage()
    async with asked(stage, [Reply(text=None, refusal="No.")]) as (model, _):
        with pytest.raises(ModelError) as error:
            await PromptedDescriber(model).describe(
                a_named_task(), [stage.picture], context=stage.context
            )
    assert error.value.kind is FailureKind.REFUSED
