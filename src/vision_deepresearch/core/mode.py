"""What a model is given and may use: the columns of the paper's ablation table.

A mode is (input, tools, strategy). The prompt's tool block is compiled from the tools listed here.
Source: arXiv 2601.22060, Table 2; VDR-Bench (arXiv 2602.02185) for the caption and blind probes.
"""

from enum import StrEnum

from vision_deepresearch.core.errors import ConfigError
from vision_deepresearch.core.record import Record


class ModeInput(StrEnum):
    """What stands before the question."""

    IMAGE = "image"
    CAPTION = "caption"
    """A caption instead of the picture: a leakage probe."""
    QUESTION = "question"
    """Nothing: a contamination probe."""


class Strategy(StrEnum):
    """How the answer is reached."""

    SINGLE = "single"
    """One model call, no tools."""
    LOOP = "loop"
    """The agent loop."""
    RETRIEVE_ONCE = "retrieve_once"
    """One fixed retrieval, then one answer."""


class Mode(Record):
    """One way to run a task."""

    name: str
    input: ModeInput
    tools: tuple[str, ...] = ()
    strategy: Strategy = Strategy.LOOP
    min_crop_rounds: int = 0
    """Multi-turn visual forcing: crop rounds demanded before an answer is accepted."""

    @property
    def lends_pictures(self) -> bool:
        """Whether tools may look at the question's pictures, shown to the model or not."""
        return self.input is ModeInput.IMAGE or bool(PICTURE_TOOLS & set(self.tools))


PICTURE_TOOLS = frozenset({"crop_and_search", "image_search", "zoom"})
"""Those that take a picture by its name."""
_SEARCH = ("search", "visit")
_MODES = (
    Mode(name="direct", input=ModeInput.IMAGE, strategy=Strategy.SINGLE),
    Mode(name="direct-blind", input=ModeInput.QUESTION, strategy=Strategy.SINGLE),
    Mode(name="direct-caption", input=ModeInput.CAPTION, strategy=Strategy.SINGLE),
    Mode(name="rag", input=ModeInput.IMAGE, strategy=Strategy.RETRIEVE_ONCE),
    Mode(name="wis", input=ModeInput.IMAGE, tools=("image_search",)),
    Mode(name="ts", input=ModeInput.IMAGE, tools=_SEARCH),
    Mode(name="ts+python", input=ModeInput.IMAGE, tools=(*_SEARCH, "python")),
    Mode(name="wis+ts", input=ModeInput.IMAGE, tools=("image_search", *_SEARCH)),
    Mode(name="cis", input=ModeInput.IMAGE, tools=("crop_and_search",)),
    Mode(name="cis+ts", input=ModeInput.IMAGE, tools=("crop_and_search", *_SEARCH)),
    Mode(name="agent", input=ModeInput.IMAGE, tools=("crop_and_search", *_SEARCH, "python")),
    Mode(
        name="agent+zoom",
        input=ModeInput.IMAGE,
        tools=("crop_and_search", *_SEARCH, "python", "zoom"),
    ),
    Mode(
        name="cis+ts+mvf",
        input=ModeInput.IMAGE,
        tools=("crop_and_search", *_SEARCH),
        min_crop_rounds=2,
    ),
    Mode(name="zoom+ts", input=ModeInput.IMAGE, tools=("zoom", *_SEARCH)),
    Mode(name="zoom+ts+python", input=ModeInput.IMAGE, tools=("zoom", *_SEARCH, "python")),
    Mode(name="cis+ts-caption", input=ModeInput.CAPTION, tools=("crop_and_search", *_SEARCH)),
    Mode(name="ts-caption", input=ModeInput.CAPTION, tools=_SEARCH),
)
MODES = {mode.name: mode for mode in _MODES}


def mode_named(name: str) -> Mode:
    """Look a mode up.

    Raises:
        ConfigError: no such mode; the message lists the known ones.
    """
    if name not in MODES:
        msg = f"unknown mode {name!r}: use one of {', '.join(MODES)}"
        raise ConfigError(msg)
    return MODES[name]
