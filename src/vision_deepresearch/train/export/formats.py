"""How each training library wants a row written: one function per format, and what it can hold.

Tool results are messages of the user that hold our own `<tool_response>` block, byte for byte what
the model was shown; the tool roles of the libraries render something else and are not used.

Source: ms-swift 4.6 `swift/dataset/preprocessor/core.py` and `swift/loss_scale/base.py`;
LLaMA-Factory `data/README.md` and `src/llamafactory/data/converter.py`; TRL 1.16 data formats;
verl 0.9 `verl/utils/dataset/rl_dataset.py`. Read, not run: docs/exports.md says what was.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from pydantic import JsonValue

from vision_deepresearch.core.content import ImageRef, Role
from vision_deepresearch.core.episode import Decision, Verdict
from vision_deepresearch.core.task import Task
from vision_deepresearch.core.trajectory import Trajectory
from vision_deepresearch.store.rows import exact_json
from vision_deepresearch.train.export.conversation import Row
from vision_deepresearch.train.export.escape import PLACEHOLDER, escape_outside

Cells = Mapping[str, object]
"""A line: JSON values, or with bytes for parquet."""
Show = Callable[[ImageRef], object]
"""A picture as its format has it: a path or its bytes."""


class Pictures(StrEnum):
    """Where the pictures of an export are."""

    FILES = "files"
    """In `media/`, by content; lines name them relative to the export's folder."""
    EMBEDDED = "embedded"
    """In the lines: bytes in parquet, base64 in JSON."""


class Unit(StrEnum):
    """What a line stands for."""

    EPISODE = "episode"
    ROW = "row"
    TASK = "task"


@dataclass(frozen=True, slots=True, kw_only=True)
class Format:
    """What a format is and can hold."""

    name: str
    unit: Unit
    suffix: str
    pictures: tuple[Pictures, ...]
    """Ways to keep pictures, the default first."""
    has_flags: bool = True
    """Whether it can say that one reply carries no loss."""

    @property
    def trains(self) -> bool:
        """Whether its lines go into a training as they are."""
        return self.unit is not Unit.EPISODE


_BOTH = (Pictures.FILES, Pictures.EMBEDDED)
_FORMATS = (
    Format(name="jsonl", unit=Unit.EPISODE, suffix="jsonl", pictures=_BOTH),
    Format(name="parquet", unit=Unit.EPISODE, suffix="parquet", pictures=_BOTH[::-1]),
    Format(name="ms-swift", unit=Unit.ROW, suffix="jsonl", pictures=(Pictures.FILES,)),
    Format(
        name="sharegpt", unit=Unit.ROW, suffix="jsonl", pictures=(Pictures.FILES,), has_flags=False
    ),
    Format(
        name="llama-factory",
        unit=Unit.ROW,
        suffix="jsonl",
        pictures=(Pictures.FILES,),
        has_flags=False,
    ),
    Format(
        name="trl",
        unit=Unit.ROW,
        suffix="parquet",
        pictures=(Pictures.EMBEDDED,),
        has_flags=False,
    ),
    Format(name="verl", unit=Unit.TASK, suffix="parquet", pictures=(Pictures.EMBEDDED,)),
)
FORMATS = {one.name: one for one in _FORMATS}


# ------------------------------------------------------------------------------------------ rows


def row_cells(row: Row, *, format_name: str, show: Show) -> Cells:
    """A row as the format has it."""
    match format_name:
        case "ms-swift":
            return ms_swift(row, show=show)
        case "trl":
            return trl(row, show=show)
        case _:
            return sharegpt(row, show=show)


def ms_swift(row: Row, *, show: Show) -> Cells:
    """One line for `swift sft --dataset`.

    `loss` stands at every reply, not at masked ones only: the loader takes its columns from the
    first lines and would refuse a key that first comes later.
    """
    messages: list[dict[str, object]] = []
    for message in row.messages:
        written: dict[str, object] = {"role": message.role.value, "content": message.content}
        if message.role is Role.ASSISTANT:
            written["loss"] = message.has_loss
        messages.append(written)
    return {"messages": messages, "images": [show(ref) for ref in row.images]}


_SIDES = {Role.USER: "human", Role.ASSISTANT: "gpt"}


