"""Live worlds by name: keys from the environment, engines from the catalogue, all put together."""

import os
import random
from collections.abc import Mapping
from dataclasses import dataclass

import httpx2
from pydantic import SecretStr

from vision_deepresearch.calls.policy import CallPolicy, CallSettings
from vision_deepresearch.core.errors import ConfigError, FailureKind, WorldError
from vision_deepresearch.core.mode import mode_named
from vision_deepresearch.sandbox.parsing import ParseLimits
from vision_deepresearch.store.redact import Redactor
from vision_deepresearch.wiring.user_file import UserFile, read_user_file, user_file_path
from vision_deepresearch.worlds.corpus.pdf import require_pdfium
from vision_deepresearch.worlds.fetch.fetcher import MAX_PICTURE_BYTES, Fetcher
from vision_deepresearch.worlds.index.seam import check_server
from vision_deepresearch.worlds.live.catalog import (
    ABOUTS,
    API_READERS,
    AUTO,
    CHEAPEST,
    CHEAPEST_PICTURES,
    KEY_VARIABLES,
    PICTURES,
    S3_VARIABLES,
    TEXT,
    Wanted,
    found_in,
    is_ready,
    wanted_by,
)
from vision_deepresearch.worlds.live.engine import About, NameFailure, PageEngine
from vision_deepresearch.worlds.live.image_host import ImageHost, NoHost, S3Host, S3Place
from vision_deepresearch.worlds.live.looks import LooksEngine
from vision_deepresearch.worlds.live.parsers import Parsers, ParsersApart, ParsersHere
from vision_deepresearch.worlds.live.paying import price_of
from vision_deepresearch.worlds.live.readers import ApiReader
from vision_deepresearch.worlds.live.settings import LiveSettings
from vision_deepresearch.worlds.live.sigv4 import S3Keys
from vision_deepresearch.worlds.live.web import WebReader
from vision_deepresearch.worlds.live.wire import Health, Wire, certificates
from vision_deepresearch.worlds.live.words import WordsEngine
from vision_deepresearch.worlds.live.world import CONSENT, LiveWorld, Parts

LIVE_VARIABLES: tuple[str, ...] = (
    *KEY_VARIABLES,
    *(about.base_variable for about in ABOUTS.values() if about.base_variable),
    *S3_VARIABLES,
)
_PICTURE_TOOLS = frozenset({"crop_and_search", "image_search"})
_MIN_SECRET_CHARS = 8
"""Shorter ones are words for servers that take any key, and pages hold such words."""


def live_environment(environ: Mapping[str, str] = os.environ) -> dict[str, str]:
    """What environment and the user's file hold for live engines: the one place to read them.

    Raises:
        ConfigError: a key with characters that no key has; it is not shown. Or a file that is not
            to be used; see `read_user_file`.
    """
    kept = user_file(environ).keys
    found: dict[str, str] = {}
    for variable in LIVE_VARIABLES:
        value = environ.get(variable, "").strip()
        if not value and variable in kept:
            value = kept[variable].get_secret_value().strip()
        if value and not (value.isascii() and value.isprintable() and " " not in value):
            msg = f"{variable} holds characters that it cannot have: copy it again, on one line"
            raise ConfigError(msg)
        if value:
            found[variable] = value
    return found


def user_file(environ: Mapping[str, str] = os.environ) -> UserFile:
    """The user's own file, or an empty one."""
    return read_user_file(user_file_path(environ), known=frozenset(LIVE_VARIABLES))


def awaiting_consent(world: str, settings: LiveSettings) -> tuple[str, ...]:
    """The picture engines that a name asks for, or that are ready for `live:auto`.

    Raises:
        ConfigError: an engine nobody knows.
    """
    if world != AUTO:
        return wanted_by(world).pictures
    has_host = settings.image_host != "none"
    wanted = found_in(live_environment(), may_upload=True, has_host=has_host)
    return wanted.pictures if wanted is not None else ()


