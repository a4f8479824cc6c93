"""What a config says reaches the model: no key is accepted and ignored."""

import json
import tomllib
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path

import pytest
from pydantic import JsonValue

from vision_deepresearch.core.content import Conversation, ToolSpec
from vision_deepresearch.core.context import CallContext
from vision_deepresearch.core.errors import ConfigError
from vision_deepresearch.core.protocols import Completion, Judge, Sampling
from vision_deepresearch.media.store import FolderMediaStore
from vision_deepresearch.wiring.config import RunConfig, make_config, stored_today, to_toml
from vision_deepresearch.wiring.judges import make_judge
from vision_deepresearch.wiring.models import ModelShelf
from vision_deepresearch.wiring.session import open_session


class SeedRecorder:
    """Answers at once and keeps the seeds it was sent."""

    name = "seeds"

    def __init__(self) -> None:
        self.seeds: list[int | None] = []

    async def complete(
        self,
        conversation: Conversation,
        *,
        tools: Sequence[ToolSpec],
        sampling: Sampling,
        context: CallContext,
    ) -> Completion:
        del conversation, tools, context
        self.seeds.append(sampling.seed)
        return Completion(text="<think>x</think><answer>y</answer>")


async def test_the_seed_reaches_the_model_and_siblings_differ(
    tiny_world: Path, tmp_path: Path
) -> None:
    model = SeedRecorder()
    config = make_config({"world": str(tiny_world), "seed": 7})
    async with open_session(config, out=tmp_path / "run") as session:
        seeded = replace(session, researcher=replace(session.researcher, model=model))
        task = session.tasks(1)[0]
        for attempt in range(2):
            await seeded.roll_out(task, attempt)
    assert model.seeds == [7, 8]


async def test_a_noisy_engine_is_asked_for_by_name_and_told_in_the_provenance(
    tiny_world: Path, tmp_path: Path
) -> None:
    config = make_config({
        "world": str(tiny_world),
        "noise": {"preset": "hostile", "seed": 3},
    })
    async with open_session(config, out=tmp_path / "run") as session:
        found = await session.world.search_text("town", limit=10)
        clean = await session.source.world.search_text("town", limit=10)
        assert session.world.manifest().world_id != session.source.world.manifest().world_id
    assert {item.url for item in found} != {item.url for item in clean} or found != clean
    assert '"noise": 3' in (tmp_path / "run" / "provenance.json").read_text()


def test_unknown_noise_lists_the_known() -> None:
    with pytest.raises(ConfigError, match="realistic"):
        make_config({"noise": {"preset": "horrible"}})


@pytest.mark.parametrize(
    "extra",
    [
        {"plugins": [{"id": "web", "max": 3}], "order": [["a"], []]},
        {"a b": 1, "a.b": {"\u00e9": True}, 'q"': "\x7f \\ \u2028 \U0001f600"},
        {"far": float("inf"), "least": -float("inf"), "big": 10**30, "none": {}},
    ],
)
def test_what_is_saved_with_a_run_can_be_read_again(extra: dict[str, JsonValue]) -> None:
    config = make_config({"model": "http://h/v1#m", "endpoint": {"extra_body": extra}})
    told = tomllib.loads(to_toml(config.model_dump(mode="json", exclude_none=True)))
    assert make_config(told) == config


@pytest.mark.parametrize("value", ["\udcff/world", float("nan")])
def test_what_could_not_be_read_again_is_refused(value: str | float) -> None:
    with pytest.raises(ConfigError, match="config value"):
        to_toml({"value": [value]})


def test_a_damaged_config_is_told_when_the_folder_is_opened(tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_bytes(b"a = {'x': 1}\xff")
    assert stored_today(tmp_path) == ""


@pytest.mark.parametrize(
    ("values", "table"),
    [
        ({"model": "openai:a"}, "endpoint"),
        ({"model": "oracle", "summariser": "openai:b"}, "summariser_endpoint"),
        ({"model": "seat", "summariser": "http://h/v1#b"}, "summariser_endpoint"),
    ],
)
def test_a_cap_needs_the_price_of_every_model_it_holds(
    values: dict[str, JsonValue], table: str
) -> None:
    capped: dict[str, JsonValue] = {**values, "limits": {"max_usd": 1.0}}
    with pytest.raises(ConfigError, match=f" {table}.usd_per_million_prompt"):
        make_config(capped)
    prices: JsonValue = {"usd_per_million_prompt": 1.0, "usd_per_million_completion": 2.0}
    make_config({**capped, table: prices})


@pytest.mark.parametrize(
    ("model", "judge"),
    [
        ("seat:IN", "seat:IN"),
        ("openai:gpt-5", "https://api.openai.com/v1#gpt-5"),
        ("https://api.openai.com/v1/#GPT-5", "openai:gpt-5"),
    ],
)
async def test_another_name_of_the_same_model_is_no_other_judge(
    model: str, judge: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "k")
    named: dict[str, JsonValue] = {"model": model, "judge": "strict", "judge_model": judge}
    async with AsyncExitStack() as stack:

        def judge_of(config: RunConfig) -> Judge:
            shelf = ModelShelf(config, media=FolderMediaStore(tmp_path), stack=stack)
            return make_judge(config, shelf=shelf, tape=None)

        with pytest.raises(ConfigError, match="allow-self-judge"):
            judge_of(make_config(named))
        judge_of(make_config({**named, "allow_self_judge": True}))


async def test_a_key_that_comes_back_is_not_kept(
    tiny_world: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    key, word = "sk-0123456789abcdef", "ollama"
    monkeypatch.setenv("OPENAI_API_KEY", key)
    monkeypatch.setenv("VDR_MODEL_KEY", word)
    script = tmp_path / "script.jsonl"
    text = f"<think>{key} {word}</think><answer>{key}</answer>"
    script.write_text(json.dumps({"text": text}))
    config = make_config({"world": str(tiny_world), "model": f"scripted:{script}"})
    async with open_session(config, out=tmp_path / "run") as session:
        trajectory = await session.roll_out(session.tasks(1)[0], 0)
    assert trajectory.answer == "[redacted]"
    assert word in trajectory.turns[0].reply.text, "no word of a page is taken for a secret"
    kept = b"".join(file.read_bytes() for file in (tmp_path / "run").rglob("*") if file.is_file())
    assert key.encode() not in kept
