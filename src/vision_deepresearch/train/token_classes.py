"""What a supervised token is for, so that held-out loss names the link that is broken.

    protocol     tags, JSON keys and punctuation of calls, the end of a turn
    thought      text inside <think>
    query        what is searched, visited or asked for
    coordinates  numbers of boxes
    answer_first the first token of the answer
    answer       the rest of it
    other        text outside all of these

Text is derived from ids, one id at a time; a token is of the class its first character is of.
"""

import re
from collections.abc import Callable, Sequence
from enum import StrEnum

_SPANS = re.compile(
    r"(?P<think><think>(?P<thought>.*?)(?:</think>|\Z))"
    r"|(?P<call><tool_call>(?P<body>.*?)(?:</tool_call>|\Z))"
    r"|(?P<final><answer>(?P<answer>.*?)(?:</answer>|\Z))",
    re.DOTALL,
)
_QUERY = re.compile(r'"(?:query|goal|url|code)"\s*:\s*(\[.*?\]|"(?:[^"\\]|\\.)*")', re.DOTALL)
_STRING = re.compile(r'"((?:[^"\\]|\\.)*)"', re.DOTALL)
_BOX = re.compile(r'"bbox"\s*:\s*(\[[\d\s.,\[\]-]*\])')
_NUMBER = re.compile(r"\d+(?:\.\d+)?")


class TokenClass(StrEnum):
    """What a token is for."""

    PROTOCOL = "protocol"
    THOUGHT = "thought"
    QUERY = "query"
    COORDINATES = "coordinates"
    ANSWER_FIRST = "answer_first"
    ANSWER = "answer"
    OTHER = "other"


def classify(ids: Sequence[int], *, text_of: Callable[[Sequence[int]], str]) -> list[TokenClass]:
    """The class of each token of one reply.

    Args:
        ids: of the reply, its end of turn included.
        text_of: the text of ids; one id at a time gives the pieces the text is made of.
    """
    pieces = [text_of([one]) for one in ids]
    text = "".join(pieces)
    of_place = _classes(text)
    found: list[TokenClass] = []
    at = 0
    is_first = True
    for piece in pieces:
        kind = of_place[at] if at < len(of_place) and piece else TokenClass.PROTOCOL
        if kind is TokenClass.ANSWER and is_first:
            kind, is_first = TokenClass.ANSWER_FIRST, False
        found.append(kind)
        at += len(piece)
    return found


def _classes(text: str) -> list[TokenClass]:
    """Per character."""
    kinds = [TokenClass.OTHER] * len(text)

    def mark(start: int, end: int, kind: TokenClass) -> None:
        kinds[start:end] = [kind] * (end - start)

    for span in _SPANS.finditer(text):
        mark(*span.span(), TokenClass.PROTOCOL)
        match span.lastgroup:
            case "think":
                mark(*span.span("thought"), TokenClass.THOUGHT)
            case "final":
                mark(*span.span("answer"), TokenClass.ANSWER)
            case _:
                start, end = span.span("body")
                for query in _QUERY.finditer(text, start, end):
                    for string in _STRING.finditer(text, *query.span(1)):
                        mark(*string.span(1), TokenClass.QUERY)
                for box in _BOX.finditer(text, start, end):
                    for number in _NUMBER.finditer(text, *box.span(1)):
                        mark(*number.span(), TokenClass.COORDINATES)
    for end_mark in re.finditer(r"<\|im_end\|>", text):
        mark(*end_mark.span(), TokenClass.PROTOCOL)
    return kinds
