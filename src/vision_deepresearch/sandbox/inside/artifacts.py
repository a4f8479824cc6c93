"""Files of a program that are handed back: plain ones with one name, taken after it died."""

import os
import re
import stat
from collections.abc import Sequence
from dataclasses import dataclass, field

_SAFE_NAME = re.compile(r"[A-Za-z0-9._-]{1,64}")


_MOST_LEFT_BEHIND = 16
"""Names that are told; a program may have made any number."""


@dataclass(slots=True, kw_only=True)
class Taken:
    """What a folder gave."""

    found: dict[str, bytes] = field(default_factory=dict)
    left_behind: list[str] = field(default_factory=list)
    """Names that were wanted, of what is too large or no plain file."""


def artifacts(folder: str, wanted: Sequence[str], *, limit: int) -> Taken:
    """Regular files that the caller asked for; only after the child died.

    Args:
        folder: the program's.
        wanted: names, or endings as "*.png".
        limit: bytes of one; four times that in all.
    """
    taken = Taken()
    try:
        place = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    except OSError:
        return taken
    left = 4 * limit
    try:
        for name in sorted(os.listdir(place)):
            if not _SAFE_NAME.fullmatch(name) or not any(
                name == want or (want.startswith("*.") and name.endswith(want[1:]))
                for want in wanted
            ):
                continue
            data = _regular(place, name, min(limit, left))
            if data is not None:
                taken.found[name] = data
                left -= len(data)
            elif len(taken.left_behind) < _MOST_LEFT_BEHIND:
                taken.left_behind.append(name)
    finally:
        os.close(place)
    return taken


def _regular(place: int, name: str, limit: int) -> bytes | None:
    """The bytes of a plain file with one name; None: something else, or too large."""
    try:
        file = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=place)
    except OSError:
        return None
    try:
        about = os.fstat(file)
        if not stat.S_ISREG(about.st_mode) or about.st_nlink != 1 or about.st_size > limit:
            return None
        data = os.read(file, limit + 1)
    finally:
        os.close(file)
    return data if len(data) <= limit else None
