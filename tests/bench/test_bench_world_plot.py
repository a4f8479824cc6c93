"""The picture of the cost table says what the table says."""

from pathlib import Path
from xml.etree import ElementTree as Xml

import pytest

from vision_deepresearch.bench.world_plot import lines_of, main, plot
from vision_deepresearch.core.errors import ConfigError

DOCUMENT = """
| other | x |
|---|---|
| 1 | 2 |

| pages | build s | said |
|---|---|---|
| 2,000 | 1.5 | yes |
| 20,000 | 12 | no |
| 200,000 | - | no |
"""


def test_each_column_of_numbers_is_a_line_and_gaps_stay_gaps() -> None:
    (line,) = lines_of(DOCUMENT)
    assert line.name == "build s"
    assert line.points == ((2000.0, 1.5), (20000.0, 12.0))


def test_the_picture_is_svg_with_a_spot_for_each_number(tmp_path: Path) -> None:
    source, target = tmp_path / "costs.md", tmp_path / "costs.svg"
    source.write_text(DOCUMENT, encoding="utf-8")
    main([str(source), str(target)])
    root = Xml.fromstring(target.read_text(encoding="utf-8"))  # noqa: S314 - we wrote it
    name = "{http://www.w3.org/2000/svg}"
    spots = root.findall(f"{name}circle")
    assert len(spots) == 2
    assert float(spots[0].attrib["cx"]) < float(spots[1].attrib["cx"])
    assert float(spots[0].attrib["cy"]) > float(spots[1].attrib["cy"])
    assert "build s" in {text.text for text in root.findall(f"{name}text")}


@pytest.mark.parametrize("document", ["no table", "| pages | a |\n|---|---|\n| 5 | 1 |\n"])
def test_a_document_without_numbers_is_refused(document: str) -> None:
    with pytest.raises(ConfigError, match="expected"):
        plot(lines_of(document))
    with pytest.raises(ConfigError, match="give two"):
        main(["one"])


def test_the_picture_in_the_documents_is_that_of_its_table() -> None:
    docs = Path(__file__).parents[2] / "docs"
    lines = lines_of((docs / "world-costs.md").read_text(encoding="utf-8"))
    assert (docs / "images" / "world-costs.svg").read_text(encoding="utf-8") == plot(lines)
