"""MMSearch-Plus: 311 questions with one to five pictures; question, answers and sources encrypted.

    {"question": "QnD6tuob...", "answer": ["Xn3/paJzIREK"], "num_images": 1, "category": "Music",
     "difficulty": "easy", "subtask": "Concert", "img_1": <Image>, "img_2": null, ..., "img_5": null}

It has no ids: the number of the row stands in, and the manifest's hash tells whether it is the same.
"""

from collections.abc import Sequence

from vision_deepresearch.evals.benchmarks.cells import answers_in, gold_of, strata_of
from vision_deepresearch.evals.benchmarks.decrypt import open_xor
from vision_deepresearch.evals.benchmarks.draft import Draft, MissingPictureError, Place, Source
from vision_deepresearch.store.tables import BadRowError, TableRow

PASSWORD = "MMSearch-Plus"  # noqa: S105 - published with the set
"""Of the set, as its card says."""
_MOST = 5


def drafts(row: TableRow, place: Place) -> Sequence[Draft]:
    """One question; text that does not open is refused, never passed on."""
    password = place.password or PASSWORD
    question = open_xor(row.get("question"), password=password, is_question=True)
    wanted = row.get("num_images")
    config = "single" if wanted == 1 else "several"
    if not place.wants(config):
        return []
    cells = row.get("answer")
    encrypted = [cells] if isinstance(cells, str) else cells
    if not isinstance(encrypted, Sequence) or isinstance(encrypted, bytes):
        raise BadRowError("no_gold", "answer is no list of encrypted texts")
    answers = [open_xor(one, password=password) for one in encrypted if one]
    pictures = tuple(
        data for number in range(1, _MOST + 1) for data in place.pictures(row.get(f"img_{number}"))
    )
    if wanted != len(pictures) or not pictures:
        msg = f"{len(pictures)} pictures of {wanted}: get the row again"
        raise MissingPictureError(msg)
    return [
        Draft(
            config=config,
            source_id=str(place.number),
            question=question,
            gold=gold_of(answers_in(answers)),
            pictures=pictures,
            strata={
                **strata_of(row, "category", "difficulty", "subtask"),
                "num_images": str(len(pictures)),
            },
            is_protected=True,
            canary=PASSWORD,
        )
    ]


SOURCE = Source(
    name="mmsearch-plus",
    title="MMSearch-Plus",
    columns=(("question",), ("answer",), ("num_images",), ("img_1",)),
    drafts=drafts,
    sizes={"single": 221, "several": 90},
    subsets={"single": ("single",), "several": ("several",)},
    home="Hugging Face Cie1/MMSearch-Plus",
    licence="cc-by-4.0 (card)",
    protects=frozenset({"single", "several"}),
    notes="The papers use the 221 with one picture: say :single.",
)
