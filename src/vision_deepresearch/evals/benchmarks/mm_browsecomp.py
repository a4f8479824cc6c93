"""MM-BrowseComp: 224 questions with none, one or two pictures; text encrypted by each row's canary.

    {"id": 1, "images": ["https://example.org/1.png"], "question": "x/0sm...", "answer": "t6Q=",
     "checklist": ["7/c6g6Q+..."], "category": "Media", "subtask": "X", "level": 1,
     "canary": "mmbrowsecomp:00000000-0000-4000-8000-000000000000"}

Pictures are named by address; the repository keeps them as MMBC_images/ID.png. What stands before the
last "Question: " is an instruction to the model, not the question.
"""

from collections.abc import Sequence

from vision_deepresearch.evals.benchmarks.cells import (
    answers_in,
    gold_of,
    id_of,
    name_of_address,
    optional_text,
    strata_of,
)
from vision_deepresearch.evals.benchmarks.decrypt import WRONG, is_plain, open_xor
from vision_deepresearch.evals.benchmarks.draft import Draft, Place, Source
from vision_deepresearch.store.tables import BadRowError, TableRow

_MARK = "Question:"


def drafts(row: TableRow, place: Place) -> Sequence[Draft]:
    """One question."""
    canary = optional_text(row, "canary")
    password = place.password or canary
    is_open = is_plain(row.get("question"))
    if not password and not is_open:
        raise BadRowError(WRONG, "the row has no canary, which is its password")

    def opened(cell: object, *, is_question: bool = False) -> str:
        if is_open:
            return cell.strip() if isinstance(cell, str) else ""
        return open_xor(cell, password=password, is_question=is_question)

    question = opened(row.get("question"), is_question=True).rpartition(_MARK)[2].strip()
    if not question:
        raise BadRowError("question", "nothing stands behind 'Question:'")
    source_id = id_of(row, "id", number=place.number)
    addresses = answers_in(row.get("images"))
    cells = row.get("checklist")
    listed = cells if isinstance(cells, Sequence) and not isinstance(cells, str | bytes) else ()
    gold = gold_of(opened(row.get("answer")))
    return [
        Draft(
            config="all",
            source_id=source_id,
            question=question,
            gold=gold.model_copy(update={"checklist": tuple(map(opened, listed)) or None}),
            pictures=tuple(
                place.named(*_names(source_id, address, number=number, of=len(addresses)))
                for number, address in enumerate(addresses, start=1)
            ),
            strata={
                **strata_of(row, "category", "subtask", "level"),
                "num_images": str(len(addresses)),
            },
            is_protected=True,
            canary=canary or None,
        )
    ]


def _names(source_id: str, address: str, *, number: int, of: int) -> tuple[str, ...]:
    """How a picture may be called here: by the row, or by the end of its address."""
    by_row = (source_id,) if of == 1 else (f"{source_id}_{number}", f"{source_id}-{number}")
    return (name_of_address(address), *by_row, address.rpartition("/")[2].partition("?")[0])


SOURCE = Source(
    name="mm-browsecomp",
    title="MM-BrowseComp",
    columns=(("question",), ("answer",), ("images",), ("canary",)),
    drafts=drafts,
    sizes={"all": 224},
    addresses=lambda row: answers_in(row.get("images")),
    home="Hugging Face mmbrowsecomp/MMBrowseComp; pictures: GitHub MMBrowseComp/MM-BrowseComp",
    licence="MIT",
    protects=frozenset({"all"}),
    notes="Its own judge also scores a checklist, which is kept with each gold.",
)
