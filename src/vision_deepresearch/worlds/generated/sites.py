"""The sites of a generated web: who runs which kinds of pages, how reliable they are, how they look.

Worlds of different splits share no site: names, hosts and the structure of pages differ, so that a
model cannot learn one split's layout by heart and be measured on it.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from typing import Literal

Split = Literal["train", "validation", "test"]


class PageKind(StrEnum):
    """What a page is."""

    ENCYCLOPEDIA = "encyclopedia"
    CATALOGUE = "catalogue"
    NEWS = "news"
    FORUM = "forum"
    GALLERY = "gallery"
    """Several pictures with captions, some of them false."""
    MIRROR = "mirror"
    """A near-copy of an encyclopedia article, some with values that differ."""
    LIST = "list"
    """A table of all things of a kind."""
    DISAMBIGUATION = "disambiguation"
    BLOG = "blog"
    """In the first person, dated; now and then a rumour."""
    LISTICLE = "listicle"
    """Several things of a kind with a fact or two each."""
    SHOP = "shop"
    ARCHIVE = "archive"
    """A dated copy of an encyclopedia article with the values of then."""
    CATEGORY = "category"
    """An index from A to Z of all things of a type."""
    TIMELINE = "timeline"
    """What happened in a decade."""
    PROFILE = "profile"
    """A portrait in questions and answers."""
    STOCK = "stock"
    """One picture for sale; its caption may be false."""

    @property
    def is_index(self) -> bool:
        """Whether it only lists other pages, without a picture."""
        return self in {PageKind.LIST, PageKind.DISAMBIGUATION, PageKind.CATEGORY}

    @property
    def tells_of_one(self) -> bool:
        """Whether it tells of one thing, the first it is about."""
        return self not in _OF_SEVERAL

    @property
    def is_titled_by_thing(self) -> bool:
        """Whether its title is the name of the one thing it tells of, with a word of its site."""
        return self in _TITLED_BY_THING

    @property
    def states_facts(self) -> bool:
        """Whether it tells of one thing as it is now, in its site's own voice: it may be a proof.

        Threads repeat hearsay, archived copies tell how things were.
        """
        return self.tells_of_one and self not in {PageKind.FORUM, PageKind.ARCHIVE}


_OF_SEVERAL = frozenset({
    PageKind.GALLERY,
    PageKind.STOCK,
    PageKind.LIST,
    PageKind.DISAMBIGUATION,
    PageKind.CATEGORY,
    PageKind.LISTICLE,
    PageKind.TIMELINE,
})
_TITLED_BY_THING = frozenset({
    PageKind.ENCYCLOPEDIA,
    PageKind.CATALOGUE,
    PageKind.MIRROR,
    PageKind.SHOP,
    PageKind.ARCHIVE,
})


class Role(StrEnum):
    """What a site is among its kind; every split has one site of each."""

    ENCYCLOPEDIA = "encyclopedia"
    COLLECTION = "collection"
    NEWSPAPER = "newspaper"
    FORUM = "forum"
    PHOTOS = "photos"
    MILL = "mill"
    """Gathers facts from elsewhere, carelessly."""
    MAGAZINE = "magazine"
    BLOG = "blog"
    SHOP = "shop"
    ARCHIVE = "archive"


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """How a site is dressed."""

    shell: str
    """Template of the frame around the content: one per split."""
    infobox: Literal["table", "definitions", "grid"]
    separator: str
    """Between title and site in the title of the window."""
    ink: str
    paper: str
    accent: str
    tint: str
    """Of boxes and heads of tables."""
    font: str
    heading_font: str


@dataclass(frozen=True, kw_only=True)
class Site:
    """One site."""

    role: Role
    name: str
    host: str
    paths: Mapping[PageKind, str]
    """Kinds of pages it has, and the beginning of their paths."""
    reliability: float
    """Share of its pages about one thing that state nothing wrong, in a world of usual errors."""
    suffix: str = ""
    """Behind the thing's name in titles; `{number}` is the page's own."""
    motto: str
    """In its footer."""
    look: Look

    def address(self, kind: PageKind) -> str:
        """What the addresses of its pages of a kind begin with."""
        return f"https://{self.host}{self.paths[kind]}"

    @cached_property
    def window_suffix(self) -> str:
        """Behind the title of a page in the title of its window."""
        return f"{self.look.separator}{self.name}"


USUAL_P_OUTDATED = 0.03
"""The spec's `p_outdated` at which `Site.reliability` holds."""
DEAD_HOSTS = ("www.old-gazetteer.example", "archive.harbour-office.example", "users.dialup.example")
"""Sites that are gone; pages name them as sources, no world has a page of theirs."""


