"""Kills the scripted run again and again, then compares it with one that nobody disturbed.

Usage: python -m tests.evals.kill_loop FOLDER EPISODES KILLS SEED [CONCURRENCY]

Each life is a fork of this process, which has imported everything and opened nothing. How it ends is
drawn from the seed:

    line          kill -9 some milliseconds after the n-th line that it told
    opening       kill -9 while it opens the folder: recovery, checksums, rebuilding
    byte          the kernel ends it within the write that passes a byte of the log of commits
    opening byte  the same while the log is written back into the database

The wall clock of every life jumps about. Prints one JSON object.
"""

import asyncio
import json
import os
import random
import resource
import select
import signal
import sqlite3
import sys
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import closing, suppress
from dataclasses import dataclass, field
from pathlib import Path

from tests.evals.killed_run import Say, live, make_tasks
from vision_deepresearch.core.task import Task
from vision_deepresearch.store.run import RunFolder

MAX_TORN = 400_000
"""Bytes of the log of commits within which a `byte` life ends, if nothing else ends it."""
LINES_PER_EPISODE = 8.0
_TIMES = {"seconds", "model_seconds", "started_s", "replayed"}
"""What differs between two runs of the same: the clock, and how often the tape answered."""


@dataclass(slots=True, kw_only=True)
class Books:
    """What all lives told together."""

    deaths: Counter[str] = field(default_factory=Counter)
    started: Counter[str] = field(default_factory=Counter)
    acked: set[str] = field(default_factory=set)
    done: Counter[str] = field(default_factory=Counter)
    in_flight_at_deaths: int = 0
    most_in_flight: int = 0
    repeated_after_ack: int = 0
    """Calls made again although their answer had been acknowledged: each one a defect."""
    startled: int = 0
    """Calls that one life made twice: each one a defect."""
    num_lines: int = 0

    def enter(self, lines: Sequence[str]) -> None:
        """Take in what one life told."""
        flying: set[str] = set()
        for line in lines:
            word, _, key = line.partition(" ")
            if word == "start":
                self.startled += key in flying
                self.repeated_after_ack += key in self.acked
                self.started[key] += 1
                flying.add(key)
            elif word == "ack":
                self.acked.add(key)
                flying.discard(key)
            elif word == "done":
                self.done[key] += 1
        self.num_lines += len(lines)
        self.in_flight_at_deaths += len(flying)
        self.most_in_flight = max(self.most_in_flight, len(flying))


@dataclass(frozen=True, slots=True, kw_only=True)
class Death:
    """How a life is to end, and the wall clock it lives by."""

    kind: str
    lines: int
    """After so many lines at the latest."""
    delay_s: float
    """After that line; of `opening`: since its beginning."""
    byte: int
    """Of `byte`: the first one of any file that cannot be written any more."""
    clock_seed: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Life:
    """What one life told, what it died of, and how long it took to open the folder."""

    lines: Sequence[str]
    cause: str
    opening_s: float


def draw(rng: random.Random, *, mean_lines: float, opening_s: float, size: int) -> Death:
    """A way to die; on average after `mean_lines` of work.

    Args:
        rng: draws.
        mean_lines: that the run may go on before it is killed.
        opening_s: seconds that the last opening took.
        size: bytes of the database: a torn opening ends around its end.
    """
    kind = rng.choices(["line", "opening", "byte", "opening byte"], weights=[5, 2, 3, 1])[0]
    is_opening = kind == "opening"
    first = size - MAX_TORN if kind == "opening byte" else 0
    return Death(
        kind=kind,
        lines=1 + int(rng.uniform(0, 2 * mean_lines)),
        delay_s=rng.uniform(0, opening_s if is_opening else rng.choice([0.0, 0.004])),
        byte=max(1, first + rng.randrange(MAX_TORN)),
        clock_seed=rng.randrange(1 << 30),
    )


def one_life(folder: Path, tasks: Sequence[Task], death: Death | None, *, concurrency: int) -> Life:
    """Let the run live until its death, or its end."""
    source, sink = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(source)
        _be_born(folder, tasks, sink, death=death, concurrency=concurrency)
    os.close(sink)
    try:
        told, opening_s = _listen(source, child, death)
    finally:
        os.close(source)
        with suppress(ProcessLookupError):
            os.kill(child, signal.SIGKILL)
        _, status = os.waitpid(child, 0)
    lines = told.decode().splitlines()
    return Life(lines=lines, cause=_cause(status, lines), opening_s=opening_s)


def _cause(status: int, lines: Sequence[str]) -> str:
    if not os.WIFSIGNALED(status):
        assert os.WEXITSTATUS(status) == 0, f"a life failed: {lines[-3:]}"
        return "end"
    signal_number = os.WTERMSIG(status)
    assert signal_number in {signal.SIGKILL, signal.SIGXFSZ}, signal_number
    where = "working" if "open" in lines else "opening"
    return f"{'torn' if signal_number == signal.SIGXFSZ else 'killed'} while {where}"


def _be_born(
    folder: Path, tasks: Sequence[Task], sink: int, *, death: Death | None, concurrency: int
) -> None:
    """The child: never returns."""
    code = 1
    try:
        _die_at(death, "opening byte")
        with asyncio.Runner() as runner:
            say = Say(pipe=sink)
            runner.run(
                live(
                    folder,
                    tasks,
                    say,
                    concurrency=concurrency,
                    clock_seed=death.clock_seed if death is not None else 0,
                    on_open=lambda: _die_at(death, "byte"),
                )
            )
        code = 0
    except BaseException as bug:  # noqa: BLE001 - a child of fork must not come back
        os.write(2, f"{type(bug).__name__}: {bug}\n".encode())
    os._exit(code)


