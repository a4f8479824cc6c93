"""The truth plays the roles of trajectory synthesis, offline and without a model."""

from collections.abc import Mapping, Sequence

from vision_deepresearch.core.content import Conversation, Message, Picture, Role
from vision_deepresearch.core.context import CallContext
from vision_deepresearch.core.geometry import Box
from vision_deepresearch.core.proof import HopKind
from vision_deepresearch.core.protocols import TruthSource
from vision_deepresearch.core.task import Task

_ROWS = ("upper", "middle", "lower")
_COLUMNS = ("left", "centre", "right")


class TruthHitJudge:
    """A hit: the name of each thing the question looks at stands in what the tools gave."""

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
        return all(
            any(name.casefold() in told for name in (hop.expected, *hop.aliases)) for hop in looks
        )


class TruthDescriber:
    """Says what kinds of things stand where in a picture, and no names."""

    def __init__(self, kinds: Mapping[str, Sequence[tuple[str, Box]]]) -> None:
        """Keep what stands where.

        Args:
            kinds: by sha256 of a picture: what kind of thing, and where.
        """
        self._kinds = kinds

    @property
    def name(self) -> str:
        """Always the same."""
        return "truth@1"

    async def describe(
        self,
        task: Task,  # noqa: ARG002 - its question and gold are not looked at
        pictures: Sequence[Picture],
        *,
        context: CallContext,  # noqa: ARG002 - nothing is asked
    ) -> str:
        """A sentence for each thing."""
        told = []
        for picture in pictures:
            things = self._kinds.get(picture.ref.sha256, ())
            said = "; ".join(f"{kind} {_where(box)}" for kind, box in things)
            told.append(f"A drawn scene of {len(things)} things: {said}." if things else "A scene.")
        return " ".join(told)


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
    return f"at the {row} {column} [{corners}]"
