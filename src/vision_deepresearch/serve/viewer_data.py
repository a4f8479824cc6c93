"""What a trace page says, drawn from the records: no markup here, and no record in the templates.

Order of work: number the boxes and show the crops while walking over the turns, then draw the
canvases, then follow the evidence of each claim back to the picture.
"""

from dataclasses import dataclass

from vision_deepresearch.core.bank import BankEntry, Origin
from vision_deepresearch.core.content import Image, Message, Text
from vision_deepresearch.core.episode import Verdict
from vision_deepresearch.core.geometry import Box
from vision_deepresearch.core.observation import Evidence, EvidenceKind, Observation, Region
from vision_deepresearch.core.task import Task
from vision_deepresearch.core.trajectory import CallRecord, Trajectory, Turn
from vision_deepresearch.serve.viewer_boxes import NUM_COLOURS, Atlas, Canvas
from vision_deepresearch.serve.viewer_pictures import CROP_SIDE, HIT_SIDE, SCENE_SIDE, Figure, Shelf
from vision_deepresearch.serve.viewer_text import readable, safe_href, short


@dataclass(frozen=True, slots=True, kw_only=True)
class TraceItem:
    """One attempt at a task, judged or not."""

    task: Task
    trajectory: Trajectory
    verdict: Verdict | None = None
    note: str = ""
    """What else there is to say of it, for example what it counted for in training."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A hit or a page that was read."""

    kind: str
    title: str
    url: str
    href: str | None
    """The address where it may be clicked."""
    snippet: str
    published: str | None
    query: str | None
    label: str | None
    score: str | None
    picture: Figure | None
    """None also where it was never fetched, as with weak hits."""
    handle: str | None
    was_read: bool
    """A hit whose page was read at some time."""
    degraded: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class RegionCard:
    """One crop with what its search found."""

    id: int
    number: int | None
    """Of its box; None: the whole picture was searched."""
    scale: str | None
    """For example "x1.5"; None: the box as asked for."""
    box: Box
    """As asked for, before scaling."""
    corners: str
    """What was cut out, in thousandths of `source`."""
    source: str
    handle: str
    picture: Figure
    hits: tuple[Found, ...]
    pages: tuple[Found, ...]
    failure: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class QueryCard:
    """The hits of one query."""

    text: str
    hits: tuple[Found, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Argument:
    """One argument of a call."""

    name: str
    value: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """A run of text, or a picture, as the model saw it."""

    text: str | None = None
    is_trusted: bool = False
    picture: Figure | None = None
    handle: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageCard:
    """One message of the conversation."""

    role: str
    pieces: tuple[Piece, ...]
    num_chars: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CallCard:
    """One executed call and what came of it."""

    id: str
    tool: str
    goal: str | None
    arguments: tuple[Argument, ...]
    seconds: float
    cost_usd: float
    failure_kind: str | None
    failure: str | None
    notices: tuple[str, ...]
    regions: tuple[RegionCard, ...]
    queries: tuple[QueryCard, ...]
    pages: tuple[Found, ...]
    pictures: tuple[Piece, ...]
    """Pictures returned that are no searched crop, for example of `zoom`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TurnCard:
    """One model call and the execution of what it asked for."""

    number: int
    """1 is the first turn."""
    colour: int
    phase: str | None
    thought: str
    reply: MessageCard
    calls: tuple[CallCard, ...]
    answer: str | None
    fault_kind: str | None
    fault: str | None
    results: tuple[MessageCard, ...]
    edit: str | None
    """Policy of context management, if it acted before this turn."""
    edited_turns: str
    edited: str
    """The text that stands in place of the edited turns' results."""
    seconds: float
    model_seconds: float
    prompt_tokens: int
    completion_tokens: int
    cached_tokens: int
    model_frac: float
    """Percent of the longest turn that the model took."""
    tools_frac: float
    context_frac: float
    """Percent of the largest prompt."""
    boxes: tuple[int, ...]
    is_bad: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class TraceView:
    """A whole trajectory, ready for the template; the boxes are drawn, the pictures embedded."""

    item: TraceItem
    turns: tuple[TurnCard, ...]
    canvases: tuple[Canvas, ...]
    prompt: tuple[MessageCard, ...]
    num_boxes: int
    scales: tuple[float, ...]


def view_trace(item: TraceItem, *, shelf: Shelf) -> TraceView:
    """Walk over a trajectory and put its pictures on the shelf."""
    trajectory = item.trajectory
    bank = trajectory.bank or _given(item.task)
    for entry in bank:
        if entry.origin.kind == "given":  # first, so that it is embedded at its full size
            shelf.show(entry.ref, side=SCENE_SIDE, alt=entry.handle)
    atlas = Atlas(bank)
    builder = _Builder(trajectory, atlas=atlas, shelf=shelf)
    turns = tuple(builder.turn(turn, number) for number, turn in enumerate(trajectory.turns, 1))
    return TraceView(
        item=item,
        turns=turns,
        canvases=atlas.canvases(shelf),
        prompt=tuple(builder.message(message) for message in trajectory.prompt),
        num_boxes=num_boxes(trajectory),
        scales=tuple(sorted({region.scale for region in _cropped(trajectory)})),
    )


def num_boxes(trajectory: Trajectory) -> int:
    """Different boxes that were searched, whatever their scales; whole pictures do not count."""
    return len({(region.handle, region.box) for region in _cropped(trajectory)})


def _cropped(trajectory: Trajectory) -> list[Region]:
    calls = [record for turn in trajectory.turns for record in turn.calls]
    regions = [region for record in calls for region in record.observation.regions]
    return [region for region in regions if not _is_whole(region)]


def _is_whole(region: Region) -> bool:
    """Whether the picture itself was searched, uncut."""
    return region.crop_handle == region.handle


def worlds_of(trajectory: Trajectory) -> tuple[str, ...]:
    """Ids of the worlds that gave evidence, in order of first use."""
    calls = [record for turn in trajectory.turns for record in turn.calls]
    found = [item.world_id for record in calls for item in record.observation.evidence]
    return tuple(dict.fromkeys(name for name in found if name))


def _given(task: Task) -> tuple[BankEntry, ...]:
    """The bank of a trajectory that ended before its bank was filled."""
    return tuple(
        BankEntry(handle=f"img_{number}", ref=ref, origin=Origin(kind="given"))
        for number, ref in enumerate(task.images, 1)
    )


class _Builder:
    """Makes cards of records; keeps what they share: atlas, shelf, region ids."""

    def __init__(self, trajectory: Trajectory, *, atlas: Atlas, shelf: Shelf) -> None:
        self._atlas = atlas
        self._shelf = shelf
        self._num_regions = 0
        self._turn = 0
        self._boxes: list[int] = []
        self._places = {turn.index: place for place, turn in enumerate(trajectory.turns, 1)}
        evidence = [
            item
            for turn in trajectory.turns
            for record in turn.calls
            for item in record.observation.evidence
        ]
        self._read = {item.url for item in evidence if item.kind is EvidenceKind.PAGE}
        self._longest_s = max((turn.seconds for turn in trajectory.turns), default=0.0) or 1.0
        self._largest = max((turn.prompt_tokens for turn in trajectory.turns), default=0) or 1

    def turn(self, turn: Turn, number: int) -> TurnCard:
        self._turn = number
        self._boxes.clear()
        calls = tuple(self._call(record) for record in turn.calls)
        model_frac = min(turn.model_seconds, turn.seconds) / self._longest_s * 100
        edit = turn.edit
        edited = [str(self._places.get(index, index)) for index in edit.turns] if edit else []
        return TurnCard(
            number=number,
            colour=number % NUM_COLOURS,
            phase=turn.phase,
            thought=turn.thought or turn.reply.reasoning or "",
            reply=self.message(turn.reply),
            calls=calls,
            answer=turn.answer,
            fault_kind=turn.fault.kind.value if turn.fault else None,
            fault=turn.fault.message if turn.fault else None,
            results=tuple(self.message(message) for message in turn.results),
            edit=edit.policy if edit else None,
            edited_turns=", ".join(edited),
            edited=edit.replacement if edit else "",
            seconds=turn.seconds,
            model_seconds=turn.model_seconds,
            prompt_tokens=turn.prompt_tokens,
            completion_tokens=turn.usage.completion_tokens,
            cached_tokens=turn.usage.cached_tokens,
            model_frac=model_frac,
            tools_frac=max(turn.seconds / self._longest_s * 100 - model_frac, 0.0),
            context_frac=turn.prompt_tokens / self._largest * 100,
            boxes=tuple(dict.fromkeys(self._boxes)),
            is_bad=turn.is_bad,
        )

    def message(self, message: Message) -> MessageCard:
        pieces = tuple(
            Piece(text=part.text, is_trusted=part.trusted)
            if isinstance(part, Text)
            else self._picture(part)
            for part in message.parts
        )
        native = tuple(
            Piece(text=f"{call.name} {readable(call.arguments)}") for call in message.tool_calls
        )
        return MessageCard(
            role=message.role.value, pieces=pieces + native, num_chars=len(message.text)
        )

    def _picture(self, image: Image) -> Piece:
        alt = f"picture {image.handle or 'without a name'}"
        return Piece(
            picture=self._shelf.show(image.ref, side=CROP_SIDE, alt=alt), handle=image.handle
        )

    def _call(self, record: CallRecord) -> CallCard:
        observation = record.observation
        arguments = record.call.arguments
        goal = arguments.get("goal")
        has_goal = isinstance(goal, str)
        regions = tuple(
            self._region(region, observation=observation, position=position)
            for position, region in enumerate(observation.regions)
        )
        pages = [item for item in observation.evidence if item.kind is EvidenceKind.PAGE]
        return CallCard(
            id=record.call.id,
            tool=record.call.name,
            goal=goal if isinstance(goal, str) else None,
            arguments=tuple(
                Argument(name=name, value=readable(value))
                for name, value in arguments.items()
                if not (has_goal and name == "goal")
            ),
            seconds=record.seconds,
            cost_usd=record.cost_usd,
            failure_kind=observation.failure.kind.value if observation.failure else None,
            failure=observation.failure.message if observation.failure else None,
            notices=observation.notices,
            regions=regions,
            queries=self._queries(observation),
            pages=tuple(
                self._found(item) for item in pages if not _is_in_region(item, observation)
            ),
            pictures=self._other_pictures(observation),
        )

    def _region(self, region: Region, *, observation: Observation, position: int) -> RegionCard:
        self._num_regions += 1
        scale = f"\u00d7{region.scale:g}" if region.scale != 1 else None
        number = None if _is_whole(region) else self._draw(region, scale=scale)
        mine = [
            item
            for item in observation.evidence
            if item.region == position and item.kind is not EvidenceKind.TEXT_HIT
        ]
        return RegionCard(
            id=self._num_regions,
            number=number,
            scale=scale,
            box=region.box,
            corners=", ".join(str(corner) for corner in region.searched.thousandths()),
            source=region.handle,
            handle=region.crop_handle,
            picture=self._crop(region),
            hits=tuple(self._found(item) for item in mine if item.kind is EvidenceKind.IMAGE_HIT),
            pages=tuple(self._found(item) for item in mine if item.kind is EvidenceKind.PAGE),
            failure=region.failure.value if region.failure else None,
        )

    def _draw(self, region: Region, *, scale: str | None) -> int:
        number = self._atlas.number(region.handle, region.box)
        self._boxes.append(number)
        self._atlas.draw(
            region.handle,
            region.searched,
            number=number,
            label=f"{number}{scale or ''}",
            turn=self._turn,
            is_ring=scale is not None,
            region=self._num_regions,
        )
        return number

    def _crop(self, region: Region) -> Figure:
        """The crop itself, or the same part of the picture it was cut from."""
        alt = f"crop {region.crop_handle} of {region.handle}"
        shown = self._shelf.show(region.crop, side=CROP_SIDE, alt=alt)
        root = self._atlas.root(region.handle, region.searched)
        if shown.id is not None or root is None:
            return shown
        return self._shelf.show_part(root.entry.ref, root.box, side=CROP_SIDE, alt=alt)

    def _queries(self, observation: Observation) -> tuple[QueryCard, ...]:
        hits: dict[str, list[Found]] = {}
        for item in observation.evidence:
            if item.kind is EvidenceKind.PAGE or _is_in_region(item, observation):
                continue
            hits.setdefault(item.query or "", []).append(self._found(item))
        return tuple(QueryCard(text=text, hits=tuple(found)) for text, found in hits.items())

    def _found(self, item: Evidence) -> Found:
        alt = f"matched picture of {short(item.title)}"
        shown = self._shelf.show(item.image, side=HIT_SIDE, alt=alt) if item.image else None
        return Found(
            kind=item.kind.value,
            title=item.title,
            url=item.url,
            href=safe_href(item.url),
            snippet=item.snippet,
            published=item.published,
            query=item.query,
            label=item.label,
            score=f"{item.score:.3g}" if item.score is not None else None,
            picture=shown if shown and shown.id else None,
            handle=item.handle,
            was_read=item.kind is not EvidenceKind.PAGE and item.url in self._read,
            degraded=item.degraded,
        )

    def _other_pictures(self, observation: Observation) -> tuple[Piece, ...]:
        crops = {region.crop.sha256 for region in observation.regions}
        hits = {item.image.sha256 for item in observation.evidence if item.image}
        pieces = []
        for part in observation.parts:
            if not isinstance(part, Image) or part.ref.sha256 in crops | hits:
                continue
            pieces.append(self._picture(part))
            entry = self._atlas.entry(part.handle)
            if entry and entry.origin.kind == "crop" and entry.origin.handle and entry.origin.box:
                number = self._atlas.number(entry.origin.handle, entry.origin.box)
                self._boxes.append(number)
                self._atlas.draw(
                    entry.origin.handle,
                    entry.origin.box,
                    number=number,
                    label=str(number),
                    turn=self._turn,
                )
        return tuple(pieces)


def _is_in_region(item: Evidence, observation: Observation) -> bool:
    """Whether the evidence is shown under a crop."""
    is_visual = item.kind is not EvidenceKind.TEXT_HIT
    return is_visual and item.region is not None and 0 <= item.region < len(observation.regions)
