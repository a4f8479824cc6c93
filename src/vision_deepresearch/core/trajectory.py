"""One attempt at a task, turn by turn, with everything that is needed to audit or train on it.

A trajectory's conversation is `prompt`, then for each turn its `reply` and its `results`. Messages
hold text as the model saw it (neutralised); observations hold it raw. The token stream of a
token-exact client is kept beside the messages and only grows.
"""

from collections import Counter
from enum import StrEnum
from typing import Literal, Self

from pydantic import model_validator

from vision_deepresearch.core.bank import BankEntry
from vision_deepresearch.core.content import ImageRef, Message, ToolCall
from vision_deepresearch.core.context import SpendKind
from vision_deepresearch.core.errors import FailureKind
from vision_deepresearch.core.geometry import Box
from vision_deepresearch.core.observation import Observation, Quote
from vision_deepresearch.core.record import Record


class StopReason(StrEnum):
    """Why a trajectory ended. A judge that cannot decide is a verdict, not a stop reason."""

    ANSWER = "answer"
    """The model gave its answer."""
    TURN_LIMIT = "turn_limit"
    """The last allowed turn brought no answer."""
    CONTEXT_LIMIT = "context_limit"
    """The next prompt would not fit, even after context management."""
    REPETITION = "repetition"
    """The model looped: the same text or the same call over and over."""
    FORMAT_FAULTS = "format_faults"
    """Several replies in a row could not be parsed."""
    TOOL_FAULTS = "tool_faults"
    """Several turns in a row had no call that worked."""
    MODEL_ERROR = "model_error"
    """The model could not be reached, or its endpoint did not take the request."""
    REFUSED = "refused"
    """The model's provider would not answer: a content filter. An outcome, no outage."""
    PROMPT_INTEGRITY = "prompt_integrity"
    """The next prompt held a control token or tag that no template placed: dropped, not sent."""
    DEADLINE = "deadline"
    """The wall-clock limit of the trajectory passed."""
    BUDGET = "budget"
    """A cap of dollars or calls was reached."""
    CANCELLED = "cancelled"
    """The user or a failing sibling stopped it, or a provider was down and it is made again."""

    @property
    def is_anomalous(self) -> bool:
        """Whether RL masks the episode: everything but an answer."""
        return self is not StopReason.ANSWER

    @property
    def is_limit(self) -> bool:
        """Whether a forced final answer may be asked for."""
        return self in {
            StopReason.TURN_LIMIT,
            StopReason.CONTEXT_LIMIT,
            StopReason.REPETITION,
        }

    @property
    def is_infrastructure(self) -> bool:
        """Whether the model is not to blame: never enters a baseline or a denominator."""
        return self in {
            StopReason.MODEL_ERROR,
            StopReason.PROMPT_INTEGRITY,
            StopReason.CANCELLED,
        }


class FaultKind(StrEnum):
    """Why a reply could not be used."""

    NO_TAGS = "no_tags"
    """Neither a call nor an answer."""
    UNCLOSED_THINK = "unclosed_think"
    UNCLOSED_TAG = "unclosed_tag"
    """A call or answer was opened and not closed."""
    BAD_JSON = "bad_json"
    """The body of a call is no JSON object with `name` and `arguments`."""
    TRUNCATED = "truncated"
    """Cut at the token limit; a cut call is never executed."""
    EMPTY = "empty"
    SEVERAL_ANSWERS = "several_answers"
    TOO_EARLY = "too_early"
    """An answer before the crop rounds the mode demands (multi-turn visual forcing)."""


class FormatFault(Record):
    """A reply that could not be used, told to the model as such."""

    kind: FaultKind
    message: str
    """What was expected and how to mend it."""


class Extraction(StrEnum):
    """How the answer was found in the final reply."""

    TAG = "tag"
    BOXED = "boxed"
    VERBATIM = "verbatim"
    """A forced reply without a tag, taken whole."""


class Usage(Record):
    """Tokens and price of one model call."""

    prompt_tokens: int = 0
    cached_tokens: int = 0
    """Part of `prompt_tokens` that the server had cached."""
    completion_tokens: int = 0
    cost_usd: float | None = None
    """None: the price is unknown, which is not 0."""


