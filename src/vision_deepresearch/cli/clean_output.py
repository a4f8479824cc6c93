"""Standard output and errors without secrets: all that a command says passes here, tracebacks too.

Text is passed on when its line is complete, or when it is flushed, so that a secret that comes in
two pieces is still found.
"""

import io
import sys
from functools import cache
from typing import TextIO

from typing_extensions import override

from vision_deepresearch.store.redact import Redactor
from vision_deepresearch.wiring.secrets import environment_secrets


class CleanStream(io.TextIOBase):
    """A text stream that writes what it is given to another one, redacted."""

    def __init__(self, target: TextIO, redactor: Redactor) -> None:
        self._target = target
        self._redactor = redactor
        self._pending = ""

    @override
    def write(self, text: str, /) -> int:
        """Take text; whole lines go on at once."""
        self._pending += text
        end = self._pending.rfind("\n") + 1
        if end:
            whole, self._pending = self._pending[:end], self._pending[end:]
            self._target.write(self._redactor.line(whole))
        return len(text)

    @override
    def flush(self) -> None:
        """Pass on what is there."""
        if self._pending:
            rest, self._pending = self._pending, ""
            self._target.write(self._redactor.line(rest))
        self._target.flush()

    @property
    @override
    def encoding(self) -> str:  # pyrefly: ignore [bad-override]
        """Of the target."""
        return self._target.encoding

    @property
    @override
    def errors(self) -> str | None:  # pyrefly: ignore [bad-override]
        """Of the target."""
        return self._target.errors

    @override
    def isatty(self) -> bool:
        """Whether a person reads it."""
        return self._target.isatty()

    @override
    def fileno(self) -> int:
        """Of the target: what is written there directly is not redacted."""
        return self._target.fileno()

    @override
    def writable(self) -> bool:
        """Always."""
        return True


def clean_output() -> None:
    """Redact everything that this process says from now on."""
    # Not put back: a traceback is written after the last of our lines.
    sys.stdout = CleanStream(sys.stdout, _redactor())
    sys.stderr = CleanStream(sys.stderr, _redactor())


def clean(text: str) -> str:
    """A text without secrets: for what is cut or wrapped before it is written."""
    return _redactor().line(text)


@cache
def _redactor() -> Redactor:
    return Redactor(environment_secrets())
