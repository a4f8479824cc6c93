"""A run as a log of inspect_ai: every attempt with its messages, pictures and all judges' scores.

Needs the extra `inspect`. An attempt is a sample, its number the epoch. Verdicts become scores C and I;
what is invalid (outages, judges that abstained) is unscored, never a 0. Protected tasks are left out, for
their text must not be written.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from inspect_ai.log import (
    EvalConfig,
    EvalDataset,
    EvalLog,
    EvalMetric,
    EvalResults,
    EvalSample,
    EvalScore,
    EvalSpec,
    EvalStats,
    write_eval_log,
)
from inspect_ai.model import ChatMessageUser, ContentImage, ContentText, ModelOutput
from inspect_ai.scorer import Score

from vision_deepresearch.core.errors import ConfigError
from vision_deepresearch.core.protocols import MediaStore
from vision_deepresearch.core.task import Task
from vision_deepresearch.core.trajectory import Trajectory
from vision_deepresearch.evals.grading import Graded, GradedRun, grade, judges_of
from vision_deepresearch.evals.summary import accuracy_of
from vision_deepresearch.media.store import FolderMediaStore
from vision_deepresearch.models.inspect_client import ChatMessage, messages_of, picture_uri
from vision_deepresearch.store.view import RunView


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """What a log holds."""

    path: Path
    samples: int
    left_out: int
    """Attempts at protected tasks."""
    judges: tuple[str, ...]


def write_log(run: Path, out: Path) -> Written:
    """Write the log of a run folder; the run is only read. Cost: all pictures once per message.

    Args:
        run: a run folder with at least one judge's verdicts.
        out: file, ending in `.eval`.

    Raises:
        ConfigError: no run folder, nobody has judged, nothing may be shown, or another ending.
    """
    if out.suffix != ".eval":
        msg = f"a log of inspect_ai ends in .eval, got {str(out)!r}: name it so"
        raise ConfigError(msg)
    with RunView(run) as view:
        judges = judges_of(view)
        graded = [grade(run, judge=judge) for judge in judges]
        if not graded:
            msg = f"nobody has judged {str(run)!r} yet: run `vdr eval score {run} --judge rules`"
            raise ConfigError(msg)
        scores = {one.judge: {(g.task_id, g.attempt): g for g in one.items} for one in graded}
        media = FolderMediaStore(view.media_root)
        samples: list[EvalSample] = []
        left_out = 0
        for task, trajectory, _ in view.traces():
            if task.protected:
                left_out += 1
                continue
            samples.append(_sample(task, trajectory, scores=scores, media=media))
    if not samples:
        msg = f"{str(run)!r} holds no attempt that may be shown ({left_out} are protected)"
        raise ConfigError(msg)
    out.parent.mkdir(parents=True, exist_ok=True)
    write_eval_log(_log(graded, samples), str(out))
    return Written(path=out, samples=len(samples), left_out=left_out, judges=tuple(judges))


def _sample(
    task: Task,
    trajectory: Trajectory,
    *,
    scores: Mapping[str, Mapping[tuple[str, int], Graded]],
    media: MediaStore,
) -> EvalSample:
    conversation = [*trajectory.prompt]
    for turn in trajectory.turns:
        conversation += [turn.reply, *turn.results]
    answer = trajectory.answer or ""
    totals = trajectory.totals
    return EvalSample(
        id=task.ref,
        epoch=trajectory.attempt + 1,
        input=_input(task, media=media),
        target=list(task.gold.answers) if task.gold else "",
        messages=messages_of(conversation, media=media),
        output=ModelOutput.from_content(trajectory.model, answer),
        scores={
            judge: score_of(found[task.id, trajectory.attempt], answer=answer)
            for judge, found in scores.items()
        },
        metadata={
            "task_id": task.id,
            "mode": trajectory.mode,
            "stop": trajectory.stop.value,
            "forced": trajectory.forced,
            "turns": trajectory.num_turns,
            "tool_calls": dict(trajectory.tool_counts),
            "cost_usd": None if totals.has_unknown_cost else totals.cost_usd,
            **{f"stratum_{name}": value for name, value in task.strata.items()},
        },
        total_time=totals.seconds,
        working_time=totals.seconds,
    )


def _input(task: Task, *, media: MediaStore) -> list[ChatMessage]:
    pictures = [ContentImage(image=picture_uri(ref, media=media)) for ref in task.images]
    return [ChatMessageUser(content=[*pictures, ContentText(text=task.question)])]


def score_of(graded: Graded, *, answer: str) -> Score:
    """A graded attempt as a score."""
    if graded.is_correct is None:
        return Score.unscored(reason=graded.outcome.value, answer=answer)
    return Score(
        value="C" if graded.is_correct else "I",
        answer=answer,
        explanation=graded.outcome.value.replace("_", " "),
    )


def _log(graded: Sequence[GradedRun], samples: Sequence[EvalSample]) -> EvalLog:
    first = graded[0]
    created = datetime.now(UTC).isoformat(timespec="seconds")
    shown = {str((sample.metadata or {})["task_id"]) for sample in samples}
    spec = EvalSpec(
        created=created,
        task=f"vdr/{first.mode}",
        dataset=EvalDataset(
            name=first.name,
            samples=len(shown),
            sample_ids=list(dict.fromkeys(sample.id for sample in samples)),
        ),
        model=first.model.replace(" and ", "+"),
        config=EvalConfig(epochs=first.attempts),
        metadata=dict(first.key),
    )
    results = EvalResults(
        total_samples=len(samples),
        completed_samples=len(samples),
        scores=[_result(one, shown=shown) for one in graded],
    )
    return EvalLog(
        status="success",
        eval=spec,
        results=results,
        # When the attempts were made is not known; without a date the viewer shows no number.
        stats=EvalStats(started_at=created, completed_at=created),
        samples=list(samples),
    )


def _result(run: GradedRun, *, shown: set[str]) -> EvalScore:
    """Accuracy over what the log shows, as our reports count it."""
    found = accuracy_of([one for one in run.items if one.task_id in shown])
    figures = {"accuracy": found.share, "stderr": found.error, "low": found.low, "high": found.high}
    return EvalScore(
        name=run.judge,
        scorer=run.judge,
        scored_samples=found.valid,
        unscored_samples=found.invalid,
        metrics={
            name: EvalMetric(name=name, value=value)
            for name, value in figures.items()
            if value is not None
        },
    )
