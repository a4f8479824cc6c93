"""What backs an answer: for each claim the words of a page that hold it, or the picture, or nothing.

Only what the model was shown counts, and nothing is invented: a passage is a piece of an observed
text, word for word. `support_match` decides whether a text holds a claim; here it is decided which
of those that do is shown. Order: the page's own words, a search engine's excerpt, a model's summary, the
caption of a matched picture, a page's title, a tool's output; of equal ones the passage that shares
most with claim and question, then words found again in the page, then the later.

A claim that no passage holds is taken apart (`support_clauses`). It is backed if every clause is
held by itself, by at most three passages of one page or of pages that the claim names; it is backed in part
if only some are, and what is not held is named. What the claim says of the question's own picture
("the lower sleeve is ...") is backed by the crop that was matched under that name.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from vision_deepresearch.agent.claims import split_claims
from vision_deepresearch.agent.support_clauses import Clause, split_clauses
from vision_deepresearch.agent.support_depiction import (
    is_placed_there,
    read_depiction,
    shown_nouns,
)
from vision_deepresearch.agent.support_facts import read_facts
from vision_deepresearch.agent.support_match import Claim, without_strict_words
from vision_deepresearch.agent.support_places import MAX_PASSAGE_CHARS, Place, find_places
from vision_deepresearch.agent.support_text import Haystack
from vision_deepresearch.core.answers import normalise_answer
from vision_deepresearch.core.bank import BankEntry
from vision_deepresearch.core.trajectory import Support, SupportKind, SupportSource, Turn

__all__ = ["MAX_PASSAGE_CHARS", "find_support"]

MAX_BACKINGS = 3
"""Passages and pictures under one number; more could hold anything."""
_ORDER = {source: rank for rank, source in enumerate(SupportSource)}
_OWN_WORDS = frozenset({SupportSource.PAGE, SupportSource.EXTRACT})
_LABELS = {"match": 0, None: 1}
"""Of matched pictures the surer first."""


def find_support(
    answer: str | None,
    *,
    turns: Sequence[Turn],
    bank: Sequence[BankEntry] = (),
    question: str = "",
) -> tuple[Support, ...]:
    """Find what backs each claim of an answer.

    Args:
        answer: None or blank: there is nothing to support.
        turns: of the trajectory, in order.
        bank: pictures of the trajectory; a picture that is named as support is one of them.
        question: helps to choose among passages, and tells which words mean its picture.

    Returns:
        One record per claim, in order; `unsupported` where nothing shown holds it. Empty also for
        an answer that claims nothing ("I could not find it").
    """
    if answer is None or not normalise_answer(answer):
        return ()
    places = tuple(place for place in find_places(turns, bank=bank) if place.text.strip())
    search = _Search(places=places, question=question)
    return tuple(search.support(Claim(written)) for written in split_claims(answer.strip()))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Found:
    """A passage that holds something, with its place in the order of choice."""

    place: Place
    passage: str
    key: tuple[int, int, int, int]
    """The smallest is the best."""

    @property
    def words(self) -> tuple[str | None, str]:
        """What a reader sees of it."""
        return self.place.url, self.passage


class _Search:
    """Looks for the claims of one answer in all that was observed."""

    def __init__(self, *, places: Sequence[Place], question: str) -> None:
        self._places = places
        self._asked = _key_words(Haystack(question))
        self._nouns = shown_nouns(question)

    def support(self, claim: Claim) -> Support:
        """What backs a claim."""
        clauses = split_clauses(claim.plain)
        best = min(self._held(claim, clauses=clauses), key=lambda one: one.key, default=None)
        if best and "\n" not in best.passage:
            return _record(claim, [best])
        parted = self._by_clauses(claim, clauses)
        if best:  # Of several lines, one of which may have nothing to do with it.
            whole = _record(claim, [best])
            return parted if parted and not parted.missing else whole
        depicted = self._depicted(claim)
        if depicted:
            return _record(claim, depicted)
        nothing = Support(claim=claim.written, kind=SupportKind.UNSUPPORTED)
        return self._captioned(claim) or parted or nothing

    def _held(
        self,
        claim: Claim,
        *,
        clauses: Sequence[Clause] = (),
        where: Iterable[Place] | None = None,
    ) -> Iterator[_Found]:
        """Every passage that holds a claim, and something of each of its clauses."""
        parts = [clause.text for clause in clauses]
        wanted = _key_words(Haystack(claim.plain))
        for place in self._places if where is None else where:
            for span in claim.find_all(place.haystack):
                passage = place.shown_passage(span)
                if not passage or not claim.says_all(parts, place.haystack, span):
                    continue
                words = _key_words(place.haystack, place.haystack.sentences(span))
                words |= _key_words(place.title) if place.title else frozenset()
                asked = len(self._asked & words)
                named = 2 * _is_named(place, claim)
                # A bare figure stands on every page: it must stand beside what was asked.
                if claim.is_bare_figure and self._asked and not asked:
                    continue
                yield _Found(
                    place=place,
                    passage=passage,
                    key=_key(place, shared=2 * len(wanted & words) + asked + named),
                )

    # ------------------------------------------------------------------------------ of the picture

    def _depicted(self, claim: Claim) -> list[_Found]:
        """Crop, and page if more than a name is said, that show what the picture is said to show."""
        depiction = read_depiction(claim.plain, nouns=self._nouns)
        if depiction is None:
            return []
        told = Claim(depiction.what)
        for crop in sorted(self._captions(claim.plain), key=lambda one: one.key):
            title = tuple(word.folded for word in read_facts(crop.place.base_title).words)
            if not title:
                continue
            if title == depiction.name.words and depiction.is_name_only:
                return [crop]
            if not _is_run(title, depiction.name.words):
                continue
            of_page = [one for one in self._places if one.url == crop.place.url]
            page = min(self._held(told, where=of_page), key=lambda one: one.key, default=None)
            if page:
                return [crop] if page.place.source is SupportSource.CAPTION else [crop, page]
        return []

    def _captions(self, plain: str) -> Iterator[_Found]:
        """The titles of matched pictures that lie where a claim says; of equal ones the smallest."""
        for place in self._places:
            region = place.region
            box = region.box if region else None
            passage = place.shown_passage((0, len(place.text)))
            found = place.evidence
            if place.source is not SupportSource.CAPTION or found is None or not passage:
                continue
            if place.text == found.title and is_placed_there(plain, box=box):
                area = round(10_000 * box.width * box.height) if box else 10_000
                key = (_LABELS.get(found.label, 2), area, place.turn, 0)
                yield _Found(place=place, passage=passage, key=key)

    def _captioned(self, claim: Claim) -> Support | None:
        """A caption with all names of a claim that says what a picture shows."""
        if not claim.is_depiction:
            return None
        for place in self._places:
            region = place.region
            if place.source is not SupportSource.CAPTION or not is_placed_there(
                claim.plain, box=region.box if region else None
            ):
                continue
            span = claim.find_names(place.haystack)
            passage = place.shown_passage(span) if span else ""
            if passage:
                return _record(claim, [_Found(place=place, passage=passage, key=(0, 0, 0, 0))])
        return None

    # ---------------------------------------------------------------------------- clause by clause

    def _by_clauses(self, claim: Claim, clauses: Sequence[Clause]) -> Support | None:
        """Backings for all clauses, or for some, with those that are missing; None: for none."""
        if not clauses and claim.strict:
            clauses = [Clause(text=claim.plain, whole=claim.plain, is_bare=False)]
        sought = [self._sought(clause) for clause in clauses]
        home = self._home(sought)
        chosen: list[_Found] = []
        missing: list[str] = []
        is_told = False
        for clause in sought:
            founds = clause.backed_on(home, claim=claim)
            fresh = [one for one in founds if one.words not in {old.words for old in chosen}]
            if not founds or len(chosen) + len(fresh) > MAX_BACKINGS:
                missing.append(clause.text)
                continue
            chosen += fresh
            missing += clause.lacking
            is_told = is_told or clause.is_telling
        if not chosen or not is_told:
            return None
        return _record(claim, chosen, missing=tuple(missing))

    def _sought(self, clause: Clause) -> "_Sought":
        told = Claim(clause.whole)
        depicted = self._depicted(told)
        found = sorted(self._held(told), key=lambda one: one.key)
        lacking: tuple[str, ...] = ()
        if not found and not depicted and told.strict:
            lacking = tuple(word for word in told.strict if word in clause.text.casefold())
            told = Claim(without_strict_words(clause.whole))
            found = sorted(self._held(told), key=lambda one: one.key)
        return _Sought(text=clause.text, told=told, depicted=depicted, found=found, lacking=lacking)

    def _home(self, clauses: "Sequence[_Sought]") -> str | None:
        """The page that holds most of the clauses; of equal ones the one that holds them best."""
        held: dict[str | None, list[tuple[int, int, int, int]]] = {}
        for clause in clauses:
            best: dict[str | None, tuple[int, int, int, int]] = {}
            for one in clause.found:
                best.setdefault(one.place.url, one.key)
            for url, key in best.items():
                held.setdefault(url, []).append(key)
        return min(held, key=lambda url: (-len(held[url]), sorted(held[url])), default=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Sought:
    """A clause with all that backs it."""

    text: str
    told: Claim
    depicted: list[_Found]
    found: list[_Found]
    """The best first."""
    lacking: tuple[str, ...]
    """Words such as "only" that none of them holds."""

    @property
    def is_telling(self) -> bool:
        """Whether it says something of something, and does not only name it."""
        return bool(self.depicted) or self.told.says_something

    def backed_on(self, home: str | None, *, claim: Claim) -> list[_Found]:
        """Its backings on one page, or on another that the claim names."""
        if self.depicted:
            return self.depicted
        own = [
            one
            for one in self.found
            if (one.place.url == home or _is_named(one.place, claim))
            and (self.told.names or not _is_of_another(one, claim))
        ]
        own.sort(key=lambda one: one.place.url != home)
        return own[:1]


def _is_named(place: Place, claim: Claim) -> bool:
    """Whether the title of a page is a name in the claim."""
    title = tuple(word.folded for word in read_facts(place.base_title).words)
    return bool(title) and any(_is_run(title, name.words) for name in claim.names)


def _is_of_another(found: _Found, claim: Claim) -> bool:
    """Whether a passage begins with a name that neither the claim nor the page's title has."""
    names = read_facts(found.passage).names
    known = found.place.haystack.title_folded.union(*(name.words for name in claim.names))
    return bool(names) and names[0].start < 3 and not known & set(names[0].words)


