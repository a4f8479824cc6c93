"""What can be compared about a sentence: its names, dates, figures and content words, with places.

A figure is a value with what it counts: `$7,650` is 7,650 dollars, `eight` is 8, `1.5 million` is
1,500,000. A date is a date in any common order. Ambiguous forms (5/6/1959) are no dates: they are
compared as they stand. Ordinals, decades and codes ("19th", "1960s", "B52") are words.
"""

import re
import unicodedata
from bisect import bisect_left, insort
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

_MONTHS = {
    name: number
    for number, names in enumerate(
        (
            "january jan", "february feb", "march mar", "april apr", "may", "june jun", "july jul",
            "august aug", "september sept sep", "october oct", "november nov", "december dec",
        ),
        1,
    )
    for name in names.split()
}  # fmt: skip
_MONTH = rf"(?P<month>{'|'.join(sorted(_MONTHS, key=len, reverse=True))})\.?"
_DAY = r"(?P<day>\d{1,2})(?:st|nd|rd|th)?"
_YEAR = r"(?P<year>\d{4})"
_DATES = tuple(
    re.compile(rf"(?<![\w.,/-]){pattern}(?![\w/]|[.,-]\d)", re.IGNORECASE)
    for pattern in (
        rf"{_YEAR}-(?P<month>\d{{2}})-(?P<day>\d{{2}})",
        rf"{_YEAR}\u5e74(?P<month>\d{{1,2}})\u6708(?:(?P<day>\d{{1,2}})\u65e5)?",
        rf"{_DAY}(?:\s+of)?\s+{_MONTH}(?:,?\s+{_YEAR})?",
        rf"{_MONTH}\s+{_DAY}(?:,?\s+{_YEAR})?",
        rf"{_MONTH},?\s+(?:of\s+)?{_YEAR}",
    )
)

_ONES = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen"
)
_ONES += " sixteen seventeen eighteen nineteen"
_TENS = "twenty thirty forty fifty sixty seventy eighty ninety"
_NUMBERS = {word: number for number, word in enumerate(_ONES.split())}
_GROUPS = {"trio": 3, "quartet": 4, "quintet": 5, "sextet": 6, "septet": 7, "octet": 8, "nonet": 9}
"""Ensembles by their number, in small letters: "an octet of musicians"."""
_NUMBERS |= {word: 10 * number for number, word in enumerate(_TENS.split(), 2)}
_SCALES = {"hundred": 100, "thousand": 1000, "million": 10**6, "billion": 10**9}

_UNITS = {
    alias: names.split()[0]
    for names in (
        "usd $ us$ dollar dollars", "eur \u20ac euro euros", "gbp \u00a3", "jpy \u00a5 yen",
        "percent % percentage", "km kilometre kilometres kilometer kilometers kms",
        "m metre metres meter meters", "cm centimetre centimetres centimeter centimeters",
        "mm millimetre millimetres millimeter millimeters", "mi mile miles", "ft foot feet",
        "in inch inches", "kg kilogram kilograms kilo kilos", "lb lbs pound pounds",
        "t tonne tonnes ton tons", "s second seconds", "min minute minutes", "h hour hours hr hrs",
        "years year", "days day", "weeks week", "months month", "ha hectare hectares",
        "mph", "kmh", "\u00b0c celsius", "\u00b0f fahrenheit",
    )
    for alias in names.split()
}  # fmt: skip
"""Every spelling of a unit, by its first one."""