def live_secrets(keys: Mapping[str, str]) -> list[str]:
    """Of these, what must never be stored or shown."""
    found = (keys.get(variable, "") for variable in (*KEY_VARIABLES, *S3_VARIABLES))
    return [key for key in found if len(key) >= _MIN_SECRET_CHARS]


@dataclass(frozen=True, slots=True, kw_only=True)
class ResolvedLive:
    """What a name and a mode mean here."""

    world: str
    mode: str


def resolve_live(
    world: str, *, mode: str, settings: LiveSettings, max_usd: float | None
) -> ResolvedLive:
    """Say what `live:auto` is here, and take picture tools out of a mode that has none.

    `live:auto` without any text engine stays as it is: opening it says what is missing.

    Raises:
        ConfigError: an engine nobody knows, pictures without consent, or a cap without a price.
    """
    if world == AUTO:
        wanted = found_in(
            live_environment(),
            may_upload=settings.upload_pictures,
            has_host=settings.image_host != "none",
        )
        if wanted is None:
            return ResolvedLive(world=world, mode=mode)
    else:
        wanted = wanted_by(world)
    if wanted.pictures and not settings.upload_pictures:
        msg = (
            f"{', '.join(wanted.pictures)} would be sent the pictures of your question and their "
            f"crops: agree with --set {CONSENT}=true, or name engines without it"
        )
        raise ConfigError(msg)
    if max_usd is not None:
        _check_prices(wanted, settings, max_usd=max_usd)
    return ResolvedLive(world=wanted.name(), mode=_mode_for(mode, wanted))


def open_live(
    name: str, settings: LiveSettings, *, seed: int, needs_keys: bool = True
) -> LiveWorld:
    """Put a live world together; nothing is asked yet.

    Args:
        name: a resolved one.
        settings: of the user.
        seed: of the jitter between attempts.
        needs_keys: False in a replay, which asks nobody.

    Raises:
        ConfigError: a key or an address is missing, or an address is none.
    """
    keys = live_environment()
    if name == AUTO:
        msg = f"live:auto found no key of a text engine: {CHEAPEST}"
        raise ConfigError(msg)
    if settings.read_pdf:
        require_pdfium("live.read_pdf")
    wanted = wanted_by(name)
    return _Builder(settings, keys=keys, seed=seed, needs_keys=needs_keys).world(name, wanted)


def live_notes(world: LiveWorld, name: str) -> tuple[str, ...]:
    """What whoever starts a run should know, in plain words."""
    notes = []
    if not world.has_text:
        notes.append("no text engine is set up: pages can be read, not searched")
    if world.has_pictures:
        sent = ", ".join(wanted_by(name).pictures)
        notes.append(f"pictures of the question and their crops are sent to {sent} ({CONSENT})")
        return tuple(notes)
    is_ready_for_it = is_ready(ABOUTS[CHEAPEST_PICTURES], live_environment())
    way = (
        f"google_vision is ready, agree with --set {CONSENT}=true"
        if is_ready_for_it
        else f"GOOGLE_VISION_API_KEY with --set {CONSENT}=true turns it on"
    )
    notes.append(
        "picture search is off, the picture can be looked at with zoom and searched by words; "
        + way
    )
    return tuple(notes)


def _mode_for(mode: str, wanted: Wanted) -> str:
    tools = mode_named(mode).tools
    if wanted.pictures or not _PICTURE_TOOLS.intersection(tools):
        return mode
    return "zoom+ts+python" if "python" in tools else "zoom+ts"


def _check_prices(wanted: Wanted, settings: LiveSettings, *, max_usd: float) -> None:
    names = (*wanted.text, *wanted.pictures, *wanted.readers)
    unknown = [
        name for name in names if price_of(ABOUTS[name].price_name, own=settings.prices) is None
    ]
    if unknown:
        sets = " ".join(f"--set live.prices.{name}=..." for name in unknown)
        msg = (
            f"a cap of {max_usd:g} dollars needs the price of a call to {', '.join(unknown)}, "
            f"which is not known here: {sets}"
        )
        raise ConfigError(msg)


