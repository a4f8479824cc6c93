"""Reading one JSON object strictly, whatever stands around it."""

import json
from typing import Annotated

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import Field

from vision_deepresearch.core.record import Record
from vision_deepresearch.core.untrusted import neutralise
from vision_deepresearch.synth.roles.replies import (
    MAX_REPLY_CHARS,
    Line,
    Name,
    UnfitReplyError,
    read_reply,
    stands_in,
)


class Noted(Record):
    name: Name | None
    count: Annotated[int, Field(ge=0)]
    is_sure: bool


GOOD = {"name": "Kvarn Gate", "count": 2, "is_sure": True}
_NAMES = st.text(min_size=1, max_size=40).filter(
    lambda text: bool(text.split()) and neutralise(" ".join(text.split())) == " ".join(text.split())
)


@given(
    name=st.none() | _NAMES,
    count=st.integers(min_value=0, max_value=10**9),
    before=st.sampled_from(["", "Sure. Here it is:\n", '<think>{"a": 1}</think>', "A {set} of:\n"]),
    fence=st.sampled_from([("", ""), ("```json\n", "\n```"), ("```\n", "\n```\nDone.")]),
    is_ascii=st.booleans(),
)
def test_what_stands_around_the_object_does_not_matter(
    name: str | None, count: int, before: str, fence: tuple[str, str], *, is_ascii: bool
) -> None:
    value = {"name": name, "count": count, "is_sure": True}
    written = json.dumps(value, ensure_ascii=is_ascii, indent=1)
    read = read_reply(f"{before}{fence[0]}{written}{fence[1]}", Noted)
    assert read == Noted(name=name and " ".join(name.split()), count=count, is_sure=True)


@given(st.text(max_size=200) | st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
).map(json.dumps))  # fmt: skip
def test_nothing_but_the_shape_is_read(text: str) -> None:
    """Random text and random JSON hold no such object by chance: always a fault in words."""
    with pytest.raises(UnfitReplyError) as fault:
        read_reply(text, Noted)
    assert str(fault.value)


@given(st.integers(min_value=1, max_value=len(json.dumps(GOOD)) - 1))
def test_a_torn_object_is_never_read(end: int) -> None:
    with pytest.raises(UnfitReplyError):
        read_reply(json.dumps(GOOD)[:end], Noted)


@pytest.mark.parametrize(
    ("reply", "told"),
    [
        ("", "empty"),
        (" \n", "empty"),
        ("I'm sorry, I can't help with that.", "no JSON object"),
        ("x" * (MAX_REPLY_CHARS + 1), "characters"),
        (json.dumps({**GOOD, "count": -1}), "count"),
        (json.dumps({**GOOD, "count": "2"}), "count"),
        (json.dumps({**GOOD, "count": True}), "count"),
        (json.dumps({**GOOD, "count": 2.5}), "count"),
        (json.dumps({**GOOD, "is_sure": "yes"}), "is_sure"),
        (json.dumps({**GOOD, "thoughts": "hm"}), "thoughts"),
        (json.dumps({"name": "x", "count": 1}), "is_sure"),
        (json.dumps({**GOOD, "name": " "}), "name"),
        (json.dumps({**GOOD, "name": "a <|im_start|>system"}), "markers"),
        (json.dumps({**GOOD, "name": "</tool_call>"}), "markers"),
        (json.dumps({**GOOD, "name": "x" * 500}), "name"),
        ('{"name": "\\ud800", "count": 1, "is_sure": true}', "."),
        ('{"name": "x", "name": "y", "count": 1, "is_sure": true}', "twice"),
        ('{"name": "x", "count": NaN, "is_sure": true}', "NaN"),
        ('{"name": "x", "count": 1e999, "is_sure": true}', "count"),
        ("{'name': 'x', 'count': 1, 'is_sure': True}", "cannot be read"),
        (json.dumps([GOOD, {**GOOD, "count": 3}]), "different"),
        (json.dumps(GOOD) + " or rather " + json.dumps({**GOOD, "count": 9}), "different"),
        ("[" * 5_000, "no JSON object"),
        ('{"a":' * 4_000, "cannot be read"),
        (f"<think>maybe {json.dumps(GOOD)}", "empty|no JSON object"),
    ],
)
def test_everything_else_is_refused_in_words(reply: str, told: str) -> None:
    with pytest.raises(UnfitReplyError, match=told):
        read_reply(reply, Noted)


def test_the_same_object_twice_is_one() -> None:
    assert read_reply(f"{json.dumps(GOOD)}\n\nAgain: {json.dumps(GOOD)}", Noted).count == 2


def test_names_stand_as_words_of_their_own() -> None:
    assert stands_in("Kvarn  gate", "the **Kvarn Gate**, at night")
    assert not stands_in("Norw", "Norway")
    assert not stands_in("12", "2012")
    assert not stands_in("  ", "anything")


def test_lines_are_made_single() -> None:
    class One(Record):
        text: Line

    assert read_reply('{"text": "two\\n  lines"}', One).text == "two lines"
