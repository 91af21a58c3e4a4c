"""The log of a run in the flow UI: what the logger ``anes`` says, without secrets, and faults in our words.

Prefect sends the API only what its own run loggers say. Its setting for further loggers is an environment
variable that everybody would have to set, so the handler is added here, once a process.
"""

import logging
import os
import re
from typing import Any

from prefect.context import FlowRunContext, TaskRunContext
from prefect.logging.handlers import APILogHandler

from anessuite.errors import AnesError

log = logging.getLogger("anes")
ui_log = logging.getLogger("anes.ui")
"""For lines that a terminal shows in another way: they reach the flow UI and nothing else."""

_SECRET_NAME = re.compile(r"KEY|TOKEN|SECRET|PASSWORD|PASSWD|AUTH|CREDENTIAL", re.IGNORECASE)
_IN_URL = re.compile(
    r"(?<=://)[^/\s@]+(?=@)|(?<=[?&])((?:[\w-]*(?:token|key|secret|signature|password)|sig)=)[^&\s]+", re.I
)
_SHORTEST_SECRET = 6
"""Shorter values would blot out ordinary words."""


def redacted(text: str) -> str:
    """``text`` without the values of environment variables named like secrets, nor credentials in URLs."""
    for name, value in os.environ.items():
        if _SECRET_NAME.search(name) and len(value) >= _SHORTEST_SECRET:
            text = text.replace(value, "***")
    return _IN_URL.sub(lambda found: f"{found[1] or ''}***", text)


def log_to_ui() -> None:
    """Send what ``anes`` says inside runs to the flow UI, from now on; the terminal shows what it showed."""
    if any(isinstance(handler, _RunLog) for handler in log.handlers):
        return
    handler = _RunLog()
    handler.setFormatter(_Redacting("%(message)s"))
    log.addHandler(handler)
    if log.getEffectiveLevel() > logging.INFO:
        log.setLevel(logging.INFO)
    ui_log.addHandler(handler)
    ui_log.propagate = False
    for name in ("prefect.task_runs", "prefect.flow_runs"):
        logging.getLogger(name).addFilter(_in_our_words)


class _RunLog(APILogHandler):
    """Records of a run go to its page; what is said outside of any run does not."""

    def emit(self, record: logging.LogRecord) -> None:
        if TaskRunContext.get() is not None or FlowRunContext.get() is not None:
            super().emit(record)


class _Redacting(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        return redacted(super().format(record))


def _in_our_words(record: logging.LogRecord) -> bool:
    """A filter: an error that explains itself is shown by its text; a defect keeps its traceback. The flow's
    own line on it goes: `tasks.follow` has said more."""
    error: Any = record.exc_info[1] if record.exc_info else None
    if isinstance(error, AnesError):
        record.msg, record.args, record.exc_info = redacted(str(error)), (), None
        return record.name != "prefect.flow_runs"
    return True
