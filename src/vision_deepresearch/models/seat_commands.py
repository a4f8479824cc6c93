"""What a person types in the seat, read into a tool call or an answer.

crop img_1 100 200 300 400 [x 1 1.5] [for GOAL]     several boxes: four numbers each
image img_1 [for GOAL]
zoom img_1 100 200 300 400
search WORDS [| OTHER WORDS]
visit URL [for GOAL]
python CODE
answer TEXT
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import isfinite

from pydantic import JsonValue

from vision_deepresearch.core.content import ToolCall, ToolSpec

_GOAL = re.compile(r"\s+for\s+")
_SCALES = re.compile(r"\s+x\s+")
_DEFAULT_GOAL = "identify what is shown"


class CommandError(ValueError):
    """A line that is no command; the message says what was expected."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """What a command stands for: a call or an answer."""

    call: ToolCall | None = None
    answer: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Command:
    tool: str
    usage: str
    read: Callable[[str, Sequence[str]], dict[str, JsonValue]]


def read_command(line: str, *, tools: Sequence[ToolSpec], handles: Sequence[str]) -> Move:
    """Read one line.

    Args:
        line: as typed.
        tools: the enabled ones; a command of another tool is refused.
        handles: known names of pictures.

    Raises:
        CommandError: no command, or one that does not fit.
    """
    word, _, rest = line.strip().partition(" ")
    word, rest = word.casefold(), rest.strip()
    if word == "answer":
        if not rest:
            msg = "expected `answer TEXT`, got no text"
            raise CommandError(msg)
        return Move(answer=rest)
    enabled = {tool.name for tool in tools}
    command = _COMMANDS.get(word)
    if command is None or command.tool not in enabled:
        known = [key for key, item in _COMMANDS.items() if item.tool in enabled]
        msg = f"unknown command {word[:40]!r}: use one of {', '.join([*known, 'answer', 'help'])}"
        raise CommandError(msg)
    try:
        arguments = command.read(rest, handles)
    except CommandError as error:
        msg = f"{error}: expected `{command.usage}`"
        raise CommandError(msg) from error
    return Move(call=ToolCall(id="seat", name=command.tool, arguments=arguments))


def help_text(tools: Sequence[ToolSpec]) -> str:
    """The commands of the enabled tools, one per line."""
    enabled = {tool.name for tool in tools}
    usages = [item.usage for item in _COMMANDS.values() if item.tool in enabled]
    lines = [*usages, "answer TEXT", "help"]
    note = "Boxes are x1 y1 x2 y2 on a scale of 0-1000.\n"
    return "Commands:\n" + "".join(f"  {line}\n" for line in lines) + note


def _read_crop(rest: str, handles: Sequence[str]) -> dict[str, JsonValue]:
    rest, goal = _split_goal(rest)
    place, *scale_text = _SCALES.split(rest, maxsplit=1)
    arguments = _read_boxes(place, handles)
    arguments["goal"] = goal or _DEFAULT_GOAL
    if scale_text:
        arguments["scales"] = list[JsonValue](_numbers(scale_text[0]))
    return arguments


def _read_zoom(rest: str, handles: Sequence[str]) -> dict[str, JsonValue]:
    arguments = _read_boxes(rest, handles)
    boxes = arguments["bbox"]
    if isinstance(boxes, list) and len(boxes) == 1:
        arguments["bbox"] = boxes[0]
    return arguments


def _read_image(rest: str, handles: Sequence[str]) -> dict[str, JsonValue]:
    rest, goal = _split_goal(rest)
    return {"image_id": _handle(rest, handles), "goal": goal or _DEFAULT_GOAL}


def _read_search(rest: str, handles: Sequence[str]) -> dict[str, JsonValue]:
    del handles
    queries = [query.strip() for query in rest.split("|") if query.strip()]
    if not queries:
        msg = "no words to search for"
        raise CommandError(msg)
    return {"query": list[JsonValue](queries)}


def _read_visit(rest: str, handles: Sequence[str]) -> dict[str, JsonValue]:
    del handles
    rest, goal = _split_goal(rest)
    if len(rest.split()) != 1:
        msg = "no single url"
        raise CommandError(msg)
    return {"url": [rest], "goal": goal or "what the page says"}


def _read_python(rest: str, handles: Sequence[str]) -> dict[str, JsonValue]:
    del handles
    if not rest:
        msg = "no code"
        raise CommandError(msg)
    return {"code": rest}


_COMMANDS = {
    "crop": _Command(
        tool="crop_and_search",
        usage="crop img_1 X1 Y1 X2 Y2 [more boxes] [x 1 1.5] [for GOAL]",
        read=_read_crop,
    ),
    "image": _Command(tool="image_search", usage="image img_1 [for GOAL]", read=_read_image),
    "zoom": _Command(tool="zoom", usage="zoom img_1 X1 Y1 X2 Y2", read=_read_zoom),
    "search": _Command(tool="search", usage="search WORDS [| OTHER WORDS]", read=_read_search),
    "visit": _Command(tool="visit", usage="visit URL [for GOAL]", read=_read_visit),
    "python": _Command(tool="python", usage="python CODE", read=_read_python),
}


def _split_goal(rest: str) -> tuple[str, str]:
    head, *goal = _GOAL.split(f" {rest}", maxsplit=1)
    return head.strip(), goal[0].strip() if goal else ""


def _read_boxes(text: str, handles: Sequence[str]) -> dict[str, JsonValue]:
    handle, _, rest = text.partition(" ")
    numbers = _numbers(rest)
    if not numbers or len(numbers) % 4:
        msg = f"four numbers per box, got {len(numbers)}"
        raise CommandError(msg)
    boxes: list[JsonValue] = [
        list[JsonValue](numbers[start : start + 4]) for start in range(0, len(numbers), 4)
    ]
    return {"image_id": _handle(handle, handles), "bbox": boxes}


def _handle(text: str, handles: Sequence[str]) -> str:
    if text not in handles:
        msg = f"unknown picture {text[:40]!r}, known are {', '.join(handles) or 'none'}"
        raise CommandError(msg)
    return text


def _numbers(text: str) -> list[float]:
    words = text.replace(",", " ").replace("[", " ").replace("]", " ").split()
    try:
        numbers = [float(word) for word in words]
    except ValueError:
        msg = f"{text.strip()[:60]!r} are not numbers"
        raise CommandError(msg) from None
    if not all(isfinite(number) for number in numbers):
        msg = "numbers must be finite"
        raise CommandError(msg)
    return numbers
