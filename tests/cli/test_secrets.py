"""Twenty planted keys: none is in anything that commands write or say, whatever form it came back in.

A model, a search engine and a reader on loopback send back what they were sent, as careless
services do: in texts, headers, error pages, urls, encoded and cut. Others stand in the environment,
the recipe, the question, a proxy's address.
"""

import base64
import json
import os
import sqlite3
import subprocess
import sys
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from urllib.parse import quote

import pytest
from pydantic import JsonValue
from typing_extensions import override

from tests.builders import a_picture
from tests.models.openai_double import Fault, OpenAiDouble, Step, error_body
from tests.models.openai_rules import Dialect
from tests.worlds.live.double import Answer, Asked, Double
from vision_deepresearch.store.schema import TABLES
from vision_deepresearch.wiring.secrets import environment_secrets

ROOT = Path(__file__).resolve().parents[2]


def planted(number: int) -> str:
    """A key nobody would take for a word; its digits and letters follow from the number."""
    return f"cnry{number:02d}-" + "".join(f"{(number * 7 + n) % 36:x}Q{n}" for n in range(12))


MODEL, SEARCH, READER, PROXY, HUB, CLOUD, SERVER, PASTED, RECIPE, CUT = map(planted, range(10))
BASIC, COOKIE, PARAMETER, HEADER, FILE, WEB, ERROR, TRACED, TOOL, WHOLE = map(
    planted, range(10, 20)
)
NAMES = (
    *("MODEL", "SEARCH", "READER", "PROXY", "HUB", "CLOUD", "SERVER", "PASTED", "RECIPE", "CUT"),
    *("BASIC", "COOKIE", "PARAMETER", "HEADER", "FILE", "WEB", "ERROR", "TRACED", "TOOL", "WHOLE"),
)
ALL = {name: planted(number) for number, name in enumerate(NAMES)}
ENVIRONMENT = {
    "VDR_MODEL_KEY": MODEL,
    "SERPER_API_KEY": SEARCH,
    "JINA_API_KEY": READER,
    "HTTPS_PROXY": f"http://agent:{PROXY}@127.0.0.1:9",
    "HF_TOKEN": HUB,
    "AWS_SECRET_ACCESS_KEY": CLOUD,
    "VDR_SEARCH_AUTHORIZATION": f"ApiKey {SERVER}",
    "SOME_PASSWORD": PASTED,
    "OTHER_SECRET_KEY": CUT,
    "GIT_AUTHORIZATION": "Basic " + base64.b64encode(f"me:{BASIC}".encode()).decode(),
    "A_TOKEN": FILE,
    "B_TOKEN": TRACED,
    "C_TOKEN": TOOL,
    "D_TOKEN": WHOLE,
    "NO_PROXY": "127.0.0.1",
}
"""RECIPE, COOKIE, PARAMETER, HEADER, WEB and ERROR are in no variable: they are known by where they
stand, or how they look."""


def in_64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def a_page(asked: Asked) -> JsonValue:
    """What the reader says of any page: all that came to it, and what others left lying about."""
    lines = [
        f"You sent {asked.headers.get('authorization')} and {READER}.",
        f"hub {HUB} as {quote(HUB)} and {in_64(f'user:{HUB}')} and {HUB.encode().hex()}",
        f"cloud {json.dumps({'k': json.dumps({'secret': CLOUD})})}",
        f"redirected to https://a.org/cb?state={quote(SERVER, safe='')}",
        f"Set-Cookie: session={COOKIE}; Secure",
        f"X-API-KEY: {HEADER}",
        f"see https://a.org/x?api_key={PARAMETER}&q=1 and key {CUT[:30]}...",
        f"git {in_64(f'me:{BASIC}')} and {BASIC}",
        f"token eyJhbGciOiJIUzI1NiJ9.{WEB.replace('-', 'A')}.c2lnbmF0dXJl of bearer {WEB}",
        f"proxy {PROXY} and {SEARCH} and {MODEL}",
    ]
    url = f"https://a.org/read?token={READER}"
    return {
        "code": 200,
        "data": {"title": f"Page {HUB}", "url": url, "content": "\n\n".join(lines)},
    }


