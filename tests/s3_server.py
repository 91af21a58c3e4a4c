"""An S3-protocol server for tests, on a loopback port: moto behind a proxy that breaks what it is told to.

    with S3Server(random_faults(seed=1, rate=0.2)) as server:
        server.environment(), server.bucket, server.seen

What moto leaves out of S3's contract the proxy adds: it refuses bodies that differ from their SHA-256, lists
the checksums of parts (unless told not to), writes ``-N`` after checksums of N parts, and lets of two
create-only writes of one key one win.
"""

import atexit
import base64
import hashlib
import http.client
import itertools
import logging
import random
import re
import socket
import struct
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

FAULTS = ("slow_down", "delay", "reset", "lost", "half", "cut", "corrupt")
"""503 before anything is done; a pause; hung up before it is done; done, but the answer lost; half of the
answer's body; hung up in the middle of the request's body; a byte of the request's body changed.
``unconditional`` (never drawn): If-None-Match is ignored."""
_REFUSALS = {
    "slow_down": (503, "SlowDown"),
    "forbidden": (403, "AccessDenied"),
    "skewed": (403, "RequestTimeTooSkewed"),
    "region": (301, "PermanentRedirect"),
    "bad_key": (403, "InvalidAccessKeyId"),
    "conflict": (409, "ConditionalRequestConflict"),
}
_OWN_HEADERS = ("connection", "transfer-encoding", "content-length", "server")
_numbers = itertools.count(1)


@dataclass(frozen=True, slots=True)
class Asked:
    """A request: ``kind`` is put, part, begin, complete, abort, head, get, list, uploads, parts or delete;
    ``nth`` counts equal ones from 0."""

    kind: str
    key: str
    part: int
    bytes: int
    nth: int


@dataclass(frozen=True, slots=True)
class Seen:
    """A request that the store answered, or that was broken before."""

    asked: Asked
    status: int
    fault: str | None


Behaviour = Callable[[Asked], str | None]
"""Names the fault of a request, or None."""


def faultless(_asked: Asked) -> str | None:
    """Nothing breaks."""
    return None


def random_faults(seed: int, rate: float, most: int = 3) -> Behaviour:
    """Each request breaks with this probability, at most so many times; the same whatever the threads do."""

    def fault(asked: Asked) -> str | None:
        drawn = random.Random(f"{seed}/{asked.kind}/{asked.key}/{asked.part}/{asked.nth}")
        return drawn.choice(FAULTS) if asked.nth < most and drawn.random() < rate else None

    return fault


def refusing(fault: str, *kinds: str) -> Behaviour:
    """Always this fault, for requests of these kinds."""
    return lambda asked: fault if asked.kind in kinds else None


WRITES = ("put", "part", "begin", "complete", "abort", "delete")


@cache
def _moto() -> Any:
    """One for all servers of a process: it takes a second to start."""
    from moto.server import ThreadedMotoServer

    logging.getLogger("werkzeug").setLevel(logging.ERROR)  # a line a request otherwise
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    atexit.register(server.stop)
    return server


@cache
def _client_of_moto() -> Any:
    import boto3

    host, port = _moto().get_host_and_port()
    return boto3.client(
        "s3", endpoint_url=f"http://{host}:{port}", region_name="us-east-1",
        aws_access_key_id="test", aws_secret_access_key="test",
    )  # fmt: skip


class S3Server:
    """The server, with one bucket of its own. ``behaviour`` may be changed at any time."""

    def __init__(self, behaviour: Behaviour = faultless, *, lists_checksums: bool = True) -> None:
        self.behaviour, self.lists_checksums = behaviour, lists_checksums
        self.bucket = f"shelf-{next(_numbers)}"
        self.seen: list[Seen] = []
        self.checksums: dict[tuple[str, int], str] = {}
        self.lock, self.create_only = threading.Lock(), threading.Lock()
        self._counts: Counter[tuple[str, str, int]] = Counter()

    def __enter__(self) -> "S3Server":
        self.behind = _moto().get_host_and_port()
        handler = type("Handler", (_Handler,), {"owner": self})
        self._proxy = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._proxy.daemon_threads = True
        threading.Thread(target=self._proxy.serve_forever, args=(0.02,), daemon=True).start()
        self.url = f"http://127.0.0.1:{self._proxy.server_address[1]}"
        self.client().create_bucket(Bucket=self.bucket)
        return self

    def __exit__(self, *_: object) -> None:
        client = self.client()
        for upload in client.list_multipart_uploads(Bucket=self.bucket).get("Uploads", []):
            client.abort_multipart_upload(Bucket=self.bucket, Key=upload["Key"], UploadId=upload["UploadId"])
        for key in self.listed():
            client.delete_object(Bucket=self.bucket, Key=key)
        client.delete_bucket(Bucket=self.bucket)
        self._proxy.shutdown()
        self._proxy.server_close()

    def client(self) -> Any:
        """A client that goes past the proxy."""
        return _client_of_moto()

    def environment(self, **more: str) -> dict[str, str]:
        """What a user would set to publish there."""
        keys = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}
        return {"AWS_ENDPOINT_URL": self.url, "AWS_DEFAULT_REGION": "us-east-1", **keys, **more}

    def listed(self) -> list[str]:
        """The keys in the bucket."""
        return [
            thing["Key"] for thing in self.client().list_objects_v2(Bucket=self.bucket).get("Contents", [])
        ]

    def done(self, *kinds: str) -> list[Asked]:
        """Requests of these kinds that the store carried out."""
        return [seen.asked for seen in self.seen if seen.asked.kind in kinds and 200 <= seen.status < 300]

    def asked(self, kind: str, key: str, part: int, size: int) -> Asked:
        """Number a request."""
        with self.lock:
            name = (kind, key, part)
            self._counts[name] += 1
            return Asked(kind, key, part, size, self._counts[name] - 1)


