"""Stages on a local Ray cluster: the same as here, whoever dies on the way. Skipped without ray."""

import os
import signal
from collections.abc import AsyncIterator, Sequence
from functools import partial
from pathlib import Path

import pytest
from pydantic import JsonValue

from vision_deepresearch.core.context import CallContext
from vision_deepresearch.core.errors import ConfigError
from vision_deepresearch.synth.carry_out import Done, LocalExecutor
from vision_deepresearch.synth.stage import EachStage, Item, Kept, Rejected, each_stage

pytest.importorskip("ray", reason="needs the extra ray")
from vision_deepresearch.scale.ray_executor import RayExecutor, ray_cluster, reach_of


class Number(Item):
    value: int


def squaring(folder: str) -> Sequence[EachStage]:
    """7 kills every process, 11 the first that has it, 13 is rejected; in workers only."""

    async def apply(record: Number, _: CallContext) -> Kept[Number] | Rejected:
        seen = Path(folder) / f"{record.value}"
        if folder and (record.value == 7 or (record.value == 11 and not seen.exists())):
            with seen.open("a") as file:
                file.write("x")
            os.kill(os.getpid(), signal.SIGKILL)
        if record.value == 13:
            return Rejected(reason="unlucky")
        return Kept((Number(id=record.id, value=record.value**2),))

    return [each_stage(apply, name="square", takes=Number, gives=Number)]


def failing() -> Sequence[EachStage]:
    msg = "expected a world here, got none: bring one"
    raise ConfigError(msg)


RECORDS: Sequence[JsonValue] = [{"id": f"n{value}", "value": value} for value in range(24)]


async def outcomes(run: AsyncIterator[tuple[int, JsonValue]]) -> dict[int, Done]:
    return {
        at: Done.model_validate(told).model_copy(update={"seconds": 0}) async for at, told in run
    }


@pytest.mark.timeout(180)
async def test_workers_that_die_cost_the_record_that_kills_them_and_nothing_else(
    tmp_path: Path,
) -> None:
    here = await outcomes(LocalExecutor(squaring("")).run("square", RECORDS, cap_usd=None))
    with ray_cluster("local", workers=2) as workers:
        reach = reach_of(tmp_path)
        executor = RayExecutor(partial(squaring, str(tmp_path)), workers=workers, reach=reach)
        try:
            await executor.start()
            there = await outcomes(executor.run("square", RECORDS, cap_usd=None))
        finally:
            executor.close()
        refused = RayExecutor(failing, workers=1, reach=reach)
        with pytest.raises(ConfigError, match="bring one"):
            await refused.start()
        refused.close()
    killer = there.pop(7)
    assert (killer.reason, killer.made) == ("worker_died", ())
    assert (tmp_path / "7").read_text() == "xxx"
    assert (tmp_path / "11").read_text() == "x"
    here.pop(7)
    assert there == here
    assert sorted(os.listdir(tmp_path)) == ["11", "7"]  # noqa: PTH208 - nothing waits for it
