"""Packages of the extra ``train``, which is gigabytes and so not installed with the rest."""

import importlib
from typing import Any

from anessuite.errors import ConfigError


def needed(package: str) -> Any:
    """Import a package of the extra; raises ConfigError, saying how to install it."""
    try:
        return importlib.import_module(package)
    except ImportError as error:
        raise ConfigError(
            f"training needs {package}: {error}", "pip install -c constraints.txt -e '.[train]'"
        ) from None
