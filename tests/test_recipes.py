"""Every recipe in the repository loads."""

from pathlib import Path

import pytest

from vision_deepresearch.wiring.config import load_recipe, make_config

RECIPES = sorted((Path(__file__).resolve().parent.parent / "recipes").rglob("*.toml"))


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.stem)
def test_the_recipe_loads(path: Path) -> None:
    assert make_config(load_recipe(path)).model


def test_there_are_recipes() -> None:
    assert RECIPES
