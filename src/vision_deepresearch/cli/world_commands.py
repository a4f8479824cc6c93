"""What `vdr world` does, by hand and without an agent."""

import asyncio
import json
from pathlib import Path

from rich.console import Console

from vision_deepresearch.cli.import_report import print_import
from vision_deepresearch.cli.live import plain
from vision_deepresearch.cli.output import console, print_json, progress_bars
from vision_deepresearch.cli.research import open_picture, prepare_world
from vision_deepresearch.core.errors import ConfigError, WorldError
from vision_deepresearch.core.geometry import Box
from vision_deepresearch.core.observation import Evidence
from vision_deepresearch.media.crop import cut
from vision_deepresearch.media.store import MemoryMediaStore
from vision_deepresearch.wiring.worlds import (
    OpenedWorld,
    build_generated,
    import_corpus,
    open_world,
)


def build(
    kind: str, out: Path, *, pages: int, tasks: int, depth: str, seed: int, json_wanted: bool
) -> None:
    """Make a generated world in a folder."""
    if kind != "generated":
        msg = f"unknown kind of world {kind!r}: use generated"
        raise ConfigError(msg)
    target = console(json_wanted=json_wanted)
    with progress_bars(target) as advance:
        build_generated(out, pages=pages, tasks=tasks, depth=depth, seed=seed, progress=advance)
    info(str(out), json_wanted=json_wanted)


def import_source(
    source: Path,
    out: Path,
    *,
    base_url: str | None,
    name: str | None,
    limit: int | None,
    json_wanted: bool,
) -> None:
    """Make a corpus world in a folder and print what was found and what was skipped."""
    target = console(json_wanted=json_wanted)
    with progress_bars(target) as advance:
        report = import_corpus(
            source, out, base_url=base_url, name=name, limit=limit, progress=advance
        )
    if json_wanted:
        print_json(report.model_dump(mode="json"))
    else:
        print_import(target, report, folder=str(out))


def info(world: str, *, json_wanted: bool) -> None:
    """Show the manifest."""
    about = _open(world, json_wanted=json_wanted).world.manifest().model_dump(mode="json")
    if json_wanted:
        print_json(about)
        return
    target = console()
    for name, value in about.items():
        target.print(f"{name:16} {_inline(value)}", soft_wrap=True)


def _inline(value: object) -> str:
    """A value, or the entries of a table, on one line."""
    if isinstance(value, dict):
        return plain(", ".join(f"{key} {item}" for key, item in value.items()), width=2000)
    return plain(str(value), width=2000)


def search(world: str, query: str, *, limit: int, json_wanted: bool) -> None:
    """Text search."""
    if not query.strip():
        msg = "words to search for are needed, got none: write them in quotes after the world"
        raise ConfigError(msg)
    opened = _open(world, json_wanted=json_wanted)
    _show(asyncio.run(opened.world.search_text(query, limit=limit)), json_wanted=json_wanted)


def look(world: str, image: Path, *, box: str | None, limit: int, json_wanted: bool) -> None:
    """Reverse image search with a picture or a part of it."""
    media = MemoryMediaStore()
    data = open_picture(image, target=console(json_wanted=json_wanted))
    media.put(data)
    if box is not None:
        data = cut(data, _parse_box(box))
    picture = media.picture(media.put(data))
    opened = _open(world, json_wanted=json_wanted)
    _show(asyncio.run(opened.world.search_image(picture, limit=limit)), json_wanted=json_wanted)


def read(world: str, url: str, *, cursor: str | None, json_wanted: bool) -> None:
    """A window of a page as Markdown."""
    opened = _open(world, json_wanted=json_wanted)
    try:
        page = asyncio.run(opened.world.read(url, cursor=cursor))
    except WorldError as error:
        raise ConfigError(error.message) from error
    if json_wanted:
        print_json(page.model_dump(mode="json"))
        return
    target = console()
    target.print(f"{plain(page.title)}  {page.final_url}", soft_wrap=True)
    target.print(page.markdown, soft_wrap=True)
    if page.cursor is not None:
        target.print(f"more: --cursor {page.cursor}", soft_wrap=True)


def tasks(world: str, out: Path, *, limit: int, json_wanted: bool) -> None:
    """Write questions and pictures to a folder; gold answers go to a file of their own."""
    opened = _open(world, json_wanted=json_wanted)
    own = opened.own_tasks(limit)
    out.mkdir(parents=True, exist_ok=True)
    questions: list[dict[str, object]] = []
    gold: list[dict[str, object]] = []
    for number, task in enumerate(own):
        files = []
        for index, data in enumerate(opened.pictures_of(task)):
            path = out / f"{number:04d}-{index}.jpg"
            path.write_bytes(data)
            files.append(str(path))
        questions.append({"id": task.id, "images": files, "question": task.question})
        gold.append({"id": task.id, "answers": list(task.gold.answers) if task.gold else []})
    for name, rows in (("questions.jsonl", questions), ("gold.jsonl", gold)):
        text = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
        (out / name).write_text(text)
    if json_wanted:
        print_json({"out": str(out), "tasks": len(questions)})
    else:
        console().print(f"{len(questions)} questions in {out}/questions.jsonl", soft_wrap=True)


def _open(world: str, *, json_wanted: bool) -> OpenedWorld:
    return open_world(prepare_world(world, target=console(json_wanted=json_wanted)))


def _parse_box(text: str) -> Box:
    try:
        return Box.from_thousandths([float(part) for part in text.split(",")])
    except ValueError as error:
        msg = f"--box needs x1,y1,x2,y2 in thousandths, got {text!r}: {error}"
        raise ConfigError(msg) from error


def _show(found: list[Evidence], *, json_wanted: bool) -> None:
    if json_wanted:
        print_json({"hits": [item.model_dump(mode="json", exclude_none=True) for item in found]})
        return
    target: Console = console()
    if not found:
        target.print("no hits")
    for number, item in enumerate(found, start=1):
        score = f"  {item.label or ''} {item.score:.4g}" if item.score is not None else ""
        target.print(f"{number:2}. {plain(item.title)}  {item.url}{score}", soft_wrap=True)
        if item.snippet:
            target.print(f"    {plain(item.snippet, width=300)}", soft_wrap=True)
