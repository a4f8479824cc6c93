"""What the environment holds that must never be stored, logged or shown.

Broader than the keys we use: whatever a variable's name calls a key, token or password, and
passwords inside addresses, such as a proxy's. Imports the standard library only.
"""

import base64
import os
import re
from collections.abc import Iterator, Mapping
from urllib.parse import unquote

_NAMES = frozenset({
    *("KEY", "KEYS", "APIKEY", "TOKEN", "TOKENS", "SECRET", "SECRETS", "PASSWORD", "PASSWD", "PWD"),
    *("PASSPHRASE", "PASS", "PAT", "CREDENTIAL", "CREDENTIALS", "AUTHORIZATION", "COOKIE"),
})
"""Parts of variable names, between underscores."""
_SCHEME = re.compile(r"(?i:bearer|basic|token|apikey|api-key)\s+(\S+)")
_IN_ADDRESS = re.compile(r"://([^\s/?#@:]*):([^\s/?#@]+)@")
_MIN_CHARS = 8
_CERTAIN_CHARS = 16
"""Shorter values are secrets only with a digit: servers of one's own get words such as `ollama`."""


def environment_secrets(environ: Mapping[str, str] = os.environ) -> list[str]:
    """Secret values, without doubles, in no order that matters."""
    found: dict[str, None] = {}
    for name, value in environ.items():
        for secret in (*_named(name, value.strip()), *_in_addresses(value)):
            if _is_secret(secret):
                found[secret] = None
    return list(found)


def _named(name: str, value: str) -> Iterator[str]:
    """The value of a variable that is called a secret, and what stands behind its scheme."""
    is_path = value.startswith(("/", "~", "."))
    if is_path or not _NAMES.intersection(name.upper().split("_")):
        return
    yield value
    scheme = _SCHEME.fullmatch(value)
    if scheme:
        yield scheme[1]
        yield from _of_basic(scheme[1])


def _in_addresses(value: str) -> Iterator[str]:
    for user, password in _IN_ADDRESS.findall(value):
        yield password
        yield unquote(password)
        yield f"{user}:{password}"


def _of_basic(value: str) -> Iterator[str]:
    try:
        user, colon, password = base64.b64decode(value, validate=True).decode().partition(":")
    except ValueError:
        return
    if colon:
        yield password
        yield f"{user}:{password}"


def _is_secret(value: str) -> bool:
    has_digit = any(letter.isdigit() for letter in value)
    is_number = value.replace(".", "").isdigit() and len(value) < _CERTAIN_CHARS
    enough = _MIN_CHARS if has_digit else _CERTAIN_CHARS
    return len(value) >= enough and not is_number
