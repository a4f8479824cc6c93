"""What an export holds and where it comes from: `manifest.json` for programs, `README.md` for people."""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from pydantic import JsonValue

from vision_deepresearch.core.episode import Verdict
from vision_deepresearch.core.task import Task
from vision_deepresearch.core.trajectory import Trajectory
from vision_deepresearch.train.export.conversation import Row

LONG_TOKENS = 64_000
"""A row whose prompt grew past this is counted: the paper trains with 64K. Nothing is cut."""


@dataclass(slots=True)
class Tally:
    """Counts of an export in the making."""

    seen: Counter[str] = field(default_factory=Counter)
    """Tasks and attempts of the run, and what became of them."""
    rejects: Counter[str] = field(default_factory=Counter)
    """What the run itself had rejected before, by reason."""
    refused: Counter[str] = field(default_factory=Counter)
    lines: Counter[str] = field(default_factory=Counter)
    """Per split."""
    written: Counter[str] = field(default_factory=Counter)
    masks: Counter[str] = field(default_factory=Counter)
    about: dict[str, Counter[str]] = field(default_factory=dict)
    """Per property (model, mode, licence...) how many lines have which value."""

    def add_line(self, task: Task, trajectory: Trajectory | None, verdict: Verdict | None) -> None:
        """Count a line by where it comes from."""
        self.lines[task.split] += 1
        facts = {
            "kind": task.kind,
            "licence": task.licence or "not stated",
            "source": source_of(task),
            "canary": task.canary,
        }
        if trajectory is not None:
            facts |= {
                "model": trajectory.model,
                "profile": trajectory.profile,
                "mode": trajectory.mode,
                "prompt": trajectory.prompt_hash or "not stated",
                "stop": trajectory.stop.value,
            }
            self.written["turns"] += trajectory.num_turns
            self.written["over_64k_tokens"] += trajectory.peak_prompt_tokens > LONG_TOKENS
        if verdict is not None:
            facts |= {"judge": verdict.judge, "decision": verdict.decision.value}
        for name, value in facts.items():
            if value is not None:
                self.about.setdefault(name, Counter())[value] += 1

    def add_row(self, row: Row) -> None:
        """Count what a row trains."""
        self.written["pictures"] += len(row.images)
        for message in row.replies:
            self.written["replies"] += 1
            self.written["replies_trained"] += message.has_loss
            if message.mask is not None:
                self.masks[message.mask] += 1

    def figures(self) -> dict[str, JsonValue]:
        """All counts, in an order that does not depend on that of the lines."""
        return {
            "run": _sorted(self.seen),
            "lines": _sorted(self.lines),
            "written": _sorted(self.written),
            "masked_replies": _sorted(self.masks),
            "refused": _sorted(self.refused),
            "rejected_by_the_run": _sorted(self.rejects),
            "about": {name: _sorted(self.about[name]) for name in sorted(self.about)},
        }


def source_of(task: Task) -> str:
    """Where a task comes from, in a word: its set, its world, or the beginning of its key."""
    for name in ("dataset", "world", "source"):
        if name in task.provenance:
            return f"{name} {task.provenance[name]}"
    return task.ref.split("/")[0]


def manifest_text(content: Mapping[str, JsonValue]) -> str:
    """The manifest, equal for equal exports."""
    return json.dumps(content, indent=1, ensure_ascii=False) + "\n"


_TITLES = {
    "run": "What the run holds",
    "lines": "Lines",
    "written": "In them",
    "masked_replies": "Replies without loss, by reason",
    "refused": "Refused by this export, by reason (each in `rejects.jsonl`)",
    "rejected_by_the_run": "Rejected by the run before, by reason",
}


def origin_of(provenance: Mapping[str, JsonValue]) -> dict[str, JsonValue]:
    """What the card says of the run: its world with licences, who worked, which prompts.

    Only what a killed and resumed run has like any other; no paths, no machine.
    """
    world = provenance.get("world")
    about: dict[str, JsonValue] = {
        name: provenance[name] for name in _ORIGIN if provenance.get(name)
    }
    if isinstance(world, dict):
        about["world"] = {name: world[name] for name in _WORLD if world.get(name)}
    return about


_ORIGIN = ("model", "judge", "today", "seeds", "prompts", "funnel")
_WORLD = ("world_id", "kind", "name", "licences")


def card_text(
    settings: Mapping[str, JsonValue],
    figures: Mapping[str, JsonValue],
    origin: Mapping[str, JsonValue],
) -> str:
    """The dataset card."""
    told = ", ".join(f"{name} {value}" for name, value in settings.items() if value is not None)
    blocks = [f"# Data set\n\nWritten by `vdr export`: {told}.\n"]
    if origin:
        lines = json.dumps(origin, indent=1, ensure_ascii=False)
        blocks.append(f"## The run\n\n```json\n{lines}\n```\n")
    for name, title in _TITLES.items():
        blocks.append(_table(title, figures[name]))
    about = figures["about"]
    assert isinstance(about, dict)
    for name, counts in about.items():
        blocks.append(_table(f"Lines by {name}", counts))
    blocks.append(_HOW)
    return "\n".join(blocks)


_HOW = """\
## How to read it

`manifest.json` names every file with its sha256. `rows.jsonl`, where there is one, holds what the lines cannot: the
records of task and trajectory, whose words which text was, and why a reply carries no loss. `vdr import-data` reads
the folder back. The prompt of a line is known by its sha256 ("Lines by prompt"); licences are those that the tasks
state, and "not stated" is no permission.
"""


def _table(title: str, counts: JsonValue) -> str:
    assert isinstance(counts, dict)
    rows = [f"| {_cell(str(name))} | {number:,} |" for name, number in counts.items()]
    body = "\n".join(["| | |", "|---|---|", *rows]) if rows else "none"
    return f"## {title}\n\n{body}\n"


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


def _sorted(counts: Counter[str]) -> dict[str, JsonValue]:
    return {name: counts[name] for name in sorted(counts)}


def dataset_info(names: Sequence[str]) -> dict[str, JsonValue]:
    """What LLaMA-Factory is told of each file: `--dataset vdr_train_00000 --dataset_dir .`."""
    return {
        f"vdr_{name.partition('.')[0].replace('-', '_')}": {
            "file_name": f"data/{name}",
            "formatting": "sharegpt",
            "columns": {"messages": "conversations", "system": "system", "images": "images"},
        }
        for name in names
    }
