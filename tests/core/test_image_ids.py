"""A picture is named by its exact handle and by nothing else."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.bad_inputs import Row, rows
from tests.builders import an_image_ref
from vision_deepresearch.core.bank import MAX_PICTURES, ImageBank, Origin
from vision_deepresearch.core.errors import BoundaryError, FailureKind
from vision_deepresearch.core.geometry import Box

REFUSED: list[object] = [
    "/etc/passwd",
    "file:///etc/passwd",
    "https://example.com/img_1",
    "data:image/png;base64,AAAA",
    "~/.ssh/id",
    "C:\\windows",
    "../img_1",
    "img_1/",
    "img_9",
    "img_0",
    "img_01",
    "img_00001111111",
    "img_\uff11",
    "img_\u0661",
    "img_1\n",
    " img_1",
    "img_1 ",
    "IMG_1",
    "img_1\x00",
    "img_",
    "1",
    "",
    1,
    1.0,
    None,
    True,
    ["img_1"],
    {"img_1": 1},
    b"img_1",
]


def a_bank() -> ImageBank:
    """Two given pictures: img_1, img_2."""
    bank = ImageBank()
    for digit in "ab":
        bank.add(an_image_ref(digit=digit), Origin(kind="given"))
    return bank


@pytest.mark.pitfall("P12")
@pytest.mark.parametrize("handle", REFUSED, ids=ascii)
def test_only_a_known_handle_names_a_picture(handle: object) -> None:
    with pytest.raises(BoundaryError, match="known are img_1, img_2") as caught:
        a_bank().get(handle)
    assert caught.value.kind is FailureKind.BAD_ARGS


@pytest.mark.pitfall("P12")
def test_each_of_several_pictures_is_found_under_its_own_handle() -> None:
    bank = a_bank()
    assert bank.get("img_1").ref.sha256 == "a" * 64
    assert bank.get("img_2").ref.sha256 == "b" * 64


@pytest.mark.pitfall("P12")
def test_a_crop_is_a_picture_of_its_own_and_knows_where_it_was_cut() -> None:
    bank = a_bank()
    half = Box(x0=0.5, y0=0, x1=1, y1=1)
    crop = bank.add(an_image_ref(digit="c"), Origin(kind="crop", handle="img_2", box=half))
    assert crop == "img_3"
    again = bank.add(an_image_ref(digit="c"), Origin(kind="crop", handle="img_2", box=half))
    assert again == crop
    origin = bank.crop_origin(bank.get(crop), half)
    assert origin.sha256 == "b" * 64
    assert origin.box == Box(x0=0.75, y0=0, x1=1, y1=1)


@pytest.mark.pitfall("P12")
@given(st.text(max_size=8))
def test_no_other_text_names_a_picture(text: str) -> None:
    if text not in {"img_1", "img_2"}:
        with pytest.raises(BoundaryError):
            a_bank().get(text)


@pytest.mark.pitfall("P12")
@pytest.mark.parametrize("row", rows("image_ids"), ids=lambda row: row.id)
def test_the_tables_of_handles_are_obeyed(row: Row) -> None:
    if row.verdict == "allow":
        assert a_bank().get(row.input).handle == row.input
    else:
        with pytest.raises(BoundaryError):
            a_bank().get(row.input)


def test_branches_number_their_pictures_alike_whichever_is_quicker() -> None:
    def handles(order: list[int]) -> list[str]:
        bank = ImageBank()
        bank.add(an_image_ref(digit="0"), Origin(kind="given"))
        branches = bank.branches(2)
        for place in order:
            nth = len(branches[place].entries)
            ref = an_image_ref(digit="abcdef"[place * 3 + nth - 1])
            branches[place].add(ref, Origin(kind="fetched", url=f"https://s.example/{place}/{nth}"))
        bank.join(branches)
        return [f"{entry.handle} {entry.origin.url}" for entry in bank.entries]

    assert handles([0, 0, 1, 1, 1]) == handles([1, 0, 1, 1, 0]) == handles([1, 1, 1, 0, 0])


def test_a_bank_goes_on_behind_its_branches_and_keeps_the_first_handle_of_a_double() -> None:
    bank = ImageBank()
    given = bank.add(an_image_ref(digit="0"), Origin(kind="given"))
    double, origin = an_image_ref(digit="d"), Origin(kind="fetched", url="https://s.example/d")
    first, second, idle = bank.branches(3)
    assert second.get(given).handle == "img_1"
    assert second.add(an_image_ref(digit="0"), Origin(kind="given")) == "img_1"
    assert (second.add(double, origin), first.add(double, origin)) == ("img_3", "img_2")
    with pytest.raises(BoundaryError):
        idle.get("img_2")
    bank.join([first, second, idle])
    assert bank.add(double, origin) == "img_2"
    assert bank.add(an_image_ref(digit="e"), Origin(kind="given")) == "img_4"
    assert [entry.handle for entry in bank.entries] == ["img_1", "img_2", "img_3", "img_4"]


def test_a_full_bank_takes_no_more() -> None:
    bank = ImageBank()
    for number in range(MAX_PICTURES):
        bank.add(an_image_ref(), Origin(kind="fetched", url=f"https://s.example/{number}"))
    for full in (bank, *bank.branches(2)):
        with pytest.raises(BoundaryError, match="full"):
            full.add(an_image_ref(digit="b"), Origin(kind="given"))
