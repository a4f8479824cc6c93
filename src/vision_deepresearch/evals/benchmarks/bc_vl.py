"""BC-VL (BrowseComp-VL) of WebWatcher: level 1 (199) and level 2 (200), one picture each.

    {"question": "Which year did the maker of this drawer rebrand?", "answers": ["2014"],
     "image_path": "browsecomp-vl/images/level1/level1_1.jpg", "domain": "Other"}

The level stands in the picture's path. The headline is the mean of both levels, each a set of its own
here. It was changed after the papers (October 2025: 73 questions of level 1): `:paper` checks for the
last revision.
"""

import re
from collections.abc import Sequence

from vision_deepresearch.evals.benchmarks.cells import gold_of, optional_text, strata_of, text_of
from vision_deepresearch.evals.benchmarks.draft import Draft, Place, Source
from vision_deepresearch.store.tables import BadRowError, TableRow

_LEVEL = re.compile(r"level([12])")


def drafts(row: TableRow, place: Place) -> Sequence[Draft]:
    """One question."""
    path = optional_text(row, "image_path")
    found = _LEVEL.search(path) or _LEVEL.search(place.file.stem)
    if found is None:
        raise BadRowError("level", "neither the picture's path nor the file says level1 or level2")
    level = found[1]
    if not place.wants(f"level{level}"):
        return []
    stem = path.rpartition("/")[2].rpartition(".")[0]
    return [
        Draft(
            config=f"level{level}",
            source_id=stem or str(place.number),
            question=text_of(row, "question"),
            gold=gold_of(row.get("answers")),
            pictures=(place.named(path, path.rpartition("/")[2]),),
            strata={**strata_of(row, "domain"), "level": level},
        )
    ]


SOURCE = Source(
    name="bc-vl",
    title="BC-VL",
    columns=(("question",), ("image_path",), ("answers",)),
    drafts=drafts,
    sizes={"level1": 199, "level2": 200},
    subsets={"level1": ("level1",), "level2": ("level2",)},
    files=(r"bc_vl_level[12]\.jsonl$", r"bc_vl.*\.jsonl$"),
    subset_files={level: rf"bc_vl_{level}\.jsonl$" for level in ("level1", "level2")},
    home="GitHub Alibaba-NLP/DeepResearch, WebAgent/WebWatcher/browsecomp-vl (unpack images/*.tar)",
    licence="apache-2.0; rights of the pictures unknown",
)
