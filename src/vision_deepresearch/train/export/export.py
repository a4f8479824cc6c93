"""A run folder becomes a folder of training data: what is taken, what is refused, in which order.

The order is that of (task id, attempt), whatever order they were made in, so that a run that was
killed and resumed exports the same bytes. Every attempt that is not taken is counted: filtered by
what was asked for, or refused with its reason in `rejects.jsonl`.
"""

import os
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import BinaryIO, Literal, TypeAlias

from pydantic import JsonValue

from vision_deepresearch import __version__
from vision_deepresearch.core.episode import Decision
from vision_deepresearch.core.errors import ConfigError
from vision_deepresearch.core.record import Record
from vision_deepresearch.core.task import Task
from vision_deepresearch.store.tables import need_pyarrow
from vision_deepresearch.store.view import RunView, Trace
from vision_deepresearch.train.export import card
from vision_deepresearch.train.export.conversation import RefusedRowError, rows_of
from vision_deepresearch.train.export.folder import (
    DATA,
    MANIFEST,
    Shards,
    file_facts,
    json_line,
    new_folder,
    write_text,
)
from vision_deepresearch.train.export.formats import (
    FORMATS,
    Format,
    Pictures,
    Tries,
    Unit,
    episode_columns,
    episode_json,
    row_cells,
    verl,
)
from vision_deepresearch.train.export.pictures import ExportPictures, all_refs
from vision_deepresearch.train.export.sidecar import SIDECAR, facts_of
from vision_deepresearch.train.export.splits import held_out, overlap

REJECTS = "rejects.jsonl"
CARD = "README.md"
DATASET_INFO = "dataset_info.json"
_DEFAULT_MODE = "agent"
"""What verl's agent loop runs a task in where nothing else is asked for (the paper's)."""

Show: TypeAlias = Callable[[str, int, int], None]


class ExportSettings(Record):
    """What an export is made of; with the run it determines every byte."""

    format: str
    only: Literal["correct", "all"] | None = None
    """Judged correct, or all; None: `correct` for what is trained on by imitation, else `all`."""
    mode: str | None = None
    """Only attempts in this mode; of verl: the mode its tasks are to be run in."""
    images: Pictures | None = None
    """None: the format's default."""
    shard_size: int = 10_000
    """Most lines of a file."""


class Refused(Record):
    """A line of `rejects.jsonl`. Holds no text of a task: it may be a protected one."""

    task_id: str
    attempt: int | None
    reason: str
    """One word, for counting."""
    detail: str


class Exported(Record):
    """What was written."""

    out: str
    settings: dict[str, JsonValue]
    figures: dict[str, JsonValue]
    num_lines: int
    num_refused: int


def export_run(
    view: RunView, out: Path, *, settings: ExportSettings, show: Show | None = None
) -> Exported:
    """Write the export to `out`; nothing is there before it is whole.

    Args:
        view: the run.
        out: a new folder, or one with this very export.
        settings: what is wanted.
        show: told of (what, done, total) while it goes on.

    Raises:
        ConfigError: an unknown format, pictures it cannot keep that way, or another export there.
    """
    wanted = _checked(settings)
    with new_folder(out) as folder:
        work = _Export(view, folder, settings=wanted, show=show or (lambda *_: None))
        work.write()
        told = wanted.model_dump(mode="json")
        figures = work.tally.figures()
        origin = card.origin_of(view.provenance)
        write_text(folder / CARD, card.card_text(told, figures, origin))
        if wanted.format == "llama-factory":
            names = sorted(path.name for path in (folder / DATA).iterdir())
            info = card.manifest_text(card.dataset_info(names))
            write_text(folder / DATASET_INFO, info)
        manifest: dict[str, JsonValue] = {
            "schema_version": 1,
            "vdr": __version__,
            "settings": told,
            "origin": origin,
            "figures": figures,
            "files": file_facts(folder),
        }
        write_text(folder / MANIFEST, card.manifest_text(manifest))
    return Exported(
        out=str(out),
        settings=told,
        figures=figures,
        num_lines=work.tally.lines.total(),
        num_refused=work.tally.refused.total(),
    )


