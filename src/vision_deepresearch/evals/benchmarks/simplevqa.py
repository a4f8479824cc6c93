"""SimpleVQA: short facts about one picture each.

    {"data_id": 12, "image": "<base64>", "question": "What award is this?", "answer": "Tin Star"}

Question texts repeat with other pictures: they are different questions.
"""

from collections.abc import Sequence

from vision_deepresearch.evals.benchmarks.cells import gold_of, id_of, strata_of, text_of
from vision_deepresearch.evals.benchmarks.draft import Draft, MissingPictureError, Place, Source
from vision_deepresearch.store.tables import TableRow


def drafts(row: TableRow, place: Place) -> Sequence[Draft]:
    """One question."""
    pictures = place.pictures(row.get("image"))
    if not pictures:
        raise MissingPictureError("the cell `image` is empty: get the row again")
    return [
        Draft(
            config="test",
            source_id=id_of(row, "data_id", "id", "index", number=place.number),
            question=text_of(row, "question"),
            gold=gold_of(row.get("answer")),
            pictures=pictures,
            strata=strata_of(row, "language", "original_category", "category"),
        )
    ]


SOURCE = Source(
    name="simplevqa",
    title="SimpleVQA",
    columns=(("question",), ("answer",), ("image",)),
    drafts=drafts,
    sizes={},
    home="Hugging Face m-a-p/SimpleVQA (test); 300 of it in the official pack",
    licence="apache-2.0",
)
