"""Rewrites the thoughts of the offline teacher as a researcher would put them.

The oracle keeps notes in its replies ("h1 | shown in the picture: ..."), which nobody should learn
to write. Here each reply is written anew from what it notes and does: what was just read, what did
not work, what is tried next and why. Only values that stand in notes are named, and a note is
written after its value was read, so nothing is said before it was seen. Calls and answers stay as
they are.
"""

import random
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from vision_deepresearch.core.content import ToolCall
from vision_deepresearch.core.proof import Hop, HopKind, Proof
from vision_deepresearch.core.protocols import Profile
from vision_deepresearch.core.trajectory import Trajectory, Turn
from vision_deepresearch.models.oracle_notebook import (
    OwnReply,
    photo_noted,
    pick_all,
    read_own,
)
from vision_deepresearch.synth.trajectories import sayings

_UNKNOWN = "unknown"
_NUMBERS = ("no", "one box", "two boxes", "three boxes", "four boxes", "five boxes", "six boxes")


@dataclass(slots=True, kw_only=True)
class _State:
    """What is known before a turn, and what the turn before tried."""

    values: dict[str, str]
    last: tuple[ToolCall, ...] = ()
    told: str = ""
    """What tools gave in the turn before."""
    queries: int = 0
    """Searches for what is wanted now, without success."""
    looks: int = 0
    candidate: str = ""
    """The answer, once it was read: what is done then is to confirm it."""


def narrate(trajectory: Trajectory, proof: Proof, *, profile: Profile, seed: str) -> Trajectory:
    """The trajectory with every thought written anew; the same for the same seed.

    Args:
        trajectory: of the oracle.
        proof: of its task: what its notes are about.
        profile: how its replies are written.
        seed: of the wording.
    """
    given = {
        hop.id: hop.text for hop in proof.hops if hop.kind is HopKind.GIVEN and hop.text is not None
    }
    state = _State(values=given)
    turns = []
    for turn in trajectory.turns:
        rng = random.Random(f"{seed}/{turn.index}")
        own = read_own(turn.reply.text, profile=profile)
        thought = _thought(turn, own, state=state, proof=proof, rng=rng)
        turns.append(_rewritten(turn, thought, profile=profile))
    return trajectory.model_copy(update={"turns": tuple(turns)})


def _rewritten(turn: Turn, thought: str, *, profile: Profile) -> Turn:
    calls = tuple(record.call for record in turn.calls)
    completion = profile.write(thought=thought, calls=calls, answer=turn.answer)
    parsed = profile.parse(completion, turn=turn.index)
    return turn.model_copy(update={"reply": parsed.message, "thought": parsed.thought})


def _thought(
    turn: Turn,
    own: OwnReply,
    *,
    state: _State,
    proof: Proof,
    rng: random.Random,
) -> str:
    hops = {hop.id: hop for hop in proof.hops}
    known = set(state.values)
    fresh = [note for note in own.notes if note[0] not in known and note[0] in hops]
    again = [note for note in own.notes if note[0] in known and note[0] in hops and note[2]]
    handles = {
        str(call.arguments["image_id"]) for call in state.last if "image_id" in call.arguments
    }
    photos = [handle for hop_id, handle, _ in own.notes if photo_noted(hop_id)]
    sentences = [
        *(rng.choice(sayings.PHOTO).format(handle=handle) for handle in photos),
        *_findings(fresh, state=state, hops=hops, rng=rng, handle=", ".join(sorted(handles))),
        *_choices(state, proof=proof, rng=rng),
        *_confirmations(again, state=state, hops=hops, rng=rng),
        *_failures(has_found=bool(fresh or again or photos), state=state, rng=rng),
    ]
    state.candidate = state.values.get(proof.hops[-1].id, "")
    if fresh or photos:
        state.queries = state.looks = 0
    calls = tuple(record.call for record in turn.calls)
    if turn.answer is not None:
        sentences += _answer(turn.answer, rng=rng)
    else:
        sentences += _plan(calls, state=state, hops=hops, rng=rng)
    state.last = calls
    state.told = "\n".join(message.text for message in turn.results)
    return " ".join(sentences)


