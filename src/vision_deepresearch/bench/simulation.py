"""One seeded run of many small episodes against providers that misbehave, on a virtual clock.

Real: agent loop, tools, call policy, tape, run store on disk, judge by rules, the runner that waits out
outages and goes on after a stop. Doubles: what the model says, what the world holds, and the providers'
faults. The run is stopped once in the middle and started again.
"""

import asyncio
import contextlib
import hashlib
import random
import struct
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from vision_deepresearch.agent.limits import Limits
from vision_deepresearch.agent.loop import run as run_agent
from vision_deepresearch.agent.researcher import Researcher
from vision_deepresearch.calls.faults.clock import HangError, LeakError, run_virtually, virtual_s
from vision_deepresearch.calls.faults.plan import FaultPlan, FaultSettings
from vision_deepresearch.calls.faults.provider import FaultedProvider
from vision_deepresearch.calls.policy import CallCounts, CallPolicy
from vision_deepresearch.core.bank import CropOrigin
from vision_deepresearch.core.content import Conversation, Picture, ToolCall, ToolSpec
from vision_deepresearch.core.context import CallContext
from vision_deepresearch.core.episode import Decision
from vision_deepresearch.core.errors import FailureKind, ModelError, WorldError
from vision_deepresearch.core.events import CallFinished, Event, ModelReplied, Stopped
from vision_deepresearch.core.mode import mode_named
from vision_deepresearch.core.observation import Evidence
from vision_deepresearch.core.page import Asset, Page, WorldManifest
from vision_deepresearch.core.protocols import Completion, Profile, Sampling
from vision_deepresearch.core.record import Record
from vision_deepresearch.core.task import AnswerType, Gold, Task, fingerprint
from vision_deepresearch.core.trajectory import Trajectory
from vision_deepresearch.evals.outages import Patience
from vision_deepresearch.evals.runner import RunOutcome, run_tasks
from vision_deepresearch.judge.rules import RuleJudge
from vision_deepresearch.media.store import MemoryMediaStore
from vision_deepresearch.models.faulted import FaultedModel
from vision_deepresearch.models.profiles.vdr import VdrProfile
from vision_deepresearch.models.taped import TapedModel
from vision_deepresearch.store.run import RunFolder
from vision_deepresearch.tools.summarise import PassagePicker
from vision_deepresearch.tools.toolset import build_tools
from vision_deepresearch.worlds.wrappers.faulted import FaultedWorld
from vision_deepresearch.worlds.wrappers.meter import MeteredWorld
from vision_deepresearch.worlds.wrappers.tape import TapedWorld

TODAY = "2026-01-01"
ANSWER = "Ostrel"
QUERIES = 17
"""Of the first turn, in two calls that run at the same time."""
PAGES = 1
"""Of the second."""
_LAST = 2
CALLS = _LAST + 1 + QUERIES + PAGES
"""To the outside, of one episode: 21."""
PROVIDERS = ("model", "engine", "reader")
OUTAGE_S = 300.0
BURST_EVERY_S = 240.0
_CONCURRENCY = 8
"""Episodes at a time."""
_MAX_VIRTUAL_S = 200_000.0
_MAX_LEGS = 4
_EPISODE_S, _TURN_S = 7200.0, 1800.0
_MEMORY = Path("/dev/shm")  # noqa: S108 - a folder of our own is made in it


class SimulationPiece(Record):
    """What one seed does."""

    seed: int
    episodes: int
    fault_frac: float = 0.3
    has_outage: bool = True
    has_stop: bool = True
    keeps_tape: bool = True


