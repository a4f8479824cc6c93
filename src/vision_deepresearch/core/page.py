"""A page as a reader gives it: a window of Markdown, its pictures and links."""

from vision_deepresearch.core.content import ImageRef
from vision_deepresearch.core.record import Record


class PageImage(Record):
    """A picture that stands on a page."""

    src: str
    """Absolute url."""
    alt: str = ""
    caption: str = ""
    width: int | None = None
    """Pixels, as the page says."""
    height: int | None = None


class PageLink(Record):
    """A link of a page."""

    url: str
    """Absolute."""
    text: str


class Page(Record):
    """One window of a page. Windows are cut at headings or paragraphs."""

    url: str
    """As asked for."""
    final_url: str
    """After redirects."""
    title: str
    lang: str = ""
    published: str | None = None
    """ISO date as the page states it."""
    markdown: str
    images: tuple[PageImage, ...] = ()
    links: tuple[PageLink, ...] = ()
    cursor: str | None = None
    """Pass it back to read the next window; None: this was the last."""
    truncated: bool = False
    content_hash: str = ""
    """sha256 of the whole page's Markdown."""
    world_id: str = ""
    doc_id: str = ""


class WorldManifest(Record):
    """What a world is: shown by `vdr world info`, kept in provenance."""

    world_id: str
    """Hash of spec and generator version."""
    kind: str
    """generated, corpus or live."""
    name: str
    format_version: int
    seed: int | None = None
    counts: dict[str, int] = {}
    licences: tuple[str, ...] = ()
    text_index: dict[str, str] = {}
    visual_index: dict[str, str] = {}
    caption_index: dict[str, str] = {}
    """Of the words around pictures; empty: made before there was one."""
    vector_index: dict[str, str] = {}
    """Of pictures as vectors: embedder, its identity, method, numbers; empty: none."""
    spec: dict[str, str | int | float] = {}


class Asset(Record):
    """Bytes of a picture as the world serves them."""

    url: str
    data: bytes
    ref: ImageRef | None = None
    """Known for worlds that keep their pictures by content."""
