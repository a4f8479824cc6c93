"""A trajectory as rows to train on: the messages as the model was sent them, with loss flags.

One trajectory is one row, unless results were shortened on the way: then each stretch between two
edits is a row of its own, in which only the turns of that stretch carry loss, so that every reply
is trained once and behind the very text it was given behind. Messages of one side that follow each
other are joined, for the libraries want the sides to alternate. A row that cannot be true is
refused with a reason; none is mended or dropped in silence.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from vision_deepresearch.agent.context import prompt_before
from vision_deepresearch.core.content import Image, ImageRef, Message, Role
from vision_deepresearch.core.task import Task
from vision_deepresearch.core.trajectory import Trajectory
from vision_deepresearch.models.profiles.vdr import VdrProfile
from vision_deepresearch.train.export.escape import PLACEHOLDER, escape_literals, escape_outside
from vision_deepresearch.train.export.masks import EARLIER, turn_masks

IMPORTED = "imported"
"""Profile of trajectories that came as plain text: nobody knows which of it was template."""
TEXT_PROFILES = ("vdr", IMPORTED)
"""Profiles whose whole conversation is text."""
BETWEEN = "\n"
"""Stands between two messages that were joined."""


class RefusedRowError(ValueError):
    """A row that would teach something false; `reason` is one word for counting."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail


@dataclass(frozen=True, slots=True, kw_only=True)
class RowMessage:
    """One message of a row."""

    role: Role
    pieces: tuple[str | ImageRef, ...]
    """Text and pictures in order; never two texts in a row."""
    sources: tuple[Message, ...]
    """What it was made of, as stored."""
    mask: str | None = None
    """Assistant only: why it carries no loss."""

    @property
    def content(self) -> str:
        """The text with a placeholder for each picture."""
        return "".join(one if isinstance(one, str) else PLACEHOLDER for one in self.pieces)

    @property
    def images(self) -> tuple[ImageRef, ...]:
        """The pictures, in order."""
        return tuple(one for one in self.pieces if isinstance(one, ImageRef))

    @property
    def has_loss(self) -> bool:
        """Whether it is trained on."""
        return self.role is Role.ASSISTANT and self.mask is None


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """What one line of a training file holds."""

    task: Task
    trajectory: Trajectory
    segment: int
    """Stretch between two edits of the prompt; 0 is the first."""
    messages: tuple[RowMessage, ...]

    @property
    def images(self) -> tuple[ImageRef, ...]:
        """All pictures in the order of their placeholders."""
        return tuple(ref for message in self.messages for ref in message.images)

    @property
    def replies(self) -> tuple[RowMessage, ...]:
        """What the model said."""
        return tuple(one for one in self.messages if one.role is Role.ASSISTANT)


def rows_of(task: Task, trajectory: Trajectory) -> Iterator[Row]:
    """The rows of a trajectory.

    Raises:
        RefusedRowError: it cannot be written as text, its sides do not alternate, nothing of it
            carries loss, or its placeholders would not be its pictures.
    """
    if trajectory.profile not in TEXT_PROFILES:
        raise RefusedRowError(
            "profile",
            f"profile {trajectory.profile!r} puts calls into fields of an API: roll out with "
            "--profile vdr",
        )
    masks = turn_masks(trajectory)
    starts = [turn.index for turn in trajectory.turns if turn.edit is not None and turn.index > 0]
    for segment, start in enumerate([0, *starts]):
        end = [*starts, trajectory.num_turns][segment]
        if start == end:
            continue
        shown = [EARLIER if index < start else mask for index, mask in enumerate(masks[:end])]
        messages = _messages(trajectory, start=start, end=end)
        row = Row(
            task=task,
            trajectory=trajectory,
            segment=segment,
            messages=joined(messages, masks=shown, is_foreign=trajectory.profile == IMPORTED),
        )
        check_row(row)
        yield row


