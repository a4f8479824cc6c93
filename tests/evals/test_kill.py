"""kill -9 at any moment, however often: nothing lost, nothing doubled, nothing paid for twice."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from pydantic import BaseModel, ConfigDict

ROOT = Path(__file__).resolve().parents[2]
CONCURRENCY = 8
CALLS_AT_ONCE = 2
"""What one episode has in flight at most: a turn's search and page."""


class Found(BaseModel):
    """What `kill_loop` prints."""

    model_config = ConfigDict(extra="ignore")

    episodes: int
    kills: int
    deaths: dict[str, int]
    held: int
    lost: int
    unknown: int
    done_again: int
    differing: list[str]
    sound: str
    distinct_calls: int
    calls_undisturbed: int
    repeated: int
    in_flight_at_deaths: int
    most_in_flight: int
    repeated_after_ack: int
    made_twice_in_a_life: int


def killed(folder: Path, *, episodes: int, kills: int, seed: int) -> Found:
    """Run it once undisturbed and once killed so often, in a process of its own."""
    numbers = (str(episodes), str(kills), str(seed), str(CONCURRENCY))
    done = subprocess.run(
        [sys.executable, "-m", "tests.evals.kill_loop", str(folder), *numbers],
        capture_output=True,
        text=True,
        cwd=ROOT,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return Found.model_validate(json.loads(done.stdout))


def check(found: Found) -> None:
    assert found.held == found.episodes, "not every episode is there"
    assert (found.lost, found.unknown) == (0, 0)
    assert found.done_again == 0, "an acknowledged episode was gone and made again"
    assert found.differing == [], "not what an undisturbed run holds"
    assert found.sound == "ok"
    assert found.distinct_calls == found.calls_undisturbed
    assert found.repeated_after_ack == 0, "a call was paid for again"
    assert found.made_twice_in_a_life == 0
    assert found.repeated <= found.in_flight_at_deaths
    assert found.most_in_flight <= CONCURRENCY * CALLS_AT_ONCE
    assert found.repeated > 0, "no kill ever hit a call in flight: the proof proves nothing"


@pytest.mark.timeout(120)
@pytest.mark.pitfall("P83")
def test_twenty_kills_lose_double_and_pay_nothing(tmp_path: Path) -> None:
    found = killed(tmp_path, episodes=200, kills=20, seed=1)
    assert sum(found.deaths.values()) == found.kills == 20
    check(found)


@pytest.mark.slow
@pytest.mark.timeout(3000)
def test_a_thousand_kills_of_ten_thousand_episodes_lose_double_and_pay_nothing(
    tmp_path: Path,
) -> None:
    found = killed(tmp_path, episodes=10_000, kills=1000, seed=7)
    assert sum(found.deaths.values()) == found.kills == 1000
    assert len(found.deaths) == 4, "it was never killed while opening, or never within a write"
    check(found)
