"""Stages over a run folder: once each, resumed, rejects with reasons, order kept."""

import asyncio
import errno
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import pytest

from vision_deepresearch.core.context import CallContext
from vision_deepresearch.core.errors import (
    BadImageError,
    ConfigError,
    FailureKind,
    ModelError,
    RunStoppingError,
)
from vision_deepresearch.core.record import Record
from vision_deepresearch.store.run import RunFolder
from vision_deepresearch.synth.carry_out import LocalExecutor
from vision_deepresearch.synth.pipeline import Made, run_pipeline
from vision_deepresearch.synth.stage import (
    EachStage,
    Item,
    Kept,
    Rejected,
    Stage,
    each_stage,
    whole_stage,
)


class Number(Item):
    value: int


class Word(Item):
    text: str


class Divisor(Record):
    by: int


NUMBERS = tuple(Number(id=f"n{value}", value=value) for value in range(40))


def opened(path: Path) -> AbstractAsyncContextManager[RunFolder]:
    return RunFolder.open(path, config='kind = "test"\n', provenance={})


def dividing(by: int, seen: list[int], *, version: int = 1) -> EachStage:
    async def apply(record: Number, _: CallContext) -> Kept[Number] | Rejected:
        seen.append(record.value)
        await asyncio.sleep(0.001 * ((record.value * 7) % 3))
        if record.value % by:
            return Rejected(reason="odd_one", detail=f"{record.value} is left over")
        return Kept((record, record.model_copy(update={"id": f"{record.id}b"})))

    return each_stage(
        apply, name="divide", takes=Number, gives=Number, config=Divisor(by=by), version=version
    )


def spelling(seen: list[int]) -> EachStage:
    async def apply(record: Number, _: CallContext) -> Kept[Word]:
        seen.append(record.value)
        return Kept((Word(id=record.id, text=f"number {record.value}"),))

    return each_stage(apply, name="spell", takes=Number, gives=Word)


def first_of(wanted: int) -> Stage:
    def apply(records: Sequence[Word]) -> list[Kept[Word] | Rejected]:
        return [
            Kept((record,)) if number < wanted else Rejected(reason="too_many")
            for number, record in enumerate(records)
        ]

    return whole_stage(apply, name="select", takes=Word, gives=Word)


async def made(
    path: Path, stages: Sequence[Stage], *, cap_usd: float | None = None, count: int = 40
) -> Made:
    each = [stage for stage in stages if isinstance(stage, EachStage)]
    async with opened(path) as run:
        return await run_pipeline(
            stages, NUMBERS[:count], run=run, executor=LocalExecutor(each), cap_usd=cap_usd
        )


async def test_records_come_out_in_order_and_the_funnel_adds_up(tmp_path: Path) -> None:
    result = await made(tmp_path / "run", [dividing(2, []), spelling([]), first_of(25)])
    assert [one.id for one in result.records] == [
        id_ for value in range(0, 40, 2) for id_ in (f"n{value}", f"n{value}b")
    ][:25]
    divide, spell, select = result.funnel
    assert (divide.taken, divide.kept, divide.given) == (40, 20, 40)
    assert divide.rejected == {"odd_one": 20}
    assert (spell.taken, spell.given) == (40, 40)
    assert (select.kept, select.rejected) == (25, {"too_many": 15})
    assert result.is_whole


async def test_the_same_command_again_makes_nothing_anew(tmp_path: Path) -> None:
    seen: list[int] = []
    stages = [dividing(2, seen), spelling(seen), first_of(25)]
    first = await made(tmp_path / "run", stages)
    again = len(seen)
    second = await made(tmp_path / "run", stages)
    assert len(seen) == again
    assert (second.records, second.funnel) == (first.records, first.funnel)


@pytest.mark.parametrize("change", ["config", "version"])
async def test_a_changed_stage_is_done_anew_with_all_that_follows(
    tmp_path: Path, change: str
) -> None:
    seen: list[int] = []
    spelled: list[int] = []
    await made(tmp_path / "run", [dividing(2, seen), spelling(spelled)])
    changed = dividing(4, seen) if change == "config" else dividing(2, seen, version=2)
    await made(tmp_path / "run", [changed, spelling(spelled)])
    assert len(seen) == 80
    assert len(spelled) == 40 + (20 if change == "config" else 40)


