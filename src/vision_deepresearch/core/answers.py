r"""What an answer says: where it stands in a reply, and the plain form in which it is compared.

Nothing here ever looks for one text inside another: `No` stands in `Norway` and `12` in `2012`.
Punctuation inside an answer is never dropped: `1.75` is not `175`.

Example: `extract_answer("<think>hm</think><answer>**Ostrava**.</answer>")` finds "**Ostrava**.",
whose plain form is "ostrava".
"""

import re
import unicodedata
from dataclasses import dataclass

from vision_deepresearch.core.trajectory import Extraction
from vision_deepresearch.core.untrusted import remove_invisible

# ------------------------------------------------------------------------------------- extraction

_THINK = re.compile(r"<(/?)think\b[^<>]*>", re.IGNORECASE)
_ANSWER_OPEN = re.compile(r"<answer\b[^<>]*>", re.IGNORECASE)
_ANSWER_CLOSE = re.compile(r"</answer\b[^<>]*>", re.IGNORECASE)
_BOXED = re.compile(r"\\boxed\s*\{")
_BRACE = re.compile(r"[{}]")
_TEX_TEXT = re.compile(r"\\(?:text|textbf|textit|mathrm|mathbf)\s*\{([^{}]*)\}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Extracted:
    """An answer and how it was found."""

    answer: str
    extraction: Extraction


def extract_answer(text: str) -> Extracted:
    r"""Find the answer in a final reply.

    Order: thinking is dropped (unclosed: to the end), then the last `<answer>` element (unclosed:
    to the end), else the last `\boxed{}`, else the whole rest.

    Source: the project's evaluation protocol, answer extraction.
    """
    said = without_thinking(text)
    opened = list(_ANSWER_OPEN.finditer(said))
    if opened:
        start = opened[-1].end()
        closed = _ANSWER_CLOSE.search(said, start)
        answer = said[start : closed.start()] if closed else said[start:]
        return Extracted(answer=answer.strip(), extraction=Extraction.TAG)
    boxed = _last_boxed(said)
    if boxed is not None:
        return Extracted(answer=boxed, extraction=Extraction.BOXED)
    return Extracted(answer=said.strip(), extraction=Extraction.VERBATIM)


def without_thinking(text: str) -> str:
    """Drop thinking; a closing tag without an opening one ends thinking that a prompt began."""
    pieces: list[str] = []
    depth = 0
    position = 0
    for tag in _THINK.finditer(text):
        if not depth:
            pieces.append(text[position : tag.start()])
        if tag[1]:
            if not depth:
                pieces.clear()
            depth = 0
        else:
            depth = 1
        position = tag.end()
    if not depth:
        pieces.append(text[position:])
    return "".join(pieces)


def _last_boxed(text: str) -> str | None:
    r"""The content of the last `\boxed{}` whose braces are balanced."""
    boxes = list(_BOXED.finditer(text))
    if not boxes:
        return None
    start = boxes[-1].end()
    depth = 1
    for brace in _BRACE.finditer(text, start):
        depth += 1 if brace[0] == "{" else -1
        if depth == 0:
            return _TEX_TEXT.sub(r"\1", text[start : brace.start()]).strip()
    return None


# --------------------------------------------------------------------------------- names and lists

_DASHES = re.compile("[\u2010-\u2015\u2212\ufe58\ufe63\uff0d]")
_QUOTES = str.maketrans({"\u2018": "'", "\u2019": "'", "\u02bc": "'", "\u201c": '"', "\u201d": '"'})
_MEANT = set("#%\u2030&@\u00a7")
"""Punctuation by category, but part of a name or number: C#, 50 %."""
_SIGN = re.compile(r"-\.?\d|\.\d")
_LIST = re.compile(
    r"\n\s*\S|;|,(?!\d)[^,]*(?:,(?!\d)|\band\b)|\u3001"
    r"|\b(?:or|either|and/or)\b|\s/\s|\u6216|\u8fd8\u662f|\u307e\u305f\u306f|\ub610\ub294"
)
_HEDGE = re.compile(
    r"\b(?:maybe|perhaps|possibly|probably|presumably|likely|might|could be|may be|not sure|unsure"
    r"|i (?:think|believe|guess|assume)|unclear|uncertain|unknown|unable to|don'?t know|do not know"
    r"|(?:can ?not|can't|could not|couldn't) (?:be )?(?:determine|find|identif|tell|say|verif)\w*)"
    r"|\u53ef\u80fd|\u4e5f\u8bb8|\u4e0d\u786e\u5b9a|\u5927\u6982|\u304a\u305d\u3089\u304f"
    r"|\u304b\u3082\u3057\u308c|\u308f\u304b\u3089\u306a\u3044|\uc544\ub9c8"
)


def normalise_answer(text: str) -> str:
    """The plain form in which answers are compared, right for every script.

    NFKC, case folded, one kind of dash and quote, single spaces, no punctuation at the edges (a
    sign before a number stays). Nothing inside is dropped. A text of punctuation only is kept as it
    is, so that the gold `?` equals the answer `?` and no other.
    """
    plain = unicodedata.normalize("NFKC", remove_invisible(text)).casefold()
    plain = unicodedata.normalize("NFKC", _DASHES.sub("-", plain).translate(_QUOTES))
    plain = " ".join(plain.split())
    start, end = 0, len(plain)
    while start < end and _is_edge(plain[start]) and not _is_sign(plain, start):
        start += 1
    while end > start and _is_edge(plain[end - 1]):
        end -= 1
    return plain[start:end] or " ".join(remove_invisible(text).split())


def names_equal(first: str, second: str) -> bool:
    """Whether two names are the same but for case, width, edges and a leading "the"."""
    return _without_article(first) == _without_article(second)


def is_list_or_hedge(text: str) -> bool:
    """Whether a text offers several candidates or none for certain.

    Right for answers that equal no gold: a name may well hold "or" or commas of its own.
    """
    plain = unicodedata.normalize("NFKC", text.strip()).casefold()
    return bool(_LIST.search(plain) or _HEDGE.search(plain))


def _without_article(name: str) -> str:
    plain = normalise_answer(name)
    rest = plain.removeprefix("the ")
    return plain if rest == "the" else rest


def _is_edge(char: str) -> bool:
    is_mark = unicodedata.category(char).startswith("P") or char in "`\u00b4"
    return char == " " or (is_mark and char not in _MEANT)


def _is_sign(text: str, start: int) -> bool:
    """Whether a minus or a decimal point opens a number here: -5, .5, -.5."""
    return bool(_SIGN.match(text, start))
