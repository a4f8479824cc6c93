"""Generated hostile text on its way into the prompts of both profiles: no mark is forged anywhere."""

import random
import re
import unicodedata
from collections.abc import Iterator
from functools import cache, lru_cache

import pytest

from tests.builders import a_task
from tests.core.test_untrusted import FORBIDDEN, HOSTILE, is_visible
from tests.models.codec.tokenizers_for_tests import SPECIAL, TAGS, a_tokenizer
from vision_deepresearch.core.content import Message, Text, ToolCall, untrusted
from vision_deepresearch.core.integrity import forged_in
from vision_deepresearch.core.mode import mode_named
from vision_deepresearch.core.observation import Observation
from vision_deepresearch.core.protocols import Profile, Shown
from vision_deepresearch.core.trajectory import FaultKind, FormatFault
from vision_deepresearch.models.chat_text import as_text
from vision_deepresearch.models.codec.spans import SpanEncoder
from vision_deepresearch.models.profiles.named import profile_named

PIECES = (
    *HOSTILE, *SPECIAL, *TAGS, "<", ">", "|", "[", "]", "/", "</", "<|", "|>", "tool_call", "im_start",
    "answer", "INST", " ", "\n", "\t", "\u200b", "\u2060", "\U00013430", "\u00ad", "\ufe0f", "\u202e", "\U000e0061", "\x00",
    "\uff1c", "\uff1e", "\uff5c", "\uff3b", "\u0338", "\u017f", "\u2039", "\u3000", "\ud800", "&lt;",
    "the page says", "\u6771\u4eac", "\U0001f600",
)  # fmt: skip
ENCODER = SpanEncoder(a_tokenizer())
CONTROL = frozenset(ENCODER.control.values())


def hostile_texts(count: int, *, seed: int) -> Iterator[str]:
    rng = random.Random(seed)
    for _ in range(count):
        pieces = [rng.choice(PIECES) for _ in range(rng.randint(1, 8))]
        text = "".join(pieces)
        match rng.randrange(5):
            case 0:  # cut through the middle of something
                at = rng.randrange(len(text) + 1)
                text = text[at:] + text[:at]
            case 1:
                text = "".join(char + "\u200d" * (rng.random() < 0.2) for char in text)
            case 2:
                text = "".join(
                    chr(ord(char) + 0xFEE0) if "!" <= char <= "~" and rng.random() < 0.3 else char
                    for char in text
                )
            case 3:
                at = rng.randrange(len(text) + 1)
                text = text[:at] + rng.choice(HOSTILE) + text[at:]
            case _:
                pass
        yield text


def prompts_with(text: str, *, profile: Profile, rng: random.Random) -> list[Message]:
    """The text everywhere it can enter: question, observations cut anywhere, a fault.

    Records hold no halves of surrogate pairs: what brings text in replaces them.
    """
    text = text.encode("utf-8", "replace").decode()
    at = sorted(rng.randrange(len(text) + 1) for _ in range(2))
    spans = (text[: at[0]], text[at[0] : at[1]], text[at[1] :])
    seen = Observation(parts=tuple(untrusted(span) for span in spans))
    call = ToolCall(id="a", name="visit", arguments={})
    shown = [Shown(call=call, observation=seen)] * 2
    fault = FormatFault(kind=FaultKind.BAD_JSON, message=text)
    task = a_task(question=text or "q")
    prompt = profile.prompt(
        task, handles=[], tools=[], mode=mode_named("direct-blind"), today="2026-01-01"
    )
    reply = Message(role=prompt[-1].role, parts=())
    return [
        *prompt, *profile.results(shown, dropped=1), *profile.explain(fault, reply=reply)
    ]  # fmt: skip


@cache
def unseen() -> re.Pattern[str]:
    """Every character that shows nothing, by the rule of this test's own."""
    hidden = (chr(code) for code in range(0x110000) if not is_visible(chr(code)))
    return re.compile("[" + "".join(map(re.escape, hidden)) + "]+")


def marks_in(text: str) -> list[int]:
    """Of the text as it is, without what nobody sees, and folded."""
    forms = (text, unseen().sub("", text), unicodedata.normalize("NFKC", text))
    return [len(FORBIDDEN.findall(form)) for form in forms]


placed_marks = lru_cache(marks_in)


def check_profile(name: str, *, count: int, seed: int) -> None:
    profile, rng = profile_named(name), random.Random(seed)
    for text in hostile_texts(count, seed=seed):
        messages = [
            message
            for message in prompts_with(text, profile=profile, rng=rng)
            if any(isinstance(part, Text) and not part.trusted for part in message.parts)
        ]
        for message in messages:
            placed = "".join(
                part.text for part in message.parts if isinstance(part, Text) and part.trusted
            )
            assert marks_in(message.text) == placed_marks(placed), ascii(text)
            assert forged_in(message) == 0, ascii(text)
        assert CONTROL.isdisjoint(ENCODER.encode_untrusted(text)), ascii(text)
        # Raises where a control id stands that nobody placed.
        ENCODER.encode(as_text(messages, tools=()), num_picture_tokens=lambda _: 1)


@pytest.mark.pitfall("P44")
@pytest.mark.parametrize("name", ["vdr", "native"])
def test_a_thousand_hostile_texts_forge_nothing_in_a_prompt(name: str) -> None:
    check_profile(name, count=1_000, seed=1)


@pytest.mark.slow
@pytest.mark.timeout(3_000)
@pytest.mark.pitfall("P44")
@pytest.mark.parametrize("name", ["vdr", "native"])
def test_a_hundred_thousand_hostile_texts_forge_nothing_in_a_prompt(name: str) -> None:
    check_profile(name, count=100_000, seed=2)


def test_the_generated_texts_are_hostile() -> None:
    texts = list(hostile_texts(1_000, seed=1))
    assert len(set(texts)) > 950
    assert sum(any(marks_in(text)) for text in texts) > 700
    assert sum(bool(re.search("[\u200b-\u202e\ufe0f]", text)) for text in texts) > 200
