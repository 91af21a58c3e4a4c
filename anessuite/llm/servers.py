"""What answers requests: connections to servers, a server of our own, or recorded replies."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Protocol

from anessuite.errors import AnesError
from anessuite.llm.checkpoint_servers import checkpoint_server
from anessuite.llm.config import CHECKPOINTS, ModelConfig
from anessuite.llm.endpoints import Endpoint, Structure
from anessuite.llm.local import local_servers
from anessuite.llm.replay import Replay
from anessuite.llm.replies import CHAT, Completion, Form
from anessuite.llm.requests import Request, request_body
from anessuite.llm.transport import Failed, Overloaded, Rejected, Transport
from anessuite.sources.files import public

log = logging.getLogger("anes")

_STRUCTURES: tuple[Structure, ...] = ("json_schema", "json_object", "text")


class Server(Protocol):
    """What answers: a connection to a server, or recorded replies."""

    url: str

    async def complete(self, body: bytes, form: Form = CHAT) -> Completion: ...
    async def models(self) -> list[str] | None: ...
    async def close(self) -> None: ...


@asynccontextmanager
async def serving(config: ModelConfig) -> AsyncIterator[list[Server]]:
    """The servers of a model: connections, servers of ours that end with the block, or recorded replies."""
    first = config.endpoints[0]
    if first.startswith("replay:"):
        yield [Replay(first.removeprefix("replay:"))]
        return
    if first.startswith("local:"):
        with local_servers(first.removeprefix("local:"), parallel=min(config.concurrency, 16)) as urls:
            async with _connected(config, urls) as servers:
                yield servers
        return
    if first.startswith(CHECKPOINTS):
        async with checkpoint_server(config) as url, _connected(config, [url]) as servers:
            yield servers
        return
    async with _connected(config, config.endpoints) as servers:
        yield servers


@asynccontextmanager
async def _connected(config: ModelConfig, urls: list[str]) -> AsyncIterator[list[Server]]:
    key = config.api_key()
    servers: list[Server] = [
        Transport(url, key=key, timeout=config.timeout, connections=config.concurrency) for url in urls
    ]
    try:
        yield servers
    finally:
        for server in servers:
            await server.close()


async def find_structure(
    endpoint: Endpoint, server: Server, config: ModelConfig, request: Request
) -> Completion:
    """The strictest form of structured output that the server takes; found out with a real request."""
    refusal: Rejected | None = None
    for structure in _STRUCTURES:
        try:
            completion = await server.complete(request_body(config, request, structure=structure))
        except Rejected as error:
            refusal = refusal or error
            continue
        endpoint.structure = structure
        if structure != "json_schema":
            log.info("%s takes no json_schema (%s): %s instead", public(endpoint.url), refusal, structure)
        return completion
    assert refusal is not None
    raise refusal


async def list_models(server: Server) -> list[str] | None:
    """The list of models, at the second or third try if the server is only just coming up."""
    for wait in (0.3, 1.0):
        try:
            return await server.models()
        except Failed:
            await asyncio.sleep(wait)
        except Overloaded:
            return None  # it is there
    try:
        return await server.models()
    except Overloaded:
        return None


def ask_models(config: ModelConfig) -> list[tuple[str, list[str] | None, str]]:
    """For each endpoint: its address, the models that it lists (None: it keeps no list), and an error or "".

    Raises ConfigError if the key's variable is empty, or the local server is not installed.
    """

    async def ask() -> list[tuple[str, list[str] | None, str]]:
        found: list[tuple[str, list[str] | None, str]] = []
        async with serving(config) as servers:
            for server in servers:
                try:
                    found.append((server.url, await list_models(server), ""))
                except (Failed, Rejected) as error:
                    found.append((server.url, None, str(error)))
                except AnesError as error:
                    found.append((server.url, None, error.what))
        return found

    return asyncio.run(ask())
