"""What the server asks its workers for and what they give back, and how both travel.

A frame is the length of a JSON header (4 bytes, big-endian), the header, and raw bytes. No pickle:
what a worker sends is read as data whatever a hostile picture may have made of it.
"""

import hashlib
import struct
from dataclasses import dataclass
from enum import StrEnum

from pydantic import TypeAdapter

from vision_deepresearch.core.errors import FailureKind
from vision_deepresearch.core.observation import Evidence
from vision_deepresearch.core.record import Record

_LENGTH = struct.Struct(">I")

EVIDENCE_LIST = TypeAdapter(list[Evidence])
"""Body of a text search and of a reverse image search."""


class Lane(StrEnum):
    """Which queue work waits in."""

    WORDS = "words"
    """A few milliseconds: text search, page, file of a picture."""
    LOOKS = "looks"
    """Tens of milliseconds: reverse image search."""


class JobKind(StrEnum):
    """What is to be done."""

    SEARCH = "search"
    """Pages by words."""
    PICTURES = "pictures"
    """Pictures by words."""
    LOOK = "look"
    """Pages by a picture."""
    READ = "read"
    """A whole page."""
    ASSET = "asset"
    """The bytes of a picture of the world."""

    @property
    def lane(self) -> Lane:
        """The queue it waits in."""
        return Lane.LOOKS if self is JobKind.LOOK else Lane.WORDS


class Job(Record):
    """One piece of work. Equal jobs have equal answers, for the world is frozen."""

    kind: JobKind
    query: str = ""
    """Search, pictures: the words."""
    urls: tuple[str, ...] = ()
    """Read, asset, look without bytes: spellings of one address; the first known one counts."""
    limit: int = 0


class FoundPicture(Record):
    """A picture that was found by words."""

    image_url: str
    """As the world names it."""
    width: int
    """Pixels."""
    height: int
    title: str
    """Its caption, else its alternative text, else the title of the page."""
    page_url: str
    page_title: str


PICTURE_LIST = TypeAdapter(list[FoundPicture])


class Outcome(Record):
    """How a piece of work ended."""

    failure: FailureKind | None = None
    message: str = ""
    """Of a failure; safe to show."""
    retry_after_s: float | None = None

    @property
    def is_settled(self) -> bool:
        """Whether the same job would always end so."""
        return self.failure in {
            None,
            FailureKind.NOT_FOUND,
            FailureKind.BAD_ARGS,
            FailureKind.BAD_REQUEST,
            FailureKind.BAD_IMAGE,
            FailureKind.TOO_LARGE,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """The outcome and, of a success, its content."""

    outcome: Outcome
    body: bytes = b""
    """JSON of `EVIDENCE_LIST`, `PICTURE_LIST` or a `Page`; of an asset the file itself."""


def sha256_of(blob: bytes) -> str:
    """Of a picture that was sent, in hex."""
    return hashlib.sha256(blob).hexdigest()


def key_of(job: Job, blob: bytes) -> bytes:
    """The name of a job in the cache: what it asks for and the picture's own bytes."""
    digest = hashlib.sha256(job.model_dump_json().encode())
    digest.update(hashlib.sha256(blob).digest())
    return digest.digest()


def pack(header: Record, blob: bytes = b"") -> bytes:
    """One frame."""
    text = header.model_dump_json().encode()
    return _LENGTH.pack(len(text)) + text + blob


def unpack_job(frame: bytes) -> tuple[Job, bytes]:
    """The job of a frame and its picture."""
    header, blob = _split(frame)
    return Job.model_validate_json(header), blob


def unpack_reply(frame: bytes) -> Reply:
    """The reply of a frame."""
    header, blob = _split(frame)
    return Reply(outcome=Outcome.model_validate_json(header), body=blob)


def _split(frame: bytes) -> tuple[bytes, bytes]:
    (length,) = _LENGTH.unpack_from(frame)
    start = _LENGTH.size
    return frame[start : start + length], frame[start + length :]
