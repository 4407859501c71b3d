# SPDX-License-Identifier: Apache-2.0
"""The accumulators: a 32-bit sum per output pixel and column, read, added to and written back each cycle.

::

   flags (early)        sums from the array
      │                       │
      │ bias (first tile) ───►+
      ▼ slot                  │
   ┌────────┐  old sums    ┌──▼──┐   total ──► lanes   (last tile)
   │ memory │─────────────►│  +  │──┬──────
   │        │              └─────┘  │
   └────────┘                       │
        ▲───────────────────────────┘        (other tiles)

Instead of adding, it can keep the larger (max pooling); then there is no bias.

A sum starts from the bias with its first tile and goes straight on to the lanes with its last: there is neither a
clearing nor a draining phase. Two visits to one slot are at least ``REVISIT`` cycles apart (the walker sees to it), or
three more where there is a register on the way from the memory, one between addition and choice, one on the way back.
"""

from amaranth.hdl import Module, Mux, Signal, Value, signed, unsigned
from amaranth.lib import data
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import Component, In, Out

from ...arch.config import Config
from ...arch.timing.conv import accumulator_latency, accumulator_way
from ..delay import delay, delays
from ..family import Family, device_of
from ..memory.ram import UNDEFINED, SimpleRam

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

    ``flags`` of a vector come :attr:`lead` cycles before its ``sums``; its total is on ``totals`` :attr:`latency`
    cycles after the ``sums``, with ``valid`` if it is complete.

    Members
    -------
    flags, sums:
        From the walker (delayed) and from the array.
    next_bias, bias:
        See :class:`..memory.parameters.ParameterMemory`.
    next_scale:
        Pulses so that the scale of a total that is the first of its n-tile is there together with the total.
    totals, valid, soon:
        To the lanes, C sums of 32 bits (two's complement, wrapping); steady until the next vector where the lanes
        need several cycles for one. ``soon`` is high four cycles before ``valid``.
    """

    lead = 3

    def __init__(self, config: Config):
        self.config = config
        self.latency = accumulator_latency(config)
        super().__init__(
            {
                "flags": In(Flags),
                "sums": In(data.ArrayLayout(signed(config.sum_bits), config.columns)),
                "next_bias": Out(1),
                "bias": In(data.ArrayLayout(signed(32), config.columns)),
                "next_scale": Out(1),
                "totals": Out(data.ArrayLayout(signed(32), config.columns)),
                "valid": Out(1),
                "soon": Out(1),
            }
        )

    def elaborate(self, platform):
        m = Module()
        config = self.config
        # The cycle in which the sums come is 0; a number behind a name is the cycle it is for, counted backwards.
        way = accumulator_way(config)
        # What goes far is decided early and then a register behind a register, which can lie where it is wanted.
        flags3, flags2, flags1, flags0, *rest = delays(m, self.flags, self.lead + 1 + way, "flags")
        later = rest[-1]
        complete = delays(m, flags3.valid & flags3.last, self.lead + 2 + way, "complete")
        scales = delay(m, flags2.valid & flags2.start & flags2.last, 2 + way, "scales")
        writing = Signal()
        m.d.comb += [self.next_scale.eq(scales), self.soon.eq(complete[1 + way]), self.valid.eq(complete[-1])]
        m.d.sync += writing.eq(later.valid & ~later.last)
        if device_of(platform).family is Family.ICE40 and not config.down_channels and not way:
            m.d.comb += self.next_bias.eq(flags2.valid & flags2.start & flags2.first)
            self._add_early(m, flags2, flags1, flags0, later, writing)
            return m
        slot2, following = Signal(range(config.accumulators)), Signal(range(config.accumulators))
        with m.If(flags3.valid):
            m.d.sync += slot2.eq(Mux(flags3.start, 0, following))
            m.d.sync += following.eq(Mux(flags3.start, 1, following + 1))
        slots = delays(m, slot2, 4 + 2 * way, "slot")
        m.submodules.memory = memory = SimpleRam(config.accumulators, 32 * config.columns, way=(0, way))
        # 1: bias, if it is wanted; 0: added to the sums, which is not part of the loop through the memory
        with_bias, reads = delay(m, flags3.first & ~flags3.maximum, 2, "with_bias"), Signal()
        reading = flags3 if way else flags2
        m.d.sync += reads.eq(reading.valid & ~reading.first)
        m.d.comb += [
            self.next_bias.eq(flags3.valid & flags3.start & flags3.first),
            memory.read.eq(reads),
            memory.read_address.eq(slots[1 - way]),
        ]
        # after that: the old sums are there
        compares = delay(m, ~flags2.first & flags2.maximum, 3, "compares")
        adds = delay(m, ~flags2.first & ~flags2.maximum, 3, "adds")
        old = Signal(data.ArrayLayout(signed(32), config.columns))
        m.d.comb += old.eq(memory.data)
        for c in range(config.columns):
            bias = Signal(signed(32), name=f"bias_{c}", reset_less=True)
            new = Signal(signed(32), name=f"new_{c}", reset_less=True)
            m.d.sync += [bias.eq(Mux(with_bias, self.bias[c], 0)), new.eq(self.sums[c] + bias)]
            total = Signal(signed(32), name=f"total_{c}", reset_less=True)
            m.d.comb += self.totals[c].eq(total)
            chosen = (self._choose_late if way else self._choose)(m, c, new, old[c], adds, compares)
            with m.If(later.valid | (config.lane_groups == 1)):
                m.d.sync += total.eq(chosen)
        m.d.comb += [
            memory.write.eq(delay(m, writing, way, "write")),
            memory.write_address.eq(slots[4 + 2 * way]),
            memory.write_data.eq(delay(m, self.totals.as_value(), way, "written", reset_less=True)),
        ]
        return m

    def _is_less(self, new, old) -> Value:
        """Whether ``new < old``. What a maximum is taken of are sums of one tile, which fit their own width."""
        bits = self.config.sum_bits
        return (new[:bits].as_signed() - old[:bits].as_signed())[-1]

    def _choose(self, m: Module, c: int, new, old, adds: Signal, compares: Signal) -> Value:
        """Column ``c``'s total: the sum, the larger, or the new one, of a first tile."""
        return Mux(adds, new + old, Mux(compares & self._is_less(new, old), old, new))

    def _choose_late(self, m: Module, c: int, new, old, adds: Signal, compares: Signal) -> Value:
        """The same a cycle later. What is not wanted is cleared, which registers do for nothing, so that four inputs
        choose."""
        added, fresh, before = (
            Signal(signed(bits), name=f"{name}_{c}", reset_less=True)
            for name, bits in (("added", 32), ("fresh", 32), ("before", self.config.sum_bits))
        )
        keeps = Signal(name=f"keeps_{c}")
        m.d.sync += [
            added.eq(Mux(adds, new + old, 0)),
            fresh.eq(Mux(adds, 0, new)),
            before.eq(old),
            keeps.eq(compares & self._is_less(new, old)),
        ]
        return Mux(keeps, before, added | fresh)

    def _add_early(self, m: Module, flags2, flags1, flags0, later, writing: Signal):
        """What is added is chosen a cycle before the addition, and then waits for the sums, not the other way round.

        Fewer registers and less logic, for block RAM without an output register and cores without maxima::

            slot ─► memory ─► ┌────────┐
                     bias ──► │ choose │─► before ─┐
                     sums ──► register ───────────► + ─► total
        """
        config = self.config
        read_slot, write_slot = (Signal(range(config.accumulators), name=f"{name}_slot") for name in ("read", "write"))
        for flags, slot in ((flags2, read_slot), (later, write_slot)):
            with m.If(flags.valid):
                m.d.sync += slot.eq(Mux(flags.start, 0, slot + 1))
        m.submodules.memory = memory = Memory(
            shape=unsigned(32 * config.columns), depth=config.accumulators, init=[], attrs={"no_rw_check": 1}
        )
        read, write = memory.read_port(domain="comb"), memory.write_port()
        word = Signal(data.ArrayLayout(signed(32), config.columns), reset_less=True, attrs=UNDEFINED)
        with m.If(flags1.valid):
            m.d.sync += word.eq(read.data)
        m.d.comb += [
            read.addr.eq(read_slot),
            write.addr.eq(write_slot),
            write.en.eq(writing),
            write.data.eq(self.totals.as_value()),
        ]
        for c in range(config.columns):
            before, sums = Signal(signed(32), name=f"before_{c}"), Signal(signed(config.sum_bits), name=f"sums_{c}")
            total = Signal(signed(32), name=f"total_{c}", reset_less=True)
            m.d.sync += [before.eq(Mux(flags0.first, self.bias[c], word[c])), sums.eq(self.sums[c])]
            m.d.comb += self.totals[c].eq(total)
            with m.If(later.valid):
                m.d.sync += total.eq(sums + before)
