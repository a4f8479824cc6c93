"""Stage 10: what a question must pass. Each check that fails rejects it under its own name.

    not_multi_hop   enough relations, on pages of their own
    leak            no name of the route, nor the answer, stands in the question
    not_solvable    each crop finds its page, each page is found by words and states its value
    shortcut        the first page tells the answer; a condition is idle (the validator objects)
    blind           a reader without the picture finds the answer, by heart or by searching
    whole_image     the uncropped picture is enough
    idle_picture    a picture of a page that is looked at on the way is not needed: the words of that
                    page tell what it shows, they or what they link to lead to the answer, or its
                    uncropped self is enough

Source: arXiv 2601.22060, Fig. 2e (shortcut, solvable, multi-hop); how each is decided: ours.
"""

import re
from collections.abc import Awaitable, Callable, Sequence

from vision_deepresearch.core.context import CallContext, SpendKind
from vision_deepresearch.core.geometry import Box
from vision_deepresearch.core.proof import Hop, HopKind
from vision_deepresearch.core.task import AnswerType, Gold
from vision_deepresearch.synth.roles.vqa import Exam
from vision_deepresearch.synth.stage import EachStage, Expected, Kept, Rejected, each_stage
from vision_deepresearch.synth.vqa.ask import is_right
from vision_deepresearch.synth.vqa.means import Means
from vision_deepresearch.synth.vqa.settings import ValidateSettings
from vision_deepresearch.synth.vqa_records import Draft, Finding, Verified

_LOOK_SCALES = (1.0, 1.5)
_STARTS = frozenset({HopKind.LOOK, HopKind.GIVEN})
"""Hops that a route begins with; of what is given, a page is known where it is a thing."""
_MAX_WINDOWS = 4
"""Of a page, in search of its value."""
_DIGITS_APART = re.compile(r"(?<=\d)[,\u00a0\u202f\u2009 ](?=\d{3}\b)")
_Check = Callable[[Means, Draft, ValidateSettings, CallContext], Awaitable[Rejected | None]]


def validate(means: Means, settings: ValidateSettings) -> EachStage:
    """All checks, the cheapest first."""
    validator = means.roles.validator

    async def apply(draft: Draft, context: CallContext) -> Kept[Draft] | Rejected:
        for check in _CHECKS:
            rejected = await check(means, draft, settings, context)
            if rejected is not None:
                return rejected
        return Kept((draft,))

    return each_stage(
        apply,
        name="validate",
        takes=Draft,
        gives=Draft,
        config=means.identity(settings, role=validator.name),
        concurrency=means.concurrency,
        expected=Expected(
            kept=0.6,
            calls={
                SpendKind.MODEL_CALL: 2 + 2.0 * settings.samples,
                SpendKind.TEXT_SEARCH: 6,
                SpendKind.PAGE_READ: 8,
                SpendKind.IMAGE_SEARCH: 1,
            },
            prompt_tokens=5_000,
            completion_tokens=200,
        ),
    )


# -------------------------------------------------------------------------------- from the proof


async def _multi_hop(
    _: Means, draft: Draft, settings: ValidateSettings, __: CallContext
) -> Rejected | None:
    pages = {hop.pages[0] for hop in draft.hops if hop.kind is HopKind.FOLLOW and hop.pages}
    pages |= {hop.photo.page for hop in draft.hops if hop.photo is not None}
    # What is chosen between costs pages too, but leads no further: the strata count relations.
    num_hops = min(draft.num_hops, len(pages))
    if num_hops >= settings.min_hops:
        return None
    return Rejected(reason="not_multi_hop", detail=f"{num_hops} relations")


async def _leak(_: Means, draft: Draft, __: ValidateSettings, ___: CallContext) -> Rejected | None:
    question = draft.question.casefold()
    given = {hop.expected for hop in draft.hops if hop.kind is HopKind.GIVEN}
    names = [*draft.gold.answers, *draft.entities]
    if draft.subject.name not in given:  # else it is named on purpose, by whichever of its names
        names += [draft.subject.name, *draft.subject.aliases]
    for name in names:
        if name not in given and stands_in(name, question):
            return Rejected(reason="leak", detail=name)
    return None


# ------------------------------------------------------------------------- through the real indexes


async def _crops_find(
    means: Means, draft: Draft, settings: ValidateSettings, _: CallContext
) -> Rejected | None:
    photo = draft.photo
    if photo is None:
        return None
    for hop in draft.hops:
        if hop.kind is not HopKind.LOOK or hop.box is None or _is_subject(hop, draft):
            continue
        boxes = [hop.box.scaled(scale) for scale in _LOOK_SCALES]
        if hop.photo is None:
            found = await means.search_crops(photo, boxes, limit=settings.look_rank)
        else:
            found = await means.search_crops_at(hop.photo.url, boxes, limit=settings.look_rank)
        if not any(hit.url in hop.pages for hits in found for hit in hits):
            return Rejected(reason="not_solvable", detail=f"no crop finds {hop.expected!r}")
    return None


