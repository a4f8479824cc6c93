"""Judges of public benchmarks: their formats are read whole or not at all, their metrics as published."""

from pathlib import Path

import pytest

from tests.builders import a_task, a_trajectory
from tests.judge.doubles import SayingModel, pieces_of
from vision_deepresearch.core.episode import Decision
from vision_deepresearch.core.errors import ConfigError, FailureKind, ModelError
from vision_deepresearch.core.task import AnswerType, Task
from vision_deepresearch.judge.emulated import EmulatedJudge, read_prompt
from vision_deepresearch.judge.llm import LlmJudge
from vision_deepresearch.judge.metrics import MetricJudge, exact_match, gaia_match, token_f1
from vision_deepresearch.judge.profiles import judge_profile
from vision_deepresearch.judge.replies import read_as_released, read_checklist, read_letter

YES, NO = Decision.CORRECT, Decision.INCORRECT


def free_task(*answers: str, checklist: tuple[str, ...] | None = None) -> Task:
    task = a_task(answers=answers, answer_type=AnswerType.FREE_TEXT)
    assert task.gold is not None
    return task.model_copy(update={"gold": task.gold.model_copy(update={"checklist": checklist})})


@pytest.mark.pitfall("P51")
@pytest.mark.parametrize(
    ("reply", "wanted"),
    [
        ("correct: no reasoning: although the text says yes", NO),
        ("The answer is incorrect: yes, it differs\ncorrect: no", YES),
        ('{"correct": "yes"}', None),
        ("correct: not sure", NO),
        ("<think>correct: yes?</think>", YES),
        ("**Correct:** no", NO),
        ("Correct: [yes]", YES),
        ("<think>hm correct: yes</think>\ncorrect: no", YES),
        ("correct: [yes/no]", YES),
        ("correct: no\ncorrect: yes", NO),
        ("correct: unknown", NO),
        ("correct:\nno", None),
        ("The text is correct: yes", YES),
        ("correct: nope, yes", NO),
    ],
)
def test_the_emulated_parser_misreads_as_the_released_one(
    reply: str, wanted: Decision | None
) -> None:
    assert read_as_released(reply) is wanted


@pytest.mark.parametrize(
    ("reply", "wanted"),
    [
        ("A", (YES, True)),
        ("<think>B at first</think>\n**A**", (YES, True)),
        ("(B).", (NO, True)),
        ("C", (NO, False)),
        ("a", None),
        ("D", None),
        ("A or B", None),
        ("Grade: A", None),
        ("", None),
    ],
)
def test_a_grade_is_one_letter(reply: str, wanted: tuple[Decision, bool] | None) -> None:
    found = read_letter(reply)
    assert (found and (found.decision, found.is_attempted)) == wanted


_THREE = "CHECKLIST_SCORE: {}\nCHECKLIST_RESULT: {}\nOVERALL_CORRECTNESS: {}"


@pytest.mark.parametrize(
    ("reply", "wanted"),
    [
        (_THREE.format("2/3", "[1, 0, 1]", "NO"), (NO, 2 / 3)),
        (_THREE.format("3/3", "[1,1,1]", "YES"), (YES, 1.0)),
        (f"<think>{_THREE.format('3/3', '[1,1,1]', 'YES')}</think>", None),
        (_THREE.format("2/3", "[1, 1, 1]", "NO"), None),
        (_THREE.format("2/2", "[1, 1]", "YES"), None),
        (_THREE.format("a/b", "[0,1,...]", "YES or NO, one of the two"), None),
        ("CHECKLIST_SCORE: 3/3\nOVERALL_CORRECTNESS: YES", None),
        (_THREE.format("3/3", "[1,1,1]", "YES") + "\nOVERALL_CORRECTNESS: NO", None),
    ],
)
def test_a_check_list_has_to_agree_with_itself(
    reply: str, wanted: tuple[Decision, float] | None
) -> None:
    found = read_checklist(reply, length=3)
    assert (found and (found.decision, found.score)) == wanted


