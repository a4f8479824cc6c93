"""What `vdr world` does, by hand and without an agent."""

import asyncio
import json
from pathlib import Path

from rich.console import Console

from vision_deepresearch.cli.import_report import print_import
from vision_deepresearch.cli.live import plain
from vision_deepresearch.cli.output import console, print_json, progress_bars
from vision_deepresearch.cli.research import open_picture, prepare_world
from vision_deepresearch.core.errors import ConfigError, FailureKind, WorldError
from vision_deepresearch.core.geometry import Box
from vision_deepresearch.core.observation import Evidence
from vision_deepresearch.media.crop import cut
from vision_deepresearch.media.store import MemoryMediaStore
from vision_deepresearch.wiring.corpora import add_to_corpus, import_corpus, plan_corpus
from vision_deepresearch.wiring.embedders import OFF
from vision_deepresearch.wiring.scene_sheet import write_scene_sheet
from vision_deepresearch.wiring.search_server import push_texts
from vision_deepresearch.wiring.worlds import (
    OpenedWorld,
    build_generated,
    embed_folder,
    open_world,
)
from vision_deepresearch.worlds.index.hybrid import STATE
from vision_deepresearch.worlds.index.visual import label_for


def build(
    kind: str,
    out: Path,
    *,
    pages: int,
    tasks: int,
    depth: str,
    pictures: int | None,
    split: str,
    whole_image_filter: bool,
    seed: int,
    embedder: str | None,
    json_wanted: bool,
) -> None:
    """Make a generated world in a folder."""
    if kind != "generated":
        msg = f"unknown kind of world {kind!r}: use generated"
        raise ConfigError(msg)
    target = console(json_wanted=json_wanted)
    with progress_bars(target) as advance:
        build_generated(
            out,
            pages=pages,
            tasks=tasks,
            depth=depth,
            pictures=pictures,
            split=split,
            whole_image_filter=whole_image_filter,
            seed=seed,
            progress=advance,
        )
        if embedder is not None:
            embed_folder(out, embedder=embedder, progress=advance)
    info(str(out), embedder=None, json_wanted=json_wanted)


def import_source(
    source: Path,
    out: Path,
    *,
    base_url: str | None,
    name: str | None,
    limit: int | None,
    jobs: int,
    embedder: str | None,
    json_wanted: bool,
) -> None:
    """Make a corpus world in a folder and print what was found and what was skipped."""
    target = console(json_wanted=json_wanted)
    with progress_bars(target) as advance:
        report = import_corpus(
            source, out, base_url=base_url, name=name, limit=limit, jobs=jobs, progress=advance
        )
        if embedder is not None:
            embed_folder(out, embedder=embedder, progress=advance)
    if json_wanted:
        print_json(report.model_dump(mode="json"))
    else:
        print_import(target, report, folder=str(out))


def add(world: Path, source: Path, *, jobs: int, json_wanted: bool) -> None:
    """Add a source to a corpus world and print what was new."""
    target = console(json_wanted=json_wanted)
    with progress_bars(target) as advance:
        report = add_to_corpus(source, world, jobs=jobs, progress=advance)
    if json_wanted:
        print_json(report.model_dump(mode="json"))
        return
    print_import(target, report, folder=str(world))
    if report.history and not report.already_complete:
        last = report.history[-1]
        target.print(
            f"added     {last.new:,} new pages and {last.changed:,} changed ones of "
            f"{plain(last.source.title)}; {last.unchanged:,} were the same",
            soft_wrap=True,
        )


def plan_import(source: Path, *, base_url: str | None, json_wanted: bool) -> None:
    """Say what an import would give and take, from a sample."""
    plan = plan_corpus(source, base_url=base_url)
    if json_wanted:
        print_json(plan.model_dump(mode="json"))
        return
    target = console()
    classes = ", ".join(f"{name} {count:,}" for name, count in plan.classes.items())
    target.print(f"entries  {plan.entries:,} (sampled {plan.sampled:,}): about {classes}")
    target.print(
        f"import   about {plan.seconds:,.0f} s of one processor ({plan.pages_per_s:,.0f} pages/s), "
        f"{plan.disk_mb:,.0f} MB of disk, at most {plan.memory_mb:,.0f} MB of memory"
    )


def push(world: str, *, to: str, ca_file: Path | None, json_wanted: bool) -> None:
    """Bring a world's texts to a search server; ends with an error where a page was refused."""
    target = console(json_wanted=json_wanted)
    with progress_bars(target) as advance:
        try:
            pushed = asyncio.run(push_texts(world, to=to, ca_file=ca_file, progress=advance))
        except WorldError as error:
            msg = f"{error.message}: mend that and give the same command again, it goes on"
            raise ConfigError(msg) from error
    added, stats = pushed.added, pushed.stats
    if json_wanted:
        print_json({
            "added": added.num_added,
            "known": added.num_known,
            "refused": [{"id": one.id, "reason": one.reason} for one in added.refused],
            "pages": stats.num_pages,
            "names": stats.num_names,
            "engine": stats.engine,
            "complete": pushed.is_complete,
        })
    else:
        target.print(
            f"{stats.num_pages:,} pages and {stats.num_names:,} other names on {stats.engine}: "
            f"{added.num_added:,} added, {added.num_known:,} were there",
            markup=False,
        )
        for one in added.refused[:10]:
            target.print(f"refused: page {one.id}: {one.reason}", markup=False)
    if not pushed.is_complete:
        msg = (
            f"the index lacks pages ({len(added.refused)} were refused) and is not searched: mend "
            "the server and push again"
        )
        raise ConfigError(msg)


