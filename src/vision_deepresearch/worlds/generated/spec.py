"""What determines a generated world: a spec and a seed; every object is a pure function of them.

Any page, picture or task can be made alone, in any order, in any process: all randomness comes
from `rng_for`, keyed by what is being made. No global generator, no iteration over sets, no dates
of today.
"""

import hashlib
import json
import random
from typing import Literal

from pydantic import Field, JsonValue

from vision_deepresearch.core.errors import ConfigError
from vision_deepresearch.core.record import Record

GENERATOR_VERSION = 5
"""Raise it whenever the same spec would give different pages, pictures or tasks."""

_LIST_LIMIT = 240
"""A page of so many rows is written in below 5 ms."""
_WITHOUT_LONG_LISTS = 11_000
"""Things up to which no list is longer: the longest, towns of a region, hold one in fifty."""


class WorldSpec(Record):
    """Size and character of a generated world."""

    preset: str
    seed: int = 0
    split: Literal["train", "validation", "test"] = "train"
    """Worlds of different splits share no seed, no culture of names, no site and no question frame."""
    num_entities: int = Field(gt=0)
    num_tasks: int = Field(gt=0)
    """Tasks made when the world is built."""
    whole_image_filter: bool = True
    """Refuse questions all of whose things the uncropped picture already finds: they teach no crops.
    Off where modes are compared: there such questions are what whole-image search can do."""
    depth: Literal["plain", "ordinary", "deep"] = "ordinary"
    """`plain`: one thing by its place and one relation or two, in few words, for models of a few
    million parameters. `deep`: tasks that take dozens of turns and hundreds of engine requests."""
    p_lookalike: float = 0.05
    """Share of pictured entities that have a look-alike."""
    p_homonym: float = 0.04
    p_outdated: float = 0.03
    """Share of secondary pages that state an outdated value."""
    article_photos: Literal[True] | None = None
    """Articles show a photo of other things that no word of the world tells of; see `article_photos`.
    None, not False: left out of what is hashed, so that worlds without them keep their ids."""
    num_pictures: int | None = Field(default=None, gt=0)
    """Things that image search knows, the first so many; None: all. Questions look at these only,
    the pictures of others are drawn when asked for."""

    @property
    def root(self) -> str:
        """What all randomness of the world starts from: no two splits share one."""
        return f"{self.split}/{self.seed}"

    @property
    def site_split(self) -> Literal["train", "validation", "test"]:
        """Whose sites its pages are on: plain worlds are on those of training, whatever their split.

        They share its frame of questions too, for a model that small never learns that addresses
        and sentences differ. Names and looks are never shared.
        """
        return "train" if self.depth == "plain" else self.split

    @property
    def name(self) -> str:
        """What the world is called, for example "generated:small/test@3"."""
        split = "" if self.split == "train" else f"/{self.split}"
        return f"generated:{self.preset}{split}@{self.seed}"

    @property
    def list_limit(self) -> int | None:
        """Entries of a list page, longer ones come in parts; None: this world has no longer ones."""
        return _LIST_LIMIT if self.num_entities > _WITHOUT_LONG_LISTS else None

    def world_id(self) -> str:
        """Hash of all that decides what it serves, 16 hex characters."""
        content: dict[str, JsonValue] = {
            "spec": self.model_dump(exclude_none=True),
            "generator": GENERATOR_VERSION,
        }
        if self.list_limit is not None:
            content["list_limit"] = self.list_limit
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:16]


SPLITS = ("train", "validation", "test")

PLAIN_SHARES = {"p_lookalike": 0.0, "p_homonym": 0.0, "p_outdated": 0.0}
"""Of worlds with plain tasks: nothing in them leads astray."""
PRESETS = {
    spec.preset: spec
    for spec in (
        WorldSpec(preset="tiny", num_entities=150, num_tasks=12, whole_image_filter=False),
        WorldSpec(preset="small", num_entities=600, num_tasks=150),
        WorldSpec(preset="medium", num_entities=2500, num_tasks=300),
        WorldSpec(preset="ablation", num_entities=600, num_tasks=150, whole_image_filter=False),
        WorldSpec(
            preset="toy",
            num_entities=300,
            num_tasks=100,
            depth="plain",
            whole_image_filter=False,
            **PLAIN_SHARES,
        ),
        WorldSpec(preset="deep", num_entities=600, num_tasks=4, depth="deep"),
        WorldSpec(preset="illustrated", num_entities=600, num_tasks=20, article_photos=True),
    )
}


def spec_named(preset: str, *, seed: int = 0, split: str = "train") -> WorldSpec:
    """Look a preset up and give it a seed and a split.

    Raises:
        ConfigError: no such preset or split; the message lists the known ones.
    """
    if preset not in PRESETS:
        msg = f"unknown generated world {preset!r}: use one of {', '.join(PRESETS)}"
        raise ConfigError(msg)
    if split not in SPLITS:
        msg = f"unknown split {split!r} of a generated world: use one of {', '.join(SPLITS)}"
        raise ConfigError(msg)
    return PRESETS[preset].model_copy(update={"seed": seed, "split": split})


def rng_for(seed: int | str, kind: str, key: object) -> random.Random:
    """The generator of one object: a pure function of its seed, kind and key."""
    digest = hashlib.blake2b(repr((seed, kind, key)).encode(), digest_size=8).digest()
    return random.Random(int.from_bytes(digest, "big"))
