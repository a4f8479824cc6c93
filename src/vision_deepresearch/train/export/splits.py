"""Train and test kept apart: what a test question shows or asks is not trained on.

A task of the training split is refused where a test task of the run has its cluster, one of its
pictures or its question. Marks are hashes: a reason must not tell the text of a protected task.
"""

import hashlib
from collections.abc import Iterable, Iterator

from vision_deepresearch.core.answers import normalise_answer
from vision_deepresearch.core.task import Task


def held_out(tasks: Iterable[Task]) -> frozenset[str]:
    """The marks of all test tasks."""
    return frozenset(mark for task in tasks if task.split == "test" for mark in _marks(task))


def overlap(task: Task, held: frozenset[str]) -> str | None:
    """What a training task shares with the test split, or None."""
    if task.split == "test":
        return None
    return next((mark for mark in _marks(task) if mark in held), None)


def _marks(task: Task) -> Iterator[str]:
    if task.cluster is not None:
        yield f"cluster {task.cluster}"
    for ref in task.images:
        yield f"picture {ref.sha256}"
    if not task.images:  # "Who is this?" is another question above another picture
        plain = normalise_answer(task.question).encode("utf-8", "surrogatepass")
        yield f"question {hashlib.sha256(plain).hexdigest()}"
