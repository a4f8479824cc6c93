"""One stable name for a value: equal content gives an equal hash, on every machine and day.

Only values with one obvious written form are taken. A set has no order, a NaN equals nothing, a
path means another file elsewhere: they are refused instead of hashed by accident.
"""

import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from enum import Enum

from pydantic import BaseModel, JsonValue

from vision_deepresearch.core.record import Record

_ENCODER = json.JSONEncoder(sort_keys=True, ensure_ascii=False, separators=(",", ":"))


def fingerprint(value: object) -> str:
    """sha256 of the canonical JSON of records, mappings, sequences and plain values; 64 hex.

    Raises:
        TypeError: the value, or something in it, has no stable form.
    """
    return hashlib.sha256(canonical_json(value).encode("utf-8", "surrogatepass")).hexdigest()


def canonical_json(value: object) -> str:
    """JSON with sorted keys and no spaces; the order of keys does not show.

    Raises:
        TypeError: the value, or something in it, has no stable form.
    """
    return _ENCODER.encode(_stable(value, at="value"))


def _stable(value: object, *, at: str) -> JsonValue:
    if type(value) is str:  # most are, and every replayed call comes through here
        return value
    match value:
        case Enum():
            return _stable(value.value, at=at)
        case None | bool() | int() | str():
            return value
        case float() if math.isfinite(value):
            return value
        case BaseModel():
            fields = {name: getattr(value, name) for name in type(value).model_fields}
            for name in value.LATER_FIELDS if isinstance(value, Record) else ():
                if fields[name] is None:
                    del fields[name]
            return _stable(fields, at=at)
        case Mapping():
            return {
                key if type(key) is str else _key(key, at=at): _stable(item, at=f"{at}.{key}")
                for key, item in value.items()
            }
        case Sequence() if not isinstance(value, bytes | bytearray):
            return [_stable(item, at=f"{at}[{index}]") for index, item in enumerate(value)]
        case _:
            msg = (
                "a fingerprint takes records, mappings with text keys, lists, text, finite numbers"
                f" and None; {at} is {type(value).__name__} {str(value)[:60]!r}: convert it first"
            )
            raise TypeError(msg)


def _key(key: object, *, at: str) -> str:
    if isinstance(key, Enum):
        key = key.value
    if not isinstance(key, str):
        msg = f"a fingerprint takes mappings with text keys; {at} has the key {key!r}: convert it"
        raise TypeError(msg)
    return key