class Echo(Double):
    """A search engine and a reader that tell everything they were sent."""

    @override
    def answer(self, asked: Asked) -> Answer:
        self.asked.append(asked)
        headers = {"X-Echo": asked.headers.get("x-api-key", ""), "Set-Cookie": f"s={COOKIE}"}
        if asked.path.endswith("/search"):
            if len(self.asked) == 1:
                error = f"no such key {SEARCH}, api_key={ERROR}"
                return Answer(status=500, body={"message": error}, headers=headers)
            hit: JsonValue = {
                "title": f"Result for {SEARCH}",
                "link": f"https://a.org/p?key={quote(SEARCH)}",
                "snippet": f"{asked.body} {in_64(SEARCH)} Authorization: Bearer {HEADER}",
            }
            return Answer(body={"organic": [hit]}, headers=headers)
        return Answer(body=a_page(asked), headers=headers)


def a_call(name: str, arguments: Mapping[str, JsonValue]) -> str:
    call = json.dumps({"name": name, "arguments": arguments})
    return f"<think>I was given {MODEL} and {TOOL}.</think><tool_call>{call}</tool_call>"


SCRIPT: list[Step] = [
    Fault(500, error_body(f"internal error for key {MODEL}, api_key={ERROR}")),
    a_call("search", {"query": [f"who owns {TOOL}", in_64(f"x{TOOL}")]}),
    a_call("visit", {"url": ["https://a.org/p"], "goal": f"find {HUB}"}),
    f"<think>{WHOLE}</think><answer>The key is {WHOLE}, {PASTED} or {MODEL[:20]}</answer>",
]


def an_environment() -> dict[str, str]:
    """Ours with the keys."""
    own = dict(os.environ)  # noqa: TID251 - handed on to a command
    return {**own, **ENVIRONMENT, "PYTHONPATH": str(ROOT / "src")}


COMMANDS = """
import json, sys
from vision_deepresearch.cli.clean_output import clean_output
from vision_deepresearch.cli.main import run
clean_output()
print(json.dumps([run(command) for command in json.loads(sys.argv[1])]), file=sys.stderr)
"""
"""`vdr` again and again in one process: starting it costs most."""


def vdr(commands: Sequence[Sequence[str]], *, cwd: Path) -> tuple[list[int], str]:
    """Exit codes and all that was said, with the keys in the environment."""
    done = subprocess.run(
        [sys.executable, "-c", COMMANDS, json.dumps(commands)],
        capture_output=True,
        text=True,
        cwd=cwd,
        env=an_environment(),
        check=False,
    )
    said = done.stdout + done.stderr
    assert done.returncode == 0, said
    codes: list[int] = json.loads(done.stderr.splitlines()[-1])
    return codes, said


def everything_written(folder: Path) -> Iterator[tuple[str, bytes]]:
    """Every file, and every value of every database as it is and unpacked."""
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            yield str(path.relative_to(folder)), path.read_bytes()
        if path.suffix == ".db":
            with closing(sqlite3.connect(path)) as connection:
                for table in TABLES:
                    for row in connection.execute(table.scan):
                        yield f"{path.name}/{table.name}", b"\n".join(map(_unpacked, row))


def _unpacked(value: object) -> bytes:
    if isinstance(value, bytes):
        try:
            return zlib.decompress(value)
        except zlib.error:
            return value
    return str(value).encode()


def found_in(data: bytes) -> list[str]:
    """Which planted keys are there, in any form that gives the key away."""
    text = data.decode("utf-8", "replace")
    squeezed = "".join(text.split())
    hits = []
    for name, key in ALL.items():
        forms = [key, key[:16], key[-16:], quote(key, safe=""), key.encode().hex()]
        forms += [key.replace("-", "A"), *(in_64("x" * shift + key)[4:28] for shift in range(3))]
        if any(form in text or form in squeezed for form in forms):
            hits.append(name)
    return hits


