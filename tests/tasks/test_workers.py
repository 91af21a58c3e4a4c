import sys
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import tasks.workers
from tasks.workers import prepare_workers


def _loaded() -> set[str]:
    """Runs in a worker."""
    return set(sys.modules)


def test_workers_begin_with_what_is_slow_to_import_and_without_polars() -> None:
    prepare_workers()
    with ProcessPoolExecutor(1, get_context("forkserver")) as pool:
        loaded = pool.submit(_loaded).result()
    assert loaded >= set(tasks.workers._MODULES)
    assert "polars" not in loaded
