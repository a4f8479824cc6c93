"""WorldVQA: 3,000 questions that test what a model remembers, not what it finds.

    index  image     question               answer      category  difficulty
    0      <base64>  What is this called?   Brine fern  nature    easy

Figures of models with tools say little on it.
"""

from collections.abc import Sequence

from vision_deepresearch.evals.benchmarks.cells import gold_of, id_of, strata_of, text_of
from vision_deepresearch.evals.benchmarks.draft import Draft, MissingPictureError, Place, Source
from vision_deepresearch.store.tables import TableRow


def drafts(row: TableRow, place: Place) -> Sequence[Draft]:
    """One question."""
    pictures = place.pictures(row.get("image") or row.get("image_path"))
    if not pictures:
        raise MissingPictureError("the cell `image` is empty: get the row again")
    return [
        Draft(
            config="test",
            source_id=id_of(row, "index", "id", number=place.number),
            question=text_of(row, "question"),
            gold=gold_of(row.get("answer")),
            pictures=pictures,
            strata=strata_of(row, "category", "difficulty", "language", "lang"),
        )
    ]


SOURCE = Source(
    name="worldvqa",
    title="WorldVQA",
    columns=(("question",), ("answer",), ("image", "image_path")),
    drafts=drafts,
    sizes={"test": 3000},
    home="Hugging Face moonshotai/WorldVQA (TSV); 300 of it in the official pack",
    licence="apache-2.0",
    notes="A probe of knowledge: no tool is needed for it.",
)
