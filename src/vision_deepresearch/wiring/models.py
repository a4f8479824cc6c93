"""Models and profiles by name."""

import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from vision_deepresearch.core.content import ImageRef
from vision_deepresearch.core.errors import ConfigError
from vision_deepresearch.core.protocols import ModelClient, Profile, TruthSource
from vision_deepresearch.models.oracle import OracleModel
from vision_deepresearch.models.profiles.named import profile_named
from vision_deepresearch.models.scripted import ScriptedModel
from vision_deepresearch.models.seat import DirectorySeat, TerminalSeat
from vision_deepresearch.wiring.config import RunConfig

MODELS = ("oracle", "scripted:FILE", "seat", "seat:DIR")


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


def make_model(
    name: str,
    *,
    profile: Profile,
    truth: TruthSource | None,
    path_of: Callable[[ImageRef], Path | None],
    streams: Streams | None = None,
) -> ModelClient:
    """The model a name stands for.

    Raises:
        ConfigError: no such model, or the oracle outside a generated world.
    """
    kind, _, argument = name.partition(":")
    match kind, argument:
        case "oracle", "":
            if truth is None:
                msg = "the oracle teaches generated worlds only: use --world generated:small"
                raise ConfigError(msg)
            return OracleModel(truth, profile)
        case "scripted", file if file:
            return ScriptedModel.from_file(Path(file))
        case "seat", "":
            chosen = streams or Streams(source=sys.stdin, sink=sys.stdout)
            return TerminalSeat(profile, source=chosen.source, sink=chosen.sink, path_of=path_of)
        case "seat", folder:
            return DirectorySeat(Path(folder), profile=profile, path_of=path_of)
        case _:
            msg = f"unknown model {name!r}: use one of {', '.join(MODELS)}"
            raise ConfigError(msg)
