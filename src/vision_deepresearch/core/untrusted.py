r"""Text from outside made harmless before it meets a prompt.

Order matters. Invisible characters go first and nothing is removed after that, so that no removal
can assemble a marker out of two halves. Then the opening character of every marker is replaced by a
look-alike, in the text or, where only the compatibility form (NFKC) shows a marker, in that form.
Cutting comes last, and what the cut laid bare is looked at again. Every step is linear in the text.

Raw text stays in the store; the neutralised text is what a model sees, in use and in training.
Source: the measured table of hostile strings, for example `"<|im_<|im_end|>start|>"`.
"""

import re
import unicodedata

MAX_CHARS = 120_000
"""Characters of one run of outside text that a prompt may hold."""

_INVISIBLE = re.compile(
    "["
    "\x00-\x08\x0b-\x1f\x7f-\x9f"  # C0 but tab and newline, delete, C1
    "\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f"  # soft hyphen, joiners, fillers
    "\u200b-\u200f\u202a-\u202e\u2060-\u206f"  # zero width, bidirectional, invisible operators
    "\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb"  # fillers, variation selectors, byte order
    "\ud800-\udfff"  # lone surrogates
    "\U00013430-\U0001343f"  # joiners and brackets of hieroglyphs
    "\U0001bca0-\U0001bca3\U0001d173-\U0001d17a"  # shorthand and music format controls
    "\U000e0000-\U000e0fff"  # tags, variation selectors
    "]+"
)

_TAGS = r"tool[\s_-]*+(?:call|response)s?|think|answer|code|tools?|function|parameter|system|image"
_SPECIAL = r"s|bos|eos|pad|unk|mask|sep|cls|(?:start|end)_of_\w{1,40}+|unused\d{1,6}+"
_BRACKETED = r"inst|available_tools|tool_(?:calls|results|content)|system_prompt"
_UPPER = r"IMG|IMG_BREAK|IMG_END|gMASK|sop|CLS|SEP|PAD|UNK|MASK|THINK|ARGS|CALL_ID"
_MARKER = re.compile(
    # One character is consumed, the rest is looked at: markers that overlap are all seen. The set
    # in front lets the search skip ordinary text quickly.
    r"[<>\[](?:"
    rf"(?<=<)(?=\||[\s/\\]*+(?:{_TAGS})(?!\w)|[\s/]*+(?:{_SPECIAL})\s*+>|<\s*+/?+\s*+sys\b)"
    r"|(?<=\|>)"
    rf"|(?<=\[)(?=[\s/]*+(?:{_BRACKETED}|(?-i:{_UPPER}))\s*+\])"
    r")",
    re.IGNORECASE,
)
_LOOK_ALIKE = {"<": "\u2039", ">": "\u203a", "[": "\u27e6"}


def neutralise(text: str, *, max_chars: int = MAX_CHARS) -> str:
    r"""Make text from outside safe to stand in a prompt; ordinary text comes out identical.

    Neither the result nor its NFKC form holds a tag of our protocol (any case, spacing or
    attributes), a control token or a marker of another chat template, and applying it twice
    changes nothing. `<b>` and `a < b` stay. Joiners of emoji and of some scripts are lost.

    Args:
        text: anything a user, a page, a tool or a model wrote; may hold lone surrogates.
        max_chars: longest result; what is longer is cut after matching and marked.

    Returns:
        At most `max_chars` characters, and the cut mark if something was cut.

    Cost: about 5 us for a snippet of 300 characters, about 5 ms for 120,000 (50 ms hostile).
    """
    safe = _mark(_INVISIBLE.sub("", text))
    if len(safe) <= max_chars:
        return safe
    # A cut may end a longer word in a marker: look again. The second look can only lengthen the
    # text by folding it, and a folded text is folded for good, so the third look is the last.
    for _ in range(2):
        safe = _mark(safe[:max_chars])
    return safe[:max_chars] + cut_mark(max_chars)


def cut_mark(max_chars: int) -> str:
    """What stands at the end of a text that was cut to `max_chars` characters."""
    return f"\n[... cut after {max_chars:,} characters]"


def count_markers(text: str) -> int:
    """How many tags, control tokens and markers of chat templates stand in a text as it is."""
    return sum(1 for _ in _MARKER.finditer(text))


def remove_invisible(text: str) -> str:
    """Drop characters that show nothing: controls but tab and newline, joiners, bidi, tags."""
    return _INVISIBLE.sub("", text)


def _mark(text: str) -> str:
    """Replace the opening character of every marker; fold the text only if folding shows one."""
    marked = _MARKER.sub(_look_alike, text)
    if marked.isascii() or unicodedata.is_normalized("NFKC", marked):
        return marked
    folded = unicodedata.normalize("NFKC", marked)
    return _MARKER.sub(_look_alike, folded) if _MARKER.search(folded) else marked


def _look_alike(match: re.Match[str]) -> str:
    return _LOOK_ALIKE[match[0]]
