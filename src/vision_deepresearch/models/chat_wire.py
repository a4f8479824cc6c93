"""A conversation as the body of a request in the OpenAI chat format. Pure; bytes come from a function.

Every key is written here by name: records of ours never travel as they are, so no bookkeeping of
theirs can. Roles keep their order. Text of neighbouring parts is joined; pictures stand where they
stood, except that those of `tool` messages follow in a user message, for tool roles take none.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from pydantic import JsonValue

from vision_deepresearch.core.content import (
    Conversation,
    Image,
    Message,
    Role,
    Text,
    ToolSpec,
)
from vision_deepresearch.core.protocols import Sampling
from vision_deepresearch.models.chat_quirks import Quirks
from vision_deepresearch.models.chat_schema import narrow_schema, plain_schema, reply_schema
from vision_deepresearch.models.endpoint import EndpointSettings

_EMPTY_REPLY = "(empty reply)"
"""Stands for a reply of nothing: strict servers refuse empty messages in the history."""
_UNSIGNED: JsonValue = {"google": {"thought_signature": "skip_thought_signature_validator"}}
"""The provider's own word for a call whose signature is lost, as after a resumed run."""
_EMPTY_RESULT = "(nothing came back)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wire:
    """What turns records into a request."""

    model: str
    settings: EndpointSettings
    quirks: Quirks
    data_uri: Callable[[Image], str]
    """May read a file and raise ModelError."""
    signature: Callable[[str], JsonValue] = lambda _: None
    """What the provider gave along with a call, by its id; None: nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Seen:
    """A picture that travels."""

    uri: str
    handle: str | None


_Part: TypeAlias = Text | _Seen


def request_body(
    conversation: Conversation, *, tools: Sequence[ToolSpec], sampling: Sampling, wire: Wire
) -> dict[str, JsonValue]:
    """The whole body. Cost: reading and encoding all pictures; call it in a thread.

    Raises:
        ModelError: a picture cannot be read.
        ValueError: a tool's schema refers to itself.
    """
    body: dict[str, JsonValue] = {
        "model": wire.model,
        "messages": wire_messages(conversation, wire=wire),
    }
    if tools:
        body["tools"] = [_wire_tool(tool, quirks=wire.quirks) for tool in tools]
    body |= _wire_sampling(sampling, wire=wire)
    if sampling.reply_schema is not None and wire.quirks.takes_reply_schema:
        body["response_format"] = _wire_schema(sampling.reply_schema, quirks=wire.quirks)
    if wire.settings.stream:
        body |= {"stream": True, "stream_options": {"include_usage": True}}
    return body | wire.settings.extra_body


def wire_messages(conversation: Conversation, *, wire: Wire) -> list[JsonValue]:
    """The messages, in order."""
    shown = _shown_pictures(conversation, wire=wire)
    messages: list[JsonValue] = []
    owed: list[_Part] = []
    """Pictures of tool messages, to follow when all calls are answered."""
    for place, message in enumerate(conversation):
        parts: list[_Part] = [
            part if isinstance(part, Text) else shown.get((place, index)) or _left_out(part)
            for index, part in enumerate(message.parts)
        ]
        if message.role is Role.TOOL:
            for part in parts:
                if isinstance(part, _Seen):
                    owed += [_label(part.handle), part]
            parts = [part for part in parts if isinstance(part, Text)]
        elif owed:
            messages.append({"role": "user", "content": _content(owed)})
            owed = []
        messages.append(_wire_message(message, parts=parts, wire=wire))
    if owed:
        messages.append({"role": "user", "content": _content(owed)})
    return messages


def _shown_pictures(conversation: Conversation, *, wire: Wire) -> dict[tuple[int, int], _Seen]:
    """Which pictures travel, by (message, part): the question's, then the newest that fit."""
    places = [
        (place, index, part)
        for place, message in enumerate(conversation)
        for index, part in enumerate(message.parts)
        if isinstance(part, Image)
    ]
    first_user = next(
        (place for place, message in enumerate(conversation) if message.role is Role.USER), -1
    )
    given = [found for found in places if found[0] == first_user]
    later = [found for found in reversed(places) if found[0] != first_user]
    shown: dict[tuple[int, int], _Seen] = {}
    num_bytes = 0
    most, most_bytes = wire.quirks.max_pictures, wire.quirks.max_request_bytes
    for place, index, image in [*given, *later]:
        if most is not None and len(shown) == most:
            break
        uri = wire.data_uri(image)
        num_bytes += len(uri)
        if most_bytes is not None and num_bytes > most_bytes and place != first_user:
            break
        shown[place, index] = _Seen(uri=uri, handle=image.handle)
    return shown


