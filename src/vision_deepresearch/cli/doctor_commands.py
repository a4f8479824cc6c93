"""What `vdr doctor` does: runs the checks in order and prints each as soon as it is known."""

import asyncio
import random
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack
from pathlib import Path

from pydantic import JsonValue
from rich.text import Text as RichText

from vision_deepresearch.cli.doctor_checks import (
    Check,
    Health,
    check_judges,
    check_machine,
    check_model,
    check_world,
)
from vision_deepresearch.cli.doctor_live import check_live, check_user_file, hint_live
from vision_deepresearch.cli.live import plain
from vision_deepresearch.cli.output import console, print_json
from vision_deepresearch.cli.research import prepare_world, resolve
from vision_deepresearch.core.errors import ConfigError
from vision_deepresearch.media.store import MemoryMediaStore
from vision_deepresearch.media.testcard import draw_testcard
from vision_deepresearch.wiring.cache import cache_folder
from vision_deepresearch.wiring.config import RunConfig, is_hosted
from vision_deepresearch.wiring.judges import make_judge
from vision_deepresearch.wiring.models import ModelShelf, make_profile
from vision_deepresearch.wiring.worlds import open_world
from vision_deepresearch.worlds.live.catalog import is_live

DOCTOR_WORLD = "generated:tiny"
_STYLES = {
    Health.OK: "bold green",
    Health.WARN: "bold yellow",
    Health.FAIL: "bold red",
    Health.SKIPPED: "dim",
}


def doctor(
    *,
    flags: Mapping[str, JsonValue],
    recipe: Path | None,
    overrides: Sequence[str],
    offline: bool,
    json_wanted: bool,
) -> int:
    """Check everything a run with this config needs."""
    config = resolve(
        flags, defaults={"world": DOCTOR_WORLD}, recipe=recipe, overrides=overrides, out=None
    )
    target = console(json_wanted=json_wanted)

    async def look() -> list[Check]:
        seen: list[Check] = []
        async for check in _checks(config, offline=offline, json_wanted=json_wanted):
            seen.append(check)
            target.print(
                RichText.assemble(
                    (f"{check.health.value:8}", _STYLES[check.health]),
                    (f"{check.name:20} ", "bold"),
                    plain(check.found, width=400),
                ),
                soft_wrap=True,
            )
            if check.remedy:
                target.print(f"{'':8}{'':20} -> {check.remedy}", soft_wrap=True)
        return seen

    checks = asyncio.run(look())
    failed = [check for check in checks if check.health is Health.FAIL]
    if json_wanted:
        print_json({
            "ok": not failed,
            "checks": [
                {
                    "name": check.name,
                    "health": check.health.value,
                    "found": check.found,
                    "remedy": check.remedy,
                }
                for check in checks
            ],
        })
    return 1 if failed else 0


async def _checks(config: RunConfig, *, offline: bool, json_wanted: bool) -> AsyncIterator[Check]:
    rng = random.Random(config.seed)
    media = MemoryMediaStore()
    for check in await check_machine(cache_folder()):
        yield check
    user = check_user_file()
    yield user
    if user.health is Health.FAIL:  # whatever needs a key reads it
        return
    if is_live(config.world):
        card, _ = draw_testcard(rng)
        picture = media.picture(media.put(card))
        async for check in check_live(config.world, config.live, card=picture, offline=offline):
            yield check
    else:
        yield hint_live()
        async for check in _world_checks(config, media=media, rng=rng, json_wanted=json_wanted):
            yield check
    async with AsyncExitStack() as stack:
        shelf = ModelShelf(config, media=media, stack=stack)
        async for check in _model_checks(config, shelf=shelf, offline=offline, rng=rng):
            yield check


async def _world_checks(
    config: RunConfig, *, media: MemoryMediaStore, rng: random.Random, json_wanted: bool
) -> AsyncIterator[Check]:
    try:
        folder = prepare_world(config.world, target=console(json_wanted=json_wanted))
        opened = open_world(folder, embedder=config.embedder)
    except ConfigError as error:
        yield Check(
            name="world",
            health=Health.FAIL,
            found=str(error),
            remedy="`vdr world import SOURCE FOLDER` or `vdr world build generated FOLDER`",
        )
        return
    card, _ = draw_testcard(rng)
    for check in await check_world(opened.world, name=config.world, card=card, media=media):
        yield check


async def _model_checks(
    config: RunConfig, *, shelf: ModelShelf, offline: bool, rng: random.Random
) -> AsyncIterator[Check]:
    if not is_hosted(config.model):
        found = f"{config.model}: nothing to reach; name one with --model"
        yield Check(name="model", health=Health.SKIPPED, found=found)
    elif offline:
        yield Check(name="model", health=Health.SKIPPED, found=f"{config.model}: not asked")
    else:
        try:
            model = shelf.researcher()
        except ConfigError as error:
            yield Check(name="model", health=Health.FAIL, found=str(error))
            return
        profile = make_profile(config)
        async for check in check_model(model, profile=profile, media=shelf.media, rng=rng):
            yield check
    try:
        judge = make_judge(config, shelf=shelf, tape=None)
    except ConfigError as error:
        yield Check(name="judge", health=Health.FAIL, found=str(error))
        return
    if config.judge == "rules":
        found = f"{judge.profile_id}: no model; free text is abstained on unless it is equal"
        yield Check(name="judge", health=Health.OK, found=found)
    elif offline:
        yield Check(name="judge", health=Health.SKIPPED, found=f"{judge.profile_id}: not asked")
    else:
        async for check in check_judges(judge):
            yield check
