"""Small folders of pages and pictures for the tests of an import."""

import gzip
import io
from pathlib import Path

from PIL import Image, ImageDraw


def picture(seed: int, *, size: tuple[int, int] = (160, 120), kind: str = "PNG") -> bytes:
    """A picture with plenty of corners, another for each seed."""
    image = Image.new("RGB", size, (seed * 40 % 256, 90, 160))
    draw = ImageDraw.Draw(image)
    for step in range(60):
        x, y = (step * 37 * (seed + 3)) % size[0], (step * 53 * (seed + 7)) % size[1]
        shade = (step * 29 * (seed + 1)) % 256
        draw.rectangle((x, y, x + 11, y + 7 + step % 9), fill=(shade, 255 - shade, step * 4 % 256))
    data = io.BytesIO()
    image.save(data, kind)
    return data.getvalue()


def page(title: str, body: str, *, head: str = "") -> str:
    """A page with a heading."""
    return (
        f"<!doctype html><html lang=en><head><title>{title}</title>{head}</head>"
        f"<body><h1>{title}</h1>{body}</body></html>"
    )


MANUAL = {
    "index.html": page("Manual", "<p>All <a href='guide/lamps.html'>lamps</a>.</p>"),
    "guide/lamps.html": page(
        "Lamps",
        "<table class=infobox><tr><td><img src='../img/lamp.png'><br>The harbour lamp of"
        " 1871</td></tr><tr><th>Oil</th><td>colza</td></tr></table>"
        "<p>A lamp burns <a href='oil.html#use'>oil</a> and <a href='old.html'>was trimmed</a>"
        " by <a href='https://elsewhere.example/x'>keepers</a>. <a href='gone.html'>More</a>.</p>",
    ),
    "guide/oil.html": page(
        "Oil",
        "<p>Colza oil replaced whale oil.</p><figure><img src='../img/lamp.png'>"
        "<figcaption>A lamp beside a can</figcaption></figure>"
        "<p><img src='../img/can%20old.jpg' alt='an oil can'></p>",
    ),
    "guide/old.html": (
        "<html><head><meta http-equiv=refresh content='0; url=lamps.html'></head></html>"
    ),
    "notes/keepers.md": (
        "---\ntitle: Keepers & wardens\ndate: 2019-05-04\n---\n\n# Ignored\n\n"
        "| keeper | years |\n| --- | --- |\n| Ada Holm | 1871-1890 |\n\nSee [lamps](../guide/lamps.html)"
        " and [more](other.md).\n"
    ),
    "notes/other.md": "Other notes\n===========\n\nThe wick was 12 mm wide.\n",
}


def write_manual(root: Path) -> Path:
    """The manual with its pictures."""
    for name, text in MANUAL.items():
        file = root / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    (root / "img").mkdir()
    (root / "img/lamp.png").write_bytes(picture(1))
    (root / "img/can old.jpg").write_bytes(picture(2, kind="JPEG"))
    (root / "guide/packed.html.gz").write_bytes(
        gzip.compress(page("Packed", "<p>Packed by Debian.</p>").encode())
    )
    return root


def write_many(root: Path, *, pages: int, pictures: int = 0) -> Path:
    """Pages that link in a ring, each tenth a stub, some with a picture."""
    root.mkdir(parents=True)
    for number in range(pages):
        following = (number + 1) % pages
        shown = f"<img src='p{number}.png' alt='plate {number}'>" if number < pictures else ""
        text = page(
            f"Page {number}",
            f"<p>Entry {number} says word{number} and word{number // 7}."
            f" <a href='n{following:04}.html'>next</a></p>{shown}",
        )
        if number % 10 == 9:
            text = f"<meta http-equiv=refresh content='0;url=n{following:04}.html'>"
        (root / f"n{number:04}.html").write_text(text)
        if number < pictures:
            (root / f"p{number}.png").write_bytes(picture(number))
    return root
