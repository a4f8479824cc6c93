"""Google Cloud Vision, web detection: POST /v1/images:annotate, takes the picture's bytes.

Errors stand in HTTP statuses and, for one picture, inside an answer of status 200. The key goes in
a header: in the query, where it may go too, it would stand in logs. Source:
cloud.google.com/vision/docs (request, detecting-web, supported-files).
"""

from collections.abc import Iterator

from vision_deepresearch.core.errors import FailureKind
from vision_deepresearch.core.observation import Evidence
from vision_deepresearch.worlds.live.engine import About, ApiRequest, Role
from vision_deepresearch.worlds.live.found import picture_hit
from vision_deepresearch.worlds.live.looks import PictureProvider
from vision_deepresearch.worlds.live.tolerant import Fields, object_at, objects_at, text_at, url_at
from vision_deepresearch.worlds.live.wire import code_in

_MAX_BYTES = 7 << 20
"""A request may have 10 MB (documentation), and base64 takes four thirds."""
_RPC = {
    "3": FailureKind.BAD_REQUEST,
    "4": FailureKind.TIMEOUT,
    "7": FailureKind.AUTH,
    "8": FailureKind.RATE_LIMITED,
    "14": FailureKind.UPSTREAM,
    "16": FailureKind.AUTH,
}
"""Codes of google.rpc.Code inside an answer; others are the service's fault."""
_MAX_NAMES = 5


def _annotate(picture: str, limit: int, key: str) -> ApiRequest:
    return ApiRequest(
        path="/v1/images:annotate",
        headers={"X-Goog-Api-Key": key},
        body={
            "requests": [
                {
                    "image": {"content": picture},
                    "features": [{"type": "WEB_DETECTION", "maxResults": limit}],
                }
            ]
        },
    )


def _hits(answer: Fields) -> list[Evidence]:
    """Pages with the picture, surest first, then pictures alike, which have no page."""
    response = next(objects_at(answer, "responses"), {})
    web = object_at(dict(response), "webDetection")
    told = _guess(web)
    pages = sorted(objects_at(web, "pagesWithMatchingImages"), key=_is_partial)
    hits = [
        picture_hit(
            url_at(page, "url"),
            title=text_at(page, "pageTitle", most=500),
            snippet=told if number == 0 else "",
            image_url=next(_images(page), None),
            label="possible" if _is_partial(page) else "match",
        )
        for number, page in enumerate(pages)
    ]
    alike = [
        picture_hit(url, title="", image_url=url, label="visually similar")
        for item in objects_at(web, "visuallySimilarImages")
        if (url := url_at(item, "url"))
    ]
    return [*hits, *alike]


def _is_partial(page: Fields) -> bool:
    return not any(objects_at(page, "fullMatchingImages"))


def _images(page: Fields) -> Iterator[str]:
    for name in ("fullMatchingImages", "partialMatchingImages"):
        for image in objects_at(page, name):
            if url := url_at(image, "url"):
                yield url


def _guess(web: Fields) -> str:
    """What the engine takes the picture for, in its words."""
    labels = [text_at(item, "label", most=100) for item in objects_at(web, "bestGuessLabels")]
    names = [text_at(item, "description", most=100) for item in objects_at(web, "webEntities")]
    said = []
    if best := next(filter(None, labels), ""):
        said.append(f"The engine's best guess for the picture: {best}.")
    if listed := [name for name in names if name][:_MAX_NAMES]:
        said.append(f"Named by it: {', '.join(listed)}.")
    return " ".join(said)


def _failure(status: int, answer: Fields) -> FailureKind | None:
    if status == 200:
        response = next(objects_at(answer, "responses"), {})
        if not object_at(dict(response), "error"):
            return None
        return _RPC.get(code_in(response, "error", "code"), FailureKind.UPSTREAM)
    said = code_in(answer, "error", "message")
    if status == 400 and "api key" in said:
        return FailureKind.AUTH
    return None


PICTURE = PictureProvider(
    about=About(
        name="google_vision",
        role=Role.PICTURE,
        version=1,
        base_url="https://vision.googleapis.com",
        key_variable="GOOGLE_VISION_API_KEY",
        takes="bytes",
        max_hits=20,
    ),
    request=_annotate,
    parse=_hits,
    lists=("responses",),
    name_failure=_failure,
    max_bytes=_MAX_BYTES,
)
