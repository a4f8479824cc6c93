"""`vdr rl` over live engines that limit, dawdle and go down, recorded; a strict replay is the run again."""

import asyncio
import itertools
import json
import random
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from pydantic import JsonValue
from typing_extensions import override

pytest.importorskip("torch")
pytest.importorskip("transformers")

import torch

from tests.builders import a_picture
from tests.cli.replayed import close_the_network, what_happened
from tests.worlds.live.double import Answer, Asked, Double
from vision_deepresearch.agent.loop import run as run_agent
from vision_deepresearch.agent.researcher import Researcher
from vision_deepresearch.cli.main import run
from vision_deepresearch.core.content import ToolCall
from vision_deepresearch.core.errors import ConfigError
from vision_deepresearch.core.mode import mode_named
from vision_deepresearch.core.trajectory import Trajectory
from vision_deepresearch.media.store import MemoryMediaStore
from vision_deepresearch.models.local.loading import load_local
from vision_deepresearch.models.local.tiny import TinySizes, write_tiny
from vision_deepresearch.models.profiles.vdr import VdrProfile
from vision_deepresearch.models.scripted import ScriptedModel
from vision_deepresearch.store.run import RunFolder
from vision_deepresearch.tools.summarise import PassagePicker
from vision_deepresearch.tools.toolset import build_tools
from vision_deepresearch.train.forward import score_tokens
from vision_deepresearch.train.packing import pack_row
from vision_deepresearch.train.rl.arrays import sample_of
from vision_deepresearch.wiring.config import load_recipe
from vision_deepresearch.wiring.live import open_live
from vision_deepresearch.wiring.rl import figures_of
from vision_deepresearch.wiring.rl_config import make_rl_config
from vision_deepresearch.wiring.rl_episodes import STAGE
from vision_deepresearch.wiring.worlds import open_world

RECIPE = Path(__file__).resolve().parents[2] / "recipes" / "toy" / "rl-live.toml"
_STEPS = 110
_DOWN_S = 2.5
"""Longer than a call with its three attempts takes."""
SYSTEM = "Search, then answer."
KEYS = {
    "SERPER_API_KEY": "canary-serper-51f0c2",
    "GOOGLE_VISION_API_KEY": "canary-vision-77aa01",
    "JINA_API_KEY": "canary-jina-90b3d4",
}


def asks(rng: random.Random) -> list[ToolCall]:
    """One call of each kind, with digits as they fall: few are equal, so the engines are asked."""
    one, two, three = (rng.randrange(10) for _ in range(3))
    made: dict[str, dict[str, JsonValue]] = {
        "search": {"query": [f"{one} {two}", f"{two} {three}"]},
        "visit": {"url": [f"https://pages.example/{one}{two}"], "goal": "who"},
        "crop_and_search": {
            "image_id": "img_1",
            "bbox": [[one * 10, two * 10, 500, 500]],
            "goal": "what",
        },
    }
    return [ToolCall(id="", name=name, arguments=arguments) for name, arguments in made.items()]


class Engines(Double):
    """Words, pictures and pages at one address.

    Every fourth request is limited, every fifth late, some so late that nobody waits; from the
    `down_from`-th on nobody is there for `_DOWN_S`.
    """

    def __init__(self, *, down_from: int | None = None, is_calm: bool = False) -> None:
        super().__init__()
        self.down_from = down_from
        self.down_until_s = 0.0
        self.is_calm = is_calm
        self.sent: Counter[str] = Counter()

    @override
    def answer(self, asked: Asked) -> Answer:
        with self._lock:
            self.asked.append(asked)
            num = len(self.asked)
            if num == self.down_from:
                self.down_until_s = time.monotonic() + _DOWN_S
            is_down = time.monotonic() < self.down_until_s
        if is_down:
            self.sent["down"] += 1
            return Answer(status=503, body={})
        if num % 4 == 3 and not self.is_calm:
            self.sent["limited"] += 1
            return Answer(status=429, body={}, headers={"Retry-After": "0"})
        if num % 5 == 0 and not self.is_calm:
            self.sent["late"] += 1
            time.sleep(1.3 if num % 2 else 0.2)
        # Another answer each time, so that only the tape can give the same again.
        return self._answer(asked, told=0 if self.is_calm else num)

    def _answer(self, asked: Asked, *, told: int) -> Answer:
        if asked.path.startswith("/assets/"):
            return Answer(raw=a_picture(seed=3))
        body = asked.body
        assert isinstance(body, dict)
        url = "https://pages.example/ok"
        if asked.path == "/search":
            hit: JsonValue = {"link": url, "title": f"{told}", "snippet": "s"}
            return Answer(body={"organic": [hit]})
        if asked.path.startswith("/v1/"):
            image: JsonValue = {"url": f"{self.url}/assets/a.png"}
            page: JsonValue = {"url": url, "pageTitle": "P", "fullMatchingImages": [image]}
            web: JsonValue = {"pagesWithMatchingImages": [page]}
            return Answer(body={"responses": [{"webDetection": web}]})
        return Answer(body={"data": {"title": "T", "content": f"It is {told}.", "url": url}})