FREE = Usage(cost_usd=0.0)
"""Of a reply that was written here, by a script, a teacher or a person: nobody was paid."""


class CallRecord(Record):
    """One executed call and what came of it."""

    call: ToolCall
    observation: Observation
    seconds: float
    """Wall clock of the call."""
    cost_usd: float = 0.0


class ContextEdit(Record):
    """What context management did before this turn's prompt was sent."""

    policy: Literal["drop_oldest", "summarise"]
    turns: tuple[int, ...]
    """Turns whose results were replaced; the question never is."""
    replacement: str
    """The text that now stands for each of them."""


class Turn(Record):
    """One model call and the execution of what it asked for."""

    index: int
    phase: str | None = None
    """Mark of data synthesis, for example "vision" or "text"."""
    reply: Message
    """The assistant message, with sampled tokens if the client has them."""
    thought: str = ""
    calls: tuple[CallRecord, ...] = ()
    """Executed calls, in the order they were written."""
    answer: str | None = None
    fault: FormatFault | None = None
    results: tuple[Message, ...] = ()
    """What the model was told: observations, or an explanation of the fault."""
    mask: str | None = None
    """Why training leaves this turn out, beyond what its fault, its calls and `forced` say."""
    edit: ContextEdit | None = None
    usage: Usage = Usage()
    prompt_tokens: int = 0
    """Counted by us before the call; see `Trajectory.counted_by`."""
    model_seconds: float = 0.0
    seconds: float = 0.0
    """Whole turn, wall clock."""
    started_s: float = 0.0
    """Since the trajectory began."""

    @property
    def is_bad(self) -> bool:
        """Whether it counts towards the consecutive-fault stop: unparsable, or every call failed."""
        if self.fault is not None:
            return True
        return bool(self.calls) and all(record.observation.failure for record in self.calls)


class SupportKind(StrEnum):
    """How a claim of the answer stands."""

    PASSAGE = "passage"
    PICTURE = "picture"
    PARTLY = "partly"
    """Some of its clauses are backed; `Support.missing` names the rest."""
    UNSUPPORTED = "unsupported"
    """Nothing the model was shown says it in so many words. It may be true all the same."""


class SupportSource(StrEnum):
    """Whose words the passage of a claim is, the most trusted first."""

    PAGE = "page"
    """The page's own: found again in it, see `Support.quote`."""
    EXTRACT = "extract"
    """Picked out of a page by this package, as it was read."""
    SNIPPET = "snippet"
    """A search engine's excerpt of a page that was not read for it."""
    SUMMARY = "summary"
    """A model's, about a page it read: nobody found them in the page."""
    CAPTION = "caption"
    """Title or caption under which an image search matched a picture."""
    TITLE = "title"
    """The title of a page."""
    OUTPUT = "output"
    """A tool's result that names no page, such as what a program printed."""


class Backing(Record):
    """One passage or picture that backs a claim, or a clause of it."""

    url: str | None = None
    title: str | None = None
    passage: str | None = None
    """The words that hold it, as the model was shown them; `source` says whose they are."""
    source: SupportSource | None = None
    """None: unsupported, or a record of before this was noted."""
    handle: str | None = None
    """Picture the evidence is in or was found with."""
    box: Box | None = None
    turn: int | None = None
    quote: Quote | None = None
    """Where `passage` stands in the page that was read; None: it is the words of a search hit, a
    summary or a caption, which nobody found again in the page."""


class Support(Backing):
    """One claim of the answer and what backs it: the first backing in its own fields, then `more`."""

    claim: str
    kind: SupportKind
    """Of the first backing, or that not all or nothing is backed."""
    more: tuple[Backing, ...] = ()
    """Further backings, for the clauses that the first one does not hold."""
    missing: tuple[str, ...] = ()
    """Of a claim that is backed in part: the clauses, or single words such as "only", that no cited
    passage holds. They are pieces of the claim without its markup."""

    @property
    def backings(self) -> tuple[Backing, ...]:
        """All that backs it, the first one included; empty if nothing does."""
        return () if self.kind is SupportKind.UNSUPPORTED else (self, *self.more)


