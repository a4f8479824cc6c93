"""The three fixed cases tell a judge that judges from one that nods, refuses or is away."""

import pytest

from tests.judge.doubles import pieces_of
from vision_deepresearch.core.content import Conversation
from vision_deepresearch.core.episode import Decision
from vision_deepresearch.core.errors import FailureKind, ModelError
from vision_deepresearch.core.protocols import Completion
from vision_deepresearch.judge.llm import LlmJudge
from vision_deepresearch.judge.profiles import judge_profile
from vision_deepresearch.judge.rules import RuleJudge
from vision_deepresearch.judge.sanity import sanity
from vision_deepresearch.models.scripted import Reply, ScriptedModel

JSON = '{"verdict": "%s"}'


def sensible(conversation: Conversation) -> Completion:
    """Judges the three cases as their profiles ask."""
    answer = pieces_of(conversation)["ANSWER"]
    if "correct: yes" in conversation[0].text:
        return Completion(text=f"correct: {'yes' if 'Beethoven' in answer else 'no'}")
    is_right = "Beethoven" in answer and "Mozart" not in answer
    return Completion(text=JSON % ("correct" if is_right else "incorrect"))


async def cases_of(reply: Reply, *, profile: str = "strict") -> list[tuple[Decision, bool]]:
    model = ScriptedModel([reply], repeat_last=True)
    judge = LlmJudge(model, profile=judge_profile(profile), policy_name="p")
    cases = await sanity(judge)
    assert judge.budget.counts.total() >= 3, "a case was decided without the model"
    return [(case.verdict.decision, case.is_ok) for case in cases]


@pytest.mark.parametrize(
    ("profile", "on_list"), [("strict", Decision.INCORRECT), ("contains", Decision.CORRECT)]
)
async def test_a_sensible_judge_is_ok_on_all_three(profile: str, on_list: Decision) -> None:
    assert await cases_of(sensible, profile=profile) == [
        (Decision.CORRECT, True),
        (Decision.INCORRECT, True),
        (on_list, True),
    ]


async def test_a_judge_that_always_says_the_same_is_found() -> None:
    assert [is_ok for _, is_ok in await cases_of(JSON % "correct")] == [True, False, False]
    assert [is_ok for _, is_ok in await cases_of(JSON % "incorrect")] == [False, True, True]


async def test_a_judge_that_is_away_or_talks_nonsense_is_never_ok() -> None:
    for reply in (ModelError(FailureKind.AUTH, "no"), "hm"):
        assert [is_ok for _, is_ok in await cases_of(reply)] == [False] * 3


async def test_rules_cannot_judge_the_cases() -> None:
    assert {case.verdict.decision for case in await sanity(RuleJudge())} == {Decision.ABSTAIN}
