# SPDX-License-Identifier: Apache-2.0
"""How activations move through the array."""

from amaranth.lib import enum

__all__ = ["SEGMENTS", "Flow"]

SEGMENTS = 4
"""Segments of R/4 rows, each with a head of its own, when activations move down."""


class Flow(enum.Enum, shape=2):
    """How activations move in a tile; 1 to 3 are :class:`celosia.arch.isa.Routing`."""

    ACROSS = 0
    ROWS = 1
    PAIRS = 2
    SINGLE = 3
