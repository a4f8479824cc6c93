"""What a question must pass before it becomes a task: no name leaks, no answer for nothing.

Numbers in the tests of this module are those of the list of checks in the design of worlds:
1 unique, 2 reachable, 3 no shortcut.
"""

import re
from collections.abc import Callable, Sequence

from vision_deepresearch.core.proof import Hop, HopKind
from vision_deepresearch.core.task import AnswerType, Gold
from vision_deepresearch.worlds.generated.document import Document
from vision_deepresearch.worlds.generated.drafts import ProofBuilder

Reachable = Callable[[str, str], bool]
"""(query, url) -> whether the text index gives the page among its first ten hits."""


def leaks(question: str, *, builder: ProofBuilder, gold: Gold) -> bool:
    """Whether the question names a thing of its own route, or its answer."""
    graph = builder.routes.graph
    names = [*gold.answers]
    for entity_id in builder.ids.values():
        entity = graph.entity(entity_id)
        names += [entity.name, *entity.aliases]
    text = question.casefold()
    return any(stands_in(name, text) for name in names)


def answer_on_page(gold: Gold, document: Document) -> bool:
    """Whether a page states the gold anywhere: then the hops before it could be skipped."""
    text = text_of(document)
    forms = [*gold.answers]
    if gold.type is AnswerType.NUMBER:
        forms += [f"{int(answer):,}" for answer in gold.answers if answer.isdigit()]
    return any(stands_in(form, text) for form in forms)


def stands_in(name: str, text: str) -> bool:
    """Whether a name stands in a text as a word of its own; `text` is casefolded already."""
    folded = name.casefold()
    return folded in text and bool(re.search(rf"(?<!\w){re.escape(folded)}(?!\w)", text))


def text_of(document: Document) -> str:
    """All words of a page's content, casefolded."""
    words: list[str] = [document.title]
    for row in document.rows:
        words += [row.label, *(span.text for span in row.cell)]
    for section in document.sections:
        lines = [
            *section.paragraphs,
            *section.items,
            *(cell for row in section.table for cell in row),
        ]
        words += [section.heading, *("".join(span.text for span in line) for line in lines)]
    words += [span.text for span in document.related]
    words += [picture.caption for picture in document.all_pictures]
    return "\n".join(words).casefold()


def is_reachable(hops: Sequence[Hop], *, reachable: Reachable) -> bool:
    """Whether each followed page is found by the name of its subject and the relation in words."""
    expected = {hop.id: hop.expected for hop in hops}
    return all(
        reachable(f"{expected[hop.subject]} {hop.label}", hop.pages[0])
        for hop in hops
        if hop.kind is HopKind.FOLLOW and hop.subject is not None
    )
