"""What goes wrong between us and a search server: each thing has a type, and nothing gets lost."""

import asyncio
import random
import shutil
import socket
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from pydantic import SecretStr, ValidationError

from tests.worlds.index.opensearch_double import Fault, OpenSearchDouble
from vision_deepresearch.calls.policy import CallPolicy, CallSettings
from vision_deepresearch.core.errors import ConfigError, FailureKind, WorldError
from vision_deepresearch.worlds.index.opensearch import OpenSearchTexts, filling, reading
from vision_deepresearch.worlds.index.opensearch_bulk import Line, batches
from vision_deepresearch.worlds.index.opensearch_wire import OpenSearchPlace
from vision_deepresearch.worlds.index.text import TextDoc, TextIndex

KEY_HEADER = "ApiKey c2VjcmV0LW9mLXRoZS10ZXN0"
DOCS = tuple(
    TextDoc(id=number, title=f"Harbour {number}", text=f"A pier of {number} stones.")
    for number in range(10)
)


class Waits:
    """A clock's sleep that only notes how long it was asked for."""

    def __init__(self) -> None:
        self.seconds: list[float] = []

    async def __call__(self, seconds: float) -> None:
        self.seconds.append(seconds)
        await asyncio.sleep(0)


def a_policy(waits: Waits | None = None, *, max_attempts: int = 4) -> CallPolicy:
    return CallPolicy(
        WorldError,
        rng=random.Random(0),
        settings=CallSettings(max_attempts=max_attempts, call_s=10.0),
        sleep=waits or Waits(),
    )


@pytest.fixture(scope="module")
def texts(tmp_path_factory: pytest.TempPathFactory) -> TextIndex:
    return TextIndex.build(tmp_path_factory.mktemp("texts") / "text", DOCS)


@asynccontextmanager
async def being_filled(
    server: OpenSearchDouble, texts: TextIndex, policy: CallPolicy, *, bulk_docs: int = 4
) -> AsyncIterator[OpenSearchTexts]:
    place = OpenSearchPlace(
        url=server.url,
        index="mine",
        bulk_docs=bulk_docs,
        authorization=SecretStr(server.authorization) if server.authorization else None,
    )
    async with filling(place, terms=texts, policy=policy, world_id="w", content="c") as store:
        yield store


async def found_pages(store: OpenSearchTexts) -> list[int]:
    await store.refresh()
    return sorted(hit.id for hit in await store.search("harbour", 50))


# ----------------------------------------------------------------------------------------- bulk


async def test_requests_stay_within_their_bounds(texts: TextIndex) -> None:
    with OpenSearchDouble() as server:
        async with being_filled(server, texts, a_policy()) as store:
            added = await store.add(DOCS)
        assert (added.num_added, added.num_known, added.refused) == (10, 0, ())
        assert [docs for docs, _ in server.bulk_sizes()] == [4, 4, 2]


def test_a_request_is_bounded_in_bytes_and_a_large_page_goes_alone() -> None:
    lines = [
        Line(key=str(k), page=k, is_page=True, source={"all": "x" * size})
        for k, size in enumerate((10, 10, 5000, 10))
    ]
    sizes = [len(batch) for batch in batches(lines, max_docs=100, max_bytes=200)]
    assert sizes == [2, 1, 1]


async def test_lines_the_server_is_too_busy_for_go_again_and_only_those(texts: TextIndex) -> None:
    with OpenSearchDouble() as server:
        async with being_filled(server, texts, a_policy(), bulk_docs=10) as store:
            server.busy_lines = 3
            added = await store.add(DOCS)
            assert added.num_added == 10
            assert [docs for docs, _ in server.bulk_sizes()] == [10, 3]
            assert await found_pages(store) == list(range(10))


async def test_a_page_the_server_cannot_take_is_listed_and_the_rest_goes_on(
    texts: TextIndex,
) -> None:
    with OpenSearchDouble() as server:
        server.poisoned = frozenset({"3"})
        async with being_filled(server, texts, a_policy()) as store:
            added = await store.add(DOCS)
            assert added.num_added == 9
            assert [(one.id, one.reason) for one in added.refused] == [
                (3, "mapper_parsing_exception: failed to parse")
            ]
            assert await found_pages(store) == [0, 1, 2, 4, 5, 6, 7, 8, 9]


async def test_a_lost_answer_doubles_nothing(texts: TextIndex) -> None:
    with OpenSearchDouble() as server:
        async with being_filled(server, texts, a_policy(), bulk_docs=10) as store:
            server.faults.append(Fault(path="/_bulk", status=502, is_done=True))
            added = await store.add(DOCS)
            assert (added.num_added, added.num_known) == (0, 10)
            await store.refresh()
            assert (await store.stats()).num_pages == 10


