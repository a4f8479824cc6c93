"""The user's own file: keys of live engines, and whether pictures may leave; kept between runs.

    # ~/.config/vision-deepresearch/config.toml, readable by its owner alone
    upload_pictures = true
    [keys]
    SERPER_API_KEY = "..."

The environment counts first. Nothing in it ever stands in a run, a record or a message.
"""

import os
import re
import stat
import tomllib
from collections.abc import Mapping
from pathlib import Path

from pydantic import SecretStr, ValidationError

from vision_deepresearch.core.errors import ConfigError
from vision_deepresearch.core.record import Record

_CONSENT_LINE = re.compile(r"^[ \t]*upload_pictures[ \t]*=.*\n?", re.MULTILINE)


class UserFile(Record):
    """What the file may hold."""

    upload_pictures: bool | None = None
    """Consent, once given or refused; None: never asked."""
    keys: dict[str, SecretStr] = {}
    """By the name of their environment variable."""


def user_file_path(environ: Mapping[str, str] = os.environ) -> Path:
    """VDR_CONFIG, or a file in the user's configuration folder; it need not exist."""
    own = environ.get("VDR_CONFIG")
    if own:
        return Path(own)
    base = environ.get("XDG_CONFIG_HOME")
    return (Path(base) if base else Path.home() / ".config") / "vision-deepresearch" / "config.toml"


def read_user_file(path: Path, *, known: frozenset[str]) -> UserFile:
    """The file's content; an empty one where there is no file.

    Args:
        path: see `user_file_path`.
        known: names that keys may have.

    Raises:
        ConfigError: others may read keys in it, it is no TOML, or it holds something unknown. No
            value is shown.
    """
    try:
        text = path.read_text(encoding="utf-8")
        mode = path.stat().st_mode
    except FileNotFoundError:
        return UserFile()
    except (OSError, UnicodeDecodeError) as error:
        msg = f"{str(path)!r} cannot be read ({type(error).__name__})"
        raise ConfigError(msg) from None
    try:
        found = UserFile.model_validate(tomllib.loads(text))
    except tomllib.TOMLDecodeError:
        msg = f"{str(path)!r} is no TOML: it holds upload_pictures = true or false and [keys]"
        raise ConfigError(msg) from None
    except ValidationError as error:
        places = sorted({".".join(map(str, one["loc"])) for one in error.errors()})
        msg = f"{str(path)!r} holds upload_pictures and [keys]; not understood: {', '.join(places)}"
        raise ConfigError(msg) from None
    unknown = sorted(set(found.keys) - known)
    if unknown:
        msg = f"{str(path)!r}: no engine has a key {unknown[0]!r}, known are {', '.join(sorted(known))}"
        raise ConfigError(msg)
    if found.keys and os.name == "posix" and mode & (stat.S_IRWXG | stat.S_IRWXO):
        msg = f"{str(path)!r} holds keys and others may read it: chmod 600 {path}"
        raise ConfigError(msg)
    return found


def keep_consent(path: Path, *, agreed: bool) -> None:
    """Write the answer down, the rest of the file as it is.

    Raises:
        ConfigError: it cannot be written.
    """
    line = f"upload_pictures = {str(agreed).lower()}\n"
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        text = path.read_text(encoding="utf-8") if path.is_file() else ""
        fresh = path.with_name(f"{path.name}.new")
        descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(line + _CONSENT_LINE.sub("", text))
        fresh.replace(path)
    except OSError as error:
        msg = f"the answer cannot be kept in {str(path)!r} ({error.strerror}): use --set"
        raise ConfigError(msg) from None