def _is_subject(hop: Hop, draft: Draft) -> bool:
    """Whether it is the thing that was verified already, at one of the scales asked for here."""
    verified = draft.subject
    if not isinstance(verified, Verified):
        return False
    is_close = any(scale in _LOOK_SCALES for scale in verified.scales)
    return hop.box == verified.region.box and is_close


async def _pages_state(
    means: Means, draft: Draft, settings: ValidateSettings, _: CallContext
) -> Rejected | None:
    expected = {hop.id: hop.expected for hop in draft.hops}
    for hop in draft.hops:
        if hop.kind is not HopKind.FOLLOW or hop.subject is None:
            continue
        if not hop.pages:
            return Rejected(reason="not_solvable", detail=f"no page for {hop.expected!r}")
        url = hop.pages[0]
        if not await _is_found(
            means, url, subject=expected[hop.subject], hop=hop, rank=settings.search_rank
        ):
            detail = f"no search for {expected[hop.subject]!r} finds {url}"
            return Rejected(reason="not_solvable", detail=detail)
        text = await _text_of(means, url)
        if text is None:
            return Rejected(reason="page_unreadable", detail=url)
        if not any(states(text, value) for value in (hop.expected, *hop.aliases)):
            return Rejected(reason="not_solvable", detail=f"{url} does not say {hop.expected!r}")
    return None


async def _photos_are_shown(
    means: Means, draft: Draft, settings: ValidateSettings, _: CallContext
) -> Rejected | None:
    """Each picture of a page stands there without words, the only one, and the page is found."""
    expected = {hop.id: hop.expected for hop in draft.hops}
    for hop in draft.hops:
        if hop.photo is None or hop.subject is None:
            continue
        url, name = hop.photo.page, expected[hop.subject]
        if not await _is_found(means, url, subject=name, hop=hop, rank=settings.search_rank):
            return Rejected(reason="not_solvable", detail=f"no search for {name!r} finds {url}")
        page = await means.read(url)
        if page is None:
            return Rejected(reason="page_unreadable", detail=url)
        wordless = [one.src for one in page.images if not one.alt and not one.caption]
        if wordless != [hop.photo.url]:
            detail = f"{url} shows {len(wordless)} pictures without words"
            return Rejected(reason="not_solvable", detail=detail)
    return None


async def _photos_are_needed(
    means: Means, draft: Draft, settings: ValidateSettings, context: CallContext
) -> Rejected | None:
    """With the picture taken from the page, its words and links do not lead to the answer."""
    for hop in draft.hops:
        if hop.photo is None or hop.box is None:
            continue
        page = await _finding(means, hop.photo.page)
        text = await _text_of(means, hop.photo.page)
        if page is None or text is None:
            return Rejected(reason="page_unreadable", detail=hop.photo.page)
        told = [
            one for one in (hop.expected, *hop.aliases, *_forms(draft.gold)) if states(text, one)
        ]
        if told:
            return Rejected(reason="idle_picture", detail=f"{page.url} tells {told[0]!r}")
        linked = dict.fromkeys(link.url for link in page.links)
        read = [page, *[one for url in linked if (one := await _finding(means, url)) is not None]]
        for number, finding in enumerate(read):
            exam = Exam(draft=draft, picture=None, findings=(finding,), sample=number)
            at = context.at(turn=5, index=number)
            said = await means.roles.validator.answer(exam, context=at)
            if is_right(said, draft.gold):
                detail = f"{finding.url}, beside {page.url}, tells {said!r}"
                return Rejected(reason="idle_picture", detail=detail)
        whole = [Box.full()]
        (hits,) = await means.search_crops_at(hop.photo.url, whole, limit=settings.search_rank)
        if any(hit.url in hop.pages for hit in hits):
            return Rejected(reason="idle_picture", detail=f"uncropped it finds {hop.expected!r}")
    return None


async def _is_found(means: Means, url: str, *, subject: str, hop: Hop, rank: int) -> bool:
    for query in (f"{subject} {hop.label}", subject):
        hits = await means.world.search_text(query, limit=rank)
        if any(hit.url == url for hit in hits[:rank]):
            return True
    return False


