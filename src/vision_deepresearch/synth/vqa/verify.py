"""Stage 7: what a thing is, by searching each of its crops and comparing crop and hits.

Kept where searches at two scales, or hits of two sites, agree. Searching crops and comparing: paper;
how much agreement: ours. The name is the one that most agreeing views give.
"""

from collections import Counter

from vision_deepresearch.core.answers import normalise_answer
from vision_deepresearch.core.context import CallContext, SpendKind
from vision_deepresearch.synth.roles.vqa import Recognition
from vision_deepresearch.synth.stage import EachStage, Expected, Kept, Rejected, each_stage
from vision_deepresearch.synth.vqa.means import Means
from vision_deepresearch.synth.vqa.settings import VerifySettings
from vision_deepresearch.synth.vqa_records import CutRegion, Hit, Verified, View


def verify(means: Means, settings: VerifySettings) -> EachStage:
    """Regions become things with a name."""
    verifier = means.roles.verifier

    async def apply(region: CutRegion, context: CallContext) -> Kept[Verified] | Rejected:
        boxes = [crop.box for crop in region.crops]
        found = await means.search_crops(region.photo, boxes, limit=settings.hits)
        views = [View(crop=crop, hits=hits) for crop, hits in zip(region.crops, found, strict=True)]
        if not any(found):
            return Rejected(reason="no_hits", detail=f"{len(views)} crops")
        seen = await verifier.recognise(region, views, means.picture(region.photo), context=context)
        return agreed(region, views, seen, settings=settings)

    return each_stage(
        apply,
        name="verify",
        takes=CutRegion,
        gives=Verified,
        config=means.identity(settings, role=verifier.name),
        concurrency=means.concurrency,
        expected=Expected(
            kept=0.6,
            calls={SpendKind.IMAGE_SEARCH: 3, SpendKind.MODEL_CALL: 1},
            prompt_tokens=3_000,
            completion_tokens=250,
        ),
    )


def agreed(
    region: CutRegion, views: list[View], seen: Recognition, *, settings: VerifySettings
) -> Kept[Verified] | Rejected:
    """The thing that most views show, if enough of them do."""
    named = [name for name in seen.names if name and name.strip()]
    if not named:
        return Rejected(reason="not_recognised", detail="no hit shows what the crops show")
    (wanted, _), *rest = Counter(normalise_answer(name) for name in named).most_common()
    agreeing = [
        number
        for number, name in enumerate(seen.names)
        if name is not None and normalise_answer(name) == wanted
    ]
    if rest and rest[0][1] == len(agreeing):
        return Rejected(reason="disagreement", detail=" / ".join(sorted(set(named))))
    hits: dict[str, Hit] = {}
    for number in agreeing:
        told = set(seen.urls[number])
        hits.update((hit.url, hit) for hit in views[number].hits if hit.url in told)
    scales = tuple(views[number].crop.scale for number in agreeing)
    domains = tuple(dict.fromkeys(hit.domain for hit in hits.values()))
    if not hits or (len(scales) < settings.min_scales and len(domains) < settings.min_domains):
        detail = f"{named[0]!r} at {len(scales)} scales, on {len(domains)} sites"
        return Rejected(reason="weak_agreement", detail=detail)
    spellings = Counter(name for name in named if normalise_answer(name) == wanted)
    name = spellings.most_common(1)[0][0]
    return Kept((
        Verified(
            id=region.id,
            region=region,
            name=name,
            aliases=tuple(one for one in (*seen.aliases, *spellings) if one != name),
            page=next(iter(hits)),
            urls=tuple(hits),
            scales=scales,
            domains=domains,
        ),
    ))
