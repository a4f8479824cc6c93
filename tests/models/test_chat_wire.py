"""What travels to an endpoint: nothing of ours but words and pictures, and each provider's habits."""

import base64
import json
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, Field, JsonValue

from tests.builders import a_picture
from tests.models.openai_rules import Dialect, find_problem
from tests.tools.tiny_world import TinyWorld
from vision_deepresearch.core.content import (
    Image,
    Message,
    Role,
    SampledTokens,
    ToolCall,
    ToolSpec,
    trusted,
    untrusted,
)
from vision_deepresearch.core.errors import ConfigError, FailureKind, ModelError
from vision_deepresearch.core.protocols import Sampling
from vision_deepresearch.media.decode import decode
from vision_deepresearch.media.store import MemoryMediaStore
from vision_deepresearch.models.chat_pictures import Pictures
from vision_deepresearch.models.chat_quirks import quirks_of
from vision_deepresearch.models.chat_schema import narrow_schema, plain_schema
from vision_deepresearch.models.chat_text import as_text
from vision_deepresearch.models.chat_wire import Wire, request_body, wire_messages
from vision_deepresearch.models.endpoint import (
    Endpoint,
    EndpointSettings,
    Provider,
    endpoint_named,
)
from vision_deepresearch.tools.summarise import PassagePicker
from vision_deepresearch.tools.toolset import build_tools

MEDIA = MemoryMediaStore()
REFS = [MEDIA.put(a_picture(seed=seed, width=200, height=120)) for seed in range(4)]
PHOTO = MEDIA.put(a_picture(seed=9, width=700, height=500, fmt="JPEG"))
STOPS = ("<tool_response>", "</answer>")


def a_wire(
    provider: Provider = Provider.OTHER,
    *,
    model: str = "m",
    endpoint: EndpointSettings | None = None,
    signatures: dict[str, JsonValue] | None = None,
) -> Wire:
    endpoint = endpoint or EndpointSettings()
    quirks = quirks_of(provider, model=model, settings=endpoint)
    pictures = Pictures(
        MEDIA.load, max_side_px=quirks.max_picture_px, max_bytes=quirks.max_picture_bytes
    )
    return Wire(
        model=model,
        settings=endpoint,
        quirks=quirks,
        data_uri=lambda image: pictures.data_uri(image.ref),
        signature=(signatures or {}).get,
    )


def a_picture_part(number: int, handle: str | None = None) -> Image:
    return Image(ref=REFS[number], handle=handle or f"img_{number + 1}")


def a_conversation() -> tuple[Message, ...]:
    """A native conversation with everything in it that ours can hold."""
    calls = (
        ToolCall(id="call_a", name="zoom", arguments={"image_id": "img_1", "x": "<é>"}),
        ToolCall(id="call_b", name="search", arguments={"query": ["a"]}),
    )
    return (
        Message(role=Role.SYSTEM, parts=(trusted("You are an agent."),)),
        Message(
            role=Role.USER,
            parts=(
                trusted("image_id: img_1\n"),
                a_picture_part(0),
                trusted("\nQuestion: "),
                untrusted("Who?"),
            ),
        ),
        Message(
            role=Role.ASSISTANT,
            parts=(untrusted("I look."),),
            reasoning="secret thought",
            tool_calls=calls,
            sampled=SampledTokens(ids=(1, 2), logprobs=(-1.0, -2.0), policy_version="weights-7"),
        ),
        Message(
            role=Role.TOOL,
            parts=(untrusted("a cut"), a_picture_part(1)),
            tool_call_id="call_a",
        ),
        Message(role=Role.TOOL, parts=(), tool_call_id="call_b"),
        Message(role=Role.ASSISTANT, parts=()),
        Message(role=Role.USER, parts=(trusted("Answer now."),)),
    )


def all_tools() -> list[ToolSpec]:
    tools = build_tools(
        ("crop_and_search", "image_search", "search", "visit", "zoom", "python"),
        world=TinyWorld(),
        media=MEDIA,
        summariser=PassagePicker(),
        include_unavailable=True,
    )
    return [tool.spec for tool in tools.values()]


