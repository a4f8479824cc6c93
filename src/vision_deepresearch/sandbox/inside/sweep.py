"""Measures and removes folders that a program may have filled to do harm.

No function calls itself and no path grows, so a tree of ten thousand nested folders neither ends the
walker nor is left behind.
"""

import contextlib
import itertools
import os
import stat

_AS_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC

MAX_DEPTH = 64
"""Folders in folders."""
_QUICK = 32
"""Names; on a slow disk each takes milliseconds to remove."""


def is_over(folder: str, *, num_bytes: int, num_entries: int) -> bool:
    """Whether files take more room, or names are more, than allowed; stops looking as soon as so.

    So do folders in folders more than `MAX_DEPTH` deep: to walk them takes longer than to make them.
    """
    used = seen = 0
    places = [(folder, 0)]
    while places:
        path, depth = places.pop()
        try:
            with os.scandir(path) as entries:
                for entry in entries:
                    seen += 1
                    about = _about(entry)
                    if about is None:
                        continue
                    used += about.st_blocks * 512
                    if stat.S_ISDIR(about.st_mode):
                        places.append((entry.path, depth + 1))
                    if used > num_bytes or seen > num_entries or depth > MAX_DEPTH:
                        return True
        except FileNotFoundError:
            continue
        except OSError:
            return True
    return False


def _about(entry: os.DirEntry[str]) -> os.stat_result | None:
    """None: gone since."""
    try:
        return entry.stat(follow_symlinks=False)
    except FileNotFoundError:
        return None


def unlinked_bytes(pid: int) -> int:
    """Room that a process holds in files without a name; 0 where there is no /proc to ask."""
    used = 0
    try:
        for entry in os.scandir(f"/proc/{pid}/fd"):
            with contextlib.suppress(OSError):
                about = entry.stat()
                if stat.S_ISREG(about.st_mode) and about.st_nlink == 0:
                    used += about.st_blocks * 512
    except OSError:
        return used
    return used


def empty_if_quick(folder: str) -> bool:
    """Remove a few plain files; False: there is more, and nothing was removed.

    Raises:
        OSError: something could not be removed.
    """
    with os.scandir(folder) as entries:
        first = list(itertools.islice(entries, _QUICK + 1))
    if len(first) > _QUICK or any(entry.is_dir(follow_symlinks=False) for entry in first):
        return False
    for entry in first:
        os.unlink(entry.path)
    return True


def empty(folder: str) -> None:
    """Remove all that a folder holds; links are not followed. Nobody else may change it meanwhile.

    Raises:
        OSError: something could not be removed.
    """
    here = os.open(folder, _AS_FOLDER)
    below: list[str] = []
    """Names of the folders from the top to here."""
    try:
        waiting = [_unlink_files(here)]
        """Of each level: folders that are still to be emptied."""
        while waiting[-1] or below:
            if waiting[-1]:
                below.append(waiting[-1].pop())
                here = _moved(here, below[-1])
                waiting.append(_unlink_files(here))
            else:
                waiting.pop()
                here = _moved(here, "..")
                os.rmdir(below.pop(), dir_fd=here)
    finally:
        os.close(here)


def _moved(here: int, name: str) -> int:
    there = os.open(name, _AS_FOLDER, dir_fd=here)
    os.close(here)
    return there


def remove(folder: str) -> None:
    """The folder itself, too.

    Raises:
        OSError: something could not be removed.
    """
    empty(folder)
    os.rmdir(folder)


def _unlink_files(place: int) -> list[str]:
    """Remove what is no folder; returns the names of the folders."""
    folders: list[str] = []
    for name in os.listdir(place):
        if stat.S_ISDIR(os.stat(name, dir_fd=place, follow_symlinks=False).st_mode):
            folders.append(name)
        else:
            os.unlink(name, dir_fd=place)
    return folders
