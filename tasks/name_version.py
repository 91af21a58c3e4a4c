"""Which version a run builds: the one that is named, or ``today``, the date of the run."""

from datetime import UTC, datetime

from prefect.context import FlowRunContext

from anessuite.reuse import free_version
from anessuite.storage import Store
from anessuite.versions import TODAY, DatasetRef


def ref_of_run(store: Store, name: str, version: str) -> DatasetRef:
    """``name@version``. ``today`` is the day (UTC) for which this run was scheduled, or else was asked for.

    That day stays when the run is retried later, so that it continues what it began. If the day's version is
    finished, the first ``.N`` that is not. Raises ConfigError for any other word that is no version.
    """
    return free_version(store, name, _day()) if version == TODAY else DatasetRef(name, version)


def run_name() -> str:
    """How a run is called in the flow UI: ``corpus@2026.12.01``."""
    context = FlowRunContext.get()
    flow = context.flow.name if context and context.flow else "build"
    version = str(((context and context.parameters) or {}).get("version", "dev"))
    return f"{flow}@{_day() if version == TODAY else version}"


def _day() -> str:
    context = FlowRunContext.get()
    due = context.flow_run.expected_start_time if context and context.flow_run else None
    return (due or datetime.now(UTC)).astimezone(UTC).strftime("%Y.%m.%d")
