"""The arithmetic of docs/scale.md: what the paper's datasets take, from the rates that stand on that page.

    python -m benchmarks.scale [--set NAME=VALUE ...] [--write]

The page's tables of rates hold every figure and where it comes from; each table between two marks is computed
from them. Prints those; ``--set`` puts your own rates in the place of the page's (a measurement of your
machines, your number of servers). ``--write`` brings the page up to date after a rate in it was changed.
"""

import argparse
import math
import re
from pathlib import Path

PAGE = Path(__file__).parents[1] / "docs" / "scale.md"
BLOCK, SPILL, BUCKETS = 256 << 20, 128 << 20, 8
"""Bytes of a unit and of a shard, bytes that publishing holds, and its buckets a shard: as in the code."""
GPUS = 8
"""Of one server."""
Rates = dict[str, float]
_RATE = re.compile(r"^\| `(\w+)` \| ([\d,.e]+) \|", re.MULTILINE)


def rates_of(page: str, changes: list[str]) -> Rates:
    """The rates of a page by name, with ``NAME=VALUE`` changes. SystemExit names what is wrong with one."""
    found = {name: float(value.replace(",", "")) for name, value in _RATE.findall(page)}
    for change in changes:
        name, _, value = change.partition("=")
        if name not in found:
            raise SystemExit(f"there is no rate {name!r}; there are {', '.join(found)}")
        try:
            found[name] = float(value)
        except ValueError:
            raise SystemExit(f"{change}: the value is to be a number") from None
    return found


def figure(value: float) -> str:
    """Three digits that count, with commas."""
    return f"{round(value, 3 - len(str(int(value)))):,.0f}" if value >= 1000 else f"{value:.3g}"


def table(head: str, rows: list[list[str]]) -> str:
    """A Markdown table; ``head`` has its columns between bars."""
    columns = head.split(" | ")
    return "\n".join(f"| {' | '.join(line)} |" for line in [columns, ["---"] * len(columns), *rows])


def reading(v: Rates) -> str:
    """Is it the network or the cores?"""
    per_second = v["network"] / 8 * 1e3
    text = per_second * v["fineweb_tokens"] * v["bytes_a_token"] / v["fineweb_tb"] / 1e12
    rows = [
        ["read at the network's speed, hours", figure(v["fineweb_tb"] * 1e6 / per_second / 3600)],
        ["cores that keep up with it", figure(text / v["curate"])],
        ["SHA-256 of a local mirror, core hours", figure(v["fineweb_tb"] * 1e6 / v["sha256"] / 3600)],
    ]
    return table("FineWeb, all of it | ", rows)


def web(v: Rates) -> str:
    """What curating and publishing take: all of FineWeb in one build, one crawl, and Chinese FineWeb-Edu."""
    english, chinese = v["fineweb_tokens"] * v["bytes_a_token"], v["zh_tokens"] * v["zh_bytes_a_token"]
    crawls = v["fineweb_crawls"]
    of_english = (v["curate"], v["survivors"], v["survivor_text"])
    columns = [
        _web(v, english, v["fineweb_rows"], *of_english),
        _web(v, english / crawls, v["fineweb_rows"] / crawls, *of_english),
        _web(v, chinese, v["zh_rows"], v["zh_curate"], v["zh_survivors"], v["zh_survivor_text"]),
    ]
    rows = [[what, *(figure(column[what]) for column in columns)] for what in columns[0]]
    return table("one build of | FineWeb at once | one crawl of it | Chinese FineWeb-Edu", rows)


def _web(v: Rates, text: float, rows: float, rate: float, survivors: float, share: float) -> Rates:
    held, stored = text * share, text * share / v["zstd"]
    units, chunks = math.ceil(text / BLOCK), math.ceil(held / SPILL)
    buckets = BUCKETS * math.ceil(stored / BLOCK)
    return {
        "text, TB": text / 1e12,
        "curate, core hours": text / 1e6 / rate / 3600,
        "units": units,
        "files of parts, marks and MinHash": units * v["unit_files"],
        "`plan.json`, MB": units * v["unit_plan"] / 1e6,
        "rows that hold a term": rows * survivors,
        "their text stored once, GB": stored / 1e9,
        "disk at its fullest, GB": 3 * stored / 1e9,
        "publish, hours of one process": held / 1e6 / v["publish"] / 3600,
        "scratch files of publish": chunks * min(buckets, rows * survivors / chunks),
    }


