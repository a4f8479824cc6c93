"""What an answer claims: its sentences, list items and table rows, each a piece of the answer.

Kept out is what asserts nothing about the world: headings, lists of sources, questions, and what the
model says about its own search ("I could not find ..."). A lead ("Based on the page, ...", "The
answer is ...") is left off the claim that follows it. Every claim stands in the answer word for
word, markup included, so that a citation can be put behind it; `plain_claim` takes the markup off.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

MAX_CLAIMS = 40
_MAX_SHORT_CHARS = 80
"""A shorter answer of one line is not cut at full stops: "St. Ives"."""
_MIN_CHARS = 12
"""A shorter sentence ("Yes.") is joined with the next of its line."""

# ------------------------------------------------------------------------------------------ markup

_OWN_MARK = (
    r"(?:\^?\[\^?\d{1,3}(?:\s*[,;\u2013-]\s*\d{1,3}){0,20}\](?!\()"
    r"|\u3010[^\u3010\u3011\n]{1,60}\u3011"
    r"|<sup>\s*\[?\d{1,3}(?:,\s*\d{1,3})*\]?\s*</sup>)"
)
OWN_MARK = re.compile(rf"[ \t]?{_OWN_MARK}")
"""A citation mark that the model wrote itself: [1], [2, 3], [^4]."""
_IMAGE = re.compile(
    r"!\[([^\[\]\n]{0,500})\]\([^()\s]{0,2000}(?:\([^()\s]{0,500}\))?[^()\s]{0,500}\)"
)
_LINK = re.compile(
    r"\[([^\[\]\n]{1,500})\]\([^()\s]{0,2000}(?:\([^()\s]{0,500}\))?[^()\s]{0,500}\)"
)
_URL = re.compile(r"[(<]?(?:https?://|www\.)[^\s<>()]{1,2000}(?:\([^()\s]{0,200}\))?[)>]?")
_TAG = re.compile(r"</?[A-Za-z][^<>\n]{0,200}>")
_STRESS = re.compile(r"\*{1,3}|~~|`{1,3}|(?<!\w)_{1,3}(?=\S)|(?<=\S)_{1,3}(?!\w)")
_SOURCE_TAIL = re.compile(
    r"[\s([\u2013\u2014-]{0,6}\b(?:sources?|see|via|cf\.?|ref(?:erence)?s?)\s*[:\u2013-]\s*[^\n]{0,300}$",
    re.IGNORECASE,
)

# --------------------------------------------------------------------------------- what is no claim

_BULLET = re.compile(r"\s*(?:>\s*)*(?:(?:[-*+\u2022\u2013]|\(?\d{1,2}[.)])\s+)?")
_HEADING = re.compile(r"\s*#{1,6}\s")
_BOLD_TITLE = re.compile(r"\s*(?:\*\*|__)[^*_\n]{1,80}(?::(?:\*\*|__)|(?:\*\*|__)\s*:)\s*$")
_RULE = re.compile(r"\s*(?:\|?[\s:|-]*-{2,}[\s:|-]*\|?|[*_=]{3,})\s*$")
_SOURCES = re.compile(
    r"\W{0,6}(?:sources?|references?|citations?|evidence|bibliography|links?|further reading)"
    r"(?:\s+(?:used|cited|consulted|checked))?\W*(?::|$)",
    re.IGNORECASE,
)
_META = re.compile(
    r"\W{0,3}(?:(?:however|unfortunately|so|but|also|thus|therefore|note that|please note(?: that)?"
    r"|overall|again),?\s+)?(?:"
    # Small letters behind it: "I Can't Stop Loving You" is a song.
    r"(?-i:(?:I|[Ww]e)\s+[a-z]|I'(?:m|ve|ll|d)\s+[a-z]|[Ll]et\s+me\s+[a-z]|[Ss]orry,?\s+[a-z]"
    r"|[Mm]y\s+(?:search|research|sources?|reading)\b)"
    r"|(?:it|this|the\s+answer)\s+(?:is|was|remains|could\s+be)\s+(?:not\s+)?(?:un)?"
    r"(?:clear|certain|known|sure|possible\s+to\s+(?:determine|say|tell|verify))\b"
    r"|it\s+(?:is|was)\s+(?:not\s+possible|impossible)\b"
    r"|(?:this|that|the\s+answer)\s+(?:is|was)\s+(?:based|supported|confirmed|stated|found)\s+(?:on|by|in)"
    r"\s+(?:the|my)\s+(?:page|article|source|search|evidence|passage|result)"
    r"|no\s+(?:further|other|more|additional|such|reliable|direct|clear)?\s*"
    r"(?:information|evidence|page|pages|source|sources|result|results|mention|record)\b"
    r"[^\n]{0,40}\b(?:was|were|is|are|could|can)\b"
    r"|(?:none|neither)\s+of\s+the\s+(?:pages?|sources?|results?|searches)\b"
    r"|the\s+(?:page|pages|source|sources|search|searches|results?|evidence)\s+(?:does|do|did)\s*(?:not|n't)"
    r"|here\s+(?:is|are)\b|(?:confidence|certainty|reasoning|explanation|note)\s*:"
    r"|further\s+research\b|more\s+research\b"
    r")",
    re.IGNORECASE,
)
_NOTHING = re.compile(
    r"\W*(?:unknown|not\s+(?:known|found|available|sure|certain)|unclear|n/?a|none|no\s+answer"
    r"|(?:it\s+|(?:the|this)\s+(?:answer|question)\s+)?(?:cannot|can't|could\s+not)\s+be\s+(?:determined|found|verified|identified|answered))\W*",
    re.IGNORECASE,
)
_ANSWER_IS = re.compile(
    r"(?:so\s+)?the\s+(?:final\s+|correct\s+)?answer\s+(?:is|would\s+be|to\s+the\s+question\s+is)"
    r"(?:\s+that)?:?\s+",
    re.IGNORECASE,
)
_LABEL = re.compile(
    r"(?:\*\*|__)?(?:final\s+|short\s+)?answer(?:\*\*|__)?\s*:(?:\*\*|__)?\s*", re.IGNORECASE
)
_SUMMING_UP = re.compile(
    r"(?:so|thus|therefore|hence|in\s+short|in\s+summary|in\s+conclusion|to\s+summari[sz]e"
    r"|overall|finally),\s+",
    re.IGNORECASE,
)
_ON_WHAT = re.compile(
    r"(?:based\s+on|according\s+to|as\s+(?:stated|shown|described|noted|reported)\s+(?:in|on|by))"
    r"\s+(?:the\s+)?[^,;:.\n]{1,100},\s+",
    re.IGNORECASE,
)
_IT_SAYS = re.compile(
    r"(?:note|please\s+note|it\s+(?:appears|seems|follows|turns\s+out)|this\s+(?:means|shows"
    r"|indicates|suggests)|the\s+(?:page|article|source|evidence|record)\s+(?:says|states|shows"
    r"|notes|confirms|mentions))\s+that\s+",
    re.IGNORECASE,
)
_LEADS = (_LABEL, _SUMMING_UP, _ON_WHAT, _IT_SAYS, _ANSWER_IS)
_BECAUSE = re.compile(r",?\s+(?:because|since|as\s+(?=(?:the|it|he|she|they|its|his|her)\b))\s*")

# ------------------------------------------------------------------------------------------- cutting

_SHORT_FORM = re.compile(r"(?:[A-Z]|Sgt|Gen|Col|Capt|Lt|Rev|Hon|Gov|Sen|Maj|Vol|Op|Fig|Nr)\.")
_ASSENT = re.compile(
    r"\W*(?:yes|no|true|false|correct|indeed|both|neither|answer|so|thus|note)\W*", re.IGNORECASE
)
_ABBREVIATION = (
    r"(?<!\b[A-Z])(?<!\bSt)(?<!\bDr)(?<!\bMr)(?<!\bMs)(?<!\bMrs)(?<!\bNo)(?<!\bJr)(?<!\bSr)"
    r"(?<!\bvs)(?<!\bca)(?<!\bMt)(?<!\bFt)(?<!\bProf)(?<!\bapprox)(?<!\be\.g)(?<!\bi\.e)(?<!\bc)"
)
_SENTENCE_END = re.compile(
    rf"(?:(?<=[.!?]){_ABBREVIATION.replace(')', '[.])')}"
    rf"(?:[\"'\u201d\u2019)*_]{{0,4}}(?:\s?{_OWN_MARK}){{0,6}})\s+(?=[^\sa-z])"
    r"|(?<=[\u3002\uff01\uff1f])"
    r"|;\s+)"
)
_WORD = re.compile(r"\w")
_EDGE = " \t\r\n|"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Piece:
    """A stretch of the answer."""

    start: int
    end: int


def split_claims(answer: str) -> list[str]:
    """What an answer claims, in order, each a piece of it; empty if it claims nothing."""
    claims = [
        answer[piece.start : piece.end]
        for line in _lines(answer)
        for piece in _claims_of(answer, line)
    ]
    return claims[:MAX_CLAIMS]


def plain_claim(claim: str) -> str:
    """A claim without markup, addresses and the model's own citation marks."""
    text = OWN_MARK.sub("", claim)
    text = _IMAGE.sub(r"\1", text)
    text = _LINK.sub(r"\1", text)
    text = _SOURCE_TAIL.sub("", text) if _SOURCE_TAIL.search(text) else text
    text = _TAG.sub("", _URL.sub("", text))
    text = _STRESS.sub("", text)
    cells = [cell.strip() for cell in text.split("|")]
    return " ".join("; ".join(filter(None, cells)).split())


