"""The seams: everything outside our process, and the smaller protocols by which rooms meet.

Implementations are chosen in `wiring`; the runtime (agent, tools, judge) knows only this file.
"""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal, Protocol, runtime_checkable

from pydantic import JsonValue

from vision_deepresearch.core.bank import CropOrigin, ImageBank
from vision_deepresearch.core.content import (
    Conversation,
    ImageRef,
    Message,
    Picture,
    SampledTokens,
    ToolCall,
    ToolSpec,
)
from vision_deepresearch.core.context import CallContext
from vision_deepresearch.core.episode import Verdict
from vision_deepresearch.core.mode import Mode
from vision_deepresearch.core.observation import Evidence, Observation
from vision_deepresearch.core.page import Asset, Page, WorldManifest
from vision_deepresearch.core.proof import Hop, Proof
from vision_deepresearch.core.record import Record
from vision_deepresearch.core.task import Task
from vision_deepresearch.core.trajectory import FormatFault, TokenTrace, Trajectory, Usage

# --------------------------------------------------------------------------------------- models


class Sampling(Record):
    """How to sample one reply."""

    temperature: float = 0.7
    """Source: arXiv 2601.22060 RL script."""
    top_p: float = 1.0
    max_tokens: int = 4096
    """Reply tokens. Source: arXiv 2601.22060 settings."""
    stop: tuple[str, ...] = ()
    """The reply ends behind the first of these."""
    seed: int | None = None
    reply_schema: dict[str, JsonValue] | None = None
    """JSON schema of the object that the reply is to be, where the endpoint can hold a model to it;
    a wish elsewhere: who asks reads the reply strictly in any case."""


class FinishReason(StrEnum):
    """Why the server stopped writing."""

    STOP = "stop"
    LENGTH = "length"
    TOOL_CALLS = "tool_calls"
    CONTENT_FILTER = "content_filter"


class NativeCall(Record):
    """A tool call in a field of the API's own, arguments still a JSON string."""

    id: str
    name: str
    arguments: str


class Completion(Record):
    """One model reply, as transported."""

    text: str
    reasoning: str | None = None
    """Thinking the server returned in a field of its own."""
    native_calls: tuple[NativeCall, ...] = ()
    finish: FinishReason = FinishReason.STOP
    usage: Usage = Usage()
    tokens: SampledTokens | None = None
    model: str = ""


class ModelClient(Protocol):
    """A model that continues a conversation. Clients transport; they do not parse."""

    @property
    def name(self) -> str:
        """For records: model and revision."""
        ...

    async def complete(
        self,
        conversation: Conversation,
        *,
        tools: Sequence[ToolSpec],
        sampling: Sampling,
        context: CallContext,
    ) -> Completion:
        """Continue the conversation by one assistant message.

        Raises:
            ModelError: the endpoint failed.
        """
        ...


class TokenEngine(Protocol):
    """Ids in, sampled ids out: what stands under every token-exact client."""

    async def generate(
        self,
        request_id: str,
        *,
        prompt_ids: Sequence[int],
        images: Sequence[Picture],
        sampling: Sampling,
    ) -> SampledTokens:
        """Sample one reply.

        Args:
            request_id: constant over a trajectory, so that its prefix is found again (P74).
            prompt_ids: the whole stream so far.
            images: all its pictures, in the order of their placeholders.
            sampling: `seed` is taken as it is.

        Raises:
            ModelError: the engine failed, or the prompt does not fit (too_large).
        """
        ...

    def forget(self, request_id: str) -> None:
        """The trajectory is over: what is kept for it may go."""
        ...


class TokenCounter(Protocol):
    """Counts what a message takes in the prompt."""

    @property
    def name(self) -> str:
        """What counts: the word estimate, or the name of a tokenizer."""
        ...

    def count(self, message: Message) -> int:
        """Tokens of the message, its template tokens and pictures included."""
        ...


@runtime_checkable
class TokenExact(Protocol):
    """A model client that knows the ids of its trajectories."""

    @property
    def counter(self) -> TokenCounter:
        """Counts messages as its model sees them."""
        ...

    def trace(
        self, conversation: Conversation, *, tools: Sequence[ToolSpec], context: CallContext
    ) -> TokenTrace | None:
        """The token stream of a trajectory that is over.

        Args:
            conversation: up to its last reply.
            tools: as in the calls of `complete`.
            context: of the trajectory.

        Returns:
            None: the stream did not only grow; it cannot be trained on.
        """
        ...


# -------------------------------------------------------------------------------------- profiles


