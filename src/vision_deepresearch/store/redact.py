"""Keeps secrets out of what is stored: known values anywhere, and fields that carry keys.

Requests are redacted before their key is computed, so a new api key finds the old recordings.
"""

import re
from collections.abc import Sequence

REDACTED = "[redacted]"

_FIELD = re.compile(
    r'("(?:proxy-)?(?:authorization|x-api-key|x-subscription-token|cookie|set-cookie|api[_-]?key'
    r'|access[_-]?token)"\s*:\s*)"(?:[^"\\]|\\.)*"',
    re.IGNORECASE,
)
"""A JSON field whose name says that it holds a credential. Inside a page's text its quotes would be
escaped, so pages that merely talk about keys stay as they are."""
_PARAMETER = re.compile(
    r"([?&](?:api[_-]?key|access[_-]?token|x-(?:amz|goog)-signature)=)[^&#\"\\\s]+", re.IGNORECASE
)
_MIN_SECRET = 6
"""Shorter values would black out ordinary words."""


class Redactor:
    """Replaces secrets in JSON text."""

    def __init__(self, secrets: Sequence[str] = ()) -> None:
        # Longest first: a secret may contain another.
        self._secrets = sorted({s for s in secrets if len(s) >= _MIN_SECRET}, key=len, reverse=True)

    def reply(self, text: str) -> str:
        """Take known values and credential fields out of JSON text."""
        for secret in self._secrets:
            text = text.replace(secret, REDACTED)
        return _FIELD.sub(rf'\1"{REDACTED}"', text)

    def request(self, text: str) -> str:
        """As for replies, and keys and signatures in urls too: they do not say what is asked."""
        return _PARAMETER.sub(rf"\1{REDACTED}", self.reply(text))