def _lines(answer: str) -> Iterator[_Piece]:
    """The lines that may claim something, without bullets and fences."""
    lines: list[_Piece] = []
    start = 0
    for text in answer.splitlines(keepends=True):
        lines.append(_Piece(start=start, end=start + len(text)))
        start += len(text)
    is_fenced = is_listing = False
    for number, line in enumerate(lines):
        text = answer[line.start : line.end]
        if text.lstrip().startswith(("```", "~~~")):
            is_fenced = not is_fenced
            continue
        bullet = _BULLET.match(text)
        begin = bullet.end() if bullet else 0
        if not text.strip():
            continue
        if _SOURCES.match(text, begin):
            is_listing = True
            continue
        is_entry = begin > len(text) - len(text.lstrip()) or bool(_URL.search(text))
        is_entry = is_entry or bool(re.match(rf"\s*{_OWN_MARK}", text))
        if is_listing and is_entry:
            continue
        is_listing = False
        below = lines[number + 1] if number + 1 < len(lines) else None
        is_head = "|" in text and below and _RULE.match(answer[below.start : below.end])
        is_title = _HEADING.match(text) or (len(lines) > 1 and _BOLD_TITLE.match(text))
        if is_fenced or is_head or is_title or _RULE.match(text):
            continue
        yield _Piece(start=line.start + begin, end=line.end)


