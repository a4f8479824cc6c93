"""Ways of the teacher: what it tries first, drawn for each trajectory, so that no two read alike.

Without them the oracle goes straight for what it needs. A person does not: a first query is too
vague, a first crop too wide, a thing beside the one asked about is looked at too. What came of it
is read like any result, and the next try is a better one. Nothing here knows an answer.
"""

import hashlib
import random
import re
from collections.abc import Sequence
from dataclasses import dataclass

from pydantic import Field

from vision_deepresearch.core.geometry import Box
from vision_deepresearch.core.record import Record

_MAX_WORDS = 9
"""Of the question, in a query made of its words."""
_NUM_TRIES = 12
_MAX_OVERLAP = 0.3
"""Of an extra box with one that is asked for: more would be the same thing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Habits:
    """How often each way is taken; all 0: straight on."""

    p_vague: float = 0.0
    """A hop's first query does not name its subject."""
    p_back: float = 0.0
    """After such a query the page that the picture led to is opened, where there is one, instead of
    putting the query better."""
    p_wide: float = 0.0
    """The first crops are too wide."""
    p_beside: float = 0.0
    """Things beside those needed are looked at in the first crops."""
    max_beside: int = 2
    """Boxes of such things, at most."""

    p_straight: float = 0.0
    """The page that the picture led to is opened for a hop at once, without a search."""
    says_place: bool = False
    """Before a box it says by which place the question tells the thing, where it does so."""
    verifies: bool = False
    """Before the answer another search is made, for a second page that says so."""

    def of(self, trajectory_id: str) -> "Ways":
        """The ways of one trajectory: a function of its id."""
        return Ways(habits=self, seed=trajectory_id)


LIVELY = Habits(p_vague=0.85, p_back=0.5, p_wide=0.3, p_beside=0.55)
"""Of a teacher whose trajectories are to be learnt from."""


class OracleSettings(Record):
    """How the oracle teaches in a run, where the run asks it by name."""

    scales: tuple[float, ...] = Field(default=(1.0, 1.5, 2.5), min_length=1)
    """Of its crops; the first two are tried at once, the rest for what was not found."""
    p_straight: float = Field(default=0.0, ge=0, le=1)
    """Share of the hops for which it opens the page that the picture led to without a search."""
    says_place: bool = False
    """Crops name the place of the thing as their goal, before the box: a small model finds a box by
    the words in front of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ways:
    """What one trajectory does beside the straight way; stateless, so that a turn can be repeated."""

    habits: Habits
    seed: str

    def vague_query(self, hop_id: str, *, label: str, question: str) -> str | None:
        """A first query for a hop that leaves out what it is about; None: not this time."""
        rng = self._rng("query", hop_id)
        if rng.random() >= self.habits.p_vague:
            return None
        words = re.split(r"[.?!;]\s", question.rstrip("?.! "))[-1].split()
        words = [word.strip(",;:") for word in words]
        asked = " ".join(words[-_MAX_WORDS:])
        return rng.choice((asked, f"{label} {' '.join(words[-4:])}", f"who or what: {label}"))

    def goes_straight(self, hop_id: str) -> bool:
        """Whether the page that is known already is read without a search."""
        return self._rng("straight", hop_id).random() < self.habits.p_straight

    def goes_back(self, hop_id: str) -> bool:
        """Whether after a vague query the picture's page is read rather than another query made."""
        return self._rng("back", hop_id).random() < self.habits.p_back

    def rounds(self, rounds: Sequence[tuple[float, ...]]) -> list[tuple[float, ...]]:
        """Scales of the first and further tries, perhaps the widest first."""
        rng = self._rng("rounds")
        if rng.random() >= self.habits.p_wide:
            return list(rounds)
        widest = max(scale for scales in rounds for scale in scales)
        rest = [tuple(one for one in scales if one != widest) for scales in rounds]
        return [(widest,), *(scales for scales in rest if scales)]

    def beside(self, boxes: Sequence[Box], *, photo: str = "") -> list[Box]:
        """Boxes of other things that may be worth a look, none of them over one of these.

        `photo`: where they are in the picture of a page, the look at it; "": in the question's.
        """
        rng = self._rng("beside", *([photo] if photo else []))
        if rng.random() >= self.habits.p_beside:
            return []
        found: list[Box] = []
        for _ in range(_NUM_TRIES):
            wide, tall = rng.uniform(0.1, 0.24), rng.uniform(0.12, 0.28)
            x, y = rng.uniform(0.02, 0.98 - wide), rng.uniform(0.02, 0.98 - tall)
            box = Box(x0=x, y0=y, x1=x + wide, y1=y + tall)
            if all(_common(box, other) <= _MAX_OVERLAP * box.area for other in (*boxes, *found)):
                found.append(box)
            if len(found) == rng.randint(1, self.habits.max_beside):
                break
        return found[: self.habits.max_beside]

    def _rng(self, *what: str) -> random.Random:
        digest = hashlib.blake2b("/".join((self.seed, *what)).encode(), digest_size=8).digest()
        return random.Random(int.from_bytes(digest, "big"))


def _common(first: Box, second: Box) -> float:
    wide = min(first.x1, second.x1) - max(first.x0, second.x0)
    tall = min(first.y1, second.y1) - max(first.y0, second.y0)
    return max(0.0, wide) * max(0.0, tall)
