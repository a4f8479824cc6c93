"""A run's configuration: its schema, recipes, overrides, and what `auto` means.

Values come as plain tables (a recipe, flags, `--set a.b=1`) and are checked once, here. What is
saved with a run is resolved: no `auto` is left in it.
"""

import json
import math
import re
import tomllib
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal, TypeVar, get_args

from pydantic import BaseModel, Field, JsonValue, ValidationError

from vision_deepresearch.agent.limits import Limits
from vision_deepresearch.core.errors import ConfigError
from vision_deepresearch.core.mode import mode_named
from vision_deepresearch.core.protocols import Sampling
from vision_deepresearch.core.record import Record
from vision_deepresearch.models.endpoint import EndpointSettings, priced
from vision_deepresearch.models.local.settings import LocalSettings
from vision_deepresearch.models.oracle_habits import OracleSettings
from vision_deepresearch.tools.limits import ToolLimits
from vision_deepresearch.wiring.live import awaiting_consent, resolve_live, user_file
from vision_deepresearch.wiring.user_file import keep_consent, user_file_path
from vision_deepresearch.worlds.live.catalog import is_live
from vision_deepresearch.worlds.live.settings import LiveSettings
from vision_deepresearch.worlds.wrappers.noise_settings import NoiseSettings, noise_named

_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+", re.ASCII)
HOSTED = ("openai", "gemini", "anthropic")
"""Providers with an address of their own; any other endpoint is named by its url."""


class NoiseConfig(Record):
    """How badly the world's engine behaves; see docs/engine-behaviour.md."""

    preset: str = "clean"
    """One of the presets: clean, realistic, hostile."""
    seed: int = 0
    """Another seed, other misbehaviour; the world beneath stays the same."""
    knobs: NoiseSettings | None = None
    """In place of the preset's."""
    simulate_images: bool = False
    """Generated worlds: picture search answers from the known boxes instead of looking."""

    @property
    def settings(self) -> NoiseSettings:
        """The knobs that hold.

        Raises:
            ConfigError: no such preset.
        """
        return self.knobs or noise_named(self.preset)[0]


class RunConfig(Record):
    """Everything that determines a run; saved with it as config.toml."""

    model: str = "oracle"
    world: str = "generated:small"
    embedder: str | None = None
    """Of a world with vectors: transformers:PATH, onnx:PATH or off; None: VDR_EMBEDDER."""
    mode: str = "cis+ts"
    profile: Literal["auto", "vdr", "native"] = "auto"
    """`auto`: `native` for hosted providers, else `vdr`, which needs nothing of a server."""
    calls_per_turn: Literal["one", "many"] = "many"
    """Profile `vdr`: released checkpoints were trained with `one`."""
    system_prompt: str | None = None
    """Path of a checkpoint's own system prompt; replaces ours."""
    summariser: str = "auto"
    """Who reads pages for a goal: `passages` (an extract, no model) or the name of a model; `auto`:
    the researcher's own model where that is an endpoint, else `passages`."""
    judge: Literal["rules", "strict", "contains", "hle-json", "simpleqa-abc", "checklist"] = "rules"
    """Who decides where there is a gold answer. All but `rules` ask `judge_model` about free text,
    which rules may not reject; see `judge.profiles`."""
    judge_model: str | None = None
    allow_self_judge: bool = False
    """Whether a model may judge its own answers."""
    tape: str = Field(default="auto", pattern=r"^(off|auto|record|replay|replay-strict)(:.+)?$")
    """MODE or MODE:FILE; without a file the run folder holds the tape, its memo of outside calls."""
    python: Literal["auto", "off", "A", "B", "C"] = "auto"
    """Model-written Python: the strongest sandbox tier that holds here (`auto`: none means off),
    none, or at least the named tier: where it does not hold, nothing starts. `C`: what
    `python_runner` starts, nothing else."""
    python_runner: str | None = None
    """Command of tier C, as a shell would split it: it runs `python -m
    vision_deepresearch.sandbox.inside` somewhere, with its standard input and output attached, as
    `docker run -i` does; the kind of zygote is added as the last argument."""
    today: str = ""
    """ISO date the prompt states; empty: the day the run was made."""
    seed: int = 0
    """Sent with sampled model calls; sibling attempts count on from it, so that they differ."""
    concurrency: int = Field(default=4, ge=1, le=4096)
    """Trajectories at a time."""
    budget_usd: float | None = Field(default=None, ge=0)
    """Dollars of the whole run, every attempt and the judge together; spent, the run stops and the
    same command with more goes on. None: no cap. `limits.max_usd` is that of one trajectory."""
    outage_wait_s: float = Field(default=900.0, ge=0)
    """Of `vdr eval run`: seconds in which work is held back while a provider is down that worked
    before, and attempts that met the outage are made again. 0: they are left for the next command."""
    limits: Limits = Limits()
    sampling: Sampling = Sampling()
    tools: ToolLimits = ToolLimits()
    noise: NoiseConfig = NoiseConfig()
    live: LiveSettings = LiveSettings()
    """Of worlds `live:...`; see docs/live-worlds.md."""
    endpoint: EndpointSettings = EndpointSettings()
    """How the researcher's endpoint is spoken to, and what it costs."""
    summariser_endpoint: EndpointSettings | None = None
    """Of the summariser, where it is another model; None: the defaults."""
    judge_endpoint: EndpointSettings | None = None
    oracle: OracleSettings = OracleSettings()
    """Of the model `oracle`."""
    local: LocalSettings = LocalSettings()
    """Of models `local:PATH`."""


