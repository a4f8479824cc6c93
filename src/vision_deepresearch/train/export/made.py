"""Records out of foreign rows: task and, where a row is a conversation, its trajectory."""

import base64
import hashlib
import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path
from typing import Literal, TypeVar

from pydantic import JsonValue

from vision_deepresearch.core.answers import extract_answer, normalise_answer
from vision_deepresearch.core.content import (
    Image,
    ImageRef,
    Message,
    Part,
    Role,
    Text,
    ToolCall,
    untrusted,
)
from vision_deepresearch.core.episode import Verdict
from vision_deepresearch.core.observation import Observation
from vision_deepresearch.core.protocols import Completion, MediaStore
from vision_deepresearch.core.record import Record
from vision_deepresearch.core.task import Gold, Task, fingerprint
from vision_deepresearch.core.trajectory import (
    FREE,
    CallRecord,
    StopReason,
    Trajectory,
    Turn,
)
from vision_deepresearch.models.profiles.vdr import VdrProfile
from vision_deepresearch.store.tables import BadRowError, TableRow
from vision_deepresearch.train.export.conversation import IMPORTED
from vision_deepresearch.train.export.foreign import (
    PICTURE_COLUMNS,
    Kind,
    Said,
    answers_of,
    id_of,
    kind_of,
    left_over,
    pictures_of,
    question_of,
    said_in,
    verl_question,
    verl_truth,
)
from vision_deepresearch.train.export.pictures import all_refs
from vision_deepresearch.train.export.sidecar import RowFacts, stored_messages

RecordT = TypeVar("RecordT", bound=Record)

_LATER_SEGMENT = 10_000
"""Added to the attempt of a later stretch of one trajectory: each stretch is an attempt here."""
_PROMPT = "Question: "


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """Where a row stands."""

    file: Path
    number: int
    """From 0."""
    root: Path
    facts: RowFacts | None = None

    @property
    def key(self) -> str:
        """Its name among the rejects."""
        return f"{self.file.name}#{self.number}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """What a row gave."""

    task: Task
    trajectory: Trajectory | None = None
    verdict: Verdict | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What is decided for all rows."""

    dataset: str | None
    split: Literal["train", "test", "auto"]
    test_frac: float
    kind: Literal["verified", "fuzzy", "text", "benchmark"] | None
    licence: str | None