def _is_run(words: Sequence[str], among: Sequence[str]) -> bool:
    """Whether words follow each other among others."""
    num = len(words)
    return any(tuple(among[at : at + num]) == tuple(words) for at in range(len(among) - num + 1))


def _key(place: Place, *, shared: int) -> tuple[int, int, int, int]:
    rank = _ORDER[place.source]
    return 0 if place.source in _OWN_WORDS else rank, -shared, rank, -place.turn


def _key_words(text: Haystack, span: tuple[int, int] | None = None) -> frozenset[str]:
    """What a text, or a stretch of it, is about: stems of its content words and names, and figures."""
    facts = text.facts if span is None else text.facts_of(span)
    names = {word for name in facts.names for word in name.words}
    return frozenset(
        {word.stem for word in facts.words if word.is_content or word.folded in names}
        | {figure.value for figure in facts.figures}
    )


def _record(claim: Claim, founds: Sequence[_Found], *, missing: tuple[str, ...] = ()) -> Support:
    first, *more = (one.place.backing(one.passage) for one in founds)
    return Support(
        claim=claim.written,
        kind=SupportKind.PARTLY if missing else founds[0].place.kind,
        url=first.url,
        title=first.title,
        passage=first.passage,
        source=first.source,
        handle=first.handle,
        box=first.box,
        turn=first.turn,
        quote=first.quote,
        more=tuple(more),
        missing=missing,
    )
