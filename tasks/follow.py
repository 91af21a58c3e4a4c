"""What people can follow in the flow UI while a build runs, and what they are told if it stops."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

from prefect.artifacts import create_markdown_artifact
from prefect.context import FlowRunContext
from prefect.exceptions import Pause

from anessuite.builds import Build
from anessuite.errors import AnesError
from tasks.progress_artifacts import quietly
from tasks.run_log import log, log_to_ui, redacted, ui_log
from tasks.show import escaped


@contextmanager
def followed(build: Build) -> Iterator[None]:
    """Log to the flow UI while the block runs; if it raises, leave an artifact that says what to do."""
    log_to_ui()
    ui_log.info("%s is built below %s", build.ref, build.store.root)
    try:
        yield
    except Exception as error:
        quietly(partial(_explain, build, error))
        raise
    except Pause:  # it waits for people, and says so itself
        raise
    except BaseException as stopped:  # cancelled, a signal, Ctrl-C
        name = type(stopped).__name__
        quietly(lambda: ui_log.warning("cancelled, or its process ended (%s). %s", name, _continue(build)))
        raise


def reused(ref: object) -> str:
    """The reference of a finished version that is taken instead of building; says so."""
    log.info("%s has this very recipe (sources, config, prompts): nothing is built", ref)
    return str(ref)


def _explain(build: Build, error: Exception) -> None:
    if FlowRunContext.get() is None:
        return
    what, hint = (error.what, error.hint) if isinstance(error, AnesError) else (_defect(error), "")
    what, hint = redacted(what), redacted(hint)
    lines = [f"{build.ref} stopped: {what}", *([f"Next: {hint}"] if hint else []), _continue(build)]
    ui_log.error("%s", "\n".join(lines))
    then = f"**Next:** {escaped(hint)}" if hint else ""
    blocks = [f"# {build.ref} stopped", _block(what), then, escaped(_continue(build))]
    text = "\n\n".join(filter(None, blocks))
    key = f"{build.ref.name}-{build.ref.version}-stopped".replace(".", "-")
    create_markdown_artifact(text, key=key, description=f"{build.ref}: why it stopped, and what to do")


def _block(text: str) -> str:
    """Each line by itself; a block of code would not wrap."""
    return "\n>\n".join(f"> {escaped(line.strip())}" for line in text.splitlines() if line.strip())


def _defect(error: Exception) -> str:
    said = f"{type(error).__name__}: {error}"
    return f"{said}\nThis is a defect of the product or of the machine; the log has the traceback to report."


def _continue(build: Build) -> str:
    """How to go on, and what is already there."""
    folders = {path.split("/")[0] for path in build.store.files(build.folder) if path.count("/") == 1}
    done = [(step, build.marks(step)) for step in sorted(folders) if not step.startswith("log")]
    parts = ", ".join(f"{step} {count}" for step, count in done if count)
    kept = f" Finished parts are kept ({parts})." if parts else ""
    return (
        "To continue: Retry on the page of this run, if a deployment started it, or the same command again "
        f"(anes build {build.ref.name} ...).{kept} Replies of models are in the cache and not paid for again."
    )
