"""Process checks: a faultless trajectory passes, each fault put into it is found."""

from collections.abc import Callable
from pathlib import Path

import pytest
from pydantic import JsonValue

from tests.synth.trajectories.making import made
from vision_deepresearch.core.content import trusted
from vision_deepresearch.core.errors import ConfigError
from vision_deepresearch.core.trajectory import Trajectory, Turn
from vision_deepresearch.models.profiles.vdr import VdrProfile
from vision_deepresearch.store.view import StoredItem
from vision_deepresearch.synth.trajectories.checks import find_faults
from vision_deepresearch.synth.trajectories.records import Accepted
from vision_deepresearch.synth.trajectories.statistics import figures, pass_rates, skeleton
from vision_deepresearch.wiring.trajectories import make_trajectories
from vision_deepresearch.wiring.trajectory_config import make_trajectory_config

PROFILE = VdrProfile()


def faults(record: Accepted, trajectory: Trajectory) -> set[str]:
    found = find_faults(
        record.task, trajectory, profile=PROFILE, proof=record.proof, bridge=record.bridge
    )
    return {fault.reason for fault in found}


def with_turn(trajectory: Trajectory, number: int, change: Callable[[Turn], Turn]) -> Trajectory:
    turns = list(trajectory.turns)
    turns[number] = change(turns[number])
    return trajectory.model_copy(update={"turns": tuple(turns)})


def saying(text: str) -> Callable[[Turn], Turn]:
    def change(turn: Turn) -> Turn:
        calls = tuple(one.call for one in turn.calls)
        completion = PROFILE.write(
            thought=f"{turn.thought} {text}", calls=calls, answer=turn.answer
        )
        parsed = PROFILE.parse(completion, turn=turn.index)
        return turn.model_copy(update={"reply": parsed.message, "thought": parsed.thought})

    return change


def boxed(box: list[JsonValue]) -> Callable[[Turn], Turn]:
    def change(turn: Turn) -> Turn:
        record = turn.calls[0]
        call = record.call.model_copy(
            update={"arguments": {**record.call.arguments, "bbox": [box]}}
        )
        parsed = PROFILE.parse(PROFILE.write(thought=turn.thought, calls=(call,)), turn=turn.index)
        return turn.model_copy(
            update={
                "reply": parsed.message,
                "calls": (record.model_copy(update={"call": call}),),
            }
        )

    return change


def test_the_offline_teacher_is_right_and_faultless(accepted: list[Accepted]) -> None:
    assert len(accepted) >= 5, "six tasks, the oracle at them"
    for record in accepted:
        assert faults(record, record.trajectory) == set()
        phases = [turn.phase for turn in record.trajectory.turns]
        assert phases == sorted(phases, key=lambda phase: phase != "vision")
        assert record.hit_turn == phases.index("text")


def test_truth_that_was_not_read_yet_is_found(accepted: list[Accepted]) -> None:
    record = accepted[0]
    assert record.task.gold is not None
    gold = record.task.gold.answers[0]
    early = with_turn(record.trajectory, 0, saying(f"It may well be {gold}."))
    assert faults(record, early) == {"truth_leak"}


def test_what_is_left_of_the_bridge_is_found(accepted: list[Accepted]) -> None:
    record = accepted[0]
    for lent in ("Going by the description, I read on.", " ".join(record.bridge[1].split()[:9])):
        left = with_turn(record.trajectory, 1, saying(lent))
        assert faults(record, left) == {"bridge_left"}


def test_a_question_that_asks_for_a_description_may_be_repeated(accepted: list[Accepted]) -> None:
    """The question's own words in a query are none of the bridge; other talk of it still is."""
    asks = "In which year was the first description of the mascot species of that organisation?"
    task = accepted[0].task.model_copy(update={"question": asks})
    record = accepted[0].model_copy(update={"task": task})
    for said, expected in (
        ('I search for "the first description of the mascot species of that organisation".', set()),
        ('The query: "description of the mascot species of that organisation".', set()),
        ("Going by the description, I read on.", {"bridge_left"}),
        ("It fits the description of the picture.", {"bridge_left"}),
        ('"the first description of the mascot species" fits the description.', {"bridge_left"}),
    ):
        left = with_turn(record.trajectory, 1, saying(said))
        assert faults(record, left) == expected, said


@pytest.mark.parametrize(
    "box", [[-5, 10, 200, 300], [10, 10, 1001, 300], [300, 10, 200, 300], [1, 2, 3], ["a", 1, 2, 3]]
)
def test_boxes_off_the_picture_are_found(accepted: list[Accepted], box: list[JsonValue]) -> None:
    record = accepted[0]
    assert "box_outside" in faults(record, with_turn(record.trajectory, 0, boxed(box)))


