"""What a claim says of the question's own picture: "the lower sleeve is Soul Brothers".

No page can say so. It is backed by a crop that a search matched under that very name; where the
claim tells which part of the picture it means ("lower"), the crop must lie there.
"""

import re
from dataclasses import dataclass

from vision_deepresearch.agent.support_facts import Name, read_facts
from vision_deepresearch.core.geometry import Box

_THING_TEXT = (
    "picture photo photograph image sleeve cover statue sculpture drawing painting emblem logo flag "
    "banner sign poster plaque portrait inset album record book building figure one"
)
_SIDES = {
    "upper": "upper", "top": "upper", "lower": "lower", "bottom": "lower",
    "left": "left", "lefthand": "left", "right": "right", "righthand": "right",
}  # fmt: skip
_SIDE = "|".join(_SIDES)
_THING = "|".join(_THING_TEXT.split())
_ON_SIDE = re.compile(
    rf"\b({_SIDE})(?:[\s-](?:hand[\s-])?({_SIDE}))?(?=\s+(?:[a-z-]+\s+)?(?:{_THING})\b"
    r"|\s+(?:is|shows|depicts)\b)"
    rf"|\b(?:{_THING})\s+(?:(?:shown|seen|reproduced)\s+)?(?:at|on|in)\s+the\s+({_SIDE})"
    rf"(?:[\s-]({_SIDE}))?",
    re.IGNORECASE,
)
_IDENTIFIES = re.compile(
    r"(?:the|this|that)\s+(?P<thing>[a-z][a-z\s-]{1,60}?)\s+(?:is|shows|depicts|reproduces)\s+"
    rf"(?:(?:the|an?)\s+)?(?:(?:(?:{_THING})\s+(?:of|for)|that\s+of)\s+)?(?:(?:the|an?)\s+)?"
    r"(?P<what>\W?[^\W_].*)$",
    re.IGNORECASE | re.DOTALL,
)
_SHOWN = re.compile(
    r"\b(?:this|these)\s+(?:[a-z-]+\s+)??(?P<here>[a-z]{3,})\b"
    r"|\b(?P<seen>[a-z]{3,})\s+(?:(?:that|which)\s+(?:is|are)\s+)?(?:shown|pictured|depicted|seen"
    r"|visible|reproduced|(?:at|on|in)\s+(?:the\s+)?(?:upper|lower|top|bottom|left|right|picture|photo"
    r"|image|foreground|background)\b)",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Depiction:
    """A claim that names something in the picture."""

    what: str
    """All it says that the thing is."""
    name: Name
    """The name that comes first in `what`."""

    @property
    def is_name_only(self) -> bool:
        """Whether nothing else is said that a page would have to hold."""
        facts = read_facts(self.what)
        return (
            len(facts.names) == 1
            and not (facts.dates or facts.figures)
            and not any(word.is_content for word in facts.words)
        )


def shown_nouns(question: str) -> frozenset[str]:
    """The words of a question that mean its picture or a thing in it, folded."""
    found = (match["here"] or match["seen"] for match in _SHOWN.finditer(question))
    return frozenset(word.casefold() for word in found)


def read_depiction(plain: str, *, nouns: frozenset[str]) -> Depiction | None:
    """The claim as one about the picture; None: it is about the world.

    Args:
        plain: without markup.
        nouns: of `shown_nouns`.
    """
    found = _IDENTIFIES.match(plain)
    if found is None:
        return None
    thing = found["thing"].casefold()
    words = set(re.findall(r"[a-z]+", thing))
    if not words & (nouns | frozenset(_THING_TEXT.split()) | frozenset(_SIDES)):
        return None
    what = found["what"].strip().rstrip(".!")
    facts = read_facts(what)
    name = facts.names[0] if facts.names else None
    if name is None or facts.is_denied or what[: name.start].strip("\"'\u201c\u2018 "):
        return None
    return Depiction(what=what, name=name)


def is_placed_there(plain: str, *, box: Box | None) -> bool:
    """Whether a crop lies where the claim says; a claim that says no side fits any crop."""
    sides = {_SIDES[side.casefold()] for found in _ON_SIDE.findall(plain) for side in found if side}
    if not sides:
        return True
    if box is None:
        return False
    across, down = (box.x0 + box.x1) / 2, (box.y0 + box.y1) / 2
    lies = {"upper": down < 0.5, "lower": down > 0.5, "left": across < 0.5, "right": across > 0.5}
    is_part = box.width < 1 or box.height < 1
    return is_part and all(lies[side] for side in sides)
