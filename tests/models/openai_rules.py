"""What strict servers of the OpenAI wire format refuse, as one function from a request to a reason.

Rules that all share: known keys only, roles and their fields, tool messages that answer open calls
at once, pictures in user messages only and as the bytes they claim to be, valid tool schemas. Rules
of one provider are under its name. Sources: the providers' documentation, see docs/endpoints.md.
"""

import base64
import binascii
import re
from enum import StrEnum

from pydantic import JsonValue


class Dialect(StrEnum):
    """Whose rules."""

    OPENAI = "openai"
    GEMINI = "gemini"
    ANTHROPIC = "anthropic"
    VLLM = "vllm"


_COMMON_KEYS = {
    "model",
    "messages",
    "tools",
    "tool_choice",
    "parallel_tool_calls",
    "max_tokens",
    "max_completion_tokens",
    "temperature",
    "top_p",
    "n",
    "stop",
    "stream",
    "stream_options",
    "response_format",
    "reasoning_effort",
}
_OWN_KEYS = {
    Dialect.OPENAI: {"seed", "user", "logprobs", "top_logprobs", "service_tier", "store"},
    Dialect.GEMINI: {"extra_body"},
    Dialect.ANTHROPIC: {"thinking", "seed", "user"},
    Dialect.VLLM: {
        "seed",
        "top_k",
        "min_p",
        "repetition_penalty",
        "include_stop_str_in_output",
        "chat_template_kwargs",
        "mm_processor_kwargs",
        "skip_special_tokens",
    },
}
_MESSAGE_KEYS = {
    "system": {"role", "content", "name"},
    "developer": {"role", "content", "name"},
    "user": {"role", "content", "name"},
    "assistant": {"role", "content", "tool_calls", "refusal", "name"},
    "tool": {"role", "content", "tool_call_id"},
}
_TOOL_NAME = re.compile(r"[a-zA-Z0-9_-]{1,64}")
_REASONING_MODEL = re.compile(r"(gpt-5|o\d)")
_MAGIC = {
    "image/png": b"\x89PNG\r\n\x1a\n",
    "image/jpeg": b"\xff\xd8\xff",
    "image/webp": b"RIFF",
    "image/gif": b"GIF8",
}
_GEMINI_SCHEMA_KEYS = {
    "type",
    "format",
    "title",
    "description",
    "nullable",
    "enum",
    "maxItems",
    "minItems",
    "properties",
    "required",
    "minProperties",
    "maxProperties",
    "minLength",
    "maxLength",
    "pattern",
    "example",
    "anyOf",
    "propertyOrdering",
    "default",
    "items",
    "minimum",
    "maximum",
}
_SCHEMA_TYPES = {"object", "array", "string", "number", "integer", "boolean", "null"}


class RefusedError(ValueError):
    """What a strict server says."""


def find_problem(body: dict[str, JsonValue], *, dialect: Dialect) -> str | None:
    """Why a server of this dialect refuses the request; None: it would not."""
    try:
        _check(body, dialect=dialect)
    except RefusedError as refused:
        return str(refused)
    return None


def _check(body: dict[str, JsonValue], *, dialect: Dialect) -> None:
    unknown = set(body) - _COMMON_KEYS - _OWN_KEYS[dialect]
    if unknown:
        raise RefusedError(f"Unrecognized request argument supplied: {', '.join(sorted(unknown))}")
    if "stream_options" in body and body.get("stream") is not True:
        raise RefusedError(
            "The 'stream_options' parameter is only allowed when 'stream' is enabled."
        )
    _of_sampling(body, dialect=dialect)
    _of_tools(body, dialect=dialect)
    _of_reply_form(body, dialect=dialect)
    _of_messages(body, dialect=dialect)


def _of_sampling(body: dict[str, JsonValue], *, dialect: Dialect) -> None:
    if dialect is Dialect.ANTHROPIC:
        if "temperature" in body and "top_p" in body:
            raise RefusedError("`temperature` and `top_p` cannot both be specified for this model.")
        temperature = body.get("temperature")
        if isinstance(temperature, int | float) and temperature > 1:
            raise RefusedError("temperature: range: 0..1")
    if dialect is Dialect.OPENAI:
        if "max_tokens" in body and "max_completion_tokens" in body:
            raise RefusedError("max_tokens and max_completion_tokens cannot both be set")
        stop = body.get("stop")
        if isinstance(stop, list) and len(stop) > 4:
            raise RefusedError("stop: at most 4 sequences")
        if _REASONING_MODEL.match(str(body.get("model"))):
            refused = {"max_tokens", "temperature", "top_p", "stop"} & set(body)
            if refused:
                raise RefusedError(
                    f"Unsupported parameter for this model: {', '.join(sorted(refused))}"
                )


