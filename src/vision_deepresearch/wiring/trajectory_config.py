"""What determines a set of trajectories: a run's settings, and those of the data factory."""

from collections.abc import Mapping, Sequence

from pydantic import Field, JsonValue

from vision_deepresearch.core.errors import ConfigError
from vision_deepresearch.core.mode import mode_named
from vision_deepresearch.core.record import Record
from vision_deepresearch.models.endpoint import EndpointSettings
from vision_deepresearch.synth.trajectories.degrade import DegradeSettings
from vision_deepresearch.wiring.config import (
    RunConfig,
    checked,
    make_config,
    recipe_values,
    refuse_unpriced,
)

ORACLE = "oracle"
"""The name of the model that researches as the proof suggests."""
TABLE = "trajectories"
"""Of a recipe: the settings below."""
DEGRADE = "degrade"
"""Of a recipe: an option. All other keys are a run's, as `vdr eval run` takes them."""
_NEEDED = ("crop_and_search", "zoom")
"""Tools without which nobody can repair a picture, or see one of a page, and search with it."""


class TrajectorySettings(Record):
    """What is made, and how."""

    questions: str | None = None
    """Folder of a finished `vdr synth vqa`; None: the world's own questions."""
    tasks: int = Field(default=100, ge=1)
    """How many questions, the first so many."""
    attempts: int = Field(default=1, ge=1)
    """Attempts per question."""
    max_visual_turns: int = Field(default=6, ge=1)
    """Without a hit by then an attempt is given up. Paper: a cap, its value unpublished."""
    text_model: str | None = None
    """Who goes on by text search once the picture gave its evidence; None: the same model."""
    text_endpoint: EndpointSettings | None = None
    """Of the text model, where it is another one; None: the defaults."""
    judge_model: str | None = None
    """Who says whether the visual evidence is enough, and is shown the answer for it; None: the
    same model as by the picture."""
    judge_endpoint: EndpointSettings | None = None
    verify_evidence: bool = False
    """Before the answer another search has to find a second page that says so; see docs/data-factory.md."""
    looks_again: bool | None = None
    """Whether the visual phase comes back for pictures of pages: wanted by questions whose way leads
    through one. None: no, and not saved, so that other runs keep their settings as they were."""
    is_lively: bool = True
    """The oracle: whether it goes astray at times, as people do; see `models/oracle_habits.py`."""


class TrajectoryConfig(Record):
    """Everything that determines a set of trajectories; saved with it as config.toml."""

    run: RunConfig
    trajectories: TrajectorySettings
    degrade: DegradeSettings | None = None
    """Damages to the questions' pictures, which the researcher can repair; None: none."""


def make_trajectory_config(
    values: Mapping[str, JsonValue], *, overrides: Sequence[str] = ()
) -> TrajectoryConfig:
    """Check a recipe's values and `--set a.b=1` overrides against the schema.

    Raises:
        ConfigError: an unknown key or a value that does not fit; the message names it.
    """
    merged = recipe_values(
        values, overrides=overrides, kind=TABLE, command="vdr synth trajectories"
    )
    settings = checked(TrajectorySettings, merged.pop(TABLE, {}))
    degrade = checked(DegradeSettings, merged.pop(DEGRADE)) if DEGRADE in merged else None
    run = make_config(merged)
    if run.budget_usd is not None:
        others = [
            ("text_endpoint", settings.text_model, settings.text_endpoint),
            ("judge_endpoint", settings.judge_model, settings.judge_endpoint),
        ]
        roles = [
            (f"{TABLE}.{table}", model, endpoint)
            for table, model, endpoint in others
            if model is not None
        ]
        refuse_unpriced(roles, max_usd=run.budget_usd)
    tools = mode_named(run.mode).tools
    if degrade is not None and not set(_NEEDED) <= set(tools):
        msg = (
            f"degrade needs the tools {' and '.join(_NEEDED)}, mode {run.mode!r} has "
            f'{", ".join(tools) or "none"}: set mode = "agent+zoom"'
        )
        raise ConfigError(msg)
    if settings.looks_again and not set(_NEEDED) <= set(tools):
        msg = (
            f"{TABLE}.looks_again needs the tools {' and '.join(_NEEDED)}, mode {run.mode!r} has "
            f'{", ".join(tools) or "none"}: set mode = "agent+zoom"'
        )
        raise ConfigError(msg)
    if settings.looks_again and run.model != ORACLE:
        msg = (
            f"{TABLE}.looks_again is for the oracle so far, there is no prompt by which {run.model!r} "
            f"would judge pictures of pages: leave it out, or set model = {ORACLE!r}"
        )
        raise ConfigError(msg)
    return TrajectoryConfig(run=run, trajectories=settings, degrade=degrade)


def tables_of(config: TrajectoryConfig) -> dict[str, JsonValue]:
    """What is saved beside a run's own settings."""
    tables: dict[str, JsonValue] = {
        TABLE: config.trajectories.model_dump(mode="json", exclude_none=True)
    }
    if config.degrade is not None:
        tables[DEGRADE] = config.degrade.model_dump(mode="json")
    return tables