@pytest.mark.parametrize(
    ("answer", "gold", "em", "f1", "gaia"),
    [
        ("Norway.", "norway", 1, 1, 1),
        ("No", "Norway", 0, 0, 0),
        ("175", "1.75", 0, 0, 0),
        ("20240929", "2024-09-29", 0, 0, 1),
        ("the hill of Ostrel", "Ostrel hill", 0, 0.8, 0),
        ("A", "A", 1, 1, 1),
        ("B", "A", 0, 0, 0),
        ("?", "?", 1, 1, 1),
        ("!", "?", 0, 0, 0),
        ("$1,200", "1200", 0, 0, 1),
        ("17 %", "17", 0, 1, 1),
        ("b,a", "a, b", 0, 0, 0),
        ("red; 2.0", "red, 2", 0, 0.5, 1),
        ("Sea Gull", "seagull", 0, 0, 1),
    ],
)
def test_metrics_are_the_published_ones(
    answer: str, gold: str, em: float, f1: float, gaia: float
) -> None:
    found = exact_match(answer, gold), token_f1(answer, gold), gaia_match(answer, gold)
    assert found == pytest.approx((em, f1, gaia))


async def test_a_metric_is_the_best_over_aliases_and_asks_nobody() -> None:
    task = free_task("hill of Ostrel", "Ostrel")
    found = await MetricJudge("f1").judge(task, a_trajectory(task, answer="big Ostrel"))
    assert (found.decision, found.score, found.judge) == (NO, pytest.approx(2 / 3), "f1/1")
    empty = await MetricJudge("em").judge(task, a_trajectory(task, answer=None))
    assert (empty.decision, empty.judge) == (NO, "em/1")


async def test_each_profile_reads_its_own_format_and_asks_again() -> None:
    task = free_task("Ostrel", checklist=("names the hill", "names the town"))
    made = a_trajectory(task, answer="x" * 30_000 + " Brno")
    replies = {
        "simpleqa-abc": ["correct: yes", "C"],
        "hle-json": ['{"extracted_final_answer": "Brno", "correct": "no", "confidence": 80}'],
        "checklist": ["YES", _THREE.format("1/2", "[1, 0]", "NO")],
    }
    for name, texts in replies.items():
        model = SayingModel(replies=list(texts))
        judge = LlmJudge(model, profile=judge_profile(name), policy_name="test")
        found = await judge.judge(task, made)
        assert (found.decision, found.decided_by) == (NO, "model"), name
        assert found.is_attempted == (name != "simpleqa-abc")
        assert found.score == (0.5 if name == "checklist" else None)
        assert len(model.asked) == len(texts)
        shown = pieces_of(model.asked[0])
        assert shown["ANSWER"].endswith("Brno")
        assert ("CHECK 2" in shown) == (name == "checklist")
    bare = free_task("Ostrel")
    judge = LlmJudge(
        SayingModel(replies=["YES"]), profile=judge_profile("checklist"), policy_name="test"
    )
    assert (await judge.judge(bare, a_trajectory(bare))).decision is Decision.ABSTAIN


_PROMPT = "Q: {question}\nR: {reference_answer}\nA: {assistant_answer}\ncorrect: [yes/no] {odd}"


async def test_the_emulated_judge_errs_as_released_but_for_outages(tmp_path: Path) -> None:
    path = tmp_path / "prompt.txt"
    path.write_text("Q: {question}")
    with pytest.raises(ConfigError, match=r"lacks \{reference_answer\}, \{assistant_answer\}"):
        read_prompt(path)
    path.write_text(_PROMPT)
    task = free_task("Ostrel", "Old Hill")

    async def said(reply: str | ModelError, *, answer: str) -> tuple[Decision, str]:
        model = SayingModel(replies=[reply])
        judge = EmulatedJudge(model, prompt=read_prompt(path), policy_name="test")
        verdict = await judge.judge(task, a_trajectory(task, answer=answer))
        assert verdict.judge.startswith("emulate-2026-05/1+saying+")
        shown = model.asked[0][1].text
        assert shown.startswith(f"Q: {task.question}\nR: Ostrel OR Old Hill\nA: {answer}")
        return verdict.decision, verdict.decided_by

    yes, nothing = "correct: [yes/no]", "I cannot say."
    assert await said(yes, answer="Brno") == (YES, "model"), "the echo of a template"
    assert await said(nothing, answer="old hill.") == (YES, "rule"), "exact match in silence"
    assert await said(nothing, answer="the old hill") == (NO, "rule")
    assert await said(nothing, answer="{question}") == (NO, "rule"), "data fills no place"
    down = ModelError(FailureKind.UPSTREAM, "down")
    assert await said(down, answer="Ostrel") == (Decision.ABSTAIN, "nobody")
