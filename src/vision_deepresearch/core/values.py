"""Numbers and dates as an answer states them: one value in the whole text, or nothing.

Pure readers for checkable answers. They refuse rather than guess: a range, a list, a sentence or a
date that two countries read differently gives None.
"""

import calendar
import math
import re
from dataclasses import dataclass, replace
from typing import Literal

from vision_deepresearch.core.answers import normalise_answer

# ---------------------------------------------------------------------------------------- numbers

_LONGEST = 100
"""Characters of a text that may be one number or date."""
_SUPERSCRIPTS = "\u2070\u00b9\u00b2\u00b3\u2074\u2075\u2076\u2077\u2078\u2079\u207b"
_SUPERSCRIPT = re.compile(f"[{_SUPERSCRIPTS}]+")
_RAISED = str.maketrans(_SUPERSCRIPTS, "0123456789-")
_ABOUT = re.compile(
    r"^(?:about|approximately|approx\.?|around|roughly|circa|ca\.?|c\.|~|\u2248)\s*"
)
_CURRENCY = re.compile(r"(?:us ?)?([$\u20ac\u00a3\u00a5\u20a9\u20b9])\s*")
_FRACTION = re.compile(r"(?:(\d+) )?(\d+)\s*[/\u2044]\s*(\d+)")
_NUMBER = re.compile(
    r"(?P<sign>[+-]|minus )?\s*"
    r"(?P<digits>\d{1,3}(?: \d{3})+(?:[.,]\d+)?(?!\d)|\d+(?:[.,']\d+)*|[.,]\d+)"
    r"(?:\s*(?:e|[x\u00d7*]\s*10\s?\^)\s*(?P<exponent>[+-]?\d{1,3})(?!\d)|\^(?P<power>\d{1,2})(?!\d))?"
    r"(?P<ordinal>(?:st|nd|rd|th)\b)?"
)
_SCALES = {"hundred": 1e2, "thousand": 1e3, "million": 1e6, "billion": 1e9, "trillion": 1e12}
_SCALES |= {"mio": 1e6, "bn": 1e9, "mn": 1e6}
_CJK_SCALES = {"\u767e": 1e2, "\u5343": 1e3, "\u4e07": 1e4, "\u842c": 1e4, "\ub9cc": 1e4}
_CJK_SCALES |= {"\u4ebf": 1e8, "\u5104": 1e8, "\uc5b5": 1e8, "\u5146": 1e12}
_UNIT = re.compile(r"(?:[%\u2030\u00b0]|[^\W\d_]|[ ./\u00b7-]|\^-?\d)*")
_NO_UNIT = {"or", "and", "to", "of", "out", "from", "through", "until", "plus", "minus", "per"}
_SMALL_WORDS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
_SMALL_WORDS += ("ten", "eleven", "twelve", "thirteen", "fourteen", "fifteen", "sixteen")
_SMALL_WORDS += ("seventeen", "eighteen", "nineteen")
_TENS_WORDS = ("twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
_WORDS = {word: value for value, word in enumerate(_SMALL_WORDS)}
_WORDS |= {word: 10 * tens for tens, word in enumerate(_TENS_WORDS, start=2)}


@dataclass(frozen=True, slots=True, kw_only=True)
class ParsedNumber:
    """A number and what it counts."""

    value: float
    unit: str
    """The words behind it in plain form ("km", "km^2", "%"), a currency sign before it, or empty."""


def parse_number(text: str) -> ParsedNumber | None:
    """Read a text that is one number, with or without a unit.

    A single comma before exactly three digits separates thousands (1,234); any other single comma
    and every single point is decimal (1,5 and 1.234). Several equal marks separate thousands, of
    two different ones the last is decimal. Words are read up to trillions ("two hundred and one").

    Returns:
        None for no number, several numbers, a range or a number among other words.
    """
    raised = _SUPERSCRIPT.sub(lambda match: "^" + match[0].translate(_RAISED), text)
    plain = normalise_answer(raised)
    plain = _ABOUT.sub("", plain, count=1)
    if len(plain) > _LONGEST:
        return None
    currency = _CURRENCY.match(plain)
    plain = plain[currency.end() :] if currency else plain
    found = _read_number(plain)
    if found is None or currency is None:
        return found
    return replace(found, unit=f"{currency[1]} {found.unit}".strip())


def _read_number(plain: str) -> ParsedNumber | None:
    """Read a number in plain form, without "about" and currency."""
    if match := _FRACTION.fullmatch(plain):
        whole, top, bottom = int(match[1] or 0), int(match[2]), int(match[3])
        return _number(whole + top / bottom, "") if bottom else None
    match = _NUMBER.match(plain)
    if match is None:
        return _number_in_words(plain)
    value = _read_digits(match["digits"].replace(" ", ""))
    if value is None:
        return None
    value = -value if (match["sign"] or "+") != "+" else value
    exponent = int(match["exponent"] or 0)
    value = value * 10.0**exponent if exponent <= 300 else math.inf
    if match["power"]:
        value = value ** int(match["power"]) if abs(value) <= 1e3 else math.inf
    rest = plain[match.end() :].strip()
    if rest[:1] in _CJK_SCALES:
        return _number(value * _CJK_SCALES[rest[0]], rest[1:])
    first, _, behind = rest.partition(" ")
    if first in _SCALES:
        return _number(value * _SCALES[first], behind)
    return _number(value, rest)


def _read_digits(digits: str) -> float | None:
    """The value of digits with marks in between, or None where the marks make no sense."""
    marks = [char for char in digits if not char.isdigit()]
    if not marks:
        return float(digits)
    groups = re.split(r"[.,']", digits)
    has_decimals = len(set(marks)) > 1
    if len(marks) == 1 and marks[0] != "'":
        is_thousands = marks[0] == "," and re.fullmatch(r"[1-9]\d{0,2},\d{3}", digits)
        has_decimals = not is_thousands
    if has_decimals:
        if marks[-1] in marks[:-1] or len(set(marks[:-1])) > 1:
            return None
        whole, decimals = groups[:-1], groups[-1]
    else:
        whole, decimals = groups, "0"
    is_grouped = len(whole) == 1 or (
        1 <= len(whole[0]) <= 3
        and len(whole[-1]) == 3
        and {len(group) for group in whole[1:-1]} <= ({3} if marks[0] != "," else {2, 3})
    )
    return float(f"{''.join(whole) or '0'}.{decimals}") if is_grouped else None


def _number_in_words(plain: str) -> ParsedNumber | None:
    """Read "two thousand and twelve people"; years in words (nineteen eighty) are refused."""
    words = plain.replace("-", " ").split()
    sign = -1 if words[:1] == ["minus"] else 1
    words = words[sign < 0 :]
    total = current = position = 0
    last_scale = math.inf
    for position, word in enumerate([*words, ""]):
        if word in {"a", "an"} and position == 0 and words[1:2] and words[1] in {*_SCALES, "dozen"}:
            current = 1
        elif word in _WORDS:
            value, room = _WORDS[word], current % 100
            if room and not (value < 10 and room >= 20 and room % 10 == 0):
                return None
            current += value
        elif word == "hundred" and 1 <= current <= 99:
            current *= 100
        elif word in _SCALES and word != "hundred" and current and _SCALES[word] < last_scale:
            last_scale = _SCALES[word]
            total, current = total + current * int(last_scale), 0
        elif word == "dozen" and position <= 1:
            current = 12 * (current or 1)
        elif not (
            word == "and" and 0 < position < len(words) - 1 and words[position + 1] in _WORDS
        ):
            break
    return _number(sign * float(total + current), " ".join(words[position:])) if position else None


def _number(value: float, unit: str) -> ParsedNumber | None:
    """Join value and unit; None if what follows the number is no unit."""
    unit = unit.strip(" .")
    unit = "%" if unit in {"percent", "per cent", "pct", "\ud37c\uc13c\ud2b8"} else unit
    words = unit.split()
    is_unit = _UNIT.fullmatch(unit) and len(words) <= 5 and not _NO_UNIT.intersection(words)
    if not is_unit or unit.startswith(("-", ".", "/")) or not math.isfinite(value):
        return None
    return ParsedNumber(value=value, unit=unit)


# ------------------------------------------------------------------------------------------ dates

_MONTHS = ("january", "february", "march", "april", "may", "june", "july", "august", "september")
_MONTHS += ("october", "november", "december")
_MONTH_NUMBERS = {name: number for number, name in enumerate(_MONTHS, start=1)}
_MONTH_NUMBERS |= {name[:3]: number for name, number in _MONTH_NUMBERS.items()} | {"sept": 9}
_MONTH = "(?P<name>" + "|".join(sorted(_MONTH_NUMBERS, key=len, reverse=True)) + r")\.?"
_DAY = r"(?P<day>\d{1,2})(?:st|nd|rd|th)?"
_CLOCK = r"(?:[t ]\d{1,2}:[\d:.]*(?:z|[+-][\d:]+)?)?"
_CJK_DAY = "(?: ?(?P<day>\\d{1,2}) ?[\u65e5\u53f7\u865f\uc77c])?"
_LEAD = re.compile(
    r"(?:(?:mon|tues|wednes|thurs|fri|satur|sun)day,? )?(?:(?:on|in) )?(?:the (?!year))?"
    r"(?:the year )?(?:(?:circa|ca?\.) ?)?"
)
_ERA = re.compile(r" ?(?P<before>b\.? ?c\.?(?: ?e\.?)?)$| ?(?:a\.? ?d|c\.? ?e)\.?$|^ad (?=\d)")
_CJK_BEFORE = re.compile(
    "^(?:(?:\u516c\u5143|\u7d00\u5143|\u7eaa\u5143)?\u524d|\uae30\uc6d0\uc804) ?"
)
_DATES = [
    re.compile(pattern)
    for pattern in (
        rf"(?P<year>\d{{4}})[-/.](?P<month>\d{{1,2}})[-/.](?P<day>\d{{1,2}}){_CLOCK}",
        r"(?P<year>\d{4})-(?P<month>\d{1,2})",
        rf"{_DAY}(?: of)?[ -]{_MONTH},?[ -](?P<year>\d{{1,4}})",
        rf"{_MONTH} {_DAY}(?:, ?| )(?P<year>\d{{1,4}})",
        rf"{_MONTH}(?: of)?,? (?P<year>\d{{3,4}})",
        r"(?P<day>\d{1,2})\. ?(?P<month>\d{1,2})\. ?(?P<year>\d{4})",
        r"(?P<first>\d{1,2})/(?P<second>\d{1,2})/(?P<year>\d{4})",
        rf"(?P<year>\d{{1,4}}) ?[\u5e74\ub144](?: ?(?P<month>\d{{1,2}}) ?[\u6708\uc6d4]{_CJK_DAY})?",
        r"(?P<year>\d{3,4})",
    )
]
_YEAR_WITH_ERA = re.compile(r"(?P<year>\d{1,4})")


@dataclass(frozen=True, slots=True, kw_only=True)
class ParsedDate:
    """A date as precise as it was written."""

    year: int
    """Before our era negative: 44 BC is -44."""
    month: int | None = None
    day: int | None = None

    @property
    def precision(self) -> Literal["year", "month", "day"]:
        """The finest part that is known."""
        if self.day is not None:
            return "day"
        return "year" if self.month is None else "month"

    def covers(self, other: "ParsedDate") -> bool:
        """Whether `other` is this date, or a finer date within this year or month."""
        return (
            self.year == other.year
            and self.month in {None, other.month}
            and self.day in {None, other.day}
        )


def parse_date(text: str) -> ParsedDate | None:
    """Read a text that is one date: ISO, `14 March 1874`, `March 14, 1874`, year, CJK forms.

    Returns:
        None for no date, an impossible one, a range, or one that two countries read differently
        (03/04/1874).
    """
    plain = normalise_answer(text)
    lead = _LEAD.match(plain)
    plain = plain[lead.end() :] if lead else plain
    era = _ERA.search(plain)
    is_before = bool(era and era["before"]) or bool(_CJK_BEFORE.search(plain))
    plain = _CJK_BEFORE.sub("", _ERA.sub("", plain))
    patterns = [*_DATES, _YEAR_WITH_ERA] if era else _DATES
    match = next((found for pattern in patterns if (found := pattern.fullmatch(plain))), None)
    if match is None:
        return None
    parts = {name: part for name, part in match.groupdict().items() if part is not None}
    month = int(parts["month"]) if "month" in parts else _MONTH_NUMBERS.get(parts.get("name", ""))
    day = int(parts["day"]) if "day" in parts else None
    if "first" in parts:
        first, second = int(parts["first"]), int(parts["second"])
        if max(first, second) <= 12 and first != second:
            return None
        day, month = (first, second) if second <= 12 else (second, first)
    return _date(int(parts["year"]), month, day, is_before=is_before)


def _date(year: int, month: int | None, day: int | None, *, is_before: bool) -> ParsedDate | None:
    """Join the parts; None for a date no calendar has."""
    if year < 1 or (month is not None and not 1 <= month <= 12):
        return None
    if month is not None and day is not None:
        days = 29 if is_before and month == 2 else calendar.monthrange(year, month)[1]
        if not 1 <= day <= days:
            return None
    return ParsedDate(year=-year if is_before else year, month=month, day=day)
