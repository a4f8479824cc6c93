"""Samples for many trajectories at once: rows join and leave, what they left behind is kept.

    admit   find what is cached of a stream (its own, or what others share), feed the rest, sample
    step    feed each row its last token and sample the next one
    leave   keep the row's keys and values for the trajectory's next turn

Runs on one thread; nothing in here waits. Pictures enter with the tokens that stand for them, at
explicit positions (P76). A prompt that does not go on from what is cached is cut back to the part
that is the same, pictures compared by content: placeholders alone look alike.
Shapes: R = row of a forward call, Q = its new tokens, T = tokens cached.
"""

import math
import random
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import torch

from vision_deepresearch.core.content import SampledTokens, TokenStop
from vision_deepresearch.core.errors import FailureKind, ModelError
from vision_deepresearch.core.protocols import Sampling
from vision_deepresearch.models.codec.positions import Grid, PositionCursor
from vision_deepresearch.models.local.cache import Block, Kept
from vision_deepresearch.models.local.loading import LoadedModel, text_config
from vision_deepresearch.models.local.sampling import pick

LEAST_SHARED = 32
"""Tokens; a shorter common beginning is fed again."""
CHUNK_TOKENS = 2_048
"""New tokens of one forward call, padding included; a longer prompt is fed in pieces."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlacedPicture:
    """A picture of a stream."""

    start: int
    """Its first placeholder."""
    sha256: str
    grid: Grid
    cut: Callable[[], npt.NDArray[np.float32]]
    """Gives its (P, 1536) patches; called when its placeholders are fed."""

    @property
    def end(self) -> int:
        """Behind its last placeholder."""
        return self.start + self.grid.num_tokens()


@dataclass(slots=True, kw_only=True)
class Request:
    """One reply that is wanted, and how far it is. Mutable: the decoder's alone once admitted."""

    id: str
    """Of the trajectory: under it keys and values are kept from turn to turn."""
    prompt: npt.NDArray[np.int64]
    """The whole stream so far."""
    pictures: tuple[PlacedPicture, ...]
    sampling: Sampling
    """`seed` is taken as it is."""
    rng: random.Random
    ids: list[int] = field(default_factory=list)
    logprobs: list[float] = field(default_factory=list)
    stops: tuple[bytes, ...] = ()
    """Of the sampling, as bytes."""
    tail: bytes = b""
    """Of the text, one byte shorter than the longest stop string."""
    stop: TokenStop | None = None
    """Why it ended; None: it has not."""
    versions: list[int] = field(default_factory=list)
    """Smallest and largest number of the weights that sampled; empty: none yet."""
    error: ModelError | None = None

    def stream(self) -> npt.NDArray[np.int64]:
        """The prompt and what was sampled."""
        return np.concatenate([self.prompt, np.asarray(self.ids, dtype=np.int64)])


@dataclass(slots=True, kw_only=True)
class _Known:
    """Tokens whose keys and values are there, in a row or kept."""

    ids: npt.NDArray[np.int64]
    pictures: tuple[PlacedPicture, ...]
    cursor: PositionCursor
    """Behind the last of them."""


@dataclass(slots=True, kw_only=True)
class _Row:
    request: Request
    known: _Known
    """Its ids as of when the row joined; its cursor moves on."""


@dataclass(slots=True, kw_only=True)
class _Stored:
    known: _Known
    kept: Kept


@dataclass(frozen=True, slots=True, kw_only=True)
class _Donor:
    """Whose first tokens a request can take over: something kept, or a row."""

    known: _Known
    kept: Kept | None
    row: int | None
    num_tokens: int


@dataclass(slots=True, kw_only=True)
class Counts:
    """What was done; for metrics and tests."""

    sampled_tokens: int = 0
    prefilled_tokens: int = 0
    """Tokens of prompts that went through the model."""
    reused_tokens: int = 0
    """Tokens of prompts whose keys and values were there."""
    forward_calls: int = 0
    decode_calls: int = 0
    decode_rows: int = 0
    """Summed over decode calls: with their number, the mean batch."""
    evicted: int = 0
    failed: int = 0


