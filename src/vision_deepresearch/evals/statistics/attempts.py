"""Several attempts at one task: what one, any, all or most of k would have got right."""

import math
from collections import Counter
from collections.abc import Sequence

from vision_deepresearch.core.answers import normalise_answer


def pass_any(correct: int, count: int, *, k: int) -> float | None:
    """pass@k: the chance that at least one of k attempts drawn from `count` is right.

    None: fewer than k attempts, so nothing is known. Source: Chen et al., arXiv 2107.03374.
    """
    if count < k or k < 1:
        return None
    return 1 - math.comb(count - correct, k) / math.comb(count, k)


def pass_all(correct: int, count: int, *, k: int) -> float | None:
    """pass^k: the chance that all of k attempts drawn from `count` are right; None: fewer than k."""
    if count < k or k < 1:
        return None
    return math.comb(correct, k) / math.comb(count, k)


def majority(answers: Sequence[str | None]) -> int | None:
    """Which attempt speaks for most: the first one of the answer that is given most often.

    Args:
        answers: per attempt in order; None or blank: it gave none and has no vote.

    Returns:
        Its index; None: nobody answered. Of answers given equally often the first seen wins.
    """
    given = [(n, normalise_answer(text)) for n, text in enumerate(answers) if text and text.strip()]
    if not given:
        return None
    votes = Counter(words for _, words in given)
    most = max(votes.values())
    return next(n for n, words in given if votes[words] == most)
