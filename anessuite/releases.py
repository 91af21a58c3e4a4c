"""Releases of the suite: which versions are bound together, and whether they belong together."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from anessuite.errors import AnesError
from anessuite.llm.config import Price
from anessuite.llm.tally import cost_of
from anessuite.manifests import Input, Manifest
from anessuite.report_models import asked_of, steps_of
from anessuite.sources.documents import label_of
from anessuite.storage import MANIFEST, Store
from anessuite.versions import DatasetRef

BENCHMARK = "bench"
PAPER = {
    "bench": {"en": 4_418, "zh": 3_554},
    "corpus": {"en": 1_800_000, "zh": 600_000},
    "qa": {"en": 20_713},
    "r1": {"en": 3_200, "zh": 7_000},
}
"""Rows of the suite that the AnesSuite paper (arXiv 2504.02404) describes; those of corpus and r1 rounded."""
Prices = Mapping[str, Mapping[str, Price]]
"""Dataset -> role (generator, reasoner ...) -> price."""


class WrongBenchmark(AnesError):
    """A version was not decontaminated against the benchmark that it is to be released with."""


@dataclass(frozen=True, slots=True)
class Member:
    """One version of a release; ``was_there``: it was finished before, and is released as it is."""

    ref: DatasetRef
    was_there: bool


@dataclass(frozen=True, slots=True)
class Bound:
    """A member with its manifest, that file's digest, and what its models cost."""

    member: Member
    manifest: Manifest
    digest: str
    bytes: int
    cost: float

    @property
    def name(self) -> str:
        return self.member.ref.name

    @property
    def input(self) -> Input:
        """The member as the manifest of the release names it."""
        return Input(name=str(self.member.ref), source=MANIFEST, bytes=self.bytes, digest=self.digest)

    @property
    def licences(self) -> dict[str, str]:
        """Source -> licence, "" where none is stated."""
        config = self.manifest.recipe.config
        sources = config.get("sources") or config.get("pool") or []
        return {
            label_of(one.get("name", ""), str(one.get("path") or one.get("query") or "")): one.get(
                "licence", ""
            )
            for one in sources
        }


def bind(store: Store, members: Sequence[Member], prices: Prices) -> list[Bound]:
    """Read the members' manifests, the benchmark first.

    Raises WrongBenchmark for a member that was not decontaminated against the benchmark among them.
    """
    bound = [_bound(store, member, prices) for member in members]
    benchmark = next(one for one in bound if one.name == BENCHMARK)
    for one in bound:
        if one is not benchmark and not _is_clean_of(one.manifest, benchmark):
            raise WrongBenchmark(
                f"{one.member.ref} was not decontaminated against {benchmark.member.ref}",
                "build it anew with `against` set to that version",
            )
    return bound


def _bound(store: Store, member: Member, prices: Prices) -> Bound:
    manifest = store.manifest(member.ref)
    digest, size = store.sha256(f"{store.folder(member.ref)}/{MANIFEST}")
    return Bound(member, manifest, digest, size, cost(manifest, prices.get(member.ref.name, {})))


def _is_clean_of(manifest: Manifest, benchmark: Bound) -> bool:
    """Are all shards of the benchmark among the inputs that it was compared with?"""
    name = f"against {benchmark.member.ref}"
    compared = {one.digest.removeprefix("sha256:") for one in manifest.recipe.inputs if one.name == name}
    return {file.sha256 for file in benchmark.manifest.data_files()} <= compared


def cost(manifest: Manifest, prices: Mapping[str, Price]) -> float:
    """What the tokens of a version cost at these prices; replies from the cache count as if asked."""
    total = 0.0
    for step, counts in steps_of(manifest.requests).items():
        role = asked_of(step)[0]
        if role in prices:
            total += cost_of(prices[role], counts["prompt_tokens"], counts["completion_tokens"])
    return total
