"""What is fetched and what is refused: tables of hostile addresses and bodies, servers on loopback."""

import asyncio
import gzip
import json
import random
import socket
import time
import tracemalloc
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv6Address, ip_address
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.worlds.fetch.site import LoopbackDoor, a_site, replying
from vision_deepresearch.core.errors import FailureKind, WorldError
from vision_deepresearch.worlds.fetch.addresses import is_public
from vision_deepresearch.worlds.fetch.inflate import MAX_BODY_BYTES, BadBodyError, Inflater
from vision_deepresearch.worlds.fetch.politeness import Politeness
from vision_deepresearch.worlds.fetch.resolve import checked_addresses
from vision_deepresearch.worlds.fetch.urls import (
    CheckedUrl,
    RefusedUrlError,
    check_redirect,
    check_url,
)

OWN = Path(__file__).resolve().parent / "rows"
TABLES = Path(__file__).resolve().parents[3].parent / "shared" / "data" / "bad_inputs"
_PUBLIC_ENDINGS = (".org", ".com", ".net", ".kr")


@dataclass
class TableResolver:
    """Answers from a table; other public-looking names get one public address."""

    names: dict[str, Sequence[str]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    async def resolve(self, host: str, port: int) -> Sequence[str]:
        del port
        self.asked.append(host)
        if host in self.names:
            return self.names[host]
        return ("93.184.216.34",) if host.endswith(_PUBLIC_ENDINGS) else ()


def rows(name: str) -> list[dict[str, object]]:
    """Of the shared tables, where they are here, and of our own."""
    paths = [folder / name for folder in (TABLES, OWN) if (folder / name).is_file()]
    return [json.loads(line) for path in paths for line in path.read_text().splitlines()]


def made(value: object) -> object:
    """An input of a table: a literal, or a recipe."""
    if not isinstance(value, dict):
        return value
    if value["gen"] == "bytes":
        return str(value["utf8"]).encode()
    parts = []
    for part in value["parts"]:
        if isinstance(part, str):
            parts.append(part)
        elif "repeat" in part:
            parts.append(part["repeat"] * part["n"])
        else:
            parts.append("".join(map(chr, part["cp"])))
    return "".join(parts)


async def verdict_on(url: object, names: dict[str, Sequence[str]]) -> tuple[str, CheckedUrl | None]:
    try:
        checked = check_url(url)
        await checked_addresses(checked, resolver=TableResolver(names), is_allowed=is_public)
    except RefusedUrlError as refusal:
        return refusal.code.value, None
    return "allow", checked


@pytest.mark.pitfall("P41")
async def test_every_row_of_addresses_gets_its_verdict() -> None:
    wrong = []
    for row in rows("urls.jsonl"):
        expect, names = row["expect"], row.get("dns", {"": []})
        assert isinstance(expect, dict)
        assert isinstance(names, dict)
        code, checked = await verdict_on(made(row["input"]), names)
        if expect["verdict"] == "allow":
            told = (checked.scheme, checked.host, checked.port) if checked else None
            if told != (expect["scheme"], expect["host"], expect["port"]):
                wrong.append((row["id"], row["input"], code, told))
        elif code != expect["code"]:
            wrong.append((row["id"], row["input"], code, expect["code"]))
    assert not wrong


@pytest.mark.pitfall("P41")
def test_every_row_of_redirects_gets_its_verdict() -> None:
    for row in rows("redirects.jsonl"):
        given, expect = row["input"], row["expect"]
        assert isinstance(given, dict)
        assert isinstance(expect, dict)
        current = check_url(given["url"])
        try:
            target = check_redirect(current, given["location"], hop=given["hop"])
        except RefusedUrlError as refusal:
            told = refusal.code.value
        else:
            told = target.url
        assert told == expect.get("code", expect.get("url")), row["id"]


def byte_part(part: dict[str, object]) -> bytes:
    if "hex" in part:
        return bytes.fromhex(str(part["hex"]))
    if "fill" in part:
        return bytes.fromhex(str(part["fill"])) * int(str(part["n"]))
    return str(part["text"]).encode() * int(str(part.get("times", 1)))


@pytest.mark.pitfall("P42")
def test_every_row_of_bodies_gets_its_verdict() -> None:
    for row in rows("decompression.jsonl"):
        recipe, expect = row["input"], row["expect"]
        assert isinstance(recipe, dict)
        assert isinstance(expect, dict)
        body = byte_part(recipe["payload"])
        for layer in recipe["layers"]:
            body = gzip.compress(body, 9) if layer == "gzip" else zlib.compress(body, 9)
        body = body[: recipe.get("head", len(body))]
        body += byte_part(recipe["append"]) if "append" in recipe else b""
        step = recipe["chunk"] or max(len(body), 1)
        pieces = [body[start : start + step] for start in range(0, len(body), step)]
        tracemalloc.start()
        began = time.process_time()
        told = unpacked(str(made(recipe["content_encoding"])), pieces)
        cpu_s, (_, peak_bytes) = time.process_time() - began, tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert told == expect.get("code", expect.get("length")), row["id"]
        assert cpu_s <= 1, row["id"]
        assert peak_bytes <= MAX_BODY_BYTES + (32 << 20), row["id"]


def unpacked(encoding: str, pieces: Sequence[bytes]) -> str | int:
    """Length of what comes out, or why nothing does."""
    try:
        inflater = Inflater(encoding)
        for piece in pieces:
            inflater.feed(piece)
        return len(inflater.finish())
    except BadBodyError as bad:
        return bad.code.value


@given(st.integers(min_value=0, max_value=2**32 - 1))
def test_no_special_address_is_public(number: int) -> None:
    address = IPv4Address(number)
    special = address.is_private or address.is_loopback or address.is_link_local
    if special or address.is_multicast or address.is_reserved or address.is_unspecified:
        assert not is_public(str(address))
    mapped = IPv6Address(f"::ffff:{address}")
    assert is_public(str(mapped)) is is_public(str(address))


@given(st.integers(min_value=0, max_value=2**128 - 1))
def test_only_global_unicast_of_the_sixth_protocol_is_public(number: int) -> None:
    address = IPv6Address(number)
    if is_public(str(address)) and address.ipv4_mapped is None:
        assert number >> 125 == 1


_PIECES = st.sampled_from(
    ["http", "https", "ftp", ":", "//", "/", "@", "%", "#", "?", "[", "]", "\\", ".", "localhost",
     "127.0.0.1", "0x7f", "2130706433", "::1", "169.254.169.254", "example.org", "\uff0e", "\u3002",
     " ", "\n", "\t", "\u200b", "80", "22", "a", "xn--", "-", "_", "\x00", "user", "fe80::1%25eth0"]
)  # fmt: skip


def assert_safe(url: str) -> None:
    """Whatever passes names a public place in one spelling only."""
    try:
        checked = check_url(url)
    except RefusedUrlError:
        return
    if checked.is_literal:
        assert is_public(checked.host)
        assert str(ip_address(checked.host)) == checked.host
    else:
        assert checked.host.isascii()
        assert "." in checked.host
        assert not checked.host.rpartition(".")[2].isdigit()


@given(st.lists(_PIECES, max_size=9).map("".join) | st.text(max_size=60))
def test_what_passes_is_public(url: str) -> None:
    assert_safe(url)
    assert_safe(f"http://{url}")


# ------------------------------------------------------------------------------- a server on loopback


async def test_a_page_is_fetched_by_its_checked_address_under_its_own_name() -> None:
    async with a_site(replying()) as site:
        fetched = await LoopbackDoor(site).fetcher().fetch(LoopbackDoor(site).url("/a?b=c#d"))
    assert fetched.body == b"<p>hello"
    assert (fetched.media_type, fetched.charset) == ("text/html", "utf-8")
    page = site.asked[-1].decode()
    assert page.startswith("GET /a?b=c HTTP/1.1\r\n")
    assert f"host: site.org:{site.port}" in page.lower()
    assert "cookie" not in page.lower()
    assert "authorization" not in page.lower()


async def test_a_packed_page_is_unpacked_and_a_bomb_is_not() -> None:
    async with a_site(replying(gzip.compress(b"x" * 5000), Content_Encoding="gzip")) as site:
        door = LoopbackDoor(site)
        assert (await door.fetcher().fetch(door.url())).body == b"x" * 5000
    async with a_site(replying(gzip.compress(bytes(50 << 20)), Content_Encoding="gzip")) as site:
        door = LoopbackDoor(site)
        with pytest.raises(WorldError, match="bomb"):
            await door.fetcher().fetch(door.url())


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        ("404 Not Found", FailureKind.NOT_FOUND),
        ("403 Forbidden", FailureKind.BLOCKED),
        ("429 Too Many", FailureKind.RATE_LIMITED),
        ("503 Busy", FailureKind.UPSTREAM),
        ("418 Teapot", FailureKind.BAD_REQUEST),
    ],
)
async def test_a_status_is_a_typed_failure_without_the_servers_words(
    status: str, kind: FailureKind
) -> None:
    async with a_site(replying(b"SECRET WORDS", status=status, Retry_After="7")) as site:
        door = LoopbackDoor(site)
        with pytest.raises(WorldError) as caught:
            await door.fetcher().fetch(door.url())
    assert caught.value.kind is kind
    assert "SECRET" not in str(caught.value)
    assert caught.value.retry_after_s == 7


