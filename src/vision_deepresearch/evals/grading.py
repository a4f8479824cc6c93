"""A run as one judge sees it: per attempt what became of it, whether it is right, what it took."""

import tomllib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic import JsonValue

from vision_deepresearch.core.episode import Decision, Verdict
from vision_deepresearch.core.errors import ConfigError
from vision_deepresearch.core.task import Task
from vision_deepresearch.core.trajectory import Trajectory
from vision_deepresearch.evals.outcomes import Outcome, outcome_of
from vision_deepresearch.evals.predictions import NO_PROFILE
from vision_deepresearch.evals.scores import answer_digest, stored_scores
from vision_deepresearch.store.view import RunView


@dataclass(frozen=True, slots=True, kw_only=True)
class Effort:
    """What an attempt took."""

    turns: int
    calls: int
    """Tool calls."""
    engine_requests: int
    tokens: int
    """Read and written, as the model's server counted."""
    seconds: float
    cost_usd: float | None
    """None: a price is not known."""
    is_forced: bool
    extraction: str | None
    crops: tuple[tuple[float, bool | None], ...]
    """Each searched crop: its scale, and whether anything was found; None: the engine failed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Graded:
    """One attempt, graded."""

    task_id: str
    attempt: int
    set_name: str
    """The part of the task's `ref` before its number: a benchmark and its configuration."""
    cluster: str
    """Unit of dependence: the task's own, or the task itself."""
    strata: Mapping[str, str]
    outcome: Outcome
    is_correct: bool | None
    """None: invalid, nobody knows."""
    answer: str | None = None
    effort: Effort | None = None
    """None: there is no trajectory, or nothing is known of how it was made."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GradedRun:
    """All attempts of a run under one judge."""

    path: Path
    name: str
    judge: str
    mode: str
    model: str
    key: Mapping[str, JsonValue]
    """What the result depends on, flat: settings and provenance."""
    attempts: int
    """Per task."""
    items: tuple[Graded, ...]


def grade(path: Path, *, judge: str | None = None) -> GradedRun:
    """Read a run folder as one judge sees it.

    Args:
        path: the folder; nothing is written.
        judge: an id, or its beginning such as "strict"; None: the run's own judge, or the only one.

    Raises:
        ConfigError: no run folder, no attempt in it, or no such judge or several.
    """
    with RunView(path) as run:
        chosen = choose_judge(judges_of(run), wanted=judge, path=path)
        scores = stored_scores(path).get(chosen, {})
        items: list[Graded] = []
        tasks = {task.id: task for task in run.tasks()}
        modes: Counter[str] = Counter()
        models: Counter[str] = Counter()
        for task, trajectory, own in run.traces():
            digest = answer_digest(trajectory)
            score = scores.get((task.id, trajectory.attempt, digest))
            verdict = score.verdict if score else None
            if verdict is None and own is not None and own.judge == chosen:
                verdict = own
            items.append(_graded(task, trajectory, verdict))
            modes[trajectory.mode] += 1
            models[trajectory.model] += 1
        attempts = 1 + max((one.attempt for one in items), default=0)
        there = {(one.task_id, one.attempt) for one in items}
        items += [
            _missing(task, attempt)
            for attempt in range(attempts)
            for task in tasks.values()
            if (task.id, attempt) not in there
        ]
        if not items:
            msg = f"{str(path)!r} holds no task yet: run `vdr eval run --out {path}` first"
            raise ConfigError(msg)
        return GradedRun(
            path=path,
            name=path.name,
            judge=chosen,
            mode="+".join(modes) if len(modes) > 1 else next(iter(modes), "?"),
            model=" and ".join(models) or "?",
            key=_key(run),
            attempts=attempts,
            items=tuple(items),
        )


def judges_of(run: RunView) -> list[str]:
    """Ids of the judges that have judged in a run; the run's own first, then by name."""
    own: Counter[str] = Counter(
        verdict.judge for _, _, verdict in run.traces() if verdict is not None
    )
    first = [judge for judge, _ in own.most_common()]
    return first + [judge for judge in sorted(stored_scores(run.path)) if judge not in own]


def choose_judge(judges: Sequence[str], *, wanted: str | None, path: Path) -> str:
    """The judge that is meant.

    Raises:
        ConfigError: nobody has judged, or no judge or several are called so.
    """
    if not judges:
        msg = f"nobody has judged {str(path)!r} yet: run `vdr eval score {path} --judge rules`"
        raise ConfigError(msg)
    if wanted is None:
        return judges[0]
    found = [one for one in judges if one == wanted] or [
        one for one in judges if one.startswith(wanted)
    ]
    if len(found) != 1:
        msg = (
            f"expected one judge of {str(path)!r} whose id begins with {wanted!r}, found "
            f"{len(found)} among {', '.join(judges)}: name one of these, or `vdr eval score` first"
        )
        raise ConfigError(msg)
    return found[0]


def set_of(task: Task) -> str:
    """The set a task belongs to: its `ref` without the number at its end."""
    return task.ref.rpartition("/")[0] or task.ref


def _graded(task: Task, trajectory: Trajectory, verdict: Verdict | None) -> Graded:
    outcome = outcome_of(trajectory)
    is_correct: bool | None = False
    if outcome is Outcome.ANSWERED:
        if verdict is None or verdict.decision is Decision.ABSTAIN:
            outcome = Outcome.JUDGE_ERROR
        else:
            is_correct = verdict.decision is Decision.CORRECT
    return Graded(
        task_id=task.id,
        attempt=trajectory.attempt,
        set_name=set_of(task),
        cluster=task.cluster or task.id,
        strata=task.strata,
        outcome=outcome,
        is_correct=is_correct if outcome.is_valid else None,
        answer=trajectory.answer,
        effort=None if trajectory.profile == NO_PROFILE else _effort(trajectory),
    )


def _effort(trajectory: Trajectory) -> Effort:
    totals = trajectory.totals
    return Effort(
        turns=trajectory.num_turns,
        calls=trajectory.tool_counts.total(),
        engine_requests=trajectory.num_engine_requests,
        tokens=totals.prompt_tokens + totals.completion_tokens,
        seconds=totals.seconds,
        cost_usd=None if totals.has_unknown_cost else totals.cost_usd,
        is_forced=trajectory.forced,
        extraction=trajectory.extraction.value if trajectory.extraction else None,
        crops=tuple(
            (region.scale, None if region.failure else region.hits > 0)
            for turn in trajectory.turns
            for record in turn.calls
            for region in record.observation.regions
        ),
    )


def _missing(task: Task, attempt: int) -> Graded:
    """Rejected by a bug of ours, or not made yet."""
    return Graded(
        task_id=task.id,
        attempt=attempt,
        set_name=set_of(task),
        cluster=task.cluster or task.id,
        strata=task.strata,
        outcome=Outcome.INFRA_ERROR,
        is_correct=None,
    )


def _key(run: RunView) -> dict[str, JsonValue]:
    """Settings and provenance, flat; what every run has another of is left out."""
    flat: dict[str, JsonValue] = {}
    _flatten({"config": tomllib.loads(run.config)}, flat)
    about = {name: value for name, value in run.provenance.items() if name in _OF_THE_RESULT}
    _flatten(about, flat)
    return flat


_OF_THE_RESULT = {"versions", "revision", "seeds", "model", "today", "world"}


def _flatten(values: Mapping[str, JsonValue], flat: dict[str, JsonValue], prefix: str = "") -> None:
    for name, value in values.items():
        if isinstance(value, dict):
            _flatten(value, flat, f"{prefix}{name}.")
        else:
            flat[f"{prefix}{name}"] = value
