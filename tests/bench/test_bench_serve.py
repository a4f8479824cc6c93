"""The benchmark of the world server runs, and finds every answer equal to the unloaded one."""

import random
from pathlib import Path

import pytest
from PIL import Image
from pydantic import JsonValue

from vision_deepresearch.bench.serve import bench_serve
from vision_deepresearch.worlds.corpus.build import import_source
from vision_deepresearch.worlds.corpus.folder import FolderSource
from vision_deepresearch.worlds.generated.build import build_world
from vision_deepresearch.worlds.generated.spec import WorldSpec


@pytest.mark.slow
@pytest.mark.timeout(120)
async def test_a_loaded_server_answers_as_an_unloaded_one(tmp_path: Path) -> None:
    folder = tmp_path / "world"
    build_world(WorldSpec(preset="test", seed=5, num_entities=80, num_tasks=3), folder)
    _check(await bench_serve(world=str(folder), quick=True, seconds=4.0))


@pytest.mark.slow
@pytest.mark.timeout(240)
async def test_an_imported_world_answers_alike_under_load(tmp_path: Path) -> None:
    pages = tmp_path / "pages"
    pages.mkdir()
    for number in range(30):
        words = " ".join(f"word{number * 7 + place}" for place in range(40))
        patches = Image.frombytes("L", (30, 20), random.Random(number).randbytes(600))
        patches.resize((300, 200)).save(pages / f"p{number}.png")
        (pages / f"p{number}.html").write_text(
            f"<html><title>Page {number}</title><body><h1>Page {number}</h1><p>{words}</p>"
            f'<img src="p{number}.png" alt="picture {number}" width="300" height="200"></body></html>'
        )
    import_source(FolderSource(pages), tmp_path / "world")
    _check(await bench_serve(world=str(tmp_path / "world"), quick=True, seconds=4.0, clients=100))


def _check(result: dict[str, JsonValue]) -> None:
    figures = result["figures"]
    assert isinstance(figures, dict)
    zeros = ("unequal", "refused_without_retry_after", "clients_without_end")
    assert [figures[name] for name in zeros] == [0, 0, 0]
    for kind in ("text", "picture"):
        rate = figures[f"{kind}_per_s"]
        assert isinstance(rate, float)
        assert rate > 1
        by_status = figures[f"{kind}_by_status"]
        assert isinstance(by_status, dict)
        assert set(by_status) <= {"200", "503"}
