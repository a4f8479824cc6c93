"""Opens the text of sets that are published encrypted; what does not open is never passed on.

    xor     base64( utf-8 text XOR sha256(password) repeated )   BrowseComp, MM-BrowseComp,
                                                                 MMSearch-Plus, BrowseComp-Plus
    gcm     AES-256-GCM, key sha256(passphrase), {iv, ciphertext, tag} in base64   BrowseComp-V3

With a wrong password half of all one-letter texts and one in a hundred of eight letters still come
out as UTF-8, so a row's question, which is long, is opened first and must be sound.
"""

import base64
import binascii
import hashlib
import unicodedata
from collections.abc import Mapping
from itertools import cycle, islice

from vision_deepresearch.core.errors import ConfigError
from vision_deepresearch.evals.benchmarks.cells import as_json
from vision_deepresearch.store.tables import BadRowError

WRONG = "wrong_password"
"""Reason of a row whose question does not open."""
_MIN_QUESTION = 8
"""Letters: a shorter text may be noise that happens to be UTF-8."""
_NOISE = {"Cc", "Cn", "Co", "Cs"}
_ALLOWED = set("\n\t\r")


def open_xor(cell: object, *, password: str, is_question: bool = False) -> str:
    """The text of a cell.

    Args:
        cell: base64.
        password: of the set or of the row.
        is_question: whether it decides if the password is right.

    Raises:
        BadRowError: reason `wrong_password` for a question that does not open, else `damaged`.
    """
    if not isinstance(cell, str) or not cell.strip():
        raise _unopened(
            "an encrypted text was expected, the cell is empty", is_question=is_question
        )
    try:
        data = base64.b64decode("".join(cell.split()), validate=True)
    except (binascii.Error, ValueError) as reason:
        raise _unopened("an encrypted text is no base64", is_question=is_question) from reason
    key = hashlib.sha256(password.encode()).digest()
    opened = bytes(a ^ b for a, b in zip(data, islice(cycle(key), len(data)), strict=True))
    return _sound(opened, is_question=is_question)


def open_gcm(cell: object, *, password: str, is_question: bool = False) -> str:
    """The text of a cell.

    Args:
        cell: {iv, ciphertext, tag}, or JSON text of it.
        password: the passphrase.
        is_question: as in `open_xor`.

    Raises:
        BadRowError: as in `open_xor`.
        ConfigError: the library `cryptography` is not installed.
    """
    try:
        from cryptography.exceptions import InvalidTag
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM
    except ImportError as reason:
        msg = (
            "this set is encrypted with AES, which needs a library that is not installed: "
            "pip install 'vision-deepresearch[benchmarks]'"
        )
        raise ConfigError(msg) from reason
    told = as_json(cell)
    if not isinstance(told, Mapping):
        raise _unopened("iv, ciphertext and tag were expected", is_question=is_question)
    try:
        iv, ciphertext, tag = (
            base64.b64decode(str(told[name]), validate=True) for name in ("iv", "ciphertext", "tag")
        )
        key = hashlib.sha256(password.encode()).digest()
        opened = AESGCM(key).decrypt(iv, ciphertext + tag, None)
    except (KeyError, ValueError, InvalidTag) as reason:
        raise _unopened("it does not open with this password", is_question=is_question) from reason
    return _sound(opened, is_question=is_question)


def is_plain(cell: object) -> bool:
    """Whether a question was decrypted already: no base64 holds a space between words."""
    return isinstance(cell, str) and " " in cell.strip()


def _sound(opened: bytes, *, is_question: bool) -> str:
    try:
        text = opened.decode()
    except UnicodeDecodeError as reason:
        raise _unopened("what comes out is no text", is_question=is_question) from reason
    noise = any(
        unicodedata.category(letter) in _NOISE and letter not in _ALLOWED for letter in text
    )
    if noise or not text.strip():
        raise _unopened("what comes out is no text", is_question=is_question)
    if is_question and len(text.strip()) < _MIN_QUESTION:
        msg = f"a question of less than {_MIN_QUESTION} letters cannot be told from noise"
        raise _unopened(msg, is_question=True)
    return text.strip()


def _unopened(detail: str, *, is_question: bool) -> BadRowError:
    return BadRowError(WRONG if is_question else "damaged", detail)
