"""Versions to publish, and a faulty S3 server to publish them to."""

from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace

import boto3
import botocore.loaders
import botocore.session
import pytest
from botocore.retries.standard import ExponentialBackoff

from anessuite.publishing import objects
from anessuite.storage import Store
from anessuite.verification import verify
from anessuite.versions import DatasetRef
from tests.anessuite.publishing.versions import REF, local_files, published_files, write_version
from tests.s3_server import S3Server, faultless

Make = Callable[..., Store]


@pytest.fixture(autouse=True)
def _short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """boto3's pauses between attempts, which grow to seconds, are cut to a hundredth."""
    pause = ExponentialBackoff.delay_amount
    monkeypatch.setattr(ExponentialBackoff, "delay_amount", lambda self, context: pause(self, context) / 100)


_LOADER = botocore.loaders.create_loader()


@pytest.fixture(autouse=True)
def _models_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each session of boto3 reads its models of S3 anew, a quarter of a second: here all share them."""

    def session() -> boto3.Session:
        core = botocore.session.Session()
        core.register_component("data_loader", _LOADER)
        return boto3.Session(botocore_session=core)

    monkeypatch.setattr(objects, "boto3", SimpleNamespace(Session=session))


@pytest.fixture
def make(tmp_path: Path) -> Make:
    """``write_version`` below the test's folder, ``name`` its root."""

    def made(name: str = "data", ref: DatasetRef = REF, **more: int) -> Store:
        return write_version(str(tmp_path / name), ref, **more)

    return made


@pytest.fixture
def serve(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., S3Server]]:
    """Start a server and set the environment of its users."""
    import s3fs

    started: list[S3Server] = []

    def start(*arguments: object, **more: object) -> S3Server:
        server = S3Server(*arguments, **more)  # type: ignore[arg-type]
        started.append(server.__enter__())
        for name, value in server.environment().items():
            monkeypatch.setenv(name, value)
        monkeypatch.delenv("AWS_PROFILE", raising=False)
        s3fs.S3FileSystem.clear_instance_cache()
        return server

    yield start
    for server in started:
        server.__exit__()
    s3fs.S3FileSystem.clear_instance_cache()


@pytest.fixture
def server(serve: Callable[..., S3Server]) -> S3Server:
    """A server without faults."""
    return serve()


@pytest.fixture
def arrived() -> Callable[[S3Server, Store], None]:
    """Assert that a version is in the bucket, file by file, and that ``anes verify`` finds it whole."""

    def compare(server: S3Server, store: Store, ref: DatasetRef = REF) -> None:
        server.behaviour = faultless
        assert published_files(server, ref) == local_files(store, ref)
        remote = Store(f"s3://{server.bucket}/suite")
        assert remote.refs() == [ref]
        assert verify(remote, ref) == []

    return compare
