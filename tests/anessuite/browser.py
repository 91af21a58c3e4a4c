"""A page in headless Chromium, driven by its DevTools protocol over a WebSocket."""

import base64
import itertools
import json
import shutil
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

_WAIT_S = 60.0


class Page:
    """One tab. Requests that the page makes, and what it says on the console, are kept."""

    def __init__(self, socket: Any) -> None:
        self._socket = socket
        self._numbers = itertools.count(1)
        self.requests: list[str] = []
        self.messages: list[str] = []
        for domain in ("Page", "Network", "Runtime", "Log"):
            self.call(f"{domain}.enable")

    def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        number = next(self._numbers)
        self._socket.send(json.dumps({"id": number, "method": method, "params": parameters}))
        while True:
            message = json.loads(self._socket.recv(timeout=_WAIT_S))
            if message.get("id") == number:
                assert "error" not in message, message["error"]
                return message["result"]
            self._keep(message)

    def _keep(self, message: dict[str, Any]) -> None:
        content = message.get("params", {})
        if message["method"] == "Network.requestWillBeSent":
            self.requests.append(content["request"]["url"])
        elif message["method"] == "Log.entryAdded":
            self.messages.append(content["entry"]["text"])
        elif message["method"] == "Runtime.exceptionThrown":
            self.messages.append(json.dumps(content["exceptionDetails"]))
        elif message["method"] == "Page.javascriptDialogOpening":
            self.messages.append(f"dialog: {content['message']}")

    def open(self, url: str) -> None:
        self.call("Page.navigate", url=url)
        self.wait("document.readyState === 'complete' && document.body?.dataset.shown !== undefined")

    def value(self, expression: str) -> Any:
        """What a JavaScript expression gives, promises awaited."""
        found = self.call("Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True)
        assert "exceptionDetails" not in found, found["exceptionDetails"]
        return found["result"].get("value")

    def wait(self, condition: str) -> None:
        end = time.monotonic() + _WAIT_S
        while not self.value(f"Boolean({condition})"):
            assert time.monotonic() < end, f"never true: {condition}"
            time.sleep(0.01)

    def go(self, hash_: str) -> None:
        """To a view of the page, shown whole."""
        self.value(f"void (location.hash = {json.dumps(hash_)})")
        self.wait(f"document.body.dataset.shown === location.hash && location.hash === {json.dumps(hash_)}")

    def screenshot(self, path: Path, *, width: int, height: int, dark: bool = False) -> None:
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.call("Emulation.setEmulatedMedia", features=[scheme])
        self.call(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=False,
        )
        path.write_bytes(base64.b64decode(self.call("Page.captureScreenshot")["data"]))


@contextmanager
def browser(profile: Path) -> Iterator[Page]:
    """A fresh Chromium with one empty tab; the test is skipped where there is none."""
    program = shutil.which("chromium")
    if not program:
        pytest.skip("there is no chromium on the PATH")
    client = pytest.importorskip("websockets.sync.client", reason="there are no websockets to drive chromium")
    flags = ("--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--remote-debugging-port=0")
    command = [program, *flags, f"--user-data-dir={profile}", "about:blank"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        with client.connect(_address(process, profile), max_size=None, proxy=None) as socket:
            yield Page(socket)
    finally:
        process.terminate()
        with suppress(subprocess.TimeoutExpired):
            process.wait(timeout=10)
        process.kill()
        process.wait()


def _address(process: "subprocess.Popen[bytes]", profile: Path) -> str:
    """Of the tab's socket; Chromium writes its port into a file once it listens."""
    port = profile / "DevToolsActivePort"
    end = time.monotonic() + _WAIT_S
    while not (port.exists() and "\n" in port.read_text()):
        assert process.poll() is None, "chromium ended at its start"
        assert time.monotonic() < end, "chromium does not listen"
        time.sleep(0.02)
    number = port.read_text().splitlines()[0]
    with urllib.request.urlopen(f"http://127.0.0.1:{number}/json", timeout=_WAIT_S) as reply:
        tabs = json.load(reply)
    return next(tab["webSocketDebuggerUrl"] for tab in tabs if tab["type"] == "page")
