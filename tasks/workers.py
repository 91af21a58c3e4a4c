"""The process from which workers are forked. It imports what they need while the caller is still busy.

But no polars, nor a module of ours that needs it: its helper threads do not survive the fork, and a worker
that hands one of them work would wait for ever. Each worker imports it anew, in a third of a second.

There is one such process for each of ours: whoever starts it first says what it imports.
"""

from multiprocessing import forkserver

_MODULES = [
    "prefect",
    "datatrove.io",
    "datatrove.pipeline.dedup",
    "hyperscan",
    "jsonschema",
    "lxml.etree",
    "pyarrow.parquet",
    "scipy.stats",
    "tasks.warm",
]


def prepare_workers() -> None:
    """Start that process unless it runs; returns at once. Its environment is that of this moment.

    Workers need not import pyarrow, Prefect and datatrove each then, nor load the compiled code.
    """
    forkserver.set_forkserver_preload(_MODULES)
    forkserver.ensure_running()
