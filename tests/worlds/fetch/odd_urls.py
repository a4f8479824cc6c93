"""Made-up addresses that try to lead a fetcher inside, and a resolver that lies and changes its mind."""

import random
import socket
from collections import Counter
from collections.abc import Sequence
from ipaddress import IPv4Address, IPv6Address

from tests.worlds.fetch.canaries import PUBLIC_4, PUBLIC_6

GOOD = ("good.org", "www.good.com", "b\u00fccher.net", "xn--bcher-kva.net", PUBLIC_4, "8.8.8.8",
        f"[{PUBLIC_6}]")  # fmt: skip
INSIDE_NAMES = (
    "localhost", "LOCALHOST", "localhost.", "a.localhost", "inside.org", "inside.both.org",
    "rebind.org", "flip.rebind.net", "metadata.google.internal", "printer.local", "six.inside.com",
    "nat.inside.com", "mapped.inside.com", "router", "db.svc.cluster.local", "127.0.0.1.inside.org",
)  # fmt: skip
_BLOCKS = ("127.0.0.1", "127.1.2.3", "10.0.0.5", "192.168.1.1", "172.16.0.9", "169.254.169.254",
           "100.64.0.1", "0.0.0.0",  # noqa: S104 - to be refused
            "168.63.129.16", "192.0.0.192", "224.0.0.1", "255.255.255.255",
           "198.18.0.1")  # fmt: skip
_SIXES = ("::1", "::", "fe80::1", "fc00::1", "fd00:ec2::254", "fec0::1", "ff02::1", "100::1",
          "2001:db8::1", "2001::1", "3fff::1", "64:ff9b:1::1")  # fmt: skip
_SIGNS = ("\\", "@", "#", "?", "%", "%2e", "%00", "%0d%0a", "\t", "\n", "\r", " ", "\x00", "\x7f",
          "\u200b", "\u00ad", "\u2060", "\ufeff", "\u202e", "\u3002", "\uff0e", "\uff61", "\u2024",
          "\uff0f", "\u2044", "\uff1a", "\uff20", "\uff03", ".", "..", ":", "/", "[", "]", ";", ",",
          "&", "|", "^", "`", "{", "}", "<", ">", '"', "'", "0", "\uff11", "\u2460", "\u0661",
          "\u06f1", "\U0001d7cf", "\ud800")  # fmt: skip
_SCHEMES = ("http://",) * 12 + ("https://",) * 6 + (
    "HTTP://", "hTTps://", "http:", "http:/", "http:///", "http:////", "//", "", "http:\\\\", "ftp://",
    "file://", "gopher://", "ws://", "jar:http://", "view-source:http://", "data:text/html,",
    "javascript:", " http://", "\thttp://", "ht\ntp://", "http\u200b://", "url:http://", "blob:http://",
)  # fmt: skip


def a_url(rng: random.Random, *, port: int) -> str:
    """One address; about one in four is as good as it looks."""
    scheme = rng.choice(_SCHEMES)
    host = rng.choice(GOOD) if rng.random() < 0.3 else _inside(rng)
    place = host + _port(rng, port)
    if rng.random() < 0.25:
        other = rng.choice(GOOD) + rng.choice(("", ":80", f":{port}"))
        place = _joined(rng, place, other)
    tail = rng.choice(("", "/", "/a?b=c", "/%2e%2e/x", "?q", "#f", "/@127.0.0.1/", "//127.0.0.1/"))
    url = f"{scheme}{place}{tail}"
    for _ in range(rng.choice((0, 0, 0, 0, 1, 1, 2, 4))):
        at = rng.randrange(len(url) + 1)
        cut = rng.choice((0, 0, 1))
        url = url[:at] + rng.choice(_SIGNS) + url[at + cut :]
    return url


def _inside(rng: random.Random) -> str:
    match rng.randrange(4):
        case 0:
            return rng.choice(INSIDE_NAMES)
        case 1:
            return f"[{_six(rng)}]"
        case _:
            return _four(rng, IPv4Address(rng.choice(_BLOCKS)))


