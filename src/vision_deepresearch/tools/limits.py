"""What one tool call may ask for and give back: one record, so that every cap has one place.

Sources: arXiv 2601.22060 public code for 5 urls, 10 hits per query and 3 hits per crop; the other
caps are ours, because the published tools have none.
"""

from pydantic import Field

from vision_deepresearch.core.record import Record

MAX_SCALES = 3
"""Scales of one call to `crop_and_search`; part of the wire schema, hence no setting."""


class ToolLimits(Record):
    """Caps of one tool call. What goes beyond is skipped, and the observation says so."""

    boxes: int = Field(default=8, gt=0)
    """Boxes of one `crop_and_search`; each is searched at every scale."""
    queries: int = Field(default=10, gt=0)
    """Queries of one `search`."""
    urls: int = Field(default=5, gt=0)
    """Pages of one `visit`."""
    hits_per_region: int = Field(default=3, gt=0)
    """Hits of a crop that are shown; their pages are read."""
    hits_per_picture: int = Field(default=10, gt=0)
    """Hits of a whole-picture search that are shown; pages of the first `hits_per_region` are read.
    Whole pictures bring longer and poorer lists than crops."""
    hits_per_query: int = Field(default=10, gt=0)
    weak_pages: int = Field(default=1, ge=0)
    """Pages read for a crop whose hits are all merely visually similar."""
    page_chars: int = Field(default=48_000, gt=0)
    """Characters of Markdown of one page that are read for a goal, from its beginning or the cursor
    given; what is longer is read on by cursor. Source: 50,000 in arXiv 2601.22060 public code."""
    summary_words: int = Field(default=120, gt=0)
    """Evidence and summary of one page together."""
    snippet_chars: int = Field(default=400, gt=0)
    pictures_per_page: int = Field(default=6, ge=0)
    """Pictures of a visited page that are fetched and named."""
    summary_pictures: int = Field(default=4, ge=0)
    """Pictures of a page handed to a summariser that sees."""
    result_chars: int = Field(default=24_000, ge=2_000)
    """Text of one observation."""
    concurrent: int = Field(default=16, gt=0)
    """Outside requests of one call at the same time."""
    python_timeout_s: float = Field(default=30.0, gt=0)
    """Wall clock of one `python` call. Source: arXiv 2601.22060 public code."""
