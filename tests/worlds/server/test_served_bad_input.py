"""Whatever is sent gets a typed refusal in the shape of its service, or an empty answer; never a 500."""

# ruff: noqa: S310 - the addresses are those of our own loopback server

import asyncio
import base64
import io
import json
import os
import re
import signal
import socket
import time
from typing import Any  # noqa: TID251 - plain JSON of a foreign shape
from urllib.error import HTTPError
from urllib.parse import quote, urlencode, urlsplit
from urllib.request import Request, urlopen

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from tests.builders import a_picture
from tests.worlds.server import odd_worlds
from vision_deepresearch.worlds.server.run import serve_world
from vision_deepresearch.worlds.server.settings import Settings

Json = dict[str, Any]
"""What a client sees: JSON whose shape only the documentation knows."""

JSON = {"Content-Type": "application/json"}
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
MULTIPART = {"Content-Type": "multipart/form-data; boundary=b"}
TEN_SCRIPTS = "東京 서울 Москва Αθήνα القاهرة ירושלים दिल्ली กรุงเทพ თბილისი Երևան town"


def ask(request: Request | str) -> tuple[int, dict[str, str], bytes]:
    try:
        with urlopen(request, timeout=20) as response:
            return response.status, dict(response.headers), response.read()
    except HTTPError as error:
        with error:
            return error.code, dict(error.headers), error.read()


def post(url: str, body: object, headers: dict[str, str] = JSON) -> tuple[int, Json]:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    status, _, content = ask(Request(url, data, headers))
    return status, json.loads(content)


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        ({}, "bad_request"),
        ({"q": ""}, "bad_request"),
        ({"q": "   "}, "bad_request"),
        ({"q": None}, "bad_request"),
        ({"q": ["a"]}, "bad_request"),
        ({"q": {"a": 1}}, "bad_request"),
        ({"q": "x" * 100_000}, "too_large"),
        ({"q": "a", "num": "many"}, "bad_request"),
        ({"q": "a", "page": []}, "bad_request"),
        ([], "bad_request"),
        ([{"q": "a"}] * 101, "bad_request"),
        ([{"q": "a"}, "b"], "bad_request"),
        ([{"q": "a"}, {"q": ""}], "bad_request"),
        ("q", "bad_request"),
        (b"{", "bad_request"),
        (b"\xff\xfe\x00", "bad_request"),
        (b"[" * 100_000, "bad_request"),
        (b'{"q": ' + b"9" * 10_000 + b"}", "bad_request"),
        (b"", "bad_request"),
    ],
)
def test_a_search_without_usable_words_is_refused(server: str, body: object, kind: str) -> None:
    for path in ("/search", "/images"):
        status, answer = post(f"{server}{path}", body)
        assert (status, answer["kind"]) == (400, kind)
        assert answer["statusCode"] == 400
        assert answer["message"]


@pytest.mark.parametrize(
    "query",
    [TEN_SCRIPTS, "\x00\x01", "\ud800", "site:x AND (", '"', "a" * 4000, "🙂", "-", "%00", 1874],
)
def test_odd_queries_get_an_answer(server: str, query: object) -> None:
    status, answer = post(f"{server}/search", {"q": query, "num": 1e9, "page": -3, "new_key": {}})
    assert status == 200
    assert isinstance(answer["organic"], list)


def test_a_query_in_ten_scripts_still_finds_its_latin_word(server: str) -> None:
    assert post(f"{server}/search", {"q": TEN_SCRIPTS})[1]["organic"]


def test_searxng_refusals_have_their_shape(server: str) -> None:
    for fields, status in (
        ({"format": "json"}, 400),
        ({"q": "a" * 100_000, "format": "json"}, 400),
        ({"q": "town"}, 403),
        ({"q": "town", "format": "csv"}, 403),
        ({"q": "town", "format": "json", "pageno": "x"}, 400),
    ):
        got, _, content = ask(f"{server}/search?{urlencode(fields)}")
        assert (got, list(json.loads(content))) == (status, ["error", "kind"])
        posted, answer = post(f"{server}/search", urlencode(fields).encode(), FORM)
        assert (posted, list(answer)) == (status, ["error", "kind"])


