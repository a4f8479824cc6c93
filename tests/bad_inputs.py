"""Tables of bad input, ours and those shared with the project: rows of plain data, and what they build.

Ours lie in `tests/data/bad_inputs` (README there); the shared ones are read too where they are.
"""

import io
import struct
import zlib
from collections.abc import Mapping
from pathlib import Path

from PIL import Image
from pydantic import BaseModel, ConfigDict, Field, JsonValue

OWN = Path(__file__).resolve().parent / "data" / "bad_inputs"
SHARED = Path(__file__).resolve().parents[1].parent / "shared" / "data" / "bad_inputs"


class Row(BaseModel):
    """A row of a table."""

    model_config = ConfigDict(extra="forbid")

    id: str
    klass: str = Field(alias="class")
    input: JsonValue
    expect: dict[str, JsonValue]
    note: str = ""
    dns: JsonValue = None
    known: JsonValue = None
    timeout_s: JsonValue = None
    collect: JsonValue = None
    arch: JsonValue = None

    @property
    def verdict(self) -> str:
        """What is wanted, in a word."""
        return str(self.expect["verdict"])

    @property
    def recipe(self) -> "Recipe":
        """How the bytes of a row are made."""
        return Recipe.model_validate(self.input)


def rows(name: str, *, shared: bool = True) -> list[Row]:
    """All rows of a table, for example "images"; the shared ones where they are."""
    places = (OWN, SHARED) if shared else (OWN,)
    found: list[Row] = []
    for place in places:
        path = place / f"{name}.jsonl"
        if path.exists():
            found += [Row.model_validate_json(line) for line in path.read_text().splitlines()]
    return found


def text_of(row: Row) -> str:
    """The text of a row: as it stands, or put together."""
    if isinstance(row.input, str):
        return row.input
    assert isinstance(row.input, dict)
    pieces = row.input["parts"]
    assert isinstance(pieces, list)
    return "".join(_piece(piece) for piece in pieces)


def _piece(piece: JsonValue) -> str:
    if isinstance(piece, str):
        return piece
    assert isinstance(piece, dict)
    if "repeat" in piece:
        assert isinstance(piece["n"], int)
        return str(piece["repeat"]) * piece["n"]
    points = piece["cp"]
    assert isinstance(points, list)
    return "".join(chr(int(str(point))) for point in points)


# ------------------------------------------------------------------------------------------ bytes


def encoded(image: Image.Image, fmt: str = "PNG", **options: object) -> bytes:
    """A picture as a file."""
    output = io.BytesIO()
    image.save(output, fmt, **options)
    return output.getvalue()