def site_of(kind: PageKind, split: Split) -> Site:
    """The site of a split that has pages of a kind."""
    return _BY_KIND[split, kind]


def sites_of(split: Split) -> tuple[Site, ...]:
    """All sites of a split."""
    return SITES[split]


def address_of(kind: PageKind, split: Split) -> str:
    """What the addresses of pages of a kind begin with."""
    return _ADDRESSES[split, kind]


def all_sites() -> Iterator[Site]:
    """The sites of all splits."""
    for sites in SITES.values():
        yield from sites


def pictures_address(split: Split) -> str:
    """What the addresses of reference pictures begin with."""
    return f"https://img.{_BY_KIND[split, PageKind.ENCYCLOPEDIA].host.removeprefix('www.')}/"


# ----------------------------------------------------------------------------------------- table

_SERIF = "Georgia,'Times New Roman',serif"
_SANS = "'Helvetica Neue',Arial,sans-serif"
_BOOK = "'Palatino Linotype',Palatino,'Book Antiqua',serif"
_ROUND = "Verdana,Geneva,sans-serif"
_TYPE = "'Courier New',Courier,monospace"
_HUMAN = "'Gill Sans','Trebuchet MS',sans-serif"

_KINDS = {
    Role.ENCYCLOPEDIA: (
        PageKind.ENCYCLOPEDIA,
        PageKind.LIST,
        PageKind.DISAMBIGUATION,
        PageKind.CATEGORY,
    ),
    Role.COLLECTION: (PageKind.CATALOGUE,),
    Role.NEWSPAPER: (PageKind.NEWS,),
    Role.FORUM: (PageKind.FORUM,),
    Role.PHOTOS: (PageKind.GALLERY, PageKind.STOCK),
    Role.MILL: (PageKind.MIRROR,),
    Role.MAGAZINE: (PageKind.LISTICLE, PageKind.PROFILE, PageKind.TIMELINE),
    Role.BLOG: (PageKind.BLOG,),
    Role.SHOP: (PageKind.SHOP,),
    Role.ARCHIVE: (PageKind.ARCHIVE,),
}
_RELIABILITY = {
    Role.ENCYCLOPEDIA: 1.0,
    Role.COLLECTION: 0.97,
    Role.NEWSPAPER: 0.97,
    Role.MAGAZINE: 0.97,
    Role.PHOTOS: 1.0,  # states nothing; its captions may name the wrong thing
    Role.SHOP: 0.96,
    Role.BLOG: 0.85,
    Role.MILL: 0.88,
    Role.FORUM: 0.5,
    Role.ARCHIVE: 0.0,  # what changed since is what it is kept for
}


def _site(
    role: Role,
    name: str,
    host: str,
    paths: str,
    motto: str,
    look: Look,
    *,
    suffix: str = "",
) -> Site:
    """A row of the table; `paths` stand in the order of the role's kinds."""
    return Site(
        role=role,
        name=name,
        host=host,
        paths=dict(zip(_KINDS[role], paths.split(), strict=True)),
        reliability=_RELIABILITY[role],
        suffix=suffix,
        motto=motto,
        look=look,
    )


def _look(
    shell: str,
    infobox: Literal["table", "definitions", "grid"],
    separator: str,
    colours: str,
    fonts: tuple[str, str],
) -> Look:
    """A row of the table; `colours` are ink, paper, accent and tint."""
    ink, paper, accent, tint = colours.split()
    return Look(
        shell=shell,
        infobox=infobox,
        separator=separator,
        ink=ink,
        paper=paper,
        accent=accent,
        tint=tint,
        font=fonts[0],
        heading_font=fonts[1],
    )


_A, _B, _C = "classic", "panels", "column"

