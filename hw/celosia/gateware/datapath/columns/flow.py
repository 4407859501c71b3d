# SPDX-License-Identifier: Apache-2.0
"""How activations move through the array."""

from amaranth.hdl import Cat, Value
from amaranth.lib import enum

from ....arch.isa import Routing

__all__ = ["SEGMENTS", "Flow", "flow_of"]

SEGMENTS = 4
"""Segments of R/4 rows, each with a head of its own, when activations move down."""


class Flow(enum.Enum, shape=3):
    """How activations move in a tile.

    A bit for each question that hundreds of elements of the array ask: whether they move down at all, whether the
    second and fourth segment have heads of their own, whether the third has.
    """

    ACROSS = 0b000
    ROWS = 0b111
    PAIRS = 0b101
    SINGLE = 0b001


def flow_of(routing: Value) -> Value:
    """The :class:`Flow` of a :class:`celosia.arch.isa.Routing`."""
    rows = routing == Routing.ROWS
    return Cat(1, rows, rows | (routing == Routing.PAIRS))
