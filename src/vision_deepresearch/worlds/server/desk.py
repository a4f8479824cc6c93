"""What every route has at hand, and the two ways in which all of them are asked for pictures."""

from dataclasses import dataclass

from pydantic import JsonValue

from vision_deepresearch.core.observation import Evidence
from vision_deepresearch.core.page import Page, WorldManifest
from vision_deepresearch.worlds.server.addresses import MAX_URL_CHARS, too_long
from vision_deepresearch.worlds.server.answers import Answers
from vision_deepresearch.worlds.server.incoming import (
    Incoming,
    base64_of,
    data_url_bytes,
    text_of,
)
from vision_deepresearch.worlds.server.jobs import EVIDENCE_LIST, Job, JobKind
from vision_deepresearch.worlds.server.refusals import bad_request
from vision_deepresearch.worlds.server.settings import Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """One server's means."""

    answers: Answers
    settings: Settings
    manifest: WorldManifest
    """Of the world; what of it is shown is `manifest_for_clients`."""

    async def search(self, query: str, *, limit: int) -> list[Evidence]:
        """Pages by words.

        Raises:
            RefusedError: no answer.
        """
        job = Job(kind=JobKind.SEARCH, query=query, limit=limit)
        return EVIDENCE_LIST.validate_json(await self.answers.get(job))

    async def look(self, picture: "SentPicture", *, limit: int) -> list[Evidence]:
        """Pages by a picture.

        Raises:
            RefusedError: no answer.
        """
        job = Job(kind=JobKind.LOOK, urls=picture.urls, limit=limit)
        return EVIDENCE_LIST.validate_json(await self.answers.get(job, picture.data))

    async def read(self, spellings: tuple[str, ...]) -> Page:
        """A whole page by what a client may mean by its address.

        Raises:
            RefusedError: no such page, or no answer.
        """
        if len(spellings[0]) > MAX_URL_CHARS:
            raise too_long(spellings[0])
        job = Job(kind=JobKind.READ, urls=spellings)
        return Page.model_validate_json(await self.answers.get(job))


@dataclass(frozen=True, slots=True, kw_only=True)
class SentPicture:
    """A picture a client searches with: its bytes, or where it lies in the world."""

    data: bytes = b""
    urls: tuple[str, ...] = ()


def picture_in(incoming: Incoming) -> SentPicture:
    """The picture of a request: a file, base64 in `image`, or an address in `url`.

    Raises:
        RefusedError: none there, or an address that is not ours.
    """
    if incoming.body.files:
        return _whole(incoming.body.files[0])
    fields = incoming.fields
    for name in ("image", "imageUrl", "image_url", "url"):
        text = text_of(fields, name).strip()
        if text:
            return picture_from(text, incoming=incoming, is_address="url" in name.lower())
    msg = (
        "a picture was expected: a data: URL or an address under /assets in `url`, base64 in "
        "`image`, or a multipart file; got none"
    )
    raise bad_request(msg)


def picture_from(text: str, *, incoming: Incoming, is_address: bool) -> SentPicture:
    """The picture a text means: a data: URL, an address of ours, or base64.

    Raises:
        RefusedError: none of these.
    """
    if text[:5].lower() == "data:":
        return _whole(data_url_bytes(text))
    if is_address or text.startswith(("http://", "https://")):
        return SentPicture(urls=incoming.addresses.own_asset(text))
    return _whole(base64_of(text))


def _whole(data: bytes) -> SentPicture:
    if not data:
        msg = "a picture was expected, got an empty file"
        raise bad_request(msg)
    return SentPicture(data=data)


def manifest_for_clients(manifest: WorldManifest, *, noise: str) -> dict[str, JsonValue]:
    """What may be known of a world: not its seed and spec, from which its truth can be made again.

    The id is that of the world itself: the one that noise gives it holds the seed.
    """
    shown = manifest.model_copy(
        update={
            "seed": None,
            "spec": {},
            "name": manifest.name.partition("@")[0],
            "world_id": manifest.world_id.partition("~")[0],
        }
    )
    return {**shown.model_dump(mode="json", exclude={"seed", "spec"}), "noise": noise}
