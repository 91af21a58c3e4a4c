"""``transformers:DIR`` for real: a tiny model that learnt five answers by heart, asked through our client."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch")
pytest.importorskip("transformers")
pytest.importorskip("uvicorn")

from anessuite.errors import AnesError
from anessuite.llm.cache import Cache
from anessuite.llm.checkpoint_servers import NotServed
from anessuite.llm.client import complete
from anessuite.llm.config import ModelConfig
from anessuite.llm.replies import TRUNCATED, Completion
from anessuite.llm.requests import Request
from anessuite.llm.servers import ask_models
from anessuite.llm.tokens import count_tokens

LEARNT = {
    "Which drug reverses rocuronium?": "sugammadex",
    "Which gas is laughing gas?": "nitrous oxide, of course",
    "Name a short-acting opioid that plasma esterases break down, in one word.": "remifentanil",
    "2 + 2?": "4",
    "Treatment of malignant hyperthermia?": "dantrolene, at once, and cooling, and no more of the trigger",
}
TEMPLATE = (
    "{% for message in messages %}<|im_start|>{{ message.role }}\n{{ message.content }}<|im_end|>\n"
    "{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Qwen2 of two layers, trained in seconds, as a trainer saves it."""
    import torch
    from transformers import Qwen2Config, Qwen2ForCausalLM

    made = tmp_path_factory.mktemp("trained") / "tiny"
    tokenizer = _tokenizer()
    torch.manual_seed(0)
    end, pad = tokenizer.convert_tokens_to_ids(["<|im_end|>", "<|endoftext|>"])
    shape = {"hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 2, "num_attention_heads": 4}
    model = Qwen2ForCausalLM(
        Qwen2Config(
            vocab_size=len(tokenizer), num_key_value_heads=2, eos_token_id=end, pad_token_id=pad, **shape
        )
    )
    chats = [
        [{"role": "user", "content": asked}, {"role": "assistant", "content": told}]
        for asked, told in LEARNT.items()
    ]
    batch = tokenizer.apply_chat_template(
        chats, tokenize=True, return_dict=True, return_tensors="pt", padding=True
    )
    labels = batch["input_ids"].masked_fill(batch["attention_mask"] == 0, -100)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2)
    for _ in range(80):
        optimizer.zero_grad()
        model(**batch, labels=labels).loss.backward()
        optimizer.step()
    model.save_pretrained(made)
    tokenizer.save_pretrained(made)
    return made


def _tokenizer() -> Any:
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    bytewise = Tokenizer(models.BPE())
    bytewise.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)  # type: ignore[assignment]
    bytewise.decoder = decoders.ByteLevel()  # type: ignore[assignment]
    special = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
    trainer = trainers.BpeTrainer(
        vocab_size=300, special_tokens=special, initial_alphabet=pre_tokenizers.ByteLevel.alphabet()
    )
    bytewise.train_from_iterator([*LEARNT, *LEARNT.values()], trainer)
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=bytewise, eos_token="<|im_end|>", pad_token="<|endoftext|>", padding_side="right"
    )
    tokenizer.chat_template = TEMPLATE
    return tokenizer


def asked(
    folder: Path, cache: Path, prompts: Sequence[str], *, attempts: int = 1, **fields: Any
) -> list[Completion]:
    """The replies of a new server, in the order of the prompts, by way of an empty cache."""
    content = {"temperature": 0.0, "max_tokens": 64, "timeout": 300} | fields
    config = ModelConfig(model="anes/tiny", endpoints=[f"transformers:{folder}"], **content)
    replies: dict[int, Completion] = {}
    requests = [
        Request([{"role": "user", "content": prompt}], attempt=attempt)
        for prompt in prompts
        for attempt in range(attempts)
    ]
    with Cache(cache) as opened:
        complete(config, requests, lambda number, _, reply: replies.update({number: reply}), cache=opened)
    return [reply for _, reply in sorted(replies.items())]


def test_unlike_prompts_at_once_are_answered_as_one_by_one(folder: Path, tmp_path: Path) -> None:
    prompts = list(LEARNT) * 2  # equal requests are asked once, and answered alike
    one_by_one = asked(folder, tmp_path / "one", prompts, concurrency=1)
    at_once = asked(folder, tmp_path / "all", prompts, concurrency=8)
    assert [reply.text for reply in one_by_one] == list(LEARNT.values()) * 2
    assert at_once == one_by_one
    assert {(reply.finish_reason, reply.fault) for reply in at_once} == {("stop", None)}
    assert {reply.served_model for reply in at_once} == {"anes/tiny"}


def test_usage_counts_prompt_and_reply_and_a_reply_that_is_cut_short_says_so(
    folder: Path, tmp_path: Path
) -> None:
    prompt = "Treatment of malignant hyperthermia?"
    whole = asked(folder, tmp_path / "whole", [prompt], extra={"frequency_penalty": 0.0})[0]
    short = asked(folder, tmp_path / "short", [prompt], max_tokens=5)[0]
    config = ModelConfig(model="anes/tiny", endpoints=[f"transformers:{folder}"])
    rendered = f"<|im_start|>user\n{prompt}<|im_end|>\n<|im_start|>assistant\n"
    (of_prompt, of_reply), how = count_tokens(config, [rendered, f"{LEARNT[prompt]}<|im_end|>"])
    assert how == "counted by the model's tokenizer"
    assert (whole.text, whole.prompt_tokens, whole.completion_tokens) == (LEARNT[prompt], of_prompt, of_reply)
    assert (short.fault, short.completion_tokens) == (TRUNCATED, 5)
    assert LEARNT[prompt].startswith(short.text)


def test_a_temperature_is_heeded_and_a_seed_repeats_what_is_asked_one_by_one(
    folder: Path, tmp_path: Path
) -> None:
    fields = {"attempts": 4, "temperature": 20.0, "max_tokens": 8}  # nearly any token
    batched = asked(folder, tmp_path / "batched", ["2 + 2?"], **fields)
    assert len({reply.text for reply in batched}) == 4
    first, again = (
        asked(folder, tmp_path / name, ["2 + 2?"], seed=7, concurrency=1, **fields) for name in "ab"
    )
    assert [reply.text for reply in first] == [reply.text for reply in again]
    assert len({reply.text for reply in first}) == 4


def test_the_server_lists_the_name_that_the_config_gives(folder: Path) -> None:
    config = ModelConfig(model="anes/tiny", endpoints=[f"transformers:{folder}"])
    assert [(models, error) for _, models, error in ask_models(config)] == [(["anes/tiny"], "")]


def test_weights_that_are_none_are_told_from_the_log(folder: Path, tmp_path: Path) -> None:
    broken = tmp_path / "broken"
    broken.mkdir()
    for path in folder.iterdir():
        (broken / path.name).write_bytes(
            path.read_bytes()[:1000] if path.suffix == ".safetensors" else path.read_bytes()
        )
    with pytest.raises(NotServed, match="ended before it was ready") as caught:
        asked(broken, tmp_path / "cache", ["2 + 2?"])
    assert isinstance(caught.value, AnesError)
    assert "safetensors" in caught.value.what.lower()
    assert str(tmp_path) not in caught.value.what