async def test_a_redirect_into_the_inside_reaches_nothing() -> None:
    with socket.create_server(("127.0.0.1", 0)) as canary:
        canary.setblocking(False)
        inside = f"http://127.0.0.1:{canary.getsockname()[1]}/"
        for location in (inside, "//169.254.169.254/", "http://localhost/", "file:///etc/passwd"):
            async with a_site(replying(status="302 Found", Location=location)) as site:
                fetcher = LoopbackDoor(site).fetcher()
                with pytest.raises(WorldError) as caught:
                    await fetcher.fetch(LoopbackDoor(site).url())
            assert caught.value.kind is FailureKind.BLOCKED
        with pytest.raises(BlockingIOError):
            canary.accept()


async def test_a_name_that_leads_inside_too_is_refused_as_a_whole() -> None:
    async with a_site(replying()) as site:
        door = LoopbackDoor(site, names={"site.org": ("127.0.0.1", "10.0.0.5")})
        with pytest.raises(WorldError, match="not_public"):
            await door.fetcher().fetch(door.url())
    assert site.asked == []


async def test_redirects_are_followed_five_times_and_no_more() -> None:
    async def onwards(path: str, writer: asyncio.StreamWriter) -> None:
        number = int(path.strip("/") or 0) if path != "/robots.txt" else 0
        await replying(status="302 Found", Location=f"/{number + 1}")(path, writer)

    async with a_site(onwards) as site:
        door = LoopbackDoor(site)
        with pytest.raises(WorldError, match="hops"):
            await door.fetcher(heeds_robots=False).fetch(door.url("/0"))
    assert len(site.asked) == 6


