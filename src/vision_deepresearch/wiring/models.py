"""Models and profiles by name."""

import os
import random
import sys
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from vision_deepresearch.core.content import ImageRef
from vision_deepresearch.core.errors import ConfigError
from vision_deepresearch.core.protocols import MediaStore, ModelClient, Profile, TruthSource
from vision_deepresearch.models.chat import ChatModel
from vision_deepresearch.models.endpoint import EndpointSettings, endpoint_named, priced
from vision_deepresearch.models.oracle import OracleModel
from vision_deepresearch.models.oracle_habits import Habits
from vision_deepresearch.models.profiles.named import profile_named
from vision_deepresearch.models.scripted import ScriptedModel
from vision_deepresearch.models.seat import DirectorySeat, TerminalSeat
from vision_deepresearch.wiring.config import RunConfig
from vision_deepresearch.wiring.local import open_local

MODELS = (
    "openai:NAME",
    "gemini:NAME",
    "anthropic:NAME",
    "http://HOST:PORT/v1#NAME",
    "oracle",
    "local:PATH",
    "scripted:FILE",
    "inspect:NAME",
    "seat",
    "seat:DIR",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Streams:
    """Where the terminal seat reads and writes."""

    source: TextIO
    sink: TextIO


def make_profile(config: RunConfig) -> Profile:
    """The profile a config names."""
    own = None
    if config.system_prompt is not None:
        try:
            own = Path(config.system_prompt).read_text()
        except OSError as error:
            msg = f"system_prompt {config.system_prompt!r} cannot be read: {error.strerror}"
            raise ConfigError(msg) from error
    return profile_named(config.profile, calls_per_turn=config.calls_per_turn, system_prompt=own)


class ModelShelf:
    """The models of one run: each is made once, however many roles it has, and closed with the run."""

    def __init__(
        self,
        config: RunConfig,
        *,
        media: MediaStore,
        stack: AsyncExitStack,
        truth: TruthSource | None = None,
        path_of: Callable[[ImageRef], Path | None] = lambda _: None,
        streams: Streams | None = None,
    ) -> None:
        """Make nothing yet.

        Args:
            config: names and settings.
            media: where endpoints take the bytes of pictures from.
            stack: closes connections.
            truth: of the world, for the oracle.
            path_of: files of pictures, for who sits in the seat.
            streams: of the terminal seat; None: stdin and stdout.
        """
        self._config = config
        self.media = media
        self._stack = stack
        self._truth = truth
        self._path_of = path_of
        self._streams = streams or Streams(source=sys.stdin, sink=sys.stdout)
        self._made: dict[str, ModelClient] = {}

    def researcher(self) -> ModelClient:
        """The model that researches.

        Raises:
            ConfigError: no such model, or the oracle outside a generated world.
        """
        return self._model(self._config.model, self._config.endpoint)

    def summariser(self) -> ModelClient | None:
        """The model that reads pages for a goal; None: nobody, passages are picked.

        Raises:
            ConfigError: no such model, or the oracle.
        """
        name = self._config.summariser
        if name == "passages":
            return None
        _refuse_oracle(name, role="summariser")
        return self._model(name, self._config.summariser_endpoint)

    def judge(self) -> ModelClient:
        """The model that judges free text.

        Raises:
            ConfigError: no such model, or the oracle.
        """
        name = self._config.judge_model or ""
        _refuse_oracle(name, role="judge_model")
        return self._model(name, self._config.judge_endpoint)

    def named(
        self, name: str, settings: EndpointSettings | None = None, *, role: str
    ) -> ModelClient:
        """A model for a role of its own; made once for all roles with the same name and settings.

        Raises:
            ConfigError: no such model, or the oracle.
        """
        _refuse_oracle(name, role=role)
        return self._model(name, settings)

    def _model(self, name: str, settings: EndpointSettings | None) -> ModelClient:
        if settings is None:
            is_same = name == self._config.model
            settings = self._config.endpoint if is_same else EndpointSettings()
        key = f"{name} {settings.model_dump_json()}"
        if key not in self._made:
            self._made[key] = self._make(name, settings)
        return self._made[key]

    def _make(self, name: str, settings: EndpointSettings) -> ModelClient:
        endpoint = endpoint_named(name, keys=os.environ)
        if endpoint is not None:
            rng = random.Random(self._config.seed)
            chat = ChatModel(
                endpoint, settings=priced(name, settings), load=self.media.load, rng=rng
            )
            self._stack.push_async_callback(chat.aclose)
            return chat
        kind, _, argument = name.partition(":")
        profile = make_profile(self._config)
        match kind, argument:
            case "oracle", "":
                if self._truth is None:
                    msg = "the oracle teaches generated worlds only: use --world generated:small"
                    raise ConfigError(msg)
                ways = self._config.oracle
                return OracleModel(
                    self._truth,
                    profile,
                    scales=ways.scales,
                    habits=Habits(p_straight=ways.p_straight, says_place=ways.says_place),
                )
            case "local", folder if folder:
                client, engine = open_local(
                    Path(folder).expanduser(), self._config.local, media=self.media
                )
                self._stack.push_async_callback(engine.aclose)
                return client
            case "scripted", file if file:
                return ScriptedModel.from_file(Path(file))
            case "inspect", named if named:
                return _inspects(named, media=self.media)
            case "seat", "" if name == "seat":
                source, sink = self._streams.source, self._streams.sink
                return TerminalSeat(profile, source=source, sink=sink, path_of=self._path_of)
            case "seat", folder if folder:
                return DirectorySeat(Path(folder), profile=profile, path_of=self._path_of)
            case _:
                msg = f"unknown model {name!r}: use one of {', '.join(MODELS)}"
                raise ConfigError(msg)


def _inspects(name: str, *, media: MediaStore) -> ModelClient:
    """A model of inspect_ai, imported late: it takes seconds.

    Raises:
        ConfigError: inspect_ai is not installed.
    """
    try:
        from vision_deepresearch.models.inspect_client import InspectModel
    except ImportError as reason:
        msg = (
            f"model 'inspect:{name}' needs inspect_ai ({reason}): pip install "
            "'vision-deepresearch[inspect]', best in an environment of its own"
        )
        raise ConfigError(msg) from reason
    return InspectModel(name, media=media)


def _refuse_oracle(name: str, *, role: str) -> None:
    if name == "oracle":
        msg = f"the oracle only researches: use another model as {role}"
        raise ConfigError(msg)
