"""Pictures in the flow UI may fail; builds may not wait for them."""

import socket
from collections.abc import Iterator

import httpx
import pytest
from prefect.client.orchestration import get_client
from prefect.settings import PREFECT_API_URL, temporary_settings

from tasks import progress_artifacts
from tasks.progress_artifacts import quietly


@pytest.fixture(autouse=True)
def not_silent() -> Iterator[None]:
    progress_artifacts._silence.until = 0.0
    yield
    progress_artifacts._silence.until = 0.0


def test_a_picture_for_a_server_that_is_gone_holds_nothing_up_and_the_next_ones_are_not_tried(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    slept: list[float] = []
    monkeypatch.setattr("prefect.client.base.time.sleep", slept.append)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        gone = f"http://127.0.0.1:{probe.getsockname()[1]}/api"
    acts = 0

    def draw() -> None:
        nonlocal acts
        acts += 1
        with get_client(sync_client=True) as client:
            client.read_flows()

    with temporary_settings({PREFECT_API_URL: gone}):
        quietly(draw)
        assert acts == 1
        assert sum(slept) < 10, "the client of Prefect waits for a minute by itself"
        quietly(draw)
    assert acts == 1


def test_a_picture_that_the_server_refuses_keeps_no_other_from_being_drawn() -> None:
    drawn: list[int] = []

    def refused() -> None:
        raise httpx.HTTPStatusError(
            "422", request=httpx.Request("POST", "http://a"), response=httpx.Response(422)
        )

    quietly(refused)
    quietly(lambda: drawn.append(1))
    assert drawn == [1]
