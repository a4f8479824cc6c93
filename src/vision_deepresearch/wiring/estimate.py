"""What a run would cost, before it is made: attempts to come, calls of an earlier run, prices.

Nothing is opened and nobody is asked. Without an earlier run of the kind there is no expectation,
only what one call costs and what the caps allow: guesses at a model's habits would look like
knowledge. Everything is on the high side: cached tokens cost as others, nothing is on a tape.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from vision_deepresearch.core.context import SpendKind
from vision_deepresearch.core.record import Record
from vision_deepresearch.models.endpoint import EndpointSettings, priced
from vision_deepresearch.store.ledger import Ledger
from vision_deepresearch.store.tape_files import TapeGroup
from vision_deepresearch.wiring.config import RunConfig, is_hosted
from vision_deepresearch.worlds.live.catalog import ABOUTS, is_live, wanted_by
from vision_deepresearch.worlds.live.paying import price_of

_HOUR_S = 3600.0


class EstimateLine(Record):
    """One kind of call."""

    kind: SpendKind
    provider: str
    per_attempt: float | None
    """Calls of one attempt, on average of the earlier run; None: not known."""
    usd_per_attempt: float | None
    """None: the calls or their price are not known."""
    price: str
    """In words."""


class SetEstimate(Record):
    """What is to be expected of one set of questions."""

    name: str
    attempts: int
    """Still to be made."""
    calls: float | None
    """Calls outside, of any kind; None: no earlier run to go by."""
    usd: float | None
    """None: something is not known."""
    hours: float | None


class Estimate(Record):
    """What is to be expected of a run."""

    attempts: int
    """Still to be made."""
    done: int
    basis: str
    """Where the calls of an attempt come from."""
    lines: tuple[EstimateLine, ...]
    expected_usd: float | None
    """Of all attempts; None: something is not known."""
    at_most_usd: float | None
    """What the caps of dollars allow; None: no cap, there is no upper bound."""
    hours: float | None = None
    """Of all attempts, so many at a time as the run's settings say; None: no earlier run to go by."""
    sets: tuple[SetEstimate, ...] = ()
    """Of a run over public sets, each by itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """An earlier run to go by."""

    name: str
    ledger: Ledger
    recorded: Sequence[TapeGroup]

    def per_attempt(self, kind: SpendKind) -> float:
        """Calls of one attempt, replayed ones included."""
        return self.ledger.calls.get(kind, 0) / self.ledger.trajectories

    def usd_per_call(self, kind: SpendKind) -> float | None:
        """The mean price of recorded calls; None: there are none, or some have no price."""
        groups = [group for group in self.recorded if group.kind == kind.value]
        num = sum(group.recordings for group in groups)
        if not num or any(group.unpriced for group in groups):
            return None
        return sum(group.cost_usd for group in groups) / num


def estimate(
    config: RunConfig,
    *,
    attempts: int,
    done: int,
    measured: Measured | None,
    sets: Mapping[str, int] | None = None,
) -> Estimate:
    """Put it together.

    Args:
        config: resolved.
        attempts: still to be made.
        done: made already.
        measured: an earlier run with at least one trajectory; None: there is none.
        sets: of `attempts`, how many are of which set; None: they are of a world's own tasks.
    """
    lines = [*_engines(config, measured), _model(config, measured), *_readers(config, measured)]
    per_attempt = [line.usd_per_attempt for line in lines]
    known = [usd for usd in per_attempt if usd is not None]
    caps = [cap for cap in (config.budget_usd,) if cap is not None]
    if config.limits.max_usd is not None:
        caps.append(attempts * config.limits.max_usd)
    usd_each = sum(known) if len(known) == len(per_attempt) else None
    hours_each = calls_each = None
    if measured is not None:
        ledger = measured.ledger
        hours_each = ledger.seconds / ledger.trajectories / config.concurrency / _HOUR_S
        calls_each = sum(ledger.calls.values()) / ledger.trajectories
    return Estimate(
        attempts=attempts,
        done=done,
        basis=f"{measured.name} ({measured.ledger.trajectories} trajectories)"
        if measured is not None
        else "no earlier run: make a few attempts first, or name a run with --like",
        lines=tuple(lines),
        expected_usd=_times(attempts, usd_each),
        at_most_usd=min(caps, default=None),
        hours=_times(attempts, hours_each),
        sets=tuple(
            SetEstimate(
                name=name,
                attempts=count,
                calls=_times(count, calls_each),
                usd=_times(count, usd_each),
                hours=_times(count, hours_each),
            )
            for name, count in (sets or {}).items()
        ),
    )


def _times(count: int, each: float | None) -> float | None:
    return None if each is None else count * each


def _engines(config: RunConfig, measured: Measured | None) -> list[EstimateLine]:
    """Calls to the world; several engines of a role are all paid where they are merged."""
    if not is_live(config.world):
        return []
    wanted = wanted_by(config.world)
    roles: Mapping[SpendKind, tuple[str, ...]] = {
        SpendKind.TEXT_SEARCH: wanted.text,
        SpendKind.IMAGE_SEARCH: wanted.pictures[:1],
        SpendKind.PAGE_READ: wanted.readers[:1],
    }
    lines = []
    for kind, names in roles.items():
        is_merged = kind is SpendKind.TEXT_SEARCH and config.live.combine == "merge"
        for name in names if is_merged else names[:1]:
            usd = price_of(ABOUTS[name].price_name, own=config.live.prices)
            words = f"${usd:g} a call" if usd is not None else f"unknown: set live.prices.{name}"
            lines.append(_line(kind, name, measured, usd=usd, words=words))
    return lines


def _model(config: RunConfig, measured: Measured | None) -> EstimateLine:
    """The researcher's own calls, by tokens."""
    kind = SpendKind.MODEL_CALL
    if not is_hosted(config.model):
        return _line(kind, config.model, measured, usd=0.0, words="runs here")
    settings = priced(config.model, config.endpoint)
    per_prompt, per_reply = settings.usd_per_million_prompt, settings.usd_per_million_completion
    if per_prompt is None or per_reply is None:
        words = "unknown: set endpoint.usd_per_million_prompt and ...completion"
        return _line(kind, config.model, measured, usd=None, words=words)
    words = f"${per_prompt:g} and ${per_reply:g} a million tokens"
    line = _line(kind, config.model, measured, usd=None, words=words)
    if measured is None:
        return line
    ledger = measured.ledger
    usd = (ledger.prompt_tokens * per_prompt + ledger.completion_tokens * per_reply) / 1e6
    return line.model_copy(update={"usd_per_attempt": usd / ledger.trajectories})


