import gc
import os
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
from hypothesis import settings

gc.disable()  # until all is imported: it would find nothing, again and again
settings.register_profile("project", deadline=None)  # a test asserts no time
settings.load_profile("project")
ROOT = Path(__file__).parent.parent
LONGEST = ("flows", "chaos", "tasks")
"""Folders whose files take longest: begun last, one of them would keep a single worker busy at the end."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=_turn)


def pytest_collection_finish() -> None:
    gc.collect()
    gc.freeze()  # so that no collection in a test looks through all that was imported
    gc.enable()


def _turn(item: pytest.Item) -> int:
    folder = item.path.relative_to(ROOT / "tests").parts[0]
    return LONGEST.index(folder) if folder in LONGEST else len(LONGEST)


@pytest.fixture
def shared_data() -> Path:
    """Real data beside the project; tests that need it are skipped where it is absent, unless it is
    required."""
    folder = ROOT.parent / "shared" / "data"
    if not folder.is_dir():
        if os.environ.get("ANES_REQUIRE_SHARED_DATA") == "1":
            pytest.fail("ANES_REQUIRE_SHARED_DATA=1, but there is no ../shared/data")
        pytest.skip("there is no ../shared/data beside the project")
    return folder


@pytest.fixture(scope="session")
def prefect_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the first Prefect server leaves its empty database, for those of all workers of a session."""
    own = tmp_path_factory.getbasetemp()
    return (own.parent if "PYTEST_XDIST_WORKER" in os.environ else own) / "prefect-template.db"


@pytest.fixture(scope="session")
def _s3_server() -> Iterator[str]:
    from botocore.loaders import create_loader
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    with pytest.MonkeyPatch.context() as patch:  # else each session reads its models of S3 anew, for 0.25 s
        patch.setattr("botocore.session.create_loader", cache(create_loader))
        yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def s3_root(_s3_server: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A URL below a fresh bucket of a real S3-protocol server on a loopback port."""
    import s3fs

    for name, value in {
        "AWS_ENDPOINT_URL": _s3_server,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "us-east-1",
    }.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("AWS_PROFILE", raising=False)
    s3fs.S3FileSystem.clear_instance_cache()
    fs = s3fs.S3FileSystem()
    fs.mkdir("suite")
    yield "s3://suite/data"
    fs.rm("suite", recursive=True)
    s3fs.S3FileSystem.clear_instance_cache()


@pytest.fixture(params=["local", "s3"])
def any_root(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Each test that takes it runs on a folder and on S3."""
    return str(tmp_path / "data") if request.param == "local" else request.getfixturevalue("s3_root")
