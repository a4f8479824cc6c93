"""Random numbers of noise: pure functions of seeds, knob and request, and the count of repetitions.

Counter-based: a number is a hash of what it is for, so it does not depend on which numbers were
drawn before, on the process, or on how many rollouts run at the same time.
"""

import hashlib
from collections import Counter, OrderedDict
from dataclasses import dataclass, field
from statistics import NormalDist
from urllib.parse import urldefrag

from vision_deepresearch.core.bank import CropOrigin
from vision_deepresearch.core.content import Picture
from vision_deepresearch.core.context import CallContext

RequestKey = tuple[str, ...]
"""What is asked, in canonical form; the number of results wanted is no part of it."""
_BITS = 53
_NORMAL = NormalDist()
_MAX_TRAJECTORIES = 8192
"""Trajectories whose repetitions are counted; the one unused for longest is forgotten first."""


def picture_request(picture: Picture, *, origin: CropOrigin | None) -> RequestKey:
    """A picture counts by the crop it is, or by its content where that is not known."""
    if origin is None:
        return ("image", picture.ref.sha256)
    box = origin.box
    corners = (f"{corner:.6f}" for corner in (box.x0, box.y0, box.x1, box.y1))
    return ("image", origin.sha256, *corners)


def text_request(query: str) -> RequestKey:
    """Words count without case and spacing."""
    return ("text", " ".join(query.split()).casefold())


def page_request(url: str, *, cursor: str | None) -> RequestKey:
    """A window of a page."""
    return ("page", address_of(url), cursor or "")


def asset_request(url: str) -> RequestKey:
    """A picture of a page."""
    return ("asset", address_of(url))


def address_of(url: str) -> str:
    """A url without spaces around it and without fragment."""
    return urldefrag(url.strip()).url


@dataclass(frozen=True, slots=True, kw_only=True)
class Draws:
    """Numbers under one pair of seeds."""

    world_seed: int
    noise_seed: int
    salt: str = ""
    """What sets episodes apart; "": nothing."""

    def uniform(self, knob: str, *key: str | int) -> float:
        """A number in [0, 1). Cost: 2 microseconds."""
        content = repr((self.world_seed, self.noise_seed, self.salt, knob, key))
        digest = hashlib.blake2b(content.encode("utf-8", "surrogatepass"), digest_size=8).digest()
        return (int.from_bytes(digest, "big") >> (64 - _BITS)) / (1 << _BITS)

    def happens(self, p: float, knob: str, *key: str | int) -> bool:
        """Whether something of chance `p` happens; never at 0, always at 1."""
        return p > 0 and self.uniform(knob, *key) < p

    def normal(self, knob: str, *key: str | int) -> float:
        """A number of the standard normal distribution."""
        return _NORMAL.inv_cdf(max(self.uniform(knob, *key), 2.0**-_BITS))

    def below(self, count: int, knob: str, *key: str | int) -> int:
        """A whole number in 0..count-1; `count` is positive."""
        return min(int(self.uniform(knob, *key) * count), count - 1)


@dataclass(slots=True)
class _Asked:
    """Requests of one trajectory: by request and turn, how often each call slot made it."""

    turn: int = 0
    by_request: dict[RequestKey, dict[int, Counter[int]]] = field(default_factory=dict)


class Repetitions:
    """Counts how often a request was made in its trajectory, so that a failure can pass.

    The count must not depend on which of several calls of a turn is quicker. So a request has the
    number of *earlier turns* in which it was made, and within one call of a turn the number of
    times that this call has made it before (a retry).
    """

    def __init__(self) -> None:
        self._trajectories: OrderedDict[str, _Asked] = OrderedDict()

    def number(self, request: RequestKey, *, context: CallContext | None) -> tuple[int, int]:
        """The place of a request that is being made: (earlier turns, earlier tries in this call).

        A turn that is smaller than one seen before means that the trajectory began anew. Calls
        without a context (by hand) count as tries of one endless call.
        """
        name = "" if context is None else context.trajectory_id
        turn, index = (0, 0) if context is None else (context.turn, context.index)
        asked = self._trajectories.get(name)
        if asked is None or turn < asked.turn:
            asked = self._trajectories[name] = _Asked()
        self._trajectories.move_to_end(name)
        if len(self._trajectories) > _MAX_TRAJECTORIES:
            self._trajectories.popitem(last=False)
        asked.turn = turn
        turns = asked.by_request.setdefault(request, {})
        num_turns = sum(earlier < turn for earlier in turns)
        tries = turns.setdefault(turn, Counter())
        tries[index] += 1
        return num_turns, tries[index] - 1
