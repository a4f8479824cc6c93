"""Rankings fused by reciprocal ranks."""

from hypothesis import given
from hypothesis import strategies as st

from vision_deepresearch.worlds.index.fusion import fused, reciprocal_ranks

KEYS = st.lists(st.sampled_from([f"p{number}" for number in range(12)]), unique=True)


@given(st.lists(KEYS, max_size=4))
def test_all_things_come_once_and_agreement_wins(rankings: list[list[str]]) -> None:
    order = fused(rankings)
    assert sorted(order) == sorted({key for ranking in rankings for key in ranking})
    scores = reciprocal_ranks(rankings)
    assert [scores[key] for key in order] == sorted(scores.values(), reverse=True)
    for first in order:
        for second in order:
            is_better = all(
                first in ranking
                and (second not in ranking or ranking.index(first) < ranking.index(second))
                for ranking in rankings
            )
            if rankings and is_better:
                assert order.index(first) < order.index(second)


@given(KEYS)
def test_one_ranking_stays_as_it_is(ranking: list[str]) -> None:
    assert fused([ranking]) == ranking
    assert fused([ranking, []]) == ranking


@given(KEYS, KEYS)
def test_the_first_of_the_first_ranking_stays_first_or_second(
    first: list[str], second: list[str]
) -> None:
    if first:
        assert fused([first, second]).index(first[0]) <= len(set(first[1:]) & set(second))
    assert fused([["a", "b"], ["c", "d"]]) == ["a", "c", "b", "d"]