@dataclass(slots=True)
class Maker:
    """Makes records, one row after the other; remembers what it has made. Cost: a hash per row."""

    media: MediaStore
    plan: Plan
    _tasks: dict[str, Task] = field(default_factory=dict)
    """By content."""
    _refs: dict[str, str] = field(default_factory=dict)
    """Content by readable key."""
    _said: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    """Conversations by task, hashed."""

    def make(self, row: TableRow, source: Source) -> Item:
        """The records of a row.

        Raises:
            BadRowError: it cannot be taken; says why.
            BadImageError: one of its pictures is none we accept.
            ValidationError: one of our own records does not fit.
        """
        _check_text(row)
        kind = kind_of(row)
        if kind is Kind.EPISODE:
            return self._episode(row, source)
        refs = tuple(self.media.put(data) for data in pictures_of(row, root=source.root))
        match kind:
            case Kind.MESSAGES | Kind.CONVERSATIONS:
                said = said_in(row, kind, num_pictures=len(refs))
                if source.facts is not None:
                    return _as_it_was(said, refs=refs, facts=source.facts)
                return self._conversation(row, source, said=said, refs=refs)
            case Kind.VERL:
                question, num_pictures = verl_question(row)
                if num_pictures != len(refs):
                    detail = f"{num_pictures} placeholders for {len(refs)} pictures"
                    raise BadRowError("placeholders", detail)
                truth = answers_of(verl_truth(row))
                task = self._task(row, source, question=question, refs=refs, answers=truth)
            case Kind.QUESTION:
                question = question_of(row)
                task = self._task(
                    row, source, question=question, refs=refs, answers=answers_of(row)
                )
        if self._said[task.id]:
            raise BadRowError("duplicate", "the same question over the same pictures came before")
        self._said[task.id].add("")
        return Item(task=task)

    # ------------------------------------------------------------------------------------- episodes

    def _episode(self, row: TableRow, source: Source) -> Item:
        task = _record(Task, row["task"])
        assert task is not None, "its kind says that it is there"
        trajectory = _record(Trajectory, row["trajectory"])
        verdict = _record(Verdict, row["verdict"])
        # Addresses are over pixels: a picture with others than it says is one that is missing.
        brought = {
            self.media.put(_kept_bytes(told, root=source.root)).sha256
            for told in _kept(row.get("images"))
        }
        missing = [ref for ref in all_refs(task, trajectory) if ref.sha256 not in brought]
        if missing:
            raise BadRowError("picture", f"{missing[0].sha256[:12]} is named and not there")
        return Item(task=task, trajectory=trajectory, verdict=verdict)

    # ---------------------------------------------------------------------------------------- tasks

    def _task(
        self,
        row: TableRow,
        source: Source,
        *,
        question: str,
        refs: tuple[ImageRef, ...],
        answers: tuple[str, ...],
    ) -> Task:
        """The task of a row: one that is known, or a new one."""
        content = _hash(question, *(ref.sha256 for ref in refs), "", *answers)
        known = self._tasks.get(content)
        if known is not None:
            return known
        gold = Gold(answers=answers) if answers else None
        cluster = refs[0].sha256 if refs else _hash(normalise_answer(question))
        split = self._split(source, cluster)
        ref = self._ref(row, source, content=content)
        provenance = {
            "dataset": self.plan.dataset or source.file.stem,
            "file": source.file.name,
            "row": str(source.number),
        }
        task = Task(
            id=fingerprint(ref=ref, question=question, images=refs, gold=gold),
            ref=ref,
            kind=self.plan.kind or ("verified" if refs else "text"),
            question=question,
            images=refs,
            gold=gold,
            split=split,
            cluster=cluster,
            licence=self.plan.licence,
            provenance=provenance,
            extra={name: _json(value) for name, value in left_over(row).items()},
        )
        self._tasks[content] = task
        return task

    def _ref(self, row: TableRow, source: Source, *, content: str) -> str:
        """`dataset/file/id`; ids that were given twice get the row behind them."""
        name = self.plan.dataset or source.file.stem
        ref = f"{name}/{source.file.stem}/{id_of(row) or source.number}"
        if self._refs.setdefault(ref, content) != content:
            ref = f"{ref}#{source.number}"
            self._refs[ref] = content
        return ref

    def _split(self, source: Source, cluster: str) -> Literal["train", "test"]:
        if self.plan.test_frac > 0.0:
            return "test" if int(cluster[:8], 16) < self.plan.test_frac * 2**32 else "train"
        if self.plan.split != "auto":
            return self.plan.split
        return "test" if source.file.stem.lower().startswith(("test", "val", "eval")) else "train"

    # -------------------------------------------------------------------------------- conversations

    def _conversation(
        self, row: TableRow, source: Source, *, said: Sequence[Said], refs: tuple[ImageRef, ...]
    ) -> Item:
        first = next((place for place, one in enumerate(said) if one.role is Role.ASSISTANT), None)
        asked = [one for one in said[:first] if one.role is Role.USER]
        question = "\n".join(one.text for one in asked).strip().removeprefix(_PROMPT)
        if first is None or not question:
            raise BadRowError("sides", "a question and a reply to it were expected")
        shown = tuple(
            refs[one] for message in asked for one in message.content if isinstance(one, int)
        )
        task = self._task(row, source, question=question, refs=shown, answers=answers_of(row))
        digest = _hash(*(f"{one.role}{one.content}{one.mask}" for one in said), *map(str, refs))
        if digest in self._said[task.id]:
            raise BadRowError("duplicate", "the same conversation came before")
        self._said[task.id].add(digest)
        attempt = len(self._said[task.id] - {""}) - 1
        messages = [_message(one, refs) for one in said]
        return Item(task=task, trajectory=_trajectory(task, messages, said, attempt=attempt))


# ----------------------------------------------------------------------------------- trajectories


def _as_it_was(said: Sequence[Said], *, refs: tuple[ImageRef, ...], facts: RowFacts) -> Item:
    """What our own export was made of."""
    if len(said) != len(facts.messages):
        raise BadRowError("sidecar", f"{len(said)} messages, {len(facts.messages)} in rows.jsonl")
    num_replies = sum(one.role is Role.ASSISTANT for one in said)
    if not num_replies == len(facts.masks) == len(facts.phases) > 0:
        raise BadRowError("sidecar", f"{num_replies} replies, {len(facts.masks)} in rows.jsonl")
    messages: list[Message] = []
    for one, skeleton in zip(said, facts.messages, strict=True):
        content = [piece if isinstance(piece, str) else refs[piece] for piece in one.content]
        try:
            messages += stored_messages(one.role, content, skeleton)
        except ValueError as reason:
            raise BadRowError("sidecar", str(reason)) from reason
    num_prompt = next(
        place for place, message in enumerate(messages) if message.role is Role.ASSISTANT
    )
    turns = _turns(messages[num_prompt:], masks=facts.masks)
    turns = [
        turn.model_copy(update={"phase": phase})
        for turn, phase in zip(turns, facts.phases, strict=True)
    ]
    known = dict(facts.trajectory)
    attempt = known["attempt"]
    assert isinstance(attempt, int)
    known["attempt"] = attempt + facts.segment * _LATER_SEGMENT
    prompt = [message.model_dump(mode="json") for message in messages[:num_prompt]]
    trajectory = Trajectory.model_validate(known | {"prompt": prompt})
    trajectory = trajectory.model_copy(update={"turns": tuple(turns)})
    return Item(task=facts.task, trajectory=trajectory, verdict=facts.verdict)