async def test_adding_again_goes_on_where_it_stopped(texts: TextIndex) -> None:
    with OpenSearchDouble() as server:
        async with being_filled(server, texts, a_policy(max_attempts=2)) as store:
            await store.add(DOCS[:4])
            server.faults = [Fault(path="/_bulk", status=503) for _ in range(2)]
            with pytest.raises(WorldError, match="503") as caught:
                await store.add(DOCS)
            assert caught.value.kind is FailureKind.UPSTREAM
            again = await store.add(DOCS)
            assert (again.num_added, again.num_known) == (6, 4)
            assert await found_pages(store) == list(range(10))


async def test_a_server_that_stays_busy_is_a_typed_error(texts: TextIndex) -> None:
    with OpenSearchDouble() as server:
        async with being_filled(server, texts, a_policy(max_attempts=3)) as store:
            server.busy_lines = 10_000
            with pytest.raises(WorldError, match=r"put off 4 of them \(429\)") as caught:
                await store.add(DOCS)
            assert caught.value.kind is FailureKind.RATE_LIMITED
            assert len(server.bulk_sizes()) == 3


async def test_an_answer_for_other_lines_is_not_believed(texts: TextIndex) -> None:
    with OpenSearchDouble() as server:
        async with being_filled(server, texts, a_policy(max_attempts=1)) as store:
            body = b'{"errors":false,"items":[{"create":{"_id":"77","status":201}}]}'
            server.faults.append(Fault(path="/_bulk", status=200, body=body))
            with pytest.raises(WorldError, match="an answer for 4 lines was expected"):
                await store.add(DOCS)


async def test_nobody_writes_to_a_sealed_index(texts: TextIndex) -> None:
    with OpenSearchDouble() as server:
        async with being_filled(server, texts, a_policy()) as store:
            await store.seal()
            with pytest.raises(WorldError) as caught:
                await store.add(DOCS)
            assert caught.value.kind is FailureKind.AUTH


# --------------------------------------------------------------------------------------- search


async def test_a_busy_server_is_asked_again_after_the_time_it_named(texts: TextIndex) -> None:
    waits = Waits()
    with OpenSearchDouble() as server:
        async with being_filled(server, texts, a_policy(waits)) as store:
            await store.add(DOCS)
            await store.refresh()
            server.faults.append(Fault(path="/_search", status=429, headers={"Retry-After": "3"}))
            assert len(await store.search("harbour", 5)) == 5
    assert len(waits.seconds) == 1
    assert waits.seconds[0] >= 3.0


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (400, b"{}", FailureKind.BAD_REQUEST),
        (401, b"no json", FailureKind.AUTH),
        (404, b'{"error":{"type":"index_not_found_exception"}}', FailureKind.NOT_FOUND),
        (413, b"", FailureKind.TOO_LARGE),
        (429, b"{}", FailureKind.RATE_LIMITED),
        (500, b"<html>", FailureKind.UPSTREAM),
        (504, b"", FailureKind.TIMEOUT),
        (301, b"", FailureKind.UPSTREAM),
        (200, b"<html>a login page</html>", FailureKind.UPSTREAM),
        (200, b'{"hits":{"hits":[]}}', FailureKind.UPSTREAM),
        (200, b'{"timed_out":true,"_shards":{"failed":0},"hits":{"hits":[]}}', FailureKind.TIMEOUT),
        (
            200,
            b'{"timed_out":false,"_shards":{"failed":1},"hits":{"hits":[]}}',
            FailureKind.UPSTREAM,
        ),
        (200, b'{"timed_out":false,"_shards":{"failed":0}}', FailureKind.UPSTREAM),
        (
            200,
            b'{"timed_out":false,"_shards":{"failed":0},"hits":{"hits":[{"_score":null,"sort":[1,2]}]}}',
            FailureKind.UPSTREAM,
        ),
    ],
)
async def test_every_bad_answer_to_a_search_has_its_type(
    texts: TextIndex, status: int, body: bytes, kind: FailureKind
) -> None:
    with OpenSearchDouble() as server:
        async with being_filled(server, texts, a_policy(max_attempts=1)) as store:
            server.faults.append(Fault(path="/_search", status=status, body=body))
            with pytest.raises(WorldError) as caught:
                await store.search("harbour", 5)
    assert caught.value.kind is kind
    assert "login" not in str(caught.value)


