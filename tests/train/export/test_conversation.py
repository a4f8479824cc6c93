"""Rows: what was sent, in the order it was sent, with loss where it belongs, or a refusal."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.builders import an_image_ref
from tests.train.export.run_sample import (
    HOSTILE,
    PROFILE,
    a_task,
    a_trajectory,
    a_turn,
    an_answer,
    hostile_episode,
    media_of,
)
from vision_deepresearch.core.content import Image, Message, Role, trusted, untrusted
from vision_deepresearch.core.trajectory import ContextEdit, StopReason, Trajectory
from vision_deepresearch.core.untrusted import neutralise
from vision_deepresearch.train.export.conversation import (
    RefusedRowError,
    Row,
    RowMessage,
    check_row,
    joined,
    rows_of,
)
from vision_deepresearch.train.export.escape import escape_literals, escape_outside
from vision_deepresearch.train.export.masks import EARLIER, FAILED_CALLS, FAULT, FORCED, turn_masks


def the_row(trajectory: Trajectory) -> Row:
    (row,) = rows_of(a_task(), trajectory)
    return row


def reason_of(trajectory: Trajectory) -> str:
    with pytest.raises(RefusedRowError) as caught:
        list(rows_of(a_task(), trajectory))
    return caught.value.reason


@pytest.mark.pitfall("P79")
def test_placeholders_are_the_pictures_whatever_a_page_says(tmp_path: Path) -> None:
    episode = hostile_episode(media_of(tmp_path))
    (row,) = rows_of(episode.task, episode.trajectory)
    text = "".join(message.content for message in row.messages)
    assert text.count("<image>") == len(row.images) == 4
    shown = [part.ref for m in the_messages(episode.trajectory) for part in m.images]
    assert list(row.images) == shown, "in the order in which the model saw them"
    outside = row.messages[1].content + row.messages[3].content
    for marker in ("<|im_", "<img>", "</img>", "<video>", "<bbox>", "<tool_call>", "<IMAGE>"):
        assert marker not in outside


def the_messages(trajectory: Trajectory) -> list[Message]:
    messages = list(trajectory.prompt)
    for turn in trajectory.turns:
        messages += [turn.reply, *turn.results]
    return messages


def test_what_a_model_was_shown_is_what_it_is_trained_behind(tmp_path: Path) -> None:
    episode = hostile_episode(media_of(tmp_path))
    (row,) = rows_of(episode.task, episode.trajectory)
    for message, source in zip(row.messages, the_messages(episode.trajectory), strict=True):
        said = "".join(one for one in message.pieces if isinstance(one, str))
        extra = ("<img>", "</img>", "<video>", "<audio>", "<bbox>")
        shown = source.text
        for marker in extra:  # the second line knows more markers than the first
            shown = shown.replace(marker, "\u2039" + marker[1:])
        assert said == shown


def test_only_replies_carry_loss_and_faults_carry_none(tmp_path: Path) -> None:
    episode = hostile_episode(media_of(tmp_path))
    (row,) = rows_of(episode.task, episode.trajectory)
    assert [m.has_loss for m in row.messages if m.role is not Role.ASSISTANT] == [False] * 4
    assert [m.mask for m in row.replies] == [None, FAULT, None]


def test_a_turn_whose_calls_all_failed_and_a_forced_answer_carry_no_loss() -> None:
    turns = [a_turn(0), a_turn(1, failed=True), an_answer(2)]
    assert turn_masks(a_trajectory(a_task(), turns)) == (None, FAILED_CALLS, None)
    forced = a_trajectory(a_task(), turns, stop=StopReason.TURN_LIMIT, forced=True)
    assert turn_masks(forced) == (None, FAILED_CALLS, FORCED)


def test_a_mask_that_stands_in_the_turn_stays() -> None:
    marked = a_turn(0).model_copy(update={"mask": "by hand"})
    assert turn_masks(a_trajectory(a_task(), [marked, an_answer(1)])) == ("by hand", None)


def test_an_attempt_that_ended_badly_has_nothing_to_train() -> None:
    trajectory = a_trajectory(a_task(), [a_turn(0), a_turn(1)], stop=StopReason.TURN_LIMIT)
    assert reason_of(trajectory) == "nothing_to_train"


def test_a_shortened_prompt_gives_rows_that_train_each_reply_once() -> None:
    turns = [a_turn(0, found="first page"), a_turn(1, found="second page"), an_answer(2)]
    edit = ContextEdit(policy="drop_oldest", turns=(0,), replacement="[result removed]")
    turns[2] = turns[2].model_copy(update={"edit": edit})
    first, second = rows_of(a_task(), a_trajectory(a_task(), turns))
    assert [m.mask for m in first.replies] == [None, None]
    assert [m.mask for m in second.replies] == [EARLIER, EARLIER, None]
    assert "first page" in first.messages[3].content
    assert "first page" not in "".join(m.content for m in second.messages)
    assert "[result removed]" in second.messages[3].content
    assert "second page" in second.messages[5].content
    assert first.messages[-1].role is Role.ASSISTANT


def test_messages_of_one_side_are_joined_and_two_replies_are_refused() -> None:
    user, reply = (
        Message(role=Role.USER, parts=(trusted("a"),)),
        Message(role=Role.ASSISTANT, parts=(untrusted("b"),)),
    )
    rows = joined([user, user, reply], masks=[None])
    assert [m.content for m in rows] == ["a\na", "b"]
    with pytest.raises(RefusedRowError, match="two replies"):
        joined([user, reply, reply], masks=[None, None])


def test_rows_end_with_a_reply_though_results_followed() -> None:
    row = the_row(a_trajectory(a_task(), [a_turn(0), an_answer(1)]))
    assert row.messages[-1].content.endswith("</answer>")
    assert [m.role for m in row.messages] == [
        Role.SYSTEM,
        Role.USER,
        Role.ASSISTANT,
        Role.USER,
        Role.ASSISTANT,
    ]


def test_calls_in_fields_of_an_api_are_refused() -> None:
    assert reason_of(a_trajectory(a_task(), [an_answer(0)], profile="native")) == "profile"


def test_a_picture_in_a_reply_and_half_a_character_are_refused() -> None:
    for parts, reason in (
        ((Image(ref=an_image_ref()),), "picture_place"),
        ((untrusted("\ud800"),), "text"),
    ):
        turn = an_answer(0).model_copy(update={"reply": Message(role=Role.ASSISTANT, parts=parts)})
        assert reason_of(a_trajectory(a_task(), [turn])) == reason


@pytest.mark.pitfall("P78")
@pytest.mark.parametrize("written", [0, 1, 3])
@pytest.mark.parametrize("shown", [0, 1, 3])
def test_a_row_whose_placeholders_are_not_its_pictures_is_refused(written: int, shown: int) -> None:
    row = the_row(a_trajectory(a_task(), [an_answer(0)]))
    literal = ["<image>" * (written - shown)] if written > shown else []
    refs = tuple(an_image_ref(digit=str(digit)) for digit in range(min(written, shown)))
    asked = RowMessage(role=Role.USER, pieces=(*refs, *literal, "?"), sources=())
    changed = Row(
        task=row.task,
        trajectory=row.trajectory,
        segment=0,
        messages=(row.messages[0], asked, *row.messages[2:]),
    )
    if written > shown:
        with pytest.raises(RefusedRowError, match="placeholders"):
            check_row(changed)
    else:
        check_row(changed)


MARKERS = (
    "<image>",
    "</image>",
    "<|im_start|>",
    "<|im_end|>",
    "<|image_pad|>",
    "<\uff5cend\uff5c>",
    "<img>",
    "<video>",
    "<Audio>",
    "<tool_call>",
    "</tool_response>",
    "<think>",
    "|>",
    "<",
    ">",
    "im",
    "\u202e",
    "\x00",
    "\ud800",
    "\u05e9",
    "\U0001f600",
    "\n",
)
hostile_text = st.lists(st.one_of(st.sampled_from(MARKERS), st.text(max_size=5)), max_size=12).map(
    "".join
)


@given(hostile_text)
def test_no_literal_survives_and_escaping_is_stable(text: str) -> None:
    for escape in (escape_literals, escape_outside):
        once = escape(text)
        assert escape(once) == once
        for marker in MARKERS[:9]:
            assert marker.lower() not in once.lower()
    assert len(escape_literals(text)) == len(text)
    assert "<tool_call>" not in escape_outside(text)


@given(hostile_text)
def test_what_was_made_harmless_in_use_is_changed_by_media_markers_only(text: str) -> None:
    shown = neutralise(text)
    assert escape_outside(shown) == escape_literals(shown)


@given(st.lists(hostile_text, min_size=1, max_size=4))
def test_any_text_gives_a_true_row_or_a_reason(texts: list[str]) -> None:
    turns = [a_turn(index, found=text) for index, text in enumerate(texts)]
    reply = Message(role=Role.ASSISTANT, parts=(untrusted("<answer>" + texts[0]),))
    turns.append(an_answer(len(texts)).model_copy(update={"reply": reply}))
    trajectory = a_trajectory(a_task(), turns)
    if "\ud800" in texts[0]:
        assert reason_of(trajectory) == "text"
        return
    row = the_row(trajectory)
    assert "".join(m.content for m in row.messages).count("<image>") == 0
    assert not any("<|" in m.content and "|>" in m.content for m in row.messages[1::2])


def test_a_marker_cannot_be_put_together_from_neighbouring_texts() -> None:
    parts = (trusted("<im"), untrusted("age>"), trusted("<|im"), untrusted("_end"), trusted("|>"))
    (row,) = joined([Message(role=Role.USER, parts=parts)], masks=[])
    assert row.pieces == ("\u2039image>\u2039|im_end|>",)


def test_a_page_of_100_kb_passes_whole() -> None:
    text = "word <image> " * 8_000
    row = the_row(a_trajectory(a_task(), [a_turn(0, found=text), an_answer(1)]))
    assert row.messages[3].content.count("\u2039image>") == 8_000
    assert PROFILE.name == "vdr"
    assert HOSTILE not in row.messages[3].content
