"""Runs stages one after the other over a run folder: each record through each stage once.

What a stage made of a record is committed when it is made, under the fingerprint of the record
and the identity of the stage: name, version, config, and all that stands before it. So the same
command goes on where it was killed, a changed stage is done anew with all that follows, and
nothing else is. The order of what comes out is that of what went in, however the work was spread.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from vision_deepresearch.core.errors import ConfigError
from vision_deepresearch.core.protocols import Executor
from vision_deepresearch.store.fingerprint import fingerprint
from vision_deepresearch.store.run import RunFolder
from vision_deepresearch.store.view import StoredItem
from vision_deepresearch.synth.carry_out import Done
from vision_deepresearch.synth.funnel import FunnelRow
from vision_deepresearch.synth.stage import Item, Kept, Stage, WholeStage

Progress = Callable[[str, int, int], None]
"""Called with (stage, done, total)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """What a pipeline made."""

    records: tuple[Item, ...]
    """What the last stage gave, in order."""
    funnel: tuple[FunnelRow, ...]
    halted: str = ""
    """Why it stopped early, in words; the same command goes on."""

    @property
    def is_whole(self) -> bool:
        """Whether every record met its end."""
        return not self.halted and not any(row.unfinished for row in self.funnel)


@dataclass(slots=True)
class _Purse:
    """Dollars of this run."""

    cap_usd: float | None
    spent_usd: float = 0.0

    @property
    def left_usd(self) -> float | None:
        return None if self.cap_usd is None else max(0.0, self.cap_usd - self.spent_usd)


@dataclass(slots=True)
class _Pass:
    """One stage over its records."""

    stored: dict[str, StoredItem]
    outages: list[str] = field(default_factory=list)
    halted: str = ""


async def run_pipeline(
    stages: Sequence[Stage],
    records: Sequence[Item],
    *,
    run: RunFolder,
    executor: Executor,
    cap_usd: float | None = None,
    progress: Progress | None = None,
) -> Made:
    """Put records through stages.

    Args:
        stages: each takes what the one before gives.
        records: what the first one takes; ids are unique.
        run: an open run folder; what it holds is not made again.
        executor: carries out the stages that take records one by one.
        cap_usd: dollars, those of earlier runs of the folder included; beyond, no record is begun.
        progress: called after each record.

    Raises:
        ConfigError: stages that do not fit, ids that are not unique.
        ExceptionGroup: the run stops, for example with a full disk.
    """
    _check(stages)
    purse = _Purse(cap_usd)
    rows: list[FunnelRow] = []
    now, before, halted = tuple(records), "", ""
    for stage in stages:
        _check_ids(stage.name, now)
        identity = identity_of(stage, before=before, records=now)
        keys = [fingerprint(record) for record in now]
        outcome = await _pass(
            stage,
            list(zip(keys, now, strict=True)),
            identity=identity,
            run=run,
            executor=executor,
            purse=purse,
            progress=progress,
        )
        found = [outcome.stored[key] for key in keys if key in outcome.stored]
        rows.append(row_of(stage.name, found, taken=len(now), outages=len(outcome.outages)))
        now = tuple(stage.gives.model_validate(made) for item in found for made in item.made)
        before, halted = identity, outcome.halted
        if halted:
            break
    return Made(records=now if not halted else (), funnel=tuple(rows), halted=halted)


def identity_of(stage: Stage, *, before: str, records: Sequence[Item]) -> str:
    """The name of a stage's work, for example "verify@3f0c9a1b2d4e".

    Of a stage that takes all records, these are a part: another set is other work.
    """
    content: dict[str, object] = {
        "name": stage.name,
        "version": stage.version,
        "config": stage.config,
        "before": before,
    }
    if isinstance(stage, WholeStage):
        content["records"] = [fingerprint(record) for record in records]
    return f"{stage.name}@{fingerprint(content)[:12]}"


