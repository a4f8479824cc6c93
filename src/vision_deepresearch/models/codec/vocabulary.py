"""What single ids of a byte-level tokenizer stand for: their bytes, and which must not be sampled.

A reply is put together from the bytes of its ids, so that text can be watched for stop strings
while it grows, and cut between two ids.
"""

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING

from vision_deepresearch.core.errors import ConfigError
from vision_deepresearch.models.codec.spans import SpanEncoder

if TYPE_CHECKING:
    from tokenizers import Tokenizer


class Vocabulary:
    """The ids of one tokenizer. Cost: one pass over its table, about 0.3 s for 152,000 ids."""

    def __init__(self, tokenizer: "Tokenizer", *, encoder: SpanEncoder, num_ids: int) -> None:
        """Read the table.

        Args:
            tokenizer: byte-level BPE with its added tokens.
            encoder: of the same tokenizer.
            num_ids: rows of the model's output, which may be more than the tokenizer has.

        Raises:
            ConfigError: a tokenizer of another kind, or one with more ids than the model.
        """
        spec = json.loads(tokenizer.to_str())
        if "ByteLevel" not in json.dumps(spec.get("decoder")):
            msg = (
                "a byte-level tokenizer was expected (as every Qwen has), got one with decoder "
                f"{spec.get('decoder')!r}: use the tokenizer.json of a Qwen3-VL checkpoint"
            )
            raise ConfigError(msg)
        words = tokenizer.get_vocab(with_added_tokens=True)
        if not words or max(words.values()) >= num_ids:
            msg = (
                f"a tokenizer with at most {num_ids} ids was expected, got one with ids up to "
                f"{max(words.values(), default=-1)}: tokenizer and weights are not of one model"
            )
            raise ConfigError(msg)
        self.num_ids = num_ids
        self._bytes: list[bytes | None] = [None] * num_ids
        letters = _byte_of_letter()
        for word, one in words.items():
            if word in encoder.control:
                self._bytes[one] = word.encode()
            elif all(letter in letters for letter in word):
                self._bytes[one] = bytes(letters[letter] for letter in word)
        self.forbidden_ids: tuple[int, ...] = tuple(
            one
            for one in range(num_ids)
            if one in encoder.forbidden_ids or self._bytes[one] is None
        )
        """Never sampled, and out of the softmax of training too, for else the ratio is not 1:
        special tokens but the end of a turn, and rows of the model that stand for no text."""

    def bytes_of(self, one: int) -> bytes:
        """What an id spells; an id that stands for nothing spells nothing."""
        return self._bytes[one] or b""

    def text(self, ids: Sequence[int]) -> str:
        """The text of ids; halves of characters become U+FFFD."""
        return b"".join(map(self.bytes_of, ids)).decode("utf-8", "replace")


def _byte_of_letter() -> dict[str, int]:
    """How byte-level tokenizers write bytes: printable ones as they are, others from U+0100 on."""
    plain = [*range(ord("!"), ord("~") + 1), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    table = {chr(byte): byte for byte in plain}
    others = [byte for byte in range(256) if byte not in set(plain)]
    return table | {chr(0x100 + place): byte for place, byte in enumerate(others)}