def _of_tools(body: dict[str, JsonValue], *, dialect: Dialect) -> None:
    tools = body.get("tools", [])
    if "tools" in body and not (isinstance(tools, list) and tools):
        raise RefusedError("tools: expected a list with at least one tool")
    if "tools" not in body and "tool_choice" in body:
        raise RefusedError("'tool_choice' is only allowed when 'tools' are specified.")
    for tool in tools if isinstance(tools, list) else ():
        if not isinstance(tool, dict) or set(tool) != {"type", "function"}:
            raise RefusedError("a tool is {type, function}")
        function = tool["function"]
        if not isinstance(function, dict):
            raise RefusedError("function: expected an object")
        if set(function) - {"name", "description", "parameters", "strict"}:
            raise RefusedError(f"function: unknown keys in {sorted(function)}")
        if not _TOOL_NAME.fullmatch(str(function.get("name"))):
            raise RefusedError(f"function.name: {function.get('name')!r}")
        parameters = function.get("parameters")
        if not isinstance(parameters, dict) or parameters.get("type") != "object":
            raise RefusedError("function.parameters: expected a schema of type object")
        _of_schema(parameters, dialect=dialect, root=parameters)


def _of_schema(schema: JsonValue, *, dialect: Dialect, root: dict[str, JsonValue]) -> None:
    if not isinstance(schema, dict):
        raise RefusedError(f"a schema is an object, got {schema!r}")
    if dialect is Dialect.GEMINI and (unknown := set(schema) - _GEMINI_SCHEMA_KEYS):
        raise RefusedError(f'Invalid JSON payload received. Unknown name "{sorted(unknown)[0]}"')
    kind = schema.get("type")
    if kind is not None and kind not in _SCHEMA_TYPES:
        raise RefusedError(f"type: {kind!r}")
    if kind == "array" and "items" not in schema and "prefixItems" not in schema:
        raise RefusedError("array schema missing items")
    reference = schema.get("$ref")
    if isinstance(reference, str):
        definitions = root.get("$defs")
        name = reference.removeprefix("#/$defs/")
        if not isinstance(definitions, dict) or name not in definitions:
            raise RefusedError(f"unresolved {reference}")
    properties = schema.get("properties", {})
    if not isinstance(properties, dict):
        raise RefusedError("properties: expected an object")
    required = schema.get("required", [])
    if not isinstance(required, list) or any(name not in properties for name in required):
        raise RefusedError("required: names a property that is not there")
    parts: list[JsonValue] = list(properties.values())
    if "items" in schema:
        parts.append(schema["items"])
    for key in ("anyOf", "prefixItems"):
        several = schema.get(key, [])
        parts += several if isinstance(several, list) else [several]
    for part in parts:
        _of_schema(part, dialect=dialect, root=root)


def _of_reply_form(body: dict[str, JsonValue], *, dialect: Dialect) -> None:
    form = body.get("response_format", {"type": "text"})
    if not isinstance(form, dict) or form.get("type") not in {"text", "json_object", "json_schema"}:
        raise RefusedError(f"response_format: {form!r}")
    if form["type"] != "json_schema":
        return
    told = form.get("json_schema")
    if not isinstance(told, dict) or set(told) - {"name", "description", "schema", "strict"}:
        raise RefusedError("response_format.json_schema: {name, schema, strict}")
    if not _TOOL_NAME.fullmatch(str(told.get("name"))):
        raise RefusedError(f"response_format.json_schema.name: {told.get('name')!r}")
    schema = told.get("schema")
    if not isinstance(schema, dict) or schema.get("type") != "object":
        raise RefusedError("response_format.json_schema.schema: expected an object")
    _of_schema(schema, dialect=dialect, root=schema)
    if told.get("strict") is True and dialect is Dialect.OPENAI:
        _of_strict_schema(schema)


def _of_strict_schema(schema: JsonValue) -> None:
    """Every object closed, every property required, no lengths of texts."""
    if isinstance(schema, list):
        for part in schema:
            _of_strict_schema(part)
    if not isinstance(schema, dict):
        return
    if refused := {"minLength", "maxLength", "default", "$ref"} & set(schema):
        raise RefusedError(f"Invalid schema: {sorted(refused)} is not permitted.")
    properties = schema.get("properties")
    if isinstance(properties, dict):
        required = schema.get("required", [])
        if not isinstance(required, list) or set(map(str, required)) != set(properties):
            raise RefusedError("Invalid schema: 'required' must name every key in properties.")
        if schema.get("additionalProperties") is not False:
            raise RefusedError("Invalid schema: 'additionalProperties' must be false.")
    for key, part in schema.items():
        if key == "properties" and isinstance(part, dict):
            for one in part.values():
                _of_strict_schema(one)
        else:
            _of_strict_schema(part)


