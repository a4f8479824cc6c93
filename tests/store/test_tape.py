"""The tape: one call per question, replayed exactly, kept as long as its class allows."""

import asyncio
import json
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import JsonValue

from vision_deepresearch.core.context import CallContext, Deadline, current_context
from vision_deepresearch.core.errors import (
    BoundaryError,
    BudgetExceededError,
    ConfigError,
    FailureKind,
    ModelError,
    WorldError,
)
from vision_deepresearch.store.database import connect_reader
from vision_deepresearch.store.recording import Reply, Request
from vision_deepresearch.store.redact import Redactor
from vision_deepresearch.store.run import RunFolder
from vision_deepresearch.store.tape import Tape, TapeMissError, TapeMode

DAY_S = 86400.0


class Clock:
    """Wall clock that passes when told."""

    def __init__(self) -> None:
        self.now_s = 1.7e9

    def __call__(self) -> float:
        return self.now_s


@dataclass
class Upstream:
    """Counts its calls; answers `reply`, or fails."""

    reply: Reply = field(default_factory=lambda: Reply(value='{"hits":[1]}'))
    failure: BoundaryError | None = None
    calls: int = 0
    latency_s: float = 0.0

    async def __call__(self) -> Reply:
        self.calls += 1
        await asyncio.sleep(self.latency_s)
        if self.failure is not None:
            raise self.failure
        return self.reply


async def never() -> Reply:
    raise AssertionError("the outside was touched")


def a_request(*, sample: str | None = None, **body: JsonValue) -> Request:
    return Request(kind="text_search", provider="p", version=1, body=body, sample=sample)


async def ask(tape: Tape, call: Upstream, *, q: int) -> Reply:
    return (await tape.ask(a_request(q=q), call, error=WorldError)).reply


@pytest.mark.pitfall("P30")
async def test_a_second_equal_call_is_not_paid_for(tmp_path: Path) -> None:
    upstream = Upstream(Reply(value='{"hits":["é\u2028"]}', blobs=(b"\x00\xff", b"")))
    async with Tape.open(tmp_path / "tape.db") as tape:
        first = await tape.ask(a_request(q=1), upstream, error=WorldError)
        second = await tape.ask(a_request(q=1), never, error=WorldError)
    async with Tape.open(tmp_path / "tape.db") as tape:
        third = await tape.ask(a_request(q=1), never, error=WorldError)
    assert upstream.calls == 1
    assert first.reply == second.reply == third.reply == upstream.reply
    assert [answer.is_replayed for answer in (first, second, third)] == [False, True, True]


@pytest.mark.pitfall("P30")
@pytest.mark.pitfall("P34")
async def test_an_empty_result_is_asked_again_after_an_hour(tmp_path: Path) -> None:
    clock = Clock()
    upstream = Upstream(Reply(value="[]", is_empty=True))
    async with Tape.open(tmp_path / "tape.db", clock=clock) as tape:
        for passed_s, calls in ((0.0, 1), (3599.0, 1), (1.0, 2), (3599.0, 2)):
            clock.now_s += passed_s
            await ask(tape, upstream, q=1)
            assert upstream.calls == calls
        assert tape.stats.expired == 1


@pytest.mark.pitfall("P34")
@pytest.mark.parametrize(
    ("jump_s", "calls"), [(DAY_S, 2), (-DAY_S, 2), (3000.0, 1), (-3000.0, 1), (-1e9, 2)]
)
async def test_a_clock_that_jumps_makes_no_recording_immortal(
    tmp_path: Path, jump_s: float, calls: int
) -> None:
    clock = Clock()
    upstream = Upstream(Reply(value="[]", is_empty=True))
    async with Tape.open(tmp_path / "tape.db", clock=clock) as tape:
        await ask(tape, upstream, q=1)
        clock.now_s += jump_s
        await ask(tape, upstream, q=1)
        assert upstream.calls == calls
        clock.now_s += 2 * 3600
        await ask(tape, upstream, q=1)
        assert upstream.calls == calls + 1, "at most twice its time"


