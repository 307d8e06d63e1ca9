"""Libraries that only some of this room needs: loaded when they are used, missed with a sentence that says how to get them."""

from __future__ import annotations

import importlib
from typing import Any

from antdask.errors import ConfigurationError


def load(module: str) -> Any:
    """A module of the extra ``environment``.

    Raises
    ------
    ConfigurationError
        It is not installed.

    Examples
    --------
    >>> load("json").dumps([1])
    '[1]'
    """
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        raise ConfigurationError(
            f"The library '{module.partition('.')[0]}' is not installed", hint="Install it with: pip install 'antdask[environment]'."
        ) from error
