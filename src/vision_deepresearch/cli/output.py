"""Where commands write: a console for people, one JSON object for programs."""

import json
import sys
from collections.abc import Mapping

from rich.console import Console


def console(*, json_wanted: bool = False) -> Console:
    """The console for progress and reports; on stderr when stdout carries JSON."""
    return Console(stderr=json_wanted, highlight=False, markup=False)


def print_json(content: Mapping[str, object]) -> None:
    """Print one JSON object on stdout."""
    sys.stdout.write(json.dumps(content, indent=2, ensure_ascii=False, default=str) + "\n")
