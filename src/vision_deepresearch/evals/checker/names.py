"""Finds what else things are called, by how their own pages say it.

A sentence that names a thing and, unlinked, something else with a capital letter says another name
of it where the same words stand on the pages of several things, each with something else in that
place: "The learned name of ... is ...". No list of such sentences is needed.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from functools import partial

from vision_deepresearch.evals.checker.text import WebPage, split_links

_WORD = re.compile("\x01|[^\\W_][\\w'\u2019.-]*")
_DIGITS = re.compile(r"\d[\d,]*")
_MONTHS = re.compile(
    r"\b(?:January|February|March|April|May|June|July|August|September|October|November|December)"
    r"(?= 0)|(?<=0 )(?:January|February|March|April|May|June|July|August|September|October"
    r"|November|December)\b"
)
_PRONOUN = re.compile(r"^(?:It|He|She|They)\b")
_POSSESSIVE = re.compile(r"^(?:Its|His|Her|Their)\b")
_ME = "\x01"
_LINKED = "\x00"
_OTHER = "\x02"
_MAX_WORDS = 8
_MIN_THINGS = 3
"""So many things must be called something by a sentence before it is believed."""


def other_names(
    pages: Mapping[str, tuple[WebPage, str]], *, known: Iterable[str]
) -> dict[str, tuple[str, ...]]:
    """What things are called besides their names.

    Args:
        pages: by thing, its own page and its name.
        known: casefolded texts that are no other names: names of things, values of rows.

    Cost: some 0.1 ms of CPU a sentence that has a capital letter behind its first word.
    """
    barred = frozenset(known)
    readings: dict[tuple[str, int], list[tuple[str, str]]] = {}
    called: dict[str, dict[str, None]] = {}
    for thing, (page, name) in pages.items():
        for number, sentence in enumerate(page.sentences):
            found = list(_spans(sentence, name, barred=barred))
            if found:
                readings[thing, number] = found
                for skeleton, phrase in found:
                    called.setdefault(skeleton, {}).setdefault(phrase)
    names: dict[str, dict[str, None]] = {}
    for (thing, _), found in readings.items():
        name = pages[thing][1]
        skeleton, phrase = max(found, key=partial(_weight, called=called, name=name))
        if len(called[skeleton]) >= _MIN_THINGS or _is_form_of(phrase, name):
            names.setdefault(thing, {}).setdefault(phrase)
    return {thing: tuple(phrases) for thing, phrases in names.items()}


def _weight(
    one: tuple[str, str], *, called: Mapping[str, Mapping[str, None]], name: str
) -> tuple[int, bool, int]:
    """How much speaks for a reading: things called so, then the longest form, else the shortest."""
    skeleton, phrase = one
    is_form = _is_form_of(phrase, name)
    return len(called[skeleton]), is_form, len(phrase) if is_form else -len(phrase)


def _is_form_of(phrase: str, name: str) -> bool:
    """Whether a text is a name shortened, or with something more: "A. Berg", "RV Pioneer"."""
    words, own = phrase.casefold().split(), name.casefold().split()
    is_initial = bool(re.fullmatch(r"[^\W\d_]\.", words[0])) and words[0][0] == own[0][0]
    is_part = set(words) <= set(own) and phrase.split()[-1][0].isupper()
    return is_part or phrase.endswith(name) or (is_initial and words[-1] == own[-1])


def _spans(sentence: str, name: str, *, barred: frozenset[str]) -> Iterator[tuple[str, str]]:
    """The sentence around each run of words that may be a name, and that run."""
    text = "".join(run.text if run.url is None else _LINKED for run in split_links(sentence))
    own = re.compile(rf"\b(?:[Tt]he )?{re.escape(name.removeprefix('The '))}(?!\w)")
    text = _MONTHS.sub("0", _DIGITS.sub("0", own.sub(_ME, text)))
    text = _POSSESSIVE.sub(f"{_ME}'s", _PRONOUN.sub(_ME, text)).replace(f"{_ME}' ", f"{_ME}'s ")
    if _ME not in text:
        return
    words = list(_WORD.finditer(text))
    taken = _taken(text, words, barred)
    for first, word in enumerate(words[1:], 1):  # the first has a capital letter anyway
        if not word.group()[0].isupper() or first in taken:
            continue
        for last in words[first : first + _MAX_WORDS]:
            phrase = text[word.start() : last.end()].rstrip(".'-")
            if _LINKED in phrase or "," in phrase or _ME not in text.replace(phrase, "", 1):
                break
            skeleton = f"{text[: word.start()]}{_OTHER}{text[word.start() + len(phrase) :]}"
            yield skeleton, phrase.replace(_ME, name)


def _taken(text: str, words: list[re.Match[str]], barred: frozenset[str]) -> frozenset[int]:
    """Numbers of the words that belong to what is known, and is no other name of anything."""
    taken: set[int] = set()
    for first, word in enumerate(words):
        for last in range(first, min(first + _MAX_WORDS, len(words))):
            phrase = text[word.start() : words[last].end()].rstrip(".'-").casefold()
            if phrase in barred or phrase.removesuffix("'s") in barred:
                taken.update(range(first, last + 1))
    return frozenset(taken)
