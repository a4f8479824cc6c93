"""Endpoints that speak the OpenAI chat format: how they are named, and what may be set for them.

A name says where and which model; the key comes from the environment variable of that place and is
sent nowhere else. See docs/endpoints.md.

    openai:gpt-5   gemini:gemini-2.5-pro   anthropic:claude-sonnet-4-5   http://host:8000/v1#Qwen3-VL-8B
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Literal, Self
from urllib.parse import SplitResult, urlsplit

from pydantic import Field, JsonValue, model_validator

from vision_deepresearch.core.errors import ConfigError
from vision_deepresearch.core.record import Record
from vision_deepresearch.store.prices import model_price

KEY_VARIABLES = ("OPENAI_API_KEY", "GEMINI_API_KEY", "ANTHROPIC_API_KEY", "VDR_MODEL_KEY")
"""Environment variables that hold keys. The last is for every endpoint named by its address."""
ENDPOINT_NAMES = ("openai:MODEL", "gemini:MODEL", "anthropic:MODEL", "http://HOST:PORT/v1#MODEL")
"""Forms of names, for messages."""


class Provider(StrEnum):
    """Whose habits an endpoint has."""

    OPENAI = "openai"
    GEMINI = "gemini"
    ANTHROPIC = "anthropic"
    VLLM = "vllm"
    SGLANG = "sglang"
    OTHER = "other"
    """Only what nearly all servers take is sent."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Host:
    """A hosted provider."""

    base_url: str
    variable: str


_HOSTS = {
    Provider.OPENAI: _Host(base_url="https://api.openai.com/v1/", variable="OPENAI_API_KEY"),
    Provider.GEMINI: _Host(
        base_url="https://generativelanguage.googleapis.com/v1beta/openai/",
        variable="GEMINI_API_KEY",
    ),
    Provider.ANTHROPIC: _Host(
        base_url="https://api.anthropic.com/v1/", variable="ANTHROPIC_API_KEY"
    ),
}
_OWN_VARIABLE = "VDR_MODEL_KEY"
_SECRET_CHARS = 16
"""Keys of providers are longer."""
_PRICED = ("prompt", "completion", "cached")
_RESERVED = {"model", "messages", "stream", "stream_options", "tools"}


class EndpointSettings(Record):
    """What a user may set under `[endpoint]`; the defaults suit a single user of a hosted model."""

    provider: Provider | None = None
    """Whose habits the endpoint has; None: told from its name or address. Set `vllm` or `sglang`
    for your own server: then stop strings are kept instead of being put back afterwards."""
    tools: Literal["native", "text"] = "native"
    """`text`: the server has no tool calling; tools are written into the system message and calls
    are read from the text of the reply."""
    stream: bool = False
    """Ask for the reply piece by piece: keeps connections alive that a proxy would cut."""
    reply_schema: bool | None = None
    """Hold the model to a JSON schema where one is asked for (`response_format`); None: where the
    provider is known to take it."""
    send_reasoning: bool = False
    """Send earlier thinking back as `reasoning_content`: some models need it between calls."""
    reasoning_effort: str | None = None
    """Passed on as it is, for example "low"; None: the provider's default."""
    thinking_tokens: int | None = Field(default=None, ge=0)
    """Tokens added to the limit of a reply for hidden thinking that counts against it; None:
    16,384 for models known to think so, else 0."""
    max_pictures: int | None = Field(default=None, ge=1)
    """Pictures in one request: the question's and the newest stay, the rest is named in words.
    None: as the provider allows."""
    max_request_bytes: int | None = Field(default=None, ge=1_000_000)
    """Bytes of all pictures of a request in base64: what goes beyond is left out as above. None:
    as the provider allows."""
    max_picture_px: int | None = Field(default=None, ge=64)
    """Longer side of a picture as it is sent; None: as the provider allows, else as stored."""
    max_picture_bytes: int | None = Field(default=None, ge=10_000)
    """Bytes of one picture before base64; larger ones are scaled down. None: as for pixels."""
    usd_per_million_prompt: float | None = Field(default=None, ge=0)
    """Dollars for a million prompt tokens. Costs are known with both prices set, or with neither and
    a row in the shipped table (store/prices.toml)."""
    usd_per_million_completion: float | None = Field(default=None, ge=0)
    """Dollars for a million tokens of replies, thinking included."""
    usd_per_million_cached: float | None = Field(default=None, ge=0)
    """Dollars for a million prompt tokens that were cached; None: as other prompt tokens."""
    concurrency: int = Field(default=8, ge=1, le=1024)
    """Requests at a time at most; halves when the endpoint is overrun and grows back."""
    max_attempts: int = Field(default=6, ge=1, le=100)
    """Attempts at one call; only rate limits, timeouts and failures of the server are repeated."""
    attempt_s: float = Field(default=600.0, gt=0)
    """Seconds for one attempt: models that think take minutes."""
    call_s: float = Field(default=1800.0, gt=0)
    """Seconds for one call with all its attempts and waits."""
    omit: tuple[Literal["temperature", "top_p", "seed", "stop", "max_tokens"], ...] = ()
    """Fields of a request that this model refuses, besides those known."""
    extra_body: dict[str, JsonValue] = {}
    """Added to every request as it is, for example {"top_k": 20}. Never a place for keys: it is
    saved with the run."""

    @model_validator(mode="after")
    def _leaves_the_conversation_alone(self) -> Self:
        if taken := _RESERVED & set(self.extra_body):
            msg = f"extra_body cannot replace {', '.join(sorted(taken))}: leave it out"
            raise ValueError(msg)
        return self


