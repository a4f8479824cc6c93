"""A photograph goes through `vdr ask`: zoom, crops, search, answer, trace page - pixel by pixel.

The reference is Pillow alone. Without the shared photographs the drawn one still runs.
"""

import io
import json
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageOps

from tests.media.test_photos import NAMES, encoded, source
from vision_deepresearch.cli.main import run
from vision_deepresearch.core.content import Image as ImagePart
from vision_deepresearch.core.content import ImageRef
from vision_deepresearch.core.observation import Observation
from vision_deepresearch.core.trajectory import Trajectory
from vision_deepresearch.store.run import RunFolder

BOX = (250, 100, 751, 900)
"""In thousandths, as a model writes it."""
SCALES = (1.0, 1.5)
ANSWER = "<think>done</think><answer>I do not know</answer>"


def a_call(name: str, **arguments: object) -> str:
    return f"<think>hm</think><tool_call>{json.dumps({'name': name, 'arguments': arguments})}</tool_call>"


REPLIES = (
    a_call("zoom", image_id="img_1", bbox=list(BOX)),
    a_call(
        "crop_and_search", image_id="img_1", bbox=[list(BOX)], goal="who is it", scales=list(SCALES)
    ),
    a_call("zoom", image_id="img_2", bbox=[0, 0, 1000, 1000]),
    ANSWER,
)


def ask(
    picture: Path,
    out: Path,
    *,
    model: str,
    capsys: pytest.CaptureFixture[str],
    shown: int = 3,
    tape: str = "auto",
) -> Trajectory:
    """Ask with the picture; checks the report and that the trace page shows as many pictures."""
    command = ["ask", str(picture), "-q", "Who is it?", "--world", "generated:tiny"]
    command += ["--model", model, "--out", str(out), "--tape", tape, "--json"]
    assert run(command) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["answer"] == "I do not know"
    page = Path(report["trace"]).read_text()
    assert page.count("data:image/") >= shown, "photograph, zoom and crops"
    ((_, trajectory, _),) = RunFolder.read(out).traces()
    return trajectory


def upright(data: bytes) -> Image.Image:
    return ImageOps.exif_transpose(Image.open(io.BytesIO(data))).convert("RGB")


def kept(out: Path, ref: ImageRef) -> Image.Image:
    data = RunFolder.read(out).load_picture(ref)
    assert data is not None
    return Image.open(io.BytesIO(data)).convert("RGB")


def is_same(one: Image.Image, two: Image.Image) -> bool:
    return one.size == two.size and bool((np.asarray(one) == np.asarray(two)).all())


