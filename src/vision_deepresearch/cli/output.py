"""Where commands write: a console for people, one JSON object for programs, bars for long work."""

import json
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

from rich.console import Console
from rich.progress import MofNCompleteColumn, Progress, TaskID

ShowProgress = Callable[[str, int, int], None]
"""Called with (what, done, total) while long work goes on."""


def console(*, json_wanted: bool = False, is_silent: bool = False) -> Console:
    """The console for progress and reports; on stderr when stdout carries JSON."""
    return Console(stderr=json_wanted, quiet=is_silent, highlight=False, markup=False)


@contextmanager
def progress_bars(target: Console) -> Iterator[ShowProgress]:
    """One bar per kind of work, gone at the end; where no terminal is, one line when it is done."""
    bars: dict[str, TaskID] = {}
    progress = Progress(
        *Progress.get_default_columns(), MofNCompleteColumn(), console=target, transient=True
    )

    def advance(what: str, done: int, total: int) -> None:
        if not target.is_terminal:
            if done == total:
                target.print(f"{what}: {done} of {total}", soft_wrap=True)
            return
        if not bars:
            progress.start()  # not before: a bar that is never shown must leave no empty line
        if what not in bars:
            bars[what] = progress.add_task(what, total=total)
        progress.update(bars[what], completed=done, total=total)

    try:
        yield advance
    finally:
        if bars:
            progress.stop()


def counted(number: int, noun: str) -> str:
    """A number with its noun: "1 turn", "2 turns"; boxes take "es"."""
    if number == 1:
        return f"{number} {noun}"
    return f"{number:,} {noun}{'es' if noun.endswith('x') else 's'}"


def print_json(content: Mapping[str, object]) -> None:
    """Print one JSON object on stdout."""
    sys.stdout.write(json.dumps(content, indent=2, ensure_ascii=False, default=str) + "\n")