class TokenTrace(Record):
    """The append-only token stream of a token-exact client.

    Shapes: `ids`, `loss_mask`, `logprobs`, `versions` have one entry per token of the stream T.
    """

    ids: tuple[int, ...]
    loss_mask: tuple[bool, ...]
    """True on every sampled token, False on prompt and observations."""
    logprobs: tuple[float, ...]
    """0.0 where the mask is False."""
    versions: tuple[str | None, ...]
    """Policy version per sampled token."""
    turn_index: tuple[int, ...] = ()
    """Assistant turn per token, -1 outside turns; neighbouring turns would merge in the mask alone.
    Empty: a record of before this was noted."""
    images: tuple[ImageRef, ...] = ()
    """All pictures of the stream in order, those returned by tools included."""
    grids: tuple[tuple[int, int, int], ...] = ()
    """Per picture: frames, rows, columns of patches. Empty: a record of before this was noted."""

    @model_validator(mode="after")
    def _is_aligned(self) -> Self:
        lengths = {len(self.ids), len(self.loss_mask), len(self.logprobs), len(self.versions)}
        if self.turn_index:
            lengths.add(len(self.turn_index))
        if len(lengths) != 1:
            msg = f"ids, loss_mask, logprobs and versions need one length, got {sorted(lengths)}"
            raise ValueError(msg)
        if self.grids and len(self.grids) != len(self.images):
            msg = f"one grid per picture: got {len(self.grids)} for {len(self.images)} pictures"
            raise ValueError(msg)
        return self


class Totals(Record):
    """What the trajectory cost."""

    seconds: float = 0.0
    model_seconds: float = 0.0
    cost_usd: float = 0.0
    has_unknown_cost: bool = False
    """Whether a call was paid whose price nobody knows: `cost_usd` is then too low."""
    prompt_tokens: int = 0
    """Summed over calls as the server reported them."""
    completion_tokens: int = 0
    calls: dict[SpendKind, int] = {}
    """Outside calls made, tape-answered ones included."""
    replayed: dict[SpendKind, int] = {}


class Trajectory(Record):
    """All turns of one attempt."""

    schema_version: Literal[1] = 1
    id: str
    task_id: str
    attempt: int = 0
    model: str
    profile: str
    mode: str
    today: str
    """ISO date the prompt states."""
    prompt: tuple[Message, ...]
    """System prompt and question, as sent."""
    prompt_hash: str = ""
    """sha256 of the rendered system prompt."""
    turns: tuple[Turn, ...] = ()
    bank: tuple[BankEntry, ...] = ()
    stop: StopReason
    stop_detail: str = ""
    failure: FailureKind | None = None
    """Of the call to the outside that ended it, if one did: the model's, or one that met an outage."""
    forced: bool = False
    """The answer was demanded after a limit; `stop` stays that limit."""
    answer: str | None = None
    extraction: Extraction | None = None
    support: tuple[Support, ...] = ()
    totals: Totals = Totals()
    tokens: TokenTrace | None = None
    peak_prompt_tokens: int = 0
    counted_by: str = "estimate"
    """Who counted `prompt_tokens`: "estimate" or the name of a tokenizer."""

    @property
    def num_turns(self) -> int:
        """Model calls, the forced one included."""
        return len(self.turns)

    @property
    def tool_counts(self) -> Counter[str]:
        """Executed calls per tool name."""
        return Counter(record.call.name for turn in self.turns for record in turn.calls)

    @property
    def num_engine_requests(self) -> int:
        """Searches and page reads, those a tape answered included."""
        return sum(count for kind, count in self.totals.calls.items() if kind.is_engine_request)

    @property
    def num_new_engine_requests(self) -> int:
        """Those that no tape answered: in a run with its memo, the distinct ones."""
        told = sum(count for kind, count in self.totals.replayed.items() if kind.is_engine_request)
        return self.num_engine_requests - told
