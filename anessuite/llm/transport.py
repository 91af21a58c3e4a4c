"""One request to one endpoint, on the ``openai`` library; what the server says becomes an outcome of ours."""

import asyncio
import email.utils
import time
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import httpx2
import openai
import orjson
from pydantic import SecretStr

from anessuite.errors import AnesError
from anessuite.llm.replies import Completion, NotACompletion, read_reply

_CONNECT_SECONDS = 10.0
_MOST_DETAIL = 500
FATAL = {401: "does not accept the key", 403: "refuses access", 404: "has no such model or address"}


class ModelRefused(AnesError):
    """The server refuses all requests alike: key, rights or model are wrong. Trying again is of no use."""


class Rejected(Exception):
    """The server refuses this one request (400, 413, 422): a verdict on its row."""


class Overloaded(Exception):
    """The server asks for a pause (429, 503 with Retry-After); ``seconds`` is None where it does not say."""

    def __init__(self, what: str, kind: str, seconds: float | None) -> None:
        super().__init__(what)
        self.kind, self.seconds = kind, seconds


class Failed(Exception):
    """The server did not answer, or not with a completion; another try may help."""

    def __init__(self, what: str, kind: str) -> None:
        super().__init__(what)
        self.kind = kind


class Transport:
    """The connections to one endpoint. Nothing is retried here: that is decided over all endpoints."""

    def __init__(self, url: str, *, key: SecretStr | None, timeout: float, connections: int) -> None:
        self.url = url
        self._secret = None if key is None else key.get_secret_value()
        self._timeout = timeout
        self._client = openai.AsyncOpenAI(
            base_url=url,
            api_key=self._secret or "none",
            max_retries=0,
            timeout=httpx2.Timeout(timeout, connect=_CONNECT_SECONDS),
            http_client=openai.DefaultAioHttpClient(
                limits=httpx2.Limits(max_connections=connections, max_keepalive_connections=connections),
                follow_redirects=False,
            ),
        )

    async def close(self) -> None:
        await self._client.close()

    async def complete(self, body: bytes) -> Completion:
        """Post to ``/chat/completions``. Raises ModelRefused, Rejected, Overloaded or Failed."""
        response = await self._guarded(
            self._client.post(
                "/chat/completions",
                cast_to=httpx2.Response,
                content=body,
                options={"headers": {"Content-Type": "application/json"}},
            )
        )
        try:
            return read_reply(response.content)
        except NotACompletion as error:
            raise Failed(f"no completion in the reply: {error}", "not_a_completion") from None

    async def models(self) -> list[str] | None:
        """The models that the server lists, or None if it keeps no list. Raises as :meth:`complete`."""
        try:
            response = await self._guarded(self._client.get("/models", cast_to=httpx2.Response))
        except (Rejected, ModelRefused) as error:
            if isinstance(error, Rejected) or "404" in error.what:
                return None
            raise
        with suppress(orjson.JSONDecodeError, KeyError, TypeError):
            return [str(model["id"]) for model in orjson.loads(response.content)["data"]]
        return None

    async def _guarded(self, call: Any) -> httpx2.Response:
        try:
            async with asyncio.timeout(self._timeout):
                return await call
        except (TimeoutError, openai.APITimeoutError):
            raise Failed(f"no answer within {self._timeout:g} s", "timeout") from None
        except openai.APIStatusError as error:
            raise self._outcome(error) from None
        except openai.APIConnectionError as error:
            cause = error.__cause__ or error
            raise Failed(self._scrubbed(f"{type(cause).__name__}: {cause}"), "connection") from None
        except (httpx2.HTTPError, OSError) as error:
            raise Failed(self._scrubbed(f"{type(error).__name__}: {error}"), "connection") from None

    def _outcome(self, error: openai.APIStatusError) -> Exception:
        status = error.status_code
        said = self._scrubbed(error.response.text)[:_MOST_DETAIL] or error.response.reason_phrase
        what = f"{status}: {said}"
        if status in FATAL:
            return ModelRefused(
                f"{self.url} {FATAL[status]} ({what})",
                "check endpoints, model and api_key_env in the config",
            )
        after = retry_after(error.response.headers)
        if status == 429 or (status == 503 and after is not None):
            return Overloaded(what, str(status), after)
        if status in (400, 413, 422):
            return Rejected(what)
        return Failed(what, str(status))

    def _scrubbed(self, text: str) -> str:
        return text if not self._secret else text.replace(self._secret, "***")


def retry_after(headers: Mapping[str, str], *, now: float | None = None) -> float | None:
    """Seconds of ``retry-after-ms`` or ``Retry-After`` (a number, or a date); None where there is none."""
    with suppress(KeyError, ValueError):
        return max(0.0, float(headers["retry-after-ms"]) / 1000)
    value = headers.get("retry-after", "")
    with suppress(ValueError):
        return max(0.0, float(value))
    with suppress(TypeError, ValueError):
        then = email.utils.parsedate_to_datetime(value).timestamp()
        return max(0.0, then - (time.time() if now is None else now))
    return None
