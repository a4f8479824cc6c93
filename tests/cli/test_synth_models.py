"""`vdr synth vqa` and `vdr synth trajectories` with a model behind the wire: the toy recipes, end to end."""

import json
from pathlib import Path

import pytest

from tests.models.openai_double import ChatRequest, OpenAiDouble, Reply, Step
from tests.models.openai_replay import plays, thinking_aloud
from tests.synth.player import Player
from tests.synth.roles.cases import texts_of
from tests.wiring.test_trajectories_prompted import Teachers
from tests.worlds.server.conftest import served
from vision_deepresearch.cli.main import run
from vision_deepresearch.models.oracle import OracleModel
from vision_deepresearch.models.profiles.vdr import VdrProfile
from vision_deepresearch.synth.roles.vqa_truth_scenes import TruthScenes
from vision_deepresearch.synth.vqa.dataset import open_vqa_dataset
from vision_deepresearch.wiring.vqa import truth_of_dataset
from vision_deepresearch.wiring.worlds import open_world
from vision_deepresearch.worlds.generated.routes import Routes

RECIPES = Path(__file__).parents[2] / "recipes" / "toy"
SCENE = 1
FAULTS: tuple[Step, ...] = (
    "",
    "I'd rather not say.",
    '{"views": [',
    '{"wrong": 1}',
    "x" * 30_000,
    Reply(text="{", finish="length"),
)


def a_player(world: Path, images: Path, *, num_things: int) -> Player:
    """A picture of the world in a folder, and a model that knows where its things are."""
    source = open_world(world).generated
    assert source is not None
    scenes = TruthScenes(Routes(graph=source.pages.graph, pages=source.pages))
    ref = scenes.ref(SCENE)
    images.mkdir()
    (images / "scene.jpg").write_bytes(scenes.draw(ref))
    boxes = [list(box.thousandths()) for box in scenes.boxes(ref).values()]
    return Player(boxes[:num_things])


def vqa(server: OpenAiDouble, world: Path, images: Path, out: Path) -> list[str]:
    return [
        *("synth", "vqa", str(RECIPES / "vqa.toml"), "--model", server.name, "--limit", "1"),
        *("--world", str(world), "--set", f"images={images}", "--out", str(out), "--json"),
    ]


class Stumbling:
    """Answers each case badly at first, in one way after another, and well when asked again."""

    def __init__(self, player: Player) -> None:
        self.player = player
        self.num_bad = 0

    def __call__(self, request: ChatRequest) -> Step:
        if "could not be used" in texts_of(request):
            return self.player(request)
        self.num_bad += 1
        return FAULTS[self.num_bad % len(FAULTS)]


