"""A scripted run that is killed again and again and then compared with one that nobody disturbed.

Usage: python -m tests.evals.killed_run FOLDER EPISODES KILLS SEED [CONCURRENCY]

The real runner, agent, tools, judge, tape, run store and picture store; only model and world are
scripted, so that an episode takes milliseconds. Each life is a fork of this process, which has
imported everything and opened nothing. A life ends in one of three ways, drawn from the seed:

    line     kill -9 some microseconds after the n-th thing that it told
    opening  kill -9 while it opens the folder: recovery, checksums, rebuilding
    byte     the kernel ends it at one byte of a file: what it was writing is torn there

The wall clock of every life jumps about. Lives tell over a pipe what they do, each line in one write, so the lines outlive them:
`open`, `start KEY` before a call reaches model or world, `ack KEY` when its caller has the answer,
`done REF` when an episode is acknowledged, `end`. Prints one JSON object.
"""

import asyncio
import json
import os
import random
import re
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

from tests.builders import a_picture, a_task
from vision_deepresearch.agent.loop import run as research
from vision_deepresearch.agent.researcher import Researcher
from vision_deepresearch.core.bank import CropOrigin
from vision_deepresearch.core.content import Conversation, Picture, ToolCall, ToolSpec
from vision_deepresearch.core.context import CallContext
from vision_deepresearch.core.mode import mode_named
from vision_deepresearch.core.observation import Evidence, EvidenceKind
from vision_deepresearch.core.page import Asset, Page, WorldManifest
from vision_deepresearch.core.protocols import Completion, ModelClient, Sampling, World
from vision_deepresearch.core.task import Task
from vision_deepresearch.core.trajectory import FREE, Trajectory
from vision_deepresearch.evals.runner import run_tasks
from vision_deepresearch.judge.rules import RuleJudge
from vision_deepresearch.media.store import FolderMediaStore
from vision_deepresearch.models.profiles.vdr import VdrProfile
from vision_deepresearch.models.scripted import ScriptedModel
from vision_deepresearch.models.taped import TapedModel
from vision_deepresearch.store.run import RunFolder
from vision_deepresearch.tools.summarise import PassagePicker
from vision_deepresearch.tools.toolset import build_tools
from vision_deepresearch.worlds.pages import to_page
from vision_deepresearch.worlds.wrappers.tape import TapedWorld

SITE = "https://site.example"
SIBLINGS = 10
"""So many neighbouring tasks send the same search: those in flight share one call."""
PICTURED = 25
"""Every so many-th task begins with a crop of its picture, which is searched and stored."""
MAX_TORN = 400_000
"""Bytes of the log of commits after which a `byte` life is over at the latest."""
LINES_PER_EPISODE = 8.0
PROFILE = VdrProfile()
_TIMES = {"seconds", "model_seconds", "started_s", "replayed"}
"""What differs between two runs of the same: the clock, and how often the tape answered."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Say:
    """Tells the parent, in lines that outlive this process."""

    pipe: int

    def line(self, text: str) -> None:
        os.write(self.pipe, f"{text}\n".encode())


class ScriptedWorld:
    """Pages and hits that follow from the question's number."""

    def manifest(self) -> WorldManifest:
        return WorldManifest(world_id="killed", kind="generated", name="killed", format_version=1)

    async def search_image(
        self, picture: Picture, *, limit: int, origin: CropOrigin | None = None
    ) -> list[Evidence]:
        del limit, origin
        await asyncio.sleep(0)
        url = f"{SITE}/{picture.ref.sha256[:8]}"
        return [Evidence(kind=EvidenceKind.IMAGE_HIT, url=url, title="A hit", label="match")]

    async def search_text(self, query: str, *, limit: int) -> list[Evidence]:
        await asyncio.sleep(0)
        hits = [f"{SITE}/{query.split()[-1]}/{rank}" for rank in range(min(limit, 3))]
        return [Evidence(kind=EvidenceKind.TEXT_HIT, url=url, title="A hit") for url in hits]

    async def read(self, url: str, *, cursor: str | None = None) -> Page:
        await asyncio.sleep(0)
        words = f"<p>The founder was born in Town-{url.rsplit('/', 1)[-1]}.</p>"
        return to_page(words.encode(), url=url, cursor=cursor, window_chars=2000, doc_id=url)

    async def asset(self, url: str) -> Asset:
        await asyncio.sleep(0)
        return Asset(url=url, data=a_picture(seed=len(url)))