class _Builder:
    """Makes engines with their wires; remembers what has to be closed."""

    def __init__(
        self, settings: LiveSettings, *, keys: Mapping[str, str], seed: int, needs_keys: bool
    ) -> None:
        self._settings = settings
        self._keys = keys
        self._seed = seed
        self._needs_keys = needs_keys
        self._wires: list[Wire] = []
        self._health: dict[str, Health] = {}
        self._redactor = Redactor(live_secrets(keys))
        unknown = sorted({*settings.base_urls, *settings.prices} - set(ABOUTS))
        if unknown:
            msg = f"live.base_urls and live.prices name engines, {unknown[0]!r} is none of {', '.join(ABOUTS)}"
            raise ConfigError(msg)

    def world(self, name: str, wanted: Wanted) -> LiveWorld:
        host = self._host(wanted)
        fetcher = Fetcher(ssl_context=certificates())
        parsers = parsers_for(self._settings)
        text = [
            WordsEngine(
                TEXT[one],
                wire=self._wire(TEXT[one].about, TEXT[one].name_failure),
                key=self._key(TEXT[one].about),
            )
            for one in wanted.text
        ]
        pictures = [
            LooksEngine(
                PICTURES[one],
                wire=self._wire(PICTURES[one].about, PICTURES[one].name_failure),
                key=self._key(PICTURES[one].about),
                host=host,
            )
            for one in wanted.pictures
        ]
        readers = [self._reader(one, fetcher=fetcher, parsers=parsers) for one in wanted.readers]
        own = _OwnAssets(self._settings.assets_at)
        parts = Parts(
            text=text,
            pictures=pictures,
            readers=readers,
            merges_text=self._settings.combine == "merge",
            may_upload=self._settings.upload_pictures,
            settings=self._told(wanted),
        )
        return LiveWorld(
            name,
            parts,
            fetcher=fetcher,
            parsers=parsers,
            assets=own.fetch if self._settings.assets_at else None,
            close=(host.aclose, own.aclose, *(wire.aclose for wire in self._wires)),
            health=self._health,
        )

    def _told(self, wanted: Wanted) -> dict[str, str]:
        """What else decides answers: addresses other than the services' own, and PDF files."""
        names = (*wanted.text, *wanted.pictures, *wanted.readers)
        pdf = {"pdf": "read"} if self._settings.read_pdf else {}
        return pdf | {
            name: self._base(ABOUTS[name])
            for name in names
            if name in self._settings.base_urls or ABOUTS[name].base_variable
        }

    def _reader(self, name: str, *, fetcher: Fetcher, parsers: Parsers) -> PageEngine:
        if name == "web":
            web = WebReader(fetcher, parsers=parsers)
            self._health[name] = web.health
            return web
        provider = API_READERS[name]
        return ApiReader(
            provider,
            wire=self._wire(provider.about, provider.name_failure),
            key=self._key(provider.about),
            checks_urls=self._settings.check_reader_urls,
        )

    def _wire(self, about: About, name_failure: NameFailure | None) -> Wire:
        settings = self._settings
        policy = CallPolicy(
            WorldError,
            rng=random.Random(f"{self._seed}/{about.name}"),
            settings=CallSettings(
                call_s=settings.call_s,
                attempt_s=settings.attempt_s,
                max_attempts=settings.max_attempts,
                concurrency=settings.concurrency,
            ),
        )
        wire = Wire(
            about.name,
            base_url=self._base(about),
            role=about.role,
            policy=policy,
            usd_per_call=price_of(about.price_name, own=settings.prices),
            name_failure=name_failure,
            redactor=self._redactor,
        )
        self._wires.append(wire)
        self._health[about.name] = wire.health
        return wire

    def _base(self, about: About) -> str:
        base = self._settings.base_urls.get(about.name) or self._keys.get(about.base_variable, "")
        base = base or about.base_url
        if not base:
            if not self._needs_keys:
                return ""
            msg = f"{about.name} needs the address of your server: export {about.base_variable}=..."
            raise ConfigError(msg)
        try:
            check_server(base, has_secret=bool(self._keys.get(about.key_variable)))
        except ValueError as reason:
            msg = f"the address of {about.name}: {reason}"
            raise ConfigError(msg) from None
        return base

    def _key(self, about: About) -> SecretStr:
        key = self._keys.get(about.key_variable, "")
        if not key and about.needs_key and self._needs_keys:
            msg = (
                f"{about.name} needs a key: export {about.key_variable}=... (or write it in "
                f"{user_file_path()}) and run again"
            )
            raise ConfigError(msg)
        return SecretStr(key)

    def _host(self, wanted: Wanted) -> ImageHost:
        wants_url = [name for name in wanted.pictures if ABOUTS[name].takes == "url"]
        settings = self._settings
        if settings.image_host == "none":
            if wants_url and self._needs_keys:
                msg = (
                    f"{', '.join(wants_url)} wants the url of a picture: use google_vision, which "
                    "takes bytes, or show pictures from a bucket of yours with --set "
                    "live.image_host=s3 live.s3_endpoint=... live.s3_bucket=..."
                )
                raise ConfigError(msg)
            return NoHost()
        access, secret = (self._keys.get(variable, "") for variable in S3_VARIABLES)
        if not (settings.s3_endpoint and settings.s3_bucket and access and secret):
            msg = (
                "an S3 image host needs live.s3_endpoint, live.s3_bucket and in the environment "
                f"{' and '.join(S3_VARIABLES)}"
            )
            raise ConfigError(msg)
        try:
            check_server(settings.s3_endpoint, has_secret=True)
        except ValueError as reason:
            msg = f"live.s3_endpoint: {reason}"
            raise ConfigError(msg) from None
        keys = S3Keys(access_key=access, secret_key=SecretStr(secret), region=settings.s3_region)
        place = S3Place(endpoint=settings.s3_endpoint, bucket=settings.s3_bucket, keys=keys)
        return S3Host(place)


