"""What `vdr world facts` does: the facts of a page, or pages by a fact."""

import asyncio

from vision_deepresearch.cli.live import plain
from vision_deepresearch.cli.output import console, print_json
from vision_deepresearch.cli.research import prepare_world
from vision_deepresearch.core.errors import ConfigError, FailureKind, WorldError
from vision_deepresearch.wiring.embedders import OFF
from vision_deepresearch.wiring.worlds import open_world
from vision_deepresearch.worlds.corpus.world import FoundFact


def facts(
    world: str, url: str | None, *, label: str | None, value: str, limit: int, json_wanted: bool
) -> None:
    """List the facts of a page, or those with a label over all pages.

    Raises:
        ConfigError: neither or both were asked for, no such page, or another kind of world.
    """
    if (url is None) == (label is None):
        came = "neither" if url is None else "both"
        msg = f"expected the address of a page or --label, got {came}: give one of them"
        raise ConfigError(msg)
    if label is None and value:
        msg = f"expected --label with --value, got --value {value!r} alone: say of what it is"
        raise ConfigError(msg)
    folder = prepare_world(world, target=console(json_wanted=json_wanted))
    opened = open_world(folder, embedder=OFF).as_corpus()
    try:
        found = asyncio.run(
            opened.facts(url)
            if url is not None
            else opened.find_facts(label or "", value, limit=limit)
        )
    except WorldError as error:
        is_unknown = error.kind is FailureKind.NOT_FOUND
        mend = ": take an address that `vdr world search` prints" if is_unknown else ""
        raise ConfigError(f"{error.message}{mend}") from error
    finally:
        opened.close()
    if json_wanted:
        print_json({"facts": [one.model_dump(mode="json") for one in found]})
        return
    _show(found, is_of_one_page=url is not None)


def _show(found: list[FoundFact], *, is_of_one_page: bool) -> None:
    target = console()
    if not found:
        target.print("no facts")
    elif is_of_one_page:
        target.print(f"{plain(found[0].page_title)}  {found[0].page_url}", soft_wrap=True)
    for one in found:
        told = f"{plain(one.label) or '-'}: {plain(one.value, width=600)}"
        link = f"  {one.url}" if one.url else ""
        place = "" if is_of_one_page else f"{plain(one.page_title)}  {one.page_url}\n    "
        target.print(f"{place}{told}{link}", soft_wrap=True, markup=False)
