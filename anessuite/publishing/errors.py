"""What can go wrong between a version and a bucket, said without the words of the store.

A store's own message may repeat an access key or a signed request, so that only its code, its status and what
we asked for are told.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    CredentialRetrievalError,
    HTTPClientError,
    IncompleteReadError,
    NoCredentialsError,
    NoRegionError,
    PartialCredentialsError,
    ProfileNotFound,
    ProxyConnectionError,
    ResponseStreamingError,
    SSLError,
    SSOError,
    TokenRetrievalError,
)
from botocore.exceptions import ConnectionError as BotoConnectionError
from botocore.parsers import ResponseParserError

from anessuite.errors import AnesError, ConfigError, VersionExists


class StoreRefused(AnesError):
    """The store refused a request or did not answer; the same command continues."""


class TargetWrong(ConfigError):
    """The bucket, its region or the credentials are not right; nothing was sent."""


class SourceChanged(AnesError):
    """A file of the version is not what its manifest says; the version was not published."""


class TargetOccupied(AnesError):
    """A file at the target is not the one to be sent, and a published file is never written again."""

    exit_code = 2


class PublishedOtherwise(VersionExists):
    """The target has this version with another manifest."""


class ArrivedWrong(AnesError):
    """What the store holds is not what was sent; the manifest was not put."""


class Precondition(Exception):
    """Internal: create-only met a key that is there (412) or that is being written (409)."""


class UploadGone(Exception):
    """Internal: the multipart upload was finished or aborted by another, or a part of it was replaced."""


class Garbled(Exception):
    """Internal: the request or its answer was damaged on the way; to be sent again."""


_PERMISSIONS = (
    "publishing needs s3:ListBucket, s3:ListBucketMultipartUploads on the bucket and s3:GetObject,"
    " s3:PutObject, s3:AbortMultipartUpload, s3:ListMultipartUploadParts on the prefix"
    " (s3:DeleteObject too for --allow-dev)"
)
_CREDENTIALS = (
    "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE, or run where a role is attached;"
    " aws sts get-caller-identity shows who you are"
)
_GONE = frozenset({"NoSuchUpload", "InvalidPart"})
_DAMAGED = frozenset(
    {
        "BadDigest",
        "IncompleteBody",
        "InvalidDigest",
        "XAmzContentSHA256Mismatch",
        "XAmzContentChecksumMismatch",
        "ChecksumMismatch",
    }
)
_FORBIDDEN = frozenset({"AccessDenied", "403", "AllAccessDisabled", "AccountProblem", "Forbidden"})
_KEYS = frozenset(
    {
        "InvalidAccessKeyId",
        "SignatureDoesNotMatch",
        "ExpiredToken",
        "InvalidToken",
        "TokenRefreshRequired",
        "InvalidSecurity",
    }
)
_REGION = frozenset(
    {"PermanentRedirect", "AuthorizationHeaderMalformed", "301", "307", "IllegalLocationConstraintException"}
)
_BUSY = frozenset({"SlowDown", "503", "ServiceUnavailable", "InternalError", "500", "502", "504"})


@contextmanager
def explained(doing: str, where: str) -> Iterator[None]:
    """Turn botocore's errors into ours. ``doing`` and ``where`` complete "may not {doing} {where}".

    Raises Precondition, UploadGone or Garbled for what the caller settles itself.
    """
    try:
        yield
    except (ResponseParserError, IncompleteReadError, ResponseStreamingError) as error:
        raise Garbled(type(error).__name__) from None
    except ClientError as error:
        raise _refusal(error, doing, where) from None
    except (BotoCoreError, ValueError) as error:
        raise _failure(error, doing, where) from None


def _refusal(error: ClientError, doing: str, where: str) -> Exception:
    code, status = code_of(error), status_of(error)
    if code in ("PreconditionFailed", "ConditionalRequestConflict", "412", "409"):
        return Precondition(code)
    if code in _GONE:
        return UploadGone(code)
    if code in _DAMAGED:
        return Garbled(code)
    bucket = where.removeprefix("s3://").partition("/")[0]
    if code == "NoSuchBucket":
        return TargetWrong(
            f"there is no bucket {bucket}",
            f"create it first (aws s3 mb s3://{bucket}), or correct the address",
        )
    if code in _KEYS:
        return TargetWrong(f"the store does not accept the credentials ({code})", _CREDENTIALS)
    if code == "RequestTimeTooSkewed":
        return TargetWrong(
            "this machine's clock is too far from the store's (RequestTimeTooSkewed)",
            "set the clock (timedatectl set-ntp true), then run the command again",
        )
    if code in _REGION:
        return TargetWrong(f"bucket {bucket} is in another region ({code})", _region_hint(error))
    if code in _FORBIDDEN:
        return StoreRefused(f"may not {doing} {where} ({status} {code})", _PERMISSIONS)
    if code == "NotImplemented":
        return StoreRefused(
            f"the store cannot {doing} {where} (501 NotImplemented)",
            "publishing needs conditional writes, SHA-256 checksums and multipart uploads: another store,"
            " or a newer version of this one",
        )
    if code in _BUSY or status >= 500:
        return StoreRefused(
            f"the store kept refusing to {doing} {where} ({status} {code})",
            "wait, then run the same command: it continues; --workers 2 asks less of the store at once",
        )
    return StoreRefused(
        f"the store refused to {doing} {where} ({status} {code})",
        "look the code up in the store's manual; the same command continues where it was",
    )


def _failure(error: Exception, doing: str, where: str) -> AnesError:
    kind = type(error).__name__
    if isinstance(error, NoCredentialsError | PartialCredentialsError | CredentialRetrievalError):
        return TargetWrong(f"there are no AWS credentials to {doing} {where} ({kind})", _CREDENTIALS)
    if isinstance(error, ProfileNotFound | SSOError | TokenRetrievalError):
        return TargetWrong(f"the AWS profile cannot be used ({kind})", _CREDENTIALS)
    if isinstance(error, NoRegionError):
        return TargetWrong("no AWS region is set", "set AWS_REGION, or region in the profile")
    if isinstance(error, SSLError | ProxyConnectionError | BotoConnectionError | HTTPClientError):
        return StoreRefused(
            f"the store cannot be reached to {doing} {where} ({kind})",
            "is the endpoint right (AWS_ENDPOINT_URL_S3, AWS_ENDPOINT_URL), and the network?"
            " The same command continues where it was",
        )
    return TargetWrong(
        f"the AWS configuration does not work ({kind})",
        "check AWS_ENDPOINT_URL (http://HOST:PORT), AWS_REGION and ~/.aws/config",
    )


def _region_hint(error: ClientError) -> str:
    headers = error.response.get("ResponseMetadata", {}).get("HTTPHeaders", {})
    region = headers.get("x-amz-bucket-region") or error.response.get("Error", {}).get("Region")
    return f"set AWS_REGION={region}" if region else "set AWS_REGION to the bucket's region"


def code_of(error: ClientError) -> str:
    """The store's code of a refusal, such as ``SlowDown``, or its HTTP status."""
    return str(error.response.get("Error", {}).get("Code") or status_of(error))


def status_of(error: ClientError) -> int:
    """The HTTP status of a refusal; 0 if unknown."""
    return int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode") or 0)