def parsers_for(settings: LiveSettings) -> Parsers:
    """Who parses what the web serves, as the user set it; no process is started yet."""
    if settings.parsing == "here":
        return ParsersHere(reads_pdf=settings.read_pdf)
    limits = ParseLimits(is_sealed=settings.parsing == "sealed")
    return ParsersApart(reads_pdf=settings.read_pdf, limits=limits)


class _OwnAssets:
    """Pictures of a served world of the user's own, which the guarded fetcher would refuse."""

    def __init__(self, beginnings: tuple[str, ...]) -> None:
        self._beginnings = beginnings
        self._client: httpx2.AsyncClient | None = None
        for beginning in beginnings:
            if not beginning.startswith(("http://", "https://")) or not beginning.endswith("/"):
                msg = f"live.assets_at lists beginnings such as http://127.0.0.1:8780/assets/, got {beginning!r}"
                raise ConfigError(msg)

    async def fetch(self, url: str) -> bytes | None:
        """The bytes, or None where the address is not one of ours."""
        is_plain = ".." not in url and "\\" not in url and "#" not in url
        if not is_plain or not url.startswith(self._beginnings):
            return None
        if self._client is None:
            self._client = httpx2.AsyncClient(
                verify=certificates(), timeout=30.0, follow_redirects=False, trust_env=False
            )
        try:
            async with self._client.stream("GET", url) as reply:
                if reply.status_code != 200:
                    kind = (
                        FailureKind.NOT_FOUND if reply.status_code == 404 else FailureKind.UPSTREAM
                    )
                    raise WorldError(kind, "the served world has no such picture")
                body = bytearray()
                async for piece in reply.aiter_raw():
                    body += piece
                    if len(body) > MAX_PICTURE_BYTES:
                        raise WorldError(FailureKind.TOO_LARGE, "the picture is too large")
                return bytes(body)
        except (httpx2.HTTPError, httpx2.InvalidURL):
            raise WorldError(FailureKind.UPSTREAM, "the served world cannot be reached") from None

    async def aclose(self) -> None:
        client, self._client = self._client, None
        if client is not None:
            await client.aclose()
