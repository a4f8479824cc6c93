"""The benchmarks that are known, by name."""

from vision_deepresearch.evals.benchmarks import (
    bc_vl,
    browsecomp,
    browsecomp_plus,
    browsecomp_v3,
    fvqa,
    generated,
    hr_mmsearch,
    infoseek,
    livevqa,
    mm_browsecomp,
    mmsearch,
    mmsearch_plus,
    official,
    simplevqa,
    vdr_bench,
    webwatcher,
    worldvqa,
)
from vision_deepresearch.evals.benchmarks.draft import BenchmarkError, Source

SOURCES: dict[str, Source] = {
    one.SOURCE.name: one.SOURCE
    for one in (
        official,
        vdr_bench,
        fvqa,
        mmsearch_plus,
        mmsearch,
        livevqa,
        bc_vl,
        webwatcher,
        infoseek,
        simplevqa,
        worldvqa,
        hr_mmsearch,
        mm_browsecomp,
        browsecomp,
        browsecomp_v3,
        browsecomp_plus,
        generated,
    )
}
"""In the order in which they are listed."""


def source_named(name: str) -> Source:
    """The benchmark of that name.

    Raises:
        BenchmarkError: none is called so.
    """
    if name not in SOURCES:
        msg = f"no benchmark is called {name!r}: known are {', '.join(SOURCES)}"
        raise BenchmarkError(msg)
    return SOURCES[name]
