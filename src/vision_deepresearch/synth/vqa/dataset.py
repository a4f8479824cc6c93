"""The questions of a finished run, with their proofs: for trajectories, exports and checks."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from vision_deepresearch.core.errors import ConfigError
from vision_deepresearch.core.proof import Proof
from vision_deepresearch.core.task import Task
from vision_deepresearch.store.run import RunFolder
from vision_deepresearch.store.view import RunView
from vision_deepresearch.synth.funnel import FunnelRow
from vision_deepresearch.synth.pipeline import row_of
from vision_deepresearch.synth.vqa_records import Finished

_BEFORE_LAST, LAST_STAGE = "select", "finish"
_FIRST_OF_SETS = "read_rows"


@dataclass(frozen=True, slots=True, kw_only=True)
class VqaDataset:
    """What a run of VQA synthesis gave, in its order."""

    path: Path
    finished: tuple[Finished, ...]

    @property
    def tasks(self) -> tuple[Task, ...]:
        """The questions; their pictures lie in the run's media store."""
        return tuple(one.task for one in self.finished)

    @property
    def proofs(self) -> Mapping[str, Proof]:
        """By task id; questions of existing sets have none."""
        return {one.task.id: one.proof for one in self.finished if one.proof is not None}


def open_vqa_dataset(path: Path) -> VqaDataset:
    """Read the questions of a run folder.

    Raises:
        ConfigError: no run of VQA synthesis, or one that has not come to its end.
        StoreError: it cannot be read.
    """
    with RunFolder.read(path) as run:
        latest = latest_stages(run)
        chosen, last = latest.get(_BEFORE_LAST, ""), latest.get(LAST_STAGE, "")
        kept = {item.record for item in run.items(chosen) if not item.reason}
        made = [Finished.model_validate(one) for item in run.items(last) for one in item.made]
    if not chosen or {one.id for one in made} != kept:
        msg = (
            f"{str(path)!r} holds no finished set of questions: run `vdr synth vqa RECIPE --out "
            f"{path}` to its end first"
        )
        raise ConfigError(msg)
    return VqaDataset(path=path, finished=tuple(sorted(made, key=lambda one: _place(one.id))))


def _place(id_: str) -> tuple[tuple[int, str], ...]:
    """Order of ids such as "p00012.3.0": their parts, figures by value."""
    return tuple((int(part) if part.isdecimal() else 0, part) for part in id_.split("."))


def latest_stages(run: RunView) -> dict[str, str]:
    """Identity of the latest work of each stage, by its name, in the order of the pipeline.

    A folder whose stages were changed on the way holds older work too, which counts no more.
    """
    found: dict[str, str] = {}
    for identity in run.stages():
        name = identity.partition("@")[0]
        found.pop(name, None)
        found[name] = identity
    return found


def funnel_of(run: RunView) -> Iterator[FunnelRow]:
    """What each stage took and gave, from what is stored."""
    for name, identity in latest_stages(run).items():
        items = list(run.items(identity))
        yield row_of(name, items, taken=len(items), outages=0)


def yields_per_set(run: RunView) -> dict[str, dict[str, int]]:
    """Of existing sets: rows, and how many each stage kept; by set, in the order of the stages."""
    latest = latest_stages(run)
    found: dict[str, dict[str, int]] = {}
    if _FIRST_OF_SETS not in latest:
        return found
    for name, identity in latest.items():
        for item in run.items(identity):
            told = found.setdefault(item.record.rpartition("/")[0], {"rows": 0})
            told["rows"] += name == _FIRST_OF_SETS
            told[name] = told.get(name, 0) + (not item.reason)
    return dict(sorted(found.items()))
