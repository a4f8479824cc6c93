"""One of our own models behind the wire: requests become conversations, completions become replies.

    OpenAiDouble(plays(OracleModel(truth, VdrProfile()), tasks=[task]))

A request says which task it is about by the question in its first user message.
"""

import asyncio
import base64
import hashlib
import re
from collections.abc import Callable, Sequence

from pydantic import JsonValue, TypeAdapter

from tests.models.openai_double import ChatRequest, Reply
from vision_deepresearch.core.content import (
    Image,
    ImageRef,
    Message,
    Part,
    Role,
    ToolCall,
    ToolSpec,
    trusted,
    untrusted,
)
from vision_deepresearch.core.context import CallContext
from vision_deepresearch.core.protocols import Completion, ModelClient, NativeCall, Sampling
from vision_deepresearch.core.task import Task
from vision_deepresearch.core.untrusted import neutralise
from vision_deepresearch.models.profiles.tags import scan

_HANDLE = re.compile(r"image_id: (\S+)\s*\Z")
_OBJECT: TypeAdapter[dict[str, JsonValue]] = TypeAdapter(dict[str, JsonValue])
_OBJECTS: TypeAdapter[list[dict[str, JsonValue]]] = TypeAdapter(list[dict[str, JsonValue]])


def plays(
    model: ModelClient,
    *,
    tasks: Sequence[Task],
    change: Callable[[Reply], Reply] = lambda reply: reply,
) -> Callable[[ChatRequest], Reply]:
    """A script that lets `model` decide; `change` plays a server with habits."""

    def step(request: ChatRequest) -> Reply:
        conversation = conversation_of(request)
        question = next(message.text for message in conversation if message.role is Role.USER)
        task = next(task for task in tasks if neutralise(task.question) in question)
        num_replies = sum(message.role is Role.ASSISTANT for message in conversation)
        call = model.complete(
            conversation,
            tools=tools_of(request),
            sampling=Sampling(),
            context=CallContext(task_id=task.id, trajectory_id=task.id, turn=num_replies),
        )
        with asyncio.Runner() as runner:
            completion = runner.run(_awaited(call))
        return change(reply_of(completion))

    return step


async def _awaited(call: object) -> Completion:
    assert asyncio.iscoroutine(call)
    found = await call
    assert isinstance(found, Completion)
    return found


def reply_of(completion: Completion) -> Reply:
    """A completion as a server sends it."""
    return Reply(
        text=completion.text or None,
        calls=completion.native_calls,
        reasoning=completion.reasoning,
    )


def thinking_aloud(reply: Reply) -> Reply:
    """As a model without hidden thinking says it: what is not sent back would be forgotten."""
    words = [text for text in (reply.reasoning, reply.text) if text]
    return Reply(text="\n".join(words) or None, calls=reply.calls)


def with_parsed_calls(reply: Reply) -> Reply:
    """As a server with a tool parser sends it: calls move from the text into their own field."""
    text = reply.text or ""
    calls = []
    for number, body in enumerate(scan(text).calls):
        content = _OBJECT.validate_json(body)
        arguments = TypeAdapter(JsonValue).dump_json(content["arguments"]).decode()
        call_id = f"chatcmpl-tool-{number}"
        calls.append(NativeCall(id=call_id, name=str(content["name"]), arguments=arguments))
        text = text.replace(f"<tool_call>{body}</tool_call>", "")
    return Reply(text=text.strip() or None, calls=tuple(calls), reasoning=reply.reasoning)


def without_stop(*stops: str) -> Callable[[Reply], Reply]:
    """As a server that cuts stop strings off and does not say which."""

    def change(reply: Reply) -> Reply:
        text = reply.text or ""
        ends = [text.index(stop) for stop in stops if stop in text]
        return Reply(text=text[: min(ends)] if ends else text, calls=reply.calls)

    return change


def conversation_of(request: ChatRequest) -> tuple[Message, ...]:
    """The messages of a request as ours; pictures have their handle and a made-up reference."""
    return tuple(_message(wire) for wire in request.messages)


def tools_of(request: ChatRequest) -> tuple[ToolSpec, ...]:
    """The tools of a request."""
    tools = _OBJECTS.validate_python(request.body.get("tools", []))
    return tuple(ToolSpec.model_validate(tool["function"]) for tool in tools)


def pictures_of(request: ChatRequest) -> list[bytes]:
    """The bytes of all pictures of a request, in order."""
    found: list[bytes] = []
    for message in request.messages:
        content = message.get("content")
        parts = _OBJECTS.validate_python(content) if isinstance(content, list) else []
        found += [_picture(part) for part in parts if part["type"] == "image_url"]
    return found


def _message(wire: dict[str, JsonValue]) -> Message:
    role = Role(str(wire["role"]))
    content = wire.get("content")
    parts: list[Part] = []
    for part in _OBJECTS.validate_python(content) if isinstance(content, list) else []:
        if part["type"] == "text":
            parts.append(trusted(str(part["text"])))
        else:
            parts.append(_image(part, before="".join(p.text for p in parts if p.kind == "text")))
    if isinstance(content, str):
        parts.append(untrusted(content))
    calls = []
    for call in _OBJECTS.validate_python(wire.get("tool_calls", [])):
        function = _OBJECT.validate_python(call["function"])
        arguments = _OBJECT.validate_json(str(function["arguments"]))
        calls.append(ToolCall(id=str(call["id"]), name=str(function["name"]), arguments=arguments))
    answers, thought = wire.get("tool_call_id"), wire.get("reasoning_content")
    return Message(
        role=role,
        parts=tuple(parts),
        reasoning=thought if isinstance(thought, str) else None,
        tool_calls=tuple(calls),
        tool_call_id=answers if isinstance(answers, str) else None,
    )


def _image(part: dict[str, JsonValue], *, before: str) -> Image:
    data = _picture(part)
    ref = ImageRef(
        sha256=hashlib.sha256(data).hexdigest(), width=1, height=1, media_type="image/png"
    )
    handle = _HANDLE.search(before)
    return Image(ref=ref, handle=handle[1] if handle else None)


def _picture(part: dict[str, JsonValue]) -> bytes:
    url = str(_OBJECT.validate_python(part["image_url"])["url"])
    return base64.b64decode(url.partition(";base64,")[2], validate=True)