def _of_messages(body: dict[str, JsonValue], *, dialect: Dialect) -> None:
    messages = body.get("messages")
    if not isinstance(messages, list) or not messages:
        raise RefusedError("messages: expected a list with at least one message")
    still_open: list[str] = []
    for place, message in enumerate(messages):
        if not isinstance(message, dict):
            raise RefusedError(f"messages[{place}]: expected an object")
        role = message.get("role")
        if not isinstance(role, str) or role not in _MESSAGE_KEYS:
            raise RefusedError(f"messages[{place}].role: {role!r}")
        thinks = dialect is Dialect.VLLM and role == "assistant"
        own = {"reasoning_content"} if thinks else set[str]()
        unknown = set(message) - _MESSAGE_KEYS[role] - own
        if unknown:
            raise RefusedError(f"messages[{place}]: unknown keys {sorted(unknown)}")
        if role == "tool":
            if message.get("tool_call_id") not in still_open:
                raise RefusedError(f"messages[{place}]: answers no open tool call")
            still_open.remove(str(message["tool_call_id"]))
        elif still_open:
            raise RefusedError(f"messages[{place}]: tool calls {still_open} have no response")
        try:
            _of_content(message, role=role, dialect=dialect)
            still_open = (
                _open_calls(message, dialect=dialect) if role == "assistant" else still_open
            )
        except RefusedError as refused:
            raise RefusedError(f"messages[{place}]: {refused}") from refused
    if still_open:
        raise RefusedError(f"tool calls {still_open} have no response")


def _open_calls(message: dict[str, JsonValue], *, dialect: Dialect) -> list[str]:
    if "tool_calls" not in message:
        return []
    calls = message["tool_calls"]
    if not isinstance(calls, list) or not calls:
        raise RefusedError("tool_calls: expected at least one")
    names: list[str] = []
    for call in calls:
        if not isinstance(call, dict):
            raise RefusedError("a tool call is an object")
        own = {"extra_content"} if dialect is Dialect.GEMINI else set[str]()
        if set(call) - own != {"id", "type", "function"}:
            raise RefusedError("a tool call is {id, type, function}")
        function = call["function"]
        if not isinstance(function, dict) or set(function) != {"name", "arguments"}:
            raise RefusedError("the function of a call is {name, arguments}")
        if not isinstance(function["arguments"], str):
            raise RefusedError("arguments: expected a string of JSON")
        if not isinstance(call["id"], str) or call["id"] in names or not call["id"]:
            raise RefusedError(f"call id: {call['id']!r}")
        names.append(call["id"])
    return names


def _of_content(message: dict[str, JsonValue], *, role: str, dialect: Dialect) -> None:
    content = message.get("content")
    if content is None:
        has_calls = role == "assistant" and "tool_calls" in message
        if not has_calls:
            raise RefusedError("content: expected a string or parts, got null")
        return
    if isinstance(content, str):
        if not content and not (role == "assistant" and "tool_calls" in message):
            raise RefusedError("content: text must be non-empty")
        if dialect is Dialect.ANTHROPIC and role == "assistant" and not content.strip():
            raise RefusedError("text content blocks must contain non-whitespace text")
        return
    if not isinstance(content, list) or not content:
        raise RefusedError("content: expected a string or at least one part")
    for part in content:
        if not isinstance(part, dict):
            raise RefusedError("content: a part is an object")
        match part.get("type"):
            case "text":
                if set(part) != {"type", "text"} or not part["text"]:
                    raise RefusedError("a text part is {type, text}, not empty")
            case "image_url":
                if role != "user":
                    raise RefusedError(
                        f"Image URLs are only allowed for messages with role 'user', got {role}"
                    )
                _of_picture(part)
            case other:
                raise RefusedError(f"content part type {other!r}")


def _of_picture(part: dict[str, JsonValue]) -> None:
    url = part.get("image_url")
    if set(part) != {"type", "image_url"} or not isinstance(url, dict):
        raise RefusedError("a picture part is {type, image_url: {url}}")
    if set(url) - {"url", "detail"}:
        raise RefusedError(f"image_url: unknown keys in {sorted(url)}")
    head, _, data = str(url.get("url")).partition(";base64,")
    media_type = head.removeprefix("data:")
    if media_type not in _MAGIC:
        raise RefusedError(f"image_url: unsupported {head[:40]!r}")
    try:
        picture = base64.b64decode(data, validate=True)
    except binascii.Error:
        raise RefusedError("image_url: no base64") from None
    if not picture.startswith(_MAGIC[media_type]):
        raise RefusedError(f"image_url: the bytes are no {media_type}")
