"""A Prefect server of a command's own, where none is set.

Prefect would start one too, in the process group of the command: Ctrl-C at a terminal then ends both, and
the flow tries for minutes to tell a server that is gone that it was stopped. This one has a session to
itself, ends with the command however that ends, and starts while the command imports what it needs.
"""

import atexit
import http.client
import os
import re
import socket
import subprocess
import sys
import tempfile
from contextlib import suppress
from typing import ClassVar, Self

from anessuite.errors import AnesError
from anessuite.guard import GRACE_SECONDS, end, guarded

_API_URL = "PREFECT_API_URL"
_STARTUP = "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS"
_STARTUP_SECONDS = "120"
"""Unless the environment says otherwise. Prefect's own 20 are too few on a busy machine."""
_COMMAND = ["uvicorn", "--factory", "prefect.server.api.server:create_app", "--log-level", "error", "--fd"]
_EXCEPTION = re.compile(r"^[\w.]+(?:Error|Exception): .+", re.MULTILINE)
"""The last line of a traceback."""
_OF_ITS_OWN = {
    "PREFECT_UI_ENABLED": "0",
    "PREFECT__SERVER_EPHEMERAL": "1",
    "PREFECT__SERVER_FINAL": "1",
    "PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL": "ERROR",  # whatever the command shows of its own log
}
"""The first three as Prefect sets them for a temporary server."""


class OwnServer:
    """One server process; `begin` returns at once, `use` waits until it answers."""

    used: ClassVar[str | None] = None
    """The address of the one that this process uses."""

    def __init__(self) -> None:
        self._said = tempfile.TemporaryFile()  # noqa: SIM115 - as long as the process
        with socket.create_server(("127.0.0.1", 0)) as listening:
            self.port = int(listening.getsockname()[1])
            descriptor = listening.fileno()
            self._process = guarded(
                [sys.executable, "-m", *_COMMAND, str(descriptor)],
                self._said,
                env=os.environ | _OF_ITS_OWN,
                descriptors=[descriptor],
            )
        atexit.register(self.stop)

    @classmethod
    def begin(cls) -> Self | None:
        """None where the environment names a server."""
        return None if os.environ.get(_API_URL) else cls()

    def use(self) -> None:
        """Make it the server of this process, unless Prefect's settings name another or want none.

        Raises AnesError if it does not come up.
        """
        from prefect.context import refresh_global_settings_context
        from prefect.settings import PREFECT_API_URL, PREFECT_SERVER_EPHEMERAL_ENABLED

        if PREFECT_API_URL.value() or not PREFECT_SERVER_EPHEMERAL_ENABLED.value():
            self.stop()
            return
        self._wait()
        os.environ[_API_URL] = OwnServer.used = f"http://127.0.0.1:{self.port}/api"
        refresh_global_settings_context()

    def stop(self) -> None:
        """End its process."""
        end(self._process)

    def _wait(self) -> None:
        """Connections wait in the socket until the server takes them, so one request is enough."""
        seconds = float(os.environ.get(_STARTUP, _STARTUP_SECONDS))
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=seconds)
        try:
            connection.request("GET", "/api/health")
            status = connection.getresponse().status
        except TimeoutError:
            raise self._failed(f"no answer within {seconds:g} s") from None
        except (OSError, http.client.HTTPException) as error:
            raise self._failed(self._last_words() or str(error)) from None
        finally:
            connection.close()
        if status != 200:
            raise self._failed(f"its state is {status}")

    def _last_words(self) -> str | None:
        """The last error that it names, or its last line, once it has ended."""
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(GRACE_SECONDS)
        self._said.seek(0)
        said = self._said.read().decode(errors="replace").strip()
        return next(iter(_EXCEPTION.findall(said)[-1:] or said.splitlines()[-1:]), None)

    def _failed(self, why: str) -> AnesError:
        self.stop()
        return AnesError(
            f"Prefect's temporary server did not come up: {why}",
            "make ui starts one that stays, and says more; the same command continues",
        )
