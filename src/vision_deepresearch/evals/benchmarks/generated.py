"""The questions of a generated world, also for runs in another world than their own.

    {"id": "9f..", "ref": "generated:small/test/0", "kind": "fuzzy", "question": "...", ...}

Lines of `tasks.jsonl` in a world's folder: whole tasks, kept as they are, for the world's teacher knows them
by their ids. Their pictures lie in `blobs/` by content.
"""

from collections.abc import Sequence

from pydantic import ValidationError

from vision_deepresearch.core.task import Task
from vision_deepresearch.evals.benchmarks.draft import Draft, Place, Source
from vision_deepresearch.store.tables import BadRowError, TableRow


def drafts(row: TableRow, place: Place) -> Sequence[Draft]:
    """One task."""
    try:
        task = Task.model_validate(row, strict=False)
    except ValidationError as bad:
        raise BadRowError("bad_row", f"no task: {bad.errors()[0]['msg']}") from bad
    if task.gold is None:
        raise BadRowError("no_gold", "the task has no gold: nobody could judge it")
    config, _, number = task.ref.rpartition("/")
    return [
        Draft(
            config=config or task.ref,
            source_id=number,
            question=task.question,
            gold=task.gold,
            pictures=tuple(
                place.named(f"blobs/{ref.sha256[:2]}/{ref.sha256[2:]}") for ref in task.images
            ),
            is_protected=task.protected,
            whole=task,
        )
    ]


SOURCE = Source(
    name="generated",
    title="the questions of a generated world",
    columns=(("id",), ("ref",), ("question",), ("gold",)),
    drafts=drafts,
    sizes={},
    files=(r"(^|/)tasks\.jsonl$",),
    home="`vdr world build generated FOLDER`, or its name: generated:small@1",
    licence="made by this program",
)