@dataclass(frozen=True, slots=True, kw_only=True)
class ToldWorld:
    """Says `word` of every call, before it (`start`, below the tape) or after it (`ack`, above)."""

    world: World
    say: Say
    word: str

    def manifest(self) -> WorldManifest:
        return self.world.manifest()

    async def search_image(
        self, picture: Picture, *, limit: int, origin: CropOrigin | None = None
    ) -> list[Evidence]:
        key = f"image/{picture.ref.sha256}/{limit}/{origin.box if origin else ''}"
        self._say("start", key)
        found = await self.world.search_image(picture, limit=limit, origin=origin)
        self._say("ack", key)
        return found

    async def search_text(self, query: str, *, limit: int) -> list[Evidence]:
        key = f"text/{query}/{limit}"
        self._say("start", key)
        found = await self.world.search_text(query, limit=limit)
        self._say("ack", key)
        return found

    async def read(self, url: str, *, cursor: str | None = None) -> Page:
        self._say("start", f"page/{url}")
        page = await self.world.read(url, cursor=cursor)
        self._say("ack", f"page/{url}")
        return page

    async def asset(self, url: str) -> Asset:
        self._say("start", f"asset/{url}")
        asset = await self.world.asset(url)
        self._say("ack", f"asset/{url}")
        return asset

    def _say(self, word: str, key: str) -> None:
        if word == self.word:
            self.say.line(f"{word} {key}")


@dataclass(frozen=True, slots=True, kw_only=True)
class ToldModel:
    """The same for the model, whose calls are told apart by their place."""

    model: ModelClient
    say: Say
    word: str

    @property
    def name(self) -> str:
        return self.model.name

    async def complete(
        self,
        conversation: Conversation,
        *,
        tools: Sequence[ToolSpec],
        sampling: Sampling,
        context: CallContext,
    ) -> Completion:
        key = f"model/{context.trajectory_id}/{context.turn}"
        if self.word == "start":
            self.say.line(f"start {key}")
        completion = await self.model.complete(
            conversation, tools=tools, sampling=sampling, context=context
        )
        if self.word == "ack":
            self.say.line(f"ack {key}")
        return completion


