"""The process from which workers are forked. It imports what they need while the caller is still busy."""

from multiprocessing import forkserver

_MODULES = ["tasks.curate", "tasks.deduplicate", "tasks.warm"]


def prepare_workers() -> None:
    """Start that process unless it runs; returns at once. Its environment is that of this moment.

    Workers begin in milliseconds then, instead of importing polars, pyarrow and Prefect each.
    """
    forkserver.set_forkserver_preload(_MODULES)
    forkserver.ensure_running()
