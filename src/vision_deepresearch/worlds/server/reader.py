"""The shape of the Jina reader: GET /r/<url> and POST /r, answered as text, JSON or events by Accept.

`X-Respond-With` chooses markdown, text or html; the world keeps Markdown, so html is made from it.
Pictures in the Markdown are numbered and given addresses of this server, where a client can get
them. Options come as headers, or in the body under the names that the service's own code has.
"""

import json
import re
from dataclasses import dataclass

from markdown_it import MarkdownIt
from pydantic import JsonValue

from vision_deepresearch.core.errors import FailureKind
from vision_deepresearch.core.page import Page
from vision_deepresearch.worlds.references import URL_ESCAPES
from vision_deepresearch.worlds.server.addresses import page_spellings
from vision_deepresearch.worlds.server.desk import Desk
from vision_deepresearch.worlds.server.incoming import Incoming, count_of, text_of
from vision_deepresearch.worlds.server.refusals import RefusedError, bad_request

PREFIX = "/r/"
_MODES = ("markdown", "text", "html")
_RETAINED = ("all", "none", "alt", "all_p", "alt_p")
_PICTURE = re.compile(r"!\[([^\]]*)\]\(([^)\s]+)\)")
_LINK = re.compile(r"\[([^\]]*)\]\([^)\s]*\)")
_MARKS = re.compile(r"^\s{0,3}(?:#{1,6}\s+|>\s?)|\*\*|(?<=\|)[\s:|-]*-{3,}[\s:|-]*(?=\|)", re.M)
_CHARS_PER_TOKEN = 4
_MOST_TOKENS = 10_000_000
_NAMES = {
    400: ("ParamValidationError", 40001),
    401: ("AuthenticationRequiredError", 40103),
    403: ("SecurityCompromiseError", 40300),
    404: ("TargetNotFoundError", 40400),
    409: ("BudgetExceededError", 40904),
    422: ("AssertionFailureError", 42206),
    429: ("RateLimitTriggeredError", 42903),
    503: ("ServiceNodeResourceDrainError", 50303),
}
_WITHOUT_ELEMENTS = ("X-Target-Selector", "X-Remove-Selector")


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadAnswer:
    """A page in the form the client wants."""

    content: bytes
    media_type: str


async def read(incoming: Incoming, desk: Desk) -> ReadAnswer:
    """A whole page of the world.

    Raises:
        RefusedError: no address, something we do not make, more than the client's budget, or no
            such page.
    """
    mode = _mode(incoming)
    pictures_mode = _retained(incoming)
    page = await desk.read(_target(incoming))
    pictures = Pictures(
        page,
        incoming=incoming,
        retain=pictures_mode,
        is_captioned=_is_on(incoming, "X-With-Generated-Alt") or pictures_mode.endswith("_p"),
    )
    markdown = pictures.placed(page.markdown)
    data: dict[str, JsonValue] = {"title": page.title, "description": "", "url": page.final_url}
    if page.published:
        data["publishedTime"] = page.published
    if mode == "html":
        key = "html"
        content = MarkdownIt("commonmark", {"html": False}).enable("table").render(markdown)
    elif mode == "text":
        key, content = "text", plain(markdown)
    else:
        key, content = "content", markdown
    content, tokens = _within_budget(content, incoming=incoming)
    data[key] = content
    warning = _warning(page, incoming=incoming)
    if warning:
        data["warning"] = warning
    if _is_on(incoming, "X-With-Links-Summary"):
        data["links"] = {link.text or link.url: link.url for link in page.links}
    if _is_on(incoming, "X-With-Images-Summary"):
        data["images"] = pictures.summary()
    data["usage"] = {"tokens": tokens}
    return _as_wanted(incoming, data=data, text=_as_text(data, mode=mode, content=content))