def embed(world: str, *, embedder: str, json_wanted: bool) -> None:
    """Make vectors of a world's pictures and show what was made."""
    target = console(json_wanted=json_wanted)
    folder = prepare_world(world, target=target)
    with progress_bars(target) as advance:
        facts = embed_folder(folder, embedder=embedder, progress=advance).vector_index
    if json_wanted:
        print_json(facts)
    else:
        target.print(f"{'vector_index':16} {_inline(facts)}", soft_wrap=True)


def info(world: str, *, embedder: str | None, json_wanted: bool) -> None:
    """Show the manifest; without an embedder as it is stored."""
    opened = _open(world, embedder=embedder or OFF, json_wanted=json_wanted).world.manifest()
    if embedder is None:
        stored = {key: value for key, value in opened.vector_index.items() if key != STATE}
        opened = opened.model_copy(update={"vector_index": stored})
    about = opened.model_dump(mode="json")
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
    if isinstance(value, list):
        return plain(", ".join(str(item) for item in value), width=2000) or "none"
    return "none" if value is None else plain(str(value), width=2000)


def search(world: str, query: str, *, limit: int, json_wanted: bool) -> None:
    """Text search."""
    if not query.strip():
        msg = "words to search for are needed, got none: write them in quotes after the world"
        raise ConfigError(msg)
    opened = _open(world, json_wanted=json_wanted)
    _show(asyncio.run(opened.world.search_text(query, limit=limit)), json_wanted=json_wanted)


def look(
    world: str,
    image: Path,
    *,
    box: str | None,
    limit: int,
    embedder: str | None,
    json_wanted: bool,
) -> None:
    """Reverse image search with a picture or a part of it."""
    media = MemoryMediaStore()
    data = open_picture(image, target=console(json_wanted=json_wanted))
    media.put(data)
    if box is not None:
        data = cut(data, _parse_box(box))
    picture = media.picture(media.put(data))
    opened = _open(world, embedder=embedder, json_wanted=json_wanted)
    _show(asyncio.run(opened.world.search_image(picture, limit=limit)), json_wanted=json_wanted)


def pictures(
    world: str, query: str, *, limit: int, embedder: str | None, json_wanted: bool
) -> None:
    """Pictures by words."""
    if not query.strip():
        msg = "words to search for are needed, got none: write them in quotes after the world"
        raise ConfigError(msg)
    opened = _open(world, embedder=embedder, json_wanted=json_wanted).by_words()
    _show(asyncio.run(opened.image_by_text(query, limit=limit)), json_wanted=json_wanted)


def read(world: str, url: str, *, cursor: str | None, json_wanted: bool) -> None:
    """A window of a page as Markdown."""
    opened = _open(world, json_wanted=json_wanted)
    try:
        page = asyncio.run(opened.world.read(url, cursor=cursor))
    except WorldError as error:
        is_unknown = error.kind is FailureKind.NOT_FOUND
        mend = ": take an address that `vdr world search` prints" if is_unknown else ""
        raise ConfigError(f"{error.message}{mend}") from error
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


def pages(world: str, out: Path, *, kinds: str, limit: int, json_wanted: bool) -> None:
    """Write pages as HTML with their pictures to a folder."""
    opened = _open(world, json_wanted=json_wanted)
    files = opened.save_pages(out, kinds=kinds, limit=limit)
    if json_wanted:
        print_json({"out": str(out), "pages": len(files)})
    else:
        console().print(f"{len(files)} pages, listed in {out}/index.html", soft_wrap=True)


def scenes(world: str, out: Path, *, limit: int, json_wanted: bool) -> None:
    """Draw sample scenes into a folder, with a page that shows them."""
    folder = prepare_world(world, target=console(json_wanted=json_wanted))
    num_scenes = write_scene_sheet(folder, out, limit=limit)
    if json_wanted:
        print_json({"out": str(out), "scenes": num_scenes})
    else:
        console().print(f"{num_scenes} scenes in {out}/index.html", soft_wrap=True)


def _open(world: str, *, json_wanted: bool, embedder: str | None = OFF) -> OpenedWorld:
    """Most commands look at no picture and so need no embedder."""
    folder = prepare_world(world, target=console(json_wanted=json_wanted))
    return open_world(folder, embedder=embedder)


def _parse_box(text: str) -> Box:
    try:
        corners = [float(part) for part in text.split(",")]
        if len(corners) == 4 and max(corners) <= 1:
            msg = "these look like fractions, write 100,100,500,500 for 0.1,0.1,0.5,0.5"
            raise ValueError(msg)
        return Box.from_thousandths(corners)
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
        score = "" if item.score is None else f"  {item.score:.4g}"
        if item.label and item.score is not None:
            score = f"  {item.label} (score {item.score:g})"
        target.print(f"{number:2}. {plain(item.title)}  {item.url}{score}", soft_wrap=True)
        if item.snippet:
            target.print(f"    {plain(item.snippet, width=300)}", soft_wrap=True)
        if item.image_url:
            target.print(f"    {item.image_url}", soft_wrap=True)
    if found and all(item.label == label_for(0) for item in found):
        target.print("none of these pictures matches: they are the nearest there are, strangers")
