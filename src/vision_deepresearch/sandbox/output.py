"""What a program printed, as text that can be shown: no control sequences, no hidden directions."""

import re

_HIDDEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ufff9-\ufffb]"
)
_ANSI = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[@-_])")


def clean_text(data: bytes) -> str:
    """Bytes as UTF-8 text, line ends made one kind, colours and cursor moves left out.

    What cannot be decoded becomes U+FFFD, as does every other control or direction mark.
    """
    text = data.decode("utf-8", "replace").replace("\r\n", "\n").replace("\r", "\n")
    return _HIDDEN.sub("\ufffd", _ANSI.sub("", text))