class SimulationOutcome(Record):
    """What became of it."""

    seed: int
    episodes: int
    """Stored with a verdict."""
    missing: int
    """Not stored: lost, rejected or unfinished."""
    doubled: int
    wrong: int
    """Stored with another verdict than correct."""
    hangs: int = 0
    leaks: int = 0
    """Seeds that left tasks, slots or waiting callers behind."""
    provider_errors: int = 0
    """Episodes in which a call was given up that may work later."""
    late_calls: int = 0
    """Calls that outlived their deadline."""
    calls: int = 0
    """Through the policy, those of attempts that were made again included."""
    attempts: int = 0
    """Requests that the providers got."""
    answers: int = 0
    """Of these, answered."""
    hedges: int = 0
    needed: int = 0
    """Calls of a run without faults and stops."""
    repeated: int = 0
    """Answers that were paid for again."""
    in_flight: int = 0
    """Requests under way when the run was stopped."""
    outage_requests: int = 0
    """Requests to a provider that was down."""
    redone: int = 0
    """Attempts that met an outage and were made again."""
    virtual_s: float = 0.0
    faults: dict[str, int] = {}
    digest: str = ""
    """Of the log of events, with their times."""


def simulate(piece: SimulationPiece) -> SimulationOutcome:
    """Run one seed in a folder of its own, in memory where there is such a place."""
    place = _MEMORY if _MEMORY.is_dir() else None
    with tempfile.TemporaryDirectory(prefix="vdr-faults-", dir=place) as folder:
        simulation = _Simulation(piece, path=Path(folder) / "run")
        hangs = leaks = 0
        try:
            run_virtually(simulation.main, max_s=_MAX_VIRTUAL_S)
        except HangError:
            hangs = 1
        except LeakError:
            leaks = 1
        return simulation.outcome(hangs=hangs, leaks=leaks)


@dataclass(slots=True)
class _Log:
    """A digest of everything that happened, in order, with its time."""

    sha: "hashlib._Hash" = field(default_factory=hashlib.sha256)

    def listen(self, event: Event) -> None:
        """Note an event."""
        match event:
            case ModelReplied(trajectory_id=name, turn=turn):
                self._note(f"model {name} {turn}")
            case CallFinished(trajectory_id=name, turn=turn, observation=observation):
                kind = observation.failure.kind.value if observation.failure else "ok"
                self._note(f"call {name} {turn} {kind} {len(observation.evidence)}")
            case Stopped(trajectory_id=name, stop=stop):
                self._note(f"stop {name} {stop.value}")
            case _:
                pass

    def _note(self, what: str) -> None:
        self.sha.update(struct.pack("<d", virtual_s()) + what.encode() + b"\n")


