"""``anes lexicon``: what each term of a lexicon finds in given documents."""

from typing import Annotated

import typer

from flows.commands.output import JsonOption, errors_explained, print_json, print_table


def lexicon(
    documents: Annotated[str, typer.Argument(help="file, glob, folder or URL of documents")],
    lang: Annotated[str, typer.Option("--lang", help="en or zh")],
    specialty: Annotated[str, typer.Option(help="whose lexicon")] = "anesthesiology",
    text: Annotated[str, typer.Option("--text", help="column that holds the text")] = "text",
    limit: Annotated[int | None, typer.Option(min=1, help="read only so many documents")] = None,
    contexts: Annotated[int, typer.Option(min=0, help="sample contexts a term")] = 1,
    top: Annotated[int, typer.Option(min=1, help="terms to print")] = 50,
    as_json: Annotated[bool, JsonOption] = False,
) -> None:
    """Show per term: hits, documents, the documents that no other core term finds, and sample contexts.

    Example: anes lexicon --lang zh 'crawl/*.parquet' --contexts 2
    """
    with errors_explained():
        from anessuite.sources.columns import Columns
        from anessuite.sources.documents import Source, read_texts
        from filters.yields import term_yields
        from tasks.survey import read_lexicon

        terms, _ = read_lexicon(specialty, lang)
        source = Source(path=documents, language=lang, columns=Columns(text=text))
        table, read = term_yields(read_texts(source, limit=limit), terms, contexts=contexts)
        if as_json:
            print_json({"documents": read, "terms": table.to_dicts()})
            return
        typer.echo(f"{read:,} documents; {table.height} of {len(terms.terms)} terms occur")
        if not read:
            typer.secho("the source holds no documents", fg="yellow", err=True)
            raise typer.Exit(1)
        if not table.height:
            typer.secho(
                "no term occurs at all: is this text in the lexicon's language?", fg="yellow", err=True
            )
            raise typer.Exit(1)
        rows = [(*row[:-1], " … ".join(row[-1])) for row in table.head(top).rows()]
        print_table(table.columns, rows)
        if table.height > top:
            typer.echo(f"... and {table.height - top} more; --top or --json shows them", err=True)