def _checked(settings: ExportSettings) -> ExportSettings:
    """The settings with the format's defaults filled in."""
    found = FORMATS.get(settings.format)
    if found is None:
        msg = f"unknown format {settings.format!r}: use one of {', '.join(FORMATS)}"
        raise ConfigError(msg)
    images = settings.images or found.pictures[0]
    if images not in found.pictures:
        msg = (
            f"{found.name} keeps pictures as {found.pictures[0].value}, got {images.value!r}: "
            "leave --images out"
        )
        raise ConfigError(msg)
    if settings.shard_size < 1:
        msg = f"a file holds at least one line, got {settings.shard_size}: raise --shard-size"
        raise ConfigError(msg)
    if found.suffix == "parquet":
        need_pyarrow(f"format {found.name}")
    by_default: Literal["correct", "all"] = "correct" if found.unit is Unit.ROW else "all"
    only = settings.only or by_default
    return settings.model_copy(update={"images": images, "only": only})


@dataclass(slots=True)
class _Found:
    """What the first look at a run found."""

    keys: list[tuple[str, int]]
    tries: dict[str, Tries]
    held: frozenset[str]


class _Export:
    """One export in the making."""

    def __init__(
        self, view: RunView, folder: Path, *, settings: ExportSettings, show: Show
    ) -> None:
        self.tally = card.Tally()
        self._view = view
        self._folder = folder
        self._settings = settings
        self._show = show
        self._format: Format = FORMATS[settings.format]
        assert settings.images is not None
        self._pictures = ExportPictures(
            view, folder, pictures=settings.images, is_json=self._format.suffix == "jsonl"
        )
        self._refusals: list[Refused] = []

    def write(self) -> None:
        """All data files, and the files beside them."""
        found = self._look()
        shards = Shards(
            self._folder,
            format_name=self._format.name,
            suffix=self._format.suffix,
            shard_size=self._settings.shard_size,
        )
        with closing(shards):
            match self._format.unit:
                case Unit.ROW:
                    with (self._folder / SIDECAR).open("wb") as beside:
                        self._write_rows(shards, found, beside=beside)
                        beside.flush()
                        os.fsync(beside.fileno())
                case Unit.EPISODE:
                    self._write_episodes(shards, found)
                case Unit.TASK:
                    self._write_tasks(shards, found)
        lines = (json_line(one.model_dump(mode="json")) for one in self._refusals)
        write_text(self._folder / REJECTS, b"".join(lines).decode())

    # ---------------------------------------------------------------------------------- first look

    def _look(self) -> _Found:
        """Keys in their order, and per task how it went; cost: every attempt is read once."""
        outside = {(one.task_id, one.attempt) for one in self._view.outages()}
        keys: list[tuple[str, int]] = []
        tries: dict[str, Tries] = {}
        for task, trajectory, verdict in self._view.traces():
            key = (task.id, trajectory.attempt)
            if key in outside:
                continue
            keys.append(key)
            if verdict is not None:
                known = tries.get(task.id, Tries())
                tries[task.id] = Tries(
                    judged=known.judged + (verdict.decision is not Decision.ABSTAIN),
                    correct=known.correct + (verdict.decision is Decision.CORRECT),
                )
        held = held_out(self._view.tasks())
        self.tally.rejects.update(one.reason for one in self._view.rejects())
        counts = self._view.counts()
        self.tally.seen.update({
            "tasks": counts.tasks,
            "attempts": counts.attempts,
            "judged": sum(one.judged for one in tries.values()),
            "correct": sum(one.correct for one in tries.values()),
            "rejects": counts.rejects,
            "outages": counts.outages,
            "unreadable": counts.attempts - len(keys),
        })
        return _Found(keys=sorted(keys), tries=tries, held=held)

    # -------------------------------------------------------------------------------------- lines

    def _write_rows(self, shards: Shards, found: _Found, *, beside: BinaryIO) -> None:
        for trace in self._wanted_traces(found):
            task, trajectory, verdict = trace
            try:
                self._check_task(task, found)
                rows = list(rows_of(task, trajectory))
                for row in rows:
                    self._pictures.check(row.images)
                    masked = [one.mask for one in row.replies if one.mask is not None]
                    if masked and not self._format.has_flags:
                        raise RefusedRowError(
                            "needs_flags",
                            f"{len(masked)} replies carry no loss, which {self._format.name} "
                            "cannot say: ms-swift can",
                        )
            except RefusedRowError as reason:
                self._refuse(task, trajectory.attempt, reason)
                continue
            for row in rows:
                self._pictures.num_bytes = 0
                cells = row_cells(row, format_name=self._format.name, show=self._pictures.show)
                file, line = shards.add(task.split, cells, num_bytes=self._pictures.num_bytes)
                facts = facts_of(row, verdict, file=file, line=line)
                beside.write(json_line(facts.model_dump(mode="json")))
                self.tally.add_line(task, trajectory, verdict)
                self.tally.add_row(row)

    def _write_episodes(self, shards: Shards, found: _Found) -> None:
        write = episode_json if self._format.suffix == "jsonl" else episode_columns
        for task, trajectory, verdict in chain(self._wanted_traces(found), self._untried(found)):
            attempt = trajectory.attempt if trajectory is not None else None
            refs = all_refs(task, trajectory)
            try:
                self._check_task(task, found)
                self._pictures.check(refs)
            except RefusedRowError as reason:
                self._refuse(task, attempt, reason)
                continue
            self._pictures.num_bytes = 0
            cells = write(
                task, trajectory, verdict, images=[self._pictures.kept(ref) for ref in refs]
            )
            shards.add(task.split, cells, num_bytes=self._pictures.num_bytes)
            self.tally.add_line(task, trajectory, verdict)

    def _write_tasks(self, shards: Shards, found: _Found) -> None:
        index = 0
        for task_id in sorted(task.id for task in self._view.tasks()):
            task = self._view.task(task_id)
            if task is None:
                continue
            tries = found.tries.get(task_id, Tries())
            if self._settings.only == "correct" and not tries.correct:
                self.tally.seen["not_wanted"] += 1
                continue
            try:
                self._check_task(task, found)
                if task.gold is None:
                    raise RefusedRowError("no_gold", "nothing to reward by")
                self._pictures.check(task.images)
            except RefusedRowError as reason:
                self._refuse(task, None, reason)
                continue
            self._pictures.num_bytes = 0
            mode = self._settings.mode or _DEFAULT_MODE
            cells = verl(task, tries=tries, index=index, mode=mode, show=self._pictures.show_bytes)
            shards.add(task.split, cells, num_bytes=self._pictures.num_bytes)
            self.tally.add_line(task, None, None)
            index += 1

    # ----------------------------------------------------------------------------------- what is in

    def _wanted_traces(self, found: _Found) -> Iterator[Trace]:
        """The attempts that are asked for, in order; the others are counted."""
        for done, (task_id, attempt) in enumerate(found.keys, start=1):
            trace = self._view.trace(task_id, attempt)
            if trace is not None and self._is_wanted(trace):
                yield trace
            else:
                self.tally.seen["not_wanted"] += 1
            self._show("attempts", done, len(found.keys))

    def _is_wanted(self, trace: Trace) -> bool:
        mode = self._settings.mode
        if mode is not None and trace.trajectory.mode != mode:
            return False
        if self._settings.only == "all":
            return True
        return trace.verdict is not None and trace.verdict.decision is Decision.CORRECT

    def _untried(self, found: _Found) -> Iterator[tuple[Task, None, None]]:
        """Tasks without an attempt: part of the run, too, where all is asked for."""
        if self._settings.only != "all" or self._settings.mode is not None:
            return
        tried = {task_id for task_id, _ in found.keys}
        for task in sorted(self._view.tasks(), key=lambda one: one.id):
            if task.id not in tried:
                yield task, None, None

    def _check_task(self, task: Task, found: _Found) -> None:
        """Whether a task may leave the run at all.

        Raises:
            RefusedRowError: protected, a benchmark's, or shared with the test split.
        """
        if task.protected:
            raise RefusedRowError("protected", "its text must not lie on a disk in plain")
        if not self._format.trains:
            return
        if task.kind == "benchmark":
            raise RefusedRowError("benchmark", "nothing is trained on questions of a benchmark")
        shared = overlap(task, found.held)
        if shared is not None:
            raise RefusedRowError("test_overlap", f"a test task has the same {shared[:80]}")

    def _refuse(self, task: Task, attempt: int | None, reason: RefusedRowError) -> None:
        self.tally.refused[reason.reason] += 1
        detail = reason.detail.encode("utf-8", "backslashreplace").decode()
        self._refusals.append(
            Refused(task_id=task.id, attempt=attempt, reason=reason.reason, detail=detail)
        )
