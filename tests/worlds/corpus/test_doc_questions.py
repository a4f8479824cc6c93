"""Questions to real documentation, where Debian's packages are installed; else it skips.

The figures of docs/corpus.md; run `python -m tests.worlds.corpus.test_doc_questions` for the table.
"""

import asyncio
import shutil
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.worlds.corpus.doc_questions import ALSO, DRAWN, FACTS, NAMED, OPEN
from vision_deepresearch.worlds.corpus.build import ImportReport, import_source
from vision_deepresearch.worlds.corpus.folder import FolderSource
from vision_deepresearch.worlds.corpus.world import CorpusWorld

PACKAGES = {
    "python": Path("/usr/share/doc/python3.11/html"),
    "postgresql": Path("/usr/share/doc/postgresql-doc-15/html"),
    "sqlite": Path("/usr/share/doc/sqlite3"),
    "git": Path("/usr/share/doc/git/html"),
}
IS_HERE = all((folder / "index.html").exists() for folder in PACKAGES.values())
SETS = {"OPEN": OPEN, "NAMED": NAMED, "DRAWN": DRAWN, "FACTS": FACTS}
BASE = "https://docs.example/"


def make_world(work: Path) -> ImportReport:
    """Copy the packages side by side and import them."""
    for name, folder in PACKAGES.items():
        shutil.copytree(folder, work / "docs" / name, ignore_dangling_symlinks=True)
    return import_source(FolderSource(work / "docs"), work / "world", base_url=BASE)


async def ranks(world: CorpusWorld, questions: Mapping[str, str]) -> dict[str, list[int | None]]:
    """By question: rank of its page, and of the first page that answers."""
    found: dict[str, list[int | None]] = {}
    for question, page in questions.items():
        hits = await world.search_text(question, limit=50)
        paths = [hit.url.removeprefix(BASE) for hit in hits]
        places: list[int | None] = []
        for wanted in ({page}, {page, *ALSO.get(page, ())}):
            at = [rank for rank, path in enumerate(paths, start=1) if path in wanted]
            places.append(at[0] if at else None)
        found[question] = places
    return found


def good(found: Mapping[str, list[int | None]], *, place: int) -> int:
    return sum(places[place] in {1, 2, 3} for places in found.values())


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.skipif(not IS_HERE, reason="Debian's documentation packages are not installed")
async def test_questions_find_their_page_among_the_first_three(tmp_path: Path) -> None:
    report = make_world(tmp_path)
    assert report.counts["pages"] > 2500
    world = CorpusWorld.open(tmp_path / "world")
    floors = {"OPEN": (14, 14), "NAMED": (15, 17), "DRAWN": (16, 18), "FACTS": (15, 18)}
    for name, questions in SETS.items():
        found = await ranks(world, questions)
        assert (good(found, place=0), good(found, place=1)) >= floors[name], name
        assert good(found, place=1) >= floors[name][1], name
    world.close()


def main() -> None:
    """Print the tables."""
    with tempfile.TemporaryDirectory() as work:
        report = make_world(Path(work))
        pages = report.counts["pages"]
        cpu, wall = sum(report.cpu_seconds.values()), sum(report.seconds.values())
        lines = [f"{pages} pages, {pages / cpu:.0f}/s of CPU, {pages / wall:.0f}/s wall"]
        world = CorpusWorld.open(Path(work) / "world")
        for name, questions in SETS.items():
            found = asyncio.run(ranks(world, questions))  # noqa: TID251 - a script
            both = [good(found, place=place) for place in (0, 1)]
            lines.append(f"\n{name}: {both[0]} of 20; with other pages that answer {both[1]}\n")
            lines.append("| question | page | rank |\n| --- | --- | --- |")
            for question, page in questions.items():
                own, any_page = found[question]
                also = f" ({any_page} by another page)" if any_page != own else ""
                lines.append(f"| {question} | `{page}` | {own or '> 50'}{also} |")
        world.close()
    sys.stdout.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
