"""The same seed and spec give the same world, whatever the process: bytes, questions, rankings."""

import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = """
import asyncio, hashlib, sys
from pathlib import Path
from vision_deepresearch.core.geometry import Box
from vision_deepresearch.media.crop import cut
from vision_deepresearch.media.store import MemoryMediaStore
from vision_deepresearch.worlds.generated.build import build_world
from vision_deepresearch.worlds.generated.spec import WorldSpec
from vision_deepresearch.worlds.generated.world import GeneratedWorld

out = Path(sys.argv[1])
spec = WorldSpec(preset="same", seed=3, split=sys.argv[2], num_entities=150, num_tasks=3)
build_world(spec, out)
world = GeneratedWorld.open(out)

def tell(name, data):
    print(name, hashlib.sha256(data).hexdigest())

async def rankings():
    found = []
    for task in world.tasks():
        found.append([(hit.url, hit.score) for hit in await world.search_text(task.question, limit=10)])
        found.append([hit.url for hit in await world.image_by_text(task.question, limit=10)])
        for data in world.task_pictures(task):
            for box in (Box(x0=0, y0=0, x1=1, y1=1), Box(x0=0.1, y0=0.1, x1=0.5, y1=0.6)):
                store = MemoryMediaStore()
                picture = store.picture(store.put(cut(data, box)))
                hits = await world.search_image(picture, limit=10)
                found.append([(hit.url, hit.score) for hit in hits])
    return repr(found).encode()

for name in ("manifest.json", "tasks.jsonl", "truth/proofs.jsonl", "pictures.json"):
    tell(name, (out / name).read_bytes())
for path in sorted((out / "blobs").rglob("*")):
    if path.is_file():
        tell(path.name, path.read_bytes())
tell("pages", b"".join(world.pages.render_html(page.url) for page in world.pages.all_urls()))
tell("rankings", asyncio.run(rankings()))
"""


@pytest.mark.timeout(120)
@pytest.mark.parametrize("split", ["train", "test"])
def test_two_processes_make_the_same_world(
    split: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = []
    for hash_seed in ("1", "77"):  # the order of sets differs between the two
        monkeypatch.setenv("PYTHONHASHSEED", hash_seed)
        done = subprocess.run(
            [sys.executable, "-c", PROGRAM, str(tmp_path / hash_seed), split],
            capture_output=True,
            text=True,
            check=True,
        )
        told.append(done.stdout.splitlines())
    assert len(told[0]) > 80
    assert told[0] == told[1]
