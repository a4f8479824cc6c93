"""Pictures a user names by path: the only place that opens such a file.

A path is read here once; from then on the picture is known by its content.
"""

from pathlib import Path

from vision_deepresearch.core.errors import ConfigError
from vision_deepresearch.media.decode import MAX_BYTES


def load_given(path: Path) -> bytes:
    """Read the bytes of a user's picture file, to be put into a media store.

    Raises:
        ConfigError: missing, a folder, not readable, empty or too large.
    """
    wanted = f"a picture file was expected, got {str(path)!r}"
    problem = None
    num_bytes, data = 0, b""
    try:
        if path.is_dir():
            problem = "which is a folder: name a file in it"
        elif (num_bytes := path.stat().st_size) <= MAX_BYTES:
            data = path.read_bytes()
    except FileNotFoundError:
        problem = "which does not exist: check the path"
    except OSError as reason:
        problem = f"which cannot be read ({reason.strerror}): check its name and permissions"
    except ValueError:  # a zero byte in the name
        problem = "which is no file name: check the path"
    if problem is None and num_bytes > MAX_BYTES:
        problem = (
            f"of {num_bytes:,} bytes, at most {MAX_BYTES:,} are allowed: "
            "scale it down or save it with more compression"
        )
    elif problem is None and not data:
        problem = "which is empty (0 bytes): save or download it again"
    if problem is not None:
        msg = f"{wanted} {problem}"
        raise ConfigError(msg)
    return data