RecordT = TypeVar("RecordT", bound=Record)
AskConsent = Callable[[Sequence[str]], bool | None]
"""Asks the user whether pictures may be sent to these engines; None: nobody is there to ask."""


def recipe_values(
    values: Mapping[str, JsonValue], *, overrides: Sequence[str], kind: str, command: str
) -> dict[str, JsonValue]:
    """A recipe's values with its overrides, without its kind.

    Raises:
        ConfigError: a recipe for another command, or an override that is none.
    """
    merged: dict[str, JsonValue] = dict(values)
    for one in overrides:
        override(merged, one)
    found = merged.pop("kind", kind)
    if found != kind:
        msg = f"this is a recipe of kind {found!r}: `{command}` takes {kind!r}"
        raise ConfigError(msg)
    return merged


def checked(schema: type[RecordT], values: JsonValue, *, table: str | None = None) -> RecordT:
    """Values as settings.

    Raises:
        ConfigError: an unknown key or a value that does not fit; the message names it and the table.
    """
    try:
        return schema.model_validate(values)
    except ValidationError as error:
        told = explain(error, root=schema)
        # Messages of checks of a whole table have no key of their own.
        raise ConfigError(f"table {table!r}: {told}" if table else told) from error


def make_config(
    values: Mapping[str, JsonValue],
    *,
    overrides: Sequence[str] = (),
    ask_consent: AskConsent | None = None,
) -> RunConfig:
    """Check values and `--set a.b=1` overrides against the schema.

    Args:
        values: plain tables.
        overrides: of single values.
        ask_consent: asked once in the user's life, where a live world could send pictures and
            nothing says whether it may.

    Raises:
        ConfigError: an unknown key or a value that does not fit; the message names it.
    """
    merged: dict[str, JsonValue] = dict(values)
    for one in overrides:
        override(merged, one)
    try:
        config = RunConfig.model_validate(merged)
    except ValidationError as error:
        raise ConfigError(explain(error)) from error
    mode_named(config.mode)
    noise_named(config.noise.preset)
    if config.sampling.seed is not None:
        msg = f"sampling.seed is made from seed and attempt, got {config.sampling.seed}: set seed"
        raise ConfigError(msg)
    if config.sampling.reply_schema is not None:
        msg = "sampling.reply_schema is set by who reads the reply: leave it out"
        raise ConfigError(msg)
    config = _resolved(_with_consent(config, ask=ask_consent))
    if not config.today:
        config = config.model_copy(update={"today": datetime.now(UTC).date().isoformat()})
    try:
        datetime.fromisoformat(config.today)
    except ValueError:
        msg = f"today needs an ISO date like 2026-11-23, got {config.today!r}"
        raise ConfigError(msg) from None
    return config


