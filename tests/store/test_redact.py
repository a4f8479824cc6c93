"""What the one redactor takes out and what it leaves: tables of examples, and properties."""

import base64
import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict, Field, JsonValue

from vision_deepresearch.store.redact import REDACTED, Redactor

TESTS = Path(__file__).resolve().parents[1]
TABLES = (
    TESTS / "data" / "bad_inputs" / "secrets.jsonl",
    TESTS.parent.parent / "shared" / "data" / "bad_inputs" / "secrets.jsonl",
)
"""Ours, and the one that is handed out beside the repository; the second may be absent."""
PLANTED = "canary/Qr7+Zt9=Lm2&x 'q\" \\ 0123456789"
WORDS = "The founder of the guild was born in Ostrel in 1875, says https://site.example/a?id=7."


class Expected(BaseModel):
    model_config = ConfigDict(extra="forbid")

    verdict: str
    must_not_contain: list[str] = []


class Row(BaseModel):
    model_config = ConfigDict(extra="forbid")

    id: str
    kind: str = Field(alias="class")
    input: JsonValue
    expect: Expected
    note: str
    known: list[str] = []

    @property
    def text(self) -> str:
        """The input, put together from its parts."""
        if isinstance(self.input, str):
            return self.input
        assert isinstance(self.input, dict)
        parts = self.input["parts"]
        assert isinstance(parts, list)
        return "".join(_part(part) for part in parts)


def _part(part: JsonValue) -> str:
    if isinstance(part, str):
        return part
    assert isinstance(part, dict)
    repeated, times = part["repeat"], part["n"]
    assert isinstance(repeated, str)
    assert isinstance(times, int)
    return repeated * times


def rows() -> Iterator[Row]:
    for table in TABLES:
        if table.is_file():
            for line in table.read_text(encoding="ascii").splitlines():
                yield Row.model_validate_json(line)


ROWS = list(rows())


@pytest.mark.pitfall("P93")
@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.id)
def test_every_row_of_the_tables_is_redacted_or_left_as_it_says(row: Row) -> None:
    redactor = Redactor(row.known)
    clean = redactor.line(row.text)
    if row.expect.verdict == "unchanged":
        assert clean == row.text
        return
    assert row.expect.must_not_contain
    for hidden in row.expect.must_not_contain:
        assert hidden in row.text, "the row proves nothing"
        assert hidden not in clean
    assert REDACTED in clean
    assert redactor.line(clean) == clean, "a second time must change nothing"


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.id)
def test_a_record_that_holds_the_row_is_redacted_and_stays_json(row: Row) -> None:
    held = json.dumps({"turns": [{"text": f"He said {row.text}"}]}, ensure_ascii=False)
    clean = Redactor(row.known).json(held)
    text = json.loads(clean)["turns"][0]["text"]
    if row.expect.verdict == "unchanged":
        assert clean == held
    assert not any(hidden in text for hidden in row.expect.must_not_contain)


FORMS: dict[str, Callable[[str], str]] = {
    "plain": str,
    "percent": lambda text: quote(text, safe=""),
    "percent twice": lambda text: quote(quote(text, safe=""), safe=""),
    "query": lambda text: quote(text).replace("%20", "+"),
    "json": json.dumps,
    "json in json": lambda text: json.dumps(json.dumps(text)),
    "base64": lambda text: base64.b64encode(text.encode()).decode(),
    "base64 of urls": lambda text: base64.urlsafe_b64encode(text.encode()).decode(),
    "hex": lambda text: text.encode().hex(),
}


@given(
    st.text("abcdefgh XYZ0123456789/+=&%'\"\\<>-_.~?#é", min_size=12, max_size=60),
    st.sampled_from(sorted(FORMS)),
    st.text(max_size=20),
    st.text(max_size=20),
)
def test_a_known_value_is_found_in_every_form_at_every_place(
    secret: str, form: str, before: str, behind: str
) -> None:
    said = FORMS[form](f"{before}\x00{secret}\x00{behind}".encode(errors="ignore").decode())
    clean = Redactor([secret]).known(said)
    assert REDACTED in clean
    assert secret not in clean
    assert quote(secret, safe="") not in clean
    assert json.dumps(secret)[1:-1] not in clean
    assert secret.encode().hex() not in clean


@given(st.text())
def test_a_second_redaction_changes_nothing(text: str) -> None:
    redactor = Redactor([PLANTED])
    for said in (text, f"password={text}", f"Authorization: Bearer {text}", PLANTED + text):
        once = redactor.line(said)
        assert redactor.line(once) == once


JSON = st.recursive(
    st.none() | st.booleans() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)


@given(JSON, st.sampled_from(["text", "api_key", "Authorization", "cookie"]))
def test_redacted_json_stays_json_of_the_same_shape(value: JsonValue, name: str) -> None:
    said = json.dumps({name: f"x {PLANTED}", "rest": value}, ensure_ascii=False)
    for clean in (f(said) for f in (Redactor([PLANTED]).json, Redactor([PLANTED]).request)):
        assert json.loads(clean).keys() == {name, "rest"}
        assert "Qr7" not in clean


def test_an_answer_keeps_what_its_pictures_are_fetched_with() -> None:
    url = "https://cdn.example/a.png?X-Amz-Signature=0123456789abcdef&token=t0ken-value"
    said = json.dumps({"image_url": url})
    redactor = Redactor()
    assert redactor.reply(said) == said
    assert "0123456789abcdef" not in redactor.request(said)
    assert "t0ken-value" not in redactor.json(said)


def test_known_values_leave_bytes_at_their_length() -> None:
    data = b"\x89PNG" + PLANTED.encode() + b"\x00"
    clean = Redactor([PLANTED]).data(data)
    assert PLANTED.encode() not in clean
    assert len(clean) == len(data)


PIECES = (
    *("a", "key=", "key:'", "://", "://a@", "Bearer ", "-----BEGIN PRIVATE KEY-----", "eyJaaaaaaa"),
    *("sk-", "password ", "cookie: a", "%63", "\\", "&#", '"', "api_", "x-", "a.", "0f", WORDS),
    *("authorization: digest a=b,", "cookie: a=b;", "canar", "api_key_", "api_key=", "token: \\"),
)


@pytest.mark.parametrize("piece", PIECES)
def test_a_long_text_costs_little(piece: str) -> None:
    """At most 1 s of CPU for 100,000 characters."""
    redactor = Redactor([PLANTED, "0123456789abcdefghijklmnop"])
    began = time.process_time()
    redactor.line(piece * (100_000 // len(piece)))
    assert time.process_time() - began < 1
