"""Download the citations of a PubMed query, batch by batch, into a folder of gzipped PubMed XML.

``{folder}/pubmed-{window}-{nnn}.xml.gz`` are the batches as NCBI sent them; ``index.json`` comes last and
means that all are there. Until then ``.unfinished/`` holds the plan and a mark for each window, so that a
download that dies goes on with what is missing.
"""

import gzip
import hashlib
import logging
import posixpath
import re
import zlib
from collections.abc import Container
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, TypeVar

from prefect import task
from prefect.cache_policies import NO_CACHE
from pydantic import BaseModel, TypeAdapter, ValidationError

from anessuite.builds import differences
from anessuite.errors import AnesError, RecipeChanged, SourceError
from anessuite.locks import lock
from anessuite.settings import Settings
from anessuite.sources import entrez
from anessuite.sources.entrez import EntrezQuery, Window
from anessuite.sources.eutils import BadAnswer, Eutils, Search, read_pmids
from anessuite.storage import Store
from tasks.progress import watched

INDEX = "index.json"
UNFINISHED = ".unfinished"
_BATCH = re.compile(r"pubmed(-\d{8}){2,4}-\d{3}\.xml\.gz(\.\w+\.partial)?")
"""A batch, whole or as a killed process left it."""
_GZIP_LEVEL = 6
log = logging.getLogger("anes")
M = TypeVar("M")


class BatchFile(BaseModel):
    """One file of the download."""

    path: str
    bytes: int
    sha256: str
    citations: int


class Fetched(BaseModel):
    """One window: what esearch counted, what came, and the PMIDs that did not."""

    window: str
    count: int
    citations: int
    missing: list[str]
    files: list[BatchFile]

    def lost(self, window: Window) -> int:
        """How many citations did not come, of those listed now and of those counted when it was planned."""
        return len(self.missing) + max(0, window.count - self.count)


class Index(BaseModel):
    """A finished download. ``digest`` names its content; ``notes`` say what PubMed did not take as asked."""

    query: dict[str, Any]
    translation: str
    notes: list[str]
    count: int
    citations: int
    windows: list[Fetched]
    digest: str
    when: datetime

    @property
    def files(self) -> list[BatchFile]:
        """All files, in the order of the windows."""
        return [file for window in self.windows for file in window.files]

    def paths(self, folder: str) -> list[str]:
        """The files' paths below the store's root."""
        return [f"{folder}/{file.path}" for file in self.files]


@dataclass(frozen=True, slots=True)
class _Plan:
    """What an unfinished download was begun with."""

    query: EntrezQuery
    found: Search
    windows: list[Window]


@dataclass(frozen=True, slots=True)
class _Mark:
    """A window that was begun: the digest of its list of PMIDs, and what came once it is done."""

    listed: str
    fetched: Fetched | None = None


_PLAN, _MARK, _INDEX = TypeAdapter(_Plan), TypeAdapter(_Mark), TypeAdapter(Index)


def download_citations(
    query: EntrezQuery,
    store: Store,
    folder: str,
    *,
    settings: Settings,
    refresh: bool = False,
    eutils: Eutils | None = None,
) -> list[str]:
    """The files of a query's citations below the store's root, in order, fetched unless they are there.

    An unfinished download of the same query is continued, with the batch size that it was begun with.
    ``refresh`` gives up what is there if it is finished, or of another query.

    Raises:
        ConfigError: no e-mail address, a wrong key, a query that PubMed refuses.
        RecipeChanged: the folder holds the download of another query; names what differs.
        BuildInProgress: another process downloads into the folder.
        SourceError: nothing found, no usable answer, or more than 1 % of the citations did not come.
        AnesError: a file cannot be written.
    """
    if not refresh and (index := _finished(query, store, folder)):
        return index.paths(folder)
    eutils = eutils or Eutils(settings)
    with lock(store, f"{folder}/{UNFINISHED}/lock", f"the download {folder}"):
        if not refresh and (index := _finished(query, store, folder)):  # while we came to the lock
            return index.paths(folder)
        plan = _plan(query, store, folder, eutils=eutils, refresh=refresh)
        return _Download(store, folder, eutils, plan).finish().paths(folder)


download = task(name="download", cache_policy=NO_CACHE)(download_citations)
"""`download_citations` as a task."""