@pytest.mark.timeout(120)
def test_questions_by_a_model_and_the_same_by_one_that_stumbles(
    tiny_world: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    images = tmp_path / "images"
    player = a_player(tiny_world, images, num_things=2)
    made: list[list[str]] = []
    for name, script in (("sure", player), ("stumbling", Stumbling(player))):
        with OpenAiDouble(script) as server:
            assert run(vqa(server, tiny_world, images, tmp_path / name)) == 0
            assert server.problems == []
        told = json.loads(capsys.readouterr().out)
        assert told["tasks"] >= 1
        assert not {"bad_reply", "refused"} & {r for row in told["funnel"] for r in row["rejected"]}
        made.append([task.question for task in open_vqa_dataset(tmp_path / name).tasks])
    assert made[0] == made[1]


def text(server: OpenAiDouble, world: Path | str, out: Path, *more: str) -> list[str]:
    return [
        *("synth", "vqa", str(RECIPES / "text.toml"), "--model", server.name, "--limit", "6"),
        *("--world", str(world), "--out", str(out), "--json", *more),
    ]


@pytest.mark.timeout(120)
def test_questions_without_a_picture_and_the_same_by_a_model_that_stumbles(
    tiny_world: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """From pages that the world lists; then researched by a model, which has no picture to describe."""
    made: list[list[str]] = []
    for name, script in (("sure", Player(())), ("stumbling", Stumbling(Player(())))):
        with OpenAiDouble(script) as server:
            assert run(text(server, tiny_world, tmp_path / name)) == 0
            assert server.problems == []
        told = json.loads(capsys.readouterr().out)
        rejected = {r: n for row in told["funnel"] for r, n in row["rejected"].items()}
        assert not {"bad_reply", "refused", "bug"} & set(rejected)
        assert rejected["no_topic"] >= 1
        made.append([task.question for task in open_vqa_dataset(tmp_path / name).tasks])
    assert made[0] == made[1] != []
    dataset = open_vqa_dataset(tmp_path / "sure")
    for task in dataset.tasks:
        assert (task.kind, task.images) == ("text", ())
        start, *rest = dataset.proofs[task.id].hops
        assert start.expected in task.question
        assert not any(hop.expected in task.question for hop in rest)
        assert start.pages[0].startswith("https://")
    rounds = [task.strata["rounds"] for task in dataset.tasks]
    assert any("replace" in one for one in rounds)
    with OpenAiDouble(teaches(tiny_world, tmp_path / "sure")) as server:
        assert (
            run([
                *("synth", "trajectories", str(RECIPES / "text_trajectories.toml"), "--json"),
                *("--questions", str(tmp_path / "sure"), "--model", server.name),
                *("--world", str(tiny_world), "--out", str(tmp_path / "taught")),
                *("--set", "summariser=passages", "--set", "python=off", "--set", "mode=ts"),
            ])
            == 0
        )
        assert server.problems == []
    told = json.loads(capsys.readouterr().out)
    assert told["trajectories"] >= 1


@pytest.mark.timeout(120)
def test_questions_without_a_picture_from_live_engines_begin_at_what_a_file_names(
    tiny_world: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("SERPER", "JINA"):
        monkeypatch.setenv(f"{name}_API_KEY", f"a-key-of-{name}-for-this-test")
    source = open_world(tiny_world).generated
    assert source is not None
    urls = list(source.page_addresses())
    topics = tmp_path / "topics.txt"
    by_words = urls[3].rpartition("/")[2].replace("_", " ")
    topics.write_text("\n".join(["# begin here", *urls[:3], by_words, "", urls[0]]))
    named = ("--set", f"topics={topics}")
    with (
        served(tiny_world, '{"port": 0, "workers": 1}') as (url, _),
        OpenAiDouble(Player(())) as model,
    ):
        assert run(text(model, tiny_world, tmp_path / "folder", *named)) == 0
        live = [
            *("--set", "live.check_reader_urls=false", "--set", f"live.base_urls.serper={url}"),
            *("--set", f"live.base_urls.jina={url}/r"),
        ]
        command = text(model, "live:serper+jina", tmp_path / "live", *live)
        assert run([*command, *named]) == 0
        assert run([*command, "--out", str(tmp_path / "no")]) == 2
    assert "--set topics=FILE" in capsys.readouterr().err
    folder, web = (
        [task.question for task in open_vqa_dataset(tmp_path / name).tasks]
        for name in ("folder", "live")
    )
    assert web == folder != []


@pytest.mark.timeout(120)
def test_questions_from_live_engines_are_those_of_the_world_behind_them(
    tiny_world: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Loopback engines that speak the providers' formats serve the world that the folder holds."""
    for name in ("SERPER", "GOOGLE_VISION", "JINA"):
        monkeypatch.setenv(f"{name}_API_KEY", f"a-key-of-{name}-for-this-test")
    images = tmp_path / "images"
    player = a_player(tiny_world, images, num_things=2)
    with served(tiny_world, '{"port": 0, "workers": 1}') as (url, _), OpenAiDouble(player) as model:
        command = vqa(model, tiny_world, images, tmp_path / "folder")
        assert run(command) == 0
        live = [
            *("--world", "live:serper+google_vision+jina", "--out", str(tmp_path / "live")),
            *("--set", "live.upload_pictures=true", "--set", "live.check_reader_urls=false"),
            *("--set", f"live.base_urls.serper={url}", "--set", f"live.base_urls.jina={url}/r"),
            *("--set", f"live.base_urls.google_vision={url}"),
            *("--set", f'live.assets_at=["{url}/assets/"]'),
        ]
        assert run([*command, *live]) == 0
        assert run([*command, *live[:2], "--out", str(tmp_path / "no")]) == 2
    assert "--set live.upload_pictures=true" in capsys.readouterr().err
    folder, web = (
        [task.question for task in open_vqa_dataset(tmp_path / name).tasks]
        for name in ("folder", "live")
    )
    assert web == folder != []
    assert "a-key-of" not in (tmp_path / "live" / "config.toml").read_text()


def teaches(world: Path, questions: Path) -> Teachers:
    """The oracle behind the wire, with what the questions' proofs say."""
    dataset = open_vqa_dataset(questions)
    script = Teachers(dataset.tasks, fates=["accepted"] * len(dataset.tasks))
    truth = truth_of_dataset(open_world(world), dataset)
    script.play = plays(
        OracleModel(truth, VdrProfile()), tasks=dataset.tasks, change=thinking_aloud
    )
    return script


@pytest.mark.timeout(120)
def test_trajectories_by_a_model_and_by_one_that_fails_in_a_phase(
    tiny_world: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each prompt of a teacher met by bad replies: rejects with their reasons, no crash."""
    questions, images = tmp_path / "questions", tmp_path / "images"
    player = a_player(tiny_world, images, num_things=5)
    with OpenAiDouble(player) as server:
        assert run(vqa(server, tiny_world, images, questions)) == 0
    num = json.loads(capsys.readouterr().out)["tasks"]
    script = teaches(tiny_world, questions)

    def made_by(step: Step | None, phase: str) -> dict[str, int]:
        def play(request: ChatRequest) -> Step:
            return step if step is not None and phase in texts_of(request) else script(request)

        out = tmp_path / f"run{len(list(tmp_path.iterdir()))}"
        with OpenAiDouble(play) as server:
            code = run([
                *("synth", "trajectories", str(RECIPES / "trajectories.toml"), "--json"),
                *("--questions", str(questions), "--model", server.name, "--out", str(out)),
                *("--world", str(tiny_world), "--set", "summariser=passages"),
                *("--set", "python=off", "--set", "limits.max_turns=8"),
            ])
            assert server.problems == []
        assert code == 0
        told = json.loads(capsys.readouterr().out)
        rejected = {r: n for row in told["funnel"] for r, n in row["rejected"].items()}
        assert told["trajectories"] + sum(rejected.values()) == num, "each is kept or has a reason"
        return {"kept": told["trajectories"], **rejected}

    assert made_by(None, "")["kept"] >= 1
    for phase in ("Work on the picture now", "You cannot see the picture"):
        assert made_by(Reply(text=None, refusal="No."), phase).get("refused", 0) >= 1
        for bad in ("I'd rather not say.", Reply(text="<", finish="length")):
            kept = made_by(bad, phase)["kept"]
            # A bad turn by the picture can be made up for later: this judge calls all a hit.
            assert kept == 0 or phase.startswith("Work"), (phase, bad)
