"""The words of the suite: schemas, storage, sources, settings and cards. Knows no Prefect."""

__version__ = "0.1.0"
