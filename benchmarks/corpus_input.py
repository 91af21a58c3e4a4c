"""Input of the corpus benchmark: FineWeb-like Parquet, resampled from a few megabytes of real documents.

A row pools the paragraphs of random documents of one file, shuffled and cut to the length of a real
document, so
that rows repeat sentences but no row repeats another. Documents are pooled two at a time, not all at once:
terms then stay as clustered as they are in real pages, and so does the share of rows that survives.
"""

import gzip
import json
import random
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

SCHEMA = pa.schema(
    [
        ("text", pa.string()),
        ("id", pa.string()),
        ("dump", pa.string()),
        ("url", pa.string()),
        ("date", pa.string()),
        ("file_path", pa.string()),
        ("language", pa.string()),
        ("language_score", pa.float64()),
        ("token_count", pa.int64()),
    ]
)
"""The columns of HuggingFaceFW/fineweb."""
WEB_FILES = ("dolma*.jsonl.gz", "dclm*.jsonl.gz")
MEDICAL_FILES = ("medquad.jsonl.gz",)
MIXES = ("web", "medical")
WEB_MEDICAL_SHARE = 0.02
"""Share of medquad rows in the mix `web`: our guess of how much of a web crawl is medical, and then some."""
_ROWS_A_GROUP = 1000


@dataclass(frozen=True, slots=True)
class Pool:
    """The documents of one file as lists of paragraphs."""

    documents: list[list[str]]
    lengths: list[int]

    @classmethod
    def of(cls, texts: list[str]) -> "Pool":
        documents = [[part for part in text.split("\n") if part.strip()] for text in texts]
        return cls([d for d in documents if d], [len(text) for text in texts if text.strip()])

    def row(self, chance: random.Random) -> str:
        """One new document of the length of a random real one."""
        length = chance.choice(self.lengths)
        chosen: list[str] = []
        while sum(map(len, chosen)) < length:
            pooled = [*chance.choice(self.documents), *chance.choice(self.documents)]
            chance.shuffle(pooled)
            chosen += pooled
        return "\n".join(chosen)[:length]


def real_texts(data: Path, patterns: tuple[str, ...]) -> list[list[str]]:
    """The texts of each file below ``data``/en that matches, a list a file."""
    files = [file for pattern in patterns for file in sorted((data / "en").glob(pattern))]
    if not files:
        raise SystemExit(f"no {' or '.join(patterns)} below {data / 'en'}: see --data")
    return [[_text(json.loads(line)) for line in gzip.open(file, "rt", encoding="utf-8")] for file in files]


def _text(row: dict[str, Any]) -> str:
    if "qa" in row:
        return "\n\n".join(f"{pair['question']}\n{pair['answer']}" for pair in row["qa"])
    return row["text"]


def make_input(folder: Path, data: Path, mix: str, *, megabytes: float, files: int, seed: int) -> list[Path]:
    """Write ``files`` Parquet files of together ``megabytes`` (10^6 bytes of UTF-8 text); the same for a
    seed."""
    web = [Pool.of(texts) for texts in real_texts(data, WEB_FILES)]
    medical = [Pool.of(texts) for texts in real_texts(data, MEDICAL_FILES)]
    share = WEB_MEDICAL_SHARE if mix == "web" else _documents(medical) / _documents(web + medical)
    chance = random.Random(f"{seed}:{mix}")
    folder.mkdir(parents=True)
    paths = [folder / f"{mix}-{number:03d}.parquet" for number in range(files)]
    for path in paths:
        left = megabytes * 1e6 / files
        with pq.ParquetWriter(path, SCHEMA, compression="zstd") as writer:
            while left > 0:
                texts = [_row(web, medical, share, chance) for _ in range(_ROWS_A_GROUP)]
                writer.write_table(fineweb_table(texts, chance))
                left -= sum(len(text.encode()) for text in texts)
    return paths


def _documents(pools: list[Pool]) -> int:
    return sum(len(pool.documents) for pool in pools)


def _row(web: list[Pool], medical: list[Pool], share: float, chance: random.Random) -> str:
    pools = medical if chance.random() < share else web
    return chance.choices(pools, [len(pool.documents) for pool in pools])[0].row(chance)


def fineweb_table(texts: list[str], chance: random.Random) -> pa.Table:
    """Rows with these texts and plausible values in the other columns."""
    names = [f"{chance.getrandbits(128):032x}" for _ in texts]
    dump = "CC-MAIN-2024-10"
    path = f"s3://commoncrawl/crawl-data/{dump}/segments/1707947473347.0/warc/part-00000.warc.gz"
    return pa.table(
        {
            "text": texts,
            "id": [f"<urn:uuid:{name}>" for name in names],
            "dump": [dump] * len(texts),
            "url": [f"https://{name[:9]}.example.org/{name[9:14]}/{name[14:]}" for name in names],
            "date": ["2024-02-20T21:15:07Z"] * len(texts),
            "file_path": [path] * len(texts),
            "language": ["en"] * len(texts),
            "language_score": [0.65 + 0.35 * chance.random() for _ in texts],
            "token_count": [len(text) // 4 for text in texts],
        },
        schema=SCHEMA,
    )


def repeat_file(source: Path, target: Path, *, megabytes: float, rows_a_group: int) -> int:
    """One Parquet file of about ``megabytes`` on disk: the rows of ``source`` again and again; the bytes of
    text.

    Its row groups have ``rows_a_group`` rows, whatever that makes in bytes.
    """
    times = max(1, round(megabytes * 1e6 / source.stat().st_size))
    table = pa.concat_tables([pq.read_table(source)] * times)
    pq.write_table(table, target, compression="zstd", row_group_size=rows_a_group)
    return table["text"].nbytes


def text_bytes(paths: list[Path]) -> tuple[int, int, int]:
    """Rows, UTF-8 bytes of text, and bytes on disk of Parquet files."""
    rows = size = 0
    for path in paths:
        with pq.ParquetFile(path) as file:
            for batch in file.iter_batches(columns=["text"]):
                rows += batch.num_rows
                size += sum(len(text) for text in batch.column(0).cast(pa.binary()).to_pylist())
    return rows, size, sum(path.stat().st_size for path in paths)
