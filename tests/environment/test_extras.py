"""What is not installed is missed with a hint."""

from __future__ import annotations

import pytest

from antdask.environment.extras import load
from antdask.errors import ConfigurationError


def test_a_missing_library_says_how_to_get_it():
    with pytest.raises(ConfigurationError, match=r"antdask\[environment\]"):
        load("no_such_library.part")
