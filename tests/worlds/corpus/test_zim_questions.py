"""Eight questions on real pictures: every evidence page comes up, and the words stand there.

The table of docs/real-pictures.md: `pytest tests/worlds/corpus/test_zim_questions.py -s -q`
"""

import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from tests.worlds.corpus.zim_questions import QUESTIONS, Played, play, table
from vision_deepresearch.worlds.corpus.build import import_source
from vision_deepresearch.worlds.corpus.world import CorpusWorld
from vision_deepresearch.worlds.corpus.zim import ZimSource
from vision_deepresearch.worlds.index.visual import MATCH_INLIERS, POSSIBLE_INLIERS

REAL = (
    Path(__file__).resolve().parents[3]
    / "../shared/data/worlds/wikipedia_en_ray_charles_2015-06.zim"
)
pytestmark = pytest.mark.skipif(not REAL.exists(), reason="the shared ZIM is not here")

STRANGER_INLIERS = 11
"""95th percentile of the best stranger. Source: the noise floor measured on these pictures."""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def games(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[dict[str, Played]]:
    folder = tmp_path_factory.mktemp("encyclopedia") / "world"
    source = ZimSource(REAL)
    import_source(source, folder, base_url="https://encyclopedia.example/")
    world = CorpusWorld.open(folder)
    played = [
        await play(question, world=world, given=source.read_picture(f"I/m/{question.picture}"))
        for question in QUESTIONS
    ]
    source.close()
    sys.stdout.write(f"\n{table(played)}\n")
    yield {one.question.number: one for one in played}
    world.close()


@pytest.mark.parametrize("number", [one.number for one in QUESTIONS])
def test_the_crop_finds_its_picture_and_every_page_is_read(
    games: dict[str, Played], number: str
) -> None:
    played = games[number]
    assert played.rank == 0
    assert played.inliers >= POSSIBLE_INLIERS
    assert played.inliers > played.stranger
    assert [one.page for one in played.readings] == [one.page for one in played.question.needed]
    for reading in played.readings:
        assert reading.rank is not None
        assert reading.rank < 3, reading
        assert reading.visits is not None, reading
        assert not reading.intruders, reading


@pytest.mark.parametrize("number", ["1 lower", "1 upper", "2"])
def test_only_the_crop_finds_the_sleeve_inside_a_sleeve(
    games: dict[str, Played], number: str
) -> None:
    """The hit-rate effect: the whole sleeve lists strangers, none of them the sleeve inside it."""
    played = games[number]
    assert played.inliers > STRANGER_INLIERS
    assert (played.whole_inliers or 0) <= played.whole_stranger <= STRANGER_INLIERS


def test_the_lower_inset_is_a_match(games: dict[str, Played]) -> None:
    assert games["1 lower"].inliers >= MATCH_INLIERS