@pytest.mark.pitfall("P34")
@pytest.mark.parametrize("error", [WorldError, ModelError])
@pytest.mark.parametrize(
    ("kind", "kept_s"),
    [
        (FailureKind.NOT_FOUND, 30 * DAY_S),
        (FailureKind.BAD_REQUEST, DAY_S),
        (FailureKind.BAD_IMAGE, DAY_S),
        (FailureKind.AUTH, 0.0),
        (FailureKind.BLOCKED, 0.0),
        (FailureKind.RATE_LIMITED, 0.0),
        (FailureKind.TIMEOUT, 0.0),
        (FailureKind.UPSTREAM, 0.0),
        (FailureKind.TAPE_MISS, 0.0),
        (FailureKind.BUDGET, 0.0),
    ],
)
async def test_failures_are_kept_by_class_and_replayed_as_they_were(
    tmp_path: Path, kind: FailureKind, kept_s: float, error: type[BoundaryError]
) -> None:
    clock = Clock()
    upstream = Upstream(failure=error(kind, "no such page"))
    async with Tape.open(tmp_path / "tape.db", clock=clock) as tape:

        async def fails() -> None:
            with pytest.raises(error) as raised:
                await ask(tape, upstream, q=1)
            assert type(raised.value) is error
            assert (raised.value.kind, raised.value.message) == (kind, "no such page")

        await fails()
        assert upstream.calls == 1
        clock.now_s += max(kept_s - 1, 0)
        await fails()
        assert upstream.calls == (1 if kept_s else 2)
        clock.now_s += 1
        await fails()
        assert upstream.calls == (2 if kept_s else 3)


async def test_results_are_kept_for_ever(tmp_path: Path) -> None:
    clock = Clock()
    async with Tape.open(tmp_path / "tape.db", clock=clock) as tape:
        upstream = Upstream()
        await ask(tape, upstream, q=1)
        clock.now_s += 1000 * DAY_S
        await ask(tape, upstream, q=1)
    assert upstream.calls == 1


@pytest.mark.pitfall("P37")
async def test_a_replay_never_calls_and_serves_at_any_age(tmp_path: Path) -> None:
    clock = Clock()
    async with Tape.open(tmp_path / "tape.db", clock=clock) as tape:
        await ask(tape, Upstream(Reply(value="[]", is_empty=True)), q=1)
        with pytest.raises(WorldError):
            await ask(tape, Upstream(failure=WorldError(FailureKind.NOT_FOUND, "gone")), q=2)
    clock.now_s += 1000 * DAY_S
    before = (tmp_path / "tape.db").read_bytes()
    for mode in (TapeMode.REPLAY, TapeMode.REPLAY_STRICT):
        async with Tape.open(tmp_path / "tape.db", mode=mode, clock=clock) as tape:
            assert (await tape.ask(a_request(q=1), never, error=WorldError)).reply.value == "[]"
            with pytest.raises(WorldError, match="gone"):
                await tape.ask(a_request(q=2), never, error=WorldError)
            miss = TapeMissError if mode is TapeMode.REPLAY_STRICT else WorldError
            with pytest.raises(miss) as raised:
                await tape.ask(a_request(q=3), never, error=WorldError)
            if isinstance(raised.value, BoundaryError):
                assert raised.value.kind is FailureKind.TAPE_MISS
    assert not issubclass(TapeMissError, BoundaryError)
    assert (tmp_path / "tape.db").read_bytes() == before


async def test_a_replay_of_no_file_is_refused_and_makes_none(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="found none"):
        async with Tape.open(tmp_path / "tape.db", mode=TapeMode.REPLAY):
            pass
    assert not (tmp_path / "tape.db").exists()


async def test_record_calls_again_and_overwrites_and_off_keeps_nothing(tmp_path: Path) -> None:
    path = tmp_path / "tape.db"
    async with Tape.open(path) as tape:
        await ask(tape, Upstream(Reply(value="1", blobs=(b"b",))), q=1)
    async with Tape.open(path, mode=TapeMode.RECORD) as tape:
        assert (await ask(tape, Upstream(Reply(value="2", blobs=(b"b",))), q=1)).value == "2"
    async with Tape.open(path, mode=TapeMode.OFF) as tape:
        assert (await ask(tape, Upstream(Reply(value="3")), q=1)).value == "3"
    async with Tape.open(path) as tape:
        assert (await tape.ask(a_request(q=1), never, error=WorldError)).reply.value == "2"
        assert len(list(tape.recordings())) == 1


FIELDS = st.dictionaries(
    st.text(max_size=4), st.one_of(st.integers(), st.text(max_size=4), st.booleans()), min_size=1
)


