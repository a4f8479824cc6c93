"""The shape of the Jina reader: GET /r/<url> and POST /r, answered as text or JSON by Accept.

`X-Respond-With` chooses markdown, text or html; the world keeps Markdown, so html is made from it.
Pictures in the Markdown are given addresses of this server, where a client can get them.
"""

import re
from dataclasses import dataclass

from markdown_it import MarkdownIt
from pydantic import JsonValue

from vision_deepresearch.core.errors import FailureKind
from vision_deepresearch.core.page import Page
from vision_deepresearch.worlds.references import URL_ESCAPES
from vision_deepresearch.worlds.server.addresses import MAX_URL_CHARS, page_spellings, too_long
from vision_deepresearch.worlds.server.desk import Desk
from vision_deepresearch.worlds.server.incoming import Incoming, text_of
from vision_deepresearch.worlds.server.jobs import Job, JobKind
from vision_deepresearch.worlds.server.refusals import RefusedError, bad_request

PREFIX = "/r/"
_MODES = ("markdown", "text", "html")
_PICTURE = re.compile(r"(!\[[^\]]*\]\()([^)\s]+)(\))")
_LINK = re.compile(r"\[([^\]]*)\]\([^)\s]*\)")
_MARKS = re.compile(r"^\s{0,3}(?:#{1,6}\s+|>\s?)|\*\*|(?<=\|)[\s:|-]*-{3,}[\s:|-]*(?=\|)", re.M)
_CHARS_PER_TOKEN = 4
_NAMES = {
    400: "ParamValidationError",
    401: "AuthenticationRequiredError",
    403: "SecurityCompromiseError",
    404: "TargetNotFoundError",
    503: "ServiceNodeResourceDrainError",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadAnswer:
    """A page in the form the client wants."""

    data: dict[str, JsonValue]
    """Of the JSON form."""
    text: str
    """The text form."""
    is_json: bool


async def read(incoming: Incoming, desk: Desk) -> ReadAnswer:
    """A whole page of the world.

    Raises:
        RefusedError: no address, something we do not make, or no such page.
    """
    mode = _mode(incoming)
    spellings = _target(incoming)
    if len(spellings[0]) > MAX_URL_CHARS:
        raise too_long(spellings[0])
    job = Job(kind=JobKind.READ, urls=spellings)
    page = Page.model_validate_json(await desk.answers.get(job))
    markdown = _with_our_pictures(page, incoming=incoming)
    data: dict[str, JsonValue] = {"title": page.title, "description": "", "url": page.final_url}
    if page.published:
        data["publishedTime"] = page.published
    if page.truncated:
        data["warning"] = "This page was longer than is read at once; its end is left out."
    if mode == "html":
        data["html"] = content = (
            MarkdownIt("commonmark", {"html": False}).enable("table").render(markdown)
        )
    elif mode == "text":
        data["text"] = content = _plain(markdown)
    else:
        data["content"] = content = markdown
    if _is_on(incoming, "x-with-links-summary"):
        data["links"] = {link.text or link.url: link.url for link in page.links}
    if _is_on(incoming, "x-with-images-summary"):
        data["images"] = {
            f"Image {number}: {image.caption or image.alt}".rstrip(": "): (
                incoming.addresses.asset_url(image.src)
            )
            for number, image in enumerate(page.images, start=1)
        }
    data["usage"] = {"tokens": -(-len(content) // _CHARS_PER_TOKEN)}
    return ReadAnswer(
        data={"code": 200, "status": 20000, "data": data},
        text=_as_text(data, mode=mode, content=content),
        is_json="application/json" in incoming.headers.get("accept", "").lower(),
    )


def error(refusal: RefusedError) -> dict[str, JsonValue]:
    """A refusal in this shape."""
    return {
        "data": None,
        "code": refusal.status,
        "name": _NAMES.get(refusal.status, "ApplicationError"),
        "status": refusal.status * 100,
        "message": refusal.message,
        "readableMessage": refusal.message,
        "kind": refusal.kind.value,
    }


def _mode(incoming: Incoming) -> str:
    """Markdown, text, html, or "" for the reader's own choice, which is Markdown with a head."""
    wanted = incoming.headers.get("x-respond-with", "") or incoming.headers.get(
        "x-return-format", ""
    )
    wanted = wanted.strip().lower()
    if wanted in {"", "content", "default", "no-content"}:
        return ""
    if wanted in _MODES:
        return wanted
    msg = (
        f"X-Respond-With may be {', '.join(_MODES)} here, got {wanted[:40]!r}: this server keeps "
        "Markdown and makes no screenshots"
    )
    raise bad_request(msg)


def _target(incoming: Incoming) -> tuple[str, ...]:
    if incoming.raw_path.startswith(PREFIX) and len(incoming.raw_path) > len(PREFIX):
        rest = incoming.raw_path.removeprefix(PREFIX)
        return page_spellings(rest, query=incoming.raw_query)
    fields = incoming.body.fields
    url = text_of(fields, "url").strip()
    if url:
        return page_spellings(url)
    for name in ("html", "pdf"):
        if name in fields:
            msg = f"this server reads the pages of its world, not {name} that is sent to it"
            raise RefusedError(FailureKind.UNAVAILABLE, msg, status=400)
    msg = "the address of a page was expected behind /r/ or in `url`, got none"
    raise bad_request(msg)


def _with_our_pictures(page: Page, *, incoming: Incoming) -> str:
    """The Markdown with pictures where a client can get them, or without: X-Retain-Images none."""
    if incoming.headers.get("x-retain-images", "").strip().lower() == "none":
        return _PICTURE.sub("", page.markdown)
    ours = {
        image.src.translate(URL_ESCAPES): incoming.addresses.asset_url(image.src)
        for image in page.images
    }
    return _PICTURE.sub(
        lambda found: f"{found[1]}{ours.get(found[2], found[2])}{found[3]}", page.markdown
    )


def _plain(markdown: str) -> str:
    """The words without markup, near enough."""
    return _MARKS.sub("", _LINK.sub(r"\1", _PICTURE.sub("", markdown))).replace("\\", "")


def _is_on(incoming: Incoming, header: str) -> bool:
    return incoming.headers.get(header, "").strip().lower() in {"true", "1", "all", "yes"}


def _as_text(data: dict[str, JsonValue], *, mode: str, content: str) -> str:
    if mode in {"text", "html"}:
        return content
    mixins = [
        f"{label}: {data[key]}"
        for key, label in (("publishedTime", "Published Time"), ("warning", "Warning"))
        if key in data
    ]
    head = "\n\n".join([f"Title: {data['title']}", f"URL Source: {data['url']}", *mixins])
    summaries = ""
    for key, label, mark in (("images", "Images", "!"), ("links", "Links/Buttons", "")):
        listed = data.get(key)
        if isinstance(listed, dict):
            lines = [f"- {mark}[{name}]({url})" for name, url in listed.items()]
            summaries += "\n".join(["", f"{label}:", *lines, ""])
    if mode == "markdown":
        before = "".join(f"{mixin}\n\n" for mixin in mixins)
        return f"{before}{content}\n{summaries}"
    return f"{head}\n\nMarkdown Content:\n{content}\n{summaries}"