_NUMBER = re.compile(
    r"(?P<money>US\$|[$\u20ac\u00a3\u00a5])?\s?(?<![\w.,])(?P<value>(?:(?<!\w)[-\u2212])?"
    r"\d+(?:,\d{3})+(?:\.\d+)?|(?:(?<!\w)[-\u2212])?\d+(?:[.,]\d+)*)(?P<tail>\w*)"
)
_WORD = re.compile(r"[^\W\d_](?:\w|(?<=\w)['\u2019](?=\w))*(?:(?<=\b\w)\.(?=\s?[A-Z]))?")
_POSSESSIVE = re.compile(r"['\u2019]s$", re.IGNORECASE)
_ORDER_NUMBER = re.compile(r"(?:^|[|\n])[ \t]*(\d{1,2})[.)](?=\s)|\[(\d{1,3})\]")
"""The number of a list item or of a footnote: it counts nothing."""
_UNIT_BEHIND = re.compile(r"[\s-]?(%|\u00b0[CF]\b|\$|\u20ac|[A-Za-z]+)")
_SCALE_BEHIND = re.compile(r"[\s-](hundred|thousand|million|billion)\b", re.IGNORECASE)
_IN_NAME = re.compile(r"[\s\-\u2010-\u2014.\"'\u201c\u201d\u2018\u2019*]{1,4}")
"""What may stand between the words of one name; no comma and no bracket."""
_LINKING_TEXT = "of de da do di del della dos van von der den la le du des al el bin y e"
_LINKING = frozenset(_LINKING_TEXT.split())
"""Small words inside names."""
_LOOK_BACK = 12
"""Characters before a word that tell whether it opens a sentence."""
_SHORTENED = frozenset({"st", "mt", "ft", "dr", "mr", "mrs", "ms", "jr", "sr", "prof"})
_TITLES = frozenset({"mr", "mrs", "ms", "dr", "prof", "professor", "sir", "dame", "lord", "lady"})

