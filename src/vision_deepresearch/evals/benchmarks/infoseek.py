"""InfoSeek: questions about an entity in a picture of OVEN.

    {"data_id": "infoseek_val_0", "image_id": "oven_0001", "question": "When was it built?",
     "answer": ["1889"], "answer_eval": ["1889", "year 1889"]}

Pictures lie in a folder under their `image_id`. Ranges of numbers in `answer_eval` are left out: they are
no text that an answer could equal.
"""

from collections.abc import Sequence

from vision_deepresearch.evals.benchmarks.cells import (
    gold_of,
    id_of,
    strata_of,
    text_of,
    texts_alone,
)
from vision_deepresearch.evals.benchmarks.draft import Draft, Place, Source
from vision_deepresearch.store.tables import TableRow


def drafts(row: TableRow, place: Place) -> Sequence[Draft]:
    """One question."""
    inline = row.get("image")
    pictures = place.pictures(inline) if inline is not None else ()
    if not pictures:
        pictures = (place.named(text_of(row, "image_id", reason="missing_image")),)
    return [
        Draft(
            config=strata_of(row, "data_split").get("data_split", "val"),
            source_id=id_of(row, "data_id", "id", number=place.number),
            question=text_of(row, "question"),
            gold=gold_of(row.get("answer"), texts_alone(row.get("answer_eval"))),
            pictures=pictures,
            strata=strata_of(row, "data_split", "question_type"),
        )
    ]


SOURCE = Source(
    name="infoseek",
    title="InfoSeek",
    columns=(("question",), ("answer",), ("image_id", "image")),
    drafts=drafts,
    sizes={},
    home="GitHub open-vision-language/infoseek; 300 of it in the official pack",
    licence="not stated",
)
