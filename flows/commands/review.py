"""``anes review``: give questions to people, take their opinions back, and see how far they are."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from flows.commands.output import JsonOption, errors_explained, print_json, print_table
from flows.commands.versions import Ref, Root, root_or_default

if TYPE_CHECKING:
    from anessuite.review.imports import Imported
    from anessuite.review.rounds import Round
    from anessuite.review.status import ReviewStatus
    from anessuite.storage import Store

review = typer.Typer(
    name="review",
    help="Let people review exam questions, and bring back what they say.",
    no_args_is_help=True,
)

AsJson = Annotated[bool, JsonOption]
Out = Annotated[str, typer.Option(help="folder or URL for the files; it may hold no other export")]
To = Annotated[
    str | None,
    typer.Option(
        "--to", help="address of a Label Studio: make its projects, too; key in $LABEL_STUDIO_API_KEY"
    ),
]
Names = Annotated[
    list[str] | None, typer.Option("--annotator", help="name or e-mail of a person; once for each of them")
]
_KEY = "LABEL_STUDIO_API_KEY"
_MOST_SHOWN = 20
_SETTLE = (
    "to settle a conflict, let the person choose again in one place and save it: the later opinion counts"
)


@review.command("export")
def export_reviews(
    ref: Ref,
    out: Out,
    fraction: Annotated[float, typer.Option(help="share of each language and level that is drawn")] = 0.6,
    seed: Annotated[int, typer.Option(help="of the draw")] = 7,
    annotators: Annotated[
        int | None, typer.Option(help="opinions a question; default: as many as are named, or 2")
    ] = None,
    annotator: Names = None,
    agreement_below: Annotated[
        float,
        typer.Option(
            help="questions with a smaller share of votes for their level are reviewed, drawn or not"
        ),
    ] = 0.67,
    to: To = None,
    root: Root = None,
    as_json: AsJson = False,
) -> None:
    """Write questions for annotators: Label Studio tasks, and a workbook (XLSX) for each person.

    A share of each language and level is drawn. Beside these people get every question with a tie or of low
    agreement (by default: three votes that are not unanimous), and get them first.

    Examples:

        anes review export bench@dev --fraction 0.6 --seed 7 --annotators 2 --out review/1

        anes review export bench@dev --annotator li@example.org --annotator wu@example.org --out review/1

        anes review export bench@dev --out review/1 --to http://localhost:8080
    """
    with errors_explained():
        from anessuite.review.rounds import annotation_round
        from anessuite.storage import Store
        from anessuite.versions import DatasetRef

        names = annotator or []
        store = Store(root_or_default(root))
        made = annotation_round(
            store,
            DatasetRef.parse(ref),
            fraction=fraction,
            seed=seed,
            annotators=annotators if annotators is not None else len(names) or 2,
            agreement_below=agreement_below,
            names=names,
        )
        _hand_out(store, made, out, to, as_json)


@review.command("adjudicate")
def adjudicate(
    ref: Ref,
    out: Out,
    adjudicator: Annotated[str | None, typer.Option(help="name or e-mail of who decides")] = None,
    to: To = None,
    root: Root = None,
    as_json: AsJson = False,
) -> None:
    """Write the questions on which annotators disagree, with their opinions, for one who decides.

    The filled files come back by `anes review import`, as those of annotators do.

    Example: anes review adjudicate bench@dev --adjudicator chen@example.org --out review/decide
    """
    with errors_explained():
        from anessuite.review.rounds import adjudication_round
        from anessuite.storage import Store
        from anessuite.versions import DatasetRef

        store = Store(root_or_default(root))
        names = [adjudicator] if adjudicator is not None else []
        _hand_out(store, adjudication_round(store, DatasetRef.parse(ref), names=names), out, to, as_json)


@review.command("import")
def import_reviews(
    paths: Annotated[
        list[str],
        typer.Argument(
            metavar="PATH...", help="filled .xlsx, Label Studio's JSON, or the address of one of its projects"
        ),
    ],
    ref: Annotated[
        str | None,
        typer.Option("--for", help="the version they are compared with; default: the one they name"),
    ] = None,
    annotator: Names = None,
    root: Root = None,
    as_json: AsJson = False,
) -> None:
    """Take in what people filled in: workbooks and JSON exports of Label Studio, finished or not.

    Importing a file again changes nothing, and a later opinion of a person replaces the earlier. What cannot
    be taken is counted by reason and kept below reviews/NAME/refused.

    Examples:

        anes review import review/1/review.annotator-1.xlsx review/1/review.annotator-2.xlsx

        anes review import project-1.json --for bench@dev --annotator li@example.org

        anes review import http://localhost:8080/projects/3
    """
    with errors_explained():
        from anessuite.review.files import read_project, read_review_file, version_of
        from anessuite.review.imports import import_reviews as take
        from anessuite.review.questions import judged_questions
        from anessuite.review.store import ReviewStore
        from anessuite.storage import Store
        from anessuite.versions import DatasetRef

        files = [
            read_project(path, _api_key())
            if path.startswith(("http://", "https://"))
            else read_review_file(Path(path))
            for path in paths
        ]
        parsed = DatasetRef.parse(ref) if ref is not None else version_of(files)
        store = Store(root_or_default(root))
        questions = judged_questions(store, parsed)
        done = take(ReviewStore(store, parsed.name), files, questions, names=annotator or ())
        _say_imported(str(parsed), done, as_json)


@review.command("status")
def status(
    ref: Ref,
    fraction: Annotated[
        float | None, typer.Option(help="share that is wanted; default: that of the latest export")
    ] = None,
    annotators: Annotated[
        int | None, typer.Option(min=1, help="opinions that make a question reviewed; default: likewise")
    ] = None,
    root: Root = None,
    as_json: AsJson = False,
) -> None:
    """Show how far reviews are, how much people agree with each other and the model, and what they doubt.

    Example: anes review status bench@dev --json
    """
    with errors_explained():
        from anessuite.review.status import review_status
        from anessuite.storage import Store
        from anessuite.versions import DatasetRef

        store = Store(root_or_default(root))
        found = review_status(store, DatasetRef.parse(ref), fraction=fraction, required=annotators)
        if as_json:
            print_json(found.as_dict())
            return
        _show_progress(found)
        _show_agreement(found)
        _show_doubts(found)


def _hand_out(store: "Store", made: "Round", out: str, to: str | None, as_json: bool) -> None:
    """Write the files, register the export, make the projects, and say so."""
    from anessuite.review.rounds import write_round
    from anessuite.review.store import ReviewStore
    from anessuite.storage import Store
    from anessuite.versions import DatasetRef

    key = _api_key() if to is not None else ""
    files = write_round(Store(out), made)
    registered = ReviewStore(store, DatasetRef.parse(made.export.version).name).register(made.export)
    projects = _projects(to, key, made) if to is not None else {}
    if as_json:
        told = made.export.model_dump(mode="json")
        print_json(told | {"files": files, "registered": registered, "projects": projects})
        return
    strata = [stratum.model_dump() for stratum in made.export.strata]
    title = f"{made.export.version}, export {made.export.export}"
    print_table(list(strata[0]), [list(stratum.values()) for stratum in strata], title=title)
    typer.echo(f"{made.questions.height:,} questions in {out}: {', '.join(files)}")
    for language, address in projects.items():
        typer.echo(f"{language}: {address}")
    typer.echo(
        "send each person a workbook, or the address; bring them back with anes review import", err=True
    )


def _api_key() -> str:
    from anessuite.errors import ConfigError

    if not (key := os.environ.get(_KEY, "").strip()):
        raise ConfigError(
            f"Label Studio needs a key in {_KEY}, which is not set",
            "in Label Studio: Account & Settings, then the access token; nothing was written",
        )
    return key


def _projects(to: str, key: str, made: "Round") -> dict[str, str]:
    from anessuite.review.label_studio_api import create_projects

    kind = "review" if made.export.role == "annotator" else "decide"
    title = f"{made.export.version} {kind} {made.export.export}"
    return create_projects(to, key, title, made.tasks(), annotators=made.export.annotators)


def _say_imported(ref: str, done: "Imported", as_json: bool) -> None:
    if as_json:
        print_json({"version": ref} | done.as_dict())
        return
    headings = [name.replace("_", " ") for name in done.counts.columns]
    print_table(headings, done.counts.rows(), title=f"reviews of {ref}, {done.reviews:,} stored now")
    for name in done.unnamed:
        typer.echo(
            f"{name}: nobody gave a name; another workbook of that number is taken for the same person",
            err=True,
        )
    if done.refused_path is None:
        return
    print_table(["refused because", "rows"], list(done.reasons().items()))
    shown = done.refused.select("file", "place", "annotator", "reason", "evidence").head(_MOST_SHOWN)
    print_table(shown.columns, shown.rows())
    typer.echo(f"all refused rows: {done.refused_path}, below the root", err=True)
    if "conflict" in done.reasons():
        typer.echo(_SETTLE, err=True)


def _show_progress(found: "ReviewStatus") -> None:
    title = f"{found.version}: {found.fraction:.0%} wanted, {found.required} opinions a question"
    print_table(found.progress.columns, found.progress.rows(), title=title)
    told = found.statistics
    if not told.reviews:
        typer.echo("nobody has reviewed anything yet: anes review export, then anes review import", err=True)
        return
    print_table(["annotator", "questions reviewed"], list(told.reviews.items()))
    typer.echo(
        f"{told.several:,} questions with two annotators or more, {told.adjudicated:,} adjudicated, "
        f"{told.outdated:,} reviews of questions that have changed or are not in the version"
    )


def _show_agreement(found: "ReviewStatus") -> None:
    told = found.statistics
    if not told.reviews:
        return
    headings = ["raters", "measure", "value", "95 % interval", "questions", "note"]
    print_table(headings, found.agreement(), title="agreement")
    matrix = [[level, *row] for level, row in zip(told.levels, told.model.confusion, strict=True)]
    print_table(["people \\ model", *told.levels], matrix, title="levels of people (rows) and of the model")


def _show_doubts(found: "ReviewStatus") -> None:
    told = found.statistics
    if told.disputed:
        some = ", ".join(told.disputed[:_MOST_SHOWN])
        typer.echo(f"{len(told.disputed):,} questions in dispute: {some}")
        typer.echo(f"  anes review adjudicate {found.version} --out DIR lets somebody decide", err=True)
    rows = [
        (
            one["id"],
            one["gold_wrong"],
            one["unsound"],
            ", ".join(one["annotators"]),
            "; ".join(one["comments"]),
        )
        for one in told.doubted
    ]
    if rows:
        print_table(["doubted question", "answer wrong", "not sound", "annotators", "comments"], rows)
