"""What `vdr eval sets` does: lists the benchmarks that can be read, and checks a copy of one."""

import asyncio
from collections import Counter
from pathlib import Path

from rich.console import Console

from vision_deepresearch.cli.live import plain
from vision_deepresearch.cli.output import console, counted, print_json
from vision_deepresearch.core.errors import ConfigError
from vision_deepresearch.evals.benchmarks.catalog import SOURCES, source_named
from vision_deepresearch.evals.benchmarks.draft import Source
from vision_deepresearch.evals.benchmarks.manifests import bundled, manifest_of
from vision_deepresearch.evals.benchmarks.reading import SetRead
from vision_deepresearch.media.store import clean
from vision_deepresearch.wiring.benchmark_pictures import fetch_pictures
from vision_deepresearch.wiring.benchmarks import WantedSet, find_set

_EXAMPLES = 3
"""Rejects shown of each reason."""


def sets(
    name: str | None,
    path: str | None,
    *,
    images: Path | None,
    password: str | None,
    manifest: Path | None,
    fetch: Path | None,
    json_wanted: bool,
) -> int:
    """List, describe or check."""
    if path is None and any((images, password, manifest, fetch)):
        msg = "--images, --password, --manifest and --fetch go with a copy: give NAME and PATH"
        raise ConfigError(msg)
    if name is None:
        _list(json_wanted=json_wanted)
        return 0
    if path is None:
        _describe(source_named(name), json_wanted=json_wanted)
        return 0
    if fetch is not None:
        if images is not None:
            msg = "--fetch DIR looks for pictures in DIR already: leave --images out"
            raise ConfigError(msg)
        _fetch(find_set(f"{name}={path}"), fetch, target=console(json_wanted=json_wanted))
        images = fetch
    wanted = find_set(f"{name}={path}", images=images, password=password)
    # Nothing is kept: pictures are decoded as a run would do it, and let go.
    found = wanted.read(put=lambda data: clean(data).ref)
    if manifest is not None:
        _pin(wanted, found, manifest)
    return _tell_check(wanted, found, manifest=manifest, json_wanted=json_wanted)


def _fetch(wanted: WantedSet, into: Path, *, target: Console) -> None:
    found = asyncio.run(fetch_pictures(wanted, into))
    target.print(
        f"{counted(found.fetched, 'picture')} fetched, {found.there} there already, "
        f"{len(found.failed)} failed",
        soft_wrap=True,
    )
    for one in found.failed[:_EXAMPLES]:
        target.print(f"  {plain(one, width=300)}", soft_wrap=True)


def _list(*, json_wanted: bool) -> None:
    if json_wanted:
        print_json({"sets": [_told(source) for source in SOURCES.values()]})
        return
    target = console()
    for source in SOURCES.values():
        sizes = ", ".join(f"{config} {size:,}" for config, size in source.sizes.items())
        lock = " [protected]" if source.protects else ""
        target.print(f"{source.name:16} {source.title}{lock}", soft_wrap=True)
        target.print(f"{'':16} {sizes or 'of any size'}; {source.home}", soft_wrap=True)
    target.print("more of one: vdr eval sets NAME; a copy checked: vdr eval sets NAME PATH")


def _told(source: Source) -> dict[str, object]:
    return {
        "name": source.name,
        "title": source.title,
        "sizes": dict(source.sizes),
        "subsets": [*source.subsets, *bundled(source.name)],
        "columns": [list(group) for group in source.columns],
        "files": list(source.files),
        "home": source.home,
        "licence": source.licence,
        "protected": sorted(source.protects),
        "notes": source.notes,
    }


