"""Counts and times of a server, as Prometheus reads them (text format 0.0.4)."""

import resource
import sys
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator, Mapping

_BUCKETS_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


class Metrics:
    """What was answered, how, and how long it took. Labels come from closed sets only."""

    def __init__(self) -> None:
        self._requests: Counter[tuple[str, int]] = Counter()
        self._times: dict[str, list[int]] = {}
        self._sums: dict[str, float] = {}

    def count(self, route: str, *, status: int, took_s: float) -> None:
        """One request was answered."""
        self._requests[route, status] += 1
        buckets = self._times.setdefault(route, [0] * (len(_BUCKETS_S) + 1))
        buckets[bisect_left(_BUCKETS_S, took_s)] += 1
        self._sums[route] = self._sums.get(route, 0.0) + took_s

    def text(self, gauges: Mapping[str, float]) -> str:
        """All of it; `gauges` holds what is read at this moment, by name with labels."""
        return "".join(f"{line}\n" for line in self._lines(gauges))

    def _lines(self, gauges: Mapping[str, float]) -> Iterator[str]:
        yield "# HELP vdr_requests_total Requests answered."
        yield "# TYPE vdr_requests_total counter"
        for (route, status), number in sorted(self._requests.items()):
            yield f'vdr_requests_total{{route="{route}",status="{status}"}} {number}'
        yield "# HELP vdr_request_seconds From the whole head of a request to its answer."
        yield "# TYPE vdr_request_seconds histogram"
        for route, buckets in sorted(self._times.items()):
            total = 0
            for bound, number in zip((*_BUCKETS_S, None), buckets, strict=True):
                total += number
                label = "+Inf" if bound is None else f"{bound:g}"
                yield f'vdr_request_seconds_bucket{{route="{route}",le="{label}"}} {total}'
            yield f'vdr_request_seconds_sum{{route="{route}"}} {self._sums[route]:.6f}'
            yield f'vdr_request_seconds_count{{route="{route}"}} {total}'
        told: set[str] = set()
        for name, value in gauges.items():
            family = name.partition("{")[0]
            if family not in told:
                told.add(family)
                kind = "counter" if family.endswith("_total") else "gauge"
                yield f"# TYPE {family} {kind}"
            yield f"{name} {value:g}"


def peak_memory_bytes() -> int:
    """The most this process has held so far."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024
