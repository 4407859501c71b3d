# SPDX-License-Identifier: Apache-2.0
"""The accumulators: a 32-bit sum per output pixel and column, read, added to and written back each cycle.

::

   flags (early)      sums from the array
      │                     │
      ▼ slot                ▼
   ┌────────┐  old sums  ┌─────┐   total ──► lanes   (last tile)
   │ memory │───────────►│  +  │──┬──────
   │        │   or bias ►│     │  │
   └────────┘            └─────┘  │
        ▲─────────────────────────┘        (other tiles)

Instead of adding, it can keep the larger (max pooling); then there is no bias.

A sum starts from the bias with its first tile and goes straight on to the lanes with its last: there is neither a
clearing nor a draining phase. Two visits to one slot are at least ``REVISIT`` cycles apart (the walker sees to it).
"""

from amaranth.hdl import Module, Mux, Signal, signed, unsigned
from amaranth.lib import data
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import Component, In, Out

from ...arch.config import Config
from ..delay import delay

__all__ = ["Accumulators", "Flags"]


class Flags(data.Struct):
    """What goes along with a vector, beside the data."""

    valid: 1
    start: 1  # first vector of a tile
    first: 1  # of the first tile of its sums
    last: 1  # of the last tile of its sums
    maximum: 1  # its sums' tiles are not added up, the largest is kept


class Accumulators(Component):
    """Accumulates sums of one tile after the other.

    ``flags`` of a vector come :attr:`lead` cycles before its ``sums``; its total is on ``totals`` one cycle after
    the ``sums``, with ``valid`` if it is complete.

    Members
    -------
    flags, sums:
        From the walker (delayed) and from the array.
    next_bias, bias:
        See :class:`..memory.parameters.ParameterMemory`.
    next_scale:
        Pulses so that the scale of a total that is the first of its n-tile is there together with the total.
    totals, valid:
        To the lanes, C sums of 32 bits (two's complement, wrapping).
    """

    lead = 3

    def __init__(self, config: Config):
        self.config = config
        super().__init__(
            {
                "flags": In(Flags),
                "sums": In(data.ArrayLayout(signed(config.sum_bits), config.columns)),
                "next_bias": Out(1),
                "bias": In(data.ArrayLayout(signed(32), config.columns)),
                "next_scale": Out(1),
                "totals": Out(data.ArrayLayout(signed(32), config.columns)),
                "valid": Out(1),
            }
        )

    def elaborate(self, platform):
        m = Module()
        config = self.config
        m.submodules.memory = memory = Memory(shape=unsigned(32 * config.columns), depth=config.accumulators, init=[])
        read, write = memory.read_port(), memory.write_port()

        # lead 3 → 2: the slot
        slot, following = Signal(range(config.accumulators)), Signal(range(config.accumulators))
        with m.If(self.flags.valid):
            m.d.sync += slot.eq(Mux(self.flags.start, 0, following))
            m.d.sync += following.eq(Mux(self.flags.start, 1, following + 1))
        m.d.comb += read.addr.eq(slot)
        flags2 = delay(m, self.flags, 1, "flags2")
        flags1 = delay(m, flags2, 1, "flags1")
        flags0 = delay(m, flags1, 1, "flags0")
        m.d.comb += [
            self.next_bias.eq(flags2.valid & flags2.start & flags2.first),
            self.next_scale.eq(flags1.valid & flags1.start & flags1.last),
        ]
        # 0: old sums and bias are here
        old = Signal(data.ArrayLayout(signed(32), config.columns))
        m.d.sync += old.eq(read.data)
        for c in range(config.columns):
            before = Mux(flags0.first, self.bias[c], old[c])
            larger = Mux(flags0.first | (self.sums[c] > old[c]), self.sums[c], old[c])
            m.d.sync += self.totals[c].eq(Mux(flags0.maximum, larger, self.sums[c] + before))
        m.d.sync += self.valid.eq(flags0.valid & flags0.last)
        write_slot, writing = delay(m, slot, 3, "slot"), Signal()
        m.d.sync += writing.eq(flags0.valid & ~flags0.last)
        m.d.comb += [
            write.addr.eq(write_slot),
            write.data.eq(self.totals.as_value()),
            write.en.eq(writing),
        ]
        return m
