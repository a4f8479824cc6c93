"""Each way an endpoint can fail has its kind; only what may pass by itself is asked for again."""

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from pydantic import JsonValue

from tests.models.chat_cases import Waits, a_client, an_endpoint, ask
from tests.models.openai_double import (
    KEY,
    Cut,
    Drop,
    Fault,
    OpenAiDouble,
    Raw,
    Reply,
    Slow,
    Step,
    error_body,
)
from vision_deepresearch.core.errors import FailureKind, ModelError
from vision_deepresearch.core.protocols import FinishReason
from vision_deepresearch.models.chat_errors import failure_in_body, failure_of_status
from vision_deepresearch.models.endpoint import EndpointSettings

HIDDEN = "body-of-the-provider"
ATTEMPTS = 3
TRIED_AGAIN, ONCE = ATTEMPTS, 1


def said(message: str = "", *, kind: str = "invalid_request_error", code: str = "") -> JsonValue:
    """An error body of OpenAI's form that holds something which must not be shown."""
    return error_body(f"{message} {HIDDEN}", kind=kind, code=code or None)


def google(status: str, message: str, **detail: str) -> JsonValue:
    error: JsonValue = {
        "code": 0,
        "message": f"{message} {HIDDEN}",
        "status": status,
        "details": [dict(detail)],
    }
    return [{"error": error}]


AUTH, LARGE = FailureKind.AUTH, FailureKind.TOO_LARGE
BAD, GONE = FailureKind.BAD_REQUEST, FailureKind.NOT_FOUND
UP, RATE = FailureKind.UPSTREAM, FailureKind.RATE_LIMITED
LATE, NO = FailureKind.TIMEOUT, FailureKind.REFUSED

SHAPES: dict[str, tuple[Step, FailureKind, int, str]] = {
    "wrong key": (Fault(401, said()), AUTH, ONCE, "VDR_MODEL_KEY"),
    "key of another project": (Fault(403, said()), AUTH, ONCE, "VDR_MODEL_KEY"),
    "wrong key, Google": (
        Fault(400, google("INVALID_ARGUMENT", "API key not valid.", reason="API_KEY_INVALID")),
        AUTH,
        ONCE,
        "VDR_MODEL_KEY",
    ),
    "unpaid": (Fault(402, said()), AUTH, ONCE, "paid"),
    "no quota": (Fault(429, said(code="insufficient_quota")), AUTH, ONCE, "billing"),
    "no credit": (Fault(400, said("Your credit balance is too low")), AUTH, ONCE, "billing"),
    "unknown model": (Fault(404, said(code="model_not_found")), GONE, ONCE, "model's name"),
    "unknown path": (Fault(404, {"detail": HIDDEN}), GONE, ONCE, "/v1"),
    "elsewhere": (Fault(307, b"", {"Location": "http://127.0.0.1:9/"}), GONE, ONCE, "points to"),
    "bad request": (Fault(400, said("what?")), BAD, ONCE, "endpoint.provider"),
    "refused field": (
        Fault(400, said("`temperature` is deprecated for this model.")),
        BAD,
        ONCE,
        "endpoint.omit=['temperature']",
    ),
    "no tool parser": (
        Fault(400, said('"auto" tool choice requires --enable-auto-tool-choice')),
        BAD,
        ONCE,
        "endpoint.tools=text",
    ),
    "unprocessable": (Fault(422, {"detail": [{"msg": HIDDEN}]}), BAD, ONCE, "refused the request"),
    "too long, OpenAI": (Fault(400, said(code="context_length_exceeded")), LARGE, ONCE, "fit"),
    "too long, vLLM": (
        Fault(400, said("This model's maximum context length is 4096 tokens. However, you")),
        LARGE,
        ONCE,
        "limits.max_context_tokens",
    ),
    "too long, SGLang": (
        Fault(400, said("The input (9 tokens) is longer than the model's context length (8).")),
        LARGE,
        ONCE,
        "fit",
    ),
    "too long, Google": (
        Fault(
            400,
            google("INVALID_ARGUMENT", "token count (9) exceeds the maximum number of tokens"),
        ),
        LARGE,
        ONCE,
        "fit",
    ),
    "too long, Anthropic": (Fault(400, said("prompt is too long: 9 tokens > 8")), LARGE, ONCE, ""),
    "body too large": (Fault(413, b"<html>" + HIDDEN.encode()), LARGE, ONCE, "413"),
    "more than a minute's tokens": (
        Fault(429, said("Request too large for gpt-4o on tokens per min")),
        LARGE,
        ONCE,
        "fit",
    ),
    "too many pictures": (
        Fault(400, said("At most 4 image(s) may be provided in one prompt.")),
        LARGE,
        ONCE,
        "endpoint.max_pictures",
    ),
    "content filter, OpenAI": (Fault(400, said(code="invalid_prompt")), NO, ONCE, "filter"),
    "content filter, Azure": (
        Fault(400, said("triggering Azure's content management policy", code="content_filter")),
        NO,
        ONCE,
        "filter",
    ),
    "rate limit": (Fault(429, said()), RATE, TRIED_AGAIN, "429"),
    "timeout at the server": (Fault(408, said()), LATE, TRIED_AGAIN, "408"),
    "gateway timeout": (Fault(504, b"<html>"), LATE, TRIED_AGAIN, "504"),
    "server error": (Fault(500, said(kind="server_error")), UP, TRIED_AGAIN, "500"),
    "bad gateway": (Fault(502, b"<html>" + HIDDEN.encode()), UP, TRIED_AGAIN, "502"),
    "overloaded": (Fault(529, said(kind="overloaded_error")), UP, TRIED_AGAIN, "529"),
    "no choice": (Reply(choices=False), UP, TRIED_AGAIN, "choice"),
    "aborted": (Reply(text="half", finish="abort"), UP, TRIED_AGAIN, "gave up"),
    "error with status 200": (Raw(b'{"error": {"message": "x"}}'), UP, TRIED_AGAIN, "failed"),
    "no JSON": (Raw(b"<html>" + HIDDEN.encode(), "text/html"), UP, TRIED_AGAIN, "chat endpoint"),
    "broken JSON": (Raw(b'{"choices": [' + HIDDEN.encode()), UP, TRIED_AGAIN, "JSON"),
    "a list": (Raw(b"[]"), UP, TRIED_AGAIN, "no reply"),
    "cut": (Cut(Reply(text="a long reply")), UP, TRIED_AGAIN, "connection"),
    "dropped": (Drop(), UP, TRIED_AGAIN, "connection"),
    "silence": (Slow(20, "late"), LATE, TRIED_AGAIN, "too long"),
}