def look(conversation: Conversation) -> Completion:
    """First turn: search what the neighbours search and read a page; or crop the picture."""
    number = _number(conversation)
    if number % PICTURED == 0:
        box = [[0, 0, 400 + number // PICTURED % 500, 900]]
        calls = [_call("crop_and_search", image_id="img_1", bbox=box, goal="what is it")]
    else:
        calls = [
            _call("search", query=[f"founder of guild {number // SIBLINGS}"]),
            _call("visit", url=[f"{SITE}/{number}"], goal="where was the founder born"),
        ]
    return _free(PROFILE.write(thought=f"look at {number}", calls=calls))


def answer(conversation: Conversation) -> Completion:
    """Second turn: what the page said, so that an answer tells which observation it is made of."""
    told = re.findall(r"Town-(\w+)", "\n".join(message.text for message in conversation[2:]))
    number = told[0] if told else _number(conversation)
    return _free(PROFILE.write(thought="the page says so", answer=f"Town-{number}"))


def _free(completion: Completion) -> Completion:
    return completion.model_copy(update={"usage": FREE})


def _number(conversation: Conversation) -> int:
    found = re.search(r"guild (\d+)\?", conversation[1].text)
    assert found, conversation[1].text
    return int(found[1])


def _call(name: str, **arguments: object) -> ToolCall:
    return ToolCall.model_validate({"id": "", "name": name, "arguments": arguments})


def make_tasks(folder: Path, count: int) -> list[Task]:
    """Tasks 0, 1, 2...; the pictures of some are stored."""
    media = FolderMediaStore(folder / "media")
    picture = a_picture(width=160, height=120)
    return [
        a_task(
            ref=str(number),
            question=f"Where was the founder born of guild {number}?",
            answers=(f"Town-{number}",),
            images=(media.put(picture),) if number % PICTURED == 0 else (),
        )
        for number in range(count)
    ]


async def live(
    folder: Path, tasks: Sequence[Task], say: Say, *, concurrency: int, clock_seed: int
) -> None:
    """Open or resume the run and work until it is done.

    Its wall clock jumps by up to a month in either direction each time it is read.
    """
    media = FolderMediaStore(folder / "media")
    jumps = random.Random(clock_seed)
    async with RunFolder.open(
        folder,
        config="kind = 'killed'\n",
        provenance={},
        clock=lambda: 1.8e9 + jumps.uniform(-2.6e6, 2.6e6),
    ) as run:
        say.line("open")
        tape = run.tape()
        below = ToldWorld(world=ScriptedWorld(), say=say, word="start")
        script = ToldModel(model=ScriptedModel([look, answer]), say=say, word="start")
        world = ToldWorld(world=TapedWorld(below, tape), say=say, word="ack")
        mode = mode_named("cis+ts")
        researcher = Researcher(
            model=ToldModel(model=TapedModel(script, tape), say=say, word="ack"),
            profile=PROFILE,
            tools=build_tools(mode.tools, world=world, media=media, summariser=PassagePicker()),
            mode=mode,
            today="2026-01-01",
            media=media,
        )

        async def roll_out(task: Task, attempt: int) -> Trajectory:
            return await research(task, researcher, attempt=attempt)

        await run_tasks(
            tasks,
            run=run,
            roll_out=roll_out,
            judge=RuleJudge(),
            concurrency=concurrency,
            on_episode=lambda episode: say.line(f"done {episode.task.ref}"),
        )
    say.line("end")


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
    clock_seed: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Life:
    """What one life told, what it died of, and how long it took to open the folder."""

    lines: Sequence[str]
    cause: str
    opening_s: float


def draw(rng: random.Random, *, mean_lines: float, opening_s: float) -> Death:
    """A way to die; on average after `mean_lines` of work."""
    kind = rng.choices(["line", "opening", "byte"], weights=[5, 2, 3])[0]
    is_opening = kind == "opening"
    return Death(
        kind=kind,
        lines=1 + int(rng.uniform(0, 2 * mean_lines)),
        delay_s=rng.uniform(0, opening_s if is_opening else rng.choice([0.0, 0.004])),
        byte=rng.randrange(1, MAX_TORN),
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
        if death is not None and death.kind == "byte":
            # Python ignores this signal; with its default the kernel ends us within a write.
            signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
            resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
            resource.setrlimit(resource.RLIMIT_FSIZE, (death.byte, resource.RLIM_INFINITY))
        with asyncio.Runner() as runner:
            clock_seed = death.clock_seed if death is not None else 0
            say = Say(pipe=sink)
            runner.run(live(folder, tasks, say, concurrency=concurrency, clock_seed=clock_seed))
        code = 0
    except BaseException as bug:  # noqa: BLE001 - a child of fork must not come back
        os.write(2, f"{type(bug).__name__}: {bug}\n".encode())
    os._exit(code)


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
    while books.deaths.total() < kills:
        left = (len(tasks) - len(books.done)) * LINES_PER_EPISODE
        mean_lines = 0.85 * left / (kills - books.deaths.total() + 1)
        death = draw(rng, mean_lines=mean_lines, opening_s=opening_s)
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
