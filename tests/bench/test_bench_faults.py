"""The simulator: real agent, store and policy against seeded faults keep their promises."""

import pytest

from vision_deepresearch.bench.faults import bench_faults
from vision_deepresearch.bench.simulation import CALLS, SimulationPiece, simulate
from vision_deepresearch.cli.bench_commands import TAKES

EPISODES = 250


@pytest.mark.pitfall("P39")
@pytest.mark.pitfall("P72")
@pytest.mark.timeout(300)
@pytest.mark.parametrize("seed", [0, 1, 2, 3])
def test_faults_bursts_an_outage_and_a_stop_lose_nothing(seed: int) -> None:
    found = simulate(SimulationPiece(seed=seed, episodes=EPISODES))
    assert (found.episodes, found.missing, found.doubled, found.wrong) == (EPISODES, 0, 0, 0)
    assert (found.hangs, found.leaks, found.late_calls) == (0, 0, 0)
    assert found.provider_errors <= 1
    assert found.attempts <= 1.55 * found.needed, "a short run: its outage weighs more"
    assert found.repeated <= found.in_flight + found.hedges
    assert found.outage_requests > 0, "the outage was met"
    assert min(found.faults.values()) > 0
    assert len(found.faults) >= 8


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_ten_thousand_episodes_keep_every_promise() -> None:
    result = bench_faults(episodes=10_000, seed=1000)
    ratios = result["ratios"]
    assert isinstance(ratios, dict)
    assert all(isinstance(ratio, float) and ratio <= 1 for ratio in ratios.values()), result


def test_one_seed_makes_one_sequence_of_events() -> None:
    piece = SimulationPiece(seed=7, episodes=40)
    first, again = simulate(piece), simulate(piece)
    assert first == again
    assert simulate(piece.model_copy(update={"seed": 11})).digest != first.digest


def test_without_faults_every_call_is_made_once() -> None:
    piece = SimulationPiece(seed=0, episodes=30, fault_frac=0.0, has_outage=False, has_stop=False)
    found = simulate(piece)
    assert found.episodes == 30
    assert found.attempts - found.hedges == found.needed == 30 * CALLS
    assert (found.calls, found.redone, found.faults) == (30 * CALLS, 0, {})


def test_the_command_prints_one_object() -> None:

    assert TAKES["faults"] == ("tasks", "seed", "jobs")
    result = bench_faults(episodes=20, quick=True)
    assert set(result) == {"name", "settings", "figures", "baseline", "ratios"}
    figures = result["figures"]
    assert isinstance(figures, dict)
    assert figures["episodes"] == 20