@pytest.mark.pitfall("P27")
@pytest.mark.pitfall("P39")
@pytest.mark.pitfall("P40")
@pytest.mark.parametrize("shape", SHAPES, ids=[name.replace(" ", "_") for name in SHAPES])
async def test_an_error_has_its_kind_and_its_number_of_requests(shape: str) -> None:
    step, kind, num_requests, advice = SHAPES[shape]
    settings = EndpointSettings(max_attempts=ATTEMPTS, attempt_s=0.2 if shape == "silence" else 5.0)
    async with (
        OpenAiDouble([step], repeat_last=True) as server,
        a_client(server, settings=settings) as client,
    ):
        with pytest.raises(ModelError) as failed:
            await ask(client)
    assert failed.value.kind is kind
    assert server.num_requests == num_requests == (ATTEMPTS if kind.is_retryable else 1)
    assert advice in failed.value.message
    assert len(failed.value.message) < 260
    for hidden in (HIDDEN, KEY, "Bearer"):
        assert hidden not in failed.value.message
    assert not server.problems


@pytest.mark.parametrize(
    "step",
    [
        Cut(Reply(text="a long reply"), after=3),
        Cut(Reply(text="a long reply"), after=3, is_torn=False),
        Cut(Reply(text="a long reply"), after=0, is_torn=False),
        Raw(b'data: {"choices": [\n\n', "text/event-stream"),
        Raw(b"data: []\n\n", "text/event-stream"),
        Raw(b'data: {"error": {"message": "x", "code": 500}}\n\n', "text/event-stream"),
    ],
    ids=["torn", "short", "empty", "no_json", "a_list", "error"],
)
async def test_a_stream_that_breaks_off_is_asked_for_again(step: Step) -> None:
    settings = EndpointSettings(stream=True, max_attempts=2)
    async with (
        OpenAiDouble([step, "whole"]) as server,
        a_client(server, settings=settings) as client,
    ):
        assert (await ask(client)).text == "whole"
    assert server.num_requests == 2


async def test_an_error_in_a_stream_is_the_one_it_says() -> None:
    said_400 = b'data: {"error": {"message": "maximum context length", "code": 400}}\n\n'
    settings = EndpointSettings(stream=True)
    async with (
        OpenAiDouble([Raw(said_400, "text/event-stream")]) as server,
        a_client(server, settings=settings) as client,
    ):
        with pytest.raises(ModelError) as failed:
            await ask(client)
    assert (failed.value.kind, server.num_requests) == (FailureKind.TOO_LARGE, 1)


