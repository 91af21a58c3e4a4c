"""Release the suite: a manifest that binds the versions, a card, a report."""

from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime

from prefect import task
from prefect.cache_policies import NO_CACHE

from anessuite import provenance
from anessuite.builds import Build
from anessuite.manifests import Manifest, Recipe
from anessuite.release_pages import release_card, release_report
from anessuite.releases import Bound, Member, Prices, bind
from tasks.publish_stages import write_page
from tasks.show import show_release


@task(name="release", cache_policy=NO_CACHE)
def release(build: Build, members: Sequence[Member], prices: Prices) -> str:
    """Finish the release; returns its reference. Raises WrongBenchmark, see `releases.bind`."""
    bound = bind(build.store, members, prices)
    recipe = Recipe(
        inputs=[one.input for one in bound],
        config={"members": [str(member.ref) for member in members]},
        texts={},
    )
    build.begin(recipe, restart=True)
    build.store.remove(build.publish_folder)
    bare = manifest_of(build, bound, recipe)
    pages = {"README.md": release_card(bare, bound), "report.html": release_report(bare, bound)}
    files = [write_page(build, name, text) for name, text in pages.items()]
    build.publish(bare.model_copy(update={"files": files}))
    show_release(build, bare, bound)
    return str(build.ref)


def manifest_of(build: Build, bound: Sequence[Bound], recipe: Recipe) -> Manifest:
    """Of a release: it holds no rows of its own, and the funnel is that of each member."""
    requests = {f"{one.name}.{name}": n for one in bound for name, n in one.manifest.requests.items()}
    return Manifest(
        name=build.ref.name,
        version=build.ref.version,
        created=datetime.now(UTC),
        recipe=recipe,
        code=provenance.code(),
        packages=provenance.packages(),
        schema_={},
        files=[],
        rows={},
        drops=dict(sum((Counter(one.manifest.drops) for one in bound), Counter[str]())),
        funnel=[
            stage.model_copy(update={"stage": f"{one.name}: {stage.stage}"})
            for one in bound
            for stage in one.manifest.funnel
        ],
        masked={},
        quarantined=[left for one in bound for left in one.manifest.quarantined],
        requests=requests,
        warnings=[f"{one.member.ref}: {warning}" for one in bound for warning in one.manifest.warnings],
    )
