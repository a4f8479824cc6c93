"""Addresses of a corpus world: `base url + quoted path`, and back with some tolerance.

The host is a reserved one, unless the pages come with addresses of their own (WARC, tables): then
the base url is `https://` and a path begins with its host. No address is ever fetched by a world.
"""

import re
import unicodedata
from collections.abc import Iterator
from urllib.parse import quote, unquote, urlsplit, urlunsplit

from vision_deepresearch.core.errors import ConfigError

WEB_ROOT = "https://"
"""The base url of a world whose pages keep the addresses they have on the web."""
MAX_PATH_CHARS = 2000
"""Of a page with an address of its own; longer ones are traps of crawlers."""
_SAFE = "/!$*,;:@&=+~"
"""Unescaped in a path. Brackets and quotes are escaped: Markdown would break on them."""
_NO_SLUG = re.compile(r"[^a-z0-9]+")
_MAX_SLUG = 40
_UNPLAIN = re.compile(r"[?#\s]")


def default_base_url(title: str) -> str:
    """The base url of a source that was given none: its name under the reserved top domain."""
    plain = unicodedata.normalize("NFKD", title).encode("ascii", "ignore").decode().lower()
    slug = _NO_SLUG.sub("-", plain)[:_MAX_SLUG].strip("-")
    return f"https://{slug or 'corpus'}.example/"


class Addresses:
    """Urls of one world. Paths are plain text, as `source` has them.

    Args:
        base_url: http(s) url ending in a slash, or `WEB_ROOT`: every address of the web.

    Raises:
        ConfigError: it is no such url.
    """

    def __init__(self, base_url: str) -> None:
        self._is_web = base_url == WEB_ROOT
        try:
            parts = urlsplit(base_url if not self._is_web else "https://any.example/")
            is_good = parts.scheme in {"http", "https"} and bool(parts.hostname)
        except ValueError:
            is_good = False
        if not is_good or "?" in base_url or "#" in base_url or not base_url.endswith("/"):
            msg = (
                f"expected a base url such as https://manual.example/, got {base_url!r}: give an "
                "http or https url that ends in /"
            )
            raise ConfigError(msg)
        self.base_url = base_url
        self._root = "//" if self._is_web else _normal(base_url)

    def url_of(self, path: str) -> str:
        """The address of a page or picture."""
        # A path of the web holds its query, and a question mark in it is written as one.
        safe = f"{_SAFE}?" if self._is_web else _SAFE
        return self.base_url + quote(path, safe=safe, errors="replace")

    def path_of(self, url: str) -> str | None:
        """The path an address of this world means, without query and fragment; else None."""
        return next(iter(self.paths_of(url)), None)

    def paths_of(self, url: str) -> Iterator[str]:
        """Paths an address may mean, the most literal first.

        A query belongs to the name of some pages (as crawlers keep them) and to none of others:
        both readings are given, the longer one first. A fragment never belongs to a name.
        """
        rest = url.removeprefix(self.base_url)
        if (
            rest != url and not self._is_web and not _UNPLAIN.search(rest)
        ):  # as our own links are written
            yield unquote(rest)
            return
        try:
            parts = urlsplit(url.strip())
            normal = _normal(urlunsplit((parts.scheme, parts.netloc, parts.path, "", "")))
        except ValueError:
            return
        if normal + "/" == self._root:
            normal = self._root
        if not normal.startswith(self._root):
            return
        path = normal[len(self._root) :]
        if parts.query:
            yield f"{path}?{unquote(parts.query)}"
        yield path


_WEB = Addresses(WEB_ROOT)


def web_path(url: str) -> str | None:
    """The path of a page in a world that keeps the addresses of the web: host, path, query.

    None for what cannot be addressed there: other schemes, torn urls, more than 2,000 characters.
    """
    try:
        scheme = urlsplit(url.strip()).scheme
    except ValueError:
        return None
    path = _WEB.path_of(url) if scheme in {"http", "https"} else None
    if path is None or len(path) > MAX_PATH_CHARS or path.startswith(("/", "?")):
        return None
    return path if path in _WEB.paths_of(_WEB.url_of(path)) else None


def _normal(url: str) -> str:
    """Scheme and host in lower case without the default port, path unquoted.

    Raises:
        ValueError: no url.
    """
    parts = urlsplit(url)
    host = (parts.hostname or "").rstrip(".")
    is_default = parts.port in {None, 443 if parts.scheme == "https" else 80}
    port = "" if is_default else f":{parts.port}"
    # One web site: a model that writes http:// means the same page.
    return f"//{host}{port}{unquote(parts.path) or '/'}"
