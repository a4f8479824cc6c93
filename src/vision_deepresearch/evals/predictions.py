"""Answers of other systems, read into trajectories so that they are judged like our own.

One JSON object per line. The task is named by `task_id` or `ref`; `prediction` is the answer, null or blank:
none was given. `error` says that the outside failed: such a line is an outage and no wrong answer. Other keys
are ignored. What the paper's released runner writes in place of an answer is recognised for what it is.

Example: {"ref": "bc-vl/level1/17", "prediction": "2014", "attempt": 0}
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from vision_deepresearch.core.errors import ConfigError
from vision_deepresearch.core.task import Task
from vision_deepresearch.core.trajectory import StopReason, Trajectory

_NO_ANSWER = {"no answer found", "no answer found."}
_OUTAGE = "call_server failed"
MODE = "predictions"
"""Mode of answers about whose making nothing is known."""
NO_PROFILE = "none"
"""Profile of trajectories that are an answer alone: what they took is not known."""


class Prediction(BaseModel):
    """One line; the keys that are read."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    task_id: str | None = None
    ref: str | None = None
    prediction: str | None
    attempt: int = 0
    error: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class BadLine:
    """A line that could not be used."""

    number: int
    """From 1."""
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Predictions:
    """What a file of predictions holds."""

    trajectories: tuple[Trajectory, ...]
    bad: tuple[BadLine, ...]


def read_predictions(path: Path, *, tasks: Sequence[Task], system: str, mode: str) -> Predictions:
    """Read a file; lines that cannot be used are listed and the others kept.

    Args:
        path: JSON lines.
        tasks: what the lines may be about.
        system: whose answers they are, for records.
        mode: how they were made, or `MODE`.

    Raises:
        ConfigError: no such file, or not one line can be used.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as reason:
        msg = f"predictions are JSON lines in UTF-8, {str(path)!r} cannot be read: {reason}"
        raise ConfigError(msg) from reason
    by_name = {name: task for task in tasks for name in (task.id, task.ref)}
    made: dict[tuple[str, int], Trajectory] = {}
    bad: list[BadLine] = []
    for number, line in _filled(lines):
        try:
            found = Prediction.model_validate(json.loads(line))
        except (ValueError, ValidationError) as reason:
            bad.append(BadLine(number=number, reason=f"no prediction: {_first_line(reason)}"))
            continue
        task = by_name.get(found.task_id or found.ref or "")
        if task is None:
            named = found.task_id or found.ref
            bad.append(BadLine(number=number, reason=f"no task of the run is called {named!r}"))
        elif (task.id, found.attempt) in made:
            reason = f"attempt {found.attempt} at {task.ref!r} stands further up already"
            bad.append(BadLine(number=number, reason=reason))
        else:
            made[task.id, found.attempt] = _trajectory(task, found, system=system, mode=mode)
    if not made:
        first = f"line {bad[0].number}: {bad[0].reason}" if bad else "it is empty"
        msg = (
            f"not one line of {str(path)!r} is a prediction for these tasks ({first}): a line is "
            '{"ref": "...", "prediction": "..."} or has "task_id"'
        )
        raise ConfigError(msg)
    return Predictions(trajectories=tuple(made.values()), bad=tuple(bad))


def _filled(lines: Sequence[str]) -> Iterator[tuple[int, str]]:
    return ((number, line) for number, line in enumerate(lines, start=1) if line.strip())


def _trajectory(task: Task, found: Prediction, *, system: str, mode: str) -> Trajectory:
    said = (found.prediction or "").strip()
    stop, answer = StopReason.ANSWER, said or None
    if found.error or said.casefold().startswith(_OUTAGE):
        stop, answer = StopReason.MODEL_ERROR, None
    elif said.casefold() in _NO_ANSWER:
        stop, answer = StopReason.FORMAT_FAULTS, None
    return Trajectory(
        id=f"{task.id[:16]}-a{found.attempt}",
        task_id=task.id,
        attempt=found.attempt,
        model=system,
        profile=NO_PROFILE,
        mode=mode,
        today="",
        prompt=(),
        stop=stop,
        stop_detail=found.error
        or ("said by the other system" if stop is not StopReason.ANSWER else ""),
        answer=answer,
    )


def _first_line(reason: Exception) -> str:
    if isinstance(reason, ValidationError):
        first = reason.errors(include_url=False)[0]
        return f"{'.'.join(map(str, first['loc']))}: {first['msg']}"
    return str(reason).splitlines()[0]