def at(value: JsonValue, *path: str | int) -> JsonValue:
    """What stands at a place of nested JSON."""
    for key in path:
        if isinstance(value, dict) and isinstance(key, str):
            value = value[key]
        else:
            assert isinstance(value, list)
            assert isinstance(key, int)
            value = value[key]
    return value


def text_of(content: JsonValue) -> str:
    if isinstance(content, str):
        return content
    assert isinstance(content, list)
    return "".join(
        str(part["text"]) for part in content if isinstance(part, dict) and "text" in part
    )


def pictures_in(messages: Sequence[JsonValue]) -> list[bytes]:
    found = []
    for message in messages:
        assert isinstance(message, dict)
        content = message["content"]
        for part in content if isinstance(content, list) else []:
            assert isinstance(part, dict)
            if isinstance(url := part.get("image_url"), dict):
                found.append(base64.b64decode(str(url["url"]).partition(",")[2]))
    return found


# ---------------------------------------------------------------------------------- what travels


PROVIDERS = [
    (Provider.OPENAI, "gpt-4o", Dialect.OPENAI),
    (Provider.OPENAI, "gpt-5", Dialect.OPENAI),
    (Provider.OPENAI, "o3", Dialect.OPENAI),
    (Provider.GEMINI, "gemini-2.5-pro", Dialect.GEMINI),
    (Provider.ANTHROPIC, "claude-sonnet-4-5", Dialect.ANTHROPIC),
    (Provider.ANTHROPIC, "claude-opus-4-7", Dialect.ANTHROPIC),
    (Provider.VLLM, "Qwen3-VL-8B", Dialect.VLLM),
]


@pytest.mark.pitfall("P14")
@pytest.mark.parametrize(
    ("provider", "model", "dialect"), PROVIDERS, ids=[model for _, model, _ in PROVIDERS]
)
@pytest.mark.parametrize("tools", ["native", "text"])
@pytest.mark.parametrize("top_p", [1.0, 0.9])
def test_a_strict_server_takes_the_whole_conversation(
    provider: Provider, model: str, dialect: Dialect, tools: str, top_p: float
) -> None:
    wire = a_wire(provider, model=model, endpoint=EndpointSettings(reasoning_effort="low"))
    conversation, specs = a_conversation(), all_tools()
    if tools == "text":
        conversation, specs = as_text(conversation, tools=specs), list[ToolSpec]()
    sampling = Sampling(temperature=1.3, top_p=top_p, seed=7, stop=(*STOPS, "a", "b", "c"))
    body = request_body(conversation, tools=specs, sampling=sampling, wire=wire)
    if provider is Provider.ANTHROPIC:
        assert "reasoning_effort" not in body, "it is ignored there: saying it would mislead"
    problem = find_problem(json.loads(json.dumps(body)), dialect=dialect)
    assert problem is None


@pytest.mark.pitfall("P14")
def test_no_bookkeeping_travels() -> None:
    """Thoughts, trust, handles, ids of tokens, hashes: nothing of it is the endpoint's."""
    body = request_body(
        a_conversation(), tools=all_tools(), sampling=Sampling(seed=1, stop=STOPS), wire=a_wire()
    )
    said = json.dumps(body)
    for word in (
        "secret thought",
        "sampled",
        "trusted",
        "logprob",
        "policy",
        "weights-7",
        "sha256",
    ):
        assert word not in said
    for ref in REFS:
        assert ref.sha256 not in said
    messages = body["messages"]
    assert isinstance(messages, list)
    keys = {key for message in messages if isinstance(message, dict) for key in message}
    assert keys == {"role", "content", "tool_calls", "tool_call_id"}


