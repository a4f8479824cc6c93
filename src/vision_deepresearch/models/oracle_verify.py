"""A second look at the answer before it is given: one more search, and what else it leads to.

Off unless asked for. The candidate was read on a page; it counts as confirmed when it is read once
more, from a hit or page of a new search that is another page. What a proof expects is not looked at
here either: only names and values that were read.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from vision_deepresearch.core.content import ToolCall
from vision_deepresearch.core.proof import Hop, HopKind, Proof
from vision_deepresearch.core.protocols import TruthSource
from vision_deepresearch.models.oracle_notebook import Notebook, states, write_confirmation

_MAX_VISITS = 2
_GOAL = "whether it says the same: "


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """What is to be confirmed: of a subject, a value."""

    hop: Hop
    subject: str
    value: str

    def is_read_in(self, text: str, *, url: str, truth: TruthSource) -> bool:
        """Whether a text, under its headline, states it."""
        title, _, body = text.partition("\n")
        found = truth.read_value(f"[{title}]({url})\n{body}", subject=self.subject, hop=self.hop)
        return found is not None and found.strip().casefold() == self.value.casefold()

    @property
    def queries(self) -> tuple[str, ...]:
        """Searches that were not needed to find it: they begin with the candidate."""
        return (f"{self.value} {self.subject}", f"{self.subject} {self.hop.label} {self.value}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """The next step of a confirmation."""

    text: str
    calls: tuple[ToolCall, ...] = ()
    """Empty: it is over, and `text` says how it ended."""


def next_check(book: Notebook, proof: Proof, *, truth: TruthSource) -> Check | None:
    """What to do before answering; None: there is nothing that could be confirmed.

    Args:
        book: with the newest results.
        proof: of the task; says what the answer rests on.
        truth: reads values out of text.
    """
    claim = claim_of(book.values, proof)
    if claim is None:
        return None
    begun, done = _calls_since(claim, book.calls)
    if not done:
        return _search(claim, claim.queries[0], f"I have a candidate, {claim.value}. ")
    sources = set(_urls(begun))
    found = next(
        (
            url
            for url, text in book.shown.items()
            if url not in sources and claim.is_read_in(text, url=url, truth=truth)
        ),
        None,
    )
    if found is not None:
        note = write_confirmation(claim.hop, subject=claim.subject, value=claim.value, url=found)
        return Check(text=note)
    visited = {*sources, *_urls(done)}
    to_read = next(
        (
            url
            for url, text in book.shown.items()
            if url not in visited and states(text, claim.subject)
        ),
        None,
    )
    if done[-1].name == "search" and to_read and len(list(_urls(done))) < _MAX_VISITS:
        goal = f"{_GOAL}{claim.subject}, {claim.hop.label}"
        call = ToolCall(id="visit", name="visit", arguments={"url": [to_read], "goal": goal})
        return Check(text="Another page may say it too.", calls=(call,))
    asked = [query for call in done if call.name == "search" for query in _texts(call, "query")]
    again = next((query for query in claim.queries if query not in asked), None)
    if again is not None:
        return _search(claim, again, "Not confirmed yet. ")
    return Check(text="I found no second page for it.")


def claim_of(values: Mapping[str, str], proof: Proof) -> Claim | None:
    """What the answer rests on: the last value read, or the one that decided a choice."""
    hops = {hop.id: hop for hop in proof.hops}
    goal = proof.hops[-1]
    if goal.kind is HopKind.FOLLOW:
        return _claim(goal, subject=goal.subject, values=values)
    if goal.kind is not HopKind.PICK:
        return None
    among = goal.among or tuple(hops[over].subject or "" for over in goal.over)
    for over, thing in zip(goal.over, among, strict=True):
        if values.get(thing) == values.get(goal.id):
            return _claim(hops[over], subject=thing, values=values)
    return None


def _claim(hop: Hop, *, subject: str | None, values: Mapping[str, str]) -> Claim | None:
    name, value = values.get(subject or ""), values.get(hop.id)
    return Claim(hop=hop, subject=name, value=value) if name and value else None


def _calls_since(
    claim: Claim, calls: Sequence[ToolCall]
) -> tuple[Sequence[ToolCall], Sequence[ToolCall]]:
    """Calls before the confirmation began, and those of it."""
    for number, call in enumerate(calls):
        if call.name == "search" and claim.queries[0] in _texts(call, "query"):
            return calls[:number], calls[number:]
    return calls, ()


def _search(claim: Claim, query: str, why: str) -> Check:
    call = ToolCall(id="search", name="search", arguments={"query": [query]})
    return Check(text=f"{why}I look for a page that says so too: {claim.value}.", calls=(call,))


def _urls(calls: Sequence[ToolCall]) -> Iterator[str]:
    for call in calls:
        if call.name == "visit":
            yield from _texts(call, "url")


def _texts(call: ToolCall, key: str) -> list[str]:
    value = call.arguments.get(key)
    return [item for item in value if isinstance(item, str)] if isinstance(value, list) else []
