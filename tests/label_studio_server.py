"""A real Label Studio for tests: a process of its own on a free loopback port, with its own data folder.

    with LabelStudioServer(tmp_path) as server:
        key = server.sign_up("ann@example.org")

Where it is installed: see `executable`. It is started with telemetry off and legacy tokens allowed; the first
start makes a database, which takes a minute or more. `Answering` is no Label Studio at all.
"""

import os
import re
import secrets
import signal
import socket
import subprocess
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx2
import pytest

_SECONDS_TO_START = 300.0
_LEAD = "lead@example.org"
_QUIET = {
    "COLLECT_ANALYTICS": "false",
    "LATEST_VERSION_CHECK": "false",
    "SENTRY_DSN": "",
    "FRONTEND_SENTRY_DSN": "",
    "FEATURE_FLAGS_OFFLINE": "true",
}


def executable() -> Path:
    """``ANES_LABEL_STUDIO``, or where a virtual environment in the user's cache has it.

    Skips the test that asks where there is none; fails it if ``ANES_REQUIRE_LABEL_STUDIO`` is set.
    """
    default = Path.home() / ".cache" / "label-studio" / "venv" / "bin" / "label-studio"
    path = Path(os.environ.get("ANES_LABEL_STUDIO") or default)
    if not os.access(path, os.X_OK):
        told = (
            "there is no Label Studio: pip install label-studio==1.23.2 into an environment of its own, and"
        )
        told = f"{told} name its `label-studio` in ANES_LABEL_STUDIO"
        if os.environ.get("ANES_REQUIRE_LABEL_STUDIO"):
            pytest.fail(told)
        pytest.skip(told)
    return path


class LabelStudioServer:
    """A running server. ``legacy_key`` is the legacy token of its first user, who manages projects."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.legacy_key = secrets.token_hex(20)
        with socket.socket() as listener:
            listener.bind(("127.0.0.1", 0))
            self.port = listener.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> "LabelStudioServer":
        program = executable()
        self.folder.mkdir(parents=True, exist_ok=True)
        environment = {
            name: value for name, value in os.environ.items() if not name.startswith("LABEL_STUDIO")
        }
        environment |= _QUIET | {
            "LABEL_STUDIO_BASE_DATA_DIR": str(self.folder),
            "LABEL_STUDIO_ENABLE_LEGACY_API_TOKEN": "true",
            "DJANGO_DB": "sqlite",
            "HOME": str(self.folder),
        }
        called = [str(program), "start", "--port", str(self.port), "--internal-host", "127.0.0.1"]
        called += ["--no-browser", "--username", _LEAD, "--password", secrets.token_hex(12)]
        called += ["--user-token", self.legacy_key]
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                called,
                env=environment,
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        try:
            self._wait()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        """End the server and all that it started."""
        process, self._process = self._process, None
        if process is None:
            return
        for sent in (signal.SIGTERM, signal.SIGKILL):
            try:
                os.killpg(process.pid, sent)
            except ProcessLookupError:
                break
            try:
                process.wait(15)
            except subprocess.TimeoutExpired:
                continue
        process.wait()

    def sign_up(self, email: str) -> str:
        """A new member of the organization, by the form behind the invitation; returns a personal key."""
        asked = {"Authorization": f"Token {self.legacy_key}"}
        invitation = httpx2.get(f"{self.url}/api/invite", headers=asked, timeout=60).json()["invite_url"]
        with httpx2.Client(base_url=self.url, timeout=60, follow_redirects=True) as browser:
            page = browser.get(invitation).text
            found = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page)
            assert found is not None, "the sign-up page has no form"
            form = {"csrfmiddlewaretoken": found[1], "email": email, "password": secrets.token_hex(12)}
            signed = browser.post(invitation, data=form, headers={"Referer": self.url})
            assert signed.status_code == 200, signed.status_code
            token = browser.cookies.get("csrftoken") or ""
            made = browser.post("/api/token/", headers={"X-CSRFToken": token, "Referer": self.url})
            assert made.status_code == 201, made.text
            return made.json()["token"]

    @property
    def _log(self) -> Path:
        return self.folder / "label-studio.log"

    def _wait(self) -> None:
        assert self._process is not None
        deadline = time.monotonic() + _SECONDS_TO_START
        while time.monotonic() < deadline:
            if self._process.poll() is not None:
                break
            try:
                if httpx2.get(f"{self.url}/health", timeout=5).status_code == 200:
                    return
            except httpx2.HTTPError:
                pass
            time.sleep(0.5)
        said = self._log.read_text(errors="replace").replace(self.legacy_key, "***")[-2000:]
        raise RuntimeError(f"Label Studio did not start: {said}")


class Answering:
    """An HTTP server that gives every request one answer, and keeps what was asked: method, path, key.

    ``{key}`` in ``body`` becomes the key that was sent.
    """

    def __init__(self, status: int, body: bytes, location: str = "") -> None:
        asked: list[tuple[str, str, str]] = []

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                key = self.headers.get("Authorization", "")
                asked.append((self.command, self.path, key))
                said = body.replace(b"{key}", key.encode())
                self.send_response(status)
                self.send_header("Content-Length", str(len(said)))
                if location:
                    self.send_header("Location", location)
                self.end_headers()
                self.wfile.write(said)

            do_POST = do_GET  # noqa: N815

            def log_message(self, format: str, *args: Any) -> None:
                return

        self.asked = asked
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> "Answering":
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