async def _pass(
    stage: Stage,
    records: Sequence[tuple[str, Item]],
    *,
    identity: str,
    run: RunFolder,
    executor: Executor,
    purse: _Purse,
    progress: Progress | None,
) -> _Pass:
    """What became of each record, what was stored earlier included."""
    stored = {item.key: item for item in run.items(identity)}
    outcome = _Pass(stored)
    purse.spent_usd += sum(item.cost_usd or 0.0 for item in stored.values())
    todo = [(key, record) for key, record in records if key not in stored]
    if isinstance(stage, WholeStage):
        await _pass_whole(stage, records, todo, identity=identity, run=run, outcome=outcome)
        return outcome
    num_done = len(records) - len(todo)
    raw = [record.model_dump(mode="json") for _, record in todo]
    num_begun = 0
    async for position, told in executor.run(stage.name, raw, cap_usd=purse.left_usd):
        num_begun += 1
        done, (key, record) = Done.model_validate(told), todo[position]
        purse.spent_usd += done.cost_usd or 0.0
        if done.outage:
            outcome.outages.append(done.outage)
            outcome.halted = outcome.halted or (done.outage if done.is_settled else "")
            continue
        item = _item(identity, key=key, record=record, done=done)
        await run.put_items([item])
        stored[key] = item
        num_done += 1
        if progress is not None:
            progress(stage.name, num_done, len(records))
    if num_begun < len(todo) and not outcome.halted:
        outcome.halted = (
            f"{purse.spent_usd:.2f} of at most {purse.cap_usd or 0:.2f} dollars are spent, "
            f"{len(todo) - num_begun} records of {stage.name} were not begun: raise --budget-usd"
        )
    if outcome.outages and not outcome.halted:
        outcome.halted = (
            f"{len(outcome.outages)} records of {stage.name} were ended from outside "
            f"({outcome.outages[0]})"
        )
    return outcome


async def _pass_whole(
    stage: WholeStage,
    records: Sequence[tuple[str, Item]],
    todo: Sequence[tuple[str, Item]],
    *,
    identity: str,
    run: RunFolder,
    outcome: _Pass,
) -> None:
    """Decide on all records at once, and store all of it at once."""
    if not todo:
        return
    decided = stage.apply([record for _, record in records])
    if len(decided) != len(records):
        msg = f"{stage.name} decided on {len(decided)} of {len(records)} records"
        raise AssertionError(msg)
    items = []
    for (key, record), one in zip(records, decided, strict=True):
        if isinstance(one, Kept):
            done = Done(made=tuple(made.model_dump(mode="json") for made in one.records))
        else:
            done = Done(reason=one.reason, detail=one.detail)
        items.append(_item(identity, key=key, record=record, done=done))
    await run.put_items(items)
    outcome.stored.update((item.key, item) for item in items)


def _item(identity: str, *, key: str, record: Item, done: Done) -> StoredItem:
    return StoredItem(
        stage=identity,
        key=key,
        record=record.id,
        reason=done.reason,
        detail=done.detail,
        made=done.made,
        seconds=done.seconds,
        cost_usd=done.cost_usd,
    )


def row_of(name: str, found: Sequence[StoredItem], *, taken: int, outages: int) -> FunnelRow:
    """A stage's line of the funnel, from what is stored of it."""
    costs = [item.cost_usd for item in found]
    return FunnelRow(
        stage=name,
        taken=taken,
        kept=sum(not item.reason for item in found),
        given=sum(len(item.made) for item in found),
        rejected=dict(sorted(Counter(item.reason for item in found if item.reason).items())),
        unfinished=taken - len(found),
        outages=outages,
        seconds=round(sum(item.seconds for item in found), 3),
        cost_usd=None if None in costs else sum(cost or 0.0 for cost in costs),
    )


def _check(stages: Sequence[Stage]) -> None:
    names = Counter(stage.name for stage in stages)
    twice = [name for name, count in names.items() if count > 1]
    if twice:
        msg = f"stages need names of their own, {', '.join(twice)} stands twice"
        raise ConfigError(msg)
    for first, second in pairwise(stages):
        if not issubclass(first.gives, second.takes):
            msg = (
                f"{second.name} takes {second.takes.__name__}, {first.name} before it gives "
                f"{first.gives.__name__}: put a stage between them"
            )
            raise ConfigError(msg)


def _check_ids(name: str, records: Sequence[Item]) -> None:
    counts = Counter(record.id for record in records)
    twice = next((id_ for id_, count in counts.items() if count > 1), None)
    if twice is not None:
        msg = f"records of {name} need ids of their own, {twice!r} stands {counts[twice]} times"
        raise ConfigError(msg)