def _multipart(data: bytes, *, end: bytes = b"\r\n--b--\r\n") -> bytes:
    head = b'--b\r\nContent-Disposition: form-data; name="image"; filename="a.png"\r\n\r\n'
    return head + data + end


PNG = a_picture()
HUGE_PNG = (
    b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00\xea\x60\x00\x00\xea\x60\x08\x02\x00\x00\x00"
    b"\x00\x00\x00\x00" + bytes(64)
)


@pytest.mark.parametrize(
    ("body", "headers", "kind"),
    [
        ({}, JSON, "bad_request"),
        ({"url": ""}, JSON, "bad_request"),
        ({"url": 5}, JSON, "blocked"),
        ({"url": "data:image/png;base64"}, JSON, "bad_request"),
        ({"url": "data:image/png;base64,"}, JSON, "bad_request"),
        ({"url": "data:image/png;base64,@@@"}, JSON, "bad_request"),
        ({"image": "not base64 !!"}, JSON, "bad_request"),
        ({"image": base64.b64encode(b"plain text").decode()}, JSON, "bad_image"),
        ({"image": base64.b64encode(PNG[:-30]).decode()}, JSON, "bad_image"),
        ({"image": base64.b64encode(HUGE_PNG).decode()}, JSON, "bad_image"),
        ({"image": "data:image/png,%89PNG"}, JSON, "bad_image"),
        (PNG[:100], {"Content-Type": "image/png"}, "bad_image"),
        (b"<svg/>", {"Content-Type": "image/svg+xml"}, "bad_image"),
        (_multipart(PNG, end=b""), MULTIPART, "bad_request"),
        (_multipart(PNG[:-30]), MULTIPART, "bad_image"),
        (_multipart(b""), MULTIPART, "bad_request"),
        (_multipart(PNG), {"Content-Type": "multipart/form-data"}, "bad_request"),
        (b"--x\r\nrubbish", MULTIPART, "bad_request"),
        (b"--b\r\n" * 5000, MULTIPART, "bad_request"),
    ],
)
def test_what_is_no_picture_is_refused(
    server: str, body: object, headers: dict[str, str], kind: str
) -> None:
    status, answer = post(f"{server}/lens", body, headers)
    assert (status, answer["kind"]) == (400, kind)


@pytest.mark.parametrize(
    "url",
    [
        "http://169.254.169.254/latest/meta-data",
        "http://127.0.0.1:1/assets/x",
        "http://localhost/assets/x.jpg",
        "file:///etc/passwd",
        "//127.0.0.1/assets/x",
        "ftp://{host}/assets/x",
        "http://{host}@evil.example/assets/x",
        "http://evil.example/?http://{host}/assets/",
        "http://{host}/manifest",
        "https://example.com/a.jpg",
        "http://[::1",
        "gopher:x",
    ],
)
def test_no_address_but_ours_is_ever_looked_at(server: str, url: str) -> None:
    host = urlsplit(server).netloc
    status, answer = post(f"{server}/lens", {"url": url.replace("{host}", host)})
    assert status == 400
    assert answer["kind"] in {"blocked", "bad_request"}


def test_an_address_under_our_assets_leads_into_the_world_only(server: str) -> None:
    for inner in (
        "http://127.0.0.1:1/x",
        "file:///etc/passwd",
        "../manifest.json",
        "https://a.b/c",
    ):
        for url in (f"{server}/assets/{quote(inner, safe='')}", f"{server}/assets/{inner}"):
            status, answer = post(f"{server}/lens", {"url": url})
            assert (status, answer["kind"]) == (404, "not_found")
            status, _, content = ask(url)
            assert (status, json.loads(content)["kind"]) == (404, "not_found")


