"""Photos on articles of which nothing is said, and worlds without them, which stay what they were."""

from vision_deepresearch.core.proof import Hop, HopKind, PagePhoto
from vision_deepresearch.store.fingerprint import canonical_json
from vision_deepresearch.worlds.generated.article_photos import owner_of, photo_of, place_photo
from vision_deepresearch.worlds.generated.checks import stands_in, text_of
from vision_deepresearch.worlds.generated.graph import Graph
from vision_deepresearch.worlds.generated.pages import PageSet
from vision_deepresearch.worlds.generated.spec import spec_named
from vision_deepresearch.worlds.pages import to_page

SPEC = spec_named("illustrated").model_copy(update={"num_entities": 200})


def test_worlds_without_photos_keep_their_ids_and_proofs_their_bytes() -> None:
    assert spec_named("tiny").world_id() == "f55a486396ca7f19"  # as before there were photos
    look = Hop(id="h1", kind=HopKind.LOOK, expected="Kvarn")
    assert "photo" not in look.model_dump_json()
    assert "photo" not in canonical_json(look)
    at = PagePhoto(page="https://a.example/p", url="https://a.example/x.jpg")
    other = look.model_copy(update={"photo": at, "subject": "h0"})
    assert Hop.model_validate_json(other.model_dump_json()) == other


def test_an_article_shows_one_picture_without_words_of_things_it_does_not_name() -> None:
    graph = Graph.of(SPEC)
    pages = PageSet.of(graph)
    named = 0
    for owner in graph.entities:
        photo = photo_of(graph, owner)
        assert photo is not None
        url = pages.article(owner)
        html = pages.render_html(url)
        page = to_page(html, url=url, final_url=url, world_id="w", doc_id="0", cursor=None)
        wordless = [one.src for one in page.images if not one.alt and not one.caption]
        assert wordless == [photo.url]
        assert owner_of(graph, photo.url) == owner
        members = photo.scene.entity_ids
        assert owner not in members
        assert len(members) >= 3
        text = text_of(pages.document(url))
        named += any(stands_in(graph.entity(one).name, text) for one in members)
    photo = photo_of(graph, next(iter(graph.entities)))
    assert photo is not None
    assert set(place_photo(graph, photo)) == {*photo.scene.entity_ids}
    # An article may speak of another thing by way of comparison; questions go round those.
    assert named <= len(graph.entities) * 0.05
    plain = PageSet.of(Graph.of(SPEC.model_copy(update={"article_photos": None})))
    assert not any(plain.document(record.url).photos for record in plain.all_urls())