def is_hosted(model: str) -> bool:
    """Whether a name stands for an endpoint that is asked over HTTP."""
    return model.startswith((*(f"{name}:" for name in HOSTED), "http://", "https://"))


def _with_consent(config: RunConfig, *, ask: AskConsent | None) -> RunConfig:
    """Whether pictures may leave, where the configuration does not say: as the user once said."""
    is_said = "upload_pictures" in config.live.model_fields_set
    if is_said or not is_live(config.world) or not awaiting_consent(config.world, config.live):
        return config
    agreed = user_file().upload_pictures
    if agreed is None and ask is not None:
        agreed = ask(awaiting_consent(config.world, config.live))
        if agreed is not None:
            keep_consent(user_file_path(), agreed=agreed)
    if not agreed:
        return config
    live = config.live.model_copy(update={"upload_pictures": True})
    return config.model_copy(update={"live": live})


def _resolved(config: RunConfig) -> RunConfig:
    """Say what `auto` means here, and refuse what does not go together.

    Raises:
        ConfigError: a judge without a model, or a cap of dollars without prices.
    """
    found: dict[str, str] = {}
    if config.profile == "auto":
        is_native = config.model.partition(":")[0] in HOSTED and config.system_prompt is None
        found["profile"] = "native" if is_native else "vdr"
    if config.summariser == "auto":
        found["summariser"] = config.model if is_hosted(config.model) else "passages"
    if (config.judge == "rules") != (config.judge_model is None):
        msg = (
            f"judge {config.judge!r} with judge_model {config.judge_model!r}: 'strict', 'contains' and "
            "the like need a model (--judge strict --judge-model openai:gpt-5), 'rules' takes none"
        )
        raise ConfigError(msg)
    if is_live(config.world):
        live = resolve_live(
            config.world,
            mode=config.mode,
            settings=config.live,
            max_usd=_least_cap(config),
        )
        found |= {"world": live.world, "mode": live.mode}
    resolved = config.model_copy(update=found)
    cap = _least_cap(config)
    if cap is not None:
        _check_prices(resolved, max_usd=cap)
    return resolved


def _least_cap(config: RunConfig) -> float | None:
    """The smaller cap of dollars, of a trajectory or of the run; None: there is none."""
    return min(
        (cap for cap in (config.limits.max_usd, config.budget_usd) if cap is not None), default=None
    )


def _check_prices(config: RunConfig, *, max_usd: float) -> None:
    """Refuse a cap for a researcher, summariser or (with a cap of the run) judge without prices."""
    own = config.summariser_endpoint
    is_shared = own is None and config.summariser == config.model
    roles = [
        ("endpoint", config.model, config.endpoint),
        *([] if is_shared else [("summariser_endpoint", config.summariser, own)]),
    ]
    if config.budget_usd is not None and config.judge_model is not None:
        is_own = config.judge_endpoint is None and config.judge_model == config.model
        settings = config.endpoint if is_own else config.judge_endpoint
        roles.append(("judge_endpoint", config.judge_model, settings))
    refuse_unpriced(roles, max_usd=max_usd)


def refuse_unpriced(
    roles: Sequence[tuple[str, str, EndpointSettings | None]], *, max_usd: float
) -> None:
    """Refuse a cap that calls without a price would never reach.

    Args:
        roles: table of its endpoint, model, endpoint, of each who is asked.
        max_usd: the cap.

    Raises:
        ConfigError: one of them is asked over HTTP at no known price.
    """
    for table, model, settings in roles:
        known = priced(model, settings or EndpointSettings())
        is_priced = (
            known.usd_per_million_prompt is not None
            and known.usd_per_million_completion is not None
        )
        if is_hosted(model) and not is_priced:
            msg = (
                f"a cap of {max_usd:g} dollars needs the price of {model!r}: "
                f"--set {table}.usd_per_million_prompt=... "
                f"--set {table}.usd_per_million_completion=..."
            )
            raise ConfigError(msg)


def load_recipe(path: Path) -> dict[str, JsonValue]:
    """Read a TOML recipe.

    Raises:
        ConfigError: no such file, or no TOML; the message says where.
    """
    try:
        return tomllib.loads(path.read_text())
    except OSError as error:
        msg = f"a recipe is a TOML file, but {str(path)!r} cannot be read: {error.strerror}"
        raise ConfigError(msg) from error
    except ValueError as error:
        msg = f"{str(path)!r} is no TOML: {error}"
        raise ConfigError(msg) from error


