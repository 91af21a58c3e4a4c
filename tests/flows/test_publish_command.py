"""``anes publish``: what a user sees, what a killed run leaves, and that secrets stay secret."""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from flows.__main__ import app
from tests.anessuite.publishing.versions import write_version
from tests.s3_server import WRITES, Asked, S3Server, faultless, refusing

PROJECT = Path(__file__).parents[2]
REF = "bench@2026.12.01"
SECRET = "PLANTED-hunter2-secret"
MIB = 1 << 20


@pytest.fixture
def server() -> Iterator[S3Server]:
    import s3fs

    with S3Server() as running:
        s3fs.S3FileSystem.clear_instance_cache()
        yield running
        s3fs.S3FileSystem.clear_instance_cache()


@pytest.fixture
def anes(server: S3Server, tmp_path: Path) -> Callable[..., Result]:
    """Run the command in this process with the server's environment."""
    planted = {
        **server.environment(),
        "AWS_ACCESS_KEY_ID": f"AKID{SECRET}",
        "AWS_SECRET_ACCESS_KEY": SECRET,
        "AWS_SESSION_TOKEN": f"token-{SECRET}",
        "ANES_ROOT": str(tmp_path / "data"),
    }

    def run(*arguments: str, **environment: str) -> Result:
        result = CliRunner().invoke(app, list(arguments), env={**planted, **environment})
        assert SECRET not in result.output + str(result.exception or "")
        return result

    return run


def target(server: S3Server) -> str:
    return f"s3://{server.bucket}/suite"


def test_a_version_is_published_and_verified_and_the_second_time_nothing_is_done(
    anes: Callable[..., Result], server: S3Server, tmp_path: Path
) -> None:
    store = write_version(str(tmp_path / "data"), large=6 * MIB)
    store.write_bytes("bench/2026.12.01/notes.txt", b"not in the manifest")
    planned = anes("publish", REF, target(server), "--part-size", "5", "--dry-run")
    assert planned.exit_code == 0, planned.output
    assert "6 of 6 files" in planned.stdout and "in 7 requests would be sent" in planned.stdout
    assert server.listed() == []
    done = anes("publish", REF, target(server), "--part-size", "5", "--workers", "2")
    assert done.exit_code == 0, done.output
    assert f"{REF} in {target(server)}: published (6 of 6 files" in done.stdout
    assert "sent: data/zh-00000-of-00001.parquet, " in done.stderr and "6 of 6 files" in done.stderr
    assert "not sent, because the manifest does not name them: notes.txt" in done.stderr
    again = anes("publish", REF, target(server))
    assert (again.exit_code, "already published, nothing to do" in again.stdout) == (0, True)
    checked = anes("publish", REF, target(server), "--verify-only")
    assert checked.exit_code == 0 and "all as in the manifest" in checked.stdout
    verified = anes("verify", REF, "--root", target(server))
    assert verified.exit_code == 0, verified.output
    assert anes("list", "--root", target(server)).stdout.count("bench@2026.12.01") == 1


def test_json_tells_the_same_to_machines(
    anes: Callable[..., Result], server: S3Server, tmp_path: Path
) -> None:
    write_version(str(tmp_path / "data"), large=0, small=1)
    plan = json.loads(anes("publish", REF, target(server), "--dry-run", "--json").stdout)
    assert (plan["state"], plan["files"][0]["parts"], plan["files"][0]["there"]) == ("planned", 1, False)
    done = json.loads(anes("publish", REF, target(server), "--json").stdout)
    assert done["state"] == "published" and done["unfinished_uploads"] == 0
    assert (done["sent_bytes"], done["sent_files"]) == (plan["bytes_to_send"], 4)
    assert json.loads(anes("publish", REF, target(server), "--json").stdout)["state"] == "already"
    assert (
        json.loads(anes("publish", REF, target(server), "--json", "--dry-run").stdout)["state"] == "already"
    )
    key = "suite/bench/2026.12.01/README.md"
    server.client().delete_object(Bucket=server.bucket, Key=key)
    wrong = anes("publish", REF, target(server), "--verify-only", "--json")
    assert wrong.exit_code == 1
    assert json.loads(wrong.stdout)["faults"] == [["README.md", "is missing"]]
    assert json.loads(anes("publish", REF, target(server), "--abort", "--json").stdout)["keys"] == []


def test_before_it_is_published_verify_only_says_what_is_missing_and_writes_nothing(
    anes: Callable[..., Result], server: S3Server, tmp_path: Path
) -> None:
    write_version(str(tmp_path / "data"), large=0, small=1)
    server.client().put_object(Bucket=server.bucket, Key="suite/bench/2026.12.01/else.txt", Body=b"x")
    found = anes("publish", REF, target(server), "--verify-only")
    assert found.exit_code == 1
    assert "manifest.json is missing: the version is not published there" in found.stderr
    assert "README.md is missing" in found.stderr and "else.txt is not in the manifest" in found.stderr
    assert not [seen for seen in server.seen if seen.asked.kind in WRITES]


def test_another_manifest_is_an_error_with_exit_code_2(
    anes: Callable[..., Result], server: S3Server, tmp_path: Path
) -> None:
    write_version(str(tmp_path / "data"), large=0, small=1)
    assert anes("publish", REF, target(server)).exit_code == 0
    write_version(str(tmp_path / "other"), large=0, small=1, seed=2)
    refused = anes("publish", REF, target(server), "--root", str(tmp_path / "other"))
    assert refused.exit_code == 2
    assert "already, with another manifest" in refused.stderr