async def test_a_server_that_drips_is_left_at_the_deadline() -> None:
    async def drip(path: str, writer: asyncio.StreamWriter) -> None:
        del path
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n")
        for _ in range(200):
            writer.write(b"x")
            await writer.drain()
            await asyncio.sleep(0.05)

    async with a_site(drip) as site:
        door = LoopbackDoor(site)
        began = time.monotonic()
        with pytest.raises(WorldError) as caught:
            await door.fetcher(deadline_s=0.5, heeds_robots=False).fetch(door.url())
        assert caught.value.kind is FailureKind.TIMEOUT
        assert time.monotonic() - began < 3


async def test_torn_and_senseless_answers_are_the_servers_fault() -> None:
    async def torn(path: str, writer: asyncio.StreamWriter) -> None:
        del path
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nshort")

    async def noise(path: str, writer: asyncio.StreamWriter) -> None:
        del path
        writer.write(random.Random(3).randbytes(200))

    async def endless_head(path: str, writer: asyncio.StreamWriter) -> None:
        del path
        writer.write(b"HTTP/1.1 200 OK\r\n" + b"X-A: " + b"a" * 400_000)

    for handle in (torn, noise, endless_head):
        async with a_site(handle) as site:
            door = LoopbackDoor(site)
            with pytest.raises(WorldError) as caught:
                await door.fetcher(heeds_robots=False).fetch(door.url())
        assert caught.value.kind in {FailureKind.UPSTREAM, FailureKind.TIMEOUT}


async def test_robots_files_are_kept_to_and_asked_for_once() -> None:
    async def with_rules(path: str, writer: asyncio.StreamWriter) -> None:
        body = b"User-agent: *\nDisallow: /private\n" if path == "/robots.txt" else b"<p>hello"
        head = f"HTTP/1.1 200 OK\r\nContent-Length: {len(body)}\r\n\r\n"
        writer.write(head.encode() + body)

    async with a_site(with_rules) as site:
        door = LoopbackDoor(site)
        fetcher = door.fetcher()
        await fetcher.fetch(door.url("/public"))
        with pytest.raises(WorldError, match="robots"):
            await fetcher.fetch(door.url("/private/x"))
        await fetcher.fetch(door.url("/again"))
    paths = [head.split()[1] for head in site.asked]
    assert paths == [b"/robots.txt", b"/public", b"/again"]


async def test_one_host_is_asked_with_pauses_and_others_meanwhile() -> None:
    times: dict[str, list[float]] = {}
    politeness = Politeness(pause_s=0.2, heeds_robots=False)

    async def no_rules(url: CheckedUrl) -> bytes | None:
        del url
        return None

    async def ask(host: str) -> None:
        async with politeness.turn(check_url(f"http://{host}/"), get=no_rules):
            times.setdefault(host, []).append(time.monotonic())

    async with asyncio.TaskGroup() as group:
        for host in ("a.org", "a.org", "a.org", "b.org"):
            group.create_task(ask(host))
    gaps = [
        later - earlier for earlier, later in zip(times["a.org"], times["a.org"][1:], strict=False)
    ]
    assert all(gap > 0.15 for gap in gaps)
    assert times["b.org"][0] < times["a.org"][1]
