"""What the doctor says of live engines: key there, reachable, a sample, or what to do.

Each engine is asked one question, which costs what a call costs; `--offline` asks none. Nothing is
uploaded without consent: a picture engine is then only told about.
"""

from collections.abc import AsyncIterator

from vision_deepresearch.cli.doctor_checks import Check, Health
from vision_deepresearch.core.content import Picture
from vision_deepresearch.core.errors import BoundaryError, ConfigError, FailureKind
from vision_deepresearch.wiring.live import live_environment, open_live
from vision_deepresearch.worlds.live.catalog import (
    ABOUTS,
    AUTO,
    CHEAPEST,
    PREFIX,
    is_ready,
    wanted_by,
)
from vision_deepresearch.worlds.live.engine import About, Role
from vision_deepresearch.worlds.live.paying import price_of
from vision_deepresearch.worlds.live.settings import LiveSettings
from vision_deepresearch.worlds.live.world import CONSENT, LiveWorld

_QUERY = "Wikipedia"
_PAGE = "https://en.wikipedia.org/wiki/Main_Page"
_REMEDIES = {
    FailureKind.AUTH: "check the key, whether this service is switched on for it, and the credit "
    "of the account",
    FailureKind.RATE_LIMITED: "wait, or ask for less at a time with --set live.concurrency=1",
    FailureKind.TIMEOUT: "try again, or give it time with --set live.attempt_s=60",
    FailureKind.UNAVAILABLE: "check its address (live.base_urls, SEARXNG_URL); SearXNG needs json "
    "under search.formats in its settings.yml",
    FailureKind.UPSTREAM: "is this machine online, and the address right? Look at the provider's "
    "status page",
    FailureKind.BLOCKED: "a page of your own network, or one that asks not to be read: try another",
}


async def check_live(
    name: str, settings: LiveSettings, *, card: Picture, offline: bool
) -> AsyncIterator[Check]:
    """One check per engine, then one for the set as a whole.

    Args:
        name: a live world's name, resolved or `live:auto`.
        settings: of the user.
        card: a picture of ours, for picture engines.
        offline: ask nobody.
    """
    keys = live_environment()
    wanted = () if name == AUTO else (w := wanted_by(name)).text + w.pictures + w.readers
    for about in ABOUTS.values():
        own = settings.base_urls.get(about.name)
        ready = is_ready(about, keys | ({about.base_variable: own} if own else {}))
        if about.name in wanted and not offline:
            yield await _ask(about, settings, card=card)
        elif about.name in wanted:
            found = f"{_price(about, settings)}; not asked"
            yield Check(name=about.name, health=Health.SKIPPED, found=found)
        else:
            yield _left_out(about, settings, is_ready=ready)
    yield _as_a_whole(name, settings)


def _left_out(about: About, settings: LiveSettings, *, is_ready: bool) -> Check:
    """An engine that is no part of this world, and why."""
    if not is_ready:
        variable = about.base_variable or about.key_variable
        found = f"{about.role.value}: {variable} is not set"
        return Check(name=about.name, health=Health.SKIPPED, found=found)
    found = f"{_price(about, settings)}; could be used, is no part of this world"
    if about.role is not Role.PICTURE or settings.upload_pictures:
        return Check(name=about.name, health=Health.SKIPPED, found=found)
    return Check(
        name=about.name,
        health=Health.WARN,
        found=f"{found}: no picture leaves without consent",
        remedy=f"agree with --set {CONSENT}=true",
    )


async def _ask(about: About, settings: LiveSettings, *, card: Picture) -> Check:
    """One question to one engine, by the same way as a run's."""
    impatient = settings.model_copy(update={"max_attempts": 1})
    try:
        world = open_live(f"{PREFIX}{about.name}", impatient, seed=0)
    except ConfigError as error:
        return Check(name=about.name, health=Health.FAIL, found="not set up", remedy=str(error))
    try:
        found = await _sample(about, world, card=card)
    except BoundaryError as error:
        return Check(
            name=about.name,
            health=Health.FAIL,
            found=str(error),
            remedy=_REMEDIES.get(error.kind, "see docs/live-worlds.md"),
        )
    finally:
        await world.aclose()
    key = "no key" if not live_environment().get(about.key_variable) else "key accepted"
    return Check(
        name=about.name, health=Health.OK, found=f"{_price(about, settings)}; {key}; {found}"
    )


async def _sample(about: About, world: LiveWorld, *, card: Picture) -> str:
    match about.role:
        case Role.TEXT:
            hits = await world.search_text(_QUERY, limit=3)
            return f"{len(hits)} hits for {_QUERY!r}" + (f", first {hits[0].url}" if hits else "")
        case Role.PICTURE:
            hits = await world.search_image(card, limit=3)
            return f"{len(hits)} hits for a card that is nowhere"
        case Role.READER:
            page = await world.read(_PAGE)
            return f"read {page.title!r} ({len(page.markdown):,} characters)"


def _price(about: About, settings: LiveSettings) -> str:
    usd = price_of(about.price_name, own=settings.prices)
    told = "price unknown" if usd is None else "free" if not usd else f"${usd:g} a call"
    return f"{about.role.value}, {told}"


def _as_a_whole(name: str, settings: LiveSettings) -> Check:
    if name == AUTO:
        return Check(
            name="live world",
            health=Health.FAIL,
            found="no text engine is set up",
            remedy=CHEAPEST,
        )
    wanted = wanted_by(name)
    lacks = []
    if not wanted.text:
        lacks.append("no words can be searched")
    if not wanted.pictures or not settings.upload_pictures:
        lacks.append("no pictures can be searched: modes fall back to zoom and text")
    return Check(
        name="live world",
        health=Health.WARN if lacks else Health.OK,
        found="; ".join([name, *lacks]),
        remedy=CHEAPEST if lacks else "",
    )
