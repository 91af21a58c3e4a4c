"""What the corpus benchmark measures, each in a process of its own: ``run`` starts it, ``main`` is the other
end.

A job's time starts after the imports, which are reported apart, and ends when its output is on disk.
"""

import json
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

Result = dict[str, Any]
LANGUAGE, SPECIALTY = "en", "anesthesiology"


def run(job: str, files: list[Path], *, cpus: set[int], scratch: Path, workers: int = 1) -> Result:
    """Run one job on ``cpus`` only; ``seconds``, ``imports`` (seconds), ``rss`` (peak bytes) and its own
    figures."""
    begun = time.time()
    with tempfile.TemporaryDirectory(dir=scratch) as folder:
        call = {"job": job, "files": [str(file) for file in files], "folder": folder, "workers": workers}
        done = subprocess.run(
            [sys.executable, "-m", "benchmarks.corpus_jobs", json.dumps(call)],
            env=os.environ | {"POLARS_MAX_THREADS": "1", "OMP_NUM_THREADS": "1"},
            preexec_fn=lambda: os.sched_setaffinity(0, cpus),
            capture_output=True,
            text=True,
        )
    if done.returncode:
        raise SystemExit(f"{job} failed:\n{done.stderr[-3000:]}")
    result: Result = json.loads(done.stdout.splitlines()[-1])
    return result | {"process": time.time() - begun}


def main() -> None:
    """Read the call from the command line, do it, print its result as one line of JSON."""
    call = json.loads(sys.argv[1])
    jobs: dict[str, Callable[..., Any]] = {
        "ours": _ours,
        "profile": _profile,
        "decode with pyarrow": _decode_pyarrow,
        "decode with polars": _decode_polars,
        "datatrove, pyahocorasick": _datatrove_ahocorasick,
        "datatrove, regex": _datatrove_regex,
    }
    begun = time.perf_counter()
    work = jobs[call["job"]](call["files"], call["folder"], call["workers"])
    imported = time.perf_counter()
    figures = work() or {}
    seconds = time.perf_counter() - imported
    print(json.dumps({"seconds": seconds, "imports": imported - begun, "rss": peak_memory()} | figures))


def peak_memory() -> int:
    """Peak resident bytes of this process; ``ru_maxrss`` would carry over the peak of its parent."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    raise OSError("/proc/self/status tells no peak")


def _ours(files: list[str], folder: str, workers: int) -> Callable[[], Result]:
    import pyarrow as pa

    from anessuite.builds import Build
    from anessuite.sources.columns import Columns
    from anessuite.sources.documents import Source
    from anessuite.storage import Store
    from anessuite.versions import DatasetRef
    from filters.keywords import KeywordRules
    from filters.quality import QualityRules
    from tasks.curate import CurateRank, results
    from tasks.engines import run_ranks
    from tasks.survey import Curation, Plan, read_lexicon, survey_sources, write_plan

    pa.set_cpu_count(1)
    if workers > 1:
        _workers_imported()

    def work() -> Result:
        build = Build(Store(folder), DatasetRef("corpus", "dev"))
        curation = Curation(*read_lexicon(SPECIALTY, LANGUAGE), KeywordRules(), QualityRules())
        columns = Columns(text="text", id="id", url="url")
        sources = [Source(path=file, language=LANGUAGE, columns=columns) for file in files]
        found = survey_sources(sources, sample=None, keep_going=False)
        write_plan(build, Plan(found.units, {LANGUAGE: curation}))
        step = CurateRank(build.store.root, build.ref.name, build.ref.version)
        logs = build.store.absolute(build.path("log"))
        run_ranks([step], ranks=len(found.units), workers=workers, engine="local", logging_dir=logs)
        marks = results(build)
        rows, kept = (sum(mark[name] for mark in marks) for name in ("rows", "kept"))
        unseen = sum(mark["dropped"].get("no_term", 0) for mark in marks)
        return {"rows": rows, "kept": kept, "survivors": rows - unseen, "units": len(marks)}

    return work


def _workers_imported() -> None:
    """Wait until workers can be forked with imports done: those are left out of one worker's time too."""
    from multiprocess.context import ForkServerContext

    from tasks.workers import prepare_workers

    prepare_workers()
    with ForkServerContext().Pool(1) as pool:
        pool.apply(os.getpid)