async def _text_of(means: Means, url: str) -> str | None:
    """The page's title and its first windows; None: it cannot be had."""
    page = await means.read(url)
    if page is None:
        return None
    texts = [page.title, page.markdown]
    for _ in range(_MAX_WINDOWS - 1):
        if page.cursor is None:
            break
        page = await means.world.read(url, cursor=page.cursor)
        texts.append(page.markdown)
    return "\n".join(texts)


async def _first_page_tells(
    means: Means, draft: Draft, settings: ValidateSettings, _: CallContext
) -> Rejected | None:
    if draft.num_hops < settings.min_hops:
        return None
    for hop in draft.hops:
        if hop.kind in _STARTS and hop.photo is None and hop.pages:
            text = await _text_of(means, hop.pages[0])
            if text is not None and any(states(text, one) for one in _forms(draft.gold)):
                return Rejected(reason="shortcut", detail=f"{hop.pages[0]} tells the answer")
    return None


def _forms(gold: Gold) -> Sequence[str]:
    # Years and small figures stand on pages for other reasons: only as they are written.
    return gold.answers[:1] if gold.type in {AnswerType.DATE, AnswerType.NUMBER} else gold.answers


# ------------------------------------------------------------------------------- by the validator


async def _objected(
    means: Means, draft: Draft, _: ValidateSettings, context: CallContext
) -> Rejected | None:
    urls = dict.fromkeys(hop.pages[0] for hop in draft.hops if hop.pages)
    findings = [finding for url in urls if (finding := await _finding(means, url)) is not None]
    found = await means.roles.validator.objections(draft, findings, context=context.at(turn=1))
    if not found:
        return None
    return Rejected(reason=found[0].reason, detail="; ".join(one.detail for one in found))


async def _blind(
    means: Means, draft: Draft, settings: ValidateSettings, context: CallContext
) -> Rejected | None:
    hits = await means.world.search_text(draft.question, limit=settings.blind_pages)
    urls = dict.fromkeys(hit.url for hit in hits[: settings.blind_pages])
    read = [finding for url in urls if (finding := await _finding(means, url)) is not None]
    for turn, findings in ((2, ()), (3, read)):
        for sample in range(settings.samples):
            exam = Exam(draft=draft, picture=None, findings=findings, sample=sample)
            at = context.at(turn=turn, index=sample)
            said = await means.roles.validator.answer(exam, context=at)
            if is_right(said, draft.gold):
                how = "from the question's words" if findings else "by heart"
                return Rejected(reason="blind", detail=f"{how}: {said}")
    return None


async def _whole_image(
    means: Means, draft: Draft, settings: ValidateSettings, context: CallContext
) -> Rejected | None:
    photo = draft.photo
    findings = [
        Finding(query="", url=hit.url, title=hit.title, text=hit.caption)
        for hit in (photo.whole if photo is not None else ())
    ]
    if photo is None or not findings:
        return None
    for sample in range(settings.samples):
        exam = Exam(draft=draft, picture=means.picture(photo), findings=findings, sample=sample)
        said = await means.roles.validator.answer(exam, context=context.at(turn=4, index=sample))
        if is_right(said, draft.gold):
            return Rejected(reason="whole_image", detail="the uncropped picture is enough")
    return None


async def _finding(means: Means, url: str) -> Finding | None:
    page = await means.read(url)
    if page is None:
        return None
    return Finding(query="", url=url, title=page.title, text=page.markdown, links=page.links)


_CHECKS: tuple[_Check, ...] = (
    _multi_hop,
    _leak,
    _pages_state,
    _photos_are_shown,
    _first_page_tells,
    _objected,
    _blind,
    _whole_image,
    _crops_find,
    _photos_are_needed,
)


# ----------------------------------------------------------------------------------------- words


def stands_in(name: str, text: str) -> bool:
    """Whether a name stands in a text as words of their own; `text` is casefolded already."""
    folded = name.casefold().strip()
    return bool(folded) and re.search(rf"(?<!\w){re.escape(folded)}(?!\w)", text) is not None


def states(text: str, value: str) -> bool:
    """Whether a text has a value: its words, or all its figures however they are grouped."""
    plain = _DIGITS_APART.sub("", _plain(text))
    wanted = _DIGITS_APART.sub("", _plain(value))
    if not wanted:  # a name of nothing but signs that are markup elsewhere
        return stands_in(" ".join(value.split()), " ".join(text.split()).casefold())
    if stands_in(wanted, plain):
        return True
    figures = re.findall(r"\d+", wanted)
    return bool(figures) and all(stands_in(figure, plain) for figure in figures)


def _plain(text: str) -> str:
    return re.sub(r"[*_\\`]", "", " ".join(text.split())).casefold()
