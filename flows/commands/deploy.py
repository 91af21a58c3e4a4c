"""``deployments/prefect.yaml`` becomes work pools and deployments on a Prefect server.

The file says what runs where and when; what is built stands in the ready config that a deployment names.
"""

import os
import typing
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path
from typing import Annotated, Any, Literal

import typer
from pydantic import Field, model_validator

from anessuite.config import Config, read_config
from anessuite.errors import AnesError, ConfigError
from flows.commands.output import JsonOption, errors_explained, print_json, print_table
from flows.commands.versions import Root, root_or_default

PROJECT = Path(__file__).resolve().parents[2]
FILE = PROJECT / "deployments" / "prefect.yaml"
PULL_STEPS: list[dict[str, Any]] = [{"flows.commands.deploy.enter_checkout": {}}]
_ENTRYPOINT = r"^flows(?:\.[A-Za-z_][A-Za-z0-9_]*){2}$"
Slug = Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{0,63}$")]


def enter_checkout() -> dict[str, str]:
    """The pull step of our deployments: a run starts in its worker's checkout, as ``anes build`` does."""
    os.environ.setdefault("TQDM_DISABLE", "1")  # bars would fill the worker's log
    return {"directory": str(PROJECT)}


class Pool(Config):
    """A work pool: the machines whose workers were started with its name."""

    name: Slug
    type: Literal["process"] = "process"
    concurrency_limit: int | None = Field(default=None, ge=1, description="runs at once, over all workers")
    description: str = ""


class Schedule(Config):
    """When a deployment runs: by ``cron``, or every ``interval`` seconds, counted from ``anchor_date``."""

    cron: str | None = None
    interval: float | None = Field(default=None, ge=1)
    anchor_date: datetime = datetime(2026, 1, 1, tzinfo=UTC)
    timezone: str = "UTC"

    @model_validator(mode="after")
    def _fits(self) -> "Schedule":
        if (self.cron is None) == (self.interval is None):
            raise ValueError("either cron or interval")
        self.prefect()
        return self

    def prefect(self) -> Any:
        """The schedule as Prefect's client writes it; raises ValueError for a wrong cron line or timezone."""
        from prefect.client.schemas.schedules import construct_schedule

        return construct_schedule(
            cron=self.cron,
            interval=self.interval,
            anchor_date=self.anchor_date if self.interval else None,
            timezone=self.timezone,
        )


class Deployment(Config):
    """One flow with a config, a place and a time."""

    name: Slug
    entrypoint: str = Field(pattern=_ENTRYPOINT, description="module path, such as flows.qa.qa")
    config: str = Field(description="the ready config, beside this file")
    parameters: dict[str, Any] = Field(default_factory=dict, description="of the flow, but config")
    schedules: list[Schedule] = Field(default_factory=list)
    work_pool: dict[Literal["name"], Slug] = Field(min_length=1)
    concurrency_limit: int = Field(default=1, ge=1, description="runs at once; the others wait")
    tags: list[str] = Field(default_factory=list)

    @model_validator(mode="after")
    def _can_repeat(self) -> "Deployment":
        version = str(self.parameters.get("version", "dev"))
        if self.schedules and version[:1].isdigit():
            raise ValueError(f"a schedule would build version {version} only once: write today, or dev")
        if "config" in self.parameters:
            raise ValueError("config is no parameter here: name the file under config")
        return self


class Deployments(Config):
    """``deployments/prefect.yaml``."""

    work_pools: list[Pool] = Field(min_length=1)
    deployments: list[Deployment] = Field(min_length=1)

    @model_validator(mode="after")
    def _in_known_pools(self) -> "Deployments":
        known = [pool.name for pool in self.work_pools]
        for one in self.deployments:
            if one.work_pool["name"] not in known:
                there = ", ".join(known)
                raise ValueError(f"{one.name}: no work pool {one.work_pool['name']!r}; known: {there}")
        names = [(one.entrypoint, one.name) for one in self.deployments]
        if twice := [f"{flow} {name}" for flow, name in names if names.count((flow, name)) > 1]:
            raise ValueError(f"twice in the file: {twice[0]}")
        return self


