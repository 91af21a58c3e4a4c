"""How many tokens texts make for a model: counted by its own tokenizer, or estimated."""

import re
from collections.abc import Sequence
from contextlib import nullcontext, suppress
from typing import Any

import httpx2
from tokenizers import Tokenizer

from anessuite.errors import ConfigError
from anessuite.llm.config import CHECKPOINTS, ModelConfig
from anessuite.llm.local import local_servers
from anessuite.llm.weights import weights_folder

_HAN = re.compile(r"[\u3400-\u9fff]")
CHARS_PER_TOKEN, CHARS_PER_TOKEN_HAN = 4.0, 1.4
"""For English and Chinese text, where no server counts: rounded from what current tokenizers do."""
_TURN_TOKENS = 5
"""What a chat template adds to each message, about."""


def count_tokens(config: ModelConfig, texts: Sequence[str]) -> tuple[list[int], str]:
    """Tokens of each text, and how they were counted.

    vLLM's and llama.cpp's ``/tokenize`` cost nothing; of a folder of weights only the tokenizer is read.
    """
    endpoint = config.endpoints[0]
    if endpoint.startswith("replay:"):
        return [estimated_tokens(text) for text in texts], "estimated from characters"
    if endpoint.startswith(CHECKPOINTS):
        return _counted_here(endpoint, texts)
    why = "the server tells no tokens"
    server: Any = (
        local_servers(endpoint[6:], parallel=1) if endpoint.startswith("local:") else nullcontext([endpoint])
    )
    try:
        with server as urls, suppress(httpx2.HTTPError, KeyError, TypeError, ValueError):
            return _counted(config, urls[0], texts), "counted by the server's tokenizer"
    except ConfigError as error:  # no key, or the local model is not installed: a plan needs neither
        why = error.what
    return [estimated_tokens(text) for text in texts], f"estimated from characters: {why}"


def _counted_here(endpoint: str, texts: Sequence[str]) -> tuple[list[int], str]:
    try:
        tokenizer = Tokenizer.from_file(str(weights_folder(endpoint) / "tokenizer.json"))
    except ConfigError as error:  # it may be trained only later: a plan does without
        why = error.what
    except Exception:  # nothing narrower is raised for a file that is not there, or is none
        why = "the folder has no tokenizer.json that can be read"
    else:
        tokenizer.no_padding()  # trainers save how they padded and cut
        tokenizer.no_truncation()
        found = tokenizer.encode_batch(list(texts), add_special_tokens=False)
        return [len(one.ids) for one in found], "counted by the model's tokenizer"
    return [estimated_tokens(text) for text in texts], f"estimated from characters: {why}"


def _counted(config: ModelConfig, url: str, texts: Sequence[str]) -> list[int]:
    key = config.api_key()
    headers = {} if key is None else {"Authorization": f"Bearer {key.get_secret_value()}"}
    found: list[int] = []
    with httpx2.Client(timeout=10, headers=headers) as client:
        for text in texts:
            body = {"model": config.model, "prompt": text, "content": text, "add_special_tokens": False}
            reply = client.post(f"{url.rstrip('/').removesuffix('/v1')}/tokenize", json=body)
            reply.raise_for_status()
            content = reply.json()
            found.append(int(content["count"]) if "count" in content else len(content["tokens"]))
    return found


def estimated_tokens(text: str) -> int:
    """From the number of Chinese and of other characters."""
    han = len(_HAN.findall(text))
    return round(han / CHARS_PER_TOKEN_HAN + (len(text) - han) / CHARS_PER_TOKEN) + 1


def message_tokens(config: ModelConfig, requests: Sequence[Sequence[Any]]) -> tuple[float, str]:
    """Mean prompt tokens of requests, each a list of messages, with what a chat template adds."""
    texts = ["\n".join(message["content"] for message in messages) for messages in requests]
    counts, how = count_tokens(config, texts)
    extra = sum(len(messages) for messages in requests) * _TURN_TOKENS
    return (sum(counts) + extra) / max(1, len(requests)), how