@pytest.mark.pitfall("P33")
@given(body=FIELDS, data=st.data())
def test_any_field_changes_the_key_and_the_order_does_not(
    body: dict[str, JsonValue], data: st.DataObject
) -> None:
    def key(request: Request) -> str:
        return Redactor().request(request.canonical())

    same = Request(kind="k", provider="p", version=1, body=body)
    reordered = dict(data.draw(st.permutations(list(body.items()))))
    assert key(Request(kind="k", provider="p", version=1, body=reordered)) == key(same)
    others = [
        replace(same, kind="x"),
        replace(same, provider="x"),
        replace(same, version=2),
        replace(same, sample="t/0/0/0"),
    ]
    name = data.draw(st.sampled_from(sorted(body)))
    changed: dict[str, JsonValue] = {**body, name: [body[name]]}
    dropped = {other: body[other] for other in body if other != name}
    others += [
        Request(kind="k", provider="p", version=1, body=other) for other in (changed, dropped)
    ]
    assert len({key(request) for request in [same, *others]}) == 7


@pytest.mark.pitfall("P36")
async def test_eight_equal_calls_at_once_are_one(tmp_path: Path) -> None:
    upstream = Upstream(latency_s=0.02)
    async with Tape.open(tmp_path / "tape.db") as tape:
        async with asyncio.TaskGroup() as group:
            asked = [
                group.create_task(tape.ask(a_request(q=1), upstream, error=WorldError))
                for _ in range(8)
            ]
        answers = [task.result() for task in asked]
        assert tape.stats.joins == 7
    assert upstream.calls == 1
    assert {answer.reply for answer in answers} == {upstream.reply}
    assert sorted(answer.is_replayed for answer in answers) == [False] + [True] * 7


@pytest.mark.pitfall("P36")
async def test_cancelling_the_first_of_eight_leaves_seven_results(tmp_path: Path) -> None:
    upstream = Upstream(latency_s=0.05)
    async with Tape.open(tmp_path / "tape.db") as tape:
        asked = [asyncio.create_task(ask(tape, upstream, q=1)) for _ in range(8)]
        await asyncio.sleep(0.01)
        asked[0].cancel()
        await asyncio.wait(asked)
        assert asked[0].cancelled()
        assert [task.result() for task in asked[1:]] == [upstream.reply] * 7
        assert upstream.calls == 1


async def test_a_failure_reaches_every_sharer_and_is_not_kept(tmp_path: Path) -> None:
    upstream = Upstream(failure=WorldError(FailureKind.UPSTREAM, "down"), latency_s=0.01)
    async with Tape.open(tmp_path / "tape.db") as tape:
        asked = [asyncio.create_task(ask(tape, upstream, q=1)) for _ in range(4)]
        await asyncio.wait(asked)
        assert all(isinstance(task.exception(), WorldError) for task in asked)
        upstream.failure = None
        assert await ask(tape, upstream, q=1) == upstream.reply


async def test_a_sharer_with_more_time_asks_again_when_the_starter_runs_out(
    tmp_path: Path,
) -> None:
    """The starter's deadline ends the shared call; the joiner has none and gets its answer."""
    calls = 0

    async def upstream() -> Reply:
        nonlocal calls
        calls += 1
        context = current_context.get()
        if context is not None and context.deadline is not None:
            await asyncio.sleep(context.deadline.remaining_s + 0.001)
            raise WorldError(FailureKind.TIMEOUT, "too late")
        return Reply(value="1")

    async def starter(tape: Tape) -> None:
        current_context.set(
            CallContext(task_id="t", trajectory_id="t0", deadline=Deadline.after(0.02))
        )
        with pytest.raises(WorldError):
            await tape.ask(a_request(q=1), upstream, error=WorldError)

    async with Tape.open(tmp_path / "tape.db") as tape, asyncio.TaskGroup() as group:
        group.create_task(starter(tape))
        await asyncio.sleep(0.005)
        answer = await tape.ask(a_request(q=1), upstream, error=WorldError)
    assert answer.reply.value == "1"
    assert calls == 2


