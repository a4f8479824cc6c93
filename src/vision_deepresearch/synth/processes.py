"""Carries out stages in processes beside this one: the same stage code, opened once in each.

For work of the CPU. A killed run leaves no process: see `core.processes`.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from concurrent.futures.process import BrokenProcessPool
from itertools import islice

from pydantic import JsonValue

from vision_deepresearch.core.errors import ConfigError
from vision_deepresearch.core.processes import process_pool
from vision_deepresearch.synth.carry_out import Done
from vision_deepresearch.synth.workplace import MakeStages, Workplace

_CHUNK = 4
"""Records that go to a process at a time."""
_AHEAD = 2
"""Chunks waiting per process."""


class ProcessExecutor:
    """Some processes, started with the first stage and kept for the next. An `Executor`."""

    def __init__(self, make_stages: MakeStages, *, jobs: int) -> None:
        """Start nothing yet.

        Args:
            make_stages: called once in each process. Processes are spawned, so the program's main
                module must be importable without side effects.
            jobs: processes.
        """
        self._jobs = jobs
        self._pool = process_pool(jobs, _open, make_stages)

    def close(self) -> None:
        """End the processes."""
        self._pool.shutdown(wait=True, cancel_futures=True)

    async def run(
        self, stage: str, records: Sequence[JsonValue], *, cap_usd: float | None
    ) -> AsyncIterator[tuple[int, JsonValue]]:
        """See `Executor`. Records begun at the same time may together overrun the cap.

        Raises:
            ConfigError: one of the processes was killed.
        """
        loop = asyncio.get_running_loop()
        numbered = iter(enumerate(records))
        waiting: set[asyncio.Future[list[tuple[int, JsonValue]]]] = set()
        spent, is_over = 0.0, False
        try:
            while True:
                while len(waiting) < self._jobs * _AHEAD and not is_over:
                    chunk = list(islice(numbered, _CHUNK))
                    if not chunk:
                        break
                    left = None if cap_usd is None else cap_usd - spent
                    waiting.add(loop.run_in_executor(self._pool, _work, stage, chunk, left))
                if not waiting:
                    return
                done, waiting = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
                for future in done:
                    for position, told in future.result():
                        made = Done.model_validate(told)
                        spent += made.cost_usd or 0.0
                        is_over = is_over or made.is_settled
                        yield position, told
                is_over = is_over or (cap_usd is not None and spent >= cap_usd)
        except BrokenProcessPool as reason:
            msg = (
                "expected the working processes to end by themselves, one was killed (out of "
                "memory?): run the same command again with fewer --jobs"
            )
            raise ConfigError(msg) from reason
        finally:
            for future in waiting:
                future.cancel()


# --------------------------------------------------------------------------- in a working process


class _Process:
    """What is opened in this process."""

    workplace: Workplace | None = None


def _open(make_stages: MakeStages) -> None:
    _Process.workplace = Workplace(make_stages)


def _work(
    stage: str, chunk: Sequence[tuple[int, JsonValue]], cap_usd: float | None
) -> list[tuple[int, JsonValue]]:
    assert _Process.workplace is not None, "a process is opened before it works"
    return _Process.workplace.work(stage, chunk, cap_usd)