async def test_nobody_listening_is_said_so() -> None:
    async with OpenAiDouble([]) as server:
        name = server.name
    waits = Waits()
    async with a_client(name, settings=EndpointSettings(max_attempts=3), waits=waits) as client:
        with pytest.raises(ModelError) as failed:
            await ask(client)
    assert failed.value.kind is FailureKind.UPSTREAM
    assert "is the server running" in failed.value.message
    assert len(waits.seconds) == 2


def in_a_minute() -> Fault:
    """Made when the test runs, not when it is collected."""
    at = format_datetime(datetime.now(UTC) + timedelta(seconds=60), usegmt=True)
    return Fault(429, said(), {"Retry-After": at})


@pytest.mark.pitfall("P39")
@pytest.mark.parametrize(
    ("fault", "least", "most"),
    [
        (Fault(429, said(), {"Retry-After": "7"}), 7, 7),
        (Fault(429, said(), {"Retry-After": "7", "retry-after-ms": "7250"}), 7.25, 7.25),
        (Fault(503, said(), {"Retry-After": "5.5"}), 5.5, 5.5),
        (None, 30, 61),
        (Fault(429, google("RESOURCE_EXHAUSTED", "slow down", retryDelay="13s")), 13, 13),
        (Fault(429, said(), {"Retry-After": "soon"}), 0, 0.5),
        (Fault(429, said()), 0, 0.5),
    ],
    ids=["seconds", "milliseconds", "busy", "date", "google", "nonsense", "none"],
)
async def test_it_waits_as_long_as_it_was_asked_to(
    fault: Fault | None, least: float, most: float
) -> None:
    waits = Waits()
    async with (
        OpenAiDouble([fault or in_a_minute(), "done"]) as server,
        a_client(server, waits=waits) as client,
    ):
        assert (await ask(client)).text == "done"
    [waited] = waits.seconds
    assert least <= waited <= most


async def test_a_wait_beyond_the_deadline_is_not_begun() -> None:
    fault = Fault(429, said(), {"Retry-After": "3600"})
    waits = Waits()
    async with OpenAiDouble([fault]) as server, a_client(server, waits=waits) as client:
        with pytest.raises(ModelError) as failed:
            await ask(client)
    assert (failed.value.kind, failed.value.retry_after_s) == (FailureKind.RATE_LIMITED, 3600)
    assert (server.num_requests, waits.seconds) == (1, [])


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(
    ("reply", "finish", "text"),
    [
        (Reply(text="cut he", finish="length"), FinishReason.LENGTH, "cut he"),
        (Reply(text="", finish="content_filter"), FinishReason.CONTENT_FILTER, ""),
        (Reply(text=None, refusal="I will not"), FinishReason.CONTENT_FILTER, "I will not"),
        (Reply(text=None), FinishReason.STOP, ""),
        (Reply(text="fine", finish="eos_token"), FinishReason.STOP, "fine"),
        (Reply(text=None, finish="MALFORMED_FUNCTION_CALL"), FinishReason.STOP, ""),
    ],
    ids=["length", "filter", "refusal", "nothing", "unknown", "malformed"],
)
async def test_an_odd_end_is_a_reply_for_the_profile(
    reply: Reply, finish: FinishReason, text: str, *, stream: bool
) -> None:
    settings = EndpointSettings(stream=stream)
    async with OpenAiDouble([reply]) as server, a_client(server, settings=settings) as client:
        completion = await ask(client)
    assert (completion.finish, completion.text) == (finish, text)
    assert server.num_requests == 1


ODD_BODIES: list[object] = [
    None,
    "",
    "text",
    [],
    [[]],
    {},
    {"error": None},
    {"error": "maximum context length"},
    {"error": {"message": None, "code": 7, "details": ["x", {"retryDelay": 5}]}},
    {"error": {"code": "9" * 5000, "type": ["x"]}},
]


@pytest.mark.parametrize("body", ODD_BODIES, ids=range(len(ODD_BODIES)))
def test_any_body_of_an_error_can_be_read(body: object) -> None:
    endpoint = an_endpoint("http://127.0.0.1:1/v1#m")
    for status in (301, 400, 401, 404, 418, 429, 500, 599):
        failure = failure_of_status(
            status, body=body, headers={}, endpoint=endpoint, now=datetime.now(UTC)
        )
        assert failure.kind.is_retryable == (status in {429, 500, 599}) or "fit" in failure.message
    assert failure_in_body(body, endpoint=endpoint).message