def settings_at(url: str) -> list[str]:
    return [
        f"live.assets_at={json.dumps([f'{url}/assets/'])}",
        f"live.base_urls.serper={url}",
        f"live.base_urls.google_vision={url}",
        f"live.base_urls.jina={url}/r",
    ]


async def taught(world: Path, media: MemoryMediaStore) -> list[Trajectory]:
    """Both questions, each way of asking a few times, each answer, over engines that do nothing wrong."""
    source = open_world(world)
    tasks = source.own_tasks(2)
    for task in tasks:
        for data in source.pictures_of(task):
            media.put(data)
    golds = [task.gold.answers[0] for task in tasks if task.gold is not None]
    profile = VdrProfile(system_prompt=SYSTEM)
    made = []
    with Engines(is_calm=True) as engines:
        config = make_rl_config(load_recipe(RECIPE), overrides=settings_at(engines.url)).run
        live = open_live(config.world, config.live, seed=0)
        researcher = Researcher(
            model=ScriptedModel([]),
            profile=profile,
            tools=build_tools(
                mode_named(config.mode).tools,
                world=live,
                media=media,
                summariser=PassagePicker(),
                limits=config.tools,
            ),
            mode=mode_named(config.mode),
            today=config.today,
            media=media,
            limits=config.limits,
            finds_support=False,
        )
        rng = random.Random(0)
        calls = [call for _ in range(3) for call in asks(rng)]
        for task, call, gold in itertools.product(tasks, calls, golds):
            said = [
                profile.write(thought="seen", calls=[call]),
                profile.write(thought="seen", answer=gold),
            ]
            who = replace(researcher, model=ScriptedModel(said))
            made.append(await run_agent(task, who, attempt=len(made)))
        await live.aclose()
    assert all(one.answer is not None for one in made)
    return made


async def write_start(folder: Path, *, world: Path) -> None:
    """A checkpoint that asks in one of three ways and then answers one of two names, as it falls."""
    media = MemoryMediaStore()
    made = await taught(world, media)
    said = [
        [*one.prompt, *(message for turn in one.turns for message in (turn.reply, *turn.results))]
        for one in made
    ]
    write_tiny(
        folder,
        sizes=TinySizes(hidden=64, layers=2, vision_depth=2, max_picture_tokens=16),
        text=[message.text for messages in said for message in messages],
    )
    loaded = load_local(folder, dtype="float32", device="cpu")
    samples = [
        sample_of(
            one.model_copy(update={"tokens": loaded.codec.trace(messages)}),
            pictures=loaded.pictures,
            load=media.load,
            image_id=loaded.module.config.image_token_id,
        )
        for one, messages in zip(made, said, strict=True)
    ]
    optimizer = torch.optim.AdamW(loaded.module.parameters(), lr=4e-3, weight_decay=0.0)
    rng = random.Random(0)
    for step in range(_STEPS):
        optimizer.param_groups[0]["lr"] = 4e-3 * min(1.0, 2 * (1 - step / _STEPS))
        row = pack_row(rng.sample(samples, 4))
        scores = score_tokens(loaded.module, row, forbidden_ids=loaded.vocabulary.forbidden_ids)
        loss = -scores.logprobs.mean()
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(loaded.module.parameters(), 1.0)
        optimizer.step()
    loaded.module.save_pretrained(folder)


def trained(folder: Path, *, out: str, url: str, tape: str, more: Sequence[str] = ()) -> int:
    """`vdr rl` on the recipe."""
    sets = [
        *settings_at(url),
        f"system_prompt={folder / 'system.txt'}",
        "live.attempt_s=1",
        "rl.steps=2",
        *more,
    ]
    return run([
        *("rl", str(RECIPE), "--start", str(folder / "start"), "--out", str(folder / out)),
        *("--tape", tape, "--json", *(word for one in sets for word in ("--set", one))),
    ])


