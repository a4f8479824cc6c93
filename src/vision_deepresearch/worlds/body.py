"""What a body served as a page is, by its bytes, and HTML of it where it has words.

Never by a name or by what its sender says: PDFs, pictures and archives come as `.html`, too.
"""

import json
import re

from vision_deepresearch.media.decode import sniff
from vision_deepresearch.worlds.charset import as_utf8, codec_of

_STRANGERS = {
    b"%PDF-": "a PDF file",
    b"\x1f\x8b": "a gzip archive",
    b"PK\x03\x04": "a ZIP archive or an office document",
    b"\xd0\xcf\x11\xe0": "an office document",
    b"7z\xbc\xaf\x27\x1c": "a 7z archive",
    b"BZh": "a bzip2 archive",
    b"\xfd7zXZ": "an xz archive",
    b"\x28\xb5\x2f\xfd": "a zstd archive",
    b"OggS": "sound or a video",
    b"ID3": "sound",
    b"wOFF": "a font",
    b"wOF2": "a font",
    b"\x7fELF": "a program",
    b"\x00asm": "a program",
    b"SQLite format 3\x00": "a database",
}
_LOOKED_AT_BYTES = 4096
_MIN_BYTES = 256
"""Shorter bodies cannot be told to be no text."""
_MAX_ODD_FRAC = 0.1
"""Of control and torn characters in the first bytes of a text."""
_CONTROLS = re.compile(rb"[\x00-\x08\x0e-\x1f]")
_HTML_TAG = re.compile(
    rb"<(?:!doctype|!--|/?(?:html|head|title|meta|base|link|body|p|div|span|a|br|hr|h[1-6]|table"
    rb"|t[rdh]|[uod]l|li|d[td]|img|picture|pre|code|b|i|u|em|strong|small|font|center|blockquote"
    rb"|script|style|section|article|main|header|footer|nav|aside|form|input|button|select"
    rb"|textarea|label|frameset|frame|iframe|noscript|figure|template|details|summary|video|svg"
    rb"|su[bp]|time|plaintext|xmp|big|tt)(?=[\s/>]))",
    re.I,
)
_PROLOG = re.compile(rb"\s*(?:<\?[^>]*>|<!--.*?-->|<![A-Za-z][^>]*>)", re.S)
_ROOT = re.compile(rb"\s*<([A-Za-z][\w.:-]{0,60})")
_FEEDS = frozenset((b"rss", b"feed", b"svg", b"rdf:rdf", b"urlset", b"sitemapindex", b"opml"))
_XML_TAG = re.compile(rb"<[/?!]?[A-Za-z][^<>]{0,4000}>")
_LARGE_BYTES = 262_144
"""Smaller pages cannot take long, whatever is in them."""
_CROWDED_TAG = re.compile(rb"<([A-Za-z][A-Za-z0-9-]{0,30})\s[^<>]{16384,}")
_ATTRIBUTE = re.compile(rb"\s[^\s=]")
_MAX_ATTRIBUTES = 1000
MAX_TAGS = 600_000
"""A page with more is read as text alone: its tree would take gigabytes."""


class NotAPageError(ValueError):
    """A body without words: a picture, an archive, a PDF."""


def picture_kind(body: bytes) -> str | None:
    """The format of a picture served as a page, for example "PNG"; else None."""
    return sniff(body)


def as_html(body: bytes, *, charset: str | None = None) -> bytes:
    """HTML in clean UTF-8 of a body: pages as they are; plain text, JSON and XML with their words.

    Args:
        body: as served.
        charset: as HTTP says.

    Raises:
        NotAPageError: no text; the message says what it is.
    """
    if (kind := picture_kind(body)) is not None:
        raise NotAPageError(_refusal(f"a {kind} picture", body))
    for magic, what in _STRANGERS.items():
        if body.startswith(magic):
            raise NotAPageError(_refusal(what, body))
    codec = codec_of(body, charset=charset)
    html = as_utf8(body, codec=codec)
    if len(body) >= _MIN_BYTES and _is_noise(body, html, codec=codec):
        raise NotAPageError(_refusal("bytes that are no text", body))
    if _is_json(html):
        return html.replace(b"&", b"&amp;").replace(b"<", b"&lt;")
    if _is_other_xml(html):
        html = html.replace(b"<![CDATA[", b"").replace(b"]]>", b"")
        html = _XML_TAG.sub(b"\n<p>", html)
    if not _HTML_TAG.search(html):
        return html.replace(b"<", b"&lt;")
    if len(html) < _LARGE_BYTES:
        return html
    if html.count(b"<") > MAX_TAGS:
        return _XML_TAG.sub(b"\n", html).replace(b"<", b"&lt;")
    return _CROWDED_TAG.sub(_bounded_tag, html)


def _refusal(what: str, body: bytes) -> str:
    return f"a web page was expected, got {what} of {len(body):,} bytes: choose another address"


def _bounded_tag(tag: re.Match[bytes]) -> bytes:
    """A tag without its attributes if they are thousands: parsing takes their number squared."""
    num_attributes = len(_ATTRIBUTE.findall(tag.group()))
    return b"<" + tag.group(1) + b" " if num_attributes > _MAX_ATTRIBUTES else tag.group()


def _is_noise(body: bytes, html: bytes, *, codec: str) -> bool:
    """Whether what was taken out of the first bytes, or could not be read, is too much for a text."""
    head = html[:_LOOKED_AT_BYTES].decode("utf-8", "ignore")
    is_wide = codec.startswith("utf-16")
    num_odd = 0 if is_wide else len(_CONTROLS.findall(body[:_LOOKED_AT_BYTES]))
    return num_odd + head.count("\ufffd") > _MAX_ODD_FRAC * max(len(head), _MIN_BYTES)


def _is_json(html: bytes) -> bool:
    if html.lstrip()[:1] not in {b"{", b"["}:
        return False
    try:
        json.loads(html)
    except (ValueError, RecursionError):
        return False
    return True


def _is_other_xml(html: bytes) -> bool:
    """Whether it is XML other than XHTML: a feed, a drawing, a list of addresses."""
    at = 0
    while (prolog := _PROLOG.match(html, at)) is not None:
        at = prolog.end()
    found = _ROOT.match(html, at)
    if found is None:
        return False
    name = found.group(1).lower()
    is_declared = html.lstrip().startswith(b"<?xml")
    return name in _FEEDS or (is_declared and not _HTML_TAG.match(b"<" + name + b">"))