async def test_a_server_that_lacks_a_shard_gives_no_shorter_list(texts: TextIndex) -> None:
    with OpenSearchDouble() as server:
        async with being_filled(server, texts, a_policy(max_attempts=2)) as store:
            await store.add(DOCS)
            server.dead_shards = 1
            with pytest.raises(WorldError, match="503 search_phase_execution_exception"):
                await store.search("harbour", 5)
            with pytest.raises(WorldError, match="lacks 1 shards"):
                await store.refresh()


async def test_no_server_at_all_is_a_typed_error(texts: TextIndex) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
    place = OpenSearchPlace(url=f"http://127.0.0.1:{port}", index="mine")
    with pytest.raises(WorldError, match="no answer from the search server") as caught:
        async with reading(
            place, terms=texts, policy=a_policy(max_attempts=2), world_id="w", content="c"
        ):
            pass
    assert caught.value.kind is FailureKind.UPSTREAM


# --------------------------------------------------------------------------------------- secret


async def test_the_secret_opens_the_door_and_shows_nowhere(texts: TextIndex) -> None:
    with OpenSearchDouble(authorization=KEY_HEADER) as server:
        async with being_filled(server, texts, a_policy()) as store:
            await store.add(DOCS)
            assert await found_pages(store) == list(range(10))
        place = OpenSearchPlace(
            url=server.url, index="mine", authorization=SecretStr("Basic d3Jvbmc=")
        )
        with pytest.raises(WorldError, match="401 security_exception") as caught:
            async with reading(place, terms=texts, policy=a_policy(), world_id="w", content="c"):
                pass
    assert caught.value.kind is FailureKind.AUTH
    for shown in (repr(place), place.model_dump_json(), str(caught.value)):
        assert "d3Jvbmc" not in shown


@pytest.mark.parametrize(
    "address",
    [
        "http://host:9200",
        "host:9200/index",
        "ftp://host/index",
        "http://user:hunter2@host:9200/index",
        "http://host:9200/Upper",
        "http://host:99999/index",
        "http://host/_all",
        "",
    ],
)
def test_an_address_that_is_none_is_told_without_its_secrets(address: str) -> None:
    with pytest.raises(ConfigError, match="name server and index") as caught:
        OpenSearchPlace.at(address)
    assert "hunter2" not in str(caught.value)


def test_an_address_may_have_a_path_before_the_index() -> None:
    place = OpenSearchPlace.at("https://host/search/wiki/")
    assert (place.url, place.index) == ("https://host/search", "wiki")


def test_a_secret_does_not_travel_in_the_open() -> None:
    with pytest.raises(ValidationError, match="use https"):
        OpenSearchPlace(
            url="http://search.example:9200", index="a", authorization=SecretStr(KEY_HEADER)
        )


@pytest.fixture
def certificate(tmp_path: Path) -> tuple[Path, Path]:
    """A certificate for 127.0.0.1 that nobody vouches for, and its key."""
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("needs openssl to make a certificate")
    paths = tmp_path / "cert.pem", tmp_path / "key.pem"
    kind = "-x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=t"
    names = ["-addext", "subjectAltName=IP:127.0.0.1"]
    files = ["-out", str(paths[0]), "-keyout", str(paths[1])]
    command = [openssl, "req", *kind.split(), *names, *files]
    subprocess.run(command, check=True, capture_output=True)
    return paths


async def test_a_certificate_nobody_vouches_for_is_refused(
    texts: TextIndex, certificate: tuple[Path, Path]
) -> None:
    with OpenSearchDouble(authorization=KEY_HEADER, certificate=certificate) as server:
        open_door = OpenSearchPlace(
            url=server.url, index="mine", authorization=SecretStr(KEY_HEADER)
        )
        with pytest.raises(WorldError, match="no answer from the search server"):
            async with filling(
                open_door, terms=texts, policy=a_policy(), world_id="w", content="c"
            ):
                pass
        assert server.requests == []
        trusted = open_door.model_copy(update={"ca_file": certificate[0]})
        async with filling(
            trusted, terms=texts, policy=a_policy(), world_id="w", content="c"
        ) as store:
            assert (await store.add(DOCS)).num_added == 10


async def test_a_file_of_certificates_that_is_none_is_told(
    texts: TextIndex, tmp_path: Path
) -> None:
    for content in (None, "no certificate"):
        path = tmp_path / "ca.pem"
        if content is not None:
            path.write_text(content)
        place = OpenSearchPlace(url="https://127.0.0.1:1", index="a", ca_file=path)
        with pytest.raises(ConfigError, match="expected a file of certificates"):
            async with reading(place, terms=texts, policy=a_policy(), world_id="w", content="c"):
                pass
