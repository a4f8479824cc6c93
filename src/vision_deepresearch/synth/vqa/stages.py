"""The stages of VQA synthesis in their order: the method, read from top to bottom."""

from vision_deepresearch.synth.stage import Stage
from vision_deepresearch.synth.vqa.ask import ask
from vision_deepresearch.synth.vqa.collect import collect
from vision_deepresearch.synth.vqa.cut_regions import cut_regions
from vision_deepresearch.synth.vqa.decontaminate import Benchmarks
from vision_deepresearch.synth.vqa.evolve import drop_asked, keep_around, read_half_solved
from vision_deepresearch.synth.vqa.filter_images import drop_doubles, filter_images, search_whole
from vision_deepresearch.synth.vqa.find_entities import find_entities
from vision_deepresearch.synth.vqa.finish import finish
from vision_deepresearch.synth.vqa.means import Means
from vision_deepresearch.synth.vqa.obfuscate import obfuscate
from vision_deepresearch.synth.vqa.select import select
from vision_deepresearch.synth.vqa.settings import VqaSettings
from vision_deepresearch.synth.vqa.validate import validate
from vision_deepresearch.synth.vqa.verify import verify


def vqa_stages(means: Means, settings: VqaSettings, *, seed: int) -> tuple[Stage, ...]:
    """From `Source` to `Finished`.

    Raises:
        ConfigError: a benchmark file that cannot be read, a run folder that is none.
    """
    chosen = settings.selection
    half = read_half_solved(settings.evolution) if settings.evolution is not None else None
    benchmarks = Benchmarks.read(chosen.benchmarks, num_words=chosen.ngram_words)
    return (
        collect(means),
        filter_images(means, settings.pictures),
        drop_doubles(settings.pictures),
        search_whole(means, settings.pictures),
        find_entities(means, settings.regions),
        cut_regions(settings.regions),
        verify(means, settings.verify),
        *((keep_around(means, half),) if half is not None else ()),
        ask(means, settings.ask),
        obfuscate(means, settings.obfuscate, seed=seed),
        validate(means, settings.validation),
        *((drop_asked(half),) if half is not None else ()),
        select(chosen, benchmarks, same_bits=settings.pictures.same_bits),
        finish(means),
    )