def test_a_picture_of_one_colour_has_no_sure_hit(server: str) -> None:
    flat = base64.b64encode(_flat()).decode()
    feature = {"type": "WEB_DETECTION"}
    body = {"requests": [{"image": {"content": flat}, "features": [feature]}]}
    status, answer = post(f"{server}/v1/images:annotate", body)
    found = answer["responses"][0]["webDetection"]
    assert (status, found["fullMatchingImages"], found["bestGuessLabels"]) == (200, [], [])
    assert post(f"{server}/lens", {"image": flat})[0] == 200


def test_a_bad_picture_among_others_spoils_only_its_own_answer(server: str) -> None:
    feature = {"type": "WEB_DETECTION", "maxResults": 2}
    good = {"image": {"content": base64.b64encode(PNG).decode()}, "features": [feature]}
    nothing: Json = {}
    bad: list[object] = [
        {"image": {"content": "AAAA"}, "features": [feature]},
        {"image": {"source": {"imageUri": "http://a.example/x"}}, "features": [feature]},
        {"image": nothing, "features": [feature]},
        {"image": good["image"], "features": [{"type": "LABEL_DETECTION"}]},
        {"image": good["image"], "features": [{**feature, "maxResults": "x"}]},
        "nothing",
        None,
    ]
    status, answer = post(f"{server}/v1/images:annotate", {"requests": [*bad, good]})
    assert status == 200
    assert all(one["error"]["code"] in {3, 7} for one in answer["responses"][:-1])
    assert "webDetection" in answer["responses"][-1]
    wrong_ones: list[Json] = [{"requests": [good] * 17}, {"requests": "x"}, nothing]
    for wrong in wrong_ones:
        status, answer = post(f"{server}/v1/images:annotate", wrong)
        assert (status, answer["error"]["status"]) == (400, "INVALID_ARGUMENT")


@pytest.mark.parametrize(
    ("path", "headers", "status"),
    [
        ("/r/https://nowhere.example/x", {}, 404),
        ("/r/nowhere", {}, 404),
        ("/r/", {}, 400),
        ("/r/file:///etc/passwd", {}, 404),
        ("/r/http://127.0.0.1:22/", {}, 404),
        ("/r/https://a.example/" + "x" * 5000, {}, 400),
        ("/r/https://[", {}, 404),
        ("/r/%ff%fe", {}, 404),
        ("/r/https://nowhere.example/x", {"X-Respond-With": "screenshot"}, 400),
    ],
)
def test_the_reader_refuses_in_its_shape(
    server: str, path: str, headers: dict[str, str], status: int
) -> None:
    got, _, content = ask(Request(f"{server}{path}", headers=headers))
    answer = json.loads(content)
    assert (got, answer["code"], answer["data"]) == (status, status, None)
    assert answer["readableMessage"]


@pytest.mark.parametrize("body", [{}, {"url": ""}, {"url": []}, {"html": "<p>"}, {"pdf": "x"}])
def test_the_reader_wants_an_address(server: str, body: Json) -> None:
    status, answer = post(f"{server}/r", body)
    assert (status, answer["code"]) == (400, 400)


def test_too_large_a_body_is_refused_by_its_length_and_by_its_bytes(server: str) -> None:
    status, answer = post(
        f"{server}/lens", b"x" * (10 * 1024 * 1024 + 1), {"Content-Type": "image/png"}
    )
    assert (status, answer["kind"]) == (413, "too_large")
    parts = urlsplit(server)
    with socket.create_connection((parts.hostname or "", parts.port or 0), timeout=20) as raw:
        raw.sendall(b"POST /lens HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n")
        chunk = b"x" * 1024 * 1024
        for _ in range(12):
            raw.sendall(b"%x\r\n%b\r\n" % (len(chunk), chunk))
        raw.sendall(b"0\r\n\r\n")
        assert b" 413 " in raw.recv(4096).partition(b"\r\n")[0]


