"""The command `vdr`: registers the commands and turns errors into one paragraph and an exit code.

Command modules import typer only; everything heavy is imported inside the commands, so that every
`--help` stays fast. Exit codes: 0 done, 1 done but wrong or unsupported, 2 the user's error,
75 the disk is full (run it again), 130 interrupted.
"""

import errno
import gc
import sys

import click
import typer

from vision_deepresearch import __version__
from vision_deepresearch.cli import ask, bench, demo, evals, play, view, world

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
app.command("bench")(bench.bench)


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


_GC_THRESHOLDS = (20_000, 20, 20)
"""Records live long and hold no cycles: the default of 700 costs a third of the loop's CPU."""


def main() -> None:
    """Run a command; the only place that ends the process."""
    gc.set_threshold(*_GC_THRESHOLDS)
    sys.exit(run(sys.argv[1:]))


def run(arguments: list[str]) -> int:
    """Run a command and return its exit code. User errors become one paragraph on stderr."""
    try:
        result = app(arguments, standalone_mode=False)
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except click.exceptions.Abort:
        return _tell("interrupted", code=130)
    except KeyboardInterrupt:
        return _tell("interrupted; run the same command again to go on", code=130)
    except BrokenPipeError:
        return 0
    except OSError as error:
        if error.errno in {errno.ENOSPC, errno.EIO, errno.EDQUOT}:
            return _tell(
                f"the disk refused to write ({error.strerror}); what was committed is safe: "
                "make room and run the same command again",
                code=75,
            )
        raise
    except ValueError as error:
        return _user_error(error)
    return result if isinstance(result, int) else 0


def _user_error(error: ValueError) -> int:
    from vision_deepresearch.core.errors import BadImageError, ConfigError

    if isinstance(error, ConfigError | BadImageError):
        return _tell(str(error), code=2)
    raise error


def _tell(message: str, *, code: int) -> int:
    sys.stderr.write(f"vdr: {message}\n")
    return code
