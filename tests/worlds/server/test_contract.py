"""Clients written from the public documentation of each service, with plain HTTP and nothing of ours."""

# ruff: noqa: S310 - the addresses are those of our own loopback server

import base64
import json
import re
from http.client import HTTPConnection, HTTPResponse
from typing import Any  # noqa: TID251 - plain JSON of a foreign shape
from urllib.error import HTTPError
from urllib.parse import quote, urlencode, urlsplit
from urllib.request import Request, urlopen

import pytest

Json = dict[str, Any]
"""What a client sees: JSON whose shape only the documentation knows."""


def send(request: Request | str) -> tuple[HTTPResponse, bytes]:
    with urlopen(request, timeout=20) as response:
        return response, response.read()


def serper(server: str, path: str, body: Json) -> Json:
    """POST with a JSON body and X-API-KEY, as on the service's playground page."""
    headers = {"X-API-KEY": "any", "Content-Type": "application/json"}
    response, data = send(Request(f"{server}{path}", json.dumps(body).encode(), headers))
    assert response.headers["Content-Type"].startswith("application/json")
    return json.loads(data)


def serper_list(server: str, path: str, body: list[Json]) -> list[Json]:
    """The same with a list of queries."""
    headers = {"X-API-KEY": "any", "Content-Type": "application/json"}
    return json.loads(send(Request(f"{server}{path}", json.dumps(body).encode(), headers))[1])


@pytest.fixture(scope="module")
def a_title(server: str) -> str:
    """The title of some page: what the crawler finds first."""
    found = serper(server, "/search", {"q": "founded built born town"})["organic"]
    return found[0]["title"]


@pytest.fixture(scope="module")
def a_picture(server: str) -> tuple[Json, bytes]:
    """A hit of the picture search, and the picture behind its address."""
    for query in ("emblem", "ship", "theatre", "painting", "album"):
        images = serper(server, "/images", {"q": query})["images"]
        if images:
            response, data = send(images[0]["imageUrl"])
            assert response.headers["Content-Type"] == "image/jpeg"
            return images[0], data
    pytest.fail("no picture was found by words")


def test_serper_search(server: str, a_title: str) -> None:
    body = {"q": a_title, "gl": "us", "hl": "en", "num": 5, "page": 1, "tbs": "qdr:y"}
    answer = serper(server, "/search", body)
    asked = answer["searchParameters"]
    assert (asked["q"], asked["gl"], asked["hl"], asked["type"]) == (a_title, "us", "en", "search")
    assert answer["credits"] == 1
    assert 1 <= len(answer["organic"]) <= 5
    for number, hit in enumerate(answer["organic"], start=1):
        assert {"title", "link", "snippet", "position"} <= set(hit)
        assert hit["position"] == number
        assert hit["link"].startswith("https://")
        if "date" in hit:
            assert re.fullmatch(r"[A-Z][a-z]{2} \d{1,2}, \d{4}", hit["date"])
    assert a_title in [hit["title"] for hit in answer["organic"]]


def test_serper_pages_follow_each_other(server: str) -> None:
    query = "town founded by"
    whole = serper(server, "/search", {"q": query, "num": 6})["organic"]
    parts = [
        serper(server, "/search", {"q": query, "num": 3, "page": page})["organic"]
        for page in (1, 2)
    ]
    assert [*parts[0], *parts[1]] == whole
    assert serper(server, "/search", {"q": query, "num": 100, "page": 9})["organic"] == []


def test_serper_takes_a_list_of_queries(server: str, a_title: str) -> None:
    """The playground's "mini-batch": an array of up to 100 queries to the same address."""
    queries = [{"q": a_title, "num": 3}, {"q": "town founded by", "page": 2}, {"q": a_title}]
    for path, key in (("/search", "organic"), ("/images", "images")):
        answers = serper_list(server, path, queries)
        assert [answer["searchParameters"]["q"] for answer in answers] == [
            query["q"] for query in queries
        ]
        single = [serper(server, path, query) for query in queries]
        assert [answer[key] for answer in answers] == [answer[key] for answer in single]


