"""Teach a small causal language model some texts by heart, for `benchmarks.leakage_validation` to test.

Run by the interpreter of an environment with torch and transformers, not by the project's own::

    python benchmarks/leakage_training.py MODEL TEXTS.json OUT --epochs 1,3,10

TEXTS.json is a list of strings. After each epoch that is named the model lies in OUT/epoch-N, as safetensors
in bfloat16, with its tokenizer. Full fine-tuning, AdamW, five texts a step, a fixed seed, one thread (threads
that wait for each other are slower on a busy machine).
"""

import argparse
import json
import random
import sys
from pathlib import Path
from typing import Any

LEARNING_RATE = 1e-4
TEXTS_A_STEP = 5
SEED = 7


def main() -> None:
    """Train, and store the epochs that were asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model")
    parser.add_argument("texts", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--epochs", default="1,3,10", help="after which to store the model")
    told = parser.parse_args()
    stored = sorted({int(number) for number in told.epochs.split(",")})
    train(told.model, json.loads(told.texts.read_text(encoding="utf-8")), told.out, stored)


def train(model_path: str, texts: list[str], out: Path, stored: list[int]) -> None:
    """Go through all texts ``max(stored)`` times, in another order each time."""
    import torch  # pyright: ignore[reportMissingImports]
    from transformers import AutoModelForCausalLM, AutoTokenizer  # pyright: ignore[reportMissingImports]

    torch.manual_seed(SEED)
    torch.set_num_threads(1)
    tokenizer: Any = AutoTokenizer.from_pretrained(model_path)
    model: Any = AutoModelForCausalLM.from_pretrained(model_path).float()
    optimizer = torch.optim.AdamW(model.parameters(), lr=LEARNING_RATE, weight_decay=0.0)
    tokenizer.pad_token = tokenizer.pad_token or tokenizer.eos_token
    model.train()
    for epoch in range(1, stored[-1] + 1):
        order = random.Random(SEED + epoch).sample(texts, len(texts))
        loss = _epoch(model, tokenizer, optimizer, order)
        sys.stderr.write(f"epoch {epoch}: mean loss {loss:.3f}\n")
        if epoch in stored:
            _store(model, tokenizer, out / f"epoch-{epoch}")


def _epoch(model: Any, tokenizer: Any, optimizer: Any, texts: list[str]) -> float:
    """Once through the texts; returns the mean loss of the steps. Padding counts for nothing."""
    losses = []
    for at in range(0, len(texts), TEXTS_A_STEP):
        some = tokenizer(texts[at : at + TEXTS_A_STEP], return_tensors="pt", padding=True)
        labels = some.input_ids.masked_fill(some.attention_mask == 0, -100)
        loss = model(input_ids=some.input_ids, attention_mask=some.attention_mask, labels=labels).loss
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        losses.append(loss.item())
    return sum(losses) / len(losses)


def _store(model: Any, tokenizer: Any, folder: Path) -> None:
    """As the original is: vLLM reads it like that."""
    import torch  # pyright: ignore[reportMissingImports]

    weights = {name: tensor.to(torch.bfloat16) for name, tensor in model.state_dict().items()}
    model.save_pretrained(folder, state_dict=weights)
    config = folder / "config.json"
    content = json.loads(config.read_text())
    for key in ("dtype", "torch_dtype"):
        if key in content:
            content[key] = "bfloat16"
    config.write_text(json.dumps(content, indent=1))
    tokenizer.save_pretrained(folder)


if __name__ == "__main__":
    main()