class Pictures:
    """The pictures of a page under our own addresses, numbered in the order of its Markdown."""

    def __init__(
        self, page: Page, *, incoming: Incoming, retain: str = "all", is_captioned: bool = False
    ) -> None:
        self._page = page
        self._retain = retain.removesuffix("_p")
        self._is_captioned = is_captioned
        self._ours = {
            image.src.translate(URL_ESCAPES): incoming.addresses.asset_url(image.src)
            for image in page.images
        }
        self._captions = {
            image.src.translate(URL_ESCAPES): image.caption or image.alt for image in page.images
        }
        self._numbers: dict[str, list[int]] = {}

    def placed(self, markdown: str) -> str:
        """The Markdown with its pictures where a client can get them, as words, or without."""
        return _PICTURE.sub(self._placed, markdown)

    def summary(self) -> dict[str, JsonValue]:
        """Addresses by number and alternative text; call it after `placed`."""
        listed: dict[str, JsonValue] = {}
        for place, image in enumerate(self._page.images, start=1):
            numbers = self._numbers.get(image.src.translate(URL_ESCAPES), [place])
            label = f"Image {','.join(map(str, numbers))}: {image.caption or image.alt}"
            listed[label.removesuffix(": ")] = self._ours[image.src.translate(URL_ESCAPES)]
        return listed

    def _placed(self, found: re.Match[str]) -> str:
        alt, url = found[1], found[2]
        if self._retain == "none":
            return ""
        if not alt and self._is_captioned:
            alt = " ".join(self._captions.get(url, "").translate(_NO_BRACKETS).split())
        number = sum(map(len, self._numbers.values())) + 1
        if self._retain == "alt":
            if not alt:
                return ""
            self._numbers.setdefault(url, []).append(number)
            return f"(Image {number}: {alt})"
        self._numbers.setdefault(url, []).append(number)
        label = f"Image {number}: {alt}" if alt else f"Image {number}"
        return f"![{label}]({self._ours.get(url, url)})"


_NO_BRACKETS = str.maketrans("[]", "()")


def plain(markdown: str) -> str:
    """The words without markup, near enough."""
    return _MARKS.sub("", _LINK.sub(r"\1", _PICTURE.sub("", markdown))).replace("\\", "")


def error(refusal: RefusedError) -> dict[str, JsonValue]:
    """A refusal in this shape."""
    name, status = _NAMES.get(refusal.status, ("ApplicationError", refusal.status * 100))
    shown: dict[str, JsonValue] = {
        "data": None,
        "code": refusal.status,
        "name": name,
        "status": status,
        "message": refusal.message,
        "readableMessage": f"{name}: {refusal.message}",
        "kind": refusal.kind.value,
    }
    if refusal.status == 429:
        shown["retryAfter"] = refusal.retry_after_s
    return shown


def _option(incoming: Incoming, header: str) -> str:
    """What a header says, or the body under the same name in camel case without its X."""
    said = incoming.headers.get(header.lower(), "")
    if not said:
        first, *rest = header.removeprefix("X-").split("-")
        value = incoming.body.fields.get(first.lower() + "".join(rest))
        said = str(value) if isinstance(value, str | int | float) else ""
    return said.strip()


def _is_on(incoming: Incoming, header: str) -> bool:
    return _option(incoming, header).lower() in {"true", "1", "all", "yes"}


def _mode(incoming: Incoming) -> str:
    """Markdown, text, html, or "" for the reader's own choice, which is Markdown with a head."""
    wanted = _option(incoming, "X-Respond-With") or _option(incoming, "X-Return-Format")
    wanted = wanted.lower()
    if wanted in {"", "content", "default", "no-content"}:
        return ""
    if wanted in _MODES:
        return wanted
    msg = (
        f"X-Respond-With may be {', '.join(_MODES)} here, got {wanted[:40]!r}: this server keeps "
        "Markdown and makes no screenshots"
    )
    raise bad_request(msg)


def _retained(incoming: Incoming) -> str:
    wanted = _option(incoming, "X-Retain-Images").lower() or "all"
    if wanted not in _RETAINED:
        msg = f"X-Retain-Images may be {', '.join(_RETAINED)}, got {wanted[:40]!r}"
        raise bad_request(msg)
    return wanted


