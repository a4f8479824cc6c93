"""The command `vdr`: registers the commands and turns errors into one paragraph and an exit code.

Command modules import typer only; everything heavy is imported inside the commands, so that every
`--help` stays fast. Exit codes: 0 done, 1 no answer or rejected tasks, 2 the user's error,
75 the disk is full or the run's money spent (run it again), 130 stopped with Ctrl-C.
"""

import errno
import gc
import sys
from collections.abc import Iterator

import typer

from vision_deepresearch import __version__
from vision_deepresearch.cli import (
    ask,
    bench,
    demo,
    doctor,
    evals,
    export,
    play,
    rl,
    synth,
    tape,
    train,
    view,
    world,
)
from vision_deepresearch.cli.clean_output import clean_output

app = typer.Typer(
    name="vdr",
    help="Multimodal deep research: crop, search, read and reason over cluttered pictures.",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    add_completion=False,
)
app.command("demo")(demo.demo)
app.command("ask")(ask.ask)
app.command("play")(play.play)
app.command("view")(view.view)
app.add_typer(world.app, name="world")
app.add_typer(evals.app, name="eval")
app.add_typer(synth.app, name="synth")
app.command("rl")(rl.rl)
app.command("bench")(bench.bench)
app.command("doctor")(doctor.doctor)
app.add_typer(tape.app, name="tape")
app.command("cost")(tape.cost)
app.command("export")(export.export)
app.command("import-data")(export.import_data)
app.command("sft")(train.sft)


def _version(wanted: bool) -> None:
    if wanted:
        print(f"vdr {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: bool = typer.Option(
        False,
        "--version",
        callback=_version,
        is_eager=True,
        help="Print the version.",
    ),
) -> None:
    """Multimodal deep research: crop, search, read and reason over cluttered pictures."""


_PATH_ERRORS = frozenset({
    errno.EACCES,
    errno.EEXIST,
    errno.EISDIR,
    errno.ELOOP,
    errno.ENAMETOOLONG,
    errno.ENOENT,
    errno.ENOTDIR,
    errno.EPERM,
    errno.EROFS,
})
_INTERRUPTED = 130
_RESUMABLE = (
    ("ask",),
    ("demo",),
    ("eval",),
    ("import-data",),
    ("play",),
    ("rl",),
    ("sft",),
    ("synth",),
    ("world", "import"),
)
_GC_THRESHOLDS = (20_000, 20, 20)
"""Records live long and hold no cycles: the default of 700 costs a third of the loop's CPU."""


def main() -> None:
    """Run a command; the only place that ends the process."""
    gc.set_threshold(*_GC_THRESHOLDS)
    clean_output()
    sys.exit(run(sys.argv[1:]))


def run(arguments: list[str]) -> int:
    """Run a command and return its exit code. User errors become one paragraph on stderr."""
    try:
        app(arguments)
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else 1
        if code == _INTERRUPTED:
            is_resumable = any(tuple(arguments[: len(one)]) == one for one in _RESUMABLE)
            again = "; the same command again goes on where it was" if is_resumable else ""
            return _tell(f"stopped{again}", code=code)
        return code
    except BrokenPipeError:
        return 0
    except (OSError, ValueError, RuntimeError, ExceptionGroup) as error:
        for cause in _causes(error):
            code = explained(cause)
            if code is not None:
                return code
        raise
    return 0


def _causes(error: BaseException) -> Iterator[BaseException]:
    """What a group of errors holds, or the error itself."""
    if isinstance(error, BaseExceptionGroup):
        for inner in error.exceptions:
            yield from _causes(inner)
    else:
        yield error


def explained(error: BaseException) -> int | None:
    """Say what the user or the disk did wrong; None: it is a bug and travels on."""
    from vision_deepresearch.core.errors import (
        DISK_ERRORS,
        BadImageError,
        ConfigError,
        TrainingStoppedError,
    )
    from vision_deepresearch.core.purse import PurseSpentError
    from vision_deepresearch.store.database import StoreError
    from vision_deepresearch.store.tape import TapeMissError

    if isinstance(error, ConfigError | BadImageError | TapeMissError):
        return _tell(str(error), code=2)
    if isinstance(error, TrainingStoppedError):
        return _tell(str(error), code=1)
    if isinstance(error, StoreError | PurseSpentError):
        return _tell(str(error), code=75)  # it says already what is kept and what to do
    if not isinstance(error, OSError):
        return None
    if error.errno in DISK_ERRORS:
        return _tell(
            f"the disk refused to write ({error}); what was committed is safe: "
            "make room and run the same command again",
            code=75,
        )
    if error.errno in _PATH_ERRORS and error.filename is not None:
        return _tell(
            f"a path that can be used was expected, got {str(error.filename)!r}: "
            f"{error.strerror}. Name a folder you may write to, where one is asked for or with "
            "--out; generated worlds are kept in the folder that VDR_CACHE names, ~/.cache/vision-deepresearch by default",
            code=2,
        )
    return None


def _tell(message: str, *, code: int) -> int:
    sys.stderr.write(f"vdr: {message}\n")
    return code
