"""Rules decide both ways where the gold is checkable, and never reject free text."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.builders import a_task, a_trajectory, a_turn
from vision_deepresearch.core.episode import Decision, episode_of
from vision_deepresearch.core.protocols import Judge
from vision_deepresearch.core.task import AnswerType, Gold, GoldMode
from vision_deepresearch.core.trajectory import (
    Extraction,
    FaultKind,
    FormatFault,
    StopReason,
    Trajectory,
)
from vision_deepresearch.judge.rules import PROFILE_ID, RuleJudge, judge_answer
from vision_deepresearch.judge.units import find_unit

RIGHT, WRONG, OPEN = Decision.CORRECT, Decision.INCORRECT, Decision.ABSTAIN

NAMES = [
    ("Ostrel", RIGHT),
    ("ostrel.", RIGHT),
    ("**Ostrel**", RIGHT),
    ("The answer is Ostrel.", RIGHT),
    ("Final answer: **Ostrel**", RIGHT),
    ("So, my final answer is: Ostrel", RIGHT),
    ("\uff2f\uff53\uff54\uff52\uff45\uff4c", RIGHT),
    ("Port Ostrel", RIGHT),
    ("the Port Ostrel", RIGHT),
    ("Ostrelia", WRONG),
    ("Ost", WRONG),
    ("New Ostrel", WRONG),
    ("Brno", WRONG),
    ("?", WRONG),
    ("not Ostrel", WRONG),
    ("Ostrel or Brno", WRONG),
    ("Ostrel, Brno, Prague", WRONG),
    ("Ostrel; Brno", WRONG),
    ("Ostrel\nBrno", WRONG),
    ("Either Ostrel or Brno", WRONG),
    ("probably Ostrel", WRONG),
    ("The answer is Ostrel or Brno", WRONG),
    ("I could not find it", WRONG),
    (", ".join(["Ostrel", *(f"Town {number}" for number in range(20))]), WRONG),
]

NUMBERS: list[tuple[str, dict[str, object], str, Decision]] = [
    ("1234", {}, "1,234", RIGHT),
    ("1234", {}, "1234.", RIGHT),
    ("1234", {}, "about 1,234 people", RIGHT),
    ("1234", {}, "1235", WRONG),
    ("1234", {}, "1234 or 1235", WRONG),
    ("1234", {}, "1.234 thousand", RIGHT),
    ("12", {}, "2012", WRONG),
    ("12", {}, "twelve", RIGHT),
    ("12", {}, "dunno", WRONG),
    ("1874", {}, "1874", RIGHT),
    ("1874", {}, "1875", WRONG),
    ("1.75", {}, "1.75", RIGHT),
    ("1.75", {}, "1,75", RIGHT),
    ("1.75", {}, "1.76", RIGHT),
    ("1.75", {}, "1.8", WRONG),
    ("1.75", {}, "175", WRONG),
    ("-5", {}, "5", WRONG),
    ("1000", {"tolerance": 0.05}, "1040", RIGHT),
    ("1000", {"tolerance": 0.05}, "1060", WRONG),
    ("0", {}, "0", RIGHT),
    ("0", {}, "0.1", WRONG),
    ("5", {"unit": "km"}, "5", RIGHT),
    ("5", {"unit": "km"}, "5 km", RIGHT),
    ("5", {"unit": "km"}, "5 kilometres long", RIGHT),
    ("5", {"unit": "km"}, "5,000 m", RIGHT),
    ("5", {"unit": "km"}, "3.1 miles", RIGHT),
    ("5", {"unit": "km"}, "5 m", WRONG),
    ("5", {"unit": "km"}, "5 kg", WRONG),
    ("5", {"unit": "km"}, "5 leagues", OPEN),
    ("5", {"unit": "km"}, "6 leagues", WRONG),
    ("5 km", {}, "5000 metres", RIGHT),
    ("12 %", {}, "12 percent", RIGHT),
    ("$12", {}, "12 dollars", RIGHT),
    ("$12", {}, "\u20ac12", WRONG),
    ("2\u4e07", {}, "20000", RIGHT),
    ("a great many", {}, "A great many.", RIGHT),
    ("a great many", {}, "12", OPEN),
]

DATES = [
    ("14 March 1874", "1874-03-14", RIGHT),
    ("14 March 1874", "March 14, 1874.", RIGHT),
    ("14 March 1874", "1874\u5e743\u670814\u65e5", RIGHT),
    ("14 March 1874", "15 March 1874", WRONG),
    ("14 March 1874", "March 1874", WRONG),
    ("14 March 1874", "1874", WRONG),
    ("14 March 1874", "14 or 15 March 1874", WRONG),
    ("14 March 1874", "unknown", WRONG),
    ("4 March 1874", "04/03/1874", WRONG),
    ("1874", "14 March 1874", RIGHT),
    ("1874", "in 1874", RIGHT),
    ("1874", "1875", WRONG),
    ("March 1874", "14 March 1874", RIGHT),
    ("March 1874", "April 1874", WRONG),
    ("44 BC", "44", WRONG),
    ("44 BC", "44 BCE", RIGHT),
    ("spring of 1874", "Spring of 1874", RIGHT),
    ("spring of 1874", "1874", OPEN),
]

CHOICES = [
    ("B", RIGHT),
    ("(b)", RIGHT),
    ("B.", RIGHT),
    ("Option B", RIGHT),
    ("Brno", RIGHT),
    ("B. Brno", RIGHT),
    ("(B) Brno", RIGHT),
    ("The answer is B", RIGHT),
    ("A", WRONG),
    ("Ostrel", WRONG),
    ("A. Brno", WRONG),
    ("B. Ostrel", WRONG),
    ("A or B", WRONG),
    ("A, B", WRONG),
    ("Brno or Prague", WRONG),
    ("none", WRONG),
]

FREE_TEXTS = [
    ("No", "no.", RIGHT),
    ("No", "Norway", OPEN),
    ("12", "2012", OPEN),
    ("A", "a", RIGHT),
    ("?", "?", RIGHT),
    ("?", "!", OPEN),
    ("1.75", "175", OPEN),
    ("He left the town.", "He left the town", RIGHT),
    ("He left the town.", "He went away from the town", OPEN),
    ("Ostrel", "Ostrel or Brno", OPEN),
    ("\u6771\u4eac", "\u300c\u6771\u4eac\u300d", RIGHT),
    ("\u6771\u4eac", "\u6771\u4eac\u90fd", OPEN),
]

PAIRS = [
    ("Ostrel and Brno", RIGHT),
    ("Brno, Ostrel", RIGHT),
    ("Brno & Ostrel.", RIGHT),
    ("Ostrel\nBrno", RIGHT),
    ("The answer is Ostrel and Brno", RIGHT),
    ("Ostrel\u3001Brno", RIGHT),
    ("Ostrel", WRONG),
    ("Ostrel and Ostrel", WRONG),
    ("Ostrel or Brno", WRONG),
    ("Ostrel, Brno and Prague", WRONG),
    ("Ostrel and Brnoville", WRONG),
    ("OstrelBrno", WRONG),
]


def a_gold(*answers: str, type: AnswerType, **fields: object) -> Gold:  # noqa: A002 - the field
    return Gold.model_validate({"answers": answers, "type": type, **fields})


async def verdict_of(trajectory: Trajectory, *, answer_type: AnswerType) -> Decision:
    judge: Judge = RuleJudge()
    verdict = await judge.judge(a_task(answer_type=answer_type), trajectory)
    assert verdict.judge == judge.profile_id == PROFILE_ID
    assert verdict.reason
    return verdict.decision


@pytest.mark.pitfall("P53")
@pytest.mark.pitfall("P58")
@pytest.mark.parametrize(("answer", "decision"), NAMES, ids=ascii)
def test_a_name_is_right_when_it_equals_one_of_the_aliases(answer: str, decision: Decision) -> None:
    gold = a_gold("Ostrel", "Port Ostrel", type=AnswerType.NAME)
    assert judge_answer(answer, gold=gold).decision is decision


@pytest.mark.parametrize(("gold", "fields", "answer", "decision"), NUMBERS, ids=ascii)
def test_a_number_is_right_within_its_tolerance_and_unit(
    gold: str, fields: dict[str, object], answer: str, decision: Decision
) -> None:
    wanted = a_gold(gold, type=AnswerType.NUMBER, **fields)
    assert judge_answer(answer, gold=wanted).decision is decision


@pytest.mark.parametrize(("gold", "answer", "decision"), DATES, ids=ascii)
def test_a_date_is_right_when_it_is_as_precise_as_the_gold(
    gold: str, answer: str, decision: Decision
) -> None:
    wanted = a_gold(gold, type=AnswerType.DATE)
    assert judge_answer(answer, gold=wanted).decision is decision


@pytest.mark.pitfall("P53")
@pytest.mark.parametrize(("answer", "decision"), CHOICES, ids=ascii)
def test_a_choice_is_right_by_label_or_text_or_both(answer: str, decision: Decision) -> None:
    choices = ("Ostrel", "Brno", "Prague")
    by_text = a_gold("Brno", type=AnswerType.CHOICE, choices=choices)
    by_label = a_gold("B", type=AnswerType.CHOICE, choices=choices, choice_label="B")
    assert judge_answer(answer, gold=by_text).decision is decision
    assert judge_answer(answer, gold=by_label).decision is decision


def test_a_label_cannot_be_judged_when_the_choices_have_none() -> None:
    gold = a_gold("Brno", type=AnswerType.CHOICE)
    assert judge_answer("B", gold=gold).decision is OPEN
    assert judge_answer("Brno", gold=gold).decision is RIGHT


@pytest.mark.pitfall("P52")
@pytest.mark.parametrize(("gold", "answer", "decision"), FREE_TEXTS, ids=ascii)
def test_free_text_is_accepted_when_equal_and_never_rejected(
    gold: str, answer: str, decision: Decision
) -> None:
    wanted = a_gold(gold, type=AnswerType.FREE_TEXT)
    verdict = judge_answer(answer, gold=wanted)
    assert verdict.decision is decision
    assert verdict.decided_by == ("rule" if decision is RIGHT else "nobody")


@pytest.mark.pitfall("P52")
@given(st.text(min_size=1, max_size=20), st.sampled_from(list(GoldMode)))
def test_no_rule_ever_rejects_free_text(answer: str, mode: GoldMode) -> None:
    gold = a_gold("Ostrel", "Brno", type=AnswerType.FREE_TEXT, mode=mode)
    assert judge_answer(answer, gold=gold).decision is not WRONG


@pytest.mark.pitfall("P58")
@pytest.mark.parametrize(("answer", "decision"), PAIRS, ids=ascii)
def test_every_part_is_needed_once_and_nothing_else(answer: str, decision: Decision) -> None:
    gold = a_gold("Ostrel", "Brno", type=AnswerType.NAME, mode=GoldMode.ALL_OF)
    assert judge_answer(answer, gold=gold).decision is decision


@pytest.mark.pitfall("P58")
def test_parts_that_hold_separators_and_parts_with_values_are_matched() -> None:
    lands = a_gold("Bosnia and Herzegovina", "Serbia", type=AnswerType.NAME, mode=GoldMode.ALL_OF)
    assert judge_answer("Serbia and Bosnia and Herzegovina", gold=lands).decision is RIGHT
    days = a_gold("14 March 1874", "1 May 1901", type=AnswerType.DATE, mode=GoldMode.ALL_OF)
    assert judge_answer("March 14, 1874 and May 1, 1901", gold=days).decision is RIGHT
    assert judge_answer("March 14, 1874 and May 2, 1901", gold=days).decision is WRONG
    sizes = a_gold("12 km", "5 kg", type=AnswerType.NUMBER, mode=GoldMode.ALL_OF)
    assert judge_answer("5,000 g, 12 km", gold=sizes).decision is RIGHT


@pytest.mark.parametrize("answer_type", [kind for kind in AnswerType if kind.is_checkable])
def test_an_answer_that_says_it_is_not_known_is_told_apart(answer_type: AnswerType) -> None:
    gold = Gold(answers=("1874",), type=answer_type, choices=("1874", "1875"))
    verdict = judge_answer("Unknown.", gold=gold)
    assert (verdict.decision, verdict.reason) == (
        Decision.INCORRECT,
        "the answer says that it is not known",
    )


@pytest.mark.pitfall("P58")
def test_the_matched_alias_is_recorded() -> None:
    gold = a_gold("Ostrel", "Port Ostrel", type=AnswerType.NAME)
    assert judge_answer("port ostrel", gold=gold).matched == "Port Ostrel"


@pytest.mark.pitfall("P57")
@pytest.mark.parametrize("answer", [None, "", " \n"])
@pytest.mark.parametrize("stop", list(StopReason))
async def test_without_an_answer_nothing_is_judged(answer: str | None, stop: StopReason) -> None:
    trajectory = a_trajectory(a_task(), answer=answer, stop=stop)
    expected = OPEN if stop.is_infrastructure else WRONG
    for answer_type in (AnswerType.NAME, AnswerType.FREE_TEXT):
        assert await verdict_of(trajectory, answer_type=answer_type) is expected


@pytest.mark.pitfall("P57")
async def test_what_the_outside_cut_off_is_masked_whatever_it_said() -> None:
    trajectory = a_trajectory(a_task(), answer="call_server failed", stop=StopReason.MODEL_ERROR)
    verdict = await RuleJudge().judge(a_task(), trajectory)
    assert verdict.decision is OPEN
    assert verdict.decided_by == "nobody"
    assert episode_of(a_task(), trajectory, verdict).reward is None


async def test_a_question_without_gold_is_not_judged() -> None:
    task = a_task(answers=None)
    verdict = await RuleJudge().judge(task, a_trajectory(task))
    assert verdict.decision is OPEN


@pytest.mark.pitfall("P59")
async def test_only_the_answer_counts_and_not_the_form_of_the_reply() -> None:
    fault = FormatFault(kind=FaultKind.NO_TAGS, message="write a tag")
    clumsy = a_trajectory(
        a_task(),
        stop=StopReason.TURN_LIMIT,
        turns=(a_turn().model_copy(update={"fault": fault}),),
    ).model_copy(update={"forced": True, "extraction": Extraction.VERBATIM})
    tidy = a_trajectory(a_task()).model_copy(update={"extraction": Extraction.TAG})
    verdicts = [await RuleJudge().judge(a_task(), trajectory) for trajectory in (clumsy, tidy)]
    assert verdicts[0] == verdicts[1]
    assert verdicts[0].decision is RIGHT


@given(st.text(max_size=60), st.sampled_from(list(AnswerType)), st.sampled_from(list(GoldMode)))
def test_no_answer_breaks_the_judge(answer: str, answer_type: AnswerType, mode: GoldMode) -> None:
    gold = a_gold("12", "1874", type=answer_type, mode=mode, choices=("12", "1874"))
    assert judge_answer(answer or "x", gold=gold).judge == PROFILE_ID


@pytest.mark.parametrize(
    ("words", "measures", "factor"),
    [
        ("km", "length", 1000),
        ("kilometers", "length", 1000),
        ("metres high", "length", 1),
        ("feet", "length", 0.3048),
        ("square kilometres", "area", 1e6),
        ("km^2", "area", 1e6),
        ("years old", "months", 12),
        ("kilometres per hour", "speed", 1 / 3.6),
        ("tonnes", "mass", 1000),
    ],
)
def test_units_are_known_by_name_sign_and_plural(words: str, measures: str, factor: float) -> None:
    unit = find_unit(words)
    assert unit is not None
    assert (unit.measures, unit.factor) == (measures, pytest.approx(factor))


def test_an_unlisted_unit_is_not_guessed() -> None:
    assert find_unit("leagues") is None
    assert find_unit("") is None
