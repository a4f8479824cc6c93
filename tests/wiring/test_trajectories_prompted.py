"""Trajectory synthesis taught by models behind the wire: accepted, without a hit, refused.

The oracle plays both teachers behind a server that speaks the chat format; the hit judge and the
describer are scripted. The hit judge alone may be told the gold answer.
"""

from collections.abc import Sequence
from pathlib import Path

import pytest
from pydantic import JsonValue

from tests.models.openai_double import ChatRequest, OpenAiDouble, Reply, Step
from tests.models.openai_replay import pictures_of, plays, thinking_aloud
from tests.synth.roles.cases import said, texts_of
from vision_deepresearch.core.context import SpendKind
from vision_deepresearch.core.errors import ConfigError
from vision_deepresearch.core.task import Task
from vision_deepresearch.core.untrusted import neutralise
from vision_deepresearch.models.oracle import OracleModel
from vision_deepresearch.models.profiles.vdr import VdrProfile
from vision_deepresearch.synth.pipeline import Made
from vision_deepresearch.synth.prompt_files import prompt_named
from vision_deepresearch.synth.trajectories.degrade import DegradeSettings
from vision_deepresearch.synth.trajectories.records import Accepted
from vision_deepresearch.wiring.trajectories import make_trajectories
from vision_deepresearch.wiring.trajectory_config import TrajectoryConfig, make_trajectory_config
from vision_deepresearch.wiring.worlds import open_world, world_folder

WORLD = "generated:tiny"
NUM_TASKS = 5
FATES = ("accepted", "no_hit", "refused", "bad_reply", "refused_at_once")
DESCRIPTION = (
    "A painted scene under a plain sky. Several shapes stand side by side, the largest of them in "
    "the middle, smaller ones to its left and right; their outlines are dark, their faces coloured."
)


class Teachers:
    """The script: who is asked is told by the system message; what is said, by the task."""

    def __init__(self, tasks: Sequence[Task], *, fates: Sequence[str]) -> None:
        source = open_world(world_folder(WORLD))
        assert source.truth is not None
        self.fates = dict(zip([task.id for task in tasks], fates, strict=True))
        self.tasks = tasks
        self.play = plays(
            OracleModel(source.truth, VdrProfile()), tasks=tasks, change=thinking_aloud
        )
        self.seen: dict[str, list[str]] = {"judge": [], "describer": [], "teacher": []}
        self.num_pictures: list[tuple[str, int]] = []

    def __call__(self, request: ChatRequest) -> Step:
        text = texts_of(request)
        task = next(task for task in self.tasks if neutralise(task.question) in text)
        who = "teacher"
        if "You decide whether the visual evidence" in text:
            who = "judge"
        elif "You describe pictures for a researcher" in text:
            who = "describer"
        self.seen[who].append(text)
        self.num_pictures.append((text, len(pictures_of(request))))
        fate = self.fates.get(task.id, "accepted")
        match who, fate:
            case "judge", "no_hit":
                return said({"reason": "Only similar things.", "is_hit": False})
            case "judge", "refused_at_once":
                return Reply(text=None, refusal="I cannot judge this.")
            case "judge", "bad_reply":
                return "It looks promising."
            case "judge", _:
                return said({"reason": "The name stands in a title.", "is_hit": True})
            case "describer", "refused":
                return Reply(text=None, refusal="I cannot describe this.")
            case "describer", _:
                return said({"description": DESCRIPTION})
            case _:
                return self.play(request)


def a_config(server: OpenAiDouble, **own: JsonValue) -> TrajectoryConfig:
    values: dict[str, JsonValue] = {
        "model": server.name,
        "world": WORLD,
        "profile": "vdr",
        "summariser": "passages",
        "python": "off",
        "concurrency": 2,
        "today": "2026-01-01",
        "endpoint": {"provider": "vllm", "max_attempts": 2},
        "trajectories": {"tasks": NUM_TASKS, "max_visual_turns": 2, **own},
    }
    return make_trajectory_config(values)


def tasks_of_the_world() -> list[Task]:
    return open_world(world_folder(WORLD)).own_tasks(NUM_TASKS)


def reasons_of(made: Made) -> dict[str, int]:
    return {reason: count for row in made.funnel for reason, count in row.rejected.items()}


def accepted_of(made: Made) -> list[Accepted]:
    return [one for one in made.records if isinstance(one, Accepted)]


async def test_one_is_accepted_one_has_no_hit_one_is_refused(tmp_path: Path) -> None:
    tasks = tasks_of_the_world()
    script = Teachers(tasks, fates=FATES)
    with OpenAiDouble(script) as server:
        made = await make_trajectories(a_config(server), out=tmp_path / "run")
        assert server.problems == []
        num_requests = server.num_requests
        again = await make_trajectories(a_config(server), out=tmp_path / "run")
        assert server.num_requests == num_requests, "nothing is asked twice"
    assert reasons_of(made) == {"no_hit": 1, "refused": 2, "bad_reply": 1}
    assert again.records == made.records
    (one,) = accepted_of(made)
    assert one.task.id == tasks[0].id
    told = one.trajectory.model_dump_json()
    assert DESCRIPTION[:40] not in told
    assert "TRUE ANSWER" not in told
    assert any(message.images for message in one.trajectory.prompt), "the picture is back"
    assert {turn.phase for turn in one.trajectory.turns} == {"vision", "text"}
    counts = one.trajectory.totals.calls
    assert counts[SpendKind.MODEL_CALL] == len(one.trajectory.turns)
    assert counts[SpendKind.JUDGE] >= 1
    assert counts[SpendKind.SUMMARY] == 1, "the description"


