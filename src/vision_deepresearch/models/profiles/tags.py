"""Finds thoughts, calls and answers in a reply written with tags.

A scan goes left to right and never looks inside a thought. It ends at the first observation the
model invented outside one; what follows is not part of the reply.
"""

import json
import re
from dataclasses import dataclass, field

from vision_deepresearch.core.trajectory import FaultKind

_TAG = re.compile(r"</?think>|<tool_call>|<answer>|<tool_response>")
_THINK = re.compile(r"</?think>")
_CODE_END = re.compile(r"</code>\s*</tool_call>")
_NESTED = ("<tool_call>", "<answer>", "<think>", "<tool_response>")


@dataclass(slots=True, kw_only=True)
class Scan:
    """What stands in a reply, in order."""

    kept: str
    """The reply up to the first invented observation."""
    thoughts: list[str] = field(default_factory=list)
    calls: list[str] = field(default_factory=list)
    """Bodies of complete calls."""
    answers: list[str] = field(default_factory=list)
    """Stripped contents of complete answers."""
    prose: list[str] = field(default_factory=list)
    """What stands outside all tags."""
    fault: FaultKind | None = None
    """`unclosed_think`, or `unclosed_tag` of a call or an answer."""
    is_call_open: bool = False
    """Whether the unclosed tag is a call."""

    @property
    def thought(self) -> str:
        """The thinking; of a reply without any, what stands outside the tags."""
        return "\n".join(self.thoughts).strip() or "".join(self.prose).strip()


def call_block(content: object) -> str:
    """A call in its tags; angle brackets in the JSON are escaped, so no tag can stand in it."""
    return f"<tool_call>\n{inert_json(content)}\n</tool_call>"


def inert_json(content: object) -> str:
    """JSON in which no tag can stand: angle brackets are escaped."""
    text = json.dumps(content, ensure_ascii=False, allow_nan=False)
    return without_tags(text)


def without_tags(json_text: str) -> str:
    """The same JSON with its angle brackets escaped."""
    return json_text.replace("<", "\\u003c").replace(">", "\\u003e")


def scan(text: str) -> Scan:
    """Read a reply from left to right. Pure text work; bodies of calls are not parsed."""
    found = Scan(kept=text)
    place = _skip_open_thought(found, text)
    while tag := _TAG.search(text, place):
        found.prose.append(text[place : tag.start()])
        match tag[0]:
            case "<think>":
                place = _read_thought(found, text, tag.end())
            case "</think>":
                place = tag.end()
            case "<tool_call>":
                place = _read_call(found, text, tag.end())
            case "<answer>":
                place = _read_answer(found, text, tag.end())
            case _:
                found.kept = text[: tag.start()]
                return found
        if place < 0:
            return found
    found.prose.append(text[place:])
    return found


def _skip_open_thought(found: Scan, text: str) -> int:
    """Some templates open the thought in the prompt: then the reply only closes it."""
    first = _THINK.search(text)
    if first is None or first[0] == "<think>":
        return 0
    found.thoughts.append(text[: first.start()])
    return first.end()


def _read_thought(found: Scan, text: str, start: int) -> int:
    """Take a thought and return the place behind it; -1: it is not closed."""
    end = text.find("</think>", start)
    if end < 0:
        found.fault = FaultKind.UNCLOSED_THINK
        return -1
    found.thoughts.append(text[start:end])
    return end + len("</think>")


def _read_call(found: Scan, text: str, start: int) -> int:
    """Take the body of a call and return the place behind it; -1: it is not closed."""
    end = text.find("</tool_call>", start)
    code = text.find("<code>", start)
    if 0 <= code < end and text.find("</code>", code, end) < 0:
        # The code itself mentions the closing tag: the call ends behind the code.
        behind = _CODE_END.search(text, end)
        end = text.rfind("</tool_call>", start, behind.end()) if behind else end
    if end < 0:
        found.fault, found.is_call_open = FaultKind.UNCLOSED_TAG, True
        invented = text.find("<tool_response>", start)
        found.kept = text if invented < 0 else text[:invented]
        return -1
    found.calls.append(text[start:end])
    return end + len("</tool_call>")


def _read_answer(found: Scan, text: str, start: int) -> int:
    """Take an answer and return the place behind it; -1: it is not closed.

    A call begun inside an answer is looked at in its own right: a complete call wins.
    """
    end = text.find("</answer>", start)
    content = text[start:] if end < 0 else text[start:end]
    nested = [place for tag in _NESTED if (place := content.find(tag)) >= 0]
    first = start + min(nested) if nested else -1
    if first >= 0 and text.startswith("<tool_call>", first):
        return first
    if end < 0 or first >= 0:
        found.fault = FaultKind.UNCLOSED_TAG
        invented = content.find("<tool_response>")
        found.kept = text if invented < 0 else text[: start + invented]
        return -1
    found.answers.append(content.strip())
    return end + len("</answer>")
