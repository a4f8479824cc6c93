"""Stage 9: questions become harder in interleaved rounds of two moves.

    chain     ask for something that the answer so far leads to
    replace   name a thing no longer, say it by others around it
    look      ask for what a picture without words on the answer's page shows (an option)

Each round: keywords -> text search and a walk over links of real pages -> several candidates, each
from what was read -> a judge picks one. Source: arXiv 2601.22060, section 2.2 (either move alone
gives templates, or shortcuts by text); lengths and numbers: ours.
"""

import random
from collections.abc import Sequence

from vision_deepresearch.core.context import CallContext, SpendKind
from vision_deepresearch.core.page import Page
from vision_deepresearch.synth.roles.vqa import VqaRoles
from vision_deepresearch.synth.stage import EachStage, Expected, Kept, Rejected, each_stage
from vision_deepresearch.synth.vqa.means import Means
from vision_deepresearch.synth.vqa.settings import ObfuscateSettings
from vision_deepresearch.synth.vqa_records import Candidate, Draft, Finding, Move, Round


def obfuscate(means: Means, settings: ObfuscateSettings, *, seed: int) -> EachStage:
    """All rounds of a question; one that no round made harder is rejected."""
    roles = means.roles

    async def apply(draft: Draft, context: CallContext) -> Kept[Draft] | Rejected:
        rng = random.Random(f"{seed}/{draft.id}")
        plan = rng.choice(settings.plans)
        for number, move in enumerate(plan):
            at = context.at(turn=number)
            then = plan[number + 1 :]
            draft = await _round(means, draft, move, then, settings=settings, rng=rng, context=at)
            if move is not Move.REPLACE and draft.rounds[-1].chosen is None:
                break  # what cannot be led on cannot be led on later
        if all(one.chosen is None for one in draft.rounds):
            return Rejected(reason="no_candidates", detail=draft.rounds[-1].reason)
        looked = [one.chosen is not None for one in draft.rounds if one.move is Move.LOOK]
        if Move.LOOK in plan and not any(looked):
            return Rejected(reason="no_page_picture", detail="no round looked at one")
        return Kept((draft,))

    return each_stage(
        apply,
        name="obfuscate",
        takes=Draft,
        gives=Draft,
        config=means.identity(settings, role=_who(roles, seed)),
        concurrency=means.concurrency,
        expected=Expected(
            kept=0.6,
            calls={
                SpendKind.MODEL_CALL: 9,
                SpendKind.TEXT_SEARCH: 3,
                SpendKind.PAGE_READ: 3.0 * (settings.hits + settings.walk),
            },
            prompt_tokens=6_000,
            completion_tokens=500,
        ),
    )


def _who(roles: VqaRoles, seed: int) -> str:
    return f"{roles.obfuscator.name} {roles.chooser.name} seed {seed}"


async def _round(
    means: Means,
    draft: Draft,
    move: Move,
    then: Sequence[Move],
    *,
    settings: ObfuscateSettings,
    rng: random.Random,
    context: CallContext,
) -> Draft:
    """The question after one move, which may have come to nothing."""
    roles = means.roles
    queries = await roles.obfuscator.keywords(draft, move=move, context=context)
    findings = await _find(means, queries, settings=settings, rng=rng)
    candidates = await roles.obfuscator.propose(
        draft,
        findings,
        means.picture(draft.photo) if draft.photo is not None else None,
        move=move,
        then=then,
        count=settings.candidates,
        context=context,
    )
    told = {
        "move": move,
        "queries": queries,
        "pages": tuple(finding.url for finding in findings),
        "num_candidates": len(candidates),
    }
    chosen, reason = None, "nothing to propose"
    if candidates:
        choice = await roles.chooser.choose(draft, candidates, move=move, context=context)
        chosen, reason = choice.index, choice.reason
    if chosen is None or not 0 <= chosen < len(candidates):
        done = Round(**told, chosen=None, reason=reason, question=draft.question)
        return draft.model_copy(update={"rounds": (*draft.rounds, done)})
    taken = candidates[chosen]
    done = Round(**told, chosen=chosen, reason=reason, question=taken.question)
    return _with(draft, taken, done)


def _with(draft: Draft, taken: Candidate, done: Round) -> Draft:
    return draft.model_copy(
        update={
            "question": taken.question,
            "gold": taken.gold,
            "hops": taken.hops,
            "constraints": taken.constraints,
            "entities": taken.entities,
            "strata": taken.strata,
            "memo": taken.memo,
            "rounds": (*draft.rounds, done),
        }
    )


async def _find(
    means: Means, queries: Sequence[str], *, settings: ObfuscateSettings, rng: random.Random
) -> tuple[Finding, ...]:
    """Pages by words, then pages by a walk over links from the first of them."""
    findings: dict[str, Finding] = {}
    for query in queries:
        for hit in (await means.world.search_text(query, limit=settings.hits))[: settings.hits]:
            page = await means.read(hit.url)
            if page is not None:
                findings.setdefault(hit.url, _finding(page, url=hit.url, query=query))
    here = next(iter(findings.values()), None)
    for _ in range(settings.walk):
        links = [one.url for one in here.links if one.url not in findings] if here else []
        page = await means.read(rng.choice(links)) if links else None
        if page is None:
            break
        here = _finding(page, url=page.url, query="")
        findings[here.url] = here
    return tuple(findings.values())


def _finding(page: Page, *, url: str, query: str) -> Finding:
    return Finding(query=query, url=url, title=page.title, text=page.markdown, links=page.links)
