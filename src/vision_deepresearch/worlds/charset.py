"""Which charset the bytes of a page are in, and the same page as clean UTF-8.

Order: byte order mark, HTTP's word, `<meta>`, XML declaration, UTF-8, a guess. Two departures from
browsers, because pages lie: whole UTF-8 beats the label of another charset that could not be
told from it, and bytes that are no UTF-8 at all are guessed whatever they are labelled.

Source: WHATWG Encoding (labels and supersets), read with Python's codecs.
"""

import codecs
import re
from collections.abc import Callable

_BOMS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"))
_BOMS += ((codecs.BOM_UTF16_BE, "utf-16"),)
_LABELS = {  # labels of the web that Python does not know, or reads otherwise
    "windows-31j": "cp932",
    "ms-kanji": "cp932",
    "sjis": "cp932",
    "windows-874": "cp874",
    "windows-949": "cp949",
    "gb-2312-80": "gb18030",
    "cn-big5": "big5hkscs",
    "mac-roman": "mac_roman",
    "iso-8859-8-i": "iso8859-8",
    "user-defined": "cp1252",
    "unicode": "utf-8",
    "unicode-1-1-utf-8": "utf-8",
}
_SUPERSETS = {  # Python's name of a charset -> what browsers read it as
    "ascii": "cp1252",
    "iso8859-1": "cp1252",
    "iso8859-9": "cp1254",
    "iso8859-11": "cp874",
    "tis-620": "cp874",
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "shift_jis": "cp932",
    "euc_kr": "cp949",
    "big5": "big5hkscs",
    "cp950": "big5hkscs",
    "utf-16": "utf-8",  # a label that could be read as bytes cannot be true
    "utf-16-le": "utf-8",
    "utf-16-be": "utf-8",
}
_NO_PAGE = frozenset({"utf-7", "utf-32", "utf-32-le", "utf-32-be", "idna", "punycode"})
_MULTI_BYTE = frozenset({"cp932", "gb18030", "cp949", "big5hkscs", "euc_jp"})
_HEAD_BYTES = 4096
"""WHATWG looks through 1,024 for `<meta>`; browsers look on."""
_META_CHARSET = re.compile(
    rb"<meta[^>]{0,200}?charset\s*=\s*[\"']?\s*([A-Za-z0-9_.:-]{2,40})", re.I
)
_XML_ENCODING = re.compile(
    rb"\A\s{0,100}<\?xml[^>]{0,200}?encoding\s*=\s*[\"']([A-Za-z0-9_.:-]{2,40})"
)
_COMMENT = re.compile(rb"<!--.*?(?:-->|\Z)", re.S)
_TAG = re.compile(rb"<[^<>]{0,2000}>")
_GUESS_BYTES = 65_536
_MIN_HIGH_BYTES = 12
"""Fewer say nothing about a script."""
_HIGH_RUN = re.compile(rb"[\x80-\xff]+")
_NEVER_TEXT = bytes(code for code in range(32) if code not in b"\t\n\x0b\x0c\r") + b"\x7f"
_TO_SPACE = bytes.maketrans(b"\x0b\x0c", b"  ")
_NONCHARACTERS = (b"\xef\xbf\xbe", b"\xef\xbf\xbf")
_BAD_REFERENCES = re.compile(  # to control and non-characters, which no tree may hold
    rb"&#(?:0{0,9}(?:[0-8]|1[124-9]|2[0-9]|3[01]|127|6553[45])(?![0-9])"
    rb"|x0{0,9}(?:[0-8bcef]|1[0-9a-f]|7f|fff[ef])(?![0-9a-f]));?",
    re.I,
)


def as_utf8(html: bytes, *, codec: str) -> bytes:
    """The page in UTF-8, without characters that no tree may hold; torn ones become U+FFFD.

    Args:
        html: the body as served.
        codec: of `codec_of`.
    """
    if codec != "utf-8" or not _is_utf8(html):
        html = html.decode(codec, "replace").encode("utf-8", "replace")
    html = html.translate(_TO_SPACE, _NEVER_TEXT)
    if not html.isascii() and _NONCHARACTERS[0][:2] in html:
        for mark in _NONCHARACTERS:
            html = html.replace(mark, b"")
    return _BAD_REFERENCES.sub(b"\xef\xbf\xbd", html) if b"&#" in html else html


def codec_of(html: bytes, *, charset: str | None = None) -> str:
    """Python's name of the charset; the order is the module's.

    Args:
        html: the body as served.
        charset: as HTTP says.
    """
    for mark, codec in _BOMS:
        if html.startswith(mark):
            return codec
    if (wide := _wide_codec(html)) is not None:
        return wide
    stated = _stated_codec(html, charset=charset)
    if stated is None or stated == "utf-8":
        return "utf-8" if _is_utf8(html) or _is_mostly_utf8(html) else _guess(html)
    if stated in _MULTI_BYTE and _decodes(html, codec=stated):
        return stated
    return "utf-8" if _is_utf8(html) else stated


