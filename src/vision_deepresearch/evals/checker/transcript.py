"""Reads a finished conversation as a stranger would: its messages in, what was said and shown out.

Nothing but the messages is looked at, as they were sent and as `vdr export` writes them: neither
the turns of the record nor the profile that wrote them. The protocol is that of arXiv 2601.22060:

    <think>...</think> then <tool_call>{"name": ..., "arguments": {...}}</tool_call>, one or several,
    or <answer>...</answer>; results come back as <tool_response> blocks of one user message
"""

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from pydantic import JsonValue

from vision_deepresearch.core.content import Message, Role

_REPLY = re.compile(
    r"\s*<think>(?P<thought>.*?)</think>\s*"
    r"(?:(?P<calls>(?:<tool_call>.*?</tool_call>\s*)+)|<answer>(?P<answer>.*?)</answer>\s*)",
    re.DOTALL,
)
_CALL = re.compile(r"<tool_call>(.*?)</tool_call>", re.DOTALL)
_CODE = re.compile(r"\s*<code>(.*)</code>\s*", re.DOTALL)
_RESPONSE = re.compile(r"<tool_response>\n?(.*?)\n?</tool_response>", re.DOTALL)


@dataclass(frozen=True, slots=True, kw_only=True)
class SaidCall:
    """One call as the reply writes it."""

    name: str
    arguments: dict[str, JsonValue]

    def texts(self) -> Iterator[str]:
        """All strings among its arguments."""
        yield from _strings(list(self.arguments.values()))


@dataclass(slots=True, kw_only=True)
class SaidStep:
    """One reply, and what came back."""

    index: int
    thought: str = ""
    calls: list[SaidCall] = field(default_factory=list)
    answer: str | None = None
    is_readable: bool = True
    """Whether it is a thought with calls or an answer, and nothing else."""
    shown: str = ""
    """All that came back, as text."""
    responses: list[str] = field(default_factory=list)
    """The blocks of it."""

    def said(self) -> str:
        """Thought, answer and the words of calls."""
        words = [self.thought, self.answer or ""]
        return "\n".join([*words, *(text for call in self.calls for text in call.texts())])


@dataclass(frozen=True, slots=True, kw_only=True)
class Transcript:
    """A conversation taken apart."""

    question: str
    """The user's messages before the first reply."""
    num_pictures: int
    """Shown with the question."""
    steps: tuple[SaidStep, ...]


def read_transcript(messages: Sequence[Message]) -> Transcript:
    """Take a conversation apart; what cannot be read is marked, nothing is refused."""
    asked: list[str] = []
    pictures = 0
    steps: list[SaidStep] = []
    for message in messages:
        match message.role:
            case Role.ASSISTANT:
                steps.append(_read_reply(message.text, index=len(steps)))
            case Role.SYSTEM:
                pass
            case Role.USER | Role.TOOL if not steps:
                asked.append(message.text)
                pictures += len(message.images)
            case Role.USER | Role.TOOL:
                steps[-1].shown += message.text + "\n"
                steps[-1].responses += _RESPONSE.findall(message.text)
    return Transcript(question="\n".join(asked), num_pictures=pictures, steps=tuple(steps))


def _read_reply(text: str, *, index: int) -> SaidStep:
    step = SaidStep(index=index)
    found = _REPLY.fullmatch(text)
    if found is None:
        step.thought, step.is_readable = text, False
        return step
    step.thought, step.answer = found["thought"], found["answer"]
    for body in _CALL.findall(found["calls"] or ""):
        call = _read_call(body)
        if call is None:
            step.is_readable = False
        else:
            step.calls.append(call)
    return step


def _read_call(body: str) -> SaidCall | None:
    text = body.strip()
    try:
        value, end = json.JSONDecoder().raw_decode(text)
    except json.JSONDecodeError:
        return None
    rest = text[end:]
    code = _CODE.fullmatch(rest)
    if not isinstance(value, dict) or (rest.strip() and code is None):
        return None
    name, arguments = value.get("name"), value.get("arguments")
    if not isinstance(name, str) or not isinstance(arguments, dict):
        return None
    if code is not None:
        arguments = {**arguments, "code": code[1]}
    return SaidCall(name=name, arguments=arguments)


def _strings(value: JsonValue) -> Iterator[str]:
    match value:
        case str():
            yield value
        case list():
            for one in value:
                yield from _strings(one)
        case dict():
            for one in value.values():
                yield from _strings(one)
        case _:
            return