def _finished(query: EntrezQuery, store: Store, folder: str) -> Index | None:
    """The index of a finished download; SourceError if a file of it is gone or has another size."""
    index = _read(store, f"{folder}/{INDEX}", _INDEX)
    if index is None:
        return None
    _refuse_other(index.query, query, folder)
    for path, file in zip(index.paths(folder), index.files, strict=True):
        if not store.exists(path) or store.fs.info(store.absolute(path))["size"] != file.bytes:
            what = f"{path} is not as it was downloaded on {index.when:%Y-%m-%d}"
            raise SourceError(what, "download it again with refresh")
    return index


def _plan(query: EntrezQuery, store: Store, folder: str, *, eutils: Eutils, refresh: bool) -> _Plan:
    """The plan of an unfinished download, or a new one."""
    finished = store.exists(f"{folder}/{INDEX}")  # then a plan is but its remainder
    plan = None if finished else _read(store, f"{folder}/{UNFINISHED}/plan.json", _PLAN)
    if plan is not None and not refresh:
        _refuse_other(_identity(plan.query), query, folder)
    if plan is not None and _identity(plan.query) == _identity(query):
        return plan
    found = entrez.look_up(eutils, query)
    plan = _Plan(query, replace(found, ids=()), entrez.windows(eutils, query, found))
    for path in set(store.files(f"{folder}/{UNFINISHED}")) - {"lock"}:
        store.remove(f"{folder}/{UNFINISHED}/{path}")  # first: marks without their files would be believed
    store.remove(f"{folder}/{INDEX}")
    _remove_batches(store, folder)  # only now: until PubMed has answered, the old ones are better than none
    _write(store, f"{folder}/{UNFINISHED}/plan.json", _PLAN.dump_json(plan))
    return plan


def _remove_batches(store: Store, folder: str, *, but: Container[str] = ()) -> None:
    for path in store.files(folder):
        if _BATCH.fullmatch(path) and path not in but:
            store.remove(f"{folder}/{path}")