def _profile(files: list[str], folder: str, workers: int) -> Callable[[], Result]:
    """Ours with a clock around each stage; the clocks are read per batch, so they cost nothing."""
    work = _ours(files, folder, workers)
    import filters.scanner
    import tasks.curate as curate
    import tasks.survey as survey
    from anessuite.schemas import ParquetSink

    spent: dict[str, float] = {}

    @contextmanager
    def clock(stage: str) -> Iterator[None]:
        begun = time.perf_counter()
        try:
            yield
        finally:
            spent[stage] = spent.get(stage, 0.0) + time.perf_counter() - begun

    def timed(owner: Any, name: str, stage: str) -> None:
        plain = getattr(owner, name)

        def wrapped(*args: Any, **options: Any) -> Any:
            with clock(stage):
                return plain(*args, **options)

        setattr(owner, name, wrapped)

    def timed_batches(owner: Any, name: str, stage: str) -> None:
        plain = getattr(owner, name)

        def wrapped(*args: Any) -> Iterator[Any]:
            batches = plain(*args)
            while True:
                with clock(stage):
                    batch = next(batches, None)
                if batch is None:
                    return
                yield batch

        setattr(owner, name, wrapped)

    timed(survey, "find_files", "digest of the input")
    timed_batches(curate, "read_unit", "decoding")
    timed(curate, "any_term", "stage 1")
    timed(curate, "judge", "stage 2, masks, quality")
    timed(ParquetSink, "write", "writing")
    timed(ParquetSink, "__exit__", "writing")

    def profiled() -> Result:
        with clock("compiling the lexicon"):
            from tasks.survey import read_lexicon

            for compiled in (filters.scanner.scanner, filters.scanner.quick_scanner):
                compiled(read_lexicon(SPECIALTY, LANGUAGE)[0])
        begun = time.perf_counter()
        figures = work()
        whole = time.perf_counter() - begun + spent["compiling the lexicon"]
        return figures | {"stages": spent | {"other": whole - sum(spent.values())}}

    return profiled


def _decode_pyarrow(files: list[str], folder: str, workers: int) -> Callable[[], None]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    pa.set_cpu_count(1)

    def work() -> None:
        for path in files:
            with pq.ParquetFile(path) as file:
                for _ in file.iter_batches(columns=["text"], batch_size=8192, use_threads=False):
                    pass

    return work


def _decode_polars(files: list[str], folder: str, workers: int) -> Callable[[], None]:
    import polars as pl

    def work() -> None:
        for path in files:
            pl.read_parquet(path, columns=["text"])

    return work


def _datatrove_ahocorasick(files: list[str], folder: str, workers: int) -> Callable[[], Result]:
    from typing import cast

    import ahocorasick

    from filters import surfaces

    automaton = cast("Any", ahocorasick).Automaton()
    for variant in _variants():
        automaton.add_word(variant.lower(), [])
    for variant in _variants():
        automaton.get(variant.lower()).append(variant if surfaces.is_cased(variant) else None)

    def has_term(document: Any) -> bool:
        """As our stage 1: abbreviations in capitals match in that case only."""
        text = document.text
        return any(
            variant is None or text[end + 1 - len(variant) : end + 1] == variant
            for end, variants in automaton.iter(text.lower())
            for variant in variants
        )

    def work() -> Result:
        automaton.make_automaton()
        return _datatrove(files, folder, has_term)

    return work


def _datatrove_regex(files: list[str], folder: str, workers: int) -> Callable[[], Result]:
    pattern = re.compile("|".join(map(re.escape, _variants())), re.IGNORECASE)
    return lambda: _datatrove(files, folder, lambda document: pattern.search(document.text) is not None)


def _datatrove(files: list[str], folder: str, keeps: Callable[[Any], bool]) -> Result:
    """Reader, filter, writer, in datatrove's cheapest form: two columns read, no compression written."""
    from datatrove.executor import LocalPipelineExecutor
    from datatrove.pipeline.filters import LambdaFilter
    from datatrove.pipeline.readers import ParquetReader
    from datatrove.pipeline.writers import JsonlWriter
    from loguru import logger

    logger.remove()
    listed = Path(folder) / "files.txt"
    listed.write_text("\n".join(Path(file).name for file in files))
    reader = ParquetReader(str(Path(files[0]).parent), paths_file=str(listed), read_metadata=False)
    writer = JsonlWriter(str(Path(folder) / "out"), compression=None)
    steps = [reader, LambdaFilter(keeps), writer]
    LocalPipelineExecutor(pipeline=steps, tasks=1, logging_dir=str(Path(folder) / "log")).run()
    kept = sum(len(file.read_bytes().splitlines()) for file in (Path(folder) / "out").glob("*.jsonl"))
    return {"survivors": kept}


def _variants() -> list[str]:
    from tasks.survey import read_lexicon

    lexicon, _ = read_lexicon(SPECIALTY, LANGUAGE)
    return [variant for term in lexicon.terms if term.role != "not" for variant in term.variants]


if __name__ == "__main__":
    main()
