"""Thousands of episodes against providers that fail, burst and go down, seed by seed; see docs/faults.md."""

import time
from collections import Counter
from collections.abc import Iterator

from pydantic import JsonValue

from vision_deepresearch.bench.simulation import (
    BURST_EVERY_S,
    CALLS,
    OUTAGE_S,
    SimulationOutcome,
    SimulationPiece,
    simulate,
)
from vision_deepresearch.evals.fleet import spread

EPISODES = 10_000
QUICK_EPISODES = 400
EPISODES_PER_SEED = 1_000
QUICK_EPISODES_PER_SEED = 100
FAULT_FRAC = 0.3
_MAX_AMPLIFICATION = 1.5
_MAX_ERROR_FRAC = 0.001


def bench_faults(
    *, episodes: int | None = None, seed: int = 0, quick: bool = False, jobs: int | None = None
) -> dict[str, JsonValue]:
    """Simulate.

    Args:
        episodes: in all; None: 10,000.
        seed: of the first run; the others count on from it.
        quick: 400 in four runs.
        jobs: processes; None: one.

    Returns:
        The object of `vdr bench faults`. `ratios` divide by their limits: a promise is kept where
        none is above 1.
    """
    pieces = list(_pieces(episodes, seed=seed, quick=quick))
    began_s, began_cpu_s = time.perf_counter(), time.process_time()
    outcomes = sorted(spread(simulate, pieces, jobs=jobs or 1), key=lambda one: one.seed)
    figures = summary(outcomes)
    figures["wall_s"] = round(time.perf_counter() - began_s, 1)
    figures["cpu_s"] = round(time.process_time() - began_cpu_s, 1) if (jobs or 1) < 2 else None
    return {
        "name": "faults",
        "settings": {
            "quick": quick,
            "seeds": [piece.seed for piece in pieces],
            "episodes": sum(piece.episodes for piece in pieces),
            "calls_per_episode": CALLS,
            "fault_frac": FAULT_FRAC,
            "burst_every_s": BURST_EVERY_S,
            "outage_s": OUTAGE_S,
        },
        "figures": figures,
        "baseline": {"fault_free_calls": CALLS * sum(piece.episodes for piece in pieces)},
        "ratios": ratios(outcomes),
    }


def _pieces(episodes: int | None, *, seed: int, quick: bool) -> Iterator[SimulationPiece]:
    left = episodes or (QUICK_EPISODES if quick else EPISODES)
    per_seed = QUICK_EPISODES_PER_SEED if quick else EPISODES_PER_SEED
    while left > 0:
        yield SimulationPiece(seed=seed, episodes=min(per_seed, left), fault_frac=FAULT_FRAC)
        left -= per_seed
        seed += 1


def summary(outcomes: list[SimulationOutcome]) -> dict[str, JsonValue]:
    """Sums over the runs, and what they amount to."""
    faults: Counter[str] = Counter()
    for one in outcomes:
        faults.update(one.faults)
    calls = _sum(outcomes, "calls")
    return {
        "episodes": _sum(outcomes, "episodes"),
        **{name: _sum(outcomes, name) for name in _BROKEN},
        "provider_errors": _sum(outcomes, "provider_errors"),
        "attempts": _sum(outcomes, "attempts"),
        "amplification": round(_amplification(outcomes), 4),
        "attempts_per_call": round(_sum(outcomes, "attempts") / calls, 4) if calls else None,
        "hedges": _sum(outcomes, "hedges"),
        "redone": _sum(outcomes, "redone"),
        "repeated": _sum(outcomes, "repeated"),
        "in_flight_at_stops": _sum(outcomes, "in_flight"),
        "requests_per_outage": round(_sum(outcomes, "outage_requests") / len(outcomes), 1),
        "virtual_minutes": round(sum(one.virtual_s for one in outcomes) / 60, 1),
        "faults": dict(faults),
        "digests": {str(one.seed): one.digest for one in outcomes},
    }


_BROKEN = ("missing", "doubled", "wrong", "hangs", "leaks", "late_calls")
"""Counts that have to be 0."""


def ratios(outcomes: list[SimulationOutcome]) -> dict[str, JsonValue]:
    """Each promise as a share of its limit."""
    episodes = _sum(outcomes, "episodes") or 1
    errors = _sum(outcomes, "provider_errors") / episodes
    return {
        "amplification": round(_amplification(outcomes) / _MAX_AMPLIFICATION, 4),
        "provider_errors": round(errors / _MAX_ERROR_FRAC, 4),
        "broken": sum(_sum(outcomes, name) for name in _BROKEN) * 2.0,
    }


def _amplification(outcomes: list[SimulationOutcome]) -> float:
    """Requests sent, for every call that a run without faults makes."""
    return _sum(outcomes, "attempts") / (_sum(outcomes, "needed") or 1)


def _sum(outcomes: list[SimulationOutcome], name: str) -> int:
    return sum(int(one.model_dump(include={name})[name]) for one in outcomes)
