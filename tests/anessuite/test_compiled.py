"""What is compiled beforehand is all that a build would wait for."""

import os
import subprocess
import sys
from pathlib import Path

PROJECT = Path(__file__).parents[2]
USE = """
import glob
import polars as pl, pyarrow as pa
from anessuite.normalisation import code_points, normalise_with_origins, utf8
from anessuite.sources.pubmed import citation_batches
for path in sorted(glob.glob("samples/pubmed/*.xml.gz")):
    assert sum(frame.height for frame in citation_batches(path))
for path in glob.glob("samples/corpus/*.parquet"):
    texts = pl.read_parquet(path)["text"].to_arrow().cast(pa.large_string())
    assert sum(len(text) for text in utf8(texts)) and sum(len(codes.codes) for codes in code_points(texts))
    normalise_with_origins(texts[0].as_py())
"""


def test_after_it_nothing_is_compiled_any_more(tmp_path: Path) -> None:
    env = os.environ | {"NUMBA_CACHE_DIR": str(tmp_path)}
    subprocess.run([sys.executable, "-m", "anessuite.compiled"], cwd=PROJECT, env=env, check=True)
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.nb[ci]")}
    assert any("pubmed" in str(path) for path in before)
    assert any("normalisation" in str(path) for path in before)
    subprocess.run([sys.executable, "-c", USE], cwd=PROJECT, env=env, check=True)
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.nb[ci]")} == before
