"""Judges for stored answers: by profile, without world, tools or researcher."""

import tomllib
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

from pydantic import JsonValue

from vision_deepresearch.core.errors import ConfigError
from vision_deepresearch.core.protocols import Judge
from vision_deepresearch.judge.profiles import PROFILES
from vision_deepresearch.media.store import MemoryMediaStore
from vision_deepresearch.store.provenance import provenance
from vision_deepresearch.store.run import RunFolder
from vision_deepresearch.wiring.config import make_config, to_toml
from vision_deepresearch.wiring.judges import make_judge
from vision_deepresearch.wiring.models import ModelShelf

RULES = "rules"
_OTHERS = "predictions:"
"""Before the name of another system, where a run's config has its model."""


@asynccontextmanager
async def open_judges(
    run: Path,
    *,
    names: Sequence[str],
    judge_model: str | None,
    allow_self: bool,
    overrides: Sequence[str] = (),
) -> AsyncIterator[list[Judge]]:
    """The judges of these names for the answers of a run.

    Args:
        run: its config says whose answers they are.
        names: rules, or a judge profile each.
        judge_model: of the profiles.
        allow_self: let a model judge its own answers.
        overrides: `judge_endpoint.KEY=VALUE`.

    Raises:
        ConfigError: no such profile, no model for one, the judged model itself, or no run.
    """
    unknown = [name for name in names if name != RULES and name not in PROFILES]
    if unknown:
        known = ", ".join([RULES, *PROFILES])
        msg = f"a judge is one of {known}, got {', '.join(unknown)}: name one of them"
        raise ConfigError(msg)
    wrong = [one for one in overrides if not one.startswith("judge_endpoint.")]
    if wrong:
        msg = f"scoring takes --set judge_endpoint.KEY=VALUE alone, got {wrong[0]!r}: leave it out"
        raise ConfigError(msg)
    researcher, client = judged_models(run)
    async with AsyncExitStack() as stack:
        judges: list[Judge] = []
        for name in dict.fromkeys(names):
            values: dict[str, JsonValue] = {
                "model": researcher,
                "judge": name,
                "judge_model": None if name == RULES else judge_model,
                "allow_self_judge": allow_self,
                "summariser": "passages",
            }
            config = make_config(values, overrides=[] if name == RULES else overrides)
            shelf = ModelShelf(config, media=MemoryMediaStore(), stack=stack)
            judges.append(make_judge(config, shelf=shelf, tape=None, policy_name=client))
        yield judges


def judged_models(run: Path) -> tuple[str, str]:
    """Whose answers a run folder holds: as its config names the model, and as its client was called.

    Raises:
        ConfigError: it is no run folder.
    """
    with RunFolder.read(run) as view:
        name = str(tomllib.loads(view.config).get("model", "unknown")).removeprefix(_OTHERS)
        return name, str(view.provenance.get("model") or name)


@asynccontextmanager
async def open_predictions(out: Path, *, system: str, mode: str) -> AsyncIterator[RunFolder]:
    """A run folder for the answers of another system.

    Raises:
        ConfigError: another run is there.
    """
    values: dict[str, JsonValue] = {"model": f"{_OTHERS}{system}", "mode": mode}
    about = provenance(seeds={}, model=system)
    async with RunFolder.open(out, config=to_toml(values), provenance=about) as run:
        yield run
