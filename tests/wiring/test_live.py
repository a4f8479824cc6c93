"""Live worlds by name: what is found, what is missing, what may leave; keys come from outside only."""

import io
import json
import stat
from collections.abc import Sequence
from pathlib import Path

import pytest
from pydantic import JsonValue
from typing_extensions import override

from tests.builders import a_picture
from tests.worlds.corpus.pdf_files import write_pdf
from tests.worlds.live.double import Answer, Double
from vision_deepresearch.cli.consent import ask_consent
from vision_deepresearch.cli.main import run
from vision_deepresearch.core.errors import ConfigError, FailureKind, WorldError
from vision_deepresearch.wiring.config import RunConfig, make_config
from vision_deepresearch.wiring.live import live_environment, live_secrets, open_live
from vision_deepresearch.wiring.user_file import keep_consent
from vision_deepresearch.worlds.live.catalog import KEY_VARIABLES
from vision_deepresearch.worlds.live.page_job import pdf_words
from vision_deepresearch.worlds.live.settings import LiveSettings

KEY = "canary-live-key-2b7e"
REFUSED = Answer(status=401, body={"message": f"no such token {KEY}"})


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
    with Double(good) as serper, Double(REFUSED) as brave, Double(page) as jina:
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
    assert "no such token [redacted]" in checks["brave"]["found"]
    assert "read 'Main Page'" in checks["jina"]["found"]
    assert "live.upload_pictures" in checks["google_vision"]["found"]
    assert "live.upload_pictures" in checks["live world"]["remedy"]
    assert "brave" not in checks["cheapest live set"]["found"]
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
    told = capsys.readouterr().out
    assert "A rope" in told
    assert "engines  serper 1 call" in told


def test_asking_with_no_key_says_what_to_do(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    photo, script = tmp_path / "photo.png", tmp_path / "script.jsonl"
    photo.write_bytes(a_picture())
    script.write_text(json.dumps({"text": "<answer>A rope</answer>"}) + "\n")
    command = [
        "ask",
        str(photo),
        "-q",
        "What?",
        "--world",
        "live:auto",
        "--out",
        str(tmp_path / "r"),
    ]
    assert run([*command, "--model", f"scripted:{script}"]) == 2
    told = capsys.readouterr().err
    assert "SERPER_API_KEY" in told
    assert "GOOGLE_VISION_API_KEY" in told


def test_the_doctor_without_a_world_says_what_of_the_live_web_is_ready(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], world_cache: Path
) -> None:
    assert world_cache.is_dir()
    assert run(["doctor", "--json"]) == 0
    checks = {check["name"]: check for check in json.loads(capsys.readouterr().out)["checks"]}
    assert "SERPER_API_KEY" in checks["live web"]["remedy"]
    monkeypatch.setenv("SERPER_API_KEY", KEY)
    assert run(["doctor", "--json"]) == 0
    checks = {check["name"]: check for check in json.loads(capsys.readouterr().out)["checks"]}
    assert "SERPER_API_KEY" in checks["live web"]["found"]
    assert "--world live:auto" in checks["live web"]["remedy"]