def _findings(
    fresh: Sequence[tuple[str, str, str]],
    *,
    state: _State,
    hops: Mapping[str, Hop],
    rng: random.Random,
    handle: str,
) -> Iterator[str]:
    """What was just read, each thing once."""
    for hop_id, value, _ in fresh:
        hop = hops[hop_id]
        if hop.kind is HopKind.LOOK:
            text = rng.choice(sayings.SEEN).format(name=value, handle=handle or "the picture")
        else:
            text = rng.choice(sayings.READ).format(
                subject=state.values.get(hop.subject or "", "it"), label=_label(hop), value=value
            )
        state.values[hop_id] = value
        yield _capital(text)


def _choices(state: _State, *, proof: Proof, rng: random.Random) -> Iterator[str]:
    """What a comparison of all that was read comes to."""
    before = set(state.values)
    pick_all(state.values, proof=proof)
    for hop in proof.hops:
        if hop.kind is HopKind.PICK and hop.id in state.values and hop.id not in before:
            yield _capital(rng.choice(sayings.CHOSEN).format(value=state.values[hop.id]))


def _confirmations(
    again: Sequence[tuple[str, str, str]],
    *,
    state: _State,
    hops: Mapping[str, Hop],
    rng: random.Random,
) -> Iterator[str]:
    """What a second page says too."""
    for hop_id, value, url in again:
        hop = hops[hop_id]
        text = rng.choice(sayings.CONFIRMED).format(
            value=value,
            host=urlsplit(url).hostname or url,
            subject=state.values.get(hop.subject or "", "it"),
            label=_label(hop),
        )
        yield _capital(text)


def _failures(*, has_found: bool, state: _State, rng: random.Random) -> Iterator[str]:
    """That the last step brought nothing, where it should have."""
    if has_found or not state.last:
        return
    if state.candidate:  # known before this turn: it is being confirmed
        if state.queries:
            yield rng.choice(sayings.STILL_UNSURE)
        return
    match state.last[-1].name:
        case "crop_and_search" | "image_search":
            state.looks += 1
            yield rng.choice(sayings.FAILED_LOOK)
        case "visit":
            yield rng.choice(sayings.FAILED_READ)
        case "zoom":
            pass  # nothing was searched
        case _:
            state.queries += 1


def _plan(
    calls: Sequence[ToolCall],
    *,
    state: _State,
    hops: Mapping[str, Hop],
    rng: random.Random,
) -> Iterator[str]:
    """What is done next, and why."""
    for number, call in enumerate(calls):
        match call.name:
            case "crop_and_search":
                why = sayings.WHY_LOOK_AGAIN if state.looks else sayings.WHY_LOOK
                if number == 0:
                    yield rng.choice(why)
                yield _look(call, rng=rng)
            case "zoom":
                yield (
                    _repair(call, rng=rng) if call.arguments.get("repair") else _view(call, rng=rng)
                )
            case "search":
                yield from _search(call, state=state, hops=hops, rng=rng)
            case "visit":
                if state.candidate:
                    yield rng.choice(sayings.VISIT_TO_VERIFY).format(host=_hosts(call))
                    continue
                if number == 0:
                    yield from _why_visit(call, state=state, rng=rng)
                yield rng.choice(sayings.VISIT).format(host=_hosts(call), wanted=_wanted_by(call))
            case _:
                yield "I check it another way."


def _why_visit(call: ToolCall, *, state: _State, rng: random.Random) -> Iterator[str]:
    """Where the page was met: in the hits, among the links of a page, or behind the picture."""
    urls = call.arguments.get("url")
    is_told = any(str(url) in state.told for url in urls) if isinstance(urls, list) else False
    before = {one.name for one in state.last}
    if any(one.name == "visit" and one.arguments.get("url") == urls for one in state.last):
        yield rng.choice(sayings.WHY_REREAD)
    elif is_told and "visit" in before:
        yield rng.choice(sayings.WHY_FOLLOW)
    elif is_told:
        yield rng.choice(sayings.WHY_VISIT)
    else:
        if "search" in before:
            yield rng.choice(sayings.FAILED_SEARCH)
        yield rng.choice(sayings.WHY_BACK)


