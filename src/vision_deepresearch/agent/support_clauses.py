"""The clauses of a claim, each completed so that it can be looked for by itself.

"Soul Brothers credits A - guitar and B - guitar" says two things, and a page may say them on two
lines. A clause that only makes sense beside the others gets what it lacks: the subject, the last
word of the predicate for the members of a list, the year for all. What is completed is compared, never
shown. A claim that denies something, or pairs its parts ("respectively"), is left whole: its
clauses would say something else.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from vision_deepresearch.agent.support_facts import Facts, Name, Word, read_facts

MAX_CLAUSES = 8
"""A claim with more is a list or a story: it is looked for as a whole only."""
_MAX_CHARS = 800
"""Of a claim that is taken apart; the cost grows with the square of its length."""

_RELATIVE = r"(?:which|who|whom|whose|where)"
_CUT = re.compile(
    rf"\s*;\s+|:\s+|,?\s+(?:and|but|while|whereas|as\s+well\s+as)\s+(?:also\s+)?"
    rf"|,\s+(?={_RELATIVE}\b)|,\s+"
)
_ASIDE = re.compile(r"\s*\(([^()]{3,120})\)")
_QUOTED = re.compile(r"\"[^\"\n]{1,200}\"|\u201c[^\u201d\n]{1,200}\u201d")
_BRACKETED = re.compile(r"\([^()]{0,300}\)")
_BY_THE_WAY = re.compile(r",?\s+(?:however|though|too|moreover|therefore)(?:,|(?=\s))")
_PREPOSITION_TEXT = (
    "of in on at from with by as for to near under over into during since until than"
)
_PREPOSITIONS = frozenset(_PREPOSITION_TEXT.split())
_NO_VERB_TEXT = "and or featuring feat ft playing plays alias aka"
_NO_VERB = _PREPOSITIONS | frozenset(_NO_VERB_TEXT.split())
_FIRST_WORD = re.compile(r"\W*([^\W\d_]+)")
_WHO_LEAD = re.compile(rf"\W*{_RELATIVE}\s+", re.IGNORECASE)
_ARTICLE = re.compile(r"\W*(?:the|a|an)\s+", re.IGNORECASE)
_PLACED = re.compile(r"(?:\b(?:in|at|of|from|near|by)\s+(?:the\s+)?|,\s+)$", re.IGNORECASE)
_PLACED_PERSON = re.compile(r"(?:\b(?:in|at|from|near)\s+(?:the\s+)?|,\s+)$", re.IGNORECASE)
"""What stands before a name that only tells where another one is, for "which" and for "who"."""
_WHO = re.compile(r"\W*(?:who|whom|whose)\b", re.IGNORECASE)
_SHARED_TIME = re.compile(r"(?:In|On|By|During|Since|From)\s[^,;]{0,40}\d[^,;]{0,20}(?=,\s)")
_TIME_AT_END = re.compile(r"\s(?:in|on)\s(?=[^,;]{0,30}\d)[^,;]{1,40}$")
_UNDIVIDED = re.compile(r"\b(?:respectively|between|either|neither|or)\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Clause:
    """One thing a claim says."""

    text: str
    """As it stands in the claim."""
    whole: str
    """With the subject and the predicate it shares with others."""
    is_bare: bool
    """It names things only; what is said of them stands in another clause."""


@dataclass(slots=True, kw_only=True)
class _Piece:
    """A stretch between two cuts."""

    text: str
    facts: Facts
    mark: str
    """The cut before it."""

    @property
    def names(self) -> tuple[Name, ...]:
        return self.facts.names

    @property
    def content(self) -> list[Word]:
        return [word for word in self.facts.words if word.is_content]

    @property
    def says_nothing(self) -> bool:
        facts = self.facts
        return not (self.content or self.names or facts.dates or facts.figures)

    @property
    def has_time(self) -> bool:
        return bool(self.facts.dates) or any(one.is_year for one in self.facts.figures)


def split_clauses(plain: str) -> list[Clause]:
    """The clauses of a claim without markup; fewer than two if it is not to be divided."""
    if len(plain) > _MAX_CHARS or _UNDIVIDED.search(plain) or read_facts(plain).is_denied:
        return []
    body, asides = _without_asides(_BY_THE_WAY.sub("", plain))
    time = _SHARED_TIME.match(body)
    pieces = [piece for piece in _pieces(body) if not piece.says_nothing]
    if not pieces or len(pieces) + len(asides) > MAX_CLAUSES:
        return []
    clauses = _completed(pieces, time=f"{time[0]}, " if time else "")
    return [*clauses, *asides]


def _without_asides(plain: str) -> tuple[str, list[Clause]]:
    """The claim without what it says in brackets, and that, of the name before the bracket."""
    asides: list[Clause] = []
    kept: list[str] = []
    at = 0
    for found in _ASIDE.finditer(plain):
        facts = read_facts(found[1])
        before = read_facts(plain[: found.start()]).names
        name = before[-1] if before and before[-1].end >= found.start() - 2 else None
        if name is None or not any(word.is_content for word in facts.words):
            continue
        kept.append(plain[at : found.start()])
        at = found.end()
        told = plain[name.start : name.end]
        is_thing = _ARTICLE.match(found[1]) and not facts.names
        whole = f"{found[1]} is {told}" if is_thing else f"{told}: {found[1]}"
        asides.append(Clause(text=f"{told} ({found[1]})", whole=whole, is_bare=False))
    kept.append(plain[at:])
    return "".join(kept), asides


def _pieces(body: str) -> list[_Piece]:
    facts = read_facts(body)
    spans = [(one.start, one.end) for one in (*facts.names, *facts.dates, *facts.figures)]
    spans += [found.span() for form in (_QUOTED, _BRACKETED) for found in form.finditer(body)]
    pieces: list[_Piece] = []
    start, mark = 0, ""
    for cut in _CUT.finditer(body):
        low, high = cut.span()
        if low <= start or any(one[0] < high and low < one[1] for one in spans):
            continue
        left, right = body[start:low], body[high:]
        if cut[0].strip() == "," and not _is_fact_behind(left, right):
            continue
        pieces.append(_Piece(text=left, facts=read_facts(left), mark=mark))
        start, mark = high, cut[0]
    last = body[start:].rstrip(" .!")
    return [*pieces, _Piece(text=last, facts=read_facts(last), mark=mark)]


def _is_fact_behind(left: str, right: str) -> bool:
    """Whether a bare comma divides two facts: no "Memphis, Tennessee" and no "1966, in Studio 2"."""
    first = _FIRST_WORD.match(right)
    if first is None or first[1].casefold() in _PREPOSITIONS or _SHARED_TIME.match(f"{left}, "):
        return False
    before, behind = read_facts(left), read_facts(right).names
    last = before.names[-1] if before.names else None
    is_named = bool(behind) and behind[0].start <= first.start(1)
    if is_named and last is not None and last.end >= len(left.rstrip("\"'\u201d")):
        # Two persons of a list, but no place and its region.
        return len(last.words) > 1 and len(behind[0].words) > 1
    return True


def _completed(pieces: Sequence[_Piece], *, time: str) -> list[Clause]:
    clauses: list[Clause] = []
    subject = _subject(pieces)
    for number, piece in enumerate(pieces):
        is_bare = not piece.content and bool(piece.names or number)
        whole = _WHO_LEAD.sub("", piece.text, count=1)
        is_apposed = piece.mark.strip() == "," and _ARTICLE.match(piece.text)
        if _WHO_LEAD.match(piece.text) or (is_apposed and not _has_subject(piece)):
            about = _antecedent(pieces[:number], is_person=bool(_WHO.match(piece.text)))
        elif number and not _has_subject(piece):
            about = subject
        else:
            about = ""
        if is_bare:
            whole = _with_predicate(pieces, number, whole=whole)
        if about:
            whole = f"{about}: {whole}"
        if not piece.has_time:
            whole = time + whole if number else whole
            whole += _later_time(pieces, number)
        clauses.append(Clause(text=piece.text.strip(" ,"), whole=whole, is_bare=is_bare))
    return clauses


def _subject(pieces: Sequence[_Piece]) -> str:
    """The names that a claim begins with, or "" if it begins with something else."""
    told: list[str] = []
    for piece in pieces:
        names, content = piece.names, piece.content
        lead = [name for name in names if not content or name.end <= content[0].start]
        if not lead or (not told and read_facts(piece.text[: lead[0].start]).words[1:]):
            break
        told += [piece.text[name.start : name.end] for name in lead[:1]]
        if content:
            break
    return "; ".join(told)


def _has_subject(piece: _Piece) -> bool:
    """Whether a name with a verb behind it opens the piece."""
    article = _ARTICLE.match(piece.text)
    begin = article.end() if article else 0
    name = piece.names[0] if piece.names else None
    if name is None or piece.text[begin : name.start].strip("\"'\u201c "):
        return False
    behind = re.match(r"[\"'\u201d]?\s+([a-z]+)", piece.text[name.end :])
    return behind is not None and behind[1] not in _NO_VERB


def _antecedent(before: Sequence[_Piece], *, is_person: bool) -> str:
    """Of "which" and "who": the last name that does not only tell where another one is."""
    placed = _PLACED_PERSON if is_person else _PLACED
    for piece in reversed(before):
        for name in reversed(piece.names):
            if not placed.search(piece.text[: name.start]) or name is piece.names[0]:
                return piece.text[name.start : name.end]
    return ""


def _with_predicate(pieces: Sequence[_Piece], number: int, *, whole: str) -> str:
    """A piece that only names something, with what is said of it before or behind."""
    for piece in reversed(pieces[:number]):
        if piece.content:
            word = piece.content[-1]
            return f"{piece.text[word.start : word.end]} {whole}"
    for piece in pieces[number + 1 :]:
        if piece.content and not _WHO_LEAD.match(piece.text):
            return f"{whole} {piece.text[piece.content[0].start :]}"
    return whole


def _later_time(pieces: Sequence[_Piece], number: int) -> str:
    """The time at the end of a list, which holds for all of its members."""
    for piece in pieces[number + 1 :]:
        if piece.content:
            return ""
        if piece.has_time:
            found = _TIME_AT_END.search(piece.text)
            return found[0] if found else ""
    return ""
