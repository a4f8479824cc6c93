"""The option `verify_evidence`: another search, another page, before the answer."""

import asyncio
from pathlib import Path

import pytest

from vision_deepresearch.core.errors import ConfigError
from vision_deepresearch.core.trajectory import Trajectory, Turn
from vision_deepresearch.synth.pipeline import Made
from vision_deepresearch.synth.trajectories.records import Accepted
from vision_deepresearch.synth.trajectories.verification import is_verified
from vision_deepresearch.wiring.trajectories import make_trajectories
from vision_deepresearch.wiring.trajectory_config import make_trajectory_config

NUM_TASKS = 6
pytestmark = pytest.mark.timeout(180)


async def made(out: Path, *, verify_evidence: bool) -> Made:
    config = make_trajectory_config({
        "world": "generated:tiny",
        "today": "2026-01-01",
        "trajectories": {"tasks": NUM_TASKS, "verify_evidence": verify_evidence},
    })
    return await make_trajectories(config, out=out)


@pytest.fixture(scope="module")
def with_it(tiny_world: Path, tmp_path_factory: pytest.TempPathFactory) -> Made:
    assert tiny_world.is_dir()
    out = tmp_path_factory.mktemp("runs") / "with"
    return asyncio.run(made(out, verify_evidence=True))  # noqa: TID251 - once for all tests


def accepted(result: Made) -> list[Accepted]:
    return [one for one in result.records if isinstance(one, Accepted)]


def cut(trajectory: Trajectory, turn: Turn) -> Trajectory:
    rest = tuple(one for one in trajectory.turns if one is not turn)
    return trajectory.model_copy(update={"turns": rest})


def checks_of(record: Accepted) -> list[Turn]:
    """Turns of searches that name the answer, which was read before."""
    answer = record.trajectory.answer or "?"
    return [
        turn
        for turn in record.trajectory.turns
        if any(
            call.call.name == "search" and answer in str(call.call.arguments["query"])
            for call in turn.calls
        )
    ]


def test_answers_are_confirmed_by_another_search_that_can_be_seen(with_it: Made) -> None:
    kept = accepted(with_it)
    assert kept, "some of the tiny world's answers stand on two pages"
    assert with_it.funnel[-1].rejected.keys() <= {"not_verified"}
    for record in kept:
        assert is_verified(record.task, record.trajectory, proof=record.proof)
        assert checks_of(record)
        whole = record.trajectory
        for turn in checks_of(record):
            whole = cut(whole, turn)
        last = whole.turns[-1]
        while whole.turns and last.answer is None:
            whole = cut(whole, last)
        before = [turn for turn in whole.turns if turn.index < checks_of(record)[0].index]
        bare = whole.model_copy(update={"turns": (*before, whole.turns[-1])})
        assert not is_verified(record.task, bare, proof=record.proof)


async def test_without_it_nothing_is_confirmed(tiny_world: Path, tmp_path: Path) -> None:
    assert tiny_world
    plain = accepted(await made(tmp_path / "run", verify_evidence=False))
    assert len(plain) >= NUM_TASKS - 1
    for record in plain:
        assert not is_verified(record.task, record.trajectory, proof=record.proof)
        assert not checks_of(record)


def test_the_same_page_again_is_no_second_page(with_it: Made) -> None:
    record = accepted(with_it)[0]
    first = checks_of(record)[0]
    here = [
        one.url
        for turn in record.trajectory.turns[: first.index]
        for call in turn.calls
        for one in call.observation.evidence
        if one.kind == "page" and (record.trajectory.answer or "?") in one.snippet
    ][-1]

    def moved(turn: Turn) -> Turn:
        calls = tuple(
            call.model_copy(
                update={
                    "observation": call.observation.model_copy(
                        update={
                            "evidence": tuple(
                                one.model_copy(update={"url": here})
                                for one in call.observation.evidence
                            )
                        }
                    )
                }
            )
            for call in turn.calls
        )
        return turn.model_copy(update={"calls": calls})

    turns = tuple(
        moved(turn) if turn.index >= first.index else turn for turn in record.trajectory.turns
    )
    same = record.trajectory.model_copy(update={"turns": turns})
    assert not is_verified(record.task, same, proof=record.proof)


def test_a_misspelt_key_is_refused() -> None:
    with pytest.raises(ConfigError, match="verify_evidences"):
        make_trajectory_config({"trajectories": {"verify_evidences": True}})
