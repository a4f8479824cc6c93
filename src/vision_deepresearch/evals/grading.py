"""A run as one judge sees it: per attempt what became of it, whether it is right, what it took."""

import tomllib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from pydantic import JsonValue

from vision_deepresearch.core.episode import Decision, Verdict
from vision_deepresearch.core.errors import ConfigError
from vision_deepresearch.core.observation import Observation
from vision_deepresearch.core.task import Task
from vision_deepresearch.core.trajectory import CallRecord, Trajectory
from vision_deepresearch.evals.contamination import Flag, flags_of
from vision_deepresearch.evals.found import as_found
from vision_deepresearch.evals.outcomes import Outcome, outcome_of
from vision_deepresearch.evals.predictions import NO_PROFILE
from vision_deepresearch.evals.scores import (
    Score,
    answer_digest,
    is_recall,
    shown_to,
    stored_scores,
)
from vision_deepresearch.judge.entities import ENTITIES, named_in, recall_by_name
from vision_deepresearch.store.view import RunView


@dataclass(frozen=True, slots=True, kw_only=True)
class Crop:
    """What searching for one crop gave."""

    scale: float
    found: bool | None
    """Whether there was a hit; None: the engine failed."""
    is_right: bool | None
    """Whether a hit names one of the task's gold entities; None: they are not known."""


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
    crops: tuple[Crop, ...]
    """Each crop that was searched for."""
    tools: Mapping[tuple[str, str], int]
    """Calls by tool and by what came: "ok", "empty", or the kind of failure."""


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
    score: float | None = None
    """Part of the answer that is right, of judges that tell one."""
    is_attempted: bool = True
    """False: the judge found no attempt at an answer."""
    has_entities: bool = False
    """Whether Entity Recall can be told of it: gold entities are known, and what it came across."""
    recall: bool | None = None
    """Entity Recall; None: it cannot be told, or nobody has decided."""
    flags: frozenset[Flag] = frozenset()
    """Signs that it met a copy of its question."""


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
    recall_judge: str
    """Who decided Entity Recall; empty: no task has gold entities, or nobody has."""


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
        stored = stored_scores(path)
        scores = stored.get(chosen, {})
        recalls = _Recalls(stored)
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
            graded = _graded(task, trajectory, verdict)
            if recalls.can_be_told(task, trajectory):
                recall = recalls.of(task, trajectory)
                graded = replace(graded, has_entities=True, recall=recall)
            items.append(graded)
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
            recall_judge=recalls.judge if any(one.recall is not None for one in items) else "",
        )


def judges_of(run: RunView) -> list[str]:
    """Ids of the judges that have judged in a run; the run's own first, then by name."""
    own: Counter[str] = Counter(
        verdict.judge for _, _, verdict in run.traces() if verdict is not None
    )
    first = [judge for judge, _ in own.most_common()]
    others = [one for one in sorted(stored_scores(run.path)) if not is_recall(one)]
    return first + [judge for judge in others if judge not in own]


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
    is_known = trajectory.profile != NO_PROFILE
    return Graded(
        task_id=task.id,
        attempt=trajectory.attempt,
        set_name=set_of(task),
        cluster=task.cluster or task.id,
        strata=task.strata,
        outcome=outcome,
        is_correct=is_correct if outcome.is_valid else None,
        answer=trajectory.answer,
        effort=_effort(task, trajectory) if is_known else None,
        score=verdict.score if verdict is not None and outcome is Outcome.ANSWERED else None,
        is_attempted=verdict is None or verdict.is_attempted,
        flags=flags_of(task, trajectory),
    )


class _Recalls:
    """Entity Recall of a run: as it was judged, by a model before names alone, else by names."""

    def __init__(self, stored: Mapping[str, Mapping[tuple[str, int, str], Score]]) -> None:
        judges = sorted(name for name in stored if is_recall(name))
        self.judge = judges[-1] if judges else f"{ENTITIES.name}/{ENTITIES.version}"
        self._scores = stored.get(self.judge, {})

    def can_be_told(self, task: Task, trajectory: Trajectory) -> bool:
        """Whether there are gold entities and a search of which something is known."""
        is_known = trajectory.profile != NO_PROFILE
        return is_known and shown_to(self.judge, task, trajectory) is not None

    def of(self, task: Task, trajectory: Trajectory) -> bool | None:
        """Whether all was found; None: nobody has decided."""
        shown = as_found(trajectory)
        score = self._scores.get((task.id, trajectory.attempt, answer_digest(shown)))
        verdict = score.verdict if score else recall_by_name(task, shown)
        is_decided = verdict.decision is not Decision.ABSTAIN
        return verdict.decision is Decision.CORRECT if is_decided else None


def _effort(task: Task, trajectory: Trajectory) -> Effort:
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
            crop
            for turn in trajectory.turns
            for record in turn.calls
            for crop in _crops(task, record.observation)
        ),
        tools=Counter(
            (record.call.name, _came(record)) for turn in trajectory.turns for record in turn.calls
        ),
    )


def _crops(task: Task, observation: Observation) -> list[Crop]:
    entities = task.gold.entities if task.gold else None
    made = []
    for index, region in enumerate(observation.regions):
        titles = "\n".join(one.title for one in observation.evidence if one.region == index)
        is_right = bool(named_in(entities, titles)) if entities else None
        found = None if region.failure else region.hits > 0
        made.append(Crop(scale=region.scale, found=found, is_right=is_right))
    return made


_SEARCHING = {"crop_and_search", "image_search", "search", "visit"}
"""Tools whose result is evidence, so that none of it is an empty result."""


def _came(record: CallRecord) -> str:
    """What a call gave."""
    observation = record.observation
    if observation.failure is not None:
        return observation.failure.kind.value
    is_empty = record.call.name in _SEARCHING and not observation.evidence
    return "empty" if is_empty else "ok"


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
