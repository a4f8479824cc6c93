"""Lines of the released runner's `episodes.jsonl`, read as predictions.

The runner names a task by the id of its table alone, so a line is taken only where the question or the
answer it repeats is that of the task as well. Of ways to end it knows words; those it can write are mapped,
and an unknown one is refused rather than guessed.

Source: Osilly/Vision-DeepResearch@67af60f, rllm/eval/eval_runner.py (format only).
Example: {"id": "7", "task": {"question": "...", "answer": "Elm Mill"}, "termination_reason": "answer",
"is_correct": true, "info": {"prediction": "Elm Mill", "judge_response": "..."}, ...}
"""

from collections.abc import Mapping, Sequence

from pydantic import BaseModel, ConfigDict

from vision_deepresearch.core.answers import normalise_answer
from vision_deepresearch.core.task import Task
from vision_deepresearch.core.trajectory import StopReason

_STOPS = {
    "answer": StopReason.ANSWER,
    "ENV_DONE": StopReason.ANSWER,
    "answer not found after 50 rounds": StopReason.TURN_LIMIT,
    "exceed available llm calls": StopReason.TURN_LIMIT,
    "max_rounds_reached": StopReason.TURN_LIMIT,
    "max_rounds_reached_no_answer": StopReason.TURN_LIMIT,
    "prompt_budget_reached": StopReason.CONTEXT_LIMIT,
    "token_limit_no_answer": StopReason.CONTEXT_LIMIT,
    "answer_token_limit": StopReason.CONTEXT_LIMIT,
    "repetition_detected": StopReason.REPETITION,
    "consecutive_step_errors": StopReason.FORMAT_FAULTS,
    "timeout": StopReason.DEADLINE,
    "error": StopReason.MODEL_ERROR,
}
_MODEL_FAILED = "model failed"
"""In longer words of its own: "round limit reached, model failed: ..."."""


class _TaskSeen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")

    question: str = ""
    answer: str = ""


class _Info(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")

    prediction: str | None


class ReleasedLine(BaseModel):
    """The keys that are read; the runner's own verdict is none of them."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    id: str | int
    task: _TaskSeen
    termination_reason: str
    info: _Info


def is_released(line: object) -> bool:
    """Whether a line is the released runner's and no plain prediction."""
    return isinstance(line, Mapping) and "prediction" not in line and "termination_reason" in line


def task_of(line: ReleasedLine, tasks: Sequence[Task]) -> Task | str:
    """The task a line is about, or why there is none.

    Args:
        line: of the file.
        tasks: of the run.
    """
    wanted = str(line.id)
    named = [task for task in tasks if wanted in {task.id, task.ref, task.ref.rpartition("/")[2]}]
    found = [task for task in named if _is_same(task, line.task)]
    if len(found) == 1:
        return found[0]
    if not named:
        return f"no task of the run has the id {wanted!r} in its set"
    if not found:
        return f"the task with the id {wanted!r} has another question and another answer"
    return f"{len(found)} tasks of the run are called {wanted!r}: score one set at a time"


def stop_of(line: ReleasedLine) -> StopReason | None:
    """Why the attempt ended; None: by a word that is not known."""
    if _MODEL_FAILED in line.termination_reason:
        return StopReason.MODEL_ERROR
    return _STOPS.get(line.termination_reason)


def _is_same(task: Task, seen: _TaskSeen) -> bool:
    question = " ".join(task.question.split())
    if question in " ".join(seen.question.split()):
        return True
    answers = task.gold.answers if task.gold else ()
    return normalise_answer(seen.answer) in {normalise_answer(one) for one in answers}