def priced(name: str, settings: EndpointSettings) -> EndpointSettings:
    """The settings with the shipped prices of a model, where the user set none."""
    own = (settings.usd_per_million_prompt, settings.usd_per_million_completion)
    shipped = model_price(name)
    if shipped is None or any(price is not None for price in own):
        return settings
    prices = shipped.model_dump(include={f"usd_per_million_{one}" for one in _PRICED})
    if settings.usd_per_million_cached is not None:
        del prices["usd_per_million_cached"]
    return settings.model_copy(update=prices)


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """Where a model answers, and the secret that opens the door."""

    name: str
    """As the user wrote it; safe for records."""
    base_url: str
    """Ends with a slash."""
    model: str
    provider: Provider
    key: str | None = field(repr=False)
    """None: none is sent."""

    @property
    def key_variable(self) -> str:
        """The environment variable its key comes from."""
        if self.name.startswith(("http://", "https://")):
            return _OWN_VARIABLE
        return _HOSTS[self.provider].variable


def endpoint_named(name: str, *, keys: Mapping[str, str]) -> Endpoint | None:
    """The endpoint a model name stands for; None: the name is of another kind.

    Args:
        name: one of `ENDPOINT_NAMES`.
        keys: what the environment holds of `KEY_VARIABLES`.

    Raises:
        ConfigError: no model in the name, a secret in the address, or no key for a provider.
    """
    if name.startswith(("http://", "https://")):
        return _by_address(name, keys=keys)
    kind, colon, model = name.partition(":")
    if not colon or kind not in {provider.value for provider in _HOSTS}:
        return None
    host = _HOSTS[Provider(kind)]
    if not model or model != model.strip():
        msg = f"a model was expected behind {kind!r}, got {name!r}: write {kind}:MODEL"
        raise ConfigError(msg)
    key = _key(host.variable, keys=keys)
    if key is None:
        msg = (
            f"model {name!r} needs the key of its provider, but {host.variable} is not set: "
            f"export {host.variable}=... and run again"
        )
        raise ConfigError(msg)
    return Endpoint(
        name=name, base_url=host.base_url, model=model, provider=Provider(kind), key=key
    )


def address_of(name: str) -> str:
    """A model's name with its provider's address spelled out; other names as they are.

    Two names of the same model at the same place become the same.
    """
    kind, colon, model = name.partition(":")
    if colon and kind in {provider.value for provider in _HOSTS}:
        name = f"{_HOSTS[Provider(kind)].base_url}#{model}"
    address, mark, model = name.partition("#")
    return f"{address.rstrip('/')}{mark}{model}"


def _by_address(name: str, *, keys: Mapping[str, str]) -> Endpoint:
    address, _, model = name.partition("#")
    parts = _split(address)
    shown = f"{parts.scheme}://{parts.hostname}"
    if not model or model != model.strip():
        msg = (
            f"an address needs the model behind a #, got none at {shown!r}: "
            "write for example http://localhost:8000/v1#Qwen3-VL-8B"
        )
        raise ConfigError(msg)
    if parts.username is not None or parts.password is not None or parts.query:
        msg = (
            f"an address without user, password and query was expected, {shown!r} came with one: "
            f"leave it out and put the key into {_OWN_VARIABLE}"
        )
        raise ConfigError(msg)
    path = parts.path.rstrip("/")
    if path.endswith("/chat/completions"):
        msg = (
            f"the base of an endpoint was expected, got {address!r}: "
            "leave out /chat/completions, it is added"
        )
        raise ConfigError(msg)
    return Endpoint(
        name=f"{parts.scheme}://{parts.netloc}{path}#{model}",
        base_url=f"{parts.scheme}://{parts.netloc}{path}/",
        model=model,
        provider=_provider_at(parts.hostname or ""),
        key=_key(_OWN_VARIABLE, keys=keys),
    )


def _split(address: str) -> SplitResult:
    msg = "an address like http://localhost:8000/v1#MODEL was expected: check host and port"
    try:
        parts = urlsplit(address)
        is_usable = bool(parts.hostname) and parts.port != 0
    except ValueError:
        raise ConfigError(msg) from None
    if not is_usable:
        raise ConfigError(msg)
    return parts


def _provider_at(host: str) -> Provider:
    """A provider's habits at its own address; its key is not sent there all the same."""
    for provider, known in _HOSTS.items():
        if urlsplit(known.base_url).hostname == host:
            return provider
    return Provider.OTHER


def secret_keys(keys: Mapping[str, str]) -> list[str]:
    """The keys that are really secret: own servers get words like `ollama`, which pages hold too."""
    found = (keys.get(variable, "").strip() for variable in KEY_VARIABLES)
    return [key for key in found if len(key) >= _SECRET_CHARS]


def _key(variable: str, *, keys: Mapping[str, str]) -> str | None:
    key = keys.get(variable, "").strip()
    if key and not (key.isascii() and key.isprintable() and " " not in key):
        msg = f"{variable} holds characters that no key has: copy it again, on one line"
        raise ConfigError(msg)
    return key or None