async def test_when_all_callers_leave_the_shared_call_ends_and_can_be_asked_anew(
    tmp_path: Path,
) -> None:
    upstream = Upstream(latency_s=30)
    async with Tape.open(tmp_path / "tape.db") as tape:
        asked = [asyncio.create_task(ask(tape, upstream, q=1)) for _ in range(3)]
        await asyncio.sleep(0.01)
        for task in asked:
            task.cancel()
        await asyncio.sleep(0)  # they leave, and the shared call is told to end
        upstream.latency_s = 0
        assert await ask(tape, upstream, q=1) == upstream.reply
        await asyncio.wait(asked)
    assert upstream.calls == 2
    assert asyncio.all_tasks() == {asyncio.current_task()}


async def test_closing_leaves_no_task_behind(tmp_path: Path) -> None:
    async with Tape.open(tmp_path / "tape.db") as tape:
        asked = asyncio.create_task(ask(tape, Upstream(latency_s=30), q=1))
        await asyncio.sleep(0.01)
    await asyncio.wait([asked])
    assert asked.cancelled()
    assert asyncio.all_tasks() == {asyncio.current_task()}


async def test_sampled_calls_of_two_places_are_never_shared_and_replay_by_place(
    tmp_path: Path,
) -> None:
    async with Tape.open(tmp_path / "tape.db") as tape:
        upstream = Upstream(latency_s=0.01)

        async def sample(place: str) -> None:
            await tape.ask(a_request(q=1, sample=place), upstream, error=ModelError)

        async with asyncio.TaskGroup() as group:
            for attempt in range(8):
                group.create_task(sample(f"t/{attempt}/0/0"))
        assert upstream.calls == 8
        await sample("t/3/0/0")
        assert upstream.calls == 8


@pytest.mark.pitfall("P35")
async def test_a_thousand_hits_write_nothing_and_leave_no_task(tmp_path: Path) -> None:
    path = tmp_path / "tape.db"
    async with Tape.open(path) as tape:
        await ask(tape, Upstream(), q=1)
        reader = connect_reader(path)

        def version() -> int:
            return int(reader.execute("PRAGMA data_version").fetchone()[0])

        before = version()
        for _ in range(1000):
            await tape.ask(a_request(q=1), never, error=WorldError)
        assert version() == before
        assert asyncio.all_tasks() == {asyncio.current_task()}
        await ask(tape, Upstream(), q=2)
        assert version() != before
        reader.close()


@pytest.mark.pitfall("P35")
def test_a_tape_works_in_one_event_loop_after_another(tmp_path: Path) -> None:
    async def main() -> int:
        async with Tape.open(tmp_path / "tape.db") as tape:
            upstream = Upstream()
            async with asyncio.TaskGroup() as group:
                for _ in range(4):
                    group.create_task(ask(tape, upstream, q=1))
            return upstream.calls

    calls = []
    for _ in range(2):
        with asyncio.Runner() as runner:
            calls.append(runner.run(main()))
    assert calls == [1, 0]


async def test_two_tapes_may_share_a_file(tmp_path: Path) -> None:
    path = tmp_path / "tape.db"
    async with Tape.open(path) as one, Tape.open(path) as other:
        async with asyncio.TaskGroup() as group:
            for number in range(40):
                group.create_task(ask(one if number % 2 else other, Upstream(), q=number))
        for number in range(40):
            await other.ask(a_request(q=number), never, error=WorldError)


async def test_a_value_is_on_disk_before_it_is_used(tmp_path: Path) -> None:
    """Another connection sees the row at the moment the caller gets its reply."""
    path = tmp_path / "tape.db"
    async with Tape.open(path) as tape:
        for number in range(20):
            await ask(tape, Upstream(), q=number)
            reader = connect_reader(path)
            assert reader.execute("SELECT count(*) FROM call").fetchone()[0] == number + 1
            reader.close()


async def test_a_runs_tape_lies_in_the_run_and_replays_alone(tmp_path: Path) -> None:
    async with RunFolder.open(tmp_path / "run", config="", provenance={}) as run:
        await ask(run.tape(), Upstream(Reply(value="1", cost_usd=0.5)), q=1)
        assert run.counts().recordings == 1
    path = tmp_path / "run" / "run.db"
    async with Tape.open(path, mode=TapeMode.REPLAY_STRICT) as tape:
        assert (await tape.ask(a_request(q=1), never, error=WorldError)).reply.cost_usd == 0.5
        assert tape.spent_usd() == 0.5


PLANTED = "sk-9f8e7d6c5b4a"


