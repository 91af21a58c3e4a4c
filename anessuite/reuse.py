"""Which finished versions a suite takes as they are, and which number a new one gets."""

from anessuite.manifests import Recipe
from anessuite.storage import Store
from anessuite.versions import DatasetRef


def same_recipe(store: Store, ref: DatasetRef, recipe: Recipe) -> DatasetRef | None:
    """The newest finished version of the dataset of ``ref`` that was made by this very recipe, or None.

    For a dated ``ref`` only dated versions count: ``dev`` is no input of a dated one.
    """
    there = [other for other in store.refs() if other.name == ref.name and (ref.is_dev or not other.is_dev)]
    for other in sorted(there, key=lambda one: one.sort_key, reverse=True):
        if store.manifest(other).recipe == recipe:
            return other
    return None


def free_version(store: Store, name: str, version: str) -> DatasetRef:
    """``name@version``, or with the first number behind it that is not finished yet; ``dev`` stays."""
    ref, number = DatasetRef(name, version), 2
    while not ref.is_dev and store.is_finished(ref):
        ref, number = DatasetRef(name, f"{'.'.join(version.split('.')[:3])}.{number}"), number + 1
    return ref
