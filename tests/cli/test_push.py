"""`vdr world push`: from a world's folder into an index, and what it says where that fails."""

import json
from pathlib import Path

import pytest

from tests.worlds.index.opensearch_double import Fault, OpenSearchDouble
from vision_deepresearch.cli.main import run

KEY_HEADER = "ApiKey a2V5LW9mLXRoZS10ZXN0"


def test_a_world_is_pushed_once_and_then_known(
    tiny_world: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VDR_SEARCH_AUTHORIZATION", KEY_HEADER)
    with OpenSearchDouble(authorization=KEY_HEADER) as server:
        command = ["world", "push", str(tiny_world), "--to", f"{server.url}/tiny", "--json"]
        for num_added in (True, False):
            assert run(command) == 0
            said = json.loads(capsys.readouterr().out)
            assert said["complete"]
            assert bool(said["added"]) is num_added
            assert said["pages"] > 100


def test_refused_pages_and_addresses_end_the_command(
    tiny_world: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with OpenSearchDouble() as server:
        server.poisoned = frozenset({"3"})
        assert run(["world", "push", str(tiny_world), "--to", f"{server.url}/tiny"]) == 2
        out = capsys.readouterr()
        assert "page 3" in out.out + out.err
        server.faults = [Fault(path="/tiny", status=403)]
        assert run(["world", "push", str(tiny_world), "--to", f"{server.url}/tiny"]) == 2
        assert "answered 403" in capsys.readouterr().err
    assert run(["world", "push", str(tiny_world), "--to", "nowhere"]) == 2
    assert "name server and index" in " ".join(capsys.readouterr().err.split())
