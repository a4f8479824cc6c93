"""Servers that drip, lie about what they send, or never stop; and what is taken of them."""

import asyncio

import pytest

from tests.worlds.fetch.site import Handler, LoopbackDoor, a_reply, a_site, replying
from tests.worlds.fetch.test_fetch import byte_part, rows
from vision_deepresearch.core.errors import FailureKind, WorldError
from vision_deepresearch.worlds.fetch.sniff import sniff
from vision_deepresearch.worlds.live.web import WebReader

PDF = b"%PDF-1.7 ..."


@pytest.mark.pitfall("P42")
def test_every_row_of_kinds_gets_its_verdict() -> None:
    for row in rows("kinds.jsonl"):
        given, expect = row["input"], row["expect"]
        assert isinstance(given, dict)
        assert isinstance(expect, dict)
        found = sniff(byte_part(given["body"]), charset=given["charset"])
        assert found.value == expect["kind"], row["id"]


async def test_only_what_is_a_page_is_read_as_one() -> None:
    lies = {"Content_Type": "text/html"}
    for body in (b"\x89PNG\r\n\x1a\n....", b"PK\x03\x04....", b"\x7fELF....", PDF):
        async with a_site(replying(body, **lies)) as site:
            door = LoopbackDoor(site)
            with pytest.raises(WorldError) as caught:
                await WebReader(door.fetcher()).read_page(door.url())
        is_pdf = body is PDF
        assert caught.value.kind is (FailureKind.UNAVAILABLE if is_pdf else FailureKind.BAD_ARGS)
    async with a_site(replying(b"<p>hello", Content_Type="image/png")) as site:
        door = LoopbackDoor(site)
        read = await WebReader(door.fetcher()).read_page(door.url())
    assert read.page.markdown.strip() == "hello"


def in_pieces(*pieces: bytes, pause_s: float) -> Handler:
    async def handle(path: str, writer: asyncio.StreamWriter) -> None:
        del path
        while True:
            for piece in pieces:
                writer.write(piece)
                await writer.drain()
                await asyncio.sleep(pause_s)

    return handle


HEAD = b"HTTP/1.1 200 OK\r\n"
SLOW = {
    "headers byte by byte": in_pieces(*(HEAD[n : n + 1] for n in range(8)), pause_s=0.05),
    "headers without end": in_pieces(HEAD + b"X-A: b\r\n", b"X-B: c\r\n", pause_s=0.02),
    "one interim answer after the other": in_pieces(b"HTTP/1.1 102 Wait\r\n\r\n", pause_s=0.01),
    "a body byte by byte": in_pieces(
        HEAD + b"Content-Length: 9999\r\n\r\n", *[b"x"] * 999, pause_s=0.05
    ),
    "a chunk size without end": in_pieces(
        HEAD + b"Transfer-Encoding: chunked\r\n\r\n", *[b"0"] * 999, pause_s=0.05
    ),
    "silence": in_pieces(b"", pause_s=30),
}


@pytest.mark.pitfall("P42")
@pytest.mark.parametrize("name", SLOW)
async def test_a_server_that_drips_costs_its_deadline_and_no_more(name: str) -> None:
    async with a_site(SLOW[name]) as site, asyncio.timeout(10):
        door = LoopbackDoor(site)
        fetcher = door.fetcher(deadline_s=0.4, heeds_robots=False)
        with pytest.raises(WorldError) as caught:
            await fetcher.fetch(door.url())
    assert caught.value.kind in {FailureKind.TIMEOUT, FailureKind.UPSTREAM}


@pytest.mark.pitfall("P42")
@pytest.mark.parametrize(
    ("reply", "kind"),
    [
        (HEAD + b"X-A: " + b"a" * 70_000 + b"\r\nContent-Length: 1\r\n\r\nx", FailureKind.UPSTREAM),
        (HEAD + b"Content-Length: 99\r\n\r\nshort", FailureKind.UPSTREAM),
        (HEAD + b"Content-Length: -1\r\n\r\nx", FailureKind.UPSTREAM),
        (HEAD + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\nxx", FailureKind.UPSTREAM),
        (HEAD + b"Transfer-Encoding: gzip\r\n\r\nx", FailureKind.UPSTREAM),
        (a_reply(bytes(9 << 20)), FailureKind.TOO_LARGE),
        (a_reply(b"x", Content_Encoding="br"), FailureKind.UPSTREAM),
        (a_reply(status="302 Found"), FailureKind.UPSTREAM),
        (a_reply(status="206 Partial Content"), FailureKind.UPSTREAM),
        (b"SSH-2.0-OpenSSH_9.6\r\n", FailureKind.UPSTREAM),
        (b"", FailureKind.UPSTREAM),
    ],
)
async def test_what_is_no_whole_answer_of_reasonable_size_is_a_typed_failure(
    reply: bytes, kind: FailureKind
) -> None:
    async def handle(path: str, writer: asyncio.StreamWriter) -> None:
        del path
        writer.write(reply)

    async with a_site(handle) as site:
        door = LoopbackDoor(site)
        with pytest.raises(WorldError) as caught:
            await door.fetcher(heeds_robots=False).fetch(door.url())
    assert caught.value.kind is kind


async def test_addresses_of_other_scripts_go_out_escaped_and_once() -> None:
    path = "/stra\u00dfe/%C3%9F?q=\u6771 \u4eac".replace(" ", "+")
    async with a_site(replying()) as site:
        door = LoopbackDoor(site)
        await door.fetcher(heeds_robots=False).fetch(door.url(path))
    assert site.paths == ["/stra%C3%9Fe/%C3%9F?q=%E6%9D%B1+%E4%BA%AC"]


async def test_a_redirect_written_in_plain_utf_8_is_followed() -> None:
    async def handle(path: str, writer: asyncio.StreamWriter) -> None:
        reply = a_reply(status="301 Moved", Location="/stra\u00dfe") if path == "/" else a_reply()
        writer.write(reply)

    async with a_site(handle) as site:
        door = LoopbackDoor(site)
        await door.fetcher(heeds_robots=False).fetch(door.url())
    assert site.paths == ["/", "/stra%C3%9Fe"]


async def test_the_next_address_is_tried_where_the_first_does_not_answer() -> None:
    async with a_site(replying()) as site:
        both = ("::1", "127.0.0.1")
        door = LoopbackDoor(site, names={"site.org": both}, allowed=frozenset(both))
        fetched = await door.fetcher(heeds_robots=False).fetch(door.url())
    assert fetched.body == b"<p>hello"
