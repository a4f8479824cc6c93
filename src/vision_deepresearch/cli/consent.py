"""Asks once whether the user's pictures may be sent to search engines, where somebody is there."""

import sys
from collections.abc import Sequence
from typing import TextIO
from urllib.parse import urlsplit

from vision_deepresearch.wiring.user_file import user_file_path
from vision_deepresearch.worlds.live.catalog import ABOUTS
from vision_deepresearch.worlds.live.world import CONSENT


def ask_consent(
    engines: Sequence[str], *, source: TextIO = sys.stdin, sink: TextIO = sys.stderr
) -> bool | None:
    """Whether pictures may be sent to these engines; None: no terminal, or no clear answer.

    Args:
        engines: who would be sent them.
        source: where the answer comes from.
        sink: where the question goes.
    """
    if not (source.isatty() and sink.isatty()):
        return None
    named = ", ".join(f"{name} ({urlsplit(ABOUTS[name].base_url).hostname})" for name in engines)
    sink.write(
        f"{named} can search the web by picture. The pictures of your questions, crops of them "
        "and pictures of pages would be sent there.\nSend them? [y/N] "
    )
    sink.flush()
    answer = source.readline().strip().lower()
    if answer not in {"y", "yes", "n", "no", ""}:
        return None
    agreed = answer in {"y", "yes"}
    sink.write(f"Kept in {user_file_path()}; --set {CONSENT}=true or false counts first.\n")
    return agreed
