"""A question to research, with its gold answer and where it comes from.

Loaders and generators make it; the agent sees `question` and `images` only.
"""

import hashlib
import json
from enum import StrEnum
from typing import Literal

from pydantic import Field, JsonValue

from vision_deepresearch.core.content import ImageRef
from vision_deepresearch.core.record import Record


class GoldMode(StrEnum):
    """How several gold answers relate."""

    ANY_OF = "any_of"
    """Aliases: one is enough."""
    ALL_OF = "all_of"
    """Parts: each is needed."""


class AnswerType(StrEnum):
    """What kind of thing the gold is; rules decide both ways only where it is checkable."""

    NAME = "name"
    """An entity of a generated world: its names are a closed set."""
    NUMBER = "number"
    DATE = "date"
    CHOICE = "choice"
    FREE_TEXT = "free_text"
    """Rules may accept, never reject."""

    @property
    def is_checkable(self) -> bool:
        """Whether rules may also reject."""
        return self is not AnswerType.FREE_TEXT


class Gold(Record):
    """The right answer."""

    answers: tuple[str, ...] = Field(min_length=1)
    """First is canonical, the rest aliases (`any_of`) or further parts (`all_of`)."""
    mode: GoldMode = GoldMode.ANY_OF
    type: AnswerType = AnswerType.FREE_TEXT
    tolerance: float | None = None
    """Numbers: relative tolerance; None: the judge's default."""
    unit: str | None = None
    """Numbers: the unit the answer is stated in, for example "km"."""
    choices: tuple[str, ...] = ()
    choice_label: str | None = None
    entities: tuple[str, ...] | None = None
    """Gold entity sequence for Entity Recall; None: unknown."""
    checklist: tuple[str, ...] | None = None
    evidence_docids: tuple[str, ...] | None = None


class Task(Record):
    """A question to research.

    Example: `Task(id="9f..", ref="generated:small/demo/0", kind="fuzzy", question="...",
    images=(ref,), gold=Gold(answers=("Ostrava",)))`.
    """

    schema_version: Literal[1] = 1
    id: str
    """Fingerprint of content: equal id, equal task. Made by `fingerprint`."""
    ref: str
    """Readable key, for example "bc-vl/level1/17"; unique within its set."""
    kind: Literal["benchmark", "verified", "fuzzy", "text", "ask"]
    question: str = Field(min_length=1)
    """Pristine: no image prefix, path, choices, date or instruction."""
    images: tuple[ImageRef, ...] = ()
    """In order; the image bank names them img_1, img_2..."""
    gold: Gold | None = None
    """None: nobody knows (a user's question); such a task cannot be judged by rules."""
    split: Literal["train", "test"] = "test"
    strata: dict[str, str] = {}
    cluster: str | None = None
    """Unit of statistical dependence, for example the image hash."""
    as_of: str | None = None
    """ISO date the question refers to."""
    protected: bool = False
    """Text never leaves memory in plain."""
    canary: str | None = None
    licence: str | None = None
    provenance: dict[str, str] = {}
    extra: dict[str, JsonValue] = {}
    follows: str | None = None
    """Trajectory id of the conversation this question continues."""


def fingerprint(*, ref: str, question: str, images: tuple[ImageRef, ...], gold: Gold | None) -> str:
    """The id of a task: sha256 over what makes it the same question. 64 hex characters."""
    content = {
        "ref": ref,
        "question": question,
        "images": [image.sha256 for image in images],
        "answers": list(gold.answers) if gold else None,
    }
    canonical = json.dumps(content, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(canonical.encode("utf-8", "surrogatepass")).hexdigest()
