"""How stages are carried out: in this process, in several beside it, or on a Ray cluster."""

import os
from collections.abc import Sequence
from contextlib import AsyncExitStack
from pathlib import Path

from vision_deepresearch.core.errors import ConfigError
from vision_deepresearch.core.protocols import Executor
from vision_deepresearch.scale.ray_executor import RayExecutor, ray_cluster, reach_of
from vision_deepresearch.synth.carry_out import LocalExecutor
from vision_deepresearch.synth.processes import ProcessExecutor
from vision_deepresearch.synth.stage import EachStage
from vision_deepresearch.synth.workplace import MakeStages


def local_executor(
    stages: Sequence[EachStage], make_stages: MakeStages, *, jobs: int, stack: AsyncExitStack
) -> Executor:
    """This process, or `jobs` of them; `stack` ends them."""
    if jobs < 2:
        return LocalExecutor(stages)
    processes = ProcessExecutor(make_stages, jobs=jobs)
    stack.callback(processes.close)
    return processes


async def ray_executor(
    address: str, make_stages: MakeStages, *, out: Path, jobs: int | None, stack: AsyncExitStack
) -> Executor:
    """Workers of a cluster; `stack` ends them.

    Args:
        address: see `ray_cluster`.
        make_stages: with absolute paths only: it is called on other machines.
        out: the run folder, which workers must reach.
        jobs: workers; None: one per processor of the cluster.
        stack: of whoever runs.

    Raises:
        ConfigError: no cluster, or a worker that does not reach what it needs.
    """
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # nothing is told to anybody unasked
    workers = stack.enter_context(ray_cluster(address, workers=jobs))
    executor = RayExecutor(make_stages, workers=workers, reach=reach_of(out))
    stack.callback(executor.close)
    await executor.start()
    return executor


def refuse_ray_for_models(address: str | None, *, model: str) -> None:
    """A model is waited for, and its replies are kept on a tape that one process writes.

    Raises:
        ConfigError: an address beside a model.
    """
    if address is not None:
        msg = (
            f"--ray spreads work of the CPU, {model!r} is waited for: one process asks as many at a "
            "time as the recipe's `concurrency` says; raise that and leave --ray out"
        )
        raise ConfigError(msg)