def a_chunk(name: bytes, data: bytes) -> bytes:
    """A chunk of a PNG with its checksum."""
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def a_png(*, width: int, height: int) -> bytes:
    """Signature and header of a picture with one empty data chunk."""
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunks = [(b"IHDR", header), (b"IDAT", zlib.compress(b"")), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(a_chunk(name, data) for name, data in chunks)


class Part(BaseModel):
    """A run of bytes."""

    model_config = ConfigDict(extra="forbid")

    hex: str = ""
    fill: str = ""
    n: int = 0
    text: str = ""
    times: int = 1
    of: "Recipe | None" = None
    """Another file within this one (ours)."""

    def built(self) -> bytes:
        """The bytes."""
        if self.of is not None:
            return self.of.built()
        if self.fill:
            return bytes.fromhex(self.fill) * self.n
        return bytes.fromhex(self.hex) * self.times or self.text.encode() * self.times


class Edit(BaseModel):
    """A change of bytes."""

    model_config = ConfigDict(extra="forbid")

    head: int | None = None
    drop_tail: int | None = None
    overwrite: int | None = None
    hex: str = ""
    append: Part | None = None
    insert: int | None = None
    """Where `part` is put in (ours)."""
    part: Part | None = None

    def applied(self, data: bytes) -> bytes:
        """The bytes afterwards."""
        if self.head is not None:
            return data[: self.head]
        if self.drop_tail is not None:
            return data[: -self.drop_tail]
        if self.overwrite is not None:
            patch = bytes.fromhex(self.hex)
            return data[: self.overwrite] + patch + data[self.overwrite + len(patch) :]
        if self.insert is not None:
            assert self.part is not None
            return data[: self.insert] + self.part.built() + data[self.insert :]
        assert self.append is not None
        return data + self.append.built()


class TextChunk(BaseModel):
    """An inflating chunk: keyword, two zero bytes, packed fill. Of type iCCP it is a profile."""

    model_config = ConfigDict(extra="forbid")

    type: str
    keyword: str
    zlib_fill: str
    n: int

    def built(self) -> bytes:
        """The chunk."""
        packed = zlib.compress(bytes.fromhex(self.zlib_fill) * self.n, 9)
        return a_chunk(self.type.encode(), self.keyword.encode() + b"\0\0" + packed)


class Chunk(BaseModel):
    """A chunk put behind the header of a PNG, some times over (ours)."""

    model_config = ConfigDict(extra="forbid")

    type: str
    data: Part | None = None
    times: int = 1

    def built(self) -> bytes:
        """The chunks."""
        return a_chunk(self.type.encode(), self.data.built() if self.data else b"") * self.times


class Recipe(BaseModel):
    """How a row describes its bytes; keys as in the README of the tables."""

    model_config = ConfigDict(extra="forbid")

    gen: str
    parts: list[Part] = []
    width: int = 0
    height: int = 0
    idat_zeros: int = 0
    header: str = "0802000000"
    """Of a PNG: depth, colour, packing, filter, interlacing, as hex (ours)."""
    text_chunk: TextChunk | None = None
    chunks: list[Chunk] = []
    format: str = ""
    size: tuple[int, int] = (0, 0)
    mode: str = "RGB"
    color: int | tuple[int, ...] = 0
    options: dict[str, JsonValue] = {}
    orientation: int = 0
    frames: int = 0
    byte_order: str = "II"
    entries: list[tuple[int, int, int, int]] = []
    next_ifd: int = 0
    edits: list[Edit] = []

    def built(self) -> bytes:
        """The bytes."""
        data = self._unedited()
        for edit in self.edits:
            data = edit.applied(data)
        return data

    def _unedited(self) -> bytes:
        match self.gen:
            case "bytes_concat":
                return b"".join(part.built() for part in self.parts)
            case "png":
                return self._png()
            case "pillow":
                return self._picture()
            case "tiff":
                return self._tiff()
            case "gif_frames" | "frames":
                frames = [Image.new("P", self.size, index % 255) for index in range(self.frames)]
                if self.format == "WEBP":
                    frames = [frame.convert("RGB") for frame in frames]
                name = self.format or "GIF"
                return encoded(
                    frames[0], name, save_all=True, append_images=frames[1:], **self.options
                )
            case _:
                msg = f"no such generator: {self.gen}"
                raise ValueError(msg)

    def _png(self) -> bytes:
        head = struct.pack(">II", self.width, self.height) + bytes.fromhex(self.header)
        text = self.text_chunk.built() if self.text_chunk else b""
        more = b"".join(chunk.built() for chunk in self.chunks)
        body = a_chunk(b"IDAT", zlib.compress(bytes(self.idat_zeros), 9))
        signature = b"\x89PNG\r\n\x1a\n"
        return signature + a_chunk(b"IHDR", head) + text + more + body + a_chunk(b"IEND", b"")

    def _picture(self) -> bytes:
        image = Image.new(self.mode, self.size, self.color)
        options = dict[str, object](self.options)
        if self.orientation:
            exif = Image.Exif()
            exif[0x0112] = self.orientation
            options["exif"] = exif
        return encoded(image, self.format, **options)

    def _tiff(self) -> bytes:
        """A header and one directory; what the entries point at is added by `edits`."""
        order = "<" if self.byte_order == "II" else ">"
        head = self.byte_order.encode() + struct.pack(f"{order}HI", 42, 8)
        entries = b"".join(struct.pack(f"{order}HHII", *entry) for entry in self.entries)
        count = struct.pack(f"{order}H", len(self.entries))
        return head + count + entries + struct.pack(f"{order}I", self.next_ifd)


def counted() -> Mapping[str, int]:
    """Rows by table, ours and the shared ones."""
    names = sorted({path.stem for place in (OWN, SHARED) for path in place.glob("*.jsonl")})
    return {name: len(rows(name)) for name in names}
