"""Label Studio over HTTP: projects for reviewers, and the export of what they said.

    POST /api/projects {"title": "Review (en)", "description": "... [anes 3f2a09c4 annotator en]", ...}

The mark at the end of a description finds the project again, so that a second call completes what a first one
began. Two kinds of key work: a personal access token, which is exchanged for one that lives for minutes, and
a legacy token, which newer servers refuse unless told otherwise. Neither appears in a message.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NoReturn

import httpx2
import orjson

from anessuite.errors import AnesError, ConfigError
from anessuite.review import label_studio
from anessuite.sources.files import public

_CONNECT_SECONDS, _ANSWER_SECONDS = 10.0, 300.0
_ADDRESS = re.compile(r"https?://(\[[0-9a-fA-F:]+\]|[\w.-]+)(:\d{1,5})?(/[^\s?#@]*)?")
_PRINTABLE = re.compile(r"[!-~]+")
_BATCH = 250
_PAGE = 100
_LONGEST_TITLE = 50
_MOST_DETAIL = 300
_NEW_KEY = (
    "in Label Studio open Account & Settings, copy a personal access token, and give it as the key; a legacy "
    "token works only where the organization allows legacy tokens"
)
_REFUSALS = {
    401: ("does not accept the key", _NEW_KEY),
    403: ("refuses this to the key", "use the key of somebody who manages projects"),
}
_LOOK = "check the address, and that Label Studio runs there: its front page opens in a browser"
_HIDDEN_COLUMNS = [
    *(f"tasks:data.{name}" for name in (*label_studio.HIDDEN, "content", "version", "export", "role")),
    *(f"tasks:annotations_{what}" for what in ("results", "ids")),
    *(f"tasks:predictions_{what}" for what in ("results", "score", "model_versions")),
    *(f"tasks:{name}" for name in ("total_predictions", "inner_id", "file_upload", "storage_filename")),
    *(
        f"tasks:{name}"
        for name in ("created_at", "updated_at", "updated_by", "avg_lead_time", "draft_exists")
    ),
]
"""What the list of tasks does not show: opinions of others, and what tells reviewers nothing."""


class LabelStudioFailed(AnesError):
    """Label Studio is not there, refuses the call, or does not answer as Label Studio does."""


def create_projects(
    url: str, key: str, title: str, tasks: Mapping[str, Sequence[dict[str, Any]]], *, annotators: int = 2
) -> dict[str, str]:
    """One project a language, with the labelling page and the tasks of `label_studio.task`.

    Returns language -> address of the project, without the languages that have no tasks. Projects of the
    same export that are there are completed, never doubled. ``annotators`` is how many label each task.
    Raises ConfigError for a call that cannot work, LabelStudioFailed with what to do next.
    """
    marks = {language: _mark(language, of_it) for language, of_it in tasks.items() if of_it}
    with _Server(url, key) as server:
        there = list(server.pages("/api/projects"))
        projects: dict[str, str] = {}
        for language, mark in marks.items():
            found = next((one for one in there if str(one.get("description")).endswith(mark)), None)
            project = _project(server, found, _settings(title, language, mark, annotators))
            _complete(server, project, tasks[language])
            projects[language] = f"{server.url}/projects/{project}/data"
    return projects


def fetch_annotations(url: str, key: str, project: str) -> list[dict[str, Any]]:
    """All tasks of a project with what was said of them: its JSON export, for `label_studio.reviews_in`.

    ``project`` is its number or its address. Annotators are named by their e-mail addresses. Raises
    ConfigError and LabelStudioFailed.
    """
    with _Server(url, key) as server:
        number = _number(project, server.url)
        what = {"exportType": "JSON", "download_all_tasks": "true"}
        answer = server.ask("GET", f"/api/projects/{number}/export", params=what, missing=(404,))
        if answer is None:
            known = [f"{one.get('id')} ({one.get('title')})" for one in server.pages("/api/projects")]
            raise LabelStudioFailed(
                f"{server.shown} has no project {number}",
                f"projects that this key can see: {', '.join(known) or 'none'}",
            )
        if not isinstance(answer, list) or not all(isinstance(task, dict) for task in answer):
            server.not_label_studio(f"the export of project {number} is no list of tasks")
        _name_annotators(answer, _emails(server))
        return answer


def _mark(language: str, tasks: Sequence[Mapping[str, Any]]) -> str:
    """Of one export, role and language; raises ConfigError if the tasks are not of one."""
    told = [task.get("data") or {} for task in tasks]
    exports = {(data.get("export"), data.get("role")) for data in told}
    ids = {data.get("id") for data in told}
    if len(exports) != 1 or not all(all(pair) for pair in exports):
        raise ConfigError(f"the {language} tasks are not of one export and role", "give those of one export")
    if len(ids) != len(tasks) or not all(ids):
        raise ConfigError(f"two {language} tasks have the same id, or one has none", "give each task once")
    export, role = exports.pop()
    return f"[anes {export} {role} {language}]"


def _settings(title: str, language: str, mark: str, annotators: int) -> dict[str, Any]:
    """Of a project in which predictions of models are not shown, and a task can be skipped."""
    if annotators < 1:
        raise ConfigError(f"{annotators} annotators; at least one labels", "give a positive number")
    ending = f" ({language})"
    return {
        "title": f"{title.strip()[: _LONGEST_TITLE - len(ending)]}{ending}",
        "description": f"{title.strip()} {mark}",
        "label_config": label_studio.labelling_config(language),
        "expert_instruction": label_studio.instruction(language),
        "show_instruction": True,
        "maximum_annotations": annotators,
        "show_collab_predictions": False,
        "show_annotation_history": False,
        "enable_empty_annotation": False,
        "show_skip_button": True,
        "skip_queue": "REQUEUE_FOR_OTHERS",
    }


def _project(server: "_Server", found: Mapping[str, Any] | None, settings: Mapping[str, Any]) -> int:
    """The number of the project that was found, or of a new one, with a list that hides what it must."""
    if found is None:
        found = server.ask("POST", "/api/projects", json=settings)
    number = found.get("id") if isinstance(found, dict) else None
    if not isinstance(found, dict) or not isinstance(number, int):
        server.not_label_studio("a project has no id")
    if found.get("maximum_annotations") != (many := settings["maximum_annotations"]):
        server.ask("PATCH", f"/api/projects/{number}", json={"maximum_annotations": many})
    if not server.ask("GET", "/api/dm/views", params={"project": number}):
        hidden = {"explore": _HIDDEN_COLUMNS, "labeling": _HIDDEN_COLUMNS}
        view = {"title": "Default", "hiddenColumns": hidden}
        server.ask(
            "POST", "/api/dm/views", params={"project": number}, json={"project": number, "data": view}
        )
    return number


def _complete(server: "_Server", project: int, tasks: Sequence[dict[str, Any]]) -> None:
    """Import the tasks that are not there."""
    there = {
        (task.get("data") or {}).get("id")
        for task in server.pages("/api/tasks", "tasks", project=project, fields="all")
    }
    missing = [task for task in tasks if task["data"]["id"] not in there]
    for start in range(0, len(missing), _BATCH):
        batch = missing[start : start + _BATCH]
        answer = server.ask("POST", f"/api/projects/{project}/import", json=batch)
        taken = answer.get("task_count") if isinstance(answer, dict) else None
        if taken != len(batch):
            raise LabelStudioFailed(
                f"{server.shown} took {taken} of {len(batch)} tasks into project {project}",
                "call again: what is there is found, and only what is missing is sent",
            )


def _number(project: str, url: str) -> int:
    if match := re.fullmatch(r"\s*(\d{1,12})\s*", str(project)):
        return int(match[1])
    match = re.fullmatch(r"(.*?)/projects/(\d{1,12})(?:[/?#].*)?", str(project).strip())
    if match is None or match[1].rstrip("/") != url:
        raise ConfigError(
            f"{public(str(project))} is no project of {public(url)}",
            f"give its number, or its address as the browser shows it: {public(url)}/projects/7/data",
        )
    return int(match[2])


def _emails(server: "_Server") -> dict[int, str]:
    users = server.ask("GET", "/api/users", missing=(403, 404, 405))
    told = users if isinstance(users, list) else []
    return {one["id"]: one["email"] for one in told if isinstance(one, dict) and one.get("email")}


def _name_annotators(tasks: Sequence[dict[str, Any]], emails: Mapping[int, str]) -> None:
    """Put addresses in the place of numbers, so that a person has one name in all exports."""
    for task in tasks:
        for name, who in (("annotations", "completed_by"), ("drafts", "user")):
            for one in task.get(name) or []:
                if isinstance(one, dict) and isinstance(one.get(who), int):
                    one[who] = emails.get(one[who], one[who])


class _Server:
    """A Label Studio and the key to it. Nothing is tried twice: all calls can be made again."""

    def __init__(self, url: str, key: str) -> None:
        self.url, self._key, self._access = url.strip().rstrip("/"), key.strip(), ""
        self.shown = public(self.url)
        if not _ADDRESS.fullmatch(self.url):
            what = f"{self.shown or 'nothing'} is no address of a Label Studio"
            raise ConfigError(what, "give one like http://localhost:8080, without user and password")
        if not _PRINTABLE.fullmatch(self._key):
            raise ConfigError("the key is empty or holds what no key of Label Studio does", _NEW_KEY)
        self._is_refresh = self._key.count(".") == 2
        self._client = httpx2.Client(timeout=httpx2.Timeout(_ANSWER_SECONDS, connect=_CONNECT_SECONDS))

    def __enter__(self) -> "_Server":
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()

    def pages(self, path: str, name: str = "results", **params: Any) -> Iterator[Any]:
        """All that a list of many pages holds."""
        seen, page = 0, 1
        while True:
            asked = {**params, "page": page, "page_size": _PAGE}
            answer = self.ask("GET", path, params=asked, missing=(404,) if page > 1 else ())
            if answer is None:
                return
            held = answer.get(name) if isinstance(answer, dict) else None
            if not isinstance(held, list) or not all(isinstance(one, dict) for one in held):
                self.not_label_studio(f"{path} is no list")
            yield from held
            seen, page, total = seen + len(held), page + 1, answer.get("count", answer.get("total"))
            if not held or (isinstance(total, int) and seen >= total):
                return

    def ask(self, method: str, path: str, *, missing: Sequence[int] = (), **sent: Any) -> Any:
        """The JSON that comes back, None for a status in ``missing``; ``sent``: ``params``, ``json``."""
        response = self._send(method, path, **sent)
        if response.status_code == 401 and self._is_refresh:  # the access token lives for minutes
            self._refresh()
            response = self._send(method, path, **sent)
        if response.status_code in missing:
            return None
        return self._read(response, f"{method} {path}")

    def _refresh(self) -> None:
        path, self._access = "/api/token/refresh", ""
        answer = self._read(self._send("POST", path, json={"refresh": self._key}), f"POST {path}")
        access = answer.get("access") if isinstance(answer, dict) else None
        if not isinstance(access, str) or not _PRINTABLE.fullmatch(access):
            self.not_label_studio("it gives no access token")
        self._access = access

    def _send(self, method: str, path: str, **sent: Any) -> httpx2.Response:
        headers = {"Accept": "application/json"}
        if self._access or not self._is_refresh:
            kind = "Bearer" if self._access else "Token"
            headers["Authorization"] = f"{kind} {self._access or self._key}"
        try:
            return self._client.request(method, f"{self.url}{path}", headers=headers, **sent)
        except httpx2.TimeoutException as error:
            what = f"{self.shown} gave no answer to {method} {path} in time ({type(error).__name__})"
            raise LabelStudioFailed(what, f"{_LOOK}; then call again, nothing is doubled") from None
        except (httpx2.HTTPError, httpx2.InvalidURL, OSError) as error:
            said = self._scrubbed(str(error))
            raise LabelStudioFailed(f"no Label Studio answers at {self.shown}: {said}", _LOOK) from None

    def _read(self, response: httpx2.Response, call: str) -> Any:
        status, said = response.status_code, self._scrubbed(_detail(response))
        if 300 <= status < 400:
            goal = self._scrubbed(public(response.headers.get("location", "nowhere")))
            hint = "give the address where Label Studio itself answers"
            raise LabelStudioFailed(f"{self.shown} points to {goal}", hint)
        if status == 404:
            self.not_label_studio(f"it has no {call}")
        if not response.is_success:
            how, hint = _REFUSALS.get(status, (f"answers {status} to {call}", "see the log of Label Studio"))
            raise LabelStudioFailed(f"{self.shown} {how}: {said}", hint)
        try:
            return orjson.loads(response.content) if response.content else None
        except orjson.JSONDecodeError:
            self.not_label_studio(f"its answer to {call} is no JSON")

    def not_label_studio(self, why: str) -> NoReturn:
        raise LabelStudioFailed(f"{self.shown} does not answer as Label Studio does: {why}", _LOOK)

    def _scrubbed(self, text: str) -> str:
        for secret in filter(None, (self._key, self._access)):
            text = text.replace(secret, "***")
        return text[:_MOST_DETAIL]


def _detail(response: httpx2.Response) -> str:
    """What the server says, in a line."""
    try:
        told = orjson.loads(response.content)
    except orjson.JSONDecodeError:
        told = None
    said = (told.get("validation_errors") or told.get("detail")) if isinstance(told, dict) else None
    return said if isinstance(said, str) else orjson.dumps(said).decode() if said else response.reason_phrase
