"""Verdicts on stored trajectories: any judge, any time, several side by side, no tool is run.

A judge of Entity Recall is shown what was found in place of the answer, of every trajectory that was not
ended from outside; all others are shown real answers.

One file per judge in the run folder's `scores/`, a line per answer as it is judged; the run's own
rows are never touched. An answer that the same judge decided is not asked about again; one about which it
could not decide is asked about again by the next call.

Example of a line: {"task_id": "9f..", "attempt": 0, "answer_sha256": "3c..", "verdict": {...}}
"""

import asyncio
import hashlib
import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from vision_deepresearch.core.episode import Decision, Verdict
from vision_deepresearch.core.protocols import Judge
from vision_deepresearch.core.record import Record
from vision_deepresearch.core.task import Task
from vision_deepresearch.core.trajectory import Trajectory
from vision_deepresearch.evals.found import as_found
from vision_deepresearch.evals.outcomes import Outcome, outcome_of
from vision_deepresearch.evals.results import ResultsFile, open_results, read_results
from vision_deepresearch.judge.entities import NAME as ENTITIES
from vision_deepresearch.store.view import RunView

FOLDER = "scores"
_KIND = "scores/1"
_AT_A_TIME = 16
"""Answers being judged; the judge itself bounds its calls."""


class Score(Record):
    """One judge's verdict on one stored answer."""

    task_id: str
    attempt: int
    answer_sha256: str
    """Of the answer that was judged: one that was made again is judged again."""
    verdict: Verdict

    @property
    def is_settled(self) -> bool:
        """Whether the judge decided."""
        return self.verdict.decision is not Decision.ABSTAIN


@dataclass(frozen=True, slots=True, kw_only=True)
class Scored:
    """What one call of `score_run` did."""

    judge: str
    answers: int
    """Real answers of the run."""
    judged_now: int
    correct: int
    incorrect: int
    undecided: int
    halted: str = ""
    """Why the rest was not begun: the judge's endpoint takes no calls of ours."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A stored answer that is to be judged."""

    task: Task
    trajectory: Trajectory
    own: Verdict | None
    """The run's own."""

    @property
    def key(self) -> tuple[str, int, str]:
        """Names the answer, its words included."""
        return self.task.id, self.trajectory.attempt, answer_digest(self.trajectory)


def answer_digest(trajectory: Trajectory) -> str:
    """sha256 of the answer, hex."""
    return hashlib.sha256((trajectory.answer or "").encode("utf-8", "surrogatepass")).hexdigest()


async def score_run(
    run: RunView, judge: Judge, *, on_score: Callable[[int, int], None] | None = None
) -> Scored:
    """Judge the real answers of a run that this judge has not decided yet.

    Args:
        run: read only.
        judge: asked about answers; what became of the other attempts needs no judge.
        on_score: called with (done, total), for progress.

    Raises:
        ConfigError: another process scores this run by this judge.
    """
    answers = [
        Answer(task=task, trajectory=_slim(shown), own=verdict)
        for task, trajectory, verdict in run.traces()
        if (shown := shown_to(judge.profile_id, task, trajectory)) is not None
    ]
    about = {"kind": _KIND, "judge": judge.profile_id}
    with open_results(scores_file(run.path, judge.profile_id), kind=Score, about=about) as file:
        before = _latest(file.results)
        todo = [one for one in answers if not (s := before.get(one.key)) or not s.is_settled]
        work = _Scoring(judge=judge, file=file, todo=iter(todo), total=len(todo), told=on_score)
        async with asyncio.TaskGroup() as group:
            for _ in range(min(_AT_A_TIME, len(todo))):
                group.create_task(work.go_on())
        after = _latest(file.results)
    found = [score.verdict.decision for one in answers if (score := after.get(one.key))]
    return Scored(
        judge=judge.profile_id,
        answers=len(answers),
        judged_now=work.done,
        correct=found.count(Decision.CORRECT),
        incorrect=found.count(Decision.INCORRECT),
        undecided=len(answers) - sum(one is not Decision.ABSTAIN for one in found),
        halted=work.halted,
    )


