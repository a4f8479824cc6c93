"""What `vdr eval label` does: a person says of stored answers, one key each, whether they are right.

The sheet is saved after every key, so that the same command goes on where it was left. Verdicts are not
shown. Where standard input is no terminal, a line stands for each key.
"""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console
from rich.text import Text as RichText

from vision_deepresearch.cli.live import plain
from vision_deepresearch.cli.output import console, print_json
from vision_deepresearch.core.errors import ConfigError
from vision_deepresearch.evals.grading import GradedRun, grade
from vision_deepresearch.evals.labels import (
    SHEET,
    Label,
    Labelling,
    calibrate,
    draw_sheet,
    read_sheet,
    save_sheet,
    write_sheet,
)
from vision_deepresearch.media.store import FolderMediaStore
from vision_deepresearch.store.view import RunView

DEFAULT_SHEET = "labels.jsonl"
_KEYS = "y right, n wrong, s later, b back, q stop"
_ENDS = {"", "q", "\x03", "\x04"}
"""Also the end of the input, Ctrl-C and Ctrl-D."""
_ANSWER_CHARS = 2000


def label(
    run: Path,
    *,
    judge: str | None,
    sheet: Path | None,
    size: int | None,
    seed: int,
    json_wanted: bool,
) -> int:
    """Draw a sheet or go on with one, ask, and tell what the labels say about the judge."""
    graded = grade(run, judge=judge)
    path = sheet or run / DEFAULT_SHEET
    target = console(json_wanted=json_wanted)
    if path.exists():
        labelling = Labelling(_own(read_sheet(path), graded, path=path))
        if size is not None and size != len(labelling.sheet):
            msg = f"{str(path)!r} is a sheet of {len(labelling.sheet)}: leave --size out, or name another --sheet"
            raise ConfigError(msg)
    else:
        drawn = draw_sheet(graded, size=size or SHEET, seed=seed)
        if not drawn:
            msg = f"{str(run)!r} holds no judged answer to a task that may be shown: `vdr eval score` it first"
            raise ConfigError(msg)
        write_sheet(path, drawn)
        labelling = Labelling(drawn)
    with _keys() as read_key:
        _ask(labelling, run=run, path=path, target=target, read_key=read_key)
    done, total = labelling.num_labelled, len(labelling.sheet)
    filled = [one for one in labelling.sheet if one.label is not None]
    found = calibrate(graded, filled) if filled else None
    if json_wanted:
        shown = found.model_dump(mode="json") if found else None
        print_json({"sheet": str(path), "labelled": done, "of": total, "calibration": shown})
        return 0
    target.print(f"{done} of {total} labelled in {path}", soft_wrap=True)
    if found is not None:
        told = ", ".join(f"{name} {value}" for name, value in found.model_dump().items())
        target.print(plain(told, width=600), soft_wrap=True)
    if done < total:
        target.print("the same command goes on", soft_wrap=True)
    return 0


def _own(sheet: list[Label], graded: GradedRun, *, path: Path) -> list[Label]:
    there = {(one.task_id, one.attempt) for one in graded.items}
    if not any((one.task_id, one.attempt) in there for one in sheet):
        msg = f"{str(path)!r} is a sheet of another run than {str(graded.path)!r}: name another --sheet"
        raise ConfigError(msg)
    return sheet


def _ask(
    labelling: Labelling,
    *,
    run: Path,
    path: Path,
    target: Console,
    read_key: Callable[[], str],
) -> None:
    with RunView(run) as view:
        pictures = {task.id: task.images for task in view.tasks()}
        media = FolderMediaStore(view.media_root)
    shown = None
    while (place := labelling.place) is not None:
        one = labelling.sheet[place]
        if place != shown:
            files = [media.path_of(ref) for ref in pictures.get(one.task_id, ())]
            _show(target, one, place=place, labelling=labelling, files=[str(f) for f in files if f])
            shown = place
        key = read_key().lower()
        if key in _ENDS:
            return
        if labelling.press(key):
            save_sheet(path, labelling.sheet)
            shown = None
        else:
            target.print(f"  {_KEYS}", soft_wrap=True)


def _show(
    target: Console, one: Label, *, place: int, labelling: Labelling, files: list[str]
) -> None:
    lines = [
        (f"\n{place + 1} of {len(labelling.sheet)}", f" ({labelling.num_labelled} labelled)"),
        ("question   ", plain(one.question, width=_ANSWER_CHARS)),
        *(("picture    ", name) for name in files),
        *(("reference  ", plain(text, width=400)) for text in one.gold),
        ("answer     ", plain(one.answer, width=_ANSWER_CHARS)),
    ]
    for name, text in lines:
        target.print(RichText.assemble((name, "bold"), text), soft_wrap=True)
    now = "" if one.label is None else f" (now: {'right' if one.label else 'wrong'})"
    target.print(f"right?{now}  {_KEYS}", soft_wrap=True)


@contextmanager
def _keys() -> Iterator[Callable[[], str]]:
    """Reads single keys from a terminal, which is left as it was; else the first of each line."""
    if not sys.stdin.isatty():
        yield _first_of_line
        return
    import termios
    import tty

    number = sys.stdin.fileno()
    before = termios.tcgetattr(number)
    try:
        # Characters at once, unechoed; Ctrl-C comes as a character and ends the loop cleanly.
        tty.setraw(number, termios.TCSANOW)
        mode = termios.tcgetattr(number)
        mode[1] = before[1]
        termios.tcsetattr(number, termios.TCSANOW, mode)
        yield lambda: sys.stdin.read(1)
    finally:
        termios.tcsetattr(number, termios.TCSADRAIN, before)


def _first_of_line() -> str:
    line = sys.stdin.readline()
    return line.strip()[:1] or ("" if not line else "?")
