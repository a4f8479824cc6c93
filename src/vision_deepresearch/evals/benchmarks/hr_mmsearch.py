"""HR-MMSearch: 305 pictures of 4K with events of 2025, the best test of cropping.

    {"query": "Which airline is on the small sign?", "query_image": "images/h1.jpg",
    "ground_truth": ["Zephyr Air"]}

Small things far off: what is asked about is rarely found by searching the whole picture.
"""

from collections.abc import Sequence

from vision_deepresearch.evals.benchmarks.cells import gold_of, id_of, strata_of, text_of
from vision_deepresearch.evals.benchmarks.draft import Draft, MissingPictureError, Place, Source
from vision_deepresearch.store.tables import TableRow


def drafts(row: TableRow, place: Place) -> Sequence[Draft]:
    """One question."""
    pictures = place.pictures(row.get("query_image"))
    if not pictures:
        raise MissingPictureError("the cell `query_image` is empty: get the row again")
    return [
        Draft(
            config="test",
            source_id=id_of(row, "id", "index", number=place.number),
            question=text_of(row, "query"),
            gold=gold_of(row.get("ground_truth")),
            pictures=pictures,
            strata=strata_of(row, "category", "difficulty"),
        )
    ]


SOURCE = Source(
    name="hr-mmsearch",
    title="HR-MMSearch",
    columns=(("query",), ("query_image",), ("ground_truth",)),
    drafts=drafts,
    sizes={"test": 305},
    home="Hugging Face sensenova/HR-MMSearch",
    licence="not stated",
    notes="The published figures come from a judge that sees the picture.",
)