def test_what_an_engine_lacks_is_told(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SERPER_API_KEY", KEY)
    monkeypatch.setenv("ZHIPU_API_KEY", KEY)
    run(["doctor", "--world", "live:serper", "--json", "--offline"])
    checks = {check["name"]: check for check in json.loads(capsys.readouterr().out)["checks"]}
    for words in ("consent", "bucket"):
        assert words in checks["serper_lens"]["found"]
    assert "+zhipu_lens" in checks["zhipu_lens"]["found"]
    assert "zhipu_lens" not in config_of("live:auto", "live.upload_pictures=true").world


# ---------------------------------------------------------------------------------- the user's file


@pytest.fixture
def user_path(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    path = tmp_path / "config" / "config.toml"
    monkeypatch.setenv("VDR_CONFIG", str(path))
    return path


def write(path: Path, text: str, *, mode: int = 0o600) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)
    path.chmod(mode)


def test_keys_come_from_the_file_too_and_the_environment_counts_first(
    user_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(user_path, f'[keys]\nBRAVE_API_KEY = "{KEY}"\nSEARXNG_URL = "http://127.0.0.1:1"\n')
    assert live_environment() == {"SEARXNG_URL": "http://127.0.0.1:1", "BRAVE_API_KEY": KEY}
    assert live_secrets(live_environment()) == [KEY]
    assert config_of("live:auto").world == "live:searxng+brave+web"
    monkeypatch.setenv("BRAVE_API_KEY", "another-key")
    assert live_environment()["BRAVE_API_KEY"] == "another-key"


@pytest.mark.parametrize(
    ("text", "mode", "words"),
    [
        (f'[keys]\nBRAVE_API_KEY = "{KEY}"', 0o644, "chmod 600"),
        (f'[keys]\nBRAVE_KEY = "{KEY}"', 0o600, "BRAVE_API_KEY"),
        (f'key = "{KEY}"', 0o600, "not understood: key"),
        (f"[keys]\nBRAVE_API_KEY = {KEY}", 0o600, "no TOML"),
        ("[keys]\nBRAVE_API_KEY = 7", 0o600, "keys.BRAVE_API_KEY"),
        ('upload_pictures = "always"', 0o600, "upload_pictures"),
    ],
)
def test_a_file_that_is_not_to_be_used_says_how_to_mend_it_and_shows_no_key(
    user_path: Path, text: str, mode: int, words: str
) -> None:
    write(user_path, text, mode=mode)
    with pytest.raises(ConfigError) as caught:
        live_environment()
    assert words in str(caught.value)
    assert KEY not in f"{caught.value!r} {caught.value.__cause__!r}"


class Terminal(io.StringIO):
    """Somebody sits at it."""

    @override
    def isatty(self) -> bool:
        return True


def asked_config(answer: str) -> tuple[RunConfig, str]:
    sink = Terminal()

    def ask(engines: Sequence[str]) -> bool | None:
        return ask_consent(engines, source=Terminal(answer), sink=sink)

    values: dict[str, JsonValue] = {"world": "live:auto", "mode": "cis+ts"}
    return make_config(values, ask_consent=ask), sink.getvalue()


@pytest.mark.pitfall("P29")
def test_consent_is_asked_once_in_a_life(user_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in ("SERPER_API_KEY", "GOOGLE_VISION_API_KEY"):
        monkeypatch.setenv(variable, KEY)
    config, told = asked_config("what?\n")
    assert (config.world, user_path.exists()) == ("live:serper+web", False)
    assert "google_vision (vision.googleapis.com)" in told
    config, told = asked_config("y\n")
    assert (config.world, config.live.upload_pictures) == ("live:serper+google_vision+web", True)
    assert stat.S_IMODE(user_path.stat().st_mode) == 0o600
    config, told = asked_config("n\n")
    assert (config.live.upload_pictures, told) == (True, "")
    assert config_of("live:auto").live.upload_pictures  # nobody there: as it was said
    assert not config_of("live:auto", "live.upload_pictures=false").live.upload_pictures


def test_a_refusal_is_kept_and_the_rest_of_the_file_with_it(
    user_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SERPER_API_KEY", KEY)
    write(user_path, f'# mine\n[keys]\nGOOGLE_VISION_API_KEY = "{KEY}"\n')
    assert asked_config("\n")[0].world == "live:serper+web"
    assert asked_config("y\n") == (config_of("live:auto"), "")
    text = user_path.read_text()
    assert text.startswith("upload_pictures = false\n# mine\n[keys]")
    keep_consent(user_path, agreed=True)
    assert user_path.read_text() == text.replace("false", "true")
    assert live_environment()["GOOGLE_VISION_API_KEY"] == KEY


def test_nobody_is_asked_where_there_is_nothing_to_send_or_no_terminal(
    user_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SERPER_API_KEY", KEY)
    assert asked_config("y\n")[1] == ""
    monkeypatch.setenv("GOOGLE_VISION_API_KEY", KEY)
    assert ask_consent(["google_vision"], source=io.StringIO("y\n"), sink=Terminal()) is None
    assert not user_path.exists()


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
