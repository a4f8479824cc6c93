"""A folder as a source: what is a page, what is left out, and what never leads outside."""

import gzip
import os
from pathlib import Path

import pytest

from tests.worlds.corpus.folders import page, picture, write_manual
from vision_deepresearch.core.errors import ConfigError
from vision_deepresearch.worlds.corpus.folder import MAX_PAGE_BYTES, MAX_PICTURE_BYTES, FolderSource
from vision_deepresearch.worlds.corpus.source import (
    AliasEntry,
    BadEntry,
    Entry,
    Markup,
    OtherEntry,
    PageEntry,
    PictureEntry,
)


def listed(root: Path) -> dict[str, Entry]:
    entries = list(FolderSource(root).entries())
    assert [entry.index for entry in entries] == list(range(len(entries)))
    return {entry.path: entry for entry in entries}


def test_pages_pictures_and_stubs_are_told_apart(tmp_path: Path) -> None:
    found = listed(write_manual(tmp_path / "manual"))
    kinds = {path: type(entry) for path, entry in found.items()}
    assert kinds == {
        "guide/lamps.html": PageEntry,
        "guide/oil.html": PageEntry,
        "guide/old.html": AliasEntry,
        "guide/packed.html": PageEntry,
        "img/can old.jpg": PictureEntry,
        "img/lamp.png": PictureEntry,
        "index.html": PageEntry,
        "notes/keepers.md": PageEntry,
        "notes/other.md": PageEntry,
    }
    stub, packed, notes = (
        found[path] for path in ("guide/old.html", "guide/packed.html", "notes/other.md")
    )
    assert isinstance(stub, AliasEntry)
    assert stub.target == "guide/lamps.html"
    assert isinstance(packed, PageEntry)
    assert b"Packed by Debian" in packed.body
    assert isinstance(notes, PageEntry)
    assert notes.markup is Markup.MARKDOWN


def test_bad_files_are_entries_with_a_reason(tmp_path: Path) -> None:
    (tmp_path / "picture.html").write_bytes(picture(1))
    (tmp_path / "empty.html").write_bytes(b" \n")
    (tmp_path / "words.html").write_bytes(b"no tag at all")
    (tmp_path / "big.html").write_bytes(b"<p>" + b"x" * MAX_PAGE_BYTES)
    (tmp_path / "bomb.html.gz").write_bytes(gzip.compress(b"<p>" + b"x" * (4 * MAX_PAGE_BYTES)))
    (tmp_path / "torn.html.gz").write_bytes(gzip.compress(b"<p>some words</p>" * 99)[:-40])
    (tmp_path / "binary.md").write_bytes(b"# a\x00b")
    os.mkfifo(tmp_path / "pipe.html")
    (tmp_path / os.fsdecode(b"caf\xe9.html")).write_text(page("x", ""))
    reasons = {
        path: entry.reason
        for path, entry in listed(tmp_path).items()
        if isinstance(entry, BadEntry)
    }
    assert reasons.pop("torn.html").startswith("cannot be read")
    assert reasons == {
        "picture.html": "its bytes are no HTML",
        "empty.html": "empty",
        "words.html": "its bytes are no HTML",
        "big.html": "larger than 8 MB",
        "bomb.html": "larger than 8 MB",
        "binary.md": "its bytes are no text",
        "pipe.html": "neither a file nor a folder",
        "caf\\udce9.html": "its name is no UTF-8",
    }


def test_links_of_the_file_system_never_lead_out_or_round(tmp_path: Path) -> None:
    outside = tmp_path / "secret.html"
    outside.write_text(page("Secret", "<p>not for you</p>"))
    (tmp_path / "secret.png").write_bytes(picture(3))
    root = tmp_path / "root"
    (root / "a").mkdir(parents=True)
    (root / "a/real.html").write_text(page("Real", ""))
    (root / "alias.html").symlink_to("a/real.html")
    (root / "out.html").symlink_to(outside)
    (root / "out.png").symlink_to(tmp_path / "secret.png")
    (root / "out.css").symlink_to(tmp_path / "secret.css")
    (root / "a/round").symlink_to(root)
    (root / "loop.html").symlink_to("loop.html")
    (root / "stub.html").write_text("<meta http-equiv=refresh content='0; url=../secret.html'>")
    found = listed(root)
    alias = found["alias.html"]
    assert isinstance(alias, AliasEntry)
    assert alias.target == "a/real.html"
    assert isinstance(found["out.html"], BadEntry)
    assert isinstance(found["out.png"], BadEntry)
    assert isinstance(found["loop.html"], BadEntry)
    assert isinstance(found["a/round"], OtherEntry)
    assert not any(
        isinstance(entry, PageEntry) and b"Secret" in entry.body for entry in found.values()
    )
    source = FolderSource(root)
    for path in ("out.png", "../secret.png", "/etc/passwd", "nothing.png", "a", "x\x00y"):
        with pytest.raises(KeyError):
            source.read_picture(path)


def test_hidden_and_tool_folders_are_counted_not_read(tmp_path: Path) -> None:
    for folder in (".git", "_sources", "node_modules", "pages"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "x.html").write_text(page("X", ""))
    found = listed(tmp_path)
    assert isinstance(found["pages/x.html"], PageEntry)
    assert {path for path, entry in found.items() if isinstance(entry, OtherEntry)} == {
        ".git",
        "_sources",
        "node_modules",
    }


def test_entries_go_on_behind_any_index_and_identity_follows_the_content(tmp_path: Path) -> None:
    root = write_manual(tmp_path / "manual")
    source = FolderSource(root)
    everything = list(source.entries())
    assert source.num_entries == len(everything)
    assert list(source.entries(start=4)) == everything[4:]
    before = source.about().identity
    assert FolderSource(root).about().identity == before
    (root / "notes/other.md").write_text("changed")
    assert FolderSource(root).about().identity != before


@pytest.mark.timeout(10)
def test_pipes_and_huge_files_are_never_read(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.png")
    os.mkfifo(tmp_path / "pipe.html")
    with (tmp_path / "huge.png").open("wb") as file:
        file.truncate(MAX_PICTURE_BYTES + 1)
    stub = b'<html><meta http-equiv="refresh" content="0; url=pipe.html"></html>'
    (tmp_path / "stub.html").write_bytes(stub)
    source = FolderSource(tmp_path)
    for name in ("pipe.png", "huge.png"):
        with pytest.raises(KeyError, match="no file"):
            source.read_picture(name)
    assert [type(entry) for entry in source.entries()].count(AliasEntry) == 1


def test_no_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="give a folder"):
        FolderSource(tmp_path / "none")