async def test_only_the_hit_judge_is_told_the_answer(tmp_path: Path) -> None:
    tasks = tasks_of_the_world()[:1]
    script = Teachers(tasks, fates=FATES[:1])
    with OpenAiDouble(script) as server:
        made = await make_trajectories(a_config(server, tasks=1), out=tmp_path / "run")
    assert len(accepted_of(made)) == 1
    gold = tasks[0].gold
    assert gold is not None
    assert all(gold.answers[0] in text for text in script.seen["judge"])
    assert script.seen["judge"]
    for text in (*script.seen["describer"], *script.seen["teacher"]):
        assert "TRUE ANSWER" not in text
    (asked,) = script.seen["describer"]
    assert not any(name in asked for name in (*gold.answers, *(gold.entities or ())))
    blind = [
        (text, num) for text, num in script.num_pictures if "You cannot see the picture" in text
    ]
    assert blind
    assert all(DESCRIPTION in text and num == 0 for text, num in blind)


async def test_each_teacher_may_be_another_model(tmp_path: Path) -> None:
    tasks = tasks_of_the_world()[:1]
    seeing, reading = (Teachers(tasks, fates=FATES[:1]) for _ in range(2))
    with OpenAiDouble(seeing) as first, OpenAiDouble(reading, model="reader") as second:
        config = a_config(first, tasks=1, text_model=second.name, judge_model=second.name)
        made = await make_trajectories(config, out=tmp_path / "run")
        assert first.problems == second.problems == []
    assert len(accepted_of(made)) == 1
    assert not seeing.seen["judge"]
    assert not reading.seen["describer"]
    assert reading.seen["judge"]
    assert all("You cannot see the picture" in text for text in reading.seen["teacher"])
    assert not any("You cannot see the picture" in text for text in seeing.seen["teacher"])


async def test_an_endpoint_that_dies_costs_nothing(tmp_path: Path) -> None:
    """What was asked before stands on the tape; the same command goes on to the same end."""
    tasks = tasks_of_the_world()
    with OpenAiDouble(Teachers(tasks, fates=FATES)) as server:
        whole = await make_trajectories(a_config(server), out=tmp_path / "whole")
        num_all, port = server.num_requests, server.port
    with OpenAiDouble(Teachers(tasks, fates=FATES), die_after=num_all // 2, port=port) as server:
        torn = await make_trajectories(a_config(server), out=tmp_path / "torn")
        assert sum(row.outages for row in torn.funnel) >= 1
    with OpenAiDouble(Teachers(tasks, fates=FATES), port=port) as server:
        resumed = await make_trajectories(a_config(server), out=tmp_path / "torn")
        assert server.num_requests <= num_all - num_all // 2 + 1
    assert reasons_of(resumed) == reasons_of(whole)
    first, second = accepted_of(whole), accepted_of(resumed)
    assert [one.id for one in first] == [one.id for one in second]
    for one, other in zip(first, second, strict=True):
        assert [turn.reply for turn in one.trajectory.turns] == [
            turn.reply for turn in other.trajectory.turns
        ]


@pytest.mark.parametrize(
    "own", [{"text_model": "oracle"}, {"judge_model": "oracle"}, {"judge_model": "nobody"}]
)
async def test_a_model_that_cannot_play_is_said(tmp_path: Path, own: dict[str, JsonValue]) -> None:
    with OpenAiDouble([]) as server:
        with pytest.raises(ConfigError):
            await make_trajectories(a_config(server, **own), out=tmp_path / "run")
        assert server.num_requests == 0


async def test_the_oracle_takes_no_other_model_beside_it(tmp_path: Path) -> None:
    config = make_trajectory_config({
        "world": WORLD,
        "trajectories": {"tasks": 1, "judge_model": "openai:x"},
    })
    with pytest.raises(ConfigError, match="needs no other model"):
        await make_trajectories(config, out=tmp_path / "run")


def test_an_unknown_setting_is_refused() -> None:
    with pytest.raises(ConfigError, match="judge_modell"):
        make_trajectory_config({"trajectories": {"judge_modell": "openai:x"}})


async def test_a_model_is_told_to_confirm_and_what_it_does_not_confirm_is_rejected(
    tmp_path: Path,
) -> None:
    tasks = tasks_of_the_world()[:1]
    script = Teachers(tasks, fates=FATES[:1])
    with OpenAiDouble(script) as server:
        config = a_config(server, tasks=1, verify_evidence=True)
        made = await make_trajectories(config, out=tmp_path / "run")
    assert reasons_of(made) == {"not_verified": 1}
    told = prompt_named("verify_evidence").text
    assert {told in text for text in script.seen["teacher"]} == {False, True}, "the text phase"


async def test_a_model_is_offered_repairs_only_where_pictures_are_damaged(tmp_path: Path) -> None:
    for name, table in (("plain", None), ("damaged", {"damages": ["blur"]})):
        script = Teachers(tasks_of_the_world()[:1], fates=FATES[:1])
        with OpenAiDouble(script) as server:
            plain = a_config(server, tasks=1)
            config = plain.model_copy(
                update={
                    "run": plain.run.model_copy(update={"mode": "agent+zoom"}),
                    "degrade": DegradeSettings.model_validate(table) if table else None,
                }
            )
            await make_trajectories(config, out=tmp_path / name)
        offered = {"rotate_270" in text for text in script.seen["teacher"]}
        assert offered == {table is not None}