def test_serper_by_get_with_the_key_in_the_address(server: str, a_title: str) -> None:
    """The playground's second way: every field in the address, the key as `apiKey`."""
    posted = serper(server, "/search", {"q": a_title, "num": 4, "gl": "de"})
    fields = urlencode({"q": a_title, "num": 4, "gl": "de", "apiKey": "any"})
    got = json.loads(send(f"{server}/search?{fields}")[1])
    by_header = Request(f"{server}/search?{urlencode({'q': a_title})}", headers={"X-API-KEY": "k"})
    assert got["organic"] == posted["organic"]
    assert got["searchParameters"]["gl"] == "de"
    assert "organic" in json.loads(send(by_header)[1])
    assert "images" in json.loads(send(f"{server}/images?{fields}")[1])


def test_serper_scraper(server: str, a_picture: tuple[Json, bytes]) -> None:
    """POST to the root of scrape.serper.dev."""
    url = a_picture[0]["link"]
    plain = serper(server, "/", {"url": url})
    assert set(plain) == {"text", "metadata", "credits"}
    assert plain["metadata"]["title"]
    assert "![" not in plain["text"]
    both = serper(server, "/", {"url": url, "includeMarkdown": True})
    assert both["text"] == plain["text"]
    assert both["markdown"].startswith("# ")
    assert f"({server}/assets/" in both["markdown"]


def test_serper_images(a_picture: tuple[Json, bytes]) -> None:
    hit, data = a_picture
    sizes = {"imageWidth", "imageHeight", "thumbnailWidth", "thumbnailHeight", "position"}
    texts = {"title", "imageUrl", "thumbnailUrl", "source", "domain", "link", "googleUrl"}
    assert sizes | texts <= set(hit)
    assert all(isinstance(hit[name], int) and hit[name] > 0 for name in sizes)
    assert all(isinstance(hit[name], str) and hit[name] for name in texts)
    assert data.startswith(b"\xff\xd8\xff")


def test_serper_lens_finds_the_page_of_a_picture_however_it_is_sent(
    server: str, a_picture: tuple[Json, bytes]
) -> None:
    hit, data = a_picture
    encoded = base64.b64encode(data).decode()
    answers = [
        serper(server, "/lens", {"url": hit["imageUrl"], "gl": "us", "hl": "en"}),
        serper(server, "/lens", {"url": f"data:image/png;base64,{encoded}"}),  # the type lies
        serper(server, "/lens", {"image": encoded}),
        json.loads(send(_multipart(f"{server}/lens", data))[1]),
        json.loads(send(Request(f"{server}/lens", data, {"Content-Type": "image/gif"}))[1]),
    ]
    for answer in answers:
        assert answer["organic"] == answers[0]["organic"]
        best = answer["organic"][0]
        assert {"title", "source", "link"} <= set(best)
        assert best["imageUrl"] == best["thumbnailUrl"] == hit["imageUrl"]


def test_searxng_by_get_and_by_form(server: str, a_title: str) -> None:
    fields = {"q": a_title, "format": "json", "language": "en", "safesearch": "0", "pageno": "1"}
    got = json.loads(send(f"{server}/search?{urlencode(fields)}")[1])
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    posted = json.loads(send(Request(f"{server}/search", urlencode(fields).encode(), form))[1])
    bare = json.loads(send(Request(f"{server}/search?{urlencode(fields)}", method="POST"))[1])
    assert got == posted == bare
    assert got["query"] == a_title
    lists = {"answers", "corrections", "infoboxes", "suggestions", "unresponsive_engines"}
    assert all(got[name] == [] for name in lists)
    assert got["number_of_results"] == len(got["results"]) > 0
    for result in got["results"]:
        assert {"url", "title", "content", "engine", "score", "category", "publishedDate"} <= set(
            result
        )
        assert result["engine"] in result["engines"]
        assert "/".join(result["parsed_url"][:2]).startswith("https/")
    serper_links = [hit["link"] for hit in serper(server, "/search", {"q": a_title})["organic"]]
    assert [result["url"] for result in got["results"]] == serper_links


def test_searxng_answers_at_its_root_too(server: str, a_title: str) -> None:
    """ "Two endpoints, / and /search, are available for both GET and POST"."""
    fields = urlencode({"q": a_title, "format": "json"})
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    expected = json.loads(send(f"{server}/search?{fields}")[1])
    assert json.loads(send(f"{server}/?{fields}")[1]) == expected
    assert json.loads(send(Request(f"{server}/", fields.encode(), form))[1]) == expected


