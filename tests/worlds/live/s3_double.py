"""A small S3 on loopback: keeps objects, checks signatures from its own reading of the rules."""

import hashlib
import hmac
from http.server import BaseHTTPRequestHandler
from urllib.parse import quote

from pydantic import SecretStr
from typing_extensions import override

from tests.worlds.live.double import Answer, Asked, Double
from vision_deepresearch.worlds.live.image_host import S3Host, S3Place
from vision_deepresearch.worlds.live.sigv4 import S3Keys

ACCESS, SECRET, REGION = "double-access", "double-secret-7d2e", "eu-test-1"


class S3Double(Double):
    """Objects by path; `problems` lists what a strict server would not accept."""

    def __init__(self, *, refuse: tuple[str, ...] = ()) -> None:
        super().__init__({})
        self.objects: dict[str, tuple[bytes, str]] = {}
        self.problems: list[str] = []
        self.fetched: list[str] = []
        self.num_put = 0
        self.refuse = set(refuse)
        """Methods that fail once each."""

    @override
    def answer(self, asked: Asked) -> Answer:
        with self._lock:
            self.asked.append(asked)
            if asked.method in self.refuse:
                self.refuse.discard(asked.method)
                return Answer(status=503, raw=b"<Error/>")
            problem = self._problem(asked)
            if problem:
                self.problems.append(f"{asked.method}: {problem}")
                return Answer(status=403, raw=b"<Error><Code>SignatureDoesNotMatch</Code></Error>")
            return self._do(asked)

    def _do(self, asked: Asked) -> Answer:
        match asked.method:
            case "PUT":
                self.num_put += 1
                self.objects[asked.path] = (asked.raw, asked.headers["content-type"])
                return Answer(raw=b"")
            case "DELETE":
                self.objects.pop(asked.path, None)
                return Answer(status=204, raw=b"")
            case _:
                if asked.path not in self.objects:
                    return Answer(status=404, raw=b"<Error/>")
                self.fetched.append(asked.path)
                data, media_type = self.objects[asked.path]
                return Answer(raw=data, headers={"Content-Type": media_type})

    def _problem(self, asked: Asked) -> str:
        if "X-Amz-Signature" in asked.query:
            fields = dict(asked.query)
            given = fields.pop("X-Amz-Signature")
            query = "&".join(
                f"{quote(name, safe='-_.~')}={quote(text, safe='-_.~')}"
                for name, text in sorted(fields.items())
            )
            moment = fields["X-Amz-Date"]
            names, payload = fields["X-Amz-SignedHeaders"], "UNSIGNED-PAYLOAD"
            credential = fields["X-Amz-Credential"]
            if not 0 < int(fields["X-Amz-Expires"]) <= 86_400:
                return "a link that lives too long"
        else:
            head = asked.headers.get("authorization", "")
            if not head.startswith("AWS4-HMAC-SHA256 "):
                return "no signature"
            parts = dict(part.split("=", 1) for part in head[17:].split(", "))
            given, names, credential = (
                parts["Signature"],
                parts["SignedHeaders"],
                parts["Credential"],
            )
            query, moment = "", asked.headers["x-amz-date"]
            payload = asked.headers["x-amz-content-sha256"]
            if payload != hashlib.sha256(asked.raw).hexdigest():
                return "another body than was signed"
        day = moment[:8]
        if credential != f"{ACCESS}/{day}/{REGION}/s3/aws4_request":
            return f"credential {credential}"
        listed = "".join(f"{name}:{asked.headers[name]}\n" for name in names.split(";"))
        canonical = f"{asked.method}\n{asked.path}\n{query}\n{listed}\n{names}\n{payload}"
        to_sign = (
            f"AWS4-HMAC-SHA256\n{moment}\n{day}/{REGION}/s3/aws4_request\n"
            f"{hashlib.sha256(canonical.encode()).hexdigest()}"
        )
        key = b"AWS4" + SECRET.encode()
        for step in (day, REGION, "s3", "aws4_request", to_sign):
            key = hmac.new(key, step.encode(), hashlib.sha256).digest()
        return "" if key.hex() == given else "wrong signature"

    @override
    def reply(self, handler: BaseHTTPRequestHandler, answer: Answer) -> None:
        if answer.status == 204:
            handler.send_response(204)
            handler.end_headers()
            handler.close_connection = True
            return
        super().reply(handler, answer)


def host_at(store: S3Double, *, secret: str = SECRET) -> S3Host:
    keys = S3Keys(access_key=ACCESS, secret_key=SecretStr(secret), region=REGION)
    return S3Host(S3Place(endpoint=store.url, bucket="pictures", keys=keys))
