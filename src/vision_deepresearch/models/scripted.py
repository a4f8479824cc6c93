"""A model that says what it was told to: the public double for tests, benchmarks and demos.

Each trajectory runs through the script from its start, so one model serves any number of them at
once.
"""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Self, TypeAlias

from pydantic import ValidationError, model_validator

from vision_deepresearch.core.content import Conversation, ToolSpec
from vision_deepresearch.core.context import CallContext
from vision_deepresearch.core.errors import BoundaryError, ConfigError, FailureKind, ModelError
from vision_deepresearch.core.protocols import Completion, FinishReason, Sampling
from vision_deepresearch.core.record import Record
from vision_deepresearch.core.trajectory import FREE

Reply: TypeAlias = Completion | str | BoundaryError | Callable[[Conversation], Completion]
"""What one turn gives: a completion, its bare text, an error to raise, or a function."""
_Ready: TypeAlias = Completion | BoundaryError | Callable[[Conversation], Completion]


class ScriptLine(Record):
    """One line of a script file: `{"text": ...}` or `{"error": "rate_limited"}`."""

    text: str | None = None
    reasoning: str | None = None
    finish: FinishReason = FinishReason.STOP
    error: FailureKind | None = None

    @model_validator(mode="after")
    def _is_one_thing(self) -> Self:
        if (self.text is None) == (self.error is None):
            msg = 'a line needs either "text" or "error"'
            raise ValueError(msg)
        return self

    def reply(self) -> Reply:
        """What the line stands for."""
        if self.error is not None:
            return ModelError(self.error, "the script says so")
        return Completion(
            text=self.text or "", reasoning=self.reasoning, finish=self.finish, usage=FREE
        )


class ScriptedModel:
    """Gives its replies in order, per trajectory. Cost: microseconds per call.

    Args:
        replies: the script.
        name: for records.
        repeat_last: go on with the last reply when the script is over, instead of failing.
    """

    def __init__(
        self, replies: Sequence[Reply], *, name: str = "scripted", repeat_last: bool = False
    ) -> None:
        self._replies: tuple[_Ready, ...] = tuple(
            Completion(text=reply, model=name, usage=FREE) if isinstance(reply, str) else reply
            for reply in replies
        )
        self._name = name
        self._repeat_last = repeat_last
        self._places: dict[str, int] = {}

    @classmethod
    def from_file(cls, path: Path, *, repeat_last: bool = False) -> Self:
        """Read a script from a JSON-lines file; empty lines are skipped.

        Raises:
            ConfigError: no such file, or a line that is no reply; the message names it.
        """
        try:
            lines = path.read_text("utf-8").splitlines()
        except (OSError, UnicodeDecodeError) as error:
            msg = f"a script is a file of JSON lines, but {str(path)!r} cannot be read: {error}"
            raise ConfigError(msg) from error
        replies = [
            _read_line(line, where=f"{path.name}:{number}")
            for number, line in enumerate(lines, start=1)
            if line.strip()
        ]
        if not replies:
            msg = f"the script {str(path)!r} holds no reply: write one JSON object per line"
            raise ConfigError(msg)
        return cls(replies, name=f"scripted:{path.name}", repeat_last=repeat_last)

    @property
    def name(self) -> str:
        """As given."""
        return self._name

    async def complete(
        self,
        conversation: Conversation,
        *,
        tools: Sequence[ToolSpec],  # noqa: ARG002 - the seam's signature
        sampling: Sampling,  # noqa: ARG002 - the seam's signature
        context: CallContext,
    ) -> Completion:
        """Give the next reply of this trajectory.

        Raises:
            BoundaryError: the script says so.
            ModelError: the script is over (bad_request).
        """
        # A resumed trajectory replays its first turns elsewhere and begins in the middle.
        place = max(self._places.get(context.trajectory_id, 0), context.turn)
        self._places[context.trajectory_id] = place + 1
        if place >= len(self._replies):
            if not (self._repeat_last and self._replies):
                raise ModelError(
                    FailureKind.BAD_REQUEST,
                    f"the script {self._name!r} has {len(self._replies)} replies and turn "
                    f"{place + 1} was asked for: add replies or repeat the last one",
                )
            place = len(self._replies) - 1
        reply = self._replies[place]
        if isinstance(reply, Completion):
            return reply
        if isinstance(reply, BoundaryError):
            raise reply.with_traceback(None)
        return reply(conversation)


def _read_line(line: str, *, where: str) -> Reply:
    expected = 'a reply like {"text": "<answer>yes</answer>"} or {"error": "rate_limited"}'
    try:
        return ScriptLine.model_validate(json.loads(line)).reply()
    except json.JSONDecodeError as error:
        msg = f"{where} needs {expected}, but is no JSON: {error.msg}"
        raise ConfigError(msg) from error
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        key = ".".join(str(part) for part in first["loc"]) or "line"
        msg = f"{where} needs {expected}, but {key}: {first['msg']}"
        raise ConfigError(msg) from error
