"""What travels through the stages of VQA synthesis, from a picture to a task with its proof.

    Source -> Photo -> Region -> CutRegion -> Verified -> Draft -> (rounds) -> Draft -> Finished
    Row -> Claim -> Finished           questions of existing sets
    Source -> Topic -> Draft -> ...    questions without a picture

Each is made of the one before and keeps what the rest needs of it, so that any stage can be carried
out alone, on another machine, from its record.
"""

from enum import StrEnum

from pydantic import Field, JsonValue

from vision_deepresearch.core.content import ImageRef
from vision_deepresearch.core.geometry import Box
from vision_deepresearch.core.page import PageLink
from vision_deepresearch.core.proof import Constraint, Hop, Proof
from vision_deepresearch.core.record import Record
from vision_deepresearch.core.task import Gold, Task
from vision_deepresearch.synth.stage import Item


class Source(Item):
    """A picture that somebody has. Example: `Source(id="p00012", ref="p00012")`."""

    ref: str
    """Where it is to be had: a path, or what the world calls it."""
    licence: str = ""


class Hit(Record):
    """A page that an image search gave."""

    url: str
    title: str
    label: str = ""
    """The engine's word for how well it matches, for example "match"."""
    score: float | None = None
    image_url: str | None = None
    caption: str = ""

    @property
    def domain(self) -> str:
        """The site, for example "wiki.example"."""
        parts = self.url.split("/")
        return parts[2] if len(parts) > 2 else self.url


class Photo(Item):
    """A picture in the media store."""

    image: ImageRef
    ref: str
    """See `Source.ref`."""
    licence: str = ""
    look: str = Field(pattern=r"^[0-9a-f]{16}$")
    """Perceptual hash: pictures that look alike differ in few bits."""
    whole: tuple[Hit, ...] = ()
    """What a search of the whole picture gave, best first; set by `filter_images`."""


class Row(Item):
    """A row of an existing set of questions, read but not believed.

    Example: `Row(id="fvqa_train/12", dataset="fvqa_train", key="fvqa_train_12", question="...",
    answers=("Norway",), picture="9f..")`.
    """

    dataset: str
    """The set: the name of its file."""
    key: str = ""
    """The row's own name there; empty: it has none."""
    question: str = ""
    gold: Gold | None = None
    picture: str = ""
    """sha256 of the encoded bytes, which lie among the run's own copies, not decoded yet."""
    fault: str = ""
    """Why nothing can be made of it, in one word; empty: nothing is known against it."""
    detail: str = ""
    told: dict[str, str] = {}
    """What else the row says of itself, for example {"category": "search_required"}."""


class Claim(Photo):
    """A question with its answer that somebody made about a picture."""

    dataset: str
    key: str = ""
    question: str
    gold: Gold
    told: dict[str, str] = {}


class Region(Item):
    """One thing of a picture, as the spotter framed it."""

    photo: Photo
    number: int
    box: Box
    says: str = ""
    """What it is, in the spotter's words, for example "a coat of arms"."""
    others: tuple[Box, ...] = ()
    """Of all else that was framed in the picture."""


class Crop(Record):
    """A region cut out at one scale."""

    scale: float
    box: Box
    """Already scaled, cut to the picture."""


class CutRegion(Region):
    """A region with the crops that are to be searched."""

    crops: tuple[Crop, ...]


class View(Record):
    """What an image search gave for one crop."""

    crop: Crop
    hits: tuple[Hit, ...]


class Verified(Item):
    """A thing that several searches agree on."""

    region: Region
    name: str
    """Canonical: as most pages title it."""
    aliases: tuple[str, ...] = ()
    page: str
    """Url of the page that is most about it."""
    urls: tuple[str, ...]
    """Of all agreeing hits, the page among them."""
    scales: tuple[float, ...]
    """At which it was found."""
    domains: tuple[str, ...]


class Topic(Item):
    """A thing with a page of its own: where a question without a picture starts."""

    name: str
    """As its page is titled."""
    aliases: tuple[str, ...] = ()
    page: str
    """Url."""
    ref: str = ""
    """See `Source.ref`."""
    licence: str = ""


class Move(StrEnum):
    """How a round makes a question harder."""

    CHAIN = "chain"
    """Ask for something that the answer so far leads to."""
    REPLACE = "replace"
    """Name a thing no longer; say it by others around it."""
    LOOK = "look"
    """Ask for a thing that a picture shows which stands, without words, on the page of the answer so
    far. In no plan unless a recipe has it there."""


class Finding(Record):
    """A page that was found and read in a round."""

    query: str
    """Words that found it; empty: a link was followed."""
    url: str
    title: str
    text: str
    """Markdown of its first window."""
    links: tuple[PageLink, ...] = ()


class Candidate(Record):
    """A harder question, with all that proves its answer."""

    question: str
    gold: Gold
    hops: tuple[Hop, ...]
    constraints: tuple[Constraint, ...] = ()
    entities: tuple[str, ...] = ()
    """Names along the route, in order."""
    strata: dict[str, str] = {}
    evidence: tuple[str, ...]
    """Urls of the findings that it was made from."""
    memo: dict[str, JsonValue] = {}
    """What the role that made it wants to know in the next round; no stage reads it."""


class Round(Record):
    """What one round of obfuscation did."""

    move: Move
    queries: tuple[str, ...]
    pages: tuple[str, ...]
    """Urls that were read."""
    num_candidates: int
    chosen: int | None
    """None: nothing fit, the question stayed as it was."""
    reason: str = ""
    question: str
    """After the round."""


class Draft(Item):
    """A question on its way."""

    subject: Verified | Topic
    """What it began with: a thing in a picture, or one with a page."""
    seed_question: str
    """The entity-level question it began with; its answer is the name."""
    question: str
    gold: Gold
    hops: tuple[Hop, ...]
    constraints: tuple[Constraint, ...] = ()
    entities: tuple[str, ...] = ()
    strata: dict[str, str] = {}
    rounds: tuple[Round, ...] = ()
    memo: dict[str, JsonValue] = {}
    """See `Candidate.memo`."""

    @property
    def photo(self) -> Photo | None:
        """Its picture; None: it has none."""
        return self.subject.region.photo if isinstance(self.subject, Verified) else None

    @property
    def source_id(self) -> str:
        """Of its picture, or of the thing it began with."""
        return self.photo.id if self.photo is not None else self.subject.id

    @property
    def num_hops(self) -> int:
        """Relations between the picture and the answer, as the proof follows them."""
        return int(self.strata.get("hops", "0"))


class Finished(Item):
    """A task with its proof and how it came about."""

    task: Task
    proof: Proof | None = None
    """None: of an existing set, whose answer is believed."""
    seed_question: str = ""
    rounds: tuple[Round, ...] = ()
