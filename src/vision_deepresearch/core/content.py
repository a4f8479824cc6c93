"""What a conversation is made of: text that is trusted or not, pictures, messages, sampled tokens.

Trust is decided where text enters: only template text of this package is trusted. Everything a
user, a page, a tool or a model wrote is untrusted and is neutralised before it meets a prompt.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Literal, Self, TypeAlias

from pydantic import BaseModel, Field, JsonValue, model_validator

from vision_deepresearch.core.record import Record


class ImageRef(Record):
    """A picture, by content. The bytes live in the media store."""

    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    """Over the decoded RGB pixels and their size, lower-case hex: one picture, one address."""
    width: int = Field(gt=0)
    """Pixels."""
    height: int = Field(gt=0)
    """Pixels."""
    media_type: str
    """For example "image/png"."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """A picture and a way to its bytes: what the seams take, never a bare reference or a path."""

    ref: ImageRef
    load: Callable[[], bytes]
    """Returns the stored bytes; may read a file."""


class Text(Record):
    """A run of text with its trust."""

    kind: Literal["text"] = "text"
    text: str
    trusted: bool
    """True only for template text of this package."""


class Image(Record):
    """A picture shown in a message."""

    kind: Literal["image"] = "image"
    ref: ImageRef
    handle: str | None = None
    """The picture's name in this trajectory, for example "img_1"."""


Part: TypeAlias = Annotated[Text | Image, Field(discriminator="kind")]


def trusted(text: str) -> Text:
    """Template text of this package."""
    return Text(text=text, trusted=True)


def untrusted(text: str) -> Text:
    """Text from anywhere else: users, pages, tools, models."""
    return Text(text=text, trusted=False)


class Role(StrEnum):
    """Who speaks."""

    SYSTEM = "system"
    USER = "user"
    ASSISTANT = "assistant"
    TOOL = "tool"


class TokenStop(StrEnum):
    """Why an engine stopped sampling."""

    EOS = "eos"
    """The policy ended its turn."""
    STOP_ID = "stop_id"
    """The text reached a stop string."""
    LENGTH = "length"
    """As many tokens as were allowed."""
    ABORTED = "aborted"
    """Cut off in the middle: new weights came, or the engine closed."""


class SampledTokens(Record):
    """The ids a policy sampled for one message. Never decoded and encoded again.

    Shapes: `ids` and `logprobs` have one entry per sampled token.
    """

    ids: tuple[int, ...]
    logprobs: tuple[float, ...]
    """At the sampling temperature, among the ids that may be sampled at all."""
    policy_version: str
    """Which weights sampled them; of several the newest."""
    stop: TokenStop | None = None
    """None: the client does not know."""
    version_min: int | None = None
    """Number of the oldest weights that sampled one of them; None: weights without numbers."""
    version_max: int | None = None
    """Number of the newest."""

    @model_validator(mode="after")
    def _is_aligned(self) -> Self:
        if len(self.ids) != len(self.logprobs):
            msg = f"one logprob per id: got {len(self.ids)} ids, {len(self.logprobs)} logprobs"
            raise ValueError(msg)
        return self


class ToolCall(Record):
    """A call in canonical form, whatever the wire looked like."""

    id: str
    """Unique in its trajectory, for example "t3c0"; native calls keep the server's id."""
    name: str
    """Canonical tool name, for example "crop_and_search"."""
    arguments: dict[str, JsonValue]
    """Checked against the tool's schema by the tool, not here."""


class ToolSpec(Record):
    """What the model is told about a tool: one source for prompt, validation and servers."""

    name: str
    description: str
    parameters: dict[str, JsonValue]
    """JSON schema of the arguments."""

    @classmethod
    def of(cls, name: str, *, description: str, arguments: type[BaseModel]) -> Self:
        """Compile the spec from the pydantic model that also validates the call."""
        return cls(name=name, description=description, parameters=arguments.model_json_schema())


class Message(Record):
    """One message of a conversation."""

    role: Role
    parts: tuple[Part, ...]
    reasoning: str | None = None
    """Assistant only: thinking that the server returned in a field of its own."""
    tool_calls: tuple[ToolCall, ...] = ()
    """Assistant only, native profile."""
    tool_call_id: str | None = None
    """Role `tool` only: the call this answers."""
    sampled: SampledTokens | None = None
    """Assistant only, token-exact clients: kept so that history is appended, never re-encoded."""

    @property
    def text(self) -> str:
        """All text parts joined; pictures are left out."""
        return "".join(part.text for part in self.parts if isinstance(part, Text))

    @property
    def images(self) -> tuple[Image, ...]:
        """The pictures, in order."""
        return tuple(part for part in self.parts if isinstance(part, Image))


Conversation: TypeAlias = Sequence[Message]