def _look(call: ToolCall, *, rng: random.Random) -> str:
    boxes, scales = _length(call.arguments.get("bbox")), call.arguments.get("scales")
    how_many = _NUMBERS[boxes] if boxes < len(_NUMBERS) else f"{boxes} boxes"
    given = scales if isinstance(scales, list) else [1.0]
    if len(given) == 1:
        at = "tight" if given[0] == 1.0 else f"at scale {given[0]}"
    else:
        at = rng.choice(("tight and wider", "at several scales", "close and with its surroundings"))
    text = rng.choice(sayings.LOOK).format(
        boxes=how_many,
        Boxes=_capital(how_many),
        handle=call.arguments.get("image_id", "the picture"),
        scales=at,
    )
    return _capital(text)


def _view(call: ToolCall, *, rng: random.Random) -> str:
    return rng.choice(sayings.VIEW).format(handle=call.arguments.get("image_id", "the picture"))


def _repair(call: ToolCall, *, rng: random.Random) -> str:
    repairs = call.arguments.get("repair")
    listed = repairs if isinstance(repairs, list) else []
    how = " and ".join(sayings.REPAIRS[str(one)] for one in listed)
    handle = call.arguments.get("image_id", "the picture")
    return _capital(rng.choice(sayings.REPAIR).format(handle=handle, how=how))


def _search(
    call: ToolCall, *, state: _State, hops: Mapping[str, Hop], rng: random.Random
) -> Iterator[str]:
    queries = call.arguments.get("query")
    shown = [f'"{query}"' for query in queries] if isinstance(queries, list) else []
    query = " and ".join(shown[:3]) or "it"
    if state.candidate:
        if not state.queries:
            yield _capital(rng.choice(sayings.WHY_VERIFY).format(value=state.candidate))
        state.queries += 1
        yield _capital(rng.choice(sayings.SEARCH).format(query=query))
        return
    if state.queries:
        yield rng.choice(sayings.FAILED_SEARCH)
        yield _capital(rng.choice(sayings.REWORD).format(query=query))
        return
    wanted = _next_wanted(state, hops=hops)
    if wanted:
        yield _capital(rng.choice(sayings.WHY_SEARCH).format(wanted=wanted))
    yield _capital(rng.choice(sayings.SEARCH).format(query=query))


def _next_wanted(state: _State, *, hops: Mapping[str, Hop]) -> str:
    """What the next open hop asks, where its subject is known."""
    for hop in hops.values():
        is_open = hop.kind is not HopKind.PICK and hop.id not in state.values
        if is_open and (subject := state.values.get(hop.subject or "")):
            if hop.photo is not None:
                return f"the article about {subject}, for its pictures"
            return f"{subject}, {_label(hop)}"
    return ""


def _answer(answer: str, *, rng: random.Random) -> Iterator[str]:
    if answer == _UNKNOWN:
        yield rng.choice(sayings.GAVE_UP)
    else:
        yield _capital(rng.choice(sayings.ANSWER).format(answer=answer))


def _label(hop: Hop) -> str:
    return hop.label or (hop.predicate or "").replace("_", " ")


def _wanted_by(call: ToolCall) -> str:
    return re.sub(r"\s+", " ", str(call.arguments.get("goal", "what is missing"))).strip()


def _hosts(call: ToolCall) -> str:
    urls = call.arguments.get("url")
    listed = [url for url in urls if isinstance(url, str)] if isinstance(urls, list) else []
    hosts = dict.fromkeys(urlsplit(url).hostname or url for url in listed)
    return " and ".join(hosts) or "the page"


def _length(value: object) -> int:
    return len(value) if isinstance(value, list) else 0


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
