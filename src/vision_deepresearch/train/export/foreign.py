"""What a row of somebody's table means: its kind by its columns, its conversation, its question.

    messages [+ images]          ms-swift and the released SFT sets; content is text or blocks (TRL)
    conversations [+ images]     ShareGPT, LLaMA-Factory
    prompt, reward_model         verl
    question [+ answer, image]   the released RL sets, FVQA- and InfoSeek-like tables
    task, trajectory, verdict    our own jsonl and parquet

A placeholder without a picture, or the other way round, is refused; so is a side nobody knows.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from vision_deepresearch.core.content import Role
from vision_deepresearch.core.errors import BadImageError
from vision_deepresearch.media.odd_bytes import cell_pictures
from vision_deepresearch.store.tables import BadRowError, TableRow
from vision_deepresearch.train.export.escape import PLACEHOLDER

PICTURE_COLUMNS = ("images", "image", "image_packed")
_QUESTION_COLUMNS = ("question", "query", "problem")
_ANSWER_COLUMNS = ("answers", "answer", "ground_truth", "gold", "answer_eval")
_ID_COLUMNS = ("id", "idx", "_id", "index", "data_id", "question_id")
_ROLES = {
    "system": Role.SYSTEM,
    "user": Role.USER,
    "human": Role.USER,
    "assistant": Role.ASSISTANT,
    "gpt": Role.ASSISTANT,
}
IMPORTED_MASK = "imported"
"""Why a reply carries no loss whose file says so without a reason."""


class Kind(StrEnum):
    """What the rows of a table are."""

    EPISODE = "episode"
    MESSAGES = "messages"
    CONVERSATIONS = "conversations"
    VERL = "verl"
    QUESTION = "question"


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """One message of a foreign row."""

    role: Role
    content: tuple[str | int, ...]
    """Text, and places in the row's pictures."""
    mask: str | None = None

    @property
    def text(self) -> str:
        """Without the pictures."""
        return "".join(one for one in self.content if isinstance(one, str))


def kind_of(row: TableRow) -> Kind:
    """What a row is, by its columns.

    Raises:
        BadRowError: none of the known kinds; the detail names the columns.
    """
    filled = {name for name, value in row.items() if value is not None}
    if "task" in filled and {"trajectory", "verdict"} <= set(row):
        return Kind.EPISODE
    if "messages" in filled:
        return Kind.MESSAGES
    if "conversations" in filled:
        return Kind.CONVERSATIONS
    if {"prompt", "reward_model"} <= filled:
        return Kind.VERL
    if filled & set(_QUESTION_COLUMNS):
        return Kind.QUESTION
    shown = ", ".join(sorted(row)[:20]) or "none"
    raise BadRowError("columns", f"messages, conversations or question were expected, got {shown}")


def pictures_of(row: TableRow, *, root: Path) -> tuple[bytes, ...]:
    """The encoded pictures of a row, in order.

    Raises:
        BadRowError: one of them cannot be read, or two columns hold some.
    """
    filled = [name for name in PICTURE_COLUMNS if row.get(name) not in (None, [], "")]
    if len(filled) > 1:
        raise BadRowError("picture", f"pictures in several columns: {', '.join(filled)}")
    try:
        return cell_pictures(row[filled[0]], root=root) if filled else ()
    except BadImageError as reason:
        raise BadRowError("picture", str(reason)) from reason


def id_of(row: TableRow) -> str | None:
    """The row's own name, if it has one."""
    told = next((row[name] for name in _ID_COLUMNS if row.get(name) is not None), None)
    return str(told)[:200] if isinstance(told, str | int) else None


def question_of(row: TableRow) -> str:
    """The question of a row that is one.

    Raises:
        BadRowError: it is empty or no text.
    """
    told = next((row[name] for name in _QUESTION_COLUMNS if row.get(name) is not None), None)
    if not isinstance(told, str) or not told.replace(PLACEHOLDER, "").strip():
        raise BadRowError("question", f"a text was expected, got {str(told)[:80]!r}")
    return told.replace(PLACEHOLDER, "").strip()


def answers_of(row: TableRow) -> tuple[str, ...]:
    """The gold answers, the canonical one first; none where the row has no such column.

    Raises:
        BadRowError: the column is there and empty.
    """
    name = next((name for name in _ANSWER_COLUMNS if row.get(name) is not None), None)
    if name is None:
        return ()
    told = row[name]
    several = told if isinstance(told, Sequence) and not isinstance(told, str) else [told]
    answers = tuple(
        str(one).strip()
        for one in several
        if isinstance(one, str | int | float) and str(one).strip()
    )
    if not answers or len(answers) != len(several):
        raise BadRowError("answer", f"{name} holds no text or an empty one: {str(told)[:80]!r}")
    return answers


