"""Metrics of public scorers, as judges that ask no model: exact match, token overlap, GAIA's comparison.

They decide both ways, free text too, for that is what the figures they are compared with do: use them
for those figures, not to say whether an answer is right. Best over aliases; of an answer in parts all
parts are one text. Departures from the public scorers: `em` and `f1` drop punctuation at the edges of
words only (`1.75` is not `175`; `gaia` drops it everywhere, as published), and where nothing would be
left the raw texts are compared.

Source: the project's evaluation protocol, profiles and normalisation traps; MMSearch (arXiv 2409.12959)
for the overlap of tokens; GAIA (arXiv 2311.12983) for its quasi exact match.
"""

import math
import re
from collections import Counter
from collections.abc import Callable, Sequence

from vision_deepresearch.core.answers import normalise_answer
from vision_deepresearch.core.episode import Decision, Verdict
from vision_deepresearch.core.task import Gold, GoldMode, Task
from vision_deepresearch.core.trajectory import Trajectory
from vision_deepresearch.judge.rules import judge_outcome

_ARTICLES = {"a", "an", "the"}
_LIST = re.compile(r"[,;]")
_NOT_WORD = re.compile(r"[\W_]+")

Metric = Callable[[str, str], float]
"""How far an answer is a gold answer, 0 to 1."""


class MetricJudge:
    """A judge that is one metric."""

    def __init__(self, name: str) -> None:
        """Take a metric by its name in `METRICS`."""
        self._name = name
        self._metric = METRICS[name]

    @property
    def profile_id(self) -> str:
        """Name and version, part of every verdict."""
        return f"{self._name}/1"

    async def judge(self, task: Task, trajectory: Trajectory) -> Verdict:
        """Decide by the metric; correct is what it gives 1. Order: what is settled, then the metric."""
        settled = judge_outcome(task, trajectory)
        if settled is not None:
            return settled.model_copy(update={"judge": self.profile_id})
        assert task.gold is not None, "a task without gold is settled"
        answer = (trajectory.answer or "").strip()
        scores = {text: self._metric(answer, text) for text in _texts(task.gold)}
        best = max(scores, key=scores.__getitem__)
        is_right = scores[best] >= 1.0
        return Verdict(
            decision=Decision.CORRECT if is_right else Decision.INCORRECT,
            reason=f"{self._name} {scores[best]:.3f} against the nearest of {len(scores)} references",
            judge=self.profile_id,
            matched=best if is_right else None,
            score=scores[best],
        )


def exact_match(answer: str, gold: str) -> float:
    """1 if both are the same in normal form."""
    return float(normalise_answer(answer) == normalise_answer(gold))


def token_f1(answer: str, gold: str) -> float:
    """Harmonic mean of precision and recall over words, repeated words counted."""
    said, wanted = Counter(_words(answer)), Counter(_words(gold))
    if not said or not wanted:
        return exact_match(answer, gold)
    shared = sum((said & wanted).values())
    return 2 * shared / (said.total() + wanted.total())


def gaia_match(answer: str, gold: str) -> float:
    """Numbers as numbers, lists entry by entry, other text without spaces and punctuation."""
    if _number(gold) is not None:
        return float(_same_number(answer, gold))
    if _LIST.search(gold):
        said, wanted = _LIST.split(answer), _LIST.split(gold)
        return float(
            len(said) == len(wanted)
            and all(
                _same_number(one, other) if _number(other) is not None else _same_text(one, other)
                for one, other in zip(said, wanted, strict=True)
            )
        )
    return float(_same_text(answer, gold))


METRICS: dict[str, Metric] = {"em": exact_match, "f1": token_f1, "gaia": gaia_match}
"""By the name of their judge."""


def _texts(gold: Gold) -> Sequence[str]:
    return (", ".join(gold.answers),) if gold.mode is GoldMode.ALL_OF else gold.answers


def _words(text: str) -> list[str]:
    return [
        plain
        for word in text.split()
        if (plain := normalise_answer(word)) not in _ARTICLES and any(map(str.isalnum, plain))
    ]


def _number(text: str) -> float | None:
    """A number with thousands in commas, a dollar or a percent sign; None: no number."""
    try:
        value = float(text.strip().replace(",", "").replace("$", "").replace("%", ""))
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def _same_number(answer: str, gold: str) -> bool:
    return _number(answer) == _number(gold)


def _same_text(answer: str, gold: str) -> bool:
    said, wanted = (_NOT_WORD.sub("", normalise_answer(text)) for text in (answer, gold))
    if not said or not wanted:
        return normalise_answer(answer) == normalise_answer(gold)
    return said == wanted