def test_the_order_of_roles_and_calls_is_kept() -> None:
    messages = wire_messages(a_conversation(), wire=a_wire())
    roles = [message["role"] for message in messages if isinstance(message, dict)]
    assert roles == ["system", "user", "assistant", "tool", "tool", "user", "assistant", "user"]
    reply = messages[2]
    assert isinstance(reply, dict)
    assert reply["content"] == "I look."
    assert reply["tool_calls"] == [
        {
            "id": "call_a",
            "type": "function",
            "function": {"name": "zoom", "arguments": '{"image_id":"img_1","x":"<é>"}'},
        },
        {
            "id": "call_b",
            "type": "function",
            "function": {"name": "search", "arguments": '{"query":["a"]}'},
        },
    ]
    assert messages[6] == {"role": "assistant", "content": "(empty reply)"}


def test_pictures_of_tools_follow_in_a_user_message_under_their_names() -> None:
    messages = wire_messages(a_conversation(), wire=a_wire())
    assert messages[3] == {"role": "tool", "tool_call_id": "call_a", "content": "a cut"}
    assert messages[4] == {
        "role": "tool",
        "tool_call_id": "call_b",
        "content": "(nothing came back)",
    }
    follows = messages[5]
    assert isinstance(follows, dict)
    assert "image_id: img_2" in text_of(follows["content"])
    assert pictures_in([follows]) == [MEDIA.load(REFS[1])]


def test_thinking_travels_only_where_it_is_asked_for() -> None:
    settings = EndpointSettings(send_reasoning=True)
    reply = wire_messages(a_conversation(), wire=a_wire(endpoint=settings))[2]
    assert isinstance(reply, dict)
    assert reply["reasoning_content"] == "secret thought"


def test_a_call_without_words_has_no_content() -> None:
    call = ToolCall(id="c", name="search", arguments={})
    [message] = wire_messages(
        [Message(role=Role.ASSISTANT, parts=(), tool_calls=(call,))], wire=a_wire()
    )
    assert isinstance(message, dict)
    assert message["content"] is None


# ------------------------------------------------------------------------------------- pictures


@pytest.mark.pitfall("P16")
def test_pictures_stand_where_they_stood_and_are_the_stored_bytes() -> None:
    parts = (
        a_picture_part(0),
        trusted("between"),
        trusted(" them"),
        Image(ref=PHOTO, handle="img_2"),
        untrusted("Who?"),
    )
    [message] = wire_messages([Message(role=Role.USER, parts=parts)], wire=a_wire())
    assert isinstance(message, dict)
    content = message["content"]
    assert isinstance(content, list)
    kinds = [part["type"] for part in content if isinstance(part, dict)]
    assert kinds == ["image_url", "text", "image_url", "text"]
    assert content[1] == {"type": "text", "text": "between them"}
    assert "data:image/jpeg;base64," in json.dumps(content[2])
    assert pictures_in([message]) == [MEDIA.load(REFS[0]), MEDIA.load(PHOTO)]


@pytest.mark.pitfall("P16")
def test_a_picture_is_scaled_only_when_a_limit_forces_it_and_always_alike() -> None:
    free = Pictures(MEDIA.load, max_side_px=700, max_bytes=10_000_000)
    assert base64.b64decode(free.data_uri(PHOTO).partition(",")[2]) == MEDIA.load(PHOTO)
    tight = [Pictures(MEDIA.load, max_side_px=350, max_bytes=60_000) for _ in range(2)]
    uris = {pictures.data_uri(PHOTO) for pictures in tight for _ in range(2)}
    assert len(uris) == 1
    [uri] = uris
    data = base64.b64decode(uri.partition(",")[2])
    assert uri.startswith("data:image/png;base64,")
    assert len(data) <= 60_000
    image = decode(data).image
    assert max(image.size) <= 350
    assert image.width / image.height == pytest.approx(1.4, rel=0.03)


def test_a_picture_that_is_gone_is_a_typed_failure() -> None:
    pictures = Pictures(MemoryMediaStore().load, max_side_px=None, max_bytes=None)
    with pytest.raises(ModelError) as failed:
        pictures.data_uri(PHOTO)
    assert failed.value.kind is FailureKind.BAD_IMAGE


