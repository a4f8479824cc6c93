"""Keeps the text of protected tasks out of plain sight in what we store.

Benchmarks that are published encrypted ask that their questions and answers never lie on a disk as
text, where crawlers and training sets pick them up. What we store of such a task is therefore sealed as its
publishers do it: mixed with a key stream that everybody can make who means to. It hides text from
search, not from a reader, and needs no key of its own, so that folders can be copied and tapes merged.
The same content always gives the same bytes: rows are compared as they are stored.
"""

import base64
import hashlib

_MARK = b"\0sealed1"
_TEXT_MARK = "sealed1:"
_PHRASE = b"vision-deepresearch: protected text"
_DIGEST_BYTES = 16


def seal(data: bytes) -> bytes:
    """Bytes that show nothing of the content; longer by 24."""
    digest = hashlib.sha256(data).digest()[:_DIGEST_BYTES]
    return _MARK + digest + _mixed(data, digest)


def unseal(data: bytes) -> bytes:
    """The content of sealed bytes; others as they are."""
    if not data.startswith(_MARK):
        return data
    start = len(_MARK) + _DIGEST_BYTES
    return _mixed(data[start:], data[len(_MARK) : start])


def seal_text(text: str) -> str:
    """A text that shows nothing of the content."""
    return _TEXT_MARK + base64.b64encode(seal(text.encode())).decode("ascii")


def unseal_text(text: str) -> str:
    """The content of a sealed text; others as they are."""
    if not is_sealed_text(text):
        return text
    return unseal(base64.b64decode(text.removeprefix(_TEXT_MARK))).decode()


def is_sealed_text(text: str) -> bool:
    """Whether a stored text is sealed."""
    return text.startswith(_TEXT_MARK)


def _mixed(data: bytes, digest: bytes) -> bytes:
    stream = hashlib.shake_256(_PHRASE + digest).digest(len(data))
    mixed = int.from_bytes(data, "big") ^ int.from_bytes(stream, "big")
    return mixed.to_bytes(len(data), "big")
