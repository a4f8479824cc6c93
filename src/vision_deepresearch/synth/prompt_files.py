"""Prompts of the data factory are files; each is known by its name and the hash of its text."""

import hashlib
from functools import cache
from importlib.resources import files

from vision_deepresearch.core.record import Record


class Prompt(Record):
    """A prompt as it stands in its file."""

    name: str
    text: str

    @property
    def label(self) -> str:
        """Name and version for records, for example "visual_phase@3f0c9a1b"."""
        return f"{self.name}@{hashlib.sha256(self.text.encode()).hexdigest()[:8]}"


@cache
def prompt_named(name: str) -> Prompt:
    """The text of `prompts/<name>.md`."""
    text = (files("vision_deepresearch.synth") / "prompts" / f"{name}.md").read_text("utf-8")
    return Prompt(name=name, text=text.strip())
