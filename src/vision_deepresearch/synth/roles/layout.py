"""Lays out what a role is shown: words as data between marked lines, pictures with a label.

Nothing that came from outside - titles, page text, other models' replies - stands anywhere else. The
token in the marked lines is a hash of the data, so that a tape finds the request again; no piece
holds it, so none can end itself.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

from vision_deepresearch.core.content import (
    Image,
    Message,
    Part,
    Picture,
    Role,
    trusted,
    untrusted,
)
from vision_deepresearch.core.untrusted import neutralise
from vision_deepresearch.judge.case import make_token

_MAX_CHARS = 4_000
_PAGE_CHARS = 12_000
"""Of a page's text: about 3,000 tokens."""


@dataclass(frozen=True, slots=True)
class Words:
    """Text from outside."""

    name: str
    """Ours, for example "PAGE 2"."""
    text: str
    max_chars: int = _MAX_CHARS


@dataclass(frozen=True, slots=True)
class Shown:
    """A picture."""

    name: str
    """Ours, for example "CROP 1"."""
    picture: Picture


Piece: TypeAlias = Words | Shown


def page(name: str, *, title: str, text: str) -> tuple[Words, Words]:
    """A page: its title and its text, cut."""
    return Words(f"{name} TITLE", title, max_chars=300), Words(name, text, max_chars=_PAGE_CHARS)


def lay_out(pieces: Sequence[Piece]) -> Message:
    """The message that a role is asked with."""
    safe = [
        neutralise(piece.text, max_chars=piece.max_chars) if isinstance(piece, Words) else ""
        for piece in pieces
    ]
    token = make_token(safe)
    parts: list[Part] = [trusted(f"Case {token}\n")]
    for piece, text in zip(pieces, safe, strict=True):
        if isinstance(piece, Shown):
            parts += [trusted(f"\n{piece.name} (picture):\n"), Image(ref=piece.picture.ref)]
        else:
            parts += [
                trusted(f"\nBEGIN {piece.name} {token}\n"),
                untrusted(text),
                trusted(f"\nEND {piece.name} {token}\n"),
            ]
    parts.append(trusted(f"\nEnd of case {token}. Reply with the JSON object now."))
    return Message(role=Role.USER, parts=tuple(parts))