def stored_today(out: Path) -> str:
    """The date of an earlier run in this folder; "" when there was none that can be read."""
    try:
        stored = tomllib.loads((out / "config.toml").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return ""  # the folder says so itself when it is opened
    return str(stored.get("today", ""))


def to_toml(values: Mapping[str, JsonValue], *, prefix: str = "") -> str:
    """Write plain values and nested tables as TOML; keys in the order given.

    Raises:
        ConfigError: a value that TOML has no word for: a half of a character, as in a path that is
            no UTF-8, or no number (nan), which equals nothing, itself included.
    """
    lines: list[str] = []
    tables: list[str] = []
    for key, value in values.items():
        name = key if _BARE_KEY.fullmatch(key) else _toml_text(key)
        if isinstance(value, dict):
            place = f"{prefix}{name}"
            tables.append(f"\n[{place}]\n" + to_toml(value, prefix=f"{place}."))
        elif value is not None:
            lines.append(f"{name} = {_toml_value(value)}\n")
    return "".join(lines) + "".join(tables)


def _toml_value(value: JsonValue) -> str:
    """A value on one line; null, which TOML does not have, is left out of lists and tables."""
    match value:
        case str():
            return _toml_text(value)
        case list():
            return f"[{', '.join(_toml_value(one) for one in value if one is not None)}]"
        case dict():
            pairs = (
                f"{_toml_text(key)} = {_toml_value(one)}"
                for key, one in value.items()
                if one is not None
            )
            return f"{{{', '.join(pairs)}}}"
        case float() if math.isinf(value):
            return "inf" if value > 0 else "-inf"
        case float() if math.isnan(value):
            msg = "a config value needs to be a number, got nan: give a number or leave it out"
            raise ConfigError(msg)
        case _:
            return json.dumps(value)


def _toml_text(text: str) -> str:
    # JSON writes characters beyond the first plane as two halves, which TOML refuses.
    try:
        text.encode()
    except UnicodeEncodeError:
        msg = f"a config value needs text in UTF-8, got {text!r}: rename the file or the value"
        raise ConfigError(msg) from None
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def override(merged: dict[str, JsonValue], setting: str) -> None:
    """Put `a.b=1` into plain values.

    Raises:
        ConfigError: it has no such form.
    """
    key, separator, text = setting.partition("=")
    if not separator or not key.strip():
        msg = f"--set needs key=value, got {setting!r}: for example --set limits.max_turns=20"
        raise ConfigError(msg)
    try:
        value = tomllib.loads(f"value = {text}")["value"]
    except ValueError:
        value = text
    place = merged
    *parents, last = key.strip().split(".")
    for parent in parents:
        child = place.get(parent, {})
        if not isinstance(child, dict):
            msg = f"--set {key}: {parent!r} is a value, not a table of values"
            raise ConfigError(msg)
        place[parent] = child = dict(child)
        place = child
    place[last] = value


def explain(error: ValidationError, *, root: type[BaseModel] | None = None) -> str:
    """What is wrong with which key, in words; `root` is the schema, a run's where none is named."""
    lines = []
    for item in error.errors(include_url=False):
        key = ".".join(str(part) for part in item["loc"])
        if item["type"] == "extra_forbidden":
            model = _schema_at(root or RunConfig, item["loc"][:-1])
            lines.append(f"unknown config key {key!r}: use one of {', '.join(model.model_fields)}")
        else:
            lines.append(f"config key {key!r}: {item['msg']}, got {item['input']!r}")
    return "; ".join(lines)


def _schema_at(root: type[BaseModel], place: Sequence[str | int]) -> type[BaseModel]:
    """The schema of the table at a place: that of the root where it holds none."""
    model = root
    for part in place:
        field = model.model_fields.get(str(part))
        annotations = (field.annotation, *get_args(field.annotation)) if field else ()
        inner = [one for one in annotations if isinstance(one, type) and issubclass(one, BaseModel)]
        if not inner:
            return root
        model = inner[0]
    return model
