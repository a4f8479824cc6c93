"""What a corpus world holds, in numbers: of the manifest and of the report of an import.

pages, articles             all; without the one the source names as its main page
repeated_pages              with title and text of another page: read, but found only once
aliases                     other names that lead to a page; pages_with_aliases: to how many
aliases_of_pictures         that lead to a picture; dead_aliases: to nothing
pictures, picture_uses      kept ones, each once; places where one stands on a page
links                       from page to page as a reader sees them: once a page, no navigation
external_links              likewise, out of the world
written_*                   every link element of every page: repeated ones, navigation too
*_via_alias, *_to_files     of these, through another name; to a picture or a file
dead_links                  to something that is not there
facts, pages_with_facts      labels with values of infoboxes, microdata and JSON-LD
skipped                     entries that could not be read

A link with via_alias = -1 leads to a host of which nothing is here.
"""

from vision_deepresearch.worlds.corpus.database import CorpusDatabase

_COUNTS = {
    "entries": "SELECT count(*) FROM entry",
    "pages": "SELECT count(*) FROM page",
    "repeated_pages": "SELECT count(*) - count(DISTINCT text_hash) FROM page",
    "aliases": "SELECT count(*) FROM alias WHERE page IS NOT NULL",
    "pages_with_aliases": "SELECT count(DISTINCT page) FROM alias",
    "aliases_of_pictures": "SELECT count(*) FROM alias WHERE page IS NULL"
    " AND target IN (SELECT path FROM entry WHERE what = 'picture')",
    "dead_aliases": "SELECT count(*) FROM alias WHERE page IS NULL"
    " AND target NOT IN (SELECT path FROM entry WHERE what = 'picture')",
    "pictures": "SELECT count(DISTINCT sha256) FROM picture",
    "picture_uses": "SELECT count(*) FROM shown JOIN picture USING (path) WHERE sha256 IS NOT NULL",
    "pages_with_pictures": "SELECT count(DISTINCT page) FROM shown JOIN picture USING (path)"
    " WHERE sha256 IS NOT NULL",
    "pictures_on_several_pages": "SELECT count(*) FROM (SELECT 1 FROM shown"
    " JOIN picture USING (path) WHERE sha256 IS NOT NULL"
    " GROUP BY sha256 HAVING count(DISTINCT page) > 1)",
    "links": "SELECT count(*) FROM link WHERE target IS NOT NULL AND in_text = 1",
    "links_via_alias": "SELECT count(*) FROM link WHERE target IS NOT NULL AND in_text = 1"
    " AND via_alias = 1",
    "links_to_files": "SELECT count(*) FROM link WHERE target IS NULL AND in_text = 1"
    " AND path IN (SELECT path FROM entry)",
    "dead_links": "SELECT count(*) FROM link WHERE target IS NULL AND in_text = 1"
    " AND via_alias != -1 AND path NOT IN (SELECT path FROM entry)",
    "external_links": "SELECT (SELECT sum(num_external) FROM page)"
    " + (SELECT count(*) FROM link WHERE via_alias = -1 AND in_text = 1)",
    "written_links": "SELECT sum(times) FROM link WHERE target IS NOT NULL",
    "written_links_via_alias": "SELECT sum(times) FROM link WHERE target IS NOT NULL"
    " AND via_alias = 1",
    "written_links_to_files": "SELECT sum(times) FROM link WHERE target IS NULL"
    " AND path IN (SELECT path FROM entry)",
    "written_dead_links": "SELECT sum(times) FROM link WHERE target IS NULL"
    " AND via_alias != -1 AND path NOT IN (SELECT path FROM entry)",
    "written_external_links": "SELECT (SELECT sum(num_external_written) FROM page)"
    " + (SELECT ifnull(sum(times), 0) FROM link WHERE via_alias = -1)",
    "facts": "SELECT count(*) FROM fact",
    "pages_with_facts": "SELECT count(DISTINCT page) FROM fact",
    "skipped": "SELECT count(*) FROM skipped",
}


def count_world(database: CorpusDatabase, *, main_path: str | None) -> dict[str, int]:
    """All counts by name; links must be resolved."""
    counts = {name: database.number(sql) for name, sql in _COUNTS.items()}
    has_main = main_path is not None and database.number(
        "SELECT count(*) FROM page WHERE path = ?", (main_path,)
    )
    return {**counts, "articles": counts["pages"] - int(has_main)}