async def test_more_records_cost_only_themselves(tmp_path: Path) -> None:
    seen: list[int] = []
    await made(tmp_path / "run", [dividing(2, seen)], count=30)
    await made(tmp_path / "run", [dividing(2, seen)], count=40)
    assert sorted(seen) == list(range(40))


def raising(error: Callable[[], BaseException], *, at: int, seen: list[int]) -> EachStage:
    async def apply(record: Number, _: CallContext) -> Kept[Number]:
        seen.append(record.value)
        if record.value == at:
            raise error()
        return Kept((record,))

    return each_stage(apply, name="risky", takes=Number, gives=Number)


@pytest.mark.pitfall("P71")
@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (lambda: ValueError("no"), "bug"),
        (lambda: BadImageError("torn"), "bad_image"),
        (lambda: ModelError(FailureKind.REFUSED, "filtered"), "refused"),
    ],
    ids=["bug", "picture", "refusal"],
)
async def test_a_poisoned_record_costs_itself_with_a_reason(
    tmp_path: Path, error: Callable[[], BaseException], reason: str
) -> None:
    result = await made(tmp_path / "run", [raising(error, at=7, seen=[])])
    assert result.funnel[0].rejected == {reason: 1}
    assert len(result.records) == 39


async def test_an_outage_is_no_reject_and_is_tried_again(tmp_path: Path) -> None:
    def down() -> ModelError:
        return ModelError(FailureKind.UPSTREAM, "down")

    seen: list[int] = []
    first = await made(tmp_path / "run", [raising(down, at=7, seen=seen), spelling([])])
    assert not first.is_whole
    assert "ended from outside" in first.halted
    assert (first.funnel[0].unfinished, first.funnel[0].rejected) == (1, {})
    second = await made(tmp_path / "run", [raising(down, at=-1, seen=seen), spelling([])])
    assert second.is_whole
    assert len(second.records) == 40
    assert sorted(seen) == sorted([*range(40), 7])


async def test_what_stops_a_run_stops_it_and_what_was_made_stays(tmp_path: Path) -> None:
    seen: list[int] = []
    with pytest.raises(ExceptionGroup) as caught:
        await made(tmp_path / "run", [raising(lambda: RunStoppingError("full"), at=30, seen=seen)])
    assert caught.group_contains(RunStoppingError)
    num_before = len(seen)
    await made(tmp_path / "run", [raising(lambda: RunStoppingError("full"), at=-1, seen=seen)])
    assert len(seen) - num_before < 40 - 20


async def test_a_full_disk_that_a_tool_meets_stops_the_run(tmp_path: Path) -> None:
    def full() -> BaseException:
        return ExceptionGroup("of a turn", [OSError(errno.ENOSPC, "no space left")])

    with pytest.raises(ExceptionGroup) as caught:
        await made(tmp_path / "run", [raising(full, at=7, seen=[])])
    assert caught.group_contains(OSError)


def paying(usd: float) -> EachStage:
    async def apply(record: Number, context: CallContext) -> Kept[Number]:
        await asyncio.sleep(0)
        context.budget.pay(usd)
        return Kept((record,))

    return each_stage(apply, name="pay", takes=Number, gives=Number, concurrency=1)


async def test_a_cap_of_dollars_ends_the_run_and_a_higher_one_goes_on(tmp_path: Path) -> None:
    first = await made(tmp_path / "run", [paying(0.1)], cap_usd=1.0)
    assert first.funnel[0].kept == 10
    assert "raise --budget-usd" in first.halted
    second = await made(tmp_path / "run", [paying(0.1)], cap_usd=10.0)
    assert second.is_whole
    assert second.funnel[0].cost_usd == pytest.approx(4.0)


async def test_pipelines_that_cannot_be_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="divide takes Number, spell before it gives Word"):
        await made(tmp_path / "a", [spelling([]), dividing(2, [])])
    with pytest.raises(ConfigError, match="stands twice"):
        await made(tmp_path / "b", [dividing(2, []), dividing(2, [])])
    async with opened(tmp_path / "c") as run:
        with pytest.raises(ConfigError, match="ids of their own"):
            await run_pipeline(
                [dividing(2, [])],
                [NUMBERS[0], NUMBERS[0]],
                run=run,
                executor=LocalExecutor([dividing(2, [])]),
            )
