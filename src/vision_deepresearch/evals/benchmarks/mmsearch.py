"""MMSearch, arXiv 2409.12959, its `end2end` questions: 171 with a picture, 129 without.

    {"sample_id": "news_1", "query": "When does this expo open?", "query_image": <Image>,
    "area": "news", "subfield": "General News", "timestamp": "2024-08-01",
    "gt_requery": "...", "gt_answer": "2024-09-02", "alternative_gt_answers": ["September 2, 2024"]}

`rerank` and `summarization` ask other things of the same questions and are not read.
"""

from collections.abc import Sequence

from vision_deepresearch.evals.benchmarks.cells import (
    gold_of,
    id_of,
    optional_text,
    strata_of,
    text_of,
)
from vision_deepresearch.evals.benchmarks.draft import Draft, MissingPictureError, Place, Source
from vision_deepresearch.store.tables import TableRow


def drafts(row: TableRow, place: Place) -> Sequence[Draft]:
    """One question."""
    config = "text" if row.get("query_image") in (None, "") else "image"
    if not place.wants(config):
        return []
    pictures = place.pictures(row.get("query_image"))
    if config == "image" and not pictures:
        raise MissingPictureError("the cell `query_image` holds no picture: get the row again")
    requery = optional_text(row, "gt_requery")
    return [
        Draft(
            config=config,
            source_id=id_of(row, "sample_id", "id", number=place.number),
            question=text_of(row, "query"),
            gold=gold_of(row.get("gt_answer"), row.get("alternative_gt_answers")),
            pictures=pictures,
            strata=strata_of(row, "area", "subfield"),
            as_of=optional_text(row, "timestamp") or None,
            extra={"requery": requery} if requery else {},
        )
    ]


SOURCE = Source(
    name="mmsearch",
    title="MMSearch",
    columns=(("query",), ("query_image",), ("gt_answer",)),
    drafts=drafts,
    sizes={"image": 171, "text": 129},
    subsets={"image": ("image",), "text": ("text",)},
    files=(r"end2end.*\.(parquet|arrow|jsonl|json)$",),
    home="Hugging Face CaraJ/MMSearch (config end2end)",
    licence="not stated",
    notes="The papers use the 171 with a picture: say :image.",
)