def _die_at(death: Death | None, kind: str) -> None:
    """If it is to die so: from now on the kernel ends it within the write that passes that byte."""
    if death is None or death.kind != kind:
        return
    signal.signal(signal.SIGXFSZ, signal.SIG_DFL)  # which Python ignores
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (death.byte, resource.RLIM_INFINITY))


def _listen(source: int, child: int, death: Death | None) -> tuple[bytes, float]:
    """All that the child tells until it is dead, killing it when its time has come."""
    told = b""
    born = time.monotonic()
    opening_s = 0.0
    while True:
        if death is not None and death.kind == "opening" and not told:
            left_s = max(0.0, death.delay_s - (time.monotonic() - born))
            if not select.select([source], [], [], left_s)[0]:
                os.kill(child, signal.SIGKILL)
                death = None
        piece = os.read(source, 65536)
        if piece and not told:
            opening_s = time.monotonic() - born
        told += piece
        if not piece:
            return told, opening_s
        if death is not None and told.count(b"\n") >= death.lines:
            time.sleep(death.delay_s if death.kind != "opening" else 0.0)
            os.kill(child, signal.SIGKILL)
            death = None


def kill_loop(
    folder: Path, tasks: Sequence[Task], *, kills: int, seed: int, concurrency: int
) -> Books:
    """Kill the run `kills` times, spread over all its work, then let it end."""
    rng = random.Random(seed)
    books = Books()
    opening_s = 0.01
    database = folder / "run.db"
    while books.deaths.total() < kills:
        left = (len(tasks) - len(books.done)) * LINES_PER_EPISODE
        mean_lines = 0.85 * left / (kills - books.deaths.total() + 1)
        size = database.stat().st_size if database.exists() else 0
        death = draw(rng, mean_lines=mean_lines, opening_s=opening_s, size=size)
        life = one_life(folder, tasks, death, concurrency=concurrency)
        opening_s = life.opening_s or opening_s
        books.enter(life.lines)
        assert life.cause != "end", f"ended after {books.deaths} kills: more episodes are needed"
        books.deaths[life.cause] += 1
    last = one_life(folder, tasks, None, concurrency=concurrency)
    assert last.cause == "end", last
    flying = books.in_flight_at_deaths
    books.enter(last.lines)
    assert books.in_flight_at_deaths == flying, "the last life left something in flight"
    return books


def content(folder: Path) -> dict[str, object]:
    """All that a run holds, without what the clock wrote."""
    with RunFolder.read(folder) as view:
        episodes = {
            f"{episode.task.id}/{episode.trajectory.attempt}": _timeless(
                episode.model_dump(mode="json")
            )
            for episode in view.episodes()
        }
        counts = view.counts()
    with closing(sqlite3.connect(folder / "run.db")) as connection:
        calls = connection.execute("SELECT key, request, payload, blobs, keep FROM call").fetchall()
        sound = connection.execute("PRAGMA integrity_check").fetchone()[0]
    pictures = {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted((folder / "media").rglob("*"))
        if path.is_file() and not path.name.startswith(".new-")
    }
    return {
        "episodes": episodes,
        "calls": {key: tuple(rest) for key, *rest in calls},
        "pictures": pictures,
        "counts": counts.model_dump(),
        "sound": sound,
    }


def _timeless(value: object) -> object:
    if isinstance(value, dict):
        return {key: _timeless(item) for key, item in value.items() if key not in _TIMES}
    return [_timeless(item) for item in value] if isinstance(value, list) else value


def main(folder: Path, *, episodes: int, kills: int, seed: int, concurrency: int) -> None:
    """Run once undisturbed and once killed; print what was found."""
    began, used = time.monotonic(), _cpu_s()
    tasks = make_tasks(folder / "whole", episodes)
    life = one_life(folder / "whole", tasks, None, concurrency=concurrency)
    assert life.cause == "end", life
    whole_s = time.monotonic() - began
    killed = make_tasks(folder / "killed", episodes)
    books = kill_loop(folder / "killed", killed, kills=kills, seed=seed, concurrency=concurrency)
    want, have = content(folder / "whole"), content(folder / "killed")
    whole = Books()
    whole.enter(life.lines)
    wanted, found = want["episodes"], have["episodes"]
    assert isinstance(wanted, dict)
    assert isinstance(found, dict)
    print(  # noqa: T201 - a program of its own
        json.dumps({
            "episodes": episodes,
            "kills": books.deaths.total(),
            "deaths": dict(books.deaths),
            "seed": seed,
            "concurrency": concurrency,
            "held": len(found),
            "lost": len(wanted.keys() - found.keys()),
            "unknown": len(found.keys() - wanted.keys()),
            "done_again": sum(count - 1 for count in books.done.values()),
            "differing": sorted(name for name in want if want[name] != have[name]),
            "sound": have["sound"],
            "calls": books.started.total(),
            "distinct_calls": len(books.started),
            "calls_undisturbed": whole.started.total(),
            "repeated": books.started.total() - len(books.started),
            "in_flight_at_deaths": books.in_flight_at_deaths,
            "most_in_flight": books.most_in_flight,
            "repeated_after_ack": books.repeated_after_ack,
            "made_twice_in_a_life": books.startled,
            "whole_s": round(whole_s, 1),
            "killed_s": round(time.monotonic() - began - whole_s, 1),
            "cpu_s": round(_cpu_s() - used, 1),
        })
    )


def _cpu_s() -> float:
    own, lives = (
        resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    )
    return own.ru_utime + own.ru_stime + lives.ru_utime + lives.ru_stime


if __name__ == "__main__":
    target, num_episodes, num_kills, chosen, *width = sys.argv[1:]
    main(
        Path(target),
        episodes=int(num_episodes),
        kills=int(num_kills),
        seed=int(chosen),
        concurrency=int(width[0]) if width else 8,
    )