def test_calls_that_were_not_said_and_replies_without_thought_are_found(
    accepted: list[Accepted],
) -> None:
    record = accepted[0]
    orphan = with_turn(record.trajectory, 1, lambda turn: turn.model_copy(update={"calls": ()}))
    assert "orphan_call" in faults(record, orphan)
    mute = with_turn(record.trajectory, 1, lambda turn: turn.model_copy(update={"thought": " "}))
    assert "no_thought" in faults(record, mute)


def test_a_page_that_nothing_led_to_is_found(accepted: list[Accepted]) -> None:
    record = next(
        one
        for one in accepted
        if any(call.call.name == "visit" for turn in one.trajectory.turns for call in turn.calls)
    )
    blank = record.trajectory.model_copy(
        update={
            "turns": tuple(
                turn.model_copy(
                    update={
                        "results": tuple(
                            one.model_copy(update={"parts": (trusted("nothing"),)})
                            for one in turn.results
                        )
                    }
                )
                for turn in record.trajectory.turns
            )
        }
    )
    assert "url_leak" in faults(record, blank)


def test_waste_and_an_unused_picture_are_found(accepted: list[Accepted]) -> None:
    record = accepted[0]
    first = record.trajectory.turns[0]
    again = record.trajectory.model_copy(update={"turns": (*[first] * 3, *record.trajectory.turns)})
    assert "repetition" in faults(record, again)
    unseen = record.trajectory.model_copy(update={"turns": record.trajectory.turns[1:]})
    assert "picture_unused" in faults(record, unseen)


async def test_the_same_seed_words_it_alike_and_ways_differ_by_attempt(
    tiny_world: Path, tmp_path: Path
) -> None:
    del tiny_world
    first = await made(tmp_path / "a", tasks=3, attempts=2)
    again = await made(tmp_path / "b", tasks=3, attempts=2)

    def told(records: list[Accepted]) -> list[list[str]]:
        return [[turn.thought for turn in one.trajectory.turns] for one in records]

    assert told(first) == told(again)
    by_task: dict[str, list[list[str]]] = {}
    for record, thoughts in zip(first, told(first), strict=True):
        by_task.setdefault(record.task.id, []).append(thoughts)
    assert all(
        len({str(one) for one in siblings}) == len(siblings) for siblings in by_task.values()
    )


def test_figures_count_what_is_there(accepted: list[Accepted]) -> None:
    told = figures(accepted)
    assert told["trajectories"] == len(accepted)
    assert told["thoughts"] == sum(one.trajectory.num_turns for one in accepted)
    assert told["scales"], "by scale, how often it was asked for"
    assert figures([])["trajectories"] == 0


def test_pass_rates_are_those_of_questions_over_attempts(accepted: list[Accepted]) -> None:
    one = accepted[0].model_copy(update={"id": "q1-a0"})
    attempts = [
        StoredItem(stage="roll_out@1", key=name, record=name, seconds=1.0)
        for name in ("q1-a0", "q1-a1", "q2-a0")
    ]
    told = pass_rates(attempts, [one])
    assert (told["questions"], told["attempts"], told["accepted"]) == (2, 3, 1)
    assert (told["never"], told["sometimes"], told["always"]) == (1, 1, 0)


def test_a_thought_is_masked_to_its_skeleton() -> None:
    one = skeleton('Good. It is Kvarn Line. I search for "Kvarn Line owner".')
    other = skeleton('Good. It is The Old Mill of Tolm. I search for "Tolm mill age 12".')
    assert one == other


@pytest.mark.parametrize(
    ("setting", "named"),
    [
        ({"noise": {"preset": "hostile"}}, "noise"),
        ({"judge": "strict", "judge_model": "openai:x"}, "judge"),
        ({"summariser": "openai:x"}, "summariser"),
        ({"trajectories": {"text_model": "openai:x"}}, r"trajectories\.text_model"),
    ],
    ids=["noise", "judge", "summariser", "text"],
)
async def test_settings_without_effect_beside_the_oracle_are_refused(
    tmp_path: Path, setting: dict[str, JsonValue], named: str
) -> None:
    config = make_trajectory_config({"world": "generated:tiny", **setting})
    with pytest.raises(ConfigError, match=f"leave {named} out"):
        await make_trajectories(config, out=tmp_path / "run")
