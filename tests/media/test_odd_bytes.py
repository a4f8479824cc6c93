"""Picture bytes as public data sets hold them: each form gives the same bytes, the rest a reason."""

import base64
import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.builders import a_picture
from vision_deepresearch.core.errors import BadImageError
from vision_deepresearch.media.odd_bytes import cell_pictures, picture_bytes

PNG = a_picture(width=5, height=4)
OTHER = a_picture(width=6, height=3, seed=1)
BASE64 = base64.b64encode(PNG).decode()
SIGNED = [one - 256 if one > 127 else one for one in PNG]

FORMS = {
    "bytes": PNG,
    "bytearray": bytearray(PNG),
    "memoryview": memoryview(PNG),
    "hf": {"bytes": PNG, "path": None},
    "hf with a name": {"bytes": PNG, "path": "gone.png"},
    "numbers": list(PNG),
    "floats": [float(one) for one in PNG],
    "signed": SIGNED,
    "array": np.frombuffer(PNG, dtype=np.uint8),
    "signed array": np.frombuffer(PNG, dtype=np.int8),
    "places": {str(place): one for place, one in enumerate(PNG)},
    "places out of order": {str(place): PNG[place] for place in reversed(range(len(PNG)))},
    "places with a longer sibling": {
        str(p): (PNG[p] if p < len(PNG) else None) for p in range(999)
    },
    "number places": dict(enumerate(PNG)),
    "base64": BASE64,
    "base64 in lines": "\n".join(BASE64[at : at + 76] for at in range(0, len(BASE64), 76)),
    "base64 for addresses": base64.urlsafe_b64encode(PNG).decode().rstrip("="),
    "data address": f"data:image/png;base64,{BASE64}",
    "JSON of numbers": json.dumps(list(PNG)),
    "JSON of places": json.dumps({str(place): one for place, one in enumerate(PNG)}),
    "packed": {"filename": "a.png", "data": BASE64},
    "bytes within bytes": {"bytes": {"0": PNG[0], **{str(p): PNG[p] for p in range(1, len(PNG))}}},
}


@pytest.mark.parametrize("form", FORMS, ids=str)
def test_every_form_gives_the_bytes(form: str) -> None:
    assert picture_bytes(FORMS[form]) == PNG
    assert cell_pictures(FORMS[form]) == (PNG,)


@pytest.mark.parametrize("form", FORMS, ids=str)
def test_a_list_of_any_form_keeps_its_order(form: str) -> None:
    assert cell_pictures([OTHER, FORMS[form], OTHER]) == (OTHER, PNG, OTHER)


def test_a_packed_list_in_json_is_several_pictures() -> None:
    packed = [{"filename": "a", "data": BASE64}, {"data": base64.b64encode(OTHER).decode()}]
    assert cell_pictures(json.dumps(packed)) == (PNG, OTHER)


@pytest.mark.parametrize("empty", [None, [], "", (), b""], ids=repr)
def test_an_empty_cell_holds_no_picture(empty: object) -> None:
    assert cell_pictures(empty) == ()


BAD = {
    "no picture": b"hello world, this is text",
    "a place is missing": {str(place): one for place, one in enumerate(PNG) if place != 3},
    "a place twice": {"0": 137, "00": 80},
    "too large": [*PNG[:20], 256],
    "signed and unsigned": [*PNG[:20], -1],
    "a fraction": [*PNG[:20], 0.5],
    "truths": [True] * 20,
    "pixels": np.zeros((4, 4, 3), dtype=np.uint8),
    "nested pixels": [[[1, 2, 3]]],
    "a word": "nonsense!",
    "a number": 12,
    "an empty mapping": dict[str, int](),
    "other keys": {"width": 3},
    "no base64": "data:image/png,abc",
    "broken JSON": "[1, 2",
    "deep": {"bytes": {"bytes": {"bytes": {"bytes": {"bytes": PNG}}}}},
}


@pytest.mark.parametrize("form", BAD, ids=str)
def test_what_is_no_picture_is_refused_with_a_reason(form: str) -> None:
    with pytest.raises(BadImageError, match=r"."):
        picture_bytes(BAD[form])


def test_the_reason_names_the_picture_of_a_list() -> None:
    with pytest.raises(BadImageError, match="picture 2 of 3"):
        cell_pictures([PNG, b"none", PNG])


def test_a_name_is_looked_up_beside_the_table_and_nowhere_else(tmp_path: Path) -> None:
    folder = tmp_path / "set"
    (folder / "images").mkdir(parents=True)
    (folder / "images" / "a.png").write_bytes(PNG)
    (tmp_path / "private.png").write_bytes(OTHER)
    (folder / "link.png").symlink_to(tmp_path / "private.png")
    assert picture_bytes("images/a.png", root=folder) == PNG
    assert picture_bytes({"bytes": None, "path": "images/a.png"}, root=folder) == PNG
    for name in ("../private.png", str(tmp_path / "private.png"), "link.png"):
        with pytest.raises(BadImageError, match="outside the folder"):
            picture_bytes(name, root=folder)
    with pytest.raises(BadImageError, match="neither base64 nor a file"):
        picture_bytes("images/b.png", root=folder)
    with pytest.raises(BadImageError, match="neither base64 nor a file"):
        picture_bytes("images/a.png")


@given(st.binary(min_size=1, max_size=300))
def test_any_bytes_come_through_all_forms_of_numbers(tail: bytes) -> None:
    data = PNG + tail
    for form in (
        list(data),
        {str(place): one for place, one in enumerate(data)},
        np.frombuffer(data, dtype=np.int8).tolist(),
        base64.b64encode(data).decode(),
    ):
        assert picture_bytes(form) == data
