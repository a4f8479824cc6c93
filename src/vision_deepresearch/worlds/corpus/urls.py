"""Addresses of a corpus world: `base url + quoted path`, and back with some tolerance.

The host is a reserved one: nothing there can be asked over a network, and no such address is ever
fetched by a corpus world.
"""

import re
import unicodedata
from collections.abc import Iterator
from urllib.parse import quote, unquote, urlsplit, urlunsplit

from vision_deepresearch.core.errors import ConfigError

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
        base_url: http(s) url ending in a slash.

    Raises:
        ConfigError: it is no such url.
    """

    def __init__(self, base_url: str) -> None:
        try:
            parts = urlsplit(base_url)
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
        self._root = _normal(base_url)

    def url_of(self, path: str) -> str:
        """The address of a page or picture."""
        return self.base_url + quote(path, safe=_SAFE, errors="replace")

    def path_of(self, url: str) -> str | None:
        """The path an address of this world means, without query and fragment; else None."""
        return next(iter(self.paths_of(url)), None)

    def paths_of(self, url: str) -> Iterator[str]:
        """Paths an address may mean, the most literal first.

        A query belongs to the name of some pages (as crawlers keep them) and to none of others:
        both readings are given, the longer one first. A fragment never belongs to a name.
        """
        rest = url.removeprefix(self.base_url)
        if rest != url and not _UNPLAIN.search(rest):  # as our own links are written
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