def is_recall(judge: str) -> bool:
    """Whether a judge of this id is one of Entity Recall, and says nothing about answers."""
    return judge.partition("/")[0] == ENTITIES


def shown_to(judge: str, task: Task, trajectory: Trajectory) -> Trajectory | None:
    """What a judge of this id is shown of an attempt; None: it needs no judge."""
    outcome = outcome_of(trajectory)
    if is_recall(judge):
        has_gold = bool(task.gold and task.gold.entities)
        return as_found(trajectory) if has_gold and outcome is not Outcome.INFRA_ERROR else None
    return trajectory if outcome is Outcome.ANSWERED else None


def stored_scores(run: Path) -> dict[str, dict[tuple[str, int, str], Score]]:
    """All scores of a run folder: by judge, then by (task id, attempt, digest of the answer).

    Raises:
        ConfigError: a damaged file.
    """
    found: dict[str, dict[tuple[str, int, str], Score]] = {}
    for path in sorted((run / FOLDER).glob("*.jsonl")):
        about, scores = read_results(path, kind=Score)
        if about:
            found[str(about.get("judge", path.stem))] = _latest(scores)
    return found


def undecided_before(run: Path, judge: str) -> Counter[tuple[str, int]]:
    """How often a judge has left each (task id, attempt) of a run folder undecided.

    Raises:
        ConfigError: a damaged file.
    """
    path = scores_file(run, judge)
    scores = read_results(path, kind=Score)[1] if path.is_file() else []
    return Counter((one.task_id, one.attempt) for one in scores if not one.is_settled)


def scores_file(run: Path, judge: str) -> Path:
    """Where the scores of a judge lie: readable, and apart for every id."""
    words = re.sub(r"[^A-Za-z0-9]+", "-", judge).strip("-")[:60]
    return run / FOLDER / f"{words}-{hashlib.sha256(judge.encode()).hexdigest()[:8]}.jsonl"


def _latest(scores: Sequence[Score]) -> dict[tuple[str, int, str], Score]:
    return {(one.task_id, one.attempt, one.answer_sha256): one for one in scores}


def _slim(trajectory: Trajectory) -> Trajectory:
    """What a judge looks at: thousands of answers are held at a time, their turns are not."""
    return trajectory.model_copy(update={"turns": (), "tokens": None, "prompt": (), "bank": ()})


class _Scoring:
    """The workers of one call and what they share."""

    def __init__(
        self,
        *,
        judge: Judge,
        file: ResultsFile[Score],
        todo: Iterator[Answer],
        total: int,
        told: Callable[[int, int], None] | None,
    ) -> None:
        self._judge = judge
        self._file = file
        self._todo = todo
        self._total = total
        self._told = told
        self.done = 0
        self.halted = ""

    async def go_on(self) -> None:
        """Judge until nothing is left, or the judge takes no calls."""
        for answer in self._todo:
            verdict = answer.own
            if verdict is None or not _is_by(verdict, self._judge.profile_id):
                verdict = await self._judge.judge(answer.task, answer.trajectory)
            self._add(answer, verdict)
            if verdict.failure is not None and verdict.failure.is_settled:
                self.halted = self.halted or verdict.reason
            if self.halted:
                return

    def _add(self, answer: Answer, verdict: Verdict) -> None:
        if answer.task.protected:
            # A reason quotes question and answer, and those stay in memory.
            verdict = verdict.model_copy(update={"reason": "protected", "matched": None})
        task_id, attempt, digest = answer.key
        self._file.add(
            Score(task_id=task_id, attempt=attempt, answer_sha256=digest, verdict=verdict)
        )
        self.done += 1
        if self._told is not None:
            self._told(self.done, self._total)


def _is_by(verdict: Verdict, judge: str) -> bool:
    return verdict.judge == judge and verdict.decision is not Decision.ABSTAIN
