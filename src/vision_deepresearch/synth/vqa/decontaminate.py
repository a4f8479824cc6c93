"""What a training question may not come near: words in a row, and pictures, of benchmark files.

Source of the 13 words: common practice since GPT-3 (arXiv 2005.14165, appendix C); pictures by
perceptual hash: ours.
"""

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from vision_deepresearch.core.errors import BadImageError, ConfigError
from vision_deepresearch.media.look import difference, look_of

_WORD = re.compile(r"\w+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Benchmarks:
    """What is kept of benchmark files: no text, only what is compared."""

    ngrams: frozenset[tuple[str, ...]] = frozenset()
    looks: tuple[str, ...] = ()
    num_words: int = 13

    @classmethod
    def read(cls, files: Sequence[str], *, num_words: int) -> "Benchmarks":
        """Read JSONL files: `question` (text), `image` (path beside the file); other keys are left.

        Raises:
            ConfigError: a file that cannot be read; the message names file and line.
        """
        ngrams: set[tuple[str, ...]] = set()
        looks: list[str] = []
        for name in files:
            for question, image in _rows(Path(name)):
                ngrams.update(_ngrams(question, num_words))
                if image is not None:
                    looks.append(image)
        return cls(ngrams=frozenset(ngrams), looks=tuple(looks), num_words=num_words)

    def has_words_of(self, question: str) -> bool:
        """Whether so many words in a row stand in a benchmark; shorter ones as a whole."""
        return any(one in self.ngrams for one in _ngrams(question, self.num_words))

    def shows(self, look: str, *, same_bits: int) -> bool:
        """Whether a picture looks like one of a benchmark."""
        return any(difference(one, look) <= same_bits for one in self.looks)


def _ngrams(text: str, num_words: int) -> Iterator[tuple[str, ...]]:
    words = [word.casefold() for word in _WORD.findall(text)]
    for start in range(max(1, len(words) - num_words + 1)):
        yield tuple(words[start : start + num_words])


def _rows(path: Path) -> Iterator[tuple[str, str | None]]:
    """Question and look of the picture of each row."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as reason:
        msg = f"a benchmark to keep away from is a JSONL file, {str(path)!r} cannot be read"
        raise ConfigError(msg) from reason
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
            question, image = str(row["question"]), row.get("image")
            look = look_of((path.parent / image).read_bytes()) if image else None
        except (ValueError, KeyError, TypeError, AttributeError, OSError, BadImageError) as reason:
            msg = (
                f"line {number} of {str(path)!r} is no benchmark question: an object with "
                f'"question" and perhaps "image", a path beside the file, is expected ({reason})'
            )
            raise ConfigError(msg) from reason
        yield question, look
