"""Pictures shown from a bucket: signed, found by the engine, gone after the call."""

import asyncio
import json
import urllib.request
from datetime import UTC, datetime
from pathlib import Path

import pytest
from pydantic import JsonValue, SecretStr
from typing_extensions import override

from tests.builders import a_picture
from tests.worlds.live.double import Answer, Asked, Double
from tests.worlds.live.engines import looks_at
from tests.worlds.live.s3_double import ACCESS, REGION, SECRET, S3Double, host_at
from tests.worlds.live.test_contracts import a_look
from vision_deepresearch.cli.main import run
from vision_deepresearch.core.errors import FailureKind, WorldError
from vision_deepresearch.worlds.live.sigv4 import S3Keys, presigned_url, signed_headers


class LensDouble(Double):
    """An engine that fetches the picture it is told of, as a real one does."""

    def __init__(self, *answers: Answer | JsonValue) -> None:
        super().__init__(*answers)
        self.seen: list[bytes] = []

    @override
    def answer(self, asked: Asked) -> Answer:
        body = asked.body if asked.raw else {}
        assert isinstance(body, dict)
        url = asked.query.get("url") or body["url"]
        assert isinstance(url, str)
        with urllib.request.urlopen(url) as response:  # noqa: S310 - loopback
            self.seen.append(response.read())
        return super().answer(asked)


def test_a_signature_equals_the_published_example() -> None:
    # Source: the S3 documentation's presigned url example (GET test.txt of examplebucket).
    keys = S3Keys(
        access_key="AKIA" + "IOSFODNN7EXAMPLE",
        secret_key=SecretStr("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"),
    )
    url = presigned_url(
        "GET",
        "https://examplebucket.s3.amazonaws.com/test.txt",
        expires_s=86_400,
        keys=keys,
        now=datetime(2013, 5, 24, tzinfo=UTC),
    )
    assert url.endswith(
        "X-Amz-Signature=aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404"
    )


def test_a_signed_request_equals_the_published_example() -> None:
    # Source: the S3 documentation's example of PUT test$file.text with a header more.
    keys = S3Keys(
        access_key="AKIA" + "IOSFODNN7EXAMPLE",
        secret_key=SecretStr("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"),
    )
    headers = signed_headers(
        "PUT",
        "https://examplebucket.s3.amazonaws.com/test%24file.text",
        headers={
            "Date": "Fri, 24 May 2013 00:00:00 GMT",
            "x-amz-storage-class": "REDUCED_REDUNDANCY",
        },
        body=b"Welcome to Amazon S3.",
        keys=keys,
        now=datetime(2013, 5, 24, tzinfo=UTC),
    )
    assert headers["authorization"].endswith(
        "Signature=98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd"
    )


@pytest.mark.parametrize(
    ("name", "answer"),
    [
        ("serper_lens", {"organic": [{"title": "A", "link": "https://a.org/", "source": "a"}]}),
        (
            "serpapi_lens",
            {
                "search_metadata": {"status": "Success"},
                "visual_matches": [
                    {"position": 1, "title": "A", "link": "https://a.org/", "thumbnail": "x"}
                ],
            },
        ),
    ],
)
async def test_an_engine_sees_the_picture_and_nothing_is_left(name: str, answer: JsonValue) -> None:
    picture = a_look()
    with S3Double() as store, LensDouble(answer) as lens:
        host = host_at(store)
        async with looks_at(name, lens, host=host) as engine:
            hits = await engine.search_picture(picture, limit=5)
        assert [hit.url for hit in hits] == ["https://a.org/"]
        assert lens.seen == [picture.load()]
        assert store.objects == {}
        assert host.num_left == 0
        assert not store.problems
        await host.aclose()


