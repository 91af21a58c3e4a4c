"""docs/scale.md: its tables follow from its rates, and its commands are there."""

import re
import shlex

import pytest
import typer

from benchmarks.scale import PAGE, figure, filled, rates_of, tables
from flows.__main__ import app

TEXT = PAGE.read_text(encoding="utf-8")
RATES = rates_of(TEXT, [])
RATE_ROWS = [line for line in TEXT.splitlines() if re.match(r"\| `\w+` \| [\d.]", line)]


def test_the_tables_of_the_page_follow_from_its_rates() -> None:
    assert filled(TEXT, tables(RATES)) == TEXT, "run: python -m benchmarks.scale --write"


def test_each_rate_of_the_page_is_read_and_says_where_it_is_from() -> None:
    assert len(RATE_ROWS) == len(RATES) > 40
    for row in RATE_ROWS:
        name, _, unit, kind, source = (cell.strip() for cell in row.strip("|").split("|"))
        assert unit and source, name
        assert kind in ("measured", "published", "chosen"), name


@pytest.mark.parametrize("name", RATES)
def test_each_rate_moves_a_table(name: str) -> None:
    moved = [tables(RATES | {name: RATES[name] * factor}) for factor in (0.1, 10)]
    assert any(each != tables(RATES) for each in moved)


def test_a_rate_of_ones_own_takes_the_place_of_the_pages() -> None:
    assert rates_of(TEXT, ["network=100", "curate=50"]) == RATES | {"network": 100.0, "curate": 50.0}
    hours = 44e12 / (100e9 / 8) / 3600
    assert f"hours | {hours:.3g} |" in tables(RATES | {"network": 100.0})["reading"]


def test_a_rate_that_there_is_not_is_refused_by_its_name() -> None:
    with pytest.raises(SystemExit, match=r"no rate 'curat'.*curate"):
        rates_of(TEXT, ["curat=50"])


def test_a_page_without_a_place_for_a_table_is_refused() -> None:
    with pytest.raises(SystemExit, match="0 places for the table web"):
        filled(TEXT.replace("<!-- web -->", ""), tables(RATES))


@pytest.mark.parametrize(
    ("value", "shown"),
    [(0.05555, "0.0556"), (9.777, "9.78"), (223.4, "223"), (1334.4, "1,330"), (4.25e6, "4,250,000")],
)
def test_figures_have_three_digits_that_count(value: float, shown: str) -> None:
    assert figure(value) == shown


def _commands() -> list[list[str]]:
    blocks = re.findall(r"```bash\n(.*?)```", TEXT, re.DOTALL)
    lines = [line.strip() for block in blocks for line in block.splitlines()]
    return [shlex.split(line)[1:] for line in lines if line.startswith("anes ")]


def test_each_command_of_the_page_is_there_with_its_options() -> None:
    commands = _commands()
    assert len(commands) >= 12
    for words in commands:
        command = typer.main.get_command(app)
        while (name := words[0] if words else "") in getattr(command, "commands", {}):
            command, words = command.commands[name], words[1:]  # type: ignore[attr-defined]
        assert not hasattr(command, "commands"), words
        known = {option for parameter in command.params for option in parameter.opts}
        assert {word for word in words if word.startswith("--")} <= known, words


def test_each_file_that_the_page_names_is_there() -> None:
    named = set(re.findall(r"\b(?:deployments|anessuite|tests)/[\w./-]+\.\w+", TEXT))
    assert "deployments/corpus.fineweb.yaml" in named
    assert [name for name in sorted(named) if not (PAGE.parents[1] / name).is_file()] == []
