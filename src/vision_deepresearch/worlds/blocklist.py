"""Places on the web where benchmarks lie with their answers: an agent that reads there has not searched.

Source of the idea and of its size (3 % of the items, 15 points on those): arXiv 2508.13180.
"""

import hashlib
import re
from functools import cache
from pathlib import Path
from urllib.parse import unquote, urlsplit

_FILE = Path(__file__).with_suffix(".txt")
_ID = "id:"


def blocked_by(url: str) -> str | None:
    """The entry of the list that an address falls under; None: none."""
    parts = urlsplit(url if "//" in url else f"//{url}")
    host = (parts.hostname or "").removeprefix("www.")
    path = re.sub(r"/+", "/", unquote(parts.path)).casefold()
    place = f"{host}{path}"
    named = _ids().search(f"{path}?{unquote(parts.query)}")
    if named is not None:
        return f"{_ID}{named[0]}"
    return next((entry for entry in entries() if _lies_below(place, entry)), None)


@cache
def entries() -> tuple[str, ...]:
    """The list, lower case."""
    lines = _FILE.read_text(encoding="utf-8").splitlines()
    return tuple(line.strip().casefold() for line in lines if line.strip() and line[0] != "#")


@cache
def _ids() -> re.Pattern[str]:
    names = [entry.removeprefix(_ID) for entry in entries() if entry.startswith(_ID)]
    return re.compile(rf"(?<![\d.])(?:{'|'.join(map(re.escape, names))})(?!\d)")


def blocklist_hash() -> str:
    """First 12 hex digits of the list's sha256: results under different lists are not the same."""
    return hashlib.sha256(_FILE.read_bytes()).hexdigest()[:12]


def _lies_below(place: str, entry: str) -> bool:
    if not place.startswith(entry):
        return False
    rest = place[len(entry) :]
    return entry.endswith("/") or not rest or not (rest[0].isalnum() or rest[0] in "-_.")
