"""The few requests to an S3 bucket that publishing needs. Errors come out as ours, not in the store's words.

Credentials, region and endpoint come from boto3's standard chain (``AWS_*``, profile, role) and stay there.
"""

import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import boto3
from botocore.config import Config as BotoConfig
from botocore.exceptions import ClientError

from anessuite.publishing.errors import Garbled, StoreRefused, code_of, explained
from anessuite.publishing.target import Target

ATTEMPTS = 6
"""Of one request, with boto3's growing pauses between them; ``AWS_MAX_ATTEMPTS`` sets another bound."""
SHA256, VERSION, PART_BYTES, PUBLISHER = "sha256", "anes-version", "part-bytes", "publisher"
"""Metadata that our objects carry."""


@dataclass(frozen=True, slots=True)
class Held:
    """What the store says of an object. ``checksum`` is its own SHA-256 (base64; ``-N`` if of N parts)."""

    bytes: int
    checksum: str | None
    metadata: dict[str, str]


@dataclass(frozen=True, slots=True)
class Upload:
    """A multipart upload that is not finished."""

    key: str
    id: str


@dataclass(frozen=True, slots=True)
class HeldPart:
    """A part that the store has; ``sha256`` (base64) where the store lists checksums."""

    number: int
    bytes: int
    etag: str
    sha256: str | None


