"""Text that a training library would take for more than text, and its harmless form.

The libraries render rows as text: a literal `<image>` in a page takes the place of a picture, an
`<|im_end|>` ends a message, `<img>NAME</img>` makes ms-swift load that file. What was shown to a
model was made harmless then (`core.untrusted`) and passes unchanged. This is the second line: it
holds for replies too, which are never touched in use, and for text that came from elsewhere.

Source: ms-swift 4.6 template inputs, verl 0.9 data set, LLaMA-Factory plugins, read for this.
"""

import re

from vision_deepresearch.core.untrusted import neutralise

PLACEHOLDER = "<image>"
"""Where a picture stands, in the text of ms-swift, LLaMA-Factory and verl."""
_LOOK_ALIKE = "\u2039"
_MEDIA = "image|video|audio|img|bbox|ref-object|cot-process|start-image"
_LITERAL = re.compile(
    rf"<(?=/?(?:{_MEDIA})>|[|\uff5c][^<>|\uff5c\s]{{1,64}}[|\uff5c]>)", re.IGNORECASE
)
_GROWTH = 20
"""Folding a text to its compatibility form makes it at most 18 times as long."""


def escape_literals(text: str) -> str:
    """Placeholders and control tokens get a look-alike for their first character.

    Protocol tags stay: a reply and our templates hold them by right. Applying it twice changes
    nothing; the result has the length of the text.
    """
    return _LITERAL.sub(_LOOK_ALIKE, text)


def escape_outside(text: str) -> str:
    """As `escape_literals`, and no tag of the protocol stays either: for text from outside.

    What a model was shown comes out unchanged, for it went through the same function.
    """
    return escape_literals(neutralise(text, max_chars=_GROWTH * len(text) + 1_000))
