"""A run over live engines that fail now and then is replayed, byte for byte, with nobody there."""

import json
import shutil
from pathlib import Path

import pytest
from pydantic import JsonValue
from typing_extensions import override

from tests.builders import a_picture
from tests.cli.replayed import close_the_network, what_happened
from tests.models.openai_double import ChatRequest, OpenAiDouble, Step
from tests.worlds.live.double import Answer, Asked, Double
from vision_deepresearch.cli.main import run
from vision_deepresearch.sandbox.inside import landlock

KEYS = {
    "SERPER_API_KEY": "canary-serper-51f0c2",
    "GOOGLE_VISION_API_KEY": "canary-vision-77aa01",
    "JINA_API_KEY": "canary-jina-90b3d4",
}
NAME = "live:serper+google_vision+jina"


class Providers(Double):
    """Words, pictures and pages at one address; some of it is gone, refused, or down."""

    @override
    def answer(self, asked: Asked) -> Answer:
        self.asked.append(asked)
        if asked.path.startswith("/assets/"):
            return Answer(raw=a_picture(seed=3))
        body = asked.body
        assert isinstance(body, dict)
        if asked.path == "/search":
            if body["q"] == "limited":
                return Answer(status=429, body={})
            hit: JsonValue = {
                "link": "https://pages.example/ok",
                "title": f"{body['q']}",
                "snippet": "s",
            }
            hits = [] if body["q"] == "nothing" else [hit]
            return Answer(body={"organic": hits})
        if asked.path.startswith("/v1/"):
            image: JsonValue = {"url": f"{self.url}/assets/a.png"}
            page: JsonValue = {
                "url": "https://pages.example/ok",
                "pageTitle": "P",
                "fullMatchingImages": [image],
            }
            web: JsonValue = {"pagesWithMatchingImages": [page]}
            return Answer(body={"responses": [{"webDetection": web}]})
        url = f"{body['url']}"
        if "gone" in url or "down" in url:
            return Answer(status=404 if "gone" in url else 503, body={})
        content = "The guild was founded by Ostrel in 1887."
        return Answer(body={"data": {"title": "T", "content": content, "url": url}})


def calls_of_the_run() -> list[list[dict[str, object]]]:
    """What the model does, turn by turn."""
    pages = [f"https://pages.example/{name}" for name in ("ok", "gone", "down")]
    crop = {"image_id": "img_1", "bbox": [[0, 0, 500, 500]], "goal": "what is it"}
    code = "import math\nprint('the result is', math.comb(6, 3))"
    return [
        [
            {"name": "crop_and_search", "arguments": crop},
            {"name": "search", "arguments": {"query": ["guild", "nothing", "limited"]}},
        ],
        [{"name": "visit", "arguments": {"url": pages, "goal": "who founded it"}}],
        [
            {"name": "PythonInterpreter", "arguments": {"code": code}},
            {"name": "search", "arguments": {"query": ["limited"]}},
        ],
    ]


def script(request: ChatRequest) -> Step:
    """The model: reads pages, and researches by the number of its own turns so far."""
    if "rational" in json.dumps(request.messages):
        return json.dumps({"rational": "r", "evidence": "Ostrel", "summary": "Founded by Ostrel."})
    turns = calls_of_the_run()
    turn = sum(message["role"] == "assistant" for message in request.messages)
    if turn == len(turns):
        return "<answer>Ostrel</answer>"
    blocks = []
    for call in turns[turn]:
        arguments = call["arguments"]
        assert isinstance(arguments, dict)
        code = arguments.get("code")
        shown = json.dumps({**call, "arguments": {}} if code else call)
        blocks.append(f"<tool_call>{shown}{f'<code>{code}</code>' if code else ''}</tool_call>")
    return f"<think>Turn {turn}.</think>{''.join(blocks)}"


def settings_at(url: str) -> list[str]:
    told = {
        "live.upload_pictures": "true",
        "live.check_reader_urls": "false",
        "live.max_attempts": "1",
        "live.assets_at": json.dumps([f"{url}/assets/"]),
        "live.base_urls.serper": url,
        "live.base_urls.google_vision": url,
        "live.base_urls.jina": f"{url}/r",
    }
    return [word for key, value in told.items() for word in ("--set", f"{key}={value}")]


@pytest.mark.pitfall("P37")
@pytest.mark.skipif(landlock.abi() < 1, reason="this kernel has no Landlock: no Python tool")
@pytest.mark.timeout(90)
def test_a_flaky_live_run_replays_byte_for_byte_from_one_file_elsewhere(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    photo, first = tmp_path / "photo.png", tmp_path / "first"
    photo.write_bytes(a_picture())
    for variable, key in KEYS.items():
        monkeypatch.setenv(variable, key)
    with Providers() as providers, OpenAiDouble(script) as model:
        command = ["ask", str(photo), "-q", "Whose?", "--world", NAME, "--mode", "agent", "--json"]
        command += ["--model", model.name, "--today", "2026-01-01", *settings_at(providers.url)]
        assert run([*command, "--out", str(first)]) == 0
        assert model.problems == []
        num_asked, num_replies = len(providers.asked), model.num_requests
    happened = what_happened(first)
    for said in ("rate_limited", "not_found", "upstream", "the result is 20", "Founded by Ostrel"):
        assert said in happened, "the run was to meet all of it"
    assert num_asked >= 8
    elsewhere = tmp_path / "another" / "folder"
    elsewhere.mkdir(parents=True)
    assert run(["tape", "merge", str(tmp_path / "one.tape"), str(first)]) == 0
    (tmp_path / "one.tape").rename(elsewhere / "moved.tape")
    shutil.copytree(first, tmp_path / "copy")
    shutil.rmtree(first)
    for variable in KEYS:
        monkeypatch.delenv(variable)
    close_the_network(monkeypatch)
    tapes = (elsewhere / "moved.tape", tmp_path / "copy" / "run.db")
    for number, tape in enumerate(tapes):
        for mode in ("replay", "replay-strict"):
            again = tmp_path / f"again-{number}-{mode}"
            assert run([*command, "--out", str(again), "--tape", f"{mode}:{tape}"]) == 0
            assert what_happened(again) == happened
    assert [path.name for path in elsewhere.iterdir()] == ["moved.tape"], (
        "nothing is left beside it"
    )
    assert (len(providers.asked), model.num_requests) == (num_asked, num_replies)
    data = (elsewhere / "moved.tape").read_bytes()
    assert not [key for key in KEYS.values() if key.encode() in data]
    capsys.readouterr()
