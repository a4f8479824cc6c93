"""Sources of corpus worlds, told apart by what they are, and what is made of them."""

from contextlib import closing
from pathlib import Path

from vision_deepresearch.core.errors import ConfigError
from vision_deepresearch.wiring.worlds import ProgressBar
from vision_deepresearch.worlds.corpus.build import import_source
from vision_deepresearch.worlds.corpus.folder import FolderSource
from vision_deepresearch.worlds.corpus.grow import add_source
from vision_deepresearch.worlds.corpus.plan import ImportPlan, plan_import
from vision_deepresearch.worlds.corpus.report import ImportReport
from vision_deepresearch.worlds.corpus.source import Source
from vision_deepresearch.worlds.corpus.table import TableSource, holds_tables, is_table_name
from vision_deepresearch.worlds.corpus.warc import WarcSource, is_warc_name
from vision_deepresearch.worlds.corpus.zim import ZimSource


def open_source(path: Path) -> Source:
    """Open what stands at a path: web archives and tables by their names, else documents.

    Raises:
        ConfigError: nothing there, or it cannot be read.
    """
    if path.is_dir():
        if any(is_warc_name(file) for file in path.iterdir()):
            return WarcSource(path)
        return TableSource(path) if holds_tables(path) else FolderSource(path)
    if is_table_name(path):
        return TableSource(path)
    if is_warc_name(path):
        return WarcSource(path)
    if path.is_file():
        return ZimSource(path)
    msg = (
        "expected a ZIM, WARC or parquet file, or a folder of documents or of such, found nothing at "
        f"{str(path)!r}: check the path"
    )
    raise ConfigError(msg)


def plan_corpus(path: Path, *, base_url: str | None) -> ImportPlan:
    """Estimate an import.

    Raises:
        ConfigError: no such source.
    """
    with closing(open_source(path)) as source:
        return plan_import(source, base_url=base_url)


def import_corpus(
    path: Path,
    out: Path,
    *,
    base_url: str | None,
    name: str | None,
    limit: int | None,
    jobs: int = 1,
    progress: ProgressBar,
) -> ImportReport:
    """Make a world of a source; goes on where it was stopped.

    Raises:
        ConfigError: no such source, or the folder holds another world.
    """
    with closing(open_source(path)) as source:
        if source.num_entries == 0:
            msg = (
                f"pages were expected in {str(path)!r}, found nothing: name the folder they are in"
            )
            raise ConfigError(msg)
        report = import_source(
            source, out, base_url=base_url, name=name, limit=limit, jobs=jobs, progress=progress
        )
    if not report.counts.get("pages"):
        msg = (
            f"pages were expected in {str(path)!r}, found none among "
            f"{report.counts.get('entries', 0):,} entries: {out / 'import.json'} lists why"
        )
        raise ConfigError(msg)
    return report


def add_to_corpus(path: Path, world: Path, *, jobs: int, progress: ProgressBar) -> ImportReport:
    """Add what is new or changed in a source to a world.

    Raises:
        ConfigError: no such source or world, or another process adds to it.
    """
    with closing(open_source(path)) as source:
        return add_source(source, world, jobs=jobs, progress=progress)
