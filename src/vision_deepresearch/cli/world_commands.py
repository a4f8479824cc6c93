"""What `vdr world` does, by hand and without an agent."""

import asyncio
import json
from functools import partial
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
from vision_deepresearch.wiring.search_server import push_texts
from vision_deepresearch.wiring.worlds import (
    OpenedWorld,
    build_generated,
    open_world,
)
from vision_deepresearch.worlds.index.visual import label_for


def build(
    kind: str,
    out: Path,
    *,
    pages: int,
    tasks: int,
    depth: str,
    pictures: int | None,
    seed: int,
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
            seed=seed,
            progress=advance,
        )
    info(str(out), json_wanted=json_wanted)


def import_source(
    source: Path,
    out: Path,
    *,
    base_url: str | None,
    name: str | None,
    limit: int | None,
    jobs: int,
    json_wanted: bool,
) -> None:
    """Make a corpus world in a folder and print what was found and what was skipped."""
    target = console(json_wanted=json_wanted)
    with progress_bars(target) as advance:
        report = import_corpus(
            source, out, base_url=base_url, name=name, limit=limit, jobs=jobs, progress=advance
        )
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


def check(world: str, *, limit: int | None, json_wanted: bool) -> int:
    """Check questions with their proofs, and say which fail what and why."""
    from vision_deepresearch.evals.checker.report import faults_table, summary_table
    from vision_deepresearch.evals.checker.run import Question, check_world

    opened = _open(world, json_wanted=json_wanted)
    questions = [
        Question(task=task, proof=proof, pictures=partial(opened.pictures_of, task))
        for task in opened.own_tasks(limit)
        if opened.truth is not None and (proof := opened.truth.proof(task.id)) is not None
    ]
    target = console(json_wanted=json_wanted)
    with progress_bars(target) as advance:
        checked = asyncio.run(check_world(opened.world, questions, progress=advance))
    if json_wanted:
        print_json(checked.model_dump(mode="json"))
    else:
        read, told = checked.coverage.pages_read, checked.coverage.pages_told
        target.print(f"read {read:,} of {told or 0:,} pages without looking into what made them")
        target.print(summary_table(checked), soft_wrap=True)
        target.print(faults_table(checked.reports), soft_wrap=True)
    return 1 if checked.num_floor_failures else 0


def _open(world: str, *, json_wanted: bool) -> OpenedWorld:
    return open_world(prepare_world(world, target=console(json_wanted=json_wanted)))


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
