"""Token-in, token-out sampling for many trajectories at once, without blocking the event loop.

    generate()  ->  inbox  ->  one thread: new weights -> joins -> one token for every row -> again

Requests of any trajectory at any turn share the same forward calls; whoever is done leaves and is
answered at once. All forward calls run on the engine's own thread, between two of which new weights
are put in: a reply never mixes weights unless it is asked to go on (`resume`), and then says so.
"""

import asyncio
import contextlib
import queue
import random
import threading
import time
from collections import deque
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TypeAlias

import numpy as np

from vision_deepresearch.core.content import Picture, SampledTokens
from vision_deepresearch.core.errors import FailureKind, ModelError
from vision_deepresearch.core.protocols import Sampling
from vision_deepresearch.models.codec.positions import Grid
from vision_deepresearch.models.local.decoder import Counts, Decoder, PlacedPicture, Request
from vision_deepresearch.models.local.loading import LoadedModel

_Answer: TypeAlias = "asyncio.Future[SampledTokens | None]"
"""None: new weights were put in."""


class OnUpdate(StrEnum):
    """What becomes of replies that are being sampled when new weights come."""

    WAIT = "wait"
    """They are finished under the old weights first; nobody joins meanwhile."""
    RESUME = "resume"
    """They go on under the new weights, their keys and values made anew."""
    ABORT = "abort"
    """They are answered as they are, `TokenStop.ABORTED`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Wanted:
    request: Request
    loop: asyncio.AbstractEventLoop
    future: "_Answer"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Dropped:
    """The caller is gone."""

    request: Request


@dataclass(frozen=True, slots=True, kw_only=True)
class _Forget:
    request_id: str


@dataclass(slots=True, kw_only=True)
class _Update:
    """Work between two forward calls. Mutable: `entered` is set once."""

    policy: OnUpdate
    loop: asyncio.AbstractEventLoop
    future: "_Answer"
    version: int | None = None
    label: str = ""
    apply: Callable[[], None] | None = None
    release: threading.Event | None = None
    """The thread stands still until it is set."""


_Command: TypeAlias = _Wanted | _Dropped | _Forget | _Update | None


@dataclass(slots=True)
class _State:
    """What the thread alone touches."""

    waiting: deque[Request] = field(default_factory=deque)
    wanted: dict[int, _Wanted] = field(default_factory=dict)
    """By the request's `id()`: ids of trajectories may come twice."""
    updates: deque[_Update] = field(default_factory=deque)


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineUse:
    """What the engine did up to a moment; what it did between two is their difference."""

    idle_s: float
    """Seconds in which nobody asked for anything; standing still for new weights is none."""
    sampled_tokens: int
    decode_calls: int
    decode_rows: int
    """Summed over decode calls."""


