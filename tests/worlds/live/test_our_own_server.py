"""Our engines against our own server: what they read there is what the world itself says."""

import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tests.worlds.server.conftest import served
from vision_deepresearch.agent.limits import Limits
from vision_deepresearch.agent.loop import Researcher
from vision_deepresearch.agent.loop import run as run_agent
from vision_deepresearch.cli.main import run
from vision_deepresearch.core.content import Picture
from vision_deepresearch.core.errors import FailureKind, WorldError
from vision_deepresearch.core.mode import mode_named
from vision_deepresearch.core.protocols import Sampling
from vision_deepresearch.judge.rules import RuleJudge
from vision_deepresearch.media.store import MemoryMediaStore
from vision_deepresearch.models.oracle import OracleModel
from vision_deepresearch.models.profiles.vdr import VdrProfile
from vision_deepresearch.store.run import RunFolder
from vision_deepresearch.tools.limits import ToolLimits
from vision_deepresearch.tools.summarise import PassagePicker
from vision_deepresearch.tools.toolset import build_tools
from vision_deepresearch.wiring.live import open_live
from vision_deepresearch.worlds.generated.world import GeneratedWorld, open_truth
from vision_deepresearch.worlds.live.settings import LiveSettings
from vision_deepresearch.worlds.live.world import LiveWorld

CANARIES = {
    "SERPER_API_KEY": "canary-serper-51f0c2",
    "GOOGLE_VISION_API_KEY": "canary-vision-77aa01",
    "JINA_API_KEY": "canary-jina-90b3d4",
}
NAME = "live:serper+google_vision+jina"


@pytest.fixture(scope="module")
def tiny_server(tiny_world: Path) -> Iterator[str]:
    with served(tiny_world, '{"port": 0, "workers": 1}') as (url, _):
        yield url