@dataclass(frozen=True, slots=True)
class Outcome:
    """What was done about one part: ``created``, ``changed: ...``, ``left`` or ``not in the file``."""

    kind: str
    name: str
    done: str


def deploy(
    file: Annotated[Path, typer.Option("--file", help="what runs where and when")] = FILE,
    root: Root = None,
    as_json: Annotated[bool, JsonOption] = False,
) -> None:
    """Create or update the work pools and deployments of deployments/prefect.yaml on the Prefect server.

    All configs are checked before anything is created. Runs build below ``--root``.

    Example: python -m flows.commands.deploy --root s3://bucket/suite
    """
    os.environ.setdefault("PREFECT_SERVER_ANALYTICS_ENABLED", "false")
    with errors_explained():
        outcomes = apply(file, root_or_default(root))
    if as_json:
        print_json([asdict(outcome) for outcome in outcomes])
    else:
        print_table(["kind", "name", "done"], [(one.kind, one.name, one.done) for one in outcomes])


def apply(file: Path, root: str) -> list[Outcome]:
    """Bring the server in line with ``file``; runs build below ``root``. Returns what was done, in order.

    Raises:
        ConfigError: the file or a config is wrong, or no server is set; nothing was changed.
        AnesError: the server does not answer, or refuses.
    """
    plan = read_config(file, Deployments)
    wanted = [_wanted(one, file.resolve().parent, root) for one in plan.deployments]
    with _server() as client:
        pools = [_bring_pool(client, pool) for pool in plan.work_pools]
        return [*pools, *(_bring_deployment(client, one) for one in wanted), *_others(client, wanted)]


def _wanted(one: Deployment, folder: Path, root: str) -> dict[str, Any]:
    """What is to stand on the server: fields of Prefect's DeploymentCreate, and the name of the flow."""
    from prefect.exceptions import ParameterTypeError, SignatureMismatchError
    from prefect.utilities.callables import parameter_schema

    flow = _flow(one.entrypoint)
    parameters = {"config": _recipe(flow, folder, one.config), "root": root} | one.parameters
    try:
        flow.validate_parameters(parameters)
    except (ParameterTypeError, SignatureMismatchError, TypeError) as error:
        said = f"the parameters of {flow.name}/{one.name} do not fit its flow:\n{error}"
        raise ConfigError(said, "see its arguments in the flow's file") from None
    return {
        "flow": flow.name,
        "name": one.name,
        "entrypoint": one.entrypoint,
        "description": flow.description,
        "parameters": parameters,
        "parameter_openapi_schema": parameter_schema(flow.fn).model_dump_for_openapi(),
        "enforce_parameter_schema": True,
        "pull_steps": PULL_STEPS,
        "work_pool_name": one.work_pool["name"],
        "concurrency_limit": one.concurrency_limit,
        "tags": sorted(one.tags),
        "schedules": [schedule.prefect() for schedule in one.schedules],
    }


def _flow(entrypoint: str) -> Any:
    from prefect import Flow

    module, _, name = entrypoint.rpartition(".")
    try:
        flow = getattr(import_module(module), name, None)
    except ModuleNotFoundError as error:
        raise ConfigError(
            f"no flow {entrypoint}: {error}", "entrypoint names its module and function"
        ) from None
    if not isinstance(flow, Flow):
        raise ConfigError(f"{entrypoint} is no flow", f"write the module's @flow function: {module}.NAME")
    return flow


def _recipe(flow: Any, folder: Path, name: str) -> dict[str, Any]:
    """The config file as JSON values: what it states, checked by the flow's own model."""
    path = (folder / name).resolve()
    if not path.is_relative_to(folder):
        raise ConfigError(f"config {name!r} is not beside the file", f"put it into {folder.name}/")
    model = typing.get_type_hints(flow.fn).get("config")
    if model is None:
        raise ConfigError(f"the flow {flow.name} takes no config", "only flows with a config are deployed")
    return read_config(path, model).model_dump(mode="json", by_alias=True, exclude_unset=True)