class _Download:
    """One run over the windows of a plan."""

    def __init__(self, store: Store, folder: str, eutils: Eutils, plan: _Plan) -> None:
        self.store, self.folder, self.eutils, self.plan = store, folder, eutils, plan
        self.counted = sum(window.count for window in plan.windows)
        self.missing = max(0, plan.found.count - self.counted)
        self.batches = 0

    def finish(self) -> Index:
        """Fetch what is missing and write the index."""
        total = sum(-(-window.count // self.plan.query.batch) for window in self.plan.windows)
        with watched("download", total, lambda: self.batches):
            fetched = [part for window in self.plan.windows for part in self._window(window)]
        files = [file for window in fetched for file in window.files]
        index = Index(
            query=_identity(self.plan.query),
            translation=self.plan.found.translation,
            notes=list(self.plan.found.notes),
            count=self.plan.found.count,
            citations=sum(window.citations for window in fetched),
            windows=fetched,
            digest=hashlib.sha256("".join(f"{f.path} {f.sha256}\n" for f in files).encode()).hexdigest(),
            when=datetime.now(UTC).replace(microsecond=0),
        )
        _remove_batches(self.store, self.folder, but={file.path for file in files})
        _write(self.store, f"{self.folder}/{INDEX}", index.model_dump_json(indent=1).encode())
        self.store.remove(f"{self.folder}/{UNFINISHED}")
        return index

    def _window(self, window: Window) -> list[Fetched]:
        """Fetch what is missing of a window; of its parts if it has grown over the limit meanwhile."""
        path = f"{self.folder}/{UNFINISHED}/{window.name}.json"
        mark = _read(self.store, path, _MARK)
        fetched = mark.fetched if mark else None
        if fetched and all(map(self.store.exists, [f"{self.folder}/{file.path}" for file in fetched.files])):
            self.batches += len(fetched.files)
            self.missing += fetched.lost(window)
            return [fetched]
        search = self.eutils.search(self.plan.query.params(window), ids=True)
        if search.count > self.eutils.limit:
            parts = entrez.split(self.eutils, self.plan.query, replace(window, count=search.count))
            return [fetched for part in parts for fetched in self._window(part)]
        listed = hashlib.sha256("\n".join(search.ids).encode()).hexdigest()
        if mark is None or mark.listed != listed:  # batches of another list would not tile this one
            for batch in self._batch_files(window).values():
                self.store.remove(batch)
            _write(self.store, path, _MARK.dump_json(_Mark(listed)))
        fetched = self._fetch(window, search)
        self._judge(window, fetched)
        _write(self.store, path, _MARK.dump_json(_Mark(listed, fetched)))
        return [fetched]

    def _fetch(self, window: Window, search: Search) -> Fetched:
        came = self._kept(window, search)
        self.batches += len(came)
        for batch in entrez.fetch_window(self.eutils, self.plan.query, search, have=came):
            path = f"pubmed-{window.name}-{batch.number:03d}.xml.gz"
            content = gzip.compress(batch.content, _GZIP_LEVEL, mtime=0)
            _write(self.store, f"{self.folder}/{path}", content)
            came[batch.number] = _batch_file(path, content, batch.pmids), batch.pmids
            self.batches += 1
        seen = {pmid for _, pmids in came.values() for pmid in pmids}
        files = [came[number][0] for number in sorted(came)]
        return Fetched(
            window=window.name,
            count=search.count,
            citations=sum(file.citations for file in files),
            missing=[pmid for pmid in search.ids if pmid not in seen],
            files=files,
        )

    def _kept(self, window: Window, search: Search) -> dict[int, tuple[BatchFile, list[str]]]:
        """The batches that an earlier run wrote; not those that came short, which are asked for again."""
        kept = dict[int, tuple[BatchFile, list[str]]]()
        for number, path in self._batch_files(window).items():
            content = self.store.read_bytes(path)
            share = search.ids[number * self.plan.query.batch :][: self.plan.query.batch]
            with suppress(OSError, EOFError, zlib.error, BadAnswer):  # a damaged one is fetched again
                pmids = read_pmids(gzip.decompress(content))
                if share and len(pmids) >= len(share):
                    kept[number] = _batch_file(posixpath.basename(path), content, pmids), pmids
        return kept

    def _judge(self, window: Window, fetched: Fetched) -> None:
        """Warn of citations that did not come; SourceError if they are too many over all windows so far."""
        lost = fetched.lost(window)
        self.missing += lost
        shown = ", ".join(fetched.missing[:5]) + (" ..." if len(fetched.missing) > 5 else "")
        what = f"{lost} of {window.count:,} citations of {window.name} did not come{shown and ': ' + shown}"
        if self.missing > self.counted * entrez.MOST_MISSING:
            raise SourceError(
                f"{what}; {self.missing} of {self.counted:,} in all, more than {entrez.MOST_MISSING:.0%}",
                "run the same command again: only the batches that came short are asked for",
            )
        if lost:
            log.warning("PubMed: %s", what)

    def _batch_files(self, window: Window) -> dict[int, str]:
        name = re.compile(rf"pubmed-{window.name}-(\d{{3}})\.xml\.gz")
        found = (name.fullmatch(path) for path in self.store.files(self.folder))
        return {int(match[1]): f"{self.folder}/{match[0]}" for match in found if match}


def _batch_file(path: str, content: bytes, pmids: list[str]) -> BatchFile:
    digest = hashlib.sha256(content).hexdigest()
    return BatchFile(path=path, bytes=len(content), sha256=digest, citations=len(pmids))


def _identity(query: EntrezQuery) -> dict[str, Any]:
    """What decides which citations come: not how many a request."""
    return query.model_dump(mode="json", by_alias=True, exclude={"batch"})


def _refuse_other(old: dict[str, Any], query: EntrezQuery, folder: str) -> None:
    if changes := differences(old, _identity(query)):
        lines = "\n".join(f"  - {line}" for line in changes)
        what = f"{folder} holds the download of another query:\n{lines}"
        raise RecipeChanged(what, "choose another folder, or refresh this one")


def _read(store: Store, path: str, adapter: TypeAdapter[M]) -> M | None:
    if not store.exists(path):
        return None
    try:
        return adapter.validate_json(store.read_bytes(path))
    except ValidationError:
        raise SourceError(f"{path} is damaged", "remove it: what is there is then downloaded again") from None


def _write(store: Store, path: str, content: bytes) -> None:
    try:
        store.write_bytes(path, content)
    except OSError as error:
        raise AnesError(
            f"{path} cannot be written: {error.strerror or error}",
            "make room or change the rights, and run the same command again: it goes on from here",
        ) from error