_STOP_TEXT = (
    "a about above after again all also although among an and any are as at be became because been "
    "before being below between both but by called can could did do does during each either else "
    "even ever every few for found from further had has have he hence her here hers him his how "
    "however i if in including into is it its itself just known later less like made make many may "
    "me might more most much must my named near nor now of off on once one only or other our out "
    "over own per same she should since so some still such than that the their them then there "
    "therefore these they this those through thus to together too under until up upon us used very "
    "via was we were what when where whereas which while who whom whose why will with within would "
    "yes yet you your year years date time first second last not no never neither nor without cannot "
    "answer question page picture image photo shown shows according total exactly approximately "
    "about around roughly respectively namely i.e e.g"
)
_STOP = frozenset(_STOP_TEXT.split())
_OPENER_TEXT = (
    "according based additionally moreover furthermore specifically finally originally subsequently "
    "overall unlike despite besides source sources given another"
)
_OPENERS = _STOP | frozenset(_OPENER_TEXT.split())
"""Words that begin sentences and are no names."""
_SAME_STEM = {
    "birth": "born", "died": "death", "dies": "death", "dead": "death", "marri": "marry",
    "spous": "marry", "wife": "marry", "husba": "marry", "wed": "marry", "locat": "situa",
    "film": "movie", "paint": "paint", "sang": "sing", "sung": "sing", "song": "sing",
    "wrote": "write", "writt": "write", "built": "build", "spent": "spend", "bough": "buy",
    "sold": "sell", "sale": "sell", "won": "win", "winne": "win", "led": "lead", "taugh": "teach",
}  # fmt: skip
_PARTICIPLE = re.compile(r"\w{3}(?:ing|ed)$")
"""At the beginning of a sentence: "Recorded in Paris"."""
_DENIAL = re.compile(
    r"\b(?:not(?!\s+(?:only|just|merely|least))|never|neither|nor|cannot|without|denie[sd]|false(?:ly)?"
    r"|wrong(?:ly)?|mistaken(?:ly)?|incorrect(?:ly)?|disputed|disproved|rather\s+than|instead\s+of"
    r"|except|unlike|no(?=\s+[a-z])|no\s+longer|fictitious(?:ly)?)\b|n['\u2019]t\b"
    r"|\u4e0d\u662f|\u5e76\u975e|\u4e26\u975e|\u6ca1\u6709|\u6c92\u6709|\u3067\u306f\u306a\u3044",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Name:
    """A run of capitalised words."""

    words: tuple[str, ...]
    """Folded: no case, no accents, no possessive."""
    start: int
    end: int
    is_first: bool = False
    """One word at the beginning of a sentence: perhaps no name at all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Date:
    """A day, a month of a year, or a day of a month."""

    year: int | None
    month: int
    day: int | None
    start: int
    end: int

    def holds(self, other: "Date") -> bool:
        """Whether this date says at least what the other says."""
        return (
            other.month == self.month
            and other.year in {None, self.year}
            and other.day in {None, self.day}
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """A value and what it counts."""

    value: str
    """A plain decimal, or the folded word where it is no number ("19th")."""
    unit: str | None
    nouns: tuple[str, ...]
    """Stems of up to two content words that follow at once."""
    start: int
    end: int
    is_year: bool = False
    label: str = ""
    """The capitalised word right before it that it belongs to: "studio" of "Studio 2"."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Word:
    """A word, folded, and its stem."""

    folded: str
    stem: str
    is_capital: bool
    is_content: bool
    """Lower case and no small word: it says what is claimed about the names."""
    start: int
    end: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What a text says that can be compared."""

    names: tuple[Name, ...]
    dates: tuple[Date, ...]
    figures: tuple[Figure, ...]
    words: tuple[Word, ...]
    is_denied: bool
    """Whether a negation stands in it."""


def read_facts(text: str) -> Facts:
    """Find names, dates, figures and words."""
    dates = tuple(_dates(text))
    dated = _Taken([(date.start, date.end) for date in dates])
    words = tuple(_words(text, dated=dated))
    counted = [
        figure
        for figure in sorted((*_digits(text), *_spelled(text, words)), key=lambda one: one.start)
        if not dated.overlaps(figure.start, figure.end)
    ]
    starts = [word.start for word in words]
    figures = tuple(
        _with_label(
            _with_nouns(figure, words[(at := bisect_left(starts, figure.end)) : at + 2]),
            words[max(0, (at := bisect_left(starts, figure.start)) - 1) : at],
        )
        for figure in counted
    )
    counts = _Taken([(figure.start, figure.end) for figure in figures])
    words = tuple(
        replace(word, is_content=False) if counts.overlaps(word.start, word.end) else word
        for word in words
    )
    uncounted = [word for word in words if not counts.overlaps(word.start, word.end)]
    return Facts(
        names=tuple(_names(text, uncounted)),
        dates=dates,
        figures=figures,
        words=words,
        is_denied=is_denied(text),
    )


def is_denied(text: str) -> bool:
    """Whether a negation stands in the text."""
    return bool(_DENIAL.search(text))


def fold(word: str) -> str:
    """A word without case, accents and possessive."""
    plain = _POSSESSIVE.sub("", word).replace("\u2019", "'").rstrip(".")
    marks = unicodedata.normalize("NFKD", plain)
    kept = "".join(char for char in marks if not unicodedata.combining(char))
    return unicodedata.normalize("NFKC", kept).casefold()


def _stem(folded: str) -> str:
    stem = folded[:5]
    if len(folded) <= 5 and folded.endswith("s") and not folded.endswith("ss") and len(folded) > 3:
        stem = folded[:-1]
    return _SAME_STEM.get(stem, stem)


class _Taken:
    """Stretches of a text that are read already. Cost of a look: logarithmic."""

    def __init__(self, spans: Sequence[tuple[int, int]] = ()) -> None:
        self._spans = sorted(spans)

    def overlaps(self, start: int, end: int) -> bool:
        """Whether something of the stretch is read already."""
        at = bisect_left(self._spans, (end, -1))
        return at > 0 and self._spans[at - 1][1] > start

    def take(self, start: int, end: int) -> None:
        """Mark a stretch that overlaps none."""
        insort(self._spans, (start, end))


def _dates(text: str) -> Iterator[Date]:
    taken = _Taken()
    for pattern in _DATES:
        for found in pattern.finditer(text):
            parts = found.groupdict()
            month = _MONTHS.get(parts["month"].casefold()) or _number_of(parts["month"])
            day = int(parts["day"]) if parts.get("day") else None
            year = int(parts["year"]) if parts.get("year") else None
            is_real = 1 <= month <= 12 and (day is None or 1 <= day <= 31)
            if is_real and not taken.overlaps(*found.span()):
                taken.take(*found.span())
                yield Date(year=year, month=month, day=day, start=found.start(), end=found.end())


def _number_of(text: str) -> int:
    return int(text) if text.isdigit() else 0


def _words(text: str, *, dated: _Taken) -> Iterator[Word]:
    for found in _WORD.finditer(text):
        if dated.overlaps(*found.span()):
            continue
        word = found[0]
        folded = fold(word)
        is_capital = any(char.isupper() for char in word)
        yield Word(
            folded=folded,
            stem=_stem(folded),
            is_capital=is_capital,
            is_content=not is_capital and len(folded) > 2 and folded not in _STOP,
            start=found.start(),
            end=found.end(),
        )


def _digits(text: str) -> Iterator[Figure]:
    orders = _Taken([found.span(found.lastindex or 0) for found in _ORDER_NUMBER.finditer(text)])
    for found in _NUMBER.finditer(text):
        if orders.overlaps(*found.span("value")):
            continue
        written, tail, end = found["value"], found["tail"], found.end()
        unit = _UNITS.get(found["money"].casefold()) if found["money"] else None
        value = _decimal(written)
        # 1960s is a decade and no time.
        if value is not None and tail and tail != "s" and tail.casefold() in _UNITS:
            unit = unit or _UNITS[tail.casefold()]
        elif tail or value is None:
            yield Figure(
                value=fold(written + tail), unit=None, nouns=(), start=found.start(), end=end
            )
            continue
        scale = _SCALE_BEHIND.match(text, end)
        if scale:
            value, end = value * _SCALES[scale[1].casefold()], scale.end()
        unit, end = (unit, end) if unit else _unit_behind(text, end)
        is_year = unit is None and not scale and written.isdigit() and len(written) == 4
        is_year = is_year and 1000 <= int(written) <= 2100
        yield Figure(
            value=_shown(value),
            unit=unit,
            nouns=(),
            start=found.start("value"),
            end=end,
            is_year=is_year,
        )


def _decimal(written: str) -> Decimal | None:
    """The value; None where the marks inside could mean several things (1.2.3)."""
    plain = written.replace("\u2212", "-")
    if re.fullmatch(r"-?\d{1,3}(?:,\d{3})+(?:\.\d+)?", plain):
        return Decimal(plain.replace(",", ""))
    if re.fullmatch(r"-?\d+,\d{1,2}", plain):
        return Decimal(plain.replace(",", "."))
    return Decimal(plain) if re.fullmatch(r"-?\d+(?:\.\d+)?", plain) else None


def _shown(value: Decimal) -> str:
    text = f"{value:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _unit_behind(text: str, end: int) -> tuple[str | None, int]:
    found = _UNIT_BEHIND.match(text, end)
    word = found[1].casefold() if found else ""
    if word == "per" and re.match(r"[\s-]?per\s?cent", text[end:], re.IGNORECASE):
        return "percent", end + len("per cent") + 1
    # "in" behind a figure is hardly ever an inch.
    return (_UNITS[word], found.end()) if found and word in _UNITS and word != "in" else (None, end)


def _spelled(text: str, words: Sequence[Word]) -> Iterator[Figure]:
    """Numbers written as words: "twenty-one", "two hundred and fifty thousand"."""
    place = 0
    while place < len(words):
        run = place
        while run < len(words) and _is_number_word(words, run, first=place, text=text):
            run += 1
        while run > place and words[run - 1].folded == "and":
            run -= 1
        if run == place:
            place += 1
            continue
        # "The Four Tops", "Three Mile Island": part of a name.
        following = words[run] if run < len(words) else None
        in_name = words[place].is_capital and following is not None and following.is_capital
        if not in_name and words[place].folded not in _SCALES:
            value = _value_of([word.folded for word in words[place:run]])
            unit, end = _unit_behind(text, words[run - 1].end)
            yield Figure(value=str(value), unit=unit, nouns=(), start=words[place].start, end=end)
        place = run


def _is_number_word(words: Sequence[Word], at: int, *, first: int, text: str) -> bool:
    word = words[at].folded
    if at > first and text[words[at - 1].end : words[at].start].strip(" \n-"):
        return False
    if word == "and":
        return at > first and words[at - 1].folded in _SCALES
    if at > first and words[at - 1].folded in _NUMBERS and word in _NUMBERS:
        return _NUMBERS[words[at - 1].folded] >= 20 and 0 < _NUMBERS[word] < 10
    if word in _GROUPS:
        return at == first and not words[at].is_capital
    return word in _NUMBERS or word in _SCALES


def _value_of(words: Sequence[str]) -> int:
    total = part = 0
    for word in words:
        if word in _NUMBERS or word in _GROUPS:
            part += _NUMBERS.get(word) or _GROUPS.get(word, 0)
        elif word == "hundred":
            part = (part or 1) * 100
        elif word in _SCALES:
            total, part = total + (part or 1) * _SCALES[word], 0
    return total + part


def _with_nouns(figure: Figure, behind: Sequence[Word]) -> Figure:
    """The figure with the words that say what it counts: up to two that follow without a break."""
    nouns: list[str] = []
    end = figure.end
    for word in behind if figure.unit is None else ():
        if not word.is_content or word.start - end > 1:
            break
        nouns.append(word.stem)
        end = word.end
    return replace(figure, nouns=tuple(nouns))


def _with_label(figure: Figure, before: Sequence[Word]) -> Figure:
    """The figure with the name that it numbers, if it counts nothing itself."""
    word = before[-1] if before else None
    is_number = figure.unit is None and not figure.is_year and not figure.nouns
    if word is None or not is_number or not word.is_capital or figure.start - word.end != 1:
        return figure
    return replace(figure, label="" if word.folded in _OPENERS else word.folded)


def _names(text: str, words: Sequence[Word]) -> Iterator[Name]:
    run: list[Word] = []
    for word in words:
        joins = bool(run) and _is_joined(text, run[-1], word)
        if run and not (joins and (word.is_capital or word.folded in _LINKING)):
            yield from _name_of(text, run)
            run = []
        if word.is_capital or run:
            run.append(word)
    yield from _name_of(text, run)


def _is_joined(text: str, before: Word, word: Word) -> bool:
    """Whether two words may belong to one name; a full stop only behind an abbreviation."""
    between = text[before.end : word.start]
    if not _IN_NAME.fullmatch(between) or "\n" in between:
        return False
    return "." not in between or len(before.folded) == 1 or before.folded in _SHORTENED


def _name_of(text: str, run: Sequence[Word]) -> Iterator[Name]:
    """The name in a run of words, without openers, titles and a small word at its end."""
    low, high = 0, len(run)
    while high > low and not run[high - 1].is_capital:
        high -= 1
    if low == high:
        return
    start = run[low].start
    before = text[max(0, start - _LOOK_BACK) : start].rstrip(" \t\"'(*|\u201c\u2018")
    is_opening = (not before and start <= _LOOK_BACK) or before.endswith((
        ".",
        "!",
        "?",
        ";",
        ":",
        "\n",
    ))
    while (
        low < high
        and run[low].folded in _OPENERS
        and (is_opening or high - low == 1 or run[low].folded in {"the", "a", "an"})
    ):
        low, is_opening = low + 1, False
        while low < high and not run[low].is_capital:
            low += 1
    while high - low > 1 and run[low].folded in _TITLES:
        low += 1
    run = run[low:high]
    if len(run) == 1 and is_opening and _PARTICIPLE.search(run[0].folded):
        return
    if run and not (len(run) == 1 and len(run[0].folded) == 1):
        yield Name(
            words=tuple(word.folded for word in run),
            start=run[0].start,
            end=run[-1].end,
            is_first=is_opening and len(run) == 1,
        )