def _messages(trajectory: Trajectory, *, start: int, end: int) -> tuple[Message, ...]:
    """What was sent before turn `start`, then what followed up to the reply of turn `end - 1`."""
    # Only edits are rendered by the profile, and both profiles of text render them alike.
    messages = list(prompt_before(trajectory, start, profile=VdrProfile()))
    for turn in trajectory.turns[start:end]:
        messages += (turn.reply, *turn.results)
    last = trajectory.turns[end - 1]
    return tuple(messages[: len(messages) - len(last.results)])


def joined(
    messages: Sequence[Message], *, masks: Sequence[str | None], is_foreign: bool = False
) -> tuple[RowMessage, ...]:
    """Stored messages as those of a row.

    Args:
        messages: as stored, replies in the order of `masks`.
        masks: per reply why it carries no loss.
        is_foreign: text of other people's files, where template and outside cannot be told apart.

    Raises:
        RefusedRowError: two replies in a row, a call or thought in a field of its own, or a
            picture where no library takes one.
    """
    rows: list[RowMessage] = []
    left = list(masks)
    for role, group in groupby(messages, key=_side):
        sources = tuple(group)
        if role is Role.ASSISTANT and len(sources) > 1:
            raise RefusedRowError("sides", "two replies follow each other")
        mask = left.pop(0) if role is Role.ASSISTANT else None
        pieces = _pieces(sources, is_foreign=is_foreign)
        if role is not Role.USER and any(isinstance(one, ImageRef) for one in pieces):
            raise RefusedRowError("picture_place", f"a picture in a message of the {role.value}")
        rows.append(RowMessage(role=role, pieces=pieces, sources=sources, mask=mask))
    return tuple(rows)


def _side(message: Message) -> Role:
    if message.role is Role.TOOL or message.tool_calls or message.reasoning is not None:
        raise RefusedRowError("profile", "a call or thought stands in a field of an API")
    return message.role


def _pieces(sources: Sequence[Message], *, is_foreign: bool) -> tuple[str | ImageRef, ...]:
    """Text and pictures; neighbouring text is joined before literals are looked for."""
    pieces: list[str | ImageRef] = []
    for number, message in enumerate(sources):
        parts: list[str | ImageRef] = [BETWEEN] if number else []
        for part in message.parts:
            if isinstance(part, Image):
                parts.append(part.ref)
                continue
            is_own = part.trusted or is_foreign or message.role is Role.ASSISTANT
            parts.append(part.text if is_own else escape_outside(part.text))
        pieces += parts
    merged: list[str | ImageRef] = []
    for is_text, group in groupby(pieces, key=lambda one: isinstance(one, str)):
        if is_text:
            text = "".join(one for one in group if isinstance(one, str))
            merged += [escape_literals(text)] if text else []
        else:
            merged += group
    return tuple(merged)


def check_row(row: Row) -> None:
    """Hold a row against what every library demands.

    Raises:
        RefusedRowError: the reason says what does not hold.
    """
    messages = (
        row.messages[1:]
        if row.messages[:1] and row.messages[0].role is Role.SYSTEM
        else row.messages
    )
    for number, message in enumerate(messages):
        expected = Role.ASSISTANT if number % 2 else Role.USER
        if message.role is not expected:
            raise RefusedRowError("sides", f"message {number} is of the {message.role.value}")
    if not row.replies or messages[-1].role is not Role.ASSISTANT:
        raise RefusedRowError("sides", "it does not end with a reply")
    if not any(message.has_loss for message in row.replies):
        reasons = sorted({message.mask for message in row.replies if message.mask})
        raise RefusedRowError("nothing_to_train", f"every reply is masked: {', '.join(reasons)}")
    for number, message in enumerate(row.messages):
        written, shown = message.content.count(PLACEHOLDER), len(message.images)
        if written != shown:
            raise RefusedRowError(
                "placeholders", f"message {number} has {written} placeholders for {shown} pictures"
            )
        _check_text(message, number=number)


def _check_text(message: RowMessage, *, number: int) -> None:
    try:
        message.content.encode()
    except UnicodeEncodeError as reason:
        raise RefusedRowError(
            "text", f"message {number} holds half a character (a lone surrogate)"
        ) from reason
