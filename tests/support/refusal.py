# SPDX-License-Identifier: Apache-2.0
"""Components that cannot be made: Amaranth warns of those that were begun and never used."""

import gc
import warnings
from collections.abc import Callable

import pytest
from amaranth.hdl import UnusedElaboratable

__all__ = ["refused"]


def refused(make: Callable[[], object], match: str):
    """Check that a component's constructor raises ValueError; what it leaves behind was never meant to be used."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UnusedElaboratable)
        with pytest.raises(ValueError, match=match):
            make()
        gc.collect()
