"""Lays out what a judge is shown: question, references and answer as data, and nothing else.

Every piece of data stands between two lines that end in the token of the case. The token is a hash
of the data, so that a tape finds the case again; no piece holds it, so none can end itself.
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass

from vision_deepresearch.core.content import Message, Part, Role, trusted, untrusted
from vision_deepresearch.core.task import Gold, GoldMode
from vision_deepresearch.core.untrusted import neutralise

_TOKEN_CHARS = 16
_ONE_IS_ENOUGH = "One reference answer. The candidate has to give it."
_ANY_IS_ENOUGH = "{num} reference answers, names of the same thing: any one of them is enough."
_ALL_ARE_NEEDED = "{num} references, parts of one answer: the candidate has to give all of them."


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """One piece of data."""

    name: str
    """Ours: "QUESTION", "REFERENCE 1"..."""
    text: str
    """Harmless already."""
    before: str = ""
    """A line of ours above it."""


def lay_out(
    question: str,
    *,
    gold: Gold,
    answer: str,
    max_answer_chars: int,
    shows_checklist: bool = False,
) -> Message:
    """The message that asks for a verdict.

    Args:
        question: as the task has it.
        gold: all of its answers are shown, with the choices and the unit where there are any.
        answer: of the candidate; the trajectory it comes from is never shown.
        max_answer_chars: of a longer answer, the first and the last half of these are shown; with a
            check list, the last of these.
        shows_checklist: whether the gold's check list is shown.
    """
    if shows_checklist:
        pieces = _pieces(question, gold=gold, answer=answer[-max_answer_chars:])
        pieces[-1:-1] = _checks(gold)
    else:
        pieces = _pieces(question, gold=gold, answer=cut_middle(answer, max_chars=max_answer_chars))
    return lay_out_pieces(pieces)


def lay_out_pieces(pieces: Sequence[Piece]) -> Message:
    """A case of these pieces."""
    token = make_token([piece.text for piece in pieces])
    parts: list[Part] = [trusted(f"Case {token}\n")]
    for piece in pieces:
        before = f"\n{piece.before}" if piece.before else ""
        parts += [
            trusted(f"{before}\nBEGIN {piece.name} {token}\n"),
            untrusted(piece.text),
            trusted(f"\nEND {piece.name} {token}\n"),
        ]
    parts.append(trusted(f"\nEnd of the data of case {token}. Give your verdict now."))
    return Message(role=Role.USER, parts=tuple(parts))


def make_token(texts: list[str]) -> str:
    """A token that none of the texts holds, the same for the same texts. Hex."""
    number = 0
    while True:
        data = json.dumps([number, *texts]).encode()
        token = hashlib.sha256(data).hexdigest()[:_TOKEN_CHARS]
        if not any(token in text.casefold() for text in texts):
            return token
        number += 1


def cut_middle(text: str, *, max_chars: int) -> str:
    """The text, or its beginning and its end with a line that says how much is left out."""
    if len(text) <= max_chars:
        return text
    half = max_chars // 2
    left_out = len(text) - 2 * half
    return f"{text[:half]}\n[... {left_out:,} characters left out ...]\n{text[-half:]}"


def _checks(gold: Gold) -> list[Piece]:
    return [
        Piece(
            name=f"CHECK {number}",
            text=neutralise(text),
            before="The check list." if number == 1 else "",
        )
        for number, text in enumerate(gold.checklist or (), start=1)
    ]


def _pieces(question: str, *, gold: Gold, answer: str) -> list[Piece]:
    num = len(gold.answers)
    told = _ALL_ARE_NEEDED if gold.mode is GoldMode.ALL_OF else _ANY_IS_ENOUGH
    told = _ONE_IS_ENOUGH if num == 1 else told.format(num=num)
    pieces = [Piece(name="QUESTION", text=neutralise(question))]
    pieces += [
        Piece(
            name=f"CHOICE {chr(ord('A') + index)}",
            text=neutralise(choice),
            before="" if index else "The question came with these choices.",
        )
        for index, choice in enumerate(gold.choices)
    ]
    pieces += [
        Piece(name=f"REFERENCE {number}", text=neutralise(text), before=told if number == 1 else "")
        for number, text in enumerate(gold.answers, start=1)
    ]
    if gold.unit:
        pieces.append(
            Piece(name="UNIT", text=neutralise(gold.unit), before="Unit of the references.")
        )
    pieces.append(
        Piece(name="ANSWER", text=neutralise(answer), before="What the candidate answered.")
    )
    return pieces
