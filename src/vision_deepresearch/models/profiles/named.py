"""Profiles by name."""

from typing import Literal

from vision_deepresearch.core.errors import ConfigError
from vision_deepresearch.core.protocols import Profile
from vision_deepresearch.models.profiles.native import NativeProfile
from vision_deepresearch.models.profiles.vdr import VdrProfile

PROFILES = ("vdr", "native")


def profile_named(
    name: str,
    *,
    calls_per_turn: Literal["one", "many"] = "many",
    system_prompt: str | None = None,
) -> Profile:
    """Make a profile.

    Args:
        name: `vdr` or `native`.
        calls_per_turn: `vdr` only: released checkpoints were trained with `one`.
        system_prompt: `vdr` only: a checkpoint's own prompt instead of ours.

    Raises:
        ConfigError: no such profile, or a prompt for one that takes none.
    """
    if name == "vdr":
        return VdrProfile(calls_per_turn=calls_per_turn, system_prompt=system_prompt)
    if name == "native":
        if system_prompt is not None:
            msg = "system_prompt belongs to profile 'vdr': 'native' takes its tools by API"
            raise ConfigError(msg)
        return NativeProfile()
    msg = f"unknown profile {name!r}: use one of {', '.join(PROFILES)}"
    raise ConfigError(msg)
