"""What `vdr world import` prints: what was found, what was left out and why, how long it took."""

from collections.abc import Mapping

from rich.console import Console

from vision_deepresearch.cli.live import plain
from vision_deepresearch.worlds.corpus.build import ImportReport

SKIPPED_SHOWN = 10
"""Bad entries named on the terminal; import.json has a hundred, world.db all."""
_ENTRIES = "entries: "


def print_import(target: Console, report: ImportReport, *, folder: str) -> None:
    """One line per kind of thing."""
    counts = report.counts
    if report.already_complete:
        target.print(f"this world was complete: nothing was done in {folder}", soft_wrap=True)
    classes = {
        name.removeprefix(_ENTRIES): count
        for name, count in counts.items()
        if name.startswith(_ENTRIES)
    }
    pages = f"{_n(counts, 'pages')} ({_n(counts, 'articles')} articles)"
    aliases = (
        f"{_n(counts, 'aliases')} further names for {_n(counts, 'pages_with_aliases')} of them"
    )
    pictures = (
        f"{_n(counts, 'pictures')}, {_n(counts, 'picture_uses')} uses on "
        f"{_n(counts, 'pages_with_pictures')} pages"
    )
    links = (
        f"{_n(counts, 'written_links')} within ({_n(counts, 'written_links_via_alias')} through "
        f"aliases, {_n(counts, 'written_dead_links')} dead), "
        f"{_n(counts, 'written_external_links')} leave it and are never followed"
    )
    rows = {
        "world": f"{report.name}, {report.base_url}",
        "entries": f"{_n(counts, 'entries')}: {_joined(classes)}",
        "pages": f"{pages}; {aliases}",
        "pictures": f"{pictures}; left out: {_joined(report.pictures_left_out) or 'none'}",
        "links": links,
        "facts": f"{_n(counts, 'facts')} on {_n(counts, 'pages_with_facts')} pages",
        "skipped": f"{_n(counts, 'skipped')} {_joined(report.skipped_by_reason)}",
        "seconds": _joined(report.seconds),
    }
    for name, value in rows.items():
        target.print(f"{name:9} {plain(value, width=2000)}", soft_wrap=True)
    for item in report.skipped[:SKIPPED_SHOWN]:
        target.print(f"{'':9} {plain(item.path)}: {plain(item.reason)}", soft_wrap=True)
    num_more = counts.get("skipped", 0) - SKIPPED_SHOWN
    if num_more > 0:
        target.print(f"{'':9} and {num_more:,} more: {folder}/import.json", soft_wrap=True)
    num_files = classes.get("picture", 0)
    if num_files and not counts.get("pictures"):
        target.print(
            f"note      no picture of the {num_files:,} in the source can be searched: only what a "
            "page shows is kept, at 100 px or more. Show pictures in a page, for example in a "
            "Markdown file: ![what it shows](photo.jpg)",
            soft_wrap=True,
        )
    target.print(f"try       vdr world search {folder} WORDS", soft_wrap=True)


def _n(counts: Mapping[str, int], name: str) -> str:
    return f"{counts.get(name, 0):,}"


def _joined(values: Mapping[str, float]) -> str:
    return ", ".join(f"{name} {value:,.4g}" for name, value in values.items())
