"""Chooses tasks by how often they were solved: those always or never solved teach nothing.

State is small and goes into the checkpoint; the choice depends on it and on (seed, visit) alone,
so a run that goes on draws what it would have drawn.
"""

import random
from collections.abc import Iterator, Mapping, Sequence

from pydantic import Field

from vision_deepresearch.core.record import Record


class CurriculumSettings(Record):
    """Which tasks are drawn."""

    low: float = Field(default=0.0, ge=0, le=1)
    """A task is left out once its pass rate is at or below this..."""
    high: float = Field(default=1.0, ge=0, le=1)
    """... or at or above this. Source: 0 < pass@4 < 1 in the paper's successor."""
    min_attempts: int = Field(default=0, ge=0)
    """Graded attempts before a task is left out; 0: the curriculum is off, every task is drawn."""
    again_frac: float = Field(default=0.1, ge=0, le=1)
    """Share of left-out tasks that are drawn all the same: the policy changes, and so do they."""


class PassRate(Record):
    """How a task went so far."""

    attempts: int = 0
    """Valid, graded ones."""
    correct: int = 0

    @property
    def rate(self) -> float | None:
        """None: never graded."""
        return self.correct / self.attempts if self.attempts else None


class Curriculum:
    """Draws tasks, epoch by epoch, each epoch in a shuffled order of its own. Mutable.

    Args:
        task_ids: all there are, in a fixed order.
        seed: of the run.
        settings: None: every task once per epoch.
        rates: of an earlier session.
        cursor: tasks looked at so far, of an earlier session.
    """

    def __init__(
        self,
        task_ids: Sequence[str],
        *,
        seed: int,
        settings: CurriculumSettings | None = None,
        rates: Mapping[str, PassRate] | None = None,
        cursor: int = 0,
    ) -> None:
        if not task_ids:
            msg = "a curriculum needs at least one task: name a world with questions"
            raise ValueError(msg)
        if len(set(task_ids)) != len(task_ids):
            msg = "task ids must differ: drop the doubles"
            raise ValueError(msg)
        self._ids = tuple(task_ids)
        self._seed = seed
        self._settings = settings or CurriculumSettings()
        self.rates: dict[str, PassRate] = dict(rates or {})
        self.cursor = cursor
        self._order: tuple[int, tuple[str, ...]] = (-1, ())

    def draw(self) -> str:
        """The next task."""
        # With every task left out and `again_frac` 0 an epoch holds none: then all are drawn again.
        for _ in range(2 * len(self._ids)):
            name = self._at(self.cursor)
            visit = self.cursor
            self.cursor += 1
            if self.is_wanted(name, visit=visit):
                return name
        return self._at(self.cursor - 1)

    def is_wanted(self, task_id: str, *, visit: int) -> bool:
        """Whether the task teaches something as far as is known, or is to be looked at again."""
        settings = self._settings
        known = self.rates.get(task_id, PassRate())
        if not settings.min_attempts or known.attempts < settings.min_attempts:
            return True
        rate = known.rate
        if rate is None or settings.low < rate < settings.high:
            return True
        return random.Random(f"again/{self._seed}/{visit}").random() < settings.again_frac

    def note(self, task_id: str, *, attempts: int, correct: int) -> None:
        """Add graded attempts."""
        known = self.rates.get(task_id, PassRate())
        self.rates[task_id] = PassRate(
            attempts=known.attempts + attempts, correct=known.correct + correct
        )

    def excluded(self) -> Iterator[str]:
        """Tasks that are left out now."""
        settings = self._settings
        for name in self._ids:
            known = self.rates.get(name, PassRate())
            is_known = settings.min_attempts and known.attempts >= settings.min_attempts
            if is_known and not settings.low < (known.rate or 0.0) < settings.high:
                yield name

    def _at(self, cursor: int) -> str:
        epoch, place = divmod(cursor, len(self._ids))
        if self._order[0] != epoch:
            order = list(self._ids)
            random.Random(f"epoch/{self._seed}/{epoch}").shuffle(order)
            self._order = (epoch, tuple(order))
        return self._order[1][place]
