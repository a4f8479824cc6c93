"""Text of strangers in a Markdown file: literal, on one line, nothing in it active.

CommonMark lets every ASCII mark be escaped, so what could open a link, a picture, HTML, code, a
heading, a list, a table, a formula or an address that some readers turn into a link is escaped.
"""

import re
from urllib.parse import quote

from vision_deepresearch.serve.viewer_text import safe_href, shown

_ACTIVE = re.compile(r"[\\`*_{}\[\]<>#|~&$^!@]")
_ADDRESS = re.compile(r"(:)(?=\S)|(?<=www)(\.)", re.IGNORECASE)
_LINE_START = re.compile(r"^(?:[-+=:]|(\d{1,9})([.)])(?=\s|$))")


def inert(text: str) -> str:
    """One line of literal text, wherever in a line it stands."""
    line = _ACTIVE.sub(r"\\\g<0>", " ".join(shown(text).split()))
    line = _ADDRESS.sub(r"\\\g<0>", line)
    return _LINE_START.sub(_start_escaped, line)


def quoted(text: str, *, indent: str = "") -> str:
    """A block quote of several lines, each literal."""
    lines = [inert(line) for line in text.splitlines()]
    while lines and not lines[-1]:
        lines.pop()
    shown_lines = []
    for number, line in enumerate(lines):
        goes_on = line and number + 1 < len(lines) and lines[number + 1]
        shown_lines.append(f"{indent}> {line}{chr(92) if goes_on else ''}".rstrip(" "))
    return "\n".join(shown_lines)


def code(text: str) -> str:
    """A code span; marks that could end it are replaced."""
    line = " ".join(shown(text).split()).replace("`", "'")
    return f"`{line}`" if line else ""


def link(title: str, url: str) -> str:
    """A link where the address is a plain public one (http or https), else both as text."""
    href = safe_href(url)
    name = inert(title) or "untitled"
    # An address that redaction changes is no longer the one that was read.
    if href is None or shown(href) != href:
        return f"{name} ({code(url)})" if url else name
    return f"[{name}]({quote(href, safe=_SAFE)})"


_SAFE = ":/?#@!$&+,;=%"
"""Kept in addresses besides letters, digits and "_.-~"; brackets of any kind are not."""


def _start_escaped(match: re.Match[str]) -> str:
    if match[1]:
        return f"{match[1]}\\{match[2]}"
    return f"\\{match[0]}"
