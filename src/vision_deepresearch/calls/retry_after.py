"""Reads the Retry-After header: seconds, or an HTTP date."""

import re
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

_SECONDS = re.compile(r"[0-9]{1,9}(?:\.[0-9]{1,9})?", re.ASCII)


def parse_retry_after(header: str | None, *, now: datetime) -> float | None:
    """Seconds to wait from `now`, never negative; None where the header says nothing usable.

    Args:
        header: the header's value as it came.
        now: an aware datetime; dates are measured from it.

    Source: RFC 9110 section 10.2.3; fractions of a second are taken too, as some servers send them.
    """
    if header is None:
        return None
    text = header.strip()
    if _SECONDS.fullmatch(text):
        return float(text)
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, OverflowError):
        return None
    if moment.tzinfo is None:  # "-0000": no zone stated, which HTTP dates take as UTC
        moment = moment.replace(tzinfo=UTC)
    return max(0.0, (moment - now).total_seconds())
