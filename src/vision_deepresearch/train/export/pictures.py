"""The pictures of an export: looked at before a row is written, kept once by content."""

import base64
import json
from collections.abc import Iterable, Iterator
from pathlib import Path

from pydantic import BaseModel, JsonValue

from vision_deepresearch.core.content import ImageRef
from vision_deepresearch.core.errors import BadImageError
from vision_deepresearch.media.store import clean
from vision_deepresearch.store.rows import exact_json
from vision_deepresearch.store.view import RunView
from vision_deepresearch.train.export.conversation import RefusedRowError
from vision_deepresearch.train.export.folder import MEDIA
from vision_deepresearch.train.export.formats import Pictures

_SUFFIXES = {"image/png": ".png", "image/jpeg": ".jpg"}
_REF_KEYS = {"sha256", "width", "height", "media_type"}


class ExportPictures:
    """Pictures of a run on their way into an export."""

    def __init__(self, view: RunView, folder: Path, *, pictures: Pictures, is_json: bool) -> None:
        self._view = view
        self._folder = folder
        self._pictures = pictures
        self._is_json = is_json
        self._sound: set[str] = set()
        self._written: set[str] = set()
        self.num_bytes = 0
        """Of the pictures shown since it was last set to 0."""

    @property
    def num_written(self) -> int:
        """Different pictures that were kept as files."""
        return len(self._written)

    def check(self, refs: Iterable[ImageRef]) -> None:
        """See that each is there and decodes to the pixels it is named by.

        Raises:
            RefusedRowError: one is not.
        """
        for ref in refs:
            if ref.sha256 in self._sound:
                continue
            try:
                found = clean(self._load(ref)).ref.sha256
            except BadImageError as reason:
                raise RefusedRowError("picture", f"{ref.sha256[:12]}: {reason}") from reason
            if found != ref.sha256:
                raise RefusedRowError(
                    "picture", f"{ref.sha256[:12]} holds other pixels ({found[:12]})"
                )
            self._sound.add(ref.sha256)

    def show(self, ref: ImageRef) -> object:
        """The picture as a training format has it: a path, or its bytes."""
        if self._pictures is Pictures.FILES:
            return self._file(ref)
        data = self._load(ref)
        self.num_bytes += len(data)
        return {"bytes": data, "path": None}

    def show_bytes(self, ref: ImageRef) -> object:
        """The picture as verl has it: bytes and no other key."""
        data = self._load(ref)
        self.num_bytes += len(data)
        return {"bytes": data}

    def kept(self, ref: ImageRef) -> dict[str, object]:
        """The picture with its address, for whole episodes."""
        about: dict[str, object] = {"sha256": ref.sha256, "media_type": ref.media_type}
        if self._pictures is Pictures.FILES:
            return about | {"path": self._file(ref)}
        data = self._load(ref)
        self.num_bytes += len(data)
        return about | {"bytes": base64.b64encode(data).decode() if self._is_json else data}

    def _load(self, ref: ImageRef) -> bytes:
        data = self._view.load_picture(ref)
        if data is None:
            raise RefusedRowError("picture", f"{ref.sha256[:12]} is not in the run's media folder")
        return data

    def _file(self, ref: ImageRef) -> str:
        name = f"{ref.sha256[2:]}{_SUFFIXES.get(ref.media_type, '.img')}"
        path = self._folder / MEDIA / ref.sha256[:2] / name
        if ref.sha256 not in self._written:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(self._load(ref))
            self._written.add(ref.sha256)
        return path.relative_to(self._folder).as_posix()


def all_refs(*records: BaseModel | None) -> tuple[ImageRef, ...]:
    """Every picture that records name, wherever in them, each once, in order."""
    found: dict[str, ImageRef] = {}
    for record in records:
        if record is not None:
            for ref in _refs_in(json.loads(exact_json(record))):
                found.setdefault(ref.sha256, ref)
    return tuple(found.values())


def _refs_in(value: JsonValue) -> Iterator[ImageRef]:
    if isinstance(value, dict):
        if set(value) == _REF_KEYS:
            yield ImageRef.model_validate(value)
        else:
            for inner in value.values():
                yield from _refs_in(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _refs_in(inner)