@pytest.mark.timeout(180)
@pytest.mark.pitfall("P93")
@pytest.mark.usefixtures("tiny_world")
def test_twenty_planted_keys_are_nowhere(tmp_path: Path) -> None:
    work = tmp_path / "work"
    work.mkdir()
    picture = work / f"photo-{FILE}.png"
    picture.write_bytes(a_picture())
    recipe = tmp_path / "recipe.toml"
    recipe.write_text(
        f'[endpoint]\nprovider = "openai"\n[endpoint.extra_body]\nuser = "api_key={RECIPE}"\n'
    )
    run = str(work / "run")
    with OpenAiDouble(SCRIPT, dialect=Dialect.OPENAI) as model, Echo() as engine:
        bases = f'live.base_urls={{serper="{engine.url}",jina="{engine.url}"}}'
        ask = [
            *("ask", str(picture), "-q", f"Who owns {PASTED}?", "--model", model.name),
            *("--world", "live:serper+jina", "--set", bases, "--profile", "vdr"),
            *("--summariser", "passages", "--config", str(recipe), "--out", run),
        ]
        tiny = ["--world", "generated:tiny"]
        commands = [
            ask,
            [*ask, "--json"],
            ["view", run],
            ["tape", "ls", run],
            ["tape", "ls", run, "--json"],
            ["tape", "stats", run],
            ["tape", "merge", str(work / "merged.db"), run],
            ["cost", run, "--json"],
            ["ask", f"{TRACED}.png", "-q", "x", *tiny],
            [
                "ask",
                str(picture),
                "-q",
                "x",
                "--model",
                f"http://me:{TRACED}@127.0.0.1/v1#m",
                *tiny,
            ],
            ["eval", "run", "--model", f"http://127.0.0.1:9/v1?key={TRACED}#m", *tiny],
            ["world", "info", f"generated:{TRACED}"],
        ]
        codes, text = vdr(commands, cwd=work)
        assert model.problems == []
        assert codes == [0] * 8 + [2] * 4, text
        assert all(one.headers["authorization"] == f"Bearer {MODEL}" for one in model.requests)
        paths = [one.path for one in engine.asked]
        assert paths == ["/search", "/search", "/search", "/"], "one failed, two queries, a page"
    picture.unlink()
    leaks = {"what was said": found_in(text.encode())}
    for name, data in everything_written(work):
        leaks[name] = leaks.get(name, []) + found_in(data)
    assert {name: hits for name, hits in leaks.items() if hits} == {}
    assert "[redacted]" in text
    assert any(b"[redacted]" in data for name, data in everything_written(work) if "call" in name)
    assert len(ALL) == 20


def test_a_traceback_passes_the_same_sink(tmp_path: Path) -> None:
    """A bug ends in a traceback on standard error, with whatever the exception says."""
    program = (
        "from vision_deepresearch.cli import main, clean_output\n"
        "import logging, os, sys\n"
        "clean_output.clean_output()\n"
        "logging.getLogger('x').error('logged %s', os.environ['B_TOKEN'])\n"
        "sys.stdout.write(os.environ['B_TOKEN'][:9]); sys.stdout.write(os.environ['B_TOKEN'][9:])\n"
        "raise RuntimeError('key ' + os.environ['B_TOKEN'] + '\\nsecond line')\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env=an_environment(),
        check=False,
    )
    assert "RuntimeError: key [redacted]\nsecond line" in done.stderr
    assert "logged [redacted]" in done.stderr
    assert done.stdout == "[redacted]"


def test_names_and_values_say_what_is_secret() -> None:
    found = environment_secrets({
        **ENVIRONMENT,
        "VDR_MODEL_KEY": "ollama",
        "SSH_KEY": "/home/me/.ssh/id",
        "MAX_TOKENS": "1000000000",
        "KEYBOARD": "qwertz-layout-nodeadkeys-105",
        "PATH": "/bin",
    })
    assert set(found) >= {PROXY, SEARCH, SERVER, BASIC, f"me:{BASIC}", f"agent:{PROXY}"}
    assert not {"ollama", "/home/me/.ssh/id", "1000000000", "/bin"} & set(found)
    assert not any("qwertz" in secret for secret in found)
