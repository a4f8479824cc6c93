"""What a question must pass before it becomes a task: the six checks, by their numbers.

    1 `is_unique`       one answer on the graph, and by the word of every page
    2 `is_reachable`    each step has a page that the text index finds
    3 `has_shortcut`    without a hop the answer is the same, or the first page tells it
    4 `leaks`           a name of the route stands in the question
    5 `blind_reader_finds`   a reader without eyes finds the answer
    5, 6                the whole picture finds the things, a crop does: decided in `build`, on the
                        drawn scene

That the picture and each condition are needed is counted where the draft is made
(`Constraint.candidates_without`), because only there all that is in the scene is known.
"""

import re
from collections.abc import Callable, Iterable, Sequence

from vision_deepresearch.core.proof import Hop, HopKind
from vision_deepresearch.core.task import AnswerType, Gold
from vision_deepresearch.worlds.generated.claims import Stance
from vision_deepresearch.worlds.generated.document import Document
from vision_deepresearch.worlds.generated.drafts import ProofBuilder, TaskDraft
from vision_deepresearch.worlds.generated.routes import Arrival, Routes, Step

Reachable = Callable[[str, str], bool]
"""(query, url) -> whether the text index gives the page among its first ten hits."""
Search = Callable[[str], Sequence[str]]
"""query -> addresses of the pages that the text index gives, best first."""

_BLIND_HITS = 3
"""Hits that a reader without eyes opens."""
_NUM_STYLES = 3
_FEW = 12
"""Other things looked at before a hop counts as idle."""


# ------------------------------------------------------------------------------------- 1 unique


def is_unique(routes: Routes, arrivals: Iterable[Arrival]) -> bool:
    """Whether every step has one value on the graph, and no page about its start says otherwise."""
    return all(_has_one_value(routes, arrival) for arrival in arrivals)


def _has_one_value(routes: Routes, arrival: Arrival) -> bool:
    graph, name = routes.graph, arrival.step.relation.name
    if arrival.one_of_several:
        return (arrival.subject, name) not in routes.pages.disputed_backwards
    if routes.is_disputed(arrival.fact):
        return False
    styles = {graph.write(arrival.fact, style=style) for style in range(_NUM_STYLES)}
    if arrival.step.inverse:
        styles = {arrival.text}
    return all(
        claim.value in styles
        for claim in routes.claims_about(arrival.subject)
        if claim.subject == arrival.subject
        and claim.predicate == name
        and claim.inverse == arrival.step.inverse
        and claim.stance is not Stance.TRUE
    )


# ---------------------------------------------------------------------------------- 2 reachable


def is_reachable(hops: Sequence[Hop], *, reachable: Reachable) -> bool:
    """Whether each followed page is found by the name of its subject and the relation in words."""
    expected = {hop.id: hop.expected for hop in hops}
    return all(
        any(
            reachable(query, hop.pages[0])
            for query in (f"{expected[hop.subject]} {hop.label}", expected[hop.subject])
        )
        for hop in hops
        if hop.kind is HopKind.FOLLOW and hop.subject is not None
    )


# -------------------------------------------------------------------------------- 3 no shortcut


def has_idle_hop(routes: Routes, arrivals: Sequence[Arrival], *, answer: str) -> bool:
    """Whether a step of a chain can be left out: the others alone lead to the answer.

    Either from where it would have started, or from anywhere: then what it yields does not matter.
    """
    for number, arrival in enumerate(arrivals):
        rest = [later.step for later in arrivals[number + 1 :]]
        if any(later.one_of_several for later in arrivals[number + 1 :]):
            continue  # what follows chooses among several: it depends on where it starts
        if not rest:
            continue  # the last step yields the answer itself
        skipped = routes.walk(rest, start=arrival.subject)
        if skipped is not None and skipped[-1].text == answer:
            return True
        if arrival.entity is not None and not _leads_elsewhere(
            routes, rest, instead_of=arrival.entity, answer=answer
        ):
            return True
    return False


def _leads_elsewhere(
    routes: Routes, steps: Sequence[Step], *, instead_of: str, answer: str
) -> bool:
    alike = routes.graph.of_type(routes.graph.entity(instead_of).type)
    here = routes.graph.place_in_type(instead_of)
    for offset in range(1, min(_FEW, len(alike))):
        other = alike[(here + offset) % len(alike)].id
        arrivals = routes.walk(steps, start=other)
        if arrivals is not None and arrivals[-1].text != answer:
            return True
    return False


def answer_on_page(gold: Gold, document: Document) -> bool:
    """Whether a page states the gold anywhere: then the hops before it could be skipped."""
    text = text_of(document)
    forms = [*gold.answers]
    if gold.type is AnswerType.NUMBER:
        forms += [f"{int(answer):,}" for answer in gold.answers if answer.isdigit()]
    return any(stands_in(form, text) for form in forms)


# ------------------------------------------------------------------------------------ 4 no leak


def leaks(question: str, *, builder: ProofBuilder, gold: Gold) -> bool:
    """Whether the question names a thing of its own route, or its answer."""
    graph = builder.routes.graph
    names = [*gold.answers]
    for entity_id in builder.ids.values():
        entity = graph.entity(entity_id)
        names += [entity.name, *entity.aliases]
    text = question.casefold()
    return any(stands_in(name, text) for name in names)


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


# ---------------------------------------------------------------------------------- 5 baselines


def blind_reader_finds(routes: Routes, draft: TaskDraft, *, search: Search) -> bool:
    """Whether a reader without eyes gets the answer: it searches the question's own words."""
    last = draft.hops[-1]
    return blind_guess(routes, last, urls=search(draft.question)) == last.expected


def blind_guess(routes: Routes, last: Hop, *, urls: Sequence[str]) -> str | None:
    """What a reader without eyes answers from pages; None: they do not tell.

    It takes the last relation asked for from the first page about a thing that has it.
    """
    for url in urls[:_BLIND_HITS]:
        about = routes.pages.record(url).about
        if not about or routes.pages.record(url).kind.is_index:
            continue
        if last.kind is not HopKind.FOLLOW:
            return routes.graph.entity(about[0]).name
        for arrival in routes.steps_from(about[0]):
            if (
                arrival.step.relation.name == last.predicate
                and arrival.step.inverse == last.inverse
            ):
                return arrival.text
    return None
