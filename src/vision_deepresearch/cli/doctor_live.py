"""What the doctor says of live engines: key there, reachable, a sample, or what to do.

Each engine is asked one question, which costs what a call costs; `--offline` asks none. Nothing is
uploaded without consent: a picture engine is then only told about.
"""

from collections.abc import AsyncIterator

from vision_deepresearch.cli.doctor_checks import Check, Health
from vision_deepresearch.cli.output import counted
from vision_deepresearch.core.content import Picture
from vision_deepresearch.core.errors import BoundaryError, ConfigError, FailureKind
from vision_deepresearch.wiring.live import live_environment, open_live, user_file
from vision_deepresearch.wiring.user_file import user_file_path
from vision_deepresearch.worlds.live.catalog import (
    ABOUTS,
    AUTO,
    CHEAPEST,
    CHEAPEST_PICTURES,
    PREFIX,
    S3_VARIABLES,
    TEXT,
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
    yield check_cheapest(settings)
    yield _as_a_whole(name, settings)


def _left_out(about: About, settings: LiveSettings, *, is_ready: bool) -> Check:
    """An engine that is no part of this world, and what to do to have it."""
    if not is_ready:
        variable = about.base_variable or about.key_variable
        found = f"{_price(about, settings)}; {variable} is not set"
        return Check(name=about.name, health=Health.SKIPPED, found=found)
    found = f"{_price(about, settings)}; ready, no part of this world"
    if about.role is not Role.PICTURE:
        return Check(name=about.name, health=Health.SKIPPED, found=found)
    wants = [] if settings.upload_pictures else [f"your consent (--set {CONSENT}=true)"]
    if about.takes == "url" and settings.image_host == "none":
        wants.append("a bucket that shows pictures by url (--set live.image_host=s3 ...)")
    if about.only_by_name:
        wants.append(f"its name in --world ({PREFIX}...+{about.name})")
    found = f"{found}: it wants {', '.join(wants)}" if wants else found
    return Check(name=about.name, health=Health.SKIPPED, found=found)


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
        words = world.health[about.name].last_words
        return Check(
            name=about.name,
            health=Health.FAIL,
            found=str(error) + (f'; it said: "{words}"' if words else ""),
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
            return f"{counted(len(hits), 'hit')} for {_QUERY!r}" + (
                f", first {hits[0].url}" if hits else ""
            )
        case Role.PICTURE:
            hits = await world.search_image(card, limit=3)
            return f"{counted(len(hits), 'hit')} for a card that is nowhere"
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
    lacks: list[str] = []
    ways: list[str] = []
    if not wanted.text:
        lacks.append("no words can be searched")
        ways.append("export SERPER_API_KEY=... or SEARXNG_URL=... and use live:auto")
    if not wanted.pictures or not settings.upload_pictures:
        lacks.append("no pictures can be searched: modes fall back to zoom and text")
        ways.append(_way_to_pictures())
    return Check(
        name="live world",
        health=Health.WARN if lacks else Health.OK,
        found="; ".join([name, *lacks]),
        remedy="; ".join(ways),
    )


def _way_to_pictures() -> str:
    """The cheapest one."""
    about = ABOUTS[CHEAPEST_PICTURES]
    key = "" if is_ready(about, live_environment()) else f"export {about.key_variable}=... and "
    return (
        f"for pictures, {key}agree with --set {CONSENT}=true ({about.name} takes bytes, no bucket)"
    )


def check_cheapest(settings: LiveSettings) -> Check:
    """The cheapest complete set, with what is there of it and what is not."""
    keys = live_environment()
    words = next((one.about for one in TEXT.values() if is_ready(one.about, keys)), None)
    parts = [words or TEXT["serper"].about, ABOUTS[CHEAPEST_PICTURES], ABOUTS["web"]]
    told = []
    for about in parts:
        state = "ready" if is_ready(about, keys) else f"{about.key_variable} is not set"
        told.append(f"{about.name} ({_price(about, settings)}; {state})")
    return Check(name="cheapest live set", health=Health.SKIPPED, found="; ".join(told), remedy="")


def check_user_file() -> Check:
    """Where keys may stand beside the environment."""
    path = user_file_path()
    try:
        found = user_file()
    except ConfigError as error:
        return Check(name="config file", health=Health.FAIL, found="not used", remedy=str(error))
    if not path.is_file():
        told = f"{path}: none; keys come from the environment"
        return Check(name="config file", health=Health.SKIPPED, found=told)
    consent = {None: "never asked", True: "given", False: "refused"}[found.upload_pictures]
    told = f"{path}: {counted(len(found.keys), 'key')}; consent to send pictures: {consent}"
    return Check(name="config file", health=Health.OK, found=told)


def hint_live() -> Check:
    """For who named another world: what of the live web is ready here, with nobody asked."""
    keys = live_environment()
    ready = [variable for variable in keys if variable not in S3_VARIABLES]
    if not ready:
        found = "no key is set; nothing else needs one"
        return Check(name="live web", health=Health.SKIPPED, found=found, remedy=CHEAPEST)
    return Check(
        name="live web",
        health=Health.SKIPPED,
        found=f"found {', '.join(ready)}; nobody was asked",
        remedy="`vdr doctor --world live:auto` asks each of its engines one question",
    )
