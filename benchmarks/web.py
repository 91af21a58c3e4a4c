"""The real web text below ``../shared/data/web`` as sources; paths are relative to that folder."""

from anessuite.sources.columns import Columns, Each
from anessuite.sources.documents import Source

_QA = Columns(id="doc_id", url="url", text=["focus", Each(each="qa", columns=["question", "answer"])])
_CLINICAL = Columns(
    id="id", text=["title", "description", Each(each="QA_pairs", columns=["question", "answer", "solution"])]
)

WEB = [
    Source(name="medquad", path="en/medquad.jsonl.gz", columns=_QA, licence="CC BY 4.0"),
    Source(name="dolma", path="en/dolma_*.jsonl.gz", columns=Columns(id="id")),
    Source(name="dclm", path="en/dclm_*.jsonl.gz"),
    Source(name="warc", path="en/warc"),
    Source(
        name="cmrc",
        path="zh/cmrc2018_*.json.gz",
        language="zh",
        columns=Columns(id="context_id", text="context_text"),
        licence="CC BY-SA 4.0",
    ),
    Source(
        name="cmb-clin", path="zh/CMB-Clin-qa.json", language="zh", columns=_CLINICAL, licence="Apache-2.0"
    ),
    Source(
        name="medical-sft",
        path="zh/medical_sft_1k.jsonl.gz",
        language="zh",
        columns=Columns(text=[Each(each="conversations", columns=["value"])]),
        licence="Apache-2.0",
    ),
]