class _Handler(BaseHTTPRequestHandler):
    owner: S3Server
    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: Any) -> None:
        """Keep the tests' output clean."""

    def handle(self) -> None:
        try:
            super().handle()
        except (ConnectionError, TimeoutError):
            self.close_connection = True

    def _answer(self) -> None:
        size = int(self.headers.get("Content-Length") or 0)
        query = parse_qs(urlsplit(self.path).query, keep_blank_values=True)
        asked = self._asked(query, size)
        fault = self.owner.behaviour(asked)
        if fault == "cut":
            self.rfile.read(size // 2)
            self._hang_up(asked, fault)
            return
        body = self.rfile.read(size)
        if fault == "delay":
            time.sleep(0.15)
        if fault == "reset":
            self._hang_up(asked, fault)
        elif fault in _REFUSALS:
            self._refuse(asked, *_REFUSALS[fault], fault)
        else:
            self._pass(asked, query, _changed(body) if fault == "corrupt" and body else body, fault)

    do_GET = do_PUT = do_POST = do_HEAD = do_DELETE = _answer  # noqa: N815

    def _asked(self, query: dict[str, list[str]], size: int) -> Asked:
        _, _, key = unquote(urlsplit(self.path).path).lstrip("/").partition("/")
        kind = self.command.lower()
        if kind == "post":
            kind = "begin" if "uploads" in query else "complete"
        elif "uploadId" in query:
            kind = {"put": "part", "get": "parts", "delete": "abort"}[kind]
        elif kind == "get" and "uploads" in query:
            kind = "uploads"
        elif kind == "get" and not key:
            kind = "list"
        return self.owner.asked(kind, key, int(query.get("partNumber", ["0"])[0]), size)

    def _pass(self, asked: Asked, query: dict[str, list[str]], body: bytes, fault: str | None) -> None:
        given = self.headers.get("x-amz-checksum-sha256")
        if given is not None and base64.b64encode(hashlib.sha256(body).digest()).decode() != given:
            self._refuse(asked, 400, "BadDigest", fault)
            return
        if fault == "unconditional":
            del self.headers["If-None-Match"]
        if self.headers.get("If-None-Match"):
            with self.owner.create_only:
                status, headers, answer = self._forward(body)
        else:
            status, headers, answer = self._forward(body)
        upload = query.get("uploadId", [""])[0]
        with self.owner.lock:
            if asked.kind == "part" and status == 200 and given is not None:
                self.owner.checksums[upload, asked.part] = given
            self.owner.seen.append(Seen(asked, status, fault))
        if asked.kind == "parts" and self.owner.lists_checksums:
            answer = self._with_checksums(answer, upload)
        if fault == "lost" or (fault == "half" and not answer):
            self._hang_up(asked, None)
            return
        self._send(status, headers, answer, half=fault == "half")

    def _forward(self, body: bytes) -> tuple[int, dict[str, str], bytes]:
        behind = http.client.HTTPConnection(*self.owner.behind)
        headers = {name: value for name, value in self.headers.items() if name.lower() != "expect"}
        behind.request(self.command, self.path, body or None, headers)
        answer = behind.getresponse()
        content = answer.read()
        behind.close()
        return answer.status, dict(answer.getheaders()), content

    def _with_checksums(self, answer: bytes, upload: str) -> bytes:
        def add(found: "re.Match[bytes]") -> bytes:
            number = re.search(rb"<PartNumber>(\d+)<", found[0])
            known = self.owner.checksums.get((upload, int(number[1]))) if number else None
            extra = f"<ChecksumSHA256>{known}</ChecksumSHA256>".encode() if known else b""
            return found[0].replace(b"</Part>", extra + b"</Part>")

        return re.sub(rb"<Part>.*?</Part>", add, answer, flags=re.DOTALL)

    def _send(self, status: int, headers: dict[str, str], answer: bytes, *, half: bool = False) -> None:
        self.send_response_only(status)
        parts = re.search(r'-(\d+)"?$', next((v for n, v in headers.items() if n.lower() == "etag"), ""))
        for name, value in headers.items():
            if name.lower() == "x-amz-checksum-sha256" and parts and "-" not in value:
                value = f"{value}-{parts[1]}"
            if name.lower() not in _OWN_HEADERS:
                self.send_header(name, value)
        length = next((v for n, v in headers.items() if n.lower() == "content-length"), "0")
        self.send_header("Content-Length", length if self.command == "HEAD" else str(len(answer)))
        self.end_headers()
        self.wfile.write(answer[: len(answer) // 2] if half else answer)
        self.close_connection = self.close_connection or half

    def _refuse(self, asked: Asked, status: int, code: str, fault: str | None) -> None:
        with self.owner.lock:
            self.owner.seen.append(Seen(asked, status, fault))
        secret = self.headers.get("Authorization", "")
        body = f"<Error><Code>{code}</Code><Message>refused {secret}</Message></Error>".encode()
        headers = {"Content-Type": "application/xml", "x-amz-bucket-region": "eu-central-1"}
        self._send(status, headers, b"" if self.command == "HEAD" else body)

    def _hang_up(self, asked: Asked, fault: str | None) -> None:
        if fault is not None:
            with self.owner.lock:
                self.owner.seen.append(Seen(asked, 0, fault))
        self.close_connection = True
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.close()


def _changed(body: bytes) -> bytes:
    return bytes([body[0] ^ 1]) + body[1:]