def test_searxng_pictures(server: str, a_picture: tuple[Json, bytes]) -> None:
    fields = urlencode({"q": a_picture[0]["title"], "format": "json", "categories": "images"})
    results = json.loads(send(f"{server}/search?{fields}")[1])["results"]
    assert results
    assert all(send(result["img_src"])[1].startswith(b"\xff\xd8\xff") for result in results[:2])
    assert all(result["thumbnail_src"] for result in results)


def test_jina_reader_as_text(server: str, a_picture: tuple[Json, bytes]) -> None:
    url = a_picture[0]["link"]
    response, data = send(f"{server}/r/{url}")
    assert response.headers["Content-Type"].startswith("text/plain")
    title, source, *_ = data.decode().split("\n\n")
    assert title.startswith("Title: ")
    assert source == f"URL Source: {url}"
    head, content = data.decode().split("\n\nMarkdown Content:\n")
    assert "# " in content
    assert len(head) < len(content)
    shown = re.findall(r"!\[[^\]]*\]\((\S+)\)", content)
    assert shown
    assert send(shown[0])[0].headers["Content-Type"] == "image/jpeg"


def test_jina_reader_as_json_by_get_and_post(server: str, a_picture: tuple[Json, bytes]) -> None:
    url = a_picture[0]["link"]
    accept = {"Accept": "application/json", "Authorization": "Bearer any"}
    got = json.loads(send(Request(f"{server}/r/{url}", headers=accept))[1])
    quoted = json.loads(send(Request(f"{server}/r/{quote(url, safe='')}", headers=accept))[1])
    body = json.dumps({"url": url}).encode()
    json_headers = {**accept, "Content-Type": "application/json"}
    posted = json.loads(send(Request(f"{server}/r", body, json_headers))[1])
    slashed = json.loads(send(Request(f"{server}/r/", body, json_headers))[1])
    assert got == posted == quoted == slashed
    assert (got["code"], got["status"]) == (200, 20000)
    assert got["data"]["url"] == url
    assert got["data"]["title"]
    assert got["data"]["content"]
    assert got["data"]["usage"]["tokens"] > 0


def test_jina_reader_forms_and_summaries(server: str, a_picture: tuple[Json, bytes]) -> None:
    url = f"{server}/r/{a_picture[0]['link']}"
    markdown = send(Request(url, headers={"X-Respond-With": "markdown"}))[1].decode()
    html = send(Request(url, headers={"X-Respond-With": "html"}))[1].decode()
    text = send(Request(url, headers={"X-Respond-With": "text"}))[1].decode()
    assert markdown.startswith("# ")
    assert "<h1>" in html
    assert "![" not in text
    assert "#" not in text.partition("\n")[0]
    summaries = {
        "Accept": "application/json",
        "X-With-Links-Summary": "true",
        "X-With-Images-Summary": "true",
        "X-Retain-Images": "none",
    }
    data = json.loads(send(Request(url, headers=summaries))[1])["data"]
    assert data["images"]
    assert all(name.startswith("Image 1") for name in list(data["images"])[:1])
    assert isinstance(data["links"], dict)
    assert "![" not in data["content"]


def test_jina_reader_numbers_its_pictures(server: str, a_picture: tuple[Json, bytes]) -> None:
    """`![Image 1: alt](address)`; X-Retain-Images: alt leaves the words only."""
    url = f"{server}/r/{a_picture[0]['link']}"
    content = send(url)[1].decode()
    labels = re.findall(r"!\[(Image (\d+)(?:: [^\]]+)?)\]", content)
    assert labels
    assert [int(number) for _, number in labels] == list(range(1, len(labels) + 1))
    for mode in ("alt", "alt_p", "none", "all", "all_p"):
        text = send(Request(url, headers={"X-Retain-Images": mode}))[1].decode()
        assert ("![" in text) == mode.startswith("all")
    captioned = {"X-With-Generated-Alt": "true", "X-With-Images-Summary": "true"}
    assert "![Image 1: " in send(Request(url, headers=captioned))[1].decode()