def _target(incoming: Incoming) -> tuple[str, ...]:
    if incoming.raw_path.startswith(PREFIX) and len(incoming.raw_path) > len(PREFIX):
        rest = incoming.raw_path.removeprefix(PREFIX)
        return page_spellings(rest, query=incoming.raw_query)
    fields = incoming.fields
    url = text_of(fields, "url").strip()
    if url:
        return page_spellings(url)
    for name in ("html", "pdf"):
        if name in fields:
            msg = f"this server reads the pages of its world, not {name} that is sent to it"
            raise RefusedError(FailureKind.UNAVAILABLE, msg, status=400)
    msg = "the address of a page was expected behind /r/ or in `url`, got none"
    raise bad_request(msg)


def _within_budget(content: str, *, incoming: Incoming) -> tuple[str, int]:
    """The content, cut to X-Max-Output-Tokens, and its tokens; refused beyond X-Token-Budget."""
    most = _tokens_of(incoming, "X-Max-Output-Tokens")
    if most is not None:
        content = content[: most * _CHARS_PER_TOKEN]
    tokens = -(-len(content) // _CHARS_PER_TOKEN)
    budget = _tokens_of(incoming, "X-Token-Budget")
    if budget is not None and tokens > budget:
        msg = f"the page takes about {tokens:,} tokens, the budget of this request is {budget:,}"
        raise RefusedError(FailureKind.TOO_LARGE, msg, status=409)
    return content, tokens


def _tokens_of(incoming: Incoming, header: str) -> int | None:
    said = _option(incoming, header)
    if not said:
        return None
    return count_of({header: said}, header, _MOST_TOKENS, most=_MOST_TOKENS)


def _warning(page: Page, *, incoming: Incoming) -> str:
    lines = [
        f"{header} was not applied: this server keeps pages as Markdown, without elements."
        for header in _WITHOUT_ELEMENTS
        if _option(incoming, header)
    ]
    if page.truncated:
        lines.append("This page was longer than is read at once; its end is left out.")
    return "\n".join(lines)


def _as_wanted(incoming: Incoming, *, data: dict[str, JsonValue], text: str) -> ReadAnswer:
    accept = incoming.headers.get("accept", "").lower()
    if "text/event-stream" in accept:  # one chunk: the page of a frozen world is complete at once
        event = f"event: data\ndata: {_json(data)}\n\n"
        return ReadAnswer(content=event.encode("utf-8", "replace"), media_type="text/event-stream")
    if "application/json" in accept or "text/json" in accept:
        whole: dict[str, JsonValue] = {"code": 200, "status": 20000, "data": data}
        whole["meta"] = {"usage": data["usage"]}
        content = _json(whole).encode("utf-8", "replace")
        return ReadAnswer(content=content, media_type="application/json")
    return ReadAnswer(content=text.encode("utf-8", "replace"), media_type="text/plain")


def _json(content: dict[str, JsonValue]) -> str:
    return json.dumps(content, ensure_ascii=False, separators=(",", ":"))


def _as_text(data: dict[str, JsonValue], *, mode: str, content: str) -> str:
    if mode in {"text", "html"}:
        return content
    mixins: list[str] = []
    if "publishedTime" in data:
        mixins.append(f"Published Time: {data['publishedTime']}")
    if "warning" in data:
        mixins.append("\n".join(f"Warning: {line}" for line in str(data["warning"]).split("\n")))
    head = "\n\n".join([f"Title: {data['title']}", f"URL Source: {data['url']}", *mixins])
    summaries = ""
    for key, label, what, mark in (
        ("images", "Images", "images", "!"),
        ("links", "Links/Buttons", "buttons/links", ""),
    ):
        listed = data.get(key)
        if isinstance(listed, dict):
            lines = [f"- {mark}[{name}]({url})" for name, url in listed.items()]
            lines = lines or [f"This page does not seem to contain any {what}."]
            summaries += "\n".join(["", f"{label}:", *lines, ""])
    if mode == "markdown":
        before = "".join(f"{mixin}\n\n" for mixin in mixins)
        return f"{before}{content}\n{summaries}"
    return f"{head}\n\nMarkdown Content:\n{content}\n{summaries}"
