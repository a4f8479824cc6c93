"""Which addresses may be fetched at all, before any name is looked up. Never repairs.

Order: type, length, characters, syntax and port, scheme, userinfo, host, percent sign, port, then the
host: a literal address must be public and canonically spelled, a name must look like a public one.
"""

import re
import unicodedata
from collections.abc import Set
from dataclasses import dataclass
from enum import StrEnum
from ipaddress import AddressValueError, IPv4Address, IPv6Address
from urllib.parse import SplitResult, urljoin, urlsplit

import idna

from vision_deepresearch.worlds.fetch.addresses import is_public

MAX_URL_CHARS = 2048
MAX_REDIRECTS = 5
PORTS = frozenset({80, 443, 8080, 8443})
_DEFAULT_PORTS = {"http": 80, "https": 443}
_INTERNAL_SUFFIXES = (
    "local", "internal", "localhost", "localdomain", "lan", "home", "home.arpa", "intranet",
    "corp", "onion", "test", "invalid", "example", "svc", "cluster.local", "in-addr.arpa",
)  # fmt: skip
_LABEL = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)")
_HIDDEN_KINDS = frozenset({"Cc", "Cf", "Cs", "Co", "Zs", "Zl", "Zp"})
_INVISIBLE = frozenset("\u115f\u1160\u3164\uffa0\u034f\u180b\u180c\u180d\u180f")


class Refused(StrEnum):
    """Which rule refused an address; shown to a model, the address that was found is not."""

    TYPE = "type"
    LENGTH = "length"
    CHAR = "char"
    SYNTAX = "syntax"
    SCHEME = "scheme"
    USERINFO = "userinfo"
    NO_HOST = "no_host"
    PERCENT_HOST = "percent_host"
    PORT = "port"
    IP_SYNTAX = "ip_syntax"
    NOT_PUBLIC = "not_public"
    HOST_NAME = "host_name"
    INTERNAL_NAME = "internal_name"
    NO_ADDRESS = "no_address"
    HOPS = "hops"
    DOWNGRADE = "downgrade"


class RefusedUrlError(ValueError):
    """This address is not fetched.

    Attributes:
        code: the first rule that refused it.
    """

    def __init__(self, code: Refused) -> None:
        super().__init__(f"expected a public web address, this one is refused ({code.value})")
        self.code = code


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckedUrl:
    """An address that may be looked up and fetched."""

    url: str
    """As given, without its fragment."""
    scheme: str
    host: str
    """Lower case, IDNA; an IPv6 literal without brackets."""
    port: int
    is_literal: bool
    """Whether the host is an address and needs no look-up."""


def check_url(url: object, *, ports: Set[int] = PORTS) -> CheckedUrl:
    """Refuse what must not be fetched.

    Args:
        url: whatever a tool call or a page brought.
        ports: that may be asked.

    Raises:
        RefusedUrlError: its `code` names the first rule that it breaks.
    """
    if not isinstance(url, str):
        raise RefusedUrlError(Refused.TYPE)
    if len(url) > MAX_URL_CHARS:
        raise RefusedUrlError(Refused.LENGTH)
    if any(_is_odd(sign) for sign in url):
        raise RefusedUrlError(Refused.CHAR)
    parts = _split(url)
    port = _port_of(parts)
    if parts.scheme not in _DEFAULT_PORTS:
        raise RefusedUrlError(Refused.SCHEME)
    if "@" in parts.netloc:
        raise RefusedUrlError(Refused.USERINFO)
    host = parts.hostname
    if not host:
        raise RefusedUrlError(Refused.NO_HOST)
    if "%" in host:
        raise RefusedUrlError(Refused.PERCENT_HOST)
    if port is None and parts.netloc.endswith(":"):
        raise RefusedUrlError(Refused.PORT)
    port = _DEFAULT_PORTS[parts.scheme] if port is None else port
    if port not in ports:
        raise RefusedUrlError(Refused.PORT)
    name, is_literal = _checked_host(host, is_bracketed="[" in parts.netloc)
    return CheckedUrl(
        url=url.partition("#")[0],
        scheme=parts.scheme,
        host=name,
        port=port,
        is_literal=is_literal,
    )


