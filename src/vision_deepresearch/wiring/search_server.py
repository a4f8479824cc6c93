"""A world's texts on a search server: the address from the command, the secret from outside it."""

import os
import random
from pathlib import Path

from pydantic import SecretStr

from vision_deepresearch.calls.policy import CallPolicy
from vision_deepresearch.core.errors import ConfigError, WorldError
from vision_deepresearch.wiring.embedders import OFF
from vision_deepresearch.wiring.worlds import ProgressBar, open_world, world_folder
from vision_deepresearch.worlds.corpus.world import CorpusWorld
from vision_deepresearch.worlds.generated.world import GeneratedWorld
from vision_deepresearch.worlds.index.opensearch_wire import OpenSearchPlace
from vision_deepresearch.worlds.push import Pushed, push_world

AUTHORIZATION = "VDR_SEARCH_AUTHORIZATION"
"""Environment variable: the whole Authorization header, such as `ApiKey ...`."""


async def push_texts(name: str, *, to: str, ca_file: Path | None, progress: ProgressBar) -> Pushed:
    """Bring the texts of a named world to `http(s)://host:port/index`.

    Raises:
        ConfigError: no such world or address, or the index holds something else.
        WorldError: the server failed.
    """
    secret = os.environ.get(AUTHORIZATION)
    place = OpenSearchPlace.at(
        to, authorization=SecretStr(secret) if secret else None, ca_file=ca_file
    )
    world = open_world(world_folder(name, progress=progress), embedder=OFF).world
    if not isinstance(world, CorpusWorld | GeneratedWorld):
        msg = f"expected a world with texts of its own, {name!r} has none: push another world"
        raise ConfigError(msg)
    policy = CallPolicy(WorldError, rng=random.Random())
    return await push_world(world, place, policy=policy, progress=progress)
