"""The ZIM source: both schemes of names, redirects, damage, and files that are none."""

import random
import sys
from collections import Counter
from pathlib import Path

import pytest
from libzim.writer import Creator, Hint, Item, StringProvider
from typing_extensions import override

from tests.worlds.corpus.zim_files import Put, damage_content, write_zim
from vision_deepresearch.core.errors import ConfigError
from vision_deepresearch.worlds.corpus import zim
from vision_deepresearch.worlds.corpus.source import (
    AliasEntry,
    BadEntry,
    Entry,
    OtherEntry,
    PageEntry,
    PictureEntry,
)
from vision_deepresearch.worlds.corpus.zim import ZimSource

REAL = (
    Path(__file__).resolve().parents[3]
    / "../shared/data/worlds/wikipedia_en_ray_charles_2015-06.zim"
)
needs_real = pytest.mark.skipif(not REAL.exists(), reason="the shared ZIM is not here")

OLD = [
    Put(path="-/style.css", content=b"p{}", mimetype="text/css"),
    Put(path="A/Cry.html", content=b"<p>Cry", title="Cry (song)"),
    Put(path="A/Home.htm", content=b"<a href=Cry.html>", title="Home.htm"),
    Put(path="A/cry.html", title="cry", to="A/Cry.html"),
    Put(path="A/picture", content=b"GIF89a", mimetype="image/gif"),
    Put(path="I/m/page", content=b"<p>here?", title="Page among pictures"),
    Put(path="M/Title", content=b"A small file", mimetype="text/plain"),
    Put(path="M/License", content=b"CC BY-SA", mimetype="text/plain"),
]


class _Written(Item):
    """What libzim's writer wants."""

    def __init__(self, path: str, title: str, mimetype: str, content: bytes) -> None:
        super().__init__()
        self._told = (path, title, mimetype, content)

    @override
    def get_path(self) -> str:
        return self._told[0]

    @override
    def get_title(self) -> str:
        return self._told[1]

    @override
    def get_mimetype(self) -> str:
        return self._told[2]

    @override
    def get_contentprovider(self) -> StringProvider:
        return StringProvider(self._told[3])

    @override
    def get_hints(self) -> dict[Hint, int]:
        return {}


ODD_PAGES = ("a & b.html", 'What\'s "this"?', "#1 hit", "two words", "Ünïcödé/東京", "100 %_(x)")


