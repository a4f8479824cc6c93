"""Which groups teach anything, and how many more tasks to draw for those that do not."""

from collections.abc import Sequence
from enum import StrEnum
from typing import Literal

from vision_deepresearch.train.rl.masking import Standing

ZeroVariance = Literal["keep", "drop", "refill"]
"""What happens to groups without signal. `keep` (the paper): their rows stay in the denominator, no
forward is run for them. `drop`: they leave the denominator too. `refill`: as drop, and further tasks
are drawn in their place."""


class Signal(StrEnum):
    """What a group teaches."""

    INFORMATIVE = "informative"
    """Some advantage is not 0."""
    ZERO_VARIANCE = "zero_variance"
    """All that could be compared were equal."""
    UNDERPOPULATED = "underpopulated"
    """Fewer than two siblings could be compared."""


def signal_of(advantages_G: Sequence[float], standings_G: Sequence[Standing]) -> Signal:
    """Sort a group by its advantages. Shapes: G = sibling."""
    if any(advantages_G):
        return Signal.INFORMATIVE
    if sum(standing is Standing.VALID for standing in standings_G) < 2:
        return Signal.UNDERPOPULATED
    return Signal.ZERO_VARIANCE


def tasks_to_draw(
    *, num_informative: int, num_drawn: int, batch_tasks: int, refill_limit: int
) -> int:
    """Tasks still to be drawn for a batch that wants `batch_tasks` informative groups.

    Args:
        num_informative: groups with signal so far.
        num_drawn: tasks drawn for this batch so far.
        batch_tasks: wanted.
        refill_limit: tasks that may be drawn beyond `batch_tasks`: an easy or hopeless set of tasks
            must not stop training for good.
    """
    missing = batch_tasks - num_informative
    allowed = batch_tasks + refill_limit - num_drawn
    return max(0, min(missing, allowed))
