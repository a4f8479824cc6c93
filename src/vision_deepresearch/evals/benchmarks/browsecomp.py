"""BrowseComp: 1,266 questions without pictures; text encrypted by each row's canary.

    problem,answer,problem_topic,canary
    <base64>,<base64>,Music,browsecomp:00000000-0000-4000-8000-000000000000

It has no ids: the number of the row stands in.
"""

from collections.abc import Sequence

from vision_deepresearch.evals.benchmarks.cells import gold_of, id_of, optional_text, strata_of
from vision_deepresearch.evals.benchmarks.decrypt import WRONG, open_xor
from vision_deepresearch.evals.benchmarks.draft import Draft, Place, Source
from vision_deepresearch.store.tables import BadRowError, TableRow


def drafts(row: TableRow, place: Place) -> Sequence[Draft]:
    """One question."""
    canary = optional_text(row, "canary")
    password = place.password or canary
    if not password:
        raise BadRowError(WRONG, "the row has no canary, which is its password")
    question = open_xor(row.get("problem"), password=password, is_question=True)
    return [
        Draft(
            config="test",
            source_id=id_of(row, "id", number=place.number),
            question=question,
            gold=gold_of([open_xor(row.get("answer"), password=password)]),
            strata=strata_of(row, "problem_topic"),
            is_protected=True,
            canary=canary,
        )
    ]


SOURCE = Source(
    name="browsecomp",
    title="BrowseComp",
    columns=(("problem",), ("answer",), ("canary",)),
    drafts=drafts,
    sizes={"test": 1266},
    files=(r"browse_?comp.*\.csv$",),
    home="browse_comp_test_set.csv of openai/simple-evals",
    licence="MIT",
    protects=frozenset({"test"}),
    notes="Without pictures: modes that search text alone.",
)
