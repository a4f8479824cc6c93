"""What the doctor says of every live engine there is: a sample where it answers, what to do if not."""

import json
from contextlib import ExitStack
from pathlib import Path

import pytest
from pydantic import JsonValue

from tests.worlds.live.double import Answer, Double
from tests.worlds.live.s3_double import ACCESS, REGION, SECRET, S3Double
from tests.worlds.live.test_contracts import CONTRACTS, JINA, LENSES, VISION
from vision_deepresearch.cli.main import run
from vision_deepresearch.worlds.live.catalog import ABOUTS, KEY_VARIABLES

KEY = "canary-doctor-key-5d"
ANSWERS: dict[str, JsonValue] = {
    **{contract.name: contract.answer for contract in CONTRACTS},
    **{contract.name: contract.answer for contract in LENSES},
    "google_vision": VISION,
    "jina": JINA,
    "zhipu_reader": {"reader_result": {"title": "The Ropewalk", "content": "words"}},
}
"""Of every engine that is asked over an API; `web` reads pages from here."""


@pytest.fixture(autouse=True)
def keys(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for variable in KEY_VARIABLES:
        monkeypatch.setenv(variable, KEY)
    monkeypatch.setenv("S3_ACCESS_KEY_ID", ACCESS)
    monkeypatch.setenv("S3_SECRET_ACCESS_KEY", SECRET)
    monkeypatch.setenv("VDR_CACHE", str(tmp_path))


def examined(
    answers: dict[str, Answer | JsonValue], capsys: pytest.CaptureFixture[str]
) -> tuple[dict[str, dict[str, str]], int]:
    """The doctor's checks by name, and what is left in the bucket."""
    with ExitStack() as stack:
        store = stack.enter_context(S3Double())
        command = ["doctor", "--world", f"live:{'+'.join(answers)}", "--json"]
        settings = {
            "upload_pictures": "true",
            "image_host": "s3",
            "s3_endpoint": store.url,
            "s3_bucket": "pictures",
            "s3_region": REGION,
        }
        for name, answer in answers.items():
            settings[f"base_urls.{name}"] = stack.enter_context(Double(answer)).url
        for setting, value in settings.items():
            command += ["--set", f"live.{setting}={value}"]
        run(command)
        printed = capsys.readouterr()
    assert KEY not in printed.out + printed.err
    checks = {check["name"]: check for check in json.loads(printed.out)["checks"]}
    return checks, len(store.objects)


def test_every_engine_that_answers_is_told_with_a_sample(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert set(ANSWERS) == set(ABOUTS) - {"web"}
    checks, num_left = examined(dict(ANSWERS), capsys)
    for name, about in ABOUTS.items():
        if name == "web":
            continue
        check = checks[name]
        assert check["health"] == "ok", check
        sample = {"text": "1 hit for 'Wikipedia'", "picture": " for a card"}
        assert sample.get(about.role.value, "read 'The Ropewalk'") in check["found"]
        assert ("no key" if name == "searxng" else "key accepted") in check["found"]
    assert num_left == 0


def test_every_engine_that_refuses_the_key_says_what_to_do(
    capsys: pytest.CaptureFixture[str],
) -> None:
    refused: dict[str, Answer | JsonValue] = {
        name: Answer(status=401, body={"message": f"unknown key {KEY}"}) for name in ANSWERS
    }
    checks, num_left = examined(refused, capsys)
    for name in ANSWERS:
        assert checks[name]["health"] == "fail"
        assert "auth" in checks[name]["found"]
        assert "unknown key [redacted]" in checks[name]["found"]
        assert "check the key" in checks[name]["remedy"]
    assert num_left == 0
