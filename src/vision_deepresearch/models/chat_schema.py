"""Tool schemas as servers take them: plain for all, narrow for those that know OpenAPI's subset.

Nothing that is dropped here is lost: the tool checks every call against the full schema itself.
"""

from collections.abc import Mapping

from pydantic import JsonValue

_NARROW_KEYS = {
    "type",
    "format",
    "description",
    "nullable",
    "enum",
    "items",
    "minItems",
    "maxItems",
    "properties",
    "required",
    "minLength",
    "maxLength",
    "pattern",
    "minimum",
    "maximum",
    "anyOf",
}
_REPLY_REFUSED = {"minLength", "maxLength", "default", "pattern", "format"}
_MAX_DEPTH = 32


def plain_schema(schema: Mapping[str, JsonValue]) -> dict[str, JsonValue]:
    """A schema without references and titles; the same otherwise.

    Raises:
        ValueError: it refers to itself or to what is not there: it cannot be written out.
    """
    definitions = schema.get("$defs", {})
    assert isinstance(definitions, dict), "$defs is an object"
    body = {key: value for key, value in schema.items() if key != "$defs"}
    return _plain(body, definitions=definitions, depth=0)


def narrow_schema(schema: Mapping[str, JsonValue]) -> dict[str, JsonValue]:
    """A plain schema reduced to what OpenAPI 3.0 knows: no const, unions with null, tuples."""
    found: dict[str, JsonValue] = {}
    for key, value in schema.items():
        match key, value:
            case "properties", dict():
                found[key] = {name: _narrow(part) for name, part in value.items()}
            case "items", _:
                found[key] = _narrow(value)
            case "prefixItems", [first, *_]:
                found["items"] = _narrow(first)
            case "const", _:
                found["enum"] = [value]
            case (("anyOf" | "oneOf"), list()):
                found |= _narrow_union(value)
            case _ if key in _NARROW_KEYS:
                found[key] = value
    return found


def _plain(
    schema: Mapping[str, JsonValue], *, definitions: Mapping[str, JsonValue], depth: int
) -> dict[str, JsonValue]:
    if depth > _MAX_DEPTH:
        msg = f"a tool schema is at most {_MAX_DEPTH} levels deep, this one refers to itself"
        raise ValueError(msg)
    found: dict[str, JsonValue] = {}
    reference = schema.get("$ref")
    if isinstance(reference, str):
        target = definitions.get(reference.removeprefix("#/$defs/"))
        if not isinstance(target, dict):
            msg = f"a tool schema defines what it refers to, {reference!r} is not there"
            raise ValueError(msg)
        found = _plain(target, definitions=definitions, depth=depth + 1)
    for key, value in schema.items():
        if key == "properties" and isinstance(value, dict):
            # Names of arguments stand here, which may be "title" themselves.
            found[key] = {
                name: _plain_value(part, definitions=definitions, depth=depth)
                for name, part in value.items()
            }
        elif key not in {"$ref", "title"}:
            found[key] = _plain_value(value, definitions=definitions, depth=depth)
    return found


def _plain_value(
    value: JsonValue, *, definitions: Mapping[str, JsonValue], depth: int
) -> JsonValue:
    if isinstance(value, dict):
        return _plain(value, definitions=definitions, depth=depth + 1)
    if isinstance(value, list):
        return [_plain_value(part, definitions=definitions, depth=depth) for part in value]
    return value


def _narrow(value: JsonValue) -> JsonValue:
    return narrow_schema(value) if isinstance(value, dict) else value


def reply_schema(schema: Mapping[str, JsonValue], *, is_narrow: bool) -> dict[str, JsonValue]:
    """The schema of a reply, without what servers refuse in one: lengths of texts, for example.

    Raises:
        ValueError: it refers to itself or to what is not there.
    """
    plain = plain_schema(schema)
    held = _held(narrow_schema(plain) if is_narrow else plain)
    assert isinstance(held, dict), "an object stays one"
    return held


def _held(value: JsonValue, *, is_names: bool = False) -> JsonValue:
    if isinstance(value, list):
        return [_held(part) for part in value]
    if not isinstance(value, dict):
        return value
    return {
        key: _held(part, is_names=key == "properties")
        for key, part in value.items()
        if is_names or key not in _REPLY_REFUSED
    }


def _narrow_union(options: list[JsonValue]) -> dict[str, JsonValue]:
    """One type or null becomes a type that may be null."""
    real = [part for part in options if not (isinstance(part, dict) and part.get("type") == "null")]
    found: dict[str, JsonValue] = {"nullable": True} if len(real) < len(options) else {}
    if len(real) == 1 and isinstance(real[0], dict):
        return narrow_schema(real[0]) | found
    found["anyOf"] = [_narrow(part) for part in real]
    return found
