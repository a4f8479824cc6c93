"""Addresses of a corpus world: there and back, and every spelling a model may use."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vision_deepresearch.core.errors import ConfigError
from vision_deepresearch.worlds.corpus.urls import Addresses, default_base_url

BASE = "https://manual.example/"
PATHS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1).filter(
    lambda path: not path.startswith("/") and path == path.strip()
)


@given(PATHS)
def test_every_path_has_an_address_that_leads_back(path: str) -> None:
    addresses = Addresses(BASE)
    url = addresses.url_of(path)
    assert url.startswith(BASE)
    assert not set(url) & set(" ()'\"<>\n")
    assert next(addresses.paths_of(url)) == path


@pytest.mark.parametrize(
    "url",
    [
        "https://manual.example/A/Fathead_(album).html",
        "https://MANUAL.example/A/Fathead_%28album%29.html",
        "http://manual.example:80/A/Fathead_(album).html",
        "https://manual.example:443/A/Fathead_(album).html#Track_listing",
        "  https://manual.example./A/Fathead_%28album).html\n",
        "HTTPS://manual.example/A/Fathead_(album).html?action=view",
    ],
)
def test_spellings_of_an_address_mean_one_path(url: str) -> None:
    assert "A/Fathead_(album).html" in list(Addresses(BASE).paths_of(url))


def test_a_query_may_belong_to_the_name() -> None:
    paths = list(Addresses(BASE).paths_of(f"{BASE}view.html?id=7#top"))
    assert paths == ["view.html?id=7", "view.html"]


@pytest.mark.parametrize(
    "url",
    ["", "manual", "https://manual.example.org/x", "ftp://", "https://[broken/x", "//", "a b"],
)
def test_other_addresses_mean_nothing(url: str) -> None:
    assert Addresses(BASE).path_of(url) is None


@pytest.mark.parametrize(
    "base",
    ["", "manual", "https://manual.example", "ftp://x.example/", "https://x/?q=/", "http:///"],
)
def test_a_base_url_that_is_none_is_refused(base: str) -> None:
    with pytest.raises(ConfigError, match="ends in /"):
        Addresses(base)


@pytest.mark.parametrize(
    ("title", "base"),
    [
        ("Wikipedia", "https://wikipedia.example/"),
        ("Musée d'Orsay, 2.0!", "https://musee-d-orsay-2-0.example/"),
        ("日本", "https://corpus.example/"),
        ("x" * 90, f"https://{'x' * 40}.example/"),
    ],
)
def test_the_default_base_is_a_reserved_host(title: str, base: str) -> None:
    assert default_base_url(title) == base
    Addresses(base)
