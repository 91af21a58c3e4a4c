"""Lengths of rows in tokens of the base model, its chat template among them."""

from pathlib import Path
from typing import Any, cast

import polars as pl

from anessuite.errors import ConfigError
from anessuite.training.extra import needed


class Tokens:
    """Counts by the tokenizer in a folder. Raises ConfigError if it has no chat template."""

    def __init__(self, folder: Path, *, trust_remote_code: bool = False) -> None:
        transformers = needed("transformers")
        self._name = folder.name
        try:
            self._tokenizer: Any = transformers.AutoTokenizer.from_pretrained(
                folder, trust_remote_code=trust_remote_code
            )
        except (OSError, ValueError, KeyError) as error:
            first = (str(error).strip().splitlines() or [type(error).__name__])[0]
            raise ConfigError(f"{folder.name} has no tokenizer that can be read: {first}") from None

    def of_texts(self, texts: pl.Series) -> pl.Series:
        """Tokens of documents, with the end of each."""
        return self._count(texts.fill_null("").to_list(), more=1)

    def of_replies(self, prompts: pl.Series, completions: pl.Series) -> pl.Series:
        """Tokens of whole conversations. Raises ConfigError if the template drops a part of the reply."""
        whole = [
            [*(prompt or []), *(completion or [])]
            for prompt, completion in zip(prompts.to_list(), completions.to_list(), strict=True)
        ]
        rendered = [self._rendered(turns) if turns else "" for turns in whole]
        for turns, text in zip(whole, rendered, strict=True):
            if turns and turns[-1]["content"].strip() not in text:
                raise ConfigError(
                    f"the chat template of {self._name} changes replies: what is to be learnt would be lost, "
                    f"such as {turns[-1]['content'][:60]!r}",
                    "give `base` a `chat_template` that keeps <think>...</think>",
                )
        return self._count(rendered)

    def of_prompts(self, prompts: pl.Series) -> pl.Series:
        """Tokens up to where the reply begins."""
        return self._count(
            [
                self._rendered(turns, add_generation_prompt=True) if turns else ""
                for turns in prompts.to_list()
            ]
        )

    def _rendered(self, turns: list[dict[str, str]], **how: Any) -> str:
        if self._tokenizer.chat_template is None:
            raise ConfigError(
                f"{self._name} has no chat template, so that it is not told where a reply begins",
                "give `base` a `chat_template`: a .jinja file, or chatml",
            )
        return cast("str", self._tokenizer.apply_chat_template(turns, tokenize=False, **how))

    def _count(self, texts: list[str], *, more: int = 0) -> pl.Series:
        if not texts:
            return pl.Series([], dtype=pl.UInt32)
        found = self._tokenizer(texts, add_special_tokens=False, return_attention_mask=False, verbose=False)
        return pl.Series([len(ids) + more for ids in found["input_ids"]], dtype=pl.UInt32)