def region(picture: Image.Image, box: tuple[float, float, float, float]) -> Image.Image:
    """The pixels a box covers, in thousandths."""
    left, right = (box[0] * picture.width / 1000, box[2] * picture.width / 1000)
    top, bottom = (box[1] * picture.height / 1000, box[3] * picture.height / 1000)
    edges = (int(left + 1e-6), int(top + 1e-6), -int(-(right - 1e-6) // 1))
    return picture.crop((*edges, -int(-(bottom - 1e-6) // 1)))


def searched(part: Image.Image) -> Image.Image:
    """As a crop is searched: twice as large if it is small."""
    return enlarged(part, factor=2 if max(part.size) < 512 else 1)


def looked_at(part: Image.Image) -> Image.Image:
    """As a zoom is shown: enlarged to 768 pixels, eight times at most."""
    return enlarged(part, factor=min(max(768 / max(part.size), 1), 8))


def enlarged(part: Image.Image, *, factor: float) -> Image.Image:
    size = round(part.width * factor), round(part.height * factor)
    return part if factor == 1 else part.resize(size, Image.Resampling.LANCZOS)


def scaled(factor: float) -> tuple[float, float, float, float]:
    middle = (BOX[0] + BOX[2]) / 2, (BOX[1] + BOX[3]) / 2
    half = (BOX[2] - BOX[0]) / 2 * factor, (BOX[3] - BOX[1]) / 2 * factor
    return (
        max(middle[0] - half[0], 0),
        max(middle[1] - half[1], 0),
        min(middle[0] + half[0], 1000),
        min(middle[1] + half[1], 1000),
    )


def picture_in(observation: Observation) -> ImageRef:
    (ref,) = (part.ref for part in observation.parts if isinstance(part, ImagePart))
    return ref


def check_pixels(trajectory: Trajectory, out: Path, *, picture: Image.Image) -> None:
    """The photograph, both zooms and both crops of the run are exactly what they should be."""
    asked = [image.ref for message in trajectory.prompt for image in message.images]
    assert is_same(kept(out, asked[0]), picture)
    zoom, crops, again = (call.observation for turn in trajectory.turns for call in turn.calls)
    shown = looked_at(region(picture, BOX))
    assert is_same(kept(out, picture_in(zoom)), shown)
    assert is_same(kept(out, picture_in(again)), looked_at(shown))
    assert len(crops.regions) == len(SCALES)
    for found in crops.regions:
        assert is_same(kept(out, found.crop), searched(region(picture, scaled(found.scale))))


@pytest.mark.pitfall("P16")
@pytest.mark.pitfall("P20")
@pytest.mark.parametrize("name", ["drawn", *NAMES])
@pytest.mark.usefixtures("tiny_world")
def test_a_photograph_is_researched_unharmed(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    photo, script = tmp_path / (name if "." in name else "drawn.png"), tmp_path / "script.jsonl"
    photo.write_bytes(source(name))
    script.write_text("".join(json.dumps({"text": reply}) + "\n" for reply in REPLIES))
    trajectory = ask(photo, tmp_path / "run", model=f"scripted:{script}", capsys=capsys)
    check_pixels(trajectory, tmp_path / "run", picture=upright(source(name)))


@pytest.mark.pitfall("P16")
@pytest.mark.parametrize("name", ["drawn", "grace_hopper.jpg"])
@pytest.mark.usefixtures("tiny_world")
def test_a_program_in_the_seat_is_shown_a_turned_photograph_upright(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    exif[0x010F] = "SECRET-CAMERA"
    photo, inbox = tmp_path / "photo.jpg", tmp_path / "inbox"
    photo.write_bytes(encoded(upright(source(name)), "JPEG", quality=92, exif=exif))
    shown: list[Image.Image] = []
    player = threading.Thread(target=play, args=(inbox, shown), daemon=True)
    player.start()
    trajectory = ask(photo, tmp_path / "run", model=f"seat:{inbox}", capsys=capsys)
    player.join(10)
    picture = upright(photo.read_bytes())
    assert picture.size == upright(source(name)).size[::-1]
    assert is_same(shown[0], picture)
    check_pixels(trajectory, tmp_path / "run", picture=picture)
    files = [path for path in (tmp_path / "run").rglob("*") if path.is_file()]
    assert not any(b"SECRET" in path.read_bytes() for path in files)


def play(inbox: Path, shown: list[Image.Image]) -> None:
    """Sit in the seat: open the pictures of each request, reply with the next of REPLIES."""
    for turn, reply in enumerate(REPLIES):
        request = None
        for _ in range(1000):
            request = next(iter(inbox.glob(f"*/request-{turn:04d}.json")), None)
            if request is not None:
                break
            time.sleep(0.02)
        assert request is not None
        told = json.loads(request.read_text())
        paths = [picture["path"] for message in told["messages"] for picture in message["pictures"]]
        shown += [Image.open(request.parent / path).convert("RGB") for path in paths]
        draft = request.parent / "draft"
        draft.write_text(json.dumps({"text": reply}))
        draft.rename(request.parent / told["reply_to"])


@pytest.mark.parametrize(
    ("name", "data", "said"),
    [
        ("phone.heic", b"\x00\x00\x00\x18ftypheic" + bytes(40), "got a HEIC file: convert it"),
        ("new.avif", b"\x00\x00\x00\x20ftypavif" + bytes(40), "got an AVIF file: convert it"),
        ("clip.mp4", b"\x00\x00\x00\x20ftypmp42" + bytes(40), "got a video: convert it"),
        ("paper.jpg", b"%PDF-1.7\n" + bytes(40), "got a PDF: convert it"),
        ("page.png", b"<!doctype html><html>", "got a web page: convert it"),
        (
            "torn.jpg",
            encoded(Image.new("RGB", (64, 64)), "JPEG")[:300],
            "save or download it again",
        ),
    ],
)
@pytest.mark.usefixtures("tiny_world")
def test_what_is_no_picture_of_ours_is_refused_with_a_way_out(
    name: str, data: bytes, said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / name
    path.write_bytes(data)
    out = tmp_path / "run"
    assert run(["ask", str(path), "-q", "Who?", "--model", "seat:x", "--out", str(out)]) == 2
    told = " ".join(capsys.readouterr().err.split())
    assert said in told
    assert name in told
    assert not out.exists()
