"""A model's twin in Q8_0: a small GGUF written here, requantized, read back."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from anessuite.llm.requantized import requantized

gguf = pytest.importorskip("gguf", reason="gguf is not installed: make demo does it")
WEIGHTS = np.random.default_rng(7).normal(size=(4, 64)).astype(np.float32)
NORM = np.linspace(0, 1, 64, dtype=np.float32)


@pytest.fixture
def model(tmp_path: Path) -> Path:
    file = tmp_path / "tiny.Q4_1.gguf"
    writer = gguf.GGUFWriter(file, "llama")
    writer.add_uint32("general.file_type", 3)
    writer.add_string("general.name", "tiny 模型")
    writer.add_array("tokenizer.ggml.tokens", ["<s>", "麻", "醉"])
    writer.add_array("tokenizer.ggml.scores", [0.5, -1.0, 2.0])
    kind = gguf.GGMLQuantizationType.Q4_1
    writer.add_tensor("weights", gguf.quants.quantize(WEIGHTS, kind), raw_dtype=kind)
    writer.add_tensor("norm", NORM)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return file


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    yield tmp_path / "cache" / "anessuite"


def test_the_twin_holds_the_same_words_and_nearly_the_same_weights(model: Path) -> None:
    before, after = gguf.GGUFReader(model), gguf.GGUFReader(requantized(model))
    named = {name for name in before.fields if not name.startswith("GGUF.")}
    assert named == {name for name in after.fields if not name.startswith("GGUF.")}
    for name in named - {"general.file_type"}:
        assert after.fields[name].contents() == before.fields[name].contents()
    assert after.fields["general.file_type"].contents() == 7
    weights, norm = after.tensors
    assert weights.tensor_type.name == "Q8_0" and norm.tensor_type.name == "F32"
    exact = gguf.quants.dequantize(before.tensors[0].data, before.tensors[0].tensor_type)
    found = gguf.quants.dequantize(weights.data, weights.tensor_type)
    assert np.abs(found - exact).max() <= np.abs(exact).max() / 127, "one step of eight bits"
    assert np.array_equal(norm.data, NORM)


def test_it_is_written_once_and_nothing_half_written_stays(model: Path, cache: Path) -> None:
    twin = requantized(model)
    written = twin.stat().st_mtime_ns
    assert requantized(model) == twin
    assert twin.stat().st_mtime_ns == written
    assert list(cache.iterdir()) == [twin]
    changed = model.with_name("other.Q4_1.gguf")
    changed.write_bytes(model.read_bytes().replace(b"tiny", b"tall"))
    assert requantized(changed) != twin


def test_where_the_cache_cannot_be_written_the_model_serves_as_it_is(
    model: Path, cache: Path, caplog: pytest.LogCaptureFixture
) -> None:
    cache.parent.write_text("a file, where a folder should be")
    assert requantized(model) == model
    assert "slower" in caplog.text