def _trajectory(
    task: Task, messages: Sequence[Message], said: Sequence[Said], *, attempt: int
) -> Trajectory:
    """A conversation of somebody else's as an attempt that nobody judged."""
    num_prompt = next(
        place for place, message in enumerate(messages) if message.role is Role.ASSISTANT
    )
    masks = tuple(one.mask for one in said if one.role is Role.ASSISTANT)
    turns = _turns(messages[num_prompt:], masks=masks)
    found = extract_answer(turns[-1].reply.text)
    system = "".join(one.text for one in messages[:num_prompt] if one.role is Role.SYSTEM)
    return Trajectory(
        id=f"{task.id[:16]}-a{attempt}",
        task_id=task.id,
        attempt=attempt,
        model=IMPORTED,
        profile=IMPORTED,
        mode=IMPORTED,
        today="",
        prompt=tuple(messages[:num_prompt]),
        prompt_hash=hashlib.sha256(system.encode()).hexdigest() if system else "",
        turns=tuple(turns),
        stop=StopReason.ANSWER,
        answer=found.answer,
    )


def _message(said: Said, refs: tuple[ImageRef, ...]) -> Message:
    parts: list[Part] = [
        untrusted(one) if isinstance(one, str) else Image(ref=refs[one]) for one in said.content
    ]
    return Message(role=said.role, parts=tuple(parts))


def _turns(messages: Sequence[Message], *, masks: Sequence[str | None]) -> list[Turn]:
    """Each reply with what followed it.

    Raises:
        BadRowError: two replies follow each other.
    """
    turns: list[Turn] = []
    left = list(masks)
    for is_reply, group in groupby(messages, key=lambda one: one.role is Role.ASSISTANT):
        several = tuple(group)
        if not is_reply:
            turns[-1] = _with_results(turns[-1], several)
            continue
        if len(several) > 1:
            raise BadRowError("sides", "two replies follow each other")
        parsed = VdrProfile().parse(Completion(text=several[0].text, usage=FREE), turn=len(turns))
        turns.append(
            Turn(
                index=len(turns),
                reply=several[0],
                thought=parsed.thought,
                calls=tuple(_record_of(call) for call in parsed.calls),
                answer=parsed.answer,
                mask=left.pop(0),
            )
        )
    return turns


def _record_of(call: ToolCall) -> CallRecord:
    return CallRecord(call=call, observation=Observation(parts=()), seconds=0.0)


def _with_results(turn: Turn, results: tuple[Message, ...]) -> Turn:
    """The turn with what came back; of several calls nobody can say whose part is whose."""
    calls = turn.calls
    if calls:
        parts = tuple(part for message in results for part in message.parts)
        shown = Observation(parts=tuple(_untrusted(part) for part in parts))
        calls = (calls[0].model_copy(update={"observation": shown}), *calls[1:])
    return turn.model_copy(update={"results": results, "calls": calls})


def _untrusted(part: Part) -> Part:
    return untrusted(part.text) if isinstance(part, Text) else part


# ------------------------------------------------------------------------------------------ cells


def _record(model: type[RecordT], told: object) -> RecordT | None:
    """A record of ours, as JSON text or as an object."""
    if told is None:
        return None
    return model.model_validate_json(told if isinstance(told, str) else json.dumps(told))


def _kept(images: object) -> list[Mapping[str, object]]:
    """The pictures of an episode row.

    Raises:
        BadRowError: no list of objects.
    """
    if images is None:
        return []
    if not isinstance(images, Sequence) or not all(isinstance(one, Mapping) for one in images):
        raise BadRowError("picture", "images: a list of pictures with sha256 was expected")
    return list(images)


def _kept_bytes(told: Mapping[str, object], *, root: Path) -> bytes:
    found = pictures_of(
        {"image": {"bytes": told.get("bytes"), "path": told.get("path")}}, root=root
    )
    return found[0]


def _hash(*texts: str) -> str:
    digest = hashlib.sha256()
    for text in texts:
        data = text.encode()
        digest.update(len(data).to_bytes(8, "big") + data)
    return digest.hexdigest()


def _json(value: object) -> JsonValue:
    """A cell as JSON; bytes as base64, anything else as its text."""
    if isinstance(value, bytes):
        return {"base64": base64.b64encode(value).decode()}
    if isinstance(value, Mapping):
        return {str(key): _json(inner) for key, inner in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [_json(inner) for inner in value]
    return value if isinstance(value, str | int | float | bool) or value is None else str(value)


def _check_text(row: TableRow) -> None:
    """No half characters anywhere: what is stored is UTF-8.

    Raises:
        BadRowError: a lone surrogate.
    """
    try:
        json.dumps(_json(_texts(row)), ensure_ascii=False).encode()
    except UnicodeEncodeError as reason:
        raise BadRowError("text", "it holds half a character (a lone surrogate)") from reason


def _texts(row: TableRow) -> dict[str, object]:
    """The row without its pictures, which may be large and are no text."""
    return {name: value for name, value in row.items() if name not in PICTURE_COLUMNS}