class LocalEngine:
    """One model's sampler. Start it with `async with` or `start`; it may be used from one event loop.

    Cost: one thread; memory for `max_rows` rows of the longest trajectory, and `cache_bytes`.
    """

    def __init__(
        self,
        model: LoadedModel,
        *,
        max_rows: int = 64,
        cache_bytes: int = 2 << 30,
        version: int = 0,
        label: str = "",
    ) -> None:
        """Make nothing run yet.

        Args:
            model: its weights are read by the engine's thread; change them in `update_weights` or
                under `paused` only.
            max_rows: trajectories sampled at a time; the others queue.
            cache_bytes: keys and values kept between turns.
            version: number of the weights.
            label: their name in `SampledTokens.policy_version`; empty: the number.
        """
        self._model = model
        self._decoder = Decoder(model, max_rows=max_rows, cache_bytes=cache_bytes, version=version)
        self._decoder.label = label or str(version)
        self._inbox: queue.SimpleQueue[_Command] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None
        self._idle_s = 0.0
        self._idle_since_s: float | None = None
        """On `time.monotonic`; None: it is at work."""

    @property
    def model(self) -> LoadedModel:
        """What it samples from; see there when its weights may be changed."""
        return self._model

    @property
    def counts(self) -> Counts:
        """What was done so far. Read it while the engine rests for figures that fit together."""
        return self._decoder.counts

    def use(self) -> EngineUse:
        """What was done up to now. Safe to call while it works; then by a token or a call inexact."""
        counts, since_s, idle_s = self._decoder.counts, self._idle_since_s, self._idle_s
        return EngineUse(
            idle_s=idle_s + (0.0 if since_s is None else time.monotonic() - since_s),
            sampled_tokens=counts.sampled_tokens,
            decode_calls=counts.decode_calls,
            decode_rows=counts.decode_rows,
        )

    @property
    def version(self) -> int:
        """Number of the weights that sample."""
        return self._decoder.version

    def start(self) -> None:
        """Start the thread; `aclose` ends it."""
        self._thread = threading.Thread(target=self._run, name="local-engine", daemon=True)
        self._thread.start()

    async def __aenter__(self) -> "LocalEngine":
        self.start()
        return self

    async def __aexit__(self, *reason: object) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Stop the thread; open requests fail. Safe to call twice."""
        thread, self._thread = self._thread, None
        if thread is not None:
            self._inbox.put(None)
            await asyncio.to_thread(thread.join)

    async def generate(
        self,
        request_id: str,
        *,
        prompt_ids: Sequence[int],
        images: Sequence[Picture],
        sampling: Sampling,
    ) -> SampledTokens:
        """Sample one reply.

        Args:
            request_id: constant over a trajectory: under it keys and values are kept.
            prompt_ids: the whole stream so far.
            images: all its pictures, in the order of their placeholders.
            sampling: `seed` is taken as it is; `stop` ends the reply behind the string.

        Raises:
            ModelError: the prompt does not fit (too_large), its placeholders are not those of its
                pictures (bad_request), or the engine failed.
        """
        if self._thread is None or not self._thread.is_alive():
            raise ModelError(FailureKind.UNAVAILABLE, "the local engine is not running")
        request = await asyncio.to_thread(self._request, request_id, prompt_ids, images, sampling)
        loop = asyncio.get_running_loop()
        future: _Answer = loop.create_future()
        self._inbox.put(_Wanted(request=request, loop=loop, future=future))
        if not self._thread.is_alive():
            raise ModelError(FailureKind.UNAVAILABLE, "the local engine was closed")
        try:
            sampled = await future
        except asyncio.CancelledError:
            self._inbox.put(_Dropped(request=request))
            raise
        assert sampled is not None
        return sampled

    def forget(self, request_id: str) -> None:
        """Free what is kept for a trajectory that is over."""
        self._inbox.put(_Forget(request_id=request_id))

    async def update_weights(
        self,
        version: int,
        *,
        label: str = "",
        apply: Callable[[], None] | None = None,
        policy: OnUpdate = OnUpdate.WAIT,
    ) -> None:
        """Put new weights in between two forward calls; every cache is dropped.

        Args:
            version: their number.
            label: their name; empty: the number.
            apply: changes the weights; runs on the engine's thread. What it raises is raised here,
                and the old version stays.
            policy: what becomes of open replies.
        """
        await self._do(policy, version=version, label=label or str(version), apply=apply)

    @contextlib.asynccontextmanager
    async def paused(self, *, policy: OnUpdate = OnUpdate.WAIT) -> AsyncIterator[None]:
        """The engine stands still: weights may be trained. Caches are dropped, the version stays."""
        release = threading.Event()
        try:
            await self._do(policy, release=release)
            yield
        finally:
            release.set()

    def stamp(self, version: int, *, label: str) -> None:
        """Say which weights there are now; under `paused` only, when nothing samples."""
        self._decoder.version, self._decoder.label = version, label

    async def _do(
        self,
        policy: OnUpdate,
        *,
        version: int | None = None,
        label: str = "",
        apply: Callable[[], None] | None = None,
        release: threading.Event | None = None,
    ) -> None:
        if self._thread is None or not self._thread.is_alive():
            raise ModelError(FailureKind.UNAVAILABLE, "the local engine is not running")
        loop = asyncio.get_running_loop()
        future: _Answer = loop.create_future()
        self._inbox.put(
            _Update(
                policy=policy,
                loop=loop,
                future=future,
                version=version,
                label=label,
                apply=apply,
                release=release,
            )
        )
        await future

    def _request(
        self, name: str, ids: Sequence[int], images: Sequence[Picture], sampling: Sampling
    ) -> Request:
        """Place the pictures and cut those that were not fed before. Runs in a thread."""
        prompt = np.asarray(ids, dtype=np.int64)
        room = self._model.max_positions - len(prompt)
        if room <= 0:
            raise ModelError(
                FailureKind.TOO_LARGE,
                f"the prompt has {len(prompt)} tokens, the model takes {self._model.max_positions}",
            )
        pictures = self._placed(prompt, images)
        for one in pictures[self._decoder.holds(name) :]:
            one.cut()
        limit = min(sampling.max_tokens, room)
        return Request(
            id=name,
            prompt=prompt,
            pictures=pictures,
            sampling=sampling.model_copy(update={"max_tokens": limit}),
            stops=tuple(stop.encode() for stop in sampling.stop),
            rng=random.Random(sampling.seed if sampling.seed is not None else 0),
        )

    def _placed(self, prompt: np.ndarray, images: Sequence[Picture]) -> tuple[PlacedPicture, ...]:
        processor = self._model.pictures
        grids = [processor.grid(width=one.ref.width, height=one.ref.height) for one in images]
        pads = np.flatnonzero(prompt == self._model.module.config.image_token_id)
        if len(pads) != sum(grid.num_tokens() for grid in grids):
            raise ModelError(
                FailureKind.BAD_REQUEST,
                f"{sum(grid.num_tokens() for grid in grids)} placeholders of {len(images)} "
                f"pictures were expected, got {len(pads)}",
            )
        placed: list[PlacedPicture] = []
        at = 0
        for one, grid in zip(images, grids, strict=True):
            placed.append(
                PlacedPicture(
                    start=int(pads[at]),
                    sha256=one.ref.sha256,
                    grid=grid,
                    cut=self._cutter(one, grid),
                )
            )
            at += grid.num_tokens()
            if int(pads[at - 1]) != placed[-1].end - 1:
                raise ModelError(FailureKind.BAD_REQUEST, "a picture's placeholders are torn apart")
        return tuple(placed)

    def _cutter(self, picture: Picture, grid: Grid) -> Callable[[], np.ndarray]:
        def cut() -> np.ndarray:
            made = self._model.pictures.cut(picture.ref, lambda _: picture.load())
            assert made.grid == grid
            return made.pixel_values

        return cut

    # ------------------------------------------------------------------------ the engine's thread

    def _run(self) -> None:
        state = _State()
        try:
            while self._take_commands(state):
                self._update_if_due(state)
                self._make_tokens(state)
        finally:
            self._fail_all(state)

    def _take_commands(self, state: _State) -> bool:
        """Read the inbox; waits only while there is nothing else to do. False: the end."""
        is_idle = not (state.waiting or state.updates or self._decoder.num_rows)
        while True:
            try:
                command = self._wait_for_command() if is_idle else self._inbox.get_nowait()
            except queue.Empty:
                return True
            is_idle = False
            match command:
                case None:
                    return False
                case _Wanted():
                    state.wanted[id(command.request)] = command
                    state.waiting.append(command.request)
                case _Dropped():
                    self._drop(state, command.request)
                case _Forget():
                    self._decoder.forget(command.request_id)
                case _Update():
                    state.updates.append(command)

    def _wait_for_command(self) -> "_Command":
        """The next command, however long nobody asks for anything."""
        self._idle_since_s = began_s = time.monotonic()
        command = self._inbox.get()
        self._idle_since_s = None
        self._idle_s += time.monotonic() - began_s
        return command

    def _drop(self, state: _State, request: Request) -> None:
        if state.wanted.pop(id(request), None) is None:
            return
        if request in state.waiting:
            state.waiting.remove(request)
        else:
            self._decoder.leave(request.id)

    def _update_if_due(self, state: _State) -> None:
        while state.updates:
            update = state.updates[0]
            if update.policy is OnUpdate.WAIT and self._decoder.num_rows:
                return
            opened = self._decoder.drop_caches()
            if update.policy is OnUpdate.ABORT:
                for request in opened:
                    self._answer(state, request)
            else:
                state.waiting.extendleft(reversed(opened))
            self._carry_out(update)
            state.updates.popleft()

    def _carry_out(self, update: _Update) -> None:
        error: Exception | None = None
        try:
            if update.apply is not None:
                update.apply()
        except (RuntimeError, ValueError, OSError, ArithmeticError) as reason:
            error = reason
        if error is None and update.version is not None:
            self._decoder.version, self._decoder.label = update.version, update.label
        _tell(update.loop, update.future, None, error)
        if update.release is not None:
            update.release.wait()

    def _make_tokens(self, state: _State) -> None:
        try:
            done: list[Request] = []
            if not state.updates:
                done, left = self._decoder.admit(state.waiting)
                state.waiting = deque(left)
            done += self._decoder.step()
        except (RuntimeError, ModelError) as error:  # torch's own errors, out of memory among them
            self._fail_open(state, error)
            return
        for request in done:
            self._answer(state, request)

    def _answer(self, state: _State, request: Request) -> None:
        wanted = state.wanted.pop(id(request), None)
        if wanted is not None:
            result = None if request.error else self._decoder.result(request)
            _tell(wanted.loop, wanted.future, result, request.error)

    def _fail_open(self, state: _State, reason: Exception) -> None:
        """A forward call failed: nobody knows what its rows hold. Whoever waits is told, too."""
        kind = FailureKind.UPSTREAM
        error = ModelError(kind, f"the local engine failed: {type(reason).__name__}: {reason}")
        self._decoder.counts.failed += len(state.wanted)
        self._decoder.drop_caches()
        state.waiting.clear()
        for wanted in state.wanted.values():
            _tell(wanted.loop, wanted.future, None, error)
        state.wanted.clear()

    def _fail_all(self, state: _State) -> None:
        error = ModelError(FailureKind.UNAVAILABLE, "the local engine was closed")
        while True:
            with contextlib.suppress(queue.Empty):
                command = self._inbox.get(block=False)
                if isinstance(command, _Wanted):
                    state.wanted[id(command.request)] = command
                elif isinstance(command, _Update):
                    state.updates.append(command)
                continue
            break
        for wanted in state.wanted.values():
            _tell(wanted.loop, wanted.future, None, error)
        for update in state.updates:
            _tell(update.loop, update.future, None, error)


def _tell(
    loop: asyncio.AbstractEventLoop,
    future: _Answer,
    result: SampledTokens | None,
    error: Exception | None,
) -> None:
    """Answer a future of the event loop from the engine's thread."""

    def tell() -> None:
        if future.done():
            return
        if error is not None:
            future.set_exception(error)
        else:
            future.set_result(result)

    with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits any more
        loop.call_soon_threadsafe(tell)
