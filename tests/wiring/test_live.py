"""Live worlds by name: what is found, what is missing, what may leave; keys come from outside only."""

import json
from pathlib import Path

import pytest
from pydantic import JsonValue

from tests.builders import a_picture
from tests.worlds.corpus.pdf_files import write_pdf
from tests.worlds.live.double import Answer, Double
from vision_deepresearch.cli.main import run
from vision_deepresearch.core.errors import ConfigError, FailureKind, WorldError
from vision_deepresearch.wiring.config import RunConfig, make_config
from vision_deepresearch.wiring.live import live_environment, live_secrets, open_live
from vision_deepresearch.worlds.live.catalog import KEY_VARIABLES
from vision_deepresearch.worlds.live.page_job import pdf_words
from vision_deepresearch.worlds.live.settings import LiveSettings

KEY = "canary-live-key-2b7e"


@pytest.fixture(autouse=True)
def no_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in (*KEY_VARIABLES, "SEARXNG_URL", "S3_ACCESS_KEY_ID", "S3_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(variable, raising=False)


def config_of(world: str, *overrides: str, mode: str = "cis+ts") -> RunConfig:
    return make_config({"world": world, "mode": mode}, overrides=overrides)


def test_auto_is_resolved_before_it_is_saved(monkeypatch: pytest.MonkeyPatch) -> None:
    assert config_of("live:auto").world == "live:auto"
    with pytest.raises(ConfigError, match="GOOGLE_VISION_API_KEY"):
        open_live("live:auto", LiveSettings(), seed=0)
    monkeypatch.setenv("BRAVE_API_KEY", KEY)
    monkeypatch.setenv("GOOGLE_VISION_API_KEY", KEY)
    assert config_of("live:auto").world == "live:brave+web"
    agreed = config_of("live:auto", "live.upload_pictures=true")
    assert (agreed.world, agreed.mode) == ("live:brave+google_vision+web", "cis+ts")


@pytest.mark.parametrize(
    ("mode", "becomes"),
    [("cis+ts", "zoom+ts"), ("agent+zoom", "zoom+ts+python"), ("ts", "ts"), ("direct", "direct")],
)
def test_without_a_picture_engine_a_mode_falls_back_to_zoom_and_text(
    mode: str, becomes: str
) -> None:
    assert config_of("live:serper", mode=mode).mode == becomes


@pytest.mark.parametrize(
    ("world", "overrides", "words"),
    [
        ("live:google", [], "each of these once"),
        ("live:serper+serper", [], "each of these once"),
        ("live:", [], "each of these once"),
        ("live:serper+google_vision", [], "live.upload_pictures=true"),
        ("live:serper+jina", ["limits.max_usd=1"], "live.prices.jina"),
        ("live:serper", ["live.upload=true"], "upload_pictures"),
    ],
)
def test_what_cannot_be_is_refused_with_the_flag_that_mends_it(
    world: str, overrides: list[str], words: str
) -> None:
    with pytest.raises(ConfigError, match=words):
        config_of(world, *overrides)


@pytest.mark.parametrize(
    ("world", "settings", "words"),
    [
        ("live:serper", LiveSettings(), "export SERPER_API_KEY"),
        ("live:searxng", LiveSettings(), "SEARXNG_URL"),
        ("live:web", LiveSettings(base_urls={"nobody": "http://a"}), "nobody"),
        (
            "live:jina",
            LiveSettings(base_urls={"jina": "http://me:secret-word@a.org"}),
            "the address of jina",
        ),
        ("live:web", LiveSettings(assets_at=("http://127.0.0.1:1/assets",)), "assets_at"),
    ],
)
def test_what_is_missing_is_named(world: str, settings: LiveSettings, words: str) -> None:
    with pytest.raises(ConfigError, match=words) as caught:
        open_live(world, settings, seed=0)
    assert "secret-word" not in str(caught.value)


def test_a_key_never_travels_in_the_open(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SERPER_API_KEY", KEY)
    settings = LiveSettings(base_urls={"serper": "http://proxy.example.org"})
    with pytest.raises(ConfigError, match="https") as caught:
        open_live("live:serper", settings, seed=0)
    assert KEY not in str(caught.value)
    monkeypatch.setenv("SERPER_API_KEY", "two words")
    with pytest.raises(ConfigError) as caught:
        live_environment()
    assert "two words" not in str(caught.value)


def test_engines_that_want_a_url_need_a_bucket(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SERPER_API_KEY", KEY)
    agreed = LiveSettings(upload_pictures=True)
    with pytest.raises(ConfigError, match="google_vision"):
        open_live("live:serper+serper_lens", agreed, seed=0)
    s3 = agreed.model_copy(update={"image_host": "s3", "s3_endpoint": "https://s3.example.org"})
    with pytest.raises(ConfigError, match="s3_bucket"):
        open_live("live:serper+serper_lens", s3, seed=0)
    monkeypatch.setenv("S3_ACCESS_KEY_ID", "an-access-key")
    monkeypatch.setenv("S3_SECRET_ACCESS_KEY", "a-secret-key")
    whole = s3.model_copy(update={"s3_bucket": "pictures"})
    assert open_live("live:serper+serper_lens", whole, seed=0).has_pictures
    assert set(live_secrets(live_environment())) >= {KEY, "a-secret-key"}


def test_no_key_is_needed_where_nobody_is_asked() -> None:
    world = open_live("live:serper+jina", LiveSettings(), seed=0, needs_keys=False)
    assert world.manifest().kind == "live"


def test_the_doctor_says_what_each_engine_does_and_what_to_do(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setenv("VDR_CACHE", str(tmp_path))
    assert run(["doctor", "--world", "live:auto", "--json", "--offline"]) == 1
    checks = {check["name"]: check for check in json.loads(capsys.readouterr().out)["checks"]}
    assert "SERPER_API_KEY" in checks["serper"]["found"]
    assert "SEARXNG_URL" in checks["live world"]["remedy"]
    monkeypatch.setenv("SERPER_API_KEY", KEY)
    monkeypatch.setenv("BRAVE_API_KEY", KEY)
    monkeypatch.setenv("GOOGLE_VISION_API_KEY", KEY)
    good: JsonValue = {"organic": [{"link": "https://www.wikipedia.org/", "title": "W"}]}
    page: JsonValue = {"data": {"title": "Main Page", "content": "words"}}
    with Double(good) as serper, Double(Answer(status=401)) as brave, Double(page) as jina:
        bases = {"serper": serper.url, "brave": brave.url, "jina": jina.url}
        command = ["doctor", "--world", "live:serper+brave+jina", "--json"]
        for name, url in bases.items():
            command += ["--set", f"live.base_urls.{name}={url}"]
        assert run(command) == 1
        printed = capsys.readouterr()
    checks = {check["name"]: check for check in json.loads(printed.out)["checks"]}
    assert "key accepted" in checks["serper"]["found"]
    assert "https://www.wikipedia.org/" in checks["serper"]["found"]
    assert checks["brave"]["health"] == "fail"
    assert "check the key" in checks["brave"]["remedy"]
    assert "read 'Main Page'" in checks["jina"]["found"]
    assert "live.upload_pictures" in checks["google_vision"]["remedy"]
    assert KEY not in printed.out + printed.err


def test_asking_says_plainly_that_no_picture_can_be_searched(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setenv("SERPER_API_KEY", KEY)
    photo, script = tmp_path / "photo.png", tmp_path / "script.jsonl"
    photo.write_bytes(a_picture())
    call = json.dumps({"name": "search", "arguments": {"query": ["ropewalk"]}})
    texts = [f"<think>.</think><tool_call>{call}</tool_call>", "<answer>A rope</answer>"]
    script.write_text("".join(json.dumps({"text": text}) + "\n" for text in texts))
    good: JsonValue = {"organic": [{"link": "https://a.org/", "title": "A", "snippet": "a rope"}]}
    with Double(good) as serper:
        command = ["ask", str(photo), "-q", "What?", "--world", "live:serper", "--profile", "vdr"]
        command += ["--model", f"scripted:{script}", "--out", str(tmp_path / "run")]
        command += ["--set", f"live.base_urls.serper={serper.url}", "--budget-usd", "0.0005"]
        assert run(command) == 1  # one call would cost more than that
        assert serper.asked == []
        assert "picture search is off" in capsys.readouterr().out
        command[-1] = "1"
        command[command.index(str(tmp_path / "run"))] = str(tmp_path / "more")
        assert run(command) == 0
    assert len(serper.asked) == 1
    assert "A rope" in capsys.readouterr().out


@pytest.mark.parametrize("reads", [True, False])
async def test_a_pdf_is_read_where_the_user_agreed(*, reads: bool) -> None:
    world = open_live("live:web", LiveSettings(read_pdf=reads), seed=0)
    other = open_live("live:web", LiveSettings(), seed=0)
    assert (world.manifest().world_id != other.manifest().world_id) is reads


def test_the_words_of_a_pdf_come_without_its_pictures() -> None:
    words = pdf_words(write_pdf(["Founded in 1902."], picture_px=(200, 200)), "https://a.org/a.pdf")
    assert b"Founded in 1902." in words
    assert b"<img" not in words
    with pytest.raises(WorldError) as caught:
        pdf_words(b"%PDF-1.7 torn", "https://a.org/a.pdf")
    assert caught.value.kind is FailureKind.BAD_ARGS
