"""Numbers and dates are read exactly or not at all."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vision_deepresearch.core.values import ParsedDate, parse_date, parse_number

NUMBERS = [
    ("12", 12, ""),
    ("12.", 12, ""),
    ("1.75", 1.75, ""),
    ("175", 175, ""),
    ("1,75", 1.75, ""),
    ("1,234", 1234, ""),
    ("1.234", 1.234, ""),
    ("0,123", 0.123, ""),
    ("1234,567", 1234.567, ""),
    ("1,234,567", 1234567, ""),
    ("1.234.567", 1234567, ""),
    ("1,234.5", 1234.5, ""),
    ("1.234,5", 1234.5, ""),
    ("12,34,567", 1234567, ""),
    ("1'234", 1234, ""),
    ("1 234 567", 1234567, ""),
    ("1\u202f234,5", 1234.5, ""),
    ("\uff11\uff12\uff13", 123, ""),
    (".5", 0.5, ""),
    ("-5", -5, ""),
    ("\u22125 \u00b0C", -5, "\u00b0c"),
    ("minus five", -5, ""),
    ("+7", 7, ""),
    ("\u00bd", 0.5, ""),
    ("2 \u00bd", 2.5, ""),
    ("1/2", 0.5, ""),
    ("1.2e5", 120000, ""),
    ("1.2 \u00d7 10\u2075", 120000, ""),
    ("10\u2075", 100000, ""),
    ("3 million", 3e6, ""),
    ("3.5 billion people", 3.5e9, "people"),
    ("1.2\u4e07", 12000, ""),
    ("3\u4eba", 3, "\u4eba"),
    ("12 km", 12, "km"),
    ("12km", 12, "km"),
    ("12 km\u00b2", 12, "km^2"),
    ("120 km/h", 120, "km/h"),
    ("12%", 12, "%"),
    ("12 per cent", 12, "%"),
    ("$1,200", 1200, "$"),
    ("about 12", 12, ""),
    ("~12 m", 12, "m"),
    ("c. 1874", 1874, ""),
    ("12th", 12, ""),
    ("three", 3, ""),
    ("twenty-one years", 21, "years"),
    ("two hundred and one", 201, ""),
    ("twelve hundred", 1200, ""),
    ("two thousand and twelve", 2012, ""),
    ("a hundred", 100, ""),
    ("a dozen", 12, ""),
    ("three million two hundred thousand", 3_200_000, ""),
    ("zero", 0, ""),
]

NO_NUMBERS = [
    "",
    "Ostrava",
    "12 or 13",
    "10-12",
    "10 to 12",
    "12 of 2012",
    "12 people and 3 dogs",
    "more than 12",
    "12:30",
    "1,2,3",
    "12,345,6",
    "1.2.3",
    "1,234,567.8.9",
    "nineteen eighty-four",
    "one of them",
    "14 March 1874",
    "1/0",
    "1e999",
    "10^400",
    "9" * 5000,
    "and",
    "minus",
]

DATES = [
    ("1874-03-14", (1874, 3, 14)),
    ("1874/3/14", (1874, 3, 14)),
    ("1874-03-14T10:00:00Z", (1874, 3, 14)),
    ("1874-03", (1874, 3, None)),
    ("14 March 1874", (1874, 3, 14)),
    ("14th of March, 1874.", (1874, 3, 14)),
    ("March 14, 1874", (1874, 3, 14)),
    ("Mar. 14 1874", (1874, 3, 14)),
    ("Sept 3, 2001", (2001, 9, 3)),
    ("14-Mar-1874", (1874, 3, 14)),
    ("Saturday, 14 March 1874", (1874, 3, 14)),
    ("on 14 March 1874", (1874, 3, 14)),
    ("14.03.1874", (1874, 3, 14)),
    ("14/03/1874", (1874, 3, 14)),
    ("3/14/1874", (1874, 3, 14)),
    ("4/4/1874", (1874, 4, 4)),
    ("March 1874", (1874, 3, None)),
    ("1874", (1874, None, None)),
    ("in 1874", (1874, None, None)),
    ("the year 1874", (1874, None, None)),
    ("c. 1874", (1874, None, None)),
    ("1874\u5e743\u670814\u65e5", (1874, 3, 14)),
    ("\uff11\uff18\uff17\uff14\u5e74\uff13\u670814\u65e5", (1874, 3, 14)),
    ("1874\u5e743\u6708", (1874, 3, None)),
    ("1874\u5e74", (1874, None, None)),
    ("1874\ub144 3\uc6d4 14\uc77c", (1874, 3, 14)),
    ("44 BC", (-44, None, None)),
    ("15 March 44 BC", (-44, 3, 15)),
    ("\u516c\u5143\u524d44\u5e74", (-44, None, None)),
    ("AD 79", (79, None, None)),
    ("29 February 2000", (2000, 2, 29)),
]

NO_DATES = [
    "",
    "Ostrava",
    "12",
    "03/04/1874",
    "30 February 1874",
    "29 February 1900",
    "1874-13-01",
    "0000-01-01",
    "1870s",
    "1914-1918",
    "14 March",
    "March",
    "14 March 1874 or 15 March 1874",
    "early 1874",
]


@pytest.mark.parametrize(("text", "value", "unit"), NUMBERS, ids=ascii)
def test_a_number_is_read_with_its_unit(text: str, value: float, unit: str) -> None:
    number = parse_number(text)
    assert number is not None
    assert number.value == pytest.approx(value, rel=1e-12)
    assert number.unit == unit


@pytest.mark.parametrize("text", NO_NUMBERS, ids=lambda text: ascii(text[:40]))
def test_what_is_not_one_number_is_refused(text: str) -> None:
    assert parse_number(text) is None


@given(st.integers(min_value=-(10**12), max_value=10**12))
def test_an_integer_is_read_back_with_and_without_separators(value: int) -> None:
    for text in (f"{value}", f"{value:,}", f"{value:_}".replace("_", " ")):
        number = parse_number(text)
        assert number is not None
        assert number.value == value


@given(st.text(max_size=40))
def test_no_text_breaks_the_readers(text: str) -> None:
    parse_number(text)
    parse_date(text)


@pytest.mark.parametrize(("text", "parts"), DATES, ids=ascii)
def test_a_date_is_read_as_precisely_as_it_is_written(
    text: str, parts: tuple[int, int | None, int | None]
) -> None:
    year, month, day = parts
    assert parse_date(text) == ParsedDate(year=year, month=month, day=day)


@pytest.mark.parametrize("text", NO_DATES, ids=ascii)
def test_what_is_not_one_certain_date_is_refused(text: str) -> None:
    assert parse_date(text) is None


@given(st.dates(min_value=date(1000, 1, 1)))
def test_every_day_is_read_back_in_every_form(day: date) -> None:
    expected = ParsedDate(year=day.year, month=day.month, day=day.day)
    for form in ("%Y-%m-%d", "%d %B %Y", "%B %d, %Y", "%d.%m.%Y", "%A, %d %b %Y"):
        assert parse_date(day.strftime(form)) == expected


def test_a_date_covers_finer_dates_within_it_only() -> None:
    year, month = ParsedDate(year=1874), ParsedDate(year=1874, month=3)
    day = ParsedDate(year=1874, month=3, day=14)
    assert year.covers(month)
    assert year.covers(day)
    assert month.covers(day)
    assert not day.covers(month)
    assert not month.covers(ParsedDate(year=1874, month=4, day=14))
    assert (year.precision, month.precision, day.precision) == ("year", "month", "day")