@contextmanager
def _server() -> Iterator[Any]:
    """A client of the server that is set; its faults become ours. Never the temporary server of a build."""
    import httpx
    from prefect.client.orchestration import get_client
    from prefect.exceptions import PrefectHTTPStatusError
    from prefect.settings import get_current_settings

    url = get_current_settings().api.url
    if not url:
        advice = "make ui starts one; then: export PREFECT_API_URL=http://127.0.0.1:4200/api"
        raise ConfigError("no Prefect server is set", advice)
    shown = str(httpx.URL(url).copy_with(userinfo=b""))
    try:
        with get_client(sync_client=True) as client:
            yield client
    except PrefectHTTPStatusError as error:
        said = error.response.text[:500]
        raise AnesError(f"{shown} refuses: {error.response.status_code} {said}", "see its log") from None
    except (httpx.HTTPError, RuntimeError) as error:
        raise AnesError(f"no answer from {shown}: {error}", "start it, or set PREFECT_API_URL") from None


def _bring_pool(client: Any, pool: Pool) -> Outcome:
    from prefect.client.schemas.actions import WorkPoolCreate, WorkPoolUpdate
    from prefect.exceptions import ObjectNotFound
    from prefect.workers.process import ProcessWorker

    try:
        there = client.read_work_pool(pool.name)
    except ObjectNotFound:
        template = ProcessWorker.get_default_base_job_template()
        client.create_work_pool(WorkPoolCreate(base_job_template=template, **pool.model_dump()))
        return Outcome("work pool", pool.name, "created")
    if there.type != pool.type:
        advice = "choose another name, or delete it: prefect work-pool delete"
        raise AnesError(f"the work pool {pool.name} is of type {there.type}, not {pool.type}", advice)
    settable = pool.model_dump(include={"concurrency_limit", "description"})
    changed = [name for name, value in settable.items() if getattr(there, name) != value]
    if changed:
        client.update_work_pool(pool.name, WorkPoolUpdate(**settable))
    return Outcome("work pool", pool.name, f"changed: {', '.join(changed)}" if changed else "left")


def _bring_deployment(client: Any, wanted: dict[str, Any]) -> Outcome:
    from prefect.client.schemas.actions import DeploymentScheduleCreate
    from prefect.exceptions import ObjectNotFound

    fields = {name: value for name, value in wanted.items() if name != "flow"}
    name = f"{wanted['flow']}/{wanted['name']}"
    try:
        there = client.read_deployment_by_name(name)
        changed = [field for field, value in fields.items() if _shown(there, field) != _plain(value)]
    except ObjectNotFound:
        there, changed = None, []
    if there is not None and not changed:
        return Outcome("deployment", name, "left")
    asleep = [_plain(one.schedule) for one in (there.schedules if there else []) if not one.active]
    active = [(one, _plain(one) not in asleep) for one in fields["schedules"]]
    fields["schedules"] = [DeploymentScheduleCreate(schedule=one, active=on) for one, on in active]
    client.create_deployment(client.create_flow_from_name(wanted["flow"]), **fields)
    return Outcome("deployment", name, f"changed: {', '.join(changed)}" if there else "created")


def _shown(there: Any, field: str) -> Any:
    """What a deployment on the server holds, in the form of `_plain`."""
    if field == "concurrency_limit":
        return there.global_concurrency_limit and there.global_concurrency_limit.limit
    if field == "schedules":
        return [_plain(one.schedule) for one in there.schedules]
    return sorted(there.tags) if field == "tags" else getattr(there, field, None)


def _plain(value: Any) -> Any:
    if isinstance(value, list):
        return [_plain(one) for one in value]
    return value.model_dump(mode="json") if hasattr(value, "model_dump") else value


def _others(client: Any, wanted: list[dict[str, Any]]) -> list[Outcome]:
    """Deployments that the file does not name; they are left to who made them."""
    named = {f"{one['flow']}/{one['name']}" for one in wanted}
    flows = {flow.id: flow.name for flow in client.read_flows(limit=200)}
    there = (f"{flows.get(one.flow_id, '?')}/{one.name}" for one in client.read_deployments(limit=200))
    return [Outcome("deployment", name, "not in the file") for name in sorted(set(there) - named)]


if __name__ == "__main__":
    typer.run(deploy)