class Objects:
    """A target's objects. All methods may be called by several threads.

    Raises StoreRefused or TargetWrong; Precondition and UploadGone where a method says so.
    """

    def __init__(self, target: Target, *, connections: int = 10) -> None:
        self.target = target
        retries: dict[str, Any] = {"mode": "standard"}
        if "AWS_MAX_ATTEMPTS" not in os.environ:
            retries["total_max_attempts"] = ATTEMPTS
        config = BotoConfig(
            retries=retries,
            max_pool_connections=connections,
            connect_timeout=10,
            read_timeout=60,
            request_checksum_calculation="when_required",
        )
        with explained("use", str(target)):
            self._client: Any = boto3.Session().client("s3", config=config)

    def keys(self, prefix: str) -> dict[str, int]:
        """Keys below a prefix and their bytes."""
        found: dict[str, int] = {}
        more: dict[str, str] = {}
        while True:
            page = self._ask(
                "list", prefix, lambda more=more: self._of("list_objects_v2", Prefix=prefix, **more)
            )
            found |= {thing["Key"]: thing["Size"] for thing in page.get("Contents", [])}
            if not page.get("IsTruncated"):
                return found
            more = {"ContinuationToken": page["NextContinuationToken"]}

    def head(self, key: str) -> Held | None:
        """What is there under a key, or None."""
        answer = self._ask(
            "look at", key, lambda: _or_none(lambda: self._of("head_object", Key=key, ChecksumMode="ENABLED"))
        )
        if answer is None:
            return None
        metadata = {name.lower(): value for name, value in answer.get("Metadata", {}).items()}
        return Held(int(answer["ContentLength"]), answer.get("ChecksumSHA256"), metadata)

    def get(self, key: str) -> bytes | None:
        """A small object, or None."""
        return self._ask(
            "read", key, lambda: _or_none(lambda: self._of("get_object", Key=key)["Body"].read())
        )

    def put(self, key: str, body: bytes, sha256: str, metadata: dict[str, str], *, create: bool) -> None:
        """Write an object whole. ``sha256`` in base64. With ``create`` raises Precondition if it is there."""
        arguments = {"Metadata": metadata, "ContentType": _content_type(key), **_condition(create)}
        self._ask(
            "write",
            key,
            lambda: self._of(
                "put_object",
                Key=key,
                Body=body,
                ChecksumAlgorithm="SHA256",
                ChecksumSHA256=sha256,
                **arguments,
            ),
        )

    def delete(self, key: str) -> None:
        """Remove an object, if it is there."""
        self._ask("remove", key, lambda: self._of("delete_object", Key=key))

    def uploads(self, prefix: str) -> list[Upload]:
        """Unfinished multipart uploads below a prefix, oldest first as the store lists them."""
        found: list[Upload] = []
        more: dict[str, str] = {}
        while True:
            page = self._ask(
                "list the unfinished uploads of",
                prefix,
                lambda more=more: self._of("list_multipart_uploads", Prefix=prefix, **more),
            )
            found += [Upload(upload["Key"], upload["UploadId"]) for upload in page.get("Uploads", [])]
            if not page.get("IsTruncated"):
                return found
            more = {"KeyMarker": page["NextKeyMarker"], "UploadIdMarker": page["NextUploadIdMarker"]}

    def parts(self, upload: Upload) -> dict[int, HeldPart]:
        """The parts that an upload has, by number; raises UploadGone."""
        found: dict[int, HeldPart] = {}
        marker = 0
        while True:
            page = self._ask(
                "list the parts of",
                upload.key,
                lambda marker=marker: self._of(
                    "list_parts", Key=upload.key, UploadId=upload.id, PartNumberMarker=marker
                ),
            )
            for part in page.get("Parts", []):
                number = int(part["PartNumber"])
                found[number] = HeldPart(
                    number, int(part["Size"]), part["ETag"].strip('"'), part.get("ChecksumSHA256")
                )
            if not page.get("IsTruncated") or not page.get("Parts"):
                return found
            marker = max(found)

    def begin(self, key: str, metadata: dict[str, str]) -> Upload:
        """Begin a multipart upload with SHA-256 checksums."""
        answer = self._ask(
            "begin to write",
            key,
            lambda: self._of(
                "create_multipart_upload",
                Key=key,
                Metadata=metadata,
                ChecksumAlgorithm="SHA256",
                ContentType=_content_type(key),
            ),
        )
        return Upload(key, answer["UploadId"])

    def put_part(self, upload: Upload, number: int, body: bytes, sha256: str) -> HeldPart:
        """Send one part; raises UploadGone."""

        def send() -> str:
            answer = self._of(
                "upload_part",
                Key=upload.key,
                UploadId=upload.id,
                PartNumber=number,
                Body=body,
                ChecksumAlgorithm="SHA256",
                ChecksumSHA256=sha256,
            )
            if not answer.get("ETag"):
                raise Garbled("no ETag")
            return str(answer["ETag"])

        etag = self._ask("write", upload.key, send)
        return HeldPart(number, len(body), etag.strip('"'), sha256)

    def complete(self, upload: Upload, parts: list[HeldPart], *, create: bool) -> None:
        """Make the parts an object; raises UploadGone, and with ``create`` Precondition if it is there."""
        listed = [
            {"PartNumber": part.number, "ETag": f'"{part.etag}"', "ChecksumSHA256": part.sha256}
            for part in parts
        ]
        self._ask(
            "finish writing",
            upload.key,
            lambda: self._of(
                "complete_multipart_upload",
                Key=upload.key,
                UploadId=upload.id,
                MultipartUpload={"Parts": listed},
                **_condition(create),
            ),
        )

    def abort(self, upload: Upload) -> None:
        """Give up an upload and free its parts; raises UploadGone."""
        self._ask(
            "abort an upload of",
            upload.key,
            lambda: self._of("abort_multipart_upload", Key=upload.key, UploadId=upload.id),
        )

    def _of(self, operation: str, **arguments: Any) -> Any:
        return getattr(self._client, operation)(Bucket=self.target.bucket, **arguments)

    def _ask(self, doing: str, key: str, request: Callable[[], Any]) -> Any:
        """One request; boto3 repeats it where the store was busy, this where bytes were damaged."""
        for attempt in range(ATTEMPTS):
            try:
                with explained(doing, self.target.url(key)):
                    return request()
            except Garbled:
                time.sleep(0.05 * 2**attempt)
        raise StoreRefused(
            f"could not {doing} {self.target.url(key)}: the bytes arrived damaged {ATTEMPTS} times",
            "something between here and the store changes them (a proxy?); the same command continues",
        )


def _or_none(request: Callable[[], Any]) -> Any:
    try:
        return request()
    except ClientError as error:
        if code_of(error) in ("404", "NoSuchKey", "NotFound"):
            return None
        raise


def _condition(create: bool) -> dict[str, str]:
    return {"IfNoneMatch": "*"} if create else {}


def _content_type(key: str) -> str:
    types = {"json": "application/json", "md": "text/markdown; charset=utf-8", "html": "text/html"}
    return types.get(key.rpartition(".")[2], "application/octet-stream")