def _readers(config: RunConfig, measured: Measured | None) -> list[EstimateLine]:
    """Summariser and judge, by what a call of theirs cost on average."""
    roles: list[tuple[SpendKind, str, EndpointSettings | None]] = []
    if is_hosted(config.summariser):
        own = config.summariser_endpoint
        is_shared = own is None and config.summariser == config.model
        roles.append((SpendKind.SUMMARY, config.summariser, config.endpoint if is_shared else own))
    if config.judge_model is not None and is_hosted(config.judge_model):
        roles.append((SpendKind.JUDGE, config.judge_model, config.judge_endpoint))
    lines = []
    for kind, name, settings in roles:
        known = priced(name, settings or EndpointSettings())
        per_prompt, per_reply = known.usd_per_million_prompt, known.usd_per_million_completion
        words = f"unknown: set the prices of {name}"
        if per_prompt is not None and per_reply is not None:
            words = f"${per_prompt:g} and ${per_reply:g} a million tokens"
        usd = measured.usd_per_call(kind) if measured is not None else None
        line = _line(kind, name, measured, usd=usd, words=words)
        if kind is SpendKind.JUDGE:
            # Verdicts are counted in no trajectory: one per attempt, or none where rules decide.
            line = line.model_copy(update={"per_attempt": 1.0, "usd_per_attempt": usd})
        lines.append(line)
    return lines


def _line(
    kind: SpendKind, provider: str, measured: Measured | None, *, usd: float | None, words: str
) -> EstimateLine:
    per_attempt = measured.per_attempt(kind) if measured is not None else None
    cost = 0.0 if usd == 0 or per_attempt == 0 else None
    if usd is not None and per_attempt is not None:
        cost = usd * per_attempt
    return EstimateLine(
        kind=kind,
        provider=provider,
        per_attempt=per_attempt,
        usd_per_attempt=cost,
        price=words,
    )
