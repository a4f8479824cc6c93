"""Units of numeric answers: which are the same, and how one becomes another.

A unit that is not listed is only equal to itself.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Unit:
    """A unit by what it measures and how many base units it is."""

    measures: str
    factor: float


_NAMES: dict[str, tuple[str, float, str]] = {
    "mm": ("length", 1e-3, "millimetre millimeter"),
    "cm": ("length", 1e-2, "centimetre centimeter"),
    "m": ("length", 1.0, "metre meter"),
    "km": ("length", 1e3, "kilometre kilometer"),
    "in": ("length", 0.0254, "inch inches"),
    "ft": ("length", 0.3048, "foot feet"),
    "yd": ("length", 0.9144, "yard"),
    "mi": ("length", 1609.344, "mile"),
    "nmi": ("length", 1852.0, "nautical_mile"),
    "mg": ("mass", 1e-6, "milligram"),
    "g": ("mass", 1e-3, "gram gramme"),
    "kg": ("mass", 1.0, "kilogram kilo"),
    "t": ("mass", 1e3, "tonne metric_ton"),
    "lb": ("mass", 0.45359237, "lbs pound"),
    "oz": ("mass", 0.028349523125, "ounce"),
    "m^2": ("area", 1.0, "m2 sqm sq_m square_metre square_meter"),
    "ha": ("area", 1e4, "hectare"),
    "km^2": ("area", 1e6, "km2 sq_km square_kilometre square_kilometer"),
    "acre": ("area", 4046.8564224, ""),
    "mi^2": ("area", 2589988.110336, "sq_mi square_mile"),
    "ml": ("volume", 1e-6, "millilitre milliliter"),
    "l": ("volume", 1e-3, "litre liter"),
    "m^3": ("volume", 1.0, "m3 cubic_metre cubic_meter"),
    "s": ("time", 1.0, "sec second"),
    "min": ("time", 60.0, "minute"),
    "h": ("time", 3600.0, "hr hour"),
    "day": ("time", 86400.0, ""),
    "week": ("time", 604800.0, ""),
    "month": ("months", 1.0, ""),
    "year": ("months", 12.0, "yr"),
    "m/s": ("speed", 1.0, "metre_per_second meter_per_second"),
    "km/h": ("speed", 1 / 3.6, "kmh kph kilometre_per_hour kilometer_per_hour"),
    "mph": ("speed", 0.44704, "mile_per_hour"),
    "knot": ("speed", 1852 / 3600, "kn kt"),
    "%": ("share", 1.0, "percent"),
    "$": ("dollars", 1.0, "usd dollar us_dollar"),
    "\u20ac": ("euros", 1.0, "eur euro"),
    "\u00a5": ("yen", 1.0, "jpy yen"),
}
_UNITS = {
    spelling.replace("_", " "): Unit(measures=measures, factor=factor)
    for short, (measures, factor, others) in _NAMES.items()
    for spelling in (short, *others.split())
}
_OF_WHAT = {"long", "high", "tall", "wide", "deep", "old", "away"}
"""Words behind a unit that say which side was measured."""


def find_unit(words: str) -> Unit | None:
    """Look a unit up by the words behind a number, singular or plural, "long" and the like ignored.

    Args:
        words: plain form, for example "km", "square kilometres", "years old".
    """
    kept = [word for word in words.split() if word not in _OF_WHAT]
    name = " ".join(kept)
    singular = " ".join(word.removesuffix("s") if len(word) > 3 else word for word in kept)
    return _UNITS.get(name) or _UNITS.get(singular)
