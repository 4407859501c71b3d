# SPDX-License-Identifier: Apache-2.0
"""The counters a host reads."""

from amaranth.hdl import Module, Signal, unsigned
from amaranth.lib import data
from amaranth.lib.wiring import Component, In, Out

from ...arch.config import Config
from ...arch.isa import Engine
from ..delay import delay

__all__ = ["Counters", "Counts"]

SHORT = 40
"""Bits that count cycles in a small core: hours."""


class Counts(data.Struct):
    """Counters as in :class:`celosia.arch.registers.Register`, in its order from CYCLES_LOW on."""

    cycles: unsigned(64)
    vectors: unsigned(32)
    waits: unsigned(32)
    busy: data.ArrayLayout(unsigned(32), len(Engine))


class Counters(Component):
    """Counts cycles while a program runs.

    Parameters
    ----------
    config:
        The core. One of one command at a time has but a counter of :data:`SHORT` bits for all cycles; the others are 0.

    Members
    -------
    clear:
        Everything to 0, at once.
    running, vector, waiting, busy:
        What is the case in this cycle; ``busy`` has a bit an engine.
    counts:
        Cycles with ``running``, and those among them with each of the others; with ``config.overlap`` a cycle late.
    """

    clear: Signal
    running: Signal
    vector: Signal
    waiting: Signal
    busy: Signal
    counts: "data.View"

    def __init__(self, config: Config):
        self.config = config
        super().__init__(
            {
                "clear": In(1),
                "running": In(1),
                "vector": In(1),
                "waiting": In(1),
                "busy": In(len(Engine)),
                "counts": Out(Counts),
            }
        )

    def elaborate(self, platform):
        m = Module()
        counts, late = self.counts, int(self.config.overlap)  # what is counted comes from all over the chip
        clear, running, vector, waiting, busy = (
            delay(m, getattr(self, name), late, name) for name in ("clear", "running", "vector", "waiting", "busy")
        )
        if self.config.overlap:
            counting = [
                counts.cycles.eq(counts.cycles + 1),
                counts.vectors.eq(counts.vectors + vector),
                counts.waits.eq(counts.waits + waiting),
                *(counts.busy[e].eq(counts.busy[e] + busy[e]) for e in Engine),
            ]
        else:
            counting = [counts.cycles.eq((counts.cycles + 1)[:SHORT])]
        with m.If(self.clear | clear):  # and what was under way
            m.d.sync += counts.as_value().eq(0)
        with m.Elif(running):
            m.d.sync += counting
        return m
