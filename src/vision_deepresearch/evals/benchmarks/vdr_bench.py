"""VDR-Bench, arXiv 2602.02185: full (2,000) and testmini (500), one picture each.

    {"id": "vdr_Sports_0001", "question": "Who won the race in the year after this photo?",
     "answer": "Col du Pin 2019", "image": "<base64>"}

The category is the second part of the id. Gold entities, which Entity Recall needs, are not among
its public columns.
"""

from collections.abc import Sequence

from vision_deepresearch.evals.benchmarks.cells import gold_of, id_of, strata_of, text_of
from vision_deepresearch.evals.benchmarks.draft import Draft, MissingPictureError, Place, Source
from vision_deepresearch.store.tables import TableRow


def drafts(row: TableRow, place: Place) -> Sequence[Draft]:
    """One question."""
    pictures = place.pictures(row["image"])
    if not pictures:
        raise MissingPictureError("the cell `image` is empty: get the row again")
    source_id = id_of(row, "id", number=place.number)
    parts = source_id.split("_")
    strata = strata_of(row, "category", "domain")
    if "category" not in strata and len(parts) > 2:
        strata["category"] = parts[1]
    return [
        Draft(
            config="testmini" if place.variant == "testmini" else "full",
            source_id=source_id,
            question=text_of(row, "question"),
            gold=gold_of(row.get("answer")),
            pictures=pictures,
            strata=strata,
        )
    ]


SOURCE = Source(
    name="vdr-bench",
    title="VDR-Bench",
    columns=(("question",), ("answer",), ("image",)),
    drafts=drafts,
    sizes={"full": 2000, "testmini": 500},
    defaults=("full",),
    subsets={"full": ("full",), "testmini": ("testmini",)},
    home="Hugging Face Osilly/VDR-Bench and Osilly/VDR-Bench-testmini",
    licence="cc-by-nc-sa-4.0",
    notes="Say :testmini for the 500 of the papers' tables.",
)
