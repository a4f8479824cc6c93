"""Guards against a model that goes round in circles: looping text, identical calls, bad turns.

They look at what the model sampled and at typed failures only, never at tool text: a page that
quotes an error message is no fault.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass

from vision_deepresearch.agent.limits import FaultSource, Limits
from vision_deepresearch.core.content import ToolCall
from vision_deepresearch.core.protocols import Completion
from vision_deepresearch.core.trajectory import Turn

NGRAM_CHARS = 30
"""Length of the pieces that are compared. Source: arXiv 2601.22060 public code, repetition gate."""
MAX_TESTED_CHARS = 200_000
"""Of a longer text the end is tested: a model that loops does not come back."""

_CANONICAL = json.JSONEncoder(sort_keys=True, ensure_ascii=False, separators=(",", ":"))


def distinct_frac(text: str) -> float:
    """The share of distinct 30-character pieces of a text, 1.0 for a text shorter than one piece.

    Characters instead of words, so that scripts without spaces count as well.
    Cost: time and memory linear in the text, about 0.2 us and 100 bytes per character.
    """
    text = text[-MAX_TESTED_CHARS:]
    num_pieces = len(text) - NGRAM_CHARS + 1
    if num_pieces < 1:
        return 1.0
    return len({text[start : start + NGRAM_CHARS] for start in range(num_pieces)}) / num_pieces


def is_looping(text: str, *, limits: Limits) -> bool:
    """Whether a sampled text repeats itself, thinking included."""
    if len(text) < limits.repetition_min_chars:
        return False
    return distinct_frac(text) < limits.repetition_min_distinct_frac


def sampled_text(completion: Completion) -> str:
    """Everything the model wrote in one reply: thinking, text, arguments of native calls."""
    arguments = "".join(call.arguments for call in completion.native_calls)
    return (completion.reasoning or "") + completion.text + arguments


def call_key(call: ToolCall) -> str:
    """Canonical JSON of a call: equal key, identical call. The id does not count."""
    return _CANONICAL.encode([call.name, call.arguments])


class CallGuard:
    """Finds a call that stands in several turns in a row. Mutable; one per trajectory."""

    def __init__(self, limits: Limits) -> None:
        self._limit = limits.max_same_calls
        self._runs: dict[str, int] = {}

    def note(self, calls: Sequence[ToolCall]) -> str:
        """Take the calls of the next turn.

        Returns:
            What is repeated, in words, once a call stands in `max_same_calls` turns in a row;
            empty before.
        """
        keys = {call_key(call): call.name for call in calls}
        self._runs = {key: self._runs.get(key, 0) + 1 for key in keys}
        for key, length in self._runs.items():
            if length >= self._limit:
                return f"the identical call of {keys[key]!r} in {length} turns in a row"
        return ""


@dataclass(frozen=True, slots=True, kw_only=True)
class FaultRun:
    """Bad turns in a row, up to now."""

    length: int = 0
    last: FaultSource | None = None

    def after(self, turn: Turn) -> "FaultRun":
        """The run once this turn is complete: one longer if it is bad, else none.

        A reply that could not be used is a `format` fault; a turn whose calls all failed is a
        `tool` fault. A turn with at least one call that worked ends the run; so does an empty
        result, which is no failure.
        """
        if not turn.is_bad:
            return FaultRun()
        source = FaultSource.FORMAT if turn.fault is not None else FaultSource.TOOL
        return FaultRun(length=self.length + 1, last=source)