class _Simulation:
    """One seed."""

    def __init__(self, piece: SimulationPiece, *, path: Path) -> None:
        self._piece = piece
        self._path = path
        self._rng = random.Random(f"run {piece.seed}")
        self._tasks = list(_tasks(piece))
        self._plans = {name: self._plan(name) for name in PROVIDERS}
        self._providers: dict[str, FaultedProvider] = {}
        self._past = CallCounts()
        """Of the providers before the last stop."""
        self._tainted: Counter[str] = Counter()
        """By trajectory: calls given up in its last attempt."""
        self._late = self._answers = self._hedges = self._redone = self._in_flight = 0
        self._left_slots = 0
        self._took_s = 0.0
        self._log = _Log()

    def _plan(self, name: str) -> FaultPlan:
        # The three outages, of one provider each, and one of all, take turns over the seeds.
        hit = PROVIDERS[self._piece.seed % 4 : self._piece.seed % 4 + 1] or PROVIDERS
        begin_s = random.Random(f"outage {self._piece.seed}").uniform(60, 180)
        is_hit = self._piece.has_outage and name in hit
        settings = FaultSettings(
            fault_frac=self._piece.fault_frac,
            outages=((begin_s, begin_s + OUTAGE_S),) if is_hit else (),
            burst_every_s=BURST_EVERY_S if self._piece.fault_frac else None,
        )
        return FaultPlan(
            settings,
            rng=random.Random(f"{name} {self._piece.seed}"),
            error=ModelError if name == "model" else WorldError,
            clock=virtual_s,
        )

    async def main(self) -> None:
        """All legs of the run: until it is stopped, and until it is done."""
        stop_s = self._rng.uniform(20, 600) if self._piece.has_stop else None
        for _ in range(_MAX_LEGS):
            outcome = await self._leg(stop_s)
            stop_s = None
            if outcome is not None:
                self._redone += outcome.redone
            if outcome is not None and not outcome.unfinished:
                break
        self._took_s = virtual_s()

    async def _leg(self, stop_s: float | None) -> RunOutcome | None:
        """One process's worth of the run; None: it was stopped."""
        for name in PROVIDERS:
            self._providers[name] = FaultedProvider(
                policy=CallPolicy(
                    ModelError if name == "model" else WorldError,
                    rng=random.Random(self._rng.random()),
                    clock=virtual_s,
                ),
                plan=self._plans[name],
                clock=virtual_s,
                may_hedge=name != "model",
            )
        leg = asyncio.create_task(self._run())
        try:
            await asyncio.wait({leg}, timeout=stop_s)
            if leg.done():
                return leg.result()
            self._in_flight += sum(
                one.policy.limiter.num_running for one in self._providers.values()
            )
            leg.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await leg
            return None
        finally:
            self._close_books()

    def _close_books(self) -> None:
        """Add up what the providers of this leg saw, and what was left in them."""
        for one in self._providers.values():
            counts = one.policy.counts
            self._past.calls += counts.calls
            self._past.attempts += counts.attempts
            self._late += one.num_late
            self._answers += one.num_answers
            self._hedges += one.policy.hedger.num_hedges
            self._left_slots += one.policy.limiter.num_running

    async def _run(self) -> RunOutcome:
        async with RunFolder.open(
            self._path, config="simulated = true\n", provenance={}, clock=virtual_s, threads=False
        ) as run:
            researcher = self._researcher(run)

            async def roll_out(task: Task, attempt: int) -> Trajectory:
                return await self._attempt(task, attempt, researcher, ends_in_outage=True)

            async def last_try(task: Task, attempt: int) -> Trajectory:
                return await self._attempt(task, attempt, researcher, ends_in_outage=False)

            return await run_tasks(
                self._tasks,
                run=run,
                roll_out=roll_out,
                last_try=last_try,
                judge=RuleJudge(),
                concurrency=_CONCURRENCY,
                patience=Patience(),
                clock=virtual_s,
            )

    async def _attempt(
        self, task: Task, attempt: int, researcher: Researcher, *, ends_in_outage: bool
    ) -> Trajectory:
        trajectory = await run_agent(
            task,
            researcher,
            attempt=attempt,
            listener=self._log.listen,
            ends_in_outage=ends_in_outage,
        )
        given_up = sum(one.exhausted.pop(trajectory.id, 0) for one in self._providers.values())
        self._tainted[trajectory.id] = given_up
        return trajectory

    def _researcher(self, run: RunFolder) -> Researcher:
        profile = VdrProfile()
        providers = self._providers
        model = FaultedModel(_Script(profile), endpoint=providers["model"])
        world = FaultedWorld(_Shelf(), engine=providers["engine"], reader=providers["reader"])
        media = MemoryMediaStore()
        if self._piece.keeps_tape:
            tape = run.tape()
            asked, seen = TapedModel(model, tape), MeteredWorld(TapedWorld(world, tape))
        else:
            asked, seen = model, MeteredWorld(world)
        mode = mode_named("cis+ts")
        return Researcher(
            model=asked,
            profile=profile,
            tools=build_tools(mode.tools, world=seen, media=media, summariser=PassagePicker()),
            mode=mode,
            today=TODAY,
            media=media,
            limits=Limits(max_turns=_LAST + 1, deadline_s=_EPISODE_S, turn_deadline_s=_TURN_S),
            clock=virtual_s,
        )

    def outcome(self, *, hangs: int, leaks: int) -> SimulationOutcome:
        """What the store holds and the books say."""
        stored: Counter[str] = Counter()
        wrong = 0
        with RunFolder.read(self._path) as view:
            for episode in view.episodes():
                stored[episode.trajectory.id] += 1
                wrong += episode.verdict.decision is not Decision.CORRECT
        counts, needed = self._past, CALLS * len(self._tasks)
        return SimulationOutcome(
            seed=self._piece.seed,
            episodes=len(stored),
            missing=len(self._tasks) - len(stored),
            doubled=stored.total() - len(stored),
            wrong=wrong,
            hangs=hangs,
            leaks=max(leaks, min(1, self._left_slots)),
            provider_errors=sum(1 for name in stored if self._tainted[name]),
            late_calls=self._late,
            calls=counts.calls,
            attempts=sum(plan.num_requests for plan in self._plans.values()),
            answers=self._answers,
            hedges=self._hedges,
            needed=needed,
            repeated=max(0, self._answers - needed),
            in_flight=self._in_flight,
            outage_requests=sum(plan.num_in_outage for plan in self._plans.values()),
            redone=self._redone,
            virtual_s=round(self._took_s, 3),
            faults={
                kind.value: count
                for kind, count in sorted(
                    sum((plan.met for plan in self._plans.values()), Counter()).items()
                )
            },
            digest=self._log.sha.hexdigest()[:16],
        )