async def test_the_picture_is_taken_down_when_the_engine_fails_or_the_caller_leaves() -> None:
    with S3Double() as store, Double(Answer(status=500, body={})) as lens:
        host = host_at(store)
        async with looks_at("serper_lens", lens, host=host) as engine:
            with pytest.raises(WorldError):
                await engine.search_picture(a_look(), limit=5)
        assert store.objects == {}
        held = asyncio.Event()

        async def hold() -> None:
            async with host.shown(a_picture(), media_type="image/png"):
                held.set()
                await asyncio.sleep(30)

        task = asyncio.create_task(hold())
        await held.wait()
        assert len(store.objects) == 1
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await host.aclose()
        assert store.objects == {}


async def test_equal_pictures_at_the_same_time_are_one_object_until_the_last_is_done() -> None:
    with S3Double() as store:
        host = host_at(store)
        async with host.shown(b"same", media_type="image/png") as first:
            async with host.shown(b"same", media_type="image/png") as second:
                assert first.partition("?")[0] == second.partition("?")[0]
            assert len(store.objects) == 1
        assert store.objects == {}
        await host.aclose()


async def test_what_could_not_be_deleted_is_deleted_at_the_end() -> None:
    with S3Double(refuse=("DELETE",)) as store:
        host = host_at(store)
        async with host.shown(b"x", media_type="image/png"):
            pass
        assert host.num_left == 1
        await host.aclose()
        assert host.num_left == 0
        assert store.objects == {}


async def test_a_wrong_secret_is_an_auth_failure_that_does_not_show_it() -> None:
    with S3Double() as store:
        host = host_at(store, secret=SECRET.swapcase())
        with pytest.raises(WorldError) as caught:
            async with host.shown(b"x", media_type="image/png"):
                pass
        assert caught.value.kind is FailureKind.AUTH
        assert SECRET.swapcase() not in str(caught.value)
        assert store.problems
        await host.aclose()


@pytest.mark.pitfall("P29")
def test_a_run_leaves_nothing_in_the_bucket_and_its_replay_puts_nothing_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    photo, script = tmp_path / "photo.png", tmp_path / "script.jsonl"
    photo.write_bytes(a_picture())
    boxes = [[0, 0, 500, 500], [500, 500, 1000, 1000]]
    arguments = {"image_id": "img_1", "bbox": boxes, "goal": "what is it"}
    call = json.dumps({"name": "crop_and_search", "arguments": arguments})
    texts = [f"<think>.</think><tool_call>{call}</tool_call>", "<answer>A rope</answer>"]
    script.write_text("".join(json.dumps({"text": text}) + "\n" for text in texts))
    for variable, value in {
        "SERPER_API_KEY": "a-serper-key-31",
        "S3_ACCESS_KEY_ID": ACCESS,
        "S3_SECRET_ACCESS_KEY": SECRET,
    }.items():
        monkeypatch.setenv(variable, value)
    answer: JsonValue = {"organic": [{"title": "A", "link": "https://a.org/"}], "credits": 3}
    page: JsonValue = {"data": {"title": "A", "content": "A rope."}}
    with S3Double() as store, LensDouble(answer) as lens, Double(page) as jina:
        command = ["ask", str(photo), "-q", "What?", "--world", "live:serper_lens+jina", "--json"]
        command += ["--model", f"scripted:{script}", "--mode", "cis+ts", "--profile", "vdr"]
        for setting in (
            "upload_pictures=true",
            f"base_urls.serper_lens={lens.url}",
            f"base_urls.jina={jina.url}",
            "image_host=s3",
            f"s3_endpoint={store.url}",
            "s3_bucket=pictures",
            f"s3_region={REGION}",
        ):
            command += ["--set", f"live.{setting}"]
        assert run([*command, "--out", str(tmp_path / "first")]) == 0
        assert json.loads(capsys.readouterr().out)["answer"] == "A rope"
        assert len(lens.seen) == len(store.fetched) == store.num_put > 0
        assert (store.objects, store.problems) == ({}, [])
        num_put = store.num_put
        tape = f"replay-strict:{tmp_path / 'first' / 'run.db'}"
        assert run([*command, "--out", str(tmp_path / "again"), "--tape", tape]) == 0
        assert (store.num_put, len(lens.seen)) == (num_put, num_put)
