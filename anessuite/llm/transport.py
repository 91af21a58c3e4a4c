"""One request to one endpoint, on the ``openai`` library; what the server says becomes an outcome of ours."""

import asyncio
import email.utils
import math
import time
from collections.abc import Awaitable, Mapping
from contextlib import suppress

import aiohttp
import httpx2
import openai
import orjson
from pydantic import SecretStr

from anessuite.errors import AnesError
from anessuite.llm.replies import CHAT, Completion, Form, NotACompletion
from anessuite.sources.files import public

_CONNECT_SECONDS = 10.0
_MOST_DETAIL = 500
FATAL = {
    401: "does not accept the key",
    402: "wants to be paid first",
    403: "refuses access",
    404: "has no such model or address",
    405: "is no such API",
    410: "is gone",
}


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
    """The server did not answer, or not with a completion; another try may help.

    ``kind`` is a status, ``unreachable`` (no connection came about), ``connection`` (it broke), ``timeout``,
    or ``not_a_completion``.
    """

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
            timeout=httpx2.Timeout(timeout, connect=min(timeout / 2, _CONNECT_SECONDS)),
            http_client=openai.DefaultAioHttpClient(
                limits=httpx2.Limits(max_connections=connections, max_keepalive_connections=connections),
                follow_redirects=False,
            ),
        )

    async def close(self) -> None:
        await self._client.close()

    async def complete(self, body: bytes, form: Form = CHAT) -> Completion:
        """Post to the path of ``form``. Raises ModelRefused, Rejected, Overloaded or Failed."""
        call = self._client.post(
            form.path,
            cast_to=httpx2.Response,
            content=body,
            options={"headers": {"Content-Type": "application/json"}},
        )
        try:
            response = await self._guarded(call)
        except openai.APIStatusError as error:
            raise self._outcome(error) from None
        try:
            return form.read(response.content)
        except NotACompletion as error:
            said = self._scrubbed(response.content.decode(errors="replace"))[:_MOST_DETAIL]
            raise Failed(f"no completion in the reply: {error}: {said}", "not_a_completion") from None

    async def models(self) -> list[str] | None:
        """The models that the server lists, or None if it is there but keeps no list, or not for this key.

        Raises ModelRefused (401), Overloaded, or Failed.
        """
        try:
            response = await self._guarded(self._client.get("/models", cast_to=httpx2.Response))
        except openai.APIStatusError as error:
            if error.status_code == 401 or error.status_code == 429 or not 400 <= error.status_code < 500:
                raise self._outcome(error) from None
            return None
        with suppress(orjson.JSONDecodeError, KeyError, TypeError):
            return [str(model["id"]) for model in orjson.loads(response.content)["data"]]
        return None

    async def _guarded(self, call: Awaitable[httpx2.Response]) -> httpx2.Response:
        try:
            async with asyncio.timeout(self._timeout):
                return await call
        except openai.APIStatusError:
            raise
        except TimeoutError:
            raise Failed(f"no answer within {self._timeout:g} s", "timeout") from None
        except (openai.OpenAIError, httpx2.HTTPError, aiohttp.ClientError, OSError, ValueError) as error:
            causes = _causes(error)
            cause = next((cause for cause in causes if isinstance(cause, aiohttp.ClientError)), causes[-1])
            what = f"{type(cause).__name__}: {self._scrubbed(str(cause))[:_MOST_DETAIL]}"
            raise Failed(what, _kind(causes)) from None

    def _outcome(self, error: openai.APIStatusError) -> Exception:
        """What a status means; ``error`` is of one outside 2xx."""
        status = error.status_code
        said = self._scrubbed(error.response.text or error.response.reason_phrase)[:_MOST_DETAIL]
        what = f"{status}: {said}"
        if status in FATAL:
            return self._refused(FATAL[status], what)
        if status < 400:
            goal = self._scrubbed(error.response.headers.get("location", "nowhere"))
            return self._refused(f"points to {public(goal)}", what)
        after = retry_after(error.response.headers)
        if status == 429 or (status == 503 and after is not None):
            return Overloaded(what, str(status), after)
        if status in (400, 413, 422):
            return Rejected(what)
        return Failed(what, str(status))

    def _refused(self, how: str, what: str) -> ModelRefused:
        return ModelRefused(
            f"{public(self.url)} {how} ({what})", "check endpoints, model and api_key_env in the config"
        )

    def _scrubbed(self, text: str) -> str:
        return text if not self._secret else text.replace(self._secret, "***")


def _causes(error: BaseException) -> list[BaseException]:
    """An error and what lies under it: openai and httpx call nearly everything of aiohttp's a timeout."""
    causes = [error]
    while (cause := causes[-1].__cause__) is not None:
        causes.append(cause)
    return causes


def _kind(causes: list[BaseException]) -> str:
    for cause in causes:
        if isinstance(cause, aiohttp.ClientConnectorError | aiohttp.ConnectionTimeoutError):
            return "unreachable"
    return "timeout" if isinstance(causes[-1], TimeoutError) else "connection"


def retry_after(headers: Mapping[str, str], *, now: float | None = None) -> float | None:
    """Seconds of ``retry-after-ms`` or ``Retry-After`` (a number, or a date); None where there is none."""
    for name, unit in (("retry-after-ms", 1000.0), ("retry-after", 1.0)):
        with suppress(KeyError, ValueError):
            seconds = float(headers[name]) / unit
            if math.isfinite(seconds):
                return max(0.0, seconds)
    with suppress(KeyError, TypeError, ValueError, OverflowError):
        then = email.utils.parsedate_to_datetime(headers["retry-after"]).timestamp()
        return max(0.0, then - (time.time() if now is None else now))
    return None