def check_redirect(
    current: CheckedUrl, location: str, *, hop: int, ports: Set[int] = PORTS
) -> CheckedUrl:
    """Where a redirect may lead.

    Args:
        current: what answered with it.
        location: as the header says.
        hop: redirects followed before this one.
        ports: that may be asked.

    Raises:
        RefusedUrlError: too many, from https to http, or an address that `check_url` refuses.
    """
    if hop >= MAX_REDIRECTS:
        raise RefusedUrlError(Refused.HOPS)
    if len(location) > MAX_URL_CHARS:
        raise RefusedUrlError(Refused.LENGTH)
    if any(_is_odd(sign) for sign in location):
        raise RefusedUrlError(Refused.CHAR)
    try:
        target = urljoin(current.url, location)
    except ValueError:
        raise RefusedUrlError(Refused.SYNTAX) from None
    checked = check_url(target, ports=ports)
    if current.scheme == "https" and checked.scheme == "http":
        raise RefusedUrlError(Refused.DOWNGRADE)
    return checked


def _is_odd(sign: str) -> bool:
    return sign == "\\" or sign in _INVISIBLE or unicodedata.category(sign) in _HIDDEN_KINDS


def _split(url: str) -> SplitResult:
    try:
        return urlsplit(url)
    except ValueError:
        raise RefusedUrlError(Refused.SYNTAX) from None


def _port_of(parts: SplitResult) -> int | None:
    """The port as written.

    A second colon outside brackets is a port that cannot be read.
    """
    try:
        port = parts.port
    except ValueError:
        raise RefusedUrlError(Refused.PORT) from None
    host = parts.netloc.rpartition("@")[2]
    if "[" not in host and host.count(":") > 1 and parts.scheme in _DEFAULT_PORTS:
        raise RefusedUrlError(Refused.PORT)
    return port


def _checked_host(host: str, *, is_bracketed: bool) -> tuple[str, bool]:
    """The host in its one spelling, and whether it is an address."""
    if is_bracketed:
        try:
            address = IPv6Address(host)
        except AddressValueError:
            raise RefusedUrlError(Refused.IP_SYNTAX) from None
        if not is_public(str(address)):
            raise RefusedUrlError(Refused.NOT_PUBLIC)
        return str(address), True
    name = unicodedata.normalize("NFKC", host).lower().removesuffix(".")
    if _looks_numeric(name):
        try:
            literal = IPv4Address(name)
        except AddressValueError:
            raise RefusedUrlError(Refused.IP_SYNTAX) from None
        if not is_public(str(literal)):
            raise RefusedUrlError(Refused.NOT_PUBLIC)
        return name, True
    return _checked_name(name), False


def _looks_numeric(name: str) -> bool:
    """Whether some parser could take it for an IPv4 address in any spelling."""
    last = name.rpartition(".")[2]
    return bool(re.fullmatch(r"[0-9]+|0x[0-9a-f]*", last))


def _checked_name(name: str) -> str:
    if not name.isascii():
        try:
            name = idna.encode(name, uts46=True).decode()
        except (idna.IDNAError, UnicodeError):
            raise RefusedUrlError(Refused.HOST_NAME) from None
    labels = name.split(".")
    if len(name) > 253 or len(labels) < 2 or not all(map(_LABEL.fullmatch, labels)):
        raise RefusedUrlError(Refused.HOST_NAME)
    # Full stops of other scripts became ours only now: what is an address after all is no name.
    is_numeric = _looks_numeric(name)
    if is_numeric or any(
        name == suffix or name.endswith(f".{suffix}") for suffix in _INTERNAL_SUFFIXES
    ):
        raise RefusedUrlError(Refused.INTERNAL_NAME)
    return name
