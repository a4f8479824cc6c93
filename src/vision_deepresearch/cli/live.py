"""Research as it happens, in the terminal: turn, thought in short, boxes, hits, pages, cost.

Everything that came from a model or a page is printed as plain text: no markup, no control codes.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.text import Text as RichText

from vision_deepresearch.core.content import ToolCall
from vision_deepresearch.core.events import (
    CallFinished,
    Event,
    ModelReplied,
    Stopped,
    TurnFinished,
    TurnStarted,
)
from vision_deepresearch.core.observation import Evidence, EvidenceKind, Observation

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2066-\u2069]+")
_HITS_SHOWN = 2
_THOUGHT_CHARS = 240


def plain(text: str, *, width: int = 100) -> str:
    """One line of printable text, cut at `width` characters."""
    line = " ".join(_CONTROL.sub(" ", text).split())
    return line if len(line) <= width else line[: width - 1] + "…"


class LiveView:
    """Prints events of one trajectory; pass `listen` to the agent."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._status = console.status("", spinner="dots")
        self._boxes = 0
        self._requests = 0

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Show what is running now below the lines already printed."""
        with self._status:
            yield

    def listen(self, event: Event) -> None:
        """Print one event."""
        match event:
            case TurnStarted():
                self._status.update(
                    f"turn {event.turn + 1}: the model is thinking "
                    f"({event.prompt_tokens:,} tokens so far)"
                )
            case ModelReplied():
                self._console.print()
                self._line(f"turn {event.turn + 1}", plain(event.thought, width=_THOUGHT_CHARS))
                names = ", ".join(call.name for call in event.calls)
                self._status.update(f"turn {event.turn + 1}: {names or 'reading the reply'}")
            case CallFinished():
                self._call(event.call, event.observation, seconds=event.seconds)
            case TurnFinished():
                if event.turn.fault is not None:
                    self._line("  fault", f"{event.turn.fault.kind}: {event.turn.fault.message}")
                if event.turn.edit is not None:
                    dropped = ", ".join(str(turn + 1) for turn in event.turn.edit.turns)
                    self._line("  context", f"results of turns {dropped} were condensed")
            case Stopped():
                self._status.update("")

    def _call(self, call: ToolCall, observation: Observation, *, seconds: float) -> None:
        self._line(f"  {call.name}", f"{_arguments(call)}  ({seconds:.1f} s)", style="cyan")
        if observation.failure is not None:
            self._line(
                "    failed",
                f"{observation.failure.kind}: {plain(observation.failure.message, width=160)}",
                style="red",
            )
        for index, region in enumerate(observation.regions):
            box = ",".join(str(value) for value in region.box.thousandths())
            found = [item for item in observation.evidence if item.region == index]
            self._line(f"    [{box}] x{region.scale:g}", _best(found), style="green")
        for item in observation.evidence:
            if item.region is None and item.kind is EvidenceKind.TEXT_HIT:
                if item.rank is not None and item.rank < _HITS_SHOWN:
                    self._line("    hit", f"{plain(item.title, width=40)}  {item.url}")
            elif item.region is None and item.kind is EvidenceKind.IMAGE_HIT:
                if item.rank is not None and item.rank < _HITS_SHOWN:
                    self._line("    hit", _hit(item))
            elif item.kind is EvidenceKind.PAGE:
                self._line("    read", f"{plain(item.title, width=40)}: {plain(item.snippet)}")
        for notice in observation.notices:
            self._line("    note", plain(notice, width=160), style="yellow")

    def _line(self, label: str, text: str, *, style: str = "bold") -> None:
        line = RichText()
        line.append(label, style=style)
        line.append("  ")
        line.append(plain(text, width=400))
        self._console.print(line, soft_wrap=True)


def _arguments(call: ToolCall) -> str:
    shown = []
    for name, value in call.arguments.items():
        if name == "bbox" and isinstance(value, list):
            shown.append(f"{len(value)} boxes" if len(value) != 1 else "1 box")
        elif name == "scales" and isinstance(value, list):
            shown.append("scales " + ", ".join(str(scale) for scale in value))
        elif isinstance(value, list):
            shown.append("; ".join(str(item) for item in value))
        else:
            shown.append(str(value))
    return plain("  ".join(shown), width=140)


def _best(found: list[Evidence]) -> str:
    hits = [item for item in found if item.kind is EvidenceKind.IMAGE_HIT]
    if not hits:
        return "no hit"
    return " | ".join(_hit(item) for item in hits[:_HITS_SHOWN])


def _hit(item: Evidence) -> str:
    score = f" {item.score:g}" if item.score is not None else ""
    return f"{plain(item.title, width=48)} ({item.label or 'hit'}{score})"
