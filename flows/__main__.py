"""``anes``: the command line. Imports of Prefect, polars and pyarrow wait for the command that needs them."""

import typer

from flows.commands.build import build
from flows.commands.cache import cache
from flows.commands.decontaminate import decontaminate
from flows.commands.doctor import doctor
from flows.commands.export import export
from flows.commands.lexicon import lexicon
from flows.commands.plan import plan
from flows.commands.publish import publish
from flows.commands.review import review
from flows.commands.trace import trace
from flows.commands.versions import diff, list_versions, show, verify

app = typer.Typer(
    name="anes",
    help="Build the datasets of a medical specialty, look into them, and check them.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="rich",
    pretty_exceptions_show_locals=False,
)
app.command()(build)
app.command()(plan)
app.command()(decontaminate)
app.command("list")(list_versions)
app.command()(show)
app.command()(verify)
app.command()(diff)
app.command()(lexicon)
app.command()(trace)
app.command()(export)
app.command()(publish)
app.add_typer(review, name="review")
app.add_typer(cache, name="cache")
app.command()(doctor)


def main() -> None:
    """Entry point of the console script."""
    app()


if __name__ == "__main__":
    main()
