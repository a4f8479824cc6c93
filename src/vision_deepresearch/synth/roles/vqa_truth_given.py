"""The truth about existing sets: which pictures are of a generated world, and what proves an answer."""

from collections.abc import Iterable

from vision_deepresearch.core.content import Picture
from vision_deepresearch.core.context import CallContext
from vision_deepresearch.core.proof import Proof
from vision_deepresearch.core.protocols import TruthSource
from vision_deepresearch.core.task import Task
from vision_deepresearch.synth.roles.vqa import Selection
from vision_deepresearch.synth.vqa_records import Photo


class KnownQuestions:
    """Questions of a generated world, by words and picture; a `Selector` of its pictures."""

    def __init__(self, tasks: Iterable[Task], truth: TruthSource) -> None:
        """Keep what is known.

        Args:
            tasks: the world's own.
            truth: their proofs.
        """
        self._known = {
            (task.question, task.images[0].sha256): task.id for task in tasks if task.images
        }
        self._pictures = frozenset(sha256 for _, sha256 in self._known)
        self._truth = truth

    @property
    def name(self) -> str:
        """For records."""
        return "truth@1"

    def proof(self, question: str, sha256: str) -> Proof | None:
        """What proves the answer; None: no question of this world."""
        task_id = self._known.get((question, sha256))
        return self._truth.proof(task_id) if task_id is not None else None

    async def select(self, photo: Photo, picture: Picture, *, context: CallContext) -> Selection:
        """See `Selector`: the scenes of its own questions hold several things by their making."""
        del picture, context
        is_known = photo.image.sha256 in self._pictures
        told = (
            "" if is_known else "no picture of this world: the truth cannot judge it, a model can"
        )
        return Selection(is_kept=is_known, criteria={"known": is_known}, reason=told)
