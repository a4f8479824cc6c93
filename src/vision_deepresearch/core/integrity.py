"""Counts markers in every prompt before it is sent: none may stand there but those of our templates.

Untrusted text was neutralised where it entered; this is the check that it was, wherever a prompt
comes from. What the model itself said is left out: its own tags are its to write.
"""

import unicodedata
import weakref

from vision_deepresearch.core.content import Conversation, Message, Role, Text
from vision_deepresearch.core.errors import BoundaryError, FailureKind
from vision_deepresearch.core.untrusted import count_markers


class PromptIntegrityError(BoundaryError):
    """A prompt holds markers that no template of ours placed; it was not sent."""

    def __init__(self, num_forged: int) -> None:
        msg = (
            f"a prompt was expected to hold the markers of its template alone, got {num_forged} "
            "more or fewer: text from outside was not neutralised, or a template was torn"
        )
        super().__init__(FailureKind.PROMPT_INTEGRITY, msg)
        self.num_forged = num_forged


class PromptGuard:
    """Checks prompts, each message once. Mutable: it counts."""

    def __init__(self) -> None:
        self.num_prompts = 0
        """Prompts that were looked at."""
        self.num_refused = 0
        """Of these, how many held a forged marker."""
        self._good: weakref.WeakValueDictionary[int, Message] = weakref.WeakValueDictionary()

    def check(self, conversation: Conversation) -> None:
        """Look at a prompt.

        Raises:
            PromptIntegrityError: a message of it holds a marker its template did not place.

        Cost: linear in the messages that were not seen before; about 5 ms for 120,000 characters.
        """
        self.num_prompts += 1
        num_forged = 0
        for message in conversation:
            if self._good.get(id(message)) is message:
                continue
            forged = forged_in(message)
            num_forged += forged
            if not forged:
                self._good[id(message)] = message
        if num_forged:
            self.num_refused += 1
            raise PromptIntegrityError(num_forged)


def forged_in(message: Message) -> int:
    """Markers of a message that its trusted parts do not account for, in either Unicode form.

    A marker torn by what stands beside it counts too.
    """
    if message.role is Role.ASSISTANT:
        return 0
    whole = message.text
    placed = [part.text for part in message.parts if isinstance(part, Text) and part.trusted]
    forged = abs(count_markers(whole) - sum(map(count_markers, placed)))
    if whole.isascii() or unicodedata.is_normalized("NFKC", whole):
        return forged
    shown, told = _folded(whole), [_folded(text) for text in placed]
    return max(forged, abs(count_markers(shown) - sum(map(count_markers, told))))


def _folded(text: str) -> str:
    return unicodedata.normalize("NFKC", text)