def _stated_codec(html: bytes, *, charset: str | None) -> str | None:
    if charset is not None and (codec := _python_codec(charset)) is not None:
        return codec
    head = html[:_HEAD_BYTES]
    if b"<!--" in head:
        head = _COMMENT.sub(b"", head)
    for statement in (_META_CHARSET, _XML_ENCODING):
        found = statement.search(head)
        if found and (codec := _python_codec(found.group(1).decode("ascii"))) is not None:
            return codec
    return None


def _python_codec(label: str) -> str | None:
    """The codec a label means, or None for one that no page can be written in."""
    label = label.strip().strip("\"'").lower().replace("_", "-").removeprefix("x-")
    try:
        name = codecs.lookup(_LABELS.get(label, label)).name
        b"".decode(name)  # refuses codecs that are not from bytes to text
    except (LookupError, ValueError):
        return None
    return None if name in _NO_PAGE else _SUPERSETS.get(name, name)


def _is_utf8(html: bytes) -> bool:
    """Whether all is UTF-8; a character may be cut at the end."""
    return _decodes(html, codec="utf-8")


def _decodes(html: bytes, *, codec: str) -> bool:
    try:
        codecs.getincrementaldecoder(codec)().decode(html)
    except UnicodeDecodeError:
        return False
    return True


def _is_mostly_utf8(html: bytes) -> bool:
    """Whether of the characters beyond ASCII at least a third are whole.

    Latin read as UTF-8 has none; Chinese in pairs of bytes has one in fifteen by accident.
    """
    text = html.decode("utf-8", "replace")
    num_torn = text.count("\ufffd")
    num_whole = len(text) - len(text.encode("ascii", "ignore")) - num_torn
    return num_whole * 2 >= num_torn


def _wide_codec(html: bytes) -> str | None:
    """UTF-16 without a mark: markup leaves every other byte zero."""
    head = html[: _HEAD_BYTES // 2 * 2]
    num_pairs = len(head) // 2
    even, odd = head[0::2].count(0), head[1::2].count(0)
    if num_pairs >= 4 and odd > num_pairs // 4 and even * 10 < odd:
        return "utf-16-le"
    if num_pairs >= 4 and even > num_pairs // 4 and odd * 10 < even:
        return "utf-16-be"
    return None


# ----------------------------------------------------------------------------------------- guess


def _guess(html: bytes) -> str:
    """The charset of a page that does not say, or says UTF-8 and is not.

    Western pages have few high bytes, singly among ASCII; in others they are many or come in runs,
    and the right reading is the one that shows the letters of its script.
    """
    text = _TAG.sub(b" ", html[:_GUESS_BYTES])
    runs = _HIGH_RUN.findall(text)
    num_high = sum(map(len, runs))
    is_single = sum(len(run) == 1 for run in runs) * 2 > len(runs)
    if num_high < _MIN_HIGH_BYTES or (is_single and num_high * 5 < len(text)):
        return "cp1252"
    for codec, least, letters in _READINGS:
        if _reads_as(text, codec=codec, least=least, letters=letters):
            return codec
    # GB 2312 writes all characters in pairs of high bytes, Big5 only half of them.
    han = ("gb18030", "big5hkscs") if all(len(run) % 2 == 0 for run in runs) else ("big5hkscs",)
    for codec in (*han, "gb18030"):
        if _reads_as(text, codec=codec, least=0.7, letters=_is_han):
            return codec
    return "cp1252"


def _reads_as(text: bytes, *, codec: str, least: float, letters: Callable[[str], bool]) -> bool:
    if not _decodes(text, codec=codec):
        return False
    high = [char for char in text.decode(codec, "ignore") if char > "\x7f"]
    return bool(high) and sum(map(letters, high)) >= least * len(high)


def _is_kana(char: str) -> bool:
    return "\u3041" <= char <= "\u30fe"


def _is_hangul(char: str) -> bool:
    return "\uac00" <= char <= "\ud7a3"


def _is_han(char: str) -> bool:
    return "\u4e00" <= char <= "\u9fff" or "\u3000" <= char <= "\u303f" or char > "\uff00"


def _is_small_cyrillic(char: str) -> bool:
    return "\u0430" <= char <= "\u045f"


_READINGS: tuple[tuple[str, float, Callable[[str], bool]], ...] = (
    ("cp932", 0.3, _is_kana),
    ("euc_jp", 0.3, _is_kana),
    ("cp949", 0.9, _is_hangul),
    ("cp1251", 0.7, _is_small_cyrillic),
    ("koi8-r", 0.7, _is_small_cyrillic),
)
"""Charset, the share of letters it must show, and what its letters are; tried in this order."""
