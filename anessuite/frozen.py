"""Prompts are frozen once a dated version cites them: a changed text needs a new version number."""

from anessuite.errors import ConfigError
from anessuite.manifests import Recipe
from anessuite.storage import Store
from anessuite.versions import DatasetRef


def refuse_changed_prompts(store: Store, ref: DatasetRef, recipe: Recipe) -> None:
    """Raise ConfigError if a prompt of ``recipe`` was cited by a dated version with another content.

    ``dev`` may try changes out. Compared is with the finished versions below the same root.
    """
    if ref.is_dev:
        return
    prompts = {path: digest for path, digest in recipe.texts.items() if path.startswith("prompts/")}
    for other in store.refs() if prompts else ():
        if other.is_dev or other == ref:
            continue
        cited = store.manifest(other).recipe.texts
        changed = [path for path, digest in prompts.items() if cited.get(path, digest) != digest]
        if changed:
            raise ConfigError(
                f"{changed[0]} has changed since {other} cited it",
                "restore it, or give the new text the next number (.v2.md) and name that in the config",
            )