@pytest.fixture(scope="module")
def modern(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file of the new scheme by libzim's writer: odd names, a picture, redirects, metadata."""
    file = tmp_path_factory.mktemp("modern") / "modern.zim"
    with Creator(file).config_indexing(True, "eng") as creator:
        creator.set_mainpath("index")
        creator.add_item(_Written("index", "Start", "text/html; charset=utf-8", b"<p>start"))
        creator.add_item(_Written("Title", "A page called Title", "text/html", b"<p>of a page"))
        for path in ODD_PAGES:
            creator.add_item(_Written(path, f"T {path}", "text/html", f"<p>{path}".encode()))
        creator.add_item(_Written("pics/Ü 1.JPG", "", "image/jpeg", b"\xff\xd8\xff picture"))
        creator.add_item(_Written("empty.html", "Empty", "text/html", b" \n"))
        creator.add_item(_Written("empty.png", "", "image/png", b""))
        creator.add_redirection("One", "First name", "two words", {})
        creator.add_redirection("Two_names", "", "One", {})
        creator.add_redirection("pic", "pic", "pics/Ü 1.JPG", {})
        creator.add_metadata("Title", "Modern things")
        creator.add_metadata("License", "CC0")
        creator.add_metadata("Language", "eng")
        creator.add_metadata("Name", "modern_en")
        creator.add_metadata("Date", "2024-05-06")
        creator.add_illustration(48, b"\x89PNG")
    return file


def by_path(file: Path) -> dict[str, Entry]:
    return {entry.path: entry for entry in ZimSource(file).entries()}


def classes(file: Path) -> Counter[str]:
    return Counter(
        entry.what if isinstance(entry, OtherEntry) else type(entry).__name__
        for entry in ZimSource(file).entries()
    )


# ------------------------------------------------------------------------------- what is inside


@needs_real
def test_the_real_file_has_the_entries_its_readme_counts() -> None:
    source = ZimSource(REAL)
    entries = list(source.entries())
    assert source.num_entries == len(entries) == 458
    assert sum(isinstance(one, PageEntry) for one in entries) == 85
    assert sum(isinstance(one, PictureEntry) for one in entries) == 211
    aliases = [one for one in entries if isinstance(one, AliasEntry)]
    assert sum(one.target.startswith("A/") for one in aliases) == 151
    assert [one.path for one in aliases if one.target[:2] != "A/"] == ["-/favicon"]
    others = Counter(one.what for one in entries if isinstance(one, OtherEntry))
    assert others == {"metadata": 7, "other": 3}  # css, js, ogg; the favicon is an alias
    assert {one.title for one in aliases} >= {"SCMODS", "Three orange whips"}
    assert [one.index for one in entries] == list(range(458))


@needs_real
def test_the_real_file_says_what_it_is() -> None:
    about = ZimSource(REAL).about()
    assert (about.kind, about.title, about.language) == ("zim", "Wikipedia", "eng")
    assert about.identity == "f4b02dd5-c092-e894-419e-265c2310b88d"
    assert (about.date, about.main_path) == ("2015-06-02", "A/index.htm")
    assert about.facts["publisher"] == "Kiwix"
    assert (about.facts["scheme"], about.facts["checksum"]) == ("old", "right")


@needs_real
def test_every_picture_of_the_real_file_can_be_read() -> None:
    source = ZimSource(REAL)
    pictures = [one for one in source.entries() if isinstance(one, PictureEntry)]
    assert all(source.read_picture(one.path) for one in pictures)
    assert source.read_picture("-/favicon") == source.read_picture("I/favicon.png")


def test_the_old_scheme_is_read_by_media_type_and_keeps_its_prefixes(tmp_path: Path) -> None:
    file = write_zim(tmp_path / "old.zim", OLD, main="A/Home.htm")
    found = by_path(file)
    cry = found["A/Cry.html"]
    assert isinstance(cry, PageEntry)
    assert (cry.title, cry.body) == ("Cry (song)", b"<p>Cry")
    home = found["A/Home.htm"]
    assert isinstance(home, PageEntry)
    assert home.title == "", "a title that is the name of the file again is none"
    assert isinstance(found["A/picture"], PictureEntry)
    assert isinstance(found["I/m/page"], PageEntry)
    alias = found["A/cry.html"]
    assert isinstance(alias, AliasEntry)
    assert (alias.title, alias.target) == ("cry", "A/Cry.html")
    assert classes(file)["metadata"] == 2
    about = ZimSource(file).about()
    assert (about.title, about.licences, about.main_path) == (
        "A small file",
        ("CC BY-SA",),
        "A/Home.htm",
    )


def test_the_new_scheme_has_paths_without_prefix_and_content_apart(modern: Path) -> None:
    found = by_path(modern)
    for path in ODD_PAGES:
        page = found[path]
        assert isinstance(page, PageEntry)
        assert (page.title, page.body) == (f"T {path}", f"<p>{path}".encode())
    counted = classes(modern)
    assert counted["PageEntry"] == len(ODD_PAGES) + 2
    assert counted["PictureEntry"] == 2
    assert counted["AliasEntry"] == 3
    assert counted["metadata"] == 7, "five of ours, the counter, and the illustration"
    assert counted["bookkeeping"] >= 2, "the main page's own redirect and the listings"
    about = ZimSource(modern).about()
    assert (about.title, about.licences, about.main_path) == ("Modern things", ("CC0",), "index")
    assert about.facts["name"] == "modern_en"
    assert about.facts["scheme"] == "new"


def test_a_page_with_the_path_of_a_metadata_entry_is_still_a_page(modern: Path) -> None:
    pages = [one for one in ZimSource(modern).entries() if isinstance(one, PageEntry)]
    assert [one.title for one in pages if one.path == "Title"] == ["A page called Title"]


def test_a_picture_is_read_under_its_path_and_under_a_redirect(modern: Path) -> None:
    source = ZimSource(modern)
    assert source.read_picture("pics/Ü 1.JPG") == b"\xff\xd8\xff picture"
    assert source.read_picture("pic") == b"\xff\xd8\xff picture"
    for path in ("pics/none.jpg", "index", "empty.png", "", "../etc/passwd"):
        with pytest.raises(KeyError):
            source.read_picture(path)


def test_a_walk_can_be_taken_up_behind_any_entry(modern: Path) -> None:
    source = ZimSource(modern)
    everything = list(source.entries())
    for start in (0, 1, 7, len(everything) - 1, len(everything)):
        assert list(source.entries(start=start)) == everything[start:]


def test_a_closed_source_is_not_read(modern: Path) -> None:
    source = ZimSource(modern)
    source.close()
    with pytest.raises(AssertionError, match="closed"):
        source.about()


# ------------------------------------------------------------------------------------ redirects


def test_chains_are_followed_and_an_alias_always_has_a_name(modern: Path) -> None:
    alias = by_path(modern)["Two_names"]
    assert isinstance(alias, AliasEntry)
    assert (alias.title, alias.target) == ("Two names", "two words")


@pytest.mark.parametrize("space", ["A", "C"])
def test_redirects_that_lead_nowhere_are_listed_with_a_reason(tmp_path: Path, space: str) -> None:
    file = write_zim(
        tmp_path / "loops.zim",
        [
            Put(path=f"{space}/Page", content=b"<p>text", title="Page"),
            Put(path=f"{space}/Self", to=f"{space}/Self"),
            Put(path=f"{space}/L1", to=f"{space}/L2"),
            Put(path=f"{space}/L2", to=f"{space}/L1"),
            Put(path=f"{space}/Dead", to=f"{space}/Nothing"),
            Put(path=f"{space}/ToDead", to=f"{space}/Dead"),
            Put(path=f"{space}/Good", to=f"{space}/Page"),
        ],
        new=space == "C",
    )
    bad = [one for one in ZimSource(file).entries() if isinstance(one, BadEntry)]
    reasons = {one.path.removeprefix("A/"): one.reason for one in bad}
    assert set(reasons) == {"Self", "L1", "L2", "Dead", "ToDead"}
    assert all("redirect that leads nowhere" in reason for reason in reasons.values())
    assert all("loop" in reasons[path] for path in ("Self", "L1", "L2"))
    assert classes(file)["AliasEntry"] == classes(file)["PageEntry"] == 1


def test_a_redirect_to_a_style_is_no_alias(tmp_path: Path) -> None:
    file = write_zim(tmp_path / "css.zim", [*OLD, Put(path="-/s", to="-/style.css")])
    assert isinstance(by_path(file)["-/s"], OtherEntry)


def test_a_page_that_only_sends_on_is_an_alias_of_the_page_not_of_the_fragment(
    tmp_path: Path,
) -> None:
    def refresh(target: str) -> bytes:
        return (
            "<html><head><title>t</title>"
            f'<meta http-equiv="refresh" content="0;URL=\'{target}\'"></head></html>'
        ).encode()

    file = write_zim(
        tmp_path / "refresh.zim",
        [
            Put(path="C/Big Page", content=b"<p>text", title="Big Page"),
            Put(path="C/sub/Part", content=refresh("../Big%20Page#part"), title="A part"),
            Put(path="C/Via", to="C/sub/Part"),
            Put(path="C/Out", content=refresh("https://other.example/x"), title="Out"),
            Put(path="C/Me", content=refresh("Me#x"), title="Me"),
        ],
        new=True,
    )
    found = by_path(file)
    for path, name in (("sub/Part", "A part"), ("Via", "Via")):
        alias = found[path]
        assert isinstance(alias, AliasEntry)
        assert (alias.title, alias.target) == (name, "Big Page")
    assert isinstance(found["Out"], PageEntry)
    assert isinstance(found["Me"], BadEntry)


# --------------------------------------------------------------------------------------- damage


def test_a_damaged_page_costs_nothing_but_itself(tmp_path: Path) -> None:
    body = b"<p>" + bytes(range(32, 127)) * 9
    file = write_zim(
        tmp_path / "torn.zim", [*OLD, Put(path="A/Torn.html", content=body, title="Torn")]
    )
    damage_content(file, of=body)
    found = by_path(file)
    torn = found.pop("A/Torn.html")
    assert isinstance(torn, BadEntry)
    assert "damaged" in torn.reason
    assert not any(isinstance(one, BadEntry) for one in found.values())
    assert ZimSource(file).about().facts["checksum"] == "wrong: the file is damaged"


def test_a_damaged_picture_is_a_key_error(tmp_path: Path) -> None:
    pixels = b"\x89PNG" + bytes(range(256)) * 4
    entries = [Put(path="I/torn.png", content=pixels, mimetype="image/png")]
    file = write_zim(tmp_path / "torn.zim", entries)
    assert ZimSource(file).read_picture("I/torn.png") == pixels
    damage_content(file, of=pixels)
    with pytest.raises(KeyError, match="torn"):
        ZimSource(file).read_picture("I/torn.png")


def test_a_name_that_is_no_text_is_a_bad_entry(tmp_path: Path) -> None:
    file = write_zim(tmp_path / "name.zim", [*OLD, Put(path=b"A/caf\xe9", content=b"<p>")])
    bad = [one for one in ZimSource(file).entries() if isinstance(one, BadEntry)]
    assert [one.path[:1] for one in bad] == ["#"]
    assert "utf-8" in bad[0].reason


def test_pages_without_a_word_and_giant_pages_are_listed(tmp_path: Path) -> None:
    file = write_zim(
        tmp_path / "sizes.zim",
        [
            Put(path="A/empty.html", content=b""),
            Put(path="A/full.html", content=b"x" * zim.MAX_PAGE_BYTES),
            Put(path="A/giant.html", content=b"x" * (zim.MAX_PAGE_BYTES + 1)),
        ],
    )
    found = by_path(file)
    assert isinstance(found["A/full.html"], PageEntry)
    reasons = {path: one.reason for path, one in found.items() if isinstance(one, BadEntry)}
    assert set(reasons) == {"A/empty.html", "A/giant.html"}
    assert reasons["A/empty.html"] == "empty page"
    assert "8,388,609 bytes, above the limit of 8,388,608" in reasons["A/giant.html"]


@needs_real
@pytest.mark.parametrize("seed", range(12))
def test_flipped_bits_never_stop_a_walk(tmp_path: Path, seed: int) -> None:
    """Names refused at the opening are a clear message; all else is listed and walked over."""
    rng = random.Random(seed)
    data = bytearray(REAL.read_bytes())
    for _ in range(rng.choice([1, 5, 40])):
        data[rng.randrange(80, len(data))] ^= 1 << rng.randrange(8)
    file = tmp_path / "flipped.zim"
    file.write_bytes(data)
    try:
        source = ZimSource(file)
    except ConfigError as error:
        assert "damaged" in str(error)  # noqa: PT017 - either outcome is right, silence is not
        return
    assert [one.index for one in source.entries()] == list(range(458))
    assert source.about().facts["checksum"].startswith("wrong")


# ------------------------------------------------------------------------------------- no files


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("zero.zim", b"", "is empty: get the file again"),
        ("page.zim", b"<!DOCTYPE html><html>404" + b" " * 99, "is a web page"),
        ("photo.zim", b"\xff\xd8\xff\xe0" * 40, "something else (it begins with"),
        ("head.zim", b"ZIM\x04" + b"\0" * 10, "is cut off (14 bytes here"),
        ("b.zimab", b"whatever", "is a later part: name b.zimaa"),
    ],
)
def test_what_is_no_zim_is_refused_with_how_to_mend_it(
    tmp_path: Path, name: str, content: bytes, words: str
) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ConfigError) as caught:
        ZimSource(tmp_path / name)
    assert words in str(caught.value)


