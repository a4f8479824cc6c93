"""Where things are kept between runs: generated worlds, hashes of weights."""

import os
from pathlib import Path


def cache_folder() -> Path:
    """VDR_CACHE, or the user's cache folder."""
    own = os.environ.get("VDR_CACHE")
    if own:
        return Path(own)
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "vision-deepresearch"