def test_unknown_routes_and_methods_are_typed(server: str) -> None:
    for request, status in (
        (f"{server}/nothing", 404),
        (f"{server}/../truth/proofs.jsonl", 404),
        (Request(f"{server}/v1/images:annotate", method="GET"), 405),
        (Request(f"{server}/healthz", method="DELETE"), 405),
    ):
        got, _, content = ask(request)
        assert (got, json.loads(content)["statusCode"]) == (status, status)


def test_bytes_that_are_no_http_do_no_harm(server: str) -> None:
    parts = urlsplit(server)
    for rubbish in (b"\x16\x03\x01\x02", b"GET /\x00 HTTP/9\r\n\r\n", b"POST /lens HTTP/1.1\r\n"):
        with socket.create_connection((parts.hostname or "", parts.port or 0), timeout=5) as raw:
            raw.sendall(rubbish)
    assert ask(f"{server}/healthz")[0] == 200


def test_requests_sent_at_once_are_answered_in_order_and_garbage_ends_them(server: str) -> None:
    parts = urlsplit(server)
    bodies = [b'{"q": "town"}', b'{"q": "ship"}']
    wire = b"".join(
        b"POST /search HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
        b"Content-Length: %d\r\n\r\n%b" % (len(body), body)
        for body in bodies
    )
    with socket.create_connection((parts.hostname or "", parts.port or 0), timeout=10) as raw:
        raw.sendall(wire + b"\x00\xffno request at all\r\n\r\n")
        came = b""
        while chunk := raw.recv(65536):
            came += chunk
    assert re.findall(rb"HTTP/1.1 (\d+)", came) == [b"200", b"200", b"400"]
    assert came.index(b'"q":"town"') < came.index(b'"q":"ship"')
    assert ask(f"{server}/healthz")[0] == 200


async def test_a_body_that_drips_is_refused_in_time() -> None:
    ready: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    serving = asyncio.create_task(
        serve_world(
            odd_worlds.open_odd,
            host="127.0.0.1",
            port=0,
            settings=Settings(workers=1, body_timeout_s=0.4),
            announce=lambda url, _: ready.set_result(url),
        )
    )
    parts = urlsplit(await ready)
    reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
    writer.write(b"POST /search HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\n")
    began = time.monotonic()
    answered = asyncio.create_task(reader.readuntil(b"}"))
    while not answered.done() and time.monotonic() - began < 9:
        writer.write(b" ")
        await asyncio.sleep(0.05)
    head, _, body = (await answered).partition(b"\r\n\r\n")
    assert b" 408 " in head.partition(b"\r\n")[0]
    assert json.loads(body)["kind"] == "timeout"
    writer.close()
    os.kill(os.getpid(), signal.SIGINT)
    await serving


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    path=st.sampled_from([
        "/search",
        "/images",
        "/lens",
        "/r",
        "/v1/images:annotate",
        "/r/x",
        "/assets/x",
    ]),
    content_type=st.sampled_from([
        *JSON.values(),
        *FORM.values(),
        *MULTIPART.values(),
        "image/png",
        "x",
    ]),
    body=st.one_of(
        st.binary(max_size=300),
        st.recursive(
            st.none() | st.booleans() | st.floats() | st.text(max_size=20),
            lambda inner: (
                st.lists(inner, max_size=3)
                | st.dictionaries(
                    st.sampled_from([
                        "q",
                        "url",
                        "image",
                        "num",
                        "page",
                        "requests",
                        "features",
                        "source",
                    ]),
                    inner,
                    max_size=4,
                )
            ),
            max_leaves=8,
        ).map(lambda value: json.dumps(value).encode()),
    ),
)
def test_no_request_is_answered_with_a_fault_of_ours(
    server: str, path: str, content_type: str, body: bytes
) -> None:
    status, _, _ = ask(Request(f"{server}{path}", body, {"Content-Type": content_type}))
    assert status < 500


def _flat() -> bytes:
    """A grey PNG, made by hand so that no noise of an encoder is in it."""

    buffer = io.BytesIO()
    Image.new("RGB", (200, 150), (120, 120, 120)).save(buffer, "PNG")
    return buffer.getvalue()
