"""SerpApi: Google Lens for a picture by its url, GET /search.json, key in the query.

"Hasn't returned any results" comes as an error with status 200 and is an empty result, also where
the picture could not be fetched; a 429 may mean that the account has run out of searches. Source:
serpapi.com/google-lens-api, serpapi.com/api-errors.
"""

from vision_deepresearch.core.errors import FailureKind
from vision_deepresearch.core.observation import Evidence
from vision_deepresearch.worlds.live.engine import About, ApiRequest, Role
from vision_deepresearch.worlds.live.found import picture_hit
from vision_deepresearch.worlds.live.looks import PictureProvider
from vision_deepresearch.worlds.live.tolerant import Fields, objects_at, text_at, url_at
from vision_deepresearch.worlds.live.wire import code_in


def _lens(url: str, limit: int, key: str) -> ApiRequest:
    del limit  # it returns what it has
    params = {"engine": "google_lens", "url": url, "api_key": key}
    return ApiRequest(method="GET", path="/search.json", params=params)


def _matches(answer: Fields) -> list[Evidence]:
    exact = [(item, "match") for item in objects_at(answer, "exact_matches")]
    alike = [(item, None) for item in objects_at(answer, "visual_matches")]
    return [
        picture_hit(
            url_at(item, "link"),
            title=text_at(item, "title", most=500),
            image_url=url_at(item, "image", "thumbnail"),
            label=label,
        )
        for item, label in [*exact, *alike]
    ]


def _failure(status: int, answer: Fields) -> FailureKind | None:
    said = code_in(answer, "error")
    if not said:
        return None
    if "run out of searches" in said or "invalid api key" in said:
        return FailureKind.AUTH
    is_empty = "returned any results" in said
    return FailureKind.UPSTREAM if status == 200 and not is_empty else None


PICTURE = PictureProvider(
    about=About(
        name="serpapi_lens",
        role=Role.PICTURE,
        version=1,
        base_url="https://serpapi.com",
        key_variable="SERPAPI_API_KEY",
        takes="url",
        max_hits=60,
    ),
    request=_lens,
    parse=_matches,
    lists=("visual_matches", "exact_matches", "search_metadata", "error"),
    name_failure=_failure,
)
