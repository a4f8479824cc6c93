"""What a call of the sandbox costs, against a cold process under bubblewrap for each call.

Programs of both kinds, one at a time for the wait and several at once for the throughput; the
baseline runs between them in the same process tree.
"""

import asyncio
import os
import shutil
import statistics
import sys
import time
from collections.abc import Awaitable, Callable

from pydantic import JsonValue

from vision_deepresearch.core.errors import ConfigError
from vision_deepresearch.core.protocols import SandboxStatus
from vision_deepresearch.sandbox.probe import find_tier
from vision_deepresearch.sandbox.run import ZygoteSandbox

_LIGHT = "import math\nprint(math.comb(50, 6))"
_SCI = (
    "import numpy as np\nimport pandas as pd\nprint(pd.DataFrame({'a': np.arange(5)})['a'].sum())"
)
_TIMEOUT_S = 20.0
_AT_ONCE = 4


async def bench_sandbox(*, quick: bool = False) -> dict[str, JsonValue]:
    """Measure the strongest tier that holds here.

    Args:
        quick: fewer calls.

    Returns:
        The object of `vdr bench sandbox --json`; milliseconds and calls per second, by the clock.

    Raises:
        ConfigError: no tier holds on this machine.
    """
    tier, probes = await find_tier()
    if tier is None:
        reasons = "; ".join(f"tier {probe.tier.value}: {probe.reason}" for probe in probes)
        msg = f"expected a sandbox tier to measure, none holds here ({reasons})"
        raise ConfigError(msg)
    num_calls, num_cold = (60, 3) if quick else (600, 12)
    async with ZygoteSandbox(tier) as sandbox:

        async def call(code: str) -> None:
            result = await sandbox.run(code, timeout=_TIMEOUT_S)
            assert result.status is SandboxStatus.OK, result.stderr

        for code in (_LIGHT, _SCI):
            await call(code)
        load, _, _ = os.getloadavg()  # what else the machine does decides most of what follows
        waits = [await _timed(lambda: call(_SCI)) for _ in range(num_calls // 4)]
        cold = [await _timed(_cold) for _ in range(num_cold)] if shutil.which("bwrap") else []
        waits += [await _timed(lambda: call(_SCI)) for _ in range(num_calls // 4)]
        per_s = await _rate(lambda: call(_SCI), num_calls)
        light_per_s = await _rate(lambda: call(_LIGHT), num_calls)
    waits.sort()
    p50_ms = 1e3 * statistics.median(waits)
    cold_ms = 1e3 * statistics.median(cold) if cold else None
    return {
        "name": "sandbox",
        "settings": {
            "quick": quick,
            "tier": tier.value,
            "at_once": _AT_ONCE,
            "calls": num_calls,
            "load": round(load, 2),
        },
        "figures": {
            "p50_ms": round(p50_ms, 2),
            "p99_ms": round(1e3 * waits[int(0.99 * (len(waits) - 1))], 2),
            "calls_per_s": round(per_s, 1),
            "light_calls_per_s": round(light_per_s, 1),
            "tier": tier.value,
        },
        "baseline": {"cold_process_p50_ms": round(cold_ms, 1) if cold_ms else None},
        "ratios": {"cold_process": round(cold_ms / p50_ms, 1) if cold_ms else None},
    }


async def _timed(call: Callable[[], Awaitable[None]]) -> float:
    began = time.perf_counter()
    await call()
    return time.perf_counter() - began


async def _rate(call: Callable[[], Awaitable[None]], count: int) -> float:
    """Calls per second with several at once."""
    left = iter(range(count))

    async def worker() -> None:
        for _ in left:
            await call()

    began = time.perf_counter()
    async with asyncio.TaskGroup() as group:
        for _ in range(_AT_ONCE):
            group.create_task(worker())
    return count / (time.perf_counter() - began)


async def _cold() -> None:
    """The same program in an interpreter of its own, started in namespaces of its own."""
    process = await asyncio.create_subprocess_exec(
        "bwrap", "--unshare-all", "--die-with-parent", "--ro-bind", "/", "/", "--dev", "/dev",
        sys.executable, "-c", _SCI,
        stdout=asyncio.subprocess.DEVNULL,
        env={"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"},
    )  # fmt: skip
    assert await process.wait() == 0, "the baseline must work to be one"