def _left_out(image: Image) -> Text:
    name = image.handle or "a picture"
    words = f"[{name} is not shown again: the endpoint takes no more pictures]"
    return Text(text=words, trusted=True)


def _label(handle: str | None) -> Text:
    return Text(text=f"\nimage_id: {handle or 'without a name'}\n", trusted=True)


def _wire_message(message: Message, *, parts: Sequence[_Part], wire: Wire) -> JsonValue:
    content = _content(parts)
    match message.role:
        case Role.SYSTEM | Role.USER:
            return {"role": message.role.value, "content": content or _EMPTY_RESULT}
        case Role.TOOL:
            return {
                "role": "tool",
                "tool_call_id": message.tool_call_id or "",
                "content": content or _EMPTY_RESULT,
            }
        case Role.ASSISTANT:
            return _wire_reply(message, content=content, wire=wire)


def _wire_reply(message: Message, *, content: JsonValue, wire: Wire) -> JsonValue:
    is_empty = isinstance(content, str) and not content.strip()
    found: dict[str, JsonValue] = {"role": "assistant", "content": None if is_empty else content}
    if wire.settings.send_reasoning and message.reasoning:
        found["reasoning_content"] = message.reasoning
    if not message.tool_calls:
        return found | {"content": _EMPTY_REPLY} if is_empty else found
    calls: list[JsonValue] = []
    for position, call in enumerate(message.tool_calls):
        arguments = call.model_dump_json(include={"arguments"})[len('{"arguments":') : -1]
        one: dict[str, JsonValue] = {
            "id": call.id,
            "type": "function",
            "function": {"name": call.name, "arguments": arguments},
        }
        signature: JsonValue = wire.signature(call.id)
        if signature is None and wire.quirks.signs_calls and position == 0:
            signature = _UNSIGNED
        if signature is not None:
            one["extra_content"] = signature
        calls.append(one)
    return found | {"tool_calls": calls}


def _content(parts: Sequence[_Part]) -> JsonValue:
    """A string where there are no pictures, else a list of parts."""
    if not any(isinstance(part, _Seen) for part in parts):
        return "".join(part.text for part in parts if isinstance(part, Text))
    found: list[JsonValue] = []
    run: list[str] = []
    for part in parts:
        if isinstance(part, Text):
            run.append(part.text)
        else:
            _flush(run, found)
            found.append({"type": "image_url", "image_url": {"url": part.uri}})
    _flush(run, found)
    return found


def _flush(run: list[str], found: list[JsonValue]) -> None:
    text = "".join(run)
    if text.strip():
        found.append({"type": "text", "text": text})
    run.clear()


def _wire_tool(tool: ToolSpec, *, quirks: Quirks) -> JsonValue:
    parameters = plain_schema(tool.parameters)
    if quirks.is_schema_narrow:
        parameters = narrow_schema(parameters)
    function: JsonValue = {
        "name": tool.name,
        "description": tool.description,
        "parameters": parameters,
    }
    return {"type": "function", "function": function}


def _wire_schema(schema: Mapping[str, JsonValue], *, quirks: Quirks) -> JsonValue:
    written: JsonValue = reply_schema(schema, is_narrow=quirks.is_schema_narrow)
    return {
        "type": "json_schema",
        "json_schema": {"name": "reply", "strict": True, "schema": written},
    }


def _wire_sampling(sampling: Sampling, *, wire: Wire) -> dict[str, JsonValue]:
    quirks = wire.quirks
    found: dict[str, JsonValue] = {"temperature": sampling.temperature, "top_p": sampling.top_p}
    if quirks.max_temperature is not None:
        found["temperature"] = min(sampling.temperature, quirks.max_temperature)
    if quirks.takes_one_sampler:
        del found["temperature" if sampling.top_p < 1.0 else "top_p"]
    if sampling.seed is not None:
        found["seed"] = sampling.seed
    if sampling.stop:
        found["stop"] = list(sampling.stop[: quirks.max_stops])
        if quirks.keeps_stop is not None and "stop" not in quirks.refused:
            found[quirks.keeps_stop] = True
    if "max_tokens" not in quirks.refused:
        found[quirks.length_key] = sampling.max_tokens + quirks.thinking_tokens
    if wire.settings.reasoning_effort is not None:
        found["reasoning_effort"] = wire.settings.reasoning_effort
    return {key: value for key, value in found.items() if key not in quirks.refused}
