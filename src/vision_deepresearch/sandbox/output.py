"""What a program printed, as text that can be shown: no control sequences, no hidden directions.

Programs choose what they print, and this runs on the event loop: the time per byte may not depend on
what the bytes are. So nothing is looked up or called per character, and what needs a match each, the
sequences of terminals, is bounded in number.
"""

import re

_MARK = "\ufffd"
_NO_BYTE = b"\xff"
"""In no UTF-8: decoded as a mark."""
_CONTROLS = bytes(code for code in (*range(0x20), 0x7F) if code not in b"\t\n")
_TO_NO_BYTE = bytes.maketrans(_CONTROLS, _NO_BYTE * len(_CONTROLS))
_HIDDEN = "".join(
    chr(code)
    for first, last in (
        (0x80, 0x9F), (0x61C, 0x61C), (0x200B, 0x200F), (0x2028, 0x202E), (0x2060, 0x2069),
        (0xFEFF, 0xFEFF), (0xFFF9, 0xFFFB),
    )
    for code in range(first, last + 1)
)  # fmt: skip
_ANSI = re.compile(rb"\x1b(?:\[[0-?]*+[ -/]*+[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[@-_])")
_MAX_SEQUENCES = 50_000
"""Of one output: 4 ms. A mebibyte can hold ten times as many."""


def clean_text(data: bytes) -> str:
    """Bytes as UTF-8 text, line ends made one kind, colours and cursor moves left out.

    What cannot be decoded becomes U+FFFD, as does every other control or direction mark, and the
    escape of every sequence beyond the first 50,000.
    """
    data = data.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    data = _ANSI.sub(b"", data, count=_MAX_SEQUENCES)
    text = data.translate(_TO_NO_BYTE).decode("utf-8", "replace")
    if text.isascii():
        return text
    for hidden in _HIDDEN:
        text = text.replace(hidden, _MARK)
    return text
