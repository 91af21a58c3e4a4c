"""Prompts: Markdown files with front matter, checked when they are read, frozen once a version cites them.

A file ``prompts/qa/questions.en.v1.md``::

    ---
    name: qa/questions
    language: en
    version: 1
    inputs: {abstract: document, count: value}
    output: {type: object, required: [questions], ...}     # JSON schema of the reply; absent: free text
    examples: questions.en.v1.jsonl                        # beside it, a line: {inputs: {...}, output: {...}}
    ---
    # system
    You write exam questions ...
    # user
    Write at most $count questions about this abstract.
    $abstract

An input of kind ``document`` is text from outside. It is put between tags of its name, and nothing in it can
close them or end the turn: what a document says stays data. Examples become earlier turns of the
conversation.
"""

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from pathlib import Path
from string import Template
from typing import Annotated, Any, Literal

import jsonschema
import orjson
import yaml
from pydantic import Field, StringConstraints, ValidationError

from anessuite.config import Config
from anessuite.errors import ConfigError
from anessuite.json_objects import is_unicode, objects_in
from anessuite.llm.requests import Message, OutputSchema, Request

Kind = Literal["document", "value"]
_Name = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*$")]
_FILE = re.compile(r"\A---\n(.*?)\n---\n(.*)\Z", re.DOTALL)
_SECTIONS = re.compile(r"^# (system|user)[ \t]*$", re.MULTILINE)
_BRACKETS = "<＜﹤"
_UNSEEN = r"\u00ad\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufe00-\ufe0f\ufeff"
_TURN = re.compile(
    r"<(?=[|｜][^|｜<>\s]{1,60}[|｜]>|/?s>|[be]os>|(?:start|end)_of_turn>)|\[(?=/?INST\])", re.IGNORECASE
)
"""Begins what chat templates put between turns; many servers obey it in the middle of a message, too."""


class _FrontMatter(Config):
    name: str = Field(pattern=r"^[a-z0-9_]+/[a-z0-9_]+$")
    language: Literal["en", "zh"]
    version: int = Field(ge=1)
    inputs: dict[_Name, Kind]
    output: dict[str, Any] | None = None
    examples: str | None = Field(default=None, pattern=r"^[a-z0-9_.]+\.jsonl$")


class _Example(Config):
    inputs: dict[str, str | int]
    output: Any