def test_jina_reader_as_a_stream_of_events(server: str, a_picture: tuple[Json, bytes]) -> None:
    """The last `data:` line holds the whole page."""
    url = f"{server}/r/{a_picture[0]['link']}"
    response, data = send(Request(url, headers={"Accept": "text/event-stream"}))
    assert response.headers["Content-Type"].startswith("text/event-stream")
    lines = [line for line in data.decode().split("\n") if line.startswith("data: ")]
    page = json.loads(lines[-1].removeprefix("data: "))
    whole = json.loads(send(Request(url, headers={"Accept": "text/json"}))[1])
    assert page == whole["data"]
    assert whole["meta"]["usage"] == page["usage"]


def test_jina_reader_options_in_the_body_and_budgets(
    server: str, a_picture: tuple[Json, bytes]
) -> None:
    link = a_picture[0]["link"]
    form = {"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"}
    by_form = json.loads(send(Request(f"{server}/r/", urlencode({"url": link}).encode(), form))[1])
    assert by_form["data"]["url"] == link
    body = {"url": link, "respondWith": "text", "withLinksSummary": True}
    accept = {"Content-Type": "application/json", "Accept": "application/json"}
    data = json.loads(send(Request(f"{server}/r", json.dumps(body).encode(), accept))[1])["data"]
    assert "content" not in data
    assert data["text"]
    short = {"Accept": "application/json", "X-Max-Output-Tokens": "20"}
    data = json.loads(send(Request(f"{server}/r/{link}", headers=short))[1])["data"]
    assert data["usage"]["tokens"] <= 20
    with pytest.raises(HTTPError) as refused:
        send(Request(f"{server}/r/{link}", headers={"X-Token-Budget": "5"}))
    with refused.value as error:
        assert (error.code, json.loads(error.read())["name"]) == (409, "BudgetExceededError")
    selected = {"Accept": "application/json", "X-Target-Selector": "main", "X-No-Cache": "true"}
    data = json.loads(send(Request(f"{server}/r/{link}", headers=selected))[1])["data"]
    assert "X-Target-Selector was not applied" in data["warning"]


def test_vision_web_detection(server: str, a_picture: tuple[Json, bytes]) -> None:
    hit, data = a_picture
    feature = {"type": "WEB_DETECTION", "maxResults": 20}
    image = {"content": base64.b64encode(data).decode()}
    body: Json = {"requests": [{"image": image, "features": [feature]}]}
    url = f"{server}/v1/images:annotate?key=any"
    headers = {"Content-Type": "application/json"}
    answer = json.loads(send(Request(url, json.dumps(body).encode(), headers))[1])
    found = answer["responses"][0]["webDetection"]
    assert hit["imageUrl"] in [image["url"] for image in found["fullMatchingImages"]]
    by_number = {"type": 10, "maxResults": 20}  # as the official libraries send it
    body = {"requests": [{"image": image, "features": [by_number]}]}
    numbered = json.loads(send(Request(url, json.dumps(body).encode(), headers))[1])
    assert numbered == answer
    assert found["bestGuessLabels"][0]["label"] == found["webEntities"][0]["description"]
    assert {"entityId", "score", "description"} <= set(found["webEntities"][0])
    page = found["pagesWithMatchingImages"][0]
    assert page["pageTitle"]
    assert page["fullMatchingImages"][0]["url"] == hit["imageUrl"]
    assert isinstance(found["visuallySimilarImages"], list)
    assert isinstance(found["partialMatchingImages"], list)


def test_one_connection_serves_many_requests(server: str) -> None:
    parts = urlsplit(server)
    connection = HTTPConnection(parts.hostname or "", parts.port, timeout=10)
    for path in ("/healthz", "/manifest", "/metrics", "/"):
        connection.request("GET", path)
        response = connection.getresponse()
        assert response.status == 200
        assert response.read()
    connection.close()


def _multipart(url: str, data: bytes) -> Request:
    boundary = "----boundary42"
    head = (
        f"--{boundary}\r\nContent-Disposition: form-data; "
        'name="image"; filename="a.txt"\r\nContent-Type: text/plain\r\n\r\n'
    )
    body = head.encode() + data + f"\r\n--{boundary}--\r\n".encode()
    return Request(url, body, {"Content-Type": f"multipart/form-data; boundary={boundary}"})
