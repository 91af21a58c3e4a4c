import asyncio
from collections.abc import Awaitable, Callable

import pytest

from anessuite.llm.endpoints import Endpoint, EndpointsDead, Pool, back_off


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


def pool(*urls: str, patience: float = 100.0) -> tuple[Pool, Clock]:
    clock = Clock()
    return Pool(urls or ("a", "b"), patience=patience, clock=clock), clock


def ran(test: Callable[[], Awaitable[None]]) -> Callable[[], None]:
    """The test in an event loop of its own."""

    def run() -> None:
        asyncio.run(_within(test))

    run.__name__ = test.__name__
    return run


async def _within(test: Callable[[], Awaitable[None]]) -> None:
    await asyncio.wait_for(test(), 10)


async def lends(pool: Pool, *, structured: bool = False, avoid: Endpoint | None = None) -> str | None:
    """Which endpoint it lends now; None if it makes one wait."""
    try:
        async with asyncio.timeout(0.03), pool.lend(structured=structured, avoid=avoid) as endpoint:
            return endpoint.url
    except TimeoutError:
        return None


async def hold(pool: Pool, count: int) -> list[asyncio.Task[None]]:
    """So many requests in flight; cancel them to end them."""

    async def one() -> None:
        async with pool.lend():
            await asyncio.sleep(3600)

    tasks = [asyncio.create_task(one()) for _ in range(count)]
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    return tasks


@ran
async def test_the_least_busy_endpoint_is_lent() -> None:
    there, _ = pool("a", "b", "c")
    await hold(there, 8)
    assert sorted(endpoint.in_flight for endpoint in there.endpoints) == [2, 3, 3]
    least = min(there.endpoints, key=lambda endpoint: endpoint.in_flight)
    assert await lends(there) == least.url


@ran
async def test_a_request_that_failed_goes_to_another_endpoint_if_one_is_ready() -> None:
    there, _ = pool("a", "b")
    a, b = there.endpoints
    await hold(there, 0)
    assert await lends(there, avoid=a) == "b"
    b.rests_until = there._clock() + 5
    assert await lends(there, avoid=a) == "a"


@ran
async def test_a_failing_endpoint_rests_longer_each_time_and_comes_back() -> None:
    there, clock = pool("a")
    (a,) = there.endpoints
    rests = []
    for _ in range(6):
        assert await lends(there) == "a"
        there.failed(a, "500")
        rests.append(a.rests_until - clock.now)
        assert await lends(there) is None
        clock.now = a.rests_until
    assert rests == sorted(rests)
    assert 0.25 <= rests[0] <= 0.5
    assert 8 <= rests[-1] <= 16
    there.succeeded(a)
    assert (a.failures, a.rests_until) == (0, 0)


@ran
async def test_failures_of_one_moment_count_once() -> None:
    there, clock = pool("a")
    (a,) = there.endpoints
    for _ in range(256):
        there.failed(a, "500")
    assert a.failures == 1
    assert a.rests_until - clock.now <= 0.5


@ran
async def test_a_failing_endpoint_is_tried_with_one_request_alone_until_it_answers() -> None:
    there, clock = pool("a")
    (a,) = there.endpoints
    old = await hold(there, 3)
    there.failed(a, "500")
    clock.now = a.rests_until
    probe = await hold(there, 1)  # the old ones, which may take long, do not keep it from being tried
    assert a.in_flight == 4
    assert await lends(there) is None
    there.succeeded(a)
    assert await lends(there) == "a"
    for task in (*old, *probe):
        task.cancel()
    await asyncio.gather(*old, *probe, return_exceptions=True)
    assert (a.in_flight, a.probes) == (0, 0)


@ran
async def test_a_success_wakes_those_that_wait_for_a_failing_endpoint() -> None:
    there, _ = pool("a")
    (a,) = there.endpoints
    there.failed(a, "500")
    waiting = await hold(there, 5)
    assert a.in_flight == 0
    there.succeeded(a)
    await asyncio.sleep(0.01)
    assert a.in_flight == 5
    for task in waiting:
        task.cancel()


@ran
async def test_a_pause_that_the_server_asked_for_is_kept_even_if_it_answers_others_meanwhile() -> None:
    there, clock = pool("a")
    (a,) = there.endpoints
    there.failed(a, "500")
    there.overloaded(a, 30.0, "429")
    there.succeeded(a)
    clock.now += 29.9
    assert await lends(there) is None
    clock.now += 0.2
    assert await lends(there) == "a"


