"""BrowseComp-Plus: 830 questions of BrowseComp that a fixed corpus of 100,195 pages answers.

    {"query_id": "769", "query": "<base64>", "answer": "<base64>",
     "evidence_docs": [{"docid": "...", "text": "..."}], "gold_docs": [...]}

Encrypted by one password for the whole set, or opened already by its authors' script. The
corpus (Tevatron/browsecomp-plus-corpus: docid, url, text) becomes a world with `vdr world import`.
"""

from collections.abc import Mapping, Sequence

from vision_deepresearch.evals.benchmarks.cells import gold_of, id_of, optional_text
from vision_deepresearch.evals.benchmarks.decrypt import is_plain, open_xor
from vision_deepresearch.evals.benchmarks.draft import Draft, Place, Source
from vision_deepresearch.store.tables import TableRow

PASSWORD = "BrowseComp-Plus Canary"  # noqa: S105 - published with the set
"""Not verified against the files: `--password` takes another."""


def drafts(row: TableRow, place: Place) -> Sequence[Draft]:
    """One question."""
    canary = optional_text(row, "canary")
    password = place.password or canary or PASSWORD
    if is_plain(row.get("query")):
        question, answer = optional_text(row, "query"), optional_text(row, "answer")
    else:
        question = open_xor(row.get("query"), password=password, is_question=True)
        answer = open_xor(row.get("answer"), password=password)
    documents = row.get("evidence_docs") or row.get("gold_docs")
    gold = gold_of([answer])
    return [
        Draft(
            config="test",
            source_id=id_of(row, "query_id", number=place.number),
            question=question,
            gold=gold.model_copy(
                update={"evidence_docids": _docids(documents, password=password) or None}
            ),
            is_protected=True,
            canary=canary or PASSWORD,
        )
    ]


def _docids(documents: object, *, password: str) -> tuple[str, ...]:
    """Ids of pages that hold the answer; they may be encrypted too."""
    if not isinstance(documents, Sequence) or isinstance(documents, str | bytes):
        return ()
    told = [str(one.get("docid") or "") for one in documents if isinstance(one, Mapping)]
    return tuple(one if one.isdigit() else open_xor(one, password=password) for one in told if one)


SOURCE = Source(
    name="browsecomp-plus",
    title="BrowseComp-Plus",
    columns=(("query_id",), ("query",), ("answer",)),
    drafts=drafts,
    sizes={"test": 830},
    home="Hugging Face Tevatron/browsecomp-plus and -corpus",
    licence="MIT",
    protects=frozenset({"test"}),
    notes="Not comparable with BrowseComp: the corpus is fixed.",
)
