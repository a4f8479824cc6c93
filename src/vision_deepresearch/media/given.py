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
    wanted = "a picture file was expected"
    try:
        if path.is_dir():
            msg = f"{wanted}, got the folder {str(path)!r}: name a file in it"
            raise ConfigError(msg)
        num_bytes = path.stat().st_size
        if num_bytes > MAX_BYTES:
            msg = (
                f"a picture file may have at most {MAX_BYTES:,} bytes, {str(path)!r} has "
                f"{num_bytes:,}: scale it down or save it with more compression"
            )
            raise ConfigError(msg)
        data = path.read_bytes()
    except FileNotFoundError:
        msg = f"{wanted}, got {str(path)!r} which does not exist: check the path"
        raise ConfigError(msg) from None
    except OSError as reason:
        msg = f"{wanted}, got {str(path)!r} which cannot be read ({reason.strerror}): {_MEND}"
        raise ConfigError(msg) from None
    except ValueError:  # a zero byte in the name
        msg = f"{wanted}, got {str(path)!r} which is no file name: check the path"
        raise ConfigError(msg) from None
    if not data:
        msg = f"{wanted}, got {str(path)!r} which is empty (0 bytes): save or download it again"
        raise ConfigError(msg)
    return data


_MEND = "check its permissions"
