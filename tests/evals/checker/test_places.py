"""Which of two things is farther left, nearer to a corner or to the centre."""

import pytest

from vision_deepresearch.core.geometry import Box
from vision_deepresearch.evals.checker.places import MARGIN, is_beaten


def at(x: float, y: float) -> Box:
    return Box.clipped(x - 0.05, y - 0.05, x + 0.05, y + 0.05)


@pytest.mark.parametrize(
    ("place", "best", "worse"),
    [
        ("left", (0.2, 0.9), (0.5, 0.1)),
        ("right", (0.8, 0.9), (0.5, 0.1)),
        ("top", (0.9, 0.2), (0.1, 0.5)),
        ("bottom", (0.9, 0.8), (0.1, 0.5)),
        ("corner top left", (0.2, 0.3), (0.1, 0.8)),
        ("corner bottom right", (0.8, 0.7), (0.9, 0.1)),
        ("centre", (0.4, 0.6), (0.1, 0.5)),
    ],
)
def test_the_nearer_thing_beats_the_farther_one(
    place: str, best: tuple[float, float], worse: tuple[float, float]
) -> None:
    assert is_beaten(place, at(*worse), at(*best))
    assert not is_beaten(place, at(*best), at(*worse))


def test_what_is_within_the_error_of_measuring_or_unknown_beats_nothing() -> None:
    assert not is_beaten("left", at(0.5, 0.5), at(0.5 - MARGIN / 2, 0.5))
    assert not is_beaten("behind the tree", at(0.9, 0.5), at(0.1, 0.5))
    assert not is_beaten("corner of the eye", at(0.9, 0.5), at(0.1, 0.5))