def sharegpt(row: Row, *, show: Show) -> Cells:
    """One line for LLaMA-Factory (formatting `sharegpt`): sides alternate, `system` apart."""
    system = "".join(one.content for one in row.messages if one.role is Role.SYSTEM)
    turns = [
        {"from": _SIDES[one.role], "value": one.content}
        for one in row.messages
        if one.role in _SIDES
    ]
    images = [show(ref) for ref in row.images]
    return {"conversations": turns, "system": system, "images": images}


def trl(row: Row, *, show: Show) -> Cells:
    """One line for `SFTTrainer`: content in blocks, pictures in the order of theirs.

    A block has the keys `type` and `text` only: chat templates take any block with a key `image`
    for a picture, were it empty.
    """
    messages = [
        {
            "role": message.role.value,
            "content": [
                {"type": "text", "text": one}
                if isinstance(one, str)
                else {"type": "image", "text": None}
                for one in message.pieces
            ],
        }
        for message in row.messages
    ]
    return {"messages": messages, "images": [show(ref) for ref in row.images]}


# ----------------------------------------------------------------------------------------- tasks


@dataclass(frozen=True, slots=True, kw_only=True)
class Tries:
    """How often a task was tried in the run."""

    judged: int = 0
    correct: int = 0


def verl(task: Task, *, tries: Tries, index: int, mode: str, show: Show) -> Cells:
    """One line for verl's `RLHFDataset`; the agent loop finds the task by `extra_info.task_id`.

    Raises:
        ValueError: the task has no gold.
    """
    if task.gold is None:
        msg = "a task without a gold answer cannot be rewarded"
        raise ValueError(msg)
    question = escape_outside(task.question)
    content = PLACEHOLDER * len(task.images) + question
    return {
        "data_source": f"vdr/{task.kind}",
        "prompt": [{"role": "user", "content": content}],
        "images": [show(ref) for ref in task.images],
        "ability": "deep_research",
        "agent_name": "deep_research",
        "reward_model": {"style": "rule", "ground_truth": task.gold.answers[0]},
        "extra_info": {
            "index": index,
            "split": task.split,
            "task_id": task.id,
            "ref": task.ref,
            "question": task.question,
            "answers": list(task.gold.answers),
            "gold": exact_json(task.gold),
            "mode": mode,
            "judged": tries.judged,
            "correct": tries.correct,
        },
    }


# -------------------------------------------------------------------------------------- episodes


def episode_json(
    task: Task, trajectory: Trajectory | None, verdict: Verdict | None, *, images: object
) -> Cells:
    """A whole episode for a line of JSON: nothing is left out, token streams included."""
    return {
        "schema_version": 1,
        "task": _plain(task),
        "trajectory": _plain(trajectory) if trajectory is not None else None,
        "verdict": _plain(verdict) if verdict is not None else None,
        "images": images,
    }


def episode_columns(
    task: Task, trajectory: Trajectory | None, verdict: Verdict | None, *, images: object
) -> Cells:
    """A whole episode for a row of parquet: records as JSON, and columns to select by."""
    return {
        "task_id": task.id,
        "ref": task.ref,
        "kind": task.kind,
        "split": task.split,
        "question": task.question,
        "answer": task.gold.answers[0] if task.gold is not None else None,
        "attempt": trajectory.attempt if trajectory is not None else None,
        "model": trajectory.model if trajectory is not None else None,
        "mode": trajectory.mode if trajectory is not None else None,
        "stop": trajectory.stop.value if trajectory is not None else None,
        "num_turns": trajectory.num_turns if trajectory is not None else None,
        "given_answer": trajectory.answer if trajectory is not None else None,
        "decision": verdict.decision.value if verdict is not None else None,
        "is_correct": verdict.decision is Decision.CORRECT if verdict is not None else None,
        "task": exact_json(task),
        "trajectory": exact_json(trajectory) if trajectory is not None else None,
        "verdict": exact_json(verdict) if verdict is not None else None,
        "images": images,
    }


def _plain(record: Task | Trajectory | Verdict) -> JsonValue:
    loaded: JsonValue = json.loads(exact_json(record))
    return loaded
