"""The mixture: several finished runs and ratios become one data set, the same for the same seed.

Nothing is ever fewer in silence: a part that cannot give its share is refused, or, where the recipe
says so, all parts shrink together and it is told which one was short. Pure: no run is read here.

Source of the ratios in `recipes/paper/mixture.toml`: arXiv 2601.22060, 2.3.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from pydantic import Field, model_validator

from vision_deepresearch.core.errors import ConfigError
from vision_deepresearch.core.record import Record


class PartSettings(Record):
    """What one run gives."""

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9_-]*$")
    run: str
    """Its folder."""
    share: float = Field(gt=0)
    """Weight against the other parts of the set."""


class SetSettings(Record):
    """One data set."""

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9_-]*$")
    """Also of its run folder."""
    holds: Literal["trajectories", "tasks"]
    """`trajectories`: attempts judged right, for SFT; `tasks`: questions, for RL."""
    total: int | None = Field(default=None, ge=1)
    """Records; None: as many as the ratios allow."""
    parts: tuple[PartSettings, ...] = Field(min_length=1)


class MixtureSettings(Record):
    """Everything that determines a mixture."""

    kind: Literal["mixture"] = "mixture"
    seed: int = 0
    """Decides which records are taken."""
    on_shortfall: Literal["refuse", "scale"] = "refuse"
    """What to do where a part has less than its share of `total`: refuse, or shrink all parts alike."""
    is_apart: bool = True
    """Whether a question taken by one set is left out of the later ones. Ours."""
    sets: tuple[SetSettings, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _named_apart(self) -> "MixtureSettings":
        names = [one.name for one in self.sets]
        parts = [[part.name for part in one.parts] for one in self.sets]
        if any(len(set(some)) < len(some) for some in (names, *parts)):
            msg = "sets, and the parts of a set, need names of their own"
            raise ValueError(msg)
        return self


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A record that may be taken."""

    task_id: str
    attempt: int
    """0 for tasks."""
    content: str
    """Equal for equal questions about equal pictures."""

    @property
    def key(self) -> str:
        """Unique in its run."""
        return f"{self.task_id}/{self.attempt}"


class PartReport(Record):
    """What became of one part."""

    name: str
    run: str
    offered: int
    """Records that would do."""
    doubles: int = 0
    """Left out: another part or an earlier set has the question."""
    wanted: int
    """Its share of the total that was asked for, or found."""
    taken: int = 0

    @property
    def available(self) -> int:
        """Offered and no double."""
        return self.offered - self.doubles


class SetReport(Record):
    """What became of one set."""

    name: str
    holds: str
    total_wanted: int | None
    total: int
    parts: tuple[PartReport, ...]
    shortfall: str = ""
    """In plain words; empty: none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """The records of a set, by part, and the report."""

    report: SetReport
    taken: Mapping[str, tuple[Candidate, ...]]


def choose(
    wanted: SetSettings,
    offered: Mapping[str, Sequence[Candidate]],
    *,
    seed: int,
    on_shortfall: Literal["refuse", "scale"],
    used: frozenset[str] = frozenset(),
) -> Chosen:
    """Take the share of each part, by chance that the seed decides.

    Of a question with several attempts a second one is taken only after all first ones.

    Args:
        wanted: the set.
        offered: records by part, in any order.
        seed: decides which are taken.
        on_shortfall: what to do where a part has too few.
        used: contents that may not be taken.

    Raises:
        ConfigError: a shortfall that is to be refused, or nothing can be taken at all.
    """
    left: dict[str, list[Candidate]] = {}
    seen = set(used)
    for part in wanted.parts:
        fresh = [one for one in offered[part.name] if one.content not in seen]
        seen |= {one.content for one in fresh}
        left[part.name] = _in_order(fresh, seed=seed, part=part.name)
    have = [len(left[part.name]) for part in wanted.parts]
    shares = [part.share for part in wanted.parts]
    most = _most(have, shares)
    total = most if wanted.total is None else wanted.total
    asked = apportion(total, shares)
    short = [
        f"{part.name} has {there:,} of {needed:,}"
        for part, there, needed in zip(wanted.parts, have, asked, strict=True)
        if there < needed
    ]
    told = ""
    if short:
        told = (
            f"set {wanted.name!r} of {total:,} {wanted.holds}: {'; '.join(short)}. The ratios allow "
            f"{most:,}"
        )
        if on_shortfall == "refuse":
            msg = f'{told}: make more of these, set total = {most}, or on_shortfall = "scale"'
            raise ConfigError(msg)
    given = apportion(most, shares) if short else asked
    if min(given) == 0:
        empty = [part.name for part, n in zip(wanted.parts, given, strict=True) if n == 0]
        msg = (
            f"set {wanted.name!r} comes to nothing: of {total:,} {wanted.holds}, {', '.join(empty)} "
            "would give none. Leave the part out, raise total, or make some"
        )
        raise ConfigError(msg)
    taken = {
        part.name: tuple(left[part.name][:number])
        for part, number in zip(wanted.parts, given, strict=True)
    }
    report = SetReport(
        name=wanted.name,
        holds=wanted.holds,
        total_wanted=wanted.total,
        total=sum(given),
        parts=tuple(
            PartReport(
                name=part.name,
                run=part.run,
                offered=len(offered[part.name]),
                doubles=len(offered[part.name]) - there,
                wanted=needed,
                taken=number,
            )
            for part, there, needed, number in zip(wanted.parts, have, asked, given, strict=True)
        ),
        shortfall=told,
    )
    return Chosen(report=report, taken=taken)


def apportion(total: int, shares: Sequence[float]) -> list[int]:
    """Whole numbers in the ratio of the shares that add up to the total, by largest remainders.

    >>> apportion(30_000, [16, 8, 6]), apportion(10, [1, 1, 1])
    ([16000, 8000, 6000], [4, 3, 3])
    """
    exact = [total * share / sum(shares) for share in shares]
    whole = [int(one) for one in exact]
    by_remainder = sorted(
        range(len(shares)), key=lambda place: (whole[place] - exact[place], place)
    )
    for place in by_remainder[: total - sum(whole)]:
        whole[place] += 1
    return whole


def _most(have: Sequence[int], shares: Sequence[float]) -> int:
    """The greatest total whose shares are all there."""
    bounds = [(there + 1) * sum(shares) / share for there, share in zip(have, shares, strict=True)]
    total = min(sum(have), int(min(bounds)))
    while total and any(
        needed > there for needed, there in zip(apportion(total, shares), have, strict=True)
    ):
        total -= 1
    return total


def _in_order(candidates: Sequence[Candidate], *, seed: int, part: str) -> list[Candidate]:
    """By chance, first attempts before second ones."""

    def drawn(one: Candidate) -> str:
        return hashlib.sha256(f"{seed}/{part}/{one.key}".encode()).hexdigest()

    turn: dict[str, int] = {}
    ranked: list[tuple[int, str, Candidate]] = []
    for one in sorted(candidates, key=drawn):
        turn[one.content] = turn.get(one.content, -1) + 1
        ranked.append((turn[one.content], drawn(one), one))
    return [one for _, _, one in sorted(ranked, key=lambda item: item[:2])]