@pytest.fixture
def keys(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable, key in CANARIES.items():
        monkeypatch.setenv(variable, key)


def settings_at(url: str) -> LiveSettings:
    return LiveSettings(
        upload_pictures=True,
        base_urls={
            "serper": url,
            "searxng": url,
            "google_vision": url,
            "jina": f"{url}/r",
        },
        assets_at=(f"{url}/assets/",),
        check_reader_urls=False,
    )


@asynccontextmanager
async def live_at(url: str, name: str = NAME) -> AsyncIterator[LiveWorld]:
    world = open_live(name, settings_at(url), seed=0)
    try:
        yield world
    finally:
        await world.aclose()


def as_picture(data: bytes) -> Picture:
    store = MemoryMediaStore()
    return store.picture(store.put(data))


@pytest.mark.usefixtures("keys")
async def test_words_find_what_the_world_itself_finds(tiny_world: Path, tiny_server: str) -> None:
    own = GeneratedWorld.open(tiny_world)
    for engine in ("serper", "searxng"):
        async with live_at(tiny_server, f"live:{engine}+jina") as live:
            for query in ("town founded", "the ship built in the harbour", "museum of painting"):
                ours = await own.search_text(query, limit=5)
                found = await live.search_text(query, limit=5)
                assert [hit.url for hit in found] == [hit.url for hit in ours]
                assert [hit.title for hit in found] == [hit.title for hit in ours]
                assert [hit.published for hit in found] == [hit.published for hit in ours]


@pytest.mark.usefixtures("keys")
async def test_a_page_and_its_pictures_come_through_whole(
    tiny_world: Path, tiny_server: str
) -> None:
    own = GeneratedWorld.open(tiny_world)
    hits = await own.search_text("museum painting emblem ship", limit=10)
    num_pictures = 0
    async with live_at(tiny_server) as live:
        for hit in hits:
            ours, found = await own.read(hit.url), await live.read(hit.url)
            assert (found.title, found.published) == (ours.title, ours.published)
            assert len(found.images) == len(ours.images)
            for there, here in zip(found.images, ours.images, strict=True):
                assert (await live.asset(there.src)).data == (await own.asset(here.src)).data
                num_pictures += 1
        with pytest.raises(WorldError) as caught:
            await live.read("https://www.nowhere-at-all.example/x")
        assert caught.value.kind is FailureKind.NOT_FOUND
        with pytest.raises(WorldError) as caught:
            await live.asset(f"{tiny_server}/manifest")
        assert caught.value.kind is FailureKind.BLOCKED
    assert num_pictures


@pytest.mark.usefixtures("keys")
async def test_the_oracle_answers_through_the_wire(tiny_world: Path, tiny_server: str) -> None:
    own, truth = GeneratedWorld.open(tiny_world), open_truth(tiny_world)
    profile, media = VdrProfile(), MemoryMediaStore()
    num_correct = 0
    async with live_at(tiny_server) as live:
        for task in own.tasks(3):
            for data in own.task_pictures(task):
                media.put(data)
            mode = mode_named("cis+ts")
            researcher = Researcher(
                model=OracleModel(truth, profile),
                profile=profile,
                tools=build_tools(
                    mode.tools,
                    world=live,
                    media=media,
                    summariser=PassagePicker(),
                    limits=ToolLimits(),
                ),
                mode=mode,
                limits=Limits(),
                sampling=Sampling(),
                today="2026-01-01",
                media=media,
            )
            trajectory = await run_agent(task, researcher, attempt=0)
            verdict = await RuleJudge().judge(task, trajectory)
            num_correct += verdict.decision.value == "correct"
    assert num_correct >= 2


@pytest.mark.pitfall("P37")
@pytest.mark.usefixtures("keys")
def test_ask_over_live_engines_and_its_replay_with_nobody_there(
    tiny_world: Path,
    tiny_server: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    own = GeneratedWorld.open(tiny_world)
    (picture,) = own.task_pictures(own.tasks(1)[0])[:1]
    photo, script = tmp_path / "photo.jpg", tmp_path / "script.jsonl"
    photo.write_bytes(picture)
    calls = [
        {
            "name": "crop_and_search",
            "arguments": {"image_id": "img_1", "bbox": [[0, 0, 500, 500]], "goal": "what is it"},
        },
        {"name": "search", "arguments": {"query": ["museum of painting"]}},
    ]
    lines = [
        {"text": f"<think>.</think><tool_call>{json.dumps(call)}</tool_call>"} for call in calls
    ]
    lines.append({"text": "<answer>A museum</answer>"})
    script.write_text("".join(json.dumps(line) + "\n" for line in lines))
    first, again = tmp_path / "first", tmp_path / "again"
    command = [
        *("ask", str(photo), "-q", "What is it?", "--world", NAME, "--json"),
        *("--model", f"scripted:{script}", "--today", "2026-01-01", "--profile", "vdr"),
    ]
    for key, value in settings_at(tiny_server).model_dump(mode="json").items():
        if key in {"upload_pictures", "check_reader_urls"}:
            command += ["--set", f"live.{key}={str(value).lower()}"]
        if key == "assets_at":
            command += ["--set", f"live.{key}={json.dumps(value)}"]
        if key == "base_urls":
            for name, url in value.items():
                command += ["--set", f"live.base_urls.{name}={url}"]
    for engine, usd in {"serper": 0.001, "google_vision": 0.0035, "jina": 0.002}.items():
        command += ["--set", f"live.prices.{engine}={usd}"]
    assert run([*command, "--out", str(first), "--budget-usd", "1"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["answer"] == "A museum"
    assert 0.004 < told["cost_usd"] < 1
    for variable in CANARIES:
        monkeypatch.delenv(variable)
    tape = f"replay-strict:{first / 'run.db'}"
    assert run([*command, "--out", str(again), "--tape", tape, "--budget-usd", "1"]) == 0
    assert json.loads(capsys.readouterr().out)["cost_usd"] == 0
    with RunFolder.read(first) as one, RunFolder.read(again) as two:
        said = [
            [[message.text for message in (turn.reply, *turn.results)] for turn in trace.turns]
            for view in (one, two)
            for trace in view.trajectories()
        ]
    assert said[0] == said[1]
    for path in tmp_path.rglob("*"):
        if path.is_file():
            data = path.read_bytes()
            assert not [key for key in CANARIES.values() if key.encode() in data], path
