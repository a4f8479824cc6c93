"""What looks like a credential although nobody told us its value: shapes, fields, url parameters.

Ordinary words about credentials stay as they are: behind a name like `password` a value is taken
for one only where it is quoted or assigned, or holds a digit.
"""

import re

REDACTED = "[redacted]"

_NAME = (
    r"(?:(?:api|access|secret|private|subscription|account|auth)[-_ ]?key"
    r"(?:[-_ ]?id)?|secret[-_ ]?access[-_ ]?key|client[-_ ]?secret|app[-_ ]?secret"
    r"|(?:x[-_])?(?:access|auth|refresh|session|id|api|security|subscription|bearer|csrf|xsrf)"
    r"[-_ ]?token|passw(?:or)?d|passphrase|passwort|pwd)"
)
_PLACEHOLDER = (
    r"(?!(?:your|my)[-_ ]|(?:none|null|true|false|required|optional|string|str|example|changeme"
    r"|password|secret|token|hidden|redacted)\b|[\[<{$*])"
)
_QUOTES = r"[\"'\\]*"
_VALUE = r"[^\s\"'\\,;&<>(){}\[\]]"
_FIELD_IN_TEXT = re.compile(
    rf"({_NAME})({_QUOTES}\s*[:=]\s*[\"'\\]+|=){_PLACEHOLDER}{_VALUE}{{6,}}"
    rf"|({_NAME})({_QUOTES}\s*[:=]\s*){_PLACEHOLDER}(?={_VALUE}*\d){_VALUE}{{6,}}",
    re.IGNORECASE,
)
_SCHEME = r"(?:bearer|basic|token|digest|api-?key|negotiate|aws4-hmac-sha256)"
_DIGEST = r"digest[ \t]+(?:[\w-]+=(?:\\*\"[^\"\\\r\n<>]*\\*\"|[\w./+-]+)[, \t]*)++"
_AUTHORIZATION = re.compile(
    rf"(authorization{_QUOTES}\s*[:=]\s*{_QUOTES})(?:{_DIGEST}|{_SCHEME}[ \t]+{_PLACEHOLDER}[^\r\n\"'\\<>]+"
    rf"|{_PLACEHOLDER}(?={_VALUE}*\d){_VALUE}{{6,}})"
    rf"|((?<![A-Za-z])bearer[ \t]+)(?=[^\s\"'\\]*\d)[A-Za-z0-9._~+/-]{{8,}}=*"
    rf"|((?<![A-Za-z])basic[ \t]+)(?=[A-Za-z+/]*\d)[A-Za-z0-9+/]{{12,}}={{0,2}}",
    re.IGNORECASE,
)
_COOKIE = re.compile(
    rf"((?:set-)?cookie{_QUOTES}\s*[:=]\s*{_QUOTES})[^\s=\"'\\;,]+=[^\r\n\"'\\<>]+",
    re.IGNORECASE,
)
_SHAPES = re.compile(
    r"(?<![A-Za-z0-9])(?:"
    r"sk-(?:[a-z]{2,8}[-_])?[A-Za-z0-9_-]{20,}|AIza[0-9A-Za-z_-]{35}|ya29\.[0-9A-Za-z_-]{20,}"
    r"|gh[pousr]_[A-Za-z0-9]{30,}|github_pat_[A-Za-z0-9_]{40,}|glpat-[A-Za-z0-9_-]{20,}"
    r"|hf_[A-Za-z0-9]{30,}|xox[abeprs]-[A-Za-z0-9-]{10,}|(?:AKIA|ASIA)[0-9A-Z]{16}"
    r"|tvly-[A-Za-z0-9_-]{16,}|jina_[A-Za-z0-9_-]{24,}|BSA[A-Za-z0-9_-]{24,}|gsk_[A-Za-z0-9]{30,}"
    r"|nvapi-[A-Za-z0-9_-]{30,}|xai-[A-Za-z0-9]{40,}|pplx-[A-Za-z0-9]{30,}|r8_[A-Za-z0-9]{30,}"
    r"|npm_[A-Za-z0-9]{36}|pypi-[A-Za-z0-9_-]{40,}|SG\.[A-Za-z0-9_-]{16,}\.[A-Za-z0-9_-]{16,}"
    r"|eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]+"
    r"|[0-9a-f]{32}\.[A-Za-z0-9]{16}"
    r")(?![A-Za-z0-9])"
)
"""The prefixes that providers give their keys; JSON web tokens; and the two halves of a Zhipu key."""
_PEM = re.compile(
    r"-----BEGIN [A-Z ]{0,40}PRIVATE KEY-----(?:[A-Za-z0-9+/=\s\\:,.]++|-(?!--))*+"
    r"(?:-----END[A-Z ]{0,60}(?:-----)?)?"
)
_USERINFO = re.compile(r"(?<=://)[^\s/?#\"'\\<>@]{1,256}@(?=[^\s@])")
_PARAMETER_VALUE = r"[^&#\"'\\\s<>]"
_KEY_PARAMETER = re.compile(
    r"([?&;](?:[\w.-]*(?:api[-_]?key|access[-_]?token|auth[-_]?token|client[-_]?secret|password"
    rf"|passwd|subscription[-_]key)|secret|pwd|auth)=){_PARAMETER_VALUE}+"
    rf"|([?&;]key=)(?={_PARAMETER_VALUE}*\d){_PARAMETER_VALUE}{{20,}}",
    re.IGNORECASE,
)
_SIGNATURE = re.compile(
    r"([?&;](?:[\w.-]*(?:-signature|-security-token|-credential)|sig|signature|token)=)"
    rf"{_PARAMETER_VALUE}+",
    re.IGNORECASE,
)
_FIELD_NAME = re.compile(
    r"(?:proxy-?)?authorization|(?:set-?)?cookie|(?:x-)?subscription-?token|credentials?"
    rf"|(?:[a-z0-9]+[-_])*{_NAME}",
    re.IGNORECASE,
)
_HINTS = tuple(
    (word, re.compile(re.escape(word) + rest))
    for word, rest in (
        *(
            (word, ending + r"[\"'\\]*\s*[:=]")
            for word, ending in (
                ("key", "(?:[-_ ]?id)?"),
                ("pass", "(?:wd|word|phrase|wort)"),
                ("auth", "(?:orization)?"),
                ("sig", "(?:nature)?"),
                *((word, "") for word in ("token", "secret", "pwd", "cookie", "credential")),
            )
        ),
        ("bearer", r"\s"),
        ("basic", r"\s"),
        ("private key", ""),
        ("://", r"[^\s/\"\\]{1,256}@"),
        ("gh", "[pousr]_"),
        *(
            (word, "[a-z0-9_-]")
            for word in (
                *("sk-", "aiza", "ya29.", "github_pat", "glpat-", "hf_", "xox", "akia", "asia"),
                *("tvly-", "jina_", "bsa", "gsk_", "nvapi-", "xai-", "pplx-", "r8_", "npm_"),
                *("pypi-", "sg.", "eyj"),
            )
        ),
    )
)
"""What must stand in a text, in lower case, for anything below to be found: a word that is searched
for quickly, and what follows it."""
_SECOND_HALF = re.compile(r"\.[A-Za-z0-9]{16}")
_FIRST_HALF = re.compile(r"[0-9a-f]{32}")