class Decoder:
    """Rows of one model. Not thread-safe: one thread calls it."""

    def __init__(
        self, model: LoadedModel, *, max_rows: int, cache_bytes: int, version: int = 0
    ) -> None:
        """Make nothing yet.

        Args:
            model: weights and vocabulary.
            max_rows: trajectories sampled at a time.
            cache_bytes: of keys and values kept for trajectories that wait; the oldest go first.
            version: number of the weights.
        """
        self._model = model
        self._module = model.module
        text = text_config(self._module)
        assert text.num_key_value_heads is not None, "transformers fills it in"
        assert text.head_dim is not None, "transformers fills it in"
        weight = next(self._module.parameters())
        self._device = weight.device
        self._block = Block(
            num_layers=text.num_hidden_layers,
            num_heads=text.num_key_value_heads,
            head_dim=text.head_dim,
            dtype=weight.dtype,
            device=weight.device,
        )
        self._forbidden = torch.zeros(model.vocabulary.num_ids, dtype=torch.bool)
        self._forbidden[list(model.vocabulary.forbidden_ids)] = True
        self._forbidden = self._forbidden.to(self._device)
        marks = model.codec.encoder
        self._end = marks.control[marks.marks.end]
        self._cache_argument = model.cache_argument
        self._max_rows = max_rows
        self._cache_bytes = cache_bytes
        self._rows: list[_Row] = []
        self._stored: OrderedDict[str, _Stored] = OrderedDict()
        self._stored_bytes = 0
        self.version = version
        self.label = str(version)
        """Stands in `SampledTokens.policy_version`."""
        self.counts = Counts()

    @property
    def num_rows(self) -> int:
        """Trajectories that are sampled now."""
        return len(self._rows)

    def holds(self, request_id: str) -> int:
        """Pictures of a trajectory whose patches will not be asked for again; a hint."""
        stored = self._stored.get(request_id)
        return len(stored.known.pictures) if stored else 0

    def forget(self, request_id: str) -> None:
        """Free what is kept for a trajectory that is over."""
        if (stored := self._stored.pop(request_id, None)) is not None:
            self._stored_bytes -= stored.kept.num_bytes

    def drop_caches(self) -> list[Request]:
        """Forget all keys and values, for other weights; returns the requests that were in rows."""
        open_requests = [row.request for row in self._rows]
        self._rows.clear()
        self._block.clear()
        self._stored.clear()
        self._stored_bytes = 0
        return open_requests

    def leave(self, request_id: str) -> bool:
        """Take a request out of its row; false if it has none."""
        for place, row in enumerate(self._rows):
            if row.request.id == request_id:
                self._leave(place)
                return True
        return False

    # ------------------------------------------------------------------------------------- admit

    def admit(self, requests: Sequence[Request]) -> tuple[list[Request], list[Request]]:
        """Give rows to as many requests as there is room for, and sample their next tokens.

        A request that begins as one does that is being fed right now is left for the next call,
        when it can copy.

        Returns:
            Requests that are done already, and those left over, in order.
        """
        left: list[Request] = []
        starts: list[int] = []
        feeding: set[bytes] = set()
        names = {row.request.id for row in self._rows}
        for request in requests:
            donor = self._donor(request)
            mark = request.prompt[:LEAST_SHARED].tobytes()
            is_doubled = request.id in names or (donor is None and mark in feeding)
            if self.num_rows >= self._max_rows or is_doubled:
                left.append(request)
                continue
            names.add(request.id)
            if donor is None:
                feeding.add(mark)
            starts.append(self._join(request, donor))
        return self._feed(starts), left

    def _donor(self, request: Request) -> "_Donor | None":
        """Cached tokens a request can go on from.

        Its own, else the longest beginning that another trajectory shares with it: siblings share
        their prompt, and all trajectories of a run their system message.
        """
        stream, pictures = request.stream(), request.pictures
        own = self._stored.get(request.id)
        if own is not None:
            num_tokens = min(_common(own.known, stream, pictures), own.kept.num_tokens)
            return _Donor(known=own.known, kept=own.kept, row=None, num_tokens=num_tokens)
        best: _Donor | None = None
        for stored in self._stored.values():
            num_tokens = min(_common(stored.known, stream, pictures), stored.kept.num_tokens)
            if num_tokens >= max(LEAST_SHARED, best.num_tokens + 1 if best else 0):
                best = _Donor(known=stored.known, kept=stored.kept, row=None, num_tokens=num_tokens)
        for place, row in enumerate(self._rows):
            num_tokens = min(_common(row.known, stream, pictures), self._block.lengths[place])
            if num_tokens >= max(LEAST_SHARED, best.num_tokens + 1 if best else 0):
                best = _Donor(known=row.known, kept=None, row=place, num_tokens=num_tokens)
        return best

    def _join(self, request: Request, donor: "_Donor | None") -> int:
        """Give a request a row; returns how many tokens of its stream the row has."""
        stream = request.stream()
        num_tokens, cursor = 0, PositionCursor()
        if donor is None:
            self._block.add(None)
        else:
            num_tokens = min(donor.num_tokens, len(stream) - 1)
            num_tokens = _outside_pictures(num_tokens, request.pictures)
            cursor = _cursor_behind(donor.known, num_tokens, request.pictures)
            kept = donor.kept
            if kept is None:
                assert donor.row is not None
                kept = self._block.copy(donor.row, num_tokens=num_tokens)
            self._block.add(kept, num_tokens=num_tokens)
            self.forget(request.id)
        self.counts.reused_tokens += num_tokens
        known = _Known(ids=stream, pictures=request.pictures, cursor=cursor)
        self._rows.append(_Row(request=request, known=known))
        return num_tokens

    def _feed(self, starts: Sequence[int]) -> list[Request]:
        """Feed what is new of the last rows, in calls of about `CHUNK_TOKENS`, and sample.

        Args:
            starts: per row, tokens that it has already.
        """
        place = self.num_rows - len(starts)
        todo = [self._pieces(self._rows[place + k], start) for k, start in enumerate(starts)]
        done: list[int] = []
        while todo:
            count = _num_together(todo)
            group, todo = todo[:count], todo[count:]
            logits = self._forward(place, [pieces[0] for pieces in group])
            for piece in group[0][1:]:
                logits = self._forward(place, [piece])
            self.counts.prefilled_tokens += sum(len(one.ids) for pieces in group for one in pieces)
            done += self._sample(place, logits)
            place += count
        return self._leave_all(done)

    def _pieces(self, row: _Row, start: int) -> "list[_Piece]":
        """What is to be fed of a stream, cut between pictures."""
        stream, pictures = row.known.ids, row.request.pictures
        pieces: list[_Piece] = []
        while start < len(stream):
            end = _outside_pictures(min(start + CHUNK_TOKENS, len(stream)), pictures, after=start)
            mine = tuple(one for one in pictures if start <= one.start < end)
            mask = np.zeros(end - start, dtype=np.bool_)
            for one in mine:
                mask[one.start - start : one.end - start] = True
            positions = row.known.cursor.advance(mask, [one.grid for one in mine])
            pieces.append(_Piece(ids=stream[start:end], positions=positions, pictures=mine))
            start = end
        return pieces

    # -------------------------------------------------------------------------------------- step

    def step(self) -> list[Request]:
        """Feed every row its last token and sample; returns the requests that are done."""
        if not self._rows:
            return []
        pieces = []
        for row in self._rows:
            position = row.known.cursor.advance([False])
            ids = np.asarray(row.request.ids[-1:], dtype=np.int64)
            pieces.append(_Piece(ids=ids, positions=position, pictures=()))
        self.counts.decode_calls += 1
        self.counts.decode_rows += len(pieces)
        return self._leave_all(self._sample(0, self._forward(0, pieces)))

    def _forward(self, first: int, pieces: "Sequence[_Piece]") -> torch.Tensor:
        """Feed rows from `first` on; returns (R, V) logits behind the last token of each."""
        lengths = [len(piece.ids) for piece in pieces]
        longest = max(lengths)
        ids_RQ = np.full((len(pieces), longest), self._end, dtype=np.int64)
        positions_3RQ = np.zeros((3, len(pieces), longest), dtype=np.int64)
        for place, piece in enumerate(pieces):
            ids_RQ[place, : lengths[place]] = piece.ids
            positions_3RQ[:, place, : lengths[place]] = piece.positions
        pictures = [one for piece in pieces for one in piece.pictures]
        ids = torch.from_numpy(ids_RQ).to(self._device)
        common = {
            "position_ids": torch.from_numpy(positions_3RQ).to(self._device),
            "attention_mask": self._block.begin(first, lengths),
            self._cache_argument: self._block,
            "use_cache": True,
        }
        assert not self._module.training, "a model in training mode drops caches in silence"
        with torch.inference_mode():
            if pictures:
                pixels = np.concatenate([one.cut() for one in pictures])
                hidden_RQ = self._module.model(
                    input_ids=ids,
                    pixel_values=torch.from_numpy(pixels).to(self._device),
                    image_grid_thw=torch.tensor([list(one.grid) for one in pictures]).to(
                        self._device
                    ),
                    mm_token_type_ids=(ids == self._module.config.image_token_id).int(),
                    **common,
                ).last_hidden_state
            else:
                text = self._module.model.language_model
                hidden_RQ = text(input_ids=ids, **common).last_hidden_state
            ends = torch.tensor(lengths, device=self._device) - 1
            hidden_R = hidden_RQ[torch.arange(len(pieces), device=self._device), ends]
            logits: torch.Tensor = self._module.lm_head(hidden_R)
        self._block.commit()
        self.counts.forward_calls += 1
        return logits

    def _sample(self, first: int, logits_RV: torch.Tensor) -> list[int]:
        """Sample one token for each row from `first` on; returns the places of rows that are done."""
        rows = self._rows[first : first + logits_RV.shape[0]]
        ids, logprobs = pick(
            logits_RV,
            temperatures=[row.request.sampling.temperature for row in rows],
            top_p=[row.request.sampling.top_p for row in rows],
            uniforms=[row.request.rng.random() for row in rows],
            forbidden=self._forbidden,
        )
        done: list[int] = []
        for place, row in enumerate(rows):
            if not math.isfinite(logprobs[place]):
                row.request.error = ModelError(
                    FailureKind.UPSTREAM,
                    "the weights give no finite probabilities: training has diverged",
                )
                self.counts.failed += 1
                done.append(first + place)
            elif self._note(row.request, ids[place], logprobs[place]):
                done.append(first + place)
        return done

    def _leave_all(self, places: Sequence[int]) -> list[Request]:
        """Rows that are done leave; from the last one on, for the last row fills the gap."""
        requests = [self._rows[place].request for place in places]
        for place in sorted(places, reverse=True):
            self._leave(place)
        return requests

    def _note(self, request: Request, one: int, logprob: float) -> bool:
        """Add a sampled token; true if it ends the reply."""
        request.ids.append(one)
        request.logprobs.append(logprob)
        oldest = request.versions[0] if request.versions else self.version
        request.versions = [oldest, self.version]
        self.counts.sampled_tokens += 1
        request.stop = self._why_stop(request)
        return request.stop is not None

    def _why_stop(self, request: Request) -> TokenStop | None:
        if request.ids[-1] == self._end:
            return TokenStop.EOS
        text = request.tail + self._model.vocabulary.bytes_of(request.ids[-1])
        if any(stop in text for stop in request.stops):
            return TokenStop.STOP_ID
        keep = max(map(len, request.stops), default=1) - 1
        request.tail = text[max(0, len(text) - keep) :]
        if len(request.ids) >= request.sampling.max_tokens:
            return TokenStop.LENGTH
        return None

    def _leave(self, place: int) -> None:
        """Keep a row's keys and values and free the row."""
        row = self._rows[place]
        num_tokens = self._block.lengths[place]
        known = row.known
        known.ids = row.request.stream()[:num_tokens]
        if row.request.error is None:
            kept = self._block.copy(place, num_tokens=num_tokens)
            self.forget(row.request.id)
            self._stored[row.request.id] = _Stored(known=known, kept=kept)
            self._stored_bytes += kept.num_bytes
        self._block.remove(place)
        self._rows[place] = self._rows[-1]
        self._rows.pop()
        while self._stored_bytes > self._cache_bytes and self._stored:
            _, old = self._stored.popitem(last=False)
            self._stored_bytes -= old.kept.num_bytes
            self.counts.evicted += 1

    def result(self, request: Request) -> SampledTokens:
        """What a request gives; one that was not finished was aborted."""
        return SampledTokens(
            ids=tuple(request.ids),
            logprobs=tuple(request.logprobs),
            policy_version=self.label,
            stop=request.stop or TokenStop.ABORTED,
            version_min=request.versions[0] if request.versions else self.version,
            version_max=request.versions[1] if request.versions else self.version,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Piece:
    """New tokens of one row in one forward call."""

    ids: npt.NDArray[np.int64]
    positions: npt.NDArray[np.int64]
    """(3, Q)."""
    pictures: tuple[PlacedPicture, ...]


def _num_together(todo: "Sequence[Sequence[_Piece]]") -> int:
    """How many of the first rows fit in one call; a row of several pieces goes alone."""
    if len(todo[0]) > 1:
        return 1
    longest, count = 0, 0
    for pieces in todo:
        longest = max(longest, len(pieces[0].ids))
        if len(pieces) > 1 or (count and longest * (count + 1) > CHUNK_TOKENS):
            break
        count += 1
    return count


def _common(known: _Known, stream: npt.NDArray[np.int64], pictures: Sequence[PlacedPicture]) -> int:
    """How many first tokens two streams share, pictures compared by content."""
    shorter = min(len(known.ids), len(stream))
    differs = np.flatnonzero(known.ids[:shorter] != stream[:shorter])
    same = int(differs[0]) if len(differs) else shorter
    for place in range(max(len(known.pictures), len(pictures))):
        ours = known.pictures[place] if place < len(known.pictures) else None
        theirs = pictures[place] if place < len(pictures) else None
        if ours and theirs and (ours.start, ours.sha256) == (theirs.start, theirs.sha256):
            continue
        starts = [one.start for one in (ours, theirs) if one is not None]
        return min(same, *starts)
    return same


def _outside_pictures(
    place: int, pictures: Sequence[PlacedPicture], *, after: int | None = None
) -> int:
    """The place itself, or the start of the picture it would cut; its end if `after` is there."""
    for one in pictures:
        if one.start < place < one.end:
            return one.end if after == one.start else one.start
    return place


def _cursor_behind(
    known: _Known, num_tokens: int, pictures: Sequence[PlacedPicture]
) -> PositionCursor:
    """Where the tokens behind the first `num_tokens` stand."""
    if num_tokens == len(known.ids):
        return known.cursor.copy()
    mask = np.zeros(num_tokens, dtype=np.bool_)
    before = [one for one in pictures if one.end <= num_tokens]
    for one in before:
        mask[one.start : one.end] = True
    cursor = PositionCursor()
    cursor.advance(mask, [one.grid for one in before])
    return cursor
