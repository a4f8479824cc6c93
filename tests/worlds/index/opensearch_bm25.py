"""How Lucene scores, for the double: BM25 with lengths kept in one byte, per shard or over all.

    score = idf * tf / (tf + k1 * (1 - b + b * length / average length))
    idf = ln(1 + (documents - frequency + .5) / (frequency + .5))

Source: the documentation of Lucene's BM25Similarity and SmallFloat; the factor k1 + 1 of older
versions is left out, it changes no order.
"""

import math
from collections import Counter
from dataclasses import dataclass, field

import numpy as np
from pydantic import JsonValue

Source = dict[str, JsonValue]


class QueryError(Exception):
    """A query this engine would refuse: type and reason."""

    def __init__(self, kind: str, reason: str) -> None:
        super().__init__(kind, reason)
        self.kind = kind
        self.reason = reason


@dataclass(kw_only=True)
class FieldStats:
    """What scoring needs to know about a field."""

    num_docs: int = 0
    """Documents that have a term in it."""
    num_terms: int = 0

    def __add__(self, other: "FieldStats") -> "FieldStats":
        return FieldStats(
            num_docs=self.num_docs + other.num_docs, num_terms=self.num_terms + other.num_terms
        )


@dataclass(kw_only=True)
class Shard:
    """The searchable documents of one shard."""

    k1: float
    b: float
    text_fields: frozenset[str]
    docs: dict[str, Source] = field(default_factory=dict)
    postings: dict[tuple[str, str], dict[str, int]] = field(default_factory=dict)
    """(field, term) -> id -> how often."""
    lengths: dict[tuple[str, str], int] = field(default_factory=dict)
    """(field, id) -> terms, as one byte keeps them."""
    fields: dict[str, FieldStats] = field(default_factory=dict)

    def add(self, key: str, source: Source) -> None:
        self.docs[key] = source
        for name in self.text_fields & source.keys():
            terms = str(source[name]).split()
            stats = self.fields.setdefault(name, FieldStats())
            if terms:
                stats.num_docs += 1
                stats.num_terms += len(terms)
                self.lengths[name, key] = one_byte(len(terms))
            for term, times in Counter(terms).items():
                self.postings.setdefault((name, term), {})[key] = times


def one_byte(length: int) -> int:
    """A length as Lucene keeps it: exact below 40, then with four significant bits."""
    rest = length - 24
    shift = rest.bit_length() - 4
    return length if rest < 8 or shift <= 0 else 24 + ((rest >> shift) << shift)


@dataclass(frozen=True, kw_only=True)
class Scorer:
    """Scores the documents of one shard by the statistics of some shards."""

    shard: Shard
    over: list[Shard]
    """Whose statistics count: this shard's, or everyone's (`dfs_query_then_fetch`)."""
    types: dict[str, str]
    """Field -> type of the mapping."""

    def run(self, query: JsonValue) -> dict[str, float]:
        """Score by id of what matches."""
        kind, body = _single(query)
        match kind:
            case "match_all":
                return dict.fromkeys(self.shard.docs, 1.0)
            case "match":
                return self._match(body)
            case "term":
                return self._term(body)
            case "dis_max":
                return self._dis_max(body)
            case "bool":
                return self._bool(body)
            case _:
                raise QueryError("parsing_exception", f"unknown query [{kind}]")

    def _match(self, body: JsonValue) -> dict[str, float]:
        name, asked = _single(body)
        text = asked.get("query") if isinstance(asked, dict) else asked
        if isinstance(asked, dict) and set(asked) - {"query", "operator"}:
            unknown = sorted(set(asked) - {"query", "operator"})[0]
            raise QueryError("parsing_exception", f"[match] query does not support [{unknown}]")
        if self.types.get(name) != "text":
            return {}
        scores: dict[str, float] = {}
        for term, times in Counter(str(text).split()).items():
            for key, score in self._term_scores(name, term).items():
                scores[key] = scores.get(key, 0.0) + times * score
        return {key: float(np.float32(score)) for key, score in scores.items()}

    def _term_scores(self, name: str, term: str) -> dict[str, float]:
        found = self.shard.postings.get((name, term), {})
        if not found:
            return {}
        stats = sum((one.fields[name] for one in self.over if name in one.fields), FieldStats())
        frequency = sum(len(one.postings.get((name, term), {})) for one in self.over)
        idf = math.log(1 + (stats.num_docs - frequency + 0.5) / (frequency + 0.5))
        average = stats.num_terms / stats.num_docs
        k1, b = self.shard.k1, self.shard.b
        return {
            key: idf * times / (times + k1 * (1 - b + b * self.shard.lengths[name, key] / average))
            for key, times in found.items()
        }

    def _term(self, body: JsonValue) -> dict[str, float]:
        name, wanted = _single(body)
        if self.types.get(name) == "text":
            return self._term_scores(name, str(wanted))
        return {key: 1.0 for key, source in self.shard.docs.items() if source.get(name) == wanted}

    def _dis_max(self, body: JsonValue) -> dict[str, float]:
        fields = _fields("dis_max", body, {"queries", "tie_breaker", "boost"})
        part = fields.get("tie_breaker", 0.0)
        assert isinstance(part, int | float)
        each = [self.run(query) for query in _list(fields.get("queries"))]
        scores: dict[str, float] = {}
        for key in dict.fromkeys(key for one in each for key in one):
            values = [one[key] for one in each if key in one]
            best = max(values)
            scores[key] = float(np.float32(best + part * (sum(values) - best)))
        return scores

    def _bool(self, body: JsonValue) -> dict[str, float]:
        fields = _fields("bool", body, {"filter", "should", "must"})
        scoring = [*_list(fields.get("should")), *_list(fields.get("must"))]
        scores: dict[str, float] = {} if scoring else dict.fromkeys(self.shard.docs, 0.0)
        for query in scoring:
            for key, score in self.run(query).items():
                scores[key] = scores.get(key, 0.0) + score
        for query in (*_list(fields.get("filter")), *_list(fields.get("must"))):
            allowed = self.run(query)
            scores = {key: score for key, score in scores.items() if key in allowed}
        return scores


def _single(body: JsonValue) -> tuple[str, JsonValue]:
    if not isinstance(body, dict) or len(body) != 1:
        raise QueryError("parsing_exception", "a query is an object with one field")
    return next(iter(body.items()))


def _fields(kind: str, body: JsonValue, known: set[str]) -> dict[str, JsonValue]:
    fields = body if isinstance(body, dict) else {}
    for name in fields:
        if name not in known:
            raise QueryError("parsing_exception", f"[{kind}] query does not support [{name}]")
    return fields


def _list(value: JsonValue) -> list[JsonValue]:
    if value is None:
        return []
    return value if isinstance(value, list) else [value]