@pytest.mark.parametrize(
    ("limit", "shown"),
    [(1, [0]), (2, [0, 3]), (3, [0, 2, 3]), (4, [0, 1, 2, 3]), (9, [0, 1, 2, 3])],
)
def test_too_many_pictures_the_question_and_the_newest_stay(limit: int, shown: list[int]) -> None:
    conversation = [
        Message(role=Role.USER, parts=(a_picture_part(0), untrusted("Who?"))),
        Message(role=Role.USER, parts=(a_picture_part(1), a_picture_part(2))),
        Message(role=Role.USER, parts=(a_picture_part(3),)),
    ]
    wire = a_wire(endpoint=EndpointSettings(max_pictures=limit))
    messages = wire_messages(conversation, wire=wire)
    assert pictures_in(messages) == [MEDIA.load(REFS[number]) for number in shown]
    said = json.dumps(messages)
    for number in set(range(4)) - set(shown):
        assert f"[img_{number + 1} is not shown again" in said


def test_pictures_that_together_are_too_heavy_the_newest_stay() -> None:
    heavy = [MEDIA.put(a_picture(seed=seed, width=500, height=450)) for seed in (21, 22, 23)]
    assert all(660_000 < len(MEDIA.load(ref)) < 700_000 for ref in heavy)
    conversation = [
        Message(role=Role.USER, parts=(Image(ref=ref, handle=f"img_{number}"),))
        for number, ref in enumerate(heavy, start=1)
    ]
    for limit, shown in ((1_000_000, [0]), (2_000_000, [0, 2]), (3_000_000, [0, 1, 2])):
        wire = a_wire(endpoint=EndpointSettings(max_request_bytes=limit))
        messages = wire_messages(conversation, wire=wire)
        assert pictures_in(messages) == [MEDIA.load(heavy[number]) for number in shown]


# -------------------------------------------------------------------------------------- schemas


class Corner(BaseModel):
    x: float = Field(gt=0)
    title: str | None = None


class Strange(BaseModel):
    """A schema with all that strict servers refuse."""

    corners: tuple[Corner, Corner]
    kind: int | str = 1
    only: Corner | None = None


def test_schemas_are_written_out() -> None:
    plain = plain_schema(Strange.model_json_schema())
    said = json.dumps(plain)
    assert "$ref" not in said
    assert "$defs" not in said
    corner = at(plain, "properties", "corners", "prefixItems", 0, "properties")
    assert isinstance(corner, dict)
    assert set(corner) == {"x", "title"}, "an argument may be called title"
    assert "title" not in plain


def test_a_narrow_schema_is_in_the_subset() -> None:
    plain = plain_schema(Strange.model_json_schema())
    body: dict[str, JsonValue] = {
        "model": "m",
        "messages": [{"role": "user", "content": "?"}],
        "tools": [
            {"type": "function", "function": {"name": "f", "parameters": narrow_schema(plain)}}
        ],
    }
    assert find_problem(body, dialect=Dialect.GEMINI) is None
    wide = json.loads(json.dumps(body))
    wide["tools"][0]["function"]["parameters"] = plain
    assert find_problem(wide, dialect=Dialect.GEMINI) is not None
    narrow = narrow_schema(plain)
    assert at(narrow, "properties", "only", "type") == "object"
    assert at(narrow, "properties", "only", "nullable") is True


class Endless(BaseModel):
    again: "Endless | None" = None


def test_a_schema_without_end_is_refused() -> None:
    with pytest.raises(ValueError, match="refers to itself"):
        plain_schema(Endless.model_json_schema())


# ------------------------------------------------------------------------------------- sampling


