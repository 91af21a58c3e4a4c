"""Compile now what Numba compiles at its first use, so that no build waits for it.

``python -m anessuite.compiled`` takes 20 seconds, once an installation. The results lie in the folders
``__pycache__`` beside the sources, or where ``NUMBA_CACHE_DIR`` says.
"""

import tempfile
from pathlib import Path

import pyarrow as pa

from anessuite.normalisation import code_points, normalise_with_origins, utf8
from anessuite.sources.pubmed import citation_batches

_XML = """<?xml version="1.0"?>
<PubmedArticleSet><PubmedArticle><MedlineCitation><PMID Version="1">1</PMID><Article>
<ArticleTitle>Title</ArticleTitle><Abstract><AbstractText>Text</AbstractText></Abstract>
</Article></MedlineCitation></PubmedArticle></PubmedArticleSet>
"""


def compile_all() -> None:
    """Call everything that is compiled once; what is compiled already is loaded."""
    texts = pa.array(["e\u0301"], pa.large_string())  # of two characters that compose, a cluster
    list(utf8(texts))
    list(code_points(texts))
    normalise_with_origins("text")
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "one.xml"
        file.write_text(_XML)
        list(citation_batches(str(file)))


if __name__ == "__main__":
    compile_all()