@ran
async def test_an_overloaded_endpoint_gets_half_as_many_at_once_and_an_eighth_more_with_each_round() -> None:
    there, clock = pool("a")
    (a,) = there.endpoints
    tasks = await hold(there, 64)
    for _ in range(64):
        there.overloaded(a, 1.0, "429")  # all of one moment
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    clock.now += 1.1
    await hold(there, 64)
    assert a.in_flight == 32
    for _ in range(32):
        there.succeeded(a)
    await asyncio.sleep(1.1)
    assert a.in_flight == 36


@ran
async def test_a_narrow_endpoint_widens_by_one_a_round() -> None:
    there, _ = pool("a")
    (a,) = there.endpoints
    there.overloaded(a, 1.0, "429")
    widths = []
    for _ in range(8):
        widths.append(int(a.width or 0))
        there.succeeded(a)
    assert widths == [1, 2, 2, 2, 3, 3, 3, 4]


@ran
async def test_the_pause_grows_where_the_server_says_none_or_one_that_proves_too_short() -> None:
    for said, least in ((None, 0.25), (0.0, 0.0), (0.01, 0.01)):
        there, clock = pool("a")
        (a,) = there.endpoints
        pauses = []
        for _ in range(9):
            there.overloaded(a, said, "429")
            pauses.append(a.pauses_until - clock.now)
            clock.now = a.pauses_until
        assert least * 0.99 <= pauses[0] <= max(least, 0.5)
        assert pauses[:5] == sorted(pauses[:5])
        assert 4 <= pauses[6] <= 16
        there.succeeded(a)
        there.overloaded(a, said, "429")
        assert a.pauses_until - clock.now <= max(least, 0.5)


@ran
async def test_dead_is_when_none_has_answered_for_the_patience_since_the_trouble_began() -> None:
    there, clock = pool("a", "b", patience=100)
    a, b = there.endpoints
    clock.now += 5_000  # a long request, or a low rate: no trouble
    there.failed(a, "refused")
    there.failed(b, "500")
    clock.now += 99
    assert await lends(there) is not None
    clock.now += 2
    with pytest.raises(EndpointsDead) as caught:
        await lends(there)
    assert "no endpoint has answered for 101 s" in caught.value.what
    assert "a: refused" in caught.value.what
    assert "b: 500" in caught.value.what


@ran
async def test_it_is_not_dead_while_an_endpoint_had_no_trouble_or_only_just_has() -> None:
    there, clock = pool("a", "b", patience=100)
    a, b = there.endpoints
    there.failed(a, "refused")
    clock.now += 1_000  # b works on long requests
    assert await lends(there, avoid=a) == "b"
    there.failed(b, "500")
    clock.now += 99
    assert await lends(there) is not None
    clock.now += 2
    with pytest.raises(EndpointsDead, match="for 101 s"):
        await lends(there)


@ran
async def test_it_is_not_dead_while_a_long_request_is_in_flight() -> None:
    there, clock = pool("a", patience=100)
    (a,) = there.endpoints
    long = await hold(there, 1)
    there.failed(a, "500")
    clock.now += 5_000
    assert await lends(there) == "a"
    long[0].cancel()
    await asyncio.gather(*long, return_exceptions=True)
    with pytest.raises(EndpointsDead):
        await lends(there)


@ran
async def test_the_patience_begins_after_the_longest_pause_that_was_asked_for() -> None:
    there, clock = pool("a", patience=10)
    (a,) = there.endpoints
    there.overloaded(a, 60.0, "429")
    clock.now += 69
    assert await lends(there) == "a"
    there.overloaded(a, 1.0, "429")
    clock.now += 2
    with pytest.raises(EndpointsDead, match="429"):
        await lends(there)


@ran
async def test_while_one_request_finds_out_what_an_endpoint_knows_other_structured_ones_wait() -> None:
    there, _ = pool("a")
    (a,) = there.endpoints
    async with there.lend(structured=True):
        a.finding = True
        assert await lends(there, structured=True) is None
        assert await lends(there) == "a"
        a.structure, a.finding = "json_object", False
        assert await lends(there, structured=True) == "a"


@ran
async def test_waiting_leaves_nothing_behind() -> None:
    there, _ = pool("a")
    there.failed(there.endpoints[0], "500")
    for _ in range(20):
        await lends(there)
    assert not there._waiters


def test_back_off_doubles_to_a_minute_and_is_spread() -> None:
    spans = [[back_off(failures) for _ in range(200)] for failures in range(20)]
    for failures, found in enumerate(spans):
        longest = min(60.0, 0.5 * 2**failures)
        assert longest / 2 <= min(found) < max(found) <= longest
