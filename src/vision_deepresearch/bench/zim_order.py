"""What reading a ZIM file cluster by cluster saves against reading it by path.

Both walk over all entries and take every page's body, in turns, each from a file opened anew.
"""

import resource
import statistics
import time
from contextlib import closing
from pathlib import Path

from pydantic import JsonValue

from vision_deepresearch.worlds.corpus.source import PageEntry
from vision_deepresearch.worlds.corpus.zim import ReadOrder, ZimSource


def bench_zim_order(file: Path, *, quick: bool = False) -> dict[str, JsonValue]:
    """Walk over a file in both orders.

    Args:
        file: a ZIM file.
        quick: one round instead of three.

    Returns:
        The object of `vdr bench`: processor seconds of both walks, pages and megabytes of HTML,
        `memory_mb` at most so far; ratio `cluster_order`: its time by that of the order by path.

    Raises:
        ConfigError: no ZIM file.
    """
    rounds = 1 if quick else 3
    took: dict[ReadOrder, list[float]] = {ReadOrder.CLUSTER: [], ReadOrder.PATH: []}
    memory: dict[ReadOrder, float] = {}
    pages = size = 0
    for _ in range(rounds):
        for order, times in took.items():
            started = time.process_time()
            with closing(ZimSource(file, order=order)) as source:
                pages = size = 0
                for entry in source.entries():
                    if isinstance(entry, PageEntry):
                        pages += 1
                        size += len(entry.body)
            times.append(time.process_time() - started)
            peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
            memory.setdefault(order, round(peak, 1))
    medians = {order: statistics.median(times) for order, times in took.items()}
    return {
        "name": "corpus",
        "settings": {
            "source": file.name,
            "rounds": rounds,
            "mb": round(file.stat().st_size / 1e6, 1),
        },
        "figures": {
            "pages": pages,
            "mb_of_html": round(size / 1e6, 1),
            **{f"{order}_s": round(seconds, 2) for order, seconds in medians.items()},
            **{f"{order}_memory_mb": peak for order, peak in memory.items()},
        },
        "baseline": {"path_s": round(medians[ReadOrder.PATH], 2)},
        "ratios": {"cluster_order": round(medians[ReadOrder.CLUSTER] / medians[ReadOrder.PATH], 3)},
    }
