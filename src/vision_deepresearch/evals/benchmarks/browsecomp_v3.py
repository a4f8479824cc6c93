r"""BrowseComp-V3: 300 questions with 383 pictures; text encrypted with AES-256-GCM.

    {"id": "s1", "category": "Art", "image_paths": "[\"data/images/s1.jpg\"]",
     "encrypted_question": "{\"iv\": \"...\", \"ciphertext\": \"...\", \"tag\": \"...\"}",
     "encrypted_answer": "{...}", "metadata": {...}, "sub_goals": [...]}

The tag tells a wrong passphrase for certain, which XOR cannot.
"""

from collections.abc import Sequence

from vision_deepresearch.evals.benchmarks.cells import answers_in, gold_of, id_of, strata_of
from vision_deepresearch.evals.benchmarks.decrypt import open_gcm
from vision_deepresearch.evals.benchmarks.draft import Draft, Place, Source
from vision_deepresearch.store.tables import TableRow

PASSWORD = "A_Visual_Vertical_Verifiable_Benchmark_for_Multimodal_Browsing_Agents"  # noqa: S105 - published with the set
"""The passphrase of the release."""


def drafts(row: TableRow, place: Place) -> Sequence[Draft]:
    """One question."""
    password = place.password or PASSWORD
    question = open_gcm(row.get("encrypted_question"), password=password, is_question=True)
    answer = open_gcm(row.get("encrypted_answer"), password=password)
    paths = answers_in(row.get("image_paths")) or answers_in(row.get("image"))
    return [
        Draft(
            config="train",
            source_id=id_of(row, "id", number=place.number),
            question=question,
            gold=gold_of(answer),
            pictures=tuple(
                place.named(path, path.removeprefix("data/"), path.rpartition("/")[2])
                for path in paths
            ),
            strata={
                **strata_of(row, "category", "sub_category", "level"),
                "num_images": str(len(paths)),
            },
            is_protected=True,
            canary=PASSWORD,
        )
    ]


SOURCE = Source(
    name="browsecomp-v3",
    title="BrowseComp-V3",
    columns=(("encrypted_question",), ("encrypted_answer",), ("image_paths", "image")),
    drafts=drafts,
    sizes={"train": 300},
    files=(r"train.*\.(jsonl|parquet|arrow)$",),
    home="Hugging Face Halcyon-Zhang/BrowseComp-V3",
    licence="cc-by-4.0",
    protects=frozenset({"train"}),
    notes="Needs the extra `benchmarks` (cryptography).",
)
