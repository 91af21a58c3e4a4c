import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

settings.register_profile("project", deadline=None)  # a test asserts no time
settings.load_profile("project")
ROOT = Path(__file__).parent.parent
LONGEST = ("flows", "tasks")
"""Folders whose files take longest: begun last, one of them would keep a single worker busy at the end."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=_turn)


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
def _s3_server() -> Iterator[str]:
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
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