def _tasks(piece: SimulationPiece) -> Iterator[Task]:
    question = "Which town?"
    gold = Gold(answers=(ANSWER,), type=AnswerType.NAME)
    for number in range(piece.episodes):
        ref = f"faults/{piece.seed}/{number}"
        yield Task(
            id=fingerprint(ref=ref, question=question, images=(), gold=gold),
            ref=ref,
            kind="fuzzy",
            question=question,
            gold=gold,
        )


class _Script:
    """What the model says: it searches, reads and answers. No state."""

    name = "script"

    def __init__(self, profile: Profile) -> None:
        self._profile = profile

    async def complete(
        self,
        conversation: Conversation,  # noqa: ARG002 - the seam's signature
        *,
        tools: Sequence[ToolSpec],  # noqa: ARG002 - the seam's signature
        sampling: Sampling,  # noqa: ARG002 - the seam's signature
        context: CallContext,
    ) -> Completion:
        """The reply of this turn."""
        task = context.task_id[:12]
        if context.turn >= _LAST:
            return self._profile.write(thought="It is named.", answer=ANSWER)
        if context.turn == 0:
            words = [f"founder {task} {number}" for number in range(QUERIES)]
            calls = [
                ToolCall(id="", name="search", arguments={"query": [*part]})
                for part in (words[: QUERIES // 2], words[QUERIES // 2 :])
            ]
        else:
            urls = [f"https://pages.example/{task}/{number}" for number in range(PAGES)]
            calls = [ToolCall(id="", name="visit", arguments={"url": [*urls], "goal": "town"})]
        return self._profile.write(thought="Not known yet.", calls=calls)


class _Shelf:
    """What the world holds: a page at every address; no query finds it."""

    def manifest(self) -> WorldManifest:
        return WorldManifest(world_id="shelf", kind="generated", name="shelf", format_version=1)

    async def search_text(self, query: str, *, limit: int) -> list[Evidence]:
        del query, limit
        return []

    async def search_image(
        self, picture: Picture, *, limit: int, origin: CropOrigin | None = None
    ) -> list[Evidence]:
        del picture, limit, origin
        raise WorldError(FailureKind.UNAVAILABLE, "there is no picture search")

    async def read(self, url: str, *, cursor: str | None = None) -> Page:
        del cursor
        return Page(url=url, final_url=url, title="Founder", markdown=f"Born in {ANSWER}.")

    async def asset(self, url: str) -> Asset:
        raise WorldError(FailureKind.NOT_FOUND, f"no picture at {url}")