def _claims_of(answer: str, line: _Piece) -> Iterator[_Piece]:
    text = answer[line.start : line.end].rstrip()
    if text.lstrip().startswith("|"):
        pieces = [_Piece(start=0, end=len(text))]
    else:
        is_short = len(answer.strip()) <= _MAX_SHORT_CHARS
        pieces = _sentences(text, only_at_semicolons=is_short)
    for piece in pieces:
        for part in _without_lead(text, piece):
            trimmed = _trimmed(text, part)
            plain = plain_claim(text[trimmed.start : trimmed.end])
            if not _WORD.search(plain) or _META.match(plain) or _NOTHING.fullmatch(plain):
                continue
            if plain.endswith(("?", ":", "\uff1f")):
                continue
            yield _Piece(start=line.start + trimmed.start, end=line.start + trimmed.end)


def _sentences(text: str, *, only_at_semicolons: bool) -> list[_Piece]:
    pieces: list[_Piece] = []
    start = 0
    for end in _SENTENCE_END.finditer(text):
        is_semicolon = end[0].startswith(";")
        if only_at_semicolons and not is_semicolon and end[0]:
            continue
        if is_semicolon and text.count("(", start, end.start()) > text.count(
            ")", start, end.start()
        ):
            continue  # inside a parenthesis
        # Closing marks and the model's own citations belong to the sentence before.
        cut = end.start() if is_semicolon else end.end()
        pieces.append(_Piece(start=start, end=cut))
        start = end.end()
    pieces.append(_Piece(start=start, end=len(text)))
    joined: list[_Piece] = []
    for piece in pieces:
        before = joined[-1] if joined else None
        is_stub = before is not None and _is_stub(text[before.start : before.end].strip())
        if before is not None and is_stub and text[before.end : piece.start].strip() != ";":
            joined[-1] = _Piece(start=before.start, end=piece.end)
        else:
            joined.append(piece)
    return joined


def _is_stub(sentence: str) -> bool:
    """Whether a sentence is too short to be a claim: "Yes.", but not "Eight." or "Alexa Ray."."""
    if len(sentence) >= _MIN_CHARS:
        return False
    if _SHORT_FORM.fullmatch(sentence.rsplit(" ", 1)[-1]) or _ASSENT.fullmatch(sentence):
        return True
    is_told = "$" in sentence or any(len(word) > 2 for word in re.findall(r"\w+", sentence))
    return not sentence.endswith(".") or sentence[:1].islower() or not is_told


def _without_lead(text: str, piece: _Piece) -> Iterator[_Piece]:
    """The claim behind its leads; "the answer is X because Y" claims X, and Y."""
    start = piece.start
    while text[start : start + 1].isspace():
        start += 1
    is_answer = False
    leads = True
    while leads:
        leads = False
        for lead in _LEADS:
            found = lead.match(text, start, piece.end)
            if found and _WORD.search(text, found.end(), piece.end):
                is_answer = is_answer or lead is _ANSWER_IS
                start, leads = found.end(), True
    because = _BECAUSE.search(text, start, piece.end) if is_answer else None
    if because:
        yield _Piece(start=start, end=because.start())
        start = because.end()
    yield _Piece(start=start, end=piece.end)


def _trimmed(text: str, piece: _Piece) -> _Piece:
    start, end = piece.start, piece.end
    tail = _SOURCE_TAIL.search(text, start, end)
    if tail and tail.end() == end and _WORD.search(text, start, tail.start()):
        end = tail.start()
    while start < end and text[start] in _EDGE:
        start += 1
    while end > start and text[end - 1] in _EDGE:
        end -= 1
    return _Piece(start=start, end=end)
