"""The text path: questions without a picture, by walks over the world's pages from a named thing.

    Source -> find_topics -> Topic -> begin -> Draft -> obfuscate -> validate -> select -> finish

From `obfuscate` on the stages are those of questions about pictures: of their checks all apply but
those that look. Source: arXiv 2601.22060, 2.3.1 (8K text-only QA beside the visual ones; how they
were made is not said); walks over pages as in 2.2.
"""

from vision_deepresearch.core.context import CallContext, SpendKind
from vision_deepresearch.core.errors import ConfigError
from vision_deepresearch.core.proof import Hop, HopKind
from vision_deepresearch.core.task import Gold
from vision_deepresearch.synth.stage import EachStage, Expected, Kept, Rejected, Stage, each_stage
from vision_deepresearch.synth.vqa.decontaminate import Benchmarks
from vision_deepresearch.synth.vqa.finish import finish
from vision_deepresearch.synth.vqa.means import Means
from vision_deepresearch.synth.vqa.obfuscate import obfuscate
from vision_deepresearch.synth.vqa.select import select
from vision_deepresearch.synth.vqa.settings import AskSettings, VqaSettings
from vision_deepresearch.synth.vqa.validate import validate
from vision_deepresearch.synth.vqa_records import Draft, Source, Topic


def text_stages(means: Means, settings: VqaSettings, *, seed: int) -> tuple[Stage, ...]:
    """From `Source` to `Finished`.

    Raises:
        ConfigError: a benchmark file that cannot be read, or nobody who knows topics.
    """
    chosen = settings.selection
    benchmarks = Benchmarks.read(chosen.benchmarks, num_words=chosen.ngram_words)
    return (
        find_topics(means),
        begin(settings.ask),
        obfuscate(means, settings.obfuscate, seed=seed),
        validate(means, settings.validation),
        select(chosen, benchmarks, same_bits=settings.pictures.same_bits),
        finish(means),
    )


def find_topics(means: Means) -> EachStage:
    """Pages that can be read and are about something with a name."""
    finder = means.roles.topics
    if finder is None:
        msg = "nobody here knows topics for questions without a picture"
        raise ConfigError(msg)

    async def apply(source: Source, context: CallContext) -> Kept[Topic] | Rejected:
        url = await finder.address(source)
        if url is None:
            return Rejected(reason="no_page", detail=source.ref)
        page = await means.read(url)
        if page is None:
            return Rejected(reason="page_unreadable", detail=url)
        topic = await finder.find(source, page, context=context)
        if topic is None:
            return Rejected(reason="no_topic", detail=url)
        return Kept((topic,))

    return each_stage(
        apply,
        name="find_topics",
        takes=Source,
        gives=Topic,
        config=means.identity(AskSettings(), role=finder.name),
        concurrency=means.concurrency,
        expected=Expected(
            kept=0.9,
            calls={SpendKind.MODEL_CALL: 1, SpendKind.PAGE_READ: 1},
            prompt_tokens=3_500,
            completion_tokens=60,
        ),
    )


def begin(settings: AskSettings) -> EachStage:
    """A question whose answer is the thing itself: the first round asks for what it leads to."""

    async def apply(topic: Topic, _: CallContext) -> Kept[Draft]:
        question = f"Which thing is called {topic.name}?"
        named = Hop(
            id="h1",
            kind=HopKind.GIVEN,
            text=topic.name,
            shown=topic.name,
            expected=topic.name,
            pages=(topic.page,),
        )
        draft = Draft(
            id=topic.id,
            subject=topic,
            seed_question=question,
            question=question,
            gold=Gold(answers=(topic.name, *topic.aliases)),
            hops=(named,),
            strata={"hops": "0", "shape": "seed"},
        )
        numbers = range(settings.per_entity)
        return Kept(tuple(draft.model_copy(update={"id": f"{draft.id}.{n}"}) for n in numbers))

    return each_stage(
        apply,
        name="begin",
        takes=Topic,
        gives=Draft,
        config=settings,
        expected=Expected(kept=settings.per_entity),
    )
