"""A model as a config file names it: what is asked for, where it is served, how hard it may be driven."""

import os
from typing import Any
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, field_validator

from anessuite.config import Config
from anessuite.errors import ConfigError
from anessuite.sources.files import public

CHECKPOINTS = ("transformers:", "vllm:")
"""Kinds of endpoints that are folders of weights."""
_KINDS = "an http(s):// URL, local:, transformers:DIR, vllm:DIR, or replay:FILE"
_OURS = frozenset(
    {"model", "messages", "temperature", "top_p", "max_tokens", "seed", "stream", "n", "response_format"}
)


class Price(Config):
    """Cost of one million tokens, in any one currency."""

    input: float = Field(default=0.0, ge=0)
    output: float = Field(default=0.0, ge=0)


class ModelConfig(Config):
    """One model behind one or several endpoints.

    Model and sampling parameters decide what comes back: they are part of the recipe and of the cache key.
    Where it is served and how fast it is asked are not, and may change between two runs of one build.
    """

    model: str = Field(min_length=1)
    endpoints: list[str] = Field(
        min_length=1,
        description="URLs of OpenAI-compatible servers, local:, transformers:DIR, vllm:DIR, or replay:FILE",
    )
    temperature: float | None = Field(default=None, ge=0)
    top_p: float | None = Field(default=None, gt=0, le=1)
    max_tokens: int = Field(default=1024, ge=1)
    seed: int | None = None
    extra: dict[str, Any] = Field(default_factory=dict, description="further fields of the request body")

    api_key_env: str | None = Field(default=None, description="environment variable that holds the key")
    concurrency: int = Field(default=64, ge=1, le=4096, description="requests in flight over all endpoints")
    timeout: float = Field(default=600.0, gt=0, description="seconds until a request is given up")
    retries: int = Field(default=6, ge=0, description="tries of one request after its first failure")
    patience: float = Field(default=120.0, ge=0, description="seconds without any answer until a build stops")
    requests_per_minute: float | None = Field(default=None, gt=0)
    tokens_per_minute: float | None = Field(default=None, gt=0)
    price: Price = Price()

    @field_validator("endpoints")
    @classmethod
    def _known_kinds(cls, endpoints: list[str]) -> list[str]:
        for endpoint in endpoints:
            if not endpoint.startswith(("http://", "https://", "local:", "replay:", *CHECKPOINTS)):
                raise ValueError(f"{endpoint!r} is no endpoint: {_KINDS}")
            if endpoint in CHECKPOINTS:
                raise ValueError(f"{endpoint} names a folder of weights: {endpoint}DIR")
            if endpoint.startswith("http"):
                _check_url(endpoint)
        if len(endpoints) > 1 and any(not endpoint.startswith("http") for endpoint in endpoints):
            raise ValueError("local:, transformers:, vllm: and replay: stand alone")
        return endpoints

    @field_validator("extra")
    @classmethod
    def _not_ours(cls, extra: dict[str, Any]) -> dict[str, Any]:
        if clash := sorted(_OURS & extra.keys()):
            raise ValueError(f"{', '.join(clash)}: set by a field of its own, or by the client")
        return extra

    def parameters(self) -> dict[str, Any]:
        """What the request body holds beside model and messages; absent fields are left to the server."""
        chosen = {
            "temperature": self.temperature,
            "top_p": self.top_p,
            "max_tokens": self.max_tokens,
            "seed": self.seed,
        }
        return {name: value for name, value in chosen.items() if value is not None} | self.extra

    def recipe(self) -> dict[str, Any]:
        """What a manifest records: model and parameters, and how it was reached when not over HTTP."""
        recipe = {"model": public(self.model), "parameters": self.parameters()}
        kind, _, file = self.endpoints[0].partition(":")
        return recipe | ({} if kind.startswith("http") else {"served": f"{kind}:{public(file)}"})

    def api_key(self) -> SecretStr | None:
        """The key from the environment. Raises ConfigError if the variable is not set."""
        if self.api_key_env is None:
            return None
        value = os.environ.get(self.api_key_env, "").strip()
        if not value:
            raise ConfigError(
                f"{self.model}: the environment variable {self.api_key_env} holds no key",
                f"export {self.api_key_env}=..., or leave api_key_env out for a server that asks for none",
            )
        if not (value.isascii() and value.isprintable()):
            raise ConfigError(
                f"{self.model}: what {self.api_key_env} holds is no key: no header may hold such characters",
                f"look for line breaks and typographic quotes in {self.api_key_env}",
            )
        return SecretStr(value)


class SpendingCaps(Config):
    """What a build may send at most, over all its runs; None is no limit. A cached reply costs nothing."""

    max_requests: int | None = Field(default=None, ge=0)
    max_cost: float | None = Field(default=None, ge=0)


def _check_url(url: str) -> None:
    """Raises ValueError, without showing what might be a secret."""
    if "@" in url.partition("://")[2].partition("/")[0]:
        raise ValueError("an endpoint holds no user or password: put the key into api_key_env")
    if "?" in url or "#" in url:
        raise ValueError(f"{public(url)!r}: an endpoint ends with its path, without a query")
    try:
        parts = urlsplit(url)
        named = bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:
        named = False
    if not named:
        raise ValueError(f"{public(url)!r} names no host and port: http://HOST:PORT/v1")
