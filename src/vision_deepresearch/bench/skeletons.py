"""Sentences of pages with all that is particular blanked out: what a template leaves behind.

Read from the pages as a visitor gets them, not from the grammar that wrote them. The rule, in order:

1. Sentences are those of the running text and of list items; headings, tables and pictures are none.
2. Linked text, words that begin with a capital (months do) and words with a digit become `_`; at the
   head of a sentence, where any word has a capital, only a word that stands in small letters less
   than once in 5,000 words (a name, most likely), and every month.
3. Small words between two blanks of one name ("_ of the _", "_ van _"), joints of a date or a list
   ("_, _ and _") are drawn in: neighbouring blanks are one.
4. What is left is folded. Less than two words left: no sentence (a bare link).

Blanking too much makes different sentences alike, so shares come out too high rather than too low.
Values in small letters ("oil on canvas", "brand of tea") stay: two kinds are two skeletons.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator

from vision_deepresearch.evals.checker.text import read_page
from vision_deepresearch.worlds.pages import WholePage

BLANK = "_"
MIN_WORDS = 2
_RARE = 5_000
"""A word that stands in small letters less often than once in so many is no common word."""
_LINK = re.compile(r"!?\[(?:[^\[\]\\]|\\.)*\]\(<?[^)\s>]+>?(?: \"[^\"]*\")?\)")
_WORD = re.compile(r"_|[^\W_](?:[\w'\u2019\-]*\w)?|[^\w\s]")
_GENITIVE = re.compile(r"(?:'s|\u2019s|')$")
_ENDS = frozenset(".?!:\u2026")
_MONTHS = frozenset([
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
])
_IN_NAMES = "(?:of the|of|the|de la|de|del|van der|van|von|da|di|du|la|le|el|al|and|&|,|-|\\.|/)"
_JOINED = re.compile(rf"_(?: {_IN_NAMES})? (?=_(?: |$))")


def sentences_of(page: WholePage, *, url: str) -> tuple[str, ...]:
    """The sentences of a page, as Markdown."""
    return read_page(
        page.markdown,
        url=url,
        title=page.head.title,
        published=page.head.published,
        images=(),
        links=(),
    ).sentences


def skeletons(sentences: Iterable[str], *, min_words: int = MIN_WORDS) -> Iterator[tuple[str, str]]:
    """Each sentence with its skeleton; what keeps too few words is no sentence and left out.

    All sentences are needed at once: they tell which words are common.
    """
    words_S = [_WORD.findall(_LINK.sub(f" {BLANK} ", sentence)) for sentence in sentences]
    counts = Counter(word for words in words_S for word in words if word.islower())
    enough = max(1, sum(counts.values()) // _RARE)
    common = {word for word, times in counts.items() if times >= enough} - _MONTHS
    for words in words_S:
        skeleton = _skeleton(words, common)
        if sum(word.isalpha() for word in skeleton.split()) >= min_words:
            yield " ".join(words), skeleton


def _skeleton(words: list[str], common: set[str]) -> str:
    kept: list[str] = []
    is_head = True
    for word in words:
        if not word[0].isalnum():
            kept.append(word)
            is_head = word in _ENDS or (is_head and word != BLANK)
            continue
        folded = word.lower()
        bare = _GENITIVE.sub("", folded)
        is_name = word[0].isupper() if not is_head else folded not in common
        is_blank = is_name or _has_digit(word)
        kept.append(BLANK if is_blank else bare)
        is_head = False
    line = " ".join(kept)
    while (joined := _JOINED.sub("", line)) != line:
        line = joined
    return " ".join(line.split())


def _has_digit(word: str) -> bool:
    return any(letter.isdigit() for letter in word)