SITES: dict[Split, tuple[Site, ...]] = {
    "train": (
        _site(
            Role.ENCYCLOPEDIA,
            "Orbipedia",
            "www.orbipedia.example",
            "/wiki/ /wiki/ /wiki/ /wiki/",
            "Text is available under an open licence. Terms of use and privacy policy apply.",
            _look(_A, "table", " - ", "#202122 #ffffff #2a4b8d #eaecf0", (_SANS, _SERIF)),
        ),
        _site(
            Role.COLLECTION,
            "Meridian Collections",
            "catalogue.meridian-collections.example",
            "/item/",
            "All prices include tax. Reproductions by arrangement.",
            _look(_A, "definitions", " | ", "#2d2a26 #fbf9f4 #7a5c2e #f0eadc", (_BOOK, _BOOK)),
            suffix=": item {number}",
        ),
        _site(
            Role.NEWSPAPER,
            "Tidewater Courier",
            "www.tidewater-courier.example",
            "/",
            "Tidewater Courier, printed daily except on Mondays.",
            _look(_A, "table", " | ", "#111111 #fffdf8 #8c1c13 #f1ede4", (_SERIF, _SERIF)),
        ),
        _site(
            Role.FORUM,
            "Lantern Club Boards",
            "boards.lanternclub.example",
            "/t/",
            "Powered by a small machine in a cupboard.",
            _look(_A, "table", " - ", "#1c2833 #eef2f5 #1f618d #d6e4ef", (_ROUND, _ROUND)),
        ),
        _site(
            Role.PHOTOS,
            "Picstack",
            "picstack.example",
            "/album/ /photo/",
            "Pictures belong to those who took them.",
            _look(_A, "definitions", " - ", "#e8e8e8 #191919 #ffb347 #2a2a2a", (_SANS, _SANS)),
        ),
        _site(
            Role.MILL,
            "FactNest",
            "factnest.example",
            "/a/",
            "FactNest gathers facts from open sources without checking them.",
            _look(_A, "grid", " :: ", "#222222 #fffef2 #d35400 #ffe9c7", (_ROUND, _HUMAN)),
            suffix=" facts",
        ),
        _site(
            Role.MAGAZINE,
            "Wayfarer Quarterly",
            "www.wayfarer-quarterly.example",
            "/lists/ /people/ /decades/",
            "Four issues a year, by post and by hand.",
            _look(_A, "table", " | ", "#24302b #fdfcf9 #2e7d5b #e6f0ea", (_HUMAN, _SERIF)),
        ),
        _site(
            Role.BLOG,
            "Notes from the Towpath",
            "towpath-notes.example",
            "/",
            "Written by one person and a dog.",
            _look(_A, "table", " - ", "#33302c #fffaf0 #b0522d #f6e7d3", (_BOOK, _HUMAN)),
        ),
        _site(
            Role.SHOP,
            "Copperplate and Daughters",
            "shop.copperplate.example",
            "/prints/",
            "Orders before noon leave the same day.",
            _look(_A, "grid", " | ", "#1d1d1f #ffffff #0f766e #e4f3f1", (_SANS, _BOOK)),
            suffix=": print {number}",
        ),
        _site(
            Role.ARCHIVE,
            "Stillwater Web Archive",
            "web.stillwater-archive.example",
            "/copy/",
            "Copies are kept as they were found.",
            _look(_A, "definitions", " - ", "#222222 #f7f7f5 #555577 #e3e3ea", (_SERIF, _SANS)),
        ),
    ),
    "validation": (
        _site(
            Role.ENCYCLOPEDIA,
            "Lexarium",
            "lexarium.example",
            "/entry/ /overview/ /entry/ /index/",
            "Entries may be copied with the name of their source.",
            _look(_B, "definitions", " | ", "#1b1b2f #ffffff #5b2a86 #efe8f6", (_BOOK, _HUMAN)),
        ),
        _site(
            Role.COLLECTION,
            "Thornbury Rooms",
            "lots.thornbury-rooms.example",
            "/lot/",
            "A buyer's premium is charged on every lot.",
            _look(_B, "table", " - ", "#20242a #f8f8f6 #8a6d1d #ece6d2", (_SERIF, _SERIF)),
            suffix=", lot {number}",
        ),
        _site(
            Role.NEWSPAPER,
            "The Evening Ferry",
            "eveningferry.example",
            "/story/",
            "The Evening Ferry appears when the last boat is in.",
            _look(_B, "grid", " - ", "#141414 #ffffff #005a9c #e5eef6", (_SANS, _SERIF)),
        ),
        _site(
            Role.FORUM,
            "Gossamer Talk",
            "talk.gossamer.example",
            "/thread/",
            "Be kind; the moderators are asleep.",
            _look(_B, "table", " | ", "#263238 #fafafa #00796b #dff1ee", (_SANS, _SANS)),
        ),
        _site(
            Role.PHOTOS,
            "Shutterbarn",
            "www.shutterbarn.example",
            "/set/ /single/",
            "Every picture may be bought as a print.",
            _look(_B, "grid", " :: ", "#222222 #f4f1ec #a83f39 #e7ddd0", (_HUMAN, _HUMAN)),
        ),
        _site(
            Role.MILL,
            "Knowpile",
            "knowpile.example",
            "/about/",
            "Knowpile piles up what others know.",
            _look(_B, "table", " - ", "#1e272e #fdfdfd #0a3d62 #dfe9f3", (_ROUND, _ROUND)),
            suffix=" at a glance",
        ),
        _site(
            Role.MAGAZINE,
            "Roundabout Monthly",
            "roundabout-monthly.example",
            "/best-of/ /portrait/ /years/",
            "Roundabout Monthly is printed on grey paper.",
            _look(_B, "table", " :: ", "#2b2b2b #fffdfa #c2185b #fbe4ec", (_SERIF, _HUMAN)),
        ),
        _site(
            Role.BLOG,
            "A Kettle and a Map",
            "kettle-and-map.example",
            "/post/",
            "Comments are closed, letters are welcome.",
            _look(_B, "table", " | ", "#2f3e46 #f7fbf9 #52796f #dceae4", (_HUMAN, _BOOK)),
        ),
        _site(
            Role.SHOP,
            "Pennant Stores",
            "pennant-stores.example",
            "/goods/",
            "Returns within a month, in a clean box.",
            _look(_B, "definitions", " - ", "#212121 #ffffff #bf360c #fbe9e2", (_HUMAN, _SANS)),
            suffix=", poster {number}",
        ),
        _site(
            Role.ARCHIVE,
            "Backdated",
            "backdated.example",
            "/snap/",
            "Backdated keeps pages that others forget.",
            _look(_B, "grid", " | ", "#2c2c2c #f2f2ee #6d597a #e6e0ea", (_TYPE, _SANS)),
        ),
    ),
    "test": (
        _site(
            Role.ENCYCLOPEDIA,
            "Compendiary",
            "compendiary.example",
            "/articles/ /tables/ /articles/ /register/",
            "Compendiary is written by readers for readers.",
            _look(_C, "grid", " :: ", "#1f2a24 #fcfdfb #1b5e20 #e4efe5", (_SERIF, _SANS)),
        ),
        _site(
            Role.COLLECTION,
            "Hallmark Registry",
            "objects.hallmark-registry.example",
            "/object/",
            "The Registry answers letters on Thursdays.",
            _look(_C, "definitions", " :: ", "#26221e #fffefb #5d4037 #efe6e0", (_HUMAN, _SERIF)),
            suffix=" (object {number})",
        ),
        _site(
            Role.NEWSPAPER,
            "Northgate Observer",
            "northgate-observer.example",
            "/archive/",
            "Northgate Observer, founded to be read on trains.",
            _look(_C, "table", " :: ", "#0f0f0f #f9f6ef #3e2723 #ece5d8", (_BOOK, _SERIF)),
        ),
        _site(
            Role.FORUM,
            "The Snug",
            "thesnug.example",
            "/topic/",
            "House rules hang beside the dartboard.",
            _look(_C, "table", " - ", "#2b1d0e #fbf4e6 #8d5524 #f1dfc0", (_HUMAN, _HUMAN)),
        ),
        _site(
            Role.PHOTOS,
            "Lightbox Nine",
            "lightbox9.example",
            "/roll/ /frame/",
            "Scans are offered as they are.",
            _look(_C, "grid", " - ", "#dfe6ee #10151b #64b5f6 #1c2733", (_SANS, _SANS)),
        ),
        _site(
            Role.MILL,
            "Allthings Digest",
            "allthings-digest.example",
            "/digest/",
            "Digests are assembled overnight by a programme.",
            _look(_C, "table", " | ", "#111827 #ffffff #b91c1c #fde8e8", (_SANS, _ROUND)),
            suffix=" in brief",
        ),
        _site(
            Role.MAGAZINE,
            "Saltmarsh Review",
            "saltmarsh-review.example",
            "/choices/ /conversations/ /chronicle/",
            "Saltmarsh Review thanks its patient subscribers.",
            _look(_C, "table", " - ", "#22303c #fdfefe #37618e #e2ebf4", (_BOOK, _HUMAN)),
        ),
        _site(
            Role.BLOG,
            "Ink on my Sleeve",
            "inkonmysleeve.example",
            "/entries/",
            "All mistakes are mine.",
            _look(_C, "table", " :: ", "#3a2f3c #fffdfd #7b3f61 #f5e4ec", (_TYPE, _HUMAN)),
        ),
        _site(
            Role.SHOP,
            "Quayside Wares",
            "quayside-wares.example",
            "/ware/",
            "The counter is open until six.",
            _look(_C, "definitions", " | ", "#17202a #fefefe #1a5276 #e3eef6", (_ROUND, _SERIF)),
            suffix=" (sheet {number})",
        ),
        _site(
            Role.ARCHIVE,
            "Yesterpage",
            "yesterpage.example",
            "/kept/",
            "Nothing kept here is corrected.",
            _look(_C, "table", " :: ", "#2a2a2a #f6f4ef #7f5539 #ece2d6", (_SANS, _TYPE)),
        ),
    ),
}

_BY_KIND: dict[tuple[Split, PageKind], Site] = {
    (split, kind): site for split, sites in SITES.items() for site in sites for kind in site.paths
}
_ADDRESSES = {key: site.address(key[1]) for key, site in _BY_KIND.items()}
