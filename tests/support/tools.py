# SPDX-License-Identifier: Apache-2.0
"""The tools that bitstreams are made with, for tests that run them."""

import pytest

from celosia.build import BuildError
from celosia.build.tools import versions
from celosia.gateware.family import Family

__all__ = ["tools_of"]


def tools_of(family: Family) -> dict[str, str]:
    """Versions of what a family needs; skips the test where something is not installed, and says what."""
    try:
        return versions(family)
    except BuildError as error:
        pytest.skip(str(error))
