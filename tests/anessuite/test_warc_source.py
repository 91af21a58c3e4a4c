import gzip
import io
from pathlib import Path

import pytest
import zstandard
from warcio.statusandheaders import StatusAndHeaders
from warcio.warcwriter import WARCWriter

from anessuite.errors import SourceError
from anessuite.sources.documents import Batch, Source, read_unit, units_of
from anessuite.sources.files import find_files

BODY = "The anesthetist placed an epidural catheter and gave a test dose before labour. " * 5
PAGE = (
    f"<html><head><title>t</title></head><body><nav>menu</nav><article><p>{BODY}</p></article></body></html>"
)
HTML = "text/html; charset=utf-8"


def warc(*responses: tuple[bytes, str], gz: bool = True) -> bytes:
    out = io.BytesIO()
    writer = WARCWriter(out, gzip=gz)
    writer.write_record(writer.create_warcinfo_record("a", {"software": "test"}))
    for number, (content, kind) in enumerate(responses):
        headers = StatusAndHeaders("200 OK", [("Content-Type", kind)], protocol="HTTP/1.1")
        url = f"https://example.org/{number}"
        writer.write_record(
            writer.create_warc_record(url, "response", payload=io.BytesIO(content), http_headers=headers)
        )
        writer.write_record(writer.create_warc_record(url, "metadata", payload=io.BytesIO(b"x")))
    return out.getvalue()


def read(path: Path, content: bytes | None = None, sample: int | None = None) -> list[Batch]:
    if content is not None:
        path.write_bytes(content)
    source = Source(path=str(path))
    found = [
        unit for file in find_files(source.path) for unit in units_of(source, file, start=0, sample=sample)
    ]
    return [batch for unit in found for batch in read_unit(unit)]


def texts(batches: list[Batch]) -> list[str | None]:
    return [text for batch in batches for text in batch.text.to_pylist()]


def faults(batches: list[Batch]) -> list[str | None]:
    return [fault for batch in batches if batch.fault is not None for fault in batch.fault.to_pylist()]


def test_html_responses_become_rows_with_their_main_text(tmp_path: Path) -> None:
    content = warc(
        (PAGE.encode(), HTML), (b"%PDF", "application/pdf"), (PAGE.encode(), "application/xhtml+xml")
    )
    batches = read(tmp_path / "a.warc.gz", content)
    assert texts(batches) == [BODY.strip()] * 2 and faults(batches) == [None] * 2
    [batch] = batches
    assert batch.url is not None and batch.url.to_pylist() == [
        "https://example.org/0",
        "https://example.org/2",
    ]
    assert batch.source_id is not None
    assert all(name.startswith("<urn:uuid:") for name in batch.source_id.to_pylist())


@pytest.mark.parametrize("suffix", ["", ".gz", ".zst"])
def test_every_packing_gives_the_same_rows(tmp_path: Path, suffix: str) -> None:
    plain = warc((PAGE.encode(), HTML), gz=False)
    packed = {"": plain, ".gz": gzip.compress(plain), ".zst": zstandard.ZstdCompressor().compress(plain)}[
        suffix
    ]
    assert texts(read(tmp_path / f"a.warc{suffix}", packed)) == [BODY.strip()]


def test_a_sample_reads_the_first_documents(tmp_path: Path) -> None:
    content = warc(*[(PAGE.encode(), HTML)] * 4)
    assert len(texts(read(tmp_path / "a.warc.gz", content, sample=2))) == 2


def test_a_page_without_text_becomes_a_row_with_a_fault(tmp_path: Path) -> None:
    batches = read(tmp_path / "a.warc.gz", warc((b"<html></html>", HTML), (b"", HTML), (PAGE.encode(), HTML)))
    assert texts(batches) == [None, None, BODY.strip()]
    assert faults(batches) == ["not_extractable", "not_extractable", None]


@pytest.mark.parametrize("declared", ["gb18030", "idna", "hex", "no-such-charset"])
def test_pages_are_decoded_as_they_declare_and_hostile_declarations_do_no_harm(
    tmp_path: Path, declared: str
) -> None:
    page = PAGE.replace("epidural", "硬膜外").encode("gb18030")
    [text] = texts(read(tmp_path / "a.warc.gz", warc((page, f"text/html; charset={declared}"))))
    assert text is not None and "catheter" in text
    assert ("硬膜外" in text) == (declared == "gb18030")


@pytest.mark.parametrize(
    ("gz", "cut"), [(True, 0.5), (True, 0.9), (True, 4), (False, 0.5), (False, 4)]
)  # plain: inside contents; warcio takes half a header for a whole one
def test_an_archive_that_is_cut_off_is_an_error_of_the_file(tmp_path: Path, gz: bool, cut: float) -> None:
    whole = warc((PAGE.encode(), HTML), gz=gz)
    kept = int(len(whole) * cut) if cut < 1 else len(whole) - int(cut) - 1
    with pytest.raises(SourceError, match=r"a\.warc\S* is cut off or damaged: .*\n.*--keep-going"):
        read(tmp_path / f"a.warc{'.gz' if gz else ''}", whole[:kept])


def test_a_file_that_is_no_warc_is_an_error_of_the_file(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"a\.warc\.gz is cut off or damaged"):
        read(tmp_path / "a.warc.gz", b"no archive at all")
    with pytest.raises(SourceError, match=r"b\.warc holds no WARC entry\n.*`format`"):
        read(tmp_path / "b.warc", b"")


def test_real_archives_hold_the_pages_that_their_readme_states(shared_data: Path) -> None:
    batches = read(shared_data / "web/en/warc")
    assert len(texts(batches)) == 37
    assert sum(1 for text in texts(batches) if text) > 30


def test_a_real_archive_that_is_cut_off_is_an_error_that_names_it(shared_data: Path, tmp_path: Path) -> None:
    whole = (shared_data / "web/en/warc/sample-0000.warc.gz").read_bytes()
    with pytest.raises(SourceError, match=r"real\.warc\.gz is cut off or damaged"):
        read(tmp_path / "real.warc.gz", whole[: len(whole) // 2])
