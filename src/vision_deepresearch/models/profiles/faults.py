"""Format faults in words: what was expected and how to mend it, the same for both profiles."""

from vision_deepresearch.core.trajectory import FaultKind, FormatFault

_MESSAGES = {
    FaultKind.NO_TAGS: "there is neither a tool call nor an answer.",
    FaultKind.UNCLOSED_THINK: "the thinking is not closed, so nothing after it can be read.",
    FaultKind.UNCLOSED_TAG: "a tool call or an answer was opened and not closed before the next.",
    FaultKind.BAD_JSON: "a tool call does not hold the JSON object it needs.",
    FaultKind.TRUNCATED: "it was cut at the token limit. Write less.",
    FaultKind.EMPTY: "there is nothing in it.",
    FaultKind.SEVERAL_ANSWERS: "there are several different answers: give one.",
    FaultKind.TOO_EARLY: "the answer came too early: look again first.",
}


def fault_of(kind: FaultKind, detail: str = "") -> FormatFault:
    """The fault with its standard words and, where there is one, the detail."""
    message = _MESSAGES[kind]
    return FormatFault(kind=kind, message=f"{message} ({detail})" if detail else message)
