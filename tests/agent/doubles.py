"""Small implementations of the seams for tests of the agent."""

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence

from pydantic import BaseModel

from vision_deepresearch.agent.limits import Limits
from vision_deepresearch.agent.loop import Researcher
from vision_deepresearch.core.content import (
    Conversation,
    ImageRef,
    Message,
    Picture,
    ToolCall,
    ToolSpec,
    untrusted,
)
from vision_deepresearch.core.context import CallContext, SpendKind, current_context
from vision_deepresearch.core.errors import FailureKind, WorldError
from vision_deepresearch.core.mode import mode_named
from vision_deepresearch.core.observation import Evidence, EvidenceKind, Observation
from vision_deepresearch.core.protocols import (
    Completion,
    MediaStore,
    ModelClient,
    Profile,
    Sampling,
    Tool,
    ToolContext,
)
from vision_deepresearch.core.trajectory import Usage
from vision_deepresearch.media.store import clean
from vision_deepresearch.models.profiles.vdr import VdrProfile
from vision_deepresearch.models.scripted import Reply, ScriptedModel


class AnyArguments(BaseModel):
    query: list[str] = []


class TextTool:
    """Gives the text that a function makes of each call."""

    def __init__(self, name: str, say: Callable[[ToolCall], str]) -> None:
        self.spec = ToolSpec.of(name, description=f"{name}.", arguments=AnyArguments)
        self._say = say
        self.seen: list[ToolCall] = []

    async def run(self, call: ToolCall, context: ToolContext) -> Observation:  # noqa: ARG002 - seam
        self.seen.append(call)
        text = self._say(call)
        hit = Evidence(kind=EvidenceKind.TEXT_HIT, url="https://a.example", title="A", snippet=text)
        return Observation(parts=(untrusted(text),), evidence=(hit,))


class EmptyTool:
    """Finds nothing, which is no failure."""

    spec = ToolSpec.of("search", description="search.", arguments=AnyArguments)

    async def run(self, call: ToolCall, context: ToolContext) -> Observation:  # noqa: ARG002 - seam
        return Observation(parts=(untrusted("no hits"),))


class FailingTool:
    """Fails as its world does."""

    spec = ToolSpec.of("search", description="search.", arguments=AnyArguments)

    async def run(self, call: ToolCall, context: ToolContext) -> Observation:  # noqa: ARG002 - seam
        raise WorldError(FailureKind.UPSTREAM, "the engine is down")


class SlowTool:
    """Waits; remembers how many calls were under way at the same time."""

    def __init__(self, seconds: float, *, name: str = "search", busy_at: int = 1) -> None:
        self.spec = ToolSpec.of(name, description=f"{name}.", arguments=AnyArguments)
        self._seconds = seconds
        self.running = 0
        self.peak = 0
        self.contexts: list[CallContext | None] = []
        self.is_busy = asyncio.Event()
        self._busy_at = busy_at

    async def run(self, call: ToolCall, context: ToolContext) -> Observation:  # noqa: ARG002 - seam
        self.contexts.append(current_context.get())
        self.running += 1
        self.peak = max(self.peak, self.running)
        if self.running >= self._busy_at:
            self.is_busy.set()
        try:
            await asyncio.sleep(self._seconds)
        finally:
            self.running -= 1
        return Observation(parts=(untrusted(f"waited for {call.id}"),))


class DictMedia:
    """Pictures in memory that a test can damage."""

    def __init__(self) -> None:
        self.pictures: dict[str, bytes] = {}

    def put(self, data: bytes) -> ImageRef:
        picture = clean(data)
        self.pictures[picture.ref.sha256] = picture.data
        return picture.ref

    def load(self, ref: ImageRef) -> bytes:
        return self.pictures[ref.sha256]

    def picture(self, ref: ImageRef) -> Picture:
        return Picture(ref=ref, load=lambda: self.load(ref))


class Recorder:
    """A model in front of another one; keeps every prompt it was sent."""

    def __init__(self, inner: ModelClient) -> None:
        self._inner = inner
        self.prompts: list[tuple[Message, ...]] = []
        self.samplings: list[Sampling] = []
        self.tools: list[Sequence[ToolSpec]] = []
        self.contexts: list[CallContext] = []

    @property
    def name(self) -> str:
        return self._inner.name

    async def complete(
        self,
        conversation: Conversation,
        *,
        tools: Sequence[ToolSpec],
        sampling: Sampling,
        context: CallContext,
    ) -> Completion:
        self.prompts.append(tuple(conversation))
        self.samplings.append(sampling)
        self.tools.append(tools)
        self.contexts.append(context)
        return await self._inner.complete(
            conversation, tools=tools, sampling=sampling, context=context
        )


class SilentModel:
    """Never answers."""

    name = "silent"

    async def complete(
        self,
        conversation: Conversation,  # noqa: ARG002 - seam
        *,
        tools: Sequence[ToolSpec],  # noqa: ARG002 - seam
        sampling: Sampling,  # noqa: ARG002 - seam
        context: CallContext,  # noqa: ARG002 - seam
    ) -> Completion:
        await asyncio.sleep(3600)
        raise AssertionError


class ReplayingModel:
    """Answers from a tape, as far as the budget is concerned."""

    name = "replaying"

    async def complete(
        self,
        conversation: Conversation,  # noqa: ARG002 - seam
        *,
        tools: Sequence[ToolSpec],  # noqa: ARG002 - seam
        sampling: Sampling,  # noqa: ARG002 - seam
        context: CallContext,
    ) -> Completion:
        assert current_context.get() is context
        context.budget.note_replay(SpendKind.MODEL_CALL)
        return Completion(text="<answer>x</answer>", usage=Usage(cost_usd=0.6))


class FakeClock:
    """Time that passes only when told to."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def a_call(name: str = "search", **arguments: str | list[str]) -> ToolCall:
    return ToolCall(id="", name=name, arguments=dict(arguments) or {"query": ["lamp"]})


def says(profile: Profile, *calls: ToolCall, thought: str = "Let me see.") -> Completion:
    """A reply with calls."""
    return profile.write(thought=thought, calls=calls)


def answers(profile: Profile, text: str, *, thought: str = "I know.") -> Completion:
    return profile.write(thought=thought, answer=text)


def a_researcher(
    replies: Sequence[Reply] | ModelClient,
    *,
    tools: Mapping[str, Tool] | None = None,
    mode: str = "ts",
    limits: Limits | None = None,
    profile: Profile | None = None,
    media: MediaStore | None = None,
    clock: Callable[[], float] | None = None,
    repeat_last: bool = False,
) -> Researcher:
    """A researcher over a script; `search` says "nothing new" unless other tools are given."""
    model = (
        ScriptedModel(replies, repeat_last=repeat_last)
        if isinstance(replies, Sequence)
        else replies
    )
    return Researcher(
        model=model,
        profile=profile or VdrProfile(),
        tools=tools
        if tools is not None
        else {"search": TextTool("search", lambda _: "nothing new")},
        mode=mode_named(mode),
        today="2026-01-01",
        media=media or DictMedia(),
        limits=limits or Limits(),
        clock=clock or time.monotonic,
    )
