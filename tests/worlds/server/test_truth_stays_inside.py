"""Every route of a world whose truth is full of markers is crawled: no answer holds one."""

# ruff: noqa: S310 - the addresses are those of our own loopback server

import hashlib
import json
import re
from pathlib import Path
from typing import Any  # noqa: TID251 - plain JSON of a foreign shape
from urllib.error import HTTPError
from urllib.parse import quote
from urllib.request import Request, urlopen

from tests.worlds.server.conftest import MARKER, SPEC
from vision_deepresearch.core.task import Task

Json = dict[str, Any]
"""What a client sees: JSON whose shape only the documentation knows."""

WORDS = ("town", "founded", "painter", "ship", "museum", "album", "list", "born", "emblem")
MAX_PAGES = 60
SAFE = "/:%"
PREFIXES = ("/", "/assets/", "/r/", "/assets/../", "/r/../../", "/assets/%2e%2e/", "/assets//")


def ask(request: Request | str) -> bytes:
    try:
        with urlopen(request, timeout=20) as response:
            return response.read() + str(response.headers).encode()
    except HTTPError as error:
        with error:
            return error.read() + str(error.headers).encode()


def _post(server: str, path: str, body: Json) -> bytes:
    headers = {"Content-Type": "application/json"}
    return ask(Request(f"{server}{path}", json.dumps(body).encode(), headers))


def test_no_route_says_what_the_world_knows_about_its_tasks(server: str, folder: Path) -> None:
    answers = [ask(f"{server}{path}") for path in ("/", "/manifest", "/healthz", "/metrics")]
    answers += [
        _post(server, path, {"q": word}) for path in ("/search", "/images") for word in WORDS
    ]
    answers += [ask(f"{server}/search?q={word}&format=json") for word in WORDS]
    answers += _reading(server, answers)
    pictures = sorted({
        url.decode()
        for a in answers
        for url in re.findall(rb"http://[^\s\")]+/assets/[^\s\")]+", a)
    })
    assert len(pictures) > 10
    answers += [_post(server, "/lens", {"url": url}) for url in pictures[:10]]
    feature = {"type": "WEB_DETECTION", "maxResults": 100}
    for url in pictures[:5]:
        request = {"image": {"source": {"imageUri": url}}, "features": [feature]}
        answers.append(_post(server, "/v1/images:annotate", {"requests": [request]}))
    answers += [ask(f"{server}{path}") for path in _paths_to_truth(folder)]
    assert not [answer for answer in answers if MARKER.encode() in answer]
    for path, name in (("/search", "organic"), ("/images", "images")):
        assert f'"{name}":[]'.encode() in _post(server, path, {"q": MARKER})


def test_the_manifest_does_not_tell_how_to_make_the_world_again(server: str) -> None:
    with urlopen(f"{server}/manifest", timeout=20) as response:
        shown = json.load(response)
    assert not {"seed", "spec"} & set(shown)
    assert f"@{SPEC.seed}" not in json.dumps(shown)
    assert shown["world_id"]
    assert shown["counts"]["pages"] > 50


def test_the_pictures_of_questions_are_not_served(server: str, folder: Path) -> None:
    tasks = [
        Task.model_validate_json(line) for line in (folder / "tasks.jsonl").read_text().splitlines()
    ]
    scenes = {
        ref.sha256: folder / "blobs" / ref.sha256[:2] / ref.sha256[2:]
        for t in tasks
        for ref in t.images
    }
    assert scenes
    for sha, path in scenes.items():
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        for name in (sha, f"{sha}.jpg", f"blobs/{sha[:2]}/{sha[2:]}", str(path), path.as_uri()):
            for inner in (name, f"https://img.orbipedia.example/{name}"):
                data = ask(f"{server}/assets/{quote(inner, safe='')}")
                assert hashlib.sha256(data).hexdigest() != digest
                assert b"not_found" in data


def _reading(server: str, answers: list[bytes]) -> list[bytes]:
    """Pages by their links, in every form the reader has."""
    found = re.compile(rb"https://[a-z.-]+\.example/[^\s\"\\)?#]+")
    waiting = sorted({url.decode() for answer in answers for url in found.findall(answer)})
    seen: set[str] = set()
    read: list[bytes] = []
    while waiting and len(seen) < MAX_PAGES:
        url = waiting.pop(0)
        if url in seen or "%2F" in url:
            continue
        seen.add(url)
        page = ask(f"{server}/r/{quote(url, safe=SAFE)}")
        read.append(page)
        waiting += [link.decode() for link in found.findall(page)]
    assert len(seen) == MAX_PAGES
    assert sum(page.startswith(b"Title: ") for page in read) > 0.9 * len(read)
    for mode in ("html", "text", "markdown"):
        read += [
            ask(Request(f"{server}/r/{quote(url, safe=SAFE)}", headers={"X-Respond-With": mode}))
            for url in list(seen)[:8]
        ]
    return read


def _paths_to_truth(folder: Path) -> list[str]:
    names = ("truth/proofs.jsonl", "truth/secret.txt", "tasks.jsonl")
    paths: list[str] = []
    for name in names:
        paths += [f"{prefix}{name}" for prefix in PREFIXES]
        whole = (folder / name).as_uri()
        paths += [f"/{route}/{quote(whole, safe='')}" for route in ("assets", "r")]
        paths += [f"/{route}/{whole}" for route in ("assets", "r")]
    return paths
