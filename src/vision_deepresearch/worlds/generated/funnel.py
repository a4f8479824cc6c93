"""Counts what becomes of attempts at a question: accepted, or why not."""

from collections import Counter
from dataclasses import dataclass, field
from enum import StrEnum


class Reject(StrEnum):
    """Why an attempt is no task. The first group fails to make a draft, the second a check."""

    NO_ANCHOR = "no_anchor"
    """Nothing of the kind drawn can be seen, its name is shared, or its look-alike is in the way."""
    NO_ROUTE = "no_route"
    """No usable chain of relations leads on."""
    NO_CLAUSE = "no_clause"
    """Nothing said of the thing sets it apart."""
    NO_RIVALS = "no_rivals"
    """Too few other things for which the question has another answer."""
    NO_PLACE = "no_place"
    """No words say where the thing stands without doubt, or it is too small."""
    NOT_UNIQUE = "not_unique"
    """Check 1: a second answer on the graph or by the word of some page."""
    NOT_REACHABLE = "not_reachable"
    """Check 2: no page states a step, or the text index does not find it."""
    SHORTCUT = "shortcut"
    """Check 3: the picture, a hop or a condition can be left out, or the first page tells all."""
    LEAK = "leak"
    """Check 4: a name of the route stands in the question."""
    BLIND = "blind"
    """Check 5: a reader without eyes finds the answer."""
    WHOLE_IMAGE = "whole_image"
    """Check 5: a reader of the whole picture finds the answer."""
    NOT_SOLVABLE = "not_solvable"
    """Check 6: no crop of the drawn scene finds the thing."""
    REFUSED = "refused"
    """By what the caller wants besides."""


@dataclass(slots=True)
class Funnel:
    """Attempts at tasks, by what became of them."""

    num_accepted: int = 0
    rejected: Counter[Reject] = field(default_factory=Counter)

    def reject(self, reason: Reject) -> None:
        """Count one attempt that came to nothing."""
        self.rejected[reason] += 1

    @property
    def num_attempts(self) -> int:
        """All of them."""
        return self.num_accepted + self.rejected.total()

    @property
    def accepted_frac(self) -> float:
        """Accepted of all attempts; 0 before the first."""
        return self.num_accepted / self.num_attempts if self.num_attempts else 0.0

    def counts(self) -> dict[str, int]:
        """For a manifest: attempts, and rejects by reason in the order of `Reject`."""
        reasons = {f"rejected_{reason}": self.rejected[reason] for reason in Reject}
        return {"task_attempts": self.num_attempts} | {
            name: count for name, count in reasons.items() if count
        }
