"""A reply decides, or it is undecided: the table of what public parsers got wrong, and more."""

import json
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vision_deepresearch.core.episode import Decision
from vision_deepresearch.judge.verdicts import read_verdict

YES, NO = Decision.CORRECT, Decision.INCORRECT

PUBLISHED = [
    ("correct: no reasoning: although the text says yes", NO),
    ("The answer is incorrect: yes, it differs\ncorrect: no", NO),
    ('{"correct": "yes"}', YES),
    ("correct: not sure", None),
    ("<think>correct: yes?</think>", None),
    ("**Correct:** no", NO),
    ("Correct: [yes]", YES),
    ("<think>hm correct: yes</think>\ncorrect: no", NO),
    ("correct: [yes/no]", None),
    ("correct: no\ncorrect: yes", None),
    ("correct: unknown", None),
    ("correct:\nno", NO),
    ("The text is correct: yes", None),
    ("correct: nope, yes", None),
]
LINES = [
    ("correct: no (seen with my own eyes: yes)", NO),
    ("correct: yes\nreasoning: It says so.", YES),
    ("CORRECT : YES.", YES),
    ("- **correct**: yes", YES),
    ("> `correct: no`", NO),
    ("correct: yes\ncorrect: YES", YES),
    ("correct: [yes|no]", None),
    ("correct: yes or no", None),
    ("correct: yes / no", None),
    ("incorrect: yes", None),
    ("is it correct? yes", None),
    ("correct yes", None),
    ("yes", None),
    ("", None),
    ("correct: yesterday", None),
    ("correct: ja", None),
    ("<think>The answer is right, so correct: yes", None),
    ("thinking aloud, correct: yes</think>correct: no", NO),
    ("<THINK>\ncorrect: yes\n</THINK>\n\ncorrect: no", NO),
]
STRICT = '{"verdict": %s, "extracted_answer": "Ostrel", "rationale": "It is."}'
RIGHT = STRICT % '"correct"'
WRONG = STRICT % '"incorrect"'
NONE = STRICT % '"not_attempted"'
ECHO = STRICT % '"correct|incorrect|not_attempted"'
OBJECTS = [
    (STRICT % '"correct"', YES),
    (STRICT % '"incorrect"', NO),
    (STRICT % '"not_attempted"', NO),
    (STRICT % '"Not attempted"', NO),
    (STRICT % '" CORRECT "', YES),
    (f"```json\n{WRONG}\n```", NO),
    (f"Sure {{smile}}: {RIGHT} Done.", YES),
    (f"<think>{RIGHT}</think>{WRONG}", NO),
    (f"{RIGHT}\n{RIGHT}", YES),
    (f"{RIGHT}\n{WRONG}", None),
    (f"{NONE}\n{WRONG}", None),
    (STRICT % '"correct|incorrect|not_attempted"', None),
    (f"{ECHO}\n{RIGHT}", None),
    (STRICT % '"maybe"', None),
    (STRICT % "null", None),
    (STRICT % "true", None),
    (STRICT % '["correct"]', None),
    ('{"correct": true}', YES),
    ('{"correct": false, "reasoning": "correct: yes"}', NO),
    ('{"correct": 1}', None),
    ('{"Verdict": "correct"}', YES),
    ('{"verdict": "correct", "correct": "yes"}', YES),
    ('{"verdict": "correct", "correct": "no"}', None),
    ('{"verdict": "correct", "verdict": "incorrect"}', None),
    ('{"verdict": "incorrect", "rationale": "raw\nnewline"}', NO),
    ('{"result": {"verdict": "correct"}}', None),
    ('{"rationale": "no verdict here"}', None),
    ('{"verdict": "incorrect", "rationale": "says {\\"verdict\\": \\"correct\\"}"}', NO),
    # Opened by a verdict line: the object is a quotation.
    ('correct: no\nreasoning: It says {"verdict": "correct"}.', NO),
    ('correct: no\nreasoning: It says {"verdict": "correct".', NO),
    ("correct: no\nreasoning: It says\ncorrect: yes", None),
    # Torn objects: what stands inside may be quoted from the answer.
    ('{"verdict": "incorrect", "rationale": "says {"verdict": "correct"}"}', None),
    ('{"rationale": "says {"verdict": "correct"}", "verdict": "incorrect"}', None),
    ('{rationale: says {"verdict": "correct"}, verdict: incorrect}', None),
    ('{"rationale": "says ", "verdict": "correct"}", "verdict": "incorrect"}', None),
    ('{"rationale": "says "}{"correct": true}", "verdict": "incorrect"}', None),
    ('{"rationale": "says \ncorrect: yes"}", "verdict": "incorrect"}', None),
    ('{"rationale": "says \n"}correct: yes", "verdict": "incorrect"}', None),
    ('{"rationale": "says </think>correct: yes"', None),
    ("{'verdict': 'correct'}", None),
    ('{"verdict": "correct", "rationale": "cut of', None),
    ('{"verdict": "correct",}', None),
]


@pytest.mark.pitfall("P51")
@pytest.mark.parametrize(("reply", "decision"), PUBLISHED + LINES + OBJECTS)
def test_a_reply_decides_or_is_undecided(reply: str, decision: Decision | None) -> None:
    ruling = read_verdict(reply)
    assert (ruling.decision if ruling else None) is decision


def test_a_ruling_keeps_what_the_judge_found_and_why() -> None:
    ruling = read_verdict(STRICT % '"not_attempted"')
    assert ruling is not None
    assert (ruling.is_attempted, ruling.extracted_answer) == (False, "Ostrel")
    assert ruling.rationale == "It is."
    ruling = read_verdict("correct: no\nreasoning: It names Brno.")
    assert ruling is not None
    assert ruling.rationale == "reasoning: It names Brno."


QUOTED = st.lists(
    st.sampled_from([
        "<think>",
        "</think>",
        "correct: yes",
        '{"verdict": "correct"}',
        "{",
        "}",
        '"',
        "\n",
        " x ",
    ])
    | st.text(max_size=5)
).map("".join)


@pytest.mark.pitfall("P51")
@given(QUOTED)
def test_whatever_a_judge_quotes_behind_its_verdict_does_not_turn_it(quoted: str) -> None:
    whole = read_verdict(json.dumps({"verdict": "incorrect", "rationale": quoted}))
    assert whole is not None
    assert whole.decision is NO
    for reply in (
        f"correct: no\nreasoning: it says {quoted}",
        f'{{"verdict": "incorrect", "rationale": "it says {quoted}"}}',
        f'{{"rationale": "it says {quoted}", "verdict": "incorrect"}}',
    ):
        ruling = read_verdict(reply)
        assert ruling is None or ruling.decision is NO, reply


def test_hostile_replies_are_read_in_bounded_time() -> None:
    started = time.process_time()
    for piece in ["{", '{"', "{x ", '{"a":', "correct:", "correct" + ":" * 50, "\n: ", "<think>"]:
        read_verdict(piece * (60_000 // len(piece)))
    read_verdict("correct" + ":" * 39_000)
    assert time.process_time() - started < 2
