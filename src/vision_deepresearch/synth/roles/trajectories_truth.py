"""The truth plays the roles of trajectory synthesis, offline and without a model."""

from collections.abc import Sequence

from vision_deepresearch.core.content import Conversation, Message, Picture, Role
from vision_deepresearch.core.context import CallContext
from vision_deepresearch.core.geometry import Box
from vision_deepresearch.core.proof import Hop, HopKind
from vision_deepresearch.core.protocols import TruthSource
from vision_deepresearch.core.task import Task

_ROWS = ("upper", "middle", "lower")
_COLUMNS = ("left", "centre", "right")


class TruthHitJudge:
    """A hit: the name of each thing the question looks at stands in what the tools gave.

    A picture of a page counts from when a tool named its file, and only what was given after that:
    before, there is nothing to look at, and whoever tells the name then saw something else.
    """

    def __init__(self, truth: TruthSource) -> None:
        """Keep where proofs are."""
        self._truth = truth

    @property
    def name(self) -> str:
        """Always the same."""
        return "truth@1"

    async def is_hit(self, task: Task, conversation: Conversation, *, context: CallContext) -> bool:  # noqa: ARG002 - nothing is asked
        """Look for the names."""
        proof = self._truth.proof(task.id)
        if proof is None:
            return False
        told = "\n".join(message.text for message in _results(conversation)).casefold()
        looks = [hop for hop in proof.hops if hop.kind is HopKind.LOOK]
        return all(_is_named(hop, told) for hop in looks)


class TruthDescriber:
    """Says where the things stand that a question looks at, and no names."""

    def __init__(self, truth: TruthSource) -> None:
        """Keep where proofs are."""
        self._truth = truth

    @property
    def name(self) -> str:
        """Always the same."""
        return "truth@1"

    async def describe(
        self,
        task: Task,
        pictures: Sequence[Picture],
        *,
        context: CallContext,  # noqa: ARG002 - nothing is asked
    ) -> str:
        """A sentence for each picture."""
        proof = self._truth.proof(task.id)
        hops = proof.hops if proof is not None else ()
        looks = [hop for hop in hops if hop.kind is HopKind.LOOK and hop.photo is None]
        told = []
        for number, picture in enumerate(pictures):
            places = [_where(hop.box) for hop in looks if hop.image == number and hop.box]
            size = f"{picture.ref.width} x {picture.ref.height} pixels"
            told.append(f"A crowded scene, {size}. Of interest: {'; '.join(places) or 'nothing'}.")
        return " ".join(told)


def _is_named(hop: Hop, told: str) -> bool:
    """Whether a look's thing was named since it could be looked at; True while it cannot be."""
    if hop.photo is not None:
        _, shown, told = told.partition(hop.photo.url.rpartition("/")[2].casefold())
        if not shown:
            return True
    return any(name.casefold() in told for name in (hop.expected, *hop.aliases))


def _results(conversation: Conversation) -> list[Message]:
    """Messages that tools gave: those after the first reply that are nobody's reply."""
    first = next(
        (place for place, one in enumerate(conversation) if one.role is Role.ASSISTANT),
        len(conversation),
    )
    return [one for one in conversation[first:] if one.role is not Role.ASSISTANT]


def _where(box: Box) -> str:
    x, y = (box.x0 + box.x1) / 2, (box.y0 + box.y1) / 2
    row, column = _ROWS[min(2, int(y * 3))], _COLUMNS[min(2, int(x * 3))]
    corners = ", ".join(str(round(1000 * corner)) for corner in (box.x0, box.y0, box.x1, box.y1))
    return f"a thing at the {row} {column} [{corners}]"