@pytest.mark.parametrize(
    ("fault", "code", "message"),
    [
        ("forbidden", 1, "(403 AccessDenied)"),
        ("skewed", 2, "set the clock"),
        ("bad_key", 2, "does not accept the credentials"),
        ("region", 2, "AWS_REGION=eu-central-1"),
    ],
)
def test_a_store_that_refuses_writes_is_told_with_what_to_do(
    anes: Callable[..., Result], server: S3Server, tmp_path: Path, fault: str, code: int, message: str
) -> None:
    write_version(str(tmp_path / "data"), large=0, small=1)
    server.behaviour = refusing(fault, *WRITES)
    refused = anes("publish", REF, target(server))
    assert refused.exit_code == code, refused.output
    assert message in refused.stderr
    if fault == "forbidden":
        assert "may not write s3://" in refused.stderr and "s3:PutObject" in refused.stderr
    assert server.listed() == []


def test_no_bucket_no_credentials_and_no_endpoint_are_told_with_what_to_do(
    anes: Callable[..., Result], server: S3Server, tmp_path: Path
) -> None:
    write_version(str(tmp_path / "data"), large=0, small=1)
    missing = anes("publish", REF, "s3://no-such-bucket-here/suite")
    assert (missing.exit_code, "there is no bucket no-such-bucket-here" in missing.stderr) == (2, True)
    nobody = {
        "AWS_ACCESS_KEY_ID": "",
        "AWS_SECRET_ACCESS_KEY": "",
        "AWS_SESSION_TOKEN": "",
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_SHARED_CREDENTIALS_FILE": str(tmp_path / "none"),
        "AWS_CONFIG_FILE": str(tmp_path / "none"),
    }
    anonymous = anes("publish", REF, target(server), **nobody)
    assert anonymous.exit_code == 2 and "there are no AWS credentials" in anonymous.stderr
    away = anes(
        "publish",
        REF,
        target(server),
        AWS_ENDPOINT_URL=f"http://u:{SECRET}@127.0.0.1:9",
        AWS_MAX_ATTEMPTS="1",
    )
    assert away.exit_code == 1 and "AWS_ENDPOINT_URL" in away.stderr
    typo = anes("publish", REF, target(server), AWS_ENDPOINT_URL=f"not a url {SECRET}")
    assert typo.exit_code == 2 and "http://HOST:PORT" in typo.stderr


def test_a_wrong_call_is_told_before_anything_is_asked(
    anes: Callable[..., Result], server: S3Server, tmp_path: Path
) -> None:
    write_version(str(tmp_path / "data"), large=0, small=1)
    for arguments, message in (
        ((REF, "gs://bucket/x"), "s3://BUCKET/PREFIX"),
        ((REF, f"s3://{SECRET}:x@bucket/x"), "no credentials in it"),
        (("bench", target(server)), "names no version"),
        (("bench@2026.12.09", target(server)), "there is no finished bench@2026.12.09"),
        (("bench@dev", target(server)), "--allow-dev"),
        ((REF, target(server), "--dry-run", "--abort"), "exclude each other"),
        ((REF, target(server), "--workers", "0"), "workers"),
    ):
        refused = anes("publish", *arguments)
        assert (refused.exit_code, message in refused.stderr) == (2, True), (arguments, refused.output)
    assert server.seen == []
    small = anes("publish", REF, target(server), "--part-size", "4")
    assert small.exit_code == 2 and "parts of 4 MiB are not possible" in small.stderr


def test_after_a_kill_the_same_command_sends_only_the_rest(server: S3Server, tmp_path: Path) -> None:
    store = write_version(str(tmp_path / "data"), large=16 * MIB)
    command = [sys.executable, "-m", "flows", "publish", REF, target(server), "--root", store.root]
    command += ["--part-size", "5", "--workers", "2"]
    reached, killed = threading.Event(), threading.Event()

    def hang(asked: Asked) -> str | None:
        if asked.kind == "part" and asked.part >= 3:
            reached.set()
            killed.wait(60)
            return "reset"
        return None

    server.behaviour = hang
    environment = os.environ | server.environment(AWS_SECRET_ACCESS_KEY=SECRET)
    process = subprocess.Popen(
        command, cwd=PROJECT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    try:
        assert reached.wait(60)
    finally:
        process.kill()
        output = process.communicate()[0].decode()
        killed.set()
    assert SECRET not in output
    first = server.done("put", "part")
    assert {asked.part for asked in first if asked.kind == "part"} <= {1, 2}
    assert "suite/bench/2026.12.01/manifest.json" not in server.listed()
    server.behaviour = faultless
    done = subprocess.run(command, cwd=PROJECT, env=environment, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert SECRET not in done.stdout + done.stderr
    sent = [asked for asked in server.done("put", "part") if ".publishing" not in asked.key]
    assert sorted(asked.part for asked in sent if asked.kind == "part") == [1, 2, 3, 4]
    version = "suite/bench/2026.12.01/"
    sizes = {asked.key: 0 for asked in sent}
    for asked in sent:
        sizes[asked.key] += asked.bytes
    files = store.files("bench/2026.12.01")
    assert sizes == {version + path: len(store.read_bytes(f"bench/2026.12.01/{path}")) for path in files}