@pytest.mark.parametrize(
    ("provider", "model", "expected"),
    [
        (
            Provider.OPENAI,
            "gpt-4o",
            {
                "temperature": 0.7,
                "top_p": 1.0,
                "seed": 3,
                "stop": list(STOPS),
                "max_completion_tokens": 4096,
            },
        ),
        (Provider.OPENAI, "gpt-5", {"max_completion_tokens": 4096 + 16_384}),
        (
            Provider.GEMINI,
            "gemini-2.0-flash",
            {"temperature": 0.7, "top_p": 1.0, "stop": list(STOPS), "max_tokens": 4096},
        ),
        (
            Provider.ANTHROPIC,
            "claude-sonnet-4-5",
            {"temperature": 0.7, "stop": list(STOPS), "max_tokens": 4096},
        ),
        (Provider.ANTHROPIC, "claude-opus-4-7", {"stop": list(STOPS), "max_tokens": 4096}),
        (
            Provider.VLLM,
            "m",
            {
                "temperature": 0.7,
                "top_p": 1.0,
                "seed": 3,
                "stop": list(STOPS),
                "include_stop_str_in_output": True,
                "max_tokens": 4096,
            },
        ),
        (
            Provider.SGLANG,
            "m",
            {
                "temperature": 0.7,
                "top_p": 1.0,
                "seed": 3,
                "stop": list(STOPS),
                "no_stop_trim": True,
                "max_tokens": 4096,
            },
        ),
    ],
    ids=["openai", "openai-thinking", "gemini", "claude", "claude-new", "vllm", "sglang"],
)
def test_fields_of_a_request(provider: Provider, model: str, expected: dict[str, object]) -> None:
    body = request_body(
        [], tools=(), sampling=Sampling(seed=3, stop=STOPS), wire=a_wire(provider, model=model)
    )
    del body["model"], body["messages"]
    assert body == expected


def test_a_user_can_leave_fields_out_and_add_others() -> None:
    settings = EndpointSettings(
        omit=("temperature", "stop", "max_tokens"), extra_body={"top_k": 20}, thinking_tokens=5
    )
    body = request_body(
        [],
        tools=(),
        sampling=Sampling(stop=STOPS),
        wire=a_wire(Provider.VLLM, endpoint=settings),
    )
    assert body == {"model": "m", "messages": [], "top_p": 1.0, "top_k": 20}


def test_a_conversation_cannot_be_replaced_by_a_setting() -> None:
    with pytest.raises(ValueError, match="messages"):
        EndpointSettings(extra_body={"messages": []})


# ------------------------------------------------------------------------------------ signatures


def test_a_signed_call_goes_back_as_it_came_or_says_that_it_cannot() -> None:
    signed: JsonValue = {"google": {"thought_signature": "abc"}}
    wire = a_wire(Provider.GEMINI, model="gemini-3-pro", signatures={"call_b": signed})
    reply = wire_messages(a_conversation(), wire=wire)[2]
    assert at(reply, "tool_calls", 1, "extra_content") == signed
    replaced = at(reply, "tool_calls", 0, "extra_content", "google", "thought_signature")
    assert replaced == "skip_thought_signature_validator"
    older = wire_messages(a_conversation(), wire=a_wire(Provider.GEMINI, model="gemini-2.5-pro"))
    assert "extra_content" not in json.dumps(older)


# ------------------------------------------------------------------------------------- text form


def test_the_text_form_has_no_tool_roles_and_alternates() -> None:
    messages = wire_messages(as_text(a_conversation(), tools=all_tools()), wire=a_wire())
    roles = [message["role"] for message in messages if isinstance(message, dict)]
    assert roles == ["system", "user", "assistant", "user", "assistant", "user"]
    said = [text_of(message["content"]) for message in messages if isinstance(message, dict)]
    assert said[0].count('"type": "function"') == len(all_tools())
    assert said[3].count("<tool_response>") == said[3].count("</tool_response>") == 2
    assert pictures_in(messages[3:4]) == [MEDIA.load(REFS[1])]
    assert "tool_calls" not in json.dumps(messages)


def test_calls_in_text_are_those_that_were_made() -> None:
    reply = as_text(a_conversation(), tools=())[2]
    calls = reply.text
    assert calls.count("<tool_call>") == 2
    assert "\\u003cé\\u003e" in calls, "no tag can stand in a call"