def _four(rng: random.Random, address: IPv4Address) -> str:
    """An IPv4 address as some parser somewhere reads it."""
    number, parts = int(address), [int(part) for part in str(address).split(".")]
    spellings = [
        str(address), f"{address}.", f"{address}..", str(number), hex(number), f"0{number:o}",
        f"0x{number:08X}", ".".join(map(hex, parts)), ".".join(f"0{part:o}" for part in parts),
        ".".join(f"{part:03d}" for part in parts), f"{parts[0]}.{number & 0xFFFFFF}",
        f"{parts[0]}.{parts[1]}.{number & 0xFFFF}", f"{hex(parts[0])}.{number & 0xFFFFFF}",
        f"{number + 2**32}", f"{address}.inside.org", f"{address}%00.good.org", f"%{ord('1'):x}27.0.0.1",
    ]  # fmt: skip
    text = rng.choice(spellings)
    if rng.random() < 0.3:
        first = rng.choice((0xFF10, 0x0660, 0x06F0, 0x1D7CE, 0x0966))
        text = "".join(
            chr(first + int(sign)) if sign in "0123456789" and rng.random() < 0.6 else sign
            for sign in text
        )
    if rng.random() < 0.2:
        text = text.replace(".", rng.choice("\u3002\uff0e\uff61\u2024"), rng.choice((1, 3)))
    return text


def _six(rng: random.Random) -> str:
    four = IPv4Address(rng.choice(_BLOCKS))
    number = int(four)
    high, low = f"{number >> 16:x}", f"{number & 0xFFFF:x}"
    text = rng.choice([
        *_SIXES, f"::ffff:{four}", f"::ffff:{high}:{low}", f"::{four}", f"64:ff9b::{four}",
        f"64:ff9b::{high}:{low}", f"2002:{high}:{low}::1", f"::ffff:0:{four}",
        f"0:0:0:0:0:ffff:{four}", IPv6Address(f"::ffff:{four}").exploded, f"fe80::5efe:{four}",
    ])  # fmt: skip
    if rng.random() < 0.15:
        text += rng.choice(("%lo", "%25lo", "%1", "%25eth0", "%"))
    return text.upper() if rng.random() < 0.2 else text


def _port(rng: random.Random, port: int) -> str:
    others = (
        "",
        ":80",
        ":443",
        ":",
        ":0",
        ":22",
        ":65536",
        ":-1",
        f":{port}:80",
        ":\uff18\uff10",
        ":8080",
    )
    return f":{port}" if rng.random() < 0.6 else rng.choice(others)


def _joined(rng: random.Random, inside: str, good: str) -> str:
    """Two places of which parsers take now the one, now the other."""
    return rng.choice([
        f"{good}@{inside}", f"{inside}@{good}", f"{good}#@{inside}", f"{inside}#@{good}",
        f"{good}?@{inside}", f"{good}\\@{inside}", f"{inside}\\@{good}", f"{good}%40{inside}",
        f"{good}/@{inside}", f"u:p@{inside}", f"@{inside}", f"{good}:@{inside}", f"{good}@@{inside}",
        f"{good};{inside}", f"{good},{inside}", f"{good} {inside}", f"{inside}%23{good}",
        f"{inside}%2f{good}", f"{good}\uff20{inside}", f"{inside}\uff03{good}",
    ])  # fmt: skip


class LyingResolver:
    """As permissive as a system's with numbers; some names lead inside, some only at second sight."""

    def __init__(self) -> None:
        self.num_asked: Counter[str] = Counter()

    async def resolve(self, host: str, port: int) -> Sequence[str]:
        del port
        self.num_asked[host] += 1
        try:
            return (socket.inet_ntoa(socket.inet_aton(host)),)
        except (OSError, UnicodeError):
            pass
        if "rebind" in host:  # public when it is checked, private when it would be asked again
            return (PUBLIC_4,) if self.num_asked[host] % 2 else ("127.0.0.1",)
        if "both" in host:
            both = (PUBLIC_4, "127.0.0.1")
            return both if self.num_asked[host] % 2 else both[::-1]
        odd = {"six": "::1", "nat": "64:ff9b::7f00:1", "mapped": "::ffff:127.0.0.1"}
        if "inside" in host:
            return (odd.get(host.partition(".")[0], "127.0.0.1"),)
        return () if host.startswith("empty") else (PUBLIC_4, PUBLIC_6)
