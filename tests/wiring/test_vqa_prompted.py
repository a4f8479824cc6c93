"""VQA synthesis from a config that names a model: pictures of a folder, replies on the tape."""

from pathlib import Path

import pytest
from pydantic import JsonValue

from tests.builders import a_picture
from tests.models.openai_double import ChatRequest, OpenAiDouble, Step
from tests.synth.roles.cases import said, texts_of
from tests.synth.roles.test_vqa_prompted import SELECTED, SPOTTED
from tests.worlds.corpus.folders import write_manual
from vision_deepresearch.core.errors import ConfigError
from vision_deepresearch.synth.pipeline import Made, run_pipeline
from vision_deepresearch.wiring.topic_places import first_places
from vision_deepresearch.wiring.trajectory_config import make_trajectory_config
from vision_deepresearch.wiring.unopened import UnopenedWorld
from vision_deepresearch.wiring.vqa import (
    VqaConfig,
    make_vqa_config,
    open_vqa,
    planned_stages,
    stages_for,
)
from vision_deepresearch.worlds.corpus.build import import_source
from vision_deepresearch.worlds.corpus.folder import FolderSource
from vision_deepresearch.worlds.corpus.world import CorpusWorld

BASE = "https://manual.example/"


def a_config(server: OpenAiDouble, images: Path, **own: JsonValue) -> VqaConfig:
    return make_vqa_config({
        "model": server.name,
        "world": "generated:tiny",
        "images": str(images),
        "licence": "CC0-1.0",
        "endpoint": {"provider": "vllm", "max_attempts": 1},
        **own,
    })


def replies(request: ChatRequest) -> Step:
    text = texts_of(request)
    if "worth asking research questions" in text:
        return SELECTED
    if "You frame the things" in text:
        return SPOTTED
    num = sum(f"\nCROP {n} (picture)" in text for n in range(1, 9))
    return said({"views": [{"shows_same": [], "name": None}] * num, "aliases": []})


async def make(config: VqaConfig, out: Path) -> Made:
    async with open_vqa(config, out=out) as opened:
        return await run_pipeline(
            opened.stages, opened.sources, run=opened.run, executor=opened.executor
        )


async def test_a_model_plays_on_the_pictures_of_a_folder(tmp_path: Path) -> None:
    images = tmp_path / "images"
    images.mkdir()
    (images / "one.png").write_bytes(a_picture(width=640, height=480))
    (images / "torn.png").write_bytes(a_picture(seed=2)[:99])
    with OpenAiDouble(replies) as server:
        config = a_config(server, images)
        made = await make(config, tmp_path / "run")
        num_requests = server.num_requests
        assert num_requests >= 2
        assert server.problems == []
        assert (await make(config, tmp_path / "run")).funnel == made.funnel
        assert server.num_requests == num_requests
    rejected = {reason for row in made.funnel for reason in row.rejected}
    assert "bad_image" in rejected
    assert rejected & {"no_hits", "not_recognised"}


def test_what_does_not_go_together_is_said(tmp_path: Path) -> None:
    (tmp_path / "one.png").write_bytes(a_picture())
    with OpenAiDouble([]) as server:
        assert stages_for(a_config(server, tmp_path), out=tmp_path / "run")
        for config, told in (
            (a_config(server, tmp_path).model_copy(update={"images": None}), "images"),
            (a_config(server, tmp_path / "none"), "folder"),
            (a_config(server, tmp_path, judge_model="oracle"), "oracle"),
            (a_config(server, tmp_path).model_copy(update={"model": "truth"}), "truth"),
        ):
            with pytest.raises(ConfigError, match=told):
                stages_for(config, out=tmp_path / "run")
        assert server.num_requests == 0


def test_where_questions_without_a_picture_begin(tmp_path: Path) -> None:
    write_manual(tmp_path / "manual")
    import_source(FolderSource(tmp_path / "manual"), tmp_path / "world", base_url=BASE)
    world = CorpusWorld.open(tmp_path / "world")
    drawn = first_places(world, 99, topics=None, seed=1)
    assert len(drawn) == world.manifest().counts["pages"]
    assert all(url.startswith(BASE) for url in drawn)
    assert first_places(world, 2, topics=None, seed=1) == drawn[:2]
    assert first_places(world, 99, topics=None, seed=2) != drawn
    file = tmp_path / "topics.txt"
    file.write_text("# remark\n\n Kvarn  Gate \nhttps://a.example/x\nKvarn Gate\n", "utf-8")
    assert first_places(world, 9, topics=str(file), seed=1) == ["Kvarn Gate", "https://a.example/x"]
    with pytest.raises(ConfigError, match="topics=FILE"):
        first_places(UnopenedWorld("live:serper"), 9, topics=None, seed=1)
    for content in (b"# only\n", b"\xff\xfe", b"x" * 3000):
        file.write_bytes(content)
        with pytest.raises(ConfigError, match="topics needs"):
            first_places(world, 9, topics=str(file), seed=1)
    with pytest.raises(ConfigError, match="topics needs"):
        first_places(world, 9, topics=str(tmp_path / "none"), seed=1)


def test_topics_go_with_pages_and_a_model_alone() -> None:
    values: dict[str, JsonValue] = {"model": "http://127.0.0.1:9/v1#one", "topics": "a.txt"}
    for wrong in (values, {**values, "about": "pages", "model": "truth"}):
        with pytest.raises(ConfigError, match="topics are for"):
            make_vqa_config(wrong)
    config = make_vqa_config({**values, "about": "pages", "world": "/no/such/world"})
    first, *_ = planned_stages(config, out=Path("none"))
    assert first.name == "find_topics", "planned without the world, the file or the model"


def test_damage_is_refused_with_the_command_that_does_it() -> None:
    with pytest.raises(ConfigError, match="recipe of `vdr synth trajectories`"):
        make_vqa_config({"degrade": {"frac": 0.5}})
    with pytest.raises(ConfigError, match="recipe of `vdr synth trajectories`"):
        make_vqa_config({}, overrides=["degrade.frac=0.5"])


@pytest.mark.parametrize("priced", ["", "endpoint", "judge_endpoint"])
def test_a_cap_that_would_never_be_reached_is_refused(priced: str) -> None:
    own, other = "http://127.0.0.1:9/v1#one", "http://127.0.0.1:9/v1#two"
    prices: dict[str, JsonValue] = {
        "usd_per_million_prompt": 1.0,
        "usd_per_million_completion": 2.0,
    }
    values: dict[str, JsonValue] = {"model": own, "judge_model": other, "max_usd": 5.0}
    if priced:
        values[priced] = prices
    with pytest.raises(ConfigError, match="a cap of 5 dollars needs the price of"):
        make_vqa_config(values)
    assert make_vqa_config({**values, "endpoint": prices, "judge_endpoint": prices}).max_usd == 5.0
    told: dict[str, JsonValue] = {"model": own, "budget_usd": 5.0, "endpoint": prices}
    assert make_trajectory_config(told).run.budget_usd == 5.0
    with pytest.raises(ConfigError, match=r"trajectories\.text_endpoint"):
        make_trajectory_config({**told, "trajectories": {"text_model": other}})