def left_over(row: TableRow) -> dict[str, object]:
    """The columns that mean nothing here: kept, for somebody may need them."""
    known = {*PICTURE_COLUMNS, *_QUESTION_COLUMNS, *_ANSWER_COLUMNS, *_ID_COLUMNS}
    known |= {"messages", "conversations", "system"}
    return {name: value for name, value in row.items() if name not in known and value is not None}


# --------------------------------------------------------------------------------- conversations


def said_in(row: TableRow, kind: Kind, *, num_pictures: int) -> tuple[Said, ...]:
    """The messages of a conversation row.

    Raises:
        BadRowError: no list of messages, an unknown side, or placeholders that are no pictures.
    """
    column = row[kind.value]
    if isinstance(column, str):  # some tables hold the list as JSON text
        try:
            column = json.loads(column)
        except ValueError as reason:
            raise BadRowError("messages", f"no list: {str(reason)[:100]}") from reason
    if not isinstance(column, Sequence) or isinstance(column, str) or not column:
        raise BadRowError("messages", "a list of messages was expected")
    said: list[Said] = []
    place = 0
    system = row.get("system")
    if kind is Kind.CONVERSATIONS and isinstance(system, str) and system:
        said.append(Said(role=Role.SYSTEM, content=(system,)))
    keys = ("from", "value") if kind is Kind.CONVERSATIONS else ("role", "content")
    for number, message in enumerate(column):
        if not isinstance(message, Mapping):
            raise BadRowError("messages", f"message {number} is no object")
        one, place = _said(message, keys=keys, number=number, place=place)
        said.append(one)
    if place != num_pictures:
        raise BadRowError("placeholders", f"{place} placeholders for {num_pictures} pictures")
    return tuple(said)


def _said(
    message: Mapping[str, object], *, keys: tuple[str, str], number: int, place: int
) -> tuple[Said, int]:
    role = _ROLES.get(str(message.get(keys[0])))
    if role is None:
        known = ", ".join(_ROLES)
        raise BadRowError(
            "role", f"message {number} is of {str(message.get(keys[0]))[:40]!r}; known: {known}"
        )
    if any(message.get(name) for name in ("tool_calls", "reasoning_content")):
        raise BadRowError("role", f"message {number} has calls in a field of their own")
    content: list[str | int] = []
    for piece in _pieces(message.get(keys[1]), number=number):
        if piece is None:
            content.append(place)
            place += 1
        elif piece:
            content.append(piece)
    mask = _mask_of(message.get("loss"), number=number) if role is Role.ASSISTANT else None
    return Said(role=role, content=tuple(content), mask=mask), place


def _pieces(content: object, *, number: int) -> list[str | None]:
    """Text, and None for each picture."""
    if isinstance(content, str):
        pieces: list[str | None] = []
        for index, text in enumerate(content.split(PLACEHOLDER)):
            pieces += [None, text] if index else [text]
        return pieces
    if not isinstance(content, Sequence) or isinstance(content, bytes):
        raise BadRowError("messages", f"message {number} has no text")
    found: list[str | None] = []
    for block in content:
        kind = block.get("type") if isinstance(block, Mapping) else None
        if kind == "image":
            found.append(None)
        elif kind == "text" and isinstance(block.get("text"), str):
            found.append(block["text"])
        else:
            raise BadRowError("messages", f"message {number} has a block {str(block)[:60]!r}")
    return found


def _mask_of(loss: object, *, number: int) -> str | None:
    if loss is None or loss is True or loss == 1.0:
        return None
    if loss is False or loss == 0.0:
        return IMPORTED_MASK
    raise BadRowError("loss", f"message {number} has the loss {str(loss)[:40]!r}: true or false")


# ------------------------------------------------------------------------------------------ verl


def verl_question(row: TableRow) -> tuple[str, int]:
    """The question of a verl row, and how many pictures it shows.

    Raises:
        BadRowError: no single message of the user.
    """
    prompt = row["prompt"]
    messages = prompt if isinstance(prompt, Sequence) else []
    users = [one for one in messages if isinstance(one, Mapping) and one.get("role") == "user"]
    content = users[0].get("content") if len(users) == 1 else None
    if not isinstance(content, str):
        raise BadRowError("messages", "a prompt with one text of the user was expected")
    question = content.replace(PLACEHOLDER, "").strip()
    if not question:
        raise BadRowError("question", "the prompt has no text")
    return question, content.count(PLACEHOLDER)


def verl_truth(row: TableRow) -> TableRow:
    """The gold of a verl row, as columns."""
    reward = row["reward_model"]
    truth = reward.get("ground_truth") if isinstance(reward, Mapping) else None
    extra = row.get("extra_info")
    answers = extra.get("answers") if isinstance(extra, Mapping) else None
    return {"answers": answers or truth}
