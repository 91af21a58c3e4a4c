"""Versions and models that the tests of training begin with."""

import random
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polars as pl

from anessuite.builds import Build
from anessuite.manifests import Manifest, Recipe
from anessuite.question_schemas import SOLVED_QUESTION
from anessuite.schemas import DOCUMENT
from anessuite.sharding import write_shards
from anessuite.storage import Store
from anessuite.text import content_id
from anessuite.versions import DatasetRef

DRUGS = {
    "en": ("propofol", "ketamine", "etomidate", "thiopental", "midazolam", "dexmedetomidine"),
    "zh": ("丙泊酚", "氯胺酮", "依托咪酯", "硫喷妥钠", "咪达唑仑", "右美托咪定"),
}
_ASKS = {"en": "Which drug is named {}?", "zh": "哪种药物叫做{}？"}
_THINKS = {"en": "The question names {}, which is option {}.", "zh": "题目说的是{}，即选项{}。"}
_STATES = {"en": "Answer: {}", "zh": "答案：{}"}


def solved(
    count: int, language: str = "en", *, seed: int = 1, answers: str = "ABCD", **changes: Any
) -> pl.DataFrame:
    """Questions whose answer stands in the question: a small model can learn to copy its letter."""
    rng = random.Random(f"{seed} {language}")
    rows = []
    for number in range(count):
        texts = rng.sample(DRUGS[language], 4)
        answer = rng.choice(answers)
        drug = texts["ABCD".index(answer)]
        rows.append(
            {
                "language": language,
                "question": f"{number + 1}. " + _ASKS[language].format(drug),
                "options": [{"letter": one, "text": text} for one, text in zip("ABCD", texts, strict=True)],
                "answer": answer,
                "reasoning": _THINKS[language].format(drug, answer),
                "response": _STATES[language].format(answer),
                "pass_rate": 0.5,
                "pass_rate_low": 0.1,
                "pass_rate_high": 0.9,
                "attempts": 4,
                "correct": 2,
                "attempt": 1,
                "model": "teacher",
                "prompt": "r1/solve",
                "tokens": 20,
                "source": "made",
                "source_id": f"{language}-{number}",
                "subject": "",
            }
            | changes
        )
    return pl.DataFrame(rows).with_columns(id=content_id(pl.col("question")))


def documents(count: int, language: str = "en") -> pl.DataFrame:
    """Short texts."""
    texts = [f"Note {n}. " + " ".join(DRUGS[language]) * 3 for n in range(count)]
    frame = pl.DataFrame({"text": texts, "language": language, "source": "made"})
    return frame.with_row_index("n").select(
        "text",
        "language",
        "source",
        id=content_id(pl.col("text")),
        source_id=pl.col("n").cast(pl.String),
        url=pl.lit(None, pl.String),
        terms=pl.lit([], pl.List(pl.String)),
        term_hits=pl.lit(1, pl.UInt32),
        hits_per_1000_chars=pl.lit(1.0, pl.Float32),
        masked=pl.lit(0, pl.UInt16),
    )


def write_version(root: Path, ref: str, rows: pl.DataFrame) -> DatasetRef:
    """A finished version of solved questions or documents."""
    build = Build(Store(str(root)), DatasetRef.parse(ref))
    schema = SOLVED_QUESTION if "reasoning" in rows.columns else DOCUMENT
    files, counts = [], {}
    for language in rows["language"].unique(maintain_order=True):
        mine = rows.filter(pl.col("language") == language)
        counts[language] = mine.height
        files += write_shards(
            build.store,
            f"{build.publish_folder}/data",
            [mine],
            schema,
            shards=1,
            name=language,
            sort_by=["id"],
            scratch=build.path("scratch"),
        )
    build.publish(
        Manifest(
            name=build.ref.name,
            version=build.ref.version,
            created=datetime.now(UTC),
            recipe=Recipe(inputs=[], config={}, texts={}),
            code={},
            packages={},
            schema_={field.name: str(field.type) for field in schema},
            files=[
                one.model_copy(update={"path": one.path.removeprefix(f"{build.publish_folder}/")})
                for one in files
            ],
            rows=counts,
            drops={},
            funnel=[],
            masked={},
            quarantined=[],
            requests={},
            warnings=[],
        )
    )
    return build.ref
