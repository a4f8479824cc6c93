"""Research as it happens, in the terminal: turn, thought in short, boxes, hits, pages, cost.

Everything that came from a model or a page is printed as plain text: no markup, no control codes.
"""

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.text import Text as RichText

from vision_deepresearch.cli.clean_output import clean
from vision_deepresearch.cli.output import counted
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
_THOUGHT_CHARS = 400
_CELLS = re.compile(r"\s*\|[\s|]*")
_STRING = re.compile(r'"(?:[^"\\]|\\.)*"')
_NOTE = re.compile(
    r'^[^\s|]+ \| (?P<what>.*): (?P<value>"(?:[^"\\]|\\.)*")(?: \(\S+\))?$', re.MULTILINE
)
"""A line of the oracle's notebook: `h3 | "Ostrel", population: "1,689"`."""


def plain(text: str, *, width: int = 100) -> str:
    """One line of printable text without secrets, cut at `width` characters."""
    line = " ".join(_CONTROL.sub(" ", clean(text)).split())
    return line if len(line) <= width else line[: width - 1] + "…"


def prose(text: str, *, width: int = 100) -> str:
    """Words of a page on one line, the cells of its tables set apart by dots."""
    return plain(_CELLS.sub(" \u00b7 ", text).strip(" \u00b7"), width=width)


def readable(thought: str) -> str:
    """A thought with the oracle's notes put into words; other thoughts are left as they are."""

    def told(note: re.Match[str]) -> str:
        what, value = _unquoted(note["what"]), _unquoted(note["value"])
        return f"Seen: {value}." if what == "shown in the picture" else f"Read: {what} = {value}."

    return _NOTE.sub(told, thought)


def _unquoted(text: str) -> str:
    """The text with its JSON strings, if they are some, replaced by what they hold."""

    def held(found: re.Match[str]) -> str:
        try:
            return str(json.loads(found[0]))
        except json.JSONDecodeError:
            return found[0]

    return _STRING.sub(held, text)


class LiveView:
    """Prints events of one trajectory; pass `listen` to the agent."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._status = console.status("", spinner="dots")
        self._num_crops = 0
        self._num_pages = 0
        self._prompt_tokens = 0
        self._cost_usd = 0.0
        self._has_unknown_cost = False
        self._notices: set[str] = set()

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Show what is running now below the lines already printed."""
        with self._status:
            yield

    def listen(self, event: Event) -> None:
        """Print one event."""
        match event:
            case TurnStarted():
                self._prompt_tokens = event.prompt_tokens
                self._show(event.turn, "the model is thinking")
            case ModelReplied():
                self._console.print()
                cost = f" {self._price()}" if self._cost_usd else ""
                thought = plain(readable(event.thought), width=_THOUGHT_CHARS)
                self._line(f"turn {event.turn + 1}{cost}", thought or "(no thought)", whole=True)
                names = ", ".join(call.name for call in event.calls)
                self._show(event.turn, plain(names) or "reading the reply")
            case CallFinished():
                self._call(event.call, event.observation, seconds=event.seconds)
            case TurnFinished():
                self._has_unknown_cost |= event.turn.usage.cost_usd is None
                self._cost_usd += (event.turn.usage.cost_usd or 0.0) + sum(
                    record.cost_usd for record in event.turn.calls
                )
                if event.turn.fault is not None:
                    fault = f"{event.turn.fault.kind}: {event.turn.fault.message}"
                    self._line("  fault", fault, style="red", whole=True)
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
                whole=True,
            )
        self._num_crops += len(observation.regions)
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
                self._num_pages += 1
                self._line("    read", f"{plain(item.title, width=40)}: {prose(item.snippet)}")
        for notice in observation.notices:
            if notice not in self._notices:  # once is enough: the same on every page otherwise
                self._notices.add(notice)
                self._line("    note", plain(notice, width=160), style="yellow", whole=True)

    def _show(self, turn: int, what: str) -> None:
        """What is going on, with the sums so far, in the line below everything."""
        self._status.update(
            RichText(
                f"turn {turn + 1}: {what} ({counted(self._num_crops, 'crop')}, "
                f"{counted(self._num_pages, 'page')} read, {self._prompt_tokens:,} tokens, "
                f"{self._price()})"
            )
        )

    def _price(self) -> str:
        """What is known of the costs so far; an unknown price is never shown as 0."""
        if not self._has_unknown_cost:
            return f"${self._cost_usd:.4f}"
        return f"${self._cost_usd:.4f} and more" if self._cost_usd else "price unknown"

    def _line(self, label: str, text: str, *, style: str = "bold", whole: bool = False) -> None:
        """One line; on a terminal cut at its width, or wrapped between words if `whole`."""
        line = RichText()
        line.append(label, style=style)
        line.append("  ")
        line.append(plain(text, width=_THOUGHT_CHARS))
        if self._console.is_terminal and not whole:
            line.truncate(self._console.width, overflow="ellipsis")
        self._console.print(line, soft_wrap=not self._console.is_terminal)


def _arguments(call: ToolCall) -> str:
    shown = []
    for name, value in call.arguments.items():
        if name == "bbox" and isinstance(value, list):
            # One flat list of corners is one box.
            boxes = len(value) if value and isinstance(value[0], list) else 1
            shown.append(counted(boxes, "box"))
        elif name == "scales" and isinstance(value, list):
            shown.append("scales " + ", ".join(str(scale) for scale in value))
        elif name == "cursor":
            shown.append(f"from part {value}")
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
