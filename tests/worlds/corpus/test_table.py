"""Tables of pages: shards, columns, pictures that come with a row, damage, and going on."""

import base64
import json
from contextlib import closing
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.worlds.corpus.folders import picture
from tests.worlds.corpus.pdf_files import write_pdf
from vision_deepresearch.core.errors import ConfigError
from vision_deepresearch.wiring.corpora import open_source
from vision_deepresearch.worlds.corpus.build import import_source
from vision_deepresearch.worlds.corpus.source import BadEntry, PageEntry
from vision_deepresearch.worlds.corpus.table import TableSource
from vision_deepresearch.worlds.corpus.world import CorpusWorld

SITE = "https://port.test"


def write_rows(file: Path, rows: list[dict[str, object]], *, group: int = 4) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.Table.from_pylist(rows), file, row_group_size=group)
    return file


def rows_of(*numbers: int) -> list[dict[str, object]]:
    return [
        {"url": f"{SITE}/p{n}", "title": f"Page {n}", "text": f"words of number{n}"}
        for n in numbers
    ]


def test_a_data_set_becomes_a_world_with_its_pictures(tmp_path: Path) -> None:
    own = {"bytes": picture(1), "path": "lamp.png"}
    html = "<h1>Lamp</h1><img src='lamp.png' alt='a lamp'><p>colza <a href='/b'>b</a>"
    data = tmp_path / "ports"
    write_rows(
        data / "data" / "train-00000-of-00002.parquet",
        [
            {"url": f"{SITE}/a", "title": "Named", "html": html, "images": [own]},
            {"url": f"{SITE}/b", "title": None, "html": "<h1>Bee</h1>", "images": None},
        ],
    )
    loose = [{"bytes": picture(2), "path": None}, {"bytes": b"no picture", "path": "x.png"}]
    write_rows(
        data / "data" / "train-00001-of-00002.parquet",
        [
            {"url": f"{SITE}/c?n=1", "markdown": "# Sea\n\nThe *sea*.", "images": loose},
            {"url": f"{SITE}/d", "markdown": None, "images": []},
            {"url": "mailto:x", "markdown": "x", "images": []},
        ],
    )
    (data / "README.md").write_text("# A card")
    with closing(open_source(data)) as source:
        assert isinstance(source, TableSource)
        report = import_source(source, tmp_path / "world")
    assert report.counts["pages"] == 3
    assert {one.reason.partition(":")[0] for one in report.skipped} == {
        "empty",
        "no address of the web",
        "damaged",
    }
    world = CorpusWorld.open(tmp_path / "world")
    first = world._read(f"{SITE}/a", None)
    assert (first.title, [one.src for one in first.images]) == ("Named", [f"{SITE}/lamp.png"])
    assert world._asset(f"{SITE}/lamp.png").ref is not None
    third = world._read(f"{SITE}/c?n=1", None)
    assert third.title == "Sea"
    assert [one.src for one in third.images] == [f"{SITE}/c/picture-1.img"]
    assert world._search("sea", 3)[0].url == f"{SITE}/c?n=1"
    world.close()


def test_plain_text_keeps_its_paragraphs_and_its_signs(tmp_path: Path) -> None:
    text = "If a < b & c:\nthen\n\nSecond part."
    file = write_rows(tmp_path / "t.parquet", [{"url": f"{SITE}/a", "text": text}])
    import_source(TableSource(file), tmp_path / "world")
    world = CorpusWorld.open(tmp_path / "world")
    markdown = world._read(f"{SITE}/a", None).markdown
    assert "a < b & c" in markdown.replace("\\", "").replace("&lt;", "<").replace("&amp;", "&")
    assert "\n\nSecond part." in markdown
    world.close()


def test_a_pdf_in_a_column_is_a_page(tmp_path: Path) -> None:
    rows: list[dict[str, object]] = [
        {"url": f"{SITE}/r.pdf", "pdf": write_pdf(["Report on colza"])},
    ]
    import_source(TableSource(write_rows(tmp_path / "t.parquet", rows)), tmp_path / "world")
    world = CorpusWorld.open(tmp_path / "world")
    assert "Report on colza" in world._read(f"{SITE}/r.pdf", None).markdown
    world.close()


@pytest.mark.parametrize("columns", [["link", "html"], ["url", "body"]])
def test_missing_columns_are_named_with_those_that_are_there(
    tmp_path: Path, columns: list[str]
) -> None:
    file = write_rows(tmp_path / "t.parquet", [dict.fromkeys(columns, "x")])
    with pytest.raises(ConfigError, match=f"has {columns[0]}, {columns[1]}: rename"):
        TableSource(file)


def test_rows_are_the_same_from_any_start(tmp_path: Path) -> None:
    write_rows(tmp_path / "d" / "a.parquet", rows_of(*range(45)), group=20)
    write_rows(tmp_path / "d" / "b.parquet", rows_of(*range(45, 57)), group=5)
    source = TableSource(tmp_path / "d")
    whole = list(source.entries())
    assert [entry.index for entry in whole] == list(range(57)) == list(range(source.num_entries))
    for start in (0, 1, 19, 20, 44, 45, 51, 56, 57):
        assert list(source.entries(start=start)) == whole[start:]


def test_a_damaged_row_group_costs_its_rows_and_a_damaged_shard_itself(tmp_path: Path) -> None:
    file = write_rows(tmp_path / "d" / "a.parquet", rows_of(*range(12)), group=4)
    with pq.ParquetFile(file) as opened:
        place = opened.metadata.row_group(1).column(2)
        at = (
            place.data_page_offset
            if place.dictionary_page_offset is None
            else place.dictionary_page_offset
        )
    torn = bytearray(file.read_bytes())
    torn[at : at + 12] = b"\xff" * 12
    file.write_bytes(torn)
    write_rows(tmp_path / "d" / "b.parquet", rows_of(20, 21))
    (tmp_path / "d" / "c.parquet").write_bytes(file.read_bytes()[:200])
    found = list(TableSource(tmp_path / "d").entries())
    assert [entry.index for entry in found] == list(range(15))
    assert [entry.index for entry in found if isinstance(entry, BadEntry)] == [4, 5, 6, 7, 14]


@pytest.mark.parametrize("data", [b"", b"PAR1", b"PAR1" + b"\xff" * 40 + b"PAR1", b"<html>"])
def test_no_parquet_at_all_is_one_error(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "t.parquet").write_bytes(data)
    with pytest.raises(ConfigError, match="no whole parquet file"):
        TableSource(tmp_path / "t.parquet")


def test_json_lines_are_rows_too(tmp_path: Path) -> None:
    own = {"bytes": base64.b64encode(picture(3)).decode(), "path": "x.png"}
    lines = [
        json.dumps({"url": f"{SITE}/a", "text": "colza", "images": [own]}),
        "{torn",
        "[1]",
        json.dumps({"url": f"{SITE}/b", "markdown": "# B"}),
    ]
    file = tmp_path / "pages.jsonl"
    file.write_text("\n".join(lines))
    found = list(TableSource(file).entries())
    assert [type(entry) for entry in found] == [PageEntry, BadEntry, BadEntry, PageEntry]
    assert import_source(TableSource(file), tmp_path / "world").counts["pictures"] == 1
    file.write_bytes(b"")
    with pytest.raises(ConfigError, match="is empty"):
        TableSource(file)
