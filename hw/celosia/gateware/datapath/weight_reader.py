# SPDX-License-Identifier: Apache-2.0
"""Streams one weight tile after the other into the array."""

from amaranth.hdl import Module, Signal
from amaranth.lib.wiring import Component, In, Out

from ...arch.config import Config
from ..memory.weights import weight_latency

__all__ = ["WeightReader"]


class WeightReader(Component):
    """Addresses of weight words, tile by tile.

    A pulse on ``start`` in cycle t makes the words of one tile leave the weight memory, one a cycle from cycle
    t + :attr:`latency` on. ``start`` comes no sooner than ``config.weight_cycles`` after the one before, and
    ``start_soon`` a cycle before it. Tiles follow each other in memory; with ``rebase`` the tile is at word ``base``
    instead. ``soon``, a register, is high in the cycle before one with ``read``.
    """

    def __init__(self, config: Config):
        self.config = config
        self.latency = 1 + weight_latency(config)
        super().__init__(
            {
                "start_soon": In(1),
                "start": In(1),
                "rebase": In(1),
                "base": In(range(config.weight_words)),
                "soon": Out(1),
                "read": Out(1),
                "address": Out(range(config.weight_words)),
            }
        )

    def elaborate(self, platform):
        m = Module()
        left = Signal(range(self.config.weight_cycles + 1))
        goes_on = self.start & (self.config.weight_cycles > 1)
        m.d.sync += [self.soon.eq(self.start_soon | goes_on | (left > 2)), self.read.eq(self.soon)]
        with m.If(self.read):
            m.d.sync += [left.eq(left - 1), self.address.eq(self.address + 1)]
        with m.If(self.start):
            m.d.sync += left.eq(self.config.weight_cycles)
            with m.If(self.rebase):
                m.d.sync += self.address.eq(self.base)
        return m
