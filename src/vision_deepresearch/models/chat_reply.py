"""A reply of the OpenAI chat format, whole or in pieces, as a `Completion`. Pure.

Servers differ, so nothing is required but a choice: thinking stands in `reasoning_content` or
`reasoning`, content may be parts, call indices may be missing or all 0, usage may be absent. What a
reply *means* is for the profile: arguments stay the string they are.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field

from pydantic import JsonValue

from vision_deepresearch.core.errors import FailureKind, ModelError
from vision_deepresearch.core.protocols import Completion, FinishReason, NativeCall
from vision_deepresearch.core.trajectory import Usage
from vision_deepresearch.models.chat_quirks import Quirks
from vision_deepresearch.models.endpoint import EndpointSettings

_FINISH = {
    "length": FinishReason.LENGTH,
    "max_tokens": FinishReason.LENGTH,
    "model_length": FinishReason.LENGTH,
    "content_filter": FinishReason.CONTENT_FILTER,
    "safety": FinishReason.CONTENT_FILTER,
    "prohibited_content": FinishReason.CONTENT_FILTER,
    "recitation": FinishReason.CONTENT_FILTER,
    "refusal": FinishReason.CONTENT_FILTER,
}
"""Words for ends that are not a complete reply. Any other word is: what such a reply lacks, the
profile finds."""
_MAX_TOKENS = 10**12
"""A larger count is no count."""
_BROKEN = {"abort", "error", "insufficient_system_resource"}
"""The server gave up in the middle."""


@dataclass(slots=True, kw_only=True)
class _Call:
    """A call in the making."""

    id: str = ""
    name: str = ""
    arguments: list[str] = field(default_factory=list)
    signature: JsonValue = None


@dataclass(slots=True, kw_only=True)
class Draft:
    """A reply in the making: a whole one is added at once, a stream chunk by chunk."""

    model: str = ""
    has_choice: bool = False
    finish: str | None = None
    stop: str | None = None
    """The stop string that ended the reply, where the server says so."""
    usage: dict[str, JsonValue] | None = None
    _text: list[str] = field(default_factory=list)
    _reasoning: list[str] = field(default_factory=list)
    _refusal: list[str] = field(default_factory=list)
    _calls: list[_Call] = field(default_factory=list)
    _places: dict[int, _Call] = field(default_factory=dict)
    """By index of the stream."""

    def add(self, content: object) -> None:
        """Take a body or a chunk; what is not understood in it is passed over."""
        body = _object(content)
        self.model = _string(body.get("model")) or self.model
        self.usage = _object(body.get("usage")) or self.usage
        for choice in map(_object, _list(body.get("choices"))[:1]):
            self.has_choice = True
            self.finish = _string(choice.get("finish_reason")) or self.finish
            self.stop = (
                _string(choice.get("stop_reason"))
                or _string(choice.get("matched_stop"))
                or self.stop
            )
            self._add_message(_object(choice.get("message") or choice.get("delta")))

    def calls_with_signatures(self) -> list[tuple[str, JsonValue]]:
        """Ids of calls that the provider signed, with what must come back with them."""
        return [
            (_whole(call.id), call.signature) for call in self._calls if call.signature is not None
        ]

    def completion(self, *, asked_stops: Sequence[str]) -> Completion:
        """The reply as far as it came; its end is judged here.

        Args:
            asked_stops: the reply ends behind the first of these, whatever the server did.

        Raises:
            ModelError: there is no choice, or the server gave up (upstream).
        """
        if not self.has_choice:
            raise ModelError(FailureKind.UPSTREAM, "the endpoint sent a reply without a choice")
        word = (self.finish or "").lower()
        if word in _BROKEN:
            raise ModelError(FailureKind.UPSTREAM, "the endpoint gave up in the middle of a reply")
        calls = tuple(
            NativeCall(
                id=_whole(call.id),
                name=_whole(call.name),
                arguments=_whole("".join(call.arguments)),
            )
            for call in self._calls
        )
        finish = _FINISH.get(word, FinishReason.TOOL_CALLS if calls else FinishReason.STOP)
        text = _whole("".join(self._text))
        refusal = _whole("".join(self._refusal))
        if refusal and not text and not calls:
            text, finish = refusal, FinishReason.CONTENT_FILTER
        if finish is FinishReason.STOP:
            text = _restored(text, stop=self.stop, asked=asked_stops)
        return Completion(
            text=_cut(text, stops=asked_stops),
            reasoning=_whole("".join(self._reasoning)) or None,
            native_calls=calls,
            finish=finish,
            model=_whole(self.model),
        )

    def _add_message(self, message: dict[str, JsonValue]) -> None:
        self._text.append(_text_of(message.get("content")))
        self._reasoning.append(
            _string(message.get("reasoning_content")) or _string(message.get("reasoning"))
        )
        self._refusal.append(_string(message.get("refusal")))
        for wire in map(_object, _list(message.get("tool_calls"))):
            self._add_call(wire)
        if self._calls and (signature := message.get("extra_content")):
            self._calls[0].signature = self._calls[0].signature or signature

    def _add_call(self, wire: dict[str, JsonValue]) -> None:
        function = _object(wire.get("function"))
        call_id, name = _string(wire.get("id")), _string(function.get("name"))
        call = self._call_at(wire.get("index"), call_id=call_id, name=name)
        call.id = call.id or call_id
        call.name = call.name or name
        call.signature = call.signature or wire.get("extra_content")
        arguments = function.get("arguments")
        if isinstance(arguments, dict):
            call.arguments.append(json.dumps(arguments, ensure_ascii=False))
        else:
            call.arguments.append(_string(arguments))

    def _call_at(self, index: JsonValue, *, call_id: str, name: str) -> _Call:
        """The call a piece belongs to: by index, but a new id with a name is a new call."""
        known = self._places.get(index) if isinstance(index, int) else None
        if known is None and not isinstance(index, int) and self._calls and not name:
            return self._calls[-1]
        if known is not None and not (call_id and name and known.id and call_id != known.id):
            return known
        call = _Call()
        self._calls.append(call)
        if isinstance(index, int):
            self._places[index] = call
        return call


def usage_of(draft: Draft, *, settings: EndpointSettings, quirks: Quirks) -> Usage:
    """Tokens and price; a price that is not known is None, and so is that of tokens not told."""
    told = draft.usage
    if told is None:
        return Usage()
    prompt, completion = _count(told.get("prompt_tokens")), _count(told.get("completion_tokens"))
    if quirks.hides_thinking_tokens:
        completion = max(completion, _count(told.get("total_tokens")) - prompt)
    details = _object(told.get("prompt_tokens_details"))
    cached = min(prompt, _count(details.get("cached_tokens")))
    cost_usd = None
    per_prompt, per_reply = settings.usd_per_million_prompt, settings.usd_per_million_completion
    if per_prompt is not None and per_reply is not None and prompt + completion > 0:
        per_cached = settings.usd_per_million_cached
        per_cached = per_prompt if per_cached is None else per_cached
        cost_usd = (
            (prompt - cached) * per_prompt + cached * per_cached + completion * per_reply
        ) / 1e6
    return Usage(
        prompt_tokens=prompt, cached_tokens=cached, completion_tokens=completion, cost_usd=cost_usd
    )


def _restored(text: str, *, stop: str | None, asked: Sequence[str]) -> str:
    """The text with the stop string that the server took off, where it is known.

    It is known where the server names it, and where it closes an element that is open at the end:
    `<answer>yes` was stopped by `</answer>`.
    """
    if stop is not None and stop in asked:
        return text if text.endswith(stop) else text + stop
    if any(text.rstrip().endswith(one) for one in asked):
        return text
    for one in asked:
        opening = f"<{one[2:]}" if one.startswith("</") else ""
        before, found, inside = text.rpartition(opening) if opening else ("", "", "")
        if found and "<" not in inside and before.count("<think>") <= before.count("</think>"):
            return text + one
    return text


def _cut(text: str, *, stops: Sequence[str]) -> str:
    """The text up to the end of the first stop string."""
    ends = [place + len(stop) for stop in stops if stop and (place := text.find(stop)) >= 0]
    return text[: min(ends)] if ends else text


def _whole(text: str) -> str:
    """Text in which halves of characters, split between chunks, are joined or replaced."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _text_of(content: JsonValue) -> str:
    """Content as a string or as parts, of which the text counts."""
    if isinstance(content, list):
        return "".join(_string(_object(part).get("text")) for part in content)
    return _string(content)


def _object(value: object) -> dict[str, JsonValue]:
    return value if isinstance(value, dict) else {}


def _list(value: JsonValue) -> list[JsonValue]:
    return value if isinstance(value, list) else []


def _string(value: JsonValue) -> str:
    return value if isinstance(value, str) else ""


def _count(value: JsonValue) -> int:
    is_count = isinstance(value, int) and not isinstance(value, bool)
    return value if is_count and 0 < value <= _MAX_TOKENS else 0
