r"""FVQA of MMSearch-R1 (FactualVQA, arXiv 2506.20670; not the FVQA of 2017), in verl's layout.

    {"data_id": "fvqa_test_0", "prompt": [{"role": "user", "content": "Which country is this in?"}],
     "images": [{"bytes": "<png>", "path": null}], "category": "search_required",
     "reward_model": {"ground_truth": "Norway", "candidate_answers": "[\"NOR\"]"}}

The `*_search_results_cache.pkl` beside the tables are pickles and never opened.
"""

from collections.abc import Mapping, Sequence

from vision_deepresearch.core.task import Gold
from vision_deepresearch.evals.benchmarks.cells import gold_of, id_of, optional_text, strata_of
from vision_deepresearch.evals.benchmarks.draft import Draft, MissingPictureError, Place, Source
from vision_deepresearch.store.tables import BadRowError, TableRow

_PLACEHOLDER = "<image>"


def drafts(row: TableRow, place: Place) -> Sequence[Draft]:
    """One question."""
    config = "train" if "train" in place.file.name else "test"
    if not place.wants(config):
        return []
    pictures = place.pictures(row.get("images"))
    if not pictures:
        raise MissingPictureError("the cell `images` is empty: get the row again")
    return [
        Draft(
            config=config,
            source_id=id_of(row, "data_id", "id", number=place.number),
            question=verl_question(row),
            gold=verl_gold(row),
            pictures=pictures,
            strata=strata_of(row, "category", "data_source"),
        )
    ]


def verl_question(row: TableRow) -> str:
    """The text of the user's one message.

    Raises:
        BadRowError: no such message.
    """
    prompt = row.get("prompt")
    if isinstance(prompt, str):
        question = optional_text(row, "prompt")
    else:
        said = prompt if isinstance(prompt, Sequence) and not isinstance(prompt, bytes) else ()
        users = [one for one in said if isinstance(one, Mapping) and one.get("role") == "user"]
        if len(users) != 1:
            raise BadRowError("question", "a prompt with one message of the user was expected")
        question = optional_text(users[0], "content")
    question = question.replace(_PLACEHOLDER, "").strip()
    if not question:
        raise BadRowError("question", "the prompt has no text: fill it or leave the row out")
    return question


def verl_gold(row: TableRow) -> Gold:
    """The truth and its aliases.

    Raises:
        BadRowError: none.
    """
    reward = row.get("reward_model")
    if not isinstance(reward, Mapping):
        raise BadRowError("no_gold", "reward_model holds no ground_truth: get the row again")
    return gold_of(reward.get("ground_truth"), reward.get("candidate_answers"))


SOURCE = Source(
    name="fvqa",
    title="FVQA (MMSearch-R1)",
    columns=(("prompt",), ("images",), ("reward_model",)),
    drafts=drafts,
    sizes={"test": 1800, "train": 5000},
    defaults=("test",),
    subsets={"test": ("test",), "train": ("train",)},
    files=(r"fvqa_test.*\.parquet$", r"test.*\.parquet$"),
    subset_files={part: rf"{part}[^/]*\.parquet$" for part in ("test", "train")},
    home="Hugging Face lmms-lab/FVQA (fvqa_test.parquet)",
    licence="apache-2.0",
    notes="The papers' 300 are drawn without a published seed: take them from the official pack.",
)