def survivors(v: Rates) -> str:
    """The steps after the keywords, for as many documents as the paper kept."""
    rows: list[list[str]] = []
    for name, count in {"English": v["kept_en"], "Chinese": v["kept_zh"]}.items():
        text = count * v["kept_bytes"]
        hours = [count / v["deduplicate"] / 3600, text / 1e6 / v["cover"] / 3600]
        disk = [count * v["signature_bytes"] / 1e9, 3 * text / v["zstd"] / 1e9]
        rows.append([name, *(figure(number) for number in [count, text / 1e9, *hours, *disk])])
    head = "kept as in the paper | documents | text, GB | deduplicate, core hours | decontaminate, core hours"
    return table(head + " | MinHash, GB | disk at its fullest, GB", rows)


def pubmed(v: Rates) -> str:
    """The whole baseline, and how many of its files make the paper's pairs."""
    citations = v["pubmed_files"] * v["pubmed_file"]
    xml = citations * v["pubmed_gz"] * v["pubmed_xml"]
    abstracts = citations * v["with_abstract"] * v["on_topic"]
    wanted = v["pairs"] / v["pairs_an_abstract"]
    rows = {
        "citations, at most": citations,
        "download, GB of gzip": citations * v["pubmed_gz"] / 1e9,
        "XML, GB": xml / 1e9,
        "select, core hours": xml / 1e6 / v["pubmed_select"] / 3600,
        "parts on disk, GB": citations * v["pubmed_disk"] / 1e9,
        "abstracts on the specialty": abstracts,
        "of them in one file": abstracts / v["pubmed_files"],
        "files that hold enough of them": wanted * v["pubmed_files"] / abstracts,
    }
    return table("PubMed, the baseline | ", [[what, figure(value)] for what, value in rows.items()])


def models(v: Rates) -> str:
    """Requests, tokens, and hours of the servers: the slower of all tokens and of generated tokens alone."""
    abstracts, questions = v["pairs"] / v["pairs_an_abstract"], v["questions_an_abstract"]
    steps = [
        ("qa: questions", "Llama-3.3-70B", abstracts, "questions", "dense", "cache_pair"),
        ("qa: judge", "Qwen2.5-72B", abstracts * questions, "judge", "dense", "cache_pair"),
        ("qa: answer", "Qwen2.5-72B", abstracts * questions, "answer", "dense", "cache_pair"),
        ("r1: attempts", "DeepSeek-R1", v["r1_questions"] * v["attempts"], "r1", "moe", "cache_reasoning"),
        (
            "bench: votes",
            "DeepSeek-R1",
            v["bench_questions"] * v["attempts"],
            "vote",
            "moe",
            "cache_reasoning",
        ),
    ]
    rows, total = list[list[str]](), 0.0
    for step, model, requests, kind, served, cached in steps:
        into, out = requests * v[f"{kind}_in"], requests * v[f"{kind}_out"]
        hours = max((into + out) / v[f"{served}_total"], out / v[f"{served}_out"]) / 3600
        total += hours
        told = [requests, into / 1e6, out / 1e6, hours * GPUS, hours / v["servers"] * 60]
        rows.append([step, model, *map(figure, told), figure(requests * v[cached] / 1e6)])
    rows.append(["**all**", "", "", "", "", figure(total * GPUS), figure(total / v["servers"] * 60), ""])
    head = "step | model | requests, at most | prompt tokens, M | generated, M | GPU hours"
    return table(head + " | minutes on all servers | cache, MB", rows)


def tables(v: Rates) -> dict[str, str]:
    """Each computed table by its name."""
    return {make.__name__: make(v) for make in (reading, web, survivors, pubmed, models)}


def filled(page: str, computed: dict[str, str]) -> str:
    """The page with each table between its marks; SystemExit names a table that has no marks."""
    for name, text in computed.items():
        marked = re.compile(rf"(<!-- {name} -->\n).*?(<!-- end -->)", re.DOTALL)
        page, found = marked.subn(lambda match, text=text: f"{match[1]}\n{text}\n\n{match[2]}", page)
        if found != 1:
            raise SystemExit(f"the page has {found} places for the table {name}")
    return page


def main() -> None:
    """Print the tables, or write them into the page."""
    parser = argparse.ArgumentParser(description="the arithmetic of docs/scale.md")
    parser.add_argument("--set", metavar="NAME=VALUE", nargs="+", default=[], help="your own rates")
    parser.add_argument("--write", action="store_true", help="bring the page up to date with its own rates")
    arguments = parser.parse_args()
    page = PAGE.read_text(encoding="utf-8")
    if arguments.write:
        if arguments.set:
            raise SystemExit("--write takes the page's own rates: change them there")
        PAGE.write_text(filled(page, tables(rates_of(page, []))), encoding="utf-8")
        return
    print("\n\n".join(tables(rates_of(page, arguments.set)).values()))


if __name__ == "__main__":
    main()
