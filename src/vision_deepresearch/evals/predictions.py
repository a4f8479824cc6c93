"""Answers of other systems, read into trajectories so that they are judged like our own.

One JSON object per line. The task is named by `task_id` or `ref`; `prediction` is the answer, null or blank:
none was given. `error` says that the outside failed: such a line is an outage and no wrong answer. Other keys
are ignored. What the paper's released runner writes in place of an answer is recognised for what it is, and
so are the lines of its own file (see `released`).

Example: {"ref": "bc-vl/level1/17", "prediction": "2014", "attempt": 0}
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from vision_deepresearch.core.errors import ConfigError
from vision_deepresearch.core.task import Task
from vision_deepresearch.core.trajectory import StopReason, Trajectory
from vision_deepresearch.evals.released import ReleasedLine, is_released, stop_of, task_of

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
            read = _read(json.loads(line), by_name=by_name, tasks=tasks)
        except (ValueError, ValidationError) as reason:
            read = f"no prediction: {_first_line(reason)}"
        if isinstance(read, str):
            bad.append(BadLine(number=number, reason=read))
            continue
        task, attempt = read.task, read.attempt
        if (task.id, attempt) in made:
            reason = f"attempt {attempt} at {task.ref!r} stands further up already"
            bad.append(BadLine(number=number, reason=reason))
        else:
            made[task.id, attempt] = _trajectory(read, system=system, mode=mode)
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


@dataclass(frozen=True, slots=True, kw_only=True)
class _Read:
    """A line that is about a task."""

    task: Task
    attempt: int
    said: str
    """The answer; blank: none."""
    error: str = ""
    stop: StopReason = StopReason.ANSWER


def _read(line: object, *, by_name: Mapping[str, Task], tasks: Sequence[Task]) -> _Read | str:
    """What a line says, or why it is of no use.

    Raises:
        ValidationError: it is no prediction at all.
    """
    if is_released(line):
        theirs = ReleasedLine.model_validate(line)
        about, stop = task_of(theirs, tasks), stop_of(theirs)
        if isinstance(about, str):
            return about
        if stop is None:
            return f"unknown termination_reason {theirs.termination_reason!r}"
        return _Read(task=about, attempt=0, said=theirs.info.prediction or "", stop=stop)
    found = Prediction.model_validate(line)
    task = by_name.get(found.task_id or found.ref or "")
    if task is None:
        return f"no task of the run is called {found.task_id or found.ref!r}"
    return _Read(task=task, attempt=found.attempt, said=found.prediction or "", error=found.error)


def _trajectory(read: _Read, *, system: str, mode: str) -> Trajectory:
    said = read.said.strip()
    stop, answer = read.stop, said or None
    if read.error or stop is StopReason.MODEL_ERROR or said.casefold().startswith(_OUTAGE):
        stop, answer = StopReason.MODEL_ERROR, None
    elif said.casefold() in _NO_ANSWER:
        stop, answer = StopReason.FORMAT_FAULTS, None
    return Trajectory(
        id=f"{read.task.id[:16]}-a{read.attempt}",
        task_id=read.task.id,
        attempt=read.attempt,
        model=system,
        profile=NO_PROFILE,
        mode=mode,
        today="",
        prompt=(),
        stop=stop,
        stop_detail=read.error
        or ("said by the other system" if stop is not StopReason.ANSWER else ""),
        forced=stop.is_limit and answer is not None,
        answer=answer,
    )


def _first_line(reason: Exception) -> str:
    if isinstance(reason, ValidationError):
        first = reason.errors(include_url=False)[0]
        return f"{'.'.join(map(str, first['loc']))}: {first['msg']}"
    return str(reason).splitlines()[0]
