"""What a line of a training format cannot hold, in a file beside: `rows.jsonl`, a line per row.

Whose words each piece of text was, the names of pictures, where messages were joined, the text
before literals were escaped, why a reply carries no loss, and the records of task and trajectory.
With it an export comes back as it was; the training libraries never read it.
"""

import json
from collections.abc import Iterator, Sequence
from typing import Annotated, Literal, TypeAlias

from pydantic import Field, JsonValue

from vision_deepresearch.core.content import Image, ImageRef, Message, Part, Role, Text
from vision_deepresearch.core.episode import Verdict
from vision_deepresearch.core.record import Record
from vision_deepresearch.core.task import Task
from vision_deepresearch.store.rows import exact_json
from vision_deepresearch.train.export.conversation import BETWEEN, Row, RowMessage

SIDECAR = "rows.jsonl"


class TextPiece(Record):
    """A run of text of a stored message."""

    kind: Literal["text"] = "text"
    trusted: bool
    chars: int | None = None
    """Its length in the row, where the row has it unchanged."""
    text: str | None = None
    """The text itself, where the row has another form of it."""


class PicturePiece(Record):
    """A picture of a stored message: the next one of the row."""

    kind: Literal["picture"] = "picture"
    handle: str | None = None


Piece: TypeAlias = Annotated[TextPiece | PicturePiece, Field(discriminator="kind")]


class RowFacts(Record):
    """One line of the file."""

    file: str
    line: int
    """Place in the file, from 0."""
    task: Task
    trajectory: dict[str, JsonValue]
    """The record without its messages and what hangs on them."""
    verdict: Verdict | None
    segment: int
    masks: tuple[str | None, ...]
    """Per reply why it carries no loss."""
    phases: tuple[str | None, ...]
    """Per reply the mark of data synthesis."""
    messages: tuple[tuple[tuple[Piece, ...], ...], ...]
    """Per message of the row the stored messages it was made of, and their parts."""


_MESSAGES = {"prompt", "turns", "bank", "support", "tokens"}


def facts_of(row: Row, verdict: Verdict | None, *, file: str, line: int) -> RowFacts:
    """What stands beside a row."""
    known: dict[str, JsonValue] = json.loads(exact_json(row.trajectory))
    return RowFacts(
        file=file,
        line=line,
        task=row.task,
        trajectory={name: value for name, value in known.items() if name not in _MESSAGES},
        verdict=verdict,
        segment=row.segment,
        masks=tuple(message.mask for message in row.replies),
        phases=tuple(turn.phase for turn in row.trajectory.turns[: len(row.replies)]),
        messages=tuple(_skeleton(message) for message in row.messages),
    )


def _skeleton(message: RowMessage) -> tuple[tuple[Piece, ...], ...]:
    raw = BETWEEN.join(_raw(source) for source in message.sources)
    written = "".join(one for one in message.pieces if isinstance(one, str))
    is_same = raw == written
    return tuple(
        tuple(_piece(part, is_same=is_same) for part in source.parts) for source in message.sources
    )


def _raw(source: Message) -> str:
    return source.text


def _piece(part: Part, *, is_same: bool) -> Piece:
    if isinstance(part, Image):
        return PicturePiece(handle=part.handle)
    if is_same:
        return TextPiece(trusted=part.trusted, chars=len(part.text))
    return TextPiece(trusted=part.trusted, text=part.text)


def stored_messages(
    role: Role,
    content: Sequence[str | ImageRef],
    skeleton: Sequence[Sequence[Piece]],
) -> tuple[Message, ...]:
    """The stored messages that one message of a row was made of.

    Args:
        role: of the row's message, which is theirs.
        content: its text and pictures as the row has them.
        skeleton: its line in the sidecar.

    Raises:
        ValueError: the row was changed since: it does not fit its sidecar.
    """
    text = "".join(one for one in content if isinstance(one, str))
    pictures = iter([one for one in content if isinstance(one, ImageRef)])
    messages: list[Message] = []
    place = 0
    for number, parts in enumerate(skeleton):
        made: list[Part] = []
        place += len(BETWEEN) if number else 0
        for piece in parts:
            if isinstance(piece, PicturePiece):
                made.append(Image(ref=_next(pictures), handle=piece.handle))
                continue
            length = piece.chars or 0
            own = text[place : place + length] if piece.text is None else piece.text
            place += length
            made.append(Text(text=own, trusted=piece.trusted))
        messages.append(Message(role=role, parts=tuple(made)))
    is_sliced = all(
        piece.text is None for parts in skeleton for piece in parts if isinstance(piece, TextPiece)
    )
    if next(pictures, None) is not None or (is_sliced and place != len(text)):
        raise ValueError(_CHANGED)
    return tuple(messages)


_CHANGED = "the line does not fit its line in rows.jsonl: it was changed since the export"


def _next(pictures: Iterator[ImageRef]) -> ImageRef:
    found = next(pictures, None)
    if found is None:
        raise ValueError(_CHANGED)
    return found
