"""What an import did, as a record: kept as import.json."""

from vision_deepresearch.core.record import Record
from vision_deepresearch.worlds.corpus.source import SourceAbout


class SkippedEntry(Record):
    """An entry that could not be read."""

    path: str
    reason: str


class Addition(Record):
    """A source that was added to a world later."""

    source: SourceAbout
    parent: str
    """Id of the world it was added to."""
    new: int
    """Pages."""
    changed: int
    unchanged: int


class ImportReport(Record):
    """What an import did; kept as import.json."""

    world_id: str
    name: str
    base_url: str
    source: SourceAbout
    counts: dict[str, int]
    """The manifest's, and the entries of the source by class."""
    seconds: dict[str, float]
    """Wall time by phase, of the run that ended it."""
    cpu_seconds: dict[str, float]
    """Time of the processor by phase."""
    skipped_by_reason: dict[str, int]
    pictures_left_out: dict[str, int]
    """Pictures that a page shows and the world does not keep, by reason."""
    skipped: tuple[SkippedEntry, ...]
    """The first hundred; the table `skipped` of world.db has all."""
    history: tuple[Addition, ...] = ()
    """What was added since, in order."""
    already_complete: bool = False
    """The world was there: nothing was done."""
