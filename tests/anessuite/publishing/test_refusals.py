"""What a user is told when a store refuses, and that no secret is in it."""

import botocore.exceptions as boto
import pytest
from botocore.exceptions import ClientError

from anessuite.errors import AnesError
from anessuite.publishing.errors import Garbled, Precondition, UploadGone, explained

WHERE = "s3://hospital-data/suite/bench/2026.12.01/README.md"
SECRET = "hunter2-planted-secret"


def client_error(code: str, status: int, **headers: str) -> ClientError:
    return ClientError(
        {
            "Error": {"Code": code, "Message": f"key {SECRET} is not right"},
            "ResponseMetadata": {"HTTPStatusCode": status, "HTTPHeaders": headers},
        },  # type: ignore[typeddict-item]
        "PutObject",
    )


def told(error: Exception) -> AnesError:
    with pytest.raises(AnesError) as raised, explained("write", WHERE):
        raise error
    assert SECRET not in str(raised.value)
    return raised.value


@pytest.mark.parametrize(
    ("code", "status", "what", "hint", "exit_code"),
    [
        ("AccessDenied", 403, f"may not write {WHERE} (403 AccessDenied)", "s3:PutObject", 1),
        ("403", 403, f"may not write {WHERE} (403 403)", "s3:ListBucket", 1),
        ("NoSuchBucket", 404, "there is no bucket hospital-data", "aws s3 mb s3://hospital-data", 2),
        ("InvalidAccessKeyId", 403, "does not accept the credentials", "AWS_ACCESS_KEY_ID", 2),
        ("SignatureDoesNotMatch", 403, "does not accept the credentials", "AWS_SECRET_ACCESS_KEY", 2),
        ("ExpiredToken", 400, "does not accept the credentials (ExpiredToken)", "AWS_PROFILE", 2),
        ("RequestTimeTooSkewed", 403, "clock is too far from the store's", "set the clock", 2),
        ("PermanentRedirect", 301, "is in another region", "AWS_REGION=eu-central-1", 2),
        ("AuthorizationHeaderMalformed", 400, "is in another region", "AWS_REGION=eu-central-1", 2),
        ("SlowDown", 503, f"kept refusing to write {WHERE} (503 SlowDown)", "run the same command", 1),
        ("InternalError", 500, "kept refusing", "run the same command", 1),
        ("NotImplemented", 501, f"the store cannot write {WHERE}", "conditional writes", 1),
        ("EntityTooLarge", 400, f"refused to write {WHERE} (400 EntityTooLarge)", "manual", 1),
    ],
)
def test_each_refusal_says_what_and_what_to_do(
    code: str, status: int, what: str, hint: str, exit_code: int
) -> None:
    error = told(client_error(code, status, **{"x-amz-bucket-region": "eu-central-1"}))
    assert what in error.what and hint in error.hint
    assert error.exit_code == exit_code


@pytest.mark.parametrize(
    ("error", "what", "hint"),
    [
        (boto.NoCredentialsError(), "there are no AWS credentials to write", "AWS_PROFILE"),
        (boto.ProfileNotFound(profile=SECRET), "the AWS profile cannot be used", "AWS_PROFILE"),
        (
            boto.EndpointConnectionError(endpoint_url=f"http://u:{SECRET}@h"),
            "cannot be reached",
            "AWS_ENDPOINT_URL",
        ),
        (boto.ReadTimeoutError(endpoint_url=SECRET, error=None), "(ReadTimeoutError)", "continues"),
        (boto.SSLError(endpoint_url=SECRET, error=None), "(SSLError)", "AWS_ENDPOINT_URL"),
        (
            ValueError(f"Invalid endpoint: {SECRET}"),
            "the AWS configuration does not work",
            "http://HOST:PORT",
        ),
    ],
)
def test_each_failure_before_an_answer_says_what_and_what_to_do(
    error: Exception, what: str, hint: str
) -> None:
    found = told(error)
    assert what in found.what and hint in found.hint


@pytest.mark.parametrize(
    ("code", "status", "kind"),
    [
        ("PreconditionFailed", 412, Precondition),
        ("ConditionalRequestConflict", 409, Precondition),
        ("NoSuchUpload", 404, UploadGone),
        ("InvalidPart", 400, UploadGone),
        ("BadDigest", 400, Garbled),
    ],
)
def test_what_publishing_settles_itself_is_not_told_as_an_error(
    code: str, status: int, kind: type[Exception]
) -> None:
    with pytest.raises(kind), explained("write", WHERE):
        raise client_error(code, status)
