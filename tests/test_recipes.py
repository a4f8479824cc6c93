"""Every recipe in the repository loads."""

from pathlib import Path

import pytest

from vision_deepresearch.core.errors import ConfigError
from vision_deepresearch.wiring.config import load_recipe, make_config
from vision_deepresearch.wiring.difficulty import make_difficulty_config
from vision_deepresearch.wiring.mixture import make_mixture_config
from vision_deepresearch.wiring.rl_config import make_rl_config
from vision_deepresearch.wiring.sft_config import make_sft_config
from vision_deepresearch.wiring.trajectory_config import make_trajectory_config
from vision_deepresearch.wiring.vqa import make_vqa_config

RECIPES = sorted((Path(__file__).resolve().parent.parent / "recipes").rglob("*.toml"))


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_the_recipe_loads(path: Path) -> None:
    values = load_recipe(path)
    match values.get("kind"):
        case None:
            assert make_config(values).model
        case "vqa":
            assert make_vqa_config(values).model
        case "trajectories":
            assert make_trajectory_config(values).run.model
        case "difficulty":
            assert make_difficulty_config(values).run.model
        case "mixture":
            assert make_mixture_config(values).sets
        case "sft":
            assert make_sft_config(values).model
        case "rl":
            assert make_rl_config(values).run.model
        case kind:
            pytest.fail(f"{path} is of kind {kind!r}, which no test loads")


def test_there_are_recipes() -> None:
    assert RECIPES


@pytest.mark.parametrize(
    "setting",
    [
        "max_steps=9",
        "held_out_frac=0.1",
        "optimizer.slow=embed",
        "optimizer.eps=1e-6",
        "precision=float32",
    ],
)
def test_what_the_command_of_a_cluster_does_not_pass_on_is_refused(setting: str) -> None:
    values = load_recipe(RECIPES[0].parents[1] / "paper" / "sft-8b.toml")
    with pytest.raises(ConfigError, match=setting.split("=", maxsplit=1)[0]):
        make_sft_config(values, overrides=[setting])