def may_hold_secret(text: str) -> bool:
    """Whether it is worth looking closer: quick, and true rather too often."""
    lowered = text.lower()
    if any(word in lowered and hint.search(lowered) is not None for word, hint in _HINTS):
        return True
    return any(
        _FIRST_HALF.fullmatch(text, dot.start() - 32, dot.start()) is not None
        for dot in _SECOND_HALF.finditer(text)
        if dot.start() >= 32
    )


def is_secret_field(name: str) -> bool:
    """Whether a field of this name holds a credential: a header's, or a setting's."""
    return _FIELD_NAME.fullmatch(name) is not None


def without_shapes(text: str) -> str:
    """Take out what is unmistakably a credential, wherever it stands."""
    text = _PEM.sub(REDACTED, text)
    text = _SHAPES.sub(REDACTED, text)
    return _AUTHORIZATION.sub(_behind_name, text)


def without_signatures(text: str) -> str:
    """Take out what a url is opened with for a while: signatures and tokens."""
    return _SIGNATURE.sub(_behind_name, text)


def without_fields(text: str) -> str:
    """Take out what urls, prose, headers and settings name as credentials."""
    text = _KEY_PARAMETER.sub(_behind_name, _USERINFO.sub(f"{REDACTED}@", text))
    return _FIELD_IN_TEXT.sub(_behind_name, _COOKIE.sub(_behind_name, text))


def _behind_name(match: re.Match[str]) -> str:
    return "".join(group for group in match.groups() if group is not None) + REDACTED
