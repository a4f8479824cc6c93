"""Recipes of kind "sft": checked against their schema, and the data they name made run folders."""

import asyncio
import importlib.util
from collections.abc import Mapping, Sequence
from pathlib import Path

from pydantic import JsonValue

from vision_deepresearch.core.errors import ConfigError
from vision_deepresearch.store.view import DATABASE
from vision_deepresearch.train.export.importing import ImportSettings, import_tables
from vision_deepresearch.train.sft_settings import SftSettings
from vision_deepresearch.wiring.config import checked, recipe_values, to_toml

KIND = "sft"
_NEEDED = ("torch", "transformers", "tokenizers", "safetensors")


def make_sft_config(
    values: Mapping[str, JsonValue], *, overrides: Sequence[str] = ()
) -> SftSettings:
    """Check a recipe's values and `--set a.b=1` overrides against the schema.

    Raises:
        ConfigError: an unknown key or a value that does not fit; the message names it.
    """
    merged = recipe_values(values, overrides=overrides, kind=KIND, command="vdr sft")
    return checked(SftSettings, merged)


def sft_toml(settings: SftSettings) -> str:
    """The resolved recipe, as it is saved with the run."""
    return f'kind = "{KIND}"\n' + to_toml(settings.model_dump(mode="json", exclude_none=True))


def check_extra() -> None:
    """Refuse training without the packages it needs.

    Raises:
        ConfigError: says which and how to get them.
    """
    missing = [name for name in _NEEDED if importlib.util.find_spec(name) is None]
    if missing:
        msg = (
            f"training needs the extra `local`, but {', '.join(missing)} is not installed: "
            "pip install 'vision-deepresearch[local]'"
        )
        raise ConfigError(msg)


def model_folder(model: str, *, beside: Path, data: Sequence[Path]) -> Path:
    """Where a recipe's model is; `tiny`, `tiny-moe` and `toy`, `@SEED` behind, are made on the spot.

    Args:
        model: as the recipe names it.
        beside: a model that is made is put here.
        data: run folders to train on; the tokenizer of `toy` is learnt from them.

    Raises:
        ConfigError: too few worlds to learn a tokenizer from.
    """
    kind, _, seed = model.partition("@")
    if kind not in {"tiny", "tiny-moe", "toy"} or not seed.removeprefix("-").isdigit():
        return Path(model)
    if kind == "toy":
        return _toy(beside / model, data=data, seed=int(seed))
    from vision_deepresearch.models.local.tiny import MOE, TinySizes, write_tiny

    sizes = MOE if kind == "tiny-moe" else TinySizes()
    return write_tiny(beside / model, sizes=sizes, seed=int(seed))


def _toy(folder: Path, *, data: Sequence[Path], seed: int) -> Path:
    """A structured start; made once, so that a run that goes on has the same."""
    from vision_deepresearch.train.sft_data import texts_of
    from vision_deepresearch.train.toy_start import write_structured
    from vision_deepresearch.train.toy_tokenizer import NUM_TEXTS, NUM_WORLDS, phrase_tokenizer

    if not (folder / "config.json").is_file():
        texts = {str(one): texts_of(one, limit=NUM_TEXTS) for one in data[:NUM_WORLDS]}
        write_structured(folder, tokenizer=phrase_tokenizer(texts), seed=seed)
    return folder


def run_folders(sources: Sequence[str], *, beside: Path) -> list[Path]:
    """Run folders of what a recipe names; tables and exports are read into one each. No loop runs.

    Args:
        sources: run folders, folders of `vdr export`, or tables.
        beside: folders made of tables are put here.

    Raises:
        ConfigError: nothing is there, or it is no such thing.
    """
    folders: list[Path] = []
    for number, source in enumerate(sources):
        path = Path(source)
        if (path / DATABASE).is_file():
            folders.append(path)
            continue
        if not path.exists():
            msg = (
                f"data names {source!r}, and nothing is there: give a run folder of `vdr synth "
                "trajectories`, a folder of `vdr export`, or a table"
            )
            raise ConfigError(msg)
        folder = beside / f"{number}-{path.stem}"
        asyncio.run(import_tables([path], folder, settings=ImportSettings()))
        folders.append(folder)
    return folders
