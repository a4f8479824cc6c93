"""The roles of trajectory synthesis. Each has two implementations: prompts to a model, and the truth.

The teachers are `ModelClient`s. Only the hit judge sees the true answer.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from vision_deepresearch.core.content import Conversation, Picture
from vision_deepresearch.core.context import CallContext
from vision_deepresearch.core.protocols import ModelClient
from vision_deepresearch.core.task import Task


class HitJudge(Protocol):
    """Decides whether the visual evidence so far is enough to go on by text; lenient."""

    @property
    def name(self) -> str:
        """Who decides and by which prompt (file and version)."""
        ...

    async def is_hit(self, task: Task, conversation: Conversation, *, context: CallContext) -> bool:
        """Look at what the tools gave so far. Sees the gold answer of `task`; nobody else does."""
        ...


class Describer(Protocol):
    """Puts a picture into words for a researcher who cannot see it."""

    @property
    def name(self) -> str:
        """Who describes and by which prompt."""
        ...

    async def describe(
        self, task: Task, pictures: Sequence[Picture], *, context: CallContext
    ) -> str:
        """A detailed description of the task's pictures, without the gold answer."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class TrajectoryRoles:
    """Who plays what."""

    visual: ModelClient
    """Researches by crops."""
    text: ModelClient
    """Researches by search, pages and programs."""
    hit_judge: HitJudge
    describer: Describer