def what_counted(folder: Path) -> dict[str, list[JsonValue]]:
    """By episode: step, standing, reason, reward and advantage, names of the weights."""
    with RunFolder.read(folder) as view:
        found = {one.key: [one.reason, *one.made] for one in view.items(STAGE)}
    return {key: found[key] for key in sorted(found)}


def without_rounding(value: object) -> object:
    """What sampling in other batches leaves equal: all but log-probabilities and names of weights."""
    match value:
        case dict():
            dropped = {"logprobs", "versions", "policy_versions", "policy_version", "model"}
            return {key: without_rounding(one) for key, one in value.items() if key not in dropped}
        case list():
            return [without_rounding(one) for one in value]
        case _:
            return value


def final_weights(folder: Path) -> JsonValue:
    """Number and checksum of the weights of the last checkpoint."""
    newest = max((folder / "checkpoints").iterdir())
    state: JsonValue = json.loads((newest / "state.json").read_text())["state"]
    assert isinstance(state, dict)
    return state["policy_version"]


@pytest.fixture(scope="module")
def start(tiny_world: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the checkpoint and its prompt."""
    folder = tmp_path_factory.mktemp("rl-live")
    with pytest.MonkeyPatch.context() as patch:
        for variable, key in KEYS.items():
            patch.setenv(variable, key)
        with asyncio.Runner() as runner:
            runner.run(write_start(folder / "start", world=tiny_world))
    (folder / "system.txt").write_text(SYSTEM)
    return folder


@pytest.mark.parametrize("in_flight", [1, 8])
@pytest.mark.timeout(900)
def test_a_strict_replay_trains_on_equal_episodes_with_nobody_asked(
    start: Path,
    in_flight: int,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    first, again = start / f"first-{in_flight}", start / f"again-{in_flight}"
    more = [f"rl.rollout.episodes_in_flight={in_flight}"]
    for variable, key in KEYS.items():
        monkeypatch.setenv(variable, key)
    with Engines(down_from=7) as engines:
        assert trained(start, out=first.name, url=engines.url, tape="auto", more=more) == 0
        num_asked = len(engines.asked)
        assert min(engines.sent[name] for name in ("down", "limited", "late")) > 0, engines.sent
    figures = figures_of(first)
    assert sum(value or 0 for value in figures["stop_outage_frac"].values()) > 0
    assert sum(value or 0 for value in figures["steps_taken"].values()) > 0
    counted = what_counted(first)
    masked = [grade for reason, grade in counted.values() if reason == "outage"]
    assert masked
    for grade in masked:
        assert isinstance(grade, dict)
        assert (grade["standing"], grade["advantage"]) == ("infrastructure", 0.0)
    for variable in KEYS:
        monkeypatch.delenv(variable)
    close_the_network(monkeypatch)
    tape = f"replay-strict:{first / 'run.db'}"
    assert trained(start, out=again.name, url=engines.url, tape=tape, more=more) == 0
    assert len(engines.asked) == num_asked
    happened = [json.loads(what_happened(one)) for one in (first, again)]
    again_figures = figures_of(again)
    for step in (1, 2):
        batch, idle = (figures[name][step] for name in ("decode_batch_mean", "engine_idle_frac"))
        assert batch is not None
        assert idle is not None
        assert batch == 1.0 if in_flight == 1 else 1.0 <= batch <= in_flight
        assert 0.0 <= idle <= 1.0
    waits, none = (
        sum(value or 0 for value in one["engine_idle_frac"].values())
        for one in (figures, again_figures)
    )
    assert waits > none, "a replay waits for nobody"
    if in_flight == 1:  # one schedule: the same numbers, and so the same weights by their checksums
        assert happened[0] == happened[1]
        assert what_counted(again) == counted
        assert final_weights(again) == final_weights(first)
    else:
        assert without_rounding(happened[0]) == without_rounding(happened[1])
        assert without_rounding(what_counted(again)) == without_rounding(counted)
    capsys.readouterr()


def test_a_live_world_without_questions_is_refused() -> None:
    values = load_recipe(RECIPE)
    del values["tasks"]
    with pytest.raises(ConfigError, match=r"tasks\.source"):
        make_rl_config(values)
