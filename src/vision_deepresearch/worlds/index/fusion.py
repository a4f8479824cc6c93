"""Several rankings of the same things as one, by reciprocal ranks: no scores need to be comparable."""

from collections.abc import Sequence

RANK_OFFSET = 60
"""Source: Cormack, Clarke and Buettcher, SIGIR 2009."""
_DIGITS = 9


def reciprocal_ranks(rankings: Sequence[Sequence[str]]) -> dict[str, float]:
    """The sum of 1 / (60 + rank) over the rankings in which a thing stands, rank 1 being first.

    The result is in order of first appearance, ranking by ranking.
    """
    scores: dict[str, float] = {}
    for ranking in rankings:
        for rank, key in enumerate(dict.fromkeys(ranking), start=1):
            scores[key] = scores.get(key, 0.0) + 1.0 / (RANK_OFFSET + rank)
    return {key: round(score, _DIGITS) for key, score in scores.items()}


def fused(rankings: Sequence[Sequence[str]]) -> list[str]:
    """The things of all rankings, best first; of equal ones, that of the earlier ranking."""
    scores = reciprocal_ranks(rankings)
    return sorted(scores, key=lambda key: -scores[key])