@pytest.mark.pitfall("P33")
async def test_secrets_are_in_no_file_and_do_not_change_the_key(tmp_path: Path) -> None:
    path = tmp_path / "tape.db"
    told = {
        "Authorization": f"Bearer {PLANTED}",
        "x-api-key": "canary-1",
        "Set-Cookie": 'sid="canary-2"',
        "text": f"your key {PLANTED} was used",
        "url": "https://a.example/x?id=7",
    }
    asked = {"url": "https://a.example/?api_key=canary-3&id=7", "api_key": "canary-4", "t": PLANTED}
    async with Tape.open(path, redactor=Redactor([PLANTED])) as tape:
        upstream = Upstream(Reply(value=json.dumps(told)))
        first = await tape.ask(replace(a_request(), body=asked), upstream, error=WorldError)
    other = Redactor(["sk-another-key"])
    again = {
        "url": "https://a.example/?api_key=new&id=7",
        "api_key": "other",
        "t": "sk-another-key",
    }
    other_page = {**again, "url": "https://a.example/?id=8"}
    async with Tape.open(path, redactor=other) as tape:
        second = await tape.ask(replace(a_request(), body=again), never, error=WorldError)
        with pytest.raises(AssertionError, match="touched"):
            await tape.ask(replace(a_request(), body=other_page), never, error=WorldError)
        (stored,) = tape.recordings()
    assert first.reply == second.reply
    value = json.loads(first.reply.value)
    assert value["text"] == "your key [redacted] was used"
    assert value["url"] == told["url"]
    kept = stored.text + stored.reply.value
    assert PLANTED not in kept
    assert "canary" not in kept
    assert b"canary" not in path.read_bytes()


def test_a_page_that_talks_about_keys_stays_as_it_is() -> None:
    page = json.dumps({"markdown": 'send {"api_key": "yours"} and short=abc'})
    assert Redactor(["abc"]).reply(page) == page


def at(turn: int, *, task: str = "t") -> None:
    """The caller is at this turn of its trajectory."""
    current_context.set(CallContext(task_id=task, trajectory_id=task, turn=turn))


@pytest.mark.pitfall("P37")
@pytest.mark.parametrize("sample", [None, "t/0/1/0"])
async def test_a_passing_failure_is_met_again_in_replays_of_its_place_alone(
    tmp_path: Path, sample: str | None
) -> None:
    path, request = tmp_path / "tape.db", a_request(q=1, sample=sample)
    down = Upstream(failure=WorldError(FailureKind.RATE_LIMITED, "slow down"))

    async def replayed() -> str:
        async with Tape.open(path, mode=TapeMode.REPLAY_STRICT) as tape:
            try:
                return (await tape.ask(request, never, error=WorldError)).reply.value
            except WorldError as failure:
                return str(failure)

    async with Tape.open(path) as tape:
        at(1)
        for _ in range(2):  # it stands for no other call, not even at its own place
            with pytest.raises(WorldError):
                await tape.ask(request, down, error=WorldError)
        assert down.calls == 2
        assert (await replayed()) == "rate_limited: slow down"
        if sample is None:
            at(2)
            await tape.ask(request, Upstream(), error=WorldError)
            assert (await replayed()) == '{"hits":[1]}'
            at(1)
            assert (await replayed()) == "rate_limited: slow down"
    async with Tape.open(path) as tape:  # the attempt is made again, and gets further
        assert (await tape.ask(request, Upstream(), error=WorldError)).reply.value == '{"hits":[1]}'
    assert (await replayed()) == '{"hits":[1]}'


@pytest.mark.parametrize("kind", [FailureKind.NOT_FOUND, FailureKind.UPSTREAM])
async def test_no_secret_stands_in_a_recorded_failure(tmp_path: Path, kind: FailureKind) -> None:
    at(1)
    path = tmp_path / "tape.db"
    async with Tape.open(path, redactor=Redactor([PLANTED])) as tape:
        with pytest.raises(WorldError):
            await ask(tape, Upstream(failure=WorldError(kind, f"no {PLANTED} here")), q=1)
        (stored,) = tape.recordings()
    assert stored.failure is not None
    assert stored.failure.message == "no [redacted] here"


async def test_a_refused_payment_is_recorded_nowhere(tmp_path: Path) -> None:
    at(1)
    async with Tape.open(tmp_path / "tape.db") as tape:
        with pytest.raises(BudgetExceededError):
            await ask(tape, Upstream(failure=BudgetExceededError("no money")), q=1)
        assert list(tape.recordings()) == []
