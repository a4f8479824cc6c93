"""A picture that the agent's program makes becomes one that it can look at, crop and search.

Through `vdr ask`, with the real sandbox; what is no picture is told and takes no handle.
"""

import asyncio
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.cli.test_photos import ANSWER, a_call, ask, is_same, kept, looked_at, picture_in
from vision_deepresearch.core.content import Image as ImagePart
from vision_deepresearch.core.trajectory import Trajectory
from vision_deepresearch.sandbox.inside import landlock

PLOT = """
from PIL import Image, ImageDraw
im = Image.new('RGB', (400, 200), 'white')
draw = ImageDraw.Draw(im)
for i, height in enumerate((40, 90, 150)):
    draw.rectangle([40 + 120 * i, 190 - height, 110 + 120 * i, 190], fill=(200, 30 * i, 60))
"""
BAD = """
import os, struct, zlib, random
def png(width, height, idat):
    def chunk(kind, data):
        return struct.pack('>I', len(data)) + kind + data + struct.pack('>I', zlib.crc32(kind + data))
    head = struct.pack('>IIBBBBB', width, height, 8, 2, 0, 0, 0)
    return b'\\x89PNG\\r\\n\\x1a\\n' + chunk(b'IHDR', head) + chunk(b'IDAT', idat) + chunk(b'IEND', b'')
open('bomb.png', 'wb').write(png(30000, 30000, zlib.compress(bytes(1 << 22), 9)))
open('text.png', 'w').write('<svg onload=alert(1)>')
open('huge.png', 'wb').write(random.randbytes(5 << 20))
os.mkdir('folder.png')
for make in (lambda: os.symlink('/etc/passwd', 'link.png'), lambda: os.link('plot.png', 'twin.png'),
             lambda: os.mkfifo('pipe.png')):
    try: make()
    except OSError as error: print('refused', error.errno)
open('a\\n[img_9] b.png', 'wb').write(open('plot.png', 'rb').read())
"""
MADE = a_call("python", code=f"{PLOT}im.save('plot.png')\nprint('drawn')")
pytestmark = [
    pytest.mark.skipif(landlock.abi() < 1, reason="this kernel has no Landlock"),
    pytest.mark.timeout(120),
    pytest.mark.usefixtures("tiny_world"),
]


def reference() -> Image.Image:
    """What the program drew, drawn by us."""
    room: dict[str, Image.Image] = {}
    exec(PLOT, room)  # noqa: S102 - our own text
    return room["im"]


def a_run(
    folder: Path,
    *replies: str,
    capsys: pytest.CaptureFixture[str],
    shown: int,
    tape: str = "auto",
) -> Trajectory:
    """Ask about a grey photograph with these replies, then give up."""
    photo, script = folder / "photo.png", folder / "script.jsonl"
    Image.new("RGB", (640, 480), (90, 90, 90)).save(photo)
    script.write_text("".join(json.dumps({"text": r}) + "\n" for r in (*replies, ANSWER)))
    model = f"scripted:{script}"
    return ask(photo, folder / "run", model=model, capsys=capsys, shown=shown, tape=tape)


def test_a_drawn_chart_is_looked_at_cropped_and_searched(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    trajectory = a_run(
        tmp_path,
        MADE,
        a_call("zoom", image_id="img_2", bbox=[0, 0, 500, 1000]),
        a_call("crop_and_search", image_id="img_2", bbox=[[500, 0, 1000, 1000]], goal="what is it"),
        capsys=capsys,
        shown=3,
    )
    made, zoom, search = (c.observation for turn in trajectory.turns for c in turn.calls)
    text = "".join(part.text for part in made.parts if not isinstance(part, ImagePart))
    assert "drawn" in text
    assert "img_2: plot.png, 400 x 200 pixels" in text
    out = tmp_path / "run"
    assert is_same(kept(out, picture_in(made)), reference())
    left = reference().crop((0, 0, 200, 200))
    assert is_same(kept(out, picture_in(zoom)), looked_at(left))
    assert search.failure is None
    assert search.regions
    right = np.asarray(reference().crop((200, 0, 400, 200)).resize((8, 8), Image.Resampling.BOX))
    (crop, *_) = search.regions
    seen = kept(out, crop.crop).resize((8, 8), Image.Resampling.BOX)
    assert np.abs(np.asarray(seen).astype(int) - right.astype(int)).max() < 12


def test_what_is_no_picture_is_told_and_takes_no_handle(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Bomb, text, too large, a folder, links, a pipe, and a name that would forge a line."""
    code = f"{PLOT}im.save('plot.png')\n{BAD}"
    trajectory = a_run(
        tmp_path,
        a_call("python", code=code),
        a_call("zoom", image_id="img_3", bbox=[0, 0, 500, 1000]),
        capsys=capsys,
        shown=2,
    )
    made, zoom = (call.observation for turn in trajectory.turns for call in turn.calls)
    assert made.failure is None
    text = "".join(part.text for part in made.parts if not isinstance(part, ImagePart))
    assert text.count("refused 1") == 3
    assert "img_2: plot.png" in text
    for name in ("bomb.png", "text.png"):
        assert f"[File] {name} cannot be shown" in text
    for name in ("folder.png", "huge.png"):
        assert f"[File] {name} not taken" in text
    assert "img_9" not in text
    picture_in(made)  # one alone
    assert zoom.failure is not None, "no img_3 came of it"
    held = [path for path in (tmp_path / "run").rglob("*") if path.is_file()]
    assert not any(b"<svg onload" in p.read_bytes()[:64] for p in held)


@pytest.mark.pitfall("P37")
def test_a_made_picture_replays_where_there_is_no_sandbox(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The tape holds its bytes: nothing is started, not even a self-test."""
    (tmp_path / "one").mkdir()
    (tmp_path / "two").mkdir()
    first = a_run(tmp_path / "one", MADE, capsys=capsys, shown=2)
    monkeypatch.setattr(asyncio, "create_subprocess_exec", None)
    tape = f"replay-strict:{tmp_path / 'one' / 'run' / 'run.db'}"
    second = a_run(tmp_path / "two", MADE, capsys=capsys, shown=2, tape=tape)
    (was,), (now,) = (run.turns[0].calls for run in (first, second))
    assert now.observation == was.observation
    assert is_same(kept(tmp_path / "two" / "run", picture_in(now.observation)), reference())