def test_nothing_and_a_folder_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"none at .*check the path"):
        ZimSource(tmp_path / "none.zim")
    with pytest.raises(ConfigError, match="is a folder"):
        ZimSource(tmp_path)


def test_a_cut_off_file_says_how_much_is_missing(tmp_path: Path, modern: Path) -> None:
    whole = modern.read_bytes()
    for size in (len(whole) - 1, len(whole) // 2, 81):
        (tmp_path / "cut.zim").write_bytes(whole[:size])
        with pytest.raises(ConfigError, match=f"cut off .{size:,} bytes .* {len(whole):,}.: get"):
            ZimSource(tmp_path / "cut.zim")


def test_a_file_in_parts_is_read_by_its_first_part_once_all_are_there(
    tmp_path: Path, modern: Path
) -> None:
    whole = modern.read_bytes()
    third = len(whole) // 3
    (tmp_path / "p.zimaa").write_bytes(whole[:third])
    (tmp_path / "p.zimac").write_bytes(whole[2 * third :])
    with pytest.raises(ConfigError, match=r"all parts in one folder \(there: p.zimaa, p.zimac\)"):
        ZimSource(tmp_path / "p.zimaa")
    (tmp_path / "p.zimab").write_bytes(whole[third : 2 * third])
    for name in ("p.zimaa", "p.zim"):
        source = ZimSource(tmp_path / name)
        assert source.num_entries == ZimSource(modern).num_entries
        assert source.about().identity == ZimSource(modern).about().identity


def test_without_libzim_it_says_what_to_install(
    modern: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "libzim.reader", None)
    with pytest.raises(ConfigError, match=r"pip install 'vision-deepresearch\[zim\]'"):
        ZimSource(modern)
