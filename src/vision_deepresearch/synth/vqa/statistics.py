"""What a set of questions is like: the figures of `vdr synth stats`."""

import statistics
from collections import Counter
from collections.abc import Iterable, Sequence

from vision_deepresearch.core.record import Record
from vision_deepresearch.synth.vqa_records import Finished, Move


class Spread(Record):
    """Least, median and most."""

    min: float
    median: float
    max: float


class VqaStatistics(Record):
    """Counts and shares over finished questions."""

    tasks: int
    pictures: int
    by_hops: dict[str, int]
    by_shape: dict[str, int]
    by_rounds: dict[str, int]
    """Moves that made a question harder, for example "chain-replace-chain"."""
    by_answer: dict[str, int]
    by_anchor: dict[str, int]
    relation_paths: int
    """Different ones."""
    most_alike_frac: float
    """Share of the most frequent relations and sentence together."""
    interleaved_frac: float
    """Share that both moves made harder."""
    candidates_per_round: Spread | None
    pages_per_question: Spread | None
    """Read in its rounds."""
    words: Spread | None
    """Of the question."""


def statistics_of(finished: Sequence[Finished]) -> VqaStatistics:
    """Count a set of questions."""
    strata = [one.task.strata for one in finished]
    alike = Counter((one.get("path", ""), one.get("frame", "")) for one in strata)
    rounds = [done for one in finished for done in one.rounds]
    both = sum(
        {done.move for done in one.rounds if done.chosen is not None} == set(Move)
        for one in finished
    )
    total = len(finished)
    return VqaStatistics(
        tasks=total,
        pictures=len({one.task.cluster for one in finished}),
        by_hops=_counted(one.get("hops", "") for one in strata),
        by_shape=_counted(one.get("shape", "") for one in strata),
        by_rounds=_counted(one.get("rounds", "") for one in strata),
        by_answer=_counted(one.get("answer", "") for one in strata),
        by_anchor=_counted(one.get("anchor", "") for one in strata),
        relation_paths=len({one.get("path", "") for one in strata}),
        most_alike_frac=round(max(alike.values(), default=0) / total, 4) if total else 0.0,
        interleaved_frac=round(both / total, 4) if total else 0.0,
        candidates_per_round=_spread([done.num_candidates for done in rounds]),
        pages_per_question=_spread([
            len({url for done in one.rounds for url in done.pages}) for one in finished
        ]),
        words=_spread([len(one.task.question.split()) for one in finished]),
    )


def _counted(values: Iterable[str]) -> dict[str, int]:
    return dict(sorted(Counter(values).items()))


def _spread(values: Sequence[int]) -> Spread | None:
    if not values:
        return None
    return Spread(min=min(values), median=statistics.median(values), max=max(values))
