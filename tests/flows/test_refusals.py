"""What the machine or the Prefect server refuses is said in words, without a traceback."""

import errno
import os

import httpx
import pytest
import typer

from flows.commands.output import errors_explained
from flows.commands.own_server import OwnServer
from flows.commands.refusals import explained


def caused(by: BaseException) -> Exception:
    try:
        try:
            raise by
        except BaseException as error:
            raise RuntimeError("a library gave up") from error
    except RuntimeError as error:
        return error


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (errno.ENOSPC, "the disk is full: data/a.parquet"),
        (errno.EROFS, "the disk is read-only: data/a.parquet"),
        (errno.EACCES, "permission denied: data/a.parquet"),
    ],
)
def test_a_disk_that_refuses_is_named_with_what_to_do(number: int, words: str) -> None:
    refused = OSError(number, os.strerror(number), "data/a.parquet")
    for error in (refused, caused(refused)):
        said = explained(error)
        assert said is not None and said.what == words
        assert said.hint.endswith("then the same command continues")


@pytest.mark.parametrize(
    "error",
    [
        httpx.ConnectError("All connection attempts failed"),
        caused(httpx.ReadTimeout("")),
        RuntimeError("Failed to reach API at http://127.0.0.1:4200/api/"),
    ],
)
def test_a_prefect_server_that_is_gone_is_named(error: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PREFECT_API_URL", "http://127.0.0.1:4200/api")
    said = explained(error)
    assert said is not None
    assert said.what == "the Prefect server at http://127.0.0.1:4200/api does not answer"
    assert "make ui" in said.hint and "continues" in said.hint


def test_a_temporary_server_that_is_gone_is_not_said_to_be_the_users(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PREFECT_API_URL", "http://127.0.0.1:4321/api")
    monkeypatch.setattr(OwnServer, "used", "http://127.0.0.1:4321/api")
    said = explained(httpx.ConnectError("All connection attempts failed"))
    assert said is not None and said.what == "Prefect's temporary server ended"
    assert "continues" in said.hint


def test_an_error_of_the_program_is_not_explained_away() -> None:
    for error in (KeyError("column"), FileNotFoundError(errno.ENOENT, "no such file", "x"), ValueError("x")):
        assert explained(error) is None


def test_a_command_prints_the_words_and_ends_with_one(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(typer.Exit) as ended, errors_explained():
        raise OSError(errno.ENOSPC, "No space left on device", "data/a.parquet")
    assert ended.value.exit_code == 1
    assert capsys.readouterr().err.startswith("error: the disk is full: data/a.parquet\n  free space")
    with pytest.raises(KeyError), errors_explained():
        raise KeyError("column")