@dataclass(frozen=True, slots=True, kw_only=True)
class ParsedReply:
    """What a reply asks for: calls, or an answer, or nothing usable."""

    message: Message
    """The assistant message to keep: text cut where an invented observation began."""
    thought: str = ""
    calls: tuple[ToolCall, ...] = ()
    """To be executed, in order."""
    dropped: int = 0
    """Calls written beyond what the profile runs in one turn."""
    answer: str | None = None
    fault: FormatFault | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """One executed call and what came of it, to be rendered."""

    call: ToolCall
    observation: Observation


class Profile(Protocol):
    """How one family of models speaks. Pure: no clock, no files after construction."""

    @property
    def name(self) -> str:
        """Either `vdr` or `native`."""
        ...

    @property
    def stop(self) -> tuple[str, ...]:
        """Stop strings for sampling."""
        ...

    @property
    def sends_tool_specs(self) -> bool:
        """Whether tools go into the API's own field instead of the prompt."""
        ...

    def prompt(
        self,
        task: Task,
        *,
        handles: Sequence[str],
        tools: Sequence[ToolSpec],
        mode: Mode,
        today: str,
    ) -> tuple[Message, ...]:
        """System message and question. `handles[i]` names `task.images[i]`."""
        ...

    def parse(self, completion: Completion, *, turn: int) -> ParsedReply:
        """Read a reply. Call ids are "t{turn}c{position}" where the server gave none."""
        ...

    def results(self, shown: Sequence[Shown], *, dropped: int = 0) -> tuple[Message, ...]:
        """Render observations, one response per call in call order, untrusted text neutralised."""
        ...

    def explain(self, fault: FormatFault, *, reply: Message) -> tuple[Message, ...]:
        """Tell the model that its reply could not be used; never wrapped as a tool response."""
        ...

    def demand_answer(self) -> tuple[Message, ...]:
        """Ask for the final answer now, without further calls."""
        ...

    def write(
        self, *, thought: str, calls: Sequence[ToolCall] = (), answer: str | None = None
    ) -> Completion:
        """Say it as a model of this family would: used by oracle, seat and scripts."""
        ...


# ---------------------------------------------------------------------------------------- worlds


class ImageSearch(Protocol):
    """Reverse image search."""

    async def search_image(
        self, picture: Picture, *, limit: int, origin: CropOrigin | None = None
    ) -> list[Evidence]:
        """Find pages that show what the picture shows, best first; [] is a result.

        Raises:
            WorldError: the engine failed.
        """
        ...


class TextSearch(Protocol):
    """Full-text search."""

    async def search_text(self, query: str, *, limit: int) -> list[Evidence]:
        """Find pages by words, best first; [] is a result.

        Raises:
            WorldError: the engine failed.
        """
        ...


class PageReader(Protocol):
    """Reads pages and the pictures on them."""

    async def read(self, url: str, *, cursor: str | None = None) -> Page:
        """Read a window of a page.

        Raises:
            WorldError: not found, blocked, unreadable...
        """
        ...

    async def asset(self, url: str) -> Asset:
        """Fetch a picture of a page or of a hit.

        Raises:
            WorldError: not found, blocked, not a picture...
        """
        ...


class World(ImageSearch, TextSearch, PageReader, Protocol):
    """Everything the agent can see of the outside."""

    def manifest(self) -> WorldManifest:
        """What this world is."""
        ...


class TruthSource(Protocol):
    """What a generated world knows about its tasks; never reachable through a tool."""

    def proof(self, task_id: str) -> Proof | None:
        """The route of a task, or None for a task that is not from here."""
        ...

    def read_value(self, text: str, *, subject: str, hop: Hop) -> str | None:
        """The value that `text` states for `hop.predicate` of `subject`, as written there.

        Reads the text only (an inverse of the page grammar): it does not know the true value, so
        blanked or shuffled text yields None or what that text says.
        """
        ...


# ----------------------------------------------------------------------------------------- tools


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolContext:
    """What a tool may use besides its own world: the pictures and the caller."""

    bank: ImageBank
    call: CallContext
    mode: Mode


class Tool(Protocol):
    """Something the model may call."""

    @property
    def spec(self) -> ToolSpec:
        """Name, description and argument schema."""
        ...

    async def run(self, call: ToolCall, context: ToolContext) -> Observation:
        """Execute one call. Bad arguments give a failed observation, not an exception.

        Raises:
            BoundaryError: the outside failed; the agent turns it into an observation.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class SummaryRequest:
    """A page to be read for a goal."""

    goal: str
    page: Page
    query_image: Picture | None = None
    """The crop that led here."""
    previews: tuple[Picture, ...] = ()
    """The matched picture and its thumbnail."""
    page_images: tuple[Picture, ...] = ()
    max_words: int = 120
    """Of evidence and summary together. Source: terse summarisers of the paper's successor code."""


