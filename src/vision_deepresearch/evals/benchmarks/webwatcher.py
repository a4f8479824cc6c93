r"""WebWatcher's tables: LiveVQA 300, MMSearch 171, SimpleVQA 300, and 330 of HLE.

    {"prompt": "Which hall is shown?\nYou can choose among these Choices:\nA. North Hall\nB. South Hall",
     "file_path": "http://example.org/i.jpeg", "task": "hle/Other", "lang": "en", "source": "HLE",
     "answers": ["South Hall", "South"], "question_id": 1}

The pictures are addresses of an object store: download them into one folder, under the last part of the
address. `source` says HLE in every file; HLE's own answers are nested and its rows have no id.
"""

from collections.abc import Sequence

from vision_deepresearch.evals.benchmarks.cells import (
    answers_in,
    gold_of,
    id_of,
    strata_of,
    text_of,
    without_choices,
)
from vision_deepresearch.evals.benchmarks.draft import Draft, MissingPictureError, Place, Source
from vision_deepresearch.store.tables import BadRowError, TableRow

_CONFIGS = ("livevqa", "mmsearch", "simplevqa", "hle")


def drafts(row: TableRow, place: Place) -> Sequence[Draft]:
    """One question."""
    config = place.file.stem
    if config not in _CONFIGS:
        raise BadRowError("file", f"{config}.jsonl is none of {', '.join(_CONFIGS)}: keep its name")
    is_open = config == "livevqa" and place.variant == "livevqa-open"
    if not place.wants("livevqa-open" if is_open else config):
        return []
    pictures = place.pictures(row.get("file_path"))
    if not pictures:
        raise MissingPictureError("the cell `file_path` is empty: get the row again")
    asked = without_choices(text_of(row, "prompt"))
    return [
        Draft(
            config="livevqa-open" if is_open else config,
            source_id=id_of(row, "question_id", number=place.number),
            question=asked.question,
            gold=gold_of(row.get("answers"), choices=() if is_open else asked.choices),
            pictures=pictures,
            strata=strata_of(row, "lang"),
        )
    ]


SOURCE = Source(
    name="webwatcher",
    title="WebWatcher's evaluation tables",
    columns=(("prompt",), ("file_path",), ("answers",)),
    drafts=drafts,
    sizes={"livevqa": 300, "livevqa-open": 300, "mmsearch": 171, "simplevqa": 300, "hle": 330},
    defaults=_CONFIGS,
    subsets={name: (name,) for name in (*_CONFIGS, "livevqa-open")},
    subset_files={
        name: rf"(^|/){name.removesuffix('-open')}\.jsonl$" for name in (*_CONFIGS, "livevqa-open")
    },
    files=(r"(^|/)(livevqa|mmsearch|simplevqa|hle)\.jsonl$",),
    addresses=lambda row: answers_in(row.get("file_path")),
    home="GitHub Alibaba-NLP/DeepResearch, WebAgent/WebWatcher/infer/vl_search_r1/eval_data",
    licence="apache-2.0 (repository); the sets keep their own",
    notes="Its MMSearch has one gold per question, the original has aliases.",
)
