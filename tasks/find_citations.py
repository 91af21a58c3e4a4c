"""Find the citations of all sources: PubMed XML files, and queries, which are downloaded first."""

import hashlib
import json
import os
from dataclasses import dataclass
from pathlib import Path

from prefect import task
from prefect.cache_policies import NO_CACHE

from anessuite.builds import Build
from anessuite.errors import ConfigError
from anessuite.manifests import Input
from anessuite.settings import Settings
from anessuite.sources.citations import CitationSource
from anessuite.sources.entrez import EntrezQuery
from anessuite.sources.files import XML_SUFFIXES, SourceFile, find_files
from anessuite.storage import Store
from filters.citation import CitationRules, parse_mesh
from filters.lexicon import Lexicon
from tasks.download import download
from tasks.select import TOPIC_LANGUAGE, CitationFile, Selection, store_selection
from tasks.survey import DIGESTS, lexicon_path, read_lexicon

PROJECT = Path(__file__).parent.parent
AGENTS = "filters/terms/agents.txt"
"""The drugs that answers are grounded by."""
DOWNLOADS = "pubmed"
"""Below the store's root: ``pubmed/{digest of the query}/``; downloads are kept for later versions."""


@dataclass(frozen=True, slots=True)
class Found:
    """The files to read, what puts a citation on the specialty, and the digests of these lists."""

    files: list[CitationFile]
    mesh: list[str]
    lexicon: Lexicon
    texts: dict[str, str]

    @property
    def inputs(self) -> list[Input]:
        """The files as a recipe names them."""
        return [
            Input(name=one.source, source=one.file.name, bytes=one.file.bytes, digest=one.file.digest)
            for one in self.files
        ]


@task(name="find citations", cache_policy=NO_CACHE)
def find_citations(
    sources: list[CitationSource], store: Store, *, specialty: str, sample: int | None
) -> Found:
    """Download what is asked by query, then find and digest all files, in the config's order.

    With ``sample`` only the first file of each source is read, and of that the first so many citations.
    Raises SourceError for a source without files, ConfigError for a specialty without lists and for sources
    that cannot be told apart.
    """
    _refuse_same_names(sources)
    digests: dict[str, str] = json.loads(store.read_bytes(DIGESTS)) if store.exists(DIGESTS) else {}
    known = len(digests)
    files: list[CitationFile] = []
    for source in sources:
        found = find_files(_path(source, store), digests=digests, suffixes=XML_SUFFIXES)
        found = found if sample is None else found[:1]
        files += [CitationFile(source.label, file, sample) for file in found]
    if len(digests) > known:
        store.write_bytes(DIGESTS, json.dumps(digests).encode())
    _refuse_twice([one.file for one in files])
    lexicon, lexicon_digest = read_lexicon(specialty, TOPIC_LANGUAGE)
    mesh, mesh_path, mesh_digest = read_mesh(specialty)
    texts = {lexicon_path(specialty, TOPIC_LANGUAGE): lexicon_digest, mesh_path: mesh_digest}
    texts[AGENTS] = hashlib.sha256((PROJECT / AGENTS).read_bytes()).hexdigest()
    return Found(files, mesh, lexicon, texts)


def write_selection(build: Build, found: Found, rules: CitationRules, *, keep_going: bool) -> None:
    """Put into the build folder what `tasks.select` works by."""
    store_selection(build, Selection(found.files, rules, found.mesh, found.lexicon, keep_going))


def _path(source: CitationSource, store: Store) -> str:
    query = source.entrez
    if query is None:
        assert source.path is not None
        return source.path
    folder = f"{DOWNLOADS}/{_digest(query)}"
    download(query, store, folder, settings=Settings())
    return store.url(folder)


def _digest(query: EntrezQuery) -> str:
    return hashlib.sha256(query.model_dump_json(by_alias=True, exclude={"batch"}).encode()).hexdigest()[:16]


def _refuse_same_names(sources: list[CitationSource]) -> None:
    labels = [source.label for source in sources]
    twice = next((label for label in labels if labels.count(label) > 1), None)
    if twice is not None:
        raise ConfigError(f"two sources are called {twice!r}", "give each a `name` of its own")


def _refuse_twice(files: list[SourceFile]) -> None:
    known = set[str]()
    for file in files:
        place = os.path.realpath(file.filesystem()[1]) if file.is_local else file.path
        if place in known:
            raise ConfigError(f"{file.name} is named by two sources", "each file is read once")
        known.add(place)


def read_mesh(specialty: str) -> tuple[list[str], str, str]:
    """The MeSH descriptors of a specialty, and their file's path below the project and SHA-256."""
    file = PROJECT / "filters" / "terms" / f"{specialty}.mesh.txt"
    path = f"filters/terms/{file.name}"
    if not file.is_file():
        raise ConfigError(
            f"there is no {path}", "write one: the MeSH descriptors of the specialty, one a line"
        )
    content = file.read_bytes()
    return parse_mesh(content.decode("utf-8"), path), path, hashlib.sha256(content).hexdigest()