class Summary(Record):
    """What a page says about a goal."""

    evidence: str
    """Words of the page."""
    summary: str
    degraded: bool = False
    """True: an extract instead of a written summary."""
    note: str = ""
    """Why it is degraded, or what is wrong with its evidence; words for the observation."""


class Summariser(Protocol):
    """Reads a page for a goal."""

    @property
    def name(self) -> str:
        """For records."""
        ...

    @property
    def sees_pictures(self) -> bool:
        """Whether pictures should be fetched for it."""
        ...

    async def summarise(self, request: SummaryRequest, *, context: CallContext) -> Summary:
        """Read the page for the goal; falls back to an extract marked `degraded`."""
        ...


class Judge(Protocol):
    """Decides whether a trajectory's answer is right."""

    @property
    def profile_id(self) -> str:
        """Name and version, part of every verdict."""
        ...

    async def judge(self, task: Task, trajectory: Trajectory) -> Verdict:
        """Decide, or abstain. Never asks a model when there is no answer."""
        ...


class MediaStore(Protocol):
    """Pictures by content."""

    def put(self, data: bytes) -> ImageRef:
        """Decode safely, normalise and keep; the same pixels give the same reference.

        Raises:
            BadImageError: no picture we accept.
        """
        ...

    def load(self, ref: ImageRef) -> bytes:
        """The stored bytes.

        Raises:
            KeyError: not in the store.
        """
        ...

    def picture(self, ref: ImageRef) -> Picture:
        """The reference with a way to its bytes."""
        ...


class SandboxStatus(StrEnum):
    """How a run of model-written code ended."""

    OK = "ok"
    ERROR = "error"
    TIMEOUT = "timeout"
    OOM = "oom"
    OUTPUT = "output"
    KILLED = "killed"


class SandboxResult(Record):
    """What model-written code did."""

    status: SandboxStatus
    stdout: str = ""
    stderr: str = ""
    artifacts: dict[str, bytes] = {}
    left_behind: tuple[str, ...] = ()
    """Names that were asked for and are too large, or no plain file with one name."""
    cpu_s: float = 0.0
    wall_s: float = 0.0
    max_rss: int = 0
    tier: Literal["A", "B", "C", "D", "E"]


class Sandbox(Protocol):
    """Runs model-written Python outside our process."""

    async def run(
        self,
        code: str,
        *,
        timeout: float,  # noqa: ASYNC109 - the limit is the guest's, enforced outside it
        inputs: dict[str, bytes] | None = None,
        collect: Sequence[str] = (),
    ) -> SandboxResult:
        """Run code; never raises for anything the guest does.

        Raises:
            SandboxError: no sandbox can run here.
        """
        ...


class Embedder(Protocol):
    """Pictures to vectors; plug-ins for visual search."""

    @property
    def identity(self) -> str:
        """Hash over weights, configuration and preprocessing."""
        ...

    @property
    def name(self) -> str:
        """Family and folder, for people; decides nothing."""
        ...

    @property
    def dimension(self) -> int:
        """Numbers of a vector."""
        ...

    def encode(self, pictures: Sequence[bytes]) -> Sequence[Sequence[float]]:
        """One vector of length 1 per encoded picture, in order. May be called from any thread.

        Raises:
            BadImageError: bytes that are no picture.
        """
        ...


@runtime_checkable
class WordEmbedder(Embedder, Protocol):
    """An embedder with a text tower: words near the pictures they describe."""

    def encode_words(self, texts: Sequence[str]) -> Sequence[Sequence[float]]:
        """One vector of length 1 per text, in order. May be called from any thread."""
        ...


class Executor(Protocol):
    """Carries out the stages of a data factory, here or on other machines."""

    def run(
        self, stage: str, records: Sequence[JsonValue], *, cap_usd: float | None
    ) -> AsyncIterator[tuple[int, JsonValue]]:
        """Put records through a stage that every worker knows by its name.

        Args:
            stage: its name.
            records: as JSON.
            cap_usd: dollars that may still be spent; no further record is begun beyond. None: no
                cap.

        Yields:
            Position of a record, and what became of it, in the order they are ready; records that
            were not begun are missing.

        Raises:
            RunStoppingError: nothing can go on, for example a full disk.
        """
        ...
