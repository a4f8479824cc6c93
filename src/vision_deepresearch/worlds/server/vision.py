"""The shape of Google Cloud Vision, web detection only: POST /v1/images:annotate."""

from collections.abc import Sequence

from pydantic import JsonValue

from vision_deepresearch.core.observation import Evidence
from vision_deepresearch.worlds.server.desk import Desk, SentPicture, picture_from
from vision_deepresearch.worlds.server.incoming import Incoming, base64_of, count_of, text_of
from vision_deepresearch.worlds.server.refusals import (
    EngineFailedError,
    RefusedError,
    bad_request,
)
from vision_deepresearch.worlds.server.settings import DEFAULT_HITS, MAX_HITS

MAX_PICTURES = 16
"""Of one call, as the service has it."""
_FEATURE = "WEB_DETECTION"
_NUMBER = 10
"""The same as the official client libraries write it (`$alt=json;enum-encoding=int`)."""
_STATUS = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    429: "RESOURCE_EXHAUSTED",
    503: "UNAVAILABLE",
    504: "DEADLINE_EXCEEDED",
}
_CODE = {400: 3, 401: 16, 403: 7, 404: 5, 413: 3, 429: 8, 503: 14, 504: 4}
"""Codes of google.rpc.Code, used inside a response."""


async def annotate(incoming: Incoming, desk: Desk) -> dict[str, JsonValue]:
    """Web detection for one or more pictures; what is wrong with one does not spoil the others.

    Raises:
        RefusedError: no list of requests, or the queue is full.
    """
    requests = incoming.body.json.get("requests")
    if not isinstance(requests, list) or not 1 <= len(requests) <= MAX_PICTURES:
        msg = f"1 to {MAX_PICTURES} pictures were expected as a list in `requests`"
        raise bad_request(msg)
    responses: list[JsonValue] = []
    for request in requests:
        try:
            responses.append(await _annotate_one(request, incoming=incoming, desk=desk))
        except RefusedError as refusal:
            if refusal.retry_after_s is not None or isinstance(refusal, EngineFailedError):
                raise
            code = _CODE.get(refusal.status, 13)
            responses.append({"error": {"code": code, "message": refusal.message}})
    return {"responses": responses}


async def _annotate_one(
    request: JsonValue, *, incoming: Incoming, desk: Desk
) -> dict[str, JsonValue]:
    if not isinstance(request, dict):
        msg = f"a request was expected to be an object, got a {type(request).__name__}"
        raise bad_request(msg)
    features = request.get("features")
    wanted = (
        [one for one in features if isinstance(one, dict)] if isinstance(features, list) else []
    )
    feature = next((one for one in wanted if one.get("type") in (_FEATURE, _NUMBER)), None)
    if feature is None:
        msg = f"this server knows the feature {_FEATURE} only: add it to `features`"
        raise bad_request(msg)
    limit = count_of(feature, "maxResults", DEFAULT_HITS, most=MAX_HITS)
    picture = _picture_of(request.get("image"), incoming=incoming)
    found = await desk.look(picture, limit=limit)
    return {"webDetection": _web_detection(found, incoming=incoming)}


def _picture_of(image: JsonValue, *, incoming: Incoming) -> SentPicture:
    if not isinstance(image, dict):
        msg = "a picture was expected in `image`, got none"
        raise bad_request(msg)
    content = text_of(image, "content")
    if content:
        data = base64_of(content)
        return SentPicture(data=data)
    source = image.get("source")
    if isinstance(source, dict):
        url = text_of(source, "imageUri") or text_of(source, "gcsImageUri")
        if url:
            return picture_from(url, incoming=incoming, is_address=True)
    msg = "a picture in base64 was expected in `image.content`, got none"
    raise bad_request(msg)


def _web_detection(found: Sequence[Evidence], *, incoming: Incoming) -> dict[str, JsonValue]:
    """Hits by how sure the engine is of them; the same page or picture stands once in a list."""
    of = {label: [hit for hit in found if hit.label == label] for label in ("match", "possible")}
    similar = [hit for hit in found if hit.label not in of]
    pages: dict[str, JsonValue] = {}
    for label, hits in of.items():
        key = "fullMatchingImages" if label == "match" else "partialMatchingImages"
        for hit in hits:
            pages.setdefault(
                hit.url,
                {
                    "url": hit.url,
                    "pageTitle": hit.title,
                    "fullMatchingImages": [],
                    "partialMatchingImages": [],
                    key: _images([hit], incoming=incoming),
                },
            )
    sure = of["match"] or of["possible"]
    entities = {hit.title: hit for hit in reversed([*of["match"], *of["possible"]])}
    return {
        "webEntities": [
            {"entityId": f"/vdr/{hit.doc_id}", "score": hit.score or 0.0, "description": title}
            for title, hit in reversed(entities.items())
        ],
        "fullMatchingImages": _images(of["match"], incoming=incoming),
        "partialMatchingImages": _images(of["possible"], incoming=incoming),
        "pagesWithMatchingImages": list(pages.values()),
        "visuallySimilarImages": _images(similar, incoming=incoming),
        "bestGuessLabels": [{"label": sure[0].title, "languageCode": "en"}] if sure else [],
    }


def _images(hits: Sequence[Evidence], *, incoming: Incoming) -> list[JsonValue]:
    urls = dict.fromkeys(hit.image_url for hit in hits if hit.image_url is not None)
    return [{"url": incoming.addresses.asset_url(url)} for url in urls]


def error(refusal: RefusedError) -> dict[str, JsonValue]:
    """A refusal in this shape."""
    return {
        "error": {
            "code": refusal.status,
            "message": refusal.message,
            "status": _STATUS.get(refusal.status, "UNKNOWN"),
            "kind": refusal.kind.value,
        }
    }
