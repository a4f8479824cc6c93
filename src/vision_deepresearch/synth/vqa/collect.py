"""Stage 1: pictures from wherever they are into the media store, decoded safely, without metadata."""

import asyncio

from vision_deepresearch.core.context import CallContext
from vision_deepresearch.core.errors import ConfigError
from vision_deepresearch.core.record import Record
from vision_deepresearch.media.look import look_of
from vision_deepresearch.synth.stage import EachStage, Kept, each_stage
from vision_deepresearch.synth.vqa.means import Means
from vision_deepresearch.synth.vqa_records import Photo, Source


def collect(means: Means) -> EachStage:
    """A picture that cannot be decoded is rejected as `bad_image`.

    Raises:
        ConfigError: nobody who knows pictures.
    """
    collector = means.roles.collector
    if collector is None:
        msg = "nobody here knows pictures to ask about"
        raise ConfigError(msg)

    async def apply(source: Source, context: CallContext) -> Kept[Photo]:
        data = await collector.load(source, context=context)
        ref = await asyncio.to_thread(means.media.put, data)
        look = await asyncio.to_thread(look_of, means.media.load(ref))
        photo = Photo(id=source.id, image=ref, ref=source.ref, licence=source.licence, look=look)
        return Kept((photo,))

    return each_stage(
        apply,
        name="collect",
        takes=Source,
        gives=Photo,
        config=means.identity(Record(), role=collector.name),
        concurrency=means.concurrency,
    )