@dataclass(frozen=True)
class Prompt:
    """One prompt as it was read. ``sha256`` is of its file and its examples' together."""

    path: str
    """Below the project, such as ``prompts/qa/questions.en.v1.md``."""
    name: str
    language: str
    version: int
    inputs: Mapping[str, Kind]
    system: str
    user: str
    schema: Mapping[str, Any] | None
    shots: Sequence[Message]
    sha256: str

    @cached_property
    def output(self) -> OutputSchema | None:
        """The schema as a request carries it."""
        return None if self.schema is None else OutputSchema(self.name.replace("/", "_"), self.schema)

    @property
    def label(self) -> str:
        """``qa/questions.en.v1``."""
        return f"{self.name}.{self.language}.v{self.version}"

    def with_examples(self, most: int | None) -> "Prompt":
        """The same with so many of its examples, spread over all of them; None leaves them as they are."""
        turns = [self.shots[at : at + 2] for at in range(0, len(self.shots), 2)]
        if most is None or most >= len(turns):
            return self
        shown = [turns[place * len(turns) // most] for place in range(most)]
        return replace(self, shots=[message for turn in shown for message in turn])

    @cached_property
    def _templates(self) -> tuple[Template, Template]:
        return Template(self.system), Template(self.user)

    def request(self, /, *, attempt: int = 0, **inputs: str | int) -> Request:
        """The request for one row. Raises ConfigError if an input is missing or unknown."""
        return Request(self.messages(**inputs), self.output, attempt)

    def messages(self, /, **inputs: str | int) -> list[Message]:
        """System message (none where its section is empty), examples as turns, and the user message."""
        system, user = self._templates
        values = self._values(inputs)
        said = system.substitute(values).strip()
        return [
            *([{"role": "system", "content": said}] if said else []),
            *self.shots,
            {"role": "user", "content": user.substitute(values).strip()},
        ]

    def _values(self, inputs: Mapping[str, str | int]) -> dict[str, str]:
        if inputs.keys() != self.inputs.keys():
            missing, unknown = self.inputs.keys() - inputs.keys(), inputs.keys() - self.inputs.keys()
            raise ConfigError(
                f"{self.path}: inputs missing: {_names(missing)}; unknown: {_names(unknown)}",
                f"it declares: {_names(self.inputs)}",
            )
        return {
            name: delimited(name, str(value)) if self.inputs[name] == "document" else str(value)
            for name, value in inputs.items()
        }

    def read(self, text: str) -> Any | None:
        """The JSON object in a reply that obeys the output schema; None if there is none, or more than one.

        Nothing is repaired, and no object inside another one, whole or cut off, counts.
        """
        values = [value for value in objects_in(text) if self._valid(value)]
        return values[0] if len(values) == 1 and is_unicode(values[0]) else None

    def _valid(self, value: Any) -> bool:
        return self._validator is None or self._validator.is_valid(value)

    @cached_property
    def _validator(self) -> Any:
        return None if self.schema is None else jsonschema.Draft202012Validator(self.schema)


def delimited(name: str, text: str) -> str:
    """``text`` between tags of ``name``. Such tags inside it lose their bracket, whatever their case, blanks,
    width or unseen characters, and so do the marks by which chat templates part turns."""
    inner = _TURN.sub("‹", _tag(name).sub("‹", text))
    return f"<{name}>\n{inner.strip()}\n</{name}>"


@lru_cache
def _tag(name: str) -> re.Pattern[str]:
    """The bracket of what may pass for an opening or closing tag."""
    letters = f"[{_UNSEEN}]*".join(f"[{letter}{chr(ord(letter) + 0xFEE0)}]" for letter in name)
    return re.compile(rf"[{_BRACKETS}](?=[\s/\\⁄∕／{_UNSEEN}]*{letters}(?!\w))", re.IGNORECASE)


def _names(names: Any) -> str:
    return ", ".join(sorted(names)) or "none"


def load_prompt(file: Path, *, root: Path) -> Prompt:
    """Read and check one prompt; ``root`` is the folder that ``path`` is relative to.

    Raises:
        ConfigError: no such file (names what is there), front matter that does not check, a variable that is
            not declared or never used, an example that lacks an input or cannot be read back.
    """
    path = file.relative_to(root).as_posix()
    content = _read(file, path)
    try:
        match = _FILE.match(content.decode("utf-8"))
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path} is not UTF-8: {error}", "save the file as UTF-8") from None
    if match is None:
        raise ConfigError(f"{path} has no front matter", "it begins with --- and YAML and another ---")
    front = _front_matter(match[1], path)
    if f"{file.parent.name}/{file.name}" != f"{front.name}.{front.language}.v{front.version}.md":
        raise ConfigError(f"{path} calls itself {front.name}, {front.language}, version {front.version}")
    system, user = _bodies(match[2], path)
    _check_variables(f"{system}\n{user}", front, path)
    _check_schema(front.output, path)
    digest = hashlib.sha256(content)
    bare = Prompt(
        path=path,
        name=front.name,
        language=front.language,
        version=front.version,
        inputs=front.inputs,
        system=system,
        user=user,
        schema=front.output,
        shots=(),
        sha256=digest.hexdigest(),
    )
    if front.examples is None:
        return bare
    examples = _read(file.parent / front.examples, f"{path}: its examples {front.examples}")
    digest.update(examples)
    shots = _shots(bare, examples, f"{path}: {front.examples}")
    return Prompt(**{**_fields(bare), "shots": shots, "sha256": digest.hexdigest()})


def _fields(prompt: Prompt) -> dict[str, Any]:
    return {name: getattr(prompt, name) for name in Prompt.__dataclass_fields__}


def _read(file: Path, path: str) -> bytes:
    try:
        return file.read_bytes()
    except OSError:
        there = sorted(p.name for p in file.parent.glob("*")) if file.parent.is_dir() else []
        raise ConfigError(
            f"there is no prompt {path}", f"that folder holds: {', '.join(there) or 'nothing'}"
        ) from None


def _front_matter(text: str, path: str) -> _FrontMatter:
    try:
        return _FrontMatter.model_validate(yaml.safe_load(text))
    except (yaml.YAMLError, ValidationError) as error:
        raise ConfigError(f"{path}: its front matter does not check: {error}") from None


def _bodies(body: str, path: str) -> tuple[str, str]:
    parts = _SECTIONS.split(body)
    if [*parts[1::2]] != ["system", "user"] or parts[0].strip():
        raise ConfigError(f"{path}: after the front matter come `# system` and `# user`, in this order")
    return parts[2].strip(), parts[4].strip()


def _check_variables(text: str, front: _FrontMatter, path: str) -> None:
    template = Template(text)
    if not template.is_valid():
        raise ConfigError(f"{path}: a $ begins no variable", "write $$ for a dollar sign")
    if "attempt" in front.inputs:
        raise ConfigError(f"{path}: an input cannot be called `attempt`, which is the number of the reply")
    used = set(template.get_identifiers())
    if used != front.inputs.keys():
        undeclared, unused = used - front.inputs.keys(), front.inputs.keys() - used
        raise ConfigError(
            f"{path}: variables not declared in `inputs`: {_names(undeclared)}; "
            f"declared and never used: {_names(unused)}"
        )


def _check_schema(schema: dict[str, Any] | None, path: str) -> None:
    if schema is None:
        return
    try:
        orjson.dumps(schema)  # YAML takes a bare yes, no or 1 for a key that JSON does not know
        jsonschema.Draft202012Validator.check_schema(schema)
    except (TypeError, jsonschema.SchemaError) as error:
        what = getattr(error, "message", error)
        raise ConfigError(f"{path}: `output` is no JSON schema: {what}") from None
    if schema.get("type") != "object":
        raise ConfigError(f"{path}: `output` is not of `type: object`", "replies are read as JSON objects")


def _shots(prompt: Prompt, content: bytes, where: str) -> list[Message]:
    """The examples as turns: the user message of each, and the reply that is wanted."""
    shots: list[Message] = []
    for number, line in enumerate(content.splitlines(), start=1):
        if not line.strip():
            continue
        try:
            example = _Example.model_validate(orjson.loads(line))
        except (orjson.JSONDecodeError, ValidationError) as error:
            raise ConfigError(f"{where}, line {number} is no example: {error}") from None
        try:
            user = prompt.messages(**example.inputs)[-1]
        except ConfigError as error:
            raise ConfigError(f"{where}, line {number}: {error.what}", error.hint) from None
        reply = example.output if isinstance(example.output, str) else orjson.dumps(example.output).decode()
        if prompt.schema is not None and prompt.read(reply) is None:
            raise ConfigError(f"{where}, line {number}: its output breaks the prompt's own schema")
        shots += [user, {"role": "assistant", "content": reply}]
    if not shots:
        raise ConfigError(f"{where} holds no example")
    return shots
