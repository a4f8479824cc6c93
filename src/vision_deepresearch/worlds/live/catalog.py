"""All live engines there are, and what a name such as `live:serper+google_vision+jina` asks for."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from vision_deepresearch.core.errors import ConfigError
from vision_deepresearch.worlds.live import (
    brave,
    exa,
    google_vision,
    jina,
    searxng,
    serpapi,
    serper,
    tavily,
    web,
    zhipu,
)
from vision_deepresearch.worlds.live.engine import About, Role
from vision_deepresearch.worlds.live.looks import PictureProvider
from vision_deepresearch.worlds.live.readers import ReaderProvider
from vision_deepresearch.worlds.live.words import TextProvider

PREFIX = "live:"
AUTO = "live:auto"
TEXT: dict[str, TextProvider] = {
    provider.about.name: provider
    for provider in (searxng.TEXT, serper.TEXT, brave.TEXT, tavily.TEXT, exa.TEXT, zhipu.TEXT)
}
"""Cheapest first, which is the order in which `live:auto` takes them."""
PICTURES: dict[str, PictureProvider] = {
    provider.about.name: provider
    for provider in (google_vision.PICTURE, serper.PICTURE, serpapi.PICTURE, zhipu.PICTURE)
}
"""Those that need no host for pictures first."""
API_READERS: dict[str, ReaderProvider] = {
    provider.about.name: provider for provider in (jina.READER, zhipu.READER)
}
READERS: dict[str, About] = {
    web.ABOUT.name: web.ABOUT,
    **{name: provider.about for name, provider in API_READERS.items()},
}
"""Our own reading first: it is free, and asks nobody else."""
ABOUTS: dict[str, About] = {
    **{name: provider.about for name, provider in TEXT.items()},
    **{name: provider.about for name, provider in PICTURES.items()},
    **READERS,
}
KEY_VARIABLES: tuple[str, ...] = tuple(
    dict.fromkeys(about.key_variable for about in ABOUTS.values() if about.key_variable)
)
S3_VARIABLES = ("S3_ACCESS_KEY_ID", "S3_SECRET_ACCESS_KEY")
CHEAPEST_PICTURES = "google_vision"
"""The first 1,000 pictures of a month are free, and it needs no bucket."""
CHEAPEST = (
    "a complete set for the least money: SEARXNG_URL (your own server, free) or SERPER_API_KEY for "
    "words, GOOGLE_VISION_API_KEY for pictures (takes bytes, no bucket needed; "
    "--set live.upload_pictures=true), and nothing for pages, which are read from here"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """The engines a name asks for, in its order within each role."""

    text: tuple[str, ...]
    pictures: tuple[str, ...]
    readers: tuple[str, ...]

    def name(self) -> str:
        """The name that asks for just these."""
        return PREFIX + "+".join((*self.text, *self.pictures, *self.readers))


def is_live(name: str) -> bool:
    """Whether a world's name is that of a live one."""
    return name.startswith(PREFIX)


def wanted_by(name: str) -> Wanted:
    """What a name asks for; a world without a reader reads pages itself.

    Raises:
        ConfigError: an engine nobody knows, or one twice.
    """
    names = name.removeprefix(PREFIX).split("+")
    unknown = [one for one in names if one not in ABOUTS]
    if unknown or len(set(names)) != len(names):
        msg = (
            f"live engines are named like live:serper+google_vision+jina, got {name!r}: use "
            f"live:auto, or each of these once: {', '.join(ABOUTS)}"
        )
        raise ConfigError(msg)
    return Wanted(
        text=_of(names, Role.TEXT),
        pictures=_of(names, Role.PICTURE),
        readers=_of(names, Role.READER) or ("web",),
    )


def found_in(keys: Mapping[str, str], *, may_upload: bool, has_host: bool) -> Wanted | None:
    """What `live:auto` means here: every engine whose key is there; None: no words can be searched.

    Args:
        keys: of the environment.
        may_upload: whether pictures may be sent; if not, no picture engine is taken.
        has_host: whether pictures can be shown by url.
    """
    text = tuple(name for name, one in TEXT.items() if is_ready(one.about, keys))
    pictures = tuple(
        name
        for name, one in PICTURES.items()
        if is_ready(one.about, keys)
        and not one.about.only_by_name
        and (one.about.takes == "bytes" or has_host)
    )
    if not text:
        return None
    readers = ("web", *(name for name, one in API_READERS.items() if _has_key(one.about, keys)))
    return Wanted(text=text, pictures=pictures if may_upload else (), readers=readers)


def is_ready(about: About, keys: Mapping[str, str]) -> bool:
    """Whether the environment holds what an engine cannot do without."""
    needed = [about.base_variable, about.key_variable if about.needs_key else ""]
    return all(keys.get(variable, "").strip() for variable in needed if variable)


def _has_key(about: About, keys: Mapping[str, str]) -> bool:
    return bool(keys.get(about.key_variable, "").strip())


def _of(names: Sequence[str], role: Role) -> tuple[str, ...]:
    return tuple(name for name in names if ABOUTS[name].role is role)