@settings(max_examples=60, deadline=None)
@given(text=st.text(max_size=60))
def test_any_text_makes_a_body(text: str) -> None:
    conversation = [
        Message(role=Role.USER, parts=(untrusted(text), a_picture_part(0), untrusted(text))),
        Message(role=Role.ASSISTANT, parts=(untrusted(text),)),
        Message(role=Role.USER, parts=(untrusted(text),)),
    ]
    body = request_body(
        conversation, tools=(), sampling=Sampling(), wire=a_wire(Provider.ANTHROPIC)
    )
    assert find_problem(json.loads(json.dumps(body)), dialect=Dialect.ANTHROPIC) is None


# ------------------------------------------------------------------------------------- endpoints


KEYS = {
    "OPENAI_API_KEY": "key-of-openai",
    "GEMINI_API_KEY": "key-of-gemini",
    "ANTHROPIC_API_KEY": "key-of-anthropic",
    "VDR_MODEL_KEY": "key-of-mine",
}


def named(name: str, keys: dict[str, str] | None = None) -> Endpoint:
    found = endpoint_named(name, keys=KEYS if keys is None else keys)
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("name", "base_url", "model", "provider", "key"),
    [
        ("openai:gpt-5", "https://api.openai.com/v1/", "gpt-5", "openai", "key-of-openai"),
        (
            "gemini:gemini-2.5-pro",
            "https://generativelanguage.googleapis.com/v1beta/openai/",
            "gemini-2.5-pro",
            "gemini",
            "key-of-gemini",
        ),
        (
            "anthropic:claude-x",
            "https://api.anthropic.com/v1/",
            "claude-x",
            "anthropic",
            "key-of-anthropic",
        ),
        (
            "http://host:8000/v1#Qwen/Qwen3-VL:8b",
            "http://host:8000/v1/",
            "Qwen/Qwen3-VL:8b",
            "other",
            "key-of-mine",
        ),
        (
            "https://api.openai.com/v1/#gpt-5",
            "https://api.openai.com/v1/",
            "gpt-5",
            "openai",
            "key-of-mine",
        ),
    ],
)
def test_a_name_says_where_and_with_which_key(
    name: str, base_url: str, model: str, provider: str, key: str
) -> None:
    found = named(name)
    assert (found.base_url, found.model, found.provider) == (base_url, model, provider)
    assert found.key == key
    assert "key-of" not in repr(found)
    assert "key-of" not in found.name


@pytest.mark.parametrize("name", ["oracle", "seat:inbox", "scripted:a.jsonl", "gpt-5", "toy", ""])
def test_names_of_other_kinds_are_left_alone(name: str) -> None:
    assert endpoint_named(name, keys=KEYS) is None


@pytest.mark.parametrize(
    ("name", "keys", "says"),
    [
        ("openai:gpt-5", {}, "OPENAI_API_KEY"),
        ("openai:gpt-5", {"VDR_MODEL_KEY": "x", "GEMINI_API_KEY": "x"}, "OPENAI_API_KEY"),
        ("gemini:g", {"GEMINI_API_KEY": "  "}, "GEMINI_API_KEY"),
        ("anthropic:c", {"ANTHROPIC_API_KEY": "a\nb"}, "ANTHROPIC_API_KEY"),
        ("openai:", KEYS, "openai:MODEL"),
        ("http://host:8000/v1", KEYS, "#Qwen3-VL-8B"),
        ("http://host:8000/v1#", KEYS, "#Qwen3-VL-8B"),
        ("http://me:hunter2@host/v1#m", KEYS, "VDR_MODEL_KEY"),
        ("http://host/v1?key=hunter2#m", KEYS, "VDR_MODEL_KEY"),
        ("http://host/v1/chat/completions#m", KEYS, "leave out"),
        ("http://#m", KEYS, "host and port"),
        ("http://host:99999/v1#m", KEYS, "host and port"),
        ("http://[::1/v1#m", KEYS, "host and port"),
    ],
)
def test_a_name_that_cannot_be_is_said_so(name: str, keys: dict[str, str], says: str) -> None:
    with pytest.raises(ConfigError, match=says) as failed:
        named(name, keys)
    assert "hunter2" not in str(failed.value)
    assert "a\nb" not in str(failed.value)


def test_an_endpoint_without_a_key_has_none() -> None:
    assert named("http://host/v1#m", {}).key is None
