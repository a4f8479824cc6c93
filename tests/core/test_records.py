"""Records refuse what they do not know, keep what they are given, and know when to be masked."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from tests.builders import a_task, a_trajectory, a_turn, an_image_ref
from vision_deepresearch.core.bank import ImageBank, Origin
from vision_deepresearch.core.content import Message, Role, SampledTokens, ToolCall, untrusted
from vision_deepresearch.core.context import Budget, Deadline, SpendKind
from vision_deepresearch.core.episode import Decision, Episode, Verdict, episode_of
from vision_deepresearch.core.errors import (
    BoundaryError,
    BudgetExceededError,
    ConfigError,
    FailureKind,
    WorldError,
    boundary,
)
from vision_deepresearch.core.geometry import Box
from vision_deepresearch.core.mode import MODES, mode_named
from vision_deepresearch.core.observation import Observation
from vision_deepresearch.core.task import Task
from vision_deepresearch.core.trajectory import CallRecord, StopReason, TokenTrace, Trajectory
from vision_deepresearch.store.database import StoreError
from vision_deepresearch.store.tape import TapeMissError


def a_verdict(decision: Decision) -> Verdict:
    return Verdict(decision=decision, reason="because", judge="rules/1")


def test_unknown_keys_are_refused() -> None:
    with pytest.raises(ValidationError, match="extra"):
        Task.model_validate({**a_task().model_dump(), "answr": "x"})


def test_records_survive_json() -> None:
    task = a_task(images=(an_image_ref(),))
    episode = episode_of(task, a_trajectory(task, turns=(a_turn(),)), a_verdict(Decision.CORRECT))
    assert Episode.model_validate_json(episode.model_dump_json()) == episode


@given(st.text())
def test_any_text_survives_json_as_a_message(text: str) -> None:
    message = Message(role=Role.USER, parts=(untrusted(text),))
    if not any("\ud800" <= char <= "\udfff" for char in text):
        assert Message.model_validate_json(message.model_dump_json()) == message


@pytest.mark.parametrize("stop", list(StopReason))
def test_only_an_answer_is_no_anomaly(stop: StopReason) -> None:
    assert stop.is_anomalous == (stop is not StopReason.ANSWER)


def test_an_abstaining_judge_masks_instead_of_rewarding_zero() -> None:
    task = a_task()
    masked = episode_of(task, a_trajectory(task), a_verdict(Decision.ABSTAIN))
    wrong = episode_of(task, a_trajectory(task), a_verdict(Decision.INCORRECT))
    assert masked.is_masked
    assert wrong.reward == 0.0


def test_a_failed_model_masks_the_episode() -> None:
    task = a_task()
    trajectory = a_trajectory(task, answer=None, stop=StopReason.MODEL_ERROR)
    assert episode_of(task, trajectory, a_verdict(Decision.INCORRECT)).is_masked


def test_a_turn_is_bad_when_every_call_failed_and_not_when_one_worked() -> None:
    call = ToolCall(id="t0c0", name="search", arguments={})
    failed = Observation.failed(FailureKind.UPSTREAM, "down")
    fine = Observation(parts=())
    record = CallRecord(call=call, observation=failed, seconds=0.1)
    ok = CallRecord(call=call, observation=fine, seconds=0.1)
    assert a_turn().model_copy(update={"calls": (record, record)}).is_bad
    assert not a_turn().model_copy(update={"calls": (record, ok)}).is_bad
    assert not a_turn().is_bad


def test_the_bank_knows_exact_handles_only() -> None:
    bank = ImageBank()
    handle = bank.add(an_image_ref(), Origin(kind="given"))
    assert handle == "img_1"
    for wrong in (
        "img_2",
        "IMG_1",
        " img_1",
        "img_1 ",
        "img_01",
        "/etc/passwd",
        1,
        None,
        "img_\u0661",
    ):
        with pytest.raises(BoundaryError, match="unknown image_id"):
            bank.get(wrong)


def test_the_same_picture_from_the_same_place_keeps_its_handle() -> None:
    bank = ImageBank()
    box = Box(x0=0.0, y0=0.0, x1=0.5, y1=0.5)
    origin = Origin(kind="crop", handle="img_1", box=box)
    bank.add(an_image_ref(), Origin(kind="given"))
    assert bank.add(an_image_ref(digit="b"), origin) == bank.add(an_image_ref(digit="b"), origin)
    assert len(bank.entries) == 2


def test_a_crop_of_a_crop_is_told_in_the_outer_picture() -> None:
    bank = ImageBank()
    outer = bank.add(an_image_ref(), Origin(kind="given"))
    half = Box(x0=0.5, y0=0.5, x1=1.0, y1=1.0)
    crop = bank.add(an_image_ref(digit="b"), Origin(kind="crop", handle=outer, box=half))
    origin = bank.crop_origin(bank.get(crop), half)
    assert origin.sha256 == "a" * 64
    assert origin.box == Box(x0=0.75, y0=0.75, x1=1.0, y1=1.0)


def test_a_cap_is_never_overrun() -> None:
    budget = Budget(max_calls={SpendKind.TEXT_SEARCH: 2})
    budget.reserve(SpendKind.TEXT_SEARCH)
    budget.reserve(SpendKind.TEXT_SEARCH)
    with pytest.raises(BudgetExceededError, match="cap of 2"):
        budget.reserve(SpendKind.TEXT_SEARCH)
    assert budget.counts[SpendKind.TEXT_SEARCH] == 2
    assert budget.is_exhausted


def test_a_deadline_uses_the_clock_it_is_given() -> None:
    now = [10.0]
    deadline = Deadline.after(5, clock=lambda: now[0])
    assert deadline.remaining_s == 5
    now[0] = 15.0
    assert deadline.is_over


def test_a_boundary_types_what_is_raised_and_passes_its_own() -> None:
    with pytest.raises(WorldError) as caught, boundary(WorldError, "text search"):
        raise RuntimeError("secret provider body")
    assert caught.value.kind is FailureKind.UPSTREAM
    assert "secret" not in str(caught.value)
    with pytest.raises(WorldError) as timed, boundary(WorldError, "text search"):
        raise TimeoutError
    assert timed.value.kind is FailureKind.TIMEOUT


@pytest.mark.parametrize("error", [StoreError("disk full"), TapeMissError("never recorded")])
def test_a_boundary_never_takes_a_stop_of_the_run_for_a_failed_call(error: Exception) -> None:
    with pytest.raises(type(error)) as caught, boundary(WorldError, "text search"):
        raise error
    assert caught.value is error


def test_unknown_modes_list_the_known_ones() -> None:
    with pytest.raises(ConfigError, match=r"wis\+ts"):
        mode_named("everything")
    assert MODES["wis"].tools == ("image_search",)


def test_misaligned_tokens_are_refused() -> None:
    with pytest.raises(ValidationError, match="one logprob per id"):
        SampledTokens(ids=(1, 2), logprobs=(0.0,), policy_version="v")
    with pytest.raises(ValidationError, match="one length"):
        TokenTrace(ids=(1,), loss_mask=(), logprobs=(0.0,), versions=(None,))


def test_a_trajectory_counts_engine_requests_without_model_calls() -> None:
    task = a_task()
    totals = {"calls": {SpendKind.TEXT_SEARCH: 2, SpendKind.PAGE_READ: 1, SpendKind.MODEL_CALL: 9}}
    trajectory = Trajectory.model_validate({**a_trajectory(task).model_dump(), "totals": totals})
    assert trajectory.num_engine_requests == 3
