"""What two runs must have in common when the second replays the first, and a network that is not there."""

import json
import socket
from pathlib import Path

import pytest

from vision_deepresearch.store.run import RunFolder

TIMES_AND_COSTS = {
    *("seconds", "model_seconds", "started_s"),
    *("cost_usd", "has_unknown_cost", "replayed"),
}


def what_happened(folder: Path) -> str:
    """All of every trajectory but how long and how dear it was, as JSON."""
    with RunFolder.read(folder) as view:
        found = sorted(view.trajectories(), key=lambda one: one.id)
    assert found
    return json.dumps([_without_times(one.model_dump(mode="json")) for one in found])


def close_the_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever connects or resolves a name from here on fails the test."""

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("a replay went outside")

    for name in ("connect", "connect_ex", "sendto"):
        monkeypatch.setattr(socket.socket, name, refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)


def _without_times(value: object) -> object:
    match value:
        case dict():
            kept = {key: one for key, one in value.items() if key not in TIMES_AND_COSTS}
            return {key: _without_times(one) for key, one in kept.items()}
        case list():
            return [_without_times(one) for one in value]
        case _:
            return value
