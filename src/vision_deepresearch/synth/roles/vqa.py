"""The roles of VQA synthesis. Each has two implementations: prompts to a model, and the truth.

All are asked with a `CallContext`, which carries budget and identity to recorders of calls. What a
role gives is checked by the stage that asked it: no role is believed. A role that cannot tell says so
by its type (an empty tuple, None); it raises `ModelError` only where its model failed.

`name` says who plays the role and with which prompts (file and version): it is a part of the identity
of the stage, so another prompt is other work.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from vision_deepresearch.core.content import Picture
from vision_deepresearch.core.context import CallContext
from vision_deepresearch.core.geometry import Box
from vision_deepresearch.core.page import Page
from vision_deepresearch.core.record import Record
from vision_deepresearch.synth.vqa_records import (
    Candidate,
    Claim,
    CutRegion,
    Draft,
    Finding,
    Move,
    Photo,
    Source,
    Topic,
    Verified,
    View,
)


class Selection(Record):
    """Whether a picture is worth asking about."""

    is_kept: bool
    criteria: dict[str, bool] = {}
    """By name, for example {"several_entities": True}."""
    reason: str = ""


class Spot(Record):
    """A thing that was framed."""

    box: Box
    says: str = ""


class Recognition(Record):
    """What the searches of a region show, crop by crop."""

    names: tuple[str | None, ...]
    """For each view: the name, as the agreeing pages title it, or None where crop and hits differ."""
    urls: tuple[tuple[str, ...], ...]
    """For each view: the hits that show the same thing, best first."""
    aliases: tuple[str, ...] = ()


class SeedQuestion(Record):
    """An entity-level question: unambiguous, visual, answered by the thing's name."""

    question: str
    """For example "What is the name of the ship farthest to the left?"."""
    where: str = ""
    """The words that say which thing is meant, as they stand in the question."""


class Choice(Record):
    """The most reasonable of several candidates."""

    index: int | None
    """None: none is better than the question as it stands."""
    reason: str = ""


class Objection(Record):
    """What speaks against a question."""

    reason: str
    """One word, for counting: "shortcut", "not_unique", "unnatural"."""
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Exam:
    """What a respondent is given: no gold, no proof."""

    draft: Draft | Claim
    """Only its question may be shown to a model."""
    picture: Picture | None
    """None: blind."""
    findings: Sequence[Finding] = ()
    """Pages to answer from; empty: from what it knows."""
    sample: int = 0
    """Number of the sample: another one, another reply."""


class Collector(Protocol):
    """Knows where pictures are."""

    @property
    def name(self) -> str:
        """For records."""
        ...

    def sources(self, limit: int) -> tuple[Source, ...]:
        """The first so many pictures, always the same."""
        ...

    async def load(self, source: Source, *, context: CallContext) -> bytes:
        """The encoded picture.

        Raises:
            BadImageError: it cannot be had.
        """
        ...


class TopicFinder(Protocol):
    """Knows things with pages, where questions without a picture can start."""

    @property
    def name(self) -> str:
        """For records."""
        ...

    def sources(self, limit: int) -> tuple[Source, ...]:
        """The first so many, always the same; fewer where there are no more."""
        ...

    async def find(self, source: Source, page: Page, *, context: CallContext) -> Topic | None:
        """What a page is about; None: nothing that has a name of its own."""
        ...

    async def address(self, source: Source) -> str | None:
        """Url of its page; None: none is found."""
        ...


class Selector(Protocol):
    """Keeps complex, realistic pictures of several things."""

    @property
    def name(self) -> str:
        """For records."""
        ...

    async def select(self, photo: Photo, picture: Picture, *, context: CallContext) -> Selection:
        """Decide on one picture."""
        ...


class Spotter(Protocol):
    """Frames the things of a picture."""

    @property
    def name(self) -> str:
        """For records."""
        ...

    async def spot(
        self, photo: Photo, picture: Picture, *, limit: int, context: CallContext
    ) -> tuple[Spot, ...]:
        """At most `limit` boxes, the most telling first."""
        ...


class Verifier(Protocol):
    """Compares crops with what an image search gave for them."""

    @property
    def name(self) -> str:
        """For records."""
        ...

    async def recognise(
        self, region: CutRegion, views: Sequence[View], picture: Picture, *, context: CallContext
    ) -> Recognition:
        """Say what each view shows; `picture` is the whole one, crops are cut by `View.crop`."""
        ...


class Questioner(Protocol):
    """Asks for the name of a thing in a picture."""

    @property
    def name(self) -> str:
        """For records."""
        ...

    async def ask(
        self, subject: Verified, picture: Picture, *, context: CallContext
    ) -> SeedQuestion | None:
        """An entity-level question; None: words cannot say which thing is meant."""
        ...


class Obfuscator(Protocol):
    """Makes questions harder, one move at a time."""

    @property
    def name(self) -> str:
        """For records."""
        ...

    async def keywords(self, draft: Draft, *, move: Move, context: CallContext) -> tuple[str, ...]:
        """Text searches for evidence around the answer (chain, look) or the thing to replace."""
        ...

    async def propose(
        self,
        draft: Draft,
        findings: Sequence[Finding],
        picture: Picture | None,
        *,
        move: Move,
        then: Sequence[Move],
        count: int,
        context: CallContext,
    ) -> tuple[Candidate, ...]:
        """At most `count` harder questions, each from evidence of its own where there is enough.

        `then`: moves of later rounds; before a `chain` or a `look` the answer must be a thing that
        leads on.
        """
        ...


class Chooser(Protocol):
    """Picks the most reasonable and objective candidate."""

    @property
    def name(self) -> str:
        """For records."""
        ...

    async def choose(
        self, draft: Draft, candidates: Sequence[Candidate], *, move: Move, context: CallContext
    ) -> Choice:
        """One of the candidates."""
        ...


class Validator(Protocol):
    """Tries a finished question and looks for faults."""

    @property
    def name(self) -> str:
        """For records."""
        ...

    async def answer(self, exam: Exam, *, context: CallContext) -> str | None:
        """Answer from what is given; None: it does not say."""
        ...

    async def objections(
        self, draft: Draft, findings: Sequence[Finding], *, context: CallContext
    ) -> tuple[Objection, ...]:
        """What speaks against the question: an idle condition, a second answer, bad words."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class VqaRoles:
    """Who plays what."""

    collector: Collector | None
    """None: questions about pictures are not asked."""
    selector: Selector
    spotter: Spotter
    verifier: Verifier
    questioner: Questioner
    obfuscator: Obfuscator
    chooser: Chooser
    validator: Validator
    topics: TopicFinder | None = None
    """None: questions without a picture are not asked."""
