"""What the agent tells while it works, for live views. Losing an event never changes a result."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from vision_deepresearch.core.content import ToolCall
from vision_deepresearch.core.observation import Observation
from vision_deepresearch.core.trajectory import StopReason, Trajectory, Turn


@dataclass(frozen=True, slots=True, kw_only=True)
class TurnStarted:
    """A prompt is about to be sent."""

    trajectory_id: str
    turn: int
    prompt_tokens: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelReplied:
    """A reply was parsed; its calls are about to run."""

    trajectory_id: str
    turn: int
    thought: str
    calls: tuple[ToolCall, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class CallFinished:
    """One call of the turn is done."""

    trajectory_id: str
    turn: int
    call: ToolCall
    observation: Observation
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class TurnFinished:
    """The turn is complete."""

    trajectory_id: str
    turn: Turn


@dataclass(frozen=True, slots=True, kw_only=True)
class Stopped:
    """The trajectory is complete."""

    trajectory_id: str
    stop: StopReason
    trajectory: Trajectory


Event: TypeAlias = TurnStarted | ModelReplied | CallFinished | TurnFinished | Stopped
Listener: TypeAlias = Callable[[Event], None]
