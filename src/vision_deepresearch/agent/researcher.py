"""Who researches: a model, how it speaks and what it may use, fitted to the mode of the run."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from vision_deepresearch.agent.context import Condense, EstimateCounter
from vision_deepresearch.agent.limits import Limits
from vision_deepresearch.core.content import ImageRef
from vision_deepresearch.core.errors import BadImageError, ConfigError
from vision_deepresearch.core.mode import Mode, Strategy
from vision_deepresearch.core.protocols import (
    MediaStore,
    ModelClient,
    Profile,
    Sampling,
    TokenCounter,
    TokenExact,
    Tool,
)
from vision_deepresearch.media.store import clean


@dataclass(frozen=True, slots=True, kw_only=True)
class Researcher:
    """Who researches: a model, how it speaks, what it may use. Shared by many trajectories."""

    model: ModelClient
    profile: Profile
    tools: Mapping[str, Tool]
    """By canonical name. Those the mode names are enabled; one that is missing is switched off."""
    mode: Mode
    today: str
    """ISO date the prompt states."""
    media: MediaStore
    limits: Limits = field(default_factory=Limits)
    sampling: Sampling = field(default_factory=Sampling)
    """The profile's stop strings and the limit of a reply are added to it."""
    counter: TokenCounter = field(default_factory=EstimateCounter)
    clock: Callable[[], float] = time.monotonic
    """Seconds, monotonic: durations and deadlines."""
    condense: Condense | None = None
    """Shortens old results under context policy `summarise`."""
    finds_support: bool = True
    """Whether each claim of the answer is matched with evidence: CPU of some 50 ms per trajectory,
    which training has no use for."""
    exact: TokenExact | None = None
    """Gives the token stream of each trajectory, where the model knows it."""


def adapted_to_mode(researcher: Researcher) -> Researcher:
    """Check the mode and apply what it fixes: its tools; one call without tools for `single`.

    Raises:
        ConfigError: the mode needs a retrieval step, or none of its tools is there.
    """
    mode = researcher.mode
    if mode.strategy is Strategy.RETRIEVE_ONCE:
        msg = (
            f"mode {mode.name!r} needs a fixed retrieval step, which the agent loop does not have: "
            "use a mode that loops or answers at once, such as 'cis+ts' or 'direct'"
        )
        raise ConfigError(msg)
    if mode.strategy is Strategy.SINGLE:
        once = {"max_turns": 1, "max_consecutive_faults": 1, "force_answer": False}
        return replace(researcher, tools={}, limits=researcher.limits.model_copy(update=once))
    enabled = {name: researcher.tools[name] for name in mode.tools if name in researcher.tools}
    if mode.tools and not enabled:
        msg = (
            f"mode {mode.name!r} needs at least one of the tools {', '.join(mode.tools)}, "
            f"got {', '.join(researcher.tools) or 'none'}: build the tools of this mode"
        )
        raise ConfigError(msg)
    return replace(researcher, tools=enabled)


def check_picture(ref: ImageRef, *, media: MediaStore) -> None:
    """Make sure that a task's picture is there and undamaged, before anything is rendered.

    Raises:
        BadImageError: it is not in the store, or its bytes are not those it was stored with.
    """
    try:
        data = media.load(ref)
    except KeyError as error:
        msg = (
            f"expected picture {ref.sha256[:12]} in the media store, found none or a damaged one: "
            "put the original in"
        )
        raise BadImageError(msg) from error
    # The address is over pixels, so only decoding shows whether these are the ones meant.
    if clean(data).ref.sha256 != ref.sha256:
        msg = (
            f"the stored bytes of picture {ref.sha256[:12]} are damaged ({len(data)} bytes, "
            "other pixels): put the original in again"
        )
        raise BadImageError(msg)