def _describe(source: Source, *, json_wanted: bool) -> None:
    if json_wanted:
        print_json(_told(source))
        return
    target = console()
    columns = ", ".join(" or ".join(group) for group in source.columns)
    protected = (
        f"{', '.join(sorted(source.protects))}: published encrypted, or asked to be kept from plain "
        "sight; never written in plain text here"
    )
    manifests = [
        f"{one.name} ({one.size}, by ids and hashes)" for one in bundled(source.name).values()
    ]
    for what, told in (
        ("name", f"{source.name} ({source.title})"),
        ("questions", ", ".join(f"{name} {size:,}" for name, size in source.sizes.items())),
        ("subsets", ", ".join([*source.subsets, *manifests])),
        ("columns", columns),
        ("files", ", ".join(source.files)),
        ("get it", source.home),
        ("licence", source.licence),
        ("protected", protected if source.protects else ""),
        ("note", source.notes),
        (
            "run it",
            f"vdr eval run --benchmark {source.name}=PATH[:SUBSET] --out runs/{source.name}",
        ),
    ):
        if told:
            target.print(f"{what:10} {told}", soft_wrap=True)


def _pin(wanted: WantedSet, found: SetRead, path: Path) -> None:
    if path.exists():
        msg = f"expected no file at {str(path)!r}: a manifest is not written over, name another"
        raise ConfigError(msg)
    pinned = manifest_of(found, name=path.stem, origin=f"a copy, tables {wanted.digest()}")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(pinned.model_dump_json() + "\n", encoding="utf-8")


def _tell_check(
    wanted: WantedSet, found: SetRead, *, manifest: Path | None, json_wanted: bool
) -> int:
    problems = wanted.problems(found, is_whole=True)
    contents = Counter(
        (task.question, tuple(ref.sha256 for ref in task.images), task.gold.answers)
        for task in found.tasks
        if task.gold
    )
    told: dict[str, object] = {
        "set": wanted.label,
        "tables": [table.name for table in wanted.tables],
        "digest": wanted.digest(),
        "questions": len(found.tasks),
        "by_config": dict(found.by_config),
        "published": {name: wanted.source.sizes.get(name) for name in found.by_config},
        "pictures": found.num_pictures,
        "clusters": len({task.cluster or task.id for task in found.tasks}),
        "repeated": sum(count - 1 for count in contents.values()),
        "answers": dict(Counter(task.strata.get("answer", "hidden") for task in found.tasks)),
        "protected": sum(task.protected for task in found.tasks),
        "rejected": dict(found.by_reason),
        "rejects": [
            {"place": one.place, "reason": one.reason, "detail": one.detail}
            for one in found.rejects
        ],
        "manifest": str(manifest) if manifest else None,
        "problems": problems,
    }
    if json_wanted:
        print_json(told)
    else:
        _print(console(), told, found=found, problems=problems)
    return 1 if problems else 0


def _print(
    target: Console, told: dict[str, object], *, found: SetRead, problems: list[str]
) -> None:
    """The counts, then what is wrong, by reason."""
    sizes = found.source.sizes
    target.print(f"{told['set']}: {counted(len(found.tasks), 'question')}", soft_wrap=True)
    for config, count in sorted(found.by_config.items()):
        known = f" of {sizes[config]:,} published" if config in sizes else ""
        target.print(f"  {config:20} {count:,}{known}", soft_wrap=True)
    for what in ("pictures", "clusters", "repeated", "answers", "protected", "digest", "manifest"):
        value = told[what]
        shown = (
            ", ".join(f"{name} {count}" for name, count in value.items())
            if isinstance(value, dict)
            else value
        )
        if shown is not None:
            target.print(f"  {what:20} {shown}", soft_wrap=True)
    for reason, count in found.by_reason.items():
        target.print(f"  rejected: {reason} ({count})", soft_wrap=True)
        for one in [one for one in found.rejects if one.reason == reason][:_EXAMPLES]:
            target.print(f"    {plain(f'{one.place}: {one.detail}', width=300)}", soft_wrap=True)
    for problem in problems:
        target.print(f"  not as published: {plain(problem, width=300)}", soft_wrap=True)
    if not problems:
        target.print("  as published, as far as sizes are known" if sizes else "  no bad row")
