"""Tool calling for servers that have none: specs, calls and results become plain text and back.

The text form is that of profile `vdr`: `<tools>` in the system message, `<tool_call>` blocks in
replies, `<tool_response>` blocks in user messages. The conversation that is kept does not change.
"""

import json
from collections.abc import Sequence

from vision_deepresearch.core.content import (
    Conversation,
    Message,
    Role,
    ToolSpec,
    trusted,
    untrusted,
)
from vision_deepresearch.core.protocols import Completion, FinishReason, NativeCall
from vision_deepresearch.models.chat_schema import plain_schema
from vision_deepresearch.models.profiles.prompt_files import fill, schema_line
from vision_deepresearch.models.profiles.render import MAX_CALLS
from vision_deepresearch.models.profiles.strict_json import UnreadableJsonError, read_object
from vision_deepresearch.models.profiles.tags import call_block, scan

TEXT_STOP = "<tool_response>"
"""Ends a reply before it invents a result."""
_UNREADABLE = "unreadable"
"""Name of a call whose block is no call: the profile finds the fault and tells the model."""


def as_text(conversation: Conversation, *, tools: Sequence[ToolSpec]) -> tuple[Message, ...]:
    """The conversation without tool roles and call fields; neighbours of one role are joined."""
    messages: list[Message] = []
    for message in _with_specs(conversation, tools=tools):
        said = _said(message)
        if messages and messages[-1].role is said.role and said.role is Role.USER:
            parts = (*messages[-1].parts, trusted("\n"), *said.parts)
            messages[-1] = Message(role=Role.USER, parts=parts)
        else:
            messages.append(said)
    return tuple(messages)


def with_calls(completion: Completion) -> Completion:
    """A reply whose `<tool_call>` blocks became calls; an unclosed block spoils all of them."""
    found = scan(completion.text)
    if not found.calls or found.is_call_open:
        return completion.model_copy(update={"text": found.kept})
    text = found.kept
    for body in found.calls:
        # From the right: the same words inside a thought are none of the calls.
        before, _, after = text.rpartition(f"<tool_call>{body}</tool_call>")
        text = before + after
    is_cut = completion.finish is FinishReason.LENGTH
    return completion.model_copy(
        update={
            "text": text.strip(),
            "native_calls": tuple(_read_call(body) for body in found.calls),
            "finish": completion.finish if is_cut else FinishReason.TOOL_CALLS,
        }
    )


def _with_specs(conversation: Conversation, *, tools: Sequence[ToolSpec]) -> Sequence[Message]:
    """The specs at the end of the system message, or in one of their own."""
    if not tools:
        return conversation
    lines = [
        schema_line(
            name=tool.name, description=tool.description, parameters=plain_schema(tool.parameters)
        )
        for tool in tools
    ]
    block = trusted(
        fill("text_tools", tools="\n".join(lines), calls=fill("calls_many", cap=MAX_CALLS))
    )
    if not conversation or conversation[0].role is not Role.SYSTEM:
        return [Message(role=Role.SYSTEM, parts=(block,)), *conversation]
    system = conversation[0]
    parts = (*system.parts, trusted("\n\n"), block)
    return [system.model_copy(update={"parts": parts}), *conversation[1:]]


def _said(message: Message) -> Message:
    if message.role is Role.TOOL:
        around = (trusted("<tool_response>\n"), *message.parts, trusted("\n</tool_response>"))
        return Message(role=Role.USER, parts=around)
    if not message.tool_calls:
        return message
    blocks = [
        call_block({"name": call.name, "arguments": call.arguments}) for call in message.tool_calls
    ]
    text = "\n".join([message.text, *blocks]).lstrip()
    return Message(
        role=message.role,
        parts=(untrusted(text), *message.images),
        reasoning=message.reasoning,
        sampled=message.sampled,
    )


def _read_call(body: str) -> NativeCall:
    try:
        content = read_object(body)
    except UnreadableJsonError:
        return NativeCall(id="", name=_UNREADABLE, arguments=body)
    name, arguments = content.pop("name", None), content.pop("arguments", {})
    if not isinstance(name, str) or not isinstance(arguments, dict) or content:
        # A string is no object of arguments, so the profile says what a call needs.
        return NativeCall(id="", name=_UNREADABLE, arguments=json.dumps(body))
    return NativeCall(id="", name=name, arguments=json.dumps(arguments, ensure_ascii=False))
