"""A small tokenizer for a model that learns one protocol: phrases of the template are one token each.

A tiny model pays for every token. What stands in every trajectory (calls, tags of results, goals,
addresses up to the name) is found by merging neighbouring words that often follow one another in
texts of several worlds; such a phrase is a token. Words that several worlds share are tokens. Names
are not: each is spelled in syllables, in training worlds and in unseen ones alike, so that a model
can only copy them. Punctuation beside a name stands alone: the same name has the same ids behind a
space and behind a quote. A number below a thousand is a token, so that a box is copied in four.

Nothing is lost: bytes are the alphabet, so any text goes through it and comes back.
"""

import json
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, pre_tokenizers, trainers

from vision_deepresearch.core.errors import ConfigError
from vision_deepresearch.models.local.tiny import SPECIAL, TAGS

NUM_WORLDS = 6
"""Worlds whose texts are looked at; more would cost time and change little."""
NUM_TEXTS = 60
"""Trajectories of each."""
_PIECES = r" |\n|\p{N}{1,3}|\p{L}+|[^\s\p{L}\p{N}]|\s"
_PAIRS_A_ROUND = 30
_TAG = re.compile("|".join(map(re.escape, (*SPECIAL, *TAGS))))
_PIECE = re.compile(r" |\n|\d{1,3}|[^\W\d_]+|[^\w\s]|_|\s")
"""The same for Python's `re`, over text of the generated worlds."""


def phrase_tokenizer(
    texts: Mapping[str, Sequence[str]],
    *,
    num_rounds: int = 60,
    num_syllables: int = 320,
    min_count: int = 30,
) -> Tokenizer:
    """Learn phrases, words and syllables from texts of several worlds.

    Args:
        texts: by world; what occurs in more than half of them is no name.
        num_rounds: of merging neighbours, some dozen pairs each.
        num_syllables: merges of letters within names.
        min_count: how often neighbours must meet for another merge.

    Raises:
        ConfigError: fewer than three worlds, so that names cannot be told from words.

    Cost: about a minute for 300 trajectories.
    """
    if len(texts) < 3:
        msg = f"names are told from words by at least three worlds, got {len(texts)}: add some"
        raise ConfigError(msg)
    # Tags are tokens of their own, and what stands between them is encoded apart.
    split = {
        world: [_PIECE.findall(part) for text in some for part in _TAG.split(text) if part]
        for world, some in texts.items()
    }
    worlds_of = Counter(
        piece for some in split.values() for piece in {one for text in some for one in text}
    )
    common = {
        piece
        for piece, count in worlds_of.items()
        if count > len(texts) / 2 and not piece.isdigit()
    }
    streams = [text for some in split.values() for text in some]
    phrases = _phrases(streams, common=common, num_rounds=num_rounds, min_count=min_count)
    words = sorted(piece for piece in common if len(piece) > 1)
    names = [piece for text in streams for piece in text if piece not in common]
    return _assemble(phrases, words=words, names=names, num_syllables=num_syllables)


def _phrases(
    streams: list[list[str]], *, common: set[str], num_rounds: int, min_count: int
) -> list[str]:
    """Merge the most frequent neighbours again and again; what is in use at the end."""
    known = set(common)
    for _ in range(num_rounds):
        pairs = Counter(
            pair
            for text in streams
            for pair in pairwise(text)
            if pair[0] in known and pair[1] in known
        )
        if not pairs:
            break
        chosen: dict[tuple[str, str], str] = {}
        touched: set[str] = set()
        for (left, right), count in pairs.most_common(_PAIRS_A_ROUND):
            if count >= min_count and not {left, right} & touched:
                chosen[left, right] = left + right
                touched |= {left, right}
        if not chosen:
            break
        known |= set(chosen.values())
        streams = [_merged(text, chosen) for text in streams]
    used = Counter(piece for text in streams for piece in text if piece in known - common)
    return sorted(piece for piece, count in used.items() if count >= min_count)


def _merged(text: list[str], chosen: Mapping[tuple[str, str], str]) -> list[str]:
    made: list[str] = []
    at = 0
    while at < len(text):
        both = chosen.get((text[at], text[at + 1])) if at + 1 < len(text) else None
        made.append(text[at] if both is None else both)
        at += 1 if both is None else 2
    return made


def _assemble(
    phrases: Sequence[str], *, words: Sequence[str], names: Iterable[str], num_syllables: int
) -> Tokenizer:
    byte_level = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    learnt = Tokenizer(models.BPE())
    learnt.pre_tokenizer = byte_level
    trainer = trainers.BpeTrainer(
        vocab_size=len(alphabet) + num_syllables,
        initial_alphabet=alphabet,
        show_progress=False,
        max_token_length=5,
    )
    learnt.train_from_iterator(names, trainer=trainer)
    vocabulary = learnt.get_vocab()
    merges = _merges_of(learnt)
    for text in (*map(str, range(1000)), *words, *phrases):
        spelled = "".join(piece for piece, _ in byte_level.pre_tokenize_str(text))
        vocabulary.setdefault(spelled, len(vocabulary))
    # A word found whole is not spelled; all else is spelled by the syllables.
    made = Tokenizer(models.BPE(vocab=vocabulary, merges=merges, ignore_merges=True))
    alternatives = "|".join(_guarded(one) for one in sorted(phrases, key=len, reverse=True))
    pattern = f"{alternatives}|{_PIECES}" if phrases else _PIECES
    made.pre_tokenizer = pre_tokenizers.Sequence([
        pre_tokenizers.Split(Regex(pattern), behavior="isolated"),
        byte_level,
    ])
    made.decoder = decoders.ByteLevel()
    made.add_special_tokens([AddedToken(one, normalized=False) for one in SPECIAL])
    made.add_tokens([AddedToken(one, normalized=False, special=False) for one in TAGS])
    return made


def _merges_of(tokenizer: Tokenizer) -> list[tuple[str, str]]:
    return [tuple(one) for one in json.loads(tokenizer.to_str())["model"]["merges"]]


def _guarded(phrase: str) -> str:
    """A phrase that begins or ends with a letter is not found within a longer word."""
    before = r"(?<!\p{L})" if phrase[0].isalpha() else ""
    after = r"(?!\p{L})" if phrase[-1].isalpha() else ""
    return before + re.escape(phrase).replace("\\ ", " ").replace("\\\n", "\\n") + after
