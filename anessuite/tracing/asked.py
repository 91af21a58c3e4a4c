"""What models were asked about a row, and what became of each reply, as far as the version tells.

AnesR1 stores every attempt with its reply. AnesBench stores the votes; their requests, and so their replies
in the cache, follow from the question, the prompt and the recipe. AnesQA stores what came of its three
requests; their keys would need the abstract, which no version holds.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from anessuite.llm.replies import Completion
from anessuite.manifests import Manifest
from anessuite.tracing.evidence import parsed
from anessuite.tracing.search import Version

Keys = Callable[[Mapping[str, Any]], Sequence[bytes]]
"""From a row to the keys of the requests about it, in order; none where they cannot be told."""

_VOTED = "grade"
_QA_STEPS = {"questions": "generator", "judge": "filter", "answer": "filter"}
"""Stages of AnesQA that read a reply, and whose model gave it."""
_AFTER_ID = "g"


@dataclass(frozen=True, slots=True)
class Asked:
    """One request: what was asked of whom, and what its reply was found to be.

    ``prompt`` is a path below the project. Tokens, ``text`` and ``reasoning`` are None where neither the
    version nor the cache has them; ``cached`` is None where no key leads to the cache.
    """

    step: str
    model: str
    parameters: Mapping[str, Any]
    prompt: str | None
    prompt_sha256: str | None
    verdict: str
    details: Mapping[str, Any] = field(default_factory=dict)
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    request: str | None = None
    cached: bool | None = None
    served_model: str | None = None
    text: str | None = None
    reasoning: str | None = None


def asked_about(
    version: Version, row: Mapping[str, Any], *, entered: Sequence[str], keys: Keys
) -> list[Asked]:
    """The requests about a row that was judged in the stages ``entered``, in order.

    ``keys`` gives those of the votes. Raises SourceError if the attempts cannot be read.
    """
    config = version.manifest.recipe.config
    if "reasoner" in config:
        return _attempts(version, row)
    if "annotator" in config:
        return _votes(version.manifest, row, keys) if _VOTED in entered else []
    if "generator" in config:
        return [_of_pair(version.manifest, row, step) for step in _QA_STEPS if step in entered]
    return []


def with_cache(asked: Sequence[Asked], replies: Mapping[bytes, Completion]) -> list[Asked]:
    """The same with what the cache holds of them; what the version says itself stays as it is."""
    return [_with_reply(one, replies) for one in asked]


def _with_reply(one: Asked, replies: Mapping[bytes, Completion]) -> Asked:
    if one.request is None:
        return one
    reply = replies.get(bytes.fromhex(one.request))
    if reply is None:
        return replace(one, cached=False)
    found = replace(one, cached=True, served_model=reply.served_model or None)
    if one.text is not None:
        return found
    return replace(
        found,
        text=reply.text,
        reasoning=reply.reasoning,
        prompt_tokens=reply.prompt_tokens,
        completion_tokens=reply.completion_tokens,
    )


def _attempts(version: Version, row: Mapping[str, Any]) -> list[Asked]:
    placed, _ = version.shards("attempts").between(row["id"], row["id"] + _AFTER_ID)
    made = sorted((one.row for one in placed), key=lambda one: one["attempt"])
    return [_attempt(version.manifest, one) for one in made]


def _attempt(manifest: Manifest, made: Mapping[str, Any]) -> Asked:
    prompt, digest = _prompt(manifest, "r1/solve", made["language"])
    told = {name: made[name] for name in ("letter", "form", "fault", "finish_reason")}
    told["evidence"] = parsed(made["evidence"])
    return Asked(
        step=f"attempt {made['attempt']}",
        model=made["model"],
        parameters=_parameters(manifest, "reasoner", made["attempt"] - 1),
        prompt=prompt,
        prompt_sha256=digest,
        verdict=made["verdict"] + (f", but {made['fault']}" if made["fault"] else ""),
        details={name: value for name, value in told.items() if value},
        prompt_tokens=made["prompt_tokens"],
        completion_tokens=made["completion_tokens"],
        request=made["request"],
        text=made["response"],
        reasoning=made["reasoning"],
    )


def _votes(manifest: Manifest, row: Mapping[str, Any], keys: Keys) -> list[Asked]:
    """The votes on a question. A rejected one has none stored: its evidence has how the replies begin."""
    prompt, digest = _prompt(manifest, "bench/level", row["language"])
    votes, found = row.get("votes") or [], keys(row)
    evidence = parsed(row.get("evidence"))
    replies = evidence.get("replies", []) if isinstance(evidence, dict) else []
    return [
        Asked(
            step=f"vote {number + 1}",
            model=_model(manifest, "annotator"),
            parameters=_parameters(manifest, "annotator", number),
            prompt=prompt,
            prompt_sha256=digest,
            verdict=_vote(votes, replies, number),
            details=_rationale(votes, replies, number),
            request=found[number].hex() if number < len(found) else None,
        )
        for number in range(len(votes) or int(manifest.recipe.config.get("votes") or 0))
    ]


def _vote(votes: Sequence[Mapping[str, Any]], replies: Sequence[str], number: int) -> str:
    if number < len(votes):
        return votes[number]["level"] or "could not be read"
    return "could not be read" if number < len(replies) else "not stored"


def _rationale(votes: Sequence[Mapping[str, Any]], replies: Sequence[str], number: int) -> dict[str, Any]:
    if number < len(votes):
        rationale = votes[number]["rationale"]
        return {"rationale": rationale} if rationale else {}
    return {"reply begins": replies[number]} if number < len(replies) else {}


def _of_pair(manifest: Manifest, row: Mapping[str, Any], step: str) -> Asked:
    prompt, digest = _prompt(manifest, f"qa/{step}", None)
    fell = row.get("stage") == step
    came = {
        "questions": {"question": row.get("question")},
        "judge": {"reason": row.get("verdict")},
        "answer": {"answer": row.get("answer"), "grounding score": row.get("grounding_score")},
    }[step]
    return Asked(
        step=step,
        model=_model(manifest, _QA_STEPS[step]),
        parameters=_parameters(manifest, _QA_STEPS[step], 0),
        prompt=prompt,
        prompt_sha256=digest,
        verdict=str(row["reason"]) if fell else "accepted",
        details={name: value for name, value in came.items() if value not in (None, "")},
    )


def _model(manifest: Manifest, who: str) -> str:
    return str((manifest.recipe.config.get(who) or {}).get("model") or "")


def _parameters(manifest: Manifest, who: str, attempt: int) -> dict[str, Any]:
    """As they were sent: each further attempt has the next seed."""
    found = dict((manifest.recipe.config.get(who) or {}).get("parameters") or {})
    if isinstance(found.get("seed"), int):
        found["seed"] += attempt
    return found


def _prompt(manifest: Manifest, name: str, language: str | None) -> tuple[str | None, str | None]:
    """The prompt file that the manifest cites and its SHA-256; in the version's one language for None."""
    begin = f"prompts/{name}." + (f"{language}." if language else "")
    found = [(path, digest) for path, digest in manifest.recipe.texts.items() if path.startswith(begin)]
    return found[0] if found else (None, None)
