"""Whether an answer was confirmed before it was given: read off the record, whoever made it.

An option (`verify_evidence`), after SimpleSearch-VL (2026): evidence is verified in the reasoning
before the answer. What counts here, and its strictness: ours.
"""

import re
from collections.abc import Iterator, Sequence

from vision_deepresearch.core.observation import Evidence, EvidenceKind
from vision_deepresearch.core.proof import Hop, HopKind, Proof
from vision_deepresearch.core.task import Task
from vision_deepresearch.core.trajectory import Trajectory, Turn
from vision_deepresearch.models.oracle_notebook import states


def is_verified(task: Task, trajectory: Trajectory, *, proof: Proof | None = None) -> bool:
    """Whether a new search led to a second page that says what the answer rests on.

    So: a turn names the candidate in its thought and makes a text search that was not made before;
    in that turn or later a hit or page states the candidate, and not the page it was read from
    before. With a proof, that hit or page names what the candidate is said of, too.

    Args:
        task: with its gold; other forms of a right answer count as the answer.
        trajectory: complete, its answer right.
        proof: of generated tasks.
    """
    forms = [trajectory.answer or "", *(task.gold.answers if task.gold is not None else ())]
    said = [form for form in forms if form.strip()]
    wanted = _wanted(proof, said=said)
    read: set[str] = set()
    queries: set[str] = set()
    is_checking = False
    for turn in trajectory.turns:
        asked = set(_queries(turn))
        names_it = any(states(turn.thought, form) for form in said)
        is_checking = is_checking or (bool(read) and names_it and bool(asked - queries))
        queries |= asked
        stating = [one for one in _evidence(turn) if _says(one, wanted)]
        if is_checking and any(one.url not in read for one in stating):
            return True
        if not is_checking:
            read |= {one.url for one in stating if one.kind is EvidenceKind.PAGE}
    return False


def _wanted(proof: Proof | None, *, said: Sequence[str]) -> list[Sequence[str]]:
    """What has to stand together, each in one of its forms."""
    claim = _claim(proof) if proof is not None else None
    if claim is None:
        return [said]
    subject, hop = claim
    return [(subject.expected, *subject.aliases), (hop.expected, *hop.aliases)]


def _claim(proof: Proof) -> tuple[Hop, Hop] | None:
    """What the answer rests on: who it is said of, and the hop that says it."""
    hops, goal = {hop.id: hop for hop in proof.hops}, proof.hops[-1]
    if goal.kind is HopKind.FOLLOW and goal.subject:
        return hops[goal.subject], goal
    among = goal.among or tuple(hops[over].subject or "" for over in goal.over)
    for over, thing in zip(goal.over, among, strict=True):
        if hops[thing].expected == goal.expected:
            return hops[thing], hops[over]
    return None


def _says(evidence: Evidence, wanted: Sequence[Sequence[str]]) -> bool:
    text = f"{evidence.title}\n{re.sub(r'[*_`]', '', evidence.snippet)}"
    return all(any(states(text, form) for form in forms) for forms in wanted)


def _evidence(turn: Turn) -> Iterator[Evidence]:
    for record in turn.calls:
        yield from record.observation.evidence


def _queries(turn: Turn) -> Iterator[str]:
    for record in turn.calls:
        asked = record.call.arguments.get("query") if record.call.name == "search" else None
        yield from (one for one in asked if isinstance(one, str)) if isinstance(asked, list) else ()
